"""What an operator types and installs: why a record is in or out, the state in the terminal, rails, the units."""

import configparser
import os
import re
import shlex
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from tests.builders import NOW, Tree, declaration, entry, harvest, publish
from tests.processes import await_answer, end, free_port
from widget_server.cli import main
from widget_server.domain.cards import Entry, Rejection
from widget_server.settings import read_settings
from widget_server.snapshot.runs import write_run
from widget_server.snapshot.shelf import Shelf
from widget_server.sources.kit.lists import hidden

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "examples" / "systemd").glob("*.service"))


def run(folder: Path, *arguments: str, **environment: str) -> Result:
    return CliRunner(env={"DATA_DIR": str(folder), "COLUMNS": "200", **environment}).invoke(main, list(arguments))


SALTED = {"OPTOUT_SECRET": "salt"}


# Why a record is in or out.


@pytest.fixture
def explained(tmp_path: Path) -> Path:
    """A version with a card, two that are one, and a rejection."""
    shelf = Shelf(tmp_path / "offers")
    with shelf.draft(declaration("offers"), started=NOW) as draft:
        draft.add(entry("kept"))
        draft.add(entry("first", twin="same", newest="2"))
        draft.add(entry("second", twin="same", newest="1"))
        draft.add(entry("ft:123ABCD"))
        draft.reject(Rejection(reason="rome_unknown", id="odd", detail="Z9999"))
        draft.reject(Rejection(reason="opted_out", id=hidden("30000000000018", "salt"), detail=""))
        draft.publish(tree=Tree(), harvest=harvest(), keep=3)
    return tmp_path


@pytest.mark.parametrize(
    ("row", "fate", "told"),
    [
        ("kept", "card", "offer kept: Carte kept (Ici, D1102)"),
        ("second", "merged", "offer first: Carte first"),
        ("odd", "rejected", "rejected by rome_unknown: Z9999"),
        ("123ABCD", "card", "offer ft:123ABCD: "),
        ("30000000000018", "rejected", "rejected by opted_out"),
    ],
)
def test_a_record_is_explained_by_its_id(explained: Path, row: str, fate: str, told: str):
    done = run(explained, "sync", "offers", "--explain", row, **SALTED)

    assert done.exit_code == 0
    assert f"offers: {fate} (version 20261124T120000Z-" in done.output
    assert f"data of {NOW.isoformat()}" in done.output
    assert told in done.output


def test_a_record_that_the_upstream_did_not_send_is_absent_and_the_exit_code_says_so(explained: Path):
    done = run(explained, "sync", "offers", "--explain", "nobody")

    assert (done.exit_code, "offers: absent, the upstream did not send it" in done.output) == (1, True)


def test_a_record_of_a_damaged_version_is_told_without_a_trace(explained: Path):
    (body,) = explained.glob("offers/2*/cards.sqlite")
    body.write_bytes(body.read_bytes()[:-1])

    done = run(explained, "sync", "offers", "--explain", "kept")

    assert (done.exit_code, "run widget-server sync offers" in done.output) == (1, True), done.output
    assert isinstance(done.exception, SystemExit)


def test_two_versions_are_compared_card_by_card(tmp_path: Path):
    bands = {"D1102": "A"}
    cards = [entry("gone"), entry("stays"), entry("changed", title="before")]
    old = publish(tmp_path, [banded(card, bands) for card in cards]).current_version()
    cards = [entry("new"), entry("stays"), entry("changed", title="after")]
    publish(tmp_path, [banded(card, bands) for card in cards], started=NOW + timedelta(hours=1))

    done = run(tmp_path, "snapshots", "diff", "offers", str(old))

    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "offers: 1 added, 1 removed, 1 changed, 3 now", "  + new", "  - gone", "  ~ changed",
    ]  # fmt: skip


def banded(told: Entry, bands: dict[str, str]) -> Entry:
    return msgspec.structs.replace(told, card=msgspec.structs.replace(told.card, bands=bands))


