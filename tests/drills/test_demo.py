"""`make demo` without a terminal: three kinds everywhere, gone when interrupted, nothing made twice the next time."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.processes import ROOT, free_port
from widget_server.demo import SEARCHES
from widget_server.sources.recruiters import REASONS

WAITED_S = 280
"""Seconds are told, not judged: the goal is 60 s on a machine that does nothing else, which a test cannot ask for."""
ENDS_WITHIN_S = 60


class Demo:
    def __init__(self, folder: Path) -> None:
        self.ports = {name: free_port() for name in ("WIDGET_PORT", "EXAMPLES_PORT", "SANDBOX_PORT")}
        self.widget = f"http://127.0.0.1:{self.ports['WIDGET_PORT']}"
        self.folder = folder

    def __enter__(self) -> "Demo":
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "widget_server.cli", "demo"],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | {name: str(port) for name, port in self.ports.items()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell that runs the tests in the background has interrupts ignored, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        return self

    def ready_after_s(self) -> float:
        while time.monotonic() - self.begun < WAITED_S:
            assert self.process.poll() is None, self.process.stderr.read()
            try:
                if httpx.get(f"{self.widget}/readyz", timeout=2).status_code == 200:
                    return time.monotonic() - self.begun
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError("never ready")

    def made(self) -> dict[Path, str]:
        """The version of each snapshot, and the release of the forecast."""
        data = self.folder / ".demo" / "data"
        told = {path: path.read_text() for path in data.glob("*/current")}
        return told | {path: str(path.readlink()) for path in data.glob("forecast/releases/current")}

    def reasons(self) -> dict[str, list[str]]:
        """What the release gives as reasons for each SIRET, in the words of a card."""
        with gzip.open(self.folder / ".demo" / "data" / "forecast/releases/current/recruiters.ndjson.gz") as lines:
            next(lines)
            rows = [json.loads(line) for line in lines]
        return {row["siret"]: [REASONS[code] for code in row["reasons"]] for row in rows}

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        finally:
            self.process.stderr.close()


@pytest.mark.timeout(400)
def test_the_demo_shows_three_kinds_and_starts_again_without_making_anything_anew(tmp_path):
    with Demo(tmp_path) as demo:
        first_s = demo.ready_after_s()
        made, released, with_reasons = demo.made(), demo.reasons(), 0
        for name, query in SEARCHES:
            answer = httpx.get(f"{demo.widget}/v1/cards?{query}", timeout=ENDS_WITHIN_S).json()
            shown = {card["kind"] for card in answer["cards"][:6]}
            assert shown == {"training", "offer", "recruiter"}, name
            assert answer["demonstration"], name
            recruiters = [card for card in answer["cards"] if card["kind"] == "recruiter"]
            order = [(card["score_band"], card["distance_km"]) for card in recruiters]
            assert order == sorted(order), f"{name}: by band, then by distance"
            for card in recruiters:
                assert [reason["text"] for reason in card["reasons"]] == released[card["id"]], card["id"]
            with_reasons += sum(bool(card["reasons"]) for card in recruiters)
            page = httpx.get(f"{demo.widget}/v1/widget?{query}", timeout=ENDS_WITHIN_S).text
            assert "Données de démonstration" in page, name
        assert with_reasons > 0
    for port in demo.ports.values():
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/", timeout=2)

    with Demo(tmp_path) as demo:
        again_s = demo.ready_after_s()
        assert demo.made() == made
    print(f"ready after {first_s:.0f} s, the second time after {again_s:.1f} s")
    assert len(made) == 4
