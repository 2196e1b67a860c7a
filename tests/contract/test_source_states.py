"""When a source is late, missing or damaged, the page, its status, what the host page hears and the JSON agree."""

import json
import re
import shutil
from datetime import timedelta
from html import unescape

import pytest

from tests.builders import NOW
from tests.contract.site import client, fill

SEARCH = "romes=D1102&insee=35238"


@pytest.fixture
def anyio_backend():
    return "asyncio"


def absent(folder):
    shutil.rmtree(folder / "offers")


def corrupt(folder):
    (database,) = (folder / "offers").glob("*/cards.sqlite")
    body = bytearray(database.read_bytes())
    body[len(body) // 2] ^= 0xFF
    database.chmod(0o644)
    database.write_bytes(body)


def everything(folder):
    for name in ("offers", "trainings", "recruiters"):
        shutil.rmtree(folder / name)


def whole(folder):
    assert (folder / "offers").is_dir()


def state_of(page) -> dict:
    return json.loads(re.search(r'id="alternance-state">(.*?)</script>', page.text)[1])


def said(page) -> str:
    text = unescape(re.search(r'role="status">(.*?)</p>', page.text)[1])
    return re.sub(r"<[^>]+>", "", text).replace("\u00a0", " ")


CASES = {
    "whole": (whole, 0, 200, "ok", 12, "12 résultats", None),
    "late": (whole, 30, 200, "late", 12, "12 résultats", "source_late"),
    "too old": (whole, 49, 200, "missing", 8, "Au moins 8 résultats", "source_missing"),
    "absent": (absent, 0, 200, "missing", 8, "Au moins 8 résultats", "source_missing"),
    "corrupt": (corrupt, 0, 200, "missing", 8, "Au moins 8 résultats", "source_missing"),
    "nothing left": (everything, 0, 503, "missing", 0, "La liste est indisponible", "sources_down"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("case", CASES)
async def test_text_status_event_and_json_agree(tmp_path, case):
    damage, hours, code, status, total, text, event = CASES[case]
    fill(tmp_path)
    damage(tmp_path)

    async with client(tmp_path, now=NOW + timedelta(hours=hours)) as http:
        page = await http.get(f"/v1/widget?{SEARCH}&partner=demo-lycee")
        told = (await http.get(f"/v1/cards?{SEARCH}")).json()

    state = state_of(page)
    assert page.status_code == code
    assert said(page).startswith(text)
    assert (state["results"]["total"], told["total"]) == (total, total)
    assert page.text.count("<article") == total
    for sources in (state["results"]["sources"], told["sources"]):
        assert {one["name"]: one["status"] for one in sources}["offers"] == status
    codes = [notice["code"] for notice in state["notices"]]
    assert (event in codes) if event else codes == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("case", "kept"), [("whole", "s-maxage=300"), ("absent", "s-maxage=15"), ("nothing left", "no-store")]
)
async def test_an_answer_that_lacks_something_is_kept_shortly_or_not_at_all(tmp_path, case, kept):
    fill(tmp_path)
    CASES[case][0](tmp_path)

    async with client(tmp_path) as http:
        page = await http.get(f"/v1/widget?{SEARCH}&partner=demo-lycee")

    assert kept in page.headers["cache-control"]
