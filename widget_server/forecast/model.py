"""The hurdle: one booster for whether an establishment hires, one for how many it hires.

    FOLDER/any.ubj, count.ubj     the boosters
    FOLDER/features.json          names in order, families, constraints; a booster knows its columns by place alone
    FOLDER/rome.json              how much the mix of the NAF weighs, and the hash of the matrix
    FOLDER/calibration.json       the steps of the calibration, only where it was worth it

The rows of training come in row groups from Parquet files, so the whole matrix of floats is never in memory. The same
files, settings and seed give the same bytes, whatever the number of threads and of row groups.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, Protocol

import duckdb
import msgspec
import numpy as np
import xgboost as xgb

from widget_server.domain.errors import StageDamaged
from widget_server.forecast.calibration import Calibration
from widget_server.forecast.clock import Split
from widget_server.forecast.features import FEATURES, LABEL
from widget_server.forecast.occupations import Affinity, choose_kappa, own_mix
from widget_server.forecast.populations import FEATURES_SQL, matrix, row_groups, source_sql
from widget_server.forecast.scorers import COLUMNS, Data, Numbers, Population, Prediction, Singles

ROW_GROUP: Final = 122_880
"""Rows that are read at once."""
SCORED_AT_ONCE: Final = 250_000
FILES: Final = ("any.ubj", "count.ubj", "features.json", "rome.json")
"""What a model folder needs."""
CALIBRATION: Final = "calibration.json"
"""There only when it is applied."""

Target = Literal["any", "count"]
TARGETS: Final[tuple[Target, ...]] = ("any", "count")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a model is trained; all of it goes into the key of the stage.

    external_memory   rows stay on disk during training: a third of the memory, twice the CPU
    without           features that it must not see: for an ablation
    """

    rounds: int = 300
    depth: int = 6
    eta: float = 0.05
    subsample: float = 0.8
    columns_by_tree: float = 0.7
    bins: int = 256
    least_weight_any: float = 20.0
    least_weight_count: float = 5.0
    monotone: bool = True
    external_memory: bool = False
    without: tuple[str, ...] = ()

    def parameters(self, target: Target, *, seed: int) -> dict[str, str | int | float]:
        """What XGBoost is told for one booster."""
        shared: dict[str, str | int | float] = {
            "tree_method": "hist",
            "max_depth": self.depth,
            "eta": self.eta,
            "subsample": self.subsample,
            "colsample_bytree": self.columns_by_tree,
            "max_bin": self.bins,
            "seed": seed,
            "verbosity": 0,
        }
        if self.monotone:
            shared["monotone_constraints"] = f"({','.join(str(feature.constraint) for feature in FEATURES)})"
        if target == "any":
            return shared | {"objective": "binary:logistic", "min_child_weight": self.least_weight_any}
        return shared | {
            "objective": "count:poisson",
            "min_child_weight": self.least_weight_count,
            "max_delta_step": 0.7,
        }


class Trainer(Protocol):
    """Whoever turns files of features into boosters: this process, or a cluster."""

    def train(self, files: Sequence[Path], settings: Settings, *, seed: int) -> dict[Target, bytes]:
        """The booster of each target as UBJ, from labelled files of features."""


class LocalTrainer:
    """Trains in this process; the bytes depend neither on the threads nor on how many rows are read at once."""

    def __init__(self, *, threads: int = 1, rows_at_once: int = ROW_GROUP) -> None:
        self._threads = threads
        self._rows_at_once = rows_at_once

    def train(self, files: Sequence[Path], settings: Settings, *, seed: int) -> dict[Target, bytes]:
        """Both boosters from one quantised matrix."""
        return learn(pieces(files, self._rows_at_once), settings, seed=seed, threads=self._threads)


Piece = tuple[Path, int, int]
"""A labelled file of features, the first row of a stretch of it, and the row behind its last."""


def pieces(files: Sequence[Path], rows_at_once: int) -> list[Piece]:
    """In which pieces the rows of files are read, in their order."""
    with duckdb.connect() as database:
        return [piece for path in files for piece in row_groups(database, path, rows_at_once)]


def learn(some: Sequence[Piece], settings: Settings, *, seed: int, threads: int) -> dict[Target, bytes]:
    """The booster of each target as UBJ; inside a communicator of XGBoost, together with those who read the rest."""
    trained: dict[Target, bytes] = {}
    with _quantised(some, settings, threads) as rows:
        hires: Numbers = rows.get_label().astype(np.float64)
        for target in TARGETS:
            rows.set_label(labels(hires, target))
            parameters = settings.parameters(target, seed=seed) | {"nthread": threads}
            booster = xgb.train(dict(parameters), rows, settings.rounds)
            trained[target] = bytes(booster.save_raw("ubj"))
    return trained


