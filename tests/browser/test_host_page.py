"""What a host page keeps while the list arrives: what stands below the frame does not move."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.hosts import SEARCH
from tests.browser.scene import Scene, frame_of, settled
from tests.pages import answer, cards, list_page
from widget_server.web.page import render_list
from widget_server.web.pasted import form_a, reserved_height_px

SHIFTS = """
window.shift = 0;
new PerformanceObserver((list) => {
  for (const { value } of list.getEntries()) shift += value;
}).observe({ type: 'layout-shift', buffered: true });
"""
STYLE = "<style>body { margin: 0 }</style>"
BELOW = "<p id='below'>Ce qui suit la liste dans la page du partenaire.</p>"


@pytest.mark.parametrize("count", [1, 3, 10, 20, 50])
def test_the_height_that_is_reserved_is_that_of_real_cards_on_a_telephone(browser: Browser, count):
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.set_content(render_list(list_page(answer(cards(count)))).html.decode())

    high = page.evaluate("document.querySelector('main').getBoundingClientRect().height")
    page.close()

    # Too high costs a gap until the visitor does something; too low moves what stands below.
    assert 0.94 * high <= reserved_height_px(count) <= 1.2 * high


@pytest.mark.parametrize("error", [0, 0.06], ids=["as it was reserved", "6 % too low"])
def test_what_stands_below_form_a_stays_where_it_is(scene: Scene, error):
    scene.context.add_init_script(SHIFTS)
    search = f"{SEARCH}&limit=3"
    probe = scene.open(STYLE + scene.paste.form_a(search, height=400) + scene.paste.script, path="/probe")
    probe.set_viewport_size({"width": 360, "height": 900})
    high = settled(probe)
    probe.close()
    reserved = round(high * (1 - error))
    page = scene.open(
        f"{STYLE}{scene.paste.form_a(search, height=reserved)}{BELOW}{scene.paste.script}",
        height=1400,
    )
    page.set_viewport_size({"width": 360, "height": round(high) + 400})
    page.reload()
    settled(page)

    # The measure says something only if the frame is there and something below it is in sight.
    assert frame_of(page).locator("article").count() == 3
    expect(page.locator("#below")).to_be_in_viewport()
    assert page.evaluate("shift") <= 0.005
    if error:
        assert page.evaluate("shift") > 0, "a frame that grows moves what is below: else nothing was measured"


def test_the_height_that_a_form_reserves_keeps_the_page_still(scene: Scene):
    scene.context.add_init_script(SHIFTS)
    url = scene.paste.page_url(f"{SEARCH}&limit=3")
    page = scene.open(form_a(url, "Boulangerie", height_px=reserved_height_px(3)) + BELOW + scene.paste.script)
    page.set_viewport_size({"width": 360, "height": reserved_height_px(3) + 300})
    page.reload()
    expect(frame_of(page).locator("article")).to_have_count(3)
    page.wait_for_function("heard.some(([type]) => type === 'resize')")

    expect(page.locator("#below")).to_be_in_viewport()
    assert page.evaluate("shift") <= 0.005
