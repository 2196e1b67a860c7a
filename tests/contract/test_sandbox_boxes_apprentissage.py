"""What the sandbox must reproduce of API Apprentissage: one test for each box of the contract."""

import re
import time

import httpx
import pytest

from tests.contract.sandbox import Sandbox, economy, sandbox
from widget_server.sandbox import SandboxSettings

pytestmark = pytest.mark.anyio
EXPORT = "/api/job/v1/export"
JOBS = "/api/job/v1/search"
TRAININGS = "/api/formation/v1/search"
KEY = {"Authorization": "Bearer demo"}
GENEROUS = SandboxSettings(export_per_minute=1000, search_per_minute=1000)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def get(box: Sandbox, path: str, **params: str) -> httpx.Response:
    return await box.http.get(path, params=params, headers=KEY)


async def test_the_errors_of_api_apprentissage():
    """
    every 401 text, 400, 404 (two shapes), 429 with `retry-after`, 504 after 10 s, 500; LBA-shaped errors on `/job/*`
    """
    async with sandbox() as box:
        refused = [(await box.http.get(EXPORT)).json()["message"]]
        for reason in ("unreadable", "expired", "revoked"):
            await box.fault(apprentissage={"key": reason, "times": 1})
            refused.append((await get(box, EXPORT)).json()["message"])
        wrong = await get(box, TRAININGS, page_size="0")
        behind = await get(box, JOBS, romes="Z9999")
        nowhere, nothing = await get(box, "/api/other"), await get(box, "/api/formation/v1/unknown")
        throttled = [await get(box, EXPORT) for _ in range(3)][-1]
        await box.fault(apprentissage={"gateway": True, "slow_s": 0.1, "times": 1})
        begun = time.monotonic()
        gateway = await get(box, JOBS)
        waited_s = time.monotonic() - begun
        await box.fault(apprentissage={"status": 500, "times": 1})
        broken = await get(box, TRAININGS)

    assert refused == [
        "Vous devez fournir une clé d'API valide pour accéder à cette ressource",
        "Impossible de déchiffrer la clé d'API",
        "La clé d'API a expirée",
        "La clé d'API fournie a été révoquée",
    ]
    assert (wrong.status_code, wrong.json()["name"]) == (400, "Bad Request")
    assert (behind.status_code, behind.json()["error"], "name" in behind.json()) == (400, "Bad Request", False)
    assert nowhere.json()["payload"]["message"] == "Path does not exists"
    assert nothing.json()["message"] == "Aucune formation trouvée pour l'identifiant unknown"
    assert (throttled.status_code, throttled.json()["message"][:26]) == (429, "Quota dépassé : 2 requêtes")
    assert 0 < int(throttled.headers["retry-after"]) <= 60
    assert (gateway.status_code, waited_s >= 0.1) == (504, True)
    assert (broken.status_code, broken.json()["message"]) == (500, "The server was unable to complete your request")


async def test_the_pages_of_trainings():
    """
    formation paging with `page_count`, `publié`/`archivé`, a row archived between two pages, Paris offsets, null
    organisme, `mef_10` null
    """
    async with sandbox(made=economy(0.05)) as box:
        first = (await get(box, TRAININGS, page_size="300")).json()
        pages = first["pagination"]["page_count"]
        rows = [
            row
            for page in range(pages)
            for row in (await get(box, TRAININGS, page_size="300", page_index=str(page))).json()["data"]
        ]
        everything = (await get(box, TRAININGS, page_size="1000", include_archived="true")).json()
        await box.fault(apprentissage={"archiving": 1})
        moved = [
            row["identifiant"]["cle_ministere_educatif"]
            for page in range(pages)
            for row in (await get(box, TRAININGS, page_size="300", page_index=str(page))).json()["data"]
        ]

    keys = [row["identifiant"]["cle_ministere_educatif"] for row in rows]
    assert 1 < pages == -(-len(rows) // 300)
    assert len(set(keys)) == len(keys)
    assert {row["statut"]["catalogue"] for row in rows} == {"publié"}
    assert {row["statut"]["catalogue"] for row in everything["data"]} == {"publié", "archivé"}
    assert 0 < len(keys) - len(set(moved)) < pages  # each page after an archived row begins one row too late
    dates = {session["debut"][-6:] for row in rows for session in row["sessions"]}
    assert dates == {"+02:00"} or dates == {"+01:00", "+02:00"}
    assert any(row["formateur"]["organisme"] is None for row in rows)
    assert any(row["modalite"]["mef_10"] is None for row in rows)


async def test_the_export():
    """
    export envelope; object-store URL that returns 403 after 2 minutes and serves a flat array in slow chunks;
    unchanged `lastUpdate`; truncated file; all row types of the sample, unknown `partner_label`, FT duplicates,
    delegated row, recruiter without name, expired row
    """
    async with sandbox(GENEROUS, economy(0.2)) as box:
        envelope, same = (await get(box, EXPORT)).json(), (await get(box, EXPORT)).json()
        await box.fault(apprentissage={"slow_chunks_s": 0.0001})
        rows = (await box.http.get(envelope["url"])).json()
        await box.fault(apprentissage={"truncate": 3000, "times": 1})
        cut = await box.http.get(envelope["url"])
        await box.fault(apprentissage={"older_days": 1})
        older = (await get(box, EXPORT)).json()["lastUpdate"]
        with_key = await box.http.get(envelope["url"], headers=KEY)
        box.clock.seconds += 121
        late = await box.http.get(envelope["url"])
        served = {each["id"] for each in (await box.http.get("/_truth/offers")).json()["kept"]}

    labels = {row["identifier"]["partner_label"] for row in rows}
    recruiters = [row for row in rows if row["identifier"]["partner_label"] == "recruteurs_lba"]
    assert set(envelope) == {"url", "lastUpdate"}
    assert older < envelope["lastUpdate"] == same["lastUpdate"]
    assert (len(cut.content), late.status_code, with_key.status_code) == (3000, 403, 403)
    assert labels >= {"France Travail", "offres_emploi_lba", "recruteurs_lba", "PARTENAIRE FICTIF INCONNU"}
    travail = {
        row["identifier"]["partner_job_id"] for row in rows if row["identifier"]["partner_label"] == "France Travail"
    }
    assert travail & served
    assert any(row["is_delegated"] for row in rows)
    assert any(row["workplace"]["name"] is None for row in recruiters)
    assert any((row["offer"]["publication"]["expiration"] or "9") < envelope["lastUpdate"] for row in rows)
    assert all(re.fullmatch(r"\d{14}", row["identifier"]["partner_job_id"]) for row in recruiters)


async def test_the_search_of_jobs():
    """
    `/job/v1/search` caps (150 per source), warnings, items without `naf`
    """
    async with sandbox(GENEROUS, economy(0.2)) as box:
        found = (await get(box, JOBS)).json()

    by_label: dict[str, int] = {}
    for job in found["jobs"]:
        label = job["identifier"]["partner_label"]
        by_label[label] = by_label.get(label, 0) + 1
    assert max(by_label.values()) == len(found["recruiters"]) == 150
    assert [each["code"] for each in found["warnings"]] == ["RECRUITERS_FORMATING_ERROR"]
    assert any(each["workplace"]["domain"]["naf"] is None for each in found["recruiters"])
