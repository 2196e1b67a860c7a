"""Drop the cards that say the same thing twice.

Three rules, in this order; what is dropped stays named on the card that stays (`also_on`):

1. within a source, at sync: the source's own twin key (snapshot/shelf.py);
2. two sources of one kind: the same twin key; the source that comes first in the list keeps its card;
3. an offer and a recruiter: the same SIRET, else the same normalised name in the same municipality; the offer stays.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from widget_server.listing.search import Hits
from widget_server.snapshot.shelf import Snapshot

U8 = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class Shelved:
    """The hits of one source, with the snapshot they point into."""

    name: str
    kind: str
    snapshot: Snapshot
    hits: Hits

    def firm(self) -> U8:
        """SIRET of each hit, 0 where unknown."""
        return self.snapshot.columns.firm[self.hits.card - 1]

    def namesake(self) -> U8:
        """Name and municipality of each hit as a number, 0 where unknown."""
        return self.snapshot.columns.namesake[self.hits.card - 1]

    def twin(self) -> U8:
        """Twin key of each hit as a number, 0 where it has none."""
        return self.snapshot.columns.twin[self.hits.card - 1]

    def keeping(self, keep: npt.NDArray[np.bool_]) -> "Shelved":
        """The same with fewer hits."""
        return Shelved(name=self.name, kind=self.kind, snapshot=self.snapshot, hits=self.hits.where(keep))


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What is left of each source, and the cards that were folded away, to be named on those that stay."""

    kept: tuple[Shelved, ...]
    folded: tuple[Shelved, ...]


def merge(found: tuple[Shelved, ...]) -> Merged:
    """Apply rules 2 and 3 to the complete hits of every source, so that counts stay true."""
    kept: list[Shelved] = []
    folded: list[Shelved] = []
    for source in found:
        same = np.zeros(len(source.hits), dtype=bool)
        for other in kept:
            if other.kind == source.kind:
                same |= _among(source.twin(), other.twin())
        if source.kind == "recruiter":
            for other in found:
                if other.kind == "offer":
                    same |= _among(source.firm(), other.firm()) | _among(source.namesake(), other.namesake())
        kept.append(source.keeping(~same))
        if same.any():
            folded.append(source.keeping(same))
    return Merged(kept=tuple(kept), folded=tuple(folded))


def twins_of(source: Shelved, card: int, folded: tuple[Shelved, ...]) -> list[tuple[Shelved, int]]:
    """The folded cards that one listed card stands for, as (source, card)."""
    columns = source.snapshot.columns
    others: list[tuple[Shelved, int]] = []
    for other in folded:
        if other.kind == source.kind and other.name != source.name:
            same = _equal(other.twin(), columns.twin[card - 1])
        elif source.kind == "offer" and other.kind == "recruiter":
            same = _equal(other.firm(), columns.firm[card - 1])
            same |= _equal(other.namesake(), columns.namesake[card - 1])
        else:
            continue
        others.extend((other, int(number)) for number in other.hits.card[same])
    return others


def _among(values: U8, others: U8) -> npt.NDArray[np.bool_]:
    """Which known values occur among the others."""
    known: npt.NDArray[np.bool_] = np.isin(values, others) & (values != 0)
    return known


def _equal(values: U8, value: np.uint64) -> npt.NDArray[np.bool_]:
    same: npt.NDArray[np.bool_] = (values == value) & (values != 0)
    return same
