"""The product's own commands as real processes on loopback: a sandbox, syncs, a server."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "widget_server.cli"]
STARTS_WITHIN_S = 120.0


PORTS = range(20_000, 32_768)
"""Below those that the system gives to connections: what is free here stays free until a process has bound it."""


def free_port() -> int:
    """A port for a process that has to be told its own; where one can listen at port 0, that is safer."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


@dataclass
class Installation:
    """One data folder with the settings that go with it; `more` are settings of this test."""

    folder: Path
    sandbox_port: int
    more: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def environment(self) -> dict[str, str]:
        sandbox = f"http://127.0.0.1:{self.sandbox_port}"
        clean = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        return clean | {
            "PYTHONPATH": str(ROOT),
            "DATA_DIR": str(self.data),
            "FRANCE_TRAVAIL_URL": sandbox,
            "FRANCE_TRAVAIL_TOKEN_URL": f"{sandbox}/connexion/oauth2/access_token?realm=%2Fpartenaire",
            "FRANCE_TRAVAIL_CLIENT_ID": "PAR_demo",
            "FRANCE_TRAVAIL_CLIENT_SECRET": "demo",
            "FRANCE_TRAVAIL_RATE_PER_S": "10000",
            "CARIF_OREF_URL": sandbox,
            "RECRUITERS_URL": f"{sandbox}/recruiters/recruiters.ndjson.gz",
            "LOOK_AGAIN_S": "0.1",
            **self.more,
        }

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*COMMAND, *arguments],
            env=self.environment(),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, within_s: float = STARTS_WITHIN_S) -> "subprocess.CompletedProcess[str]":
        """A command to its end; stdout and stderr together."""
        process = self.start(*arguments)
        try:
            told, _ = process.communicate(timeout=within_s)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, told, "")

    @contextmanager
    def server(self, **more: str) -> Iterator[str]:
        """`widget-server serve`; gives its address."""
        port = free_port()
        self.more |= {"WIDGET_PORT": str(port), **more}
        process = self.start("serve")
        try:
            address = f"http://127.0.0.1:{port}"
            await_answer(f"{address}/healthz", process)
            yield address
        finally:
            end(process)


@contextmanager
def sandbox_served(folder: Path, scale: str = "0.01") -> Iterator[Installation]:
    """A sandbox of small scale without quotas in the way, and an installation that reads it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", _SANDBOX, str(port), scale],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
    )
    try:
        await_answer(f"http://127.0.0.1:{port}/_faults", process)
        yield Installation(folder=folder, sandbox_port=port)
    finally:
        end(process)


_SANDBOX = """
import sys
from widget_server.sandbox import SandboxSettings
from widget_server.sandbox.server import serve_sandbox
quiet = SandboxSettings(
    offers_rate_per_s=0, catalogue_rate_per_s=0, labonneboite_per_s=0, export_per_minute=0, search_per_minute=0
)
serve_sandbox(port=int(sys.argv[1]), scale=sys.argv[2], settings=quiet)
"""


def await_answer(
    address: str,
    process: "subprocess.Popen[str] | subprocess.Popen[bytes]",
    within_s: float = STARTS_WITHIN_S,
) -> None:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        assert process.poll() is None, f"ended with {process.returncode} before it answered at {address}"
        try:
            if httpx.get(address, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"no answer at {address} within {within_s} s")


def end(process: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
