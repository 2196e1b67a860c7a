"""What every answer says to browsers and caches: who may frame it, what it may load, how long it may be kept."""

import re

import pytest

from tests.contract.site import client, fill
from widget_server.web.assets import read_assets
from widget_server.web.routes import ROUTES

pytestmark = pytest.mark.anyio
SEARCH = "romes=D1102&insee=35238"
PAGE, DATA = f"/v1/widget?{SEARCH}&partner=demo-lycee", f"/v1/cards?{SEARCH}"
FRAMED = {"Sec-Fetch-Dest": "iframe"}
TOOLS = ("/configurateur", "/docs", "/v1/check")
FILLED_IN = {"{card_id:path}": "offer:1", "{version}": "0", "{name}": "list.js"}


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def site(tmp_path):
    """The application with its real assets: `async with site() as http`. `sources` are those that have a snapshot."""

    def made(*sources: str):
        fill(tmp_path, sources=sources or ("trainings", "offers", "recruiters"), each=1)
        return client(tmp_path, assets=read_assets())

    return made


def policy(answer) -> dict[str, str]:
    """The directives of an answer's Content-Security-Policy."""
    parts = (part.strip().partition(" ") for part in answer.headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in parts}


async def test_every_answer_has_the_headers_that_every_answer_has(site):
    async with site() as http:
        for route in ROUTES:
            path = re.sub(r"\{[^}]+\}", lambda found: FILLED_IN[found[0]], route.path)
            for answer in (await http.get(path, headers={"Accept": "text/html"}), await http.post(path)):
                assert answer.headers["strict-transport-security"] == "max-age=31536000", path
                assert answer.headers["x-content-type-options"] == "nosniff", path
                assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin", path
                assert "set-cookie" not in answer.headers, path


async def test_an_answer_that_is_learnt_has_the_same_headers_as_when_it_was_made(site):
    async with site() as http:
        first, second, third = [await http.get(PAGE, headers=FRAMED) for _ in range(3)]

    for later in (second, third):
        assert dict(later.headers) == dict(first.headers)
        assert "strict-transport-security" in later.headers


async def test_every_page_says_what_it_may_load_and_who_may_frame_it(site):
    async with site() as http:
        for route in ROUTES:
            path = re.sub(r"\{[^}]+\}", lambda found: FILLED_IN[found[0]], route.path)
            answer = await http.get(path, headers={"Accept": "text/html"})
            if answer.headers["content-type"].startswith("text/html"):
                told = policy(answer)
                assert told["default-src"] == "'none'", path
                assert told["base-uri"] == "'none'", path
                assert "unsafe" not in answer.headers["content-security-policy"], path
                assert told["frame-ancestors"] in ("'none'", "'self'"), path
                assert told["require-trusted-types-for"] == "'script'", path


async def test_a_partner_s_page_may_be_framed_by_it_alone_and_asks_for_nothing(site):
    async with site() as http:
        answer = await http.get(PAGE, headers=FRAMED)

    told = policy(answer)
    assert told["frame-ancestors"] == "https://lycee.example"
    assert told["connect-src"] == told["form-action"] == "'self'"
    assert re.fullmatch(r"('sha256-[A-Za-z0-9+/=]{44}' )+'self'", told["script-src"])
    assert re.fullmatch(r"('sha256-[A-Za-z0-9+/=]{44}' )+'self'", told["style-src"])
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["cross-origin-embedder-policy"] == "credentialless"
    assert answer.headers["origin-agent-cluster"] == "?1"
    assert "camera=(), microphone=(), payment=()" in answer.headers["permissions-policy"]
    assert "cross-origin-opener-policy" not in answer.headers


@pytest.mark.parametrize("path", TOOLS)
async def test_only_pages_that_stand_alone_are_cut_off_from_other_windows(site, path):
    async with site() as http:
        answer = await http.get(path, headers={"Accept": "text/html"})

    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert (policy(answer)["frame-ancestors"], answer.headers["x-frame-options"]) == ("'none'", "DENY")


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        (PAGE, "public, max-age=60, s-maxage=300, stale-while-revalidate=3600"),
        (DATA, "public, max-age=60, s-maxage=300, stale-while-revalidate=3600"),
        ("/embed/v1.js", "public, max-age=3600, stale-while-revalidate=604800"),
        ("/embed/manifest.json", "public, max-age=300"),
        ("/v1/places?q=ren", "public, max-age=86400"),
    ],
)
async def test_what_may_be_kept_says_for_how_long(site, path, kept):
    async with site() as http:
        answer = await http.get(path)

    assert (answer.status_code, answer.headers["cache-control"]) == (200, kept)
    assert answer.headers["etag"]
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_files_whose_name_is_their_hash_are_kept_for_ever(site):
    async with site() as http:
        names = [name for name in read_assets().files if name.count(".") > 1]
        loader = (await http.get("/embed/manifest.json")).json()["loaders"][0]["url"]
        for path in (*(f"/assets/{name}" for name in names), loader.removeprefix("http://widget.test")):
            answer = await http.get(path)
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable", path
            assert answer.headers["access-control-allow-origin"] == "*", path
            assert answer.headers["cross-origin-resource-policy"] == "cross-origin", path


async def test_a_partial_answer_is_kept_for_seconds_and_a_failed_one_not_at_all(site, tmp_path):
    async with site("trainings") as http:
        for path in (PAGE, DATA):
            assert "s-maxage=15" in (await http.get(path)).headers["cache-control"]
        for path in ("/v1/cards", "/v1/cards/offer:none", "/nothing"):
            answer = await http.get(path)
            assert (answer.status_code >= 400, answer.headers["cache-control"]) == (True, "no-store"), path
    empty = tmp_path / "empty"
    empty.mkdir()
    async with client(empty, assets=read_assets()) as http:
        down = await http.get(PAGE)
    assert (down.status_code, down.headers["cache-control"]) == (503, "no-store")


async def test_framed_and_plain_answers_without_a_partner_are_never_mixed(site):
    async with site() as http:
        plain = await http.get(f"/v1/widget?{SEARCH}")
        framed = await http.get(f"/v1/widget?{SEARCH}", headers=FRAMED)
        again = await http.get(f"/v1/widget?{SEARCH}", headers=FRAMED | {"If-None-Match": plain.headers["etag"]})

    assert (plain.status_code, framed.status_code, again.status_code) == (200, 403, 403)
    for answer in (plain, framed):
        assert answer.headers["cache-control"].startswith("private")
        assert "Sec-Fetch-Dest" in answer.headers["vary"]
    assert "s-maxage" not in plain.headers["cache-control"]


async def test_the_host_page_s_origin_is_no_part_of_what_is_kept(site):
    async with site() as http:
        one = await http.get(f"{PAGE}&origin=https://lycee.example")
        other = await http.get(f"{PAGE}&origin=https://evil.example")

    assert (one.headers["etag"], one.content) == (other.headers["etag"], other.content)
    assert b"evil" not in other.content
