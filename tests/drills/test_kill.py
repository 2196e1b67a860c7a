"""A sync killed at any instant leaves a valid current version, and the next one leaves no orphan."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from widget_server.snapshot.shelf import COMPARED, Shelf

KILLS = 20
PUBLISHER = """
import sys
from datetime import timedelta
from pathlib import Path
from tests.builders import NOW, entry, publish

folder, first = Path(sys.argv[1]), int(sys.argv[2])
for number in range(first, first + 500):
    entries = [entry(f"c{number}-{n}", (48.1 + n / 1000, -1.7)) for n in range(150)]
    publish(folder, entries, started=NOW + timedelta(seconds=number))
    print(number, flush=True)
"""


def test_a_sync_killed_at_twenty_random_instants_always_leaves_a_valid_version(tmp_path):
    chance = random.Random(7)
    shelf = Shelf(tmp_path / "offers")
    first = 0

    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(tmp_path), str(first)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        process.stdout.readline()
        begun = time.monotonic()
        process.stdout.readline()
        # Anywhere in the next two publications, however long one takes on this machine now.
        time.sleep(chance.uniform(0, 2) * (time.monotonic() - begun))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it had something left to do"

        snapshot = shelf.open(shelf.current_version())
        assert snapshot.manifest.counts.cards == 150
        assert len(list(snapshot.cards.everything())) == 150
        snapshot.cards.close()
        first += 1000

    with shelf.draft(snapshot.manifest.source, started=snapshot.manifest.started):
        hidden = {path.name for path in shelf.folder.glob(".*") if not path.name.endswith(str(os.getpid()))}
    assert hidden <= {COMPARED}, "orphans"
