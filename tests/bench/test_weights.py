"""What travels and what it weighs, counted: bytes of a page of real cards, requests to read it, bytes per posting."""

import re

import brotli
import httpx
import pytest

from tests.bench import data
from tests.budgets import PAGE as PAGE_BYTES
from widget_server.app import create_app
from widget_server.settings import Settings
from widget_server.snapshot.shelf import Shelf

SCALE = "0.05"
PAGE = "/v1/widget?romes=K1304,K1302,G1602&insee=69123&radius=200"


@pytest.fixture(scope="module")
def folder():
    return data.national(SCALE)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
async def test_a_page_of_twenty_cards_is_one_request_of_at_most_twelve_kilobytes_that_needs_no_script(folder):
    app = create_app(Settings(data_dir=str(folder)), now=lambda: data.NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://widget.test") as http:
        page = (await http.get(PAGE)).text
    await app.state.site.cache.close()

    assert page.count("<article") == 20
    assert len(brotli.compress(page.encode(), quality=4)) <= PAGE_BYTES
    assert not re.search(r'<(?:link[^>]+rel="?stylesheet|img|iframe|object)', page)
    scripts = re.findall(r"<script[^>]*src=[^>]*>", page)
    assert scripts
    assert all(" async" in script for script in scripts)


@pytest.mark.parametrize("source", data.SOURCES)
def test_a_posting_takes_at_most_thirteen_bytes_and_each_key_eight(folder, source):
    version = Shelf(folder / source).current_version()
    index = Shelf(folder / source).open(version).index
    files = {path.name: path.stat().st_size for path in (folder / source / version / "index").iterdir()}

    assert set(files) == {"key.npy", "start.npy", "lat.npy", "lon.npy", "score.npy", "card.npy"}
    assert sum(files.values()) == 6 * 128 + 13 * len(index.card) + 8 * len(index.key) + 4
