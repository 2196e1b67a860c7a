"""Servers side by side on a noisy machine: pairs of slices, CPU per request, and what a ratio is worth.

The only place that knows statistics. A value is the candidate's slice divided by the mean of the two slices of the
base beside it (B C B C ... B). What is published is the median of the pairs with its coefficient of variation. A second
base, measured as if it were a candidate, says what the machine makes of a ratio that is 1: when that leaves 0.9 to 1.1
or scatters by more than 0.2, no verdict is given.
"""

import http.client
import json
import os
import random
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from tests.processes import ROOT, end, free_port

RESULTS = ROOT / "build" / "bench" / "results.jsonl"
PAIRS = 15
SLICE_S = 0.5
BLOCKS = 3
TOLERANCE = 1.15
CONNECTIONS = 8
BROWSER = (
    b"user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0"
    b" Safari/537.36\r\naccept: text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8\r\naccept-language:"
    b" fr-FR,fr;q=0.9,en;q=0.8\r\naccept-encoding: gzip, deflate, br, zstd\r\nsec-fetch-dest: iframe\r\nsec-fetch-mode:"
    b" navigate\r\nsec-fetch-site: cross-site\r\nreferer: https://lycee.example/\r\n"
)
PACKAGES = ("numpy", "uvicorn", "starlette", "uvloop", "httptools", "orjson", "msgspec", "aiocache", "brotli")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. `goal` is an upper bound, or a lower one when `at_least`; without one it is reported."""

    subject: str
    measured: float
    unit: str = ""
    goal: float | None = None
    at_least: bool = False
    exact: bool = False
    cv: float | None = None
    control: float | None = None
    control_cv: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """pass, fail, inconclusive, or reported."""
        if self.goal is None:
            return "reported"
        if self.control is not None and (not 0.9 <= self.control <= 1.1 or (self.control_cv or 0) > 0.2):
            return "inconclusive"
        slack = 1.0 if self.exact else TOLERANCE
        met = self.measured * slack >= self.goal if self.at_least else self.measured <= self.goal * slack
        return "pass" if met else "fail"

    def line(self) -> str:
        """The row as a person reads it."""
        goal = "" if self.goal is None else f"{'>=' if self.at_least else '<='} {self.goal:g}"
        measured = f"{self.measured:.3g}{' ' + self.unit if self.unit else ''}"
        spread = f"cv {self.cv:.2f}" if self.cv is not None else ""
        control = f"A/A {self.control:.2f}" if self.control is not None else ""
        more = "  ".join(text for text in (spread, control, self.note) if text)
        return f"{self.subject:<58} {goal:<9} {measured:<14} {self.verdict:<13} {more}".rstrip()


def publish(file: str, rows: Sequence[Row], seed: int = 1) -> list[Row]:
    """Print the rows of one file, and append them as one JSON line to an ignored file."""
    for row in rows:
        print(row.line(), flush=True)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "file": file,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seed": seed,
        "load": os.getloadavg(),
        "cores": len(os.sched_getaffinity(0)),
        "python": sys.version.split()[0],
        "versions": {name: version(name) for name in PACKAGES},
        "rows": [asdict(row) | {"verdict": row.verdict} for row in rows],
    }
    with RESULTS.open("a", encoding="utf-8") as file_of_results:
        file_of_results.write(json.dumps(told) + "\n")
    return list(rows)


def cv(values: Sequence[float]) -> float:
    """Coefficient of variation."""
    return statistics.stdev(values) / statistics.mean(values) if len(values) > 1 and statistics.mean(values) else 0.0


def cores() -> tuple[int, int]:
    """A core for servers and one for clients; the same one where there is but one."""
    every = sorted(os.sched_getaffinity(0))
    return every[0], every[-1]


@dataclass
class Served:
    """A running server process."""

    process: subprocess.Popen[bytes]
    port: int

    def cpu_ns(self) -> int:
        """User and system time of all its threads so far, and of its child processes."""
        return sum(_thread_ns(pid) for pid in self.pids())

    def pids(self) -> list[int]:
        """The process and its children."""
        found, rest = [], [self.process.pid]
        while rest:
            pid = rest.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                rest += [int(child) for child in task.read_text("ascii").split()]
        return found

    def memory_kb(self, name: str) -> int:
        """A value of /proc/<pid>/status such as VmRSS or RssAnon, of all processes together."""
        total = 0
        for pid in self.pids():
            status = Path(f"/proc/{pid}/status").read_text("ascii")
            total += int(status.partition(f"{name}:")[2].split()[0])
        return total

    def mapped_kb(self, folder: Path) -> int:
        """What is resident of the files of a folder, of all processes together: pages that they share."""
        total = 0
        for pid in self.pids():
            ours = False
            for line in Path(f"/proc/{pid}/smaps").read_text("utf-8").splitlines():
                name, _, value = line.partition(":")
                if "-" in name:
                    ours = f" {folder}/" in line
                elif ours and name == "Rss":
                    total += int(value.split()[0])
        return total


def _thread_ns(pid: int) -> int:
    return sum(int(task.read_text("ascii").split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat"))


@contextmanager
def serving(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    path: str = "/",
    core: int | None = None,
    listener: socket.socket | None = None,
) -> Iterator[Served]:
    """A server on a free port, which stands for PORT in its command; ready when it answers at `path`.

    With a `listener` it accepts from that socket, whose number stands for PORT; whoever shares it may answer first.
    """
    port = listener.getsockname()[1] if listener else free_port()
    place = listener.fileno() if listener else port
    clean = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    told = clean | {"PYTHONPATH": str(ROOT), "WIDGET_PORT": str(port)} | dict(environment or {})
    process = subprocess.Popen(
        [part.replace("PORT", str(place)) for part in command],
        cwd=ROOT,
        env=told,
        stdin=subprocess.DEVNULL,
        pass_fds=[place] if listener else [],
        preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        await_status(port, path, process)
        yield Served(process, port)
    finally:
        end(process)


def await_status(port: int, path: str, process: subprocess.Popen[bytes], within_s: float = 120) -> None:
    """Wait until a server answers with 200."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        assert process.poll() is None, f"{process.args} ended with {process.returncode}"
        try:
            if get(port, path)[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.01)
    raise AssertionError(f"{process.args} gives no 200 at {path} within {within_s:.0f} s")


