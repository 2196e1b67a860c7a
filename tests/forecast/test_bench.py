"""Does `forecast bench` measure what it says? Times are not judged here: they belong to the machine."""

import json
import math
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from widget_server.cli import main
from widget_server.domain.errors import ForecastError, JobEnded
from widget_server.forecast.bench import JOBS, Cost, Costs, Measured, measure_costs


@pytest.mark.timeout(300)
def test_jobs_run_in_processes_of_their_own_and_tell_rows_times_memory_and_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said = []
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    # The fourth, `train`, is begun by the test of an interruption.
    found = measure_costs(scale=0.001, jobs=["score", "features", "whole"], progress=said.append)

    assert [cost.job for cost in found.costs] == [JOBS[name].title for name in ("score", "features", "whole")]
    assert [cost.rows for cost in found.costs if "features of" not in cost.job] == [10_000, 100]
    for cost in found.costs:
        assert 0 < cost.cpu_seconds < math.inf
        assert 50 < cost.peak_memory_mb < 1_000
        assert cost.disk_mb > 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss <= own + 20_000, "nothing of a job is in this process"
    assert found.verdicts == ["too small to be judged"] * 3
    assert [line.rpartition(": ")[2] for line in said[1:] if "measuring" not in line][::2] == ["preparing"] * 3
    assert list(tmp_path.iterdir()) == []


def cost(**more):
    told = {"job": "score", "rows": 10, "seconds": 100.0, "cpu_seconds": 150.0, "peak_memory_mb": 400.0, "disk_mb": 5.0}
    return Cost(**(told | {"most_s": 120.0, "most_mb": 500.0} | more))


def test_the_table_shows_every_cost_beside_its_target_and_the_verdict():
    costs = Costs(scale=1.0, threads=2, costs=[cost()], verdicts=["held"])
    head, line, conditions = costs.lines()

    assert [head.index("target") < head.index("verdict")] == [True]
    assert line.split() == ["score", "10", "100.0", "150.0", "400", "5", "<=", "120", "s,", "<=", "500", "MB", "held"]
    assert "2 thread(s)" in conditions


@pytest.mark.parametrize(
    ("more", "scale", "verdict"),
    [
        ({}, 1.0, "held"),
        ({"seconds": 120.1}, 1.0, "missed: time"),
        ({"peak_memory_mb": 501.0}, 1.0, "missed: memory"),
        ({"seconds": 120.1, "peak_memory_mb": 501.0}, 1.0, "missed: time, memory"),
        ({"peak_memory_mb": 9_000.0, "most_mb": None}, 1.0, "held"),
        ({"seconds": 20.0, "cpu_seconds": 30.0}, 0.1, "about 200 s, 300 CPU s at scale 1"),
        ({"seconds": 20.0, "peak_memory_mb": 501.0}, 0.01, "too small to be judged, memory missed"),
    ],
)
def test_a_cost_is_judged_by_its_targets_a_time_only_at_full_scale(more, scale, verdict):
    assert cost(**more).verdict(scale) == verdict
    costs = Costs(scale=scale, threads=1, costs=[], verdicts=["held", verdict])
    assert costs.ok == ("missed" not in verdict)


def test_a_disk_that_is_too_small_is_named_before_anything_begins(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))

    with pytest.raises(ForecastError, match=r"has 1 MB left, and 6000 MB are needed: set TMPDIR to a larger disk"):
        measure_costs()


def _ended(folder: Path, scale: float, threads: int) -> Measured:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_a_job_that_the_machine_kills_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setitem(JOBS, "score", replace(JOBS["score"], prepare=_ended))

    with pytest.raises(JobEnded, match=r"exit code -9.*smaller --scale"):
        measure_costs(scale=0.001, jobs=["score"], progress=lambda _: None)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("interruption", ["Ctrl-C", "end of the service"])
def test_an_interruption_ends_the_job_and_takes_its_folder_along(tmp_path, interruption):
    """Ctrl-C comes to every process of the group, one of which is in native code; SIGTERM to the first one alone."""
    command = [sys.executable, "-m", "widget_server.cli", "forecast", "bench", "--only", "costs", "--job", "train"]
    process = subprocess.Popen(
        [*command, "--scale", "0.1", "--threads", "1", "--data-dir", str(tmp_path / "data")],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in the background has interrupts ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr
    while "measuring" not in process.stderr.readline():
        assert process.poll() is None
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("forecast-bench-")]

    if interruption == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()

    assert process.wait(30) == (1 if interruption == "Ctrl-C" else 128 + signal.SIGTERM)
    assert ("Aborted" in process.stderr.read()) == (interruption == "Ctrl-C")
    process.stderr.close()
    assert list(tmp_path.iterdir()) == []
    deadline = time.monotonic() + 20
    while _alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(process.pid)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_job_that_does_not_exist_is_refused_with_those_that_do():
    found = CliRunner().invoke(main, ["forecast", "bench", "--only", "costs", "--job", "fly"])

    assert found.exit_code == 2
    assert "there are train, score, features, whole" in found.output


def test_seeds_that_are_no_numbers_are_refused():
    found = CliRunner().invoke(main, ["forecast", "bench", "--only", "quality", "--seeds", "one"])

    assert found.exit_code == 2
    assert "numbers with commas between them, such as 1,2,3" in found.output


@pytest.mark.timeout(300)
def test_the_command_writes_what_the_gates_read_and_says_no_when_a_bound_is_missed(tmp_path):
    options = [
        "--only",
        "quality",
        "--seeds",
        "1",
        "--size",
        "3000",
        "--other-size",
        "1000",
        "--particles",
        "2",
        "--threads",
        "1",
    ]
    found = CliRunner().invoke(main, ["forecast", "bench", *options, "--data-dir", str(tmp_path), "--json"])
    told = json.loads(found.stdout)["quality"]

    # A filter of two particles is no ceiling, and its own bounds say so.
    assert found.exit_code == 1
    assert any(not check["ok"] and "filter" in check["name"] for check in told["checks"])
    assert told == json.loads((tmp_path / "forecast" / "synthetic.json").read_text())
    table = (tmp_path / "forecast" / "bench" / "table.txt").read_text()
    assert "RED" in table
    assert "p@10 / plain filter, NAF mix, seed 1" in table
