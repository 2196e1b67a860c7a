"""The sandbox as the trainings catalogue: counts, pages, the stream, filters, and its habits that surprise."""

import json
from collections import Counter

import httpx
import pytest

from tests.contract.sandbox import ENTITY, Sandbox, catalogue, economy, sandbox
from tests.contract.upstream_fakes import SAMPLES
from widget_server.sandbox import SandboxSettings

pytestmark = pytest.mark.anyio
PUBLISHED = {"published": True, "catalogue_published": True}
CURRENT = {**PUBLISHED, "tags": {"$in": ["2026", "2027"]}}
COUNT = len(economy().trainings)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def get(box: Sandbox, path: str, query: object = None, **params: str) -> httpx.Response:
    told = params if query is None else {"query": json.dumps(query), **params}
    return await box.http.get(f"{ENTITY}{path}", params=told)


async def streamed(box: Sandbox, query: object, **params: str) -> list[dict[str, object]]:
    return (await get(box, "/formations.json", query, limit=str(COUNT * 2), **params)).json()


async def test_a_count_is_a_bare_number():
    async with sandbox() as box:
        answer = await get(box, "/formations/count", CURRENT)

    assert answer.text.isdigit()
    assert 0 < int(answer.text) < COUNT


async def test_the_stream_holds_as_many_as_were_counted():
    async with sandbox() as box:
        count = (await get(box, "/formations/count", CURRENT)).json()
        rows = await streamed(box, CURRENT)

    assert len(rows) == count
    assert len({row["cle_ministere_educatif"] for row in rows}) == count


async def test_the_stream_shows_ten_unless_it_is_told_otherwise():
    async with sandbox() as box:
        rows = (await get(box, "/formations.json", CURRENT)).json()

    assert len(rows) == 10


async def test_a_page_shows_ten_by_default_and_a_thousand_at_most():
    async with sandbox(made=economy(0.1)) as box:
        ten = (await get(box, "/formations")).json()
        most = (await get(box, "/formations", limit="5000")).json()

    assert len(ten["formations"]) == 10
    assert len(most["formations"]) == 1000
    assert most["pagination"]["resultats_par_page"] == 1000


async def test_a_posted_page_of_more_than_a_thousand_is_refused():
    async with sandbox() as box:
        answer = await box.http.post(f"{ENTITY}/formations", json={"limit": 1001})

    assert (answer.status_code, answer.json()["statusCode"]) == (400, 400)
    assert answer.json()["details"]


async def test_the_number_of_a_page_comes_back_as_text():
    async with sandbox() as box:
        told = (await get(box, "/formations", page="2")).json()["pagination"]
        untold = (await get(box, "/formations")).json()["pagination"]

    assert (told["page"], untold["page"]) == ("2", 1)


async def test_pages_follow_one_another():
    async with sandbox() as box:
        first = (await get(box, "/formations", CURRENT, limit="30")).json()
        pages = [(await get(box, "/formations", CURRENT, page=n, limit="15")).json() for n in ("1", "2")]

    assert first["formations"] == pages[0]["formations"] + pages[1]["formations"]


async def test_without_a_filter_the_count_and_a_posted_page_hide_what_is_not_published_and_the_others_do_not():
    async with sandbox() as box:
        counted = (await get(box, "/formations/count")).json()
        posted = (await box.http.post(f"{ENTITY}/formations", json={})).json()["pagination"]["total"]
        got = (await get(box, "/formations")).json()["pagination"]["total"]
        rows = (await get(box, "/formations.json", limit=str(COUNT * 2))).json()

    assert counted == posted < got == len(rows) == COUNT
    assert Counter(row["published"] for row in rows)[False] == COUNT - counted


