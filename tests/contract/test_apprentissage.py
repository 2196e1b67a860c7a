"""API Apprentissage as a source: its export of offers and recruiters, its trainings page by page."""

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.contract.sandbox import NOW, QUIET, economy, settings_for
from tests.contract.site import ASSETS
from tests.contract.upstream_fakes import SAMPLES, answer, kit
from widget_server.app import create_app
from widget_server.domain.cards import Card, Entry, Rejection
from widget_server.domain.errors import SettingError, UpstreamMalformed, UpstreamRefused
from widget_server.sandbox import create_sandbox
from widget_server.settings import Settings
from widget_server.snapshot.shelf import Shelf
from widget_server.sources.kit.apprentissage import FILE_NAME, Row, Tally, split_address
from widget_server.sources.kit.rows import MOST
from widget_server.sources.kit.source import Kit, Source
from widget_server.sources.offers_aa import OffersAA
from widget_server.sources.offers_aa import to_entry as offer_entry
from widget_server.sources.recruiters_aa import RecruitersAA
from widget_server.sources.recruiters_aa import to_entry as recruiter_entry
from widget_server.sources.trainings_aa import PAGE, Formation, TrainingsAA, sessions_of
from widget_server.sources.trainings_aa import to_entry as training_entry
from widget_server.sync.sync import SyncReport, sync

pytestmark = pytest.mark.anyio
SAMPLE = SAMPLES / "api-apprentissage"
NO_SAMPLES = pytest.mark.skipif(not SAMPLE.exists(), reason="the contract's samples are not beside this repository")
KEY = "the-integrator-s-own-key"
SETTINGS = Settings(
    api_apprentissage_url="https://api.example/api",
    api_apprentissage_key=KEY,
    api_apprentissage_rate_per_s=10_000,
    api_apprentissage_exports_per_minute=600_000,
    attempts=1,
    sources="offers-aa:offer,recruiters-aa:recruiter,trainings-aa:training",
)
STORE = "https://store.example/bucket/export.json?X-Amz-Expires=120&X-Amz-Signature=a%2Fb"
MADE = "2026-11-24T01:12:05.000Z"
SIRET = "73282932000074"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def offer(**told: object) -> dict[str, object]:
    """A row of the export as a partner brings it; what is told replaces a whole part."""
    row: dict[str, object] = {
        "identifier": {"id": "66c5", "partner_label": "Partenaire fictif", "partner_job_id": "1"},
        "workplace": workplace(),
        "apply": {"url": "https://candidature.example/1", "phone": "0199001234", "recipient_id": "p_1"},
        "contract": {"start": None, "duration": 12, "type": ["Apprentissage"], "remote": "onsite"},
        "offer": content(),
        "is_delegated": False,
    }
    return row | told


def workplace(**told: object) -> dict[str, object]:
    return {
        "name": "Boulangerie Fictive", "brand": None, "legal_name": "BOULANGERIE FICTIVE SARL", "siret": SIRET,
        "size": "10-19", "website": None, "description": None, "domain": {"naf": {"code": "1071C", "label": "Pain"}},
        "location": {
            "address": "1 RUE FICTIVE 35000 RENNES",
            "geopoint": {"type": "Point", "coordinates": [-1.68, 48.11]},
        },
    } | told  # fmt: skip


def content(**told: object) -> dict[str, object]:
    return {
        "title": "Boulanger (H/F)", "description": "Pétrir.", "rome_codes": ["D1102"], "status": "Active",
        "publication": {"creation": "2026-11-20T09:00:00.000Z", "expiration": "2027-01-31T00:00:00.000Z"},
        "target_diploma": None, "opening_count": 1, "desired_skills": [], "to_be_acquired_skills": [],
        "access_conditions": [],
    } | told  # fmt: skip


def recruiter(**told: object) -> dict[str, object]:
    row = offer(
        identifier={"id": "66c6", "partner_label": "recruteurs_lba", "partner_job_id": SIRET},
        offer=content(title="recruteurs_lba", description="recruteurs_lba", rome_codes=["M1607", "D1102"]),
        contract={"start": None, "duration": None, "type": [], "remote": None},
    )
    return row | told


def as_row(row: dict[str, object]) -> Row:
    return msgspec.json.decode(json.dumps(row), type=Row, strict=False)


def read_offer(**told: object) -> Entry | Rejection:
    return offer_entry(as_row(offer(**told)), kit())


def read_recruiter(**told: object) -> Entry | Rejection:
    return recruiter_entry(as_row(recruiter(**told)), kit())


def card_of(found: Entry | Rejection) -> Card:
    assert isinstance(found, Entry), found
    return found.card


def written(found: Entry | Rejection) -> str:
    return msgspec.json.encode(found).decode()


