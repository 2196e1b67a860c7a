"""From input files to a release, as an operator types it: outcomes, exit codes, what stays when a gate says no."""

import fcntl
import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import msgspec
import pytest
from click.testing import CliRunner

from widget_server.cli import main
from widget_server.forecast.backtest import Places
from widget_server.forecast.gates import GATES
from widget_server.forecast.ground import grid
from widget_server.forecast.model import Settings
from widget_server.forecast.pipeline import Works, ingest_stage, score_stage, train_stage
from widget_server.forecast.release import FILE, current_release, moves, read_rows
from widget_server.forecast.synth import Dirt, write_inputs
from widget_server.forecast.tables import TABLES
from widget_server.forecast_commands import forecast

REASON = "essai d'une publication refusée"
ROOT = Path(__file__).parents[2]


def run(*arguments: object):
    return CliRunner().invoke(main, ["forecast", *(str(each) for each in arguments)])


def publish(data: Path, *more: object):
    return run("publish", "--data-dir", data, "--threads", 1, *more)


def works_of(data: Path, seed: int = 1) -> Works:
    ground = grid(seed)
    places = Places(people=ground.people(), regions={})
    return Works(
        root=data / "forecast", reference=ground.reference(), places=places, seed=seed, progress=lambda line: None
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The folder of a forecast up to its scores, of a small economy, with a model of few trees."""
    path = tmp_path_factory.mktemp("forecast")
    write_inputs(path / "inputs", seed=1, size=1200, dirt=Dirt(hidden=0.02, opted_out=0.01))
    works = works_of(path / "data")
    ingest_stage(works, path / "inputs")
    train_stage(works, settings=Settings(rounds=6, depth=3))
    score_stage(works)
    return path


@pytest.fixture
def data(made, tmp_path) -> Path:
    """A copy of it, so that each test publishes for itself."""
    shutil.copytree(made / "data", tmp_path / "data", symlinks=True)
    return tmp_path / "data"


# What holds for figures of a model that hardly learnt: its quality is not the claim here.
WEAK = [word for gate in ("precision", "calibration") for word in ("--override", gate, "--because", REASON)]


def test_the_first_release_needs_bootstrap_and_then_is_in_place(data):
    refused = publish(data, *WEAK)
    assert refused.exit_code == 1
    assert "the first one is published with --bootstrap" in refused.output
    assert current_release(data / "forecast/releases") is None

    done = publish(data, "--bootstrap", *WEAK)

    assert done.exit_code == 0, done.output
    release = current_release(data / "forecast/releases")
    assert release is not None
    assert {path.name for path in release.iterdir()} == {
        FILE, "summary.json", "gates.json", "method.json", "manifest.json", "MODEL_CARD.md", "gains.svg", "lorenz.svg",
        "precision.svg", "reliability.svg",
    }  # fmt: skip
    assert str(release / FILE) in done.output
    assert len(list(read_rows(release / FILE))) > 100


def test_a_red_gate_prints_the_whole_table_exits_1_and_leaves_the_release_and_nothing_else(data):
    assert publish(data, "--bootstrap", *WEAK).exit_code == 0
    before = current_release(data / "forecast/releases")
    table = data / "forecast/synthetic.json"

    # Whoever is asked about must be there; the canary is not.
    canaries = data / "canaries.toml"
    canaries.write_text('present = ["00000000000000"]')
    refused = CliRunner(env={"FORECAST_CANARIES_FILE": str(canaries)}).invoke(
        main, ["forecast", "publish", "--data-dir", str(data), "--threads", "1", *WEAK]
    )

    assert refused.exit_code == 1
    assert all(gate.name in refused.output for gate in GATES)
    assert "canaries; the previous release stays" in refused.output
    assert current_release(data / "forecast/releases") == before
    assert [path.name for path in (data / "forecast/releases").glob(".draft*")] == []
    assert not table.exists()


def test_an_override_stands_in_the_manifest_the_journal_and_the_model_card(data):
    assert publish(data, "--bootstrap", *WEAK).exit_code == 0
    release = current_release(data / "forecast/releases")
    verdicts = {row["gate"]: row for row in json.loads((release / "gates.json").read_bytes())}
    overridden = [gate for gate, row in verdicts.items() if row["state"] == "overridden"]

    manifest = json.loads((release / "manifest.json").read_bytes())
    card = (release / "MODEL_CARD.md").read_text("utf-8")

    assert overridden, "the model is weak on purpose"
    for gate in overridden:
        assert manifest["parameters"][f"override.{gate}"] == REASON
        assert f"Contrôle {gate} passé outre" in card
        assert gate in moves(data / "forecast/releases")[-1].because


def test_publishing_the_same_again_changes_nothing(data):
    assert publish(data, "--bootstrap", *WEAK).exit_code == 0
    before = moves(data / "forecast/releases")

    again = publish(data, "--bootstrap", *WEAK)

    assert again.exit_code == 0
    assert "was in place already" in again.output
    assert moves(data / "forecast/releases") == before


def test_a_stock_without_the_names_of_its_companies_is_told_how_to_get_them(made, data, tmp_path):
    nameless = tmp_path / "nameless"
    shutil.copytree(made / "inputs", nameless)
    path = nameless / "establishments.parquet"
    columns = "NULL AS enseigne1Etablissement, NULL AS denominationUsuelleEtablissement"
    with duckdb.connect() as database:
        given = [row[0] for row in database.execute(f"DESCRIBE FROM '{path}'").fetchall()]
        columns += ", NULL AS denominationUniteLegale" if "denominationUniteLegale" in given else ""
        replaced = f"SELECT * REPLACE ({columns}) FROM '{path}' WHERE siret[9] < '5'"
        database.execute(
            f"COPY ({replaced} UNION ALL FROM '{path}' WHERE siret[9] >= '5') TO '{path}.new' (FORMAT parquet)"
        )
    path.with_name(f"{path.name}.new").replace(path)
    named = publish(data, "--dry-run", "--bootstrap", *WEAK)
    ingest_stage(works_of(data), nameless)
    unnamed = publish(data, "--dry-run", "--bootstrap", *WEAK)

    assert "have no name" not in named.output
    assert "denominationUniteLegale of SIRENE's StockUniteLegale" in unnamed.output


def test_who_opted_out_is_told_to_every_sync_with_the_ingest_alone(made, data, tmp_path):
    asked = tmp_path / "asked"
    shutil.copytree(made / "inputs", asked)
    (asked / "opt_out-new.csv").write_text("siret;since;scope\n00000000000001;;all\n00000000000002;;contact\n")
    ingest_stage(works_of(data), asked)
    told = data / "forecast" / "opted_out.txt"

    assert "00000000000001" in told.read_text().split()
    assert "00000000000002" not in told.read_text().split()
    assert told.stat().st_mode & 0o777 == 0o600


def test_a_dry_run_asks_the_gates_and_publishes_nothing(data):
    told = publish(data, "--dry-run", "--bootstrap", *WEAK)

    assert told.exit_code == 0, told.output
    assert "nothing was published" in told.output
    assert not (data / "forecast/releases").exists()


def test_rolling_back_puts_the_one_before_in_place_and_says_why(data):
    assert publish(data, "--bootstrap", *WEAK).exit_code == 0
    first = current_release(data / "forecast/releases")
    env = {"FORECAST_WITHHELD_NAF": ""}
    second = CliRunner(env=env).invoke(main, ["forecast", "publish", "--data-dir", str(data), "--threads", "1", *WEAK])
    assert second.exit_code == 0, second.output
    assert current_release(data / "forecast/releases") != first

    back = run("rollback", "--data-dir", data, "--because", "une région manque")

    assert back.exit_code == 0, back.output
    assert "une région manque" in back.output
    assert current_release(data / "forecast/releases") == first
    assert moves(data / "forecast/releases")[-1].because == "une région manque"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["publish", "--override", "shown", "--because", REASON], "never overridden"),
        (["publish", "--override", "churn"], "each override has a reason of its own"),
        (["publish", "--override", "churn", "--because", "court"], "20 are asked"),
        (["publish", "--floor", "colour=3"], "no floor is called colour"),
        (["publish", "--floor", "pairs"], "is not NAME=NUMBER"),
        (["publish"], "widget-server forecast score"),
        (["score"], "widget-server forecast ingest FOLDER"),
        (["train"], "widget-server forecast ingest FOLDER"),
        (["rollback", "--because", "x"], "widget-server forecast publish"),
        (["rollback"], "--because"),
        (["ingest", "nowhere"], "nowhere"),
    ],
    ids=lambda told: " ".join(told) if isinstance(told, list) else "",
)
def test_wrong_usage_exits_2_and_says_what_would_be_right(tmp_path, arguments, said):
    told = run(arguments[0], "--data-dir", tmp_path, *arguments[1:])

    assert told.exit_code == 2
    assert said in told.output


def test_an_input_that_cannot_be_used_exits_1_before_anything_is_written(tmp_path):
    write_inputs(tmp_path / "inputs", seed=1, size=300)
    (tmp_path / "inputs/hires.parquet").rename(tmp_path / "hires.parquet")

    told = run("run", tmp_path / "inputs", "--data-dir", tmp_path / "data", "--bootstrap")

    assert told.exit_code == 1
    assert "there is no hires" in told.output
    assert [path.name for path in (tmp_path / "data/forecast").rglob("*") if path.is_file()] == [".lock"]


def test_rejected_rows_are_closed_to_others_and_no_log_shows_them(tmp_path):
    write_inputs(tmp_path / "inputs", seed=1, size=2000, dirt=Dirt(bad_rows=1))

    told = run(
        "ingest", tmp_path / "inputs", "--data-dir", tmp_path / "data", "--threads", 1,
        *(word for table in ("establishments", "hires", "hires.siret_unknown", "tension", "rome_naf", "fap_rome")
          for word in ("--max-rejects", f"{table}=0.5")),
    )  # fmt: skip

    assert told.exit_code == 0, told.output
    rejects = sorted((tmp_path / "data/forecast/inputs").glob("*/rejects/*.csv"))
    assert rejects
    assert {path.stat().st_mode & 0o777 for path in rejects} == {0o600}
    assert {path.parent.stat().st_mode & 0o777 for path in rejects} == {0o700}
    rows = [line for path in rejects for line in path.read_text("utf-8").splitlines()[1:]]
    assert rows
    assert not any(line in told.output for line in rows)
    manifest = json.loads(next((tmp_path / "data/forecast/inputs").glob("*/manifest.json")).read_bytes())
    assert manifest["parameters"]["ceiling.hires"] == 0.5
    assert any(".rejected." in name for name in manifest["rows"])


def test_no_past_count_of_an_establishment_leaves_by_release_card_or_manifest(made, data):
    """The release of somebody with a remarkable number of hires does not hold that number."""
    assert publish(data, "--bootstrap", *WEAK).exit_code == 0
    release = current_release(data / "forecast/releases")
    fields = {name for row in read_rows(release / FILE) for name in msgspec.to_builtins(row)}

    assert fields <= {
        "siret", "name", "naf", "headcount", "address", "postcode", "commune", "lat", "lon", "expected_hires", "romes",
        "reasons", "contact",
    }  # fmt: skip
    shown = {row.siret for row in read_rows(release / FILE)}
    for path in release.iterdir():
        if path.name != FILE:
            text = path.read_text("utf-8")
            assert not any(siret in text for siret in shown), path.name


def test_the_same_inputs_and_seed_give_the_same_bytes_whatever_the_threads(made, tmp_path):
    def digest(threads: int) -> dict[str, str]:
        works = replace(works_of(tmp_path / str(threads)), threads=threads)
        ingest_stage(works, made / "inputs")
        train_stage(works, settings=Settings(rounds=3, depth=2))
        score_stage(works)
        told = publish(works.root.parent, "--threads", threads, "--seed", 1, "--bootstrap", *WEAK)
        assert told.exit_code == 0, told.output
        return {
            str(path.relative_to(works.root)): path.read_bytes().hex()
            for path in works.root.rglob("*")
            if path.is_file() and path.name not in ("manifest.json", "journal.ndjson", ".lock")
            and "current" not in path.parts
        }  # fmt: skip

    one, two = digest(1), digest(2)

    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_json_tells_stages_gates_and_the_release(data):
    told = CliRunner().invoke(
        main, ["forecast", "publish", "--data-dir", str(data), "--threads", "1", "--bootstrap", "--json", *WEAK]
    )

    said = json.loads(told.stdout)
    assert said["release"] == current_release(data / "forecast/releases").name
    assert [row["gate"] for row in said["gates"]] == [gate.name for gate in GATES]
    assert said["stages"][0]["manifest"]["seconds"] >= 0
    assert said["stages"][0]["manifest"]["peak_memory_mb"] > 0


def test_only_one_forecast_works_in_a_folder(data):
    with (data / "forecast/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = publish(data, "--bootstrap", *WEAK)

    assert told.exit_code == 2
    assert "another forecast works in" in told.output


def test_the_oldest_of_more_than_four_releases_goes_and_never_the_one_in_place(data):
    assert publish(data, "--bootstrap", *WEAK).exit_code == 0
    for nth in range(4):
        told = CliRunner(env={"FORECAST_WITHHELD_NAF": f"0{nth}"}).invoke(
            main, ["forecast", "publish", "--data-dir", str(data), "--threads", "1", *WEAK]
        )
        assert told.exit_code == 0, told.output
    releases = data / "forecast/releases"

    folders = [path for path in releases.iterdir() if path.is_dir() and not path.is_symlink()]

    assert len(folders) == 4
    assert current_release(releases) in [path.resolve() for path in folders]


@pytest.mark.parametrize("module", ["duckdb", "xgboost"])
def test_a_missing_extra_is_named_with_what_to_install(tmp_path, module):
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        f"from widget_server.cli import main; main(['forecast', 'train', '--data-dir', {str(tmp_path)!r}])"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)

    assert told.returncode == 2, told.stderr
    assert f"this needs {module}" in told.stderr
    assert "pip install 'alternance-widget[forecast]'" in told.stderr


def test_every_example_of_the_help_is_a_command_that_can_be_typed(tmp_path):
    """With the options that it names; FOLDER is any folder."""
    examples = []
    for command in (forecast, *forecast.commands.values()):
        told = (command.help or "").replace("\\\n", " ")
        examples += re.findall(r"^ *widget-server forecast (\w+)(.*)$", told, re.MULTILINE)
    (tmp_path / "economy").mkdir()

    for name, rest in examples:
        words = [str(tmp_path / "economy") if word in ("FOLDER", "economy") else word for word in shlex.split(rest)]
        words = [word for word in words if word not in (">", "outcome.json", "$(date", "+%Y-%m)")]
        words = [*words, "2026-12"] if words[-1:] == ["--month"] else words
        forecast.commands[name].make_context(name, words)
    assert {name for name, _ in examples} == set(forecast.commands)


def test_the_help_lists_every_command_and_names_every_table_and_what_an_exit_code_means():
    told = CliRunner().invoke(main, ["forecast", "--help"]).output

    listed = [line.split()[0] for line in told.partition("Commands:")[2].splitlines() if line.strip()]
    assert listed[:7] == ["synth", "run", "ingest", "train", "score", "publish", "rollback"]
    assert set(listed) == set(forecast.commands)
    assert "..." not in told.partition("Commands:")[2], "what a command is for fits on its line"
    for table in TABLES:
        assert f"  {table.name} " in told
    assert all(f"{code} " in told.partition("Exit codes:")[2] for code in (0, 1, 2))
