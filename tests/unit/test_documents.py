"""What the documents say exists."""

import re
from pathlib import Path

from widget_server.settings import Settings, as_markdown, describe

ROOT = Path(__file__).parents[2]
NO_SETTINGS: frozenset[str] = frozenset()
"""Names in capitals that documents mention and that are set elsewhere."""


def test_every_setting_of_the_example_exists():
    known = {row.name for row in describe(Settings())}
    named = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE))

    assert named
    assert named <= known


def test_the_table_of_settings_is_that_of_the_program():
    written = (ROOT / "docs" / "settings.md").read_text("utf-8")

    assert written == as_markdown(), "type: make assets"
    rows = re.findall(r"^\| `([A-Z_]+)` \|", written, re.MULTILINE)
    assert rows == [row.name for row in describe(Settings())]


def test_every_setting_that_a_document_names_exists():
    known = {row.name for row in describe(Settings())}
    shaped = re.compile(r"`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`")
    documents = [ROOT / name for name in ("README.md", "DECISIONS.md", "docs/scale.md", "examples/README.md")]
    named = {name for path in documents for name in shaped.findall(path.read_text("utf-8"))}

    assert named & known
    assert named - known <= NO_SETTINGS


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
