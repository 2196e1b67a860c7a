"""How a sync shows itself in a terminal, and in a log where no terminal is attached."""

import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from widget_server.sync.sync import Step

_EVERY_S: Final = 5.0


class SyncDisplay:
    """A live table on a terminal; elsewhere, or where `live` is false, one line per source every few seconds."""

    def __init__(self, *, live: bool = True) -> None:
        self._lives = live and sys.stderr.isatty()
        self._console = Console(stderr=True)
        self._steps: dict[str, Step] = {}
        self._told: dict[str, float] = {}
        self._live = Live(console=self._console, refresh_per_second=4, get_renderable=self._table)

    def __enter__(self) -> Self:
        if self._lives:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lives:
            self._live.stop()

    def step(self, step: Step) -> None:
        """Take notice of one step of one source."""
        before = self._steps.get(step.source)
        self._steps[step.source] = step
        if self._lives:
            return
        now = time.monotonic()
        changed = before is None or before.phase != step.phase
        if changed or now - self._told.get(step.source, 0.0) >= _EVERY_S:
            self._told[step.source] = now
            sys.stderr.write("  ".join([step.source, *_cells(step)]) + "\n")

    def _table(self) -> Table:
        table = Table("source", "phase", "calls", "rows", "rejected", "rate", "time left", box=None)
        for name, step in self._steps.items():
            table.add_row(name, *_cells(step))
        return table


def _cells(step: Step) -> tuple[str, ...]:
    expected = f"{step.rows} of {step.expected} rows" if step.expected else f"{step.rows} rows"
    left = "" if step.left_s is None else f"{step.left_s:.0f} s left"
    return (
        step.phase,
        f"{step.calls} calls",
        expected,
        f"{step.rejected} rejected",
        f"{step.rows_per_s:.0f} rows/s",
        left,
    )
