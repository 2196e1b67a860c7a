"""The loader and the frame: every form, every order of loading, and nobody else's messages."""

import json
from collections.abc import Callable
from contextlib import closing
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, Frame, Page, Route, expect

from tests.browser.hosts import Host, Pasted, document
from tests.browser.scene import RECORD, Scene, arrived, element, frame_of, heard, height_of, quiet, settled, until
from tests.browser.site import EACH, launch

LATER = "src => document.body.append(Object.assign(document.createElement('script'), {src}))"
ADD_FRAME = """src => new Promise((done) => {
  document.body.append(Object.assign(document.createElement('iframe'), { src, onload: () => done() }));
})"""
STRICT = "default-src 'none'; script-src {widget}; frame-src {widget}; require-trusted-types-for 'script'"
LIST_OF_OTHERS = "romes=G1602&insee=69383"


# Forms


@pytest.mark.parametrize("partner", ["essai", "double"])
@pytest.mark.parametrize("form", ["form_a", "form_b", "form_c"])
def test_every_form_shows_the_list_at_its_height_and_says_so_once(scene: Scene, form, partner):
    asked: list[str] = []
    scene.context.on("request", lambda request: asked.append(request.url) if "/v1/widget" in request.url else None)
    scene.paste = Pasted(scene.paste.widget, partner)
    page = scene.open(getattr(scene.paste, form)() + ("" if form == "form_c" else scene.paste.script))

    high = settled(page)
    quiet(page)

    assert len(asked) == 1
    assert [detail["params"]["romes"] for detail in heard(page, "ready")] == ["D1102"]
    assert [detail["total"] for detail in heard(page, "results")] == [3 * EACH]
    assert heard(page, "resize")[-1] == {"height_px": high}
    assert page.locator("alternance-widget > a:visible").count() == 0
    assert scene.wrong == []


def test_a_frame_without_a_title_gets_one(scene: Scene):
    untitled = scene.paste.form_a().replace(' title="Boulangerie"', "")
    page = scene.open(
        untitled + scene.paste.form_b('romes="D1102" insee="35238" frame-title="Le pain"') + scene.paste.script
    )
    settled(page, 1)

    titles = page.locator("iframe").evaluate_all("all => all.map(one => one.title)")
    assert titles == ["Offres et formations en alternance", "Le pain"]


def test_a_data_attribute_wins_over_the_plain_one(scene: Scene):
    page = scene.open(scene.paste.form_b('romes="G1602" data-romes="D1102" insee="35238"') + scene.paste.script)
    settled(page)

    assert heard(page, "ready")[0]["params"]["romes"] == "D1102"


def test_the_script_twice_is_the_script_once(scene: Scene):
    page = scene.open(scene.paste.script + scene.paste.form_a() + scene.paste.script)
    settled(page)
    quiet(page)

    assert len(heard(page, "ready")) == 1
    assert scene.wrong == []


def test_three_widgets_are_three(scene: Scene):
    parts = (
        scene.paste.form_a() + scene.paste.form_b('romes="G1602" insee="69383"') + scene.paste.form_a(LIST_OF_OTHERS)
    )
    page = scene.open(parts + scene.paste.script)
    before = [settled(page, number) for number in range(3)]

    frame_of(page, 1).get_by_label("Offres d’emploi").uncheck()
    until(page, "heard.filter(([type]) => type === 'results').length === 4")
    expect(element(page, 1).locator("iframe")).not_to_have_css("height", f"{before[1]}px")

    assert [height_of(page, 0), height_of(page, 2)] == [before[0], before[2]]
    assert heard(page, "results")[-1]["counts"].get("offer", 0) == 0


# Orders of loading


@pytest.mark.parametrize("search", ["romes=D1102&insee=35238", "romes=D1102&insee=35238&origin={origin}"])
def test_a_loader_that_comes_last_is_told_everything(scene: Scene, search):
    page = scene.open(scene.paste.form_a(search.format(origin=scene.host.origin)))
    frame_of(page).wait_for_load_state("load")

    page.evaluate(LATER, f"{scene.paste.widget}/embed/v1.js")

    settled(page)
    quiet(page)
    assert len(heard(page, "ready")) == len(heard(page, "results")) == 1


