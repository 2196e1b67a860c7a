"""DATA_DIR/impressions.sqlite: how often each company was shown, by day; nothing of who looked.

    shown(day TEXT, siret TEXT, n INTEGER)    a day of UTC, ISO 8601

Server processes add to it, each in one short transaction; the sync of recruiters reads it to spread the load.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from widget_server.domain.spreading import DAYS

FILE_NAME: Final = "impressions.sqlite"
_PATIENCE_S: Final = 10.0
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS shown(day TEXT, siret TEXT, n INTEGER NOT NULL, PRIMARY KEY (day, siret)) WITHOUT ROWID"
)


class ImpressionStore:
    """The counts on disk. Each call opens the file for itself, so that any thread of any process may call."""

    def __init__(self, data: Path) -> None:
        self.path = data / FILE_NAME

    def add(self, day: date, counts: Mapping[str, int]) -> None:
        """Add showings of one day, and drop days that no longer count; `sqlite3.Error` when it cannot be written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=_PATIENCE_S)) as database, database:
            database.execute(_TABLE)
            database.executemany(
                "INSERT INTO shown VALUES (?, ?, ?) ON CONFLICT (day, siret) DO UPDATE SET n = n + excluded.n",
                [(day.isoformat(), siret, n) for siret, n in counts.items()],
            )
            # The day itself and DAYS before it.
            database.execute("DELETE FROM shown WHERE day < ?", ((day - timedelta(days=DAYS)).isoformat(),))

    def before(self, day: date) -> dict[str, int]:
        """The showings of each SIRET in the DAYS days before this one, which is not over; empty when nobody counted."""
        if not self.path.exists():
            return {}
        first = (day - timedelta(days=DAYS)).isoformat()
        with closing(sqlite3.connect(self.path, timeout=_PATIENCE_S)) as database:
            database.execute(_TABLE)
            rows = database.execute(
                "SELECT siret, sum(n) FROM shown WHERE day >= ? AND day < ? GROUP BY siret", (first, day.isoformat())
            )
            return {str(siret): int(n) for siret, n in rows}
