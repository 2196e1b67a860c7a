"""From a row of predictions to a card: a forecast's release, or an integrator's own file."""

import gzip
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.contract.upstream_fakes import SAMPLES, Pieces, kit, recorded, replayed, zipped
from widget_server.domain.cards import Entry, Fact, Rejection
from widget_server.domain.errors import SettingError, UpstreamError
from widget_server.domain.spreading import level
from widget_server.sandbox.projections import to_metres
from widget_server.settings import Settings
from widget_server.sources.kit.companies import headcount_of
from widget_server.sources.kit.projections import to_degrees
from widget_server.sources.kit.sirene import is_siret
from widget_server.sources.kit.source import Kit
from widget_server.sources.recruiters import (
    REASONS,
    Brought,
    Header,
    Recruiters,
    Scored,
    brought_entry,
    scored_entry,
)

SAMPLE = SAMPLES / "recruiters"
NO_SAMPLES = pytest.mark.skipif(not SAMPLE.exists(), reason="the contract's samples are not beside this repository")
SIRET = "73282932000074"
HEADER = {"format": 1, "model": "m", "day": "2026-11-23", "until": "2027-05-22", "count": 1}
SCORED: dict[str, object] = {
    "siret": SIRET, "name": "Boulangerie Fictive", "naf": "1071C", "headcount": "03", "address": "1 rue Fictive",
    "postcode": "35000", "commune": "35238", "lat": 48.11, "lon": -1.68,
    "romes": [["D1106", 0.05, "C"], ["D1102", 0.41, "A"]], "reasons": ["history", "season"],
}  # fmt: skip
OWN: dict[str, object] = {
    "siret": SIRET, "enseigne": "Boulangerie Fictive", "raison_sociale": "SOCIETE FICTIVE", "naf_code": "1071C",
    "naf_label": "Boulangerie", "street_number": "1", "street_name": "rue Fictive", "insee_city_code": "35238",
    "zip_code": "35000", "libelleCommuneEtablissement": "RENNES", "company_size": "6-9", "email": "a@b.invalid",
    "phone": "0100000000", "coordonneeLambertAbscisseEtablissement": 352_000.0,
    "coordonneeLambertOrdonneeEtablissement": 6_789_000.0,
    "rome_codes": [{"rome_code": "D1106", "normalized_score": 0.01}, {"rome_code": "D1102", "normalized_score": 0.01}],
}  # fmt: skip


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def scored(tools: Kit | None = None, **told: object) -> Entry | Rejection:
    """The outcome of a valid row of a release, changed; None takes a field away."""
    row = {key: value for key, value in (SCORED | told).items() if value is not None}
    header = msgspec.json.decode(json.dumps(HEADER), type=Header)
    return scored_entry(msgspec.json.decode(json.dumps(row), type=Scored), header, tools or kit())


def own(tools: Kit | None = None, **told: object) -> Entry | Rejection:
    """The outcome of a valid row of an integrator's own file, changed; None takes a field away."""
    row = {key: value for key, value in (OWN | told).items() if value is not None}
    return brought_entry(msgspec.json.decode(json.dumps(row), type=Brought), tools or kit())


def card_of(found: Entry | Rejection) -> Entry:
    assert isinstance(found, Entry), found
    return found


def fact(found: Entry | Rejection, name: str) -> Fact | None:
    return next((each for each in card_of(found).facts if each.name == name), None)


# One row.


@NO_SAMPLES
def test_rows_of_the_samples_become_the_cards_that_are_expected():
    rows = json.loads((SAMPLE / "lba-raw-recruiters.json").read_text("utf-8"))
    expected = {
        row["siret"]: row for row in json.loads((SAMPLE / "lba-raw-recruiters-expected.json").read_text("utf-8"))
    }
    tools = kit()

    found = {row["siret"]: brought_entry(msgspec.convert(row, Brought), tools) for row in rows}

    for siret, told in expected.items():
        card = card_of(found[siret]).card
        assert (card.id, card.title, card.organisation.name) == (siret, told["name"], told["legal_name"])
        assert fact(found[siret], "naf").text == told["naf"]
        assert fact(found[siret], "address").text.replace(",", "").upper() == told["address"]
        assert set(card.romes) == set(told["rome_codes"])
    # Their points lie in the Seine-Maritime, their communes in the Ardèche and in Meurthe-et-Moselle.
    assert tools.notes.remarks == {"coordinates_outside": 2}
    assert {found[siret].card.place.precision for siret in expected} == {"commune"}


