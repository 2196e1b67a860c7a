"""The sandbox as France Travail: token, search, one offer, referentials, with the service's own words."""

import json

import httpx
import pytest

from tests.contract.sandbox import DETAIL, FORM, QUIET, SEARCH, SIGN_IN, book, economy, sandbox, total
from tests.contract.upstream_fakes import SAMPLES
from widget_server.sandbox import SandboxSettings, create_sandbox

pytestmark = pytest.mark.anyio
APPRENTICES = {"natureContrat": "E2,FS", "sort": "1"}
NARROW = SandboxSettings(offers_rate_per_s=0, first_positions=20, page=10)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_every_answer_says_that_it_is_a_demonstration():
    async with sandbox() as box:
        answers = [
            await box.sign_in(),
            await box.offers(),
            await box.http.get("/_faults"),
            await box.http.get("/nothing"),
        ]

    assert [answer.headers["x-demonstration-data"] for answer in answers] == ["true"] * 4


async def test_a_token_is_as_the_service_gives_it():
    async with sandbox() as box:
        told = (await box.sign_in()).json()

    assert len(told.pop("access_token")) == 27
    assert told == {"scope": "api_offresdemploiv2 o2dsoffre", "token_type": "Bearer", "expires_in": 1499}


@pytest.mark.parametrize("realm", ["%2Fpartenaire", "/partenaire", "partenaire"])
async def test_both_spellings_of_the_realm_work(realm: str):
    async with sandbox() as box:
        answer = await box.http.post(f"/connexion/oauth2/access_token?realm={realm}", data=FORM)

    assert answer.status_code == 200


async def test_the_realm_of_individuals_is_refused():
    async with sandbox() as box:
        answer = await box.http.post("/connexion/oauth2/access_token?realm=/individu", data=FORM)

    assert (answer.status_code, answer.json()["error_description"]) == (400, "Invalid realm")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, {"error": "invalid_request", "error_description": "Grant type is not set"}),
        (
            {**FORM, "client_secret": "wrong"},
            {"error": "invalid_client", "error_description": "Client authentication failed"},
        ),
        ({**FORM, "scope": "api_unknown"}, {"error": "invalid_scope"}),
    ],
    ids=["empty body", "wrong secret", "not subscribed"],
)
async def test_a_token_is_refused_in_the_words_of_the_service(form: dict[str, str], said: dict[str, str]):
    async with sandbox() as box:
        answer = await box.http.post(SIGN_IN, data=form)

    assert (answer.status_code, answer.json()) == (400, said)


async def test_a_scope_may_begin_with_the_name_of_the_application():
    async with sandbox() as box:
        answer = await box.sign_in(scope=f"application_PAR_demo {FORM['scope']}")

    assert answer.status_code == 200


async def test_without_a_token_the_answer_is_empty_and_401():
    async with sandbox() as box:
        answer = await box.http.get(SEARCH)

    assert (answer.status_code, answer.content, answer.headers["www-authenticate"]) == (401, b"", "Bearer")


async def test_a_token_expires():
    async with sandbox() as box:
        before = await box.offers()
        box.clock.seconds += 1499
        after = await box.offers()

    assert (before.status_code, after.status_code, after.content) == (206, 401, b"")


async def test_half_of_the_scopes_is_not_enough():
    async with sandbox() as box:
        await box.sign_in(scope="api_offresdemploiv2")
        answer = await box.offers()

    assert answer.status_code == 403


async def test_a_page_is_206_with_its_place_in_the_whole():
    async with sandbox() as box:
        answer = await box.offers(**APPRENTICES)

    count = len(book(economy()).rows)
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"offres 0-149/{count}"
    assert answer.headers["accept-range"] == "150"
    assert len(answer.json()["resultats"]) == 150
    assert {each["filtre"] for each in answer.json()["filtresPossibles"]} == {"typeContrat", "natureContrat"}


