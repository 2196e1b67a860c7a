"""Whether every box of the contract is in the table, and every row of the table has its test."""

import importlib
import re
from pathlib import Path

import pytest

from tests.contract.boxes import BOXES
from tests.contract.upstream_fakes import SAMPLES

CONTRACT = SAMPLES.parent / "upstreams.md"
TESTS = {
    name: getattr(module, name)
    for file in sorted(Path(__file__).parent.glob("test_sandbox_boxes_*.py"))
    if file.stem != Path(__file__).stem
    for module in [importlib.import_module(f"tests.contract.{file.stem}")]
    for name in dir(module)
    if name.startswith("test_")
}


def plain(text: str | None) -> str:
    return " ".join((text or "").split())


@pytest.mark.parametrize("name", BOXES)
def test_every_box_has_a_test_that_says_which_it_is(name: str):
    assert plain(TESTS[name].__doc__) == plain(BOXES[name])


def test_every_test_of_a_box_is_in_the_table():
    assert sorted(TESTS) == sorted(BOXES)


@pytest.mark.skipif(not CONTRACT.exists(), reason="the contract of the team is not here")
def test_the_table_holds_every_box_of_the_contract():
    boxes = re.findall(r"^- \[ \] (.+)$", CONTRACT.read_text("utf-8"), re.MULTILINE)

    assert [plain(box) for box in boxes] == [plain(box) for box in BOXES.values()]