@NO_SAMPLES
@pytest.mark.parametrize(
    "case",
    json.loads((SAMPLE / "lambert-cases.json").read_text("utf-8")) if SAMPLE.exists() else [],
    ids=lambda case: case["place"],
)
def test_metres_of_the_samples_become_degrees(case: Mapping[str, object]):
    found = to_degrees(case["x"], case["y"], case["zip_code"])

    assert found == pytest.approx((case["lat"], case["lon"]), abs=1e-4)


@pytest.mark.parametrize(
    ("postcode", "latitude", "longitude"),
    [
        ("35000", 48.1118, -1.6819), ("20200", 42.7008, 9.4503), ("59140", 51.0343, 2.3768),
        ("97100", 15.9985, -61.7256), ("97200", 14.6037, -61.0730), ("97300", 4.9224, -52.3135),
        ("97400", -20.8823, 55.4504), ("97600", -12.7806, 45.2278), ("97133", 17.8962, -62.8498),
        ("97150", 18.0679, -63.0825),
    ],
)  # fmt: skip
def test_there_and_back_between_degrees_and_metres_is_within_a_metre(postcode: str, latitude: float, longitude: float):
    x, y = to_metres(latitude, longitude, postcode)

    assert to_degrees(x, y, postcode) == pytest.approx((latitude, longitude), abs=1e-5)


def test_guyane_is_north_of_the_equator():
    assert to_degrees(354363.16, 544229.78, "97300")[0] > 0


@pytest.mark.parametrize(
    ("x", "y"),
    [(None, 6_789_000.0), (352_000.0, None), (0, 0), (0, 6_789_000.0), (1e9, 1e9), (float("nan"), 1.0)],
)
def test_metres_that_are_missing_zero_or_absurd_are_no_point(x: float | None, y: float | None):
    assert to_degrees(x, y, "35000") is None


@pytest.mark.parametrize(
    ("told", "valid"),
    [
        ("73282932000074", True), ("73282932000075", False), ("35600000000048", True), ("35600000009075", True),
        ("35600000009076", False), ("00000000000000", False), ("7328293200007", False), ("732829320000740", False),
        ("7328293200007X", False), ("٧٣٢٨٢٩٣٢٠٠٠٠٧٤", False), ("", False),
    ],
)  # fmt: skip
def test_a_siret_is_valid_by_luhn_or_by_the_rule_of_la_poste(told: str, valid: bool):
    assert is_siret(told) is valid


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("6-9", "6 à 9 salariés"), ("1-2", "1 ou 2 salariés"), ("0-0", "Sans salarié"), ("03", "6 à 9 salariés"),
        ("00", "Sans salarié"), ("NN", None), (None, None), ("many", None),
    ],
)  # fmt: skip
def test_a_bracket_of_size_is_told_in_words(told: str | None, shown: str | None):
    assert headcount_of(told) == shown


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"siret": None}, "siret_invalid"),
        ({"siret": "73282932000075"}, "siret_invalid"),
        ({"name": None}, "name_missing"),
        ({"name": " "}, "name_missing"),
        ({"name": "[ND]"}, "not_diffusible"),
        ({"address": "[ND]"}, "not_diffusible"),
        ({"postcode": "3500"}, "postcode_invalid"),
        ({"postcode": None}, "postcode_invalid"),
        ({"romes": []}, "no_rome"),
        ({"romes": [["Z9999", 0.5, "A"]]}, "rome_unknown"),
        ({"postcode": "00000", "commune": None, "lat": None}, "place_unknown"),
    ],
)
def test_a_row_that_is_no_card_says_why(told: dict[str, object], reason: str):
    found = scored(**told)

    assert isinstance(found, Rejection)
    assert found.reason == reason


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"siret": "1"}, "siret_invalid"),
        ({"enseigne": None, "raison_sociale": None}, "name_missing"),
        ({"raison_sociale": "[ND]"}, "not_diffusible"),
        ({"street_name": "[ND]"}, "not_diffusible"),
        ({"zip_code": None}, "postcode_invalid"),
        ({"rome_codes": None}, "no_rome"),
        ({"rome_codes": [{}]}, "no_rome"),
    ],
)
def test_a_row_of_an_own_file_that_is_no_card_says_why(told: dict[str, object], reason: str):
    found = own(**told)

    assert isinstance(found, Rejection)
    assert found.reason == reason


