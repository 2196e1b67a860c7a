"""What a host page keeps while the list arrives, and which host pages may show it at all."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from tests.browser.hosts import SANDBOX, SEARCH, Host, Pasted, document
from tests.browser.scene import Scene, frame_of, settled
from tests.browser.site import EACH, answering
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


# Heights


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


# Who may show it


@pytest.fixture
def elsewhere() -> Iterator[Host]:
    """A site on another port."""
    with Host() as running, answering(running):
        yield running


def inner(page: Page) -> Frame:
    """The deepest frame."""
    return page.frames[-1]


def framed(scene: Scene, address: str, body: str) -> Page:
    path = "/framed"
    scene.host.pages[path] = document(body)
    page = scene.context.new_page()
    page.goto(f"{address}{path}")
    return page


def frame(url: str) -> str:
    address = url.replace("&", "&amp;")
    return f'<iframe src="{address}" title="Un cadre" width="600" height="400" sandbox="{SANDBOX}"></iframe>'


@pytest.mark.parametrize(
    "written", ["http://localhost:{port}", "http://LOCALHOST:{port}", "http://moi:x@localhost:{port}"]
)
def test_a_registered_site_shows_the_list_however_its_address_is_written(scene: Scene, written):
    page = framed(scene, written.format(port=scene.host.server_port), frame(scene.paste.page_url()))

    expect(page.frame_locator("iframe").locator("article")).to_have_count(3 * EACH)


@pytest.mark.parametrize(
    "written",
    ["http://127.0.0.1:{port}", "http://sous.localhost:{port}", "http://[::ffff:127.0.0.1]:{port}"],
    ids=["another name", "a name below", "another address"],
)
def test_a_site_that_is_not_registered_is_refused_by_the_browser(scene: Scene, written):
    page = framed(scene, written.format(port=scene.host.server_port), frame(scene.paste.page_url()))

    inner(page).wait_for_url("chrome-error://chromewebdata/")


def test_another_port_is_another_site(scene: Scene, elsewhere: Host):
    elsewhere.pages["/"] = document(frame(scene.paste.page_url()))
    page = scene.context.new_page()
    page.goto(elsewhere.origin)

    inner(page).wait_for_url("chrome-error://chromewebdata/")


@pytest.mark.parametrize("around", ["registered", "unregistered"])
def test_every_page_around_the_frame_must_be_registered(scene: Scene, around):
    scene.host.pages["/page"] = document(frame(scene.paste.page_url()))
    outside = scene.host.origin if around == "registered" else scene.host.other_origin
    scene.host.pages["/portal"] = document(f'<iframe src="{scene.host.origin}/page" title="La page"></iframe>')
    page = scene.context.new_page()
    page.goto(f"{outside}/portal")

    assert len(page.frames) == 3
    if around == "registered":
        expect(page.frame_locator("iframe").frame_locator("iframe").locator("article")).to_have_count(3 * EACH)
    else:
        inner(page).wait_for_url("chrome-error://chromewebdata/")


@pytest.mark.parametrize("partner", ["inconnu", ""], ids=["unknown", "missing"])
def test_an_unknown_partner_gets_a_notice_that_does_nothing(scene: Scene, partner):
    answers = []
    scene.context.on("response", lambda response: answers.append(response))
    page = framed(scene, scene.host.origin, frame(Pasted(scene.paste.widget, partner).page_url()))

    inside = page.frame_locator("iframe")
    expect(inside.get_by_role("heading", name="La liste ne peut pas s’afficher ici")).to_be_visible()
    assert inside.locator("article, form, script").count() == 0
    (answered,) = [response for response in answers if "/v1/widget" in response.url]
    assert answered.status == 403
    assert inside.get_by_role("link").get_attribute("target") == "_blank"
