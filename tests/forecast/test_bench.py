"""Does `forecast bench` measure what it says? Times are not judged here: they belong to the machine."""

import json
import math

import pytest
from click.testing import CliRunner

from widget_server.cli import main
from widget_server.forecast.bench import JOBS, Cost, Costs, measure_costs


@pytest.mark.timeout(300)
def test_a_job_runs_in_a_process_of_its_own_and_tells_rows_time_and_memory():
    said = []
    costs = measure_costs(scale=0.002, jobs=["score"], progress=said.append).costs

    assert [(cost.job, cost.rows) for cost in costs] == [(JOBS["score"][0], 20_000)]
    assert all(0 < cost.cpu_seconds < math.inf and cost.peak_memory_mb > 50 for cost in costs)
    assert len(said) == 1


def test_the_table_shows_every_cost_beside_its_target():
    cost = Cost(job="score", rows=10, seconds=1.0, cpu_seconds=2.0, peak_memory_mb=300, target="<= 2 min")
    head, line = Costs(scale=1.0, threads=2, costs=[cost]).lines()

    assert "target" in head
    assert line.split() == ["score", "10", "1.0", "2.0", "300", "<=", "2", "min"]


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
