"""The tables that ship with the package, row by row."""

import csv
import gzip
import io
from collections.abc import Iterator
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


def names() -> Iterator[list[str]]:
    """Our own table of everyday names: name, ROME code."""
    reader = csv.reader(io.StringIO(NAMES.read_text("utf-8")))
    next(reader)
    return reader