class Service:
    """The API and the object store, on two hosts, with what they were asked."""

    def __init__(self, file: bytes, *statuses: int, updated: str = MADE) -> None:
        self.file = file
        self.updated = updated
        self.statuses = list(statuses)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if request.url.host == "api.example":
            return answer(200, {"url": STORE, "lastUpdate": self.updated})
        status = self.statuses.pop(0) if self.statuses else 200
        return answer(status, self.file if status == 200 else b"<Error/>")

    @property
    def hosts(self) -> list[str]:
        return [request.url.host for request in self.seen]


def service(*rows: object, statuses: tuple[int, ...] = (), updated: str = MADE) -> Service:
    return Service(json.dumps(list(rows), indent=1).encode(), *statuses, updated=updated)


async def collected(source: Source, told: Kit) -> list[Entry | Rejection]:
    return [row async for row in source.rows(told)]


def kit_of(handler: Callable[[httpx.Request], httpx.Response], **settings: object) -> Kit:
    return kit(settings=replace(SETTINGS, **settings), transport=httpx.MockTransport(handler))


# The export: an address that lives two minutes, on another server.


async def test_the_file_is_fetched_from_another_server_without_the_key():
    api = service(offer())

    found = await collected(OffersAA(), kit_of(api))

    first, second = api.seen
    assert len(found) == 1
    assert (str(first.url), first.headers["authorization"]) == (
        "https://api.example/api/job/v1/export",
        f"Bearer {KEY}",
    )
    assert str(second.url) == STORE
    assert "authorization" not in second.headers


async def test_an_address_that_is_too_old_is_asked_for_again():
    api = service(offer(), statuses=(403, 403))

    found = await collected(OffersAA(), kit_of(api))

    assert len(found) == 1
    assert api.hosts == ["api.example", "store.example"] * 3


@pytest.mark.parametrize(("status", "calls"), [(403, 6), (404, 2)], ids=["always too old", "not there"])
async def test_a_file_that_cannot_be_had_is_an_error_without_its_signature(status: int, calls: int):
    api = service(offer(), statuses=(status,) * 9)

    with pytest.raises(UpstreamRefused) as caught:
        await collected(OffersAA(), kit_of(api))

    assert len(api.seen) == calls
    assert "Signature" not in str(caught.value)


async def test_a_file_that_breaks_off_is_fetched_again_under_a_new_address():
    whole = json.dumps([offer()]).encode()
    files = [whole[:-20], whole]

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.example":
            return answer(200, {"url": STORE, "lastUpdate": MADE})
        return answer(200, files.pop(0))

    assert len(await collected(OffersAA(), kit_of(handle))) == 1


