"""What does the monthly job say to a spoiled copy of good inputs, and what does it leave in place?"""

import shutil

import duckdb
import pytest
from click.testing import CliRunner

from widget_server.cli import main
from widget_server.forecast.defects import soil
from widget_server.forecast.synth import write_inputs

RELEASE = "2026-06-01-00000000"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good") / "in"
    write_inputs(folder, seed=1, size=1_500)
    return folder


@pytest.fixture
def spoiled(good, tmp_path):
    """A copy of the good inputs, to be spoiled, beside a data folder with a release in place."""
    shutil.copytree(good, tmp_path / "in")
    release = tmp_path / "data" / "forecast" / "releases" / RELEASE
    release.mkdir(parents=True)
    (release / "recruiters.ndjson.gz").write_bytes(b"of last month")
    (release.parent / "current").symlink_to(RELEASE)
    return tmp_path / "in"


def refused(folder):
    """What the run says, once it is sure that it wrote nothing and that the release stands where it stood."""
    found = CliRunner().invoke(main, ["forecast", "run", str(folder), "--data-dir", str(folder.parent / "data")])
    root = folder.parent / "data" / "forecast"
    assert found.exit_code == 1, found.output
    assert (root / "releases" / "current").readlink().name == RELEASE
    release = root / "releases" / RELEASE / "recruiters.ndjson.gz"
    written = {path for path in root.rglob("*") if path.is_file() and path.resolve() != release.resolve()}
    assert {path.name for path in written} <= {".lock"}
    assert release.read_bytes() == b"of last month"
    return " ".join(found.output.split())


def rewritten(path, sql):
    with duckdb.connect() as database:
        database.execute(f"COPY ({sql.format(path)}) TO '{path}.new' (FORMAT parquet)")
    path.with_name(f"{path.name}.new").replace(path)


def test_more_defects_than_the_ceilings_abort_the_run_with_each_reason_and_its_remedy(spoiled):
    soil(spoiled, 20, seed=1)
    said = refused(spoiled)

    assert "establishments: 300 of" in said
    assert "20 naf_format (establishments.parquet row" in said
    assert "a code of NAF such as 10.71C or 1071C" in said
    assert "or accept it with --max-rejects establishments=SHARE" in said


def test_a_truncated_parquet_file_is_named(spoiled):
    path = spoiled / "establishments.parquet"
    path.write_bytes(path.read_bytes()[:-500])

    assert "establishments.parquet is not a whole Parquet file; export or copy it again" in refused(spoiled)


def test_a_csv_in_latin_1_is_named_with_the_command_that_converts_it(spoiled):
    path = spoiled / "tension-2026.csv"
    path.write_bytes(path.read_text("utf-8").encode("latin-1"))
    said = refused(spoiled)

    assert "tension-2026.csv: its header is not UTF-8" in said
    assert "iconv -f LATIN1 -t UTF-8" in said


@pytest.mark.parametrize("name", ["establishments.parquet", "hires.parquet", "rome_naf.csv"])
def test_a_missing_table_is_named_with_its_columns(spoiled, name):
    (spoiled / name).unlink()
    said = refused(spoiled)

    table = name.split(".")[0]
    assert f"there is no {table} in" in said
    assert f"add {table}.parquet, .csv or .csv.gz with the columns" in said


def test_months_of_a_far_future_are_named(spoiled):
    rewritten(spoiled / "hires.parquet", "SELECT siret, '2099-01' AS month, rome, n FROM read_parquet('{}')")
    said = refused(spoiled)

    assert "month_range (hires.parquet row 1" in said
    assert "a month from 2000-01 to two years after the day; check the date of the export" in said


def test_a_table_of_sirets_that_lost_their_leading_zeros_is_read_and_every_repair_is_counted(good, tmp_path):
    shutil.copytree(good, tmp_path / "in")
    rewritten(
        tmp_path / "in" / "hires.parquet",
        "SELECT CAST(siret AS BIGINT) AS siret, month, rome, n FROM read_parquet('{}')",
    )
    found = CliRunner().invoke(
        main, ["forecast", "ingest", str(tmp_path / "in"), "--data-dir", str(tmp_path / "data"), "--json"]
    )

    assert found.exit_code == 0, found.output
    kept = duckdb.sql(f"SELECT count(*) FROM read_parquet('{tmp_path / 'in' / 'hires.parquet'}')").fetchall()[0][0]
    assert f"hires: {kept} read" in found.output
    assert "siret_padded" in found.output
