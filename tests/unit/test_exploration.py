"""Does a small share of the places go to whom the order would not show, alike all day long, and is no card lost?"""

from collections import Counter
from datetime import date, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import LYON, RENNES, Tree, declaration, entry, publish
from tests.unit.test_listing import around, sources_of, within
from widget_server.domain.exploration import Exploration, draw, explored_places, seed_of
from widget_server.domain.query import MAX_PER_KIND
from widget_server.domain.spreading import level
from widget_server.listing.answers import make_listing
from widget_server.listing.widening import widened

DAY = date(2026, 11, 24)
SHARE = 0.03
COMPANIES = 240
BANDS = ("A", "B", "C")

NAMES = st.lists(st.integers(1, 10**14), unique=True, max_size=60).map(lambda told: np.array(told, dtype=np.uint64))
SEEDS = st.integers(0, 2**64 - 1)


def siret(number):
    return f"{number + 1:014}"


@pytest.fixture(scope="module")
def shelves(tmp_path_factory):
    """Recruiters in a line to the north, their bands in turn, and a training, an offer and an unrated company each."""
    folder = tmp_path_factory.mktemp("shelves")
    recruiters = [
        entry(
            f"firm{n}",
            (round(RENNES[0] + n / 1000, 5), RENNES[1]),
            kind="recruiter",
            siret=siret(n),
            score=level(BANDS[n % 3], 0.5, 0),
            departement="35",
        )
        for n in range(COMPANIES)
    ]
    brought = [entry(f"brought{n}", kind="recruiter", siret=siret(10_000 + n)) for n in range(30)]
    offers = [entry(f"offer{n}", kind="offer") for n in range(30)]
    return {
        "recruiters": publish(folder, recruiters, declaration("recruiters", "recruiter", banded=True)),
        "brought": publish(folder, brought, declaration("brought", "recruiter")),
        "offers": publish(folder, offers, declaration("offers", "offer")),
    }


@pytest.fixture(scope="module")
def sources(shelves):
    return sources_of(shelves["recruiters"], shelves["offers"])


def ask(sources, request, day=DAY, share=SHARE):
    return make_listing(request, (), sources, Tree(), Exploration(day=day, share=share) if share else None)


def ids(listing):
    return [card.id for card in listing.answer().cards]


def order_of(card):
    """What the list is sorted by: the band, then the distance."""
    return (card.score_band, card.distance_km)


# The draw.


@given(st.integers(0, 500), SEEDS, st.floats(0, 0.2))
def test_so_many_places_are_explored_as_the_share_says_rounded_up_or_down(places, seed, share):
    count = explored_places(places, seed=seed, share=share)

    assert abs(count - places * share) <= 1
    assert 0 <= count <= places


@pytest.mark.parametrize("places", [1, 7, 10, 20, 50])
@pytest.mark.parametrize("share", [0.02, 0.03, 0.05])
def test_the_share_holds_over_many_cells(places, share):
    seeds = [seed_of(DAY, str(cell), ["D1102"]) for cell in range(20_000)]

    found = sum(explored_places(places, seed=seed, share=share) for seed in seeds)

    # 20 000 lists: 4 standard deviations of a count that is as uncertain as a coin of the rounding.
    odd = places * share % 1
    assert found == pytest.approx(20_000 * places * share, abs=4 * (20_000 * odd * (1 - odd)) ** 0.5)


@given(NAMES, st.integers(0, 60), SEEDS)
def test_those_who_are_drawn_are_some_of_them_each_once_and_in_their_order(names, count, seed):
    found = draw(names, count, seed=seed).tolist()

    assert found == sorted(set(found))
    assert len(found) == min(count, len(names))
    assert all(0 <= each < len(names) for each in found)


@given(NAMES, st.integers(0, 5), SEEDS, st.randoms(use_true_random=False))
def test_another_order_draws_the_same_companies(names, count, seed, random):
    order = list(range(len(names)))
    random.shuffle(order)

    here, there = draw(names, count, seed=seed), draw(names[order], count, seed=seed)

    assert set(names[here]) == set(names[order][there])


def test_everybody_is_drawn_about_as_often_as_everybody_else():
    names = np.arange(1, 201, dtype=np.uint64) * np.uint64(100_000)
    times = Counter()
    for cell in range(10_000):
        times.update(draw(names, 1, seed=seed_of(DAY, str(cell), ["D1102"])).tolist())

    assert len(times) == 200
    assert max(times.values()) < 50 + 5 * 50**0.5
    assert min(times.values()) > 50 - 5 * 50**0.5


def test_another_day_another_cell_and_another_occupation_have_another_seed():
    asked = [(DAY, "1", ["A"]), (DAY + timedelta(days=1), "1", ["A"]), (DAY, "2", ["A"]), (DAY, "1", ["B"])]

    assert len({seed_of(*each) for each in asked}) == 4
    assert seed_of(DAY, "1", ["A", "B"]) == seed_of(DAY, "1", ["B", "A"])


# The list.


