"""Is a feature what its definition says, and is it blind to what came later?"""

from collections import Counter
from datetime import date

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.forecast.inputs import siret
from tests.forecast.world import EXPOSURE, database, drawn, establishment, hire, slow_features
from widget_server.forecast.clock import Month, Origin
from widget_server.forecast.features import FEATURES, KEYS, LABEL, features_sql, stock_days, write_features

JULY = Origin(Month.parse("2026-07"))


def at(day, lag=0):
    return Origin(Month.parse(day), lag)


def features(world, origin, **more):
    """The rows of an origin by SIRET."""
    found = database(world)
    result = found.execute(features_sql(origin, stock_days(found), **more))
    names = [column[0] for column in result.description]
    return {row[0]: dict(zip(names, row, strict=True)) for row in result.fetchall()}


def test_every_feature_has_its_name_and_a_family_and_only_four_families_are_constrained():
    assert len(FEATURES) == len({feature.name for feature in FEATURES})
    assert Counter(feature.family for feature in FEATURES) == {
        "recent": 7, "history": 25, "season": 7, "sector": 14, "size": 1, "new": 1, "growth": 2, "tension": 1,
        "calendar": 1,
    }  # fmt: skip
    assert {feature.family for feature in FEATURES if feature.constraint} == {"recent", "history", "season", "sector"}
    assert [feature.name for feature in FEATURES if feature.constraint < 0] == [
        "months_since_last",
        "silence",
        "silence_before",
    ]


@pytest.mark.parametrize(
    ("seed", "origin"),
    [(1, at("2026-07")), (2, at("2026-07", 2)), (3, at("2026-01", 1)), (4, at("2025-11", 6)), (5, at("2023-03"))],
    ids=str,
)
def test_every_feature_is_what_its_definition_says(seed, origin):
    world = drawn(seed)

    fast, slow = features(world, origin), slow_features(world, origin)

    assert list(fast) == sorted(slow)
    assert len(fast) > 20
    for each, known in slow.items():
        assert set(known) == {feature.name for feature in FEATURES}
        row = fast[each]
        assert [name for name in known if row[name] is None] == [name for name in known if known[name] is None], each
        numbers = {name: value for name, value in known.items() if value is not None}
        assert {name: row[name] for name in numbers} == pytest.approx(numbers, rel=1e-5, abs=1e-5), each


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_changing_what_came_on_the_day_or_later_changes_no_feature(data):
    lag = data.draw(st.integers(0, 6), "lag")
    origin = Origin(Month.parse("2024-04") + data.draw(st.integers(0, 20), "months"), lag)
    world = drawn(data.draw(st.integers(0, 10_000), "seed"), 25)
    later = st.dates(date.fromordinal(origin.first_day.toordinal() + 1), date(2030, 1, 1))

    changed = {**world, "establishments": [], "hires": [], "tension": []}
    for row in world["hires"]:
        if row["month"] < origin.known_end.number:
            changed["hires"].append(row)
        elif data.draw(st.booleans(), "hires kept"):
            changed["hires"].append(row | {"n": data.draw(st.integers(1, 5000), "n")})
    for row in world["establishments"]:
        if row["as_of"] > origin.first_day:
            row = row | {"naf": "6201Z", "headcount": 14, "departement": "75", "closed": None, "employer": None}
        elif row["closed"] is not None and row["closed"] > origin.first_day:
            row = row | {"closed": data.draw(st.none() | later, "closed")}
        changed["establishments"].append(row)
    changed["establishments"].append(establishment(999, created=data.draw(later, "born")))
    for row in world["tension"]:
        known = row["year"] <= origin.tension_year
        changed["tension"].append(row if known else row | {"projects": 9, "difficult": 9})

    assert features(world, origin) == features(changed, origin)


def test_a_hire_of_the_last_known_month_counts_and_one_of_the_next_does_not():
    world = {
        "establishments": [establishment(1)],
        "hires": [hire(1, "2018-01"), hire(1, "2026-04", 5), hire(1, "2026-05", 9)],
    }

    known = features(world, at("2026-07", 2))[siret(1)]

    assert known["sum_1m"] == 5
    assert known["months_since_last"] == 3


