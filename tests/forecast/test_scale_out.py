"""Does a cluster learn what one process learns? A real one, of processes on loopback."""

import os
import re
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import dask
import distributed
import numpy as np
import pytest
import xgboost
from click.testing import CliRunner

from widget_server.cli import main
from widget_server.domain.errors import ForecastError
from widget_server.forecast.backtest import Places
from widget_server.forecast.clock import Origin
from widget_server.forecast.economy import Laws
from widget_server.forecast.features import open_tables
from widget_server.forecast.ground import grid
from widget_server.forecast.ingest import ingest
from widget_server.forecast.model import Boosters, LocalTrainer, Settings
from widget_server.forecast.pipeline import Works, ingest_stage
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
        two, again = (DaskTrainer(client, rows_at_once=ROWS_AT_ONCE).train(files, SETTINGS, seed=1) for _ in range(2))

    assert [one[target] == alone[target] for target in alone] == [True, True]
    assert two["any"] != alone["any"]  # both took part
    assert [two[target] == again[target] for target in two] == [True, True]
    assert log_loss(two, population) == pytest.approx(log_loss(alone, population), rel=1e-3)


def test_the_command_trains_on_it(cluster, tmp_path, monkeypatch):
    """With a data folder that is relative to where the command runs, which is not where the workers do."""
    monkeypatch.chdir(tmp_path)
    write_inputs(Path("inputs"), seed=1, size=1_200)
    works = Works(
        root=Path("data/forecast"),
        reference=grid(1).reference(),
        places=Places(people=grid(1).people(), regions={}),
        seed=1,
        progress=lambda line: None,
    )
    ingest_stage(works, Path("inputs"))
    done = CliRunner().invoke(
        main,
        [
            "forecast",
            "train",
            "--data-dir",
            "data",
            "--threads",
            "1",
            "--rounds",
            "3",
            "--dask",
            cluster.scheduler_address,
        ],
    )
    assert done.exit_code == 0, done.output
    (model,) = Path("data/forecast/models").glob("*/any.ubj")
    booster = xgboost.Booster(model_file=model)
    assert booster.num_boosted_rounds() == 3


def test_more_workers_than_pieces_are_no_trouble_and_rows_may_stay_on_disk(cluster, learned_from):
    files, _ = learned_from
    few = replace(SETTINGS, rounds=3, external_memory=True)
    with DaskTrainer.connected(cluster.scheduler_address) as trainer:
        trained = trainer.train(files[:1], few, seed=1)
    assert trained == LocalTrainer(threads=1).train(files[:1], few, seed=1)


def test_a_cluster_hides_the_features_of_an_ablation_too(cluster, learned_from):
    files, _ = learned_from
    blind = replace(SETTINGS, rounds=3, without=("sum_12m", "headcount"))
    with DaskTrainer.connected(cluster.scheduler_address) as trainer:
        trained = trainer.train(files[:1], blind, seed=1)

    used = Boosters.read(trained).any.get_score()
    assert used
    assert not {"sum_12m", "headcount"} & set(used)


def test_a_worker_that_cannot_read_the_files_is_named_before_any_waits(cluster, learned_from):
    files, _ = learned_from
    with (
        files[0].open("rb") as opened,
        DaskTrainer.connected(cluster.scheduler_address) as trainer,
        # A path that leads somewhere in this process only.
        pytest.raises(ForecastError, match=r"worker tcp://127\.0\.0\.1:\d+ cannot read /proc/self/fd/\d+ \(No such"),
    ):
        trainer.train([Path(f"/proc/self/fd/{opened.fileno()}")], SETTINGS, seed=1)


def test_a_worker_killed_during_the_training_is_named_and_the_next_training_succeeds(cluster, learned_from):
    files, _ = learned_from
    with distributed.Client(cluster.scheduler_address) as client:
        trainer = DaskTrainer(client, rows_at_once=ROWS_AT_ONCE)
        address, process = min(client.run(os.getpid).items())

        def kill():
            while not client.processing()[address]:
                time.sleep(0.1)
            time.sleep(1)
            os.kill(process, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(ForecastError, match=f"{re.escape(address)} left the Dask cluster during the training"):
            trainer.train(files, replace(SETTINGS, rounds=100_000), seed=1)
        killer.join()
        client.wait_for_workers(2, timeout=60)
        few = replace(SETTINGS, rounds=3)
        assert trainer.train(files, few, seed=1) == trainer.train(files, few, seed=1)


def test_a_cluster_without_workers_is_named(learned_from):
    files, _ = learned_from
    nowhere = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with (
        distributed.LocalCluster(n_workers=0, processes=True, **nowhere) as empty,
        DaskTrainer.connected(empty.scheduler_address) as trainer,
        pytest.raises(ForecastError, match="no worker; start one with dask worker"),
    ):
        trainer.train(files, SETTINGS, seed=1)


def test_a_cluster_that_does_not_answer_is_named():
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "100ms"}),
        pytest.raises(ForecastError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1 "),
        DaskTrainer.connected("tcp://127.0.0.1:1", patience_s=0.2),
    ):
        pass
