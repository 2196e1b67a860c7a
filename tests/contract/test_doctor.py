"""The doctor names each thing that needs attention with its remedy, and its exit code tells."""

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.builders import NOW, declaration, entry, harvest, publish
from tests.contract.sandbox import served, settings_for
from widget_server.cli import main
from widget_server.doctor import ADDRESSES, KEYS, Doctor, Finding
from widget_server.settings import Settings, describe
from widget_server.snapshot.runs import write_run
from widget_server.sources import SOURCES

SHOWN = {"trainings": "training", "offers": "offer", "recruiters": "recruiter"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    with served() as address:
        yield address


def told(settings: Settings, *, calls: bool = False, after: timedelta = timedelta(0)) -> dict[tuple[str, str], Finding]:
    doctor = Doctor(settings=settings, now=NOW + after, calls=calls)
    return {(each.area, each.name): each for each in doctor.findings()}


def sound(folder: Path) -> Settings:
    """An installation with three snapshots of now."""
    for name, kind in SHOWN.items():
        publish(folder, [entry(f"{name}-1", kind=kind)], declaration(name, kind))
    return Settings(data_dir=str(folder))


def test_a_sound_installation_needs_no_attention_and_says_what_there_is(tmp_path: Path):
    found = told(sound(tmp_path))

    assert [each for each in found.values() if each.state == "attention"] == []
    assert "Python 3." in found["program", "version"].told
    assert "can be written" in found["disk", "DATA_DIR"].told
    assert "MB free" in found["disk", "space"].told
    assert "1 cards, 0.0 h old" in found["snapshot", "offers"].told
    assert {name for area, name in found if area == "reference"} >= {"communes", "rome", "naf", "rncp_rome"}
    assert all(" rows, " in each.told for (area, _), each in found.items() if area == "reference")


# Disk and permissions.


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "taken").write_text("a file stands here")

    found = told(Settings(data_dir=str(tmp_path / "taken" / "data")))["disk", "DATA_DIR"]

    assert found.state == "attention"
    assert "taken" in found.told
    assert "DATA_DIR" in found.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_closed_to_this_user_is_named(tmp_path: Path):
    (tmp_path / "data").mkdir(mode=0o500)

    assert told(Settings(data_dir=str(tmp_path / "data")))["disk", "DATA_DIR"].state == "attention"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_where_this_user_may_not_even_look_is_told_in_sentences(tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    runner = CliRunner(env={"DATA_DIR": str(closed / "data")})
    try:
        done = [
            runner.invoke(main, list(words)) for words in (("doctor", "--offline"), ("status",), ("sync", "--watch"))
        ]
    finally:
        closed.chmod(0o700)

    assert [(each.exit_code, type(each.exception)) for each in done] == [(1, SystemExit)] * 3
    assert all("DATA_DIR" in each.output for each in done)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_source_that_another_user_synced_by_hand_is_named_with_the_command(tmp_path: Path):
    settings = sound(tmp_path)
    lock = tmp_path / "offers" / ".sync.lock"
    lock.touch(mode=0o444)

    found = told(settings)["disk", "permissions"]

    assert (found.state, str(lock) in found.told, "chown -R" in found.remedy) == ("attention", True, True)


def test_a_disk_without_room_for_the_next_version_is_named(tmp_path: Path):
    settings = sound(tmp_path)
    version = next(each for each in (tmp_path / "offers").iterdir() if each.is_dir())
    with (version / "huge").open("wb") as file:
        file.truncate(1 << 42)  # four terabytes that take no room

    found = told(settings)["disk", "space"]

    assert found.state == "attention"
    assert "KEEP_VERSIONS" in found.remedy


# Data: their versions, their age, the last sync.


def test_a_source_without_a_version_is_named_with_the_command_that_helps(tmp_path: Path):
    found = told(Settings(data_dir=str(tmp_path)))["snapshot", "trainings"]

    assert (found.state, found.told, found.remedy) == ("attention", "none yet", "widget-server sync trainings")


def test_what_is_late_is_named_with_its_limit_and_the_setting(tmp_path: Path):
    found = told(sound(tmp_path), after=timedelta(hours=25))

    assert found["snapshot", "offers"].state == "attention"
    assert "25.0 h old, late: the limit is 24 h" in found["snapshot", "offers"].told
    assert "OFFERS_LATE_AFTER_S" in found["snapshot", "offers"].remedy
    assert found["snapshot", "trainings"].state == "ok"


def test_a_version_that_is_damaged_is_named(tmp_path: Path):
    settings = sound(tmp_path)
    version = next(each for each in (tmp_path / "offers").iterdir() if each.is_dir())
    (version / "cards.sqlite").write_bytes(b"noise")

    found = told(settings)["snapshot", "offers"]

    assert found.state == "attention"
    assert "cards.sqlite" in found.told
    assert "rollback" in found.remedy


def test_a_version_that_lacks_a_part_of_its_upstream_is_named(tmp_path: Path):
    settings = sound(tmp_path)
    publish(
        tmp_path, [entry("a")], declaration("offers"), started=NOW + timedelta(hours=1),
        harvest=harvest(complete=False),
    )  # fmt: skip

    found = told(settings)["snapshot", "offers"]

    assert found.state == "attention"
    assert "published without a part of the upstream" in found.told


def test_a_last_sync_that_failed_is_named_with_its_cause_and_the_last_success(tmp_path: Path):
    settings = sound(tmp_path)
    write_run(tmp_path / "offers", started=NOW, ended=NOW, cause=None)
    assert told(settings)["last sync", "offers"].told == "2026-11-24 12:00 UTC"
    for hours in (1, 2):
        later = NOW + timedelta(hours=hours)
        write_run(tmp_path / "offers", started=later, ended=later, cause="France Travail: answers 500")

    found = told(settings)["last sync", "offers"]

    assert found.state == "attention"
    assert found.told == ("failed 2 time(s) in a row, last success 2026-11-24 12:00 UTC: France Travail: answers 500")


# The licence's duties.


def test_a_schedule_that_leaves_offers_alone_for_more_than_a_day_is_named(tmp_path: Path):
    found = told(replace(sound(tmp_path), offers_schedule="0 3 * * 1"))["duties", "24 h"]

    assert (found.state, found.told) == ("attention", "offers are harvested at least every 168 h")
    assert 'OFFERS_SCHEDULE="' in found.remedy


def test_offers_that_are_shown_too_long_are_named(tmp_path: Path):
    found = told(replace(sound(tmp_path), offers_withheld_after_s=7 * 86_400))["duties", "withholding"]

    assert found.state == "attention"
    assert found.remedy == "OFFERS_WITHHELD_AFTER_S=172800 or less"


def test_a_schedule_that_cannot_be_read_is_named(tmp_path: Path):
    found = told(replace(sound(tmp_path), trainings_schedule="every night"))["duties", "schedule"]

    assert found.state == "attention"
    assert "TRAININGS_SCHEDULE" in found.told


def test_a_licence_that_is_about_to_lapse_is_named(tmp_path: Path):
    settings = sound(tmp_path)
    write_run(tmp_path / "offers", started=NOW, ended=NOW, cause=None)

    found = told(settings, after=timedelta(days=310))["duties", "use"]

    assert found.state == "attention"
    assert "12 unused months" in found.told


def test_that_nobody_syncs_on_schedule_is_a_note(tmp_path: Path):
    found = told(sound(tmp_path))["duties", "watch"]

    assert (found.state, found.told) == ("note", "nobody syncs on schedule")


def test_a_list_of_partners_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / "partners.toml").write_text("[[partner]\n")

    found = told(replace(sound(tmp_path / "data"), partners_file=str(tmp_path / "partners.toml")))

    assert found["partners", "PARTNERS_FILE"].state == "attention"