class _Take(Protocol):
    def __call__(self, *, data: Singles, label: Singles, feature_names: list[str]) -> object: ...


class _Rows(xgb.DataIter):
    """The rows of some pieces, one piece at a time."""

    def __init__(self, some: Sequence[Piece], without: Sequence[str], *, cache: str | None) -> None:
        self._database = duckdb.connect()
        self._database.execute("SET threads = 1")
        self._pieces = some
        self._hidden = [COLUMNS[name] for name in without]
        self._next = 0
        super().__init__(cache_prefix=cache)

    def reset(self) -> None:
        self._next = 0

    def next(self, input_data: _Take) -> bool:
        if self._next == len(self._pieces):
            return False
        path, first, end = self._pieces[self._next]
        self._next += 1
        features, hires = _read(self._database, path, first, end)
        features[:, self._hidden] = np.nan
        input_data(data=features, label=hires, feature_names=[feature.name for feature in FEATURES])
        return True


def _read(database: duckdb.DuckDBPyConnection, path: Path, first: int, end: int) -> tuple[Singles, Singles]:
    """Features [end - first, len(FEATURES)] and hires of some rows of a labelled file."""
    columns = database.execute(
        f"SELECT {FEATURES_SQL}, CAST({LABEL} AS FLOAT) AS {LABEL} FROM {source_sql(path)} "
        f"WHERE file_row_number >= {first} AND file_row_number < {end} ORDER BY file_row_number"
    ).fetchnumpy()
    return matrix(columns), columns[LABEL].astype(np.float32)


def labels(hires: Numbers, target: Target) -> Singles:
    """What a booster learns: whether there was a hire, or how many."""
    return (hires > 0).astype(np.float32) if target == "any" else hires.astype(np.float32)


@contextmanager
def _quantised(some: Sequence[Piece], settings: Settings, threads: int) -> Iterator[xgb.DMatrix]:
    if not settings.external_memory:
        yield xgb.QuantileDMatrix(_Rows(some, settings.without, cache=None), max_bin=settings.bins, nthread=threads)
        return
    with TemporaryDirectory(dir=some[0][0].parent) as scratch:
        rows = _Rows(some, settings.without, cache=str(Path(scratch) / "pages"))
        yield xgb.ExtMemQuantileDMatrix(rows, max_bin=settings.bins, nthread=threads)


@dataclass(frozen=True, kw_only=True)
class Boosters:
    """Both boosters, ready to predict. A row without a value has NaN; columns are those of FEATURES, in order."""

    any: xgb.Booster
    count: xgb.Booster

    @classmethod
    def read(cls, trained: dict[Target, bytes], *, threads: int = 1) -> "Boosters":
        """From UBJ; a `StageDamaged` when the columns are not those that this version computes."""
        found = {}
        for target in TARGETS:
            booster = xgb.Booster({"nthread": threads})
            try:
                booster.load_model(bytearray(trained[target]))
            except xgb.core.XGBoostError as error:
                raise StageDamaged(f"{target}.ubj is not a model of XGBoost; train again") from error
            names = tuple(booster.feature_names or ())
            if names != tuple(COLUMNS):
                raise StageDamaged(f"{target}.ubj was trained on other columns than {_difference(names)}; train again")
            found[target] = booster
        return cls(any=found["any"], count=found["count"])

    def predict(self, features: Singles) -> tuple[Numbers, Numbers]:
        """`p_any` before calibration and the expected number of hires, in pieces that fit into the cache."""
        p_any, count = np.empty(len(features)), np.empty(len(features))
        for first in range(0, len(features), SCORED_AT_ONCE):
            some = slice(first, first + SCORED_AT_ONCE)
            # Not a fresh QuantileDMatrix: it would cut the values anew, and p would be off by up to 0.17.
            p_any[some] = self.any.inplace_predict(features[some])
            count[some] = self.count.inplace_predict(features[some])
        return p_any, count

    def contributions(self, features: Singles) -> Numbers:
        """Exact TreeSHAP of `any` in log-odds, [N, 46]; the last column is the bias."""
        rows = xgb.DMatrix(features, feature_names=list(COLUMNS))
        found: Numbers = self.any.predict(rows, pred_contribs=True).astype(np.float64)
        return found


class _Column(msgspec.Struct, frozen=True):
    name: str
    family: str
    constraint: int


class Rome(msgspec.Struct, frozen=True, kw_only=True):
    """How the mix of an establishment is made; `losses` by kappa, empty where no later hire told."""

    kappa: float
    losses: dict[str, float]
    matrix: str


