"""Into which searches one is split that has more offers than it shows.

The axes are those of the documentation, in its order; one that was used is not used again. `origineOffre`,
`natureContrat` and the date of creation lose nothing. A `grandDomaine` or a list of ROME codes loses the offers whose
code no list knows yet, and those become no card anyway.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

Params = Mapping[str, str]

DOMAINS: Final = ("A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N")
NESTED_DOMAINS: Final = ("C15", "L14", "M13", "M14", "M15", "M16", "M17", "M18")
"""Read after the letters. Nobody says whether a letter shows them too: a search of them finds that out (is_nested)."""
MOST_CODES: Final = 200
_FIRST_CREATION: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What the axes need to know: every ROME code, and the instant of the harvest."""

    romes: Sequence[str]
    now: datetime


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
    last = (
        datetime.fromisoformat(params["maxCreationDate"])
        if "maxCreationDate" in params
        else bounds.now + timedelta(days=1)
    )
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
COUNTRY_AXES: Final = ("grandDomaine", "codeROME", "origineOffre", "natureContrat", "creation")
"""For the whole country: its first page, unsplit, would need all of them."""
