"""One upstream stopped, one answering 500, one malformed: the list answers with what there is, and says so.

Three sandboxes stand in for the three upstreams, each on a port of its own, so that one of them can be broken or be
gone while the others work.
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.contract.sandbox import NOW, RELEASE, SIGN_IN, economy, served, settings_for
from tests.contract.site import client
from tests.processes import free_port
from widget_server.settings import Settings
from widget_server.sync.sync import SyncReport, sync

NAMES = ("trainings", "offers", "recruiters")
KINDS = {"trainings": "training", "offers": "offer", "recruiters": "recruiter"}
CALLED = {"trainings": "Les formations", "offers": "Les offres d’emploi", "recruiters": "Les entreprises à contacter"}
SCALE = 0.03
SOON_S = 60.0
HANGS_S = 100
TROUBLES = {"stopped": None, "answering 500": {"status": 500}, "malformed": {"malformed": True}}
PAIRS = [(name, trouble) for name in NAMES for trouble in TROUBLES]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, str]]:
    """An address for each source."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(served(made=economy(SCALE))) for name in NAMES}


@pytest.fixture(scope="module")
def filled(upstreams: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything, synced while all was well."""
    folder = tmp_path_factory.mktemp("filled")
    reports = synced(upstreams, folder, NOW)
    assert all(report.ok for report in reports.values()), reports
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "data"
    shutil.copytree(filled, copy)
    return copy


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@contextmanager
def broken(upstreams: Mapping[str, str], troubles: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The addresses while each named upstream has its trouble."""
    addresses = dict(upstreams)
    with ExitStack() as stack:
        for name, trouble in troubles.items():
            fault = TROUBLES[trouble]
            if fault is None:
                # A port that is taken but does not listen: whoever connects is refused.
                taken = stack.enter_context(socket.socket())
                taken.bind(("127.0.0.1", 0))
                addresses[name] = f"http://127.0.0.1:{taken.getsockname()[1]}"
            else:
                httpx.post(f"{upstreams[name]}/_faults", json={name: fault}).raise_for_status()
                stack.callback(httpx.delete, f"{upstreams[name]}/_faults")
        yield addresses


def settings_of(addresses: Mapping[str, str], folder: Path) -> Settings:
    return settings_for(
        addresses["offers"],
        str(folder),
        carif_oref_url=addresses["trainings"],
        recruiters_url=f"{addresses['recruiters']}{RELEASE}",
    )


def synced(addresses: Mapping[str, str], folder: Path, now: datetime, *names: str) -> dict[str, SyncReport]:
    reports = asyncio.run(sync(names, settings_of(addresses, folder), now=now))
    return {report.source: report for report in reports}


def search() -> str:
    """A job that every département has, at the seat of one of them."""
    jobs = economy(SCALE).jobs
    return f"romes={jobs.parents[int(jobs.frequent[0])]}&insee=35238&limit=50"


async def shown(folder: Path, now: datetime, **more: object) -> tuple[dict[str, object], str]:
    """The JSON of the list, and the page."""
    async with client(folder, now=now, **more) as http:
        answer = await http.get(f"/v1/cards?{search()}")
        page = await http.get(f"/v1/widget?{search()}")
    assert answer.status_code == 200
    assert page.status_code == 200
    return answer.json(), page.text


def states(answer: Mapping[str, object]) -> dict[str, dict[str, object]]:
    return {source["name"]: source for source in answer["sources"]}


def test_when_all_is_well_the_list_has_all_three_and_no_notice(filled: Path):
    answer, page = asyncio.run(shown(filled, NOW))

    assert set(answer["counts"]) == {kind for kind in KINDS.values() if answer["counts"][kind]}
    assert {state["status"] for state in states(answer).values()} == {"ok"}
    assert not any("problem" in state for state in states(answer).values())
    assert "manquent pour le moment" not in page
    assert "plus anciennes que" not in page


@pytest.mark.parametrize(("name", "trouble"), PAIRS, ids=[f"{name} {trouble}" for name, trouble in PAIRS])
def test_at_a_first_sync_the_others_arrive_and_the_missing_one_is_named(
    upstreams: dict[str, str], tmp_path: Path, name: str, trouble: str
):
    with broken(upstreams, {name: trouble}) as addresses:
        reports = synced(addresses, tmp_path, NOW)

    answer, page = asyncio.run(shown(tmp_path, NOW))

    others = [other for other in NAMES if other != name]
    assert {each: report.ok for each, report in reports.items()} == {each: each != name for each in NAMES}
    assert {card["kind"] for card in answer["cards"]} == {KINDS[other] for other in others}
    assert {each: state["status"] for each, state in states(answer).items()} == {
        each: "missing" if each == name else "ok" for each in NAMES
    }
    assert states(answer)[name]["problem"] == reports[name].cause
    assert page.count("manquent pour le moment") == 1
    assert f"{CALLED[name]} manquent pour le moment" in page.replace("\xa0", " ")


@pytest.mark.parametrize(("name", "trouble"), PAIRS, ids=[f"{name} {trouble}" for name, trouble in PAIRS])
def test_at_a_later_sync_the_list_stays_as_it_was_and_says_what_happened(
    upstreams: dict[str, str], folder: Path, name: str, trouble: str
):
    before, _ = asyncio.run(shown(folder, NOW + timedelta(hours=1)))

    with broken(upstreams, {name: trouble}) as addresses:
        report = synced(addresses, folder, NOW + timedelta(hours=1), name)[name]

    after, page = asyncio.run(shown(folder, NOW + timedelta(hours=1)))
    assert not report.ok
    assert states(after)[name].pop("problem") == report.cause
    assert after == before, "nothing else has changed"
    assert "manquent pour le moment" not in page


@pytest.mark.parametrize("name", NAMES)
def test_a_source_that_stays_down_is_late_then_withheld_and_the_others_stay(
    upstreams: dict[str, str], folder: Path, name: str
):
    limits = Settings()
    late = NOW + timedelta(seconds=limits.late_after_s(KINDS[name]) + 60)
    withheld = NOW + timedelta(seconds=limits.withheld_after_s(KINDS[name]) + 60)
    others = [other for other in NAMES if other != name]
    patient = {f"{KINDS[other]}s_late_after_s": 10**9 for other in others}
    for now, status in ((late, "late"), (withheld, "missing")):
        with broken(upstreams, {name: "stopped"}) as addresses:
            report = synced(addresses, folder, now, name)[name]

        answer, page = asyncio.run(shown(folder, now, **patient))

        plain = page.replace("\xa0", " ")
        assert not report.ok
        assert {each: state["status"] for each, state in states(answer).items()} == {
            each: status if each == name else "ok" for each in NAMES
        }
        kinds = {card["kind"] for card in answer["cards"]}
        assert kinds == {KINDS[each] for each in (NAMES if status == "late" else others)}
        said = "plus anciennes que d’habitude" if status == "late" else "sont trop anciennes"
        assert plain.count(said) == 1
        assert CALLED[name] in plain.partition(said)[0][-200:]


# The same with real processes.


def environment(addresses: Mapping[str, str], folder: Path, port: int) -> dict[str, str]:
    return os.environ | {
        "DATA_DIR": str(folder), "WIDGET_PORT": str(port), "ATTEMPTS": "1", "PATIENCE_S": "20",
        "FRANCE_TRAVAIL_URL": addresses["offers"], "CARIF_OREF_URL": addresses["trainings"],
        "FRANCE_TRAVAIL_TOKEN_URL": f"{addresses['offers']}{SIGN_IN}", "FRANCE_TRAVAIL_CLIENT_ID": "PAR_demo",
        "FRANCE_TRAVAIL_CLIENT_SECRET": "demo", "FRANCE_TRAVAIL_RATE_PER_S": "1000",
        "RECRUITERS_URL": f"{addresses['recruiters']}{RELEASE}",
        # The sandboxes' day is that of the tests, the processes' is today.
        "RECRUITERS_LATE_AFTER_S": str(10**9), "RECRUITERS_WITHHELD_AFTER_S": str(10**9),
    }  # fmt: skip


def started(command: list[str], told: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "widget_server.cli", *command],
        env=dict(told), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@contextmanager
def serving(told: Mapping[str, str]) -> Iterator[httpx.Client]:
    """A running server, asked for the first time when it answers."""
    server = started(["serve"], told)
    with httpx.Client(base_url=f"http://127.0.0.1:{told['WIDGET_PORT']}", timeout=SOON_S, trust_env=False) as http:
        try:
            eventually(lambda: answers(http, server))
            yield http
        finally:
            server.terminate()
            server.communicate(timeout=SOON_S)


def answers(http: httpx.Client, server: "subprocess.Popen[str]") -> bool:
    assert server.poll() is None, server.stderr.read()
    try:
        return http.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def eventually(holds: Callable[[], bool]) -> None:
    """Look until it holds; an error when it does not within SOON_S."""
    until = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.05)


