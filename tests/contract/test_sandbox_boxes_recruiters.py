"""What the sandbox must reproduce of the predicted recruiters: one test for each box of the contract."""

import gzip
import json
from datetime import datetime

import httpx
import pytest

from tests.contract.sandbox import Sandbox, economy, sandbox
from widget_server.sandbox import SandboxSettings
from widget_server.sources.kit.sirene import is_siret

pytestmark = pytest.mark.anyio
FILE = "/recruiters/predictions.json"
SEARCH = "/partenaire/labonneboite/v2/recherche"
SCOPE = "api_labonneboitev2 search office"
OVERSEAS = ("971", "972", "973", "974", "976")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_the_file_of_recruiters():
    """
    the file of §5.2 with: null coordinates, 0/0, each projection zone, bad SIRET, La Poste SIRET, no ROME, unknown
    ROME, no name, closed company, opted-out SIRET, same SIRET twice, file under the guard rail, older file than the
    last one, broken stream
    """
    async with sandbox(made=economy(0.2)) as box:
        rows = (await box.http.get(FILE)).json()
        lists = {name: (await box.http.get(f"/_lists/{name}")).text.split() for name in ("closed", "opted_out")}
        made = (await box.http.get(FILE)).headers["last-modified"]
        await box.fault(recruiters={"only": 10, "older_days": 8})
        few = await box.http.get(FILE)
        await box.http.delete("/_faults")
        await box.fault(recruiters={"truncate": 3000, "times": 1})
        broken = await box.http.get("/recruiters/recruiters.ndjson.gz")
        await box.fault(recruiters={"without": "all"})
        clean = (await box.http.get(FILE)).json()

    metres = [
        (row["coordonneeLambertAbscisseEtablissement"], row["coordonneeLambertOrdonneeEtablissement"]) for row in rows
    ]
    sirets = [row["siret"] for row in rows]
    assert (None, None) in metres
    assert (0.0, 0.0) in metres
    zones = {row["zip_code"][:3] for row, (x, _) in zip(rows, metres, strict=True) if x}
    assert zones >= {*OVERSEAS, "750"}
    assert any(not is_siret(each) for each in sirets)
    assert any(each.startswith("356000000") and is_siret(each) for each in sirets)
    assert any(row["rome_codes"] == [] for row in rows)
    assert any([rome["rome_code"] for rome in row["rome_codes"]] == ["Z9901"] for row in rows)
    assert any(row["enseigne"] is None for row in rows)
    assert all(lists[name] and set(lists[name]) < set(sirets) for name in lists)
    assert len(set(sirets)) < len(sirets)
    assert len(few.json()) == 10
    assert when(few.headers["last-modified"]) < when(made)
    with pytest.raises(EOFError):
        gzip.decompress(broken.content)
    assert 0 < len(clean) < len(rows)
    assert all(is_siret(row["siret"]) and row["rome_codes"] for row in clean)


def when(told: str) -> datetime:
    return datetime.strptime(told, "%a, %d %b %Y %H:%M:%S GMT")  # noqa: DTZ007 - two of them are compared


async def search(box: Sandbox, *romes: str, **params: str) -> httpx.Response:
    told = [("rome", rome) for rome in romes] + list(params.items())
    return await box.http.get(SEARCH, params=told, headers={"Authorization": f"Bearer {box.token}"})


async def test_la_bonne_boite():
    """
    LBB v2: 302 to another host, 403 "Invalid scope", 422 on missing place or distance > 200, csv `rome` ⇒ 0 hits,
    `department_number` without zero, quota 2/s
    """
    async with sandbox(SandboxSettings(offers_rate_per_s=0, labonneboite_per_s=2)) as box:
        scope = await search(box, "D1106", department_number="06")
        await box.sign_in(scope=SCOPE)
        answers = []
        for romes, params in (
            (["D1106"], {"department_number": "6"}),
            (["D1106"], {}),
            (["D1106"], {"department_number": "06", "distance": "201"}),
            (["D1106,M1607"], {"department_number": "06"}),
            (["D1106", "M1607"], {"department_number": "06"}),
        ):
            box.clock.seconds += 1
            answers.append(await search(box, *romes, **params))
        box.clock.seconds += 10
        burst = [(await search(box, "D1106", department_number="06")).status_code for _ in range(3)]
        box.clock.seconds += 10
        await box.fault(labonneboite={"redirect": True})
        elsewhere = await search(box, "D1106", department_number="06")

    one, nowhere, far, listed, both = answers
    assert (scope.status_code, json.loads(scope.content)["message"]) == (403, "Invalid scope")
    assert {item["department_number"] for item in one.json()["items"]} == {"6"}
    assert (nowhere.status_code, far.status_code) == (422, 422)
    assert listed.json()["hits"] == 0 < one.json()["hits"] <= both.json()["hits"]
    assert burst == [200, 200, 429]
    assert elsewhere.status_code == 302
    assert httpx.URL(elsewhere.headers["location"]).host == "labonneboite.francetravail.fr"
