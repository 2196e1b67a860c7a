"""What partners' tools take from the parameter table is what the table says."""

import pytest

from embed.parameters import FOLDER, written

WRITTEN = written()


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_a_generated_file_is_up_to_date(path):
    assert path.read_text("utf-8") == WRITTEN[path], "type: make assets"


def test_the_guide_says_what_every_attribute_does():
    guide = (FOLDER / "README.md").read_text("utf-8")

    assert all(f"| `{name}` |" in guide for name in ("partner", "romes", "heading-level", "height", "sizing"))
