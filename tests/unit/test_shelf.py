"""Which version is current, and what survives a crash, a corruption or a mistake."""

import os
from datetime import timedelta

import pytest

from tests.builders import NOW, declaration, entry, publish
from widget_server.domain.errors import GuardRail, SnapshotCorrupt, SnapshotMissing
from widget_server.snapshot.library import Library
from widget_server.snapshot.shelf import COMPARED, Shelf


def test_a_published_card_can_be_read_with_everything_its_source_said(tmp_path):
    shelf = publish(tmp_path, [entry("a")])

    card, also_on, facts = shelf.open(shelf.current_version()).find("a")

    assert (card.id, also_on) == ("a", ())
    assert facts[0].text == "Tout sur a"


def test_the_same_entries_give_the_same_bytes(tmp_path):
    entries = [entry(f"c{number}", (48 + number / 100, -1.7)) for number in range(50)]

    first = publish(tmp_path / "one", entries)
    second = publish(tmp_path / "two", list(reversed(entries)))

    assert first.read_manifest(first.current_version()).files == second.read_manifest(second.current_version()).files


def test_twins_are_merged_and_the_other_id_still_finds_the_card(tmp_path):
    shelf = publish(tmp_path, [entry("old", newest="1", twin="t"), entry("new", newest="2", twin="t"), entry("other")])

    snapshot = shelf.open(shelf.current_version())
    card, also_on, _ = snapshot.find("old")

    assert snapshot.manifest.counts.merged == 1
    assert (card.id, [other.id for other in also_on]) == ("new", ["old"])


def test_nothing_is_dropped_silently(tmp_path):
    outside = entry("pole", (80.0, 0.0))

    shelf = publish(tmp_path, [entry("a"), entry("a"), outside, entry("b", romes=()), entry("c", twin="x")])
    counts = shelf.read_manifest(shelf.current_version()).counts

    assert counts.read == counts.cards + counts.merged + counts.repeated + sum(counts.rejected.values())
    assert counts.rejected == {"no_rome": 1, "outside_grid": 1}


def test_a_version_that_lost_too_many_cards_is_refused_and_the_previous_one_stays(tmp_path):
    shelf = publish(tmp_path, [entry(f"c{number}") for number in range(10)])
    before = shelf.current_version()

    with pytest.raises(GuardRail, match="6 cards after 10"):
        publish(tmp_path, [entry(f"c{number}") for number in range(6)], started=NOW + timedelta(hours=1))

    assert shelf.current_version() == before
    publish(tmp_path, [entry("c1")], started=NOW + timedelta(hours=2), accept={"drop": "essai"})
    assert shelf.current_version() != before


def test_a_draft_that_fails_leaves_nothing_behind(tmp_path):
    shelf = Shelf(tmp_path / "offers")

    def interrupted_sync() -> None:
        with shelf.draft(declaration(), started=NOW) as draft:
            draft.add(entry("a"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted_sync()

    assert (shelf.current_version(), list(shelf.folder.iterdir())) == (None, [])


@pytest.mark.parametrize(
    "file", ["cards.sqlite", "index/key.npy", "index/lat.npy", "columns/firm.npy", "manifest.json", "manifest.sha256"]
)
def test_a_corrupt_version_is_refused_and_the_previous_one_serves(tmp_path, file):
    shelf = publish(tmp_path, [entry("a")])
    library = Library(tmp_path, [("offers", "offer")])
    library.refresh(at_once=True)
    publish(tmp_path, [entry("a"), entry("b")], started=NOW + timedelta(hours=1))
    path = shelf.folder / shelf.current_version() / file
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 0xFF
    path.write_bytes(bytes(body))

    library.refresh(at_once=True)

    assert library.loaded[0].snapshot.manifest.counts.cards == 1
    with pytest.raises(SnapshotCorrupt):
        shelf.open(shelf.current_version())


def test_old_versions_are_swept_but_never_the_current_one(tmp_path):
    for hour in range(5):
        shelf = publish(tmp_path, [entry(f"c{hour}"), entry("a")], started=NOW + timedelta(hours=hour))

    assert len(shelf.versions()) == 3
    assert shelf.current_version() == shelf.versions()[-1]


def test_rolling_back_makes_an_older_version_current(tmp_path):
    publish(tmp_path, [entry("a")])
    shelf = publish(tmp_path, [entry("a"), entry("b")], started=NOW + timedelta(hours=1))

    shelf.move_current(shelf.versions()[0])

    assert shelf.open(shelf.current_version()).manifest.counts.cards == 1
    with pytest.raises(SnapshotMissing, match="has no version"):
        shelf.move_current("never")


def test_a_server_swaps_to_a_newer_version_between_two_requests(tmp_path):
    publish(tmp_path, [entry("a")])
    library = Library(tmp_path, [("offers", "offer"), ("trainings", "training")])
    library.refresh(at_once=True)
    kept = library.loaded

    publish(tmp_path, [entry("a"), entry("b")], started=NOW + timedelta(hours=1))
    library.refresh(at_once=True)

    assert [loaded.snapshot and loaded.snapshot.manifest.counts.cards for loaded in library.loaded] == [2, None]
    assert kept[0].snapshot.find("a") is not None


def flip(path, times):
    """Change one byte of a file, and set its times back as far as one can."""
    stat = path.stat()
    with path.open("r+b") as file:
        file.seek(200)
        byte = file.read(1)
        file.seek(200)
        file.write(bytes([byte[0] ^ 1]))
    if times:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("times", [False, True], ids=["plainly", "with its times set back"])
def test_bytes_that_were_compared_once_are_compared_again_when_a_file_was_touched(tmp_path, times):
    shelf = publish(tmp_path, [entry(f"c{number}") for number in range(40)])
    version = shelf.current_version()
    shelf.open(version)
    assert COMPARED in [path.name for path in shelf.folder.iterdir()]
    shelf.open(version)
    flip(shelf.folder / version / "index" / "lat.npy", times)

    with pytest.raises(SnapshotCorrupt, match=r"lat\.npy"):
        shelf.open(version)


def test_what_was_compared_is_not_read_again(tmp_path):
    shelf = publish(tmp_path, [entry(f"c{number}") for number in range(40)])
    version = shelf.current_version()
    shelf.open(version)
    remembered = (shelf.folder / COMPARED).stat().st_ino
    shelf.open(version)

    # Each comparison is remembered in a new file.
    assert (shelf.folder / COMPARED).stat().st_ino == remembered


def test_a_folder_where_nothing_can_be_remembered_is_compared_each_time(tmp_path):
    shelf = publish(tmp_path, [entry("a")])
    (shelf.folder / COMPARED).unlink(missing_ok=True)
    (shelf.folder / COMPARED).mkdir()

    assert shelf.open(shelf.current_version()).manifest.counts.cards == 1