@pytest.mark.parametrize(
    "file", [b"", b"[", b'[{"identifier": {}}, {"a"', b'{"jobs": [{}]', b"<html></html>"],
    ids=["empty", "one bracket", "in a row", "in an object", "a page"],
)  # fmt: skip
async def test_a_file_that_cannot_be_read_to_its_end_is_an_error_and_leaves_nothing_behind(file: bytes):
    told = kit_of(Service(file))

    with pytest.raises(UpstreamMalformed):
        await collected(OffersAA(), told)

    assert list(told.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "error"),
    [("http://store.example/x", "not https"), ("file:///etc/passwd", "not https"), ("https:///x", "not https")],
    ids=["in the clear", "a file", "no host"],
)
async def test_an_address_that_is_not_https_is_not_called(url: str, error: str):
    def handle(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "api.example"
        return answer(200, {"url": url, "lastUpdate": MADE})

    with pytest.raises(UpstreamMalformed, match=error):
        await collected(OffersAA(), kit_of(handle))


async def test_without_a_key_the_setting_is_named():
    with pytest.raises(SettingError, match="API_APPRENTISSAGE_KEY"):
        await collected(OffersAA(), kit_of(service(), api_apprentissage_key=""))


async def test_a_refused_key_is_named_in_the_words_of_the_service_and_never_written():
    def handle(request: httpx.Request) -> httpx.Response:
        return answer(401, {"statusCode": 401, "name": "Unauthorized", "message": f"La clé {KEY} a expirée"})

    with pytest.raises(UpstreamRefused, match="a expirée") as caught:
        await collected(OffersAA(), kit_of(handle))

    assert KEY not in repr(caught.value)


async def test_both_shapes_of_the_file_hold_the_same_rows():
    flat = json.dumps([offer(), recruiter()]).encode()
    shaped = json.dumps({"jobs": [offer()], "recruiters": [recruiter()], "warnings": []}).encode()

    for source in (OffersAA(), RecruitersAA()):
        one, other = [await collected(source, kit_of(Service(file))) for file in (flat, shaped)]
        assert [written(row) for row in one] == [written(row) for row in other]
        assert len(one) == 1


async def test_recruiters_in_the_shape_of_the_search_are_known_by_their_array():
    row = recruiter(identifier={"id": "66c6"})
    row["workplace"] = workplace()
    file = json.dumps({"jobs": [], "recruiters": [row]}).encode()

    (found,) = await collected(RecruitersAA(), kit_of(Service(file)))

    assert card_of(found).id == SIRET


async def test_a_row_that_cannot_be_read_spoils_no_other_and_belongs_to_its_own_source():
    bad = recruiter(offer=content(rome_codes=[{}] * (MOST + 1)))
    api = service(offer(), bad, 5, recruiter())

    offers = await collected(OffersAA(), kit_of(api))
    recruiters = await collected(RecruitersAA(), kit_of(api))

    assert [getattr(row, "reason", None) for row in offers] == [None, "unreadable"]
    assert [getattr(row, "reason", None) for row in recruiters] == ["unreadable", None]


@pytest.mark.parametrize("source", [OffersAA(), RecruitersAA()], ids=["offers", "recruiters"])
async def test_an_export_without_a_row_is_an_error_and_never_an_empty_list(source: Source):
    with pytest.raises(UpstreamMalformed):
        await collected(source, kit_of(service()))


async def test_the_notes_say_how_many_rows_each_partner_brought():
    told = kit_of(service(offer(), offer(identifier={"partner_label": "Autre", "partner_job_id": "1"}), recruiter()))

    await collected(OffersAA(), told)

    assert {part.name: part.read for part in told.notes.parts} == {
        "Partenaire fictif": 1, "Autre": 1, "recruteurs_lba": 1,
    }  # fmt: skip
    assert told.notes.announced == 2
    assert told.notes.as_of is not None
    assert told.notes.as_of.isoformat() == "2026-11-24T01:12:05+00:00"


def test_partners_without_end_are_counted_together_from_some_point():
    tally = Tally()
    for number in range(500):
        tally.count(f"Partenaire {number}")

    assert len(tally.counts) < 100
    assert sum(tally.counts.values()) == 500


# An export that has not changed.


async def synced(folder: Path, api: Service, *, now=NOW, **settings: object) -> SyncReport:
    told = replace(SETTINGS, data_dir=str(folder), offers_least=1, **settings)
    transports = {"offers-aa": httpx.MockTransport(api)}
    (report,) = await sync(["offers-aa"], told, now=now, transports=transports)
    return report


async def test_an_export_that_has_not_moved_is_a_success_of_one_call(tmp_path: Path):
    api = service(offer())
    first = await synced(tmp_path, api)

    api.seen.clear()
    second = await synced(tmp_path, api, now=NOW + timedelta(hours=5))

    assert first.ok
    assert (second.ok, second.cause, second.version, second.previous) == (True, None, first.version, first.version)
    assert api.hosts == ["api.example"]
    assert Shelf(tmp_path / "offers-aa").versions() == [first.version]


@pytest.mark.parametrize(
    "change",
    [{"updated": "2026-11-25T01:12:05.000Z"}, {"sources": "offers-aa:offer,offers:offer"}],
    ids=["a new file", "another setting"],
)
async def test_an_export_is_read_again_when_what_it_becomes_may_have_changed(tmp_path: Path, change: dict[str, str]):
    api = service(offer())
    await synced(tmp_path, api)

    api.seen.clear()
    api.updated = change.get("updated", MADE)
    told = {name: value for name, value in change.items() if name != "updated"}
    report = await synced(tmp_path, api, now=NOW + timedelta(days=1), **told)

    assert report.ok
    assert api.hosts == ["api.example", "store.example"]


async def test_a_file_that_was_refused_is_not_taken_for_the_one_that_is_shown(tmp_path: Path):
    await synced(tmp_path, service(offer()))
    fewer = service(recruiter(), updated="2026-11-25T01:12:05.000Z")

    refused = [await synced(tmp_path, fewer, now=NOW + timedelta(days=1)) for _ in range(2)]

    assert [report.ok for report in refused] == [False, False]
    assert all("cards" in (report.cause or "") for report in refused)


# From a row to an offer.


@NO_SAMPLES
async def test_the_rows_of_the_samples_become_what_they_should():
    rows = json.loads((SAMPLE / "job-export.json").read_text("utf-8"))

    offers = [offer_entry(as_row(row), kit()) for row in rows[:-1]]
    company = recruiter_entry(as_row(rows[-1]), kit())

    # The second has no point and is placed by its address; the third is a school's, whose address is not the company's.
    ids = [row.card.id if isinstance(row, Entry) else row.reason for row in offers]
    assert ids == ["Hellowork:id_1", "Hellowork:id_2", "place_unknown", "ft:900AAA1"]
    assert [card_of(row).place.insee for row in offers if isinstance(row, Entry)] == ["75107"] * 3
    card = card_of(offers[0])
    assert (card.contract, card.level, card.diploma) == (("apprentissage", "professionnalisation"), 3, "Master")
    assert card_of(company).title == "ETABLISSEMENT EXEMPLE"
    assert card_of(company).romes == ("M1607", "M1203")
    assert not any("0100000000" in written(row) for row in (*offers, company))


def test_an_offer_of_france_travail_is_the_same_card_as_from_itself():
    card = card_of(read_offer(identifier={"id": None, "partner_label": "France Travail", "partner_job_id": "213CNGF"}))

    assert card.id == "ft:213CNGF"
    assert card.url == "https://candidat.francetravail.fr/offres/recherche/detail/213CNGF"
    assert card.source.label.startswith("France Travail")


def test_an_offer_of_france_travail_carries_its_licence_and_no_other_does():
    own = read_offer()
    theirs = read_offer(identifier={"partner_label": "France Travail", "partner_job_id": "213CNGF"})

    assert "licence-offres-emploi" in written(theirs)
    assert "licence-offres-emploi" not in written(own)
    declaration = OffersAA().declaration
    assert "licence Offres d'emploi" in declaration.attribution
    assert "licence-offres-emploi" in (declaration.licence_url or "")


@pytest.mark.parametrize(
    ("sources", "ids"),
    [
        ("offers-aa:offer", ["Partenaire fictif:1", "ft:213CNGF"]),
        ("offers:offer,offers-aa:offer", ["Partenaire fictif:1"]),
    ],
    ids=["alone", "beside France Travail"],
)
async def test_rows_of_france_travail_are_left_to_it_where_it_is_read_itself(sources: str, ids: list[str]):
    told = kit_of(
        service(offer(), offer(identifier={"partner_label": "France Travail", "partner_job_id": "213CNGF"})),
        sources=sources,
    )

    found = await collected(OffersAA(), told)

    assert [card_of(row).id for row in found] == ids
    assert told.notes.remarks["left_to_france_travail"] == 2 - len(ids)
    assert {part.name: part.read for part in told.notes.parts}["France Travail"] == 1


DELEGATED = {
    "workplace": workplace(
        name="CFA FICTIF", legal_name="CFA FICTIF", siret=SIRET, description="Le CFA recrute", website="https://cfa.example",
        domain={"naf": {"code": "8532Z", "label": "Enseignement"}},
        location={"address": "RUE DU CFA 75002 PARIS", "geopoint": {"type": "Point", "coordinates": [-1.68, 48.11]}},
    ),
    "is_delegated": True,
}  # fmt: skip


def test_a_delegated_offer_is_where_the_company_is_and_never_beside_the_address_of_the_school():
    found = read_offer(**DELEGATED)

    card = card_of(found)
    assert (card.place.label, card.place.departement, card.place.precision) == ("Rennes", "35", "address")
    assert (card.organisation.name, card.organisation.siret) == (None, None)
    assert card.flags == ("with_training",)
    assert "CFA FICTIF" in written(found)
    assert not any(word in written(found) for word in ("RUE DU CFA", "75002", "PARIS", "cfa.example"))


def test_a_delegated_offer_without_a_point_has_no_place():
    location = {"address": "RUE DU CFA 75002 PARIS", "geopoint": {"type": "Point", "coordinates": [0, 0]}}

    found = read_offer(**DELEGATED | {"workplace": workplace(location=location)})

    assert found == Rejection(reason="place_unknown", id="Partenaire fictif:1", detail="")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"identifier": {"partner_label": "Partenaire fictif"}}, "id_missing"),
        ({"identifier": {"partner_job_id": "1"}}, "id_missing"),
        ({"identifier": {"partner_label": "P", "partner_job_id": "1\u0000"}}, "id_missing"),
        ({"identifier": {"partner_label": "France Travail", "partner_job_id": "../1"}}, "id_missing"),
        ({"offer": content(title=" ")}, "title_missing"),
        ({"offer": content(status="Filled")}, "not_active"),
        ({"offer": content(status="Cancelled")}, "not_active"),
        ({"offer": content(status=None)}, "not_active"),
        ({"offer": content(publication={"creation": None, "expiration": "2026-11-24T11:59:59.000Z"})}, "expired"),
        ({"contract": {"type": []}}, "contract_unknown"),
        ({"contract": {"type": ["CDI"]}}, "contract_unknown"),
        ({"workplace": workplace(domain={"naf": {"code": "8559A"}})}, "school_as_employer"),
        ({"offer": content(rome_codes=[])}, "no_rome"),
        ({"offer": content(rome_codes=["Z9999"])}, "rome_unknown"),
        ({"workplace": workplace(location=None)}, "place_unknown"),
        ({"workplace": workplace(location={"address": "12 rue sans ville", "geopoint": None})}, "place_unknown"),
    ],
)
def test_a_row_that_is_no_offer_says_why(told: dict[str, object], reason: str):
    found = read_offer(**told)

    assert isinstance(found, Rejection)
    assert found.reason == reason


