"""Every word of ours is in both languages, with the typography and the numbers of each."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from string import Formatter

import pytest

from tests.pages import STATES
from widget_assets.catalogues import ROOT, made, untranslated, written
from widget_server.domain.answer import AnswerPlace
from widget_server.domain.cards import CardPlace
from widget_server.domain.query import BY_NAME
from widget_server.web import wording
from widget_server.web.composed import known, ours
from widget_server.web.language import LANGUAGES, Words, language, typeset, typeset_markup

FR, EN = language("fr"), language("en")
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
IN_FRENCH_ONLY = {
    "method_recruiters.html",
    "integrator.html",
    "configurator.html",
    "docs.html",
    "check.html",
}
"""Documents of the operator. The pages of the search are in both languages."""
IN_FRENCH = {"model", "no model", "not here"}
TEMPLATES = [
    path for path in sorted((ROOT / "widget_assets" / "templates").glob("*.html")) if path.name not in IN_FRENCH_ONLY
]
WRITTEN = written()


def test_every_language_of_the_parameter_table_has_a_catalogue():
    assert BY_NAME["lang"].choices == LANGUAGES


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: f"{path.parts[-3]} {path.suffix}")
def test_a_catalogue_is_up_to_date(path):
    assert path.read_bytes() == WRITTEN[path], "type: make assets"


def test_nothing_is_left_untranslated():
    assert untranslated("en") == []


def test_a_translation_has_no_field_that_its_message_lacks():
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    for message in made("en"):
        forms = message.id if isinstance(message.id, tuple) else (message.id,)
        told = message.string if isinstance(message.string, tuple) else (message.string,)
        # English towns stay as they are after "of": where French says {of_place}, English has {place}.
        known = {name for form in forms for name in fields(form)} | {"place"}
        assert all(fields(text) <= known for text in told), message.id


class Literals(HTMLParser):
    """What stands in a template as plain text, or in an attribute that is read out."""

    def __init__(self, template: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.feed(re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", " ", template, flags=re.DOTALL))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        read_out = {"title", "alt", "placeholder", "aria-label", "aria-description", "content"}
        if tag != "meta":
            self.texts += [value for name, value in attrs if name in read_out and value]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_words_but_messages(path):
    found = " ".join(Literals(path.read_text("utf-8")).texts)

    assert not re.search(r"[^\W\d_]", found), found.split()


@pytest.mark.parametrize("path", sorted((ROOT / "widget_assets" / "src").glob("*.js")), ids=lambda path: path.name)
def test_a_script_holds_no_words(path):
    code = re.sub(r"/\*.*?\*/|^\s*//.*?$|\s// .*?$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    literals = re.findall(r"'([^'\n]*)'|\"([^\"\n]*)\"|`([^`]*)`", code)
    keys = {"Enter", "Escape", "Tab", "Home", "End", "ArrowDown", "ArrowUp", "BUTTON", "SUMMARY", "INPUT"}
    said = [text for texts in literals for text in texts if re.match(r"[A-ZÀ-Ý]|.*[à-ÿ…]", text) and text not in keys]

    assert said == []


class Ours(HTMLParser):
    """The texts of a page that are in the page's own language."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[bool] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "input", "br"):
            self._open.append(dict(attrs).get("lang") == "fr")

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if not any(self._open):
            self.texts.append(" ".join(data.split()))


@pytest.mark.parametrize("state", [state for state in STATES if state not in IN_FRENCH])
def test_an_english_page_says_nothing_in_french_but_what_came_with_the_data(state):
    html = STATES[state]({"lang": "en"}).html.decode()
    french = {" ".join(FR(message.id).split()) for message in made("en") if isinstance(message.id, str)}
    english = {" ".join(EN(message.id).split()) for message in made("en") if isinstance(message.id, str)}

    assert '<html lang="en">' in html
    assert [text for text in Ours(html).texts if text in french - english] == []


def test_an_english_page_marks_the_language_of_data():
    html = STATES["results"]({"lang": "en"}).html.decode()

    assert '<h3 id="c1" lang="fr">' in html
    assert 'lang="fr"' not in STATES["results"]({}).html.decode().split("<body>")[1]