def test_a_slow_frame_is_not_given_up_before_it_is_there(scene: Scene):
    scene.context.clock.install()
    held: list[Route] = []
    scene.context.route("**/v1/widget?**", lambda route: held.append(route))
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    slow = arrived(page, held)

    page.clock.run_for(30_000)
    assert heard(page, "error") == []
    slow.continue_()

    settled(page)
    page.clock.run_for(30_000)
    assert heard(page, "error") == []


def test_a_lazy_frame_below_the_window_waits_without_complaint(scene: Scene):
    scene.context.clock.install()
    page = scene.open('<p style="height: 20000px">' + scene.paste.form_b(loading="lazy") + scene.paste.script)
    until(page, "document.querySelector('iframe')")
    page.clock.run_for(30_000)
    assert heard(page, "error") == []

    element(page).scroll_into_view_if_needed()

    settled(page)


@pytest.mark.parametrize("form", ["form_a", "form_b"])
def test_an_attribute_that_changes_before_the_frame_answers_is_not_lost(scene: Scene, form):
    held = []
    scene.context.route("**/v1/widget?**romes=D1102**", lambda route: held.append(route))
    page = scene.open(getattr(scene.paste, form)() + scene.paste.script)
    until(page, "document.querySelector('iframe[style]')")

    page.evaluate("document.querySelector('alternance-widget').setAttribute('romes', 'M1805')")

    settled(page)
    assert [detail["params"]["romes"] for detail in heard(page, "ready")] == ["M1805"]


def test_a_reload_inside_the_frame_is_a_new_document_that_says_ready(scene: Scene):
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    settled(page)

    frame_of(page).evaluate("location.reload()")

    until(page, "heard.filter(([type]) => type === 'ready').length === 2")
    settled(page)


def test_a_page_that_one_comes_back_to_shows_its_list_again(scene: Scene):
    scene.host.pages["/next"] = document("La page suivante")
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    high = settled(page)

    page.goto(scene.host.origin + "/next")
    page.go_back()

    assert settled(page) == high
    assert scene.wrong == []


def test_a_page_out_of_the_back_forward_cache_goes_on_where_it_was(browser: Browser, host: Host, widget: str):
    host.pages["/next"] = document("La page suivante")
    with closing(launch(browser.browser_type, without=["--disable-back-forward-cache"])) as kept:
        context = kept.new_context()
        context.add_init_script(RECORD + "addEventListener('pageshow', (event) => { persisted = event.persisted; });")
        page = Scene(host, Pasted(widget), context).open(Pasted(widget).form_b() + Pasted(widget).script)
        high = settled(page)
        page.goto(host.origin + "/next")

        # Playwright's own way back waits for a load that does not come.
        page.evaluate("setTimeout(() => history.back())")
        page.wait_for_url(host.origin + "/", wait_until="commit")
        until(page, "persisted === true")
        back = height_of(page)
        page.evaluate("document.querySelector('alternance-widget').setAttribute('romes', 'M1805')")
        until(page, "heard.filter(([type]) => type === 'ready').length === 2")

        assert back == high
        assert heard(page, "ready")[1]["params"]["romes"] == "M1805"


# Changes


def test_several_attributes_are_one_new_search_and_no_entry_in_the_history(scene: Scene):
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    settled(page)
    entries = page.evaluate("history.length")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/widget?" in request.url else None)

    for number, (rome, insee) in enumerate([("M1805", "35238"), ("G1602", "69383"), ("D1102", "35238")] * 2, start=2):
        page.evaluate(
            "([rome, insee]) => { const one = document.querySelector('alternance-widget');"
            "one.setAttribute('romes', rome); one.setAttribute('insee', insee); }",
            [rome, insee],
        )
        until(page, "(count) => heard.filter(([type]) => type === 'ready').length === count", number)

    assert len(asked) == 6
    assert page.evaluate("history.length") == entries


