"""Is a model the same however it is fed, does it keep its columns and promises, and is it blind to what came later?"""

import json

import duckdb
import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from widget_server.domain.errors import StageDamaged
from widget_server.forecast.clock import Month, Split
from widget_server.forecast.features import FEATURES, features_sql, stock_days
from widget_server.forecast.model import (
    FILES,
    TARGETS,
    Boosters,
    HurdleLearner,
    LocalTrainer,
    Settings,
    labels,
    read_model,
    write_model,
)
from widget_server.forecast.populations import Library
from widget_server.forecast.scorers import COLUMNS

FEW = Settings(rounds=8)
NAMES = [feature.name for feature in FEATURES]


@pytest.fixture(scope="module")
def split(economy):
    return Split.before(economy.origin, first=Month.parse("2024-07"))


@pytest.fixture(scope="module")
def files(economy, split):
    return [economy.library.file(origin) for origin in sorted(split.train)[:2]]


@pytest.fixture(scope="module")
def trained(files):
    return LocalTrainer().train(files, FEW, seed=3)


@pytest.fixture(scope="module")
def model(economy, split):
    return HurdleLearner(LocalTrainer(), economy.matrix, FEW, seed=3, threads=1).train(split, economy.library)


@pytest.fixture(scope="module")
def rows(economy):
    return economy.library.population(economy.origin.earlier()[0]).features


@pytest.mark.parametrize(
    ("trainer", "more"),
    [
        (LocalTrainer(rows_at_once=700), {}),
        (LocalTrainer(rows_at_once=300), {}),
        (LocalTrainer(threads=2), {}),
        (LocalTrainer(rows_at_once=700), {"external_memory": True}),
    ],
    ids=["row groups of 700", "row groups of 300", "two threads", "external memory"],
)
def test_the_bytes_of_a_model_do_not_depend_on_how_its_rows_come(files, trained, trainer, more):
    again = trainer.train(files, Settings(rounds=8, **more), seed=3)

    assert {target: again[target] == trained[target] for target in TARGETS} == {"any": True, "count": True}


def test_a_matrix_in_memory_gives_the_same_bytes_as_row_groups(economy, files, trained):
    populations = [economy.library.population(origin) for origin in sorted(economy.library.written)]
    populations = [each for each in populations if economy.library.file(each.origin) in files]
    features = np.concatenate([each.features for each in populations])
    hires = np.concatenate([each.label for each in populations]).astype(float)

    for target in TARGETS:
        whole = xgb.QuantileDMatrix(features, labels(hires, target), feature_names=NAMES, max_bin=256)
        booster = xgb.train(FEW.parameters(target, seed=3) | {"nthread": 1}, whole, FEW.rounds)
        assert bytes(booster.save_raw("ubj")) == trained[target]


def test_another_seed_gives_another_model(files, trained):
    assert LocalTrainer().train(files, FEW, seed=4)["any"] != trained["any"]


def test_what_is_predicted_in_place_is_what_a_matrix_of_values_predicts(trained, rows):
    boosters = Boosters.read(trained)
    p_any, count = boosters.predict(rows)
    exact = xgb.DMatrix(rows, feature_names=NAMES)

    assert p_any == pytest.approx(boosters.any.predict(exact), abs=1e-6)
    assert count == pytest.approx(boosters.count.predict(exact), abs=1e-5)
    assert 0 < p_any.min() < p_any.max() < 1


def test_a_model_that_was_saved_predicts_the_same(economy, model, rows, tmp_path):
    hurdle, trained = model
    write_model(tmp_path, trained, hurdle.rome)

    again = read_model(tmp_path, economy.matrix)

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    assert np.array_equal(again.estimate(rows), hurdle.estimate(rows))
    assert again.rome == hurdle.rome


def swap_two_columns(folder):
    columns = json.loads((folder / "features.json").read_text())
    columns[0], columns[1] = columns[1], columns[0]
    (folder / "features.json").write_text(json.dumps(columns))


def free_a_constraint(folder):
    columns = json.loads((folder / "features.json").read_text())
    columns[0]["constraint"] = 0
    (folder / "features.json").write_text(json.dumps(columns))


