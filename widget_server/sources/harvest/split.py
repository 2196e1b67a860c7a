"""Into which searches one is split that has more offers than it shows.

The country is cut into spans of creation dates: every offer has one and it never changes, so that each offer lies in
one span, and spans can be cut to the size of what a search shows. A search that is still too large is split on the axes
of the documentation, in its order; one that was used is not used again. `origineOffre`, `natureContrat` and the date of
creation lose nothing. A `grandDomaine` or a list of ROME codes loses the offers whose code no list knows yet, and those
become no card anyway.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

Params = Mapping[str, str]

DOMAINS: Final = ("A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N")
NESTED_DOMAINS: Final = ("C15", "L14", "M13", "M14", "M15", "M16", "M17", "M18")
"""Read after the letters. Nobody says whether a letter shows them too: a search of them finds that out (is_nested)."""
MOST_CODES: Final = 200
AIMED_AT: Final = 2400
"""Offers of a span, if they are created evenly; days differ, and a search shows no more than 3 150."""
AHEAD: Final = timedelta(days=366)
"""How far the newest offers are searched for: our clock may be the one that is wrong."""
_FIRST_CREATION: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_OLDEST_DAYS: Final = 512


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What the axes need to know: every ROME code, and the instant of the harvest."""

    romes: Sequence[str]
    now: datetime


@dataclass(frozen=True, order=True)
class Span:
    """Offers created from `first` to `last`, both seconds included. Spans that touch share a second."""

    first: datetime
    last: datetime

    def params(self, others: Params) -> Params:
        """A search of it."""
        return {**others, "minCreationDate": told_instant(self.first), "maxCreationDate": told_instant(self.last)}

    def cut(self, count: int) -> list["Span"]:
        """So many equal spans, or as many as it has seconds; the older first."""
        seconds = int((self.last - self.first) / _SECOND)
        count = max(1, min(count, seconds))
        edges = [self.first + timedelta(seconds=seconds * turn // count) for turn in range(count)]
        return [Span(first, last) for first, last in pairwise([*edges, self.last])]

    def without(self, others: Iterable["Span"]) -> list["Span"]:
        """What is left of it."""
        left, first = [], self.first
        for other in sorted(others):
            if other.last <= first or other.first >= self.last:
                continue
            if other.first > first:
                left.append(Span(first, other.first))
            first = max(first, other.last)
        return [*left, Span(first, self.last)] if first < self.last else left


def ages(now: datetime) -> list[Span]:
    """All the past, the older first, each span twice as long as the next one: nobody knows how old offers get."""
    now = now.replace(microsecond=0)
    days = [1]
    while days[-1] < _OLDEST_DAYS:
        days.append(days[-1] * 2)
    edges = [_FIRST_CREATION, *(now - timedelta(days=each) for each in reversed(days)), now]
    return [Span(first, last) for first, last in pairwise(edges)]


def split(params: Params, axes: Iterable[str], bounds: Bounds) -> list[Params]:
    """The searches that show together what one shows, by the first axis that is not used up; none when all are."""
    for axis in axes:
        parts = _AXES[axis](params, bounds)
        if parts:
            return parts
    return []


def is_nested(params: Params) -> bool:
    """Whether another search of the same split may show all of this one."""
    return params.get("grandDomaine") in NESTED_DOMAINS


def told_instant(moment: datetime) -> str:
    """An instant as minCreationDate and maxCreationDate have it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _by_origin(params: Params, _: Bounds) -> list[Params]:
    return [] if "origineOffre" in params else [{**params, "origineOffre": origin} for origin in ("1", "2")]


def _by_nature(params: Params, _: Bounds) -> list[Params]:
    natures = params["natureContrat"].split(",")
    return [{**params, "natureContrat": nature} for nature in natures] if len(natures) > 1 else []


def _by_domain(params: Params, _: Bounds) -> list[Params]:
    if "grandDomaine" in params or "codeROME" in params:
        return []
    return [{**params, "grandDomaine": domain} for domain in (*DOMAINS, *NESTED_DOMAINS)]


def _by_rome(params: Params, bounds: Bounds) -> list[Params]:
    """Batches of the codes of the domain; a batch that is still too large is halved, down to one code."""
    if "codeROME" in params:
        codes = params["codeROME"].split(",")
    else:
        codes = [code for code in bounds.romes if code.startswith(params.get("grandDomaine", ""))]
    if len(codes) < 2:
        return []
    size = min(MOST_CODES, (len(codes) + 1) // 2)
    rest = {name: value for name, value in params.items() if name not in ("grandDomaine", "codeROME")}
    return [{**rest, "codeROME": ",".join(codes[at : at + size])} for at in range(0, len(codes), size)]


def _by_creation(params: Params, bounds: Bounds) -> list[Params]:
    """Halves of the time between the first and the last creation; they share a second, so that none falls between."""
    first = datetime.fromisoformat(params["minCreationDate"]) if "minCreationDate" in params else _FIRST_CREATION
    last = datetime.fromisoformat(params["maxCreationDate"]) if "maxCreationDate" in params else bounds.now + AHEAD
    if last - first <= _SECOND:
        return []
    middle = first + (last - first) / 2
    return [
        {**params, "minCreationDate": told_instant(start), "maxCreationDate": told_instant(end)}
        for start, end in ((middle, last), (first, middle))
    ]


_AXES: Final[Mapping[str, Callable[[Params, Bounds], list[Params]]]] = {
    "origineOffre": _by_origin,
    "natureContrat": _by_nature,
    "grandDomaine": _by_domain,
    "codeROME": _by_rome,
    "creation": _by_creation,
}
AXES: Final = ("origineOffre", "natureContrat", "grandDomaine", "codeROME", "creation")
SPAN_AXES: Final = ("creation", "origineOffre", "natureContrat", "grandDomaine", "codeROME")
"""For spans of creation dates: a shorter one is as good, as long as there is one."""
COUNTRY_AXES: Final = ("grandDomaine", "codeROME", "origineOffre", "natureContrat", "creation")
"""For the whole country, where its spans could not be read: its first page, unsplit, would need all of them."""