@pytest.mark.parametrize(
    "change", ["one.className = 'wide'", "one.setAttribute('romes', 'D1102')", "one.style.margin = 0"]
)
def test_a_change_that_asks_for_nothing_else_leaves_the_visitor_s_search(scene: Scene, change):
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    settled(page)
    frame_of(page).get_by_label("Offres d’emploi").uncheck()
    until(page, "heard.filter(([type]) => type === 'results').length === 2")

    page.evaluate(f"() => {{ const one = document.querySelector('alternance-widget'); {change}; }}")
    quiet(page)

    assert len(heard(page, "ready")) == 1
    expect(frame_of(page).get_by_label("Offres d’emploi")).not_to_be_checked()


def test_an_element_that_is_moved_keeps_the_search_of_the_visitor(scene: Scene):
    page = scene.open(scene.paste.form_b() + scene.paste.script + '<div id="below"></div>')
    settled(page)
    entries = page.evaluate("history.length")
    frame_of(page).get_by_label("Offres d’emploi").uncheck()
    until(page, "heard.filter(([type]) => type === 'results').length === 2")

    page.evaluate("document.querySelector('#below').append(document.querySelector('alternance-widget'))")

    until(page, "heard.filter(([type]) => type === 'ready').length === 2")
    assert sorted(heard(page, "ready")[1]["params"]["kinds"].split(",")) == ["recruiter", "training"]
    assert page.evaluate("history.length") == entries


def test_a_value_that_the_server_corrects_is_asked_for_once(scene: Scene):
    asked: list[str] = []
    scene.context.on("request", lambda request: asked.append(request.url) if "/v1/widget?" in request.url else None)
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    settled(page)

    page.evaluate("document.querySelector('alternance-widget').setAttribute('radius', '999')")
    until(page, "heard.filter(([type]) => type === 'ready').length === 2")
    settled(page)
    quiet(page)

    # The page says 200 km and tells back 999: were it told back corrected, it would be asked again and again.
    assert heard(page, "ready")[1]["params"]["radius"] == "999"
    assert heard(page, "results")[-1]["radius_km"] == 200
    assert len(asked) == 2


def test_an_element_that_comes_and_goes_leaves_no_listener(scene: Scene):
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    settled(page)
    before = page.evaluate("listeners")

    after = page.evaluate("""() => {
      const one = document.querySelector('alternance-widget');
      for (let times = 0; times < 100; times++) { one.remove(); document.body.append(one); }
      for (let times = 0; times < 100; times++) {
        const other = one.cloneNode(true);
        document.body.append(other);
        other.remove();
      }
      return listeners;
    }""")

    assert after == before == 1


def test_the_visitor_s_choices_leave_the_history_as_it_was(scene: Scene):
    page = scene.open(scene.paste.form_b('romes="D1102" insee="35238" limit="5"') + scene.paste.script)
    settled(page)
    entries = page.evaluate("history.length")

    frame_of(page).get_by_role("link", name="Suivante").press("Enter")
    until(page, "heard.some(([type]) => type === 'scroll')")
    frame_of(page).get_by_label("Offres d’emploi").uncheck()
    until(page, "heard.filter(([type]) => type === 'results').length === 3")

    assert page.evaluate("history.length") == entries
    assert heard(page, "results")[1]["page"] == 2


def test_the_host_page_hears_what_was_opened_and_what_was_applied_for(scene: Scene):
    scene.context.route("https://source.example/**", lambda route: route.fulfill(body="ok"))
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    settled(page)
    card = frame_of(page).locator("article").first
    told = {"kind": card.get_attribute("data-kind"), "id": card.get_attribute("data-id")}

    card.locator("[data-select]").press("Enter")
    card.locator("[data-apply]").press("Enter")
    quiet(page)

    selected = heard(page, "select")
    assert selected == [told | {"href": selected[0]["href"]}]
    assert selected[0]["href"].startswith("https://source.example/")
    assert heard(page, "apply") == [told]


