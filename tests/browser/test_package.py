"""The npm package: imported without effect, and at work in applications of React and Vue."""

import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.scene import Scene, frame_of, heard, quiet, settled, until
from tests.browser.site import EACH, ROOT

SOURCES = {"react": "examples/react/main.tsx", "vue": "examples/vue/main.ts"}
ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"
FLAGS = ["--bundle", "--minify", "--jsx=automatic", '--define:process.env.NODE_ENV="production"']
VUE = [f"--define:__VUE_{name}__=false" for name in ("OPTIONS_API", "PROD_DEVTOOLS", "PROD_HYDRATION_MISMATCH_DETAILS")]


@pytest.fixture(scope="module", params=SOURCES)
def application(request, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An example application as a partner's tool would bundle it."""
    bundle = tmp_path_factory.mktemp("bundle") / "main.js"
    subprocess.run([ESBUILD, SOURCES[request.param], *FLAGS, *VUE, f"--outfile={bundle}"], cwd=ROOT, check=True)
    return bundle.read_text("utf-8")


def opened(scene: Scene, application: str) -> Page:
    scene.host.pages["/main.js"] = application.replace("__WIDGET__", scene.paste.widget)
    return scene.open('<div id="app"></div><script type="module" src="/main.js"></script>')


def test_the_import_does_nothing_and_works_on_a_server():
    script = """
      const before = Object.keys(globalThis).length;
      const { defineAlternanceWidget } = await import('alternance-widget');
      defineAlternanceWidget('https://widget.example');
      console.log(Object.keys(globalThis).length - before);
    """
    command = ["node", "--input-type=module", "--eval", script]
    assert subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout == "0\n"


def test_an_application_that_only_imports_the_package_gets_nothing_of_it(tmp_path: Path):
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    entry = tmp_path / "main.js"
    entry.write_text("import { defineAlternanceWidget } from 'alternance-widget'; console.log(1);", "utf-8")

    done = subprocess.run([ESBUILD, entry, "--bundle", "--minify"], cwd=tmp_path, check=True, capture_output=True)

    assert len(done.stdout) < 100


def test_an_application_shows_the_list_and_hears_of_it(scene: Scene, application):
    page = opened(scene, application)
    settled(page)

    expect(page.get_by_role("status")).to_have_text(f"{3 * EACH} résultats")
    assert scene.wrong == []


def test_a_state_of_the_application_is_the_search_of_the_frame(scene: Scene, application):
    page = opened(scene, application)
    settled(page)
    entries = page.evaluate("history.length")

    page.get_by_role("button", name="Informatique").press("Enter")

    until(page, "heard.filter(([type]) => type === 'ready').length === 2")
    assert heard(page, "ready")[1]["params"]["romes"] == "M1805"
    assert page.evaluate("history.length") == entries
    assert scene.wrong == []


def test_an_application_mounts_and_unmounts_a_hundred_times_without_a_listener_left(scene: Scene, application):
    page = opened(scene, application)
    settled(page)
    button = page.get_by_role("button", name="Alternance")
    before = page.evaluate("listeners")

    seen = button.evaluate(
        """async (button) => {
          const seen = [0, 0];
          for (let times = 0; times < 200; times++) {
            button.click();
            await new Promise((done) => setTimeout(done));
            seen[document.querySelectorAll('alternance-widget > iframe').length]++;
          }
          return seen;
        }"""
    )

    assert seen == [100, 100]
    assert page.evaluate("listeners") == before
    frame_of(page).wait_for_load_state()
    button.press("Enter")
    expect(page.locator("alternance-widget")).to_have_count(0)
    assert page.evaluate("listeners") == before - 1


def test_the_package_and_the_script_on_one_page_are_one_element(scene: Scene, application):
    page = opened(scene, application)
    page.evaluate(
        "src => document.body.append(Object.assign(document.createElement('script'), {src}))",
        f"{scene.paste.widget}/embed/v1.js",
    )
    settled(page)
    quiet(page)

    assert len(heard(page, "ready")) == 1
    assert scene.wrong == []
