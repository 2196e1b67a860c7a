"""Turn what upstreams write into plain text that is safe to show, and that names nobody privately."""

import html
import re
import unicodedata
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, urlsplit

import nh3

LONGEST_LINE: Final = 300
LONGEST_TEXT: Final = 30_000
"""Guards against absurd input: the longest texts seen are a third of this."""

CONTACT_MASKED: Final = "[coordonnées masquées : voir la source]"
"""Stands where a text held an e-mail address or a telephone number: personal data never reach a snapshot."""

_MARKUP: Final = re.compile(r"<[a-zA-Z/!?]")
_ENTITY: Final = re.compile(r"&(?:[a-zA-Z][a-zA-Z0-9]{1,30}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_KEPT_TAGS: Final = {"p", "br", "li", "ul", "ol", "div", "tr", "h1", "h2", "h3", "h4", "h5", "h6"}
_ITEM: Final = re.compile(r"<li[^>]*>")
_BREAK: Final = re.compile(r"<br>|</?(?:p|ul|ol|div|tr|h[1-6])>|</li>")
# Control characters but tab and line feed, and the marks that reorder the text around them.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
# Linear whatever the text: an address is tried once for each run of its characters, and never read backwards. The last
# part takes what is glued to an address: "a@b.example%c@d.example".
_SPELLED: Final = r"\s?[(\[{]\s?(?:dot|point|\.)\s?[)\]}]\s?"
_AT: Final = (
    rf"(?:\s?(?:[@\uff20\ufe6b]|[(\[{{]\s?(?:at|a|arobase)\s?[)\]}}])\s?[\w-]++(?:(?:\.|{_SPELLED})[\w-]++)++"
    r"|\sarobase\s[\w-]++(?:(?:\.[\w-]++)++|(?:\spoint\s[\w-]++){1,2}))"
)
_EMAIL: Final = re.compile(rf"(?<![\w.+%-])[\w.+%-]++{_AT}(?:[.+%][\w.+%-]*+{_AT})*+", re.IGNORECASE)
_EMAIL_HINTS: Final = ("@", "(", "[", "{", "robase", "ROBASE", "\uff20", "\ufe6b")
_PICTURE: Final = re.compile(r"@[2-4]x\.\w+$", re.IGNORECASE)
"""The end of the name of a picture for fine screens, which looks like an address."""
# Numbers of France and overseas in the groupings that people write, then those of the neighbours. Dates are found too,
# so that they are stepped over: with an hour or another date behind them they have as many digits, "01/09/2026 08".
_APART: Final = r"(?:\s?[.\-/_|\u00b7\u2010-\u2015]\s?|\s)?"
_FRANCE: Final = r"(?:33|262|590|594|596|508|687|689)"
_NEIGHBOURS: Final = r"(?:32|34|39|41|44|49|351|352|376|377)"
_PHONE: Final = re.compile(
    r"(?<!\d)(?:(?P<date>[0-3]?\d(?P<between>[\s./\-])[01]?\d(?P=between)(?:19|20)\d\d(?!\d))"
    rf"|(?=[0+])(?<!\d[.,])(?:(?:(?:(?:\+\s?|00\s?){_FRANCE}\)?{_APART}(?:\(0\){_APART})?|0\)?\s?)[1-9]\)?"
    rf"(?:(?:{_APART}\d\d){{4}}|\d\d{_APART}\d{{3}}{_APART}\d{{3}}|{_APART}\d{{3}}{_APART}\d{{3}}{_APART}\d\d))"
    rf"|(?:\+\s?|00){_NEIGHBOURS}\)?(?:{_APART}\d){{7,11}})(?!\d))"
)
_LABEL: Final = 120
"""The length of a short text, which may well come again."""
_NOT_IN_URL: Final = re.compile(r"""[\s\x00-\x20<>"'`\\]""")
_GAP: Final = re.compile(r"\n{3,}")
_WORD: Final = re.compile(r"[a-z0-9]+")
_ACCENT: Final = re.compile("[\u0300-\u036f]")
_BROKEN: Final = "ï¿½"
"""U+FFFD read as Latin-1: what some upstream systems left of a character."""


def text(told: str | None) -> str | None:
    """Paragraphs of plain text: markup removed, entities decoded, contacts masked; None when nothing is left."""
    if not told:
        return None
    return _remembered(told) if len(told) <= _LABEL else _cleaned(told)


def line(told: str | None) -> str | None:
    """The same on one line, for titles, names and labels."""
    plain = text(told)
    return None if plain is None else _cut(" ".join(plain.split()), LONGEST_LINE)


def masked(plain: str) -> str:
    """The text with every e-mail address and telephone number replaced."""
    if any(hint in plain for hint in _EMAIL_HINTS):
        plain = _EMAIL.sub(CONTACT_MASKED, plain)
    if "0" in plain or "+" in plain:
        plain = _PHONE.sub(lambda match: match["date"] or CONTACT_MASKED, plain)
    return plain


def names_contact(plain: str) -> bool:
    """Whether a text holds an e-mail address or a telephone number."""
    return masked(plain) != plain


def fold(told: str | None) -> str:
    """Letters and digits only, no case, no accents, œ as oe: how texts are compared. "" for None."""
    if not told:
        return ""
    folded = told.casefold()
    if not folded.isascii():
        decomposed = unicodedata.normalize("NFKD", folded.replace("œ", "oe").replace("æ", "ae"))
        folded = _ACCENT.sub("", decomposed)
    return " ".join(_WORD.findall(folded))


def kebab(told: str) -> str:
    """A text as the last part of an address: "Boulanger (CAP)" -> "boulanger-cap"."""
    return fold(told).replace(" ", "-")[:100] or "detail"


def link(told: str | None) -> str | None:
    """An address that may become a link: absolute, http or https, naming nobody and no credentials; None otherwise."""
    if not told:
        return None
    url = told.strip()
    if len(url) > 2000 or _NOT_IN_URL.search(url):
        return None
    try:
        parts = urlsplit(url)
        host, user = parts.hostname, parts.username
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not host or user is not None:
        return None
    plain = unquote(url)
    return None if "@" in plain and _EMAIL.search(plain) and not _PICTURE.search(plain) else url


def _cleaned(told: str) -> str | None:
    plain = " ".join(told.split()) if _is_plain(told) else _paragraphs(told)
    return _cut(masked(plain), LONGEST_TEXT) or None


# Four in five short texts came before: labels of sectors, diplomas, occupations, towns.
_remembered: Final = lru_cache(maxsize=1 << 14)(_cleaned)


def _is_plain(told: str) -> bool:
    """Whether there is nothing to clean but spaces: true of most short texts, which come by the hundred thousand."""
    return told.isprintable() and "<" not in told and "&" not in told and _BROKEN not in told


def _paragraphs(told: str) -> str:
    plain = _unmarked(told)
    plain = _UNSEEN.sub("", plain.replace("\r\n", "\n").replace("\r", "\n").replace(_BROKEN, "\ufffd"))
    lines = (" ".join(line.split()) for line in plain.split("\n"))
    return _GAP.sub("\n\n", "\n".join(lines)).strip()


def _unmarked(told: str) -> str:
    """Without markup and entities. Two rounds: some systems encode what was encoded already."""
    plain = told
    for _ in range(2):
        if _MARKUP.search(plain):
            plain = nh3.clean(plain, tags=_KEPT_TAGS, attributes={}, link_rel=None)
            plain = html.unescape(_BREAK.sub("\n", _ITEM.sub("\n• ", plain)))
        if not _ENTITY.search(plain):
            break
        plain = html.unescape(plain)
    return plain


def _cut(plain: str, longest: int) -> str:
    return plain if len(plain) <= longest else plain[: longest - 1].rstrip() + "…"
