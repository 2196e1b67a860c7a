"""Which origins may be registered, and which pages each of them stands for."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widget_server.web.origins import canonical_origin, pattern_of, refuse_pattern, stands_for

EXACT, UNDER = "https://www.partner.fr", "https://*.partner.fr"


@pytest.mark.parametrize(
    "origin",
    [
        EXACT,
        UNDER,
        "https://partner.fr:8443",
        "https://*.partner.fr:8443",
        "http://localhost:8000",
        "http://[::1]:80"[:-3],
    ],
)
def test_an_exact_origin_and_one_leading_star_may_be_registered(origin):
    assert refuse_pattern(origin) is None


@pytest.mark.parametrize(
    ("origin", "remedy"),
    [
        pytest.param("https://www.partner.fr/", "write https://www.partner.fr", id="path"),
        pytest.param("https://www.partner.fr/page", "write https://www.partner.fr", id="page"),
        pytest.param("https://WWW.Partner.fr", "write https://www.partner.fr", id="capitals"),
        pytest.param("https://www.partner.fr:443", "write https://www.partner.fr", id="port of https"),
        pytest.param("http://www.partner.fr", "a site needs https://", id="http"),
        pytest.param("https://me@partner.fr", "exactly https://host", id="userinfo"),
        pytest.param("https://*", "exactly https://host", id="everybody"),
        pytest.param("*", "exactly https://host", id="star"),
        pytest.param("https://www.*.fr", "exactly https://host", id="star inside"),
        pytest.param("https://*.*.partner.fr", "exactly https://host", id="two stars"),
        pytest.param("https://*partner.fr", "exactly https://host", id="star without a dot"),
        pytest.param("https://*.fr", "exactly https://host", id="a whole country"),
        pytest.param("https://*.gouv.fr", "anybody can have a site under gouv.fr", id="a whole administration"),
        pytest.param("https://*.github.io", "anybody can have a site under github.io", id="a shared host"),
        pytest.param("https://partner.fr:99999", "no such port", id="port"),
        pytest.param("http://localhost:*", "test = true", id="every port"),
        pytest.param("null", "exactly https://host", id="null"),
        pytest.param("https://partner.fr; script-src *", "exactly https://host", id="another directive"),
        pytest.param("https://partner.fr\nhttps://evil.fr", "exactly https://host", id="two lines"),
        pytest.param("", "exactly https://host", id="nothing"),
    ],
)
def test_everything_else_is_refused_with_what_would_be_right(origin, remedy):
    assert remedy in (refuse_pattern(origin) or "")


@pytest.mark.parametrize("pattern", [EXACT, UNDER])
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil-partner.fr",
        "https://partner.fr.evil",
        "https://www.partner.fr.evil",
        "https://www.partner.fr.evil.fr",
        "https://evil.fr/.partner.fr",
        "https://WWW.PARTNER.FR",
        "https://www.partner.fr:8443",
        "http://www.partner.fr",
        "https://user@www.partner.fr",
        "https://www.partner.fr@evil.fr",
        "https://www.partner.fr/",
        "https://www.partner.fr\n",
        "https://wwwXpartner.fr",
        "https://partner.fr",
        "null",
        "",
    ],
)
def test_a_lookalike_is_not_the_partner(pattern, origin):
    assert not stands_for(pattern, origin)


@pytest.mark.parametrize("origin", [EXACT, "https://a.partner.fr", "https://a.b.partner.fr"])
def test_a_star_stands_for_every_host_under_the_domain(origin):
    assert stands_for(UNDER, origin)


@given(st.text(alphabet="ab.-:/@*\\[]()|^$\n ", max_size=30))
def test_no_text_around_a_partner_s_host_becomes_the_partner(text):
    for origin in (f"https://{text}www.partner.fr", f"https://www.partner.fr{text}"):
        assert stands_for(EXACT, origin) is (text == "")


def test_the_page_s_expression_is_that_of_all_origins_and_of_none():
    pattern = re.compile(pattern_of([EXACT, "http://[::1]:80", "http://localhost:*"]))

    assert all(pattern.search(origin) for origin in (EXACT, "http://[::1]:80", "http://localhost:4321"))
    assert not any(pattern.search(origin) for origin in ("https://wwwxpartner.fr", "http://1:80", f"x{EXACT}"))
    assert not re.search(pattern_of([]), "")


def test_an_address_is_told_as_browsers_say_its_origin():
    assert canonical_origin(" HTTPS://Www.Partner.FR:443/page?a=b ") == EXACT
    assert canonical_origin("https://partner.fr:8443/x") == "https://partner.fr:8443"
    assert canonical_origin("partner.fr") is None
    assert canonical_origin("https://a@partner.fr") is None
    assert canonical_origin("https://[") is None
