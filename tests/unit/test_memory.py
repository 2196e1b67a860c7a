"""The peak memory that reports, manifests and the bench tell."""

import subprocess
import sys

from tests.processes import ROOT
from widget_server.memory import peak_memory_mb

TELL = "from widget_server.memory import peak_memory_mb; print(peak_memory_mb())"
LARGE = f"""
import subprocess, sys
held = b"x" * 300_000_000
subprocess.run([sys.executable, "-c", {TELL!r}], check=True)
"""


def told(code: str) -> float:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_a_process_that_a_large_one_starts_tells_its_own_peak():
    assert told(LARGE) < told(TELL) + 50


def test_a_peak_stays_when_the_memory_is_given_back():
    before = peak_memory_mb()
    assert told("held = b'x' * 200_000_000; del held; " + TELL) > told(TELL) + 150
    assert peak_memory_mb() >= before > 1
