"""Does a table hold every scorer next to its baselines, and does a test see only what was known on its day?"""

from dataclasses import replace

import numpy as np
import pytest

from tests.forecast.populations import Says
from tests.forecast.test_metrics import BREAD, crowd
from widget_server.forecast.backtest import (
    HISTORY_MONTHS,
    Places,
    backtest,
    compare,
    explored,
    learn_calibration,
    splits,
    table,
)
from widget_server.forecast.baselines import baselines
from widget_server.forecast.clock import Month, Origin, Split
from widget_server.forecast.metrics import METRICS, QUERY_METRICS, TOP, best, draw_queries
from widget_server.forecast.model import HurdleLearner, LocalTrainer, Settings
from widget_server.forecast.occupations import top_shares

PLACES = Places(people={}, regions={"01": "84", "02": "84", "03": "32"})
SIZE = 400


@pytest.fixture(scope="module")
def comparison():
    everybody = crowd(SIZE)
    knows = np.zeros((SIZE, 3))
    np.add.at(knows, (everybody.future.row, np.searchsorted(BREAD.romes, everybody.future.rome)), everybody.future.n)
    known = knows.sum(axis=1) > 0
    mix = top_shares(BREAD.romes, knows / np.maximum(knows.sum(axis=1, keepdims=True), 1))
    hurdle = Says("hurdle", np.where(known, 0.9, 0.1), np.where(known, 1.5, 0.1))
    return compare(
        everybody,
        [hurdle, Says("knows", known.astype(float), everybody.label, mix), Says("nothing", np.full(SIZE, 0.3))],
        BREAD,
        PLACES,
        seed=1,
    )


def value(comparison, scorer, metric, group=""):
    (found,) = (
        score.value
        for score in comparison.scores
        if (score.scorer, score.metric, score.group) == (scorer, metric, group)
    )
    return found


def test_every_scorer_has_every_metric_and_the_published_one_also_with_the_load_spread(comparison):
    whole = [score for score in comparison.scores if not score.group]

    for scorer in ("hurdle", "knows", "nothing"):
        assert [score.metric for score in whole if score.scorer == scorer] == list(METRICS)
    for scorer in ("hurdle_beta_0.1", "hurdle_beta_0.3", "hurdle_explored"):
        assert [score.metric for score in whole if score.scorer == scorer] == list(QUERY_METRICS)


def test_who_knows_the_future_is_first_everywhere(comparison):
    def of(metric):
        return [value(comparison, scorer, metric) for scorer in ("nothing", "hurdle", "knows")]

    for metric in ("precision_at_10", "ndcg_at_10", "lift", "auc", "gain_at_10"):
        assert of(metric) == sorted(of(metric)), metric
    assert value(comparison, "knows", "auc") == 1
    assert value(comparison, "knows", "ndcg_at_10") == pytest.approx(1)
    assert value(comparison, "nothing", "auc") == 0.5
    assert value(comparison, "knows", "ece") == pytest.approx(0)


def test_groups_are_by_région_section_and_size_and_only_a_région_has_lists(comparison):
    groups = {score.group for score in comparison.scores} - {""}

    assert groups == {"region:84", "region:32", "size:small", "size:medium", "size:large"}
    assert {score.metric for score in comparison.scores if score.group.startswith("size:")} <= set(METRICS) - set(
        QUERY_METRICS
    )
    assert value(comparison, "knows", "precision_at_10", "region:84") > 0
    rows = [score.n for score in comparison.scores if score.metric == "deviance" and score.scorer == "hurdle"]
    assert rows[0] == SIZE
    assert sum(rows[3:]) == SIZE


def test_spreading_the_load_costs_little_and_shows_more(comparison):
    kept = value(comparison, "hurdle_beta_0.1", "precision_at_10") / value(comparison, "hurdle", "precision_at_10")

    assert 0.5 < kept <= 1.02
    assert value(comparison, "hurdle_beta_0.3", "exposure_top_1") <= value(comparison, "hurdle", "exposure_top_1")


def test_what_is_explored_is_a_share_of_the_places_and_costs_no_more_than_they_are_worth(comparison):
    everybody = crowd(SIZE)
    queries = draw_queries(everybody, BREAD, {}, seed=1)
    p = np.random.default_rng(1).random(len(queries.row))
    plain = best(queries, p)

    lists = explored(queries, plain, everybody, share=0.05)

    other = lists.row != plain.row
    assert other.mean() == pytest.approx(0.05, abs=0.01)
    assert not other[:, :-1].any(), "the last place of a list, and no other"
    for query in range(len(queries)):
        row = lists.row[query]
        candidates = queries.row[queries.start[query] : queries.start[query + 1]]
        assert len(set(row)) == TOP
        assert set(row) <= set(candidates)
        relevant = dict(zip(candidates, queries.relevant[queries.start[query] : queries.start[query + 1]], strict=True))
        assert [relevant[each] for each in row] == lists.relevant[query].tolist()
    found = {name: value(comparison, name, "precision_at_10") for name in ("hurdle_beta_0.1", "hurdle_explored")}
    assert 0.95 * found["hurdle_beta_0.1"] < found["hurdle_explored"] <= 1.01 * found["hurdle_beta_0.1"]


