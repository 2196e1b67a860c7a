"""What every URL answers, as integrators and browsers see it."""

import re
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import jsonschema
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.builders import NOW
from tests.contract.site import client, fill
from widget_server.app import Application, create_app
from widget_server.settings import Settings
from widget_server.web.routes import ROUTES

pytestmark = pytest.mark.anyio
GOOD = "/v1/cards?romes=D1102&insee=35238"


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def test_one_call_turns_a_job_and_a_place_into_one_list(tmp_path):
    fill(tmp_path)

    async with client(tmp_path) as http:
        answer = (await http.get(GOOD)).json()

    assert answer["counts"] == {"training": 4, "offer": 4, "recruiter": 4}
    assert {card["kind"] for card in answer["cards"][:3]} == {"training", "offer", "recruiter"}
    assert answer["query"]["insee"] == "35238"
    assert answer["place"]["label"] == "Rennes"
    assert all(card["distance_km"] <= 30 for card in answer["cards"])
    assert answer["attribution"][0] == "Source : trainings du 24/11/2026"


async def test_an_answer_follows_its_published_schema(tmp_path):
    fill(tmp_path)

    async with client(tmp_path) as http:
        answer, schema = (await http.get(GOOD)).json(), (await http.get("/v1/schema")).json()

    jsonschema.Draft202012Validator(schema).validate(answer)
    card = answer["cards"][0]
    wanted = {"id", "kind", "title", "organisation", "place", "distance_km", "romes", "source", "also_on", "reasons"}
    assert wanted <= set(card)
    assert {"label", "latitude", "longitude", "precision"} <= set(card["place"])


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("romes=Z9999&insee=35238", {"romes"}),
        ("romes=D9999&insee=35238", {"romes"}),
        ("romes=D1102", {"insee"}),
        ("insee=35238", {"romes"}),
        ("romes=D1102&insee=35238&postcode=35000", {"postcode"}),
        ("romes=D1102&insee=35238&radius=999", {"radius"}),
        ("romes=D1102&latitude=91&longitude=0", {"latitude"}),
        ("romes=" + ",".join(f"M18{n:02}" for n in range(1, 30)) + "&insee=35238&radius=x", {"romes", "radius"}),
    ],
    ids=["letter", "unknown ROME", "no place", "no job", "two places", "radius", "latitude", "several at once"],
)
async def test_json_refuses_with_every_problem_at_once(tmp_path, query, params):
    async with client(tmp_path) as http:
        answer = await http.get(f"/v1/cards?{query}")

    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert {error["param"] for error in body["errors"]} == params
    assert all(error["code"] and error["hint"] for error in body["errors"])


@pytest.mark.parametrize(
    "query",
    [
        "romes=D1102&latitude=0&longitude=0",
        "romes=d1102&insee=35238",
        "romes=D1102&insee=69383",
        "romes=D1102&insee=75056",
        "romes=D1102&insee=2A004",
        "romes=D1102&insee=2b033",
        "romes=D1102&insee=97411",
        "romes=D1102&departement=2A",
        "romes=D1102&departement=974",
        "romes=D1102&region=94",
        "romes=D1102&postcode=75012",
    ],
)
async def test_every_valid_way_to_name_a_place_is_taken(tmp_path, query):
    async with client(tmp_path) as http:
        answer = await http.get(f"/v1/cards?{query}")

    assert (answer.status_code, answer.json()["notices"]) == (200, [])


async def test_one_missing_source_is_named_and_the_others_answer(tmp_path):
    fill(tmp_path, sources=("trainings", "recruiters"))

    async with client(tmp_path) as http:
        answer, ready = (await http.get(GOOD)).json(), await http.get("/readyz")

    assert {source["name"]: source["status"] for source in answer["sources"]} == {
        "trainings": "ok",
        "offers": "missing",
        "recruiters": "ok",
    }
    assert answer["total"] == 8
    assert (ready.status_code, ready.json()["missing"]) == (503, {"offers": "no snapshot yet"})


async def test_offers_are_withheld_when_they_are_too_old(tmp_path):
    fill(tmp_path)

    async with client(tmp_path, now=NOW + timedelta(hours=49)) as http:
        answer, card = (await http.get(GOOD)).json(), await http.get("/v1/cards/offer:1")

    assert (answer["counts"]["offer"], answer["sources"][1]["status"]) == (0, "missing")
    assert card.status_code == 404


async def test_a_card_tells_everything_its_source_said(tmp_path):
    fill(tmp_path)

    async with client(tmp_path) as http:
        found, lost = await http.get("/v1/cards/offer:1"), await http.get("/v1/cards/offer:999")

    assert found.json()["card"]["id"] == "offer:1"
    assert found.json()["facts"][0]["text"] == "Tout sur offer:1"
    assert lost.status_code == 404


@pytest.mark.parametrize("path", [GOOD, "/v1/places?q=ren", "/v1/jobs?q=boulang"])
async def test_a_browser_on_any_site_may_read_the_json(tmp_path, path):
    async with client(tmp_path) as http:
        answer = await http.get(path)

    assert answer.headers["access-control-allow-origin"] == "*"


async def test_suggestions_answer_while_somebody_types(tmp_path):
    async with client(tmp_path) as http:
        places = (await http.get("/v1/places?q=ren")).json()["suggestions"]
        jobs = (await http.get("/v1/jobs?q=boulang")).json()["suggestions"]

    assert places[0]["insee"] == "35238"
    assert jobs[0]["romes"] == ["D1102"]


