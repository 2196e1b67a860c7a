"""What the sandbox must reproduce of France Travail: one test for each box of the contract."""

import re
import time

import pytest

from tests.contract.sandbox import DETAIL, FORM, SEARCH, SIGN_IN, Sandbox, economy, sandbox, total
from widget_server.sandbox import SandboxSettings
from widget_server.sandbox.france_travail import BAD_RANGE, TOO_FAR, TOO_WIDE

pytestmark = pytest.mark.anyio
APPRENTICES = {"natureContrat": "E2,FS", "sort": "1"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def everything(box: Sandbox, **params: str) -> list[dict[str, object]]:
    count = total(await box.offers(range="0-0", **params))
    pages = [(await box.offers(range=f"{start}-{start + 149}", **params)).json() for start in range(0, count, 150)]
    return [row for page in pages for row in page["resultats"]]


async def test_the_token():
    """
    token: TTL, the 400 bodies, both realm spellings, `/individu` refused; 401 with empty body once the token has
    expired in mid-harvest
    """
    async with sandbox() as box:
        realms = {
            realm: (await box.http.post(f"{SIGN_IN.partition('?')[0]}?realm={realm}", data=FORM)).status_code
            for realm in ("/partenaire", "%2Fpartenaire", "partenaire", "/individu")
        }
        refusals = [
            (await box.http.post(SIGN_IN, data=form)).json()
            for form in ({}, {**FORM, "client_secret": "?"}, {**FORM, "scope": "api_unknown"})
        ]
        await box.fault(token={"ttl_s": 300})
        told = (await box.sign_in()).json()
        await box.fault(offers={"expire_tokens": True, "after": 1, "times": 1})
        harvest = [await box.offers(range=f"{start}-{start + 149}") for start in (0, 150, 300)]
        await box.sign_in()
        box.clock.seconds += 300
        late = await box.offers()

    assert realms == {"/partenaire": 200, "%2Fpartenaire": 200, "partenaire": 200, "/individu": 400}
    assert [told.get("error") for told in refusals] == ["invalid_request", "invalid_client", "invalid_scope"]
    assert told["expires_in"] == 300
    assert [(answer.status_code, bool(answer.content)) for answer in harvest] == [
        (206, True), (401, False), (401, False),
    ]  # fmt: skip
    assert (late.status_code, late.content, late.headers["www-authenticate"]) == (401, b"", "Bearer")


async def test_the_answers_of_a_search():
    """
    206 / 204 / 400 semantics, exact French messages, `Content-Range: offres p-min(d,total-1)/total`,
    `Accept-Range: 150`, `*/0`
    """
    async with sandbox() as box:
        first = await box.offers(**APPRENTICES)
        count = total(first)
        last = await box.offers(range=f"{count - 3}-{count + 9}")
        nothing = await box.offers(codeROME="Z9999")
        wrong = await box.offers(departement="20")

    assert (first.status_code, first.headers["accept-range"]) == (206, "150")
    assert first.headers["content-range"] == f"offres 0-149/{count}"
    assert last.headers["content-range"] == f"offres {count - 3}-{count - 1}/{count}"
    assert (nothing.status_code, nothing.content, nothing.headers["content-range"]) == (204, b"", "*/0")
    assert (wrong.status_code, wrong.json()) == (400, {"message": "Valeur du paramètre « departement » incorrecte."})


async def test_the_window():
    """
    p > 3000 and span > 150 refused; a département above 3 150 so that splitting is exercised; p ≥ total
    (behaviour unverified: answer 204)
    """
    async with sandbox(made=economy(0.5)) as box:
        refused = [(await box.offers(range=told)).json()["message"] for told in ("3001-3150", "0-150", "1")]
        beyond = await box.offers(departement="2A", range="2990-3139")
    async with sandbox(SandboxSettings(offers_rate_per_s=0, page=10), economy(0.5)) as box:
        await box.fault(offers={"last_position": 10})
        crowded = total(await box.offers(departement="75", range="0-0"))
        narrow = await box.offers(departement="75", range="11-20")

    assert refused == [TOO_FAR.format(last=3000), TOO_WIDE, BAD_RANGE]
    assert (beyond.status_code, beyond.content) == (204, b"")
    assert crowded > 10 + 10
    assert narrow.json() == {"message": TOO_FAR.format(last=10)}


async def test_the_starvation_of_partners():
    """
    `origineOffre` starvation: beyond the window an unfiltered query shows origin 1 only
    """
    async with sandbox() as box:
        await box.fault(offers={"last_position": 10})
        pages = [(await box.offers(range=told)).json()["resultats"] for told in ("0-149", "10-159")]
        partners = (await box.offers(origineOffre="2")).json()["resultats"]

    assert {row["origineOffre"]["origine"] for page in pages for row in page} == {"1"}
    assert {row["origineOffre"]["origine"] for row in partners} == {"2"}


async def test_the_quirks_of_parameters():
    """
    OR of `natureContrat` and `typeContrat`; default `distance` 10; commune white list (75001 ⇒ 400, 13001 ⇒ Aix);
    `75056/69123/13055` switchable between 400 and accepted
    """
    async with sandbox(made=economy(0.5)) as box:
        either, nature, lasting = [
            total(await box.offers(range="0-0", **params))
            for params in (
                {"natureContrat": "E2", "typeContrat": "CDI"},
                {"natureContrat": "E2"},
                {"typeContrat": "CDI"},
            )
        ]
        near = [total(await box.offers(range="0-0", commune="35238", **more)) for more in ({}, {"distance": "10"})]
        postcode = await box.offers(commune="75001")
        aix = (await box.offers(commune="13001", distance="0")).json()["resultats"]
        accepted = [(await box.offers(commune=city)).status_code for city in ("75056", "69123", "13055")]
        await box.fault(offers={"whole_cities": "refused"})
        refused = [(await box.offers(commune=city)).status_code for city in ("75056", "69123", "13055")]

    assert max(nature, lasting) < either < nature + lasting
    assert near[0] == near[1]
    assert (postcode.status_code, postcode.json()["message"]) == (400, "Valeur du paramètre « commune » incorrecte.")
    assert {row["lieuTravail"]["libelle"] for row in aix} <= {"13 - AIX-EN-PROVENCE", "13 - Bouches-du-Rhône"}
    assert (accepted, refused) == ([206] * 3, [400] * 3)


async def test_the_dates():
    """
    `minCreationDate` without `maxCreationDate` refused; `publieeDepuis=2` ⇒ 400; unknown ROME ⇒ 204 (unverified)
    """
    async with sandbox() as box:
        statuses = [
            (await box.offers(**params)).status_code
            for params in (
                {"minCreationDate": "2026-11-01T00:00:00Z"},
                {"maxCreationDate": "2026-11-01T00:00:00Z"},
                {"minCreationDate": "2026-10-01T00:00:00Z", "maxCreationDate": "2026-11-01T00:00:00Z"},
                {"publieeDepuis": "2"},
                {"publieeDepuis": "31"},
                {"codeROME": "Z9999"},
            )
        ]

    assert statuses == [400, 400, 206, 400, 206, 204]


async def test_the_bad_days():
    """
    429 with `Retry-After` after 10/s and the four rate headers; one 502; one slow page; one truncated body
    """
    async with sandbox(SandboxSettings()) as box:
        burst = [await box.offers(range="0-0") for _ in range(11)]
        box.clock.seconds += 10
        await box.fault(offers={"status": 502, "times": 1})
        bad, good = await box.offers(), await box.offers()
        await box.fault(offers={"slow_s": 0.2, "times": 1})
        begun = time.monotonic()
        slow = await box.offers()
        took_s = time.monotonic() - begun
        await box.fault(offers={"truncate": 500, "times": 1})
        short = await box.offers()

    assert [answer.status_code for answer in burst] == [206] * 10 + [429]
    assert burst[-1].headers["retry-after"] == "1"
    assert len([name for name in burst[0].headers if re.fullmatch(r"x-ratelimit-.*-clientidlimiter", name)]) == 4
    assert (bad.status_code, bad.json()["message"][:16], good.status_code) == (502, "Erreur technique", 206)
    assert (slow.status_code, took_s >= 0.2) == (206, True)
    assert (short.status_code, len(short.content)) == (206, 500)


async def test_the_rows_of_offers():
    """
    rows: no coordinates, no `entreprise.nom`, `contact: {}`, `formations: []`, `appellationlibelle`, each salary
    form, broken encoding, HTML entities, region-only and "France" labels, 2A/2B/DROM, a school as employer, partner
    offers, the same offer twice under two ids
    """
    async with sandbox(made=economy(0.2)) as box:
        rows = await everything(box)
        truth = (await box.http.get("/_truth/offers")).json()
        await box.fault(offers={"without": "all"})
        clean = await everything(box)

    places = [row["lieuTravail"] for row in rows]
    salaries = {(row.get("salaire") or {}).get("libelle", "") for row in rows}
    assert any("latitude" not in place for place in places)
    assert any("nom" not in row["entreprise"] for row in rows)
    assert any(row["contact"] == {} for row in rows)
    assert any(row.get("formations") == [] for row in rows)
    assert all("appellationlibelle" in row for row in rows)
    assert {told.partition(" ")[0] for told in salaries} >= {"Mensuel", "Annuel", "Horaire", ""}
    assert any(set(row["salaire"]) == {"commentaire"} for row in rows)
    assert any("ï¿½" in told for told in salaries)
    assert any("&nbsp;" in row["description"] and "<p>" in row["description"] for row in rows)
    unplaced = {told["id"] for told in truth["kept"] if told["departement"] is None}
    labels = {row["lieuTravail"]["libelle"] for row in rows if row["id"] in unplaced}
    assert "France" in labels
    assert labels - {"France"}
    assert not any(" - " in label for label in labels)
    assert {place["libelle"][:2] for place in places} >= {"2A", "2B", "97"}
    assert any(row["secteurActivite"] == "85" for row in rows)
    assert any(row["origineOffre"]["origine"] == "2" and row["id"].isdecimal() for row in rows)
    twins = [told["twin"] for told in truth["kept"]]
    assert len(set(twins)) < len(twins) == len({told["id"] for told in truth["kept"]})
    assert 0 < len(clean) < len(rows)
    assert not any(row["secteurActivite"] == "85" or "latitude" not in row["lieuTravail"] for row in clean)


async def test_the_changes_of_offers():
    """
    deletion between two harvests (204 on the detail), modification with the same `dateCreation`, creation during
    paging
    """
    async with sandbox() as box:
        before = {row["id"]: row for row in await everything(box)}
        change = (await box.http.post("/_change", json={"deleted": 1, "modified": 1})).json()
        gone = await box.offers(f"{DETAIL}/{change['deleted'][0]}")
        modified = (await box.offers(f"{DETAIL}/{change['modified'][0]}")).json()
        known = {row["id"] for row in await everything(box)}
        await box.fault(offers={"moving": 1})
        first, second = [(await box.offers(range=told)).json()["resultats"] for told in ("0-149", "150-299")]
        now = {row["id"] for row in await everything(box)}

    assert (gone.status_code, gone.content) == (204, b"")
    assert modified != before[modified["id"]]
    assert modified["dateCreation"] == before[modified["id"]]["dateCreation"]
    assert now - known
    assert known - now
    assert {row["id"] for row in (*first, *second)} <= known | now


async def test_the_referentials():
    """
    referentials
    """
    names = (
        "metiers", "appellations", "domaines", "themes", "pays", "continents", "naturesContrats", "typesContrats",
        "niveauxFormations", "permis", "langues", "secteursActivites", "nafs", "regions", "communes", "departements",
    )  # fmt: skip
    async with sandbox() as box:
        tables = {
            name: (await box.offers(f"{SEARCH.rpartition('/offres')[0]}/referentiel/{name}")).json() for name in names
        }
        unknown = await box.offers("/partenaire/offresdemploi/v2/referentiel/autres")

    assert all(rows and all({"code", "libelle"} <= row.keys() for row in rows) for rows in tables.values())
    assert (len(tables["departements"]), len(tables["regions"])) == (101, 18)
    assert {"codePostal", "codeDepartement"} <= tables["communes"][0].keys()
    assert unknown.status_code == 404