def test_a_script_in_the_frame_cannot_pretend_that_somebody_chose(scene: Scene):
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    settled(page)

    frame_of(page).evaluate(
        "() => { const link = document.querySelector('[data-apply]'); link.target = ''; "
        "link.addEventListener('click', event => event.preventDefault()); link.click(); }"
    )
    quiet(page)

    assert heard(page, "apply") == []


# Heights


@pytest.mark.parametrize(("asked", "given"), [(40, 120), (120, 120), (19_999, 19_999), (10**9, 20_000)])
def test_the_frame_follows_a_height_within_bounds(scene: Scene, asked, given):
    page = scene.open(scene.paste.form_a() + "<p style='height: 30000px'>" + scene.paste.script)
    settled(page)

    say(frame_of(page), {"height_px": asked})

    expect(page.locator("iframe")).to_have_css("height", f"{given}px")


def test_what_stands_below_moves_up_only_out_of_sight_or_when_the_visitor_did_it(scene: Scene):
    page = scene.open(scene.paste.form_a(height=5000) + scene.paste.script, height=6000)
    until(page, "heard.some(([type]) => type === 'results')")
    quiet(page)

    assert height_of(page) == 5000
    frame_of(page).get_by_label("Offres d’emploi").focus()
    frame_of(page).get_by_label("Offres d’emploi").uncheck()

    until(page, "document.querySelector('iframe').getBoundingClientRect().height < 5000")
    assert settled(page) < 5000


def test_a_host_page_may_keep_the_height(scene: Scene):
    keep = "<script>document.addEventListener('alternance:resize', (event) => event.preventDefault())</script>"
    page = scene.open(keep + scene.paste.form_a() + scene.paste.script)
    until(page, "heard.some(([type]) => type === 'resize')")
    quiet(page)

    assert height_of(page) == 3400


def test_a_fixed_height_stays(scene: Scene):
    page = scene.open(scene.paste.form_a(more='sizing="fixed"') + scene.paste.script)
    until(page, "heard.some(([type]) => type === 'resize')")
    quiet(page)

    assert height_of(page) == 3400


def test_a_list_that_never_settles_is_frozen_and_said_once(scene: Scene):
    page = scene.open(scene.paste.form_a() + scene.paste.script)
    settled(page)

    frame_of(page).evaluate("""() => {
      const box = document.querySelector('main').appendChild(document.createElement('div'));
      let high = 0;
      window.times = 0;
      const swing = () => { box.style.height = (high = 500 - high) + 'px'; times++; requestAnimationFrame(swing); };
      swing();
    }""")
    until(page, "heard.some(([type]) => type === 'error')")
    frozen = height_of(page)
    until(frame_of(page), "times > 120")

    assert [detail["code"] for detail in heard(page, "error")] == ["resize_loop"]
    # The list swings by 500 px; what it is frozen at is rounded once more.
    assert abs(height_of(page) - frozen) <= 1


def test_a_frame_in_a_hidden_tab_gets_its_height_when_it_is_shown(scene: Scene):
    page = scene.open('<div id="tab" style="display: none">' + scene.paste.form_b() + "</div>" + scene.paste.script)
    until(page, "heard.some(([type]) => type === 'ready')")
    quiet(page)
    assert heard(page, "resize") == []

    page.evaluate("document.querySelector('#tab').style.display = 'block'")
    high = settled(page)
    page.evaluate("document.querySelector('#tab').style.display = 'none'")
    quiet(page)
    page.evaluate("document.querySelector('#tab').style.display = 'block'")

    assert settled(page) == high
    assert scene.wrong == []


