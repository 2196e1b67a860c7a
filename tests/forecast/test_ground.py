"""Is a synthetic economy laid over the real France one that an ingest accepts with the shipped tables?"""

import duckdb
from click.testing import CliRunner

from widget_server.cli import main
from widget_server.reference.occupations import Occupations
from widget_server.reference.places import Places
from widget_server.sandbox.ground import france
from widget_server.sandbox.names import MARKS


def test_every_departement_has_towns_and_every_occupation_is_a_parent_of_rome():
    places, occupations = Places.load(), Occupations.load()
    ground = france(places)

    assert set(ground.departements) == {each.code for each in places.real_departements()}
    assert all(occupations.parent(rome) == rome for rome in ground.romes)
    assert all(any(mark in name for mark in MARKS) for activity in ground.activities for name in activity.names)


def test_the_command_draws_an_economy_of_a_month_that_the_shipped_tables_accept(tmp_path):
    drawn = ["synth", str(tmp_path / "in"), "--over", "france", "--size", "1500", "--seed", "1", "--month", "2026-03"]
    made = CliRunner().invoke(main, ["forecast", *drawn])
    read = CliRunner().invoke(main, ["forecast", "ingest", str(tmp_path / "in"), "--data-dir", str(tmp_path / "data")])

    assert made.exit_code == 0, made.output
    assert read.exit_code == 0, read.output
    assert "day = 2026-03-01" in (tmp_path / "in" / "inputs.toml").read_text("utf-8")
    tables = next((tmp_path / "data" / "forecast" / "inputs").glob("2026-03-01-*")) / "tables"
    rows, placed, named = duckdb.sql(
        "SELECT count(*), avg(CAST(own_place AS INTEGER)), "
        "count(*) FILTER (WHERE regexp_matches(name, 'Ficti|Imagin|Invent')) "
        f"FROM '{tables / 'establishments.parquet'}'"
    ).fetchall()[0]
    assert rows == named > 1_000
    assert placed > 0.99


def test_a_month_that_is_none_is_refused(tmp_path):
    found = CliRunner().invoke(main, ["forecast", "synth", str(tmp_path / "in"), "--month", "mars"])

    assert found.exit_code == 2
    assert "a month is written 2026-07" in found.output
