"""Several worker processes: one set of mapped pages, new snapshots between two requests, an end that loses nobody."""

import concurrent.futures
import http.client
import json
import os
import signal
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.builders import NOW, declaration, entry, harvest
from tests.contract.site import OCCUPATIONS
from tests.processes import Installation, await_answer, end, free_port
from widget_server.snapshot.shelf import Shelf

WORKERS = 2
SEARCH = "/v1/cards?romes=D1102&insee=35238&limit=50"
PAGE = "/v1/widget?romes=D1102&insee=35238"
WITHIN_S = 60
OLD, NEW = 20, 30
FOREVER_S = str(10**9)


def publish(data: Path, name: str, count: int, hours: int) -> None:
    """A version of the offers whose every card and whose count say which version it is."""
    with Shelf(data / "offers").draft(declaration(), started=NOW + timedelta(hours=hours)) as draft:
        for number in range(count):
            draft.add(entry(f"{name}:{number}", (48.1118, -1.68189), kind="offer", insee="35238"))
        draft.publish(tree=OCCUPATIONS, harvest=harvest(), keep=3)


def version_of(answer: dict) -> str:
    """The one version that an answer is made of; fails when it is made of two."""
    names = {card["id"].partition(":")[0] for card in answer["cards"]}
    (source,) = answer["sources"]
    assert len(names) == 1, f"cards of {names} in one answer"
    count = {"old": OLD, "new": NEW}[min(names)]
    assert (answer["total"], source["count"], len(answer["cards"])) == (count, count, count)
    return min(names)


def children(pid: int) -> list[int]:
    told = [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]
    return [child for child in told if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def mapped(pid: int) -> set[tuple[str, str, str]]:
    """Permissions, device and inode of the latitudes that a process has mapped."""
    lines = [line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    return {(line[1], line[3], line[4]) for line in lines if line[-1].endswith("/index/lat.npy")}


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@contextmanager
def serving(folder: Path, workers: int):
    """Our server over one version of the offers; gives its port and its process."""
    data = folder / "data"
    publish(data, "old", OLD, 0)
    port = free_port()
    more = {
        "SOURCES": "offers:offer",
        "WORKERS": str(workers),
        "WIDGET_PORT": str(port),
        "OFFERS_LATE_AFTER_S": FOREVER_S,
        "OFFERS_WITHHELD_AFTER_S": FOREVER_S,
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
    }
    process = Installation(folder=folder, sandbox_port=free_port(), more=more).start("serve")
    try:
        await_answer(f"http://127.0.0.1:{port}/readyz", process)
        yield port, process
    finally:
        end(process)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("workers"), WORKERS) as (port, process):
        until = time.monotonic() + WITHIN_S
        while sum(bool(mapped(pid)) for pid in children(process.pid)) < WORKERS:
            assert time.monotonic() < until, "not every worker has opened the index"
            time.sleep(0.05)
        yield port, process


def test_the_server_runs_on_uvloop_and_httptools(served):
    _, process = served

    for pid in children(process.pid):
        maps = Path(f"/proc/{pid}/maps").read_text()
        assert "/uvloop/loop." in maps
        assert "/httptools/parser/parser." in maps


def test_workers_share_the_pages_of_the_index(served):
    _, process = served
    one, two = [mapped(pid) for pid in children(process.pid)]

    assert one == two
    assert {permissions for permissions, _, _ in one} == {"r--s"}


def test_a_new_version_reaches_every_worker_and_no_answer_mixes_two(served, tmp_path_factory):
    port, process = served
    seen: list[str] = []
    stop = threading.Event()

    def ask(number: int) -> None:
        turn = 0
        while not stop.is_set():
            # Half of them are answered from the cache, half are made.
            turn += 1
            path = SEARCH if number % 2 else f"{SEARCH}&latitude=48.111&longitude=-1.68&radius={1 + turn % 200}"
            status, body = get(port, path)
            assert status == 200
            seen.append(version_of(json.loads(body)))

    data = next(
        Path(path.split("=", 1)[1])
        for path in Path(f"/proc/{process.pid}/environ").read_text().split("\0")
        if path.startswith("DATA_DIR=")
    )
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask, number) for number in range(4)]
        while seen.count("old") < 40:
            assert not any(task.done() for task in asking)
            time.sleep(0.01)
        publish(data, "new", NEW, 1)
        until = time.monotonic() + WITHIN_S
        while (newest := seen[-200:]).count("new") < 200 and time.monotonic() < until:
            time.sleep(0.01)
        stop.set()
        for task in asking:
            task.result()

    assert set(seen) == {"old", "new"}
    assert newest == ["new"] * 200


def test_counters_are_those_of_all_workers_together(served):
    port, _ = served

    def counted() -> float:
        """Pages, which no other test of this server asks for."""
        lines = get(port, "/metrics")[1].decode().splitlines()
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith('widget_requests_total{route="/v1/widget",status="200"}')
        )

    for _ in range(60):
        assert get(port, PAGE)[0] == 200

    # Each worker settles what its fast path counted once a second.
    until = time.monotonic() + WITHIN_S
    while (told := counted()) < 60 and time.monotonic() < until:
        time.sleep(0.1)
    assert told == 60


def untaken(port: int) -> int:
    """Bytes on their way to a server of this machine that it has not taken yet: not arrived, or arrived and unread."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = [(line[1], line[2], *line[4].split(":")) for line in lines if line[3] == "01"]
    told = f":{port:04X}"
    sent = sum(int(waiting, 16) for _, remote, waiting, _ in ends if remote.endswith(told))
    return sent + sum(int(waiting, 16) for local, _, _, waiting in ends if local.endswith(told))


def test_a_server_that_is_told_to_end_finishes_what_it_has_begun(tmp_path):
    with serving(tmp_path, 1) as (port, process):
        connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S) for _ in range(60)]
        for connection in connections:
            connection.connect()
        for number, connection in enumerate(connections):
            connection.request("GET", f"{SEARCH}&radius={number + 1}")
        while untaken(port):
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGTERM)
        told = [connection.getresponse() for connection in connections]
        versions = {version_of(json.loads(response.read())) for response in told}
        for connection in connections:
            connection.close()
        code = process.wait(WITHIN_S)

    assert {response.status for response in told} == {200}
    assert versions == {"old"}
    assert code in (0, -signal.SIGTERM)
