"""The posting lists: ROME -> grid cell -> cards, as five memory-mapped arrays that every worker shares.

    key    u4  ordinal of the occupation * 1 000 000 + cell, strictly increasing
    start  u4  first posting of each key, one more at the end
    lat    f4  degrees, repeated per posting so that a query reads neighbours
    lon    f4
    score  u1  0-255, higher first
    card   u4  primary key in cards.sqlite

Postings are sorted by (key, -score, card). The ordinal is the position of the key in the manifest's sorted list.
Cards without a point are posted in a second, smaller set under (occupation, area) with the same layout; there `lat`
and `lon` are absent.
"""

import mmap
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from widget_server.domain.errors import SnapshotCorrupt
from widget_server.domain.geo import CELLS, cells

U1 = npt.NDArray[np.uint8]
U4 = npt.NDArray[np.uint32]
F4 = npt.NDArray[np.float32]
Value = TypeVar("Value", np.uint8, np.uint16, np.uint32, np.uint64, np.float32)

STRIDE: Final = CELLS
COUNTRY_AREA: Final = 999_999
_REGION_OFFSET: Final = 100_000


def departement_area(code: str) -> int:
    """The number of a département among the areas: its code read in base 36."""
    return int(code, 36)


def region_area(code: str) -> int:
    """The number of a région among the areas."""
    return _REGION_OFFSET + int(code, 36)


class PostingLists(msgspec.Struct, frozen=True, kw_only=True):
    """One set of postings; `keys` are the occupations in the order of their ordinals."""

    keys: tuple[str, ...]
    key: U4
    start: U4
    score: U1
    card: U4
    lat: F4 | None
    lon: F4 | None

    def ordinals(self, keys: Sequence[str]) -> list[int]:
        """The ordinals of those keys that hold something."""
        found = []
        for name in keys:
            # Not searchsorted: it would make an array of all keys on each call.
            place = bisect_left(self.keys, name)
            if place < len(self.keys) and self.keys[place] == name:
                found.append(place)
        return found


class PostingWriter:
    """Collects postings in memory (25 bytes each, compact arrays) and writes them sorted."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._keys = array("I")
        self._areas = array("I")
        self._lats = array("f")
        self._lons = array("f")
        self._scores = array("B")
        self._cards = array("I")

    def __len__(self) -> int:
        return len(self._cards)

    def post(
        self,
        keys: Sequence[str],
        card: int,
        score: int,
        where: tuple[float, float] | int,
        scores: Mapping[str, int] | None = None,
    ) -> None:
        """Post one card under each key, at a point (latitude, longitude) or in an area.

        `scores` are those of single occupations; the others have `score`.
        """
        for key in keys:
            self._keys.append(self._ids.setdefault(key, len(self._ids)))
            self._cards.append(card)
            self._scores.append(scores.get(key.rstrip("="), score) if scores else score)
            if isinstance(where, int):
                self._areas.append(where)
            else:
                self._lats.append(where[0])
                self._lons.append(where[1])

    def write(self, folder: Path) -> tuple[str, ...]:
        """Write the arrays of this set into a folder; returns the occupations in the order of their ordinals."""
        names = sorted(self._ids)
        rank = np.zeros(len(names), dtype=np.uint32)
        rank[[self._ids[name] for name in names]] = np.arange(len(names), dtype=np.uint32)
        points = bool(self._lats)
        write_postings(
            folder,
            ordinal=rank[np.asarray(self._keys, dtype=np.uint32)],
            card=np.asarray(self._cards, dtype=np.uint32),
            score=np.asarray(self._scores, dtype=np.uint8),
            area=None if points else np.asarray(self._areas, dtype=np.uint32),
            lat=np.asarray(self._lats, dtype=np.float32) if points else None,
            lon=np.asarray(self._lons, dtype=np.float32) if points else None,
        )
        return tuple(names)


def write_postings(
    folder: Path,
    *,
    ordinal: U4,
    card: U4,
    score: U1,
    area: U4 | None = None,
    lat: F4 | None = None,
    lon: F4 | None = None,
) -> None:
    """Write one set of postings, given in any order, at points or else in areas. Same postings, same bytes."""
    folder.mkdir()
    if lat is not None and lon is not None:
        cell = cells(lat, lon)
    else:
        cell = area if area is not None else np.empty(0, np.uint32)
    key = ordinal * np.uint32(STRIDE) + cell
    order = np.lexsort((card, 255 - score, key))
    key = key[order]
    first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1]))) if len(key) else np.empty(0, np.int64)
    write_array(folder / "key.npy", key[first])
    write_array(folder / "start.npy", np.append(first, len(key)).astype(np.uint32))
    write_array(folder / "score.npy", score[order])
    write_array(folder / "card.npy", card[order])
    if lat is not None and lon is not None:
        write_array(folder / "lat.npy", lat[order])
        write_array(folder / "lon.npy", lon[order])


def write_array(path: Path, array: npt.NDArray[Value]) -> None:
    """One array as a version 1.0 .npy file: a header of 128 bytes, then little-endian values."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    with path.open("wb") as file:
        np.lib.format.write_array(file, little, version=(1, 0), allow_pickle=False)


