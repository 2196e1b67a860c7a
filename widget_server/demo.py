"""`widget-server demo`: sandbox, server and example pages as real processes, filled by the real sync.

The recruiters are those of a forecast that is really run, on a fictitious economy over real communes. Only settings
differ from a real installation: base addresses, credentials and the pace. What was synced stays in
`.demo/data`, so that a second run starts in seconds.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from widget_server.domain.errors import SnapshotError, WidgetError
from widget_server.settings import Settings
from widget_server.snapshot.shelf import Shelf

FOLDER: Final = Path(".demo")
SEARCHES: Final = (
    ("boulanger, Rennes", "romes=D1102&insee=35238"),
    ("développement informatique, Rennes", "romes=M1805&insee=35238"),
    ("cuisine, Lyon 3e", "romes=G1602&insee=69383"),
    ("services à la personne, Saint-Denis de La Réunion", "romes=K1304&insee=97411"),
    ("secrétariat, Ajaccio", "romes=M1607&insee=2A004"),
)
ESTABLISHMENTS: Final = 10_000
"""Drawn for the forecast: enough for every département, few enough for two cores and a minute."""
SEED: Final = "13"
"""An economy that has recruiters for each of the searches above, wherever they are."""
ROUNDS: Final = 100
"""Trees of each booster, for the same reason; a real forecast has three times as many."""
_TASKS: Final = ("economy", "forecast", "sync")
"""Processes that end by themselves."""
_WAIT_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.1
_GRACE_S: Final = 5.0
_STALE_S: Final = 12 * 3600


class DemoFailed(WidgetError):
    """One of the demo's processes did not do its part."""