# Upstreams: a real call with the real credentials.


def test_each_upstream_is_called_with_a_real_token(tmp_path: Path, sandbox: str):
    found = told(settings_for(sandbox, str(tmp_path)), calls=True)

    assert {name: found["upstream", name].state for name in SHOWN} == dict.fromkeys(SHOWN, "ok")
    assert "offers announced" in found["upstream", "offers"].told
    assert "differs by" in found["clock", "offers"].told, "the sandbox lives on another day"


@pytest.mark.parametrize(
    ("more", "source", "said", "remedy"),
    [
        (
            {"france_travail_client_secret": "wrong"},
            "offers",
            "Client authentication failed",
            "check the credentials (FRANCE_TRAVAIL_CLIENT_ID, FRANCE_TRAVAIL_CLIENT_SECRET, FRANCE_TRAVAIL_SCOPE)",
        ),
        ({"france_travail_client_id": ""}, "offers", "not set up", "FRANCE_TRAVAIL_CLIENT_ID"),
        ({"carif_oref_url": "http://127.0.0.1:1"}, "trainings", "", "check the address (CARIF_OREF_URL)"),
        ({"recruiters_url": "/nowhere/at.all"}, "recruiters", "cannot be read", "check the address (RECRUITERS_URL)"),
    ],
    ids=["wrong secret", "no credentials", "unreachable", "no file"],
)
def test_an_upstream_that_cannot_be_called_is_named(
    tmp_path: Path, sandbox: str, more: dict[str, object], source: str, said: str, remedy: str
):
    found = told(settings_for(sandbox, str(tmp_path), **more), calls=True)["upstream", source]

    assert found.state == "attention"
    assert said in found.told
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("sources", "name", "said", "remedy"),
    [
        ("offres:offer", "offres", "no source has this name", "SOURCES may name: trainings"),
        ("offers:training", "offers", "brings no training", "SOURCES: offers:offer"),
    ],
    ids=["unknown", "of another kind"],
)
def test_a_source_that_cannot_be_is_named_without_a_call(
    tmp_path: Path, sources: str, name: str, said: str, remedy: str
):
    found = told(Settings(data_dir=str(tmp_path), sources=sources))["sources", name]

    assert (found.state, found.told) == ("attention", said)
    assert remedy in found.remedy


