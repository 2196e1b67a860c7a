"""The search on a page of its own: shared by its address, found by search engines, in two languages."""

import re
from html import unescape

import pytest

from tests.contract.site import client, fill

SEARCH = "/?romes=D1102&insee=35238"


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def http(tmp_path):
    fill(tmp_path)
    async with client(tmp_path, public_url="https://alternance.example") as opened:
        yield opened


def links(page) -> dict[str, str]:
    return {
        unescape(found[1]): unescape(found[2])
        for found in re.finditer(r'<link rel="([a-z]+)"(?: hreflang="\w+")? href="([^"]+)"', page.text)
    }


@pytest.mark.anyio
async def test_the_page_stands_in_no_frame_and_everybody_may_keep_it(http):
    page = await http.get(SEARCH)

    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"].startswith("public")
    assert "sec-fetch-dest" not in page.headers["vary"].lower()
    assert page.text.count("<article") == 12


@pytest.mark.anyio
async def test_its_address_is_one_that_people_share(http):
    page = await http.get(SEARCH + "&utm_source=x&limit=20&partner=demo-lycee&radius=30")

    assert links(page)["canonical"] == "https://alternance.example/?romes=D1102&insee=35238"
    assert '<meta name="description" content="Boulang' in page.text
    assert "<title>Boulang" in page.text
    assert "noindex" not in page.text


@pytest.mark.anyio
async def test_every_link_of_the_page_stays_outside_the_frame(http):
    page = await http.get(SEARCH)

    assert "/v1/widget" not in page.text
    assert '<form class="filters" method="get" action="/"' in page.text


@pytest.mark.anyio
async def test_each_language_leads_to_the_other_and_to_itself(http):
    french, english = await http.get(SEARCH), await http.get(SEARCH + "&lang=en")

    assert '<html lang="fr">' in french.text
    assert '<html lang="en">' in english.text
    assert (
        '<a href="/?romes=D1102&amp;insee=35238&amp;lang=en" lang="en" hreflang="en">English version</a>' in french.text
    )
    assert '<a href="/?romes=D1102&amp;insee=35238" lang="fr" hreflang="fr">Version française</a>' in english.text


@pytest.mark.anyio
@pytest.mark.parametrize("told", ["EN", " en-GB", "en_US"])
async def test_a_language_is_understood_as_sites_write_it(http, told):
    page = await http.get(f"{SEARCH}&lang={told}")

    assert '<html lang="en">' in page.text


@pytest.mark.anyio
async def test_a_language_that_we_do_not_have_is_french_and_no_error_anywhere(http):
    page, told = await http.get(SEARCH + "&lang=br"), await http.get("/v1/cards?romes=D1102&insee=35238&lang=br")

    assert '<html lang="fr">' in page.text
    assert [notice["code"] for notice in told.json()["notices"]] == ["lang_unknown"]


@pytest.mark.anyio
async def test_a_card_has_an_address_and_is_not_indexed(http):
    page = await http.get("/fiche/recruiter:1?romes=D1102&insee=35238")
    gone = await http.get("/fiche/recruiter:none")

    assert page.status_code == 200
    assert '<meta name="robots" content="noindex">' in page.text
    assert 'href="/?romes=D1102&amp;insee=35238"' in page.text
    assert gone.status_code == 404


@pytest.mark.anyio
async def test_search_engines_are_told_of_nothing_that_may_name_a_person(http):
    robots, sitemap = await http.get("/robots.txt"), await http.get("/sitemap.xml")

    listed = re.findall(r"<loc>([^<]+)</loc>", sitemap.text)
    assert "Disallow: /fiche/" in robots.text
    assert "Sitemap: https://alternance.example/sitemap.xml" in robots.text
    assert listed
    for address in listed:
        page = await http.get(address.removeprefix("https://alternance.example"))
        assert page.status_code == 200
        assert '<article class="card"' not in page.text


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/accessibilite", "/methode", "/methode/recruteurs"])
async def test_a_page_to_read_is_dark_for_those_who_want_it_dark(http, path):
    assert "prefers-color-scheme:dark" in (await http.get(path)).text.replace(" ", "")


@pytest.mark.anyio
async def test_an_address_that_leads_nowhere_is_a_page_for_people_and_data_for_programs(http):
    read = await http.get("/nulle-part?lang=en", headers={"Accept": "text/html,*/*"})
    programs = [
        await http.get("/nulle-part"),
        await http.get("/v1/nowhere", headers={"Accept": "text/html"}),
    ]

    assert (read.status_code, read.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "This page does not exist" in read.text
    assert 'href="/?lang=en"' in read.text
    assert "frame-ancestors 'none'" in read.headers["content-security-policy"]
    for answer in programs:
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.anyio
@pytest.mark.parametrize(("lang", "told"), [("fr", "auto-évaluation"), ("en", "self-assessment")])
async def test_the_accessibility_statement_says_that_nobody_has_audited(http, lang, told):
    page = await http.get(f"/accessibilite?lang={lang}")

    assert "RGAA 4.1.2" in page.text
    assert told in page.text
    assert f'<html lang="{lang}">' in page.text


@pytest.mark.anyio
async def test_a_widened_list_says_so_and_leads_back_to_one_that_is_not(http):
    far = "romes=D1102&latitude=48.45&longitude=-1.68"
    widened = await http.get(f"/?{far}")
    back = re.search(r'href="([^"]+widen=none[^"]*)"', widened.text)
    held = await http.get(unescape(back[1]))

    assert "Aucun résultat à 30\u00a0km\u00a0: nous avons cherché à 60\u00a0km." in widened.text
    assert '"widened_from_km":30' in widened.text
    assert '"radius_km":60' in widened.text
    assert "<strong>Aucun résultat</strong>" in held.text
    assert "Les plus proches, hors de la zone" in held.text
    assert '"total":0' in held.text


@pytest.mark.anyio
async def test_json_never_widens(http):
    told = (await http.get("/v1/cards?romes=D1102&latitude=48.45&longitude=-1.68")).json()

    assert (told["total"], told["query"]["radius"]) == (0, 30)
