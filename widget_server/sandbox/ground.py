"""The real France under a fictitious economy: communes by population, activities with what their trades hire."""

from typing import Final

from widget_server.forecast.ground import Activity, Ground, Town
from widget_server.reference.places import Places
from widget_server.sandbox.names import beginnings
from widget_server.sandbox.phrases import FAMILIES
from widget_server.sandbox.projections import to_metres
from widget_server.sandbox.trades import TRADES

TOWNS: Final = 12
"""How many communes of each département have establishments: the most populous ones, the seat among them."""
_FLATTER: Final = 0.6  # by population alone a rural département would have next to nobody
_OWN: Final = 8.0
_EVERYWHERE: Final = {"M1607": 90.0, "M1203": 60.0, "D1401": 60.0, "M1805": 30.0}
"""What companies of every kind hire, with the weight of a trade that is at home."""


def france(places: Places) -> Ground:
    """Towns and activities for an economy laid over real communes and real occupations."""
    every = places.communes()
    split = {each.municipality for each in every if each.municipality != each.insee}
    towns: list[Town] = []
    for departement in sorted(places.real_departements(), key=lambda each: each.code):
        inside = sorted(
            (
                each
                for each in every
                if each.departement == departement.code and each.postcodes and each.insee not in split
            ),
            key=lambda each: (each.insee != departement.chef_lieu, -each.population, each.insee),
        )
        for commune in inside[:TOWNS]:
            if commune.latitude is None or commune.longitude is None:
                continue
            x_m, y_m = to_metres(commune.latitude, commune.longitude, commune.departement)
            towns.append(
                Town(
                    insee=commune.insee,
                    name=commune.name.upper(),
                    postcode=commune.postcodes[0],
                    departement=commune.departement,
                    x_m=x_m,
                    y_m=y_m,
                    weight=float(max(commune.population, 1)) ** _FLATTER,
                )
            )
    return Ground(towns=tuple(towns), activities=tuple(_activities()))


def _activities() -> list[Activity]:
    found: dict[str, Activity] = {}
    for family, told in FAMILIES.items():
        romes = {trade.rome: _OWN * trade.weight for trade in TRADES if trade.family == family}
        for naf in told.naf:
            # A code of two families hires as the first one does.
            found.setdefault(
                naf,
                Activity(
                    naf=naf,
                    sector=family,
                    romes=tuple(sorted((_EVERYWHERE | romes).items())),
                    names=beginnings(family),
                ),
            )
    return list(found.values())