async def test_the_last_page_ends_where_the_offers_end():
    count = len(book(economy()).rows)

    async with sandbox() as box:
        answer = await box.offers(range=f"{count - 5}-{count + 100}")

    assert answer.headers["content-range"] == f"offres {count - 5}-{count - 1}/{count}"
    assert len(answer.json()["resultats"]) == 5


async def test_pages_together_show_every_offer_once_and_the_youngest_first():
    async with sandbox() as box:
        count = total(await box.offers(range="0-0"))
        pages = [(await box.offers(range=f"{start}-{start + 149}")).json() for start in range(0, count, 150)]

    rows = [row for page in pages for row in page["resultats"]]
    assert len({row["id"] for row in rows}) == count
    assert [row["dateCreation"] for row in rows] == sorted((row["dateCreation"] for row in rows), reverse=True)


@pytest.mark.parametrize(
    "params", [{"codeROME": "Z9999"}, {"range": "2999-3000"}], ids=["unknown occupation", "beyond the last offer"]
)
async def test_no_result_is_204_and_empty(params: dict[str, str]):
    async with sandbox() as box:
        answer = await box.offers(**params)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["content-range"].startswith("*/")


REFUSALS = {
    "too wide": ({"range": "0-150"}, "La plage de résultats demandée est trop importante."),
    "too far": ({"range": "3100-3149"}, "La position de début doit être inférieure ou égale à 3000."),
    "no range": ({"range": "first"}, "Format du paramètre « range » incorrect. <entier>-<entier> attendu."),
    "a postcode": ({"commune": "75001"}, "Valeur du paramètre « commune » incorrecte."),
    "no departement": ({"departement": "20"}, "Valeur du paramètre « departement » incorrecte."),
    "a collectivity": ({"departement": "975"}, "Valeur du paramètre « departement » incorrecte."),
    "no region": ({"region": "99"}, "Valeur du paramètre « region » incorrecte."),
    "no nature": ({"natureContrat": "E9"}, "Valeur du paramètre « natureContrat » incorrecte."),
    "no type": ({"typeContrat": "CDX"}, "Valeur du paramètre « typeContrat » incorrecte."),
    "a letter": (
        {"motsCles": "a"},
        "Format du paramètre « motsCles » incorrect. 7 mots-clé au maximum séparés par des virgules et d'au moins"
        " 2 caractères.",
    ),
    "not a boolean": ({"tempsPlein": "oui"}, "Format du paramètre « tempsPlein » incorrect. Booléen attendu."),
    "experience": (
        {"experienceExigence": "X"},
        "Format du paramètre « experienceExigence » incorrect. D, E ou S attendu.",
    ),
    "domain": (
        {"grandDomaine": "Z"},
        "Format du paramètre « grandDomaine » incorrect. A, B, C, C15, D, E, F, G, H, I, J, K, L, L14, M15, M18, M,"
        " M16, M17, M13, M14 ou N attendu.",
    ),
    "two days": ({"publieeDepuis": "2"}, "Valeur du paramètre « publieeDepuis » incorrecte."),
    "half a window": (
        {"minCreationDate": "2026-11-01T00:00:00Z"},
        "Valeur du paramètre « maxCreationDate » incorrecte.",
    ),
}


