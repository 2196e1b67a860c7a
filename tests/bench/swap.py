"""A new snapshot under load: nobody fails, no answer is made of two versions, and the slowest wait hardly longer.

The offers are published again, all of them, while requests arrive at a fixed rate; the version is read from each body.
"""

import asyncio
import gzip
import json
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import brotli
from msgspec.structs import replace

from tests.bench import data
from tests.bench.arrivals import arrive
from tests.bench.pairs import Row, publish, serving, widget
from widget_server.snapshot.manifest import read_manifest, write_manifest
from widget_server.snapshot.shelf import Shelf

PER_S = 150.0
SECONDS = 8
_HEAD = b"host: x\r\naccept-encoding: br\r\n\r\n"


def measure(*, scale: str = "national", seconds: int = SECONDS) -> list[Row]:
    """Calm, then around a swap."""
    with tempfile.TemporaryDirectory(dir=data.FOLDER) as folder:
        copy = Path(folder) / "data"
        shutil.copytree(data.national(scale), copy, copy_function=_linked)
        command, environment = widget(copy)
        with serving(command, environment=environment, path="/readyz") as ours:

            def asked(number: int) -> bytes:
                radius = 10 + number % 30  # popular searches: made once in an edition, then kept
                return b"GET /v1/cards?romes=D1102,G1602&insee=35238&radius=%d HTTP/1.1\r\n%b" % (radius, _HEAD)

            async def run():
                count = int(PER_S * seconds)
                await arrive([ours.port], asked, per_s=PER_S, count=60)
                calm = await arrive([ours.port], asked, per_s=PER_S, count=count, word=_as_of)
                async with asyncio.TaskGroup() as group:
                    load = group.create_task(arrive([ours.port], asked, per_s=PER_S, count=count, word=_as_of))
                    await asyncio.sleep(seconds / 4)
                    await asyncio.to_thread(_publish_again, copy / "offers")
                return calm, load.result()

            calm, around = asyncio.run(run())
    versions = {word for word in around.words if word != "mixed"}
    return [
        Row(subject="swap under load: failed requests", measured=calm.failed + around.failed, goal=0, exact=True),
        Row(
            subject="swap under load: answers of two versions", measured=around.words.count("mixed"), goal=0, exact=True
        ),
        Row(
            subject="swap under load: versions seen, the old and the new",
            measured=len(versions),
            goal=2,
            at_least=True,
            exact=True,
        ),
        Row(
            subject="swap under load: p99 / calm p99",
            measured=around.percentile(99) / calm.percentile(99),
            goal=2.0,
            note=f"calm {calm.line()}; around {around.line()}",
        ),
    ]


def _linked(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def _publish_again(folder: Path) -> None:
    """The same offers as a new version with a later date in its manifest: every file is read and compared once more."""
    shelf = Shelf(folder)
    current = shelf.current_version() or ""
    later = f"29991231T{time.strftime('%H%M%S')}Z-00000000"
    aside = folder / ".draft-bench"
    shutil.copytree(folder / current, aside, copy_function=_linked)
    manifest = read_manifest(aside)
    (aside / "manifest.json").unlink()
    (aside / "manifest.sha256").unlink()
    as_of = (data.NOW + timedelta(hours=1)).isoformat()
    write_manifest(aside, replace(manifest, version=later, harvest=replace(manifest.harvest, as_of=as_of)))
    aside.rename(folder / later)
    shelf.move_current(later)


def _as_of(held: bytes) -> str:
    """The date of the offers in an answer, "mixed" when its attribution names another."""
    head, _, body = held.partition(b"\r\n\r\n")
    if b"content-encoding: br" in head:
        body = brotli.decompress(body)
    elif b"content-encoding: gzip" in head:
        body = gzip.decompress(body)
    answer = json.loads(body)
    (offers,) = [source for source in answer["sources"] if source["name"] == "offers"]
    consistent = offers["attribution"] in answer["attribution"] and len(answer["cards"]) == min(20, answer["listed"])
    return offers["as_of"] if consistent else "mixed"


if __name__ == "__main__":
    publish("swap", measure())
