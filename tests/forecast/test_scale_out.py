"""Does a cluster learn what one process learns? A real one, of processes on loopback."""

from dataclasses import replace

import dask
import distributed
import numpy as np
import pytest

from widget_server.domain.errors import ForecastError
from widget_server.forecast.clock import Origin
from widget_server.forecast.economy import Laws
from widget_server.forecast.features import open_tables
from widget_server.forecast.ground import grid
from widget_server.forecast.ingest import ingest
from widget_server.forecast.model import Boosters, LocalTrainer, Settings
from widget_server.forecast.populations import Library
from widget_server.forecast.scale_out import DaskTrainer
from widget_server.forecast.synth import write_inputs

SETTINGS = Settings(rounds=20)
ROWS_AT_ONCE = 4_000


@pytest.fixture(scope="module")
def cluster():
    settings = {"distributed.admin.tick.limit": "60s", "distributed.worker.memory.terminate": False}
    with (
        dask.config.set(settings),
        # Without these addresses it asks for port 8787 of every interface, dashboard or not.
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
    ):
        yield cluster


@pytest.fixture(scope="module")
def learned_from(tmp_path_factory):
    """Three training origins of a synthetic economy, and one to be tested on."""
    folder = tmp_path_factory.mktemp("economy")
    write_inputs(folder / "in", seed=1, size=20_000)
    ingest(folder / "in", folder / "out", folder / "rejects", grid(1).reference())
    with open_tables(folder / "out") as database:
        library = Library(database, folder)
        files = [library.file(Origin(Laws().day - months)) for months in (30, 24, 18)]
        return files, library.population(Origin(Laws().day - 12))


def log_loss(trained, population):
    p, _ = Boosters.read(trained).predict(population.features)
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return -np.mean(np.where(population.label > 0, np.log(p), np.log(1 - p)))


def test_one_worker_gives_the_same_bytes_and_two_the_same_quality(cluster, learned_from):
    files, population = learned_from
    alone = LocalTrainer(threads=1).train(files, SETTINGS, seed=1)
    with distributed.Client(cluster.scheduler_address) as client:
        first = min(client.scheduler_info(n_workers=-1)["workers"])
        one = DaskTrainer(client, workers=[first], rows_at_once=ROWS_AT_ONCE).train(files, SETTINGS, seed=1)
        two = DaskTrainer(client, rows_at_once=ROWS_AT_ONCE).train(files, SETTINGS, seed=1)

    assert [one[target] == alone[target] for target in alone] == [True, True]
    assert two["any"] != alone["any"]  # both took part
    assert log_loss(two, population) == pytest.approx(log_loss(alone, population), rel=1e-3)


def test_a_cluster_hides_the_features_of_an_ablation_too(cluster, learned_from):
    files, _ = learned_from
    blind = replace(SETTINGS, rounds=3, without=("sum_12m", "headcount"))
    with DaskTrainer.connected(cluster.scheduler_address) as trainer:
        trained = trainer.train(files[:1], blind, seed=1)

    used = Boosters.read(trained).any.get_score()
    assert used
    assert not {"sum_12m", "headcount"} & set(used)


def test_a_cluster_that_does_not_answer_is_named():
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "100ms"}),
        pytest.raises(ForecastError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1 "),
        DaskTrainer.connected("tcp://127.0.0.1:1", patience_s=0.2),
    ):
        pass
