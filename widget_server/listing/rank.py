"""Mix the kinds into one list: in turn, in the order of the sources, each kind in its own order.

The first card of every kind comes before the second of any, so every kind that has results is among the first cards.
"""

from collections.abc import Sequence


def interleave(lengths: Sequence[int], first: int, count: int) -> list[tuple[int, int]]:
    """The places `first` to `first + count` of the mixed list, as (which kind, place within it).

    >>> interleave([3, 1], 0, 4)
    [(0, 0), (1, 0), (0, 1), (0, 2)]
    """
    places = [(place, kind) for kind, length in enumerate(lengths) for place in range(length)]
    places.sort()
    return [(kind, place) for place, kind in places[first : first + count]]
