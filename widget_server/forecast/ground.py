"""What a synthetic economy stands on: towns with their codes, activities (NAF), and the occupations that each hires.

Codes are real, so that an ingest accepts them; every establishment, name and number laid over them is made up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from widget_server.forecast.ingest import Reference

_SECTORS: Final = (
    ("C", "1013B 1071C 1071D 2511Z 2562B 3109B 1812Z 3320A", "D1101 D1102 D1104 H2902 H2903"),
    ("F", "4120A 4120B 4321A 4322A 4322B 4332A 4334Z 4391B 4399C 4211Z", "F1703 F1603 F1602 F1606 F1607"),
    ("G", "4511Z 4520A 4520B 4711D 4711F 4722Z 4724Z 4752A 4771Z 4773Z 4778C 4669B", "D1106 D1214 D1401 I1604 I1606"),
    ("H", "4941A 4941B 5210B 5229A 5229B 5320Z", "N1103 N4101 N1301 N1303 N4105"),
    ("I", "5510Z 5520Z 5610A 5610C 5621Z 5630Z", "G1602 G1803 G1603 G1703 G1801"),
    ("J", "6201Z 6202A 6202B 6311Z 5829C 5911B", "M1805 M1810 M1801 M1802 E1104"),
    ("K", "6419Z 6512Z 6622Z 6630Z 6499Z", "C1102 C1206 C1201 C1203 C1202"),
    ("L", "6831Z 6832A 6820A 6820B", "C1504 C1501 C1502 C1503 I1203"),
    ("M", "6910Z 6920Z 7022Z 7111Z 7112B 7311Z 7120B", "M1203 M1705 E1103 M1402 H1206"),
    ("N", "8121Z 8130Z 8010Z 8211Z 7711A", "K2204 A1203 K2503 M1607 D1407"),
    ("Q", "8710A 8810A 8891A 8610Z 8690F 8899B", "K1304 K1302 J1501 K1303 J1307"),
    ("S", "9602A 9602B 9499Z 9601B 9511Z", "D1202 D1208 G1203 G1204 B1802"),
)
"""12 sections of NAF with 80 activities and 60 occupations, five of them at home in each."""
_HOME: Final = 20.0  # so many times likelier is an occupation of the own sector than another one
_CELL_M: Final = 85_000.0
_COLUMNS, _ROWS = 6, 4
_MIDDLE_M: Final = (700_000.0, 6_600_000.0)  # Lambert-93, near the middle of France
_DEPARTEMENTS: Final = tuple(f"{number:02d}" for number in range(1, 26) if number != 20)
_TOWN_RADIUS_M: Final = 35_000.0
_NAMES: Final = (
    "Atelier Fictif", "Maison Fictive", "Comptoir Imaginaire", "Société Imaginaire", "Établissement Inventé",
    "Entreprise Inventée",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Town:
    """Where establishments are: a commune, its point in metres of its territory's official projection, its weight."""

    insee: str
    name: str
    postcode: str
    departement: str
    x_m: float
    y_m: float
    weight: float


@dataclass(frozen=True, kw_only=True)
class Activity:
    """A NAF code. Its sector shares a season and a tension.

    romes   what it may hire, each with the weight with which it is drawn
    names   beginnings of the names of its establishments; each says that the establishment is made up
    """

    naf: str
    sector: str
    romes: tuple[tuple[str, float], ...]
    names: tuple[str, ...] = _NAMES


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Towns and activities, in any order; the towns of a département stand together."""

    towns: tuple[Town, ...]
    activities: tuple[Activity, ...]

    @property
    def departements(self) -> tuple[str, ...]:
        """Their codes, in the order of the towns."""
        return tuple(dict.fromkeys(town.departement for town in self.towns))

    @property
    def sectors(self) -> tuple[str, ...]:
        """In the order of the activities."""
        return tuple(dict.fromkeys(activity.sector for activity in self.activities))

    @property
    def romes(self) -> tuple[str, ...]:
        """Sorted."""
        return tuple(sorted({rome for activity in self.activities for rome, _ in activity.romes}))

    def people(self) -> dict[str, int]:
        """The population of each commune, by which queries are drawn."""
        found: dict[str, int] = {}
        for town in self.towns:
            found[town.insee] = found.get(town.insee, 0) + max(1, round(town.weight * 1_000))
        return found

    def reference(self) -> Reference:
        """What an ingest has to know to accept its codes; the towns have no centre, as each row has its own place."""
        return Reference(
            communes={town.insee: (None, None) for town in self.towns},
            romes={rome: rome for rome in self.romes},
            departements=self.departements,
        )


def grid(seed: int) -> Ground:
    """24 départements in a grid of 6 x 4 cells of 85 km, with 3 to 6 towns each; weights and places by the seed.

    Codes are those of real départements. The places are not theirs: the grid is a country of its own.
    """
    dice = np.random.default_rng([seed, 1])
    weights = dice.pareto(1.6, len(_DEPARTEMENTS)) + 0.5
    weights /= weights.sum()
    towns = []
    for cell, code in enumerate(_DEPARTEMENTS):
        count = int(dice.integers(3, 7))
        ranked = np.arange(1, count + 1) ** -1.1
        away = _TOWN_RADIUS_M * np.sqrt(dice.random(count))
        angle = dice.random(count) * 2 * np.pi
        x = _MIDDLE_M[0] + (cell % _COLUMNS - (_COLUMNS - 1) / 2) * _CELL_M + away * np.cos(angle)
        y = _MIDDLE_M[1] + (cell // _COLUMNS - (_ROWS - 1) / 2) * _CELL_M + away * np.sin(angle)
        towns += [
            Town(
                insee=f"{code}{nth + 1:03d}",
                name=f"VILLE FICTIVE {code}-{nth + 1}",
                postcode=f"{code}{nth + 1:02d}0",
                departement=code,
                x_m=float(x[nth]),
                y_m=float(y[nth]),
                weight=float(1_000 * weights[cell] * ranked[nth] / ranked.sum()),
            )
            for nth in range(count)
        ]
    return Ground(towns=tuple(towns), activities=_activities())


def _activities() -> tuple[Activity, ...]:
    everywhere = [rome for _, _, romes in _SECTORS for rome in romes.split()]
    return tuple(
        Activity(naf=naf, sector=letter, romes=at_home(home.split(), everywhere))
        for letter, nafs, home in _SECTORS
        for naf in nafs.split()
    )


def at_home(home: Sequence[str], everywhere: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """Every occupation with its weight: those of the own sector are drawn first, others now and then."""
    return tuple((rome, _HOME if rome in home else 1.0) for rome in everywhere)
