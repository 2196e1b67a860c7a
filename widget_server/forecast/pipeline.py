"""The commands of the forecast as stages, each in a folder under ROOT that is whole or not there.

    ROOT/inputs/<id>/     tables/, rejects/      what `ingest` made of the operator's files
    ROOT/models/<id>/     the model, its metrics and its model card
    ROOT/scores/<id>/     scores.parquet, features.parquet
    ROOT/releases/<id>/   recruiters.ndjson.gz, summary.json, gates.json, the card and its page; `current` is a link
    ROOT/opted_out.txt    who asked not to be shown, for every sync of the source, whichever release is in place
    ROOT/synthetic.json   what `bench` found for this version of the code

Each stage takes the newest folder of the stage before it, and is skipped when it is there already.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from widget_server.domain.errors import InputsRefused, StageMissing
from widget_server.forecast.backtest import Places
from widget_server.forecast.clock import Month, Origin
from widget_server.forecast.features import open_tables
from widget_server.forecast.gates import (
    Canaries,
    Evidence,
    Synthetic,
    Verdict,
    check,
    compared,
    judge,
    problems_of,
)
from widget_server.forecast.ingest import COUNTS, Ingested, Reference, files, ingest, read_request
from widget_server.forecast.metrics import METRICS_FILE, read_metrics
from widget_server.forecast.model import Settings, Trainer
from widget_server.forecast.model_card import Story, write_card
from widget_server.forecast.quality import STANDARD, measure_quality
from widget_server.forecast.release import (
    FILE,
    KEPT,
    Choice,
    Move,
    Summary,
    all_releases,
    current_release,
    move_current,
    moves,
    read_summary,
    write_release,
)
from widget_server.forecast.scorers import Progress
from widget_server.forecast.scoring import ScoreSettings, score
from widget_server.forecast.stages import Stage, Value, code_version, hash_of, read_stage, run_stage
from widget_server.forecast.training import backtest_again, train

INPUTS: Final = "inputs"
MODELS: Final = "models"
SCORES: Final = "scores"
RELEASES: Final = "releases"
SYNTHETIC: Final = "synthetic.json"
OPTED_OUT: Final = "opted_out.txt"
GATE_TABLE: Final = "gates.json"
PROOF_SIZE: Final = 20_000
_TABLES: Final = "tables"
_MANY_UNNAMED: Final = 0.1
_BEFORE: Final = {INPUTS: "ingest FOLDER", MODELS: "train", SCORES: "score", RELEASES: "publish"}


@dataclass(frozen=True, kw_only=True)
class Works:
    """Where the stages are, what the reference tables know, and how the work is done.

    keep   folders of inputs, models and scores on disk, rejected rows with them
    """

    root: Path
    reference: Reference
    places: Places
    seed: int = 0
    threads: int = 1
    memory: str = "3GB"
    keep: int = 3
    progress: Progress = print


@dataclass(frozen=True, kw_only=True)
class Terms:
    """On which terms a release is published.

    bootstrap   it is the first one: floors stand in for comparisons
    overrides   gate -> why it may be red, for this release only
    """

    now: datetime
    choice: Choice = field(default_factory=Choice)
    canaries: Canaries = field(default_factory=Canaries)
    bootstrap: bool = False
    floors: Mapping[str, float] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Published:
    """What became of a release: its stage (None of a dry run), the gates, and whether it was in place already."""

    stage: Stage | None
    summary: Summary
    verdicts: list[Verdict]
    in_place_before: bool = False


def ingest_stage(works: Works, folder: Path, ceilings: Mapping[str, float] | None = None) -> Stage:
    """Read the operator's files into clean tables; rejected rows stay in this stage, closed to others."""
    request = read_request(folder)

    def build(out: Path) -> Mapping[str, int]:
        report = ingest(
            folder,
            out / _TABLES,
            out / "rejects",
            works.reference,
            ceilings=ceilings,
            threads=works.threads,
            memory=works.memory,
        )
        rows: dict[str, int] = {}
        for counts in report.tables:
            works.progress(counts.line())
            parts = {"read": counts.read, "accepted": counts.accepted, "skipped": counts.skipped}
            rows |= {f"{counts.table}.{name}": count for name, count in parts.items()}
            rows |= {f"{counts.table}.rejected": counts.rejected, f"{counts.table}.written": counts.written}
            rows |= {f"{counts.table}.rejected.{why}": count for why, count in sorted(counts.rejected_for.items())}
        return rows

    inputs = {path.name: hash_of(path) for path in files(folder) if path.is_file()}
    # The tables of reference decide what is repaired.
    inputs["reference"] = _hash_of(works.reference)
    parameters: dict[str, Value] = {f"ceiling.{name}": share for name, share in sorted((ceilings or {}).items())}
    stage = _newest_now(
        run_stage(
            works.root, INPUTS, build, day=request.origin.first_day, inputs=inputs, parameters=parameters,
            keep=works.keep,
        )
    )  # fmt: skip
    _tell_opted_out(works.root, stage)
    return stage


