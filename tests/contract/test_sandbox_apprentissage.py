"""The sandbox as API Apprentissage: keys, the export of jobs, the two searches, with the service's own words."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.contract.sandbox import Sandbox, catalogue, economy, sandbox
from tests.contract.upstream_fakes import SAMPLES
from widget_server.sandbox import SandboxSettings

pytestmark = pytest.mark.anyio
SAMPLE = SAMPLES / "api-apprentissage"
NO_SAMPLES = pytest.mark.skipif(not SAMPLE.exists(), reason="the contract's samples are not beside this repository")
EXPORT = "/api/job/v1/export"
JOBS = "/api/job/v1/search"
TRAININGS = "/api/formation/v1/search"
KEY = {"Authorization": "Bearer demo"}
GENEROUS = SandboxSettings(catalogue_rate_per_s=0, export_per_minute=1000, search_per_minute=1000)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def get(box: Sandbox, path: str, **params: str) -> httpx.Response:
    return await box.http.get(path, params=params, headers=KEY)


@asynccontextmanager
async def exported(scale: float = 0.05) -> AsyncIterator[list[dict[str, dict[str, object]]]]:
    """The rows of the export file."""
    async with sandbox(GENEROUS, economy(scale)) as box:
        envelope = (await get(box, EXPORT)).json()
        yield (await box.http.get(envelope["url"])).json()


@pytest.mark.parametrize(
    ("headers", "fault", "message"),
    [
        ({}, {}, "Vous devez fournir une clé d'API valide pour accéder à cette ressource"),
        ({"Authorization": "Basic x"}, {}, "Vous devez fournir une clé d'API valide pour accéder à cette ressource"),
        ({"Authorization": "Bearer x"}, {}, "Impossible de déchiffrer la clé d'API"),
        (KEY, {"key": "unreadable"}, "Impossible de déchiffrer la clé d'API"),
        (KEY, {"key": "expired"}, "La clé d'API a expirée"),
        (KEY, {"key": "revoked"}, "La clé d'API fournie a été révoquée"),
    ],
    ids=["none", "another kind", "unknown", "unreadable", "expired", "revoked"],
)
@pytest.mark.parametrize("path", [EXPORT, JOBS, TRAININGS])
async def test_a_key_is_refused_in_the_words_of_the_service(
    headers: Mapping[str, str], fault: dict[str, str], message: str, path: str
):
    async with sandbox() as box:
        await box.fault(apprentissage=fault)
        answer = await box.http.get(path, headers=headers)

    assert (answer.status_code, answer.json()) == (401, {"statusCode": 401, "name": "Unauthorized", "message": message})


@NO_SAMPLES
async def test_errors_have_the_shapes_of_the_samples():
    expected = json.loads((SAMPLE / "errors.json").read_text("utf-8"))

    async with sandbox(SandboxSettings(search_per_minute=60)) as box:
        found = {
            "401_no_key": (await box.http.get(EXPORT)).json(),
            "401_bad_key": (await box.http.get(EXPORT, headers={"Authorization": "Bearer x"})).json(),
            "400_formation_search": (await get(box, TRAININGS, page_size="0")).json(),
            "400_job_search_forwarded": (await get(box, JOBS, romes="A0000")).json(),
            "404_formation": (await get(box, "/api/formation/v1/{cle}")).json(),
            "404_unknown_path": (await get(box, "/api/nothing")).json(),
        }
        for _ in range(60):
            found["429"] = (await get(box, JOBS, latitude="0", longitude="0", radius="1")).json()
        for name, fault in {"504_lba_slow": {"gateway": True}, "500": {"status": 500}}.items():
            await box.fault(apprentissage={**fault, "times": 1})
            found[name] = (await get(box, EXPORT)).json()

    for name, body in found.items():
        assert body == expected[name], name


async def test_the_service_behind_is_only_behind_the_jobs():
    async with sandbox() as box:
        await box.fault(apprentissage={"gateway": True})
        statuses = [(await get(box, path)).status_code for path in (EXPORT, JOBS, TRAININGS)]

    assert statuses == [504, 504, 200]


async def test_two_exports_a_minute_are_allowed_and_the_third_is_told_how_long_to_wait():
    async with sandbox() as box:
        answers = [await get(box, EXPORT) for _ in range(3)]
        box.clock.seconds += 30
        later = await get(box, EXPORT)

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].headers["retry-after"] == "30"
    assert "Quota dépassé : 2 requêtes par 1 minute." in answers[2].json()["message"]
    assert later.status_code == 200


# The export.


async def test_the_export_is_an_address_that_needs_no_key_and_lives_two_minutes():
    async with sandbox() as box:
        envelope = (await get(box, EXPORT)).json()
        young = await box.http.get(envelope["url"])
        with_key = await box.http.get(envelope["url"], headers=KEY)
        forged = await box.http.get(envelope["url"].replace("X-Amz-Expires=", "X-Amz-Expires=9"))
        box.clock.seconds += 121
        old = await box.http.get(envelope["url"])

    assert envelope.keys() == {"url", "lastUpdate"}
    assert [answer.status_code for answer in (young, with_key, forged, old)] == [200, 403, 403, 403]


async def test_the_export_says_the_same_day_until_it_is_made_again():
    async with sandbox() as box:
        days = {(await get(box, EXPORT)).json()["lastUpdate"] for _ in range(2)}

    assert days == {"2026-11-24T01:12:05.000Z"}


async def test_the_file_is_one_flat_array_that_no_reader_of_lines_understands():
    async with sandbox(GENEROUS) as box:
        url = (await get(box, EXPORT)).json()["url"]
        body = (await box.http.get(url)).content

    rows = json.loads(body)
    assert isinstance(rows, list)
    assert len(body.splitlines()) > 10 * len(rows)


async def test_the_file_may_have_the_shape_of_the_search():
    async with sandbox(GENEROUS) as box:
        url = (await get(box, EXPORT)).json()["url"]
        flat = (await box.http.get(url)).json()
        await box.fault(apprentissage={"search_shape": True})
        told = (await box.http.get(url)).json()

    assert told["jobs"] + told["recruiters"] == flat


async def test_the_file_may_be_cut_and_may_be_gone():
    async with sandbox(GENEROUS) as box:
        url = (await get(box, EXPORT)).json()["url"]
        await box.fault(apprentissage={"truncate": 5000})
        cut = await box.http.get(url)
        await box.http.delete("/_faults")
        await box.fault(apprentissage={"file_gone": True})
        gone = await box.http.get(url)

    assert (cut.status_code, len(cut.content)) == (200, 5000)
    assert gone.status_code == 403


@NO_SAMPLES
async def test_rows_have_the_fields_of_the_samples_with_their_types():
    sample = json.loads((SAMPLE / "job-export.json").read_text("utf-8"))
    async with exported() as rows:
        ours = shape_of(rows)

    theirs = shape_of(sample)
    assert ours.keys() == theirs.keys()
    for path, kinds in ours.items():
        assert kinds - theirs[path] <= {"NoneType", "list", "bool"}, path


def shape_of(rows: object, path: str = "", found: dict[str, set[str]] | None = None) -> dict[str, set[str]]:
    """The names of types at each path below a list of rows; what lies in a list or in nothing is left out."""
    found = {} if found is None else found
    if isinstance(rows, list) and not path:
        for row in rows:
            shape_of(row, ".", found)
    elif isinstance(rows, dict):
        for name, value in rows.items():
            if name not in ("naf", "geopoint", "target_diploma", "domain"):
                found.setdefault(f"{path}{name}", set()).add(
                    "dict" if isinstance(value, dict) else type(value).__name__
                )
                shape_of(value, f"{path}{name}.", found)
    return found


async def test_rows_come_tenfold_under_ten_numbers_and_keys():
    async with sandbox(GENEROUS, economy(0.02)) as box:
        counts = []
        for fault in ({}, {"tenfold": True}):
            await box.fault(apprentissage=fault)
            rows = (await box.http.get((await get(box, EXPORT)).json()["url"])).json()
            page = (await get(box, TRAININGS, page_size="1000", page_index="0")).json()
            numbers = [(row["identifier"]["partner_label"], row["identifier"]["partner_job_id"]) for row in rows]
            keys = [row["identifiant"]["cle_ministere_educatif"] for row in page["data"]]
            counts.append(
                (len(numbers), len(set(numbers)), page["pagination"]["page_count"], len(keys) - len(set(keys)))
            )

    (rows, numbers, pages, _), (ten_rows, ten_numbers, ten_pages, repeated) = counts
    assert (ten_rows, ten_pages > pages, repeated) == (10 * rows, True, 0)
    # Some rows of the sandbox have an unusable number, or that of another.
    assert ten_numbers > 9 * numbers


async def test_every_kind_of_row_is_in_the_file():
    async with exported(0.3) as rows:
        labels = Counter(row["identifier"]["partner_label"] for row in rows)
        predicted = [row for row in rows if row["identifier"]["partner_label"] == "recruteurs_lba"]
        offers = [row for row in rows if row["identifier"]["partner_label"] != "recruteurs_lba"]

    assert labels["France Travail"] > labels["Hellowork"] > 0
    assert labels["PARTENAIRE FICTIF INCONNU"] > 0
    assert all(row["offer"]["title"] == "recruteurs_lba" and row["contract"]["type"] == [] for row in predicted)
    assert all(row["identifier"]["partner_job_id"] == row["workplace"]["siret"] for row in predicted)
    assert any(row["workplace"]["name"] is None for row in predicted)
    assert any(not row["offer"]["rome_codes"] for row in predicted)
    assert any(row["apply"]["recipient_id"] is None for row in predicted)
    assert any(row["workplace"]["domain"]["naf"] is None for row in predicted)
    expirations = [row["offer"]["publication"]["expiration"] for row in offers]
    assert any(each is None for each in expirations)
    assert any(each is not None and each < "2026" for each in expirations)


async def test_a_delegated_row_is_the_schools_with_the_companys_point():
    async with exported(0.3) as rows:
        delegated = [row for row in rows if row["is_delegated"]]

    made = catalogue(economy(0.3))
    schools = {school["siret"]: school for school in map(made.school, range(made.school_count))}
    assert delegated
    for row in delegated:
        school = schools[row["workplace"]["siret"]]
        assert row["identifier"]["partner_label"] != "France Travail"
        assert row["workplace"]["name"] == school["entreprise_raison_sociale"]
        assert row["workplace"]["location"]["address"].endswith(f"{school['code_postal']} {school['localite']}")


async def test_the_offers_of_france_travail_are_those_that_it_serves_itself():
    async with sandbox(GENEROUS) as box:
        url = (await get(box, EXPORT)).json()["url"]
        rows = (await box.http.get(url)).json()
        ours = [row for row in rows if row["identifier"]["partner_label"] == "France Travail"][:5]
        answers = [
            await box.offers(f"/partenaire/offresdemploi/v2/offres/{row['identifier']['partner_job_id']}")
            for row in ours
        ]

    assert [answer.json()["intitule"] for answer in answers] == [row["offer"]["title"] for row in ours]
    assert all(row["workplace"]["siret"] is None for row in ours)


# The search of jobs.


async def test_a_search_shows_at_most_150_of_each_source_and_of_recruiters():
    async with sandbox(GENEROUS, economy(0.3)) as box:
        body = (await get(box, JOBS)).json()

    labels = Counter(job["identifier"]["partner_label"] for job in body["jobs"])
    assert max(labels.values()) == 150
    assert len(body["recruiters"]) == 150
    assert [warning["code"] for warning in body["warnings"]] == ["RECRUITERS_FORMATING_ERROR"]


async def test_a_row_of_a_search_has_no_occupation_of_the_recruiter_and_no_number_for_france_travail():
    async with sandbox(GENEROUS) as box:
        body = (await get(box, JOBS, latitude="48.11", longitude="-1.68", radius="60")).json()

    numbers = {job["identifier"]["partner_label"]: job["identifier"]["id"] for job in body["jobs"]}
    assert numbers["France Travail"] is None
    assert body["recruiters"]
    assert all("offer" not in each and "partner_label" not in each["identifier"] for each in body["recruiters"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"romes": "A0000"}, "querystring.romes: One or more ROME codes are invalid…"),
        ({"latitude": "48"}, "longitude is required when latitude is provided"),
        ({"longitude": "2"}, "latitude is required when longitude is provided"),
        ({"rncp": "RNCP1"}, "Cannot find an active Certification for the given RNCP"),
    ],
    ids=["unknown occupation", "latitude alone", "longitude alone", "unknown certification"],
)
async def test_a_bad_search_of_jobs_is_refused_in_the_shape_of_the_service_behind(params: dict[str, str], message: str):
    async with sandbox() as box:
        answer = await get(box, JOBS, **params)

    assert answer.status_code == 400
    assert (answer.json()["error"], answer.json()["message"]) == ("Bad Request", message)


# The search of trainings.


async def test_pages_of_trainings_together_show_every_published_one_once():
    made = economy()
    async with sandbox(GENEROUS, made) as box:
        first = (await get(box, TRAININGS, page_size="300")).json()
        count = first["pagination"]["page_count"]
        pages = [(await get(box, TRAININGS, page_size="300", page_index=str(n))).json() for n in range(count)]
        beyond = (await get(box, TRAININGS, page_size="300", page_index=str(count))).json()

    keys = [row["identifiant"]["cle_ministere_educatif"] for page in pages for row in page["data"]]
    assert first["pagination"] == {"page_count": count, "page_size": 300, "page_index": 0}
    assert len(set(keys)) == len(keys)
    assert {row["statut"]["catalogue"] for page in pages for row in page["data"]} == {"publié"}
    assert beyond["data"] == []
    assert count == -(-len(keys) // 300)


async def test_archived_trainings_are_shown_to_who_asks():
    async with sandbox(GENEROUS) as box:
        with_them = (await get(box, TRAININGS, page_size="1000", include_archived="true")).json()

    assert {row["statut"]["catalogue"] for row in with_them["data"]} == {"publié", "archivé"}


async def test_trainings_around_a_place_are_the_nearest_first():
    async with sandbox(GENEROUS) as box:
        rows = (await get(box, TRAININGS, latitude="48.11", longitude="-1.68", radius="80")).json()["data"]

    away = [
        (row["lieu"]["geolocalisation"]["coordinates"][1] - 48.11) ** 2
        + ((row["lieu"]["geolocalisation"]["coordinates"][0] + 1.68) * 0.668) ** 2
        for row in rows
    ]
    assert len(away) > 3
    assert away == sorted(away)


async def test_an_occupation_finds_the_trainings_of_its_certification():
    async with sandbox(GENEROUS) as box:
        rows = (await get(box, TRAININGS, romes="D1102", page_size="50")).json()["data"]

    assert rows
    for row in rows:
        codes = [each["code"] for each in row["certification"]["valeur"]["domaines"]["rome"]["rncp"]]
        assert codes in (["D1102"], [], ["Z9902"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"latitude": "48"}, "La longitude est requise lorsque la latitude est fournie"),
        ({"longitude": "2"}, "La latitude est requise lorsque la longitude est fournie"),
        ({"page_size": "1001"}, "Request validation failed"),
        ({"radius": "201", "latitude": "1", "longitude": "1"}, "Request validation failed"),
        ({"latitude": "91", "longitude": "1"}, "Request validation failed"),
    ],
    ids=["latitude alone", "longitude alone", "a page too large", "a radius too large", "off the globe"],
)
async def test_a_bad_search_of_trainings_is_refused(params: dict[str, str], message: str):
    async with sandbox() as box:
        answer = await get(box, TRAININGS, **params)

    assert (answer.status_code, answer.json()["message"]) == (400, message)


async def test_one_training_is_found_by_its_key_with_its_hash_encoded():
    async with sandbox() as box:
        row = (await get(box, TRAININGS, page_size="1")).json()["data"][0]
        key = row["identifiant"]["cle_ministere_educatif"]
        found = await get(box, "/api/formation/v1/" + key.replace("#", "%23"))
        cut = await box.http.get(f"/api/formation/v1/{key}", headers=KEY)

    assert "#" in key
    assert found.json() == row
    assert cut.status_code == 404
    assert cut.json()["message"].startswith("Aucune formation trouvée pour l'identifiant")


async def test_trainings_have_dates_of_paris_and_may_have_no_school():
    async with sandbox(GENEROUS) as box:
        rows = (await get(box, TRAININGS, page_size="1000")).json()["data"]

    starts = [session["debut"] for row in rows for session in row["sessions"]]
    assert {each[-6:] for each in starts} == {"+02:00"}
    assert any(row["formateur"] == {"organisme": None, "connu": False} for row in rows)
    assert {row["modalite"]["mef_10"] for row in rows} == {None}
    assert any(row["modalite"]["annee_cycle"] is None for row in rows)


@NO_SAMPLES
async def test_a_training_has_the_fields_of_the_sample():
    sample = json.loads((SAMPLE / "formation-get.json").read_text("utf-8"))
    async with sandbox() as box:
        rows = (await get(box, TRAININGS, page_size="2")).json()["data"]

    row = next(row for row in rows if row["formateur"]["connu"])
    assert row.keys() == sample.keys()
    for part in ("identifiant", "statut", "lieu", "modalite", "contact", "onisep", "contenu_educatif"):
        assert row[part].keys() == sample[part].keys(), part
    assert row["sessions"][0].keys() == sample["sessions"][0].keys()
    assert row["formateur"]["organisme"].keys() == sample["formateur"]["organisme"].keys()
    assert row["certification"]["valeur"].keys() <= sample["certification"]["valeur"].keys()
