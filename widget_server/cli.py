"""The command line: serve, sync, snapshots, doctor, settings, sandbox, demo. Heavy imports stay in their command."""

import os
from pathlib import Path

import click

from widget_server import __version__
from widget_server.domain.errors import SettingError, SnapshotError
from widget_server.settings import Settings, describe, read_settings
from widget_server.snapshot.shelf import Shelf


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--settings", "file", type=click.Path(path_type=Path), help="TOML file of settings.")
@click.pass_context
def main(context: click.Context, file: Path | None) -> None:
    """Apprenticeship trainings, offers and likely recruiters in one white-label list."""
    try:
        context.obj = read_settings(os.environ, file)
    except SettingError as error:
        raise click.ClickException(str(error)) from error
    if file is not None:
        os.environ["WIDGET_SETTINGS"] = str(file)


@main.command()
@click.pass_obj
def serve(settings: Settings) -> None:
    """Serve the snapshots of DATA_DIR."""
    import uvicorn

    if settings.workers > 1 and "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        raise click.ClickException(
            "WORKERS is more than 1: set PROMETHEUS_MULTIPROC_DIR to an empty folder, or /metrics shows one worker only"
        )
    uvicorn.run(
        "widget_server.app:from_environment",
        factory=True,
        host=settings.widget_host,
        port=settings.widget_port,
        workers=settings.workers,
        loop="uvloop",
        http="httptools",
        access_log=False,
        server_header=False,
        log_level="warning",
    )


@main.command("settings")
@click.pass_obj
def show_settings(settings: Settings) -> None:
    """List every setting with its value, default and help."""
    for row in describe(settings):
        click.echo(f"{row.name}={row.value}")
        click.echo(f"    {row.help} Default: {row.default or '(empty)'}")


@main.group()
def snapshots() -> None:
    """List, show, compare and roll back the versions on the shelves."""


def _shelf(settings: Settings, source: str) -> Shelf:
    known = [name for name, _ in settings.expected_sources()]
    if source not in known:
        raise click.BadParameter(f"{source!r} is not a source; known: {', '.join(known)}")
    return Shelf(settings.data_path() / source)


@snapshots.command("list")
@click.pass_obj
def list_snapshots(settings: Settings) -> None:
    """Every version of every source; * marks the current one."""
    for name, _ in settings.expected_sources():
        shelf = Shelf(settings.data_path() / name)
        current = shelf.current_version()
        if not shelf.versions():
            click.echo(f"{name}: no version yet; run widget-server sync {name}")
        for version in shelf.versions():
            try:
                manifest = shelf.read_manifest(version)
                told = f"{manifest.counts.cards:>8} cards, as of {manifest.harvest.as_of}"
            except SnapshotError as error:
                told = str(error)
            click.echo(f"{'*' if version == current else ' '} {name} {version} {told}")


@snapshots.command("show")
@click.argument("source")
@click.argument("version", required=False)
@click.pass_obj
def show_snapshot(settings: Settings, source: str, version: str | None) -> None:
    """The manifest of a version, the current one by default."""
    import msgspec

    shelf = _shelf(settings, source)
    wanted = version or shelf.current_version()
    if wanted is None:
        raise click.ClickException(f"{source} has no current version")
    try:
        manifest = shelf.read_manifest(wanted)
    except SnapshotError as error:
        raise click.ClickException(str(error)) from error
    click.echo(msgspec.json.format(msgspec.json.encode(manifest), indent=2))


@snapshots.command("diff")
@click.argument("source")
@click.argument("older")
@click.argument("newer", required=False)
@click.pass_obj
def diff_snapshots(settings: Settings, source: str, older: str, newer: str | None) -> None:
    """What changed between two versions: cards added, removed, changed."""
    shelf = _shelf(settings, source)
    try:
        before = shelf.open(older)
        after = shelf.open(newer or shelf.current_version() or older)
    except SnapshotError as error:
        raise click.ClickException(str(error)) from error
    old = {card.id: hash(card) for card in before.cards.everything()}
    new = {card.id: hash(card) for card in after.cards.everything()}
    added, removed = new.keys() - old.keys(), old.keys() - new.keys()
    changed = [card_id for card_id in old.keys() & new.keys() if old[card_id] != new[card_id]]
    click.echo(f"{source}: {len(added)} added, {len(removed)} removed, {len(changed)} changed, {len(new)} now")
    for sign, ids in (("+", added), ("-", removed), ("~", changed)):
        for card_id in sorted(ids)[:10]:
            click.echo(f"  {sign} {card_id}")


@snapshots.command("rollback")
@click.argument("source")
@click.argument("version")
@click.pass_obj
def rollback(settings: Settings, source: str, version: str) -> None:
    """Make an older version current; running servers pick it up within a second."""
    shelf = _shelf(settings, source)
    try:
        shelf.open(version)
        shelf.move_current(version)
    except SnapshotError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{source} is now at {version}")


if __name__ == "__main__":
    main()
