"""Whatever is asked, the page is whole and valid, and the JSON says what is wrong; never a 5xx."""

import random
from urllib.parse import urlencode

import pytest

from tests.contract.site import client, fill
from tests.contract.test_page import Tree
from tests.pages import EVIL
from widget_server.domain.query import PARAMETERS, Parameter

SETS = 100
HOSTILE = [EVIL, "", " ", "\x00", "é" * 300, "-1", "1e9", "NaN", "0x10", "٣", "../..", "{{7*7}}", "%", "null", "1,2,,3"]


@pytest.fixture
def anyio_backend():
    return "asyncio"


def values(row: Parameter) -> list[str]:
    """What a row allows, its bounds and both sides of them, and what nobody should send."""
    told = [row.example, row.default, *row.choices, ",".join(row.choices)]
    for bound in (row.minimum, row.maximum):
        if bound is not None:
            told += [f"{bound:g}", f"{bound - 1:g}", f"{bound + 1:g}"]
    if row.max_length:
        told += ["x" * row.max_length, "x" * (row.max_length + 1)]
    return [value for value in told if value]


def one_set(dice: random.Random) -> list[tuple[str, str]]:
    rows = dice.sample(PARAMETERS, dice.randint(1, len(PARAMETERS)))
    pairs = [
        (dice.choice([row.name, row.name, *row.aliases]), dice.choice(HOSTILE if dice.random() < 0.3 else values(row)))
        for row in rows
    ]
    if dice.random() < 0.6:
        pairs += [("romes", "D1102"), ("insee", "35238")]
    if dice.random() < 0.2:
        pairs += [("job", dice.choice(["boulanger", *HOSTILE])), ("place", dice.choice(["rennes", *HOSTILE]))]
    dice.shuffle(pairs)
    return pairs


@pytest.mark.anyio
async def test_a_hundred_random_queries_give_valid_pages_and_no_error_of_ours(tmp_path):
    fill(tmp_path)
    dice = random.Random(20261124)
    shown = 0

    async with client(tmp_path) as http:
        for number in range(SETS):
            query = urlencode(one_set(dice))
            page = await http.get(f"{('/v1/widget', '/')[number % 2]}?{query}")
            told = await http.get(f"/v1/cards?{query}")

            assert page.status_code == 200, query
            tree = Tree(page.text)
            assert len(tree.all("main")) == len(tree.all("p", role="status")) == 1, query
            assert not tree.all("img"), query
            assert told.status_code in (200, 400), query
            assert told.status_code == 200 or told.json()["errors"], query
            shown += len(tree.all("article")) > 0

    # The sets are not all nonsense.
    assert shown > SETS / 4


@pytest.mark.anyio
async def test_latitude_zero_is_a_place(tmp_path):
    fill(tmp_path)

    async with client(tmp_path) as http:
        page = await http.get("/v1/widget?romes=D1102&latitude=0&longitude=0")
        told = (await http.get("/v1/cards?romes=D1102&latitude=0&longitude=0")).json()

    assert "Où cherchez-vous" not in page.text
    assert (told["query"]["latitude"], told["query"]["longitude"], told["total"]) == (0, 0, 0)
