"""The command line: serve, sync, forecast, snapshots, doctor, settings, sandbox, demo. Heavy imports stay in theirs."""

import asyncio
import gc
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from widget_server import __version__
from widget_server.domain.errors import SettingError, SnapshotError, WidgetError
from widget_server.settings import Settings, as_markdown, describe, read_settings

if TYPE_CHECKING:
    from widget_server.snapshot.shelf import Shelf, Snapshot

_DRAIN_S = 20
"""How long a server that is told to end may take to finish what it has begun."""


class Commands(click.Group):
    """Commands, of which some are in modules of their own that are imported when they are asked for."""

    _ELSEWHERE: Final = {
        "forecast": "widget_server.forecast_commands",
        "partners": "widget_server.partners",
    }

    def list_commands(self, context: click.Context) -> list[str]:
        """Every name."""
        return sorted([*super().list_commands(context), *self._ELSEWHERE])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of a name; those from elsewhere bear it there too."""
        if name not in self._ELSEWHERE:
            return super().get_command(context, name)
        return cast("click.Command", getattr(import_module(self._ELSEWHERE[name]), name))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
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
    # What a start makes stays. To look for garbage among it took 19 of 196 ms; the application switches this on again.
    gc.disable()
    import uvicorn

    if settings.workers > 1 or "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        _share_metrics()
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
        timeout_graceful_shutdown=_DRAIN_S,
    )


def _share_metrics() -> None:
    """Give the workers a folder for their counters, empty: what an earlier run left would be added to theirs.

    Before a worker imports prometheus, which looks for it then and never again.
    """
    import tempfile

    told = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    folder = Path(told) if told else Path(tempfile.mkdtemp(prefix="alternance-widget-metrics-"))
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.db"):
        left.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


@main.command()
@click.argument("sources", nargs=-1)
@click.option("--json", "report_file", type=click.Path(path_type=Path), help="Write the report to this file, - = here.")
@click.option("--increment", is_flag=True, help="Only what is new since the last sync, where an upstream can tell.")
@click.option("--accept", multiple=True, metavar="RULE", help="Publish although this rail is broken; needs --because.")
@click.option("--because", default="", help="Why the rail may be broken; recorded in the manifest.")
@click.option("--watch", "watched", is_flag=True, help="Stay, and sync every source on its schedule (…_SCHEDULE).")
@click.option("--explain", "explained", metavar="ID", help="Sync nothing; tell why this record is in or out.")
@click.pass_obj
def sync(
    settings: Settings,
    sources: tuple[str, ...],
    report_file: Path | None,
    increment: bool,
    accept: tuple[str, ...],
    because: str,
    watched: bool,
    explained: str | None,
) -> None:
    """Read the upstreams of SOURCES, all by default, into new snapshots."""
    from widget_server.snapshot.guards import GUARDS

    _one_of(watched, explained is not None, bool(report_file or increment or accept or because))
    accepted = _accepted(accept, because, [guard.id for guard in GUARDS])
    if explained is not None:
        _explain(settings, explained, sources)
        return
    if watched:
        _watch(settings, sources)
        return
    import msgspec

    from widget_server.progress import SyncDisplay
    from widget_server.sync.sync import sync as sync_sources

    if report_file is not None and str(report_file) != "-" and not report_file.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {report_file.absolute().parent}", param_hint="--json")
    with SyncDisplay() as display:
        try:
            reports = asyncio.run(
                sync_sources(
                    sources,
                    settings,
                    now=datetime.now(UTC),
                    report=display.step,
                    accept=accepted,
                    increment=increment,
                )
            )
        except SettingError as error:
            raise click.ClickException(str(error)) from error
    told = msgspec.json.format(msgspec.json.encode(reports), indent=2)
    if report_file is not None and str(report_file) == "-":
        click.echo(told)
    elif report_file is not None:
        report_file.write_bytes(told)
    for report in reports:
        if report.ok and report.counts is not None:
            lost = ", ".join(f"{count} {reason}" for reason, count in report.counts.rejected.items()) or "none"
            repeated = f", {report.counts.repeated} repeated" if report.counts.repeated else ""
            noted = ", ".join(f"{count} {code}" for code, count in report.remarks.items())
            remarks = f" remarks: {noted};" if noted else ""
            click.echo(
                f"{report.source}: {report.counts.cards} cards of {report.counts.read} rows,"
                f" {report.counts.merged} merged{repeated}, rejected: {lost};{remarks}"
                f" {report.calls} calls in {report.seconds:.1f} s -> {report.version}",
                err=True,
            )
        else:
            stays = f"; version {report.version} stays" if report.version else ""
            cause = (report.cause or "").removeprefix(f"{report.source}: ")
            click.echo(f"{report.source}: {cause}{stays}", err=True)
    if not all(report.ok for report in reports):
        raise SystemExit(1)


def _one_of(watched: bool, explained: bool, more: bool) -> None:
    """Refuse options of which some would be left unheeded."""
    if (watched and explained) or ((watched or explained) and more):
        raise click.UsageError("--watch and --explain stand alone: no other option goes with them")


def _watch(settings: Settings, sources: tuple[str, ...]) -> None:
    import signal

    from widget_server.progress import SyncDisplay
    from widget_server.sync.sync import SyncReport
    from widget_server.sync.sync import sync as sync_sources
    from widget_server.sync.watch import Job, WallClock, WatchBusy, plans, watch
    from widget_server.upstream.lane import Lanes

    lanes = Lanes()
    display = SyncDisplay(live=False)

    async def run(job: Job) -> SyncReport:
        (report,) = await sync_sources(
            [job.source],
            settings,
            now=datetime.now(UTC),
            report=display.step,
            increment=job.increment,
            lanes=lanes,
        )
        return report

    def say(line: str) -> None:
        click.echo(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {line}", err=True)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        planned = plans(settings)
        unknown = set(sources) - {plan.source for plan in planned}
        if unknown:
            known = ", ".join(plan.source for plan in planned)
            raise SettingError(f"{', '.join(sorted(unknown))} is not in SOURCES, which names: {known}")
        schedule = [plan for plan in planned if not sources or plan.source in sources]
        asyncio.run(
            watch(schedule, settings.data_path(), run, clock=WallClock(), jitter_s=settings.schedule_jitter_s, say=say)
        )
    except (SettingError, WatchBusy) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"cannot work in DATA_DIR: {error}") from error
    except KeyboardInterrupt:
        say("stopped; the current snapshots stay")


def _explain(settings: Settings, row_id: str, sources: tuple[str, ...]) -> None:
    from widget_server.snapshot.explanation import explain
    from widget_server.sources.kit.lists import hidden

    # As it was typed; a number of France Travail alone; as a company that asked not to be shown is noted.
    names = (row_id.strip(), f"ft:{row_id.strip()}", hidden(row_id.strip(), settings.optout_secret))
    found = False
    for name in sources or [name for name, _ in settings.expected_sources()]:
        shelf = _shelf(settings, name)
        version = shelf.current_version()
        if version is None:
            click.echo(f"{name}: no version yet; run widget-server sync {name}")
            continue
        try:
            snapshot = shelf.open(version)
        except SnapshotError as error:
            click.echo(f"{name}: {error}; run widget-server sync {name}")
            continue
        explanations = [explain(each, snapshot) for each in names]
        told = next((each for each in explanations if each.fate != "absent"), explanations[0])
        found |= told.fate != "absent"
        fate = told.fate if told.fate != "absent" else "absent, the upstream did not send it"
        click.echo(f"{name}: {fate} (version {told.version}, data of {told.as_of})")
        for line in told.told:
            click.echo(f"  {line}")
    if not found:
        raise SystemExit(1)


def _accepted(rules: tuple[str, ...], because: str, known: Sequence[str]) -> dict[str, str]:
    unknown = [rule for rule in rules if rule not in known]
    if unknown:
        raise click.BadParameter(f"no rail is called {', '.join(unknown)}; there are: {', '.join(known)}")
    if because and not rules:
        raise click.BadParameter("--because says why a rail may be broken: --accept RULE names the rail")
    if rules and not because.strip():
        raise click.BadParameter("--accept needs --because: the reason is recorded in the manifest")
    return dict.fromkeys(rules, because.strip())


@main.command()
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Same seed and day, same bytes.")
@click.option("--scale", default="default", show_default=True, help="default, large, national, or a factor like 0.05.")
@click.option("--quiet", is_flag=True, help="Do not say where it is and which settings read it.")
@click.pass_obj
def sandbox(settings: Settings, seed: int, scale: str, quiet: bool) -> None:
    """Stand-ins of the upstreams on SANDBOX_PORT: fictitious data, real paths, faults on demand. Loopback only."""
    from widget_server.sandbox.server import serve_sandbox

    try:
        serve_sandbox(port=settings.sandbox_port, seed=seed, scale=scale, say=_unsaid if quiet else click.echo)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--scale") from error
    except OSError as error:
        raise click.ClickException(f"SANDBOX_PORT={settings.sandbox_port} cannot be used: {error}") from error


def _unsaid(told: str) -> None:
    """Say nothing."""


@main.command()
@click.pass_obj
def demo(settings: Settings) -> None:
    """Sandbox, sync, server and example partner pages in one go; Ctrl-C ends all of them."""
    from widget_server.demo import Demo, DemoFailed

    try:
        Demo(settings=settings).run()
    except DemoFailed as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.option("--offline", is_flag=True, help="Call nobody: look at this machine only.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
@click.pass_obj
def doctor(settings: Settings, offline: bool, as_json: bool) -> None:
    """What is there, how old it is, and which setting to change. Exit code 1 when something needs attention."""
    import msgspec

    from widget_server.doctor import Doctor

    marks = {"ok": "ok  ", "note": "note", "attention": "!!  "}
    found = []
    for finding in Doctor(settings=settings, now=datetime.now(UTC), calls=not offline).findings():
        found.append(finding)
        if not as_json:
            remedy = f"\n          {finding.remedy}" if finding.remedy else ""
            click.echo(f"{marks[finding.state]}  {finding.area}, {finding.name}: {finding.told}{remedy}")
    troubles = sum(finding.state == "attention" for finding in found)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    elif troubles:
        click.echo(f"{troubles} thing(s) need attention")
    if troubles:
        raise SystemExit(1)


@main.command()
@click.option("--follow", is_flag=True, help="Stay, and keep the table up to date.")
@click.pass_obj
def status(settings: Settings, follow: bool) -> None:
    """One line per source: what is shown, how old, what the last sync came to, when the next is due."""
    from widget_server.status import show_status

    try:
        show_status(settings, follow=follow)
    except SettingError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"DATA_DIR cannot be read: {error}") from error
    except KeyboardInterrupt:
        click.echo()


@main.command()
@click.argument("numbers", nargs=-1, required=True)
@click.pass_obj
def optout(settings: Settings, numbers: tuple[str, ...]) -> None:
    """Companies that asked not to be shown, by SIRET or SIREN: their hashes go into OPTOUT_FILE."""
    from widget_server.sources.kit.lists import opt_out
    from widget_server.sources.kit.sirene import mistyped

    try:
        added = opt_out(settings, numbers)
    except SettingError as error:
        raise click.ClickException(str(error)) from error
    for number in filter(mistyped, numbers):
        # One wrong digit hides nobody, and nobody sees it in a list of hashes; yet some offers come with such numbers.
        click.echo(f"{number}: its check digit does not fit; is it typed as the company wrote it?", err=True)
    click.echo(f"{added} added to {settings.optout_file}; they leave the list with the next sync.")


@main.command("settings")
@click.option(
    "--markdown", is_flag=True, help="The table of docs/settings.md: defaults, without this installation's values."
)
@click.pass_obj
def show_settings(settings: Settings, markdown: bool) -> None:
    """List every setting with its value, default and help."""
    if markdown:
        click.echo(as_markdown(), nl=False)
        return
    for row in describe(settings):
        click.echo(f"{row.name}={row.value}")
        click.echo(f"    {row.help} Default: {row.default or '(empty)'}")


@main.group()
def reference() -> None:
    """The reference tables: communes, ROME, RNCP. `doctor` prints their vintages."""


@reference.command("refresh")
@click.argument("parts", nargs=-1)
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Read the files of this folder instead of the network.",
)
@click.option("--accept", multiple=True, metavar="RULE", help="Publish although this rail is broken; needs --because.")
@click.option("--because", default="", help="Why the rail may be broken; recorded in the vintages.")
@click.pass_obj
def refresh_reference(
    settings: Settings, parts: tuple[str, ...], folder: Path | None, accept: tuple[str, ...], because: str
) -> None:
    """Newer tables of PARTS (places, rome, rncp; all by default) into REFERENCE_DIR; restart the server after it."""
    from widget_server.sync.referentials import RAILS, refresh

    accepted = _accepted(accept, because, list(RAILS))
    try:
        reports = asyncio.run(refresh(settings, now=datetime.now(UTC), folder=folder, parts=parts, accept=accepted))
    except (WidgetError, OSError) as error:
        raise click.ClickException(str(error)) from error
    for report in reports:
        told = ", ".join(f"{name} {after} rows (before: {before})" for name, (before, after) in report.tables.items())
        cause = (report.cause or "").removeprefix(f"{report.part}: ")
        click.echo(f"{report.part}: {told or f'{cause}; its tables stay'}", err=not report.ok)
    if not all(report.ok for report in reports):
        raise SystemExit(1)


@main.group()
def snapshots() -> None:
    """List, show, compare and roll back the versions on the shelves."""


def _shelf(settings: Settings, source: str) -> "Shelf":
    from widget_server.snapshot.shelf import Shelf

    known = [name for name, _ in settings.expected_sources()]
    if source not in known:
        raise click.BadParameter(f"{source!r} is not a source; known: {', '.join(known)}")
    return Shelf(settings.data_path() / source)


@snapshots.command("list")
@click.pass_obj
def list_snapshots(settings: Settings) -> None:
    """Every version of every source; * marks the current one."""
    for name, _ in settings.expected_sources():
        shelf = _shelf(settings, name)
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
    old, new = _digests(before), _digests(after)
    added, removed = new.keys() - old.keys(), old.keys() - new.keys()
    changed = [card_id for card_id in old.keys() & new.keys() if old[card_id] != new[card_id]]
    click.echo(f"{source}: {len(added)} added, {len(removed)} removed, {len(changed)} changed, {len(new)} now")
    for sign, ids in (("+", added), ("-", removed), ("~", changed)):
        for card_id in sorted(ids)[:10]:
            click.echo(f"  {sign} {card_id}")


def _digests(snapshot: "Snapshot") -> dict[str, bytes]:
    """What every card of a version says, in a few bytes each."""
    import hashlib

    import msgspec

    return {
        card.id: hashlib.blake2b(msgspec.json.encode(card), digest_size=16).digest()
        for card in snapshot.cards.everything()
    }


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