@pytest.mark.parametrize(
    ("change", "scored"),
    [
        ({}, True),
        ({"employer": None, "headcount": 0}, False),
        ({"employer": False, "headcount": 1}, True),
        ({"created": date(2026, 7, 1)}, True),
        ({"created": date(2026, 7, 2)}, False),
        ({"closed": date(2026, 7, 1)}, False),
        ({"closed": date(2026, 7, 2)}, True),
    ],
    ids=str,
)
def test_who_is_alive_and_employs_is_scored(change, scored):
    assert (siret(1) in features({"establishments": [establishment(1, **change)]}, JULY)) == scored


@pytest.mark.parametrize(("when", "scored"), [("2021-07", True), ("2021-06", False)])
def test_who_hired_within_sixty_months_is_scored_even_without_staff(when, scored):
    quiet = establishment(1, employer=False, headcount=None)

    assert (siret(1) in features({"establishments": [quiet], "hires": [hire(1, when)]}, JULY)) == scored


def test_a_window_that_starts_before_the_data_is_null_for_everybody():
    world = {"establishments": [establishment(1), establishment(2)], "hires": [hire(1, "2025-01")]}

    without = features(world, JULY)[siret(2)]

    assert without["sum_18m"] == 0
    assert without["sum_24m"] is None
    assert without["same_window_y1"] == 0
    assert without["same_window_y2"] is None
    assert without["months_since_last"] is None


def test_the_label_is_the_hires_of_the_six_months_from_the_day_on():
    months = ("2025-12", "2026-01", "2026-06", "2026-07")
    world = {
        "establishments": [establishment(1), establishment(2)],
        "hires": [hire(1, month, 10**place) for place, month in enumerate(months)],
    }

    rows = features(world, at("2026-01"), labelled=True)

    assert {key: row[LABEL] for key, row in rows.items()} == {siret(1): 110, siret(2): 0}


MOVED = {
    "establishments": [
        establishment(10, siret="73282932000074", closed=date(2026, 2, 1)),
        establishment(11, siret="73282932000082", created=date(2026, 2, 15)),
        establishment(12, siret="73282932000090", created=date(2026, 2, 15), commune="35047"),
    ],
    "hires": [hire(1, "2019-01"), hire(1, "2025-09", 3) | {"siret": "73282932000074"}],
}


def test_who_moves_takes_its_history_along():
    rows = features(MOVED, JULY)

    assert rows["73282932000082"]["sum_12m"] == 3
    assert rows["73282932000090"]["sum_12m"] == 0


def test_a_move_is_not_known_before_it_and_its_hires_are_the_label_of_the_old_place():
    later = hire(1, "2026-04", 2) | {"siret": "73282932000082"}
    world = MOVED | {"hires": [*MOVED["hires"], later]}

    rows = features(world, at("2026-01"), labelled=True)

    assert list(rows) == ["73282932000074"]
    assert rows["73282932000074"][LABEL] == 2


def test_two_places_that_could_follow_are_none():
    twin = establishment(13, siret="73282932000108", created=date(2026, 3, 1))
    rows = features(MOVED | {"establishments": [*MOVED["establishments"], twin]}, JULY)

    assert rows["73282932000082"]["sum_12m"] == rows["73282932000108"]["sum_12m"] == 0


def test_the_sector_grows_exactly_when_it_hired_more_than_the_year_before():
    def growth(last_year, before):
        hires = [hire(1, "2019-01"), hire(2, "2025-09", last_year), hire(2, "2024-09", before)]
        world = {"establishments": [establishment(1), establishment(2)], "hires": hires}
        return features(world, JULY)[siret(1)]["sector_growth"]

    assert growth(5, 4) > 1
    assert growth(4, 4) == 1
    assert growth(4, 5) < 1


PACES = ["pace_6m", "pace_12m", "pace_24m", "pace_60m"]


def paces(world, day="2026-07"):
    return {key: [row[name] for name in PACES] for key, row in features(world, at(day)).items()}


def test_the_same_hires_are_a_quicker_pace_of_who_is_younger():
    born = [None, date(2001, 1, 1), date(2024, 7, 1), date(2026, 1, 1)]
    world = {
        "establishments": [
            *(establishment(number, created=created) for number, created in enumerate(born, 1)),
            establishment(9),  # so that there are hires in every month of the year
        ],
        "hires": [
            *(hire(9, when) for when in range(Month.parse("2018-01").number, JULY.day.number)),
            *(hire(number, "2026-03") for number in range(1, 5)),
        ],
    }

    unknown, old, young, new = (paces(world)[siret(number)] for number in range(1, 5))

    assert unknown == old
    assert all(one < two < three for one, two, three in zip(old, young, new, strict=True))