def test_without_a_version_there_is_nothing_to_explain_but_what_to_do(tmp_path: Path):
    done = run(tmp_path, "sync", "--explain", "nobody")

    assert done.exit_code == 1
    assert "trainings: no version yet; run widget-server sync trainings" in done.output


# Rails.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--accept", "drop"], "--accept needs --because: the reason is recorded in the manifest"),
        (["--accept", "drop", "--because", "  "], "--accept needs --because"),
        (["--accept", "dorp", "--because", "summer"], "no rail is called dorp; there are: "),
    ],
    ids=["no reason", "blank reason", "unknown rail"],
)
def test_a_rail_is_broken_with_a_reason_only(tmp_path: Path, arguments: list[str], said: str):
    done = run(tmp_path, "sync", *arguments)

    assert done.exit_code == 2
    assert said in " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.output).split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--because", "summer"], "--accept RULE names the rail"),
        (["--watch", "--increment"], "--watch and --explain stand alone"),
        (["--watch", "--explain", "x"], "--watch and --explain stand alone"),
        (["--explain", "x", "--json", "-"], "--watch and --explain stand alone"),
        (["--json", "/nowhere/at/all.json"], "there is no folder /nowhere/at"),
    ],
)
def test_an_option_that_would_be_left_unheeded_is_refused_before_anybody_is_called(
    tmp_path: Path, arguments: list[str], said: str
):
    done = run(tmp_path, "sync", *arguments)

    assert done.exit_code == 2
    assert said in " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.output).split())
    assert not list(tmp_path.iterdir())


def test_a_source_that_is_not_watched_is_named_instead_of_watching_nothing(tmp_path: Path):
    done = run(tmp_path, "sync", "--watch", "offres")

    assert done.exit_code == 1
    assert "offres is not in SOURCES, which names: trainings, offers, recruiters" in done.output


def test_a_data_folder_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path):
    taken = tmp_path / "taken"
    taken.write_text("a file stands here")

    done = run(taken, "sync", "trainings")

    assert done.exit_code == 1
    assert "\ntrainings: cannot work in DATA_DIR: " in done.output
    assert isinstance(done.exception, SystemExit)


