"""`widget-server forecast …`: the offline pipeline for whoever types it. Everything heavy is imported in its command.

Exit codes: 0 done; 1 a gate, a ceiling or an input said no; 2 wrong usage, or the extra is not installed.
"""

import json
import os
import signal
import sqlite3
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec

import click

from widget_server.domain.errors import ForecastError, SettingError, StageMissing
from widget_server.settings import Settings
from widget_server.snapshot.impressions import ImpressionStore

if TYPE_CHECKING:
    from widget_server.forecast.gates import Canaries
    from widget_server.forecast.pipeline import Published, Terms, Works
    from widget_server.forecast.release import Choice
    from widget_server.forecast.stages import Stage

FOLDER: Final = "forecast"
_EXTRAS: Final = {
    "duckdb": "forecast",
    "xgboost": "forecast",
    "scipy": "forecast",
    "dask": "dask",
    "distributed": "dask",
}
_LOCK: Final = ".lock"

P = ParamSpec("P")


class _AsNeeded(click.Group):
    """Its commands are listed in the order in which a newcomer needs them."""

    _FIRST: Final = ("synth", "run", "ingest", "train", "score", "publish", "rollback")

    def list_commands(self, context: click.Context) -> list[str]:
        return [*self._FIRST, *sorted(self.commands.keys() - set(self._FIRST))]


@click.group(cls=_AsNeeded)
def forecast() -> None:
    """Who is likely to hire an apprentice: from input files to a release of recruiters. Offline, no network.

    \b
    Needs: pip install 'alternance-widget[forecast]'
    A first try, on fictitious inputs:
      widget-server forecast synth economy --over france --size 20000 \\
          --month $(date +%Y-%m)
      widget-server forecast run economy --bootstrap
      widget-server sync recruiters
    Every month, on your own inputs:
      widget-server forecast run FOLDER
    The same step by step:
      widget-server forecast ingest FOLDER
      widget-server forecast train
      widget-server forecast score
      widget-server forecast publish --dry-run
      widget-server forecast publish

    \b
    FOLDER holds inputs.toml and one table of each name (.parquet, .csv or
    .csv.gz; several files as hires-2025.csv, hires-2026.csv):
      establishments   the SIRENE stock, closed establishments included
      hires            siret, month (2026-09), rome, n: contracts added up
      rome_naf         rome, naf, hires
      tension          optional: the survey BMO, with its own header
      fap_rome         optional: fap, rome, weight
      opt_out          optional: siret, since, scope (all or contact)
    inputs.toml:
      day = 2026-12-01                    # what is forecast begins here
      lag_months = 2                      # the newest hires are incomplete
      establishments_as_of = 2026-12-01   # the day of the stock
      source = "deca+sirene"              # for the model card

    Everything is kept in DATA_DIR/forecast. A step whose inputs did not change is not done again. The release in
    place is DATA_DIR/forecast/releases/current, which the source recruiters reads by itself.

    Exit codes: 0 done; 1 a gate, a ceiling or an input said no, and the release in place stays; 2 wrong usage.
    """


# What every command takes.


def _common(command: Callable[P, None]) -> Callable[P, None]:
    """The options of every command, and how its errors become exit codes."""

    @wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            command(*arguments, **options)
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            raise click.UsageError(
                f"this needs {error.name}, which is not installed: pip install 'alternance-widget[{extra}]'"
            ) from error
        except (StageMissing, SettingError) as error:
            raise click.UsageError(str(error)) from error
        except ForecastError as error:
            raise click.ClickException(str(error)) from error

    for option in reversed(
        (
            click.option(
                "--data-dir",
                type=click.Path(path_type=Path),
                help="Instead of DATA_DIR; all is kept in its part forecast/.",
            ),
            click.option(
                "--seed",
                type=click.IntRange(min=0),
                default=0,
                show_default=True,
                help="The same seed and inputs give the same bytes.",
            ),
            click.option(
                "--threads",
                type=click.IntRange(min=1),
                default=None,
                help="All cores by default; no result depends on it.",
            ),
            click.option("--memory", default="3GB", show_default=True, help="Of the database; the rest goes to disk."),
            click.option("--json", "as_json", is_flag=True, help="The outcome as JSON on standard output."),
        )
    ):
        run = option(run)
    return run