@pytest.mark.parametrize("expiration", [None, "2026-11-24T12:00:00.000Z", "not a day"])
def test_an_offer_without_a_past_expiration_is_open(expiration: str | None):
    publication = {"creation": "2026-11-20T09:00:00.000Z", "expiration": expiration}

    assert isinstance(read_offer(offer=content(publication=publication)), Entry)


def test_a_partner_that_no_list_knows_is_a_partner():
    card = card_of(read_offer(identifier={"partner_label": "RH <Alternance>", "partner_job_id": "A/1#2"}))

    assert card.id.endswith(":A/1#2")
    assert "La bonne alternance" in card.source.label


@pytest.mark.parametrize(
    ("told", "street", "postcode", "city"),
    [
        ("20 AVENUE DE SEGUR 75007 PARIS", "20 AVENUE DE SEGUR", "75007", "PARIS"),
        ("20 avenue de Segur, PARIS 75007", "20 avenue de Segur, PARIS", "75007", None),
        ("92 - CLICHY 92110", "92 - CLICHY 92110", None, None),
        ("35000 RENNES", None, "35000", "RENNES"),
        ("12345 RUE LONGUE, 97411 ST PAUL", "12345 RUE LONGUE", "97411", "ST PAUL"),
        ("75007 75 - PARIS", None, "75007", "75 - PARIS"),
        ("Bretagne", "Bretagne", None, None),
        (None, None, None, None),
    ],
)
def test_an_address_is_taken_apart_at_its_last_postcode(
    told: str | None, street: str | None, postcode: str | None, city: str | None
):
    assert split_address(told) == (street, postcode, city)


