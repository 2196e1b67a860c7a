"""A disk that is full, and a disk that lies: the previous version stays, and no card is ever wrong."""

import os
import random
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.builders import NOW, entry, publish
from widget_server.domain.errors import SnapshotError
from widget_server.snapshot.library import Library
from widget_server.snapshot.shelf import Shelf

ROOT = Path(__file__).parents[2]
PLACES = 1000
FULL = """
import resource, sys
from datetime import timedelta
from pathlib import Path
from tests.builders import NOW, entry, publish

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
entries = [entry(f"c{n}", (48.1 + n / 10000, -1.7)) for n in range(400)]
publish(Path(sys.argv[1]), entries, started=NOW + timedelta(hours=1))
"""


@pytest.mark.parametrize("room_kb", [0, 1, 20, 60, 120])
def test_a_disk_that_is_full_during_publication_leaves_the_previous_version_and_no_orphan(tmp_path, room_kb):
    shelf = publish(tmp_path, [entry("a")])
    before = shelf.current_version()

    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), str(room_kb << 10)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode != 0
    assert "File too large" in done.stderr or "disk" in done.stderr
    assert shelf.current_version() == before
    assert shelf.open(before).manifest.counts.cards == 1
    assert [path.name for path in shelf.folder.glob(".draft-*")] == []


def corrupt(path: Path, chance: random.Random) -> None:
    """Flip one bit, cut the tail off, or put noise somewhere."""
    body = bytearray(path.read_bytes())
    where = chance.randrange(len(body))
    match chance.randrange(4):
        case 0:
            del body[where:]
        case 1:
            body[where : where + 16] = chance.randbytes(min(16, len(body) - where))
        case _:
            body[where] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(body))


def told(snapshot) -> list[object]:
    """Everything that a version says: its cards, and its manifest."""
    return [snapshot.manifest, *snapshot.cards.everything()]


def test_a_version_corrupted_at_a_thousand_random_places_is_refused_or_says_the_same(tmp_path):
    chance = random.Random(11)
    entries = [entry(f"c{n}", (48.1 + n / 1000, -1.7), newest=f"{n:03}") for n in range(40)]
    shelf = publish(tmp_path / "sound", entries)
    version = shelf.current_version()
    sound = shelf.open(version)
    truth = told(sound)
    sound.cards.close()
    files = [path.relative_to(shelf.folder) for path in (shelf.folder / version).rglob("*") if path.is_file()]
    copy = Shelf(tmp_path / "copy" / "offers")
    refused = 0

    for _ in range(PLACES):
        shutil.rmtree(copy.folder, ignore_errors=True)
        shutil.copytree(shelf.folder, copy.folder)
        corrupt(copy.folder / chance.choice(files), chance)
        try:
            snapshot = copy.open(version)
        except SnapshotError:
            refused += 1
            continue
        assert told(snapshot) == truth
        snapshot.cards.close()

    assert refused > PLACES * 0.9


@pytest.mark.parametrize("lie", [b"", b"\xff\xfe\x00", b"20991231T000000Z-deadbeef\n", b"../../etc\n"])
def test_a_pointer_to_the_current_version_that_lies_breaks_nothing(tmp_path, lie):
    shelf = publish(tmp_path, [entry("a")])
    library = Library(tmp_path, [("offers", "offer")])
    library.refresh(at_once=True)

    (shelf.folder / "current").write_bytes(lie)
    library.refresh(at_once=True)

    assert library.loaded[0].snapshot.find("a") is not None


def test_a_server_that_starts_on_a_corrupt_version_serves_the_one_before_and_says_so(tmp_path):
    publish(tmp_path, [entry("a")])
    shelf = publish(tmp_path, [entry("a"), entry("b")], started=NOW + timedelta(hours=1))
    (shelf.folder / shelf.current_version() / "cards.sqlite").write_bytes(b"noise")

    library = Library(tmp_path, [("offers", "offer")])
    library.refresh(at_once=True)

    (loaded,) = library.loaded
    assert loaded.snapshot.manifest.counts.cards == 1
    assert "cards.sqlite" in loaded.problem
