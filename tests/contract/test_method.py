"""The public page of the method says what was really done to the versions that are shown."""

import re

import pytest

from tests.builders import NOW, declaration, entry, harvest
from tests.contract.site import OCCUPATIONS, client
from widget_assets.catalogues import made
from widget_server.domain.cards import PublicRule, Rejection
from widget_server.snapshot.shelf import Shelf
from widget_server.web.language import language

pytestmark = pytest.mark.anyio
RULES = (
    PublicRule(id="quiet", why="Une règle qui n'écarte rien.", field="title", action="reject", active=True),
    PublicRule(id="school", why="Une école <b>qui</b> se dit employeur.", field="naf", action="reject", active=True),
    PublicRule(id="asleep", why="Une règle sans sa liste.", field="siret", action="reject", active=False),
)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def folder(tmp_path):
    told = declaration(rules=RULES, licence_url="https://licence.example", method="Toutes les offres sont lues.")
    with Shelf(tmp_path / "offers").draft(told, started=NOW) as draft:
        for number in range(7):
            draft.add(entry(f"c{number}"))
        for number in range(3):
            draft.reject(Rejection(reason="school", id=f"r{number}", detail=""))
        draft.publish(tree=OCCUPATIONS, harvest=harvest(demonstration=True), keep=1)
    return tmp_path


async def page(folder, query="") -> str:
    async with client(folder) as http:
        answer = await http.get(f"/methode{query}")
    assert answer.status_code == 200
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    return answer.text


async def test_each_rule_is_told_with_what_it_does_and_how_often_it_did(folder):
    html = await page(folder)
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]

    assert [row for row in rows if row] == [
        ["Une école &lt;b&gt;qui&lt;/b&gt; se dit employeur.", "non montrée", "3"],
        ["Une règle qui n’écarte rien.", "non montrée", "0"],
        ["Une règle sans sa liste.", "sans effet ici\u00a0: sa liste n’est pas fournie", "–"],
    ]


async def test_figures_method_licence_and_the_label_of_demonstration_data_are_there(folder):
    html = await page(folder)

    for text in ("10 lignes lues", "7 fiches montrées", "Toutes les offres sont lues.", "https://licence.example"):
        assert text in html
    assert "Données de démonstration" in html


async def test_the_english_page_says_the_same_and_marks_what_came_with_the_data(folder):
    html = await page(folder, "?lang=en")
    rows = [re.findall(r"<td[^>]*>.*?</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]
    french = {" ".join(language("fr")(message.id).split()) for message in made("en") if isinstance(message.id, str)}
    english = {" ".join(language("en")(message.id).split()) for message in made("en") if isinstance(message.id, str)}

    assert '<html lang="en">' in html
    for text in (
        "10 rows read",
        "7 cards shown",
        '<p lang="fr">Toutes les offres sont lues.</p>',
        "Demonstration data",
    ):
        assert text in html
    assert next(row for row in rows if row) == [
        '<td lang="fr">Une école &lt;b&gt;qui&lt;/b&gt; se dit employeur.</td>', "<td>not shown</td>",
        '<td class="number">3</td>',
    ]  # fmt: skip
    said = {" ".join(text.split()) for text in re.findall(r">([^<>]+)<", html.partition("<body>")[2])}
    assert said & english
    assert said & (french - english) == {"Version française"}
    assert '<a href="/methode" lang="fr" hreflang="fr">Version française</a>' in html
    assert '<a href="/methode?lang=en" lang="en" hreflang="en">English version</a>' in await page(folder)


async def test_without_any_source_the_page_says_so(tmp_path):
    assert "Aucune source n’est disponible" in await page(tmp_path)


async def test_the_list_leads_to_it(folder):
    async with client(folder) as http:
        assert 'href="/methode"' in (await http.get("/v1/widget?romes=D1102&insee=35238")).text
        assert 'href="/methode?lang=en"' in (await http.get("/v1/widget?romes=D1102&insee=35238&lang=en")).text