@pytest.mark.parametrize(
    ("address", "label", "precision"),
    [
        ("1 RUE FICTIVE 35000 RENNES", "Rennes", "commune"),
        ("35000 35 - RENNES", "Rennes", "commune"),
        ("35 - RENNES", "Rennes", "commune"),
        ("49 - Maine et Loire", "Maine-et-Loire (49)", "departement"),
        ("Bretagne", "Bretagne", "region"),
        ("10 RUE FICTIVE 75004 PARIS CEDEX 04", "Paris 4e Arrondissement", "commune"),
        ("97411 ST PAUL", "Saint-Paul", "commune"),
        ("1 RUE FICTIVE, PARIS 75004", "Paris 4e Arrondissement", "commune"),
        ("92 - CLICHY 92110", "Clichy", "commune"),
    ],
)
def test_an_offer_without_a_point_is_placed_by_its_address_and_no_more_exactly(
    address: str, label: str, precision: str
):
    card = card_of(read_offer(workplace=workplace(location={"address": address, "geopoint": None})))

    assert (card.place.label, card.place.precision) == (label, precision)


def test_a_start_that_is_past_is_not_shown():
    card = card_of(
        read_offer(contract={"type": ["Apprentissage"], "start": "2021-01-28T15:00:00.000Z", "duration": 500})
    )

    assert (card.starts_on, card.duration) == (None, None)


# From a row to a recruiter.


def test_a_recruiter_has_its_occupations_in_the_order_of_the_file_and_no_score():
    found = read_recruiter()

    card = card_of(found)
    assert (card.id, card.title, card.romes) == (SIRET, "Boulangerie Fictive", ("M1607", "D1102"))
    assert (found.score, card.score_band, card.estimated) == (0, None, None)
    assert "ne publie pas la probabilité" in card.reasons[0].text
    assert "0199001234" not in written(found)


@pytest.mark.parametrize(("recipient", "shown"), [("p_1", True), (None, False)], ids=["a recipient", "none"])
def test_one_can_apply_only_where_somebody_receives_it(recipient: str | None, shown: bool):
    url = "https://labonnealternance.apprentissage.beta.gouv.fr/emploi/recruteurs_lba/1/boulangerie"

    card = card_of(read_recruiter(apply={"url": url, "recipient_id": recipient}))

    assert card.url == url
    assert (card.apply_url is not None) == shown


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"identifier": {"partner_job_id": "73282932000075"}}, "siret_invalid"),
        ({"workplace": workplace(name=None, legal_name=None)}, "name_missing"),
        ({"workplace": workplace(name="[ND]", legal_name="[ND]")}, "not_diffusible"),
        ({"workplace": workplace(location={"address": "1 RUE 3500 RENNES", "geopoint": None})}, "postcode_invalid"),
        ({"offer": content(rome_codes=[])}, "no_rome"),
        ({"offer": content(rome_codes=["Z9999"])}, "rome_unknown"),
        ({"offer": content(status="Cancelled")}, "not_active"),
    ],
)
def test_a_row_that_is_no_recruiter_says_why(told: dict[str, object], reason: str):
    found = read_recruiter(**told)

    assert isinstance(found, Rejection)
    assert found.reason == reason


