"""The alternative sources × everything that can befall them; what is expected of each is said in test_faults.py."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from tests.drills.faulty import HASTY, QUICK, SCALE, TENACIOUS, Drill, World, drill, endure, self_signed_served
from tests.processes import sandbox_served

UPSTREAMS: Mapping[str, str] = {
    "offers-aa": "apprentissage",
    "trainings-aa": "apprentissage",
    "recruiters-aa": "apprentissage",
    "recruiters-lbb": "labonneboite",
}
EXPORTED = ("offers-aa", "recruiters-aa")
"""Sources that read the export; each version of it is read once, so that a fault needs one of another day."""
EVERY = tuple(UPSTREAMS)
INSTALLED = ("offers-aa:offer,trainings-aa:training,recruiters-aa:recruiter", "recruiters-lbb:recruiter")
"""The SOURCES of two installations: of the two that propose recruiters, each shows its own."""

FEW = QUICK | {"recruiters_least": 1}


def each(cause: str, more: Mapping[str, object] = QUICK, **fault: object) -> dict[str, Drill]:
    return {
        source: drill(cause, FEW | more, **({"older_days": 1} if source in EXPORTED else {}), **fault)
        for source in EVERY
    }


def without_lbb(drills: Mapping[str, Drill]) -> dict[str, Drill]:
    """La Bonne Boîte names a company once for each search: half of one row is one row, and two are the same company.

    Of each search its best are read, LABONNEBOITE_MOST of them: it cannot swell tenfold.
    """
    return {source: told for source, told in drills.items() if source != "recruiters-lbb"}


DRILLS: Mapping[str, Mapping[str, Drill]] = {
    "down": each("disconnected|closed|reset", down=True),
    "slow beyond the deadline": each("SYNC_DEADLINE_S", HASTY, slow_s=3),
    "429 storm": each("asks us to slow down", throttle_s=1),
    "401 in mid-harvest": each("refused with 401|the token that was given", status=401, after=1),
    "500s at random": each("", TENACIOUS, status=500, times=3),
    "500s for good": each("answers 500", status=500),
    "truncated body": each("in the middle", truncate=300),
    "connection cut": each("in the middle of|closed|disconnected", cut=100),
    "endless body": each("swells more than|sends more than|does not end", endless=True),
    "gzip bomb": each("swells more than|does not end|blanks", bomb=True),
    "malformed JSON": each("cannot be read|no address of its export", malformed=True),
    "wrong content type": each("text/html instead of data: Maintenance", wrong_type=True),
    "empty success": each("without a single|not one training|0 cards", empty=True),
    "ten times the usual size": without_lbb(each("rule growth", tenfold=True)),
    "half of the usual count": without_lbb(each("rule drop", half=True)),
    "duplicated ids": without_lbb(each("rule repeats|announces [0-9]+ trainings and shows [0-9]+", duplicates=True)),
    # Of the export nothing but its address is read: an older one would not be published.
    "clock an hour ahead": dict.fromkeys(EVERY, drill("", FEW, clock_skew_s=3600)),
    "clock an hour behind": dict.fromkeys(EVERY, drill("", FEW, clock_skew_s=-3600)),
    "TLS error": each("no safe connection: .*self-signed", moved_to="self-signed"),
}
PAIRS = [(source, fault) for fault, drills in DRILLS.items() for source in drills]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, World]]:
    """The installation of each source, on one sandbox each."""
    found: dict[str, World] = {}
    with ExitStack() as stack:
        self_signed = stack.enter_context(self_signed_served())
        for sources in INSTALLED:
            folder = tmp_path_factory.mktemp("alternatives")
            installation = stack.enter_context(sandbox_served(folder, SCALE))
            sandbox = f"http://127.0.0.1:{installation.sandbox_port}"
            installation.more |= {
                "SOURCES": sources,
                "API_APPRENTISSAGE_URL": f"{sandbox}/api",
                "API_APPRENTISSAGE_KEY": "demo",
                "API_APPRENTISSAGE_RATE_PER_S": "10000",
                "API_APPRENTISSAGE_EXPORTS_PER_MINUTE": "600000",
                "LABONNEBOITE_URL": sandbox,
                "LABONNEBOITE_RATE_PER_S": "10000",
                "LABONNEBOITE_ROMES": "M1805,D1102,G1602",
                "LABONNEBOITE_DEPARTEMENTS": "35,22,44,56",
                "RECRUITERS_LEAST": "1",
            }
            done = installation.run("sync")
            assert done.returncode == 0, done.stdout
            web = stack.enter_context(installation.server())
            world = World(installation, web, self_signed, UPSTREAMS)
            found |= {told.partition(":")[0]: world for told in sources.split(",")}
        yield found


@pytest.mark.parametrize(("source", "fault"), PAIRS, ids=[f"{source}, {fault}" for source, fault in PAIRS])
def test_an_alternative_leaves_the_list_as_it_was_and_heals(worlds: dict[str, World], source: str, fault: str):
    endure(worlds[source], source, DRILLS[fault][source])
