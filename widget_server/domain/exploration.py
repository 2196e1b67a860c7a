"""Keep a few places for companies that the order would not show, or the forecast learns from nothing but itself.

A company that is shown gets letters, and letters lead to hires: one that is never shown looks rightly left out, for
ever. So who has the last places of a first page, a small share of all its places, is drawn among all companies that
come after the others, without regard to their probability. The rest keeps its order: a page stays sorted, no card is
lost.

Pure and without chance: a day, a grid cell and an occupation have one draw, whoever asks, on every replica. Nothing of
a visitor is in it, and a page can be kept all day long.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

SHARE: Final = 0.03
"""The default share of the places of first pages."""
MOST: Final = 0.2
"""More than this is no exploration any more."""
_WORD: Final = 1 << 64

I8 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint64]


class Showing(NamedTuple):
    """A company in a list; `explored` when its place was kept for exploration."""

    siret: str
    explored: bool = False


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """How much is explored, and on which day."""

    day: date
    share: float = SHARE


def seed_of(day: date, where: str, romes: Sequence[str]) -> int:
    """The seed of one day, of one place (a grid cell, an area) and of what is asked for there."""
    told = f"{day.isoformat()} {where} {','.join(sorted(romes))}"
    return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=8).digest(), "little")


def explored_places(places: int, *, seed: int, share: float) -> int:
    """How many of so many places are explored: the share of them, rounded up or down so that the mean is exact."""
    return min(places, int(places * share + seed / _WORD))


def draw(names: U8, count: int, *, seed: int) -> I8:
    """The positions of `count` of these companies, in their order; all of them when there are fewer.

    A company has the same chance wherever it stands, and one lot for the whole cell and day: neither the exact centre
    of a search nor another order changes it.
    """
    lots = _mixed(names ^ np.uint64(seed))
    found: I8 = np.sort(np.argsort(lots, kind="stable")[:count]).astype(np.int64)
    return found


def _mixed(values: U8) -> U8:
    """Evenly spread numbers, one for each value (the finaliser of SplitMix64)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: U8 = mixed ^ (mixed >> np.uint64(31))
    return found
