"""The tile server of the map: the operator's choice, named in the policy of every list and nowhere else."""

import re

import pytest

from tests.contract.site import client, fill
from widget_server.domain.errors import SettingError

pytestmark = pytest.mark.anyio
LIST = "/v1/widget?partner=demo-lycee&romes=D1102&insee=35238"


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def policy(folder, path: str = LIST, **settings) -> dict[str, str]:
    fill(folder)
    async with client(folder, **settings) as http:
        header = (await http.get(path)).headers["content-security-policy"]
    return dict(part.strip().split(" ", 1) for part in header.split(";"))


async def test_the_policy_allows_the_pictures_of_the_tile_server_alone(tmp_path):
    told = await policy(tmp_path, tile_url="https://tiles.example:8443/{z}/{x}/{y}.png?key=a&b=c")

    assert told["img-src"] == "'self' data: https://tiles.example:8443"
    assert told["trusted-types"] == "alternance default"
    assert told["connect-src"] == told["font-src"] == "'self'"


async def test_by_default_the_map_is_that_of_ign(tmp_path):
    assert (await policy(tmp_path))["img-src"] == "'self' data: https://data.geopf.fr"


async def test_without_a_tile_server_nobody_is_named_and_the_link_leads_to_the_plan(tmp_path):
    assert (await policy(tmp_path, tile_url=""))["img-src"] == "'self' data:"
    async with client(tmp_path, tile_url="") as http:
        page = (await http.get(LIST)).text
        assert "data-tiles" not in page
        href = re.search(r'<section class="map".*?href="([^"]+)"', page, re.DOTALL)[1].replace("&amp;", "&")
        plan = (await http.get(href)).text

    assert "view=map" in href
    assert plan.count('class="pin"') == 12


@pytest.mark.parametrize(
    "url",
    [
        "tiles.example/{z}/{x}/{y}",
        "https://tiles.example/{z}/{x}.png",
        "https://tiles.example; script-src */{z}/{x}/{y}",
        'https://tiles.example/{z}/{x}/{y}"onload="',
        "javascript:{z}{x}{y}",
    ],
)
async def test_what_is_no_address_of_a_tile_stops_the_server_with_an_example(tmp_path, url):
    with pytest.raises(SettingError, match=r"TILE_URL: .* for example https://tiles\.example/\{z\}/\{x\}/\{y\}\.png"):
        async with client(tmp_path, tile_url=url):
            pass


@pytest.mark.parametrize("lang", ["fr", "en"])
async def test_each_pin_of_the_plan_leads_to_the_card_of_its_number(tmp_path, lang):
    fill(tmp_path)
    async with client(tmp_path) as http:
        page = (await http.get(f"{LIST}&view=map&lang={lang}")).text

    pins = re.findall(r'<a href="#c(\d+)" aria-label="(\d+)\. ([^"]+)">', page)
    titles = re.findall(r'<h\d id="c(\d+)"[^>]*><a [^>]*>\s*([^<]+)', page)
    assert [(there, named) for there, named, _ in pins] == [(str(n), str(n)) for n in range(1, 13)]
    assert all(name.startswith(title.strip()) for (_, _, name), (_, title) in zip(pins, titles, strict=True))
