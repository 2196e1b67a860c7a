"""Drop the cards that say the same thing twice.

Three rules, in this order; what is dropped stays named on the card that stays (`also_on`):

1. within a source, at sync: the same twin key, and adverts of different partners that are alike (domain/duplicates.py);
2. two sources of one kind: the same twin key, else adverts that are alike, each of one source with at most one of the
   other; the source that comes first in the list keeps its card;
3. an offer and a recruiter: the same SIRET, else the same normalised name in the same municipality; the offer stays.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from widget_server.domain.duplicates import ALIKE, LACKING, NUMBER_BITS
from widget_server.listing.search import Hits
from widget_server.snapshot.shelf import Snapshot

U8 = npt.NDArray[np.uint64]
I8 = npt.NDArray[np.int64]
_NUMBERS: Final = np.uint64((1 << NUMBER_BITS) - 1)
_SLOT_BITS: Final = 18
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_NIC: Final = np.uint64(100_000)
"""The five digits of a SIRET that tell the establishments of one company apart."""


class Shelved(msgspec.Struct, frozen=True, kw_only=True):
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


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of each source, and the cards that were folded away, to be named on those that stay.

    alike   (source, card) that stays -> the (source, card) that were folded because their adverts are alike
    """

    kept: tuple[Shelved, ...]
    folded: tuple[Shelved, ...]
    alike: Mapping[tuple[str, int], tuple[tuple[str, int], ...]] = msgspec.field(default_factory=dict)


def merge(found: tuple[Shelved, ...]) -> Merged:
    """Apply rules 2 and 3 to the complete hits of every source, so that counts stay true."""
    kept: list[Shelved] = []
    folded: list[Shelved] = []
    alike: dict[tuple[str, int], tuple[tuple[str, int], ...]] = {}
    for source in found:
        same = np.zeros(len(source.hits), dtype=bool)
        for other in kept:
            if other.kind == source.kind:
                one, two = _pairs(source.twin(), other.twin())
                same[one[~_contradict(source, source.hits.card[one], other, other.hits.card[two])]] = True
                pairs = _alike(source.keeping(~same), other)
                for mine, theirs in pairs:
                    staying = (other.name, theirs)
                    alike[staying] = (*alike.get(staying, ()), (source.name, mine))
                if pairs:
                    same |= np.isin(source.hits.card, [mine for mine, _ in pairs])
        if source.kind == "recruiter":
            for other in found:
                if other.kind == "offer":
                    same |= _among(source.firm(), other.firm()) | _among(source.namesake(), other.namesake())
        kept.append(source.keeping(~same))
        if same.any():
            folded.append(source.keeping(same))
    return Merged(kept=tuple(kept), folded=tuple(folded), alike=alike)


def _alike(source: Shelved, other: Shelved) -> list[tuple[int, int]]:
    """Pairs of cards of two sources whose adverts are one offer: the most alike first, each card in one pair."""
    mine, theirs = source.snapshot.columns, other.snapshot.columns
    if not len(mine.letters) or not len(theirs.letters) or not len(source.hits) or not len(other.hits):
        return []
    one, two = _pairs(source.firm(), other.firm())
    three, four = _pairs(source.namesake(), other.namesake())
    card = source.hits.card[np.concatenate([one, three])] - 1
    beside = other.hits.card[np.concatenate([two, four])] - 1
    known = (mine.postcode[card] > 0) & (theirs.postcode[beside] > 0)
    near = np.where(
        known,
        mine.postcode[card] == theirs.postcode[beside],
        (mine.municipality[card] == theirs.municipality[beside]) & (mine.municipality[card] > 0),
    )
    near &= ~_contradict(source, card + 1, other, beside + 1)
    near &= _compatible(mine.signs[card], theirs.signs[beside])
    card, beside = card[near], beside[near]
    near = _same_words(mine.words[card], theirs.words[beside], mine.letters[card], theirs.letters[beside])
    card, beside = card[near], beside[near]
    likeness = _dice(mine.letters[card], theirs.letters[beside])
    order = np.lexsort((beside, card, -likeness))
    order = order[likeness[order] >= ALIKE]
    taken: set[int] = set()
    given: set[int] = set()
    found: list[tuple[int, int]] = []
    for number, stays in zip((card[order] + 1).tolist(), (beside[order] + 1).tolist(), strict=True):
        if number not in given and stays not in taken:
            given.add(number)
            taken.add(stays)
            found.append((number, stays))
    return found


