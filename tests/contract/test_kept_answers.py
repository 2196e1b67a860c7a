"""A list that is kept says the same, to the byte, as one that was just made: through the router and in front of it."""

import gzip
from dataclasses import dataclass
from datetime import datetime, timedelta

import brotli
import httpx
import pytest

from tests.builders import NOW, declaration, entry, harvest
from tests.contract.site import ASSETS, OCCUPATIONS, PARTNERS, fill
from widget_server.app import create_app
from widget_server.settings import Settings
from widget_server.snapshot.shelf import Shelf
from widget_server.web.fast import Learnt

pytestmark = pytest.mark.anyio
CARDS = "/v1/cards?romes=D1102&insee=35238"
PAGE = "/v1/widget?romes=D1102&insee=35238&partner=demo-lycee"


@pytest.fixture
def anyio_backend():
    return "asyncio"


@dataclass
class Running:
    """An application with a clock that can be turned, and what answers were made of."""

    app: object
    http: httpx.AsyncClient
    now: datetime = NOW

    @property
    def site(self):
        return self.app.state.site

    def origins(self):
        """How many lists came from where, so far."""
        told = self.site.metrics.settled()
        names = ("fast", "memory", "shared", "made")
        return {name: int(told.value("widget_answers_total", origin=name)) for name in names}

    async def get(self, url, **headers):
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.get(url, headers={"accept-encoding": "br"} | told)


@pytest.fixture
async def running(tmp_path):
    fill(tmp_path)
    (tmp_path / "partners.toml").write_text(PARTNERS, "utf-8")
    made: list[Running] = []
    app = create_app(
        Settings(data_dir=str(tmp_path), partners_file=str(tmp_path / "partners.toml")),
        now=lambda: made[0].now if made else NOW,
        assets=ASSETS,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://widget.test") as http:
        made.append(Running(app, http))
        yield made[0]
    await app.state.site.cache.close()


def headers_of(response):
    return sorted(response.headers.multi_items())


@pytest.mark.parametrize("url", [CARDS, PAGE], ids=["json", "page"])
async def test_made_kept_and_learnt_answers_are_the_same_to_the_byte(running, url):
    made, fast = await running.get(url), await running.get(url)
    routed = await running.get(f"{url}&romes=D1102")

    assert running.origins() == {"made": 1, "fast": 1, "memory": 0, "shared": 0} | (
        {"memory": 1} if url == CARDS else {"made": 2}
    )
    assert (made.status_code, made.text) == (fast.status_code, fast.text)
    assert headers_of(made) == headers_of(fast)
    if url == CARDS:
        assert routed.text == made.text
        assert headers_of(routed) == headers_of(made)
    names = {name for name, _ in headers_of(made)}
    assert {"etag", "cache-control", "vary", "content-encoding", "content-length", "content-type"} <= names
    assert {"strict-transport-security", "x-content-type-options", "referrer-policy"} <= names
    assert len(names) == len(headers_of(made))


@pytest.mark.parametrize("url", [CARDS, PAGE], ids=["json", "page"])
@pytest.mark.parametrize("coding", ["br", "gzip", "identity"])
async def test_every_coding_holds_the_same_body(running, url, coding):
    plain = (await running.get(url, accept_encoding="identity")).text

    for _ in range(3):
        async with running.http.stream("GET", url, headers={"accept-encoding": coding}) as response:
            raw = b"".join([piece async for piece in response.aiter_raw()])
        assert int(response.headers["content-length"]) == len(raw)
        assert response.headers.get("content-encoding", "identity") == coding
        unpacked = {"br": brotli.decompress, "gzip": gzip.decompress, "identity": bytes}[coding](raw)
        assert unpacked.decode() == plain


@pytest.mark.parametrize("url", [CARDS, PAGE], ids=["json", "page"])
async def test_a_browser_that_has_an_answer_is_told_so(running, url):
    tag = (await running.get(url)).headers["etag"]

    for sent in (tag, f'"other", {tag}'):
        again = await running.get(url, if_none_match=sent)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "content-type" not in again.headers
        assert "content-length" not in again.headers
        assert "strict-transport-security" in again.headers
    assert (await running.get(url, if_none_match='"other"')).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "romes=D1102&insee=35238&radius=30",
        "rome=D1102&insee=35238",
        "insee=35238&romes=d1102",
        "romes=D1102&insee=35238&kinds=recruiter,offer,training",
        "romes=D1102&insee=35238&page=1&limit=20",
        "romes=D1102,D1102&insee=35238",
    ],
)
async def test_one_question_in_other_words_is_one_answer(running, query):
    first = await running.get(CARDS)
    again = await running.get(f"/v1/cards?{query}")

    assert running.origins()["made"] == 1
    assert again.content == first.content


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("radius=30", "radius=10"),
        ("limit=5", "limit=5&page=2"),
        ("kinds=offer", "kinds=training"),
        ("level=3", "level=4"),
        ("", "foo=1"),
    ],
)
async def test_other_questions_are_other_answers(running, one, other):
    told = [await running.get(f"{CARDS}&{more}") for more in (one, other)]

    assert running.origins()["made"] == 2
    assert told[0].headers["etag"] != told[1].headers["etag"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"{CARDS}&foo=1", "a parameter that nobody knows"),
        (f"{CARDS}&romes=D1104", "one that is given twice"),
        (f"{CARDS}&title={'x' * 1100}", "a text that is too long"),
        ("/v1/cards?romes=D1102&insee=99999", "a refusal"),
        ("/v1/widget?romes=D1102&insee=35238", "a page of no partner"),
        (f"{PAGE}&radius=999", "a page with something to correct"),
    ],
)
async def test_junk_is_not_learnt(running, url, why):
    for _ in range(2):
        await running.get(url)

    assert len(running.site.learnt) == 0, why
    assert running.origins()["fast"] == 0


