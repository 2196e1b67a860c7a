"""Do metres become the right degrees?"""

import math

import duckdb
import pytest

from widget_server.forecast.coordinates import place_steps


def place(x, y, departement):
    rows = "SELECT ?::DOUBLE AS x, ?::DOUBLE AS y, ? AS departement"
    for name, sql in place_steps("x", "y", "departement"):
        rows = f"SELECT *, {sql} AS {name} FROM ({rows})"
    found = duckdb.connect().execute(f"SELECT place FROM ({rows})", [x, y, departement]).fetchone()[0]
    return found and (found["latitude"], found["longitude"])


def utm(latitude, longitude, zone):
    """Snyder's forward formula, which is not the one under test."""
    square = 0.00669438002290
    second = square / (1 - square)
    phi, lam = math.radians(latitude), math.radians(longitude - (6 * zone - 183))
    radius = 6_378_137 / math.sqrt(1 - square * math.sin(phi) ** 2)
    t, c, a = math.tan(phi) ** 2, second * math.cos(phi) ** 2, math.cos(phi) * lam
    arc = 6_378_137 * (
        (1 - square / 4 - 3 * square**2 / 64 - 5 * square**3 / 256) * phi
        - (3 * square / 8 + 3 * square**2 / 32 + 45 * square**3 / 1024) * math.sin(2 * phi)
        + (15 * square**2 / 256 + 45 * square**3 / 1024) * math.sin(4 * phi)
        - 35 * square**3 / 3072 * math.sin(6 * phi)
    )
    x = 500_000 + 0.9996 * radius * (
        a + (1 - t + c) * a**3 / 6 + (5 - 18 * t + t * t + 72 * c - 58 * second) * a**5 / 120
    )
    y = 0.9996 * (arc + radius * math.tan(phi) * (a * a / 2 + (5 - t + 9 * c + 4 * c * c) * a**4 / 24))
    return x, y + (10_000_000 if latitude < 0 else 0)


def test_the_origin_of_lambert_93_is_where_its_definition_puts_it():
    assert place(700_000, 6_600_000, "18") == pytest.approx((46.5, 3.0), abs=1e-8)


def test_a_known_point_of_paris_is_there():
    # The published Lambert-93 coordinates of the Eiffel tower, to a few metres.
    assert place(648_237, 6_862_272, "75") == pytest.approx((48.8583, 2.2945), abs=2e-4)


@pytest.mark.parametrize(
    ("departement", "zone", "latitude", "longitude"),
    [
        ("971", 20, 16.2411, -61.5331),
        ("972", 20, 14.6036, -61.0742),
        ("973", 22, 4.9372, -52.3260),
        ("974", 40, -20.8789, 55.4481),
        ("976", 38, -12.7803, 45.2278),
    ],
)
def test_territories_overseas_have_their_own_zone(departement, zone, latitude, longitude):
    x, y = utm(latitude, longitude, zone)

    assert place(x, y, departement) == pytest.approx((latitude, longitude), abs=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "departement"),
    [(0, 0, "35"), (700_000, 6_600_000, "974"), (6_600_000, 700_000, "18"), (500_000, 500_000, "986")],
)
def test_a_point_outside_the_territory_is_no_point(x, y, departement):
    assert place(x, y, departement) is None


@pytest.mark.parametrize(("x", "y"), [(None, 6_600_000), (700_000, None), (1e300, -1e300), (500_000, 500_000)])
@pytest.mark.parametrize("departement", ["35", "971", "974", None])
def test_no_metres_or_absurd_ones_are_no_point(x, y, departement):
    assert place(x, y, departement) is None
