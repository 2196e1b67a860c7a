"""Is a calibration applied where it helps, left out where it does not, and does it keep the order?"""

import numpy as np
import pytest

from widget_server.forecast.calibration import calibrate, calibration_error


def origin(seed, bend=1.0, size=40_000):
    """What was said and what came: the truth is `bend` of what was said."""
    draws = np.random.default_rng(seed)
    p = draws.beta(0.6, 5, size)
    return p, draws.random(size) < np.minimum(1.0, bend * p)


def test_who_says_twice_the_truth_is_corrected():
    calibration, judged = calibrate(origin(1, 0.5), origin(2, 0.5))
    p, hired = origin(3, 0.5)

    assert judged.applied
    assert judged.after < judged.before / 4
    assert calibration_error(calibration.apply(p), hired) < calibration_error(p, hired) / 4


def test_what_is_true_already_is_left_alone_when_another_origin_says_so():
    calibration, judged = calibrate(origin(1, 0.8), origin(2, 1.0))

    assert calibration is None
    assert not judged.applied
    assert judged.after >= judged.before


def test_different_probabilities_keep_their_order_and_stay_probabilities():
    calibration, _ = calibrate(origin(1, 0.5), origin(2, 0.5))
    p = np.linspace(0, 1, 10_001)

    bent = calibration.apply(p)

    assert (np.diff(bent) > 0).all()
    assert (bent[0], bent[-1]) == (0.0, 1.0)


def test_the_error_is_the_mean_gap_of_fifteen_bins_of_equal_mass():
    p = np.repeat(np.arange(1, 16) / 16, 10)
    hired = np.tile(np.arange(10) < 5, 15)

    assert calibration_error(p, hired) == pytest.approx(np.abs(np.arange(1, 16) / 16 - 0.5).mean())
    assert calibration_error(np.asarray([]), np.asarray([], dtype=bool)) == 0


def test_equal_probabilities_share_a_bin_whatever_their_order():
    p, hired = np.full(100, 0.3), np.arange(100) < 30

    assert calibration_error(p, hired) == pytest.approx(0)
