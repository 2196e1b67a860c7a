"""Texts that sources compose in our own words (reasons, head counts, estimates), said in the language of the page.

They come with the data, in French. Whole messages and messages with fields are known; anything else stays as it is.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Final

from widget_server.web.language import Language, Words, mark, typeset

_PATTERNS: Final = (
    mark("Estimation du {day}, pour des embauches jusqu'au {until}"),
    mark("1 ou 2 salariés"),
    mark("{least} à {most} salariés"),
    mark("{count} salariés et plus"),
    mark("{count} salariés"),
    mark("Sans salarié"),
    mark("{job} (probabilité de recruter forte)"),
    mark("{job} (probabilité de recruter moyenne)"),
    mark("{job} (probabilité de recruter plus faible)"),
    mark("Oui"),
    mark("Non"),
)
_MONTHS: Final = mark("janvier février mars avril mai juin juillet août septembre octobre novembre décembre")


def known(t: Language, text: str) -> Words:
    """A text that came with the data, translated when it is one of ours."""
    if t.code == "fr":
        return Words(text, french=True)
    exact = t.known(text)
    if not exact.french:
        return exact
    for message, pattern in _compiled():
        found = pattern.fullmatch(text)
        if found:
            read = {name: _FIELDS.get(name, _as_it_is)(t, value) for name, value in found.groupdict().items()}
            return Words(t(message, **read) if read else t(message))
    return exact


def ours(t: Language, text: str) -> Words:
    """The same for a sentence that this service wrote itself, such as a reason: left in French, it is printed well."""
    said = known(t, text)
    return replace(said, text=typeset(said.text)) if said.french else said


def _as_it_is(t: Language, value: str) -> str:
    return value


def _date(t: Language, value: str) -> str:
    """ "1er mai 2027" -> "1 May 2027"."""
    day, month, year = (*value.split(), "", "", "")[:3]
    months = _MONTHS.split()
    if month not in months:
        return value
    return f"{day.removesuffix('er')} {t(_MONTHS).split()[months.index(month)]} {year}"


def _number(t: Language, value: str) -> str:
    """ "10 000" -> "10,000"."""
    digits = re.sub(r"\s", "", value)
    return t.number(int(digits)) if digits.isdigit() else value


_FIELDS: Final[Mapping[str, Callable[[Language, str], str]]] = {
    "day": _date,
    "until": _date,
    "least": _number,
    "most": _number,
    "count": _number,
}


@cache
def _compiled() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (message, re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(message)))) for message in _PATTERNS
    )