def test_the_occupations_of_a_release_are_in_the_order_of_their_probability():
    found = card_of(scored())

    assert found.card.romes == ("D1102", "D1106")
    assert (found.card.bands, found.card.score_band) == ({"D1102": "A", "D1106": "C"}, None)
    assert found.scores == {"D1102": level("A", 0.0, 0), "D1106": level("C", 0.0, 0)}
    assert [reason.code for reason in found.card.reasons] == ["history", "season"]


def test_the_scores_of_an_own_file_order_its_occupations_and_make_no_band():
    codes = ("D1106", "D1101", "D1102", "G1602", "G1603", "M1607", "M1602")
    rows = [{"rome_code": code, "normalized_score": 0.001 * n} for n, code in enumerate(codes)]

    found = card_of(own(rome_codes=rows))

    assert found.card.romes == tuple(reversed(codes)), "all of them, the likeliest first"
    assert (found.card.score_band, found.score, found.card.reasons) == (None, 0, ())


def test_scores_that_are_all_the_same_leave_the_order_of_the_file():
    assert card_of(own()).card.romes == ("D1106", "D1102")


def test_a_recruiter_is_known_by_parent_codes_only():
    found = card_of(scored(romes=[["M1855", 0.5, "A"], ["M1805", 0.4, "A"]]))

    assert found.card.romes == ("M1805",)


@pytest.mark.parametrize(
    ("told", "title", "legal"),
    [
        ({}, "Boulangerie Fictive", "SOCIETE FICTIVE"),
        ({"enseigne": None}, "SOCIETE FICTIVE", "SOCIETE FICTIVE"),
        ({"raison_sociale": None}, "Boulangerie Fictive", "Boulangerie Fictive"),
    ],
)
def test_a_company_is_called_by_its_sign_else_by_its_legal_name(told: dict[str, object], title: str, legal: str):
    card = card_of(own(**told)).card

    assert (card.title, card.organisation.name) == (title, legal)


def test_an_address_is_joined_without_holes():
    assert fact(own(), "address").text == "1 rue Fictive, 35000 RENNES"
    assert fact(own(street_number=None), "address").text == "rue Fictive, 35000 RENNES"
    assert fact(own(street_number=None, street_name=None), "address").text == "35000 RENNES"


def test_the_page_of_a_company_is_named_by_its_siret_and_sign():
    assert card_of(own()).card.url == (
        f"https://labonnealternance.apprentissage.beta.gouv.fr/emploi/recruteurs_lba/{SIRET}/boulangerie-fictive"
    )


def test_no_way_to_reach_a_person_is_read_or_written():
    fields = {*Brought.__struct_fields__, *Scored.__struct_fields__}

    assert fields & {"email", "phone", "telephone", "courriel"} == set()
    assert "a@b.invalid" not in msgspec.json.encode(own()).decode()
    assert "0100000000" not in msgspec.json.encode(own()).decode()


def test_a_site_of_the_company_is_shown_when_it_is_an_address():
    assert fact(own(site_web="https://fictive.example"), "company_site").url == "https://fictive.example"
    assert fact(own(site_web="fictive"), "company_site") is None


def test_an_estimate_says_of_when_it_is_and_until_when():
    assert card_of(scored()).card.estimated == (
        "Estimation du 23 novembre 2026, pour des embauches jusqu'au 22 mai 2027"
    )


def test_a_reason_that_no_list_knows_is_counted_and_not_shown():
    tools = kit()

    found = card_of(scored(tools, reasons=["horoscope", "size", "size"]))

    assert [(reason.code, reason.text) for reason in found.card.reasons] == [("size", REASONS["size"])]
    assert tools.notes.remarks == {"reason_unknown": 1}


@pytest.mark.parametrize(
    ("told", "precision", "remark"),
    [
        ({}, "address", None),
        ({"lat": -1.68, "lon": 48.11}, "address", "coordinates_inverted"),
        ({"lat": 43.6, "lon": 1.44}, "commune", "coordinates_outside"),
        ({"lat": 4.9, "lon": -52.3}, "commune", "coordinates_outside"),
        ({"lat": 0, "lon": 0}, "commune", None),
        ({"lat": None}, "commune", None),
        ({"commune": "Rennes", "lat": None}, "commune", None),
    ],
    ids=["as told", "inverted", "another departement", "overseas", "zero", "none", "a commune by its name"],
)
def test_a_point_outside_its_departement_gives_way_to_the_centre_of_the_commune(
    told: dict[str, object], precision: str, remark: str | None
):
    tools = kit()

    place = card_of(scored(tools, **told)).card.place

    assert (place.insee, place.precision) == ("35238", precision)
    assert (place.latitude, place.longitude) == pytest.approx((48.11, -1.68), abs=0.01)
    assert list(tools.notes.remarks) == ([remark] if remark else [])