def test_without_a_share_nothing_is_explored():
    everybody = crowd(SIZE)
    queries = draw_queries(everybody, BREAD, {}, seed=1)
    plain = best(queries, np.ones(len(queries.row)))

    assert (explored(queries, plain, everybody, share=0.0).row == plain.row).all()


def test_the_published_scorer_is_compared_with_every_other_one(comparison):
    found = {each.against: each for each in comparison.differences if each.metric == "precision_at_10"}

    assert set(found) == {"hurdle_beta_0.1", "hurdle_beta_0.3", "hurdle_explored", "knows", "nothing"}
    assert found["nothing"].value == pytest.approx(
        value(comparison, "hurdle", "precision_at_10") - value(comparison, "nothing", "precision_at_10")
    )
    assert found["nothing"].low > 0


def test_the_curves_are_of_every_scorer_and_the_reliability_of_the_published_one(comparison):
    curves = comparison.curves

    assert set(curves.gains) == {"hurdle", "knows", "nothing"}
    assert curves.gains["knows"][30] > curves.gains["nothing"][30]
    assert set(curves.lorenz) == {"hurdle", "knows", "nothing", "hurdle_beta_0.1", "hurdle_beta_0.3"}
    assert all(line == sorted(line) and line[-1] == 1 for line in curves.lorenz.values())
    everybody = [each for each in curves.reliability if each.size == "all"]
    assert sum(each.n for each in everybody) == SIZE
    assert {each.size for each in curves.reliability} == {"all", "small", "medium", "large"}


def test_no_scorer_needs_the_label_to_predict(economy):
    split = Split.before(economy.origin.earlier()[0])
    everybody = economy.library.population(split.test)
    for learner in baselines(economy.matrix, 10, seed=1):
        scorer = learner.fit(split, economy.library)
        seen, blind = scorer.predict(everybody), scorer.predict(replace(everybody, label=None, future=None))
        assert np.array_equal(seen.expected_hires, blind.expected_hires), learner.name


def test_four_origins_of_both_semesters_are_tested_each_with_its_own_training_origins():
    found = splits(Origin(Month.parse("2026-07"), 2), Month.parse("2015-01"))

    assert [str(split.test.day) for split in found] == ["2025-11", "2025-07", "2025-01", "2024-07"]
    assert {split.test.day.of_year > 6 for split in found} == {True, False}
    for split in found:
        assert max(origin.label.end for origin in split.train) <= split.test.known_end
        assert len(split.train) == 7


def test_origins_before_the_data_are_neither_learned_from_nor_tested():
    begin = Month.parse("2022-01")
    found = splits(Origin(Month.parse("2026-07")), begin)

    assert [str(split.test.day) for split in found] == ["2026-01", "2025-07", "2025-01", "2024-07"]
    assert min(origin.day for split in found for origin in split.train) == begin + HISTORY_MONTHS
    assert splits(Origin(Month.parse("2026-07")), Month.parse("2025-06")) == []


def test_the_table_is_of_each_origin_and_a_mean_is_only_of_who_stands_in_all_of_them(comparison):
    other = [
        type(score)(**{name: getattr(score, name) for name in score.__struct_fields__} | {"origin": "2025-07"})
        for score in comparison.scores
        if score.scorer != "knows"
    ]
    lines = table([*comparison.scores, *other], metrics=("precision_at_10", "deviance"))

    heads = [line.split()[0] for line in lines if line.split()[1] == "precision_at_10"]
    assert heads == ["2026-07", "2025-07", "mean"]
    mean = lines[[line.split()[0] for line in lines].index("mean") :]
    names = ["mean", "hurdle", "hurdle_beta_0.1", "hurdle_explored", "hurdle_beta_0.3", "nothing"]
    assert [line.split()[0] for line in mean] == names
    assert mean[2].split()[2] == "-"


def test_the_calibration_alone_is_the_one_that_the_whole_backtest_finds(economy):
    tests = splits(economy.origin, Month.parse("2023-07"))[:2]
    settings, trainer = Settings(rounds=2), LocalTrainer()
    learner = HurdleLearner(trainer, economy.matrix, settings, seed=1, threads=1)
    more = {"trainer": trainer, "settings": settings, "seed": 1, "threads": 1, "progress": lambda _: None}

    whole = backtest(tests, economy.library, economy.matrix, PLACES, **more)

    assert learn_calibration(tests, economy.library, learner) == whole.calibration
    assert whole.judged.applied == (whole.judged.after < whole.judged.before)
    assert learn_calibration(tests[:1], economy.library, learner) is None
