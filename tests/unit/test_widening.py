"""A page whose search is empty looks farther, says so, and shows what is nearest."""

import pytest
from msgspec.structs import replace

from tests.builders import RENNES, Tree, declaration, entry, publish
from tests.unit.test_listing import around, sources_of, within
from widget_server.listing.answers import make_listing
from widget_server.listing.widening import widened

KM = 1 / 111.2
"""A kilometre in degrees of latitude."""


def at(km, card_id="far"):
    return entry(card_id, (round(RENNES[0] + km * KM, 5), RENNES[1]))


def show(tmp_path, request, *entries):
    shelf = publish(tmp_path, list(entries), declaration())

    def search(asked):
        return make_listing(asked, (), sources_of(shelf), Tree())

    return widened(request, search, search)


def ids(found):
    return [card.id for card in found.listing.answer().cards]


@pytest.mark.parametrize(("km", "radius_km", "tried"), [(45, 60, (30,)), (80, 100, (30, 60))])
def test_an_empty_list_becomes_that_of_the_next_radius_that_has_something(tmp_path, km, radius_km, tried):
    found = show(tmp_path, around(), at(km))

    assert ids(found) == ["far"]
    assert (found.request.radius_km, found.from_km, found.tried_km) == (radius_km, 30, tried)


def test_a_list_that_has_something_is_never_widened(tmp_path):
    found = show(tmp_path, around(), at(10, "near"), at(45))

    assert ids(found) == ["near"]
    assert (found.from_km, found.tried_km, found.nearest) == (None, (), ())


@pytest.mark.parametrize("asked", [{"widen": False}, {"lock": ("radius",)}, {"lock": ("place",)}], ids=str)
def test_a_radius_that_is_held_stays_and_the_nearest_are_shown_outside(tmp_path, asked):
    found = show(tmp_path, around(**asked), at(45))

    assert ids(found) == []
    assert found.request.radius_km == 30
    assert [card.id for card in found.nearest] == ["far"]


def test_where_there_is_nothing_within_100_km_the_nearest_come_first_and_count_for_nothing(tmp_path):
    found = show(tmp_path, around(), at(300, "second"), at(150, "first"))

    assert found.tried_km == (30, 60, 100)
    assert found.listing.frame.total == 0
    assert [card.id for card in found.nearest] == ["first", "second"]


@pytest.mark.parametrize("request_", [within(["35"]), replace(around(), romes=()), replace(around(), place=None)])
def test_without_a_centre_or_a_job_there_is_nothing_to_widen(tmp_path, request_):
    found = show(tmp_path, request_, at(45))

    assert (found.request, found.from_km, found.nearest) == (request_, None, ())
