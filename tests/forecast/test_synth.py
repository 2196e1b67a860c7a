"""Are the files of a synthetic economy what an operator would give, and do they hold what its laws say?"""

import csv
import hashlib
from dataclasses import replace

import duckdb
import numpy as np
import pytest

from tests.forecast.inputs import siret
from widget_server.forecast.clock import Month, Origin
from widget_server.forecast.defects import DEFECTS, soil
from widget_server.forecast.economy import Laws, Truth, make_economy
from widget_server.forecast.features import open_tables, write_features
from widget_server.forecast.ground import grid
from widget_server.forecast.ingest import ingest
from widget_server.forecast.synth import TRUTH, Dirt, write_inputs
from widget_server.forecast.tables import TABLES

TOLERANT = {name: 1.0 for table in TABLES for name, _ in table.ceilings()}


def ingested(folder, *, seed=1, **more):
    report = ingest(folder, folder.parent / "out", folder.parent / "rejects", grid(seed).reference(), **more)
    return {counts.table: counts for counts in report.tables}


def hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def read(path, sql):
    return duckdb.sql(sql.format(f"'{path}'")).fetchall()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others(tmp_path):
    dirt = Dirt(late=True, moves=0.05, branches=0.05, hidden=0.05, opted_out=0.01, bad_rows=1)
    first, second, other = tmp_path / "first", tmp_path / "second", tmp_path / "other"
    for folder, seed in ((first, 1), (second, 1), (other, 2)):
        write_inputs(folder, seed=seed, size=500, dirt=dirt)

    assert hashes(first) == hashes(second)
    assert all(hashes(first)[name] != hashes(other)[name] for name in ("establishments.parquet", TRUTH))


def test_an_ingest_accepts_every_row_and_repairs_none(tmp_path):
    written = write_inputs(tmp_path / "in", seed=1, size=2_000)
    counts = ingested(tmp_path / "in")

    assert {name: count.read for name, count in counts.items()} == written
    assert all(count.rejected == 0 for count in counts.values())
    assert all(not count.repaired for count in counts.values())
    assert all(set(count.skipped_for) <= {"before_history"} for count in counts.values())


def test_nobody_can_take_an_establishment_for_a_real_one(tmp_path):
    write_inputs(tmp_path / "in", seed=1, size=500, dirt=Dirt(moves=0.05, branches=0.05))
    rows = read(tmp_path / "in" / "establishments.parquet", "SELECT siret, enseigne1Etablissement FROM {}")

    assert len({number for number, _ in rows}) == len(rows)
    assert all(siret(int(number[:-1])) == number for number, _ in rows)  # the check digit is right
    assert all(number[9:13] == "0000" or number[9:13] >= "9000" for number, _ in rows)
    assert all(any(mark in name for mark in ("Ficti", "Imaginaire", "Invent")) for _, name in rows)


def test_the_truth_is_read_back_as_it_was(tmp_path):
    truth = make_economy(grid(1), seed=1, size=200, laws=Laws(sleep=0.02)).truth
    truth.save(tmp_path / TRUTH)
    again = Truth.load(tmp_path / TRUTH)

    assert again.laws == truth.laws
    assert all(
        np.array_equal(getattr(again, name), getattr(truth, name))
        for name in ("siret", "level", "mix", "rome_of", "told", "active", "drift")
    )


def test_an_economy_of_other_laws_differs_in_what_they_govern_alone():
    laws = Laws()
    one = make_economy(grid(1), seed=1, size=400, laws=laws).truth
    other = make_economy(grid(1), seed=1, size=400, laws=replace(laws, sleep=0.02)).truth

    assert np.array_equal(one.size, other.size)
    assert np.array_equal(one.level, other.level)
    assert not np.array_equal(one.active, other.active)


def test_hires_are_as_frequent_as_the_laws_make_them():
    truth = make_economy(grid(1), seed=1, size=20_000).truth
    day = truth.time(truth.laws.day)
    alive = (truth.born <= day) & (truth.closed > day)
    coming = np.bincount(truth.firm, weights=np.where(truth.month >= day, truth.n, 0), minlength=len(alive))[alive]
    past = np.bincount(truth.firm, weights=np.where(truth.month < day, truth.n, 0), minlength=len(alive))[alive]

    assert 0.67 < alive.mean() < 0.73
    assert 0.07 < (coming > 0).mean() < 0.13
    assert 0.55 < (past == 0).mean() < 0.70
    assert 0.10 < coming[past == 0].sum() / coming.sum() < 0.20


