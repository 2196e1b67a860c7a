"""Suggestions under the job and place fields: by keyboard, by finger, for a screen reader, and without them."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import Site, axe

SEARCH = "/v1/widget?romes=D1102&insee=35238&limit=5"


@pytest.fixture
def page(browser, site: Site):
    with browser.new_page(viewport={"width": 1280, "height": 900}) as found:
        found.goto(f"{site.widget}{SEARCH}", wait_until="load")
        found.evaluate("window.here = true")
        yield found


def options(page: Page):
    return page.get_by_role("listbox").get_by_role("option")


def test_the_field_is_a_combobox_that_owns_its_list(page: Page):
    field = page.get_by_role("combobox", name="Métier")

    expect(field).to_have_attribute("aria-expanded", "false")
    field.fill("cuisin")

    expect(field).to_have_attribute("aria-expanded", "true")
    assert page.get_by_role("listbox", name="Métier").get_attribute("id") == field.get_attribute("aria-controls")
    expect(options(page).first).to_contain_text("uisinier")
    expect(page.locator("[aria-live=polite]", has_text="Propositions")).to_have_count(1)
    assert axe(page, framed=False) == []


def test_the_arrows_name_an_option_and_enter_searches_it_without_reload(page: Page):
    field = page.get_by_role("combobox", name="Métier")
    field.fill("cuisin")
    options(page).first.wait_for()
    page.keyboard.press("ArrowDown")

    named = page.locator("#" + field.get_attribute("aria-activedescendant"))
    label = named.inner_text()
    assert named.get_attribute("aria-selected") == "true"
    expect(field).to_be_focused()
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("romes=G1602"))
    expect(page.get_by_role("combobox", name="Métier")).to_be_focused()
    assert page.evaluate("window.here === true")
    assert "job=" not in page.url
    assert label
    assert page.evaluate("history.length") == 2


def test_the_arrows_go_round_and_come_back_to_the_field(page: Page):
    field = page.get_by_role("combobox", name="Lieu")
    field.fill("lyon")
    options(page).first.wait_for()
    count = options(page).count()

    page.keyboard.press("ArrowUp")
    assert field.get_attribute("aria-activedescendant").endswith(f"-{count - 1}")
    page.keyboard.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") is None
    page.keyboard.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant").endswith("-0")


@pytest.mark.parametrize("key", ["Escape", "Tab"])
def test_a_list_that_is_left_closes_and_keeps_the_text(page: Page, key):
    field = page.get_by_role("combobox", name="Lieu")
    field.fill("lyon")
    options(page).first.wait_for()
    page.keyboard.press(key)

    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(field).to_have_value("lyon")
    expect(field).to_have_attribute("aria-expanded", "false")


def test_a_choice_of_place_by_mouse_replaces_the_whole_place(page: Page):
    page.get_by_role("combobox", name="Lieu").fill("rhône")
    options(page).filter(has_text="département 69").first.click()

    expect(page).to_have_url(re.compile("departement=69"))
    assert "insee" not in page.url
    expect(page.get_by_label("Rayon")).to_have_count(0)


def test_a_text_that_was_not_chosen_is_understood_by_the_server(page: Page):
    field = page.get_by_role("combobox", name="Lieu")
    field.fill("lyon")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("insee=69"))
    assert page.evaluate("window.here === true")


def test_without_suggestions_the_field_is_a_plain_one(page: Page):
    page.route("**/v1/places?*", lambda route: route.abort())
    field = page.get_by_role("combobox", name="Lieu")
    with page.expect_event("requestfailed"):
        field.fill("lyon")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("insee=69"))


def test_without_javascript_the_field_is_a_plain_one(browser, site: Site):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{site.widget}{SEARCH}")
        expect(page.get_by_role("combobox", name="Métier")).to_have_count(0)
        page.get_by_label("Métier").fill("cuisinier")
        page.get_by_role("button", name="Rechercher").click()

        assert "job=cuisinier" in page.url
        expect(page.get_by_label("Métier")).not_to_have_value("")