@pytest.mark.parametrize(
    ("number", "french", "english"),
    [(0, "0 résultat", "0 results"), (1, "1 résultat", "1 result"), (12345, "12 345 résultats", "12,345 results")],
)
def test_plurals_and_numbers_follow_each_language(number, french, english):
    said = [t.plural("{n} résultat", "{n} résultats", number) for t in (FR, EN)]

    assert [text.replace("\u202f", " ") for text in said] == [french, english]


def test_dates_and_distances_follow_each_language():
    place = CardPlace(label="Rennes", precision="address")

    assert [wording.day(t, "2026-02-01", NOW) for t in (FR, EN)] == ["1er\u00a0févr.", "1\u00a0Feb."]
    assert [wording.full_day(t, "2026-10-03") for t in (FR, EN)] == ["03/10/2026", "3 October 2026"]
    assert [wording.ago(t, "2026-11-21", NOW) for t in (FR, EN)] == ["il y a 3\u00a0j", "3\u00a0d ago"]
    assert [wording.distance(t, 2.4, place) for t in (FR, EN)] == ["à 2,4\u00a0km", "2.4\u00a0km away"]


def test_a_place_follows_its_article_in_french_only():
    place = AnswerPlace(label="Le Mans", latitude=48.0, longitude=0.2, radius_km=30)

    assert wording.radius(FR, place) == "à moins de 30\u00a0km du Mans"
    assert wording.radius(EN, place) == "within 30\u00a0km of Le Mans"


def test_french_typography_is_added_to_messages_and_never_to_values():
    assert FR("Pourquoi :") == "Pourquoi\u00a0:"
    assert FR("« {text} » peut aussi vouloir dire :", text="a : b").startswith("«\u00a0a : b\u00a0»")


@pytest.mark.parametrize(
    ("told", "english"),
    [
        (
            "Estimation du 1er mai 2026, pour des embauches jusqu'au 31 octobre 2026",
            "Estimate of 1 May 2026, for hires until 31 October 2026",
        ),
        ("6 à 9 salariés", "6 to 9 employees"),
        ("1 000 à 1 999 salariés", "1,000 to 1,999 employees"),
        ("10 000 salariés et plus", "10,000 employees or more"),
        ("A recruté récemment en alternance", "Has hired apprentices recently"),
        ("1 ou 2 salariés", "1 or 2 employees"),
        ("Sans salarié", "No employees"),
        (
            "Boulanger / Boulangère (probabilité de recruter forte)",
            "Boulanger / Boulangère (likelihood of hiring: high)",
        ),
    ],
)
def test_what_a_source_composes_in_our_words_is_translated(told, english):
    assert known(EN, told) == Words(english)
    assert known(FR, told).text == told


def test_what_a_source_says_in_its_own_words_stays_as_it_is():
    assert known(EN, "Travail le dimanche matin") == Words("Travail le dimanche matin", french=True)


def test_a_sentence_of_ours_that_was_typed_plainly_is_printed_as_french_is():
    plain = "L'employeur relève de l'enseignement (division 85) : ce n'est « pas » admis ; sauf 'ici'."

    assert typeset(plain) == (
        "L’employeur relève de l’enseignement (division 85)\u00a0: ce n’est «\u00a0pas\u00a0» admis\u00a0; sauf 'ici'."
    )


def test_the_words_of_a_template_are_printed_so_and_its_code_is_not():
    template = '{% if a != b %}<p title="a : b">Un mot : {{ x }} ; <code>p : q</code></p>{% endif %}'

    assert typeset_markup(template) == (
        '{% if a != b %}<p title="a : b">Un mot\u00a0: {{ x }}\u00a0; <code>p : q</code></p>{% endif %}'
    )


def test_what_a_source_of_ours_says_is_printed_well_in_french_and_translated_in_english():
    estimate = "Estimation du 1er novembre 2026, pour des embauches jusqu'au 1er mai 2027"

    assert ours(FR, estimate) == Words(estimate.replace("'", "’"), french=True)
    assert ours(EN, estimate) == Words("Estimate of 1 November 2026, for hires until 1 May 2027")
    assert known(FR, "l'Atelier : exemple") == Words("l'Atelier : exemple", french=True)
