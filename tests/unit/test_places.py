"""Finding places of France by code, by name and by half a name."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from widget_server.reference.places import Places
from widget_server.reference.tables import FOLDER, NAMES
from widget_server.reference.vintages import vintages

PLACES = Places.load()
SHARED = Path(__file__).parents[2].parent / "shared" / "contracts" / "samples" / "communes" / "centroids-20rows.json"


@pytest.mark.parametrize(
    ("insee", "latitude", "longitude"),
    [("75056", 48.8566, 2.3429), ("69123", 45.7549, 4.8364), ("35238", 48.1118, -1.6819)],
    ids=["Paris", "Lyon", "Rennes"],
)
def test_a_commune_lies_where_it_lies(insee, latitude, longitude):
    commune = PLACES.commune(insee)

    assert commune.latitude == pytest.approx(latitude, abs=1e-4)
    assert commune.longitude == pytest.approx(longitude, abs=1e-4)


@pytest.mark.skipif(not SHARED.exists(), reason="the team's samples are not beside this checkout")
def test_centroids_are_those_of_the_samples():
    text = json.dumps(json.loads(SHARED.read_text("utf-8")))

    assert "01004" in text
    rows = json.loads(text)
    for row in rows if isinstance(rows, list) else rows["rows"]:
        commune = PLACES.commune(row.get("code") or row.get("insee"))
        assert commune is not None


def test_every_commune_is_found_by_its_code_and_nothing_else_is():
    communes = PLACES.communes()

    assert all(PLACES.commune(each.insee) == each for each in communes[::50])
    assert [PLACES.commune(each.insee) for each in (communes[0], communes[-1])] == [communes[0], communes[-1]]
    for unknown in ("", "0", "00000", "0100", "010011", "35999", "99999", "\n", ",", "insee", "é"):
        assert PLACES.commune(unknown) is None


def test_the_table_of_communes_is_sorted_by_code_since_it_is_searched_by_halves():
    codes = [each.insee for each in PLACES.communes()]

    assert codes == sorted(codes)
    assert len(set(codes)) == len(codes)


def test_all_of_france_is_there():
    assert len(PLACES.communes()) > 34_900
    located = {each.departement for each in PLACES.communes() if each.latitude is not None}
    assert {"01", "2A", "2B", "95", "971", "972", "973", "974", "976"} <= located


def test_there_are_a_hundred_and_one_departements_and_eight_collectivites_beside_them():
    real = [each.code for each in PLACES.real_departements()]
    metropolitan = [f"{number:02}" for number in range(1, 96) if number != 20] + ["2A", "2B"]

    assert sorted(real) == sorted([*metropolitan, "971", "972", "973", "974", "976"])
    beside = {each.code for each in PLACES.departements()} - set(real)
    assert beside == {"975", "977", "978", "984", "986", "987", "988", "989"}


def test_a_retired_code_leads_to_todays_commune():
    retired = next(iter(PLACES._retired))

    assert PLACES.commune(retired).insee == PLACES._retired[retired]


def test_a_postcode_of_paris_is_its_arrondissement():
    assert [commune.insee for commune in PLACES.postcode("75012")] == ["75112"]
    assert PLACES.commune("75112").municipality == "75056"


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        pytest.param("ren", "Rennes (35)", id="beginning"),
        pytest.param("RENNES", "Rennes (35)", id="capitals"),
        pytest.param("st denis reun", "Saint-Denis (974)", id="several words"),
        pytest.param("lyon 3", "Lyon 3e Arrondissement (69)", id="arrondissement"),
        pytest.param("marseile", "Marseille (13)", id="a letter missing"),
        pytest.param("rennse", "Rennes (35)", id="letters swapped"),
        pytest.param("bordaux", "Bordeaux (33)", id="a letter missing inside"),
        pytest.param("lehavre", "Le Havre (76)", id="without its space"),
        pytest.param("aix", "Aix-en-Provence (13)", id="a town before a village of exactly that name"),
        pytest.param("paris 7", "Paris 7e Arrondissement (75)", id="a number is no beginning of a département"),
        pytest.param("Rennes (35)", "Rennes (35)", id="what we proposed ourselves"),
        pytest.param("35042 rennes cedex 9", "Rennes (35)", id="an address of a company"),
        pytest.param("97490 sainte clotilde", "97490 Saint-Denis", id="a postcode beside the name of a quarter"),
        pytest.param("paca", "Provence-Alpes-Côte d'Azur (région)", id="région by short name"),
        pytest.param("35000", "35000 Rennes", id="postcode"),
        pytest.param("2a", "Corse-du-Sud (département 2A)", id="département by number"),
        pytest.param("ille et vil", "Ille-et-Vilaine (département 35)", id="département by name"),
        pytest.param("bretagne", "Bretagne (région)", id="région"),
        pytest.param("ajaccio", "Ajaccio (2A)", id="Corsica"),
    ],
)
def test_half_a_name_is_enough(typed, label):
    assert PLACES.suggest(typed)[0].label == label


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_the_suggestions(text):
    first, again = PLACES.suggest(text), PLACES.suggest(text)

    assert first == again
    assert len(first) <= 10


@pytest.mark.parametrize(
    ("label", "precision", "code"),
    [
        ("35 - RENNES", "commune", "35238"),
        ("75 - PARIS 12E ARRONDISSEMENT", "commune", "75112"),
        ("974 - ST DENIS", "commune", "97411"),
        ("57 - METZ TECHNOPOLE", "commune", "57463"),
        ("49 - Maine et Loire", "departement", "49"),
        ("2A - Corse-du-Sud", "departement", "2A"),
        ("Bretagne", "region", "53"),
        ("France", "country", None),
    ],
)
def test_the_label_of_an_offer_is_located_as_finely_as_is_certain(label, precision, code):
    found = PLACES.locate(label)

    assert found.precision == precision
    assert code in (found.commune and found.commune.insee, found.departement, found.region)


def test_a_vintage_is_that_of_its_table():
    for told in vintages():
        file = FOLDER / f"{told.name}.csv"
        body = file.read_bytes() if file.exists() else NAMES.read_bytes()
        assert hashlib.sha256(body).hexdigest() == told.sha256, told.name


def test_every_table_says_its_vintage():
    assert {"communes", "rome", "naf", "rncp_rome", "everyday_names"} <= {table.name for table in vintages()}
    assert all(table.source and table.licence and table.vintage for table in vintages())
