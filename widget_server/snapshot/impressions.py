"""DATA_DIR/impressions.sqlite: how often each company was shown, by day; nothing of who looked.

    shown(day TEXT, siret TEXT, n INTEGER, explored INTEGER)    a day of UTC, ISO 8601

`n` counts every showing, `explored` those of them whose place was kept for exploration.

Server processes add to it, each in one short transaction; the sync of recruiters reads it to spread the load.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from widget_server.domain.exploration import Showing
from widget_server.domain.spreading import DAYS

FILE_NAME: Final = "impressions.sqlite"
_PATIENCE_S: Final = 10.0
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS shown(day TEXT, siret TEXT, n INTEGER NOT NULL, explored INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY (day, siret)) WITHOUT ROWID"
)
_EXPLORED: Final = "ALTER TABLE shown ADD COLUMN explored INTEGER NOT NULL DEFAULT 0"


class ImpressionStore:
    """The counts on disk. Each call opens the file for itself, so that any thread of any process may call."""

    def __init__(self, data: Path) -> None:
        self.path = data / FILE_NAME

    def add(self, day: date, counts: Mapping[Showing, int]) -> None:
        """Add showings of one day, and drop days that no longer count; `sqlite3.Error` when it cannot be written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._opened()) as database, database:
            database.executemany(
                "INSERT INTO shown VALUES (?, ?, ?, ?) ON CONFLICT (day, siret)"
                " DO UPDATE SET n = n + excluded.n, explored = explored + excluded.explored",
                ((day.isoformat(), siret, n, n if explored else 0) for (siret, explored), n in counts.items()),
            )
            # The day itself and DAYS before it.
            database.execute("DELETE FROM shown WHERE day < ?", ((day - timedelta(days=DAYS)).isoformat(),))

    def before(self, day: date) -> dict[str, int]:
        """The showings of each SIRET in the DAYS days before this one, which is not over; empty when nobody counted."""
        if not self.path.exists():
            return {}
        first = (day - timedelta(days=DAYS)).isoformat()
        with closing(self._opened()) as database:
            rows = database.execute(
                "SELECT siret, sum(n) FROM shown WHERE day >= ? AND day < ? GROUP BY siret", (first, day.isoformat())
            )
            return {str(siret): int(n) for siret, n in rows}

    def by_day(self) -> list[tuple[str, int, int]]:
        """(day, places of recruiters that were shown, how many of them were explored), of each day that is kept."""
        if not self.path.exists():
            return []
        with closing(self._opened()) as database:
            rows = database.execute("SELECT day, sum(n), sum(explored) FROM shown GROUP BY day ORDER BY day")
            return [(str(day), int(places), int(explored)) for day, places, explored in rows]

    def _opened(self) -> sqlite3.Connection:
        """The file with its table, which an older version of this program has made without `explored`."""
        database = sqlite3.connect(self.path, timeout=_PATIENCE_S)
        try:
            database.execute(_TABLE)
            if "explored" not in _columns(database):
                with database:
                    # Whoever has to wait here finds the column when it is its turn.
                    database.execute("BEGIN IMMEDIATE")
                    if "explored" not in _columns(database):
                        database.execute(_EXPLORED)
        except sqlite3.Error:
            database.close()
            raise
        return database


def _columns(database: sqlite3.Connection) -> list[str]:
    return [str(row[1]) for row in database.execute("PRAGMA table_info(shown)")]