def swap_in_the_booster(folder):
    booster = xgb.Booster(model_file=folder / "any.ubj")
    booster.feature_names = [NAMES[1], NAMES[0], *NAMES[2:]]
    booster.save_model(folder / "any.ubj")


def cut_the_booster(folder):
    whole = (folder / "count.ubj").read_bytes()
    (folder / "count.ubj").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (swap_two_columns, r"sum_1m \(column 1 is sum_2m\)"),
        (free_a_constraint, "another family or constraint"),
        (swap_in_the_booster, r"any\.ubj .*sum_1m \(column 1 is sum_2m\)"),
        (cut_the_booster, r"count\.ubj is not a model"),
        (lambda folder: (folder / "rome.json").unlink(), "not hold a whole model"),
        (lambda folder: (folder / "calibration.json").write_text("{"), "not hold a whole model"),
    ],
    ids=["swapped columns", "constraint", "swapped in the booster", "half a booster", "no rome.json", "calibration"],
)
def test_a_model_with_other_columns_or_half_a_model_is_refused(economy, model, tmp_path, damage, said):
    hurdle, trained = model
    write_model(tmp_path, trained, hurdle.rome)
    damage(tmp_path)

    with pytest.raises(StageDamaged, match=said):
        read_model(tmp_path, economy.matrix)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_more_of_a_constrained_count_never_lowers_an_estimate(data, model, rows):
    hurdle, _ = model
    feature = data.draw(st.sampled_from([each for each in FEATURES if each.constraint]), "feature")
    more = np.float32(data.draw(st.floats(0.01, 50), "more"))
    some = rows[data.draw(st.integers(0, len(rows) - 100), "from") :][:100]
    raised = some.copy()
    raised[:, COLUMNS[feature.name]] += more * feature.constraint

    for before, after in zip(hurdle.estimate(some), hurdle.estimate(raised), strict=True):
        assert (after >= before).all()


def test_no_estimate_of_hires_is_below_the_chance_of_one(model, rows):
    p_any, expected_hires = model[0].estimate(rows)

    assert (expected_hires >= p_any).all()
    assert (expected_hires > p_any).any()


def test_a_feature_that_is_left_out_changes_nothing(files, rows):
    without = Settings(rounds=8, without=("sum_12m", "tension"))
    boosters = Boosters.read(LocalTrainer().train(files, without, seed=3))
    changed = rows.copy()
    changed[:, [COLUMNS["sum_12m"], COLUMNS["tension"]]] = 77

    assert np.array_equal(boosters.predict(rows), boosters.predict(changed))


def test_a_model_for_a_past_day_is_blind_to_what_came_on_it_or_later(economy, split, tmp_path):
    test = split.train[0]
    first = Month.parse("2025-01")
    learner = HurdleLearner(LocalTrainer(), economy.matrix, Settings(rounds=4), seed=1, threads=1)
    later = duckdb.connect()
    for table in ("establishments", "tension", "rome_naf", "fap_rome"):
        later.execute(f"CREATE TABLE {table} AS FROM '{economy.tables / table}.parquet'")
    more = f"CASE WHEN month >= {test.known_end.number} THEN n + 7 ELSE n END AS n"
    later.execute(f"CREATE TABLE hires AS SELECT * REPLACE ({more}) FROM '{economy.tables / 'hires'}.parquet'")
    sql = features_sql(test, stock_days(later), labelled=True)
    changed = sum(row[0] for row in later.execute(f"SELECT hires FROM ({sql})").fetchall())

    seen, trained = learner.train(Split.before(test, first=first), economy.library)
    blind, again = learner.train(Split.before(test, first=first), Library(later, tmp_path))

    assert changed > economy.library.population(test).label.sum()
    assert again == trained
    assert blind.rome == seen.rome


def test_kappa_comes_from_the_hires_after_the_newest_training_origin(model):
    rome = model[0].rome

    assert rome.losses[f"{rome.kappa:g}"] == min(rome.losses.values())