@pytest.mark.parametrize(
    ("query", "every"),
    [
        ({"num_departement": "2A"}, lambda row: row["num_departement"] == "2A"),
        ({"num_departement": {"$in": ["2B", "974"]}}, lambda row: row["num_departement"] in ("2B", "974")),
        ({"niveau": {"$regex": "^3"}}, lambda row: row["niveau"].startswith("3")),
        ({"rome_codes": {"$size": 0}}, lambda row: row["rome_codes"] == []),
        ({"entierement_a_distance": {"$eq": True}}, lambda row: row["cle_ministere_educatif"].endswith("#LAD")),
        ({"$or": [{"num_departement": "35"}, {"num_departement": "69"}]}, lambda row: row["code_postal"][:2] in "3569"),
        ({"tags": {"$nin": ["2027"]}}, lambda row: "2027" not in row["tags"]),
        ({"last_update_at": {"$gte": "2026-10-01"}}, lambda row: row["last_update_at"] >= "2026-10-01"),
    ],
    ids=["equal", "in", "regex", "size", "eq", "or", "nin", "gte"],
)
async def test_filters_of_mongo_work(query: dict[str, object], every):
    async with sandbox() as box:
        rows = await streamed(box, query)
        count = (await get(box, "/formations/count", query)).json()

    assert 0 < len(rows) == count < COUNT
    assert all(map(every, rows))


async def test_an_operator_that_is_not_allowed_silently_matches_nothing():
    async with sandbox() as box:
        answer = await get(box, "/formations.json", {"$where": "true"})

    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("path", ["/formations", "/formations/count", "/formations.json", "/formations.csv"])
async def test_a_filter_that_is_not_json_makes_the_service_fail(path: str):
    async with sandbox() as box:
        answer = await box.http.get(f"{ENTITY}{path}", params={"query": "{published:true}"})

    assert (answer.status_code, answer.json()["statusCode"]) == (500, 500)


async def test_nobodys_address_is_shown_unless_it_is_asked_for():
    async with sandbox() as box:
        rows = await streamed(box, CURRENT)
        asked = await streamed(box, CURRENT, select=json.dumps({"email": 1}))
        without = await streamed(box, CURRENT, select=json.dumps({"contenu": 0}))

    hidden = {"email", "affelnet_statut_history", "parcoursup_statut_history", "updates_history"}
    assert all(not hidden & row.keys() for row in rows)
    assert asked[0].keys() == {"_id", "email"}
    assert "contenu" not in without[0]


async def test_one_document_is_found_by_its_key_with_its_hash_encoded_and_by_its_number():
    async with sandbox() as box:
        row = (await get(box, "/formations.json", CURRENT, limit="1")).json()[0]
        by_key = await get(box, "/formation/" + row["cle_ministere_educatif"].replace("#", "%23"))
        by_number = await get(box, f"/formation/{row['_id']}")
        cut = await get(box, f"/formation/{row['cle_ministere_educatif']}")

    assert by_key.json()["cle_ministere_educatif"] == by_number.json()["cle_ministere_educatif"]
    assert cut.status_code == 404


@pytest.mark.parametrize(
    ("path", "query", "status", "message"),
    [
        ("/formation", {"cfd": "nothing"}, 404, "Aucune formation ne correspond aux critères transmis."),
        ("/formation/123456789012", None, 404, "La formation 123456789012 n'existe pas."),
        ("/formation/1", None, 400, "L'identifiant de la formation n'est pas valide"),
    ],
    ids=["no document", "an unknown key", "no key"],
)
async def test_what_is_not_there_is_told_in_the_words_of_the_service(
    path: str, query: object, status: int, message: str
):
    async with sandbox() as box:
        answer = await get(box, path, query)

    assert (answer.status_code, answer.json()["message"]) == (status, message)


async def test_fifty_calls_a_second_are_allowed():
    async with sandbox(SandboxSettings(catalogue_rate_per_s=50)) as box:
        answers = [await get(box, "/formations", limit="1") for _ in range(51)]
        box.clock.seconds += 1
        later = await get(box, "/formations", limit="1")

    assert [answer.status_code for answer in answers] == [200] * 50 + [429]
    assert answers[0].headers["x-ratelimit-limit"] == "50"
    assert not answers[50].text.startswith("{")
    assert later.status_code == 200