def _max_rejects(command: Callable[P, None]) -> Callable[P, None]:
    return click.option(
        "--max-rejects",
        multiple=True,
        metavar="TABLE=SHARE",
        callback=_shares,
        help="Another ceiling for the rejected rows of a table, such as hires=0.02; kept in the manifest.",
    )(command)


def _publishing(command: Callable[P, None]) -> Callable[P, None]:
    for option in reversed(
        (
            click.option(
                "--bootstrap",
                is_flag=True,
                help="The first release: floors stand in for comparisons. Of no effect later.",
            ),
            click.option(
                "--floor",
                "floors",
                multiple=True,
                metavar="GATE=VALUE",
                callback=_shares,
                help="With --bootstrap: what it must reach, such as pairs=100000 or departements=96.",
            ),
            click.option(
                "--override",
                "overrides",
                multiple=True,
                metavar="GATE",
                help="Publish once although this gate is red; never one of who may be shown.",
            ),
            click.option(
                "--because",
                "reasons",
                multiple=True,
                metavar="TEXT",
                help="Why, 20 characters or more; one for each --override, in their order.",
            ),
        )
    ):
        command = option(command)
    return command


def _training(command: Callable[P, None]) -> Callable[P, None]:
    for option in reversed(
        (
            click.option(
                "--rounds",
                type=click.IntRange(min=1),
                default=300,
                show_default=True,
                help="Trees of each of both models.",
            ),
            click.option("--external-memory", is_flag=True, help="Rows stay on disk: less memory, twice the CPU."),
            click.option(
                "--dask", "scheduler", metavar="tcp://HOST:PORT", help="Train on this Dask cluster (extra dask)."
            ),
        )
    ):
        command = option(command)
    return command