async def test_what_is_learnt_stays_within_its_bound_and_forgets_what_was_not_used(running):
    await running.get(CARDS)
    entry, partner = running.site.learnt.find("/v1/cards", CARDS.partition("?")[2].encode())
    learnt = Learnt(running.site.editions, most=5)
    for number in range(12):
        learnt.learn("/v1/cards", b"%d" % number, entry, partner, running.site.editions.current().token)
        learnt.find("/v1/cards", b"0")

    assert len(learnt) == 5
    assert [number for number in range(12) if learnt.find("/v1/cards", b"%d" % number)] == [0, 8, 9, 10, 11]


async def test_what_an_older_edition_answered_is_not_learnt(running):
    await running.get(CARDS)
    entry, partner = running.site.learnt.find("/v1/cards", CARDS.partition("?")[2].encode())
    running.site.learnt.learn("/v1/cards", b"old", entry, partner, "an older edition")

    assert running.site.learnt.find("/v1/cards", b"old") is None
    assert len(running.site.learnt) == 1


async def test_a_page_of_no_partner_is_a_notice_inside_a_frame_and_never_mixed_with_it(running):
    url = "/v1/widget?romes=D1102&insee=35238"

    told = [(await running.get(url, sec_fetch_dest=dest)).status_code for dest in ("document", "iframe") * 2]

    assert told == [200, 403, 200, 403]


async def test_only_get_takes_the_fast_path(running):
    await running.get(CARDS)

    assert (await running.http.post(CARDS)).status_code == 405
    assert (await running.http.head(CARDS)).status_code == 200


async def test_a_new_snapshot_voids_what_was_kept_and_learnt(running, tmp_path):
    before = await running.get(CARDS)
    with Shelf(tmp_path / "offers").draft(declaration("offers", "offer"), started=NOW + timedelta(hours=1)) as draft:
        draft.add(entry("offer:new", (48.1118, -1.68189), kind="offer", insee="35238"))
        draft.publish(tree=OCCUPATIONS, harvest=harvest(), keep=3, accept={"drop": "test"})
    unseen = await running.get(CARDS)
    running.site.library.refresh(at_once=True)
    after = await running.get(CARDS)

    assert unseen.content == before.content
    assert [card["id"] for card in after.json()["cards"] if card["kind"] == "offer"] == ["offer:new"]
    assert after.headers["etag"] != before.headers["etag"]


@pytest.mark.parametrize(
    ("later", "status"),
    [(timedelta(hours=25), "late"), (timedelta(hours=49), "missing")],
    ids=["late", "too old to be shown"],
)
async def test_a_kept_answer_never_outlives_the_state_of_its_sources(running, later, status):
    await running.get(CARDS)
    running.now += later

    answer = (await running.get(CARDS)).json()

    assert next(each for each in answer["sources"] if each["kind"] == "offer")["status"] == status


async def test_at_midnight_in_paris_pages_are_made_anew(running):
    running.now = datetime.fromisoformat("2026-11-24T23:59:50+01:00")
    first = await running.get(PAGE)
    running.now += timedelta(seconds=20)
    second = await running.get(PAGE)

    assert running.origins()["made"] == 2
    assert first.headers["etag"] != second.headers["etag"]


async def test_within_an_edition_an_answer_is_made_again_after_five_minutes_under_the_same_tag(running):
    first = await running.get(CARDS)
    running.now += timedelta(minutes=4)
    kept = await running.get(CARDS)
    running.now += timedelta(minutes=2)
    again = await running.get(CARDS)

    ages = [answer.json()["sources"][0]["age_s"] for answer in (first, kept, again)]
    assert (ages[1], ages[2]) == (ages[0], ages[0] + 360)
    assert first.headers["etag"] == again.headers["etag"]
    assert running.origins()["made"] == 2


async def test_while_nothing_can_be_shown_nothing_is_kept(tmp_path):
    (tmp_path / "partners.toml").write_text(PARTNERS, "utf-8")
    app = create_app(Settings(data_dir=str(tmp_path), partners_file=str(tmp_path / "partners.toml")), assets=ASSETS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://widget.test") as http:
        told = [await http.get(PAGE) for _ in range(2)]

    assert [answer.status_code for answer in told] == [503, 503]
    assert len(app.state.site.cache) == 0


@pytest.mark.parametrize(("url", "media_type"), [(CARDS, "application/problem+json"), (PAGE, "text/html")])
async def test_when_too_many_lists_wait_to_be_made_a_visitor_is_told_when_to_come_back(running, url, media_type):
    running.site.cache._most_waiting = 0
    busy = await running.get(url)
    running.site.cache._most_waiting = 1

    assert (busy.status_code, busy.headers["retry-after"], busy.headers["cache-control"]) == (503, "2", "no-store")
    assert busy.headers["content-type"].startswith(media_type)
    assert "votre connexion" not in busy.text
    assert running.site.metrics.settled().value("widget_answers_total", origin="refused") == 1
    assert (await running.get(url)).status_code == 200
