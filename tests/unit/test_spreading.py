"""Does spreading move who was shown often, and only among its equals?"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from widget_server.domain.spreading import band, level, spread

SHOWN = st.integers(0, 10_000_000)
HIRES = st.floats(0, 5_000)


def test_the_score_is_the_formula():
    score = spread(np.array([0.5]), np.array([0.7]), np.array([20.0]), beta=0.1)

    assert score == pytest.approx([0.5 * np.exp(-2)])


def test_nobody_was_shown_so_nothing_moves():
    p = np.array([0.1, 0.9, 0.4])

    assert (spread(p, np.ones(3), np.zeros(3)) == p).all()
    assert {level("A", hires, 0) for hires in (0.0, 1.0, 900.0)} == {level("A", 2.0, 0)}


@given(SHOWN, SHOWN, HIRES)
def test_more_showings_never_help(few: int, more: int, hires: float):
    few, more = sorted((few, more))

    assert level("B", hires, more) <= level("B", hires, few)


@given(HIRES, HIRES, SHOWN)
def test_who_expects_more_hires_steps_back_later(small: float, large: float, shown: int):
    small, large = sorted((small, large))

    assert level("B", large, shown) >= level("B", small, shown)


@given(SHOWN, SHOWN, HIRES, HIRES)
def test_no_showing_moves_a_company_out_of_its_band(one: int, two: int, hires: float, others: float):
    for better, worse in pairwise(("A", "B", "C", None)):
        assert 255 >= level(better, hires, one) > level(worse, others, two) >= 0


def test_a_step_back_is_a_halving_of_the_score():
    shown = np.arange(0, 60)
    halvings = -np.log2(spread(np.ones(60), np.full(60, 0.7), shown.astype(float), beta=0.1))

    steps = [level("A", 0.7, 0) - level("A", 0.7, int(count)) for count in shown]

    assert steps == [int(each) for each in halvings]


def test_without_strength_nothing_moves():
    assert level("C", 0.0, 10_000, beta=0.0) == level("C", 0.0, 0)


@pytest.mark.parametrize(("p", "named"), [(1.0, "A"), (0.4, "A"), (0.3999, "B"), (0.2, "B"), (0.1999, "C"), (0.0, "C")])
def test_a_band_is_a_range_of_probabilities(p: float, named: str):
    assert band(p) == named
