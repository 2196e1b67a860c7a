"""The same harvest gives the same bytes, whatever the order in which its rows came."""

import hashlib
import random

from tests.builders import LYON, RENNES, entry, publish


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("manifest.json", "manifest.sha256")
    }


def test_a_rebuild_from_shuffled_rows_has_the_same_bytes(tmp_path):
    rng = random.Random(3)
    rows = [
        entry(
            f"c{number}",
            (round(rng.gauss(RENNES[0], 1), 5), round(rng.gauss(LYON[1], 0.5), 5)) if number % 9 else None,
            romes=tuple(rng.sample(["D1102", "G1602", "M1805", "M1855"], 2)),
            departement="35",
            score=rng.choice([0, 64, 128]),
            newest=f"2026-11-{1 + number % 20:02}",
            twin=f"t{number // 2}" if number % 5 == 0 else "",
        )
        for number in range(400)
    ]
    built = []
    for name in ("one", "two"):
        shelf = publish(tmp_path / name, rows)
        built.append(digests(shelf.folder / shelf.current_version()))
        rng.shuffle(rows)

    assert built[0] == built[1]
    assert {"index/key.npy", "index/card.npy", "cards.sqlite", "columns/firm.npy"} <= set(built[0])
