"""Is anything ever known before its time?"""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widget_server.domain.errors import Leak
from widget_server.forecast.clock import Month, Origin, Split, Window, first_origin, later_than_origin

JULY = Month.parse("2026-07")
months = st.integers(2010 * 12, 2030 * 12).map(Month)
lags = st.integers(0, 6)


@given(months, lags, st.lists(st.tuples(st.integers(-3, 20), lags), min_size=1, max_size=4))
def test_a_split_drawn_at_random_is_refused_or_learns_only_from_what_was_known(day, lag, drawn):
    train = tuple(Origin(day - back, its_lag) for back, its_lag in drawn)
    learnt = {origin.day.number + ahead for origin in train for ahead in range(6)}
    known = learnt <= set(range(day.number - lag))

    if known:
        Split(train, Origin(day, lag))
    else:
        with pytest.raises(Leak, match="not known"):
            Split(train, Origin(day, lag))


@given(months, lags)
def test_the_training_origins_of_any_day_do_not_leak(day, lag):
    split = Split.before(Origin(day, lag))

    assert max(origin.label.end for origin in split.train) == Origin(day, lag).known_end


def test_a_lag_moves_the_newest_training_origin_and_leaves_the_others():
    def back(lag):
        return [JULY.number - origin.day.number for origin in Origin(JULY, lag).earlier()]

    assert back(0) == [6, 12, 18, 24, 30, 36, 48]
    assert back(2) == [8, 12, 18, 24, 30, 36, 48]
    assert back(6) == [12, 18, 24, 30, 36, 48]


def test_nothing_to_learn_from_is_said():
    with pytest.raises(Leak, match="nothing to learn from"):
        Split.before(Origin(JULY), first=JULY)


def test_a_backtest_has_four_origins_of_both_semesters():
    tests = Origin(JULY).backtests()

    assert [str(origin.day) for origin in tests] == ["2026-01", "2025-07", "2025-01", "2024-07"]
    assert str(first_origin(Origin(JULY)).day) == "2020-07"


@pytest.mark.parametrize(
    ("month", "lag", "known"),
    [("2026-10", 0, 2025), ("2026-11", 0, 2026), ("2026-12", 2, 2025), ("2027-01", 2, 2026), ("2026-01", 0, 2025)],
)
def test_a_rentree_counts_once_its_september_and_its_october_are_known(month, lag, known):
    assert Origin(Month.parse(month), lag).rentree == known


@pytest.mark.parametrize(("month", "year"), [("2026-04", 2025), ("2026-05", 2026), ("2026-12", 2026)])
def test_the_tension_survey_of_a_year_is_known_from_may(month, year):
    assert Origin(Month.parse(month)).tension_year == year


def test_attributes_come_from_the_newest_stock_of_the_day_or_before():
    stocks = [date(2026, 7, 1), date(2024, 1, 1), date(2025, 7, 2)]

    assert Origin(JULY).stock(stocks) == date(2026, 7, 1)
    assert Origin(Month.parse("2026-06")).stock(stocks) == date(2025, 7, 2)
    assert Origin(Month.parse("2025-07")).stock(stocks) == date(2024, 1, 1)
    assert Origin(Month.parse("2023-07")).stock(stocks) == date(2024, 1, 1)


def test_origins_older_than_every_stock_are_told():
    early, late = Origin(Month.parse("2023-07")), Origin(JULY)

    assert later_than_origin([early, late], [date(2024, 1, 1)]) == (early,)


def test_windows_are_half_open():
    window = Origin(JULY, 2).last(12)

    assert str(window) == "[2025-05, 2026-05)"
    assert len(window) == 12
    assert window.start in window
    assert window.end not in window
    assert str(Origin(JULY).same_window(1)) == "[2025-07, 2026-01)"


@pytest.mark.parametrize("text", ["2026-13", "2026-7", "07-2026", "2026-07-01", ""])
def test_what_is_not_a_month_is_refused(text):
    with pytest.raises(ValueError, match="2026-07"):
        Month.parse(text)


def test_a_month_is_written_as_it_is_read():
    assert str(Month.parse("2026-12")) == "2026-12"
    assert Month.parse("2026-12").first_day == date(2026, 12, 1)
    assert Month.of(date(2026, 12, 31)) == Month.parse("2026-12")


def test_a_window_that_ends_before_it_starts_and_a_lag_out_of_bounds_are_refused():
    with pytest.raises(ValueError, match="ends before"):
        Window(JULY, JULY - 1)
    with pytest.raises(ValueError, match="lag of 7"):
        Origin(JULY, 7)