@settings(max_examples=60, deadline=None)
@given(
    day=st.dates(date(2026, 1, 1), date(2030, 1, 1)),
    limit=st.integers(1, 50),
    share=st.floats(0, 0.2),
    kinds=st.sampled_from([("recruiter",), ("offer", "recruiter"), ("recruiter", "offer")]),
)
def test_no_card_is_lost_or_repeated_and_every_page_is_in_order(sources, day, limit, share, kinds):
    asked = around(limit=limit, kinds=kinds)
    plain = ask(sources, asked, share=0)
    pages = [
        ask(sources, msgspec.structs.replace(asked, page=page), day, share) for page in range(1, plain.frame.pages + 1)
    ]
    cards = [card for page in pages for card in page.answer().cards]

    assert len(cards) == len({card.id for card in cards}) == plain.frame.listed
    assert all(page.frame.counts == plain.frame.counts for page in pages)
    for page in pages:
        estimated = [order_of(card) for card in page.answer().cards if card.kind == "recruiter"]
        assert estimated == sorted(estimated)
    # What is not among the best 150 is shown in place of the last of them, and of nobody else.
    best = [card.id for page in pages for card in _plain_page(sources, asked, page.frame.page)]
    explored = {row.siret for page in pages for row in page.rows if row.explored}
    gone = set(best) - {card.id for card in cards}
    assert len(gone) <= len(explored)


def _plain_page(sources, asked, page):
    return ask(sources, msgspec.structs.replace(asked, page=page), share=0).answer().cards


def test_without_what_is_explored_and_what_it_displaces_the_order_is_that_of_the_list(sources):
    asked = around(limit=20, kinds=("recruiter",))
    plain = ids(ask(sources, msgspec.structs.replace(asked, limit=50), share=0))
    for days in range(40):
        listing = ask(sources, asked, DAY + timedelta(days=days))
        explored = sum(row.explored for row in listing.rows)
        assert ids(listing)[: 20 - explored] == plain[: 20 - explored]
        assert not set(ids(listing)[20 - explored :]) & set(plain[: 20 - explored])


def test_the_share_of_explored_places_holds_over_many_days_and_the_rest_is_counted_too(sources):
    shown = [
        showing
        for days in range(400)
        for showing in ask(sources, around(limit=10, kinds=("recruiter",)), DAY + timedelta(days=days)).shown()
    ]

    assert len(shown) == 4_000
    # 0.3 of a place in each list: the standard deviation of 400 of them is 9.
    assert sum(showing.explored for showing in shown) == pytest.approx(4_000 * SHARE, abs=36)


def test_every_company_of_the_zone_has_its_turn(sources):
    seen = set()
    for days in range(3_000):
        listing = ask(sources, around(limit=20, kinds=("recruiter",)), DAY + timedelta(days=days), share=0.2)
        seen.update(row.siret for row in listing.rows)

    assert len(seen) == COMPANIES, "also those beyond the 150 that can be paged through"
    assert COMPANIES > MAX_PER_KIND


def test_the_same_day_and_cell_have_one_answer_and_another_day_another_one(sources):
    asked = around(limit=20, kinds=("recruiter",))
    neighbour = around((RENNES[0] + 0.04, RENNES[1] + 0.01), limit=20, kinds=("recruiter",))

    def explored(request, day):
        return {row.siret for row in ask(sources, request, day, share=0.2).rows if row.explored}

    here = [explored(asked, DAY) for _ in range(3)]
    days = {frozenset(explored(asked, DAY + timedelta(days=ahead))) for ahead in range(20)}

    assert here[0] == here[1] == here[2]
    assert len(here[0]) == 4
    assert len(days) == 20
    # The neighbour's first page differs: a company that it holds anyway is not explored. The others are the same.
    held = {row.siret for row in ask(sources, neighbour, share=0.2).rows}
    assert here[0] <= held
    assert len(here[0] & explored(neighbour, DAY)) >= 3


def test_an_area_is_explored_like_a_circle(sources):
    listing = ask(sources, within(["35"], kinds=("recruiter",), limit=20), share=0.2)

    assert sum(row.explored for row in listing.rows) == 4


def test_who_is_explored_keeps_its_own_band_and_distance(sources):
    asked = around(limit=20, kinds=("recruiter",))
    listing = ask(sources, asked, share=0.2)

    for row, card in zip(listing.rows, listing.answer().cards, strict=True):
        number = int(row.siret) - 1
        assert card.score_band == BANDS[number % 3]
        assert card.distance_km == pytest.approx(number / 1000 * 111.2, abs=0.1)


def test_a_list_that_shows_everybody_explores_nobody(sources):
    listing = ask(sources, around(radius_km=1, limit=20, kinds=("recruiter",)), share=0.2)

    assert 0 < listing.frame.total < 20
    assert not any(row.explored for row in listing.rows)


def test_only_what_the_forecast_estimated_is_explored(shelves):
    """An advert, or a company of somebody else's list, learns nothing from being shown."""
    every = sources_of(shelves["brought"], shelves["recruiters"], shelves["offers"])
    for days in range(30):
        listing = ask(every, around(limit=10), DAY + timedelta(days=days), share=0.2)
        assert {row.stored.card().id[:4] for row in listing.rows if row.explored} <= {"firm"}

    alone = sources_of(shelves["brought"], shelves["offers"])
    assert ids(ask(alone, around(limit=10), share=0.2)) == ids(ask(alone, around(limit=10), share=0))


def test_what_is_called_the_nearest_is_the_nearest(sources):
    asked = around(LYON, kinds=("recruiter",))

    found = widened(
        asked, lambda request: ask(sources, request, share=0.2), lambda request: ask(sources, request, share=0)
    )

    assert found.listing.frame.total == 0
    assert [card.id for card in found.nearest] == ids(
        ask(sources, msgspec.structs.replace(asked, radius_km=1500, limit=6), share=0)
    )