def test_september_is_the_month_of_apprentices():
    truth = make_economy(grid(1), seed=1, size=20_000).truth
    of_year = (truth.laws.start.of_year - 1 + truth.month) % 12 + 1
    share = np.bincount(of_year, weights=truth.n, minlength=13) / truth.n.sum()

    assert share.argmax() == 9
    assert 0.28 < share[9] < 0.45


def test_an_establishment_hires_only_while_it_lives():
    truth = make_economy(grid(1), seed=1, size=5_000).truth

    assert (truth.month >= truth.born[truth.firm]).all()
    assert (truth.month < truth.closed[truth.firm]).all()


def test_each_hire_is_of_an_occupation_of_its_activity():
    truth = make_economy(grid(1), seed=1, size=5_000).truth
    of_firm = truth.rome_of[truth.activity[truth.firm]]

    assert (of_firm == truth.rome[:, None]).any(axis=1).all()
    assert 0.85 < truth.told.mean() < 0.95


def test_what_the_files_say_before_the_day_is_what_was_true(tmp_path):
    write_inputs(tmp_path / "in", seed=1, size=2_000)
    truth = Truth.load(tmp_path / "in" / TRUTH)
    known = truth.month < truth.time(truth.laws.day)
    months = read(tmp_path / "in" / "hires.parquet", "SELECT min(month), max(month), sum(n), count(rome) FROM {}")

    assert months == [
        (str(truth.laws.start), "2026-06", truth.n[known].sum(), (known & truth.told).sum()),
    ]


def test_late_declarations_are_missing_from_the_last_months_alone(tmp_path):
    for name, dirt in (("clean", Dirt()), ("late", Dirt(late=True, lag_months=2))):
        write_inputs(tmp_path / name, seed=1, size=5_000, dirt=dirt)
    clean, late = (
        dict(read(tmp_path / name / "hires.parquet", "SELECT month, sum(n) FROM {} GROUP BY month"))
        for name in ("clean", "late")
    )

    assert {month for month in clean if clean[month] != late.get(month)} <= {f"2026-{nth:02d}" for nth in (3, 4, 5, 6)}
    assert late["2026-06"] < clean["2026-06"] / 2
    assert "lag_months = 2" in (tmp_path / "late" / "inputs.toml").read_text()


def test_moves_are_found_again_by_the_features(tmp_path):
    write_inputs(tmp_path / "in", seed=1, size=3_000, dirt=Dirt(moves=0.05))
    ingested(tmp_path / "in")
    with open_tables(tmp_path / "out") as database:
        moved = write_features(database, Origin(Month.parse("2026-07")), tmp_path / "features.parquet").moves
    closed = read(
        tmp_path / "out" / "establishments.parquet",
        "SELECT count(*) FROM {0} AS old JOIN {0} AS new ON new.siret[1:9] = old.siret[1:9] "
        "AND new.created = old.closed",
    )

    assert moved == closed[0][0] > 300


def test_every_defect_injected_twenty_times_is_rejected_where_it_is_and_for_its_reason(tmp_path):
    write_inputs(tmp_path / "in", seed=1, size=1_000)
    defects = soil(tmp_path / "in", 20, seed=1)
    counts = ingested(tmp_path / "in", ceilings=TOLERANT)

    for table in DEFECTS:
        with (tmp_path / "rejects" / f"{table}.csv").open(newline="") as stream:
            rejected = [(row["file"], int(row["row"]), row["reasons"]) for row in csv.DictReader(stream)]
        expected = [(defect.file, defect.row, defect.reason) for defect in defects if defect.table == table]
        assert rejected == expected
        assert len(expected) == 20 * len(DEFECTS[table]) == counts[table].rejected


@pytest.mark.parametrize("table", [table for table in TABLES if table.name != "opt_out"], ids=lambda table: table.name)
def test_every_reason_of_a_table_is_among_the_defects(table):
    # A line of Parquet has always its shape, and a basin is a column of the survey alone.
    injected = {reason for reason, _ in DEFECTS[table.name]}

    assert {rule.reason for rule in table.rejects} <= injected
    assert not table.key or table.total or "duplicate" in injected