def _shares(context: click.Context, parameter: click.Parameter, told: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for each in told:
        name, equals, value = each.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals or not name.strip():
            raise click.BadParameter(f"{each!r} is not NAME=NUMBER, for example hires=0.02")
    return found


# The commands.


@forecast.command(short_help="Files into clean tables.")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@_max_rejects
@_common
@click.pass_obj
def ingest(settings: Settings, /, folder: Path, max_rejects: dict[str, float], **common: object) -> None:
    """Read the files of FOLDER into clean tables; every row is accepted, skipped or rejected, and counted.

    Rejected rows are in DATA_DIR/forecast/inputs/ID/rejects, whole, with their reasons. When a table has more of them
    than its ceiling, nothing is written.

    \b
    Examples:
      widget-server forecast ingest FOLDER
      widget-server forecast ingest FOLDER --max-rejects hires=0.02
    """
    with _works(settings, common) as works:
        from widget_server.forecast.pipeline import ingest_stage

        _tell([ingest_stage(works, folder, max_rejects)], common)


@forecast.command(short_help="Train, test on the past, write the model card.")
@_training
@click.option("--only", type=click.Choice(["backtest"]), help="Keep the newest model and repeat what follows it.")
@_common
@click.pass_obj
def train(
    settings: Settings, /, rounds: int, external_memory: bool, scheduler: str | None, only: str | None, **common: object
) -> None:
    """Train on the newest inputs, test on past semesters, and write the model card.

    The card is DATA_DIR/forecast/models/ID/MODEL_CARD.md, in French, with the results beside those of simpler methods.

    \b
    Examples:
      widget-server forecast train
      widget-server forecast train --only backtest
      widget-server forecast train --dask tcp://10.0.0.5:8786
    """
    with _works(settings, common) as works:
        _tell([_train(works, rounds, external_memory, scheduler, again=only is not None)], common)


@forecast.command(short_help="Score everybody, with reasons.")
@click.option("--no-reasons", is_flag=True, help="Leave the reasons out: they take most of the time.")
@_common
@click.pass_obj
def score(settings: Settings, /, no_reasons: bool, **common: object) -> None:
    """Score everybody alive on the day of the inputs, with reasons for whoever may be shown.

    The scores are DATA_DIR/forecast/scores/ID/scores.parquet; they stay with you.

    \b
    Examples:
      widget-server forecast score
      widget-server forecast score --no-reasons
    """
    with _works(settings, common) as works:
        _tell([_score(settings, works, reasons=not no_reasons)], common)


@forecast.command(short_help="Ask the gates, put a release in place.")
@click.option("--dry-run", is_flag=True, help="Ask the gates, publish nothing.")
@_publishing
@_common
@click.pass_obj
def publish(
    settings: Settings,
    /,
    dry_run: bool,
    bootstrap: bool,
    floors: dict[str, float],
    overrides: tuple[str, ...],
    reasons: tuple[str, ...],
    **common: object,
) -> None:
    """Make a release of the newest scores, ask every gate, and put it in place when none is red.

    A red gate prints the whole table, changes nothing, and exits with 1.

    \b
    Examples:
      widget-server forecast publish --dry-run
      widget-server forecast publish --bootstrap --floor pairs=100000
      widget-server forecast publish --override churn \\
          --because "first file with the whole history of SIRENE"
    """
    with _works(settings, common) as works:
        terms = _terms(settings, bootstrap, floors, overrides, reasons)
        from widget_server.forecast.pipeline import publish_stage

        _tell_published(publish_stage(works, terms, dry_run=dry_run), common)


@forecast.command(short_help="Put an older release in place.")
@click.argument("release", required=False)
@click.option("--because", required=True, metavar="TEXT", help="Why; it is written into the journal.")
@_common
@click.pass_obj
def rollback(settings: Settings, /, release: str | None, because: str, **common: object) -> None:
    """Put an older RELEASE in place, by default the one before; the next sync of recruiters reads it.

    A release is named like its folder in DATA_DIR/forecast/releases; the last four are kept.

    \b
    Examples:
      widget-server forecast rollback --because "wrong hires in November"
      widget-server forecast rollback 2026-10-01-0a1b2c3d --because "..."
    """
    from widget_server.forecast.pipeline import roll_back

    if not because.strip():
        raise click.UsageError("--because is empty; the journal keeps why a release was taken back")
    move = roll_back(_root(settings, common), release, because, datetime.now(UTC))
    if common["as_json"]:
        import msgspec

        click.echo(msgspec.json.encode(move))
        return
    click.echo(f"release {move.after} is in place of {move.before}, because: {move.because}")
    click.echo('to show it: widget-server sync recruiters --accept older --because "..."')


@forecast.command(short_help="What was shown, what explored.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Instead of DATA_DIR.")
@click.option("--json", "as_json", is_flag=True, help="The days as JSON on standard output.")
@click.pass_obj
def showings(settings: Settings, /, data_dir: Path | None, as_json: bool) -> None:
    """How many places of lists held a recruiter, and how many of them were kept for exploration, by day of UTC.

    Servers write what they counted every ten seconds; what a cache in front of them answered they do not see. The
    setting RECRUITERS_EXPLORATION says how many places of first pages are explored.

    \b
    Example:
      widget-server forecast showings
    """
    store = ImpressionStore(data_dir or settings.data_path())
    try:
        days = store.by_day()
    except sqlite3.Error as error:
        raise click.ClickException(f"{store.path}: {error}") from error
    if as_json:
        click.echo(json.dumps([{"day": day, "places": places, "explored": explored} for day, places, explored in days]))
        return
    if not days:
        off = ": IMPRESSIONS is off" if settings.impressions == "off" else ""
        click.echo(f"nothing was counted in {store.path}{off}")
        return
    click.echo(f"{'day':10} {'places':>10} {'explored':>10} {'share':>7}")
    for day, places, explored in days:
        click.echo(f"{day:10} {places:>10} {explored:>10} {explored / places:>7.1%}")


@forecast.command(short_help="Fictitious inputs, to try it.")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--size", type=click.IntRange(min=100), default=100_000, show_default=True, help="Establishments drawn.")
@click.option(
    "--over",
    type=click.Choice(["grid", "france"]),
    default="grid",
    show_default=True,
    help="On a made-up map, or over the communes of France.",
)
@click.option("--month", default=None, metavar="YYYY-MM", help="The month that is forecast; 2026-07 by default.")
@_common
@click.pass_obj
def synth(settings: Settings, /, out: Path, size: int, over: str, month: str | None, **common: object) -> None:
    """Write a fictitious economy into OUT, as the files of an operator, with its truth beside them.

    What is in OUT is replaced.

    \b
    Examples:
      widget-server forecast synth economy --size 20000
      widget-server forecast synth economy --over france --month 2026-12
    """
    from widget_server.forecast.clock import Month
    from widget_server.forecast.economy import Laws
    from widget_server.forecast.synth import write_inputs
    from widget_server.reference.places import Places
    from widget_server.reference.tables import Tables
    from widget_server.sandbox.ground import france

    ground = france(Places.load(Tables(settings.reference_path()))) if over == "france" else None
    try:
        laws = Laws(day=Month.parse(month)) if month else Laws()
    except ValueError as error:
        raise click.UsageError(f"--month: {error}") from error
    rows = write_inputs(out, seed=_number(common["seed"]), size=size, ground=ground, laws=laws)
    if common["as_json"]:
        click.echo(json.dumps({"out": str(out), "rows": dict(rows)}))
        return
    for name, count in rows.items():
        click.echo(f"{name}: {count} rows")
    click.echo(f"everything in {out} is fictitious; next: widget-server forecast run {out} --bootstrap")


@forecast.command(short_help="Quality beside the best possible, and costs.")
@click.option("--only", type=click.Choice(["quality", "costs"]), help="One of the two tables.")
@click.option("--seeds", default="1,2,3", show_default=True, help="Of the economies that quality is measured on.")
@click.option("--size", type=click.IntRange(min=1_000), default=100_000, show_default=True, help="Of each of them.")
@click.option(
    "--other-size",
    type=click.IntRange(min=1_000),
    default=50_000,
    show_default=True,
    help="Of the economies that are told and not judged; never above --size.",
)
@click.option(
    "--particles",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Of both Bayes filters; 512 costs eight times as much.",
)
@click.option(
    "--scale", type=click.FloatRange(0.001, 1), default=1.0, show_default=True, help="Of the sizes of the costs."
)
@click.option(
    "--job",
    "jobs",
    multiple=True,
    metavar="NAME",
    help="One of the costs, may be repeated: train, score, features, whole.",
)
@_common
@click.pass_obj
def bench(
    settings: Settings,
    /,
    only: str | None,
    seeds: str,
    size: int,
    other_size: int,
    particles: int,
    scale: float,
    jobs: tuple[str, ...],
    **common: object,
) -> None:
    """How near to the best possible forecast, on fictitious economies, and what it costs; 1 when a bound is missed.

    Each economy is kept in forecast/bench under DATA_DIR with the table so far (table.txt): the same command goes on
    after a run that was stopped. Costs keep nothing; their targets are for two free cores at --scale 1.

    \b
    Examples:
      widget-server forecast bench --only quality --seeds 1 --size 20000
      widget-server forecast bench --only costs
      widget-server forecast bench --only costs --scale 0.1 --job train
    """
    import msgspec

    from widget_server.forecast.bench import JOBS, measure_costs
    from widget_server.forecast.quality import measure_quality

    unknown = sorted(set(jobs) - set(JOBS))
    if unknown:
        raise click.UsageError(f"--job {', '.join(unknown)}: there are {', '.join(JOBS)}")
    threads = _number(common["threads"]) if common["threads"] else os.cpu_count() or 1
    told: dict[str, object] = {}
    ok = True
    if only != "costs":
        try:
            numbers = [int(each) for each in seeds.split(",")]
        except ValueError as error:
            raise click.UsageError(f"--seeds {seeds!r}: numbers with commas between them, such as 1,2,3") from error
        root = _root(settings, common)
        kept = root / "bench"
        kept.mkdir(parents=True, exist_ok=True)
        quality = measure_quality(
            seeds=numbers,
            size=size,
            other_size=other_size,
            particles=particles,
            threads=threads,
            memory=str(common["memory"]),
            progress=_say,
            kept=kept,
            seen=lambda found: _write_lines(kept / "table.txt", found.lines()),
        )
        synthetic = told["quality"] = quality.synthetic()
        ok = all(check.ok for check in synthetic.checks if check.asked)
        (root / "synthetic.json").write_bytes(msgspec.json.format(msgspec.json.encode(synthetic), indent=1) + b"\n")
        if not common["as_json"]:
            click.echo("\n".join(quality.lines()))
    if only != "quality":
        # A service that is told to end takes along what it began, as somebody's Ctrl-C does.
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        costs = told["costs"] = measure_costs(scale=scale, threads=threads, jobs=jobs, progress=_say)
        ok = ok and costs.ok
        if not common["as_json"]:
            click.echo("\n".join(costs.lines()))
    if common["as_json"]:
        click.echo(_json(told))
    if not ok:
        raise SystemExit(1)


@forecast.command(short_help="The monthly job: all of it.")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@_max_rejects
@_training
@click.option("--no-reasons", is_flag=True, help="Leave the reasons out: they take most of the time.")
@_publishing
@_common
@click.pass_obj
def run(
    settings: Settings,
    /,
    folder: Path,
    max_rejects: dict[str, float],
    rounds: int,
    external_memory: bool,
    scheduler: str | None,
    no_reasons: bool,
    bootstrap: bool,
    floors: dict[str, float],
    overrides: tuple[str, ...],
    reasons: tuple[str, ...],
    **common: object,
) -> None:
    """The monthly job: ingest FOLDER, train, score, publish.

    It prints rows read = accepted + skipped + rejected, the seconds and the peak memory of each step, and the table of
    gates.

    \b
    Examples:
      widget-server forecast run FOLDER --bootstrap
      widget-server forecast run FOLDER
      widget-server forecast run FOLDER --json > outcome.json
    """
    stages: list[Stage] = []
    with _works(settings, common) as works:
        terms = _terms(settings, bootstrap, floors, overrides, reasons)
        from widget_server.forecast.pipeline import ingest_stage, prove, publish_stage

        stages.append(_told(ingest_stage(works, folder, max_rejects), common))
        prove(works)
        stages.append(_told(_train(works, rounds, external_memory, scheduler, again=False), common))
        stages.append(_told(_score(settings, works, reasons=not no_reasons), common))
        published = publish_stage(works, terms)
        _tell_published(published, common, stages)


def _train(works: "Works", rounds: int, external_memory: bool, scheduler: str | None, *, again: bool) -> "Stage":
    from widget_server.forecast.model import Settings as Training
    from widget_server.forecast.pipeline import train_stage

    chosen = Training(rounds=rounds, external_memory=external_memory)
    if scheduler is None:
        return train_stage(works, settings=chosen, again=again)
    from widget_server.forecast.scale_out import DaskTrainer

    with DaskTrainer.connected(scheduler) as trainer:
        return train_stage(works, settings=chosen, trainer=trainer, again=again)


def _score(settings: Settings, works: "Works", *, reasons: bool) -> "Stage":
    from widget_server.forecast.pipeline import score_stage
    from widget_server.forecast.scoring import ScoreSettings

    return score_stage(
        works, settings=ScoreSettings(reasons=reasons, withheld_naf=tuple(_choice(settings).withheld_naf))
    )


# What they share.


@contextmanager
def _works(settings: Settings, common: Mapping[str, object]) -> Iterator["Works"]:
    """The folder of the stages with what the reference tables know; one process at a time."""
    import fcntl

    from widget_server.forecast.backtest import Places
    from widget_server.forecast.ingest import Reference
    from widget_server.forecast.pipeline import Works
    from widget_server.reference.occupations import Occupations
    from widget_server.reference.places import Places as ReferencePlaces
    from widget_server.reference.tables import Tables

    root = _root(settings, common)
    root.mkdir(parents=True, exist_ok=True)
    tables = Tables(settings.reference_path())
    places, occupations = ReferencePlaces.load(tables), Occupations.load(tables)
    communes = places.communes()
    with (root / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingError(f"another forecast works in {root}; wait for its end") from error
        yield Works(
            root=root,
            reference=Reference(
                communes={each.insee: (each.latitude, each.longitude) for each in communes},
                romes={code: occupations.parent(code) for code in occupations.codes()},
                departements=sorted(each.code for each in places.departements()),
            ),
            places=Places(
                people={each.insee: each.population for each in communes},
                regions={each.code: each.region for each in places.departements() if each.region},
            ),
            seed=_number(common["seed"]),
            threads=_number(common["threads"]) if common["threads"] else os.cpu_count() or 1,
            memory=str(common["memory"]),
            keep=settings.forecast_keep_runs,
            progress=_say,
        )


def _root(settings: Settings, common: Mapping[str, object]) -> Path:
    told = common["data_dir"]
    return (told if isinstance(told, Path) else settings.data_path()) / FOLDER


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _choice(settings: Settings) -> "Choice":
    from widget_server.forecast.release import Choice

    told = [each.strip().replace(".", "").upper() for each in settings.forecast_withheld_naf.split(",")]
    return Choice(withheld_naf=tuple(each for each in told if each))


def _canaries(settings: Settings) -> "Canaries":
    """FORECAST_CANARIES_FILE: TOML with two lists of SIRET."""
    from widget_server.forecast.gates import Canaries

    if not settings.forecast_canaries_file:
        return Canaries()
    path = Path(settings.forecast_canaries_file)
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"FORECAST_CANARIES_FILE: {path}: {error}") from error
    lists = {name: told.pop(name, []) for name in ("present", "absent")}
    wrong = [name for name, each in lists.items() if not _all_sirets(each)]
    if told or wrong:
        raise SettingError(
            f"FORECAST_CANARIES_FILE: {path} holds two lists of SIRET, each of 14 digits in quotes: "
            f'present = ["..."] and absent = ["..."]; wrong: {", ".join([*told, *wrong])}'
        )
    return Canaries(present=tuple(lists["present"]), absent=tuple(lists["absent"]))


def _all_sirets(told: object) -> bool:
    return isinstance(told, list) and all(isinstance(each, str) and len(each) == 14 and each.isdigit() for each in told)


def _terms(
    settings: Settings, bootstrap: bool, floors: Mapping[str, float], overrides: Sequence[str], reasons: Sequence[str]
) -> "Terms":
    from widget_server.forecast.gates import FLOORS, problems_of
    from widget_server.forecast.pipeline import Terms

    if len(overrides) != len(reasons):
        raise click.UsageError(
            f"{len(overrides)} --override and {len(reasons)} --because: each override has a reason of its own"
        )
    unknown = sorted(floors.keys() - FLOORS.keys())
    if unknown:
        raise click.UsageError(f"no floor is called {', '.join(unknown)}; there are {', '.join(FLOORS)}")
    given = dict(zip(overrides, reasons, strict=True))
    problems = problems_of(given)
    if problems:
        raise click.UsageError("; ".join(problems))
    return Terms(
        now=datetime.now(UTC),
        choice=_choice(settings),
        canaries=_canaries(settings),
        bootstrap=bootstrap,
        floors=floors,
        overrides=given,
    )


# What they print.


def _write_lines(file: Path, lines: Sequence[str]) -> None:
    """Whole or not at all."""
    aside = file.with_name(f".{file.name}")
    aside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    aside.replace(file)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _told(stage: "Stage", common: Mapping[str, object]) -> "Stage":
    """One stage in lines for a person: rows in and out, seconds, memory."""
    manifest = stage.manifest
    if stage.skipped:
        _say(f"{manifest.stage} {manifest.id}: there already, made {manifest.made}")
    else:
        _say(
            f"{manifest.stage} {manifest.id}: {manifest.seconds:.1f} s, peak {manifest.peak_memory_mb:.0f} MB; "
            + ", ".join(f"{name} {count}" for name, count in manifest.rows.items() if not _is_detail(name))
        )
    return stage


def _is_detail(name: str) -> bool:
    """Rows of single reasons stand in the lines above and in the manifest."""
    return ".rejected." in name or name.endswith((".skipped", ".accepted"))


def _tell(stages: Sequence["Stage"], common: Mapping[str, object]) -> None:
    for stage in stages:
        _told(stage, common)
    if common["as_json"]:
        click.echo(_json({"stages": [_row(stage) for stage in stages]}))
    else:
        for stage in stages:
            click.echo(str(stage.folder))


def _tell_published(published: "Published", common: Mapping[str, object], stages: Sequence["Stage"] = ()) -> None:
    from widget_server.forecast.gates import table

    _say(table(published.verdicts))
    if published.stage is not None:
        _told(published.stage, common)
    if common["as_json"]:
        made = [*stages, *([published.stage] if published.stage else [])]
        told = {
            "stages": [_row(stage) for stage in made],
            "release": published.stage.manifest.id if published.stage else None,
            "in_place_before": published.in_place_before,
            "summary": published.summary,
            "gates": published.verdicts,
        }
        click.echo(_json(told))
        return
    told_pairs = f"{published.summary.establishments} establishments, {published.summary.all_pairs} pairs"
    if published.stage is None:
        click.echo(f"dry run: {told_pairs}; no gate is red, nothing was published")
        return
    was = "was in place already" if published.in_place_before else "is in place"
    click.echo(f"release {published.stage.manifest.id} {was}: {told_pairs}")
    click.echo(str(published.stage.folder / "recruiters.ndjson.gz"))


def _row(stage: "Stage") -> dict[str, object]:
    return {"folder": str(stage.folder), "skipped": stage.skipped, "manifest": stage.manifest}


def _json(told: object) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(told), indent=1).decode()