def test_a_scroll_bar_that_comes_and_goes_is_a_loop_that_ends(scene: Scene):
    page = scene.open(scene.paste.form_a() + scene.paste.script)
    settled(page)

    # What such a page does by itself: the frame is wider without the bar, its list then too low to need one.
    page.evaluate("""() => {
      const swing = () => {
        const one = document.querySelector('alternance-widget');
        one.style.width = one.style.width === '300px' ? '340px' : '300px';
        requestAnimationFrame(swing);
      };
      swing();
    }""")
    until(page, "heard.some(([type]) => type === 'error')")

    assert [detail["code"] for detail in heard(page, "error")] == ["resize_loop"]


def test_what_is_wrong_is_said_once_on_the_console_with_its_remedy(scene: Scene):
    said: list[str] = []
    scene.context.on("console", lambda message: said.append(message.text) if message.type == "warning" else None)
    page = scene.open(scene.paste.form_b('romes="D1102" insee="35238" radius="999"') + scene.paste.script)
    settled(page)
    frame_of(page).get_by_label("Offres d’emploi").uncheck()
    until(page, "heard.filter(([type]) => type === 'results').length === 2")
    quiet(page)

    (line,) = [text for text in said if "out_of_bounds" in text]
    assert line.startswith("alternance-widget out_of_bounds radius 999 ")
    assert heard(page, "error")[0]["code"] == "out_of_bounds"


def test_a_window_that_is_dragged_is_not_a_loop(scene: Scene):
    page = scene.open(scene.paste.form_a() + scene.paste.script)
    settled(page)

    for width in range(800, 320, -12):
        page.set_viewport_size({"width": width, "height": 900})

    settled(page)
    assert heard(page, "error") == []


# Other people's messages


def say(frame: Frame, data: object, *, type: object = "resize", protocol: object = "alternance/1") -> None:
    """Post to the host page from inside a frame, as its own bridge would."""
    frame.evaluate("message => parent.postMessage(message, '*')", {"p": protocol, "type": type, "data": data})


@pytest.mark.parametrize(
    "message",
    [
        {"p": "autre", "type": "resize", "data": {"height_px": 5000}},
        {"type": "resize", "data": {"height_px": 5000}},
        {"p": "alternance/1", "type": "resize", "data": None},
        {"p": "alternance/1", "type": "resize", "data": [5000]},
        {"p": "alternance/1", "type": "resize", "data": "5000"},
        {"p": "alternance/1", "type": "resize", "data": {"height_px": -5000}},
        {"p": "alternance/1", "type": "resize", "data": {"height_px": "haut"}},
        {"p": "alternance/1", "type": "resize", "data": {"height_px": {"px": 5000}}},
        {"p": "alternance/1", "type": "results", "data": {"total": -1}},
        {"p": "alternance/1", "type": "constructor", "data": {}},
        {"p": "alternance/1", "type": "__proto__", "data": {}},
        {"p": "alternance/1", "type": "hello", "data": {"v": 1}},
        {"p": "alternance/1", "type": None, "data": {}},
        "resize",
        None,
        5000,
    ],
    ids=json.dumps,
)
def test_a_message_of_another_shape_changes_nothing(scene: Scene, message):
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    high = settled(page)
    quiet(page)
    before = page.evaluate("heard.length")

    frame_of(page).evaluate("message => parent.postMessage(message, '*')", message)
    quiet(page)

    assert page.evaluate("heard.length") == before
    assert height_of(page) == high
    assert scene.wrong == []


def test_a_frame_of_another_major_version_is_not_listened_to_and_said(scene: Scene):
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    high = settled(page)

    for _ in range(2):
        say(frame_of(page), {"height_px": 5000}, protocol="alternance/2")
    quiet(page)

    assert heard(page, "error") == [{"code": "protocol_version"}]
    assert height_of(page) == high


def test_a_height_that_is_no_number_changes_nothing(scene: Scene):
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    high = settled(page)

    frame_of(page).evaluate("parent.postMessage({p: 'alternance/1', type: 'resize', data: {height_px: NaN}}, '*')")
    quiet(page)

    assert height_of(page) == high


