"""The fictitious data set: nobody's names, everybody's places, and the same bytes for the same seed."""

import json
import re
import unicodedata
from collections import Counter

import pytest

from tests.contract.sandbox import NOW, book, catalogue, companies, economy, reference
from tests.contract.upstream_fakes import SAMPLES
from widget_server.sandbox import Counts
from widget_server.sandbox.companies import private_row, release_row
from widget_server.sandbox.dirt import DIRT, Kind
from widget_server.sandbox.economy import CLEAN_ROWS, FREQUENT, Economy, counts_of
from widget_server.sandbox.names import MARKS, SCHOOL_MARKS, school_siret, siret
from widget_server.sandbox.projections import to_metres
from widget_server.sandbox.trades import TRADES
from widget_server.sources.kit.sirene import is_siret

DEPARTEMENTS = 101
KEY = re.compile(r"[0-9]{6}P[0-9]{4}[0-9]{14}[0-9]{14}-[0-9A-Z]{5}#L[0-9A-Z]{2}")
DEMO = {
    "boulanger, Rennes": ("D1102", "35238"),
    "développement informatique, Rennes": ("M1805", "35238"),
    "a child of it, Rennes": ("M1855", "35238"),
    "cuisine, Lyon 3e": ("G1602", "69383"),
    "employé familial, Saint-Denis": ("K1304", "97411"),
    "secrétariat, Ajaccio": ("M1607", "2A004"),
}


def everything(made: Economy) -> bytes:
    offers, trainings, firms = book(made), catalogue(made), companies(made)
    rows = [
        *(offers.offer(row) for row in range(len(offers.rows))),
        *(trainings.document(row) for row in range(len(trainings))),
        *(release_row(firms.company(row)) for row in range(len(firms))),
        *(private_row(firms.company(row), firms.naf) for row in range(len(firms))),
    ]
    return json.dumps(rows, sort_keys=True).encode()


def test_the_same_seed_and_day_give_the_same_bytes():
    first = economy.__wrapped__(0.02)
    second = economy.__wrapped__(0.02)

    assert everything(first) == everything(second)


def test_another_seed_gives_other_bytes():
    assert everything(economy(0.02)) != everything(economy(0.02, seed=2))


def test_any_row_can_be_made_alone():
    made = economy()

    alone = book(made).offer(500)

    assert [alone] == [offer for row, offer in enumerate(map(book(made).offer, range(600))) if row == 500]


@pytest.mark.parametrize("scale", [0.05, 1.0])
def test_every_departement_has_offers_trainings_and_recruiters(scale: float):
    made = economy(scale)

    for rows in (made.offers, made.trainings, made.recruiters):
        numbers = set(made.geography.departement_of[rows.commune].tolist())
        assert len(numbers) == DEPARTEMENTS
    assert {"971", "972", "973", "974", "976"} <= set(made.geography.departements)


def test_every_grand_domaine_has_offers_and_trainings():
    made = economy(1.0)

    offered = {made.jobs.codes[rome][0] for rome in made.offers.rome.tolist()}
    taught = {made.jobs.parents[job][0] for job in made.trainings.job.tolist()}

    assert offered == taught == set("ABCDEFGHIJKLMN")


@pytest.mark.parametrize(("rome", "insee"), DEMO.values(), ids=DEMO.keys())
def test_the_searches_of_the_demo_find_all_three_kinds_within_thirty_kilometres(rome: str, insee: str):
    made, (places, occupations, _) = economy(1.0), reference()
    place = places.commune(insee)
    assert place is not None
    parents = {made.jobs.parents.index(occupations.parent(rome))}

    for rows in (made.offers, made.trainings, made.recruiters):
        north = (rows.latitude - place.latitude) * 111.2
        east = (rows.longitude - place.longitude) * 111.2
        near = (north**2 + east**2 < 25**2) & (rows.dirt == 0)
        found = [job for job in rows.job[near].tolist() if job in parents]
        assert found, (rome, insee)


def test_each_frequent_trade_has_its_floor_in_each_departement():
    made = economy(1.0)

    for rows in (made.offers, made.trainings, made.recruiters):
        floor = DEPARTEMENTS * FREQUENT
        pairs = zip(
            made.geography.departement_of[rows.commune[:floor]].tolist(), rows.job[:floor].tolist(), strict=True
        )
        assert len(set(pairs)) == floor
        assert not rows.dirt[:floor].any()


def test_every_trade_is_an_occupation_that_is_its_own_parent():
    occupations = reference()[1]

    assert [trade.rome for trade in TRADES if occupations.parent(trade.rome) != trade.rome] == []
    assert all(occupations.label(trade.rome) for trade in TRADES)