@dataclass(kw_only=True)
class Demo:
    """The processes of one demo; `stop` ends all of them."""

    settings: Settings
    children: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def run(self) -> None:
        """Start everything, say where it is, and stay until it is interrupted."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            self._start()
            self._stay()
        except KeyboardInterrupt:
            sys.stderr.write("\nStopping the demo\n")
        finally:
            self.stop()

    def environment(self) -> dict[str, str]:
        """What a real installation would have in its own environment."""
        told = self.settings
        sandbox = f"http://127.0.0.1:{told.sandbox_port}"
        return {
            **os.environ,
            "WIDGET_PORT": str(told.widget_port),
            "EXAMPLES_PORT": str(told.examples_port),
            "SANDBOX_PORT": str(told.sandbox_port),
            "DATA_DIR": str(FOLDER / "data"),
            "SOURCES": Settings().sources,
            "PARTNERS_FILE": str(FOLDER / "partners.toml"),
            "FRANCE_TRAVAIL_URL": sandbox,
            "FRANCE_TRAVAIL_TOKEN_URL": f"{sandbox}/connexion/oauth2/access_token?realm=%2Fpartenaire",
            "FRANCE_TRAVAIL_CLIENT_ID": "PAR_demo",
            "FRANCE_TRAVAIL_CLIENT_SECRET": "demo",
            "FRANCE_TRAVAIL_RATE_PER_S": "9",
            "CARIF_OREF_URL": sandbox,
            "RECRUITERS_URL": "",  # the release in DATA_DIR
            # The forecast shares the cores with the sync: a thread that waits must not spin.
            "OMP_WAIT_POLICY": "PASSIVE",
        }

    def _start(self) -> None:
        begun = time.monotonic()
        FOLDER.mkdir(exist_ok=True)
        root = Path(__file__).parents[1] / "examples"
        if not root.is_dir():
            raise DemoFailed("the example pages are not part of the package: run the demo from a checkout, make demo")
        partners = (root / "partners.toml").read_text("utf-8")
        port = str(self.settings.examples_port)
        (FOLDER / "partners.toml").write_text(partners.replace("__EXAMPLES_PORT__", port), "utf-8")
        environment = self.environment()
        command = [sys.executable, "-m", "widget_server.cli"]
        widget = f"http://127.0.0.1:{self.settings.widget_port}"
        self._spawn("server", [*command, "serve"], environment)
        examples = [sys.executable, str(root / "serve.py"), "--port", port, "--widget", widget]
        self._spawn("examples", examples, environment)
        self._spawn("sandbox", [*command, "sandbox", "--quiet"], environment)
        if self._is_filled():
            sys.stderr.write("The snapshots of an earlier run are fresh: nothing to sync\n")
        else:
            self._await("sandbox", f"http://127.0.0.1:{self.settings.sandbox_port}/_faults")
            self._fill(command, environment)
        self._await("server", f"{widget}/readyz")
        self._await("examples", f"http://127.0.0.1:{port}/")
        self._announce(widget, time.monotonic() - begun)

    def _fill(self, command: list[str], environment: Mapping[str, str]) -> None:
        """Run the forecast while the other sources are read, then read its release."""
        month = f"{datetime.now(UTC):%Y-%m}"  # an estimate of an older day would be too old to be shown
        economy = FOLDER / f"economy-{month}"
        if not (economy / "inputs.toml").exists():
            shutil.rmtree(FOLDER / "data" / "forecast", ignore_errors=True)
            sys.stderr.write("Drawing a fictitious economy over real communes\n")
            how = ["--size", str(ESTABLISHMENTS), "--seed", SEED, "--over", "france", "--month", month]
            self._spawn("economy", [*command, "forecast", "synth", str(economy), *how], environment)
            self._finish("economy")
        how = ["--seed", SEED, "--rounds", str(ROUNDS), "--bootstrap", "--json"]
        run = [*command, "forecast", "run", str(economy), *how]
        with (FOLDER / "forecast.log").open("wb") as log:
            sys.stderr.write(f"Training the forecast of recruiters on it; its own words are in {log.name}\n")
            self._spawn("forecast", run, environment, log)
        others = [name for name, _ in self.settings.expected_sources() if name != "recruiters"]
        if others:
            self._spawn("sync", [*command, "sync", *others], environment)
            self._finish("sync")
        self._finish("forecast")
        self._spawn("sync", [*command, "sync", "recruiters"], environment)
        self._finish("sync")

    def _finish(self, name: str) -> None:
        """Wait for a process that ends by itself, while the others live."""
        child = self.children[name]
        while child.poll() is None:
            self._look_after()
            time.sleep(_LOOK_EVERY_S)
        del self.children[name]
        if child.returncode:
            where = f"in {FOLDER / 'forecast.log'}" if name == "forecast" else "above"
            raise DemoFailed(f"the {name} failed; its cause is {where}")

    def _look_after(self) -> None:
        for name, child in self.children.items():
            if name not in _TASKS and child.poll() is not None:
                raise DemoFailed(f"the {name} ended with code {child.returncode}; its last words are above")

    def _announce(self, widget: str, seconds: float) -> None:
        port = self.settings.examples_port
        lines = [
            f"Ready in {seconds:.0f} s. Every company and school shown is fictitious; the recruiters are those of a"
            " forecast run on a fictitious economy.",
            f"  Example partner pages\n      http://localhost:{port}/",
            *(f"  {name}\n      {widget}/v1/widget?{query}" for name, query in SEARCHES),
            f"  The first as JSON\n      {widget}/v1/cards?{SEARCHES[0][1]}",
            f"  The sandbox and its faults\n      http://127.0.0.1:{self.settings.sandbox_port}/_faults",
            "Ctrl-C ends all of them.",
        ]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()

    def _is_filled(self) -> bool:
        for name, _ in self.settings.expected_sources():
            shelf = Shelf(FOLDER / "data" / name)
            version = shelf.current_version()
            if version is None:
                return False
            try:
                started = shelf.read_manifest(version).started
            except SnapshotError:
                return False
            if time.time() - started.timestamp() > _STALE_S:
                return False
        return True

    def _spawn(
        self, name: str, command: list[str], environment: Mapping[str, str], log: BinaryIO | None = None
    ) -> None:
        # A group of its own: Ctrl-C reaches this process only, which then ends the others in order.
        self.children[name] = subprocess.Popen(  # noqa: S603 - our own commands
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def _await(self, name: str, address: str) -> None:
        """Wait until an address of ours answers 200; `DemoFailed` names the process that does not."""
        until = time.monotonic() + _WAIT_S
        while time.monotonic() < until:
            self._look_after()
            try:
                with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310 - our own loopback address
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(_LOOK_EVERY_S)
        raise DemoFailed(f"the {name} did not answer within {_WAIT_S:.0f} s at {address}")

    def _stay(self) -> None:
        while True:
            self._look_after()
            time.sleep(_GRACE_S / 10)

    def stop(self) -> None:
        """End every process: politely, then not."""
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        until = time.monotonic() + _GRACE_S
        for child in self.children.values():
            try:
                child.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
