"""The example pages, opened by a browser from another origin than the widget's."""

from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.site import EACH, Site, axe

EVERY_PAGE = ["", "form-a/", "form-b-events/", "form-c/", "json/", "strict-csp/", "two-widgets/"]
FRAMES = {"form-a/": 1, "form-b-events/": 1, "form-c/": 1, "strict-csp/": 1, "two-widgets/": 2}
"""How many widgets each page shows."""
COLLECT = """
window.violations = [];
addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective + event.blockedURI));
"""
PATIENCE = 600
"""Looks at a height, 50 ms apart."""
WIDTHS = [320, 768, 1280]


@dataclass
class Visit:
    """A page that was opened, and everything that went wrong on it."""

    page: Page
    wrong: list[str] = field(default_factory=list)

    def frame(self, number: int = 0):
        return self.page.frame_locator("alternance-widget iframe").nth(number)


@pytest.fixture
def visit(browser: Browser, site: Site):
    """Open an example page: `visit("form-a/", width=320)`."""
    contexts: list[BrowserContext] = []

    def open_page(path: str, *, width: int = 1280, script: str = "", **context) -> Visit:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **context))
        contexts[-1].add_init_script(script)
        visited = Visit(contexts[-1].new_page())
        visited.page.on("console", lambda said: visited.wrong.append(said.text) if said.type == "error" else None)
        visited.page.on("pageerror", lambda error: visited.wrong.append(str(error)))
        visited.page.goto(f"{site.pages}/{path}")
        return visited

    yield open_page
    for context in contexts:
        context.close()


def sized(visited: Visit, number: int = 0) -> None:
    """Wait until a frame is exactly as tall as its content; a lazy frame loads when it is scrolled to."""
    visited.page.locator("alternance-widget").nth(number).scroll_into_view_if_needed()
    visited.frame(number).locator("article").first.wait_for()
    for _ in range(PATIENCE):
        outside, inside = heights(visited, number)
        if abs(outside - inside) <= 1:
            return
        visited.page.wait_for_timeout(50)
    raise AssertionError(f"the frame is {outside} px high, its content {inside} px")


def heights(visited: Visit, number: int = 0) -> tuple[float, float]:
    """(the frame's, its content's)"""
    outside = visited.page.locator("alternance-widget iframe").nth(number).bounding_box()
    inside = visited.frame(number).locator("main").bounding_box()
    return outside["height"], inside["height"]


@pytest.mark.parametrize("path", ["form-a/", "two-widgets/"])
def test_without_javascript_every_card_is_there(visit, path):
    visited = visit(path, java_script_enabled=False)

    for number in range(FRAMES[path]):
        assert visited.frame(number).locator("article").count() == {"form-a/": 6, "two-widgets/": 4}[path]
    assert visited.wrong == []


@pytest.mark.parametrize("path", ["form-b-events/", "strict-csp/"])
def test_without_javascript_an_element_shows_its_link(visit, path):
    visited = visit(path, java_script_enabled=False)

    link = visited.page.get_by_role("link", name="Voir les offres et les formations en alternance")
    link.click()

    assert visited.page.locator("article").count() == 3 * EACH


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", FRAMES)
def test_every_frame_is_as_tall_as_its_list_and_nothing_scrolls_sideways(visit, path, width):
    visited = visit(path, width=width)

    for number in range(FRAMES[path]):
        sized(visited, number)
        assert visited.frame(number).locator("html").evaluate("html => html.scrollWidth <= innerWidth")
    assert visited.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert visited.wrong == []


def test_a_frame_has_a_name_that_says_what_it_holds(visit):
    for path in FRAMES:
        names = visit(path).page.locator("alternance-widget iframe").evaluate_all("all => all.map(one => one.title)")

        assert all(len(name) > 10 for name in names), path
        assert len(set(names)) == FRAMES[path]


def test_two_widgets_change_one_without_the_other(visit):
    visited = visit("two-widgets/")
    sized(visited, 0)
    sized(visited, 1)
    before = heights(visited, 1)[0], visited.frame(1).locator("article").first.get_attribute("data-id")

    visited.frame(0).get_by_role("link", name="Suivante").click()
    visited.frame(0).locator("[aria-current=page]", has_text="2").wait_for()

    after = heights(visited, 1)[0], visited.frame(1).locator("article").first.get_attribute("data-id")
    assert after == before
    assert "G1602" in before[1]