# Trainings, page by page.


def formation(key: str = "1", **told: object) -> dict[str, object]:
    return {
        "identifiant": {"cle_ministere_educatif": key},
        "statut": {"catalogue": "publié"},
        "formateur": {"connu": True, "organisme": school("Lycée Fictif")},
        "responsable": {"connu": True, "organisme": school("Groupement Fictif", siret="73282932000082")},
        "certification": {"connue": True, "valeur": certification()},
        "lieu": {
            "adresse": address("1 rue Fictive", "35000", "Rennes", "35238"),
            "geolocalisation": {"type": "Point", "coordinates": [-1.68, 48.11]},
        },
        "contact": {"email": "contact@exemple.invalid", "telephone": "0199001234"},
        "modalite": {"entierement_a_distance": False, "duree_indicative": 2, "annee_cycle": 1, "mef_10": None},
        "contenu_educatif": {"contenu": "Pétrir", "objectif": "Devenir boulanger"},
        "onisep": {"url": None},
        "sessions": [
            {"debut": "2027-09-01T00:00:00.000+02:00", "fin": "2029-06-30T00:00:00.000+02:00", "capacite": 12},
            {"debut": "2026-09-01T00:00:00.000+02:00", "fin": "2028-06-30T00:00:00.000+02:00", "capacite": 12},
        ],
    } | told  # fmt: skip


def address(street: str, postcode: str, town: str, insee: str) -> dict[str, object]:
    return {"label": street, "code_postal": postcode, "commune": {"nom": town, "code_insee": insee}}


def certification(**told: object) -> dict[str, object]:
    return {
        "identifiant": {"cfd": "50022139", "rncp": "RNCP37537"},
        "intitule": {
            "cfd": {"long": "BOULANGER (CAP)", "court": "BOULANGER"},
            "niveau": {"cfd": {"europeen": "3", "libelle": "CAP"}, "rncp": {"europeen": "3"}}, "rncp": "Boulanger",
        },
        "domaines": {"rome": {"rncp": [{"code": "D1102", "intitule": "Boulangerie"}]}},
    } | told  # fmt: skip


def school(name: str, siret: str = SIRET) -> dict[str, object]:
    return {
        "identifiant": {"siret": siret, "uai": "0350001A"},
        "etablissement": {
            "enseigne": None, "siret": siret,
            "adresse": address("2 rue Fictive", "29200", "BREST", "29019"),
        },
        "unite_legale": {"raison_sociale": name},
        "contacts": [{"email": "contact@exemple.invalid"}],
    }  # fmt: skip


def as_formation(row: dict[str, object]) -> Formation:
    return msgspec.json.decode(json.dumps(row), type=Formation, strict=False)


def read_training(**told: object) -> Entry | Rejection:
    return training_entry(as_formation(formation(**told)), kit())


