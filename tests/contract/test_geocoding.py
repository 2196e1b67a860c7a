"""Addresses without coordinates are placed at sync, if the operator asks for it: what is asked, believed and kept."""

import json
import sqlite3
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace as replace_struct

from tests.builders import entry as built
from tests.contract.sandbox import NOW, QUIET, Clock, catalogue, economy, sandbox, settings_for
from tests.contract.upstream_fakes import SAMPLES, answer, kit
from widget_server.domain.cards import CardPlace, Entry, Rejection
from widget_server.domain.geo import distance_km
from widget_server.sandbox import create_sandbox
from widget_server.settings import Settings
from widget_server.snapshot.shelf import Shelf
from widget_server.sources.kit.placing import Placed, Whereabouts
from widget_server.sources.kit.source import Kit
from widget_server.sync.geocoding import CREDIT, FILE_NAME, KEPT_FOR, located, query_of
from widget_server.sync.sync import sync

pytestmark = pytest.mark.anyio
SAMPLE = SAMPLES / "geocoding"
NO_SAMPLES = pytest.mark.skipif(not SAMPLE.exists(), reason="the contract's samples are not beside this repository")
RENNES = (48.1118, -1.68189)
NEAR = (48.1201, -1.6702)
SEARCH = "/geocodage/search"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def row(card_id: str = "a", *, street: str = "12 rue Fictive", **place: object) -> Entry:
    """A card at the centre of Rennes that knows its street."""
    told = CardPlace(
        **{
            "label": "Rennes", "precision": "commune", "insee": "35238", "postcode": "35000", "departement": "35",
            "region": "53", "latitude": RENNES[0], "longitude": RENNES[1],
        } | place
    )  # fmt: skip
    base = built(card_id)
    return replace_struct(base, card=replace_struct(base.card, place=told), street=street)


def feature(point: tuple[float, float] = NEAR, **told: object) -> dict[str, object]:
    properties = {"score": 0.9, "type": "housenumber", "citycode": "35238", "label": "12 Rue Fictive 35000 Rennes"}
    coordinates = [point[1], point[0]]
    return {"geometry": {"type": "Point", "coordinates": coordinates}, "properties": properties | told}


class Service:
    """The search, which answers the same feature to everything, and what it was asked."""

    def __init__(self, *features: dict[str, object], status: int = 200, fails_from: int = 10**9) -> None:
        self.features = list(features)
        self.status = status
        self.fails_from = fails_from
        self.seen: list[httpx.QueryParams] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request.url.params)
        status = 503 if len(self.seen) > self.fails_from else self.status
        return answer(status, {"type": "FeatureCollection", "features": self.features, "query": ""})


def kit_of(folder: Path, handler: Callable[[httpx.Request], httpx.Response], **told: object) -> Kit:
    settings = Settings(
        data_dir=str(folder), geocoding_url="https://geo.example/geocodage", geocoding_rate_per_s=10_000, attempts=1
    )
    return kit(settings=replace(settings, **told), transport=httpx.MockTransport(handler), folder=folder / "source")


async def refined(told: Kit, *rows: Entry | Rejection) -> list[Entry | Rejection]:
    async def every() -> AsyncGenerator[Entry | Rejection, None]:
        for each in rows:
            yield each

    return [each async for each in located(every(), told)]


async def placed(folder: Path, handler: Callable[[httpx.Request], httpx.Response], told: Entry) -> CardPlace:
    (found,) = await refined(kit_of(folder, handler), told)
    assert isinstance(found, Entry)
    return found.card.place


# What is asked.


async def test_nobody_is_asked_unless_the_operator_wants_it(tmp_path: Path):
    api = Service(feature())
    told = kit_of(tmp_path, api, geocoding_url="")

    assert await refined(told, row()) == [row()]
    assert api.seen == []
    assert list(tmp_path.iterdir()) == []
    assert Settings().geocoding_url == ""


async def test_an_address_at_the_centre_of_its_commune_is_asked_for_and_the_card_moves_there(tmp_path: Path):
    api = Service(feature())

    (found,) = await refined(told := kit_of(tmp_path, api), row())

    assert isinstance(found, Entry)
    place = found.card.place
    assert (place.latitude, place.longitude, place.precision) == (*NEAR, "address")
    assert (place.label, place.insee, place.postcode) == ("Rennes", "35238", "35000")
    assert dict(api.seen[0]) == {
        "q": "12 rue Fictive 35000 Rennes", "limit": "1", "autocomplete": "0", "index": "address", "citycode": "35238",
    }  # fmt: skip
    assert told.notes.remarks == {"geocoded": 1}


