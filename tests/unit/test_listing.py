"""Which cards a search finds, in which order, and what is merged, capped, counted apart or missing."""

import math
import random
from datetime import timedelta

import msgspec
import pytest

from tests.builders import LYON, NOW, RENNES, Tree, declaration, entry, publish
from widget_server.domain.answer import Answer
from widget_server.domain.exploration import Showing
from widget_server.domain.geo import in_france
from widget_server.domain.query import Area, Centre, SearchRequest
from widget_server.listing.answers import make_answer, make_listing, source_state

ROMES = ("D1102", "G1602", "M1805", "M1855", "M1877")


def around(point=RENNES, radius_km=30, **more):
    place = Centre(
        label="Ici",
        latitude=point[0],
        longitude=point[1],
        municipalities=more.pop("municipalities", ()),
        departement=more.pop("departement", "35"),
        region=more.pop("region", "53"),
        given=(("latitude", point[0]), ("longitude", point[1])),
    )
    return SearchRequest(romes=more.pop("romes", ("D1102",)), place=place, radius_km=radius_km, **more)


def within(departements, *, whole_region=False, region="53", **more):
    place = Area(
        label="Zone",
        departements=tuple(departements),
        region=region,
        whole_region=whole_region,
        given=(("departement", departements[0]),),
    )
    return SearchRequest(romes=more.pop("romes", ("D1102",)), place=place, **more)


def sources_of(*shelves, now=NOW):
    sources = []
    for shelf in shelves:
        snapshot = shelf.open(shelf.current_version())
        told = snapshot.manifest.source
        sources.append(source_state(told.name, told.kind, snapshot, now, late_after_s=86_400, withheld_after_s=172_800))
    return sources


def ask(request, *shelves, now=NOW):
    return make_answer(request, (), sources_of(*shelves, now=now), Tree())


def ids(answer):
    return [card.id for card in answer.cards]


def km(first, second):
    """The haversine formula in plain Python: a second opinion, with nothing of ours in it."""
    (lat1, lon1), (lat2, lon2) = [tuple(map(math.radians, point)) for point in (first, second)]
    h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(h))


def test_a_search_finds_exactly_the_cards_of_a_brute_force_count(tmp_path):
    random.seed(5)
    centres = [RENNES, LYON, (-20.88, 55.45), (14.6, -61.07), (4.92, -52.31), (41.92, 8.73)]
    entries = []
    for number in range(3000):
        lat, lon = random.choice(centres)
        point = (round(lat + random.gauss(0, 0.6), 5), round(lon + random.gauss(0, 0.6), 5))
        point = point if in_france(*point) else (lat, lon)
        romes = tuple(random.sample(ROMES, random.randint(1, 3)))
        entries.append(entry(f"c{number}", point, romes=romes))
    shelf = publish(tmp_path, entries)
    tree = Tree()

    for _ in range(200):
        romes = tuple(sorted(random.sample(ROMES, random.randint(1, 3))))
        lat, lon = random.choice(centres)
        centre = (round(lat + random.gauss(0, 0.3), 3), round(lon + random.gauss(0, 0.3), 3))
        radius = random.choice([1, 5, 10, 30, 60, 100, 200])
        wanted = {code for rome in romes for code in (rome, *tree.children(rome))}
        expected = {
            item.card.id
            for item in entries
            if wanted & set(item.card.romes)
            and km(centre, (item.card.place.latitude, item.card.place.longitude)) <= radius
        }

        answer = ask(around(centre, radius, romes=romes, limit=50), shelf)

        assert answer.total == len(expected)
        assert set(ids(answer)) <= expected
        assert all(card.distance_km <= radius for card in answer.cards)


def test_the_json_joined_from_stored_cards_is_the_answer_with_its_cards_decoded(tmp_path):
    offers = publish(
        tmp_path,
        [
            entry("placed", siret="00012345600017", title='Un titre "cards":[] hostile \u2028 </script>'),
            entry("twin-a", twin="x", newest="2026-11-02"),
            entry("twin-b", twin="x", newest="2026-11-01"),
            entry("child", romes=("M1855",)),
        ],
    )
    told = declaration("recruiters", "recruiter", parents_only=True)
    recruiters = publish(
        tmp_path,
        [
            entry("firm", romes=("M1805",), kind="recruiter", siret="00099999900011"),
            entry("folded", romes=("M1805", "D1102"), kind="recruiter", siret="00012345600017"),
        ],
        told,
    )

    listing = make_listing(around(romes=("D1102", "M1855")), (), sources_of(offers, recruiters), Tree())
    answer = msgspec.json.decode(listing.json(), type=Answer)

    assert answer == listing.answer()
    assert sorted(len(card.also_on) for card in answer.cards) == [0, 0, 1, 1]
    assert [card.occupation.rome for card in answer.cards if card.occupation] == ["M1805"]
    assert listing.shown() == (Showing("00099999900011"),)


