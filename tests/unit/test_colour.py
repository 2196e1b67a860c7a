"""Can everything be read, whatever colour a partner chooses?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widget_server.domain.colour import DEFAULT_ACCENT, SURFACES, Scheme, contrast, make_palette, pairs

SCHEMES: tuple[Scheme, ...] = ("light", "dark")
accents = st.integers(0, 0xFFFFFF).map(lambda number: f"{number:06x}")


@given(accents, st.sampled_from(SCHEMES))
def test_every_pair_of_colours_can_be_read_for_any_accent(accent, scheme):
    palette = make_palette(accent, scheme)

    failing = [pair for pair in pairs(palette) if contrast(pair.ink, pair.ground) < pair.minimum]

    assert failing == []


@pytest.mark.parametrize("accent", ["000000", "ffffff", "767676", "777777", "ffff00", "0000ff", "ff0000", "00ff00"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_extreme_accents_are_no_exception(accent, scheme):
    assert all(contrast(pair.ink, pair.ground) >= pair.minimum for pair in pairs(make_palette(accent, scheme)))


@given(accents, st.sampled_from(SCHEMES))
def test_a_button_keeps_the_exact_colour_of_the_partner(accent, scheme):
    assert make_palette(accent, scheme).accent == accent


def test_a_readable_accent_is_left_alone_and_a_pale_one_is_said_to_be_adjusted():
    assert make_palette(DEFAULT_ACCENT, "light").accent_text == DEFAULT_ACCENT
    assert make_palette(DEFAULT_ACCENT, "light").adjusted is False
    assert make_palette("ffd54f", "light").adjusted is True


def test_contrast_is_that_of_wcag():
    assert contrast("000000", "ffffff") == pytest.approx(21)
    assert contrast("1f2328", "ffffff") == pytest.approx(15.8, abs=0.1)
    assert contrast("767676", "ffffff") == pytest.approx(4.54, abs=0.01)
    assert contrast("abcdef", "abcdef") == 1


@pytest.mark.parametrize("accent", ["", "fff", "zzzzzz", "#0b5cad", "red;}", "+1+1+1", "1_1_1_"])
def test_what_is_not_a_colour_never_reaches_a_style_sheet(accent):
    with pytest.raises(ValueError, match=r"colour|accent|hex|invalid"):
        make_palette(accent, "light")


def test_both_schemes_have_every_surface():
    assert set(SURFACES) == set(SCHEMES)
