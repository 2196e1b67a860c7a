"""The pages for integrators in a browser: a newcomer's way from a job to a list, and everybody's way to read."""

import json
import re
from collections.abc import Iterator
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.scene import Scene, frame_of, settled
from tests.browser.site import EACH, axe

BAKER = {"job": "boulanger", "place": "rennes", "partner": "essai", "accent": "ffd54f"}
CONFIGURED = f"/configurateur?{urlencode(BAKER)}"
PAGES = {
    "configurator": CONFIGURED,
    "configurator, empty": "/configurateur",
    "documentation": "/docs",
    "check, refused": "/v1/check?partner=essai&origin=https://ailleurs.example",
    "check, empty": "/v1/check",
}
TABLES = {"configurator": CONFIGURED, "documentation": "/docs", "method": "/methode"}
BROKEN = """[...document.querySelectorAll('th, td, dt')].flatMap((cell) => {
  const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  const broken = [];
  while (texts.nextNode()) {
    for (const word of texts.currentNode.data.matchAll(/[\\p{L}\\d_]+/gu)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, word.index);
      range.setEnd(texts.currentNode, word.index + word[0].length);
      if (range.getClientRects().length > 1) broken.push(word[0]);
    }
  }
  return broken;
})
"""
"""Words of tables and terms that go on in a second line."""
WAYS = {
    "telephone, light": (320, "light", "none"),
    "page, dark": (1280, "dark", "none"),
    "tablet, forced colours": (768, "light", "active"),
}
TWICE = "html { font-size: 200% }"
SPACED = "* { line-height: 1.5; letter-spacing: 0.12em; word-spacing: 0.16em } p { margin-bottom: 2em }"
SMALL = """minimum => [...document.querySelectorAll('button, select, summary, nav a, textarea, input')]
  .filter((one) => one.checkVisibility())
  .map((one) => [one, Math.max(...[one, one.closest('label') ?? one].map((box) => box.getBoundingClientRect().height))])
  .filter(([, height]) => height < minimum - 0.5)
  .map(([one, height]) => `${one.outerHTML} is ${height} px high`)
"""


@pytest.fixture
def page(browser: Browser, widget: str) -> Iterator[Page]:
    """A page of the widget's own site. The clipboard may be used, as after a click."""
    with browser.new_context(base_url=widget) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield context.new_page()