async def test_a_card_that_was_moved_says_how_exactly_and_by_whom(tmp_path: Path):
    (found,) = await refined(kit_of(tmp_path, Service(feature(type="street"))), row())

    assert isinstance(found, Entry)
    fact = next(fact for fact in found.facts if fact.name == "position")
    assert "à la rue" in (fact.text or "")
    assert CREDIT in (fact.text or "")


@pytest.mark.parametrize(
    "told",
    [
        row(street=""),
        row(street="—"),
        row(precision="address"),
        row(precision="departement", latitude=None, longitude=None, insee=None, postcode=None),
        Rejection(reason="no_rome", id="a", detail=""),
    ],
    ids=["no street", "a street of signs", "placed already", "a département", "a rejection"],
)
async def test_only_what_can_be_placed_better_is_asked_for(tmp_path: Path, told: Entry | Rejection):
    api = Service(feature())

    assert await refined(kit_of(tmp_path, api), told) == [told]
    assert api.seen == []


async def test_a_city_of_arrondissements_is_asked_for_by_its_postcode(tmp_path: Path):
    """The service files addresses under the arrondissement: the code of the whole city finds none of them."""
    api = Service(feature((48.8555, 2.36041), citycode="75104"))
    told = row(insee="75056", postcode="75004", label="Paris", departement="75", latitude=48.8566, longitude=2.3429)

    place = await placed(tmp_path, api, told)

    assert (api.seen[0].get("citycode"), api.seen[0].get("postcode")) == (None, "75004")
    assert (place.latitude, place.precision) == (48.8555, "address")


@pytest.mark.parametrize(
    ("street", "query"),
    [
        ("12 rue Fictive", "12 rue Fictive 35000 Rennes"),
        ("- 12 rue Fictive", "12 rue Fictive 35000 Rennes"),
        ("« Le Moulin »", "Le Moulin » 35000 Rennes"),
        ("Élysée", "Élysée 35000 Rennes"),
        ("x" * 90 + " rue", "rue 35000 Rennes"),
        (" ", None),
        ("...", None),
    ],
)
def test_a_query_is_one_that_the_service_can_read(street: str, query: str | None):
    assert query_of(street, row().card.place) == query


def test_a_query_is_never_longer_than_the_service_takes():
    assert len(query_of("rue de la Paix " * 60, row().card.place) or "") <= 200


# What is believed.


@pytest.mark.parametrize(
    "found",
    [
        feature(score=0.52),
        feature(score=0.599),
        feature(type="municipality"),
        feature(citycode="35281"),
        feature(citycode=""),
        feature((48.58, 7.75)),
        feature((0.0, 0.0)),
        feature((-1.6702, 48.1201)),
    ],
    ids=[
        "another town with a low score", "just below", "the commune itself", "another commune", "no commune",
        "another region", "nowhere", "inverted",
    ],
)  # fmt: skip
async def test_an_answer_that_is_doubtful_leaves_the_card_where_it_is(tmp_path: Path, found: dict[str, object]):
    assert await placed(tmp_path, Service(found), row()) == row().card.place


async def test_no_answer_leaves_the_card_where_it_is(tmp_path: Path):
    assert await placed(tmp_path, Service(), row()) == row().card.place


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"features": [{}]}', b'{"features": [{"geometry": {"coordinates": []}}]}']
)
async def test_an_answer_that_cannot_be_read_costs_nothing(tmp_path: Path, body: bytes):
    told = kit_of(tmp_path, lambda _: answer(200, body))

    assert await refined(told, row()) == [row()]
    assert told.notes.remarks["geocoding_failed"] == 1


@NO_SAMPLES
async def test_the_answers_of_the_samples_are_read(tmp_path: Path):
    def sample(name: str) -> Callable[[httpx.Request], httpx.Response]:
        return lambda _: answer(200, (SAMPLE / f"{name}.json").read_bytes())

    paris = row(insee="75104", postcode="75004", label="Paris 4e", departement="75", latitude=48.85, longitude=2.35)
    lyon = row(insee="69123", postcode="69001", label="Lyon", departement="69", latitude=45.76, longitude=4.83)

    assert (await placed(tmp_path / "a", sample("geopf-search-housenumber"), paris)).latitude == 48.8555
    assert (await placed(tmp_path / "b", sample("geopf-search-municipality"), lyon)) == lyon.card.place
    assert (await placed(tmp_path / "c", sample("geopf-search-empty"), paris)) == paris.card.place


# What is kept, and what happens when it fails.


@pytest.mark.parametrize("features", [[feature()], []], ids=["found", "nothing found"])
async def test_an_address_is_asked_for_once(tmp_path: Path, features: list[dict[str, object]]):
    api = Service(*features)

    first = await refined(kit_of(tmp_path, api), row("a"))
    second = await refined(kit_of(tmp_path, api), row("a"))

    assert len(api.seen) == 1
    assert first == second


