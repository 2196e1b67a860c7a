"""What a scorer is: from everybody alive on a day to how likely each of them hires, whoever says so.

The model, the baselines and the oracles of the synthetic economy stand behind one Protocol, so that every table can
show them side by side.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from widget_server.forecast.clock import Origin, Split
from widget_server.forecast.features import FEATURES

MIX_WIDTH: Final = 12
"""How many ROME codes an establishment is spread over at most."""

Singles = NDArray[np.float32]
Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.str_]

Progress = Callable[[str], None]
"""Told one line for each step of a stage: what was done, with its counts."""

COLUMNS: Final[Mapping[str, int]] = {feature.name: place for place, feature in enumerate(FEATURES)}
"""The place of each feature in a matrix."""


@dataclass(frozen=True, kw_only=True)
class Hires:
    """Hires by establishment and ROME, one entry each: the row in its `Population`, the ROME, how many."""

    row: Integers
    rome: Texts
    n: Integers


@dataclass(frozen=True, kw_only=True)
class Population:
    """Everybody who is scored on the day of an origin, in ascending order of SIRET; all arrays have N rows.

    naf        "" when unknown
    features   [N, len(FEATURES)] in the order of FEATURES, NaN is null
    known      whether a hire of it is known, however long ago
    past       hires with a ROME in the 60 newest known months
    label      hires in the window that is predicted; None when nobody knows them yet
    future     the same by ROME, those without a ROME left out; None likewise
    """

    origin: Origin
    siret: Texts
    departement: Texts
    commune: Texts
    naf: Texts
    latitude: Numbers
    longitude: Numbers
    features: Singles
    known: Flags
    past: Hires
    label: Integers | None
    future: Hires | None

    def __len__(self) -> int:
        return len(self.siret)

    def column(self, feature: str) -> Singles:
        """One feature of everybody."""
        found: Singles = self.features[:, COLUMNS[feature]]
        return found


@dataclass(frozen=True, kw_only=True)
class Mix:
    """How the hires of each establishment are spread over ROME codes: at most 12, the largest share first.

    romes   the codes that `code` points into, sorted
    code    [N, 12] places in `romes`
    share   [N, 12]; 0 where there are fewer
    """

    romes: Texts
    code: NDArray[np.int16]
    share: Singles


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a scorer says about everybody of a population.

    p_any            P(at least one hire in the window)
    expected_hires   expected number of hires in the window, all ROME
    mix              its own mix; None for the mix of the NAF
    """

    p_any: Numbers
    expected_hires: Numbers
    mix: Mix | None = None


class Scorer(Protocol):
    """Somebody who says how likely each establishment hires."""

    @property
    def name(self) -> str:
        """As it stands in a table."""

    def predict(self, population: Population) -> Prediction:
        """What it says about everybody; the label must not be looked at."""


class Data(Protocol):
    """What there is to learn from: the features of past origins."""

    def population(self, origin: Origin) -> Population:
        """Everybody of an origin with features and label."""

    def file(self, origin: Origin) -> Path:
        """The Parquet file of the origin: KEYS, FEATURES and LABEL, by SIRET."""


class Learner(Protocol):
    """Somebody who becomes a scorer by looking at the training origins of a split, and only at them."""

    @property
    def name(self) -> str:
        """As its scorer stands in a table."""

    def fit(self, split: Split, data: Data) -> Scorer:
        """Learn; what it returns may predict any later origin."""