def test_inside_a_kind_the_nearest_comes_first_then_the_newest(tmp_path):
    north, south = (48.2, -1.68), (48.02, -1.68)
    entries = [
        entry("old", RENNES, newest="2026-01-01"),
        entry("far", south, newest="2026-11-01"),
        entry("new", RENNES, newest="2026-11-01"),
        entry("near", north, newest="2026-05-01"),
    ]

    answer = ask(around(), publish(tmp_path, entries))

    shown = [(card.distance_km, card.id) for card in answer.cards]
    assert [name for _, name in shown] == ["new", "old", *sorted(["near", "far"], key=[n for _, n in shown].index)]
    assert [distance for distance, _ in shown] == sorted(distance for distance, _ in shown)


def test_recruiters_come_by_band_then_distance(tmp_path):
    told = declaration("recruiters", "recruiter", parents_only=True)
    entries = [
        entry("weak-near", RENNES, kind="recruiter", score=1),
        entry("strong-far", (48.3, -1.68), kind="recruiter", score=3),
        entry("strong-near", RENNES, kind="recruiter", score=3),
    ]

    assert ids(ask(around(), publish(tmp_path, entries, told))) == ["strong-near", "strong-far", "weak-near"]


def test_every_kind_with_results_is_among_the_first_six_cards(tmp_path):
    shelves = [
        publish(tmp_path, [entry(f"{kind}{n}", kind=kind) for n in range(30)], declaration(f"{kind}s", kind))
        for kind in ("training", "offer", "recruiter")
    ]

    answer = ask(around(), *shelves)

    assert {card.kind for card in answer.cards[:6]} == {"training", "offer", "recruiter"}
    assert answer.counts == {"training": 30, "offer": 30, "recruiter": 30}


def test_asking_a_parent_finds_its_children_and_asking_a_child_leaves_the_broader_offers_apart(tmp_path):
    shelf = publish(
        tmp_path,
        [
            entry("parent", romes=("M1805",)),
            entry("child", romes=("M1855",)),
            entry("sibling", romes=("M1877",)),
        ],
    )

    assert set(ids(ask(around(romes=("M1805",)), shelf))) == {"parent", "child", "sibling"}
    answer = ask(around(romes=("M1855",)), shelf)
    assert ids(answer) == ["child"]
    assert [(item.reason, item.count, item.query["romes"]) for item in answer.apart] == [("broader", 1, ["M1805"])]


def test_a_source_that_knows_parents_only_answers_for_a_child_and_says_so(tmp_path):
    told = declaration("recruiters", "recruiter", parents_only=True)
    shelf = publish(tmp_path, [entry("firm", romes=("M1805",), kind="recruiter")], told)

    child, parent = ask(around(romes=("M1855",)), shelf), ask(around(romes=("M1805",)), shelf)

    assert child.cards[0].occupation.rome == "M1805"
    assert parent.cards[0].occupation is None


def test_a_card_without_a_point_never_gets_a_distance(tmp_path):
    shelf = publish(
        tmp_path,
        [
            entry("placed", insee="35238"),
            entry("somewhere", None, departement="35"),
            entry("bretagne", None, precision="region", region="53"),
            entry("france", None, precision="country"),
        ],
    )

    radius, departement = ask(around(), shelf), ask(within(["35"]), shelf)
    region = ask(within(["22", "35"], whole_region=True), shelf)

    assert ids(radius) == ["placed"]
    assert [(item.count, "departement" in item.query) for item in radius.apart] == [(1, True), (2, False)]
    assert ids(departement) == ["placed", "somewhere"]
    assert ids(region)[0] == "placed"
    assert set(ids(region)) == {"placed", "somewhere", "bretagne", "france"}
    assert all(card.distance_km is None for card in region.cards)


def test_radius_zero_means_the_municipality_with_all_its_arrondissements(tmp_path):
    shelf = publish(
        tmp_path,
        [
            entry("third", (45.76, 4.85), insee="69383"),
            entry("ninth", (45.78, 4.80), insee="69389"),
            entry("next", (45.77, 4.88), insee="69266"),
        ],
    )

    answer = ask(around((45.76, 4.85), 0, municipalities=("69123",)), shelf)

    assert set(ids(answer)) == {"third", "ninth"}


