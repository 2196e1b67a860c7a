"""Text and paths within SQL, where DuckDB takes no parameters: settings, files, the names of columns."""

from pathlib import Path


def literal(text: str | Path) -> str:
    """A text of SQL: an apostrophe in a path ends no string."""
    return "'" + str(text).replace("'", "''") + "'"
