"""Every state of the page in a browser: readable by everyone, on every width, in every scheme."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.site import axe
from tests.pages import STATES

SMALL = """minimum => [...document.querySelectorAll('a, button, select, summary, input:not([type=hidden])')]
  .filter((one) => one.checkVisibility() && !one.closest('h2, h3, h4, p:not(.actions, .back), .sources'))
  .map((one) => [one, Math.max(...[one, one.closest('label') ?? one].map((box) => box.getBoundingClientRect().height))])
  .filter(([, height]) => height < minimum - 0.5)
  .map(([one, height]) => `${one.outerHTML} is ${height} px high`)
"""
"""Controls that stand alone and are lower than a finger needs; links in a sentence or a heading are not meant."""
TWICE = "html { font-size: 200% }"
SPACED = "* { line-height: 1.5; letter-spacing: 0.12em; word-spacing: 0.16em } p { margin-bottom: 2em }"
"""Text spacing as WCAG 1.4.12 wants it to be possible."""
WAYS = {
    "telephone, light": (320, "light", "none"),
    "page, dark": (1280, "dark", "none"),
    "tablet, forced colours": (768, "light", "active"),
}


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def show(window: Page) -> Iterator:
    """Show a state: `show("empty", width=320, scheme="dark")`; media as in `Page.emulate_media`."""

    def show_state(state: str, *, width: int = 768, scheme: str = "light", lang: str = "fr", **media: str) -> Page:
        window.set_viewport_size({"width": width, "height": 900})
        window.emulate_media(**media)
        window.set_content(STATES[state]({"scheme": scheme, "lang": lang}).html.decode())
        return window

    yield show_state
    window.emulate_media(media="null", forced_colors="null", reduced_motion="null")


def unfold(page: Page) -> None:
    """Open what is folded and can be opened by a visitor."""
    for folded in page.locator("details:not([open]) > summary").all():
        if folded.is_visible():
            folded.click()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(show, state, way):
    width, scheme, forced = WAYS[way]
    page = show(state, width=width, scheme=scheme, forced_colors=forced)
    unfold(page)

    assert axe(page, framed=True) == []


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_in_text_of_twice_the_size_with_more_space_and_in_english(show, state):
    page = show(state, width=320, lang="en")
    page.evaluate(
        "text => document.head.append(Object.assign(document.createElement('style'), {textContent: text}))",
        TWICE + SPACED,
    )
    unfold(page)

    assert axe(page, framed=True) == []


@pytest.mark.parametrize("state", STATES)
def test_nothing_is_wider_than_a_small_telephone(show, state):
    for style in ("", TWICE, SPACED):
        page = show(state, width=320)
        page.evaluate(
            "text => document.head.append(Object.assign(document.createElement('style'), {textContent: text}))", style
        )
        unfold(page)

        assert page.evaluate("document.documentElement.scrollWidth") <= 320, style


def test_a_title_is_whole_where_text_is_enlarged(show):
    # A telephone of 400 px whose text is twice as large has as many pixels of ours, and ems, as one of 200 px.
    page = show("results", width=200)
    titles = page.locator(".card :is(h2, h3, h4, h5)")
    cut = "titles => titles.filter(title => title.scrollHeight > title.clientHeight + 1).length"

    assert titles.count() > 5
    assert titles.evaluate_all(cut) == 0


@pytest.mark.parametrize("state", STATES)
def test_everything_to_press_is_as_high_as_a_finger(show, state):
    for width in (320, 768, 1280):
        page = show(state, width=width)
        unfold(page)

        assert page.evaluate(SMALL, 44) == [], width


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(show):
    page = show("results", width=320)
    expected = page.locator("main :is(a, summary):visible").count()
    cards = []

    for _ in range(expected):
        page.keyboard.press("Tab")
        style, card = page.evaluate(
            "() => [getComputedStyle(document.activeElement).outlineStyle,"
            " [...document.querySelectorAll('article')].indexOf(document.activeElement.closest('article'))]"
        )
        assert style == "solid"
        cards.append(card)

    inside = [card for card in cards if card >= 0]
    assert inside == sorted(inside)
    assert set(inside) == set(range(20))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "BODY"


def test_the_folded_search_opens_with_the_keyboard_alone(show):
    page = show("results", width=320)

    # The first stop is the link past the filters.
    for key in ("Tab", "Tab", "Enter", "Tab"):
        page.keyboard.press(key)

    assert page.evaluate("document.activeElement.name") == "job"


def test_nothing_moves(show):
    page = show("results", reduced_motion="no-preference")

    assert page.evaluate("document.getAnimations().length") == 0


@pytest.mark.parametrize("state", ["results", "offer"])
def test_print_holds_every_card_with_the_address_of_its_links(show, state):
    page = show(state, media="print")

    assert all(card.is_visible() for card in page.locator("article").all())
    contents = page.locator("article a[target]:visible").evaluate_all(
        "all => all.map((one) => [one.getAttribute('href'), getComputedStyle(one, '::after').content])"
    )
    assert contents
    assert all("attr(href)" in content or href in content for href, content in contents)


def test_a_printed_list_holds_every_card(show):
    page = show("results")
    addresses = page.locator("article h3 a").evaluate_all("all => all.map((one) => one.href)")

    printed = page.pdf(format="A4")

    # Links are annotations, which a PDF holds as they are; its text is packed.
    assert len(set(addresses)) == 20
    assert [address for address in addresses if f"/URI ({address})".encode() not in printed] == []
    assert printed.count(b"/Type /Page\n") > 1


def test_every_table_of_a_model_is_named_and_can_be_scrolled_with_the_keyboard(show):
    page = show("model", width=320)
    tables = page.locator(".figures")
    page.locator(".back a").last.focus()

    for number in range(tables.count()):
        page.keyboard.press("Tab")
        name, style = page.evaluate(
            "() => [document.getElementById(document.activeElement.getAttribute('aria-labelledby')).textContent,"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        assert name == page.locator(".named").nth(number).text_content()
        assert style == "solid"
        before = page.evaluate("document.activeElement.scrollLeft")
        wide = page.evaluate("document.activeElement.scrollWidth > document.activeElement.clientWidth")
        page.keyboard.press("ArrowRight")
        if wide:
            page.wait_for_function("before => document.activeElement.scrollLeft > before", arg=before, timeout=20_000)
    assert tables.count() >= 5


def test_a_plot_of_a_model_can_be_read_on_a_small_telephone_and_without_eyes(show):
    page = show("model", width=320)
    plots = page.locator("figure svg")
    sizes = plots.evaluate_all(
        """all => all.flatMap((one) => [...one.querySelectorAll('text')].map((text) => {
            const [box, frame] = [text.getBoundingClientRect(), one.getBoundingClientRect()]
            const scale = frame.width / one.viewBox.baseVal.width
            const outside = Math.max(frame.left - box.left, box.right - frame.right, box.bottom - frame.bottom)
            return [text.textContent, scale * parseFloat(getComputedStyle(text).fontSize), outside]
        }))"""
    )

    assert plots.count() == 4
    assert [text for text, px, _ in sizes if px < 11] == []
    assert [text for text, _, outside in sizes if outside > 0] == []
    for plot in plots.all():
        assert plot.get_attribute("role") == "img"
        assert len(plot.locator("title").text_content() or "") > 60


def test_a_printed_model_cuts_nothing_off(show):
    page = show("model", width=700, media="print")

    cut = "all => all.filter((one) => one.scrollWidth > one.clientWidth + 1).length"
    assert page.locator(".figures").evaluate_all(cut) == 0
    assert page.locator("figure svg").count() == 4


def test_a_model_uses_the_width_of_a_wide_page_for_its_tables_alone(show):
    page = show("model", width=1280)

    text, table = (page.locator(what).first.bounding_box() for what in (".method > p", ".figures"))
    assert text["width"] <= 704.5
    assert table["width"] >= text["width"]
    assert page.locator(".figures").evaluate_all("all => all.some((one) => one.clientWidth > 720)")