def test_a_recruiter_that_publishes_an_offer_is_folded_into_it(tmp_path):
    offers = publish(
        tmp_path,
        [entry("by-siret", siret="00012345600017"), entry("by-name", name="Café du Port", insee="35238")],
    )
    recruiters = publish(
        tmp_path,
        [
            entry("r1", kind="recruiter", siret="00012345600017"),
            entry("r2", kind="recruiter", name="CAFE DU PORT", insee="35238"),
            entry("r3", kind="recruiter", name="Autre", insee="35238"),
        ],
        declaration("recruiters", "recruiter"),
    )

    answer = ask(around(), offers, recruiters)

    assert answer.counts == {"training": 0, "offer": 2, "recruiter": 1}
    also = {card.id: [other.id for other in card.also_on] for card in answer.cards}
    assert also == {"by-siret": ["r1"], "by-name": ["r2"], "r3": []}


def test_nobody_pages_beyond_150_cards_of_a_kind_and_counts_stay_true(tmp_path):
    shelf = publish(tmp_path, [entry(f"c{number:03}") for number in range(200)])

    pages = [ask(around(limit=50, page=page), shelf) for page in (1, 2, 3, 4)]

    assert [(page.total, page.listed, page.capped, page.pages) for page in pages] == [(200, 150, True, 3)] * 4
    assert len({card_id for page in pages for card_id in ids(page)}) == 150
    assert [notice.code for notice in pages[3].notices] == ["page_past_end"]


def test_paging_shows_each_card_once_and_repeats_exactly(tmp_path):
    shelf = publish(tmp_path, [entry(f"c{number}") for number in range(45)])

    twice = [[ids(ask(around(limit=20, page=page), shelf)) for page in (1, 2, 3)] for _ in range(2)]

    assert twice[0] == twice[1]
    assert sorted(name for page in twice[0] for name in page) == sorted(f"c{number}" for number in range(45))


def test_a_contract_filter_keeps_that_contract_and_what_states_none(tmp_path):
    shelf = publish(
        tmp_path,
        [
            entry("apprentice", contract=("apprentissage",)),
            entry("trainee", contract=("professionnalisation",)),
            entry("either", contract=("apprentissage", "professionnalisation")),
            entry("unsaid"),
        ],
    )

    assert sorted(ids(ask(around(contract="professionnalisation"), shelf))) == ["either", "trainee", "unsaid"]
    assert sorted(ids(ask(around(contract="apprentissage"), shelf))) == ["apprentice", "either", "unsaid"]
    assert ask(around(), shelf).total == 4


@pytest.mark.parametrize("asked", [{"level": 3}, {"contract": "apprentissage"}], ids=lambda asked: next(iter(asked)))
def test_what_stands_apart_is_counted_under_the_same_filters_as_its_own_search(tmp_path, asked):
    shelf = publish(
        tmp_path,
        [
            entry("this", None, departement="35", level=3, contract=("apprentissage",)),
            entry("that", None, departement="35", level=5, contract=("professionnalisation",)),
        ],
    )

    (apart,) = ask(around(**asked), shelf).apart

    assert apart.count == 1
    assert ids(ask(within(["35"], **asked), shelf)) == ["this"]


def test_a_level_filter_keeps_and_counts_what_states_no_level(tmp_path):
    told = declaration(level_role="required")
    shelf = publish(tmp_path, [entry("three", level=3), entry("five", level=5), entry("unknown")], told)

    answer = ask(around(level=3), shelf)

    assert set(ids(answer)) == {"three", "unknown"}
    assert answer.level_unknown == {"offer": 1}


@pytest.mark.parametrize(
    ("hours", "status", "shown"), [(1, "ok", 1), (25, "late", 1), (49, "missing", 0)], ids=["fresh", "late", "withheld"]
)
def test_old_offers_are_late_and_then_withheld(tmp_path, hours, status, shown):
    answer = ask(around(), publish(tmp_path, [entry("a")]), now=NOW + timedelta(hours=hours))

    assert (answer.sources[0].status, len(answer.cards)) == (status, shown)
    assert answer.sources[0].age_s == hours * 3600


def test_without_a_snapshot_the_answer_names_what_is_missing():
    source = source_state("offers", "offer", None, NOW, late_after_s=1, withheld_after_s=2)

    answer = make_answer(around(), (), [source], Tree())

    assert (answer.total, answer.sources[0].status) == (0, "missing")


@pytest.mark.parametrize("request_", [SearchRequest(), SearchRequest(romes=("D1102",))], ids=["no job", "no place"])
def test_without_job_or_place_the_list_is_empty(tmp_path, request_):
    answer = ask(request_, publish(tmp_path, [entry("a")]))

    assert (answer.total, answer.pages) == (0, 1)