class Catalogue:
    """The search, over rows that change when a page has been shown: page number -> what happens then."""

    def __init__(self, rows: list[object], changes: dict[int, Callable[[list[object]], object]]):
        self.rows = rows
        self.changes = changes
        self.calls: list[tuple[int, int]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        size, page = int(request.url.params["page_size"]), int(request.url.params["page_index"])
        self.calls.append((size, page))
        shown = self.rows[page * size : (page + 1) * size]
        pages = -(-len(self.rows) // size)
        if size == PAGE and page in self.changes:
            self.changes.pop(page)(self.rows)
        return answer(200, {"data": shown, "pagination": {"page_count": pages, "page_size": size, "page_index": page}})


def many(count: int) -> list[dict[str, object]]:
    return [formation(f"cle-{number}") for number in range(count)]


async def test_every_page_is_read_once_while_nothing_moves():
    api = Catalogue(many(2001), {})
    told = kit_of(api)

    found = await collected(TrainingsAA(), told)

    assert len({card_of(row).id for row in found}) == len(found) == 2001
    assert api.calls == [(1, 0), (PAGE, 0), (PAGE, 1), (PAGE, 2), (1, 0)]
    assert (told.notes.announced, dict(told.notes.remarks)) == (2001, {})


@pytest.mark.parametrize(
    ("change", "lost", "gained"),
    [
        (lambda rows: rows.pop(3), set(), set()),
        (lambda rows: rows.insert(3, formation("new")), set(), {"new"}),
        (lambda rows: rows.reverse(), set(), set()),
    ],
    ids=["one is archived", "one is published", "the order is another"],
)
async def test_a_catalogue_that_moves_while_it_is_read_loses_nothing(
    change: Callable[[list[dict[str, object]]], object], lost: set[str], gained: set[str]
):
    before = many(2001)
    told = kit_of(Catalogue(list(before), {0: change}))

    found = [card_of(row).id for row in await collected(TrainingsAA(), told)]

    assert set(found) == {f"cle-{number}" for number in range(2001)} - lost | gained
    assert len(found) == len(set(found))
    assert told.notes.remarks["count_moved"] == 1


async def test_a_catalogue_that_never_shows_what_it_counts_is_an_error():
    def handle(request: httpx.Request) -> httpx.Response:
        pages = 5000 if request.url.params["page_size"] == "1" else 1
        return answer(200, {"data": many(5), "pagination": {"page_count": pages}})

    with pytest.raises(UpstreamMalformed, match="announces 5000 trainings and shows 5"):
        await collected(TrainingsAA(), kit_of(handle))


async def test_an_empty_catalogue_is_an_error_and_never_an_empty_list():
    with pytest.raises(UpstreamMalformed, match="not one training"):
        await collected(TrainingsAA(), kit_of(Catalogue([], {})))


async def test_a_training_that_cannot_be_read_spoils_no_other():
    rows = [formation("1"), 5, {}, formation("2")]
    found = await collected(TrainingsAA(), kit_of(Catalogue(rows, {})))

    assert [getattr(row, "reason", None) for row in found] == [None, "unreadable", "id_missing", None]


@NO_SAMPLES
def test_the_training_of_the_samples_is_read_to_its_last_field():
    row = json.loads((SAMPLE / "formation-search-page.json").read_text("utf-8"))["data"][0]
    current = row | {"sessions": [{"debut": "2026-09-01T02:00:00.000+02:00", "fin": "2027-08-31T02:00:00.000+02:00"}]}

    card = card_of(training_entry(as_formation(current), kit()))

    assert (card.title, card.level, card.romes) == ("EXPERT EN GESTION DE PATRIMOINE (IPAC)", 7, ("C1205",))
    assert (card.place.insee, card.organisation.siret) == ("92024", "19350030300014")
    assert card.organisation.name == "LYCEE DES METIERS EXEMPLE"
    past = training_entry(as_formation(row), kit())
    assert isinstance(past, Rejection)
    assert past.reason == "session_past"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"identifiant": {"cle_ministere_educatif": None}}, "id_missing"),
        ({"statut": {"catalogue": "archivé"}}, "unpublished"),
        ({"statut": {"catalogue": "supprimé"}}, "unpublished"),
        ({"statut": {}}, "unpublished"),
        ({"sessions": []}, "session_past"),
        ({"sessions": [{"debut": "2023-09-01T00:00:00.000+02:00", "fin": None}]}, "session_past"),
        ({"certification": {"valeur": None}}, "no_rome"),
        ({"certification": {"valeur": certification(domaines={"rome": {"rncp": []}})}}, "no_rome"),
        (
            {"certification": {"valeur": certification(domaines={"rome": {"rncp": [{"code": "Z9999"}]}})}},
            "rome_unknown",
        ),
        ({"certification": {"valeur": certification(intitule={"cfd": None, "rncp": None})}}, "title_missing"),
        ({"lieu": {}, "formateur": {"organisme": None}, "responsable": {"organisme": None}}, "place_unknown"),
    ],
)
def test_a_row_that_is_no_training_says_why(told: dict[str, object], reason: str):
    found = read_training(**told)

    assert isinstance(found, Rejection)
    assert found.reason == reason


def test_a_training_shows_the_first_session_to_come_on_the_day_it_is_in_paris():
    card = card_of(read_training())

    assert (card.starts_on, card.duration.months if card.duration else None) == ("2027-09-01", 22)
    assert [str(each.start) for each in sessions_of(as_formation(formation()))] == ["2026-09-01", "2027-09-01"]


def test_a_school_that_is_not_known_leaves_its_place_to_the_one_responsible():
    card = card_of(read_training(formateur={"connu": False, "organisme": None}))

    assert (card.organisation.name, card.organisation.siret) == ("Groupement Fictif", "73282932000082")


def test_a_training_without_a_place_is_at_its_school_and_one_at_a_distance_may_be_nowhere():
    nowhere = {"formateur": {"organisme": None}, "responsable": {"organisme": None}}

    assert card_of(read_training(lieu={})).place.insee == "29019"
    card = card_of(read_training(lieu={}, modalite={"entierement_a_distance": True}, **nowhere))
    assert (card.place.precision, card.remote) == ("country", True)


def test_no_telephone_and_no_address_of_a_person_is_read():
    assert "exemple.invalid" not in written(read_training())
    assert "0199001234" not in written(read_training())


# Which sources are synced and shown is one setting.


