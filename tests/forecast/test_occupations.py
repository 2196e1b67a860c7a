"""Is the ROME mix of an establishment what section and history say, and does every establishment have one?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.forecast.populations import ROMES, hires, matrix, population
from widget_server.forecast.occupations import (
    KAPPA,
    KAPPAS,
    choose_kappa,
    naf_mix,
    own_mix,
    pair_p,
    share_of,
    top_shares,
)

BREAD = matrix({("1071C", "D1102"): 30, ("1071C", "M1805"): 10, ("4120A", "F1703"): 5})


def shares(mix, row):
    return {
        str(mix.romes[code]): float(share) for code, share in zip(mix.code[row], mix.share[row], strict=True) if share
    }


def test_without_hires_of_its_own_an_establishment_has_the_mix_of_its_naf():
    everybody = population(2, naf=["1071C", "4120A"])

    for mix in (naf_mix(BREAD, everybody), own_mix(BREAD, everybody, 10)):
        assert shares(mix, 0) == pytest.approx({"D1102": 0.75, "M1805": 0.25})
        assert shares(mix, 1) == {"F1703": 1.0}


def test_hires_of_its_own_bend_the_mix_as_kappa_hires_of_the_naf_weigh():
    baker = population(2, past=[(0, "D1102", 1), (0, "F1703", 4)])

    mix = own_mix(BREAD, baker, 10)

    assert shares(mix, 0) == pytest.approx({"D1102": 8.5 / 15, "M1805": 2.5 / 15, "F1703": 4 / 15})
    assert shares(mix, 1) == pytest.approx({"D1102": 0.75, "M1805": 0.25})


@pytest.mark.parametrize(
    ("naf", "found"),
    [
        ("1072Z", {"D1102": 0.75, "M1805": 0.25}),
        ("6201Z", {"D1102": 30 / 45, "M1805": 10 / 45, "F1703": 5 / 45}),
        ("", {"D1102": 30 / 45, "M1805": 10 / 45, "F1703": 5 / 45}),
    ],
    ids=["division", "country", "no NAF"],
)
def test_a_naf_that_the_matrix_does_not_know_has_the_mix_of_its_division_or_of_the_country(naf, found):
    assert shares(naf_mix(BREAD, population(1, naf=naf)), 0) == pytest.approx(found)


def test_the_twelve_largest_shares_stay_the_largest_first_and_equal_ones_by_code():
    romes = np.asarray([f"A{number:04d}" for number in range(15)])
    dense = np.asarray([[1, 1, 9, 1, 8, 1, 1, 7, 1, 1, 1, 1, 1, 1, 6]]) / 40

    mix = top_shares(romes, dense)

    assert [str(romes[code]) for code in mix.code[0][:6]] == ["A0002", "A0004", "A0007", "A0014", "A0000", "A0001"]
    assert mix.share[0].tolist() == pytest.approx([9 / 40, 8 / 40, 7 / 40, 6 / 40, *[1 / 40] * 8])


def test_the_share_of_a_pair_is_nothing_outside_the_mix():
    mix = naf_mix(BREAD, population(2, naf=["1071C", "4120A"]))

    found = share_of(mix, np.asarray([0, 0, 1, 1]), np.asarray(["M1805", "F1703", "F1703", "Z9999"]))

    assert found.tolist() == pytest.approx([0.25, 0, 1, 0])


@settings(deadline=None)
@given(
    p_any=st.floats(0, 1),
    extra=st.floats(0, 40),
    share=st.floats(0, 1),
    more=st.floats(0, 1),
)
def test_the_p_of_a_pair_lies_between_nothing_and_p_any_and_rises_with_the_share(p_any, extra, share, more):
    def p(of_share):
        return pair_p(np.asarray([p_any]), np.asarray([p_any + extra]), np.asarray([of_share]))[0]

    assert 0 <= p(share) <= p_any
    assert p(share) <= p(min(1.0, share + more)) + 1e-12
    assert p(1.0) == pytest.approx(p_any)
    assert p(0.0) == 0


def test_the_p_of_a_pair_is_what_drawing_each_hire_gives():
    draws = np.random.default_rng(1)
    hired = draws.random(200_000) < 0.3
    among = draws.binomial(3, 0.2, 200_000) > 0  # three hires of who hires, each with its share

    p = pair_p(np.asarray([0.3]), np.asarray([0.9]), np.asarray([0.2]))[0]

    assert p == pytest.approx((hired & among).mean(), abs=0.003)


@pytest.mark.parametrize("truth", KAPPAS)
def test_the_kappa_that_made_the_hires_is_found(truth):
    draws = np.random.default_rng(int(truth))
    even = matrix({("1071C", rome): 1 for rome in ROMES})
    mixes = draws.dirichlet(truth * np.full(3, 1 / 3), 3000)
    past, future = ([], [])
    for row, mix in enumerate(mixes):
        for entries in (past, future):
            counts = draws.multinomial(12, mix)
            entries += [(row, rome, n) for rome, n in zip(ROMES, counts, strict=True) if n]

    kappa, losses = choose_kappa(even, [population(3000, past=past, future=future)])

    assert kappa == truth
    assert losses[f"{truth:g}"] == min(losses.values())


def test_without_a_later_hire_kappa_is_the_default():
    assert choose_kappa(BREAD, [population(3, past=[(0, "D1102", 2)])]) == (KAPPA, {})


def test_a_rome_that_the_matrix_has_no_column_for_is_an_error_not_a_loss():
    with pytest.raises(ValueError, match="not a column"):
        own_mix(BREAD, population(1, past=[(0, "Z9999", 1)]), 10)
    assert hires().row.tolist() == []