@pytest.mark.parametrize("kind", DIRT)
def test_oddities_are_as_frequent_as_their_table_says(kind: Kind):
    made = economy(1.0)
    dirt = {"offers": made.offers, "trainings": made.trainings, "recruiters": made.recruiters}[kind].dirt
    odd = dirt[CLEAN_ROWS:]

    counted = Counter(odd.tolist())

    for position, row in enumerate(DIRT[kind], 1):
        assert counted[position] / len(odd) == pytest.approx(row.per_mille / 1000, abs=0.0008)
    assert 0.07 < 1 - counted[0] / len(odd) < 0.13


def test_no_company_name_can_be_taken_for_a_real_one():
    made = economy()
    offers, firms = book(made), companies(made)
    hirers = [offers.offer(row)["entreprise"] for row in range(len(offers.rows))]
    names = [hirer.get("nom") for hirer in hirers if isinstance(hirer, dict)]
    names += [firms.company(row).name for row in range(len(firms))]

    unmarked = [name for name in names if name and name != "[ND]" and not any(mark in str(name) for mark in MARKS)]

    assert unmarked == []


def test_no_school_name_can_be_taken_for_a_real_one():
    made = catalogue(economy())

    names = [str(made.school(number)["entreprise_raison_sociale"]).casefold() for number in range(made.school_count)]

    assert [name for name in names if not any(mark.casefold() in name for mark in SCHOOL_MARKS)] == []


def test_no_siret_can_belong_to_anybody_and_no_two_are_the_same():
    numbers = [siret(number) for number in range(0, 900_000, 97)] + [school_siret(number) for number in range(9000)]

    assert len(set(numbers)) == len(numbers)
    assert all(is_siret(each) and each[9:13] == "0000" for each in numbers)


def test_e_mail_addresses_and_telephones_lead_nowhere():
    text = everything(economy(0.02)).decode()

    addresses = set(re.findall(r"[\w.]+@[\w.]+", text))
    telephones = re.findall(r"\b0[1-9](?: ?\d\d){4}\b", text)

    assert addresses
    assert all(address.endswith(".invalid") for address in addresses)
    assert [each for each in telephones if not each.replace(" ", "").startswith("019900")] == []


def test_keys_of_trainings_have_the_pattern_of_the_ministry():
    trainings = catalogue(economy())

    keys = [trainings.key(row) for row in range(len(trainings))]

    assert len(set(keys)) == len(keys)
    assert [key for key in keys if not KEY.fullmatch(key)] == []
    assert [trainings.row_of(key) for key in keys] == list(range(len(keys)))


def test_ids_of_offers_are_seven_characters_and_lead_back_to_their_row():
    offers = book(economy())

    ids = [offers.id_of(row) for row in range(len(offers.rows))]

    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[0-9A-Z]{7}", each) for each in ids)
    assert [offers.row_of(each) for each in ids] == list(range(len(ids)))


def test_descriptions_are_as_long_as_real_ones():
    offers = book(economy())

    words = [len(str(offers.offer(row)["description"]).split()) for row in range(len(offers.rows))]

    assert 100 < sum(words) / len(words) < 170
    assert min(words) > 40


def test_offers_are_at_most_sixty_days_old_and_never_from_the_future():
    offers = book(economy())
    told = [str(offers.offer(row)["dateCreation"]) for row in range(len(offers.rows))]

    assert min(told) >= "2026-09-25"
    assert max(told) < f"{NOW:%Y-%m-%d}"


def test_some_companies_are_predicted_and_publish_an_offer():
    made = economy(1.0)

    linked = made.offers.employer[made.offers.employer >= 0]

    assert len(linked) > 1000
    assert not made.recruiters.dirt[linked].any()


@pytest.mark.parametrize(
    ("scale", "counts"),
    [
        ("default", Counts(offers=12_000, trainings=20_000, recruiters=60_000)),
        ("0.5", Counts(offers=6000, trainings=10_000, recruiters=30_000)),
        ("national", Counts(offers=350_000, trainings=60_000, recruiters=400_000)),
    ],
)
def test_a_size_is_a_name_or_a_factor(scale: str, counts: Counts):
    assert counts_of(scale) == counts


def test_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="neither a number nor one of"):
        counts_of("huge")


def test_accents_are_whole_in_every_text():
    text = everything(economy(0.02)).decode()

    assert unicodedata.is_normalized("NFC", json.loads(json.dumps(text)))


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples of the team are not here")
def test_projected_metres_agree_with_the_samples_of_all_five_systems():
    cases = json.loads((SAMPLES / "recruiters" / "lambert-cases.json").read_text("utf-8"))

    for case in cases:
        x, y = to_metres(case["lat"], case["lon"], case["zip_code"])
        # The samples are rounded to 4 decimals of a degree: about 8 m.
        assert (x, y) == pytest.approx((case["x"], case["y"]), abs=12), case["place"]
