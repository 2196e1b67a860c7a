"""DATA_DIR/visits.sqlite: how often what belongs to each partner was asked for, by day; nothing of who asked.

    asked(day TEXT, partner TEXT, what TEXT, n INTEGER)    a day of UTC, ISO 8601; an identifier of the registry

Server processes add to it, each in one short transaction; `widget-server partners stats` reads it.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Literal

What = Literal["page", "json", "card"]
"""A list as a page, a list as JSON, the page of one card."""
Asked = tuple[str, What]
"""(partner, what)"""

WHATS: Final[tuple[What, ...]] = ("page", "json", "card")
FILE_NAME: Final = "visits.sqlite"
KEPT_DAYS: Final = 400
"""So that a month can be compared with the same of the year before."""
_PATIENCE_S: Final = 10.0
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS asked("
    "day TEXT, partner TEXT, what TEXT, n INTEGER NOT NULL, PRIMARY KEY (day, partner, what)) WITHOUT ROWID"
)


class VisitStore:
    """The counts on disk. Each call opens the file for itself, so that any thread of any process may call."""

    def __init__(self, data: Path) -> None:
        self.path = data / FILE_NAME

    def add(self, day: date, counts: Mapping[Asked, int]) -> None:
        """Add what was asked for on one day, and drop days that are too old; `sqlite3.Error` when that fails."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=_PATIENCE_S)) as database, database:
            database.execute(_TABLE)
            database.executemany(
                "INSERT INTO asked VALUES (?, ?, ?, ?)"
                " ON CONFLICT (day, partner, what) DO UPDATE SET n = n + excluded.n",
                [(day.isoformat(), partner, what, n) for (partner, what), n in counts.items()],
            )
            database.execute("DELETE FROM asked WHERE day < ?", ((day - timedelta(days=KEPT_DAYS)).isoformat(),))

    def since(self, first: date) -> dict[tuple[str, str], dict[str, int]]:
        """What was asked for, by (day, partner) in that order; empty when nobody counted."""
        if not self.path.exists():
            return {}
        found: dict[tuple[str, str], dict[str, int]] = {}
        with closing(sqlite3.connect(self.path, timeout=_PATIENCE_S)) as database:
            database.execute(_TABLE)
            for day, partner, what, n in database.execute(
                "SELECT day, partner, what, n FROM asked WHERE day >= ? ORDER BY day, partner", (first.isoformat(),)
            ):
                found.setdefault((str(day), str(partner)), {})[str(what)] = int(n)
        return found