# Settings.


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("FRANCE_TRAVAIL_RATE_PER_S", "0", "must be more than 0, for example 4.0"),
        ("FRANCE_TRAVAIL_RATE_PER_S", "-3", "-3.0 is not a number from 0 upwards, for example 4.0"),
        ("CARIF_OREF_RATE_PER_S", "nan", "nan is not a number from 0 upwards, for example 5.0"),
        ("PATIENCE_S", "inf", "inf is not a number from 0 upwards, for example 30.0"),
        ("ATTEMPTS", "five", "'five' is not a whole number, for example 5"),
        ("KEEP_VERSIONS", "0", "must be more than 0, for example 3"),
        ("OFFERS_LEAST", "-1", "-1 is not a number from 0 upwards, for example 100"),
        ("WIDGET_PORT", "70000", "70000 is no port: they end at 65535, for example 8710"),
        ("FRANCE_TRAVAIL_URL", "api.francetravail.io", "is not an http(s) address without a password, for example"),
        ("GEOCODING_URL", "https://me:pass@geo.example", "without a password, for example 'https://upstream.example'"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_work_is_refused_at_the_start_by_the_name_of_its_setting(
    tmp_path: Path, name: str, value: str, said: str
):
    done = run(tmp_path, "settings", **{name: value})

    assert done.exit_code == 1
    assert f"Error: {name}: " in done.output
    assert said in done.output
    assert "pass@" not in done.output


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'data_dir = "\xe9"', "codec can't decode"),
        (b"offers_least =", "Invalid value"),
        (b"offers_leest = 5", "offers_leest: unknown setting in"),
        (b'closed_file = ["a", "b"]', "CLOSED_FILE: ['a', 'b'] is not a text"),
        (b"optout_secret = 9876543", "OPTOUT_SECRET: its value is not a text"),
    ],
)
def test_a_file_of_settings_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path, body: bytes, said: str):
    file = tmp_path / "settings.toml"
    file.write_bytes(body)

    done = run(tmp_path, "--settings", str(file), "settings")

    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert said in done.output
    assert "9876543" not in done.output


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("CACHE_URL", "redis://:hunter2@cache.example:6379/0", "redis://(secret)@cache.example:6379/0"),
        ("RECRUITERS_URL", "https://me:hunter2@files.example/a.gz", "https://(secret)@files.example/a.gz"),
        (
            "RECRUITERS_URL",
            "https://files.example/a.gz?X-Amz-Signature=hunter2&v=1",
            "https://files.example/a.gz?X-Amz-Signature=(secret)&v=1",
        ),
        ("API_APPRENTISSAGE_KEY", "hunter2", "(set)"),
        ("PUBLIC_URL", "https://widget.example/?v=1", "https://widget.example/?v=1"),
    ],
)
def test_no_password_within_an_address_is_shown(tmp_path: Path, name: str, value: str, shown: str):
    done = run(tmp_path, "settings", **{name: value})

    assert f"{name}={shown}\n" in done.output
    assert "hunter2" not in done.output + repr(read_settings({name: value}))


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ("offers:offre", 'SOURCES: "offers:offre" has no kind out of training, offer, recruiter'),
        ("offers:offer,offers:offer", 'SOURCES: "offers" is named twice'),
        ("offers:training", 'SOURCES: "offers:training" must be offers:offer'),
    ],
)
def test_a_source_of_a_kind_that_it_has_not_is_refused(tmp_path: Path, sources: str, said: str):
    done = run(tmp_path, "sync", SOURCES=sources)

    assert (done.exit_code, said in done.output) == (1, True), done.output


# The sandbox.


@pytest.mark.parametrize("scale", ["-1", "0", "nan", "inf", "huge"])
def test_a_sandbox_of_no_size_is_refused(tmp_path: Path, scale: str):
    done = run(tmp_path, "sandbox", "--scale", scale)

    assert done.exit_code == 2
    assert "neither a number nor one of default, large, national; numbers are above 0" in " ".join(
        re.sub(r"[│╭╮╰╯─]", " ", done.output).split()
    )


