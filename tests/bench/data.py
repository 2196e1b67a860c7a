"""The data that everything here measures on: made once by seed from the sandbox's generators, kept in build/bench.

    python -m tests.bench.data national        60 000 trainings, 350 000 offers, 400 000 recruiters, through the mapping
                                               of each source: what a national sync would publish
    python -m tests.bench.data shelf 1000000   the index of so many establishments with five occupations each

The shelf is no snapshot: it has no cards, because only the search is measured on it.
"""

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import orjson

from tests.processes import ROOT
from widget_server.domain.cards import Entry, Rejection
from widget_server.reference.naf import Naf
from widget_server.reference.occupations import Occupations
from widget_server.sandbox.companies import Companies, release_row
from widget_server.sandbox.dice import column
from widget_server.sandbox.economy import Counts, Economy, make_economy
from widget_server.sandbox.offers import OfferBook
from widget_server.sandbox.trainings import Catalogue
from widget_server.settings import Settings
from widget_server.snapshot.index import PostingLists, open_postings, write_postings
from widget_server.snapshot.manifest import FORMAT, Harvest
from widget_server.snapshot.shelf import Shelf
from widget_server.sources import offers, recruiters, trainings
from widget_server.sources.kit.source import Kit
from widget_server.sync.sync import kit_for

FOLDER = ROOT / "build" / "bench"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SEED = 1
ROMES_EACH = 5
SOURCES = {"trainings": "training", "offers": "offer", "recruiters": "recruiter"}
_DONE = ".done"


def national(scale: str = "national") -> Path:
    """The data folder with the snapshots of all three sources; made when it is not there."""
    folder = FOLDER / f"{scale}-{SEED}-format-{FORMAT}"
    missing = [name for name in SOURCES if not (folder / name / "current").is_file()]
    if missing:
        with ProcessPoolExecutor(2) as pool:
            for name, seconds in zip(missing, pool.map(_publish, missing, [scale] * 3, [folder] * 3), strict=False):
                sys.stderr.write(f"made {name} of the {scale} set in {seconds:.0f} s\n")
    return folder


def _publish(name: str, scale: str, folder: Path) -> float:
    begun = time.monotonic()
    economy = make_economy(seed=SEED, scale=scale, now=NOW)
    kit = kit_for(Settings(data_dir=str(folder)), folder / name, NOW)
    source = {"trainings": trainings, "offers": offers, "recruiters": recruiters}[name]
    rows = {"trainings": _trainings, "offers": _offers, "recruiters": _recruiters}[name]
    harvest = Harvest(as_of=NOW.isoformat(), ended=NOW, announced=None, complete=True, demonstration=True)
    with Shelf(folder / name).draft(source.DECLARATION, started=NOW) as draft:
        for row in rows(economy, kit):
            draft.reject(row) if isinstance(row, Rejection) else draft.add(row)
        draft.publish(tree=kit.occupations, harvest=harvest, keep=3)
    return time.monotonic() - begun


def _trainings(economy: Economy, kit: Kit) -> Iterator[Entry | Rejection]:
    decoder = msgspec.json.Decoder(trainings.Training)
    catalogue = Catalogue(economy)
    for row in range(len(catalogue)):
        yield trainings.to_entry(decoder.decode(orjson.dumps(catalogue.document(row))), kit)


def _offers(economy: Economy, kit: Kit) -> Iterator[Entry | Rejection]:
    book = OfferBook(economy, Companies(economy, Naf.load()))
    for row in range(len(book.rows)):
        yield offers.read_offer(orjson.dumps(book.offer(row)), kit)[0]


def _recruiters(economy: Economy, kit: Kit) -> Iterator[Entry | Rejection]:
    decoder = msgspec.json.Decoder(recruiters.Scored)
    companies = Companies(economy, Naf.load())
    day: date = economy.day
    header = recruiters.Header(format=1, day=day, until=day + timedelta(days=180), count=len(companies))
    for row in range(len(companies)):
        told = orjson.dumps(release_row(companies.company(row)))
        yield recruiters.scored_entry(decoder.decode(told), header, kit)


def shelf(establishments: int) -> PostingLists:
    """The posting lists of so many establishments, each under five occupations of its family."""
    folder = FOLDER / f"shelf-{SEED}-{establishments}"
    if not (folder / _DONE).is_file():
        _write_shelf(folder, establishments)
    keys = tuple(json.loads((folder / "keys.json").read_text("utf-8")))
    return open_postings(folder / "index", keys, establishments, points=True)


def _write_shelf(folder: Path, establishments: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    economy = make_economy(seed=SEED, scale=Counts(offers=101, trainings=101, recruiters=establishments), now=NOW)
    rows = economy.recruiters
    jobs = economy.jobs
    families = [np.flatnonzero(jobs.family_of == family) for family in range(len(jobs.families))]
    drawn = np.empty((ROMES_EACH, establishments), dtype=np.int64)
    numbers = np.arange(establishments, dtype=np.int64)
    for family, members in enumerate(families):
        those = np.flatnonzero(jobs.family_of[rows.job] == family)
        # Five different members of the family, the drawn one first; the others follow at a step that is drawn too.
        step = 1 + (column(SEED, 9_000, numbers[those]) % np.uint64(max(1, (len(members) - 1) // 4))).astype(np.int64)
        first = np.searchsorted(members, rows.job[those])
        for place in range(ROMES_EACH):
            drawn[place, those] = members[(first + place * step) % len(members)]
    card = np.tile(numbers + 1, ROMES_EACH)
    # In a family of less than five an occupation comes twice; it is posted once.
    pairs = np.unique(drawn.ravel() * np.int64(1 << 32) + card)
    ordinal, card = (pairs >> 32).astype(np.uint32), (pairs & 0xFFFFFFFF).astype(np.uint32)
    used, ordinal = np.unique(ordinal, return_inverse=True)
    scores = np.array([64, 128, 192], dtype=np.uint8)
    draws = column(SEED, 9_100, numbers) % np.uint64(10)
    score = scores[np.where(draws < 6, 0, np.where(draws < 9, 1, 2))]
    write_postings(
        folder / "index",
        ordinal=ordinal.astype(np.uint32),
        card=card,
        score=score[card - 1],
        lat=rows.latitude.astype(np.float32)[card - 1],
        lon=rows.longitude.astype(np.float32)[card - 1],
    )
    (folder / "keys.json").write_text(json.dumps([jobs.parents[job] for job in used]), "utf-8")
    (folder / _DONE).touch()


def towns() -> list[tuple[float, float, int]]:
    """Latitude, longitude and population of the communes, for queries near people."""
    economy = make_economy(seed=SEED, scale=0.001, now=NOW)
    geography = economy.geography
    return list(
        zip(geography.latitude.tolist(), geography.longitude.tolist(), geography.population.tolist(), strict=True)
    )


def occupations() -> Occupations:
    """ROME as it ships."""
    return Occupations.load()


def main() -> None:
    """Make what is named, if it is not there."""
    what, *rest = sys.argv[1:] or ["national"]
    if what == "shelf":
        lists = shelf(int(rest[0]))
        sys.stdout.write(f"{len(lists.card)} postings, {len(lists.key)} keys\n")
    else:
        sys.stdout.write(f"{national(what)}\n")


if __name__ == "__main__":
    main()