async def test_an_unchanged_answer_is_not_sent_twice(tmp_path):
    fill(tmp_path)

    async with client(tmp_path) as http:
        first = await http.get(GOOD)
        second = await http.get(GOOD, headers={"If-None-Match": first.headers["etag"]})

    assert (second.status_code, second.content) == (304, b"")


@pytest.mark.parametrize(("accepted", "coding"), [("gzip, br", "br"), ("gzip", "gzip"), ("br;q=0", None), ("", None)])
async def test_an_answer_is_compressed_as_the_client_accepts(tmp_path, accepted, coding):
    fill(tmp_path)

    async with client(tmp_path) as http:
        answer = await http.get(GOOD, headers={"Accept-Encoding": accepted})

    assert answer.headers.get("content-encoding") == coding
    assert answer.json()["total"] == 12


async def test_the_page_and_the_json_agree_card_by_card(tmp_path):
    fill(tmp_path)

    async with client(tmp_path) as http:
        answer = (await http.get(GOOD)).json()
        html = (await http.get("/v1/widget?romes=D1102&insee=35238")).text

    assert re.findall(r'data-id="([^"]+)"', html) == [card["id"] for card in answer["cards"]]


@pytest.mark.parametrize(
    "query",
    ["", "romes=zzz", "romes=D1102", "insee=99999&romes=D1102", "romes=D1102&insee=35238&radius=999&page=99", "a=%00"],
)
async def test_the_page_is_never_an_error_and_never_blank(tmp_path, query):
    fill(tmp_path)

    async with client(tmp_path) as http:
        page = await http.get(f"/v1/widget?{query}")

    assert page.status_code == 200
    assert "<main" in page.text
    assert "<form" in page.text


async def test_only_a_registered_partner_may_frame_the_page(tmp_path):
    fill(tmp_path)
    search = "/v1/widget?romes=D1102&insee=35238"
    framed = {"Sec-Fetch-Dest": "iframe"}

    async with client(tmp_path) as http:
        known = await http.get(f"{search}&partner=demo-lycee", headers=framed)
        unknown = await http.get(f"{search}&partner=nobody", headers=framed)
        plain = await http.get(search)

    assert "frame-ancestors https://lycee.example;" in known.headers["content-security-policy"]
    assert (unknown.status_code, "data-id" in unknown.text) == (403, False)
    assert "frame-ancestors *" in unknown.headers["content-security-policy"]
    assert "img-src data:;" in unknown.headers["content-security-policy"]  # the empty icon: no error in the console
    assert "frame-ancestors 'none'" in plain.headers["content-security-policy"]
    assert "Sec-Fetch-Dest" in plain.headers["vary"]
    assert "set-cookie" not in known.headers


async def test_without_any_snapshot_the_page_says_so(tmp_path):
    async with client(tmp_path) as http:
        page, health = await http.get("/v1/widget?romes=D1102&insee=35238"), await http.get("/healthz")

    assert (page.status_code, page.headers["cache-control"]) == (503, "no-store")
    assert "<main" in page.text
    assert health.status_code == 200


async def test_the_form_works_without_any_script(tmp_path):
    fill(tmp_path)

    async with client(tmp_path) as http:
        page = await http.get("/v1/widget", params={"job": "boulanger", "place": "rennes"})

    assert page.text.count("data-id=") == 12


async def test_metrics_count_requests_by_route_and_tell_the_age_of_sources(tmp_path):
    fill(tmp_path)

    async with client(tmp_path) as http:
        await http.get(GOOD)
        text = (await http.get("/metrics")).text

    assert 'widget_requests_total{route="/v1/cards",status="200"} 1.0' in text
    assert 'widget_source_cards{source="offers"} 4.0' in text


async def test_an_unknown_address_is_told_in_json(tmp_path):
    async with client(tmp_path) as http:
        lost, refused = await http.get("/nothing"), await http.post("/v1/cards")

    assert (lost.status_code, refused.status_code) == (404, 405)
    assert lost.headers["content-type"] == "application/problem+json"
    assert "strict-transport-security" in lost.headers


async def _broken(request: Request) -> Response:
    raise ValueError("a fault of ours")


class _Torn:
    async def __call__(self, scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("a fault when half is sent")


@pytest.mark.parametrize("path", ["/broken", "/broken/1"], ids=["a plain path", "a pattern"])
async def test_a_fault_is_logged_counted_once_and_answered_as_a_problem(tmp_path, caplog, path):
    site = create_app(Settings(data_dir=str(tmp_path))).state.site
    routes = [Route("/broken", _broken), Route("/broken/{number}", _broken), *ROUTES]
    app = Application(site, routes=routes, lifespan=_nothing_beside)
    app.state.site = site
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://widget.test") as http:
        answer, metrics = await http.get(path), (await http.get("/metrics")).text

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "strict-transport-security" in answer.headers
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["a fault of ours"]
    assert [line for line in metrics.splitlines() if 'status="500"' in line and "requests_total" in line] == [
        f'widget_requests_total{{route="{path.replace("1", "{number}")}",status="500"}} 1.0'
    ]


async def test_an_answer_that_breaks_off_is_not_begun_anew(tmp_path):
    site = create_app(Settings(data_dir=str(tmp_path))).state.site
    app = Application(site, routes=[Route("/torn", _Torn())], lifespan=_nothing_beside)
    app.state.site = site
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://widget.test") as http:
        with pytest.raises(ValueError, match="half is sent"):
            await http.get("/torn")


@asynccontextmanager
async def _nothing_beside(app):
    yield