@pytest.mark.parametrize(("params", "message"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_a_bad_parameter_is_refused_in_the_words_of_the_service(params: dict[str, str], message: str):
    async with sandbox() as box:
        answer = await box.offers(**params)

    assert (answer.status_code, answer.json()) == (400, {"message": message})


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples of the team are not here")
def test_the_words_are_those_of_the_samples():
    told = json.loads((SAMPLES / "france-travail" / "token-and-errors.json").read_text("utf-8"))

    ours = {message for _, message in REFUSALS.values()}

    assert set(told["search_400_messages"]) <= ours


async def test_nature_and_type_of_contract_are_joined_by_or():
    async with sandbox() as box:
        totals = [
            total(await box.offers(range="0-0", **params))
            for params in (
                {"natureContrat": "E2"},
                {"typeContrat": "CDI"},
                {"natureContrat": "E2", "typeContrat": "CDI"},
                {"natureContrat": "E2,FS"},
            )
        ]

    apprentices, lasting, either, everything = totals
    assert max(apprentices, lasting) < either < apprentices + lasting
    assert everything == len(book(economy()).rows)


async def test_a_search_by_departement_shows_its_offers_and_no_others():
    async with sandbox() as box:
        rows = (await box.offers(departement="2A")).json()["resultats"]
        truth = (await box.http.get("/_truth/offers?departement=2A")).json()

    assert {row["id"] for row in rows} == {each["id"] for each in truth["kept"] + truth["rejected"]}
    assert all(row["lieuTravail"]["libelle"].startswith("2A - ") for row in rows)


async def test_offers_of_a_region_or_of_france_are_in_no_departement():
    async with sandbox(made=economy(0.2)) as box:
        truth = (await box.http.get("/_truth/offers")).json()
        nowhere = {each["id"] for each in truth["kept"] if each["departement"] is None}
        seen: set[str] = set()
        for departement in economy(0.2).geography.departements:
            answer = await box.offers(departement=departement)
            seen |= {row["id"] for row in answer.json()["resultats"]}

    assert nowhere
    assert not nowhere & seen


async def test_a_search_by_commune_reaches_ten_kilometres_unless_told_otherwise():
    async with sandbox(made=economy(1.0)) as box:
        totals = [
            total(await box.offers(commune="35238", **params))
            for params in ({}, {"distance": "10"}, {"distance": "0"}, {"distance": "50"})
        ]

    default, ten, none, fifty = totals
    assert default == ten
    assert none < ten < fifty


async def test_a_postcode_that_is_another_towns_code_is_silently_wrong():
    async with sandbox(made=economy(1.0)) as box:
        rows = (await box.offers(commune="13001", distance="0")).json()["resultats"]

    assert all("AIX-EN-PROVENCE" in row["lieuTravail"]["libelle"] for row in rows)


@pytest.mark.parametrize("city", ["75056", "69123", "13055"])
async def test_whole_cities_are_accepted_until_they_are_switched_off(city: str):
    async with sandbox() as box:
        before = await box.offers(commune=city)
        await box.fault(offers={"whole_cities": "refused"})
        after = await box.offers(commune=city)

    assert (before.status_code, after.status_code) == (206, 400)


async def test_beyond_the_window_an_unfiltered_query_shows_france_travails_own_offers_only():
    async with sandbox(NARROW) as box:
        pages = [(await box.offers(range=f"{start}-{start + 9}")).json()["resultats"] for start in (0, 10, 20)]
        partners = (await box.offers(range="0-9", origineOffre="2")).json()["resultats"]

    assert {row["origineOffre"]["origine"] for page in pages for row in page} == {"1"}
    assert {row["origineOffre"]["origine"] for row in partners} == {"2"}


async def test_a_window_of_creation_dates_cuts_the_offers_in_two():
    async with sandbox() as box:
        totals = [
            int(
                (await box.offers(minCreationDate=least, maxCreationDate=most))
                .headers["content-range"]
                .rpartition("/")[2]
            )
            for least, most in (
                ("2026-09-01T00:00:00Z", "2026-10-31T23:59:59Z"),
                ("2026-11-01T00:00:00Z", "2026-11-30T00:00:00Z"),
            )
        ]

    assert min(totals) > 0
    assert sum(totals) == len(book(economy()).rows)


async def test_ten_calls_at_once_are_allowed_and_the_eleventh_waits():
    async with sandbox(SandboxSettings()) as box:
        answers = [await box.offers(range="0-0") for _ in range(11)]
        box.clock.seconds += 1
        later = await box.offers(range="0-0")

    assert [answer.status_code for answer in answers] == [206] * 10 + [429]
    assert answers[10].headers["retry-after"] == "1"
    assert later.status_code == 206
    rate = {name: value for name, value in answers[0].headers.items() if name.startswith("x-ratelimit")}
    assert rate == {
        "x-ratelimit-burst-capacity-clientidlimiter": "10",
        "x-ratelimit-remaining-clientidlimiter": "9",
        "x-ratelimit-replenish-rate-clientidlimiter": "10",
        "x-ratelimit-requested-tokens-clientidlimiter": "1",
    }


async def test_one_offer_is_the_same_as_in_the_search():
    async with sandbox() as box:
        row = (await box.offers(range="0-0")).json()["resultats"][0]
        alone = await box.offers(f"{DETAIL}/{row['id']}")

    assert (alone.status_code, alone.json()) == (200, row)


async def test_an_offer_that_is_gone_is_204_and_a_bad_id_400():
    async with sandbox() as box:
        gone, bad = await box.offers(f"{DETAIL}/999ZZZZ"), await box.offers(f"{DETAIL}/x")

    assert (gone.status_code, gone.content) == (204, b"")
    assert bad.json() == {"message": "Le format de l'id de l'offre recherchée est incorrect."}


@pytest.mark.parametrize(
    ("name", "count"),
    [("departements", 101), ("regions", 18), ("naturesContrats", 20), ("metiers", 1584), ("typesContrats", 12)],
)
async def test_referentials_are_arrays_of_codes_and_labels(name: str, count: int):
    async with sandbox() as box:
        rows = (await box.offers(f"/partenaire/offresdemploi/v2/referentiel/{name}")).json()

    assert len(rows) == count
    assert all({"code", "libelle"} <= row.keys() for row in rows)


async def test_a_change_creates_deletes_and_modifies():
    async with sandbox() as box:
        before = {row["id"]: row for row in await everything(box.offers)}
        change = (await box.http.post("/_change", json={"created": 3, "deleted": 4, "modified": 2})).json()
        after = {row["id"]: row for row in await everything(box.offers)}
        gone = await box.offers(f"{DETAIL}/{change['deleted'][0]}")

    assert after.keys() - before.keys() == set(change["created"])
    assert before.keys() - after.keys() == set(change["deleted"])
    changed = {each for each in before.keys() & after.keys() if before[each] != after[each]}
    assert changed == set(change["modified"])
    assert all(before[each]["dateCreation"] == after[each]["dateCreation"] for each in changed)
    assert gone.status_code == 204


async def everything(offers) -> list[dict[str, object]]:
    count = total(await offers(range="0-0"))
    pages = [(await offers(range=f"{start}-{start + 149}")).json() for start in range(0, count, 150)]
    return [row for page in pages for row in page["resultats"]]


async def test_the_same_changes_give_the_same_offers_twice():
    found = []
    for _ in range(2):
        async with sandbox() as box:
            found.append((await box.http.post("/_change", json={"created": 3, "deleted": 4, "modified": 2})).json())

    assert found[0] == found[1]


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples of the team are not here")
def test_an_offer_has_the_fields_of_the_official_example_with_their_types():
    page = json.loads((SAMPLES / "france-travail" / "search-official-example.json").read_text("utf-8"))
    sample = {**page["resultats"][0], "entrepriseAdaptee": False, "employeurHandiEngage": False}
    offers = book(economy())

    types: dict[str, set[type]] = {}
    for row in range(len(offers.rows)):
        for name, value in offers.offer(row).items():
            types.setdefault(name, set()).add(type(value))

    assert {name for name in types if name not in sample} == set()
    assert {name for name, kinds in types.items() if type(sample[name]) not in kinds} == set()


async def test_the_sandbox_starts_without_a_network():
    application = create_sandbox(economy(), QUIET)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://sandbox.test") as http:
        assert (await http.get("/_economy")).json()["counts"]["offers"] == len(economy().offers)
