"""What upstreams write becomes plain text that names nobody privately, in a time that grows with its length only."""

import time

import pytest

from widget_server.sources.kit.text import CONTACT_MASKED, masked, text

LONG = 400_000
MOST_S = 5.0
"""Of the processor: a busy machine must not look like a slow program."""


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("Écrire à a.b+c@d-e.example.", f"Écrire à {CONTACT_MASKED}."),
        ("a (at) b.example, c[at]d.example", f"{CONTACT_MASKED}, {CONTACT_MASKED}"),
        ("a@b.example%c@d.example", CONTACT_MASKED),
        ("a@b.example;c@d.example", f"{CONTACT_MASKED};{CONTACT_MASKED}"),
        ("mailto:a@b.example?subject=x", f"mailto:{CONTACT_MASKED}?subject=x"),
        ("@b.example et a@b", "@b.example et a@b"),
        ("0100000000, 01.00.00.00.00 ou +33 1 00 00 00 00", f"{CONTACT_MASKED}, {CONTACT_MASKED} ou {CONTACT_MASKED}"),
        ("12 345 678 €, du 01/09/2026 au 30/06/2027", "12 345 678 €, du 01/09/2026 au 30/06/2027"),
    ],
)
def test_every_way_to_reach_a_person_is_masked_and_nothing_else(told: str, expected: str):
    assert masked(told) == expected


@pytest.mark.parametrize(
    "unit", ["y", "a.", "a@b.", "a@", "a@b.c%", "0 1 ", "<li", "<li>", "&amp;", "&", "\n", " ", "é (at"]
)
def test_an_absurd_text_is_read_in_a_time_that_grows_with_its_length_only(unit: str):
    begun = time.process_time()

    found = text(unit * (LONG // len(unit)))

    assert time.process_time() - begun < MOST_S
    assert found is None or len(found) <= 30_000
