"""Does each baseline say what its name says? They have to be as good as they can be, or beating them means nothing."""

import numpy as np
import pytest

from tests.forecast.populations import JULY, matrix, population
from widget_server.forecast.baselines import LEAST_KNOWN, Chance, Lbb, baselines
from widget_server.forecast.clock import Split
from widget_server.forecast.occupations import own_mix

BREAD = matrix({("1071C", "D1102"): 3, ("1071C", "M1805"): 1})
SPLIT = Split.before(JULY)
FLOORS = np.asarray([0, 1, 3, 6, 10, 20, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000])


class Past:
    """The population of one origin; any other one is an error."""

    def __init__(self, day, population):
        self._day, self._population = day, population

    def population(self, origin):
        assert str(origin.day) == self._day
        return self._population

    def file(self, origin):
        raise AssertionError("a baseline learns from populations")


def hiring(size, seed=1, **more):
    dice = np.random.default_rng(seed)
    semesters = dice.poisson(1.5, (size, 7)) * (dice.random(size) < 0.8)[:, None]
    columns = {f"semester_{nth + 1}": semesters[:, nth] for nth in range(7)}
    return population(
        size, headcount=dice.integers(0, 15, size), label=dice.poisson(1 + semesters[:, 1]), **columns, **more
    )


def scorer(learner, day="2024-07", past=None):
    return learner.fit(SPLIT, Past(day, past))


def test_lbb_is_the_least_squares_line_of_the_département_two_years_before():
    before = hiring(400, departement=np.where(np.arange(400) < 200, "35", "44"))
    now = hiring(100, seed=2, departement="44")

    found = scorer(Lbb(), past=before).predict(now)

    def inputs(of):
        semesters = np.stack([of.column(f"semester_{nth}") for nth in range(1, 8)], axis=1)
        people = FLOORS[of.column("headcount").astype(int)]
        return semesters.sum(axis=1) > 0, np.column_stack([np.ones(len(of)), semesters, people])

    known, x = inputs(before)
    here = known & (before.departement == "44")
    line = np.linalg.solve(x[here].T @ x[here], x[here].T @ before.label[here])
    known, x = inputs(now)
    count = np.where(known, np.maximum(x @ line, 0), 0)
    assert found.expected_hires == pytest.approx(count, abs=1e-6)
    assert found.p_any == pytest.approx(1 - np.exp(-count), abs=1e-6)
    assert (count[known] > 0).all()
    assert found.mix is None


def test_lbb_is_blind_to_who_never_hired():
    found = scorer(Lbb(), past=hiring(400)).predict(hiring(100, seed=2))

    never = hiring(100, seed=2).column("semester_1") * 0
    for nth in range(1, 8):
        never = never + hiring(100, seed=2).column(f"semester_{nth}")
    assert (found.p_any[never == 0] == 0).all()
    assert (never == 0).any()


@pytest.mark.parametrize(("known", "scored"), [(LEAST_KNOWN, True), (LEAST_KNOWN - 1, False)])
def test_a_département_with_too_few_known_establishments_has_no_line(known, scored):
    columns = {f"semester_{nth}": np.where(np.arange(90) < known, 1 + np.arange(90) % 5, 0) for nth in range(1, 8)}
    before = population(90, headcount=3, label=np.full(90, 2), **columns)

    found = scorer(Lbb(), past=before).predict(before)

    assert (found.expected_hires > 0).any() == scored


def test_lbb_with_our_mix_differs_in_the_mix_alone():
    everybody = hiring(200, past=[(0, "M1805", 20)])
    plain = scorer(Lbb(), past=everybody).predict(everybody)
    mixed = scorer(Lbb(name="lbb_rome", matrix=BREAD, kappa=10), past=everybody).predict(everybody)

    assert np.array_equal(plain.expected_hires, mixed.expected_hires)
    assert np.array_equal(mixed.mix.share, own_mix(BREAD, everybody, 10).share)


def test_the_others_count_what_stands_in_the_features():
    everybody = population(
        3,
        same_window_y1=[4, 0, np.nan],
        same_window_y2=[1, np.nan, np.nan],
        same_window_y3=[1, np.nan, np.nan],
        same_window_naf_bracket=[0.5, 0.25, np.nan],
    )
    by_name = {
        learner.name: learner.fit(SPLIT, None) for learner in baselines(BREAD, 10, seed=1) if "lbb" not in learner.name
    }

    counts = {name: each.predict(everybody).expected_hires.tolist() for name, each in by_name.items()}

    assert set(counts) == {"last_year", "sector", "mean_3y", "random"}
    assert counts["last_year"] == [4, 0, 0]
    assert counts["sector"] == [0.5, 0.25, 0]
    assert counts["mean_3y"] == [2, 0, 0]
    assert by_name["last_year"].predict(everybody).p_any.tolist() == pytest.approx([1 - np.exp(-4), 0, 0])


def test_chance_is_the_same_for_a_seed_and_a_day():
    everybody = population(50)

    assert np.array_equal(Chance(seed=1).predict(everybody).p_any, Chance(seed=1).predict(everybody).p_any)
    assert not np.array_equal(Chance(seed=1).predict(everybody).p_any, Chance(seed=2).predict(everybody).p_any)
