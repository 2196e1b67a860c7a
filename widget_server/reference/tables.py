"""The tables that ship with the package, and their vintages."""

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = Path(__file__).parent / "tables"
NAMES: Final = Path(__file__).parent / "everyday_names.csv"


class Vintage(msgspec.Struct, frozen=True, kw_only=True):
    """What a table holds, of which date, from whom."""

    name: str
    rows: int
    sha256: str
    vintage: str
    source: str
    licence: str


def vintages() -> list[Vintage]:
    """Every table's vintage, for `doctor` and for manifests."""
    return msgspec.json.decode((FOLDER / "vintages.json").read_bytes(), type=list[Vintage])


def rows(name: str) -> Iterator[list[str]]:
    """The rows of a table, without its header."""
    text = gzip.decompress((FOLDER / f"{name}.csv.gz").read_bytes()).decode()
    reader = csv.reader(io.StringIO(text))
    next(reader)
    return reader


def names() -> Iterator[list[str]]:
    """Our own table of everyday names: name, ROME code."""
    reader = csv.reader(io.StringIO(NAMES.read_text("utf-8")))
    next(reader)
    return reader


@dataclass(frozen=True, kw_only=True)
class Naf:
    """Labels of NAF rév. 2, by code with or without its dot."""

    labels: dict[str, str]

    @classmethod
    def load(cls) -> "Naf":
        """Read the table."""
        return cls(labels=dict(rows("naf")))

    def label(self, code: str) -> str | None:
        """The label of a code, None when it is unknown."""
        return self.labels.get(code.replace(".", "").upper())


@dataclass(frozen=True, kw_only=True)
class Certifications:
    """RNCP sheets and their ROME codes; only test rows ship, an operator brings the whole file."""

    by_rncp: dict[str, tuple[str, ...]]

    @classmethod
    def load(cls) -> "Certifications":
        """Read the table."""
        found: dict[str, tuple[str, ...]] = {}
        for rncp, rome in rows("rncp_rome"):
            found[rncp] = (*found.get(rncp, ()), rome)
        return cls(by_rncp=found)

    def romes(self, rncp: str) -> tuple[str, ...]:
        """The ROME codes of a sheet such as "RNCP509", () when it is unknown."""
        return self.by_rncp.get(rncp.upper(), ())