async def test_an_answer_is_asked_for_again_after_months(tmp_path: Path):
    api = Service(feature())
    await refined(kit_of(tmp_path, api), row())

    later = replace(kit_of(tmp_path, api), now=NOW + KEPT_FOR + timedelta(days=1))
    await refined(later, row())

    assert len(api.seen) == 2


async def test_the_file_on_disk_names_no_address(tmp_path: Path):
    await refined(kit_of(tmp_path, Service(feature())), row(street="12 rue Fictive"))

    assert (tmp_path / FILE_NAME).exists()
    told = b"".join(path.read_bytes() for path in tmp_path.glob(f"{FILE_NAME}*"))
    assert b"fictive" not in told.lower()


async def test_a_damaged_file_is_made_anew(tmp_path: Path):
    (tmp_path / FILE_NAME).write_bytes(b"this is no data base" * 500)
    api = Service(feature())

    (found,) = await refined(kit_of(tmp_path, api), row())

    assert isinstance(found, Entry)
    assert found.card.place.precision == "address"
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        assert db.execute("SELECT count(*) FROM answer").fetchone() == (1,)
    db.close()


async def test_a_service_that_fails_is_left_alone_and_costs_no_card(tmp_path: Path):
    api = Service(feature(), fails_from=1)
    rows = [row(f"card {number}", street=f"{number} rue Fictive") for number in range(600)]
    told = kit_of(tmp_path, api)

    found = await refined(told, *rows)

    assert [each.card.id for each in found if isinstance(each, Entry)] == [each.card.id for each in rows]
    assert sum(each.card.place.precision == "address" for each in found if isinstance(each, Entry)) == 1
    assert len(api.seen) < 50
    assert told.notes.remarks["geocoding_left"] > 500


async def test_one_address_that_is_refused_says_nothing_of_the_next(tmp_path: Path):
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.params["q"].startswith("1 "):
            return answer(400, {"code": 400, "message": "Failed parsing query", "detail": ["q: odd"]})
        return answer(200, {"features": [feature()]})

    told = kit_of(tmp_path, handle)
    found = await refined(told, row("a", street="1 rue"), row("b", street="2 rue"))

    assert [each.card.place.precision for each in found if isinstance(each, Entry)] == ["commune", "address"]


# A whole sync against the sandbox.


async def test_trainings_without_coordinates_are_placed_and_the_others_stay(tmp_path: Path):
    made = catalogue(economy(0.3))
    transport = httpx.ASGITransport(
        create_sandbox(economy(0.3), replace(QUIET, geocoding_per_s=0), clock=Clock(), now=lambda: NOW)
    )
    found: dict[str, dict[str, CardPlace]] = {}
    for name, url in {"without": "", "with": "http://sandbox.test/geocodage"}.items():
        settings = settings_for("http://sandbox.test", str(tmp_path / name))
        settings = replace(settings, geocoding_url=url, geocoding_rate_per_s=10_000.0)
        (report,) = await sync(["trainings"], settings, now=NOW, transports={"trainings": transport})
        assert report.cause is None
        shelf = Shelf(tmp_path / name / "trainings")
        found[name] = {card.id: card.place for card in shelf.open(report.version or "").cards.everything()}

    odd = {str(made.truth(row)["id"]) for row in range(len(made)) if made.dirt(row) == "no_coordinates"}
    moved = {key for key, place in found["with"].items() if place != found["without"][key]}
    assert len(moved) > 20
    assert moved <= odd
    # One in twenty-five answers is of another town, as it happens; it is not believed.
    assert len(moved) >= 0.85 * len(odd & set(found["with"]))
    for key in moved:
        before, after = found["without"][key], found["with"][key]
        assert (before.precision, after.precision) == ("commune", "address")
        assert distance_km(before.latitude, before.longitude, after.latitude, after.longitude) < 3


# Completed from our own tables, without asking anybody.


def place_of(**told: object) -> Placed | None:
    return kit().placing.place(Whereabouts(**told))


@pytest.mark.parametrize(
    ("told", "label", "precision", "insee"),
    [
        ({"insee": "35238"}, "Rennes", "commune", "35238"),
        ({"postcode": "35000"}, "Rennes", "commune", "35238"),
        ({"label": "35 - RENNES"}, "Rennes", "commune", "35238"),
        ({"label": "57 - METZ TECHNOPOLE"}, "Metz", "commune", "57463"),
        ({"label": "92 - CLICHY", "postcode": "92110"}, "Clichy", "commune", "92024"),
        ({"label": "2A - AJACCIO"}, "Ajaccio", "commune", "2A004"),
        ({"label": "974 - ST DENIS"}, "Saint-Denis", "commune", "97411"),
        ({"label": "49 - Maine et Loire"}, "Maine-et-Loire (49)", "departement", None),
        ({"label": "Bretagne"}, "Bretagne", "region", None),
        ({"label": "France"}, "France", "country", None),
        ({"insee": "75056", "postcode": "75004"}, "Paris 4e Arrondissement", "commune", "75104"),
    ],
)
def test_a_place_without_coordinates_is_completed_from_its_codes_or_label(
    told: Mapping[str, str], label: str, precision: str, insee: str | None
):
    found = place_of(**told)

    assert found is not None
    assert (found.place.label, found.place.precision, found.place.insee) == (label, precision, insee)
    assert (found.place.latitude is not None) == (precision == "commune")


