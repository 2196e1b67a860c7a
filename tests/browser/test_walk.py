"""One visit with the keyboard alone: search, filters, list, next page, one card, and back."""

import re

from playwright.sync_api import Page, expect

from tests.browser.site import Site

WHERE = """() => {
  const one = document.activeElement;
  return [one.localName, one.name || one.textContent.trim().slice(0, 40)];
}"""


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: Page, name: str, *, most: int = 60) -> None:
    """Press Tab until the focus is on what has this name; every stop must be visible."""
    for _ in range(most):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.checkVisibility()")
        if re.search(name, page.evaluate(WHERE)[1]):
            return
    raise AssertionError(f"{name} is not within {most} tabs")


def test_a_whole_visit_needs_no_mouse(browser, site: Site):
    with browser.new_page(viewport={"width": 1280, "height": 900}) as page:
        page.goto(f"{site.widget}/?limit=5")
        # Nothing takes the focus by itself.
        assert page.evaluate("document.activeElement.localName") == "body"
        expect(page.get_by_role("status")).to_contain_text("Quel métier cherchez-vous")

        # All at once: who types slowly is offered something else meanwhile, and the arrow would take that.
        tab_to(page, "^job$")
        page.keyboard.insert_text("boulanger")
        page.get_by_role("listbox").get_by_role("option").first.wait_for()
        press(page, "ArrowDown", "Enter")
        expect(page.get_by_role("status")).to_contain_text("Où cherchez-vous")

        # What is missing comes first: the place, from the top of the form.
        page.get_by_role("combobox", name="Lieu").focus()
        page.keyboard.insert_text("rennes")
        page.get_by_role("listbox").get_by_role("option").first.wait_for()
        press(page, "ArrowDown", "Enter")
        expect(page.get_by_role("status")).to_contain_text("18 résultats")

        # A filter keeps the focus, and the count is said once.
        tab_to(page, "^kinds$")
        press(page, "Space")
        expect(page.get_by_role("status")).to_contain_text("12 résultats")
        assert page.evaluate(WHERE) == ["input", "kinds"]

        # From the filters to the first card, then through the list in its order, to more of it.
        tab_to(page, "Voir plus")
        press(page, "Enter")
        expect(page.locator("article")).to_have_count(10)
        assert (
            page.evaluate(
                "[...document.querySelectorAll('article')].indexOf(document.activeElement.closest('article'))"
            )
            == 5
        )

        # One card of the second page, and back to the page that it stands on.
        address = page.url + "&page=2"
        tab_to(page, "^Détails")
        press(page, "Enter")
        page.wait_for_url("**/fiche/**")
        assert page.evaluate("document.activeElement.localName") == "body"
        press(page, "Tab")
        assert page.evaluate(WHERE)[1] == "Retour à la liste"
        press(page, "Enter")
        page.wait_for_url(address)
        expect(page.get_by_role("status")).to_contain_text("12 résultats")


def test_the_first_stop_leads_past_the_filters_to_the_first_card(browser, site: Site):
    with browser.new_page(viewport={"width": 1280, "height": 900}) as page:
        page.goto(f"{site.widget}/v1/widget?romes=D1102&insee=35238")
        entries = page.evaluate("history.length")

        press(page, "Tab")
        assert page.evaluate(WHERE) == ["a", "Passer les filtres"]
        assert page.evaluate("document.activeElement.getBoundingClientRect().height") > 10
        press(page, "Enter")

        assert page.evaluate("document.activeElement.closest('article') === document.querySelector('article')")
        assert page.evaluate("history.length") == entries


def test_five_filters_leave_the_history_as_it_was_and_back_leaves_the_page(browser, site: Site):
    with browser.new_page(viewport={"width": 1280, "height": 900}) as page:
        page.goto(f"{site.widget}/accessibilite")
        page.goto(f"{site.widget}/?romes=D1102&insee=35238")
        entries = page.evaluate("history.length")

        for label, value in [
            ("Rayon", "60"),
            ("Rayon", "100"),
            ("Contrat", "apprentissage"),
            ("Niveau de diplôme", "4"),
        ]:
            page.get_by_label(label).select_option(value)
            expect(page).to_have_url(re.compile(f"={value}"))
        page.get_by_label("Formations").uncheck()
        expect(page).to_have_url(re.compile("kinds=offer,recruiter"))

        assert page.evaluate("history.length") == entries
        page.go_back()
        assert page.url.endswith("/accessibilite")


def test_a_shared_address_gives_the_list_that_was_filtered(browser, site: Site):
    with browser.new_page(viewport={"width": 1280, "height": 900}) as page:
        page.goto(f"{site.widget}/?romes=D1102&insee=35238")
        page.get_by_label("Formations").uncheck()
        expect(page.get_by_role("status")).to_contain_text("12 résultats")
        shared = page.url
        seen = page.locator("article").evaluate_all("all => all.map((one) => one.dataset.id)")

        # The other language is that of this list, not of the one that was opened.
        assert (
            page.get_by_role("link", name="English version")
            .get_attribute("href")
            .endswith("kinds=offer,recruiter&lang=en")
        )
        with browser.new_page() as other:
            other.goto(shared)
            assert other.locator("article").evaluate_all("all => all.map((one) => one.dataset.id)") == seen
            assert other.get_by_label("Formations").is_checked() is False
    assert shared == f"{site.widget}/?romes=D1102&insee=35238&kinds=offer,recruiter"
