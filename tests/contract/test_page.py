"""What the page says in each state, and what no state may ever contain."""

import re
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import brotli
import pytest

from tests.budgets import PAGE as PAGE_BYTES
from tests.builders import NOW, declaration, entry, harvest
from tests.contract.site import OCCUPATIONS, client, fill
from tests.pages import EVIL, FACTS, STATES, answer, card, detail_page, list_page, request, shell
from tests.varied import varied_cards
from widget_server.domain.cards import CardPlace, Fact, Organisation
from widget_server.snapshot.shelf import Shelf
from widget_server.web.assets import csp_hash
from widget_server.web.page import render_detail, render_list

PAGE = "/v1/widget?romes=D1102&insee=35238"
ALONE = ("alone", "alone, card", "accessibility", "model", "no model", "lost")
"""Pages that stand in no frame: their links may lead anywhere on the site."""
VOID = {"meta", "link", "input", "br", "img"}


class Element:
    """One element of a parsed page."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes, self.parts, self.inside = tag, attributes, [], []

    @property
    def text(self) -> str:
        """What can be read in it, blanks collapsed (a no-break space stays)."""
        return " ".join(re.split(r"[ \n]+", "".join(self.parts))).strip(" ")


class Tree(HTMLParser):
    """A page as a browser reads it, strictly: every element is closed by its own end tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice in {tag}: {attrs}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.found.append(element)
        for around in self._open:
            around.inside.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> closes {self._open[-1].tag}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for around in self._open:
            around.parts.append(data)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Elements of a tag that have these attributes (`data_kind` is data-kind, `class_` is class)."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [one for one in self.found if one.tag == tag and wanted.items() <= one.attributes.items()]

    def one(self, tag: str, **attributes: str) -> Element:
        """The only such element."""
        (found,) = self.all(tag, **attributes)
        return found


def tree(page) -> Tree:
    return Tree(page.html.decode())


def shown(page) -> str:
    return tree(page).one("body").text


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_well_formed_and_has_one_status_one_main_and_one_first_heading(state):
    page = tree(STATES[state]({}))

    assert len(page.all("main")) == 1
    assert page.one("html").attributes["lang"] == "fr"
    (title,) = (one for one in page.one("head").inside if one.tag == "title")
    assert title.text
    headings = [int(element.tag[1]) for element in page.found if re.fullmatch(r"h\d", element.tag)]
    assert headings.count(headings[0]) == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))
    details = (
        "offer",
        "training",
        "recruiter",
        "not here",
        "alone, card",
        "accessibility",
        "model",
        "no model",
        "lost",
    )
    assert len(page.all("p", role="status")) == (0 if state in details else 1)


@pytest.mark.parametrize("state", STATES)
def test_every_state_runs_only_what_its_policy_names(state):
    rendered = STATES[state]({})
    page = tree(rendered)

    styles = [csp_hash("".join(style.parts)) for style in page.all("style")]
    scripts = [script for script in page.all("script") if script.attributes.get("type") != "application/json"]
    assert sorted(styles) == sorted(rendered.style_hashes)
    assert [csp_hash("".join(script.parts)) for script in scripts] == list(rendered.script_hashes)
    assert not [one for one in page.found if any(name.startswith("on") or name == "style" for name in one.attributes)]
    assert not page.all("img")
    assert not page.all("iframe")