# The whole file.

URL = "https://predictions.example/recruiters/recruiters.ndjson.gz"


class File(httpx.AsyncBaseTransport):
    """One file, in pieces; it may break."""

    def __init__(
        self, body: bytes, *, headers: Mapping[str, str] | None = None, error: Exception | None = None, step: int = 700
    ) -> None:
        self._body = body
        self._headers = headers
        self._error = error
        self._step = step

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pieces = [self._body[start : start + self._step] for start in range(0, len(self._body), self._step)]
        return httpx.Response(200, stream=Pieces(pieces, self._error), headers=self._headers)


def tools_for(transport: httpx.AsyncBaseTransport | None, url: str = URL) -> Kit:
    return kit(transport=transport, settings=Settings(recruiters_url=url))


async def read(tools: Kit) -> list[Entry | Rejection]:
    return [row async for row in Recruiters().rows(tools)]


def sirets() -> Iterable[str]:
    """Valid ones, without end."""
    return (f"{n:014d}" for n in range(10_000_000_000_000, 10_000_000_100_000) if is_siret(f"{n:014d}"))


def own_rows(count: int) -> list[dict[str, object]]:
    return [OWN | {"siret": siret} for _, siret in zip(range(count), sirets(), strict=False)]


def lines(rows: Iterable[object]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "body",
    [
        json.dumps(own_rows(7)).encode(),
        json.dumps(own_rows(7), indent=2).encode(),
        b"\xef\xbb\xbf" + json.dumps(own_rows(7)).encode(),
        lines(own_rows(7)),
        lines(own_rows(7)).rstrip(),
        gzip.compress(json.dumps(own_rows(7)).encode()),
        gzip.compress(lines(own_rows(7))),
        gzip.compress(lines(own_rows(3))) + gzip.compress(lines(own_rows(7)[3:])),
        zipped([HEADER | {"count": 7}, *(SCORED | {"siret": row["siret"]} for row in own_rows(7))]),
        json.dumps([HEADER | {"count": 7}, *(SCORED | {"siret": row["siret"]} for row in own_rows(7))]).encode(),
    ],
    ids=[
        "array", "array with line feeds", "array after a byte order mark", "lines", "lines without the last line feed",
        "array in gzip", "lines in gzip", "two members of gzip", "release", "release as an array",
    ],
)  # fmt: skip
@pytest.mark.parametrize("step", [1, 700])
async def test_every_shape_of_the_file_gives_the_same_companies(body: bytes, step: int):
    tools = tools_for(File(body, step=step))

    found = await read(tools)

    assert [card_of(row).card.id for row in found] == [row["siret"] for row in own_rows(7)]
    assert (tools.notes.announced, tools.notes.parts[0].read) == (7, 7)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("transport", "said"),
    [
        (File(b""), "empty text"),
        (File(b"[]"), "no establishment"),
        (File(b"<html>"), "neither a JSON array nor lines"),
        (File(json.dumps(own_rows(3)).encode()[:-9]), "stops in the middle of an array"),
        (File(lines(own_rows(3))[:-9]), "stops in the middle of a line"),
        (File(gzip.compress(lines(own_rows(3)))[:-9]), "stops in the middle of a gzip stream"),
        (File(gzip.compress(lines(own_rows(50)))[:300] + b"x" * 400), "gzip"),
        (File(zipped([HEADER | {"count": 3}, SCORED])), "announces 3 establishments and holds 1"),
        (File(zipped([HEADER | {"format": 2}, SCORED])), "written in format 2"),
        (File(zipped([HEADER | {"format": "one"}, SCORED])), "a header that cannot be read"),
        (File(lines(own_rows(9)), error=httpx.ReadError("cut")), "cut"),
    ],
    ids=[
        "no byte", "no row", "a page of a proxy", "array cut", "line cut", "gzip cut", "gzip broken", "fewer than told",
        "another format", "a broken header", "connection cut",
    ],
)  # fmt: skip
async def test_a_file_that_cannot_be_read_to_its_end_is_an_error_and_never_an_empty_list(
    transport: httpx.AsyncBaseTransport, said: str
):
    with pytest.raises(UpstreamError, match=said):
        await read(tools_for(transport))