def _tell_opted_out(root: Path, stage: Stage) -> None:
    """Write down for the source who asked not to be shown: the release in place, or one put back, may be older."""
    with open_tables(stage.folder / _TABLES) as database:
        rows = database.execute("SELECT DISTINCT siret FROM opt_out WHERE scope = 'all' ORDER BY siret").fetchall()
    aside = root / f".{OPTED_OUT}"
    aside.unlink(missing_ok=True)
    aside.touch(mode=0o600)
    aside.write_text("".join(f"{siret}\n" for (siret,) in rows), "ascii")
    aside.replace(root / OPTED_OUT)


def prove(works: Works) -> None:
    """Measure this version of the code on a synthetic economy, once, unless a larger `bench` did: a gate asks for it.

    One seed at PROOF_SIZE, with the bounds that hold at that size; of fictitious companies nobody asks.
    """
    found = _synthetic(works)
    _, _, report = _newest_inputs(works)
    if report.demonstration or (found is not None and found.code == code_version()):
        return
    works.progress(f"this code was not measured yet: one synthetic economy of {PROOF_SIZE} establishments comes first")
    quality = measure_quality(
        seeds=(1,),
        size=PROOF_SIZE,
        economies=(STANDARD,),
        threads=works.threads,
        memory=works.memory,
        progress=works.progress,
    )
    aside = works.root / f".{SYNTHETIC}"
    aside.write_bytes(msgspec.json.format(msgspec.json.encode(quality.synthetic()), indent=1) + b"\n")
    aside.replace(works.root / SYNTHETIC)


def train_stage(
    works: Works, *, settings: Settings | None = None, trainer: Trainer | None = None, again: bool = False
) -> Stage:
    """Train on the newest inputs, or, `again`, repeat what follows training for the newest model; with its card."""
    given, origin, report = _newest_inputs(works)
    tables = given.folder / _TABLES
    chosen = settings or Settings()
    parameters = _flat(asdict(chosen)) | {"inputs": given.manifest.id}
    old = _newest(works, MODELS) if again else None
    if old is not None:
        parameters["boosters_of"] = old.manifest.id

    def build(out: Path) -> Mapping[str, int]:
        more = {
            "settings": chosen, "seed": works.seed, "threads": works.threads, "memory": works.memory,
            "trainer": trainer, "progress": works.progress,
        }  # fmt: skip
        if old is not None:
            rows = backtest_again(tables, old.folder, out, origin, works.places, **more)  # type: ignore[arg-type]
        else:
            rows = train(tables, out, origin, works.places, **more)  # type: ignore[arg-type]
        write_card(out, Story(metrics=read_metrics(out / METRICS_FILE), ingested=report, synthetic=_synthetic(works)))
        return rows

    found = _synthetic(works)
    inputs = _outputs(given, f"{_TABLES}/") | {"places": _hash_of(works.places)}
    inputs |= {SYNTHETIC: _hash_of(found)} if found else {}
    return _newest_now(
        run_stage(
            works.root, MODELS, build, day=origin.first_day, inputs=inputs, parameters=parameters, seed=works.seed,
            keep=works.keep,
        )
    )  # fmt: skip


def score_stage(works: Works, *, settings: ScoreSettings | None = None) -> Stage:
    """Score everybody alive on the day of the newest inputs with the newest model."""
    given, origin, _ = _newest_inputs(works)
    model = _newest(works, MODELS)
    chosen = settings or ScoreSettings()
    parameters = _flat(asdict(chosen)) | {"inputs": given.manifest.id, "model": model.manifest.id}

    def build(out: Path) -> Mapping[str, int]:
        return score(
            given.folder / _TABLES,
            model.folder,
            out,
            origin,
            model_id=model.manifest.id,
            settings=chosen,
            threads=works.threads,
            memory=works.memory,
            progress=works.progress,
        )

    inputs = _outputs(given, f"{_TABLES}/") | {f"model/{name}": each for name, each in _outputs(model, "").items()}
    return _newest_now(
        run_stage(
            works.root, SCORES, build, day=origin.first_day, inputs=inputs, parameters=parameters, seed=works.seed,
            keep=works.keep,
        )
    )  # fmt: skip