def of_sandbox(
    application: httpx.ASGITransport, folder: Path, sources: str
) -> tuple[Settings, dict[str, httpx.ASGITransport]]:
    address = "http://sandbox.test"
    settings = replace(
        settings_for(address, str(folder)),
        sources=sources,
        api_apprentissage_url=f"{address}/api",
        api_apprentissage_key="demo",
        api_apprentissage_rate_per_s=1000.0,
        api_apprentissage_exports_per_minute=60_000.0,
    )
    return settings, {name: application for name, _ in settings.expected_sources()}


def little_sandbox() -> httpx.ASGITransport:
    generous = replace(QUIET, export_per_minute=100)
    return httpx.ASGITransport(create_sandbox(economy(0.02), generous, now=lambda: NOW))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a version of each source of the export."""
    folder = tmp_path_factory.mktemp("filled")
    settings, transports = of_sandbox(little_sandbox(), folder, "offers-aa:offer,recruiters-aa:recruiter")
    reports = asyncio.run(sync((), settings, now=NOW, transports=transports))
    assert {report.cause for report in reports} == {None}
    return folder


async def test_switching_to_api_apprentissage_is_one_setting(tmp_path: Path):
    generous = replace(QUIET, export_per_minute=100)
    transport = httpx.ASGITransport(create_sandbox(economy(), generous, now=lambda: NOW))
    answers = {}
    for name, sources in {
        "direct": "trainings:training,recruiters:recruiter",
        "apprentissage": "trainings-aa:training,offers-aa:offer,recruiters-aa:recruiter",
    }.items():
        settings, transports = of_sandbox(transport, tmp_path, sources)
        reports = await sync((), settings, now=NOW, transports=transports)
        assert {report.cause for report in reports} == {None}
        app = create_app(settings, now=lambda: NOW, assets=ASSETS)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://widget.test") as http:
            answers[name] = (await http.get("/v1/cards?romes=D1102&insee=35238&radius=100")).json()

    direct, other = answers["direct"], answers["apprentissage"]
    assert [source["name"] for source in other["sources"]] == ["trainings-aa", "offers-aa", "recruiters-aa"]
    assert {source["status"] for source in other["sources"]} == {"ok"}
    assert min(other["counts"].values()) > 0
    assert other["counts"]["training"] == direct["counts"]["training"]
    assert any("La bonne alternance" in line for line in other["attribution"])
    cards = {card["id"]: card for card in other["cards"]}
    same = [card["id"] for card in direct["cards"] if card["id"] in cards]
    assert len(same) > len(cards) / 2
    assert not any(card.get("score_band") for card in cards.values())
    written_down = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"0199001234" not in written_down
    assert b"@exemple.invalid" not in written_down


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ({"status": 500}, "answers 500"),
        ({"gateway": True}, "answers 504"),
        ({"key": "expired"}, "La clé d'API a expirée"),
        ({"key": "revoked"}, "La clé d'API fournie a été révoquée"),
        ({"malformed": True}, "address of its export"),
        ({"wrong_type": True}, "text/html"),
        ({"file_gone": True}, "fichier d'export: refused with 403"),
        ({"truncate": 20_000}, "fichier d'export: stops in the middle"),
        ({"empty": True}, "without a single"),
        ({"half": True}, "rule drop"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("name", ["offers-aa:offer", "recruiters-aa:recruiter"])
async def test_whatever_goes_wrong_is_named_and_the_previous_version_stays(
    filled: Path, tmp_path: Path, name: str, fault: dict[str, object], cause: str
):
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    transport = little_sandbox()
    settings, transports = of_sandbox(transport, tmp_path, name)
    source = name.partition(":")[0]
    first = Shelf(tmp_path / source).current_version()

    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as http:
        (await http.post("/_faults", json={"apprentissage": fault})).raise_for_status()
    # Another setting, so that the same file is read again.
    (report,) = await sync((), replace(settings, least_text=41), now=NOW + timedelta(hours=1), transports=transports)

    assert (report.ok, report.version) == (False, first)
    assert cause in (report.cause or "")
    assert "demo" not in (report.cause or "")
    assert not (tmp_path / source / FILE_NAME).exists()


async def test_the_file_in_the_shape_of_the_search_gives_the_same_cards(filled: Path, tmp_path: Path):
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    transport = little_sandbox()
    settings, transports = of_sandbox(transport, tmp_path, "recruiters-aa:recruiter")
    shelf = Shelf(tmp_path / "recruiters-aa")
    flat = shelf.read_manifest(shelf.current_version() or "")
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as http:
        await http.post("/_faults", json={"apprentissage": {"search_shape": True}})

    (shaped,) = await sync((), replace(settings, least_text=41), now=NOW, transports=transports)

    assert (shaped.cause, shaped.counts) == (None, flat.counts)
    assert shaped.calls == 2
