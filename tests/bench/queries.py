"""Questions as people ask them, by seed: three in four near where people live, of occupations that are asked for."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench import data
from widget_server.domain.query import Centre
from widget_server.sandbox.trades import TRADES


@dataclass(frozen=True)
class Question:
    """Occupations around a point."""

    romes: tuple[str, ...]
    latitude: float
    longitude: float
    radius_km: int

    def centre(self) -> Centre:
        """The point, as a search takes it."""
        return Centre(
            label="",
            latitude=self.latitude,
            longitude=self.longitude,
            municipalities=(),
            departement=None,
            region=None,
            given=(),
        )

    def query(self) -> str:
        """As a query string."""
        return (
            f"romes={','.join(self.romes)}&latitude={self.latitude:.3f}&longitude={self.longitude:.3f}"
            f"&radius={self.radius_km}"
        )


def questions(seed: int, romes: int, radius_km: int, *, known: tuple[str, ...] = ()) -> Iterator[Question]:
    """Endless. `known` are the occupations to draw from; without them those of the sandbox, by their weight."""
    rng = random.Random(f"{seed} {romes} {radius_km}")
    towns = data.towns()
    people = [population for _, _, population in towns]
    codes = [trade.rome for trade in TRADES]
    weights = [trade.weight for trade in TRADES]
    while True:
        if known:
            asked = set(rng.sample(known, romes))
        else:
            asked = set()
            while len(asked) < romes:
                asked.add(rng.choices(codes, weights)[0])
        latitude, longitude, _ = rng.choices(towns, people if rng.random() < 0.75 else None)[0]
        yield Question(
            tuple(sorted(asked)),
            round(latitude + rng.gauss(0, 0.02), 3),
            round(longitude + rng.gauss(0, 0.02), 3),
            radius_km,
        )
