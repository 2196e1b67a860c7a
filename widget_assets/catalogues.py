"""Write the catalogues: `python -m widget_assets.catalogues` collects every message of the code and the templates.

A message is French in the code: `t("…")`, `t.plural("…", "…", n)`, `mark("…")` and `marks("…", "…")` in Python,
`{{ t("…") }}` in a template. What data bring in our own words (names of facts, reasons) is collected from the sources.
New messages appear in `locale/en/LC_MESSAGES/widget.po` without translation: fill them in and run this again, which
writes the `.mo` that the server reads. The French catalogue holds the plural forms alone.
"""

import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from widget_server.sources.recruiters import REASONS
from widget_server.web.language import DOMAIN, LANGUAGES

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
ROOT: Final = Path(__file__).parents[1]
LOCALE: Final = ROOT / "widget_assets" / "locale"
_KEYWORDS: Final = {"t": (1,), "plural": (1, 2), "mark": (1,), "marks": (1, 2)}
_FACTS: Final = dict.fromkeys(("said", "linked", "listed", "answered"), (2,))
_PLURALS: Final = {"fr": "nplurals=2; plural=(n > 1);", "en": "nplurals=2; plural=(n != 1);"}


def messages() -> list[str | tuple[str, str]]:
    """Every message, one with two forms as a pair, in the order of the alphabet."""
    found: set[str | tuple[str, str]] = set(REASONS.values())
    for path in sorted((ROOT / "widget_server" / "web").glob("*.py")):
        with path.open("rb") as file:
            found |= {_texts(row[1]) for row in extract("python", file, _KEYWORDS)}
    for path in sorted((ROOT / "widget_server" / "sources").rglob("*.py")):
        with path.open("rb") as file:
            found |= {_texts(row[1]) for row in extract("python", file, _FACTS)}
    for path in sorted((ROOT / "widget_assets" / "templates").glob("*.html")):
        with path.open("rb") as file:
            found |= {_texts(row[1]) for row in extract(babel_extract, file, _KEYWORDS)}
    return sorted(found, key=lambda text: text if isinstance(text, str) else text[0])


def _texts(found: str | tuple[str | None, ...]) -> str | tuple[str, str]:
    texts = [found] if isinstance(found, str) else [text for text in found if text]
    return texts[0] if len(texts) == 1 else (texts[0], texts[1])


def made(code: str) -> Catalog:
    """The catalogue of a language: today's messages with the translations that it has so far."""
    path = LOCALE / code / "LC_MESSAGES" / f"{DOMAIN}.po"
    old = read_po(BytesIO(path.read_bytes() if path.is_file() else b""), locale=code)
    catalog = Catalog(locale=code, fuzzy=False)
    for message in messages():
        if code == LANGUAGES[0]:
            # French is what the code says; only the rule of its plural is its own.
            if isinstance(message, tuple):
                catalog.add(message, message)
            continue
        known = old.get(message[0] if isinstance(message, tuple) else message)
        catalog.add(message, known.string if known else "")
    return catalog


def po(code: str) -> bytes:
    """The catalogue as people edit it: no dates and no line numbers, so that two changes seldom meet."""
    catalog = made(code)
    body = BytesIO()
    write_po(body, catalog, no_location=True, omit_header=True, width=120, sort_output=True)
    head = (
        f'msgid ""\nmsgstr ""\n"Language: {code}\\n"\n"MIME-Version: 1.0\\n"\n'
        f'"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {_PLURALS[code]}\\n"\n\n'
    )
    return head.encode() + body.getvalue()


def mo(code: str) -> bytes:
    """The catalogue as the server reads it."""
    body = BytesIO()
    catalog = read_po(BytesIO(po(code)), locale=code)
    # The same messages give the same bytes on any day.
    catalog.creation_date = catalog.revision_date = _NEVER
    write_mo(body, catalog)
    return body.getvalue()


def written() -> dict[Path, bytes]:
    """Every file of the catalogues by its path."""
    files: dict[Path, bytes] = {}
    for code in LANGUAGES:
        folder = LOCALE / code / "LC_MESSAGES"
        files |= {folder / f"{DOMAIN}.po": po(code), folder / f"{DOMAIN}.mo": mo(code)}
    return files


def untranslated(code: str) -> list[str]:
    """The messages that have no translation."""
    return [str(message.id) for message in made(code) if message.id and not message.string]


if __name__ == "__main__":
    for path, body in written().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    missing = untranslated("en")
    for text in missing:
        print(f"to be translated in locale/en/LC_MESSAGES/{DOMAIN}.po: {text}", file=sys.stderr)
    sys.exit(1 if missing else 0)
