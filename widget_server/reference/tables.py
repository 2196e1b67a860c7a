"""The tables that ship with the package, row by row."""

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "tables"
NAMES: Final = Path(__file__).parent / "everyday_names.csv"


def rows(name: str) -> Iterator[list[str]]:
    """The rows of a table, without its header."""
    text = gzip.decompress((FOLDER / f"{name}.csv.gz").read_bytes()).decode()
    reader = csv.reader(io.StringIO(text))
    next(reader)
    return reader


@dataclass(frozen=True, kw_only=True)
class EverydayNames:
    """What people call an occupation, or a whole trade when there are several codes.

    `use` says how often it is looked for by apprentices, from 0 (rare) to 5 (everywhere): our own estimate.
    """

    romes: tuple[str, ...]
    use: int
    names: tuple[str, ...]


def everyday_names() -> Iterator[EverydayNames]:
    """Our own table of everyday names."""
    for romes, use, names in csv.reader(NAMES.read_text("utf-8").splitlines()[1:]):
        yield EverydayNames(romes=tuple(romes.split()), use=int(use), names=tuple(names.split("|")))
