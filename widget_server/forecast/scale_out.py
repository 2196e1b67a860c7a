"""Train on a Dask cluster, for data that no one machine holds; the boosters are those of `LocalTrainer`, or nearly.

With one worker they are the same to the byte. With several the quantiles of their parts are merged, so that some p
differ while the quality stays. Workers read the same Parquet files, by the same paths; scoring needs no cluster.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import dask
import dask.array
import distributed
import duckdb
import numpy as np
import xgboost.dask

from widget_server.domain.errors import ForecastError
from widget_server.forecast.features import FEATURES
from widget_server.forecast.model import ROW_GROUP, TARGETS, Settings, Target, labels, read_rows
from widget_server.forecast.populations import row_groups
from widget_server.forecast.scorers import COLUMNS, Singles

_PATIENCE_S: Final = 30


class DaskTrainer:
    """A `Trainer` whose workers hold the rows; each worker gets a stretch of them, in their order.

    `workers` are the addresses of those that take part, all of them by default.
    """

    def __init__(
        self, client: distributed.Client, *, workers: Sequence[str] = (), rows_at_once: int = ROW_GROUP
    ) -> None:
        self._client = client
        self._workers = workers
        self._rows_at_once = rows_at_once

    @classmethod
    @contextmanager
    def connected(cls, address: str, *, patience_s: float = _PATIENCE_S) -> Iterator["DaskTrainer"]:
        """A trainer on the cluster at an address such as tcp://10.0.0.1:8786.

        A `ForecastError` where nobody answers.
        """
        try:
            client = distributed.Client(address, timeout=patience_s)
        except (OSError, ValueError) as error:
            raise ForecastError(
                f"no Dask scheduler answers at {address} ({error}); start one with dask scheduler, or leave --dask out"
            ) from error
        with client:
            yield cls(client)

    def train(self, files: Sequence[Path], settings: Settings, *, seed: int) -> dict[Target, bytes]:
        """The booster of each target as UBJ, from labelled files of features."""
        with duckdb.connect() as database:
            pieces = [piece for path in files for piece in row_groups(database, path, self._rows_at_once)]
        workers = sorted(self._workers or self._client.scheduler_info(n_workers=-1)["workers"])
        read = dask.delayed(_read)
        features, hires = [], []
        for nth, (path, first, end) in enumerate(pieces):
            # A stretch for each worker: with one, the rows come in the order in which a single process reads them.
            with dask.annotate(workers=[workers[nth * len(workers) // len(pieces)]], allow_other_workers=False):
                rows = read(path, first, end, settings.without)
                features.append(dask.array.from_delayed(rows[0], (end - first, len(FEATURES)), np.float32))
                hires.append(dask.array.from_delayed(rows[1], (end - first,), np.float32))
        # Held where they were read; without optimization the notes on where that is stay.
        held, counted = self._client.persist(
            [dask.array.concatenate(features), dask.array.concatenate(hires)], optimize_graph=False
        )
        return {target: self._train(held, counted, settings, target, seed) for target in TARGETS}

    def _train(
        self, features: dask.array.Array, hires: dask.array.Array, settings: Settings, target: Target, seed: int
    ) -> bytes:
        rows = xgboost.dask.DaskQuantileDMatrix(
            self._client,
            features,
            hires.map_blocks(labels, target, dtype=np.float32),
            max_bin=settings.bins,
            feature_names=list(COLUMNS),
        )
        parameters = settings.parameters(target, seed=seed)
        found = xgboost.dask.train(self._client, parameters, rows, num_boost_round=settings.rounds)
        return bytes(found["booster"].save_raw("ubj"))


def _read(path: Path, first: int, end: int, without: Sequence[str]) -> tuple[Singles, Singles]:
    """Some rows of a file, on a worker."""
    with duckdb.connect() as database:
        database.execute("SET threads = 1")
        features, hires = read_rows(database, path, first, end)
    features[:, [COLUMNS[name] for name in without]] = np.nan
    return features, hires
