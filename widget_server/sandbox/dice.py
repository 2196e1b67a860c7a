"""Numbers that look random and depend only on the seed: the same on every machine and for every row alone.

SplitMix64 (Steele, Lea, Flood 2014) over a key of integers, in Python for one row and in numpy for a whole column.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]

_MASK: Final = (1 << 64) - 1
_STEP: Final = 0x9E3779B97F4A7C15
_FIRST: Final = 0xBF58476D1CE4E5B9
_SECOND: Final = 0x94D049BB133111EB


def mix(*keys: int) -> int:
    """64 bits that depend on every key."""
    state = 0
    for key in keys:
        state = (state + key + _STEP) & _MASK
        state = ((state ^ (state >> 30)) * _FIRST) & _MASK
        state = ((state ^ (state >> 27)) * _SECOND) & _MASK
        state ^= state >> 31
    return state


def column(seed: int, stream: int, rows: Numbers) -> Words:
    """64 bits for each row number."""
    state = rows.astype(np.uint64) * np.uint64(_STEP) + np.uint64(mix(seed, stream))
    state = (state ^ (state >> np.uint64(30))) * np.uint64(_FIRST)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(_SECOND)
    return state ^ (state >> np.uint64(31))


def unit(words: Words) -> npt.NDArray[np.float64]:
    """Each word as a number in [0, 1)."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def weighted(words: Words, weights: Sequence[int] | Numbers) -> Numbers:
    """For each word a position in `weights`, drawn in proportion to them; in whole numbers: no rounding differs."""
    sums = np.cumsum(np.asarray(weights, dtype=np.int64))
    drawn = (words >> np.uint64(1)).astype(np.int64) % int(sums[-1])
    return np.searchsorted(sums, drawn, side="right").astype(np.int64)


class Dice:
    """A short sequence of draws for one row."""

    __slots__ = ("_state",)

    def __init__(self, *keys: int) -> None:
        self._state = mix(*keys)

    def below(self, bound: int) -> int:
        """A whole number in [0, bound)."""
        self._state = state = (self._state + _STEP) & _MASK
        state = ((state ^ (state >> 30)) * _FIRST) & _MASK
        state = ((state ^ (state >> 27)) * _SECOND) & _MASK
        return ((state ^ (state >> 31)) * bound) >> 64

    def chance(self, per_thousand: int) -> bool:
        """True that often."""
        return self.below(1000) < per_thousand

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.below(len(items))]

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """Up to `count` different items, in a drawn order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in range(min(count, len(rest)))]
