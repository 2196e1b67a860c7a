"""Every source × everything that can befall it: the list stays as it was, the cause is named, and it heals by itself.

Real sockets throughout: the sandbox and the web server are processes, the syncs are calls of this one.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.drills.faulty import HASTY, QUICK, SCALE, TENACIOUS, Drill, World, drill, endure, self_signed_served
from tests.processes import sandbox_served
from widget_server.doctor import Doctor

SOURCES = ("offers", "trainings", "recruiters")

DRILLS: Mapping[str, Mapping[str, Drill]] = {
    "down": dict.fromkeys(SOURCES, drill("disconnected|closed|reset", down=True)),
    "slow beyond the deadline": dict.fromkeys(SOURCES, drill("SYNC_DEADLINE_S", HASTY, slow_s=3)),
    "429 storm": dict.fromkeys(SOURCES, drill("asks us to slow down", throttle_s=1)),
    "401 in mid-harvest": {
        "offers": drill("", expire_tokens=True, after=30, times=1),
        "trainings": drill("401: Accès non autorisé", education=True, after=1),
        "recruiters": drill("refused with 401", status=401),
    },
    "tokens that never work": {"offers": drill("the token that was given", reject_tokens=True)},
    "500s at random": {
        "offers": drill("", TENACIOUS, status=500, chance=0.2),
        "trainings": drill("", TENACIOUS, status=500, times=3),
        "recruiters": drill("", TENACIOUS, status=500, times=2),
    },
    "500s for good": dict.fromkeys(SOURCES, drill("answers 500", status=500)),
    "truncated body": dict.fromkeys(SOURCES, drill("in the middle of", truncate=500)),
    "connection cut": dict.fromkeys(SOURCES, drill("in the middle of|closed|disconnected", cut=500)),
    "endless body": dict.fromkeys(SOURCES, drill("swells more than|sends more than|does not end", endless=True)),
    "gzip bomb": dict.fromkeys(SOURCES, drill("swells more than|does not end|blanks", bomb=True)),
    "malformed JSON": {
        "offers": drill("cannot be read", malformed=True),
        "trainings": drill("not a number", malformed=True),
        "recruiters": drill("rule drop", malformed=True),
    },
    "wrong content type": dict.fromkeys(SOURCES, drill("text/html instead of data: Maintenance", wrong_type=True)),
    "empty success": {
        "offers": drill("not one offer", empty=True),
        "trainings": drill("announces 0 trainings", empty=True),
        "recruiters": drill("holds no establishment", empty=True),
    },
    "ten times the usual size": dict.fromkeys(SOURCES, drill("rule growth", tenfold=True)),
    "half of the usual count": dict.fromkeys(SOURCES, drill("rule drop", half=True)),
    "duplicated ids": {
        "offers": drill("shows offers more than once on one page", duplicates=True),
        "trainings": drill("rule repeats", duplicates=True),
        "recruiters": drill("rule repeats", duplicates=True),
    },
    "clock an hour ahead": dict.fromkeys(SOURCES, drill("", clock_skew_s=3600)),
    "clock an hour behind": dict.fromkeys(SOURCES, drill("", clock_skew_s=-3600)),
    "TLS error": dict.fromkeys(SOURCES, drill("no safe connection: .*self-signed", moved_to="self-signed")),
}
PAIRS = [(source, fault) for fault, drills in DRILLS.items() for source in drills]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("faults")
    with self_signed_served() as self_signed, sandbox_served(folder, SCALE) as installation:
        done = installation.run("sync")
        assert done.returncode == 0, done.stdout
        with installation.server() as web:
            yield World(installation, web, self_signed)


@pytest.mark.parametrize(("source", "fault"), PAIRS, ids=[f"{source}, {fault}" for source, fault in PAIRS])
def test_the_list_stays_as_it_was_and_the_source_heals(world: World, source: str, fault: str):
    endure(world, source, DRILLS[fault][source])


def test_every_source_has_every_fault():
    lacking = {fault: sorted(set(SOURCES) - set(drills)) for fault, drills in DRILLS.items()}

    assert {fault: missing for fault, missing in lacking.items() if missing} == {
        "tokens that never work": ["recruiters", "trainings"]
    }


def test_a_file_larger_than_its_setting_is_refused(world: World):
    report = world.sync("trainings", QUICK | {"largest_file_mb": 1})

    assert report.cause == "Carif-Oref: sends more than 1 MB"
    assert world.sync("trainings").ok


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("skew_s", "told"), [(3600, r"differs by -3[56]\d\d s"), (-3600, r"differs by \+3[56]\d\d s")])
def test_the_doctor_names_a_clock_that_differs(world: World, source: str, skew_s: int, told: str):
    with world.fault(source, {"clock_skew_s": skew_s}):
        doctor = Doctor(settings=world.settings(), now=datetime.now(UTC))
        clocks = [
            (each.name, each.state, bool(re.search(told, each.told)))
            for each in doctor.findings()
            if each.area == "clock"
        ]

    assert clocks == [(source, "attention", True)]


def test_the_commands_say_the_same_with_their_exit_codes(world: World):
    with world.fault("trainings", {"wrong_type": True}):
        failed = world.installation.run("sync", "trainings")
        advice = world.installation.run("doctor")
    healed = world.installation.run("sync", "trainings")

    cause = "Carif-Oref: answers 200 with text/html instead of data: Maintenance en cours"
    assert (failed.returncode, healed.returncode) == (1, 0), healed.stdout
    assert f"trainings: {cause}; version " in failed.stdout
    assert advice.returncode == 1
    assert cause in " ".join(advice.stdout.split())
