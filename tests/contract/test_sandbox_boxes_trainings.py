"""What the sandbox must reproduce of the trainings catalogue: one test for each box of the contract."""

import json
from urllib.parse import quote

import httpx
import pytest

from tests.contract.sandbox import ENTITY, Sandbox, economy, sandbox
from widget_server.sandbox import SandboxSettings

pytestmark = pytest.mark.anyio
SHOWN = {"published": True, "catalogue_published": True}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def get(box: Sandbox, path: str, **params: object) -> httpx.Response:
    told = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
    return await box.http.get(f"{ENTITY}{path}", params=told)


async def count(box: Sandbox, **params: object) -> int:
    return int((await get(box, "/formations/count", **params)).text)


async def test_the_routes_of_the_catalogue():
    """
    bare-number count; default limit 10; cap 1 000 on GET, refusal on POST; `page` echoed as string; streamed array
    with slow chunks; truncated array; 500 on malformed JSON; 404 and 400 texts; unknown `$` operator matches nothing;
    default-filter asymmetry
    """
    async with sandbox(made=economy(0.2)) as box:
        counted = await get(box, "/formations/count")
        streamed = (await get(box, "/formations.json")).json()
        paged = (await get(box, "/formations", limit=2000, page="2")).json()
        posted = await box.http.post(f"{ENTITY}/formations", json={"limit": 1001})
        statuses = [
            (answer.status_code, answer.json().get("message"))
            for answer in (
                await get(box, "/formations.json", query="{"),
                await get(box, "/formation", query={"cle_ministere_educatif": "nothing"}),
                await get(box, f"/formation/{'0' * 12}"),
                await get(box, "/formation/é"),
            )
        ]
        odd = await count(box, query={"niveau": {"$where": "1"}})
        asymmetry = [
            await count(box),
            await count(box, query=SHOWN),
            (await get(box, "/formations")).json()["pagination"]["total"],
            (await box.http.post(f"{ENTITY}/formations", json={})).json()["pagination"]["total"],
        ]
        await box.fault(trainings={"slow_chunks_s": 0.001})
        slow = await get(box, "/formations.json", limit="300")
        await box.fault(trainings={"truncate": 5000})
        cut = await get(box, "/formations.json", limit="300")

    assert counted.text.isdecimal()
    assert len(streamed) == 10
    assert (len(paged["formations"]), paged["pagination"]["page"]) == (1000, "2")
    assert paged["pagination"]["resultats_par_page"] == 1000
    assert posted.status_code == 400
    assert statuses == [
        (500, "An internal server error occurred"),
        (404, "Aucune formation ne correspond aux critères transmis."),
        (404, "La formation 000000000000 n'existe pas."),
        (400, "L'identifiant de la formation n'est pas valide"),
    ]
    assert odd == 0
    assert asymmetry[0] == asymmetry[1] == asymmetry[3] < asymmetry[2]
    assert len(slow.json()) == 300
    assert (cut.status_code, len(cut.content)) == (200, 5000)


async def test_the_rows_of_trainings():
    """
    unpublished rows when the filter is missing; `tags` as strings; "lat,lon" strings, missing or inverted; `RNCPNR`;
    36T31203-like `cfd`; arrondissement and postcode in `code_commune_insee`; unequal session arrays; distance-only
    trainings (`#LAD`); duplicated rows; 2A, DROM; a key whose `#` must be encoded
    """
    async with sandbox(made=economy(0.2)) as box:
        rows = (await get(box, "/formations.json", limit="100000")).json()
        key = next(row["cle_ministere_educatif"] for row in rows if row["cle_ministere_educatif"].endswith("#LAD"))
        found, lost = [await box.http.get(f"{ENTITY}/formation/{told}") for told in (quote(key, safe=""), key)]
        await box.fault(trainings={"without": "all"})
        clean = (await get(box, "/formations.json", limit="100000")).json()

    points = [row["lieu_formation_geo_coordonnees"] for row in rows]
    where = [tuple(map(float, point.split(","))) for point in points if point]
    assert any(not row["published"] for row in rows)
    assert all(isinstance(tag, str) for row in rows for tag in row["tags"])
    assert None in points
    assert any(latitude < 30 and longitude > 40 for latitude, longitude in where)
    assert any(row["rncp_code"] == "RNCPNR" for row in rows)
    assert all(len(row["cfd"]) == 8 and row["cfd"][2] == "T" for row in rows)
    assert any(row["code_commune_insee"] == row["code_postal"] for row in rows)
    assert any(row["code_commune_insee"].startswith("751") for row in rows)
    assert any(len(row["date_debut"]) != len(row["date_fin"]) for row in rows)
    assert (found.json()["cle_ministere_educatif"], found.json()["entierement_a_distance"]) == (key, True)
    assert lost.status_code == 404
    same = [(row["intitule_long"], row["etablissement_formateur_siret"], row["lieu_formation_adresse"]) for row in rows]
    assert len(set(same)) < len(same)
    assert {row["num_departement"] for row in rows} >= {"2A", "971", "974", "976"}
    assert 0 < len(clean) < len(rows)
    assert all(row["published"] and row["lieu_formation_geo_coordonnees"] for row in clean)


async def test_the_bad_days_of_the_catalogue():
    """
    count that changes between the two calls; 429; 401 variant of the Éducation nationale instance
    """
    async with sandbox(SandboxSettings(catalogue_rate_per_s=2)) as box:
        before = await count(box)
        await box.fault(trainings={"count_off": 7, "times": 1})
        after = await count(box)
        refused = await get(box, "/formations/count")
        box.clock.seconds += 1
        again = await count(box)
        await box.fault(trainings={"education": True})
        box.clock.seconds += 10
        closed = await get(box, "/formations/count")
        opened = await box.http.get(f"{ENTITY}/formations/count", headers={"API-Key": "any"})

    assert (after - before, again) == (7, before)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.headers["content-type"].startswith("text/plain")
    assert (closed.status_code, closed.json()) == (401, {"message": "Accès non autorisé"})
    assert opened.status_code == 200