async def test_the_other_instance_wants_a_key():
    async with sandbox() as box:
        await box.fault(trainings={"education": True})
        without = await get(box, "/formations/count")
        with_key = await box.http.get(f"{ENTITY}/formations/count", headers={"API-Key": "x"})

    assert (without.status_code, without.json()) == (401, {"message": "Accès non autorisé"})
    assert with_key.status_code == 200


async def test_a_stream_may_stop_in_the_middle_as_if_it_were_whole():
    async with sandbox() as box:
        await box.fault(trainings={"truncate": 3000})
        answer = await get(box, "/formations.json", CURRENT, limit="500")

    assert (answer.status_code, len(answer.content)) == (200, 3000)
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_a_count_may_differ_from_what_is_streamed():
    async with sandbox() as box:
        true = (await get(box, "/formations/count", CURRENT)).json()
        await box.fault(trainings={"count_off": 7})
        told = (await get(box, "/formations/count", CURRENT)).json()
        rows = await streamed(box, CURRENT)

    assert told == true + 7
    assert len(rows) == true


async def test_answers_are_compressed_when_it_is_asked():
    async with sandbox() as box:
        zipped = await box.http.get(f"{ENTITY}/formations.json", headers={"Accept-Encoding": "gzip"})
        plain = await box.http.get(f"{ENTITY}/formations.json", headers={"Accept-Encoding": "identity"})

    assert zipped.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert zipped.json() == plain.json()


async def test_the_documented_dirt_is_in_the_documents():
    async with sandbox(made=economy(0.1)) as box:
        rows = (await get(box, "/formations.json", limit="100000")).json()

    coordinates = [row["lieu_formation_geo_coordonnees"] for row in rows]
    assert any(each is None for each in coordinates)
    assert any(
        each and float(each.split(",")[0]) < float(each.split(",")[1]) and each[0] == "-" for each in coordinates
    )
    assert any(row["rncp_code"] == "RNCPNR" for row in rows)
    assert any(row["code_commune_insee"] == row["code_postal"] for row in rows)
    assert any(len(row["date_debut"]) != len(row["date_fin"]) for row in rows)
    assert any(row["date_debut"] != sorted(row["date_debut"]) for row in rows)
    assert any(row["annee"] == "X" for row in rows)
    assert any(row["onisep_url"] == "voir la fiche" for row in rows)
    assert {"2A", "2B", "971", "972", "973", "974", "976"} <= {row["num_departement"] for row in rows}
    assert all(isinstance(tag, str) for row in rows for tag in row["tags"])
    names = ("intitule_long", "etablissement_formateur_siret", "diplome", "code_postal", "lieu_formation_adresse")
    same = Counter(tuple(row[name] for name in names) for row in rows)
    assert max(same.values()) > 1


def test_some_trainings_of_the_great_cities_have_the_code_of_the_whole_city_and_the_postcode_of_an_arrondissement():
    made = catalogue(economy(1.0))
    odd = [row for row in range(len(made)) if made.dirt(row) == "city_of_districts"]

    places = {(document["code_commune_insee"], document["code_postal"]) for document in map(made.document, odd)}

    assert any(insee in ("75056", "69123", "13055") and postcode[-3:] != "000" for insee, postcode in places)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the contract's samples are not beside this repository")
async def test_a_document_has_only_fields_of_the_schema():
    schema = json.loads((SAMPLES / "carif-oref" / "formation-schema.json").read_text("utf-8"))["formation"]
    # By the data base, by the Carif-Oref instance, and three that its readers use and the schema spells otherwise.
    added = {"_id", "contenu", "objectif", "num_tel", "email"}
    added |= {"lieu_formation_siret", "etablissement_gestionnaire_type", "etablissement_gestionnaire_conventionne"}
    async with sandbox() as box:
        row = (await get(box, "/formations.json", CURRENT, limit="1")).json()[0]

    assert row.keys() - schema["properties"].keys() - added == set()