def publish_stage(works: Works, terms: Terms, *, dry_run: bool = False) -> Published:
    """Make a release of the newest scores, ask every gate, and put it in place when none is red.

    `GateRed` with the whole table when one is; then nothing of it is left, and the previous release stays. A dry run
    writes nothing that stays.
    """
    problems = problems_of(terms.overrides)
    if problems:
        raise InputsRefused(*problems)
    scores = _newest(works, SCORES)
    given = _named(works, INPUTS, scores)
    # Whoever opted out since the scores were made is in the newest inputs.
    newest, origin, report = _newest_inputs(works)
    if newest.manifest.id.rpartition("-")[0] != scores.manifest.id.rpartition("-")[0]:
        raise StageMissing(
            f"the newest inputs are {newest.manifest.id}, the newest scores are of {given.manifest.id}: "
            "widget-server forecast train, then score"
        )
    model = _named(works, MODELS, scores)
    metrics = read_metrics(model.folder / METRICS_FILE)
    releases = works.root / RELEASES
    before = current_release(releases)
    found = _synthetic(works)
    told: list[tuple[Summary, list[Verdict]]] = []

    def build(out: Path) -> Mapping[str, int]:
        summary = write_release(
            newest.folder / _TABLES,
            scores.folder,
            out,
            origin=origin,
            model=model.manifest.id,
            demonstration=report.demonstration,
            metrics=compared(metrics),
            choice=terms.choice,
            threads=works.threads,
            memory=works.memory,
        )
        unnamed = summary.held["unnamed"]
        if unnamed > _MANY_UNNAMED * (unnamed + summary.establishments):
            works.progress(
                f"{unnamed} establishments are not shown because they have no name or no postcode; most names stand in "
                "denominationUniteLegale of SIRENE's StockUniteLegale: join it to establishments by the first 9 digits "
                "of siret"
            )
        verdicts = judge(
            Evidence(
                new=summary,
                release=out,
                scores=scores.folder,
                tables=newest.folder / _TABLES,
                origin=origin,
                ingested=report,
                metrics=metrics,
                today=terms.now.date(),
                code=code_version(),
                old=read_summary(before) if before else None,
                old_file=before / FILE if before else None,
                synthetic=found,
                bootstrap=terms.bootstrap and before is None,
                floors=terms.floors,
                regions=works.places.regions,
                canaries=terms.canaries,
                withheld_naf=terms.choice.withheld_naf,
            ),
            terms.overrides,
        )
        told.append((summary, verdicts))
        (out / GATE_TABLE).write_bytes(msgspec.json.format(msgspec.json.encode(verdicts), indent=1) + b"\n")
        write_card(
            out,
            Story(metrics=metrics, ingested=report, synthetic=found, summary=summary, verdicts=tuple(verdicts)),
        )
        check(verdicts)
        rows = {"pairs": summary.all_pairs, "establishments": summary.establishments}
        return rows | {f"held.{reason}": count for reason, count in summary.held.items()}

    if dry_run:
        with TemporaryDirectory(dir=works.root, prefix=".dry-") as scratch:
            build(Path(scratch))
        return Published(stage=None, summary=told[0][0], verdicts=told[0][1])
    inputs = _outputs(newest, f"{_TABLES}/") | {f"scores/{name}": each for name, each in _outputs(scores, "").items()}
    inputs |= {"canaries": _hash_of((sorted(terms.canaries.present), sorted(terms.canaries.absent)))}
    parameters = _flat(asdict(terms.choice)) | {
        "model": model.manifest.id, "scores": scores.manifest.id, "inputs": newest.manifest.id,
        **{f"override.{gate}": because.strip() for gate, because in sorted(terms.overrides.items())},
    }  # fmt: skip
    stage = run_stage(
        works.root, RELEASES, build, day=origin.first_day, inputs=inputs, parameters=parameters, seed=works.seed,
        keep=_NEVER_HERE,
    )  # fmt: skip
    if not told:
        verdicts = msgspec.json.decode((stage.folder / GATE_TABLE).read_bytes(), type=list[Verdict])
        told.append((read_summary(stage.folder), verdicts))
    summary, verdicts = told[0]
    if before is not None and before.name == stage.folder.name:
        return Published(stage=stage, summary=summary, verdicts=verdicts, in_place_before=True)
    overridden = [f"{verdict.gate}: {verdict.because}" for verdict in verdicts if verdict.because]
    because = "; ".join([f"published, model {summary.model}", *overridden])
    _newest_now(stage)
    move_current(releases, stage.folder.name, because, terms.now)
    _sweep(releases)
    return Published(stage=stage, summary=summary, verdicts=verdicts)


