"""A whole sync, through real sockets, of the sandbox: everything arrives, or its loss is counted and named."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.contract.sandbox import NOW, SIGN_IN, served, settings_for
from widget_server.domain.errors import SettingError
from widget_server.reference.vintages import vintages
from widget_server.snapshot.runs import read_run
from widget_server.snapshot.shelf import Shelf, Snapshot
from widget_server.sources import SOURCES
from widget_server.sources.kit.rejects import REASONS
from widget_server.sync.sync import Step, SyncReport, sync

NAMES = ("trainings", "offers", "recruiters")
LATER = NOW + timedelta(hours=1)
UPSTREAM = {"trainings": "Carif-Oref", "offers": "France Travail", "recruiters": "Prédictions de recruteurs"}


@dataclass(frozen=True)
class Synced:
    """A sandbox, the folder that was filled from it, and what the sync said."""

    address: str
    folder: Path
    reports: dict[str, SyncReport]
    steps: list[Step]

    def snapshot(self, name: str) -> Snapshot:
        return current(self.folder, name)

    def truth(self, name: str) -> dict[str, list[dict[str, object]]]:
        return httpx.get(f"{self.address}/_truth/{name}", timeout=30).json()


def current(folder: Path, name: str) -> Snapshot:
    shelf = Shelf(folder / name)
    version = shelf.current_version()
    assert version is not None
    return shelf.open(version)


def run(
    address: str,
    folder: Path,
    *names: str,
    now: datetime = LATER,
    steps: list[Step] | None = None,
    **more: object,
) -> dict[str, SyncReport]:
    told = steps if steps is not None else []
    reports = asyncio.run(sync(names, settings_for(address, str(folder), **more), now=now, report=told.append))
    return {report.source: report for report in reports}


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    folder, steps = tmp_path_factory.mktemp("data"), []
    with served() as address:
        yield Synced(address, folder, run(address, folder, now=NOW, steps=steps), steps)


@pytest.fixture
def again(synced: Synced, tmp_path: Path) -> Iterator[Synced]:
    """The same, in a folder of its own, with a sandbox that the test may break."""
    folder = tmp_path / "data"
    shutil.copytree(synced.folder, folder)
    yield Synced(synced.address, folder, synced.reports, [])
    httpx.delete(f"{synced.address}/_faults").raise_for_status()


def break_it(address: str, **faults: object) -> None:
    httpx.post(f"{address}/_faults", json=faults).raise_for_status()


# Everything arrives.


@pytest.mark.parametrize("name", NAMES)
def test_a_synced_source_has_a_current_version_that_can_be_opened(synced: Synced, name: str):
    report, snapshot = synced.reports[name], synced.snapshot(name)

    assert (report.ok, report.cause, report.complete, report.previous) == (True, None, True, None)
    assert report.version == snapshot.version
    assert len(list(snapshot.cards.everything())) == snapshot.manifest.counts.cards > 100


@pytest.mark.parametrize("name", NAMES)
def test_every_row_that_was_announced_was_read_and_is_accounted_for(synced: Synced, name: str):
    manifest = synced.snapshot(name).manifest
    counts = manifest.counts

    assert counts.read == manifest.harvest.announced == synced.reports[name].announced
    assert counts.read == counts.cards + counts.merged + counts.repeated + sum(counts.rejected.values())
    assert sum(manifest.by_departement.values()) == counts.cards
    assert manifest.harvest.complete
    assert not any(part.problem for part in manifest.harvest.parts)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_and_what_is_rejected_is_what_the_sandbox_knows_to_be_true(synced: Synced, name: str):
    snapshot, truth = synced.snapshot(name), synced.truth(name)
    kept, rejected = truth["kept"], truth["rejected"]
    if name == "trainings":  # the catalogue is not even asked for these
        rejected = [row for row in rejected if row["rejected"] not in ("unpublished", "session_past")]
    ids = ["ft:" + row["id"] if name == "offers" else row["id"] for row in kept]

    cards = {card.id for card in snapshot.cards.everything()}

    assert cards <= set(ids), "a card that nobody has"
    assert all(snapshot.find(card_id) for card_id in ids), "a record that was lost"
    assert len(cards) == len({row["twin"] for row in kept}), "what is one and the same is one card"
    assert snapshot.manifest.counts.rejected == Counter(row["rejected"] for row in rejected)


@pytest.mark.parametrize("name", NAMES)
def test_each_reason_of_rejection_is_known_and_has_a_sample_without_contacts(synced: Synced, name: str):
    manifest = synced.snapshot(name).manifest

    samples = Counter(each.reason for each in manifest.rejections)

    assert manifest.counts.rejected
    assert samples.keys() == manifest.counts.rejected.keys() <= REASONS.keys()
    assert all(each.id and len(each.detail) <= 200 and "@" not in each.detail for each in manifest.rejections)


@pytest.mark.parametrize("name", NAMES)
def test_a_version_says_that_it_is_a_demonstration_and_which_lists_it_was_made_with(synced: Synced, name: str):
    harvest = synced.snapshot(name).manifest.harvest

    assert harvest.demonstration
    assert harvest.vintages == {each.name: each.vintage for each in vintages()}


@pytest.mark.parametrize("name", NAMES)
def test_a_card_is_placed_where_the_sandbox_put_it(synced: Synced, name: str):
    snapshot = synced.snapshot(name)
    truth = {row["id"]: row for row in synced.truth(name)["kept"]}

    for card in snapshot.cards.everything():
        told = truth[card.id.removeprefix("ft:")]
        assert card.place.departement == told["departement"], card.id
        assert card.place.insee == told["insee"], card.id
        if card.place.precision == "address" and told["latitude"] is not None:  # None: taught at a distance
            assert (card.place.latitude, card.place.longitude) == pytest.approx(
                (told["latitude"], told["longitude"]), abs=1e-4
            )


def test_what_was_repaired_is_counted_by_its_code(synced: Synced):
    assert synced.reports["trainings"].remarks["coordinates_inverted"] > 0
    assert synced.reports["recruiters"].remarks.keys() == {"coordinates_inverted", "reason_unknown", "rome_unknown"}


@pytest.mark.parametrize("name", NAMES)
def test_progress_goes_from_harvest_to_publication_and_counts_upwards(synced: Synced, name: str):
    steps = [step for step in synced.steps if step.source == name]

    phases = [step.phase for step in steps]
    assert list(dict.fromkeys(phases)) == ["harvest", "publish", "done"]
    assert [step.rows for step in steps] == sorted(step.rows for step in steps)
    assert steps[-1].rows == synced.reports[name].counts.read
    assert steps[-1].expected == synced.reports[name].announced


def test_the_same_upstream_gives_the_same_cards_twice(synced: Synced, tmp_path: Path):
    run(synced.address, tmp_path)

    for name in NAMES:
        assert list(current(tmp_path, name).cards.everything()) == list(synced.snapshot(name).cards.everything())


# One fails.

FAILURES = {
    "the catalogue answers 500": ("trainings", {"status": 500}, "answers 500"),
    "the catalogue stops in the middle": ("trainings", {"truncate": 50_000}, "stops in the middle of an array"),
    "the catalogue's count is not JSON": ("trainings", {"malformed": True}, "sends a count that is not a number"),
    "the catalogue is a page of a proxy": ("trainings", {"wrong_type": True}, "text/html instead of data"),
    "the catalogue is empty": ("trainings", {"empty": True}, "announces 0 trainings"),
    "the catalogue holds half": ("trainings", {"half": True}, "rule drop"),
    "the catalogue counts wrongly": ("trainings", {"count_off": 200}, "announces 1188 trainings and sends 988"),
    "the catalogue repeats itself": ("trainings", {"duplicates": True}, "rule repeats"),
    "the catalogue wants a session": ("trainings", {"education": True}, "refused with 401: Accès non autorisé"),
    "the offers answer 500": ("offers", {"status": 500}, "answers 500"),
    "the offers hang up": ("offers", {"down": True}, "disconnected without sending a response"),
    "the offers' total is not JSON": ("offers", {"malformed": True}, "a page of offers that cannot be read"),
    "the offers are none": ("offers", {"empty": True}, "not one offer"),
    "the offers are half": ("offers", {"half": True}, "rule drop"),
    "the offers refuse every token": ("offers", {"reject_tokens": True}, "401"),
    "the predictions hang up": ("recruiters", {"down": True}, "disconnected without sending a response"),
    "the predictions stop in the middle": ("recruiters", {"truncate": 50_000}, "stops in the middle of a gzip"),
    "the predictions break off": ("recruiters", {"cut": 50_000}, "stops in the middle of an answer, after 50000 bytes"),
    "the predictions are empty": ("recruiters", {"empty": True}, "holds no establishment"),
    "the predictions are few": ("recruiters", {"only": 50}, "rule few"),
    "the predictions count wrongly": ("recruiters", {"count_off": 5}, "announces 3005 establishments and holds 3000"),
    "the predictions are of an unknown format": ("recruiters", {"format": 2}, "written in format 2"),
    "the predictions are older": ("recruiters", {"older_days": 8}, "rule older"),
}


@pytest.mark.parametrize(("name", "fault", "said"), FAILURES.values(), ids=FAILURES.keys())
def test_a_source_that_fails_keeps_its_version_and_names_its_cause(
    again: Synced, name: str, fault: dict[str, object], said: str
):
    before = again.snapshot(name).version
    break_it(again.address, **{name: fault})

    report = run(again.address, again.folder, name)[name]

    assert (report.ok, report.version, report.previous, report.counts) == (False, before, before, None)
    assert again.snapshot(name).version == before
    assert report.cause
    assert said in report.cause
    assert report.cause.startswith((UPSTREAM[name], name))
    assert Shelf(again.folder / name).versions() == [before]
    told = read_run(again.folder / name)
    assert told is not None
    assert (told.ok, told.cause, told.failures) == (False, report.cause, 1)


@pytest.mark.parametrize("name", ["trainings", "recruiters"])
def test_what_an_upstream_no_longer_has_goes_when_the_operator_accepts_the_drop(again: Synced, name: str):
    before = again.snapshot(name)
    break_it(again.address, **{name: {"half": True}})
    settings = settings_for(again.address, str(again.folder))

    (report,) = asyncio.run(sync([name], settings, now=LATER, accept={"drop": "half of it is closed"}))

    snapshot = again.snapshot(name)
    assert report.ok, report.cause
    assert all(before.find(card.id) for card in snapshot.cards.everything())
    assert snapshot.manifest.counts.cards < 0.6 * before.manifest.counts.cards
    assert [(each.rule, each.because) for each in snapshot.manifest.accepted] == [("drop", "half of it is closed")]


@pytest.mark.parametrize("broken", NAMES)
def test_a_source_that_fails_stops_no_other(again: Synced, broken: str):
    break_it(again.address, **{broken: {"status": 500}})

    reports = run(again.address, again.folder)

    assert {name: report.ok for name, report in reports.items()} == {name: name != broken for name in NAMES}
    assert {name: report.version != report.previous for name, report in reports.items()} == {
        name: name != broken for name in NAMES
    }


def test_a_source_recovers_by_itself_at_the_next_sync(again: Synced):
    break_it(again.address, offers={"status": 500})
    failed = run(again.address, again.folder, "offers")["offers"]
    httpx.delete(f"{again.address}/_faults").raise_for_status()

    recovered = run(again.address, again.folder, "offers")["offers"]

    assert (failed.ok, recovered.ok, recovered.complete) == (False, True, True)
    assert read_run(again.folder / "offers").failures == 0


@pytest.mark.parametrize(
    ("setting", "source", "said"),
    [
        ({"france_travail_client_secret": ""}, "offers", "FRANCE_TRAVAIL_CLIENT_SECRET are needed"),
        ({"france_travail_client_secret": "wrong"}, "offers", "Client authentication failed"),
        ({"recruiters_url": ""}, "recruiters", "RECRUITERS_URL is empty"),
        ({"carif_oref_url": "catalogue"}, "trainings", "is not an http(s) address"),
        ({"sync_deadline_s": 0.001}, "trainings", "SYNC_DEADLINE_S"),
    ],
    ids=["no secret", "a wrong secret", "no file", "no address", "a deadline that is too short"],
)
def test_a_setting_that_cannot_work_is_named_and_stops_its_source_only(
    again: Synced, setting: dict[str, object], source: str, said: str
):
    report = run(again.address, again.folder, source, **setting)[source]

    assert not report.ok
    assert said in report.cause


def test_an_unknown_source_is_refused_with_the_known_ones(tmp_path: Path):
    with pytest.raises(SettingError, match="no source is called jobs; there are: trainings"):
        run("http://127.0.0.1:9", tmp_path, "jobs")


def test_two_syncs_of_one_source_do_not_write_at_once(again: Synced):
    before = again.snapshot("trainings").version
    break_it(again.address, trainings={"slow_chunks_s": 0.2})

    async def both() -> list[SyncReport]:
        settings = settings_for(again.address, str(again.folder))
        found = await asyncio.gather(*(sync(["trainings"], settings, now=LATER) for _ in range(2)))
        return [report for reports in found for report in reports]

    reports = asyncio.run(both())

    assert sorted(report.ok for report in reports) == [False, True]
    assert next(report.cause for report in reports if not report.ok).startswith("trainings: another sync")
    assert again.snapshot("trainings").version != before


def test_every_source_of_the_registry_has_a_recording():
    recordings = {path.stem for path in (Path(__file__).parent / "recordings").glob("*.json")}

    assert set(NAMES) <= SOURCES.keys()
    assert set(NAMES) <= recordings


# The command.


def command(synced: Synced, folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "DATA_DIR": str(folder), "FRANCE_TRAVAIL_URL": synced.address, "CARIF_OREF_URL": synced.address,
        "FRANCE_TRAVAIL_TOKEN_URL": f"{synced.address}{SIGN_IN}", "FRANCE_TRAVAIL_CLIENT_ID": "PAR_demo",
        "FRANCE_TRAVAIL_CLIENT_SECRET": "demo", "FRANCE_TRAVAIL_RATE_PER_S": "1000", "ATTEMPTS": "1",
        "RECRUITERS_URL": f"{synced.address}/recruiters/recruiters.ndjson.gz", **more,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "widget_server.cli", "sync", "--json", "-", *arguments],
        env=os.environ | environment,
        cwd=Path(__file__).parents[2],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_writes_a_report_for_machines_and_ends_with_0(synced: Synced, tmp_path: Path):
    done = command(synced, tmp_path)

    reports = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert [report["source"] for report in reports] == list(NAMES)
    for report in reports:
        counts = report["counts"]
        lost = sum(counts["rejected"].values())
        assert counts["read"] == counts["cards"] + counts["merged"] + counts["repeated"] + lost
        assert report["calls"] >= 1
        assert report["bytes"] > 0
        assert f"{report['source']}: {counts['cards']} cards" in done.stderr


def test_the_command_ends_with_1_and_the_cause_when_one_source_fails(again: Synced):
    before = again.snapshot("recruiters").version
    break_it(again.address, recruiters={"status": 500})

    done = command(again, again.folder, "trainings", "recruiters")

    trainings, recruiters = json.loads(done.stdout)
    assert done.returncode == 1
    assert (trainings["ok"], recruiters["ok"]) == (True, False)
    told = done.stderr.strip().splitlines()[-1]
    assert told.startswith("recruiters: Prédictions de recruteurs: answers 500")
    assert told.endswith(f"; version {before} stays")
    assert "Traceback" not in done.stderr


def test_the_command_refuses_an_unknown_source_in_one_line(synced: Synced, tmp_path: Path):
    done = command(synced, tmp_path, "jobs")

    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("Error: no source is called jobs")
    assert done.stdout == ""
