"""Loaders that were released: a page that names one by version and hash gets these bytes for as long as it stands."""

import base64
import hashlib

import pytest

from tests.contract.site import client
from widget_server.web.assets import read_assets

pytestmark = pytest.mark.anyio
BUILT = read_assets()
RELEASED = [pytest.param(row, id=row.version) for row in BUILT.released]


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def test_the_manifest_names_every_release_newest_first(tmp_path):
    async with client(tmp_path, assets=BUILT, public_url="https://widget.example/") as http:
        answer = await http.get("/embed/manifest.json")

    loaders = answer.json()["loaders"]
    assert [(row["version"], row["date"]) for row in loaders] == [(row.version, row.date) for row in BUILT.released]
    assert loaders == sorted(loaders, key=lambda row: [int(part) for part in row["version"].split(".")], reverse=True)
    assert all(set(row) == {"version", "url", "integrity", "protocol", "date"} for row in loaders)
    assert all(row["url"].startswith(f"https://widget.example/embed/{row['version']}/embed.") for row in loaders)
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_without_a_public_address_the_manifest_names_the_one_that_was_asked(tmp_path):
    async with client(tmp_path, assets=BUILT) as http:
        first = (await http.get("/embed/manifest.json")).json()["loaders"][0]
        answer = await http.get(first["url"])

    assert answer.status_code == 200


@pytest.mark.parametrize("coding", ["identity", "br", "gzip"])
@pytest.mark.parametrize("release", RELEASED)
async def test_a_released_loader_is_what_its_integrity_says_and_never_changes(tmp_path, release, coding):
    async with client(tmp_path, assets=BUILT) as http:
        answer = await http.get(f"/embed/{release.file}", headers={"accept-encoding": coding})

    digest = base64.b64encode(hashlib.sha384(answer.content).digest()).decode()
    assert release.integrity == f"sha384-{digest}"
    assert release.file.split(".")[-2] == hashlib.sha256(answer.content).hexdigest()[:10]
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    # Without these two a browser refuses a script with `integrity` and `crossorigin`.
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize(
    "path",
    ["/embed/1.0.0/embed.0000000000.js", "/embed/0.0.1/embed.js", "/embed/1.0.0/manifest.json", "/embed/../x/y"],
)
async def test_a_loader_that_never_was_is_not_found(tmp_path, path):
    async with client(tmp_path, assets=BUILT) as http:
        answer = await http.get(path)

    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"
