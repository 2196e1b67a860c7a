"""La Bonne Boîte as a source, and its stand-in: asked by occupation and département, and honest about what it says."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.contract.sandbox import NOW, QUIET, Clock, companies, economy, sandbox
from tests.contract.upstream_fakes import SAMPLES, answer, kit, token
from widget_server.domain.cards import Card, Entry, Rejection
from widget_server.domain.errors import SettingError, UpstreamMalformed, UpstreamRefused
from widget_server.sandbox import SandboxSettings, create_sandbox
from widget_server.settings import Settings
from widget_server.snapshot.shelf import Shelf
from widget_server.sources.kit.source import Kit
from widget_server.sources.recruiters_lbb import ELSEWHERE, Item, RecruitersLBB, plan_of, to_entry
from widget_server.sync.sync import sync

pytestmark = pytest.mark.anyio
SAMPLE = SAMPLES / "recruiters" / "lbb-v2-recherche.json"
SEARCH = "/partenaire/labonneboite/v2/recherche"
SIRET = "73282932000074"
OTHER = "99999999000016"
SETTINGS = Settings(
    france_travail_client_id="PAR_demo",
    france_travail_client_secret="demo",  # noqa: S106 - fictitious
    france_travail_token_url="http://sandbox.test/connexion/oauth2/access_token?realm=%2Fpartenaire",  # noqa: S106
    labonneboite_url="http://sandbox.test",
    labonneboite_rate_per_s=10_000,
    labonneboite_romes="D1102",
    labonneboite_departements="35",
    attempts=1,
    sources="recruiters-lbb:recruiter",
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def item(siret: str = SIRET, **told: object) -> dict[str, object]:
    return {
        "siret": siret, "company_name": "BOULANGERIE FICTIVE SARL", "office_name": "Boulangerie Fictive",
        "headcount_min": 10, "headcount_max": 19, "naf": "1071C", "naf_label": "Boulangerie",
        "location": {"lat": 48.11, "lon": -1.68}, "city": "Rennes", "citycode": "35238", "postcode": "35000",
        "department_number": "35", "hiring_potential": 59.53, "is_high_potential": False,
    } | told  # fmt: skip


def entry(potentials: dict[str, float] | None = None, **told: object) -> Entry | Rejection:
    read = msgspec.json.decode(json.dumps(item(**told)), type=Item, strict=False)
    return to_entry(read, {"D1102": 59.53} if potentials is None else potentials, kit())


def card_of(found: Entry | Rejection) -> Card:
    assert isinstance(found, Entry), found
    return found.card


class Service:
    """The token and the search, over companies by (ROME, département), with what was asked."""

    def __init__(self, found: dict[tuple[str, str], list[dict[str, object]]]) -> None:
        self.found = found
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return token()
        self.seen.append(request)
        params = request.url.params
        items = self.found.get((params["rome"], params["department_number"]), [])
        size = int(params["page_size"])
        start = (int(params["page"]) - 1) * size
        return answer(200, {"hits": len(items), "items": items[start : start + size]})


def kit_of(handler: Callable[[httpx.Request], httpx.Response], **settings: object) -> Kit:
    return kit(settings=replace(SETTINGS, **settings), transport=httpx.MockTransport(handler))


async def collected(told: Kit) -> list[Entry | Rejection]:
    return [row async for row in RecruitersLBB().rows(told)]


# From a company to a card.


def test_the_card_says_that_the_potential_is_of_all_hires_and_has_no_band():
    found = entry()

    assert isinstance(found, Entry)
    assert [reason.code for reason in found.card.reasons] == ["all_hires"]
    assert "60 sur 100" in found.card.reasons[0].text
    assert "tous contrats confondus" in found.card.reasons[0].text
    assert (found.score, found.card.score_band, found.card.estimated) == (60, None, None)
    assert "quel que soit le contrat" in RecruitersLBB().declaration.method


def test_occupations_are_in_the_order_of_their_potential():
    found = entry({"D1102": 20.0, "M1607": 80.0})

    assert isinstance(found, Entry)
    assert (found.card.romes, found.score) == (("M1607", "D1102"), 80)


@pytest.mark.parametrize(("told", "score"), [(-3.0, 0), (250.0, 100), (0.0, 0)])
def test_a_potential_beyond_its_bounds_is_brought_within_them(told: float, score: int):
    found = entry({"D1102": told})

    assert isinstance(found, Entry)
    assert found.score == score


def test_a_company_is_where_it_says_with_its_size_in_words():
    card = card_of(entry())

    assert (card.id, card.title, card.organisation.name) == (SIRET, "Boulangerie Fictive", "BOULANGERIE FICTIVE SARL")
    assert (card.place.label, card.place.precision, card.place.insee) == ("Rennes", "address", "35238")
    assert card.organisation.headcount == "10 à 19 salariés"
    assert card_of(entry(headcount_min=None)).organisation.headcount is None


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"siret": None}, "siret_invalid"),
        ({"siret": "73282932000075"}, "siret_invalid"),
        ({"company_name": None, "office_name": " "}, "name_missing"),
        ({"office_name": "[ND]"}, "not_diffusible"),
        ({"postcode": None}, "postcode_invalid"),
        ({"postcode": "00000", "citycode": None, "city": None, "location": None}, "place_unknown"),
    ],
)
def test_a_company_that_is_no_card_says_why(told: dict[str, object], reason: str):
    found = entry(**told)

    assert isinstance(found, Rejection)
    assert found.reason == reason


@pytest.mark.skipif(not SAMPLE.exists(), reason="the contract's samples are not beside this repository")
def test_the_company_of_the_samples_becomes_a_card():
    told = json.loads(SAMPLE.read_text("utf-8"))["items"][0]

    found = to_entry(msgspec.json.decode(json.dumps(told), type=Item, strict=False), {"M1203": 59.5344812}, kit())

    card = card_of(found)
    assert (card.id, card.title, card.romes) == ("21860066600018", "MAIRIE CHATELLERAULT", ("M1203",))
    assert card.place.insee == "86066"
    assert card.organisation.headcount == "250 à 499 salariés"


# What is asked.


async def test_each_occupation_is_asked_in_each_departement_whose_number_has_no_zero():
    api = Service({("D1102", "1"): [item(postcode="01000", citycode="01053", city="Bourg-en-Bresse", location=None)]})

    found = await collected(kit_of(api, labonneboite_romes="d1102, M1607", labonneboite_departements="01,2a"))

    asked = [(request.url.params["rome"], request.url.params["department_number"]) for request in api.seen]
    assert asked == [("D1102", "1"), ("M1607", "1"), ("D1102", "2A"), ("M1607", "2A")]
    assert [card_of(row).place.insee for row in found] == ["01053"]


async def test_a_company_found_for_two_occupations_is_one_card():
    api = Service(
        {
            ("D1102", "35"): [item(hiring_potential=20.0)],
            ("M1607", "35"): [item(hiring_potential=70.0), item(siret=OTHER)],
        }
    )
    told = kit_of(api, labonneboite_romes="D1102,M1607")

    found = await collected(told)

    assert [(card_of(row).id, card_of(row).romes) for row in found] == [
        (SIRET, ("M1607", "D1102")),
        (OTHER, ("M1607",)),
    ]
    assert told.notes.announced == 2


async def test_a_more_precise_occupation_is_asked_as_its_parent():
    child = next(code for code in kit().occupations.children("M1805") if code != "M1805")

    assert plan_of(kit_of(Service({}), labonneboite_romes=f"{child},M1805")).romes == ("M1805",)


async def test_only_the_best_companies_are_read_and_the_rest_is_counted():
    many = [item(siret=f"{number:014d}") for number in range(1, 351)]
    api = Service({("D1102", "35"): many})
    told = kit_of(api, labonneboite_most=250)

    found = await collected(told)

    assert len(found) == 250
    assert [request.url.params["page"] for request in api.seen] == ["1", "2", "3"]
    assert [(part.name, part.announced, part.read) for part in told.notes.parts] == [("D1102 35", 350, 250)]
    assert told.notes.remarks["beyond_the_best"] == 1


async def test_companies_that_are_announced_and_not_shown_are_an_error():
    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return token()
        return answer(200, {"hits": 7, "items": [item()] if request.url.params["page"] == "1" else []})

    with pytest.raises(UpstreamMalformed, match="announces 7 companies for D1102 in 35, shows 1"):
        await collected(kit_of(handle))


async def test_a_company_that_cannot_be_read_spoils_no_other():
    api = Service({("D1102", "35"): [item(), 5, item(siret=OTHER)]})

    found = await collected(kit_of(api))

    assert [getattr(row, "reason", None) for row in found] == ["unreadable", None, None]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"labonneboite_romes": ""}, "LABONNEBOITE_ROMES is empty"),
        ({"labonneboite_romes": "D1102,boulanger"}, "LABONNEBOITE_ROMES: BOULANGER"),
        ({"labonneboite_romes": "Z9999"}, "LABONNEBOITE_ROMES: Z9999"),
        ({"labonneboite_departements": "35,99"}, "LABONNEBOITE_DEPARTEMENTS: 99"),
        ({"labonneboite_most": 0}, "LABONNEBOITE_MOST"),
        ({"labonneboite_rate_per_s": 2.0, "sync_deadline_s": 0.4}, "LABONNEBOITE_ROMES: 1 ROME codes in 1"),
        ({"france_travail_client_secret": ""}, "FRANCE_TRAVAIL_CLIENT_SECRET"),
    ],
)
async def test_a_setting_that_cannot_work_is_named_before_any_call(settings: dict[str, object], named: str):
    api = Service({})

    with pytest.raises(SettingError, match=named):
        await collected(kit_of(api, **settings))

    assert api.seen == []


async def test_doctor_tells_how_many_calls_the_settings_take():
    api = Service({("D1102", "1"): [item(), item(siret=OTHER)]})
    told = kit_of(api, labonneboite_romes="D1102,M1607", labonneboite_departements="", labonneboite_rate_per_s=2.0)

    said = await RecruitersLBB().probe(told)

    assert said == (
        "2 companies for D1102 in 01;"
        " 2 ROME codes in 101 départements take up to 404 calls, 4 min at 2 calls per second"
    )


async def test_a_redirect_to_its_other_host_is_followed_without_the_token():
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return token()
        seen.append(request)
        if request.url.host == ELSEWHERE:
            return answer(200, {"hits": 1, "items": [item()]})
        return answer(302, headers={"location": f"https://{ELSEWHERE}/api/v2/search/?{request.url.query.decode()}"})

    found = await collected(kit_of(handle))

    assert len(found) == 1
    assert ["authorization" in request.headers for request in seen] == [True, False]
    assert seen[1].url.params["rome"] == "D1102"


async def test_a_redirect_to_any_other_host_is_refused():
    def handle(request: httpx.Request) -> httpx.Response:
        return token() if request.method == "POST" else answer(302, headers={"location": "https://elsewhere.example/x"})

    with pytest.raises(UpstreamRefused, match=r"elsewhere\.example"):
        await collected(kit_of(handle))


# Against the sandbox.


def application(settings: SandboxSettings = QUIET) -> httpx.ASGITransport:
    return httpx.ASGITransport(create_sandbox(economy(), settings, clock=Clock(), now=lambda: NOW))


async def test_the_sandbox_is_read_to_its_last_company(tmp_path: Path):
    settings = replace(SETTINGS, data_dir=str(tmp_path), labonneboite_departements="", recruiters_least=1)

    (report,) = await sync((), settings, now=NOW, transports={"recruiters-lbb": application()})

    made = companies(economy())
    expected = {
        each.siret
        for each in map(made.company, range(len(made)))
        if each.rejected is None and "D1102" in [code for code, _, _ in each.romes]
    }
    assert report.cause is None
    cards = Shelf(tmp_path / "recruiters-lbb").open(report.version or "").cards.everything()
    assert {card.id for card in cards} == expected
    assert report.calls == 101


async def test_a_token_without_every_scope_is_refused_by_name():
    told = kit(settings=replace(SETTINGS, labonneboite_scope="api_labonneboitev2"), transport=application())

    with pytest.raises(UpstreamRefused, match="403: Invalid scope"):
        await collected(told)


async def test_the_sandbox_refuses_the_token_at_the_other_host_and_wants_none():
    async with sandbox() as box:
        await box.sign_in(scope="api_labonneboitev2 search office")
        await box.fault(labonneboite={"redirect": True})
        moved = await box.offers(SEARCH, rome="D1102", department_number="35")
        target = moved.headers["location"]
        with_token = await box.http.get(target, headers={"Authorization": f"Bearer {box.token}"})
        without = await box.http.get(target)

    assert (moved.status_code, httpx.URL(target).host) == (302, ELSEWHERE)
    assert (with_token.status_code, without.status_code) == (400, 200)


async def test_the_redirect_of_the_sandbox_is_followed():
    transport = application()
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as http:
        await http.post("/_faults", json={"labonneboite": {"redirect": True}})

        found = await collected(kit(settings=SETTINGS, transport=transport))

    assert found
    assert all("D1102" in card_of(row).romes for row in found)


@pytest.mark.parametrize(
    ("params", "status", "hits"),
    [
        ({"rome": "D1102"}, 422, None),
        ({"department_number": "35"}, 422, None),
        ({"rome": "D1102", "department_number": "35", "distance": "201"}, 422, None),
        ({"rome": "D1102", "department_number": "35", "page_size": "101"}, 422, None),
        ({"rome": "D1102,M1607", "department_number": "35"}, 200, 0),
        ({"rome": "Z9999", "department_number": "35"}, 200, 0),
    ],
    ids=["no place", "no job", "too far", "page too long", "codes with commas", "unknown code"],
)
async def test_the_sandbox_answers_odd_searches_as_the_service_does(
    params: dict[str, str], status: int, hits: int | None
):
    async with sandbox() as box:
        await box.sign_in(scope="api_labonneboitev2 search office")
        told = await box.offers(SEARCH, **params)

    assert told.status_code == status
    assert hits is None or told.json()["hits"] == hits


async def test_the_sandbox_gives_département_numbers_without_zero():
    async with sandbox() as box:
        await box.sign_in(scope="api_labonneboitev2 search office")
        told = (await box.offers(SEARCH, rome="D1102", department_number="1")).json()

    assert told["hits"]
    assert {row["department_number"] for row in told["items"]} == {"1"}


async def test_the_sandbox_grants_two_calls_a_second():
    async with sandbox(replace(QUIET, labonneboite_per_s=2.0)) as box:
        await box.sign_in(scope="api_labonneboitev2 search office")
        statuses = [(await box.offers(SEARCH, rome="D1102", department_number="1")).status_code for _ in range(3)]
        box.clock.seconds += 1
        statuses.append((await box.offers(SEARCH, rome="D1102", department_number="1")).status_code)

    assert statuses == [200, 200, 429, 200]
