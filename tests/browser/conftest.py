"""What every browser test shares: a browser for each file, one pair of sites, and the host page of a partner."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.hosts import Host, Pasted
from tests.browser.scene import RECORD, REGISTRY, Scene
from tests.browser.site import Site, answering, fill, launch, make_widget, served, serving

expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong: what is judged is what comes, not when


# Not for the session: while the driver lives, its event loop runs in this thread, and no asynchronous test can.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = launch(playwright.chromium)
        yield running
        running.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as running, answering(running):
        yield running


@pytest.fixture(scope="module")
def widget(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("data")
    fill(folder)
    with serving(make_widget(folder, REGISTRY.format(origin=host.origin))) as running:
        yield running


@pytest.fixture
def scene(browser: Browser, host: Host, widget: str) -> Iterator[Scene]:
    host.headers = {}
    with browser.new_context() as context:
        context.add_init_script(RECORD)
        yield Scene(host, Pasted(widget), context)
