"""The language of a page: our own words by gettext, with the typography of the language; data keep theirs.

French is what the code says, English is in the catalogue. In a message a space before `: ; ? !`, within guillemets and
between a field and its unit stands for a no-break space, so that sources and catalogues stay easy to read.
"""

import gettext
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from widget_server.web.assets import assets_folder

LANGUAGES: Final = ("fr", "en")
DOMAIN: Final = "widget"
_NBSP: Final = "\u00a0"
_APOSTROPHE: Final = re.compile(r"(?<=\w)'(?=\w)")
_IN_MARKUP: Final = re.compile(r"(?<!<code>)(?<!<pre>)(?<=[>}])[^<>{}]+(?=[<{])")
"""The text between two tags, values or blocks of a template."""
_UNBREAKABLE: Final = re.compile(r" (?=[:;?!»])|(?<=«) |(?<=\}) (?=(?:km|m|j|d|h|mois|months?)\b)")


def mark(text: str) -> str:
    """A message that is translated where it is used: it stands in a table."""
    return text


def marks(one: str, many: str) -> tuple[str, str]:
    """The two forms of a counted message that is translated where it is used."""
    return one, many


@dataclass(frozen=True)
class Words:
    """A text of the page; `french` when it came with the data and so is French on every page."""

    text: str
    french: bool = False


class Language:
    """One language. Call it with a message: `t("Aucun résultat à {km} km", km=30)`."""

    def __init__(self, code: str) -> None:
        folder = assets_folder()[0] / "locale"
        self.code = code
        self._catalogue = gettext.translation(DOMAIN, folder, [code])
        self._texts: dict[str, str] = {}

    def __call__(self, message: str, **values: object) -> str:
        """The message in this language, its `{fields}` filled in."""
        text = self._texts.get(message)
        if text is None:
            text = self._texts[message] = _set(self._catalogue.gettext(message))
        return text.format(**values) if values else text

    def plural(self, one: str, many: str, count: int, **values: object) -> str:
        """The form for a count, which is the field `{n}`: 0 is singular in French and plural in English."""
        return _set(self._catalogue.ngettext(one, many, count)).format(n=self.number(count), **values)

    def number(self, value: int) -> str:
        """12345 -> "12 345" with the narrow space of French, "12,345" in English."""
        return f"{value:,}" if self.code == "en" else f"{value:,}".replace(",", "\u202f")

    def decimal(self, value: float) -> str:
        """2.4 -> "2,4" in French; 2.0 -> "2"."""
        told = f"{value:.1f}".removesuffix(".0")
        return told if self.code == "en" else told.replace(".", ",")

    def known(self, text: str) -> Words:
        """A text that came with the data, such as a reason, translated when the catalogue has it."""
        translated = self._catalogue.gettext(text)
        return Words(translated, french=translated == text)


@lru_cache(maxsize=1024)
def typeset(text: str) -> str:
    """A French sentence of ours that was typed plainly (a help, a rule, a reason), as it is printed.

    For our own words alone: titles, names and texts of a source stay as they came.
    """
    return _set(_APOSTROPHE.sub("’", text))


def typeset_markup(template: str) -> str:
    """A template whose own French words are printed as those of messages are; code and values stay."""
    return _IN_MARKUP.sub(lambda found: _set(found[0]), template)


@cache
def language(code: str) -> Language:
    """The language of a code; French for one that has no catalogue."""
    return Language(code if code in LANGUAGES else LANGUAGES[0])


def _set(text: str) -> str:
    return _UNBREAKABLE.sub(_NBSP, text)