@pytest.mark.parametrize("state", STATES)
def test_every_name_on_the_page_is_unique_and_every_field_has_a_label(state):
    page = tree(STATES[state]({}))

    ids = [one.attributes["id"] for one in page.found if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    labelled = {label.attributes.get("for") for label in page.all("label")}
    wrapped = [inside for label in page.all("label") for inside in label.inside]
    for one in page.found:
        if one.tag in ("input", "select") and one.attributes.get("type") != "hidden":
            assert one.attributes.get("id") in labelled or one in wrapped
        for name in ("aria-describedby", "aria-labelledby"):
            assert one.attributes.get(name) in (*ids, None)


@pytest.mark.parametrize("state", STATES)
def test_links_that_open_a_window_say_so_and_the_others_stay_in_the_frame(state):
    for link in tree(STATES[state]({})).all("a"):
        if "target" in link.attributes:
            assert link.attributes["rel"] == "noopener"
            assert link.text.endswith("(nouvelle fenêtre)")
            assert link.attributes["href"].startswith(("https://", "http://", "/methode", "/accessibilite"))
        else:
            path = urlsplit(link.attributes["href"]).path
            assert path.startswith("/v1/widget") or link.attributes["href"] == "#c1" or state in ALONE


@pytest.mark.parametrize(
    ("state", "texts"),
    [
        ("results", ["86 résultats à moins de 30 km de Rennes", "37 formations, 29 offres d’emploi et 20 entreprises"]),
        ("last page", ["page 5 sur 5"]),
        ("partial", ["Au moins 57 résultats", "Les offres d’emploi manquent pour le moment", "décompte est incomplet"]),
        ("late", ["Les offres d’emploi : données d’hier 14 h, plus anciennes que d’habitude."]),
        ("withheld", ["Les offres d’emploi ne sont pas montrées : les données du 21 nov. à 14 h sont trop anciennes."]),
        ("all missing", ["La liste est indisponible pour le moment.", "Réessayer", "Chercher sur La bonne alternance"]),
        (
            "empty",
            ["Aucun résultat à moins de 30 km", "Chercher à 60 km", "Tout le département (35)", "Métiers proches"],
        ),
        ("empty and partial", ["Aucun résultat à moins de 30 km de Rennes (35) parmi les données disponibles"]),
        ("job unknown", ["Quel métier cherchez-vous ?", "Par exemple : boulanger"]),
        ("place unknown", ["Où cherchez-vous ?", "Par exemple : Rennes"]),
        ("job not understood", ["Aucun métier ne correspond à « zzzz »."]),
        ("job understood otherwise", ["« pain » peut aussi vouloir dire :", "Vente en alimentation"]),
        ("corrected", ["« D9999 » n’existe pas", "dont 12 sans niveau indiqué", "les 450 premiers résultats"]),
        ("locked", ["Métier : Boulangerie - viennoiserie · Lieu : Rennes (35) · Rayon : 30 km"]),
        ("recruiter", ["Estimation statistique, pas une offre d’emploi", "Pourquoi cette entreprise ?"]),
        (
            "widened",
            [
                "3 résultats à moins de 60 km de Rennes (35)",
                "Aucun résultat à 30 km : nous avons cherché à 60 km.",
                "Revenir à 30 km",
            ],
        ),
        (
            "nowhere near",
            ["Aucun résultat à moins de 30 km", "Ni à 60 ni à 100 km.", "Les plus proches, hors de la zone"],
        ),
        ("alone", ["English version", "Accessibilité : non conforme"]),
        ("accessibility", ["Déclaration d’accessibilité", "auto-évaluation"]),
        ("gone", ["Cette fiche n’est plus disponible", "Retour à la liste"]),
        ("not here", ["La liste ne peut pas s’afficher ici"]),
    ],
)
def test_each_state_says_what_it_is(state, texts):
    said = shown(STATES[state]({})).replace("\u00a0", " ").replace("\u202f", " ")

    for text in texts:
        assert text in said


WITHOUT_DATA = ("gone", "lost", "not here", "accessibility", "no model")


@pytest.mark.parametrize("state", [state for state in STATES if state not in WITHOUT_DATA])
def test_demonstration_data_are_called_so(state):
    assert "Données de démonstration" in shown(STATES[state]({}))


def test_each_card_of_the_demonstration_is_called_so():
    for item in tree(STATES["results"]({})).all("article"):
        assert "Démonstration" in item.text


def test_real_data_are_not_called_a_demonstration():
    sources = tuple(
        type(source)(**({name: getattr(source, name) for name in source.__struct_fields__} | {"demonstration": False}))
        for source in answer().sources
    )

    assert "émonstration" not in shown(render_list(list_page(answer(sources=sources, demonstration=False))))


def test_an_estimate_is_explained_once_and_never_taken_for_an_offer():
    recruiters = tree(STATES["results"]({})).all("article", data_kind="recruiter")

    assert [item.text.count("D’après des données passées") for item in recruiters] == [1] + [0] * (len(recruiters) - 1)
    assert all("pas une offre d’emploi" in item.text for item in recruiters)
    assert all("Candidature spontanée" in item.text and "%" not in item.text for item in recruiters)


def test_the_form_works_without_any_script():
    page = tree(STATES["results"]({"accent": "8a3b12", "heading_level": "3"}))
    form = page.one("form")
    sent = {one.attributes["name"]: one.attributes.get("value") for one in form.inside if one.attributes.get("name")}

    assert (form.attributes["method"], form.attributes["action"]) == ("get", "/v1/widget")
    assert [one.tag for one in form.inside if one.tag == "button"] == ["button"]
    assert {"job", "place", "radius", "level", "kinds"} <= set(sent)
    assert (sent["partner"], sent["accent"], sent["heading_level"]) == ("demo-mission-locale", "8a3b12", "3")
    assert (sent["romes"], sent["insee"]) == ("D1102", "35238")


def test_a_locked_parameter_is_a_text_and_is_still_sent():
    page = tree(render_list(list_page(asked=request(lock=("romes", "radius"), radius_km=60))))
    names = [one.attributes.get("name") for one in page.one("form").inside if one.attributes.get("type") != "hidden"]
    hidden = {one.attributes["name"]: one.attributes["value"] for one in page.all("input", type="hidden")}

    assert not {"job", "radius"} & set(names)
    assert (hidden["romes"], hidden["radius"], hidden["lock"]) == ("D1102", "60", "romes,radius")


def test_a_partner_who_locks_everything_gets_no_form():
    assert not tree(STATES["locked"]({})).all("form")


def test_ideas_for_an_empty_list_respect_what_the_partner_locked():
    page = tree(STATES["empty"]({}))
    ideas = [link.attributes["href"] for link in page.all("a", class_="action")]
    locked = render_list(
        list_page(answer(()), request(lock=("romes", "place", "radius", "kinds", "level", "contract")))
    )

    assert [parse_qs(urlsplit(href).query).get("radius") for href in ideas[:2]] == [["60"], ["100"]]
    assert not tree(locked).all("a", class_="action")


@pytest.mark.parametrize("state", STATES)
def test_nothing_grows_with_the_window(state):
    style = "".join(part for one in tree(STATES[state]({})).all("style") for part in one.parts)

    assert not re.search(r"\d(vh|dvh|svh|lvh)|position:\s*fixed|!important|@import|url\(", style)


def test_hostile_texts_stay_texts():
    page = tree(STATES["hostile"]({}))

    assert not [one for one in page.found if one.tag == "img" or "onclick" in one.attributes]
    assert EVIL in page.one("body").text
    for link in page.all("a"):
        assert link.attributes["href"].startswith(("/v1/widget", "/methode", "/accessibilite", "https://", "#c1"))


def test_hostile_facts_stay_texts():
    html = (
        f"<p onclick=x>Vrai texte</p><script>alert(1)</script><a href='javascript:x'>{EVIL}</a><iframe src=x></iframe>"
    )
    facts = (
        Fact(name="description", label=EVIL, html=html),
        Fact(name="site", label="Site", text=EVIL, url="javascript:alert(1)"),
        Fact(name="list", label="Liste", items=(EVIL, "un", "deux", "trois")),
    )
    page = tree(render_detail(detail_page(card("offer", 1, title=EVIL, url="data:text/html,x"), facts)))

    assert not page.all("img")
    assert not page.all("iframe")
    assert len(page.all("script")) == 2
    assert "Vrai texte" in page.one("body").text
    assert page.one("body").text.count(EVIL) >= 3
    assert all(link.attributes["href"].startswith(("/v1/widget", "https://")) for link in page.all("a"))


@pytest.mark.parametrize("hostile", [EVIL, "</style><script>x</script>", "\u2028</script>", "&lt;b&gt;", "{{ 7*7 }}"])
def test_hostile_queries_stay_texts(hostile):
    page = tree(
        render_list(
            list_page(
                asked=request(look={"title": hostile}), received={"partner": hostile, "title": hostile, "x": hostile}
            )
        )
    )

    assert page.one("title").text == " ".join(hostile.split(" "))
    assert not page.all("img")
    assert len(page.all("script")) == 2


@pytest.mark.parametrize("kind", ["offer", "training", "recruiter", "jury"])
def test_what_a_source_does_not_say_leaves_no_trace(kind):
    bare = card(
        kind,
        1,
        title="Titre",
        organisation=Organisation(),
        place=CardPlace(label="Bruz", precision="commune"),
        distance_km=None,
        contract=(),
        duration=None,
        level=None,
        diploma=None,
        starts_on=None,
        published_on=None,
        apply_url=None,
        url=None,
        optout_url=None,
        estimated=None,
        score_band=None,
        reasons=(),
        flags=(),
    )
    item = tree(render_list(list_page(answer((bare,))))).one("article").text

    assert not re.search(r"None|null|–|·\s*·|: *\.|\(\)", item)


def test_a_card_without_a_point_has_no_distance():
    unplaced = card("offer", 1, distance_km=None, place=CardPlace(label="Ille-et-Vilaine", precision="departement"))

    assert "km" not in tree(render_list(list_page(answer((unplaced,))))).one("article").text


def test_the_detail_page_shows_every_fact_of_the_source():
    said = shown(render_detail(detail_page()))

    for fact in FACTS:
        assert fact.label in said
        assert all(item in said for item in fact.items)
        assert fact.text is None or fact.text in said
    assert "pétrir, façonner et cuire" in said


@pytest.mark.parametrize("state", ["results", "offer"])
def test_sources_are_named_with_their_date_and_their_terms(state):
    footer = tree(STATES[state]({})).one("footer")

    assert "Source\u00a0: France Travail, données du 24/11/2026." in footer.text
    assert "2026. ·" not in footer.text.replace("\u00a0", " ")
    assert state != "results" or footer.text.startswith("Origine des données")
    assert "https://source.example/licence" in [one.attributes.get("href") for one in footer.inside]


def test_a_page_of_twenty_cards_fits_its_budget():
    shown = varied_cards()
    page = render_list(
        list_page(answer(shown), shell=shell(script_url="/assets/list.0.js", public_url="https://widget.example"))
    )

    assert len(tree(page).all("article")) == 20
    # Repeated text would compress to next to nothing.
    assert len({item.title for item in shown} | {item.place.label for item in shown}) == 40
    assert len(brotli.compress(page.html, quality=11)) <= PAGE_BYTES
    assert len(brotli.compress(page.html, quality=4)) <= PAGE_BYTES


def test_a_page_needs_no_other_request_than_its_script_which_nothing_waits_for():
    page = tree(render_list(list_page(shell=shell(script_url="/assets/list.0.js"))))

    scripts = [one.attributes for one in page.all("script") if "src" in one.attributes]
    assert [script["src"] for script in scripts] == ["/assets/list.0.js"]
    assert "async" in scripts[0]
    assert [one.attributes["href"] for one in page.all("link")] == ["data:,"]


# Through the application

CSP = {
    "default-src": "'none'",
    # The tile server may be shown, and is asked for nothing before a visitor opens the map.
    "img-src": "'self' data: https://data.geopf.fr",
    "connect-src": "'self'",
    "font-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "require-trusted-types-for": "'script'",
}


def policy(response) -> dict[str, str]:
    told = response.headers["content-security-policy"]
    return dict(directive.strip().split(" ", 1) for directive in told.split(";"))


@pytest.mark.anyio
@pytest.mark.parametrize("path", [PAGE, "/v1/widget", "/v1/widget/cards/offer:1", "/v1/widget/cards/none"])
async def test_every_page_has_the_whole_set_of_headers(tmp_path, path):
    fill(tmp_path)
    joint = "&" if "?" in path else "?"

    async with client(tmp_path) as http:
        response = await http.get(f"{path}{joint}partner=demo-lycee")

    told = policy(response)
    assert CSP.items() <= told.items()
    assert told["frame-ancestors"] == "https://lycee.example"
    assert "unsafe" not in response.headers["content-security-policy"]
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["origin-agent-cluster"] == "?1"
    assert response.headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert "camera=()" in response.headers["permissions-policy"]
    assert "set-cookie" not in response.headers
    assert "x-frame-options" not in response.headers


@pytest.mark.anyio
@pytest.mark.parametrize("partner", ["", "&partner=nobody", "&partner=%3Cscript%3E"])
async def test_a_page_without_a_known_partner_is_whole_but_not_framable(tmp_path, partner):
    fill(tmp_path)

    async with client(tmp_path) as http:
        plain = await http.get(PAGE + partner)
        framed = await http.get(PAGE + partner, headers={"Sec-Fetch-Dest": "iframe"})

    assert (plain.status_code, policy(plain)["frame-ancestors"]) == (200, "'none'")
    assert len(Tree(plain.text).all("article")) == 12
    assert (framed.status_code, policy(framed)["frame-ancestors"]) == (403, "*")
    assert not Tree(framed.text).all("script")
    assert "Sec-Fetch-Dest" in plain.headers["vary"]
    assert "Sec-Fetch-Dest" in framed.headers["vary"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "query",
    [
        "",
        "romes=Z9999&insee=35238",
        "romes=D1102",
        "romes=D1102&insee=99999",
        "romes=D1102&insee=35238&postcode=35000",
        "romes=D1102&insee=35238&radius=999",
        "romes=D1102&insee=35238&radius=x&level=9&limit=-1&page=77777&kinds=jury&scheme=pink&accent=zzzzzz&corner=900",
        "romes=D1102&latitude=91&longitude=0",
        "romes=D1102&latitude=0&longitude=0",
        "romes=D1102&latitude=48.1",
        "romes=d1102&insee=2a004",
        "romes=" + ",".join(f"M18{n:02}" for n in range(1, 30)) + "&departement=974",
        "romes=D1102&region=99",
        "romes=%00&insee=%FF&job=%3Cb%3E&place=%00",
        "job=boulanger&place=rennes",
        "job=qqqqqqqq&place=qqqqqqqq",
        "title=%3C%2Ftitle%3E&lang=xx&view=&form=&lock=romes,x",
        "romes=D1102&romes=M1805&insee=35238&insee=75056",
    ],
)
async def test_no_parameter_makes_the_page_fail(tmp_path, query):
    fill(tmp_path)

    async with client(tmp_path) as http:
        response = await http.get(f"/v1/widget?{query}")

    assert response.status_code == 200
    page = Tree(response.text)
    assert page.one("p", role="status").text
    assert page.all("form")


@pytest.mark.anyio
async def test_the_way_back_from_a_card_leads_to_the_same_list(tmp_path):
    fill(tmp_path)

    async with client(tmp_path) as http:
        page = Tree((await http.get(f"{PAGE}&limit=3&page=2&partner=demo-lycee&accent=8a3b12")).text)
        first = page.all("article")[0]
        href = next(one.attributes["href"] for one in first.inside if one.attributes.get("href", "").startswith("/v1/"))
        detail = Tree((await http.get(href)).text)
        back = next(link.attributes["href"] for link in detail.all("a") if "Retour" in link.text)
        again = Tree((await http.get(back)).text)

    assert detail.one("article").attributes["data-id"] == first.attributes["data-id"]
    assert [one.attributes["data-id"] for one in again.all("article")] == [
        one.attributes["data-id"] for one in page.all("article")
    ]
    assert parse_qs(urlsplit(back).query)["accent"] == ["8a3b12"]


def fill_france(folder) -> None:
    """Cards around several towns, of several occupations, with and without a point, levels and twins."""
    towns = {"35238": (48.1118, -1.68189), "69383": (45.7578, 4.8493), "97411": (-20.8823, 55.4504)}
    for name, kind in (("trainings", "training"), ("offers", "offer"), ("recruiters", "recruiter")):
        with Shelf(folder / name).draft(declaration(name, kind), started=NOW) as draft:
            for insee, (latitude, longitude) in towns.items():
                for number in range(60):
                    rome = ("D1102", "G1602", "M1805", "M1855")[number % 4]
                    point = (round(latitude - number / 400, 5), longitude) if number % 5 else None
                    draft.add(
                        entry(
                            f"{kind}:{insee}:{number}",
                            point,
                            romes=(rome,),
                            kind=kind,
                            insee=insee if point else None,
                            departement="974" if insee.startswith("97") else insee[:2],
                            level=(3, 4, None)[number % 3],
                            twin=f"{insee}:{number // 2}" if number % 7 == 0 else "",
                            score=number,
                            title=f"« Carte » <{kind}> & {number}",
                        )
                    )
            draft.publish(tree=OCCUPATIONS, harvest=harvest(), keep=3)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "query",
    [
        "romes=D1102&insee=35238",
        "romes=D1102,G1602&insee=69383&radius=60&limit=50",
        "romes=M1805&latitude=48.1&longitude=-1.7&kinds=offer,recruiter&limit=7&page=2",
        "romes=M1855&insee=97411&level=3",
        "romes=G1602&departement=35",
        "romes=D1102&region=84&limit=5&page=99",
        "romes=D1102&departement=75",
    ],
)
async def test_the_page_and_the_json_agree_card_by_card(tmp_path, query):
    fill_france(tmp_path)

    async with client(tmp_path) as http:
        told = (await http.get(f"/v1/cards?{query}")).json()
        page = Tree((await http.get(f"/v1/widget?{query}")).text)

    items = page.all("article")
    assert [(one.attributes["data-id"], one.attributes["data-kind"]) for one in items] == [
        (one["id"], one["kind"]) for one in told["cards"]
    ]
    for item, said in zip(items, told["cards"], strict=True):
        assert said["title"] in item.text
        assert said["place"]["label"] in item.text
        assert ("km" in item.text or "dans la commune" in item.text) == (said["distance_km"] is not None)
        assert said["url"] in [one.attributes.get("href") for one in item.inside]
    strong = unescape(page.one("strong").text)
    counted = re.match(r"[\d\u202f]+", strong)
    assert (int(re.sub(r"\D", "", counted.group())) if counted else 0) == told["total"]


@pytest.mark.anyio
@pytest.mark.parametrize(("hours", "text"), [(30, "plus anciennes que d’habitude"), (49, "trop anciennes")])
async def test_old_offers_are_announced_and_very_old_ones_withheld(tmp_path, hours, text):
    fill(tmp_path)

    async with client(tmp_path, now=NOW + timedelta(hours=hours)) as http:
        page = Tree((await http.get(PAGE)).text)

    assert text in page.one("main").text
    assert bool(page.all("article", data_kind="offer")) == (hours < 48)


@pytest.mark.anyio
async def test_without_any_data_the_page_says_so_with_503_and_a_way_out(tmp_path):
    async with client(tmp_path) as http:
        response = await http.get(PAGE)

    assert (response.status_code, response.headers["cache-control"]) == (503, "no-store")
    page = Tree(response.text)
    assert "indisponible" in page.one("p", role="status").text
    assert page.all("a")[0].attributes["href"].startswith("/v1/widget?romes=D1102")
