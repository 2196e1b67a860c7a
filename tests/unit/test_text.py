"""What upstreams write becomes plain text that names nobody privately, in a time that grows with its length only."""

import time

import pytest

from widget_server.sources.kit.text import CONTACT_MASKED, link, masked, text

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
        ("Tél.01 00 00 00 00, tel,0100000000", f"Tél.{CONTACT_MASKED}, tel,{CONTACT_MASKED}"),
        ("01 - 00 - 00 - 00 - 00 ; 01\u201100\u201100\u201100\u201100", f"{CONTACT_MASKED} ; {CONTACT_MASKED}"),
        ("0100 000 000 / 01 000 000 00 / 0 800 00 00 00", " / ".join([CONTACT_MASKED] * 3)),
        ("+33 (0) 1 00 00 00 00, (+33)1.00.00.00.00", f"{CONTACT_MASKED}, ({CONTACT_MASKED}"),
        ("+32 400 00 00 00, +352 600 000 000, 0041220000000", ", ".join([CONTACT_MASKED] * 3)),
        ("a\uff20b.example, a[at]b[dot]example, a arobase b point example", ", ".join([CONTACT_MASKED] * 3)),
    ],
)
def test_every_way_to_reach_a_person_is_masked(told: str, expected: str):
    assert masked(told) == expected


@pytest.mark.parametrize(
    "told",
    [
        "12 345 678 €, du 01/09/2026 au 30/06/2027",
        "le 01/09/2026 08:30, le 02-11-2026 09h, le 05.10.2026 14 h, le 01 09 2026 10h",
        "01/02/2026-05/02/2026",
        "SIREN 012 345 678, SIRET 012 345 678 00012, taux 0,0612345678, latitude 48.0612345678",
        "+10 000 000 de visites, +32 000 euros, Loi 2018-771",
        "motivé(e) (a) et curieux, un arobase sur le clavier",
    ],
)
def test_dates_amounts_and_identifiers_stay_as_they_are(told: str):
    assert masked(told) == told


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("https://emploi.example/postuler?a=b@c.example", None),
        ("https://emploi.example/postuler?a=b%40c.example", None),
        ("https://emploi.example/logo@2x.png", "https://emploi.example/logo@2x.png"),
        ("https://emploi.example/@carte/48.11,-1.68", "https://emploi.example/@carte/48.11,-1.68"),
    ],
)
def test_an_address_that_names_a_person_becomes_no_link(told: str, expected: str | None):
    assert link(told) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("a\u00ad@b.example", CONTACT_MASKED),
        ("01\u206000\u206000\u206000\u206000", CONTACT_MASKED),
    ],
)
def test_marks_that_nobody_sees_hide_nobody(told: str, expected: str):
    assert text(told) == expected


def test_the_masked_text_is_made_once_and_stays():
    assert masked(masked("a@b.example 0100000000")) == masked("a@b.example 0100000000")


@pytest.mark.parametrize(
    "unit",
    [
        "y",
        "a.",
        "a@b.",
        "a@",
        "a@b.c%",
        "0 1 ",
        "<li",
        "<li>",
        "&amp;",
        "&",
        "\n",
        " ",
        "é (at",
        "a(at) b",
        "01 - ",
        "+32 4",
        "01/01/2026 ",
        " arobase a point ",
    ],
)
def test_an_absurd_text_is_read_in_a_time_that_grows_with_its_length_only(unit: str):
    begun = time.process_time()

    found = text(unit * (LONG // len(unit)))

    assert time.process_time() - begun < MOST_S
    assert found is None or len(found) <= 30_000