FORGED = {"p": "alternance/1", "type": "resize", "data": {"height_px": 5000}}


def from_the_host_page(page: Page, scene: Scene) -> None:
    page.evaluate("message => postMessage(message, '*')", FORGED)


def from_a_sibling_of_the_same_origin(page: Page, scene: Scene) -> None:
    page.evaluate(
        ADD_FRAME,
        scene.paste.page_url(),
    )
    page.frames[-1].evaluate("message => parent.postMessage(message, '*')", FORGED)


def from_another_origin(page: Page, scene: Scene) -> None:
    scene.host.pages["/forge"] = document("Un cadre étranger")
    page.evaluate(
        ADD_FRAME,
        scene.host.other_origin + "/forge",
    )
    page.frames[-1].evaluate("message => parent.postMessage(message, '*')", FORGED)


def from_another_document_in_the_frame(page: Page, scene: Scene) -> None:
    scene.host.pages["/forge"] = document("Un document étranger")
    page.evaluate("src => { document.querySelector('iframe').src = src; }", scene.host.other_origin + "/forge")
    frame_of(page).wait_for_url("**/forge")
    frame_of(page).evaluate("message => parent.postMessage(message, '*')", FORGED)


@pytest.mark.parametrize(
    "forge",
    [
        from_the_host_page,
        from_a_sibling_of_the_same_origin,
        from_another_origin,
        from_another_document_in_the_frame,
    ],
)
def test_a_message_of_somebody_else_changes_nothing(scene: Scene, forge: Callable[[Page, Scene], None]):
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    high = settled(page)
    quiet(page)
    before = page.evaluate("heard.length")

    forge(page, scene)
    quiet(page)

    assert height_of(page) == high
    assert page.evaluate("heard.length") == before


@pytest.mark.parametrize("sender", ["sibling", "itself"])
def test_a_frame_obeys_only_the_page_around_it(scene: Scene, sender):
    page = scene.open(scene.paste.form_b() + scene.paste.script + scene.paste.form_a(LIST_OF_OTHERS))
    settled(page, 0)
    settled(page, 1)
    order = {"p": "alternance/1", "type": "configure", "data": {"romes": "M1805", "insee": "35238", "partner": "essai"}}

    forger = frame_of(page, 1 if sender == "sibling" else 0)
    forger.evaluate("message => parent.frames[0].postMessage(message, '*')", order)
    quiet(page)

    assert "romes=D1102" in frame_of(page).url
    assert "G1602" in frame_of(page, 1).locator("article").first.get_attribute("data-id")


@pytest.mark.parametrize("data", [None, [["romes", "M1805"]], "romes=M1805"], ids=["nothing", "a list", "a text"])
def test_a_frame_ignores_an_order_of_another_shape(scene: Scene, data):
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    settled(page)

    page.evaluate("data => frames[0].postMessage({p: 'alternance/1', type: 'configure', data}, '*')", data)
    quiet(page)

    assert "romes=D1102" in frame_of(page).url
    assert scene.wrong == []


# When it cannot work


@pytest.mark.parametrize("form", ["form_a", "form_b"])
@pytest.mark.parametrize("reason", ["the server is down", "the origin is not registered"])
def test_a_frame_that_does_not_answer_leaves_a_link_and_says_so(scene: Scene, form, reason):
    scene.context.clock.install()
    if reason == "the server is down":
        scene.context.route("**/v1/widget?**", lambda route: route.abort())
    else:
        scene.paste = Pasted(scene.paste.widget, "ailleurs")
    page = scene.open(getattr(scene.paste, form)() + scene.paste.script)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    until(page, "document.querySelector('iframe[style]')?.contentDocument === null")
    link = page.locator("alternance-widget > a")
    expect(link).not_to_be_visible()

    # The wait begins with the frame's `load`.
    until(page, "loads > 0")
    page.clock.run_for(9_000)

    expect(link).to_be_visible()
    assert link.get_attribute("href").startswith(scene.paste.widget + "/v1/widget?")
    assert [detail["code"] for detail in heard(page, "error")] == ["no_answer"]
    # One line of the console leads to the reason: who asks, from where, for what.
    (line,) = [text for text in said if "/v1/check" in text]
    asked = dict(parse_qsl(urlsplit(line.split()[1]).query))
    assert line.startswith(f"alternance-widget {scene.paste.widget}/v1/check?")
    assert asked["origin"] == scene.host.origin
    assert (asked["partner"], asked["romes"], asked["insee"]) == (scene.paste.partner, "D1102", "35238")