def test_the_doctor_names_settings_that_exist():
    names = {row.name for row in describe(Settings())}

    assert {*ADDRESSES, *KEYS} <= set(SOURCES)
    assert {name for told in (*ADDRESSES.values(), *KEYS.values()) for name in told.split(", ")} <= names


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"hygiene": "age_limit:of"}, 'HYGIENE: "age_limit:of" is not rule:action'),
        ({"closed_file": "/nowhere/closed.txt"}, "CLOSED_FILE cannot be read"),
        ({"optout_file": __file__}, "OPTOUT_SECRET is empty"),
    ],
    ids=["rule", "list", "no salt"],
)
def test_what_would_refuse_the_next_sync_is_told_before_it(tmp_path: Path, more: dict[str, object], said: str):
    found = told(replace(sound(tmp_path), **more))["hygiene", "rules and lists"]

    assert (found.state, said in found.told) == ("attention", True), found


def test_a_hidden_occupation_that_does_not_exist_is_named(tmp_path: Path):
    found = told(replace(sound(tmp_path), hidden_romes="D1102,Z9999"))["hygiene", "HIDDEN_ROMES"]

    assert (found.state, found.told) == ("attention", "Z9999 is no ROME code and hides nothing")


# The command.


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    done = CliRunner(env={"DATA_DIR": "", **environment}).invoke(main, ["doctor", "--offline", *arguments])
    return done.exit_code, done.output


def test_the_exit_code_is_1_when_something_needs_attention_and_0_when_nothing_does(tmp_path: Path):
    publish_now(tmp_path / "sound")

    assert run(DATA_DIR=str(tmp_path / "sound"))[0] == 0
    code, printed = run(DATA_DIR=str(tmp_path / "empty"))
    assert code == 1
    assert "3 thing(s) need attention" in printed


def test_the_findings_come_as_json_too(tmp_path: Path):
    code, printed = run("--json", DATA_DIR=str(tmp_path))

    assert code == 1
    assert {"area": "snapshot", "name": "offers", "state": "attention", "told": "none yet"}.items() <= next(
        each for each in json.loads(printed) if (each["area"], each["name"]) == ("snapshot", "offers")
    ).items()


def publish_now(folder: Path) -> None:
    """Three snapshots of this very hour: the command knows no other."""
    now = datetime.now(UTC)
    for name, kind in SHOWN.items():
        publish(
            folder, [entry(f"{name}-1", kind=kind)], declaration(name, kind), started=now,
            harvest=harvest(as_of=now.isoformat(), ended=now),
        )  # fmt: skip


# The forecast.


def release(folder: Path, day: str, **more: object) -> None:
    """A release in place, as far as the doctor looks at one."""
    releases = folder / "forecast" / "releases"
    (releases / "one").mkdir(parents=True)
    header = {"format": 1, "model": "m", "day": day, "until": "2027-05-01", "count": 7} | more
    (releases / "one" / "recruiters.ndjson.gz").write_bytes(gzip.compress(json.dumps(header).encode() + b"\n"))
    (releases / "current").symlink_to("one")


@pytest.mark.parametrize(
    ("installed", "state", "said"),
    [
        ({}, "ok", "makes no forecast"),
        ({"xgboost-cpu": "3.2.0"}, "ok", "xgboost-cpu 3.2.0"),
        ({"xgboost": "3.2.1"}, "ok", "xgboost 3.2.1"),
        ({"xgboost": "3.2.1", "xgboost-cpu": "3.2.0"}, "attention", "overwrite each other"),
    ],
    ids=["none", "the small one", "the large one", "both"],
)
def test_which_xgboost_is_there_is_told_and_both_are_one_too_many(
    tmp_path: Path, installed: dict[str, str], state: str, said: str
):
    doctor = Doctor(settings=sound(tmp_path), now=NOW, calls=False, installed=installed.get)

    (found,) = [each for each in doctor.findings() if (each.area, each.name) == ("forecast", "xgboost")]

    assert found.state == state
    assert said in found.told
    assert ("pip uninstall" in found.remedy) is (state == "attention")


@pytest.mark.parametrize(
    ("day", "more", "state"),
    [
        ("2026-10-10", {}, "ok"),
        ("2026-10-09", {}, "attention"),
        ("2026-01-01", {"demonstration": True}, "ok"),
    ],
    ids=["45 days old", "46 days old", "fictitious"],
)
def test_a_release_of_old_inputs_is_late(tmp_path: Path, day: str, more: dict[str, object], state: str):
    release(tmp_path, day, **more)

    found = told(sound(tmp_path))["forecast", "release"]

    assert found.state == state
    assert "7 establishments" in found.told
    assert ("widget-server forecast run" in found.remedy) is (state == "attention")


def test_a_release_that_cannot_be_read_is_named(tmp_path: Path):
    release(tmp_path, "2026-11-01")
    (tmp_path / "forecast/releases/one/recruiters.ndjson.gz").write_bytes(b"no gzip")

    found = told(sound(tmp_path))["forecast", "release"]

    assert found.state == "attention"
    assert "rollback" in found.remedy


def test_without_a_forecast_there_is_no_finding_on_a_release(tmp_path: Path):
    assert ("forecast", "release") not in told(sound(tmp_path))