_COLUMNS: Final = [_Column(feature.name, feature.family, feature.constraint) for feature in FEATURES]


@dataclass(frozen=True, kw_only=True)
class Hurdle:
    """The model as a scorer: both boosters, the calibration where there is one, the ROME mix of each establishment."""

    name: str
    boosters: Boosters
    matrix: Affinity
    rome: Rome
    calibration: Calibration | None = None
    own_history: bool = True

    def predict(self, population: Population) -> Prediction:
        """With the mix of the NAF bent by its own hires, or without `own_history` with that of the NAF."""
        p_any, expected_hires = self.estimate(population.features)
        mix = own_mix(self.matrix, population, self.rome.kappa) if self.own_history else None
        return Prediction(p_any=p_any, expected_hires=expected_hires, mix=mix)

    def estimate(self, features: Singles) -> tuple[Numbers, Numbers]:
        """`p_any` and `expected_hires`, which is never below it."""
        p_any, count = self.boosters.predict(features)
        if self.calibration:
            p_any = self.calibration.apply(p_any)
        return p_any, np.maximum(count, p_any)


class HurdleLearner:
    """Trains the hurdle on the origins of a split."""

    def __init__(
        self, trainer: Trainer, matrix: Affinity, settings: Settings, *, seed: int, threads: int, name: str = "hurdle"
    ) -> None:
        self.name = name
        self._trainer = trainer
        self._matrix = matrix
        self._settings = settings
        self._seed = seed
        self._threads = threads

    def fit(self, split: Split, data: Data) -> Hurdle:
        """Both boosters on all training origins; kappa on what came after the newest one."""
        return self.train(split, data)[0]

    def train(self, split: Split, data: Data) -> tuple[Hurdle, dict[Target, bytes]]:
        """The same, and the boosters as they are saved."""
        origins = sorted(split.train)
        trained = self._trainer.train([data.file(origin) for origin in origins], self._settings, seed=self._seed)
        kappa, losses = choose_kappa(self._matrix, [data.population(origins[-1])])
        model = Hurdle(
            name=self.name,
            boosters=Boosters.read(trained, threads=self._threads),
            matrix=self._matrix,
            rome=Rome(kappa=kappa, losses=losses, matrix=matrix_hash(self._matrix)),
        )
        return model, trained


def matrix_hash(matrix: Affinity) -> str:
    """The sha256 of what each NAF hires for."""
    digest = hashlib.sha256()
    for part in (matrix.romes, matrix.nafs):
        digest.update("\n".join(part.tolist()).encode() + b"\0")
    digest.update(np.round(matrix.share, 12).tobytes())
    return digest.hexdigest()


def write_model(folder: Path, trained: dict[Target, bytes], rome: Rome) -> None:
    """Write the FILES of a model into a folder."""
    for target in TARGETS:
        (folder / f"{target}.ubj").write_bytes(trained[target])
    _write(folder / "features.json", _COLUMNS)
    _write(folder / "rome.json", rome)


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Add a calibration to a model."""
    _write(folder / CALIBRATION, calibration)


def read_model(folder: Path, matrix: Affinity, *, threads: int = 1) -> Hurdle:
    """The model of a folder; a `StageDamaged` when it is not whole or was made for other columns."""
    try:
        columns = msgspec.json.decode((folder / "features.json").read_bytes(), type=list[_Column])
        rome = msgspec.json.decode((folder / "rome.json").read_bytes(), type=Rome)
        trained: dict[Target, bytes] = {target: (folder / f"{target}.ubj").read_bytes() for target in TARGETS}
        saved = folder / CALIBRATION
        calibration = msgspec.json.decode(saved.read_bytes(), type=Calibration) if saved.exists() else None
    except (OSError, msgspec.DecodeError) as error:
        raise StageDamaged(f"{folder} does not hold a whole model ({error}); train again") from error
    if columns != _COLUMNS:
        names = _difference([column.name for column in columns])
        raise StageDamaged(f"{folder / 'features.json'} has other columns than this version: {names}; train again")
    return Hurdle(
        name="hurdle",
        boosters=Boosters.read(trained, threads=threads),
        matrix=matrix,
        rome=rome,
        calibration=calibration,
    )


def _difference(names: Sequence[str]) -> str:
    """The first column that differs, as `sum_1m instead of sum_2m (column 1)`."""
    expected = tuple(COLUMNS)
    for place in range(max(len(names), len(expected))):
        there = names[place] if place < len(names) else "nothing"
        wanted = expected[place] if place < len(expected) else "nothing"
        if there != wanted:
            return f"{wanted} (column {place + 1} is {there})"
    return "the same names with another family or constraint"


def _write(path: Path, value: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")
