"""The plan without tiles: bearing and distance of the cards of one page, drawn by the server."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pages import card
from widget_server.domain.answer import AnswerPlace
from widget_server.domain.cards import CardPlace
from widget_server.web.language import language
from widget_server.web.plan import MOST, PIN, SIZE, draw

FRENCH = language("fr")
RENNES = AnswerPlace(label="Rennes", latitude=48.11, longitude=-1.68, radius_km=30)
MIDDLE = SIZE / 2


def at(latitude: float | None, longitude: float | None, *, distance_km: float | None = None):
    place = CardPlace(label="Là", precision="address", latitude=latitude, longitude=longitude)
    return card("offer", 1, title="Boulanger", place=place, distance_km=distance_km)


@pytest.mark.parametrize(
    ("north", "east", "words"),
    [(0.1, 0, "au nord"), (0.1, 0.15, "au nord-est"), (0, 0.1, "à l’est"), (-0.1, 0, "au sud"), (0, -0.1, "à l’ouest")],
)
def test_a_pin_lies_where_its_card_is_and_says_so(north, east, words):
    plan = draw(FRENCH, RENNES, [at(48.11 + north, -1.68 + east, distance_km=11.1)])

    (pin,) = plan.pins
    assert (pin.x > MIDDLE, pin.x < MIDDLE) == (east > 0, east < 0)
    assert (pin.y < MIDDLE, pin.y > MIDDLE) == (north > 0, north < 0)
    assert pin.name == f"1. Boulanger, à 11\u00a0km {words}"


def test_circles_hold_every_pin_and_say_their_distance():
    plan = draw(FRENCH, RENNES, [at(48.11 + step / 60, -1.68) for step in range(10)])

    assert [ring.label for ring in plan.rings] == ["5\u00a0km", "10\u00a0km", "15\u00a0km", "20\u00a0km"]
    assert max(MIDDLE - pin.y for pin in plan.pins) <= plan.rings[-1].radius


def test_a_card_without_a_point_keeps_its_number_to_itself():
    plan = draw(FRENCH, RENNES, [at(48.2, -1.6), at(None, None), at(48.0, -1.7)])

    assert [pin.number for pin in plan.pins] == [1, 3]
    assert plan.unplaced == "1 résultat sans adresse précise n’est pas sur le plan."


def test_without_any_point_there_is_no_plan():
    assert draw(FRENCH, RENNES, [at(None, None)]) is None
    assert draw(FRENCH, RENNES, []) is None


def test_an_area_has_no_centre_so_the_middle_of_its_cards_is():
    area = AnswerPlace(label="Bretagne", latitude=None, longitude=None, radius_km=None)

    plan = draw(FRENCH, area, [at(48.0, -4.0), at(48.0, -2.0)])

    left, right = plan.pins
    assert left.x + right.x == pytest.approx(SIZE, abs=1)
    assert left.y == right.y == MIDDLE


@given(
    st.lists(st.tuples(st.floats(-21.5, 51), st.floats(-5, 56)), min_size=1, max_size=60)
    | st.integers(1, 60).map(lambda count: [(48.11, -1.68)] * count)
)
def test_pins_are_numbered_as_the_list_inside_the_drawing_and_cover_no_other(points):
    plan = draw(FRENCH, RENNES, [at(*point) for point in points])

    assert [pin.number for pin in plan.pins] == list(range(1, min(len(points), MOST) + 1))
    assert all(PIN <= value <= SIZE - PIN for pin in plan.pins for value in (pin.x, pin.y))
    spots = [(pin.x, pin.y) for pin in plan.pins]
    nearest = min((math.dist(*pair) for pair in combinations(spots, 2)), default=SIZE)
    assert nearest >= 2 * PIN - 6