@pytest.mark.anyio
async def test_a_row_that_cannot_be_read_spoils_no_other():
    rows = own_rows(3)
    rows[1]["enseigne"] = "half of a pair: \ud83d"

    found = await read(tools_for(File(json.dumps(rows).encode())))

    assert [type(row) for row in found] == [Entry, Rejection, Entry]
    assert found[1].reason == "unreadable"


@pytest.mark.anyio
async def test_a_company_called_format_is_no_header():
    rows = own_rows(2)
    rows[0]["enseigne"] = "format"

    found = await read(tools_for(File(json.dumps(rows).encode())))

    assert [card_of(row).card.title for row in found] == ["format", "Boulangerie Fictive"]


@pytest.mark.anyio
async def test_a_release_is_of_the_day_in_its_header_and_another_file_of_the_day_that_its_carrier_says():
    release = tools_for(File(zipped([HEADER, SCORED])))
    other = tools_for(File(lines(own_rows(1)), headers={"last-modified": "Sun, 22 Nov 2026 10:00:00 GMT"}))

    await read(release)
    await read(other)

    assert release.notes.as_of == datetime(2026, 11, 23, tzinfo=UTC)
    assert other.notes.as_of == datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.anyio
@pytest.mark.parametrize("prefix", ["", "file://"])
async def test_a_file_of_this_machine_is_read_like_one_from_the_network(tmp_path: Path, prefix: str):
    (tmp_path / "own.json.gz").write_bytes(gzip.compress(lines(own_rows(4))))

    found = await read(tools_for(None, f"{prefix}{tmp_path}/own.json.gz"))

    assert len(found) == 4


@pytest.mark.anyio
async def test_a_missing_file_or_setting_is_named(tmp_path: Path):
    with pytest.raises(UpstreamError, match="RECRUITERS_URL cannot be read"):
        await read(tools_for(None, str(tmp_path / "none.json")))
    with pytest.raises(SettingError, match="RECRUITERS_URL is empty"):
        await read(tools_for(None, ""))
    with pytest.raises(SettingError, match="RECRUITERS_URL begins with ftp://: "):
        await read(tools_for(None, "ftp://files.example/a.json"))
    with pytest.raises(SettingError, match="RECRUITERS_URL is no address"):
        await read(tools_for(None, "http://[::1/a.json"))


@pytest.mark.anyio
async def test_a_file_of_any_size_is_read_in_constant_memory():
    import tracemalloc

    peaks = []
    for count in (3_000, 9_000):
        body = gzip.compress(lines(OWN | {"siret": SIRET, "naf_label": f"{n:0500d}"} for n in range(count)), 1)
        tools = tools_for(File(body, step=1 << 16))
        tracemalloc.start()
        async for _ in Recruiters().rows(tools):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1] - 2 * len(body))
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2_000_000, "6 MB more were read"


# Recordings of our sandbox: every oddity of its table once.


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "remarks"),
    [
        ("recruiters", {"coordinates_inverted": 1, "reason_unknown": 1, "rome_unknown": 2}),
        ("recruiters-own-file", {"coordinates_outside": 1, "rome_unknown": 2}),
    ],
)
async def test_every_oddity_of_a_recording_becomes_what_the_truth_says(name: str, remarks: dict[str, int]):
    recording = recorded(name)
    path = recording["exchanges"][0]["path"]
    tools = tools_for(replayed(recording), f"https://predictions.example{path}")

    found = await read(tools)

    truth = {row["id"]: row for row in recording["truth"]}
    assert "fictitious" in recording["note"]
    assert {row["oddity"] for row in truth.values()} >= {"bad_siret", "zero_coordinates", "not_diffusible", "twin"}
    assert {row.id: row.reason for row in found if isinstance(row, Rejection)} == {
        siret: row["rejected"] for siret, row in truth.items() if row["rejected"]
    }
    for row in found:
        if isinstance(row, Entry):
            assert row.card.place.insee == truth[row.card.id]["insee"]
            assert (row.card.place.latitude, row.card.place.longitude) == pytest.approx(
                (truth[row.card.id]["latitude"], truth[row.card.id]["longitude"]),
                abs=1e-4 if row.card.place.precision == "address" else 0.02,
            )
    assert tools.notes.remarks == remarks