# The stand-in, with the service's quirks.


async def asked(box, path: str = SEARCH, **params: str) -> httpx.Response:
    return await box.http.get(path, params=params)


@pytest.mark.parametrize(
    ("params", "detail"),
    [
        ({}, "q: required param"),
        ({"q": "ab"}, "q: must contain between 3 and 200 chars and start with a number or a letter"),
        ({"q": "(rue"}, "q: must contain between 3 and 200 chars and start with a number or a letter"),
        ({"q": "rue " * 60}, "q: must contain between 3 and 200 chars and start with a number or a letter"),
    ],
    ids=["no query", "too short", "a bracket first", "too long"],
)
async def test_the_sandbox_refuses_a_query_as_the_service_does(params: dict[str, str], detail: str):
    async with sandbox() as box:
        told = await asked(box, **params)

    assert (told.status_code, told.json()) == (
        400,
        {"code": 400, "message": "Failed parsing query", "detail": [detail]},
    )


async def test_one_very_long_word_breaks_the_sandbox_without_a_word():
    async with sandbox() as box:
        told = await asked(box, q="a" * 150)

    assert (told.status_code, told.content) == (500, b"")


async def test_no_match_is_a_success_without_features():
    async with sandbox() as box:
        told = await asked(box, q="zzzzqqqqxxxx")

    assert (told.status_code, told.json()) == (
        200, {"type": "FeatureCollection", "features": [], "query": "zzzzqqqqxxxx"},
    )  # fmt: skip


async def test_an_address_of_paris_is_in_an_arrondissement_and_x_y_are_metres():
    async with sandbox() as box:
        (found,) = (await asked(box, q="10 rue de rivoli 75004 paris")).json()["features"]

    told = found["properties"]
    assert (told["citycode"], told["city"], told["type"]) == ("75104", "Paris", "housenumber")
    assert told["x"] > 100_000
    assert found["geometry"]["coordinates"][0] == pytest.approx(2.35, abs=0.1)


async def test_a_city_comes_before_its_arrondissements():
    async with sandbox() as box:
        found = (await asked(box, q="paris", type="municipality", limit="50")).json()["features"]

    codes = [each["properties"]["citycode"] for each in found]
    assert codes[0] == "75056"
    assert set(codes[1:]) == {f"751{number:02}" for number in range(1, 21)}
    assert found[0]["properties"]["postcode"] == "75001"


async def test_no_municipality_is_found_in_paris_by_coordinates():
    async with sandbox() as box:
        paris = await asked(box, "/geocodage/reverse", lat="48.8566", lon="2.3522", type="municipality")
        rennes = await asked(box, "/geocodage/reverse", lat="48.11", lon="-1.68", type="municipality")
        street = await asked(box, "/geocodage/reverse", lat="48.8566", lon="2.3522")

    assert paris.json() == {"type": "FeatureCollection", "features": []}
    assert rennes.json()["features"][0]["properties"]["citycode"] == "35238"
    assert len(street.json()["features"]) == 1


async def test_who_asks_too_often_is_blocked_for_some_seconds():
    async with sandbox(replace(QUIET, geocoding_per_s=3)) as box:
        first = [(await asked(box, q="rennes")).status_code for _ in range(4)]
        refusal = await asked(box, q="rennes")
        box.clock.seconds += 4
        soon = await asked(box, q="rennes")
        box.clock.seconds += 2
        later = await asked(box, q="rennes")

    assert first == [200, 200, 200, 429]
    assert (refusal.status_code, refusal.headers["retry-after"]) == (429, "5")
    assert (soon.status_code, later.status_code) == (429, 200)


@NO_SAMPLES
async def test_the_sandbox_answers_in_the_shape_of_the_samples():
    sample = json.loads((SAMPLE / "geopf-search-housenumber.json").read_text("utf-8"))

    async with sandbox() as box:
        told = (await asked(box, q="10 rue de rivoli 75004 paris")).json()

    assert set(told) == set(sample)
    known = set(sample["features"][0]["properties"]) - {"banId"}
    assert set(told["features"][0]["properties"]) == known
