"""The map on demand: nothing before the click, the same numbers as the list, nothing taken from the page's gestures."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from tests.browser.hosts import SEARCH
from tests.browser.scene import RECORD, Scene, frame_of, quiet, settled, until
from tests.browser.site import EACH, axe, fill, make_widget, serving

TILES = "https://data.geopf.fr/**"
STRICT = "default-src 'none'; script-src {widget}; frame-src {widget}; require-trusted-types-for 'script'"
MAP = "form=none"


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


TILE = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\0\xc8\xdc\xc8"))
    + _chunk(b"IEND", b"")
)


@pytest.fixture
def asked(scene: Scene) -> list[str]:
    """Every address that was asked for; the tile server is ours."""
    found: list[str] = []
    scene.context.on("request", lambda request: found.append(request.url))
    scene.context.route(TILES, lambda route: route.fulfill(body=TILE, content_type="image/png"))
    return found


def opened(scene: Scene, *, more: str = MAP) -> tuple[Page, Frame]:
    page = scene.open(scene.paste.form_a(f"{SEARCH}&{more}") + scene.paste.script)
    settled(page)
    return page, frame_of(page)


def show(frame: Frame) -> None:
    """Press the button, and wait for the map."""
    frame.get_by_role("button", name="Afficher la carte").press("Enter")
    expect(frame.locator(".leaflet-tile-loaded").first).to_be_visible()
    expect(frame.locator(".canvas .pin")).to_have_count(3 * EACH)


def test_nobody_else_is_asked_before_the_click_which_says_who_will_be(scene: Scene, asked):
    page, frame = opened(scene)
    quiet(page)
    button = frame.get_by_role("button", name="Afficher la carte")

    assert all(url.startswith((scene.host.origin, scene.paste.widget, "data:")) for url in asked)
    assert not any("/assets/map." in url for url in asked)
    hint = frame.locator("#" + button.get_attribute("aria-describedby"))
    expect(hint).to_have_text("Le fond de carte vient de data.geopf.fr, qui verra votre adresse IP.")
    asked.clear()
    show(frame)

    assert {url.partition("?")[0] for url in asked if "geopf" in url} == {"https://data.geopf.fr/wmts"}
    assert all(url.startswith((scene.paste.widget, "https://data.geopf.fr/wmts?")) for url in asked)
    assert "LAYER=GEOGRAPHICALGRIDSYSTEMS.PLANIGNV2" in next(url for url in asked if "geopf" in url)
    expect(frame.locator(".credit")).to_have_text("© IGN")


def test_pins_are_the_cards_in_the_order_and_with_the_numbers_of_the_list(scene: Scene, asked):
    _, frame = opened(scene)
    show(frame)

    names = frame.locator(".canvas .pin").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    titles = frame.locator("article [data-select]").evaluate_all("all => all.map(one => one.firstChild.data.trim())")
    shown = frame.locator(".canvas .pin").all_inner_texts()
    assert [name.partition(", ")[0] for name in names] == [f"{n}. {title}" for n, title in enumerate(titles, 1)]
    assert shown == [str(number) for number in range(1, 3 * EACH + 1)]
    first = "getComputedStyle(document.querySelector('.cards [id]'), '::before').content"
    assert frame.evaluate(first) == 'counter(card) ". "'


def test_the_keyboard_reaches_everything_and_escape_gives_the_focus_back(scene: Scene, asked):
    page, frame = opened(scene)
    show(frame)
    walk = []
    for _ in range(5):
        page.keyboard.press("Tab")
        walk.append(
            frame.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")
        )
    assert [name.split(",")[0] for name in walk] == [
        "Passer la carte",
        "Agrandir",
        "Réduire",
        "Carte des résultats\u00a0: les flèches la déplacent",
        "1. Trainings D1102 n° 0 de la Maison Imaginaire",
    ]

    page.keyboard.press("Enter")
    assert frame.evaluate("document.activeElement.closest('article').getAttribute('aria-labelledby')") == "c1"

    frame.locator(".canvas .pin").nth(3).focus()
    page.keyboard.press("Escape")
    expect(frame.locator(".canvas")).to_have_count(0)
    assert frame.evaluate("document.activeElement.textContent") == "Afficher la carte"
    assert scene.wrong == []


def test_who_skips_the_map_is_at_the_first_card(scene: Scene, asked):
    _page, frame = opened(scene)
    show(frame)

    frame.get_by_role("button", name="Passer la carte").press("Enter")

    assert frame.evaluate("document.activeElement.closest('article').getAttribute('aria-labelledby')") == "c1"


def test_the_wheel_scrolls_the_page_and_not_the_map(scene: Scene, asked):
    page = scene.open(scene.paste.form_a(f"{SEARCH}&{MAP}") + "<p style='height: 3000px'>" + scene.paste.script)
    settled(page)
    frame = frame_of(page)
    show(frame)
    place = frame.locator(".canvas").bounding_box()
    before = frame.locator(".leaflet-tile").first.get_attribute("src")

    page.mouse.move(place["x"] + 50, place["y"] + 50)
    page.mouse.wheel(0, 300)

    until(page, "scrollY > 0")
    assert frame.locator(".leaflet-tile").first.get_attribute("src") == before


def test_the_buttons_and_the_arrows_move_the_map(scene: Scene, asked):
    page, frame = opened(scene)
    show(frame)
    level = "document.querySelector('.leaflet-tile').src.match(/TILEMATRIX=(\\d+)/)[1]"
    before = int(frame.evaluate(level))

    frame.get_by_role("button", name="Agrandir").press("Enter")
    until(frame, f"[...document.querySelectorAll('.leaflet-tile')].some(({{src}}) => src.includes('X={before + 1}&'))")
    frame.locator(".canvas").focus()
    pane = "document.querySelector('.leaflet-map-pane').style.transform"
    still = frame.evaluate(pane)
    page.keyboard.press("ArrowRight")

    until(frame, f"still => {pane} !== still", still)


def test_one_finger_scrolls_the_page(browser: Browser, scene: Scene, widget: str):
    with browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 360, "height": 700}) as context:
        context.add_init_script(RECORD)
        context.route(TILES, lambda route: route.fulfill(body=TILE, content_type="image/png"))
        _, frame = opened(replace(scene, context=context))
        frame.get_by_role("button", name="Afficher la carte").tap()
        expect(frame.locator(".canvas .pin")).to_have_count(3 * EACH)

        assert frame.locator(".canvas").evaluate("box => getComputedStyle(box).touchAction") == "pan-x pan-y"
        assert frame.locator(".canvas.leaflet-touch-drag").count() == 0


def test_a_filter_keeps_the_map_open_with_the_pins_of_the_new_list(scene: Scene, asked):
    _page, frame = opened(scene, more="limit=20")
    show(frame)

    frame.get_by_label("Offres d’emploi").uncheck()

    expect(frame.locator(".canvas .pin")).to_have_count(2 * EACH)
    expect(frame.get_by_role("button", name="Masquer la carte")).to_have_attribute("aria-expanded", "true")
    assert scene.wrong == []


def test_cards_that_are_added_below_get_their_pins(scene: Scene, asked):
    _page, frame = opened(scene, more="limit=12&form=none")
    frame.get_by_role("button", name="Afficher la carte").press("Enter")
    expect(frame.locator(".canvas .pin")).to_have_count(12)

    frame.get_by_role("button", name="Voir plus").press("Enter")

    expect(frame.locator(".canvas .pin")).to_have_count(3 * EACH)


def test_the_map_breaks_neither_the_policy_of_the_page_nor_that_of_the_frame(scene: Scene, asked):
    scene.host.headers = {"Content-Security-Policy": STRICT.format(widget=scene.paste.widget)}
    page, frame = opened(scene)
    entries = page.evaluate("history.length")
    show(frame)
    frame.get_by_role("button", name="Agrandir").press("Enter")
    frame.locator(".canvas .pin").first.press("Enter")
    quiet(page)

    assert page.evaluate("violations") == frame.evaluate("violations") == []
    assert frame.evaluate("trustedTypes.defaultPolicy !== null")
    assert page.evaluate("history.length") == entries
    assert scene.wrong == []


@pytest.mark.parametrize("text", ["<img src=x>", "<svg/onload=alert(1)>", "<svg/> "])
def test_the_policy_of_the_map_lets_nothing_else_through(scene: Scene, asked, text):
    _, frame = opened(scene)
    show(frame)

    refused = frame.evaluate(
        "text => { try { document.createElement('p').innerHTML = text; } catch ({ name }) { return name; } }", text
    )

    assert refused == "TypeError"


def test_when_no_tile_comes_the_plan_stands_in_and_says_so(scene: Scene):
    scene.context.route(TILES, lambda route: route.abort())
    _, frame = opened(scene)

    frame.get_by_role("button", name="Afficher la carte").press("Enter")

    expect(frame.get_by_text("Le fond de carte ne répond pas")).to_be_visible()
    expect(frame.locator(".plan a[aria-label]")).to_have_count(3 * EACH)
    frame.locator(".plan a[aria-label]").nth(4).focus()
    frame.locator(".plan a[aria-label]").nth(4).press("Enter")
    assert frame.evaluate("document.activeElement.closest('article').getAttribute('aria-labelledby')") == "c5"
    frame.get_by_role("button", name="Masquer la carte").press("Enter")
    expect(frame.locator(".plan")).to_have_count(0)


@contextmanager
def plain(browser: Browser, address: str, **options) -> Iterator[Page]:
    """A page outside of a frame."""
    with browser.new_context(**options) as context:
        page = context.new_page()
        page.goto(address)
        yield page


def test_without_scripts_a_link_leads_to_the_plan_and_a_pin_to_its_card(browser: Browser, widget: str):
    with plain(browser, f"{widget}/v1/widget?{SEARCH}", java_script_enabled=False) as page:
        page.get_by_role("link", name="Voir sur un plan").click()

        pins = page.locator(".plan a[aria-label]")
        assert pins.count() == 3 * EACH
        assert pins.nth(8).get_attribute("aria-label").startswith("9. ")
        pins.nth(8).click()
        assert page.url.endswith("#c9")
        page.get_by_role("link", name="Masquer le plan").click()
        assert page.locator(".plan").count() == 0


def test_without_a_tile_server_the_link_shows_the_plan_and_nobody_else_is_allowed(browser: Browser, tmp_path):
    fill(tmp_path)
    with (
        serving(make_widget(tmp_path, "", tile_url="")) as widget,
        plain(browser, f"{widget}/v1/widget?{SEARCH}") as page,
    ):
        page.get_by_role("link", name="Voir sur un plan").click()

        expect(page.locator(".plan a[aria-label]")).to_have_count(3 * EACH)
        assert page.get_by_role("button", name="Afficher la carte").count() == 0
        policy = page.request.get(f"{widget}/v1/widget?{SEARCH}").headers["content-security-policy"]
        assert "img-src 'self' data:;" in policy
        assert "trusted-types alternance;" in policy


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_on_the_map_nor_on_the_plan(browser: Browser, scene: Scene, asked, scheme, width):
    page = scene.open("")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{scene.paste.widget}/v1/widget?{SEARCH}&view=map&scheme={scheme}")
    plan = axe(page, framed=False)
    page.get_by_role("button", name="Afficher la carte").click()
    expect(page.locator(".canvas .pin")).to_have_count(3 * EACH)

    assert plan == axe(page, framed=False) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_search_with_nothing_that_has_a_point_offers_no_map(scene: Scene):
    page = scene.open("")
    page.goto(f"{scene.paste.widget}/v1/widget?romes=A1101&insee=35238&view=map")

    assert page.locator(".map").count() == 0
