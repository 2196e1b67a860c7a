"""What merging and filtering compare of each card, as mapped columns: no card is parsed to be compared.

Position = primary key in cards.sqlite minus 1; 0 means "not known".

    firm          u8  SIRET as a number
    namesake      u8  hash of the compared name and the municipality
    twin          u8  hash of the key under which two entries say the same
    postcode      u4  five digits
    signs, words  u8  what tells two jobs apart (domain/duplicates.py); of adverts only, like the letters
    letters       u8  the letter pairs of the title as 11 words of bits, one card after the other; no value at all where
                      a source brings no adverts
    municipality  u4  INSEE code in base 36, arrondissements under their city
    departement   u2  code in base 36
    level         u1  3-7
    contract      u1  one bit for each contract of domain/cards.py
"""

import hashlib
import sys
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from widget_server.domain.cards import CONTRACTS, Entry
from widget_server.domain.duplicates import PAIRS_OF_LETTERS, company_key, job_of
from widget_server.domain.errors import SnapshotCorrupt
from widget_server.domain.geo import municipality_of
from widget_server.snapshot.index import map_array, write_array

U8 = npt.NDArray[np.uint64]

WORDS: Final = -(-PAIRS_OF_LETTERS // 64)
"""How many words of 64 bits hold the letter pairs of one title."""

_TYPES: Final = {
    "firm": np.uint64,
    "namesake": np.uint64,
    "twin": np.uint64,
    "signs": np.uint64,
    "words": np.uint64,
    "postcode": np.uint32,
    "municipality": np.uint32,
    "departement": np.uint16,
    "level": np.uint8,
    "contract": np.uint8,
}


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """The mapped columns of one snapshot; all have as many values as there are cards."""

    firm: U8
    namesake: U8
    twin: U8
    signs: U8
    words: U8
    letters: U8
    postcode: npt.NDArray[np.uint32]
    municipality: npt.NDArray[np.uint32]
    departement: npt.NDArray[np.uint16]
    level: npt.NDArray[np.uint8]
    contract: npt.NDArray[np.uint8]


def contract_bits(names: Iterable[str]) -> int:
    """The contracts of a card as bits; 0 when it states none."""
    return sum(1 << place for place, name in enumerate(CONTRACTS) if name in names)


def number(code: str | None) -> int:
    """An INSEE or département code as a number; 0 when absent."""
    return int(code, 36) if code else 0


def fingerprint(text: str) -> int:
    """64 bits of a text; 0 only for the empty text."""
    if not text:
        return 0
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") or 1


class ColumnWriter:
    """Collects the columns card by card, in the order of the primary keys."""

    def __init__(self) -> None:
        self._values: dict[str, array[int]] = {name: array(np.dtype(value).char) for name, value in _TYPES.items()}
        self._letters = array("Q")
        self._cards = 0

    def add(self, entry: Entry) -> None:
        """Append one card."""
        organisation, place = entry.card.organisation, entry.card.place
        name = company_key(organisation.name)
        commune = municipality_of(place.insee) if place.insee else ""
        siret = organisation.siret or ""
        values = {
            "firm": int(siret) if siret.isdigit() else 0,
            "namesake": fingerprint(f"{name}|{commune}") if name and commune else 0,
            "twin": fingerprint(entry.twin),
            "signs": 0,
            "words": 0,
            "postcode": int(place.postcode) if place.postcode and place.postcode.isdigit() else 0,
            "municipality": number(commune),
            "departement": number(place.departement),
            "level": entry.card.level or 0,
            "contract": contract_bits(entry.card.contract),
        }
        if entry.partner:
            job = job_of(entry.card.title)
            values["signs"], values["words"] = job.signs, job.words
            self._letters.extend([0] * (self._cards * WORDS - len(self._letters)))
            self._letters.frombytes(job.letters.to_bytes(WORDS * 8, sys.byteorder))
        self._cards += 1
        for column, value in values.items():
            self._values[column].append(value)

    def write(self, folder: Path) -> None:
        """Write one file per column."""
        folder.mkdir()
        for name, values in self._values.items():
            write_array(folder / f"{name}.npy", np.array(values, dtype=_TYPES[name]))
        if self._letters:
            self._letters.extend([0] * (self._cards * WORDS - len(self._letters)))
        write_array(folder / "letters.npy", np.array(self._letters, dtype=np.uint64))


def open_columns(folder: Path, cards: int) -> Columns:
    """Map the columns; `SnapshotCorrupt` unless each has one value per card."""
    letters = map_array(folder / "letters.npy", np.uint64)
    if len(letters) not in (0, cards * WORDS):
        raise SnapshotCorrupt(f"columns/letters.npy: not {WORDS} values per card")
    columns = Columns(
        firm=map_array(folder / "firm.npy", np.uint64),
        namesake=map_array(folder / "namesake.npy", np.uint64),
        twin=map_array(folder / "twin.npy", np.uint64),
        signs=map_array(folder / "signs.npy", np.uint64),
        words=map_array(folder / "words.npy", np.uint64),
        letters=letters.reshape(-1, WORDS),
        postcode=map_array(folder / "postcode.npy", np.uint32),
        municipality=map_array(folder / "municipality.npy", np.uint32),
        departement=map_array(folder / "departement.npy", np.uint16),
        level=map_array(folder / "level.npy", np.uint8),
        contract=map_array(folder / "contract.npy", np.uint8),
    )
    for name in _TYPES:
        if len(getattr(columns, name)) != cards:
            raise SnapshotCorrupt(f"columns/{name}.npy: not one value per card")
    return columns