def test_a_port_that_is_taken_is_named(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        done = run(tmp_path, "sandbox", "--scale", "0.01", SANDBOX_PORT=port)

    assert done.exit_code == 1
    assert f"SANDBOX_PORT={port} cannot be used: " in done.output


def test_the_sandbox_says_where_it_is_and_its_lines_are_settings_with_which_a_sync_reads_it(tmp_path: Path):
    where: dict[str, str] = {}
    child = subprocess.Popen(
        [sys.executable, "-m", "widget_server.cli", "sandbox", "--scale", "0.05"],
        env={**os.environ, "SANDBOX_PORT": str(free_port()), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("export "):
                where |= dict(item.split("=", 1) for item in shlex.split(line.removeprefix("export ")))
            if "_truth" in line:
                break
        await_answer(f"{where['CARIF_OREF_URL']}/_economy", child)

        done = run(tmp_path, "sync", "trainings", "recruiters", **where | {"DATA_DIR": str(tmp_path)})
    finally:
        end(child)

    assert done.exit_code == 0, done.output
    assert re.search(r"trainings: \d+ cards of \d+ rows", done.output)


# Companies that ask not to be shown.


@pytest.mark.parametrize(
    ("number", "doubted"),
    [("00000001800002", False), ("000000018", False), ("00000001800003", True), ("35600000000048", False)],
)
def test_a_number_that_looks_mistyped_is_noted_and_doubted(tmp_path: Path, number: str, doubted: bool):
    done = run(tmp_path, "optout", number, **SALTED, OPTOUT_FILE=str(tmp_path / "optout.txt"))

    assert done.exit_code == 0
    assert "1 added to" in done.output
    assert (f"{number}: its check digit does not fit" in done.output) is doubted


def test_an_opt_out_that_cannot_be_noted_names_the_setting(tmp_path: Path):
    done = run(tmp_path, "optout", "30000000000018", **SALTED, OPTOUT_FILE=str(tmp_path / "no" / "optout.txt"))

    assert done.exit_code == 1
    assert "Error: OPTOUT_FILE cannot be written: " in done.output


# What is gone is gone.


def test_what_was_deleted_upstream_is_in_no_file_after_as_many_versions_as_are_kept(tmp_path: Path):
    stays = [entry(f"stays-{number}") for number in range(9)]
    publish(tmp_path, [*stays, entry("withdrawn")], keep=2)
    for turn in (1, 2):
        publish(tmp_path, stays, started=NOW + timedelta(hours=turn), keep=2)

    bodies = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"stays" in body for body in bodies)
    assert not any(b"withdrawn" in body for body in bodies)


# The state in the terminal.


def test_the_status_tells_of_each_source_what_is_shown_how_old_and_what_the_last_sync_came_to(tmp_path: Path):
    now = datetime.now(UTC)
    for name, kind, hours in (("offers", "offer", 30), ("trainings", "training", 1)):
        told = harvest(as_of=(now - timedelta(hours=hours)).isoformat())
        publish(tmp_path, [entry(f"{name}-1", kind=kind)], declaration(name, kind), harvest=told)
    write_run(tmp_path / "offers", started=now, ended=now, cause="France Travail: answers 500")
    write_run(tmp_path / "trainings", started=now, ended=now, cause=None)

    done = run(tmp_path, "status")

    assert done.exit_code == 0
    rows = {line.split()[0]: " ".join(line.split()) for line in done.output.splitlines() if line.split()}
    assert "nobody watches (widget-server sync --watch)" in " ".join(done.output.split())
    assert re.match(
        r"offers 1 cards 30\.0 h late .* failed \(1 in a row\): France Travail: answers 500", rows["offers"]
    )
    assert re.match(r"trainings 1 cards 1\.0 h ok \d\d/\d\d \d\d:\d\d ok", rows["trainings"])
    assert rows["recruiters"] == "recruiters nothing - missing never -"


# The units.


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_exists_and_comes_back_after_a_failure(unit: Path):
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str
    parser.read_string(unit.read_text("utf-8"))
    service = parser["Service"]
    program, command, *options = shlex.split(service["ExecStart"])

    known = {name for each in main.commands[command].params for name in each.opts}
    assert Path(program).name == "widget-server"
    assert set(options) <= known
    assert service["Restart"] == "always"
    assert service["NoNewPrivileges"] == "yes"
    assert service["EnvironmentFile"] == "/etc/alternance-widget/env"
    assert parser["Install"]["WantedBy"] == "multi-user.target"


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_both_units_may_write_the_data_folder_whichever_starts_first(unit: Path):
    lines = unit.read_text("utf-8").splitlines()

    # The server counts showings and visits there: a read-only folder would lose them, a missing one stop the unit.
    assert "StateDirectory=alternance-widget" in lines
    assert not [line for line in lines if line.startswith(("ReadOnlyPaths", "InaccessiblePaths", "DynamicUser"))]
    assert "DATA_DIR=/var/lib/alternance-widget" in (ROOT / ".env.example").read_text("utf-8").splitlines()


def test_one_unit_serves_and_one_syncs_on_schedule():
    commands = [line.partition("widget-server ")[2] for path in UNITS for line in path.read_text("utf-8").splitlines()
                if line.startswith("ExecStart=")]  # fmt: skip

    assert sorted(commands) == ["serve", "sync --watch"]