def test_the_page_with_events_hears_of_the_list_and_of_what_is_chosen(visit):
    visited = visit("form-b-events/")
    sized(visited)
    log = visited.page.locator("#log")
    for name in ("ready", "results", "resize"):
        log.get_by_text(f"alternance:{name}").first.wait_for()

    visited.page.context.route("https://source.example/**", lambda route: route.fulfill(body="ok"))
    visited.frame().locator("[data-select]").first.click()

    log.get_by_text("alternance:select").wait_for()
    assert visited.wrong == []


def test_a_button_of_the_host_page_changes_the_search(visit):
    visited = visit("form-b-events/")
    sized(visited)
    entries = visited.page.evaluate("history.length")

    # By keyboard: for some milliseconds after a frame has shrunk, Chromium sends a click to where it was.
    visited.page.get_by_role("button", name="Informatique").press("Enter")

    visited.frame().locator("[data-id*=M1805]").first.wait_for()
    assert visited.page.get_by_role("button", name="Informatique").get_attribute("aria-pressed") == "true"
    assert visited.page.evaluate("history.length") == entries


def test_a_strict_policy_is_never_violated(visit, site):
    visited = visit("strict-csp/", script=COLLECT)
    sized(visited)

    assert visited.page.locator("meta[http-equiv=Content-Security-Policy]").count() == 1
    # In the page and in the frame: an init script runs in both.
    assert [frame.evaluate("violations") for frame in visited.page.frames] == [[], []]
    assert visited.wrong == []


def test_the_page_of_the_json_shows_cards_as_text(visit):
    visited = visit("json/")
    cards = visited.page.locator("#cards li")
    cards.first.wait_for()

    assert cards.count() == 6
    assert "18 résultats" in visited.page.get_by_role("status").inner_text()
    assert "Données de démonstration" in visited.page.get_by_role("status").inner_text()
    assert "Source : offers" in visited.page.locator("#attribution").inner_text()
    assert "Estimation statistique" in visited.page.locator("#cards").inner_text()

    visited.page.get_by_label("Métier").select_option("Cuisine")
    visited.page.get_by_label("Ville").select_option("Lyon 3e")
    visited.page.get_by_role("button", name="Chercher").click()

    visited.page.locator("#cards", has_text="G1602").wait_for()
    assert visited.wrong == []


def test_the_page_of_the_json_says_when_there_is_nothing(visit):
    visited = visit("json/")
    visited.page.locator("#cards li").first.wait_for()

    visited.page.get_by_label("Ville").select_option("Ajaccio")
    visited.page.get_by_role("button", name="Chercher").click()

    visited.page.get_by_role("status").get_by_text("Aucun résultat").wait_for()
    assert visited.page.locator("#cards li").count() == 0


@pytest.mark.parametrize("path", EVERY_PAGE, ids=lambda path: path.strip("/") or "index")
def test_axe_finds_nothing_on_the_page_nor_in_its_frames(visit, path):
    # A strict policy refuses the tool too: that policy has its own test.
    visited = visit(path, bypass_csp=path == "strict-csp/")
    for number in range(FRAMES.get(path, 0)):
        sized(visited, number)
    if path == "json/":
        visited.page.locator("#cards li").first.wait_for()

    found = {frame.url: axe(frame, framed=frame.parent_frame is not None) for frame in visited.page.frames}
    assert found == {url: [] for url in found}
    assert len(found) == 1 + FRAMES.get(path, 0)


def test_nobody_but_the_partner_and_the_widget_is_asked_and_nothing_is_stored(visit, site):
    for path in EVERY_PAGE:
        asked: list[str] = []
        visited = visit(path)
        visited.page.on("request", lambda request, asked=asked: asked.append(request.url))
        visited.page.reload()
        for number in range(FRAMES.get(path, 0)):
            sized(visited, number)

        assert all(url.startswith((site.pages, site.widget, "data:")) for url in asked), path
        assert visited.page.context.cookies() == []
        assert visited.page.context.storage_state()["origins"] == []
