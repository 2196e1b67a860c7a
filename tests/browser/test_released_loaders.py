"""Every loader that was ever released, against the server of today: pages that pin one by its hash go on working."""

import pytest
from playwright.sync_api import expect

from tests.browser.scene import Scene, frame_of, heard, settled, until
from tests.browser.site import EACH
from widget_server.web.assets import Released, read_assets

RELEASED = [pytest.param(row, id=row.version) for row in read_assets().released]


def tag(scene: Scene, release: Released, *, integrity: str = "") -> str:
    """What a page pins."""
    return (
        f'<script async src="{scene.paste.widget}/embed/{release.file}" '
        f'integrity="{integrity or release.integrity}" crossorigin="anonymous"></script>'
    )


@pytest.mark.parametrize("form", ["form_a", "form_b"])
@pytest.mark.parametrize("release", RELEASED)
def test_a_released_loader_works_with_the_page_of_today(scene: Scene, release, form):
    policy = "default-src 'none'; script-src {widget}; frame-src {widget}; require-trusted-types-for 'script'"
    scene.host.headers = {"Content-Security-Policy": policy.format(widget=scene.paste.widget)}
    page = scene.open(getattr(scene.paste, form)() + tag(scene, release))
    settled(page)
    entries = page.evaluate("history.length")

    frame_of(page).get_by_label("Offres d’emploi").uncheck()
    until(page, "heard.filter(([type]) => type === 'results').length === 2")
    page.evaluate("document.querySelector('alternance-widget').setAttribute('romes', 'M1805')")
    until(page, "heard.filter(([type]) => type === 'ready').length === 2")
    settled(page)

    assert [detail["total"] for detail in heard(page, "results")] == [3 * EACH, 2 * EACH, 3 * EACH]
    assert page.evaluate("history.length") == entries
    assert page.evaluate("violations") == frame_of(page).evaluate("violations") == []
    assert scene.wrong == []


def test_another_hash_than_the_file_s_keeps_the_loader_out_and_the_list_in(scene: Scene):
    release = RELEASED[0].values[0]
    page = scene.open(scene.paste.form_a() + tag(scene, release, integrity="sha384-" + "A" * 64))

    expect(page.frame_locator("iframe").locator("article")).to_have_count(3 * EACH)
    assert page.evaluate("customElements.get('alternance-widget')") is None
    assert any("integrity" in text for text in scene.wrong)
