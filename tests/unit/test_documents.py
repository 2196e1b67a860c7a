"""What the documents say exists."""

import re
from pathlib import Path

from widget_server.settings import Settings, describe

ROOT = Path(__file__).parents[2]


def test_every_setting_of_the_example_exists():
    known = {row.name for row in describe(Settings())}
    named = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))

    assert named
    assert named <= known


def test_every_make_target_that_the_documents_name_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        assert named <= targets, name


def test_every_file_and_folder_that_the_readme_names_exists():
    text = (ROOT / "README.md").read_text("utf-8")
    linked = set(re.findall(r"\]\((?!https?:)([^)#]+)", text))
    named = linked | set(re.findall(r"^\| `([a-z_./]+)` ", text, re.MULTILINE))

    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
