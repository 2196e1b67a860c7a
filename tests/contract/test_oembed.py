"""oEmbed: a site that knows only the address of a list gets the markup that shows it."""

from html.parser import HTMLParser
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from tests.contract.site import client, fill

pytestmark = pytest.mark.anyio
HOME = "https://widget.example"
LIST = f"{HOME}/v1/widget?partner=demo-lycee&romes=D1102&insee=35238"


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Tags(HTMLParser):
    """The elements of a fragment with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


async def ask(folder, more: str, **settings):
    fill(folder)
    async with client(folder, **({"public_url": HOME} | settings)) as http:
        return await http.get(f"/oembed?{more}")


async def test_an_address_of_ours_becomes_form_a_without_its_script(tmp_path):
    answer = await ask(tmp_path, f"url={quote(LIST)}&format=json")

    told = answer.json()
    assert {name: told[name] for name in ("type", "version", "width", "cache_age")} == {
        "type": "rich",
        "version": "1.0",
        "width": 720,
        "cache_age": 3600,
    }
    assert told["title"] == "Offres et formations en alternance\u00a0: Boulanger / Boulangère, Rennes"
    (outer, _), (inner, frame) = Tags(told["html"]).found
    assert (outer, inner) == ("alternance-widget", "iframe")
    assert frame["src"] == LIST
    assert frame["title"] == told["title"]
    assert int(frame["height"]) == told["height"] > 12 * 200
    assert frame["sandbox"].split() == [
        "allow-scripts",
        "allow-same-origin",
        "allow-forms",
        "allow-popups",
        "allow-popups-to-escape-sandbox",
    ]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=3600"


async def test_a_job_that_was_typed_is_in_the_title(tmp_path):
    told = (await ask(tmp_path, "url=" + quote(f"{HOME}/v1/widget?job=cuisinier&insee=35238"))).json()

    assert told["title"].endswith("de cuisine, Rennes")


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/v1/widget?romes=D1102",
        "https://widget.example.evil.example/v1/widget",
        "https://widget.example@evil.example/v1/widget",
        "https://widget.example:8443/v1/widget",
        f"{HOME}/v1/cards?romes=D1102",
        f"{HOME}/v1/widget/../cards",
        f"{HOME}//evil.example/v1/widget",
        "javascript:alert(1)",
        "http://[",
        "",
    ],
)
async def test_any_other_address_is_not_found(tmp_path, url):
    answer = await ask(tmp_path, f"url={quote(url)}")

    assert answer.status_code == 404
    assert f"{HOME}/v1/widget" in answer.json()["detail"]


@pytest.mark.parametrize("other", ["xml", "html", ""])
async def test_another_format_is_not_implemented(tmp_path, other):
    answer = await ask(tmp_path, f"url={quote(LIST)}&format={other}")

    assert answer.status_code == 501
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_markup_takes_no_more_room_than_was_allowed(tmp_path):
    told = (await ask(tmp_path, f"url={quote(LIST)}&maxwidth=400&maxheight=600")).json()

    assert (told["width"], told["height"]) == (400, 600)
    assert 'height="600"' in told["html"]


@pytest.mark.parametrize("wrong", ["maxwidth=0", "maxwidth=-5", "maxheight=x", "maxheight=", "maxwidth=²"])
async def test_room_that_is_no_number_is_refused_by_name(tmp_path, wrong):
    answer = await ask(tmp_path, f"url={quote(LIST)}&{wrong}")

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(wrong.partition("=")[0])


async def test_nothing_in_an_address_breaks_out_of_the_markup(tmp_path):
    hostile = (
        f"{HOME}/v1/widget?romes=D1102&title=%22%3E%3Cscript%3E1%3C/script%3E&x=%22onload=alert(1)&origin=https://a.b"
    )
    told = (await ask(tmp_path, f"url={quote(hostile)}")).json()

    (_, _), (_, frame) = Tags(told["html"]).found
    assert set(frame) == {"src", "title", "width", "height", "loading", "referrerpolicy", "sandbox"}
    pairs = dict(parse_qsl(urlsplit(frame["src"]).query))
    assert pairs == {"romes": "D1102", "title": '"><script>1</script>', "x": '"onload=alert(1)'}


async def test_an_address_of_a_server_without_a_public_one_is_known_by_where_it_was_asked(tmp_path):
    answer = await ask(tmp_path, "url=" + quote("http://widget.test/v1/widget?romes=D1102"), public_url="")

    assert 'src="http://widget.test/v1/widget?romes=D1102"' in answer.json()["html"]


async def test_a_service_below_a_path_keeps_it(tmp_path):
    base = "https://region.example/alternance"
    answer = await ask(tmp_path, "url=" + quote(f"{base}/v1/widget?romes=D1102"), public_url=base)

    assert f'src="{base}/v1/widget?romes=D1102"' in answer.json()["html"]


async def test_the_page_of_a_list_names_its_own_description(tmp_path):
    fill(tmp_path)
    async with client(tmp_path, public_url=HOME) as http:
        page = (await http.get("/v1/widget?partner=demo-lycee&romes=D1102&insee=35238&radius=60")).text
        (link,) = [attrs for tag, attrs in Tags(page).found if attrs.get("type") == "application/json+oembed"]
        answer = await http.get(link["href"])

    assert link["rel"] == "alternate"
    (_, _), (_, frame) = Tags(answer.json()["html"]).found
    shown = dict(parse_qsl(urlsplit(frame["src"]).query))
    assert shown == {"partner": "demo-lycee", "romes": "D1102", "insee": "35238", "radius": "60"}
