"""Is each metric what its definition says, counted by hand, and does the bootstrap draw départements?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.forecast.populations import ROMES, matrix, population
from widget_server.domain.geo import distance_km
from widget_server.forecast.metrics import (
    DRAWS,
    LEAST_CANDIDATES,
    Bootstrap,
    Queries,
    auc,
    best,
    best_spread,
    deviances,
    difference,
    draw_queries,
    establishment_metrics,
    gains,
    pair_scores,
    query_metrics,
    sizes,
)
from widget_server.forecast.occupations import naf_mix, pair_p
from widget_server.forecast.scorers import Prediction

BREAD = matrix({("1071C", "D1102"): 98.5, ("1071C", "M1805"): 1.5, ("4120A", "F1703"): 50, ("4120A", "D1102"): 50})
DEPARTEMENTS = [f"{number:02d}" for number in range(1, 11)]
COMMUNES = [f"{departement}001" for departement in DEPARTEMENTS]


def crowd(size=400, seed=1):
    """Establishments of two NAF in ten communes, five around each of two towns; some hire."""
    dice = np.random.default_rng(seed)
    commune = dice.integers(0, 10, size)
    town = commune // 5
    label = dice.poisson(0.4, size)
    hiring = np.flatnonzero(label)
    return population(
        size,
        naf=np.asarray(["1071C", "4120A"])[dice.integers(0, 2, size)],
        commune=np.asarray(COMMUNES)[commune],
        departement=np.asarray(DEPARTEMENTS)[commune],
        latitude=np.asarray([48.11, 47.22])[town] + dice.normal(0, 0.15, size),
        longitude=np.asarray([-1.68, -1.55])[town] + dice.normal(0, 0.2, size),
        headcount=dice.integers(0, 15, size),
        known=dice.random(size) < 0.5,
        label=label,
        past=[(row, "D1102", 2) for row in range(0, size, 3)] + [(row, "F1703", 1) for row in range(1, size, 3)],
        future=[(row, str(dice.choice(ROMES)), label[row]) for row in hiring],
    )


def says(size, seed=2):
    draws = np.random.default_rng(seed)
    p = draws.random(size)
    return Prediction(p_any=p, expected_hires=p + draws.random(size))


@pytest.fixture(scope="module")
def everybody():
    return crowd()


@pytest.fixture(scope="module")
def queries(everybody):
    return draw_queries(everybody, BREAD, {COMMUNES[0]: 200_000}, seed=1)


def test_candidates_are_who_is_near_and_whose_naf_hires_in_that_rome(everybody, queries):
    assert len(queries) > 500
    hits = {
        (row, rome) for row, rome in zip(everybody.future.row.tolist(), everybody.future.rome.tolist(), strict=True)
    }
    for query in range(0, len(queries), 97):
        rows = queries.row[queries.start[query] : queries.start[query + 1]]
        rome = queries.rome[query]
        assert len(rows) == len(set(rows.tolist())) >= LEAST_CANDIDATES
        # M1805 is 1.5 % of the NAF of bakers, which is too little to be a candidate.
        assert rome in {"D1102", "F1703"}
        allowed = {"D1102": {"1071C", "4120A"}, "F1703": {"4120A"}}[rome]
        assert set(everybody.naf[rows].tolist()) <= allowed
        middle = everybody.latitude[rows].mean(), everybody.longitude[rows].mean()
        assert distance_km(*middle, everybody.latitude[rows], everybody.longitude[rows]).max() < 60
        relevant = queries.relevant[queries.start[query] : queries.start[query + 1]]
        assert relevant.tolist() == [(row, rome) in hits for row in rows.tolist()]


def test_nobody_beyond_thirty_kilometres_is_a_candidate():
    size = 60
    rings = np.linspace(0, 0.6, size)  # degrees of latitude: 0 to 67 km
    everybody = population(size, latitude=48 + rings, commune="35238", past=[(0, "D1102", 1)])

    queries = draw_queries(everybody, BREAD, {}, seed=3)

    spans = [
        np.ptp(everybody.latitude[queries.row[a:b]]) for a, b in zip(queries.start, queries.start[1:], strict=False)
    ]
    assert max(spans) * 111.2 <= 60
    assert max(spans) * 111.2 > 55


def test_places_are_drawn_by_their_people_and_unknown_ones_by_their_establishments(everybody):
    def in_the_north(people):
        return (draw_queries(everybody, BREAD, people, seed=1).departement < "06").mean()

    alike = in_the_north({})
    north, south = dict.fromkeys(COMMUNES[:5], 90_000), dict.fromkeys(COMMUNES[5:], 10_000)
    assert alike == pytest.approx((everybody.departement < "06").mean(), abs=0.05)
    assert in_the_north(north | south) == pytest.approx(0.9, abs=0.03)
    assert in_the_north({COMMUNES[0]: 10_000}) == pytest.approx(alike, abs=0.01)


def test_the_lists_are_the_best_by_p_and_equal_ones_stand_in_a_seeded_shuffle(everybody, queries):
    size = len(everybody)
    p = pair_scores(queries, says(size), naf_mix(BREAD, everybody))
    lists = best(queries, p)
    same = best(queries, np.ones(len(p)))

    for query in range(0, len(queries), 97):
        span = slice(queries.start[query], queries.start[query + 1])
        by_p = sorted(zip(-p[span], range(span.stop - span.start), strict=True))[:10]
        assert lists.row[query].tolist() == [queries.row[span][place] for _, place in by_p]
        assert same.row[query].tolist() == queries.row[span][:10].tolist()
    assert not (np.diff(same.row, axis=1) > 0).all(axis=1).any()
    again = draw_queries(everybody, BREAD, {COMMUNES[0]: 200_000}, seed=1)
    assert np.array_equal(again.row, queries.row)


def test_the_p_of_a_candidate_is_that_of_its_pair(everybody, queries):
    prediction = says(len(everybody))

    p = pair_scores(queries, prediction, naf_mix(BREAD, everybody))

    romes = np.repeat(queries.rome, np.diff(queries.start))
    for place in range(0, len(p), 1009):
        row = queries.row[place]
        share = BREAD.of(everybody.naf[[row]])[0, list(BREAD.romes).index(romes[place])]
        of = pair_p(prediction.p_any[[row]], prediction.expected_hires[[row]], np.asarray([share]))
        assert p[place] == pytest.approx(of[0], abs=1e-6)


def by_hand():
    """Two queries of 20 candidates; the first has 3 relevant ones, the second has none."""
    relevant = np.zeros(40, dtype=bool)
    relevant[[0, 4, 15]] = True
    return Queries(
        rome=np.asarray(["D1102", "D1102"]),
        departement=np.asarray(["01", "02"]),
        start=np.asarray([0, 20, 40]),
        row=np.arange(40),
        relevant=relevant,
    )


def test_the_metrics_of_lists_are_what_a_hand_counts():
    queries = by_hand()
    p = np.tile(np.linspace(1, 0, 20), 2)
    small = np.arange(40) < 5
    found = query_metrics(queries, best(queries, p), small, Bootstrap.over(np.asarray(DEPARTEMENTS), seed=1))

    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert found["precision_at_10"].value == pytest.approx((0.2 + 0) / 2)
    assert found["ndcg_at_10"].value == pytest.approx((1 + 1 / np.log2(6)) / ideal)
    assert found["lift"].value == pytest.approx(0.2 / (3 / 20))
    assert found["small_at_10"].value == pytest.approx((0.5 + 0) / 2)
    assert found["seen"].value == pytest.approx(20 / 40)
    assert found["exposure_top_1"].value == pytest.approx(1 / 20)
    assert (found["precision_at_10"].n, found["ndcg_at_10"].n, found["seen"].n) == (2, 1, 40)


def test_spreading_shows_more_companies_and_its_first_list_is_the_best_one(everybody, queries):
    p = pair_scores(queries, says(len(everybody)), naf_mix(BREAD, everybody))
    expected = says(len(everybody)).expected_hires

    plain, none, spread = (
        best(queries, p),
        best_spread(queries, p, expected, 0.0),
        best_spread(queries, p, expected, 0.3),
    )

    assert np.array_equal(none.row, plain.row)
    assert np.array_equal(spread.row[0], plain.row[0])
    assert len(np.unique(spread.row)) > len(np.unique(plain.row))


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
@settings(deadline=None)
def test_the_auc_is_the_share_of_pairs_in_the_right_order_ties_count_half(rows):
    p = np.asarray([float(each) for each, _ in rows])
    hired = np.asarray([each for _, each in rows])
    place = np.arange(len(rows)) % 3
    measured = auc(p, hired, place, Bootstrap.over(np.asarray(["01", "02", "03"]), seed=1))

    pairs = [(p[a], p[b]) for a in np.flatnonzero(hired) for b in np.flatnonzero(~hired)]
    if not pairs:
        assert measured is None
    else:
        assert measured.value == pytest.approx(np.mean([(a > b) + (a == b) / 2 for a, b in pairs]))


def test_the_deviance_is_that_of_poisson_and_nobody_is_expected_less_than_a_ten_thousandth():
    found = deviances(np.asarray([0.0, 3.0, 0.0]), np.asarray([0.5, 2.0, 0.0]))

    assert found.tolist() == pytest.approx([2 * 0.5, 2 * (3 * np.log(1.5) - 1), 2 * 1e-4])


def test_a_draw_is_the_metric_of_the_départements_that_it_drew(everybody):
    prediction = says(len(everybody))
    bootstrap = Bootstrap.over(everybody.departement, seed=1)
    found = establishment_metrics(everybody, prediction, bootstrap)

    for draw in (0, 7):
        times = bootstrap.weights[draw].astype(int)
        rows = np.concatenate(
            [
                np.tile(np.flatnonzero(everybody.departement == name), times[place])
                for place, name in enumerate(bootstrap.departements)
            ]
        )
        p, hires = prediction.p_any[rows], everybody.label[rows]
        mean = deviances(hires.astype(float), prediction.expected_hires[rows]).mean()
        assert found["deviance"].draws[draw] == pytest.approx(mean)
        repeated = auc(p, hires > 0, np.zeros(len(rows), dtype=int), Bootstrap.over(np.asarray(["01"]), seed=1))
        assert found["auc"].draws[draw] == pytest.approx(repeated.value)
    assert bootstrap.weights.shape == (DRAWS, 10)
    assert (bootstrap.weights.sum(axis=1) == 10).all()


def test_an_interval_holds_its_value_and_is_none_where_there_are_too_few_départements(everybody):
    prediction = says(len(everybody))
    found = establishment_metrics(everybody, prediction, Bootstrap.over(everybody.departement, seed=1))
    for metric in ("deviance", "auc", "gain_at_10"):
        score = found[metric].score("2026-07", "says", metric)
        assert score.low < score.value < score.high

    few = population(40, departement="35", label=np.arange(40) % 2)
    alone = establishment_metrics(few, says(40), Bootstrap.over(few.departement, seed=1))
    assert alone["auc"].score("2026-07", "says", "auc").low is None


def test_a_draw_without_any_of_the_rows_is_left_out_of_the_interval(everybody):
    bootstrap = Bootstrap.over(everybody.departement, seed=1)
    half = np.isin(everybody.departement, np.unique(everybody.departement)[:5])
    bootstrap.weights[0, :5] = 0  # of ten départements one draw in a thousand is so; let there be one

    found = establishment_metrics(everybody, says(len(everybody)), bootstrap, of=half)["ece"]

    score = found.score("2026-07", "says", "ece")
    assert score.low <= score.high


def test_two_scorers_are_compared_on_the_same_draws(everybody):
    bootstrap = Bootstrap.over(everybody.departement, seed=1)
    good = says(len(everybody))
    a = establishment_metrics(everybody, good, bootstrap)["deviance"]
    b = establishment_metrics(everybody, says(len(everybody), 9), bootstrap)["deviance"]

    value, low, high = difference(a, b)

    assert value == pytest.approx(a.value - b.value)
    assert low <= value <= high
    assert difference(a, a) == (0, 0, 0)
    assert high - low < (a.draws.max() - a.draws.min()) + (b.draws.max() - b.draws.min())


def test_the_auc_without_history_is_of_establishments_that_nobody_knows_a_hire_of(everybody):
    known = everybody.known
    p = np.where(known, 0.0, says(len(everybody)).p_any)
    found = establishment_metrics(
        everybody, Prediction(p_any=p, expected_hires=p), Bootstrap.over(everybody.departement, seed=1)
    )

    assert found["auc_without_history"].n == (~known).sum()
    some = ~known
    alone = auc(
        p[some], everybody.label[some] > 0, np.zeros(some.sum(), dtype=int), Bootstrap.over(np.asarray(["1"]), seed=1)
    )
    assert found["auc_without_history"].value == pytest.approx(alone.value)


def test_the_gain_is_the_share_of_hires_made_by_the_top_tenth(everybody):
    expected = everybody.label.astype(float)
    found = establishment_metrics(
        everybody,
        Prediction(p_any=np.minimum(expected, 1), expected_hires=expected),
        Bootstrap.over(everybody.departement, seed=1),
    )["gain_at_10"]

    tenth = len(everybody) // 10
    assert found.value == np.sort(everybody.label)[::-1][:tenth].sum() / everybody.label.sum()
    curve = gains(everybody, Prediction(p_any=expected, expected_hires=expected))
    assert (curve[0], curve[10], curve[100]) == (0, pytest.approx(found.value, abs=1e-6), 1)


def test_the_size_bands_are_those_of_the_brackets():
    everybody = population(6, headcount=[0, 4, 5, 8, 9, np.nan])

    assert sizes(everybody).tolist() == ["small", "small", "medium", "medium", "large", "unknown"]


def test_where_nobody_can_be_asked_for_there_is_no_query_and_no_metric_of_lists():
    nowhere = population(30, latitude=np.nan)
    queries = draw_queries(nowhere, BREAD, {}, seed=1)

    assert len(queries) == 0
    lists = best(queries, np.zeros(0))
    assert query_metrics(queries, lists, np.zeros(30, dtype=bool), Bootstrap.over(nowhere.departement, seed=1)) == {}
