"""A small economy, read as an operator's files are, for every test that needs more than a few establishments."""

from types import SimpleNamespace

import pytest

from widget_server.forecast.features import open_tables, write_features
from widget_server.forecast.ground import grid
from widget_server.forecast.ingest import ingest, read_request
from widget_server.forecast.occupations import read_affinity
from widget_server.forecast.populations import Library
from widget_server.forecast.synth import Dirt, write_inputs

SEED, SIZE = 5, 4_000


@pytest.fixture(scope="session")
def economy(tmp_path_factory):
    """Clean tables of 4 000 establishments, some hidden, opted out or moved; and a library of their past."""
    folder = tmp_path_factory.mktemp("economy")
    ground = grid(SEED)
    write_inputs(folder / "in", seed=SEED, size=SIZE, dirt=Dirt(hidden=0.05, opted_out=0.02, moves=0.02))
    ingest(folder / "in", folder / "tables", folder / "rejects", ground.reference())
    database = open_tables(folder / "tables")
    (folder / "features").mkdir()
    live = read_request(folder / "in").origin
    write_features(database, live, folder / "live.parquet")
    yield SimpleNamespace(
        folder=folder,
        tables=folder / "tables",
        origin=live,
        database=database,
        library=Library(database, folder / "features"),
        live=folder / "live.parquet",
        matrix=read_affinity(database),
        people=ground.people(),
    )
    database.close()