class Hand:
    """Counts what a person does."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, action, *given: str) -> None:
        self.count += 1
        action(*given)


def test_a_newcomer_has_the_list_on_a_page_in_fewer_than_ten_interactions(page: Page, scene: Scene):
    do = Hand()
    do(page.goto, "/configurateur")
    do(page.locator("#f-job").press_sequentially, "boulang")
    do(page.locator("#l-jobs li").first.click)
    do(page.locator("#f-place").press_sequentially, "renn")
    do(page.locator("#l-places li").first.click)
    do(page.get_by_label("Identifiant de partenaire").fill, "essai")
    expect(page.get_by_label("Forme A, conseillée")).to_have_value(
        re.compile("partner=essai.*romes=D1102.*insee=35238")
    )
    do(page.get_by_role("button", name="Copier : Forme A").click)
    pasted = page.evaluate("navigator.clipboard.readText()")
    do(lambda: None)  # they paste it

    host = scene.open(pasted.replace('loading="lazy"', 'loading="eager"'))

    settled(host)
    assert frame_of(host).locator("article").count() == 3 * EACH
    assert do.count < 10


@pytest.mark.parametrize("form", ["form-a", "form-b", "form-c"])
def test_what_the_configurator_gives_shows_the_list_in_an_empty_page(page: Page, scene: Scene, form):
    page.goto(CONFIGURED)
    given = page.locator(f"#{form}").input_value()

    host = scene.open(given.replace('loading="lazy"', 'loading="eager"'))
    host.locator("alternance-widget").scroll_into_view_if_needed()

    settled(host)
    assert frame_of(host).locator("article").count() == 3 * EACH
    assert scene.wrong == []


def test_a_site_that_knows_oembed_shows_the_list_from_the_address_alone(page: Page, scene: Scene, widget: str):
    page.goto(CONFIGURED)
    address = page.locator("#form-d").input_value()

    with urlopen(f"{widget}/oembed?{urlencode({'url': address})}") as answer:  # noqa: S310 - our own server
        told = json.load(answer)
    host = scene.open(told["html"].replace('loading="lazy"', 'loading="eager"'))

    expect(host.frame_locator("iframe").locator("article")).to_have_count(3 * EACH)


def test_the_pinned_script_runs_and_a_changed_one_would_not(page: Page, scene: Scene):
    page.goto(CONFIGURED)
    pinned = page.locator("#pinned").input_value()
    form = page.locator("#form-a").input_value().replace('loading="lazy"', 'loading="eager"')
    element = form[: form.index("<script")]

    host = scene.open(element + pinned)
    settled(host)
    assert scene.wrong == []

    other = scene.open(element + re.sub("sha384-....", "sha384-AAAA", pinned))
    expect(other.frame_locator("iframe").locator("article")).to_have_count(3 * EACH)
    assert any("integrity" in text for text in scene.wrong)


def test_without_any_script_the_form_does_the_same(browser: Browser, widget: str):
    with browser.new_context(base_url=widget, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/configurateur")
        page.locator("#f-job").fill("boulanger")
        page.locator("#f-place").fill("rennes")
        page.get_by_label("Identifiant de partenaire").fill("essai")
        page.get_by_role("button", name="Mettre à jour").click()

        expect(page.locator("#status")).to_have_text(f"{3 * EACH} résultats pour cette recherche")
        assert "romes=D1102" in page.locator("#form-d").input_value()
        expect(page.frame_locator("iframe").locator("article")).to_have_count(3 * EACH)
        expect(page.locator("[data-copy]").first).to_be_hidden()


def test_a_choice_changes_the_code_and_the_preview_and_leaves_the_focus(page: Page):
    page.goto(CONFIGURED)
    page.get_by_text("Ce qui est montré", exact=True).first.click()
    box = page.get_by_label("Offres d’emploi")
    box.uncheck()

    expect(page.locator("#form-d")).to_have_value(re.compile("kinds=training,recruiter"))
    expect(page.frame_locator("[data-preview]").locator("article")).to_have_count(2 * EACH)
    expect(box).to_be_focused()
    assert "kinds=recruiter" in page.url
    assert page.evaluate("history.length") == 2


@pytest.mark.parametrize("width", [320, 360, 768])
def test_the_preview_has_the_width_that_was_chosen(page: Page, width):
    page.goto(CONFIGURED)
    page.get_by_label(f"{width} px").check()

    assert page.locator("[data-preview]").evaluate("frame => frame.offsetWidth") == width


def test_the_reserved_height_is_enough_for_the_list_at_360_px(page: Page):
    page.goto(CONFIGURED)
    reserved = int(re.search(r'height="(\d+)"', page.locator("#form-a").input_value())[1])
    inside = page.frame_locator("[data-preview]").locator("main")

    assert inside.evaluate("main => main.offsetHeight") <= reserved


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(page: Page, name, way):
    width, scheme, forced = WAYS[way]
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme, forced_colors=forced)
    page.goto(PAGES[name])
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")

    assert axe(page, framed=False) == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_a_small_telephone(page: Page, name):
    page.set_viewport_size({"width": 320, "height": 900})
    page.goto(PAGES[name])
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    for style in ("", TWICE, SPACED):
        page.evaluate(
            """text => {
              const sheet = new CSSStyleSheet();
              sheet.replaceSync(text);
              document.adoptedStyleSheets = [sheet];
            }""",
            style,
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, style


@pytest.mark.parametrize("name", TABLES)
def test_no_word_of_a_table_is_broken_on_a_small_telephone(page: Page, name):
    page.set_viewport_size({"width": 320, "height": 900})
    page.goto(TABLES[name])

    assert page.locator("th, td, dt").count() > 20
    assert page.evaluate(BROKEN) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("name", PAGES)
def test_a_finger_finds_every_control(browser: Browser, widget: str, name):
    with browser.new_context(
        base_url=widget, viewport={"width": 320, "height": 900}, has_touch=True, is_mobile=True
    ) as telephone:
        page = telephone.new_page()
        page.goto(PAGES[name])

        assert page.evaluate(SMALL, 44) == []


def test_a_finger_finds_the_title_of_a_card(browser: Browser, widget: str):
    with browser.new_context(
        base_url=widget, viewport={"width": 320, "height": 9000}, has_touch=True, is_mobile=True
    ) as telephone:
        page = telephone.new_page()
        page.goto("/v1/widget?romes=D1102&insee=35238")
        heights = page.locator("article [id] a").evaluate_all(
            """titles => titles.map((title) => {
              const { top } = title.getBoundingClientRect();
              const lines = [...Array(100).keys()].map((line) => top - 30 + line);
              return lines.filter((line) => document.elementFromPoint(160, line) === title).length;
            })"""
        )

        assert len(heights) > 5
        assert min(heights) >= 44


@pytest.mark.parametrize(
    "rule", ["iframe{max-width:50%}", "iframe{position:absolute;height:100%}", "body{display:flex}"]
)
def test_the_remedy_of_the_documentation_undoes_what_a_site_does_to_frames(page: Page, scene: Scene, rule):
    page.goto("/docs")
    remedy = " ".join(page.locator("dt:has-text('La liste est étroite') + dd code").all_inner_texts())

    shown = scene.open(f"<style>{rule} {remedy}</style>{scene.paste.form_a()}{scene.paste.script}")
    high = settled(shown)

    frame = shown.locator("iframe").bounding_box()
    element = shown.locator("alternance-widget").bounding_box()
    assert frame is not None
    assert element is not None
    assert frame["width"] == element["width"] > 700
    assert frame["height"] == element["height"] == high


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_asked_of_anybody_else_and_nothing_is_kept(page: Page, widget: str, name):
    asked: list[str] = []
    broken: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: broken.append(said.text) if said.type == "error" else None)
    page.goto(PAGES[name], wait_until="networkidle")

    assert [url for url in asked if not url.startswith((widget, "data:"))] == []
    assert page.context.storage_state() == {"cookies": [], "origins": []}
    assert broken == []


def test_the_code_can_be_reached_and_copied_by_keyboard_alone(page: Page):
    page.goto(CONFIGURED)
    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.copy || document.activeElement.id"))
        if reached[-1] == "form-a" and "form-a" in reached[:-1]:
            break

    assert reached.index("f-job") < reached.index("f-place") < reached.index("f-partner") < reached.index("form-a")
    page.locator("[data-copy=form-a]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-copy=form-a]")).to_contain_text("Copié")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#form-a").input_value()


@pytest.mark.parametrize("path", ["/configurateur", "/docs", "/v1/check"])
def test_no_site_can_put_them_in_a_frame(scene: Scene, widget: str, path):
    host = scene.open(f'<iframe src="{widget}{path}"></iframe>')

    host.wait_for_load_state("load")
    (frame,) = host.frames[1:]
    frame.wait_for_url("chrome-error://chromewebdata/")
