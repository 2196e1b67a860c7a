"""What merging and filtering compare of each card, as mapped columns: no card is parsed to be compared.

Position = primary key in cards.sqlite minus 1; 0 means "not known".

    firm          u8  SIRET as a number
    namesake      u8  hash of the normalised name and the municipality
    twin          u8  hash of the key under which two entries say the same
    municipality  u4  INSEE code in base 36, arrondissements under their city
    departement   u2  code in base 36
    level         u1  3-7
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from widget_server.domain.cards import Entry
from widget_server.domain.errors import SnapshotCorrupt
from widget_server.domain.geo import municipality_of
from widget_server.snapshot.index import map_array, write_array

U8 = npt.NDArray[np.uint64]

_TYPES: Final = {
    "firm": np.uint64,
    "namesake": np.uint64,
    "twin": np.uint64,
    "municipality": np.uint32,
    "departement": np.uint16,
    "level": np.uint8,
}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The mapped columns of one snapshot; all have as many values as there are cards."""

    firm: U8
    namesake: U8
    twin: U8
    municipality: npt.NDArray[np.uint32]
    departement: npt.NDArray[np.uint16]
    level: npt.NDArray[np.uint8]


def number(code: str | None) -> int:
    """An INSEE or département code as a number; 0 when absent."""
    return int(code, 36) if code else 0


def fingerprint(text: str) -> int:
    """64 bits of a text; 0 only for the empty text."""
    if not text:
        return 0
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") or 1


def normalised(name: str) -> str:
    """A company name as it is compared: no case, accents or punctuation."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return " ".join(re.findall(r"[a-z0-9]+", "".join(char for char in plain if not unicodedata.combining(char))))


class ColumnWriter:
    """Collects the columns card by card, in the order of the primary keys."""

    def __init__(self) -> None:
        self._values: dict[str, list[int]] = {name: [] for name in _TYPES}

    def add(self, entry: Entry) -> None:
        """Append one card."""
        organisation, place = entry.card.organisation, entry.card.place
        name = normalised(organisation.name or "")
        commune = municipality_of(place.insee) if place.insee else ""
        siret = organisation.siret or ""
        values = {
            "firm": int(siret) if siret.isdigit() else 0,
            "namesake": fingerprint(f"{name}|{commune}") if name and commune else 0,
            "twin": fingerprint(entry.twin),
            "municipality": number(commune),
            "departement": number(place.departement),
            "level": entry.card.level or 0,
        }
        for column, value in values.items():
            self._values[column].append(value)

    def write(self, folder: Path) -> None:
        """Write one file per column."""
        folder.mkdir()
        for name, values in self._values.items():
            write_array(folder / f"{name}.npy", np.array(values, dtype=_TYPES[name]))


def open_columns(folder: Path, cards: int) -> Columns:
    """Map the columns; `SnapshotCorrupt` unless each has one value per card."""
    columns = Columns(
        firm=map_array(folder / "firm.npy", np.uint64),
        namesake=map_array(folder / "namesake.npy", np.uint64),
        twin=map_array(folder / "twin.npy", np.uint64),
        municipality=map_array(folder / "municipality.npy", np.uint32),
        departement=map_array(folder / "departement.npy", np.uint16),
        level=map_array(folder / "level.npy", np.uint8),
    )
    for name in _TYPES:
        if len(getattr(columns, name)) != cards:
            raise SnapshotCorrupt(f"columns/{name}.npy: not one value per card")
    return columns
