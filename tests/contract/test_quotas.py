"""How much one visitor may ask for, and what the others notice of it: nothing."""

import pytest

from tests.contract.site import client, fill
from tests.contract.test_partners import Clock, write
from widget_server.web.partners import hash_key
from widget_server.web.quotas import Quotas, network

pytestmark = pytest.mark.anyio
SEARCH = "romes=D1102&insee=35238"
DATA, PAGE = f"/v1/cards?{SEARCH}", f"/v1/widget?{SEARCH}"
VISITOR, OTHER = "203.0.113.7", "203.0.113.8"
KEY = "alt_essai"
REGISTRY = f"""
[[partner]]
id = "ville-x"
name = "Ville de X"
origins = ["https://www.ville-x.example"]
quota_per_minute = 5

[[partner]]
id = "ville-y"
name = "Ville de Y"
origins = ["https://www.ville-y.example"]

[[key]]
partner = "ville-x"
sha256 = "{hash_key(KEY)}"
"""


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def site(tmp_path, clock):
    """Two calls a minute for each address: `async with site(VISITOR) as http`."""
    fill(tmp_path)
    write(tmp_path, REGISTRY)
    return lambda *callers: client(tmp_path, partners=REGISTRY, clock_s=clock, callers=callers, quota_per_minute=2)


async def statuses(http, *urls: str, **more) -> list[int]:
    return [(await http.get(url, **more)).status_code for url in urls]


async def test_a_visitor_who_asks_too_much_waits_and_is_told_how_long(site, clock):
    async with site(VISITOR) as http:
        assert await statuses(http, DATA, DATA) == [200, 200]
        refused = await http.get(DATA)
        clock.now_s += 30
        after = await http.get(DATA)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["access-control-allow-origin"] == "*"
    assert "2 appels par minute" in refused.json()["detail"]
    assert after.status_code == 200


async def test_in_the_frame_it_is_a_page_that_can_be_read_and_tries_again(site):
    address = f"{PAGE}&partner=ville-x&accent=7a1f5c"
    async with site(VISITOR) as http:
        await statuses(http, address, address)
        refused = await http.get(address)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
    assert "frame-ancestors https://www.ville-x.example;" in refused.headers["content-security-policy"]
    assert refused.headers["cache-control"] == "no-store"
    assert "Réessayez dans 30" in refused.text
    assert "--accent:#7a1f5c" in refused.text
    assert f'href="{address.replace("&", "&amp;")}"' in refused.text
    assert "<script" not in refused.text


@pytest.mark.parametrize("path", ["/", "/methode", "/v1/parameters"])
async def test_everything_that_is_made_on_demand_is_counted_and_files_are_not(site, path):
    async with site(VISITOR) as http:
        answered = await statuses(http, path, path, path)
        files = await statuses(http, *["/embed/v1.js"] * 3, *["/healthz"] * 3)
        refused = await http.get(path)

    assert answered[2:] == [429]
    assert files == [200] * 6
    assert refused.headers["content-type"].startswith("application/problem" if path.startswith("/v1") else "text/html")
    assert "strict-transport-security" in refused.headers


async def test_another_address_another_partner_and_suggestions_have_quotas_of_their_own(site):
    async with site(VISITOR, OTHER) as http:
        assert await statuses(http, DATA, DATA, DATA) == [200, 200, 429]
        assert await statuses(http, f"{DATA}&partner=ville-x") == [200]
        assert await statuses(http, "/v1/places?q=ren") == [200]
        http.caller = OTHER
        assert await statuses(http, DATA) == [200]


async def test_inventing_partners_opens_no_new_quota(site):
    async with site(VISITOR) as http:
        answered = await statuses(http, *(f"{DATA}&partner=nobody-{n}" for n in range(3)))

    assert answered == [200, 200, 429]


async def test_a_key_lifts_its_partner_to_the_partner_s_own_quota_from_any_address(site):
    bearer = {"Authorization": f"Bearer {KEY}"}
    async with site(VISITOR, OTHER) as http:
        assert await statuses(http, *[DATA] * 4, headers=bearer) == [200] * 4
        http.caller = OTHER
        assert await statuses(http, DATA, DATA, headers=bearer) == [200, 429]
        assert await statuses(http, DATA) == [200], "without the key the address counts by itself"


async def test_a_key_that_nobody_has_is_refused_and_another_scheme_is_not_ours(site):
    async with site(VISITOR) as http:
        unknown = await http.get(DATA, headers={"Authorization": "Bearer alt_other"})
        basic = await http.get(DATA, headers={"Authorization": "Basic eDp5"})

    assert (unknown.status_code, unknown.headers["www-authenticate"]) == (401, 'Bearer realm="alternance-widget"')
    assert basic.status_code == 200


async def test_this_machine_and_no_limit_are_not_counted(site, tmp_path):
    async with site("127.0.0.1") as http:
        assert set(await statuses(http, *[DATA] * 5)) == {200}
    async with client(tmp_path, callers=(VISITOR,), quota_per_minute=0) as http:
        assert set(await statuses(http, *[DATA] * 5)) == {200}


def test_one_network_is_one_visitor():
    assert network("2001:db8:1:2:3::1") == network("2001:db8:1:2:ffff::9")
    assert network("2001:db8:1:2::1") != network("2001:db8:1:3::1")
    assert network("::ffff:203.0.113.7") == network("203.0.113.7") == "203.0.113.7"
    assert [network(mine) for mine in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "")] == [None] * 4


def test_no_address_is_kept_and_the_oldest_bucket_makes_room(clock):
    quotas = Quotas(clock_s=clock, most=10)

    for number in range(100):
        quotas.take("search", f"203.0.113.{number}", per_minute=60)

    assert len(quotas) == 10
    assert b"203.0.113" not in repr(vars(quotas)).encode()
    assert quotas.take("search", "203.0.113.99", per_minute=1) == 0


def test_a_bucket_holds_a_minute_and_no_more(clock):
    quotas = Quotas(clock_s=clock)
    clock.now_s = 1_000_000

    granted = sum(quotas.take("who", per_minute=60) == 0 for _ in range(200))

    assert granted == 60
    assert quotas.take("who", per_minute=60) == 1