def asked_while(http: httpx.Client, goes_on: Callable[[], bool]) -> int:
    """Ask for the list again and again while something goes on; how many answers there were."""
    count = 0
    while goes_on():
        assert http.get(f"/v1/cards?{search()}").status_code == 200
        count += 1
        time.sleep(0.02)
    return count


def test_with_every_upstream_in_trouble_at_once_a_running_server_goes_on_answering(
    upstreams: dict[str, str], tmp_path: Path
):
    port = free_port()
    troubles = dict(zip(("offers", "trainings", "recruiters"), TROUBLES, strict=True))
    with serving(environment(upstreams, tmp_path, port)) as http:
        empty = http.get("/readyz")
        good = started(["sync", "--json", "-"], environment(upstreams, tmp_path, port))
        good.communicate(timeout=SOON_S)
        eventually(lambda: http.get("/readyz").status_code == 200)
        before = http.get(f"/v1/cards?{search()}").json()

        with broken(upstreams, troubles) as addresses:
            bad = started(["sync", "--json", "-"], environment(addresses, tmp_path, port))
            asked_while(http, lambda: bad.poll() is None)
            out, said = bad.communicate()
        reports = {report["source"]: report for report in json.loads(out)}
        eventually(lambda: all("problem" in state for state in states(http.get("/readyz").json()).values()))
        after = http.get(f"/v1/cards?{search()}").json()
        metrics = http.get("/metrics").text

    assert (empty.status_code, good.returncode, bad.returncode) == (503, 0, 1)
    assert after["cards"] == before["cards"]
    assert after["counts"] == before["counts"]
    assert {name: state["status"] for name, state in states(after).items()} == dict.fromkeys(NAMES, "ok")
    for name, report in reports.items():
        assert states(after)[name]["problem"] == report["cause"]
        cause = report["cause"].removeprefix(f"{name}: ")  # the line names its source once
        assert f"{name}: {cause}; version {report['previous']} stays" in said
        assert f'widget_source_failing{{source="{name}"}} 1.0' in metrics


def test_while_an_upstream_hangs_the_list_answers(upstreams: dict[str, str], folder: Path):
    told = environment(upstreams, folder, free_port()) | {"PATIENCE_S": str(HANGS_S)}
    faults = f"{upstreams['trainings']}/_faults"
    httpx.post(faults, json={"trainings": {"slow_s": HANGS_S, "times": 1}}).raise_for_status()
    with serving(told) as http:
        hanging = started(["sync", "trainings"], told)
        eventually(lambda: not httpx.get(faults).json()["active"])
        left = iter(range(20))
        asked_while(http, lambda: next(left, None) is not None)
        still = hanging.poll() is None
        hanging.kill()
        hanging.communicate()

    assert still, "twenty answers came while the sync waited for its own"
