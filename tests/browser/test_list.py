"""The list without reload: the same list as with one, said once, focus kept, and nothing lost when the network is."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import EACH, Site

SEARCH = "/v1/widget?romes=D1102&insee=35238"


@pytest.fixture
def page(browser, site: Site):
    with browser.new_page() as found:
        found.goto(f"{site.widget}{SEARCH}&limit=5", wait_until="load")
        found.evaluate("window.here = true")
        yield found


def stayed(page: Page) -> bool:
    """Whether the document is still the one that was opened."""
    return page.evaluate("window.here === true")


def ids(page: Page) -> list[str]:
    return page.eval_on_selector_all("article", "all => all.map(card => card.dataset.id)")


def test_a_choice_searches_without_reload_and_shows_what_the_server_would(page: Page, site: Site, browser):
    page.get_by_label("Offres d’emploi").uncheck()

    expect(page.locator("article[data-kind=offer]")).to_have_count(0)
    assert stayed(page)
    assert page.evaluate("history.length") == 2
    with browser.new_page() as other:
        other.goto(page.url)
        assert ids(other) == ids(page)
        assert other.title() == page.title()


def test_the_status_says_the_new_number_in_the_element_that_was_there(page: Page):
    status = page.get_by_role("status").element_handle()
    before = status.inner_text()
    page.get_by_label("Formations").uncheck()

    expect(page.get_by_role("status")).to_contain_text(str(2 * EACH))
    assert status.evaluate("element => element.isConnected")
    assert status.inner_text() != before


def test_the_control_that_was_used_keeps_the_focus(page: Page):
    box = page.get_by_label("Entreprises à contacter")
    box.focus()
    page.keyboard.press("Space")

    expect(page.locator("article[data-kind=recruiter]")).to_have_count(0)
    expect(page.get_by_label("Entreprises à contacter")).to_be_focused()


def test_a_page_link_shows_the_next_page_and_leads_to_its_first_card(page: Page):
    first = ids(page)
    page.get_by_role("link", name="Suivante").focus()
    page.keyboard.press("Enter")

    expect(page.locator("[aria-current=page]")).to_contain_text("2")
    assert stayed(page)
    assert set(ids(page)).isdisjoint(first)
    expect(page.locator("article a").first).to_be_focused()


def test_more_cards_come_below_with_the_focus_on_the_first_of_them(page: Page):
    first = ids(page)
    more = page.get_by_role("button", name="Voir plus")
    more.focus()
    page.keyboard.press("Enter")

    expect(page.locator("article")).to_have_count(10)
    expect(page.locator("article a[data-select]").nth(5)).to_be_focused()
    assert ids(page)[:5] == first
    assert len(set(ids(page))) == 10
    assert page.eval_on_selector_all(
        "article", "all => all.every((one) => one.querySelector('[id]').id === one.getAttribute('aria-labelledby'))"
    )
    assert page.evaluate(
        "new Set([...document.querySelectorAll('[id]')].map((one) => one.id)).size === "
        "document.querySelectorAll('[id]').length"
    )
    assert stayed(page)


def test_more_is_offered_until_every_card_is_there(page: Page):
    for shown in (10, 15, 18):
        page.get_by_role("button", name="Voir plus").click()
        expect(page.locator("article")).to_have_count(shown)

    expect(page.get_by_role("button", name="Voir plus")).to_have_count(0)
    assert len(set(ids(page))) == 3 * EACH


def test_a_network_lost_on_the_way_to_more_offers_to_try_again(page: Page):
    page.context.set_offline(True)
    page.get_by_role("button", name="Voir plus").click()

    expect(page.get_by_role("status")).to_contain_text("connexion")
    page.context.set_offline(False)
    page.get_by_role("button", name="Réessayer").click()

    expect(page.locator("article")).to_have_count(10)
    expect(page.get_by_role("status")).to_contain_text("18 résultats")


def test_a_lost_network_keeps_the_list_and_offers_to_try_again(page: Page):
    before = ids(page)
    page.context.set_offline(True)
    page.get_by_label("Formations").uncheck()

    expect(page.get_by_role("status")).to_contain_text("connexion")
    assert ids(page) == before
    page.context.set_offline(False)
    page.get_by_role("button", name="Réessayer").click()
    expect(page.locator("article[data-kind=training]")).to_have_count(0)


def test_a_title_still_opens_its_source_in_a_new_window(page: Page):
    with page.expect_popup() as popup:
        page.locator("article h2 a, article h3 a").first.click()
    popup.value.close()
    assert stayed(page)


def test_no_policy_of_the_page_is_broken(page: Page):
    page.evaluate("addEventListener('securitypolicyviolation', event => (window.broken = event.violatedDirective))")
    page.get_by_label("Formations").uncheck()

    expect(page.locator("article[data-kind=training]")).to_have_count(0)
    assert page.evaluate("window.broken") is None


@pytest.mark.parametrize(
    ("scripts", "more"), [(False, []), (True, ["script"])], ids=["without scripts", "with scripts"]
)
def test_the_list_is_one_request_and_its_deferred_script(browser, site: Site, scripts, more):
    asked: list[str] = []
    with browser.new_context(java_script_enabled=scripts) as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.resource_type))
        page.goto(f"{site.widget}{SEARCH}", wait_until="networkidle")

        assert asked == ["document", *more]
        assert page.locator("article").count() == 3 * EACH
        assert context.cookies() == []


def test_no_script_makes_the_browser_lay_the_page_out_while_it_loads(browser, site: Site):
    with browser.new_context() as context:
        page = context.new_page()
        browser.start_tracing(page=page, categories=["devtools.timeline"])
        page.goto(f"{site.widget}{SEARCH}&limit=5", wait_until="load")
        expect(page.locator("input[role=combobox]")).to_have_count(2)
        expect(page.get_by_role("button", name="Voir plus")).to_be_visible()
        events = json.loads(browser.stop_tracing())["traceEvents"]

    scripts = [(one, address) for one in events if site.widget in (address := address_of(one))]
    layouts = [one for one in events if one["name"] == "Layout"]
    # The one that stands in the page, and the one beside it.
    assert sorted(address.endswith(".js") for _, address in scripts) == [False, True]
    assert layouts
    assert not [
        address
        for script, address in scripts
        for layout in layouts
        if layout["tid"] == script["tid"] and 0 <= layout["ts"] - script["ts"] < script["dur"]
    ]


def address_of(event: dict) -> str:
    """Where the script came from that an event of a trace ran; empty for another event."""
    return event["args"]["data"].get("url", "") if event["name"] == "EvaluateScript" else ""
