"""Is a stage whole or absent, and made once?"""

import os
from datetime import date

import pytest

from widget_server.domain.errors import StageDamaged
from widget_server.forecast.stages import MANIFEST, read_stage, run_stage

DAY = date(2026, 7, 1)


class Builder:
    """Writes a file and counts how often it was asked to."""

    def __init__(self):
        self.times = 0

    def __call__(self, folder):
        self.times += 1
        (folder / "plots").mkdir()
        (folder / "plots" / "lift.svg").write_text("<svg/>")
        (folder / "table.txt").write_text("rows")
        return {"table": 4}


@pytest.fixture
def build():
    return Builder()


def run(root, build, **changes):
    given = {"day": DAY, "inputs": {"hires.csv": "ab"}, "parameters": {"lag": 2}, "seed": 1} | changes
    return run_stage(root, "inputs", build, **given)


def test_a_stage_that_is_there_is_not_made_again(tmp_path, build):
    first, second = run(tmp_path, build), run(tmp_path, build)

    assert build.times == 1
    assert (first.skipped, second.skipped) == (False, True)
    assert second.manifest == first.manifest
    assert first.folder == tmp_path / "inputs" / first.manifest.id
    assert first.manifest.id.startswith("2026-07-01-")
    assert first.manifest.rows == {"table": 4}
    assert list(first.manifest.outputs) == ["plots/lift.svg", "table.txt"]


@pytest.mark.parametrize(
    "change",
    [{"inputs": {"hires.csv": "ac"}}, {"parameters": {"lag": 3}}, {"seed": 2}, {"day": date(2026, 8, 1)}],
    ids=lambda change: next(iter(change)),
)
def test_another_input_parameter_seed_or_day_is_another_stage(tmp_path, build, change):
    assert run(tmp_path, build).folder != run(tmp_path, build, **change).folder
    assert build.times == 2


def test_the_order_in_which_inputs_are_named_does_not_matter(tmp_path, build):
    run(tmp_path, build, inputs={"a": "1", "b": "2"})
    run(tmp_path, build, inputs={"b": "2", "a": "1"})

    assert build.times == 1


def test_a_build_that_fails_leaves_nothing_and_the_next_one_starts_anew(tmp_path, build):
    def fail(folder):
        (folder / "half").write_text("a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, fail)

    assert list((tmp_path / "inputs").iterdir()) == []
    assert not run(tmp_path, build).skipped


def test_what_a_crash_left_half_written_is_swept_away(tmp_path, build):
    (tmp_path / "inputs" / ".draft-2026-07-01-00000000").mkdir(parents=True)

    stage = run(tmp_path, build)

    assert list((tmp_path / "inputs").iterdir()) == [stage.folder]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "table.txt").write_text("rowz"),
        lambda folder: (folder / "table.txt").unlink(),
        lambda folder: (folder / "more.txt").write_text("more"),
        lambda folder: (folder / MANIFEST).unlink(),
        lambda folder: (folder / MANIFEST).write_text("{"),
        lambda folder: (folder / MANIFEST).write_text(
            (folder / MANIFEST).read_text().replace('"format": 1', '"format": 2')
        ),
    ],
    ids=["changed", "lost", "added", "no manifest", "broken manifest", "another format"],
)
def test_a_damaged_stage_is_refused(tmp_path, build, damage):
    folder = run(tmp_path, build).folder
    damage(folder)

    with pytest.raises(StageDamaged, match="again"):
        read_stage(folder)


def test_only_the_newest_stages_are_kept(tmp_path, build):
    folders = []
    for seed in range(5):
        folders.append(run(tmp_path, build, seed=seed).folder)
        os.utime(folders[-1], (seed, seed))

    assert sorted((tmp_path / "inputs").iterdir()) == sorted(folders[-3:])