def map_array(path: Path, value: type[Value]) -> npt.NDArray[Value]:
    """A file as an array over its mapped pages; `SnapshotCorrupt` unless it has this type and one dimension."""
    expected = np.dtype(value).newbyteorder("<")
    try:
        # np.load takes three times as long: 6 ms of a start, which opens 63 files.
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            begin = file.tell()
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if version != (1, 0) or dtype != expected or len(shape) != 1:
            raise SnapshotCorrupt(f"{path.name}: holds {dtype} in {len(shape)} dimensions, not {value.__name__} in 1")
        # numpy makes no empty array of the end of a buffer.
        array: npt.NDArray[Value] = (
            np.frombuffer(pages, expected, shape[0], begin) if shape[0] else np.empty(0, expected)
        )
    except (OSError, ValueError, EOFError) as error:
        raise SnapshotCorrupt(f"{path.name}: {error}") from error
    return array


def open_postings(
    folder: Path, keys: tuple[str, ...], cards: int, *, points: bool, trusted: bool = False
) -> PostingLists:
    """Map one set of postings and verify what a search relies on, unless it was verified before."""
    with_points = points and bool(keys)
    lists = PostingLists(
        keys=keys,
        key=map_array(folder / "key.npy", np.uint32),
        start=map_array(folder / "start.npy", np.uint32),
        score=map_array(folder / "score.npy", np.uint8),
        card=map_array(folder / "card.npy", np.uint32),
        lat=map_array(folder / "lat.npy", np.float32) if with_points else None,
        lon=map_array(folder / "lon.npy", np.float32) if with_points else None,
    )
    if not trusted:
        verify_postings(lists, cards)
    return lists


def verify_postings(lists: PostingLists, cards: int) -> None:
    """`key` and `start` monotone, `card` in range, coordinates finite and in the cell that the key says."""
    key, start, postings = lists.key, lists.start, len(lists.card)
    problem = ""
    if len(start) != len(key) + 1 or (len(key) and (start[0] != 0 or start[-1] != postings)):
        problem = "start does not cover the postings"
    elif len(key) and (np.any(key[1:] <= key[:-1]) or np.any(start[1:] <= start[:-1])):
        problem = "key or start does not increase"
    elif len(key) and int(key[-1]) >= len(lists.keys) * STRIDE:
        problem = "a key beyond the last occupation"
    elif postings and (int(lists.card.min()) < 1 or int(lists.card.max()) > cards):
        problem = "a posting names no card"
    elif len(lists.score) != postings:
        problem = "score and card differ in length"
    elif lists.lat is not None and lists.lon is not None:
        if len(lists.lat) != postings or len(lists.lon) != postings:
            problem = "coordinates and card differ in length"
        elif not (np.isfinite(lists.lat).all() and np.isfinite(lists.lon).all()):
            problem = "a coordinate is not finite"
        elif np.any(np.repeat(key % STRIDE, (start[1:] - start[:-1]).astype(np.int64)) != cells(lists.lat, lists.lon)):
            problem = "a point lies outside the cell of its key"
    if problem:
        raise SnapshotCorrupt(f"posting lists: {problem}")
