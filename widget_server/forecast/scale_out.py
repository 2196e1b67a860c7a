"""Train on a Dask cluster, for data that no one machine holds; the boosters are those of `LocalTrainer`, or nearly.

With one worker they are the same to the byte. With several the quantiles of their parts are merged, so that some p
differ while the quality stays. Workers read the same Parquet files, by the same paths; scoring needs no cluster.

Dask is asked for processes and nothing else: `xgboost.dask` would hold the rows as arrays too, and leave their
placing to the scheduler, which moves them about; then the same files and seed do not give the same bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Final

import distributed
from xgboost import collective
from xgboost.tracker import RabitTracker

from widget_server.domain.errors import ForecastError
from widget_server.forecast.model import ROW_GROUP, Piece, Settings, Target, learn, pieces

_PATIENCE_S: Final = 30
_LOOK_S: Final = 1

Meeting = Mapping[str, str | int]
"""Where the workers of one training find each other."""


class DaskTrainer:
    """A `Trainer` whose workers read and hold the rows; each worker takes a stretch of them, in their order.

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
        """The booster of each target as UBJ, from labelled files of features.

        A `ForecastError` where the cluster has no worker, or where one cannot read the files or leaves.
        """
        every = pieces([path.absolute() for path in files], self._rows_at_once)
        # One that no piece is left for stays out.
        workers = sorted(self._workers or self._present())[: len(every)]
        if not workers:
            raise ForecastError("the Dask cluster has no worker; start one with dask worker, or leave --dask out")
        # Two trainings at once would each wait for workers that the other one keeps.
        with distributed.MultiLock(workers, client=self._client):
            self._client.run(_open, {path for path, _, _ in every}, workers=workers)
            meeting = self._client.run_on_scheduler(_meet, len(workers), self._client.scheduler.address)
            learning = {
                address: self._client.submit(
                    _learn,
                    every[place * len(every) // len(workers) : (place + 1) * len(every) // len(workers)],
                    settings,
                    seed,
                    meeting | {"dmlc_task_id": f"{place:06}"},  # ranks go by it
                    workers=[address],
                    pure=False,
                )
                for place, address in enumerate(workers)
            }
            self._await(learning)
            # All learn the same boosters.
            found: dict[Target, bytes] = learning[workers[0]].result()
        return found

    def _present(self) -> set[str]:
        return set(self._client.scheduler_info(n_workers=-1)["workers"])

    def _await(self, learning: Mapping[str, distributed.Future]) -> None:
        """Until all are done; a `ForecastError` when one leaves, for which Dask would wait until it came back."""
        while not all(future.done() for future in learning.values()):
            with suppress(TimeoutError):
                distributed.wait(list(learning.values()), timeout=_LOOK_S)
                return
            if gone := sorted(set(learning) - self._present()):
                raise ForecastError(f"{gone[0]} left the Dask cluster during the training; start it again, and train")


def _open(files: set[Path], dask_worker: distributed.Worker) -> None:
    """On a worker, before any waits for the others: can it read the files?"""
    for path in files:
        try:
            path.open("rb").close()
        except OSError as error:
            raise ForecastError(
                f"the Dask worker {dask_worker.address} cannot read {path} ({error.strerror}); "
                "the workers read the same files by the same paths: give them the folder, or leave --dask out"
            ) from error


def _meet(workers: int, address: str) -> Meeting:
    """Open, on the scheduler, which all can reach, the place where the workers of a training find each other."""
    tracker = RabitTracker(n_workers=workers, host_ip=distributed.comm.get_address_host(address), sortby="task")
    tracker.start()
    Thread(target=tracker.wait_for, daemon=True).start()
    return tracker.worker_args()


def _learn(share: Sequence[Piece], settings: Settings, seed: int, meeting: Meeting) -> dict[Target, bytes]:
    """On a worker: its part in a training."""
    with collective.CommunicatorContext(**meeting):
        return learn(share, settings, seed=seed, threads=distributed.get_worker().state.nthreads)