def _contradict(source: Shelved, card: I8, other: Shelved, beside: I8) -> npt.NDArray[np.bool_]:
    """`duplicates.contradict` for many pairs of cards at once: two known SIREN or two known postcodes that differ."""
    mine, theirs = source.snapshot.columns, other.snapshot.columns
    firm, firm_beside = mine.firm[card - 1], theirs.firm[beside - 1]
    postcode, postcode_beside = mine.postcode[card - 1], theirs.postcode[beside - 1]
    firms: npt.NDArray[np.bool_] = (firm > 0) & (firm_beside > 0) & (firm // _NIC != firm_beside // _NIC)
    places: npt.NDArray[np.bool_] = (postcode > 0) & (postcode_beside > 0) & (postcode != postcode_beside)
    return firms | places


def _pairs(values: U8, others: U8) -> tuple[I8, I8]:
    """The positions of every known value and of each of its equals among the others."""
    order = np.argsort(others, kind="stable")
    low = others[order].searchsorted(values)
    high = others[order].searchsorted(values, side="right")
    times = np.where(values != 0, high - low, 0)
    first = np.repeat(np.arange(len(values)), times)
    within = np.arange(len(first)) - np.repeat(np.cumsum(times) - times, times)
    return first, order[low[first] + within]


def _compatible(one: U8, two: U8) -> npt.NDArray[np.bool_]:
    """`duplicates.compatible` for many pairs at once."""
    both = one & two
    possible: npt.NDArray[np.bool_] = ((one ^ two) & _NUMBERS == 0) & ((both == one) | (both == two))
    return possible


def _same_words(words: U8, other_words: U8, letters: U8, other_letters: U8) -> npt.NDArray[np.bool_]:
    """`duplicates.same_words` for many pairs at once."""
    both = words & other_words
    lacking = np.maximum(_count(letters & ~other_letters), _count(other_letters & ~letters))
    same: npt.NDArray[np.bool_] = (both == words) | (both == other_words) | (lacking <= LACKING)
    return same


def _count(letters: U8) -> I8:
    """How many bits each row has."""
    found: I8 = np.bitwise_count(letters).sum(axis=1, dtype=np.int64)
    return found


def _dice(one: U8, two: U8) -> npt.NDArray[np.float64]:
    """`duplicates.dice` for many pairs at once, one in each row."""
    found: npt.NDArray[np.float64] = 2 * _count(one & two) / np.maximum(_count(one) + _count(two), 1)
    return found


def twins_of(source: Shelved, card: int, merged: Merged) -> list[tuple[Shelved, int]]:
    """The folded cards that one listed card stands for, as (source, card)."""
    columns = source.snapshot.columns
    others: list[tuple[Shelved, int]] = []
    for other in merged.folded:
        if other.kind == source.kind and other.name != source.name:
            found = other.hits.card[_equal(other.twin(), columns.twin[card - 1])]
            numbers = found[~_contradict(other, found, source, np.full(len(found), card))].tolist()
            alike = merged.alike.get((source.name, card), ())
            numbers += [number for name, number in alike if name == other.name]
        elif source.kind == "offer" and other.kind == "recruiter":
            same = _equal(other.firm(), columns.firm[card - 1])
            same |= _equal(other.namesake(), columns.namesake[card - 1])
            numbers = other.hits.card[same].tolist()
        else:
            continue
        others.extend((other, number) for number in numbers)
    return others


def _among(values: U8, others: U8) -> npt.NDArray[np.bool_]:
    """Which known values occur among the others.

    Few do, and a table of bits says quickly which may: 0.1 ms for 10 000 on either side, where `np.isin` takes 2 ms.
    """
    among = np.zeros(len(values), dtype=np.bool_)
    if not len(values) or not len(others):
        return among
    table = np.zeros(1 << _SLOT_BITS, dtype=np.bool_)
    table[_slot(others)] = True
    maybe = np.flatnonzero(table[_slot(values)] & (values != 0))
    if len(maybe):
        ordered = np.sort(others)
        asked = values[maybe]
        among[maybe] = ordered[np.minimum(ordered.searchsorted(asked), len(ordered) - 1)] == asked
    return among


def _slot(values: U8) -> U8:
    """A place in a small table for each value (Knuth's multiplicative hash)."""
    slots: U8 = (values * _SPREAD) >> np.uint64(64 - _SLOT_BITS)
    return slots


def _equal(values: U8, value: np.uint64) -> npt.NDArray[np.bool_]:
    same: npt.NDArray[np.bool_] = (values == value) & (values != 0)
    return same
