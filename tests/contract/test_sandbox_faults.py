"""Whether each row of the table of faults, switched on, changes what its upstream answers, and ends when it is told to.

Faults that belong to one upstream are shown by the box that asks for them.
"""

import gzip
import json
from collections.abc import Callable, Mapping

import httpx
import pytest

from tests.contract.sandbox import ENTITY, RELEASE, SEARCH, SIGN_IN, Sandbox, economy, sandbox
from widget_server.sandbox.faults import FAULTS, UPSTREAMS, Faults
from widget_server.sandbox.gate import HungUp

pytestmark = pytest.mark.anyio
PATHS = {
    "offers": SEARCH,
    "trainings": f"{ENTITY}/formations.json?limit=50",
    "recruiters": RELEASE,
    "apprentissage": "/api/formation/v1/search",
    "labonneboite": "/partenaire/labonneboite/v2/recherche?rome=D1106&citycode=35238",
    "geocoding": "/geocodage/search?q=rue",
}
BROKEN: Mapping[str, tuple[object, Callable[[httpx.Response], bool]]] = {
    "status": (503, lambda answer: answer.status_code == 503),
    "throttle_s": (7, lambda answer: (answer.status_code, answer.headers["retry-after"]) == (429, "7")),
    "truncate": (60, lambda answer: len(answer.content) <= 60),
    "malformed": (True, lambda answer: not is_json(answer)),
    "wrong_type": (True, lambda answer: answer.headers["content-type"].startswith("text/html")),
    "moved_to": ("https://127.0.0.1:1", lambda answer: answer.headers["location"].startswith("https://127.0.0.1:1/")),
    "clock_skew_s": (-3600, lambda answer: "11:00:00" in answer.headers["date"]),
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def is_json(answer: httpx.Response) -> bool:
    try:
        answer.json()
    except ValueError:
        return False
    return True


async def call(box: Sandbox, upstream: str) -> httpx.Response:
    token = "demo" if upstream == "apprentissage" else box.token
    return await box.http.get(PATHS[upstream], headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("upstream", PATHS)
async def test_a_fault_of_transport_befalls_one_call_of_one_upstream(upstream: str, fault: str):
    value, shows = BROKEN[fault]
    other = "offers" if upstream != "offers" else "geocoding"
    async with sandbox(made=economy(0.02)) as box:
        await box.fault(**{upstream: {fault: value, "times": 1}})
        spared = await call(box, other)
        befallen = await call(box, upstream)
        after = await call(box, upstream)

    assert shows(befallen)
    assert befallen.headers["x-demonstration-data"] == "true"
    assert max(spared.status_code, after.status_code) < 429


@pytest.mark.parametrize("fault", ["down", "cut"])
async def test_a_connection_that_is_closed_has_no_end(fault: str):
    async with sandbox(made=economy(0.02)) as box:
        await box.fault(offers={fault: True})
        with pytest.raises(HungUp):
            await call(box, "offers")


async def test_a_fault_may_begin_late_and_end_early():
    async with sandbox(made=economy(0.02)) as box:
        await box.fault(offers={"status": 500, "after": 2, "times": 3})
        statuses = [(await call(box, "offers")).status_code for _ in range(7)]

    assert statuses == [206, 206, 500, 500, 500, 206, 206]


async def test_a_fault_may_befall_some_calls_and_always_the_same_ones():
    found = []
    for _ in range(2):
        async with sandbox(made=economy(0.02)) as box:
            await box.fault(offers={"status": 500, "chance": 0.3})
            found.append([(await call(box, "offers")).status_code for _ in range(40)])

    assert found[0] == found[1]
    assert 4 <= found[0].count(500) <= 20


@pytest.mark.parametrize("upstream", ["offers", "trainings", "recruiters"])
async def test_rows_come_tenfold_under_ten_ids(upstream: str):
    async with sandbox(made=economy(0.02)) as box:
        one, ids = await ids_of(box, upstream)
        await box.fault(**{upstream: {"tenfold": True}})
        ten, more = await ids_of(box, upstream)

    assert ten == 10 * one
    assert len(set(more)) == len(more)
    assert len(set(more) & set(ids)) >= len(more) // 10 - 1


async def ids_of(box: Sandbox, upstream: str) -> tuple[int, list[str]]:
    """How many rows there are, and the ids of the first hundred without oddities."""
    await box.fault(**{upstream: {"without": "all"}})
    answer = await box.http.get(
        {"offers": f"{SEARCH}?range=0-99&departement=75", "trainings": f"{ENTITY}/formations.json?limit=100"}.get(
            upstream, RELEASE
        ),
        headers={"Authorization": f"Bearer {box.token}"},
    )
    if upstream == "offers":
        rows = answer.json()["resultats"]
        return int(answer.headers["content-range"].rpartition("/")[2]), [row["id"] for row in rows]
    if upstream == "trainings":
        count = int((await box.http.get(f"{ENTITY}/formations/count")).text)
        return count, [row["cle_ministere_educatif"] for row in answer.json()]
    header, *lines = [json.loads(line) for line in gzip.decompress(answer.content).splitlines()]
    return header["count"], [line["siret"] for line in lines][:100]


async def test_what_nobody_knows_is_refused_and_switches_nothing():
    async with sandbox(made=economy(0.02)) as box:
        answer = await box.http.post("/_faults", json={"offers": {"status": 500, "storm": 1}, "weather": {}})
        listed = (await box.http.get("/_faults")).json()

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        "offers has no fault 'storm'", "'weather' is neither an upstream nor a fault",
    ]  # fmt: skip
    assert listed["active"] == {}
    assert [row["name"] for row in listed["known"]] == [row.name for row in FAULTS]


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: row.name)
def test_each_row_can_be_switched_on_with_its_own_example(row):
    for upstream in row.upstreams:
        faults = Faults()

        assert faults.switch({upstream: {row.name: row.example}}) == []
        assert faults.active() == {upstream: {row.name: row.example}}


def test_every_upstream_has_a_path_here():
    assert {*PATHS, "token"} == set(UPSTREAMS)
    assert SIGN_IN.startswith(UPSTREAMS["token"])