def test_who_hired_before_it_was_created_has_been_exposed_since_then():
    world = {
        "establishments": [establishment(1, created=date(2026, 1, 1)), establishment(2, created=date(2023, 9, 1))],
        "hires": [hire(9, "2018-01"), *(hire(number, "2023-09") for number in (1, 2))],
    }

    assert len({tuple(each) for each in paces(world).values()}) == 1


def test_who_moved_keeps_its_pace_and_its_silence():
    stayed = establishment(14, siret="83282932000074", created=date(2025, 9, 1))
    hires = [*MOVED["hires"], hire(1, "2025-09", 3) | {"siret": "83282932000074"}]
    rows = features(MOVED | {"establishments": [*MOVED["establishments"], stayed], "hires": hires}, JULY)

    moved, other = rows["73282932000082"], rows["83282932000074"]
    assert [moved[name] for name in (*PACES, "silence", "last_hires")] == [
        other[name] for name in (*PACES, "silence", "last_hires")
    ]
    assert moved["last_hires"] == 3


def test_nothing_older_than_sixty_months_is_remembered():
    world = {"establishments": [establishment(1), establishment(2)]}
    names = [*PACES, "silence", "silence_before", "last_hires"]
    within = features(world | {"hires": [hire(9, "2016-01"), hire(1, "2021-07", 2), hire(1, "2021-08")]}, JULY)
    before = features(world | {"hires": [hire(9, "2016-01"), hire(1, "2021-05", 2), hire(1, "2021-06")]}, JULY)

    assert None not in [within[siret(1)][name] for name in names]
    assert [before[siret(1)][name] for name in names] == [before[siret(2)][name] for name in names]
    assert [before[siret(1)][name] for name in names] == [0, 0, 0, 0, None, None, 0]


def test_a_silence_in_the_months_in_which_its_section_never_hires_is_short():
    """Everybody hires in September: nobody is silent who has not hired from October to August."""
    stock = [establishment(number) for number in range(1, 41)]
    septembers = [hire(number, f"{year}-09", 100) for number in range(1, 41) for year in range(2018, 2026)]
    world = {"establishments": stock, "hires": septembers}

    quiet = features(world, JULY)[siret(1)]

    assert quiet["months_since_last"] == 10
    assert quiet["silence"] == 0
    assert quiet["silence_before"] == pytest.approx(12)


def test_without_a_hire_in_the_country_there_is_no_pace_and_no_peer():
    row = features({"establishments": [establishment(1)]}, JULY)[siret(1)]

    assert {row[name] for name in EXPOSURE} == {None}


def test_one_month_of_data_gives_paces_and_peers_of_that_month():
    world = {
        "establishments": [establishment(1), establishment(2, naf="6201Z", section="J")],
        "hires": [hire(1, "2026-06")],
    }

    one, two = (features(world, JULY)[siret(number)] for number in (1, 2))

    assert (one["silence"], one["last_hires"], two["last_hires"]) == (0, 1, 0)
    assert one["pace_6m"] == pytest.approx(0.5 ** (1 / 6) / (0.5 ** (1 / 6) + 1) * 6)
    assert one["peers_12m"] > two["peers_12m"] > 0
    assert one["hired_12m_peers"] is None


def test_without_a_survey_there_is_no_tension():
    assert features({"establishments": [establishment(1)]}, JULY)[siret(1)]["tension"] is None


def test_the_file_has_the_same_bytes_whatever_the_number_of_threads(tmp_path):
    one, two = database(drawn(7, 300)), database(drawn(7, 300))
    two.execute("SET threads = 2")

    written = write_features(one, at("2026-01", 2), tmp_path / "one.parquet", labelled=True)
    write_features(two, at("2026-01", 2), tmp_path / "two.parquet", labelled=True)

    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    read = duckdb.sql(f"FROM '{tmp_path / 'one.parquet'}'")
    assert read.columns == [*KEYS, *(feature.name for feature in FEATURES), LABEL]
    assert {str(kind) for kind in read.types[3:-1]} == {"FLOAT"}
    assert written.rows == len(read.fetchall()) > 100
    assert str(written.stock) == "2024-01-01"