def get(port: int, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def widget(data: Path, **settings: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment of our server over a data folder; the clock is the real one, so nothing is withheld."""
    ages = {
        f"{kind}_{what}_AFTER_S": str(10**9)
        for kind in ("OFFERS", "TRAININGS", "RECRUITERS")
        for what in ("LATE", "WITHHELD")
    }
    partners = data / "partners.toml"
    if not partners.exists():
        partners.write_text(
            '[[partner]]\nid = "demo-lycee"\nname = "Lycée de l\'Exemple"\norigins = ["https://lycee.example"]\n',
            "utf-8",
        )
    told = {"DATA_DIR": str(data), "PARTNERS_FILE": str(partners), **ages, **settings}
    return [sys.executable, "-m", "widget_server.cli", "serve"], told


class Client:
    """A closed loop over a few connections; counts whole answers."""

    def __init__(self, port: int, request: bytes, *, connections: int = CONNECTIONS) -> None:
        self._request = request
        self._selector = selectors.DefaultSelector()
        for _ in range(connections):
            sock = socket.create_connection(("127.0.0.1", port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(sock, selectors.EVENT_READ, bytearray())

    def run(self, seconds: float) -> int:
        """Send and receive for so long; the answers that were received whole."""
        answers = 0
        until = time.monotonic() + seconds
        waiting = 0
        for key in self._selector.get_map().values():
            _socket(key).sendall(self._request)
            waiting += 1
        while waiting:
            for key, _ in self._selector.select():
                sock, held = _socket(key), key.data
                held += sock.recv(262_144)
                if not whole(held):
                    continue
                held.clear()
                answers += 1
                if time.monotonic() < until:
                    sock.sendall(self._request)
                else:
                    waiting -= 1
        return answers

    def close(self) -> None:
        """End the connections."""
        for key in list(self._selector.get_map().values()):
            _socket(key).close()
        self._selector.close()


def _socket(key: selectors.SelectorKey) -> socket.socket:
    assert isinstance(key.fileobj, socket.socket)
    return key.fileobj


def whole(held: bytearray) -> bool:
    """Whether an answer has arrived to its last byte; a status other than 200 and 304 is an error."""
    end_of_head = held.find(b"\r\n\r\n")
    if end_of_head < 0:
        return False
    assert held[9:12] in (b"200", b"304"), bytes(held[:300])
    place = held.find(b"content-length: ", 0, end_of_head)
    length = int(held[place + 16 : held.find(b"\r\n", place)]) if place >= 0 else 0
    return len(held) >= end_of_head + 4 + length


def request(path: str, *, etag: str = "") -> bytes:
    """A GET with the headers that a browser sends."""
    more = b"if-none-match: %b\r\n" % etag.encode() if etag else b""
    return b"GET %b HTTP/1.1\r\nhost: widget.example\r\n%b%b\r\n" % (path.encode(), BROWSER, more)


@dataclass
class Case:
    """A candidate and its base: which server, which bytes go in."""

    name: str
    candidate: Served
    sent: bytes
    base: Served
    base_sent: bytes
    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)


def alternate(cases: Sequence[Case], *, pairs: int = PAIRS, slice_s: float = SLICE_S, seed: int = 1) -> None:
    """Measure every case in pairs, in blocks whose order is random; fills in the ratios."""
    rng = random.Random(seed)
    blocks = [case for case in cases for _ in range(BLOCKS)]
    rng.shuffle(blocks)
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores()[1]})
    try:
        for case in blocks:
            _block(case, pairs // BLOCKS, slice_s)
    finally:
        os.sched_setaffinity(0, before)  # what is measured next, and all that it starts, has both cores again


def _block(case: Case, pairs: int, slice_s: float) -> None:
    base, candidate = Client(case.base.port, case.base_sent), Client(case.candidate.port, case.sent)
    base.run(0.1)
    candidate.run(0.1)
    before = _slice(case.base, base, slice_s)
    for _ in range(pairs):
        between = _slice(case.candidate, candidate, slice_s)
        after = _slice(case.base, base, slice_s)
        case.cpu.append(between[0] / ((before[0] + after[0]) / 2))
        case.rate.append(between[1] / ((before[1] + after[1]) / 2))
        before = after
    base.close()
    candidate.close()


def _slice(served: Served, client: Client, seconds: float) -> tuple[float, float]:
    """CPU in us per request, and requests per second."""
    cpu, begun = served.cpu_ns(), time.monotonic()
    answers = client.run(seconds)
    return (served.cpu_ns() - cpu) / 1000 / answers, answers / (time.monotonic() - begun)


def timed(variants: Mapping[str, Callable[[], object]], *, repeats: int = 1) -> dict[str, list[float]]:
    """CPU in ms of each variant of one thing, interleaved."""
    told: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(repeats):
        for name, run in variants.items():
            begun = time.process_time_ns()
            run()
            told[name].append((time.process_time_ns() - begun) / 1e6)
    return told
