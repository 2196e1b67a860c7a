"""From clean tables to a model and to the scores of a day: whole, repeatable, and nobody in them who must not be."""

import hashlib
from dataclasses import replace

import duckdb
import numpy as np
import pytest

from widget_server.domain.errors import InputsRefused
from widget_server.domain.spreading import band
from widget_server.forecast.backtest import Places
from widget_server.forecast.clock import Month, Origin
from widget_server.forecast.features import FEATURES, KEYS, open_tables
from widget_server.forecast.metrics import METRICS, read_metrics
from widget_server.forecast.model import FILES, Settings, read_model
from widget_server.forecast.occupations import own_mix, pair_p
from widget_server.forecast.populations import read_population
from widget_server.forecast.publication import WITHHELD_NAF, held_sql
from widget_server.forecast.scoring import COLUMNS, ScoreSettings, score
from widget_server.forecast.training import backtest_again, tension_reaches, train

FEW = Settings(rounds=6, depth=4)
MODEL = "2026-07-01-0123abcd"


def quiet(_):
    pass


def hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def trained(economy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    places = Places(people=economy.people, regions={})
    said = []
    rows = train(economy.tables, folder, economy.origin, places, settings=FEW, seed=1, progress=said.append)
    return folder, rows, said


@pytest.fixture(scope="module")
def scored(economy, trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scores")
    rows = score(economy.tables, trained[0], folder, economy.origin, model_id=MODEL, progress=quiet)
    return folder, rows


def read(folder, sql="SELECT * FROM scores"):
    return duckdb.sql(sql.replace("scores", f"'{folder / 'scores.parquet'}'"))


def test_a_model_folder_is_whole_and_holds_no_scratch(economy, trained):
    folder, rows, said = trained
    optional = {"calibration.json"} if read_metrics(folder / "metrics.json").calibration.applied else set()

    assert {path.name for path in folder.iterdir()} == {*FILES, "metrics.json"} | optional
    assert len(rows) == 12
    assert min(rows.values()) > 2000
    assert any(line.startswith("backtest of 2026-01") for line in said)


def test_the_metrics_say_which_origins_taught_what(economy, trained):
    metrics = read_metrics(trained[0] / "metrics.json")

    assert metrics.origins == ["2026-01", "2025-07", "2025-01", "2024-07"]
    assert metrics.live.train == ["2026-01", "2025-07", "2025-01", "2024-07", "2024-01", "2023-07", "2022-07"]
    for split in (*metrics.splits, metrics.live):
        assert max(Month.parse(day) + 6 for day in split.train) <= Month.parse(split.test)
    assert metrics.tension
    assert metrics.later_than_origin == 1.0  # one stock file, of the day itself


def test_every_baseline_stands_beside_the_model_at_every_origin_and_the_ablation_at_the_newest(trained):
    metrics = read_metrics(trained[0] / "metrics.json")
    everywhere = {"hurdle", "hurdle_naf", "lbb", "lbb_rome", "last_year", "sector", "mean_3y", "random"}
    spread = {"hurdle_beta_0.1", "hurdle_beta_0.3", "hurdle_explored"}

    for origin in metrics.origins:
        found = {each.scorer for each in metrics.scores if each.origin == origin and not each.group}
        assert found == everywhere | spread | ({"hurdle_without_tension"} if origin == "2026-01" else set())
    assert {each.metric for each in metrics.scores if each.scorer == "lbb"} == set(METRICS)
    assert any(each.against == "hurdle_without_tension" for each in metrics.differences)


def test_a_backtest_is_repeated_to_the_byte_whatever_the_threads(economy, trained, tmp_path):
    places = Places(people=economy.people, regions={})
    more = {"settings": FEW, "seed": 1, "threads": 2, "progress": quiet}
    backtest_again(economy.tables, trained[0], tmp_path, economy.origin, places, **more)

    assert hashes(tmp_path) == hashes(trained[0])


def test_hires_that_do_not_go_back_far_enough_are_refused_with_the_month_that_is_needed(economy, tmp_path):
    early = Origin(Month.parse("2020-01"))

    with pytest.raises(InputsRefused, match=r"begin in 2018-07; .* from 2018-01 on .*hires-2018\.parquet"):
        train(economy.tables, tmp_path, early, Places(people={}, regions={}), settings=FEW, progress=quiet)


def test_the_scores_have_the_columns_of_format_1(scored):
    folder, rows = scored
    found = read(folder)

    assert tuple(found.columns) == COLUMNS
    kinds = [
        "VARCHAR",
        "VARCHAR",
        "FLOAT",
        "FLOAT",
        "FLOAT",
        "FLOAT",
        "VARCHAR",
        "VARCHAR[]",
        "DATE",
        "DATE",
        "VARCHAR",
    ]
    assert [str(kind) for kind in found.types] == kinds
    assert len(found.fetchall()) == rows["pairs"]
    odd = read(
        folder,
        "SELECT count(*) FROM scores WHERE p > p_any OR p <= 0 OR expected_hires < p_any OR share <= 0 OR share > 1 "
        f"OR len(reasons) > 3 OR model <> '{MODEL}' OR day <> DATE '2026-07-01' OR until <> DATE '2027-01-01'",
    )
    assert odd.fetchall() == [(0,)]
    most, twice = read(folder, "SELECT max(n), max(d) FROM (SELECT count(*) AS n, count(*) - count(DISTINCT rome) AS d "
                       "FROM scores GROUP BY siret)").fetchall()[0]  # fmt: skip
    assert most <= 12
    assert twice == 0
    for p, named in read(folder, "SELECT p, band FROM scores USING SAMPLE 500").fetchall():
        assert band(p) == named


def test_the_scores_are_those_of_the_model_in_the_order_of_siret(economy, trained, scored):
    everybody = read_population(economy.database, scored[0] / "features.parquet", economy.origin)
    hurdle = read_model(trained[0], economy.matrix)
    p_any, expected = hurdle.estimate(everybody.features)
    mix = own_mix(economy.matrix, everybody, hurdle.rome.kappa)
    rows = read(scored[0]).fetchall()

    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    place = {siret: number for number, siret in enumerate(everybody.siret.tolist())}
    assert {row[0] for row in rows} == set(place)
    for siret, rome, p, of_any, hires, share, *_ in rows[::37]:
        row = place[siret]
        at = mix.romes[mix.code[row]].tolist().index(rome)
        one = np.asarray([row])
        assert (of_any, hires, share) == pytest.approx((p_any[row], expected[row], mix.share[row, at]), rel=1e-5)
        assert p == pytest.approx(pair_p(p_any[one], expected[one], mix.share[one, at])[0], rel=1e-5)


def test_who_asked_not_to_be_scored_is_nowhere(economy, scored):
    folder, rows = scored
    out = economy.database.execute("SELECT siret FROM opt_out WHERE scope = 'all'").fetchall()
    features = duckdb.sql(f"FROM '{folder / 'features.parquet'}'")

    assert rows["opted_out"] > 0
    assert rows["features"] == rows["establishments"] + rows["opted_out"]
    assert features.columns == [*KEYS, *(feature.name for feature in FEATURES)]
    for found in (features.fetchall(), read(folder).fetchall()):
        assert {row[0] for row in found}.isdisjoint({row[0] for row in out})


def test_only_who_is_published_has_reasons(economy, scored):
    held = held_sql(economy.origin, economy.origin.first_day, WITHHELD_NAF)
    hidden = {
        row[0] for row in economy.database.execute(f"SELECT siret FROM ({held}) WHERE held IS NOT NULL").fetchall()
    }
    with_reasons = {row[0] for row in read(scored[0], "SELECT siret FROM scores WHERE reasons <> []").fetchall()}

    assert len(with_reasons) > 100
    assert with_reasons.isdisjoint(hidden)
    assert hidden & {row[0] for row in read(scored[0]).fetchall()}


def test_scores_have_the_same_bytes_whatever_the_threads_and_without_reasons_differ_in_nothing_else(
    economy, trained, scored, tmp_path
):
    for name, more in (("two", {"threads": 2}), ("none", {"settings": ScoreSettings(reasons=False)})):
        (tmp_path / name).mkdir()
        score(economy.tables, trained[0], tmp_path / name, economy.origin, model_id=MODEL, progress=quiet, **more)

    assert hashes(tmp_path / "two") == hashes(scored[0])
    columns = ", ".join(name for name in COLUMNS if name != "reasons")
    plain = read(tmp_path / "none", f"SELECT {columns}, reasons = [] FROM scores").fetchall()
    assert plain == [(*row, True) for row in read(scored[0], f"SELECT {columns} FROM scores").fetchall()]


def test_a_population_read_in_pieces_is_the_whole_one(economy, scored):
    file = scored[0] / "features.parquet"
    whole = read_population(economy.database, file, economy.origin)
    piece = read_population(economy.database, file, economy.origin, rows=(100, 300))

    assert np.array_equal(piece.siret, whole.siret[100:300])
    assert np.array_equal(piece.features, whole.features[100:300], equal_nan=True)
    inside = (whole.past.row >= 100) & (whole.past.row < 300)
    assert np.array_equal(piece.past.row, whole.past.row[inside] - 100)
    assert np.array_equal(piece.past.rome, whole.past.rome[inside])
    assert replace(piece, label=None).label is None


def test_a_survey_without_a_crosswalk_is_no_tension(economy):
    with open_tables(economy.tables) as database:
        assert tension_reaches(database, economy.origin)

        database.execute("DROP VIEW fap_rome; CREATE TABLE fap_rome (fap VARCHAR, rome VARCHAR, weight DOUBLE)")

        assert not tension_reaches(database, economy.origin)
