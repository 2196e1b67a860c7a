"""Is every reason that is given true of its establishment, and do the families add up to the estimate?"""

import numpy as np
import pytest

from tests.forecast.populations import population
from widget_server.forecast.features import FEATURES
from widget_server.forecast.model import Boosters, LocalTrainer, Settings
from widget_server.forecast.reasons import LEAST_LOG_ODDS, NONE, REASONS, Country, by_family, explain, read_country
from widget_server.forecast.scorers import COLUMNS
from widget_server.sources import recruiters

CODES = [reason.code for reason in REASONS]
COUNTRY = Country(rate=0.1, bracket_rates={0: 0.02, 4: 0.3}, tension=0.5)


class Argues:
    """Boosters whose contributions a test decides."""

    def __init__(self, **log_odds):
        self._log_odds = log_odds

    def contributions(self, features):
        found = np.zeros((len(features), len(FEATURES) + 1))
        for feature, value in self._log_odds.items():
            found[:, COLUMNS[feature]] = value
        return found


ALL = Argues(
    sum_24m=0.9, same_window_y1=0.8, sum_3m=0.7, hired_12m_naf=0.6, headcount=0.5, tension=0.4, sector_growth=0.3,
    age_months=0.2, month=5.0,
)  # fmt: skip


def told(boosters, country=COUNTRY, **columns):
    one = population(1, **columns)
    return [CODES[code] for code in explain(boosters, one.features, one.naf, country)[0] if code != NONE]


@pytest.fixture(scope="module")
def boosters(economy):
    files = [economy.library.file(origin) for origin in economy.origin.earlier()[:3]]
    return Boosters.read(LocalTrainer().train(files, Settings(rounds=60, eta=0.15, depth=4), seed=1))


def test_the_contributions_add_up_to_the_estimate(economy, boosters):
    features = economy.library.population(economy.origin.earlier()[0]).features[:1000]
    contributions = boosters.contributions(features)
    p_any, _ = boosters.predict(features)

    assert np.abs(contributions.sum(axis=1) - np.log(p_any / (1 - p_any))).max() < 1e-3
    everything = contributions[:, [COLUMNS["month"], -1]].sum(axis=1) + by_family(contributions).sum(axis=1)
    assert everything == pytest.approx(contributions.sum(axis=1))


@pytest.mark.parametrize(
    ("columns", "codes"),
    [
        ({}, []),
        ({"months_since_last": 60}, ["history"]),
        ({"months_since_last": 61}, []),
        ({"months_since_last": 12}, ["history", "recent"]),
        ({"same_window_y1": 1}, []),
        ({"same_window_y1": 1, "same_window_y4": 2}, ["season"]),
        ({"hired_12m_naf": 0.11}, ["sector"]),
        ({"hired_12m_naf": 0.1}, []),
        ({"hired_12m_naf": 0.2, "naf": ""}, []),
        ({"headcount": 4}, ["size"]),
        ({"headcount": 0}, []),
        ({"tension": 0.51}, ["tension"]),
        ({"tension": 0.5}, []),
        ({"sector_growth": 1.1}, ["growth"]),
        ({"sector_growth": 1.0}, []),
        ({"sector_growth": 2.0, "naf": ""}, []),
        ({"age_months": 23}, ["new"]),
        ({"age_months": 24}, []),
        ({"age_months": 3, "months_since_last": 2}, ["history", "recent"]),
    ],
    ids=str,
)
def test_a_sentence_that_is_not_true_is_not_said_however_much_it_argues(columns, codes):
    assert told(ALL, **columns) == codes


def test_the_three_strongest_are_given_the_strongest_first():
    true = {"months_since_last": 1, "hired_12m_naf": 0.5, "headcount": 4, "tension": 0.9}

    assert told(ALL, **true) == ["history", "recent", "sector"]
    assert told(Argues(tension=0.3, headcount=0.5, hired_12m_naf=0.2, sum_3m=0.4), **true) == [
        "size",
        "recent",
        "tension",
    ]


def test_what_argues_little_or_against_is_no_reason():
    true = {"tension": 0.9, "headcount": 4}

    assert told(Argues(tension=LEAST_LOG_ODDS - 0.01, headcount=-1.0), **true) == []
    assert told(Argues(tension=LEAST_LOG_ODDS), **true) == ["tension"]


def test_without_a_survey_or_a_year_of_data_nothing_is_above_the_country():
    nothing = Country(rate=None, bracket_rates={}, tension=None)

    assert told(ALL, nothing, hired_12m_naf=0.9, headcount=4, tension=0.9) == []


def test_every_reason_has_a_sentence_and_every_sentence_a_reason():
    assert set(CODES) == set(recruiters.REASONS)


def test_the_guards_hold_for_every_establishment_of_an_economy(economy, boosters):
    origin = economy.origin.earlier()[0]
    everybody = economy.library.population(origin)
    country = read_country(economy.database, economy.library.file(origin))
    found = explain(boosters, everybody.features, everybody.naf, country)

    def said(code):
        return (found == CODES.index(code)).any(axis=1)

    def of(name):
        return everybody.column(name)

    hired_12m = of("sum_12m") > 0
    years = sum((of(f"same_window_y{year}") > 0).astype(int) for year in range(1, 5))
    assert country.rate == pytest.approx(hired_12m.mean())
    assert (of("sum_60m")[said("history")] > 0).all()
    assert (years[said("season")] >= 2).all()
    assert (of("sum_12m")[said("recent")] > 0).all()
    for naf in np.unique(everybody.naf[said("sector")]):
        assert hired_12m[everybody.naf == naf].mean() > hired_12m.mean()
    for bracket in np.unique(of("headcount")[said("size")]):
        assert hired_12m[of("headcount") == bracket].mean() > hired_12m.mean()
    assert (of("tension")[said("tension")] > np.nanmedian(of("tension"))).all()
    assert (of("sector_growth")[said("growth")] > 1).all()
    assert (of("age_months")[said("new")] < 24).all()
    assert (of("sum_60m")[said("new")] == 0).all()
    assert {code for code in CODES if said(code).any()} >= {"history", "recent", "sector", "size"}
    for row in found:
        codes = row[row != NONE].tolist()
        assert len(codes) == len(set(codes))
