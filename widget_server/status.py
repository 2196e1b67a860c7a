"""`widget-server status`: one line per source, for a terminal: what is shown, how old, what the last sync came to."""

import time
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from widget_server.domain.errors import SnapshotError
from widget_server.settings import Settings
from widget_server.snapshot.runs import Run, read_run
from widget_server.snapshot.shelf import Shelf
from widget_server.sources.kit.source import PARIS
from widget_server.sync.watch import is_syncing, is_watched, plans

EVERY_S: Final = 2.0


def show_status(settings: Settings, *, follow: bool) -> None:
    """Print the table once, or keep it up to date until interrupted."""
    console = Console()
    if not follow:
        console.print(_table(settings, datetime.now(UTC)))
        return
    with Live(_table(settings, datetime.now(UTC)), console=console, auto_refresh=False) as live:
        while True:
            time.sleep(EVERY_S)
            live.update(_table(settings, datetime.now(UTC)), refresh=True)


def _table(settings: Settings, now: datetime) -> Table:
    data = settings.data_path()
    watched = is_watched(data)
    title = f"{data}: {'watched' if watched else 'nobody watches (widget-server sync --watch)'}"
    table = Table(
        "source",
        "shown",
        "age",
        "state",
        "last sync (Paris)",
        "next (Paris)",
        title=title,
        title_justify="left",
        box=None,
    )
    schedule = {plan.source: plan for plan in plans(settings)}
    for name, kind in settings.expected_sources():
        shelf = Shelf(data / name)
        shown, age, state = _shown(shelf, settings, kind, now)
        run = read_run(shelf.folder)
        job = schedule[name].next(now)
        coming = f"{job.at.astimezone(PARIS):%d/%m %H:%M}{' (increment)' if job.increment else ''}" if watched else "-"
        table.add_row(name, shown, age, "syncing" if is_syncing(shelf.folder) else state, _last(run), coming)
    return table


def _shown(shelf: Shelf, settings: Settings, kind: str, now: datetime) -> tuple[str, str, str]:
    """Cards, age and state of the current version."""
    version = shelf.current_version()
    if version is None:
        return "nothing", "-", "missing"
    try:
        manifest = shelf.read_manifest(version)
    except SnapshotError as error:
        return "nothing", "-", str(error)
    age_s = (now - datetime.fromisoformat(manifest.harvest.as_of)).total_seconds()
    if age_s >= settings.withheld_after_s(kind):
        state = "withheld"
    else:
        state = "late" if age_s >= settings.late_after_s(kind) else "ok"
    return f"{manifest.counts.cards} cards", _age(age_s), state


def _age(seconds: float) -> str:
    hours = seconds / 3600
    if hours < 1:
        return f"{seconds / 60:.0f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.0f} days"


def _last(run: Run | None) -> str:
    if run is None:
        return "never"
    at = f"{run.ended.astimezone(PARIS):%d/%m %H:%M}"
    return f"{at} ok" if run.ok else f"{at} failed ({run.failures} in a row): {run.cause}"