def test_without_allow_same_origin_the_list_is_there_at_the_height_that_was_reserved(scene: Scene):
    page = scene.open(scene.paste.form_a().replace(" allow-same-origin", "") + scene.paste.script)

    expect(page.frame_locator("iframe").locator("article").first).to_be_visible()
    quiet(page)

    assert height_of(page) == 3400
    assert heard(page, "ready") == []


def test_a_link_stands_in_for_the_element_where_scripts_are_off(browser: Browser, scene: Scene):
    scene.host.pages["/"] = document(scene.paste.form_b() + scene.paste.script)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(scene.host.origin)

        page.get_by_role("link", name="Voir les offres").click()

        expect(page.locator("article")).to_have_count(3 * EACH)


def test_one_script_leaves_nothing_where_scripts_are_off(browser: Browser, scene: Scene):
    scene.host.pages["/"] = document(scene.paste.form_c())
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(scene.host.origin)

        assert page.locator("body > :not(script)").count() == 0


def test_where_storage_is_blocked_everything_works(scene: Scene):
    scene.context.add_init_script("""
      const blocked = () => { throw new DOMException('blocked', 'SecurityError'); };
      for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches', 'cookieStore']) {
        Object.defineProperty(window, name, { get: blocked });
      }
      Object.defineProperty(Document.prototype, 'cookie', { get: blocked, set: blocked });
    """)
    page = scene.open(scene.paste.form_b() + scene.paste.script)
    settled(page)
    frame_of(page).get_by_label("Offres d’emploi").uncheck()
    until(page, "heard.filter(([type]) => type === 'results').length === 2")

    assert scene.wrong == []


@pytest.mark.parametrize("form", ["form_a", "form_b", "form_c"])
def test_no_form_breaks_a_strict_policy(scene: Scene, form):
    scene.host.headers = {"Content-Security-Policy": STRICT.format(widget=scene.paste.widget)}
    page = scene.open(getattr(scene.paste, form)() + ("" if form == "form_c" else scene.paste.script))
    settled(page)
    page.evaluate("document.querySelector('alternance-widget').setAttribute('data-romes', 'M1805')")
    until(page, "heard.filter(([type]) => type === 'ready').length === 2")
    settled(page)

    assert page.evaluate("violations") == frame_of(page).evaluate("violations") == []
    assert scene.wrong == []


@pytest.mark.parametrize("policy", ["require-corp", "credentialless"])
@pytest.mark.parametrize("form", ["form_a", "form_b", "form_c"])
def test_an_isolated_page_shows_the_list(scene: Scene, form, policy):
    scene.host.headers = {"Cross-Origin-Embedder-Policy": policy, "Cross-Origin-Opener-Policy": "same-origin"}
    page = scene.open(getattr(scene.paste, form)() + ("" if form == "form_c" else scene.paste.script))
    settled(page)

    assert page.evaluate("crossOriginIsolated")
    assert scene.wrong == []


def test_the_loader_does_not_start_on_the_origin_of_the_widget(scene: Scene):
    url = scene.paste.widget + "/essai"
    scene.context.route(url, lambda route: route.fulfill(content_type="text/html", body=document(scene.paste.script)))
    page = scene.context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(url)

    assert page.evaluate("customElements.get('alternance-widget')") is None
    assert any("alternance-widget" in text for text in said)
