"""From a document of the trainings catalogue to a card, and from its stream to all of them."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime

import httpx
import msgspec
import pytest

from tests.contract.upstream_fakes import NOW, SAMPLES, Pieces, answer, kit, recorded, replayed
from widget_server.domain.cards import Entry, Fact, Rejection
from widget_server.domain.errors import UpstreamError
from widget_server.sources.kit.sessions import current_tags
from widget_server.sources.kit.source import Kit
from widget_server.sources.kit.text import CONTACT_MASKED
from widget_server.sources.trainings import COUNT, STREAM, Training, Trainings, sessions_of, to_entry

KEY = "088281P01313885594860007038855948600070-35238#L01"
SAMPLE = SAMPLES / "carif-oref"
NO_SAMPLES = pytest.mark.skipif(not SAMPLE.exists(), reason="the contract's samples are not beside this repository")
ROW: dict[str, object] = {
    "cle_ministere_educatif": KEY, "intitule_long": "BOULANGER (CAP)", "intitule_court": "BOULANGER",
    "niveau": "3 (CAP...)", "diplome": "CERTIFICAT D'APTITUDES PROFESSIONNELLES", "rome_codes": ["D1102"],
    "lieu_formation_geo_coordonnees": "48.11,-1.68", "lieu_formation_adresse": "1 rue Fictive", "code_postal": "35000",
    "localite": "Rennes", "code_commune_insee": "35238", "etablissement_formateur_siret": "30000000000018",
    "etablissement_formateur_enseigne": "CFA Fictif", "etablissement_formateur_code_postal": "35400",
    "etablissement_formateur_localite": "SAINT-MALO", "tags": ["2026", "2027"], "published": True,
    "catalogue_published": True, "date_debut": ["2026-09-01T00:00:00.000Z", "2027-09-01T00:00:00.000Z"],
    "date_fin": ["2028-06-30T00:00:00.000Z", "2029-06-30T00:00:00.000Z"], "modalites_entrees_sorties": [False, False],
    "last_update_at": "2026-11-20T23:30:00.000Z",
}  # fmt: skip


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def training(tools: Kit | None = None, **told: object) -> Entry | Rejection:
    """The outcome of a valid document, changed; None takes a field away."""
    row = {key: value for key, value in (ROW | told).items() if value is not None}
    return to_entry(msgspec.json.decode(json.dumps(row), type=Training), tools or kit())


def card_of(found: Entry | Rejection) -> Entry:
    assert isinstance(found, Entry), found
    return found


def fact(found: Entry | Rejection, name: str) -> Fact | None:
    return next((each for each in card_of(found).facts if each.name == name), None)


def written(found: Entry | Rejection) -> str:
    return msgspec.json.encode(found).decode()


# One document.


@NO_SAMPLES
def test_the_document_of_the_samples_becomes_a_card_when_it_is_published_now():
    row = json.loads((SAMPLE / "formation-card-fields-mock.json").read_text("utf-8"))

    found = training(**(row | {"published": True, "catalogue_published": True, "tags": ["2026"]}))

    card = card_of(found).card
    assert (card.title, card.level, card.romes) == ("BOULANGER (CAP)", 3, ("D1102",))
    assert (card.organisation.name, card.organisation.siret) == ("CFA Fictif", "30000000000018")
    assert card.place.insee == "74137"
    assert "contact@" not in written(found)


@NO_SAMPLES
def test_documents_of_the_samples_that_are_not_published_are_rejected():
    rows = json.loads((SAMPLE / "formations-projection-api-apprentissage.json").read_text("utf-8"))

    found = [to_entry(msgspec.json.decode(json.dumps(row), type=Training), kit()) for row in rows]

    assert [each.reason for each in found if isinstance(each, Rejection)] == ["unpublished", "unpublished"]


@NO_SAMPLES
@pytest.mark.parametrize(("number", "insee"), [(0, "78646"), (1, "69381")])
def test_documents_of_the_samples_are_placed_as_they_say(number: int, insee: str):
    row = json.loads((SAMPLE / "formations-projection-api-apprentissage.json").read_text("utf-8"))[number]
    more = {"published": True, "tags": ["2026"], "intitule_court": "X", "rome_codes": ["D1102"], "localite": None}

    place = card_of(training(**(row | more))).card.place

    assert (place.insee, place.precision) == (insee, "address")
    assert f"{place.latitude},{place.longitude}" == ",".join(
        str(round(float(part), 5)) for part in row["lieu_formation_geo_coordonnees"].split(",")
    )


@NO_SAMPLES
def test_every_field_that_we_ask_for_is_a_field_of_the_catalogue():
    schema = json.loads((SAMPLE / "formation-schema.json").read_text("utf-8"))
    added = {"contenu", "objectif"}  # by the Carif-Oref instance

    assert set(Training.__struct_fields__) - set(schema["formation"]["properties"]) - added == set()


def test_no_telephone_and_no_address_of_a_person_is_asked_for():
    private = ("email", "num_tel", "courriel")

    assert [name for name in Training.__struct_fields__ if name.endswith(private)] == []


@pytest.mark.parametrize(
    ("told", "title"),
    [
        ({}, "BOULANGER (CAP)"),
        ({"intitule_long": None}, "BOULANGER"),
        ({"intitule_long": " ", "intitule_court": None, "intitule_rco": "Boulanger"}, "Boulanger"),
    ],
)
def test_the_title_is_the_first_of_three_that_says_something(told: dict[str, object], title: str):
    assert card_of(training(**told)).card.title == title


@pytest.mark.parametrize(
    ("niveau", "level"),
    [
        ("3 (CAP...)", 3), ("4 (BAC...)", 4), ("5 (BTS, DEUST...)", 5), ("6 (Licence, BUT...)", 6),
        ("7 (Master, titre ingénieur...)", 7), ("8 (Doctorat)", None), (None, None),
    ],
)  # fmt: skip
def test_the_five_labels_of_level_are_read(niveau: str | None, level: int | None):
    assert card_of(training(niveau=niveau)).card.level == level


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({}, "CFA Fictif"),
        ({"etablissement_formateur_enseigne": None, "etablissement_formateur_entreprise_raison_sociale": "Y"}, "Y"),
        ({"etablissement_formateur_enseigne": None, "etablissement_gestionnaire_entreprise_raison_sociale": "Z"}, "Z"),
        ({"etablissement_formateur_enseigne": None}, None),
    ],
)
def test_the_school_is_the_one_that_teaches_else_the_one_responsible(told: dict[str, object], name: str | None):
    assert card_of(training(**told)).card.organisation.name == name


def test_the_page_of_a_training_has_its_key_encoded():
    assert card_of(training()).card.url == (
        "https://labonnealternance.apprentissage.beta.gouv.fr/formation/"
        "088281P01313885594860007038855948600070-35238%23L01/boulanger-cap"
    )


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"cle_ministere_educatif": None}, "id_missing"),
        ({"cle_ministere_educatif": "a\nb"}, "id_missing"),
        ({"published": False}, "unpublished"),
        ({"catalogue_published": None}, "unpublished"),
        ({"tags": ["2024", "2023"]}, "session_past"),
        ({"tags": None}, "session_past"),
        ({"intitule_long": None, "intitule_court": None}, "title_missing"),
        ({"rome_codes": []}, "no_rome"),
        ({"rome_codes": None}, "no_rome"),
        ({"rome_codes": ["Z9999"]}, "rome_unknown"),
        (
            {
                "lieu_formation_geo_coordonnees": None, "code_postal": None, "localite": None,
                "code_commune_insee": None, "etablissement_formateur_code_postal": None,
            },
            "place_unknown",
        ),
    ],
)  # fmt: skip
def test_a_document_that_is_no_card_says_why(told: dict[str, object], reason: str):
    found = training(**told)

    assert isinstance(found, Rejection)
    assert found.reason == reason


def test_a_key_of_an_unusual_form_is_counted_and_kept():
    tools = kit()

    found = training(tools, cle_ministere_educatif="id-formation-test")

    assert card_of(found).card.id == "id-formation-test"
    assert tools.notes.remarks == {"key_unusual": 1}


@pytest.mark.parametrize(
    ("told", "place", "remarks"),
    [
        ({}, ("35238", "address", 48.11, -1.68), set()),
        ({"lieu_formation_geo_coordonnees": "-1.68,48.11"}, ("35238", "address", 48.11, -1.68), {"inverted"}),
        (
            {"lieu_formation_geo_coordonnees": None, "lieu_formation_geo_coordonnees_computed": "48.12,-1.7"},
            ("35238", "address", 48.12, -1.7),
            set(),
        ),
        ({"lieu_formation_geo_coordonnees": None}, ("35238", "commune", 48.11182, -1.68189), set()),
        ({"lieu_formation_geo_coordonnees": "43.6,1.44"}, ("35238", "commune", 48.11182, -1.68189), {"outside"}),
        ({"lieu_formation_geo_coordonnees": "0,0"}, ("35238", "commune", 48.11182, -1.68189), set()),
        ({"code_commune_insee": "35000"}, ("35238", "address", 48.11, -1.68), set()),
        (
            {
                "code_commune_insee": "75056", "code_postal": "75012",
                "lieu_formation_geo_coordonnees": "48.84,2.39",
            },
            ("75112", "address", 48.84, 2.39),
            set(),
        ),
        (
            {"code_commune_insee": "2A004", "code_postal": "20000", "lieu_formation_geo_coordonnees": "41.93,8.74"},
            ("2A004", "address", 41.93, 8.74),
            set(),
        ),
        (
            {
                "code_commune_insee": "97411", "code_postal": "97400", "localite": "Saint-Denis",
                "lieu_formation_geo_coordonnees": "-20.88,55.45",
            },
            ("97411", "address", -20.88, 55.45),
            set(),
        ),
    ],
    ids=[
        "as told", "inverted", "the catalogue's own geocoding", "none", "in another departement", "zero",
        "a postcode as commune", "a whole city", "Corsica", "overseas",
    ],
)  # fmt: skip
def test_a_training_is_placed_where_it_is_taught(
    told: dict[str, object], place: tuple[str, str, float, float], remarks: set[str]
):
    tools = kit()

    found = card_of(training(tools, **told)).card.place

    assert (found.insee, found.precision) == place[:2]
    assert (found.latitude, found.longitude) == pytest.approx(place[2:], abs=0.001)
    assert {code.removeprefix("coordinates_") for code in tools.notes.remarks} == remarks


def test_a_training_without_a_place_is_at_its_school():
    tools = kit()
    nowhere = {"lieu_formation_geo_coordonnees": None, "code_postal": None, "code_commune_insee": None}

    place = card_of(training(tools, localite=None, **nowhere)).card.place

    assert (place.insee, place.precision) == ("35288", "commune")
    assert tools.notes.remarks == {"place_of_school": 1}


def test_a_training_at_a_distance_has_no_place_and_no_distance():
    nowhere = dict.fromkeys(
        ("lieu_formation_geo_coordonnees", "code_postal", "localite", "code_commune_insee",
         "etablissement_formateur_code_postal", "etablissement_formateur_localite")
    )  # fmt: skip

    card = card_of(training(entierement_a_distance=True, **nowhere)).card

    assert (card.remote, card.place.precision, card.place.latitude) == (True, "country", None)


def test_the_departement_is_that_of_the_commune_and_never_of_the_postcode():
    # 42620 is the postcode of Saint-Pierre-Laval, which lies in the Allier.
    place = card_of(training(code_commune_insee="03250", code_postal="42620", localite=None,
                             lieu_formation_geo_coordonnees=None)).card.place  # fmt: skip

    assert (place.departement, place.insee) == ("03", "03250")


@pytest.mark.parametrize(
    ("starts", "ends", "sessions"),
    [
        (["2026-09-01", "2027-09-01"], ["2028-06-30", "2029-06-30"], [("2026", "2028"), ("2027", "2029")]),
        (["2027-09-01", "2026-09-01"], ["2028-06-30", "2029-06-30"], [("2026", "2028"), ("2027", "2029")]),
        (["2026-09-01", "2027-09-01"], ["2029-06-30", "2028-06-30"], [("2026", "2029"), ("2027", "2028")]),
        (["2026-09-01", "2030-09-01"], ["2032-06-30", "2028-06-30"], [("2026", "2028"), ("2030", "2032")]),
        (["2026-09-01", "2027-09-01"], ["2028-06-30"], [("2026", "2028"), ("2027", "2028")]),
        (["2026-09-01"], [], [("2026", None)]),
        (["2026-09-01"], ["2025-06-30"], [("2026", None)]),
        ([], ["2028-06-30"], []),
        (["2026-09-01", "not a date"], ["2028-06-30", "2029-06-30"], [("2026", "2028")]),
    ],
    ids=[
        "side by side", "starts out of order", "ends out of order", "crossed", "fewer ends", "no end",
        "an end before its start", "no start", "a start that is no date",
    ],
)  # fmt: skip
def test_sessions_are_never_lost_because_their_arrays_differ(
    starts: list[str], ends: list[str], sessions: list[tuple[str, str | None]]
):
    found = sessions_of(Training(date_debut=starts, date_fin=ends, duree="2"))

    assert [(str(each.start.year), str(each.end.year) if each.end else None) for each in found] == sessions


def test_a_start_takes_the_end_that_is_nearest_to_the_usual_length():
    found = sessions_of(
        Training(date_debut=["2026-09-01"], date_fin=["2027-06-30", "2028-06-30", "2029-06-30"], duree="2")
    )

    assert [each.end for each in found] == [date(2028, 6, 30)]


def test_the_card_shows_the_first_session_to_come():
    card = card_of(training()).card

    assert (card.starts_on, card.duration.months) == ("2027-09-01", 22)


def test_days_are_those_of_france():
    card = card_of(training(date_debut=["2026-12-31T23:00:00.000Z"], date_fin=[])).card

    assert (card.starts_on, card.updated_on) == ("2027-01-01", "2026-11-21")


def test_an_odd_length_in_years_is_no_duration():
    none = {"date_debut": None, "date_fin": None, "modalites_entrees_sorties": None}

    assert card_of(training(duree="X", **none)).card.duration is None
    assert card_of(training(duree="2", **none)).card.duration.months == 24


@pytest.mark.parametrize(
    ("told", "shown"),
    [("RNCP18704", "RNCP18704, Boulanger"), ("RNCPNR", "Boulanger"), ("RNCP1", "Boulanger"), (None, "Boulanger")],
)
def test_a_certification_without_a_number_has_none(told: str | None, shown: str):
    assert fact(training(rncp_code=told, rncp_intitule="Boulanger"), "rncp").text == shown


def test_a_code_of_diploma_with_letters_is_shown():
    assert fact(training(cfd="36T31203"), "cfd").text == "36T31203"


def test_a_link_that_is_none_is_not_shown():
    assert fact(training(onisep_url="voir la fiche"), "onisep") is None
    assert fact(training(onisep_url="https://onisep.example/1"), "onisep").url == "https://onisep.example/1"


def test_an_address_has_no_holes():
    found = training(
        etablissement_formateur_adresse=None, etablissement_formateur_complement_adresse=" ", localite="Rennes"
    )

    assert fact(found, "school_address").text == "35400 SAINT-MALO"
    assert fact(found, "address").items == ("1 rue Fictive, 35000 Rennes",)
    assert "undefined" not in written(found)
    assert "None" not in written(found)


def test_contacts_inside_a_text_are_masked():
    assert fact(training(contenu="Appelez le 01 00 00 00 00"), "content").text == f"Appelez le {CONTACT_MASKED}"


def test_the_same_training_in_two_places_stays_two_and_twice_in_one_place_becomes_one():
    one = card_of(training()).twin

    assert card_of(training(cle_ministere_educatif=KEY.replace("L01", "L02"))).twin == one
    assert card_of(training(intitule_long="Boulanger (C.A.P.)")).twin != one
    assert card_of(training(lieu_formation_adresse="9 rue Autre")).twin != one
    assert card_of(training(code_commune_insee="35047", code_postal="35170", localite="Bruz")).twin != one
    assert card_of(training(etablissement_formateur_siret="30000000000026")).twin != one


@pytest.mark.parametrize(
    ("day", "tags"),
    [
        (datetime(2026, 8, 31, 12, tzinfo=UTC), ("2026", "2027", "2025")),
        (datetime(2026, 9, 1, 12, tzinfo=UTC), ("2026", "2027", "2028")),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), ("2027", "2028", "2026")),
    ],
    ids=["before September", "from September", "already the new year in France"],
)
def test_the_years_asked_for_turn_over_in_september(day: datetime, tags: tuple[str, ...]):
    assert current_tags(day) == tags


# The whole stream.


class Stream(httpx.AsyncBaseTransport):
    """A catalogue that announces a number and then streams these bytes; it keeps what was asked."""

    def __init__(
        self, announced: object, pieces: Iterator[bytes] | list[bytes], error: Exception | None = None
    ) -> None:
        self._announced = announced
        self._pieces = pieces
        self._error = error
        self.asked: dict[str, httpx.QueryParams] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked[request.url.path] = request.url.params
        if request.url.path == COUNT:
            return answer(200, json.dumps(self._announced).encode())
        return httpx.Response(200, stream=Pieces(self._pieces, self._error))


def rows_of(count: int) -> list[dict[str, object]]:
    return [ROW | {"cle_ministere_educatif": KEY.replace("088281", f"{n:06d}")} for n in range(count)]


async def read(transport: httpx.AsyncBaseTransport, tools: Kit | None = None) -> list[Entry | Rejection]:
    tools = tools or kit(transport=transport)
    return [row async for row in Trainings().rows(tools)]


@pytest.mark.anyio
async def test_the_catalogue_is_asked_for_published_and_current_trainings_and_for_no_contact():
    catalogue = Stream(2, [json.dumps(rows_of(2)).encode()])

    found = await read(catalogue)

    asked = catalogue.asked[STREAM]
    assert len(found) == 2
    assert json.loads(asked["query"]) == {
        "published": True, "catalogue_published": True, "tags": {"$in": ["2026", "2027", "2028"]},
    }  # fmt: skip
    assert asked["query"] == catalogue.asked[COUNT]["query"]
    assert json.loads(asked["select"]) == dict.fromkeys(Training.__struct_fields__, 1)


@pytest.mark.anyio
@pytest.mark.parametrize("sent", [200, 199, 198, 202], ids=["as announced", "one less", "1 % less", "1 % more"])
async def test_a_count_that_moved_a_little_is_no_failure_and_nothing_is_left_out(sent: int):
    tools = kit(transport=Stream(200, [json.dumps(rows_of(sent)).encode()]))

    found = await read(tools.transport, tools)

    assert len(found) == sent
    assert int(tools.transport.asked[STREAM]["limit"]) > 202
    assert [(part.announced, part.read) for part in tools.notes.parts] == [(200, sent)]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("catalogue", "said"),
    [
        (Stream(0, []), "announces 0 trainings"),
        (Stream("many", []), "a count that is not a number"),
        (Stream({"count": 2}, []), "a count that is not a number"),
        (Stream(200, [json.dumps(rows_of(150)).encode()]), "announces 200 trainings and sends 150"),
        (Stream(200, [json.dumps(rows_of(203)).encode()]), "announces 200 trainings and sends 203"),
        (Stream(2, [json.dumps(rows_of(2)).encode()[:-3]]), "stops in the middle of an array"),
        (Stream(2, [b""]), "sends an empty text"),
        (Stream(2, [b"<html>"]), "neither a JSON array nor lines"),
        (Stream(2, [b'[{"a":1},'], httpx.ReadError("cut")), "cut"),
    ],
    ids=[
        "nothing", "text", "an object", "far fewer", "far more", "truncated", "empty", "a page of a proxy", "cut",
    ],
)  # fmt: skip
async def test_a_catalogue_that_cannot_be_read_to_its_end_is_an_error_and_never_an_empty_list(
    catalogue: Stream, said: str
):
    with pytest.raises(UpstreamError, match=said):
        await read(catalogue)


@pytest.mark.anyio
async def test_lines_of_json_are_read_like_an_array():
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows_of(3))

    assert [type(row) for row in await read(Stream(3, [lines[:500], lines[500:]]))] == [Entry] * 3


@pytest.mark.anyio
async def test_a_document_with_odd_fields_is_shown_without_them():
    rows = rows_of(2)
    rows[1] |= {"code_postal": 35000, "bcn_mefs_10": [None], "rome_codes": "D1102", "published": "true"}

    (_, found) = await read(Stream(2, [json.dumps(rows).encode()]))

    assert (card_of(found).card.romes, card_of(found).card.place.postcode) == (("D1102",), "35000")


@pytest.mark.anyio
async def test_a_document_that_cannot_be_read_spoils_no_other():
    rows = rows_of(3)
    rows[1]["localite"] = "half of a pair: \ud83d"

    found = await read(Stream(3, [json.dumps(rows).encode()]))

    assert [type(row) for row in found] == [Entry, Rejection, Entry]
    assert found[1].reason == "unreadable"


@pytest.mark.anyio
async def test_a_catalogue_of_any_size_is_read_in_constant_memory():
    import tracemalloc

    long = ROW | {"contenu": "x" * 10_000}

    def pieces(count: int) -> Iterator[bytes]:
        yield b"["
        for n in range(count):
            yield (b"," if n else b"") + json.dumps(long | {"cle_ministere_educatif": f"{n:06d}"}).encode()
        yield b"]"

    peaks = []
    for count in (100, 1600):
        tools = kit(transport=Stream(count, pieces(count)))
        tracemalloc.start()
        read_now = 0
        async for _ in Trainings().rows(tools):
            read_now += 1
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert read_now == count
    assert peaks[1] < peaks[0] + 2_000_000, "16 MB more were read"


# A recording of our sandbox: every oddity of its table once.


@pytest.mark.anyio
async def test_every_oddity_of_the_recording_becomes_what_the_truth_says():
    recording = recorded("trainings")
    tools = kit(transport=replayed(recording), now=NOW)

    found = [row async for row in Trainings().rows(tools)]

    truth = {row["id"]: row for row in recording["truth"]}
    assert "fictitious" in recording["note"]
    assert {row["oddity"] for row in truth.values()} >= {"remote", "unequal_sessions", "city_of_districts", "twin"}
    assert {row.id: row.reason for row in found if isinstance(row, Rejection)} == {
        key: row["rejected"] for key, row in truth.items() if row["rejected"]
    }
    for row in found:
        if isinstance(row, Entry):
            told = truth[row.card.id]
            assert row.card.place.insee == told["insee"]
            assert set(told["romes"]) == set(row.card.romes), told["oddity"]
    assert tools.notes.remarks == {"coordinates_inverted": 1, "rome_unknown": 1}


@pytest.mark.anyio
async def test_two_rows_of_the_recording_that_are_one_training_are_twins():
    recording = recorded("trainings")

    entries = [row async for row in Trainings().rows(kit(transport=replayed(recording))) if isinstance(row, Entry)]

    by_truth: dict[str, set[str]] = {}
    truth = {row["id"]: row["twin"] for row in recording["truth"]}
    for entry in entries:
        by_truth.setdefault(truth[entry.card.id], set()).add(entry.twin)
    assert all(len(twins) == 1 for twins in by_truth.values())
    assert len(set().union(*by_truth.values())) == len(by_truth) < len(entries)