_NEVER_HERE: Final = 1 << 30  # a release may go only after `current` has moved


def roll_back(root: Path, name: str | None, because: str, now: datetime) -> Move:
    """Put an older release in place: the one before the current one, or a named one. The reason is kept."""
    releases = root / RELEASES
    current = current_release(releases)
    if current is None:
        raise StageMissing("there is no release in place: widget-server forecast publish")
    known = [path.name for path in all_releases(releases)]
    if name is None:
        earlier = [move.before for move in reversed(moves(releases)) if move.after == current.name]
        there = [each for each in earlier if each in known]
        if not there or there[0] is None:
            raise StageMissing(f"nothing was in place before {current.name}; on disk: {', '.join(known)}")
        name = there[0]
    if name not in known:
        raise StageMissing(f"there is no release {name}; on disk: {', '.join(known)}")
    if name == current.name:
        raise StageMissing(f"{name} is in place already; on disk: {', '.join(known)}")
    read_stage(releases / name)
    return move_current(releases, name, because.strip(), now)


def _sweep(releases: Path) -> None:
    """The oldest releases beyond KEPT go, never the one in place."""
    current = current_release(releases)
    others = [path for path in all_releases(releases) if current is None or path.name != current.name]
    for old in others[: max(0, len(others) + 1 - KEPT)]:
        shutil.rmtree(old)


def _newest(works: Works, name: str) -> Stage:
    shelf = works.root / name
    folders = [path for path in shelf.iterdir() if path.is_dir() and path.name[:1] != "."] if shelf.is_dir() else []
    if not folders:
        raise StageMissing(f"there is nothing in {shelf}: widget-server forecast {_BEFORE[name]}")
    folder = max(folders, key=lambda path: (path.stat().st_mtime_ns, path.name))
    return Stage(folder=folder, manifest=read_stage(folder), skipped=True)


def _newest_inputs(works: Works) -> tuple[Stage, Origin, Ingested]:
    given = _newest(works, INPUTS)
    report = msgspec.json.decode((given.folder / _TABLES / COUNTS).read_bytes(), type=Ingested)
    return given, Origin(Month.parse(report.day), report.lag_months), report


def _named(works: Works, name: str, scores: Stage) -> Stage:
    """The stage that the scores were made from."""
    told = str(scores.manifest.parameters["inputs" if name == INPUTS else "model"])
    folder = works.root / name / told
    if not folder.is_dir():
        raise StageMissing(f"{folder} is gone, the newest scores were made from it: widget-server forecast score")
    return Stage(folder=folder, manifest=read_stage(folder), skipped=True)


def _newest_now(stage: Stage) -> Stage:
    """A stage that was asked for is the newest one, though it was made before others."""
    if stage.skipped:
        stage.folder.touch()
    return stage


def _synthetic(works: Works) -> Synthetic | None:
    try:
        return msgspec.json.decode((works.root / SYNTHETIC).read_bytes(), type=Synthetic)
    except FileNotFoundError:
        return None


def _outputs(stage: Stage, prefix: str) -> dict[str, str]:
    return {name: file.sha256 for name, file in stage.manifest.outputs.items() if name.startswith(prefix)}


def _hash_of(value: object) -> str:
    return sha256(msgspec.json.encode(value, order="deterministic", enc_hook=_plain)).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no stable form")


def _flat(settings: Mapping[str, object]) -> dict[str, Value]:
    """Settings as a manifest holds them."""
    return {
        name: value if value is None or isinstance(value, (str, int, float, bool)) else _listed(value)
        for name, value in settings.items()
    }


def _listed(value: object) -> str:
    return ",".join(str(each) for each in value) if isinstance(value, Sequence) else repr(value)
