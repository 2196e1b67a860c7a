"""Who may put the list into a page: every page around the frame has to be registered, as browsers understand it."""

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from tests.browser.hosts import Host, Pasted, document
from tests.browser.site import EACH, fill, make_widget, serving

REFUSED = "chrome-error://chromewebdata/"


@pytest.fixture
def page(browser: Browser):
    with browser.new_page() as found:
        yield found


def innermost(page: Page, depth: int) -> Frame:
    """The frame at this depth, once it has arrived somewhere."""
    page.wait_for_load_state("load")
    (found,) = [frame for frame in page.frames if len(path(frame)) == depth]
    return found


def path(frame: Frame) -> list[Frame]:
    """The frames around one, without the page itself."""
    around = frame.parent_frame
    return [] if around is None else [*path(around), frame]


def test_a_page_around_the_partner_s_page_has_to_be_registered_too(page: Page, host: Host, widget: str):
    host.pages["/inner"] = document(Pasted(widget).form_a())
    host.pages["/outer"] = document(f'<iframe src="{host.origin}/inner" width="800" height="600"></iframe>')

    page.goto(f"{host.origin}/outer")
    expect(page.frame_locator("iframe").frame_locator("iframe").locator("article")).to_have_count(3 * EACH)

    page.goto(f"{host.other_origin}/outer")
    innermost(page, 2).wait_for_url(REFUSED)


@pytest.mark.parametrize("written", ["localhost", "LOCALHOST", "moi:secret@localhost"])
def test_a_registered_site_is_known_however_its_address_is_written(page: Page, host: Host, widget: str, written):
    host.pages["/"] = document(Pasted(widget).form_a())
    page.goto(f"http://{written}:{host.server_port}/")

    expect(page.frame_locator("iframe").locator("article")).to_have_count(3 * EACH)


@pytest.mark.parametrize("written", ["127.0.0.1", "sous.localhost", "[::ffff:127.0.0.1]"])
def test_another_name_of_the_same_machine_is_another_site(page: Page, host: Host, widget: str, written):
    host.pages["/"] = document(Pasted(widget).form_a())
    page.goto(f"http://{written}:{host.server_port}/")

    innermost(page, 1).wait_for_url(REFUSED)


@pytest.mark.parametrize("partner", ["inconnu", ""], ids=["unknown", "missing"])
def test_an_unknown_partner_gets_a_notice_that_does_nothing(page: Page, host: Host, widget: str, partner):
    answers = []
    page.on("response", lambda response: answers.append(response))
    host.pages["/"] = document(Pasted(widget, partner).form_a())
    page.goto(f"{host.origin}/")

    inside = page.frame_locator("iframe")
    expect(inside.get_by_role("heading", name="La liste ne peut pas s’afficher ici")).to_be_visible()
    assert inside.locator("article, form, script").count() == 0
    assert inside.get_by_role("link").get_attribute("target") == "_blank"
    assert [response.status for response in answers if "/v1/widget" in response.url] == [403]


@pytest.mark.parametrize(
    "origins",
    [
        pytest.param('["https://*.localhost.example"]', id="a lookalike under a star"),
        pytest.param('["http://localhost:1"]', id="another port"),
        pytest.param('["https://localhost.example"]', id="another name"),
    ],
)
def test_another_origin_is_refused_however_much_it_looks_the_same(page: Page, host: Host, tmp_path, origins):
    fill(tmp_path)
    registry = f'[[partner]]\nid = "essai"\nname = "Essai"\norigins = {origins}\n'
    with serving(make_widget(tmp_path, registry)) as widget:
        host.pages["/"] = document(Pasted(widget).form_a())
        page.goto(f"{host.origin}/")

        innermost(page, 1).wait_for_url(REFUSED)


def test_a_test_key_may_stand_for_every_port_of_this_machine(page: Page, host: Host, tmp_path):
    fill(tmp_path)
    registry = '[[partner]]\nid = "essai"\nname = "Essai"\ntest = true\norigins = ["http://localhost:*"]\n'
    with serving(make_widget(tmp_path, registry)) as widget:
        paste = Pasted(widget)
        host.pages["/"] = document(paste.form_a(height=200) + paste.script)
        page.goto(f"{host.origin}/")

        expect(page.frame_locator("iframe").locator("article")).to_have_count(3 * EACH)
        # The frame answered a page whose origin is covered, not listed: it has its own height.
        page.wait_for_function("document.querySelector('iframe').offsetHeight > 1000")
