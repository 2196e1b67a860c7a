"""The pages for integrators: what they say, where it comes from, and who may frame them."""

import json
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.contract.site import client, fill
from tests.pages import EVIL
from widget_server.domain.query import PARAMETERS, PROBLEM_CODES
from widget_server.web.assets import read_assets
from widget_server.web.configurator import CHOICES, LABELS, SECTIONS
from widget_server.web.language import typeset
from widget_server.web.protocol import CODES, COMMANDS, EVENTS

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}
BAKER = {"job": "boulanger", "place": "rennes", "partner": "demo-lycee"}
REGISTRY = """
[[partner]]
id = "demo-lycee"
name = "Lycée de l'Exemple"
origins = ["https://lycee.example", "https://*.antennes.example", "https://www.seul.example:8443"]
callers = ["ancien nom"]
"""


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def site(tmp_path):
    """The application with its real assets: `async with site() as http`."""
    fill(tmp_path)
    return lambda: client(tmp_path, assets=read_assets(), partners=REGISTRY, public_url="https://widget.example")


def textarea(html: str, name: str) -> str:
    """What can be copied from one of the fields of the configurator."""
    return unescape(re.search(rf'<textarea id="{name}"[^>]*>(.*?)</textarea>', html, re.DOTALL)[1])


@pytest.mark.parametrize("path", ["/configurateur", "/docs", "/v1/check", "/v1/check?partner=demo-lycee&origin=x"])
async def test_they_stand_alone_and_are_never_framed(site, path):
    async with site() as http:
        page = await http.get(path, headers=HTML)

    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert 'lang="fr"' in page.text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text), "nothing comes from elsewhere"
    assert " style=" not in page.text
    for address in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text):
        async with site() as http:
            assert "immutable" in (await http.get(address)).headers["cache-control"]


@pytest.mark.parametrize("value", [EVIL, "\x00\r\nX: 1", "💥" * 90, "%", "-1", ","], ids=lambda value: repr(value[:8]))
async def test_hostile_values_are_shown_as_text_and_break_nothing(site, value):
    asked = {row.name: value for row in PARAMETERS} | {"job": value, "place": value, "caller": value, value[:20]: value}
    async with site() as http:
        for path in ("/configurateur", "/configurateur/apercu", "/v1/check", "/docs"):
            page = await http.get(path, params=asked, headers=HTML)
            assert page.status_code == 200
            assert "<img src=x" not in page.text
            assert page.text.count("</main>") == 1
        data = await http.get("/v1/check", params=asked)

    assert data.json()["verdict"] == "refused"


# The configurator


async def test_the_form_has_a_field_for_every_parameter_that_can_be_pasted(site):
    async with site() as http:
        page = (await http.get("/configurateur")).text

    fields = set(re.findall(r'<(?:input|select)[^>]* name="([a-z_]+)"', page))
    typed = {"romes", "insee", "postcode", "departement", "region"}
    made = {row.name for row in PARAMETERS if row.attribute} - typed - {"height"}
    assert fields == made | {"job", "place", "largeur"}


def test_every_parameter_and_every_choice_has_a_name_in_french():
    for row in PARAMETERS:
        if row.attribute and row.name in LABELS:
            assert all((row.name, choice) in CHOICES for choice in row.choices), row.name
    assert {name for name, _ in CHOICES} <= set(LABELS)
    assert all(names for _, names in SECTIONS)


async def test_a_job_and_a_place_typed_without_any_script_become_their_codes(site):
    async with site() as http:
        page = (await http.get("/configurateur", params=BAKER)).text

    address = textarea(page, "form-d")
    assert address.startswith("https://widget.example/v1/widget?partner=demo-lycee&")
    assert parse_qs(urlsplit(address).query) == {"partner": ["demo-lycee"], "romes": ["D1102"], "insee": ["35238"]}
    assert "12 résultats" in page


async def test_what_is_pasted_says_only_what_differs_from_the_default(site):
    everything = {row.name: row.default for row in PARAMETERS if row.default and row.attribute}
    chosen = everything | {"accent": "#7a1f5c", "kinds": ["training", "offer"], "limit": "10", "sizing": "fixed"}
    async with site() as http:
        page = (await http.get("/configurateur", params=BAKER | chosen)).text

    query = parse_qs(urlsplit(textarea(page, "form-d")).query)
    assert query.keys() == {"partner", "romes", "insee", "accent", "kinds", "limit"}
    assert (query["accent"], query["kinds"], query["limit"]) == (["7a1f5c"], ["training,offer"], ["10"])
    assert '<alternance-widget sizing="fixed">' in textarea(page, "form-a")
    assert 'sizing="fixed"' in textarea(page, "form-b")
    assert 'data-sizing="fixed"' in textarea(page, "form-c")


async def test_every_form_says_the_same_list(site):
    chosen = {"radius": "60", "frame": "", "title": "L'été & l'\"alternance\"", "heading_level": "3"}
    async with site() as http:
        page = (await http.get("/configurateur", params=BAKER | chosen)).text

    wanted = {
        "partner": "demo-lycee",
        "romes": "D1102",
        "insee": "35238",
        "radius": "60",
        "title": "L'été & l'\"alternance\"",
        "heading_level": "3",
    }
    source = unescape(re.search(r'src="([^"]+)"', textarea(page, "form-a"))[1])
    assert {name: value for name, (value,) in parse_qs(urlsplit(source).query).items()} == wanted
    attributes = dict(re.findall(r'([a-z-]+)="([^"]*)"', textarea(page, "form-b").split("<alternance-widget")[1]))
    named = {
        name.replace("frame-title", "title").replace("-", "_"): unescape(value) for name, value in attributes.items()
    }
    assert wanted.items() <= named.items()
    script = dict(re.findall(r'data-([a-z-]+)="([^"]*)"', textarea(page, "form-c")))
    assert (script["frame-title"], script["heading-level"]) == ("L&#x27;été &amp; l&#x27;&quot;alternance&quot;", "3")


async def test_notices_are_those_that_the_pasted_code_would_raise(site):
    chosen = BAKER | {"radius": "999", "accent": "ffd54f", "place": "ille-et-vilaine", "colour": "red"}
    async with site() as http:
        page = (await http.get("/configurateur", params=chosen)).text

    told = page[page.index('id="notices"') : page.index('id="code"')]
    for code in ("out_of_bounds", "param_unknown", "contrast_adjusted"):
        assert f'href="/docs#c-{code}"' in told
    assert "n’a pas de rayon" in told


async def test_without_a_partner_it_is_said_that_no_site_can_show_the_list(site):
    async with site() as http:
        page = (await http.get("/configurateur", params={"job": "boulanger", "place": "rennes"})).text

    assert "aucun site ne peut la montrer" in page
    assert "partner" not in textarea(page, "form-a")


async def test_a_text_that_nothing_fits_is_said_at_its_field(site):
    async with site() as http:
        page = (await http.get("/configurateur", params={"job": "zzzzzz", "place": "rennes"})).text

    assert 'aria-describedby="said-job" aria-invalid="true"' in page
    assert "Aucun métier ne correspond" in page


async def test_the_pinned_script_is_that_of_the_manifest_and_the_policy_names_this_server(site):
    async with site() as http:
        page = (await http.get("/configurateur", params=BAKER)).text
        newest = (await http.get("/embed/manifest.json")).json()["loaders"][0]

    pinned = textarea(page, "pinned")
    assert f'src="{newest["url"]}"' in pinned
    assert f'integrity="{newest["integrity"]}"' in pinned
    assert 'crossorigin="anonymous"' in pinned
    assert textarea(page, "csp") == "script-src https://widget.example;\nframe-src https://widget.example;"


async def test_the_preview_is_the_list_and_only_we_may_frame_it(site):
    async with site() as http:
        page = (await http.get("/configurateur", params=BAKER | {"accent": "7a1f5c"})).text
        address = unescape(re.search(r'<iframe src="([^"]+)"', page)[1])
        shown = await http.get(address, headers={"Sec-Fetch-Dest": "iframe"})
        real = await http.get(address.replace("/configurateur/apercu", "/v1/widget"))
        inside = re.search(r'href="(/configurateur/apercu/cards/[^"]+)"', shown.text)[1]
        card = await http.get(unescape(inside))

    ids = re.compile(r'data-id="([^"]+)"')
    assert ids.findall(shown.text) == ids.findall(real.text) != []
    assert "--accent:#7a1f5c" in shown.text
    assert 'href="/v1/widget' not in shown.text
    for answer in (shown, card):
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
        assert "no-cache" in answer.headers["cache-control"]


async def test_contrast_is_reported_for_each_scheme_that_a_visitor_may_see(site):
    async with site() as http:
        both = (await http.get("/configurateur?scheme=auto&accent=ffd54f")).text
        light = (await http.get("/configurateur?accent=ffd54f")).text

    assert ("Couleurs claires" in light, "Couleurs sombres" in light) == (True, False)
    assert "Couleurs sombres" in both
    assert ": suffisant" in both
    assert ": insuffisant" not in both


# The check


@pytest.mark.parametrize(
    ("partner", "page", "code", "remedy"),
    [
        pytest.param("demo-lycee", "https://lycee.example/page?x=1", "origin_allowed", "", id="a page of the partner"),
        pytest.param("demo-lycee", "https://a.antennes.example", "origin_allowed", "", id="under the star"),
        pytest.param("demo-lycee", "http://lycee.example", "origin_refused", "Servez la page par https", id="http"),
        pytest.param("demo-lycee", "https://www.lycee.example", "origin_refused", "sans « www", id="www"),
        pytest.param("demo-lycee", "https://lycee.example:8443", "origin_refused", "Retirez le port", id="port"),
        pytest.param(
            "demo-lycee", "https://antennes.example", "origin_refused", "ne couvre pas", id="the domain itself"
        ),
        pytest.param(
            "demo-lycee", "https://evil-lycee.example", "origin_refused", "Faites enregistrer", id="lookalike"
        ),
        pytest.param("demo-lycee", "https://lycee.example.evil", "origin_refused", "Faites enregistrer", id="suffix"),
        pytest.param("demo-lycee", "https://me@lycee.example", "origin_malformed", "https://www", id="userinfo"),
        pytest.param("demo-lycee", "lycee", "origin_malformed", "https://www", id="a word"),
        pytest.param("demo-lycee", "null", "origin_opaque", "allow-same-origin", id="a sandbox"),
        pytest.param("demo-lycee", "file:///C:/page.html", "origin_opaque", "localhost", id="a file"),
        pytest.param("demo-lyce", "https://lycee.example", "partner_unknown", "« demo-lycee »", id="mistyped"),
        pytest.param("Lycée !", "https://lycee.example", "partner_unknown", "3 à 40", id="no id at all"),
        pytest.param("", "https://lycee.example", "partner_missing", "partner=", id="no partner"),
        pytest.param("demo-lycee", "", "origin_missing", "adresse", id="no page"),
    ],
)
async def test_it_says_why_a_page_may_or_may_not_show_the_list_and_what_to_do(site, partner, page, code, remedy):
    asked = {"partner": partner, "origin": page}
    async with site() as http:
        answer = await http.get("/v1/check", params=asked)
        read = await http.get("/v1/check", params=asked, headers=HTML)

    body = answer.json()
    (finding,) = [row for row in body["findings"] if row["code"] == code]
    assert remedy in finding.get("remedy", "")
    assert finding["ok"] is (code == "origin_allowed")
    assert (body["verdict"] == "allowed") is (code == "origin_allowed")
    assert typeset(finding["told"]) in unescape(read.text)
    assert (answer.headers["vary"], read.headers["vary"]) == ("Accept, Accept-Encoding",) * 2


async def test_what_it_allows_is_what_the_frame_s_headers_allow(site):
    async with site() as http:
        framed = await http.get("/v1/widget?romes=D1102&insee=35238&partner=demo-lycee")
        policy = re.search(r"frame-ancestors ([^;]+);", framed.headers["content-security-policy"])[1]

    assert policy.split() == ["https://lycee.example", "https://*.antennes.example", "https://www.seul.example:8443"]


async def test_it_knows_old_callers_and_reads_the_other_parameters(site):
    async with site() as http:
        asked = {"caller": "Ancien Nom", "origin": "https://lycee.example", "romes": "D9999", "insee": "35238"}
        body = (await http.get("/v1/check", params=asked)).json()

    assert (body["partner"], body["verdict"]) == ("demo-lycee", "allowed")
    assert [(row["param"], row["code"]) for row in body["notices"]] == [("romes", "rome_unknown")]
    assert body["csp"] == ["script-src https://widget.example;", "frame-src https://widget.example;"]


# The documentation


async def test_every_parameter_event_command_and_code_is_documented_once(site):
    async with site() as http:
        page = (await http.get("/docs")).text

    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    wanted = {f"p-{row.name}" for row in PARAMETERS if row.name != "origin"}
    wanted |= {f"e-{event.name}" for event in EVENTS} | {f"m-{command.name}" for command in COMMANDS}
    wanted |= {f"c-{code}" for code in (*CODES, *PROBLEM_CODES)}
    assert wanted <= set(ids)
    for row in PARAMETERS:
        assert row.name == "origin" or typeset(row.help) in unescape(page)
        assert all(f"<code>{alias}</code>" in page for alias in row.aliases)


async def test_every_link_of_the_documentation_leads_somewhere(site):
    async with site() as http:
        page = (await http.get("/docs")).text
        ids = set(re.findall(r' id="([^"]+)"', page))
        for link in set(re.findall(r'href="([^"]+)"', page)) - {"data:,"}:
            if link.startswith("#"):
                assert link[1:] in ids, link
            else:
                assert (await http.get(link)).status_code == 200, link


async def test_the_examples_of_the_documentation_run(site):
    async with site() as http:
        page = unescape((await http.get("/docs")).text)
        addresses = set(re.findall(r"https://widget\.example(/[^\s'\"<]+)", page))
        for address in addresses - {"/oembed?url=…"}:
            answer = await http.get(address, headers={"Accept": "*/*"})
            assert answer.status_code == 200, address

    assert any(address.startswith("/v1/cards?") for address in addresses)


async def test_the_interface_description_is_that_of_the_table(site):
    async with site() as http:
        told = (await http.get("/v1/openapi.json")).json()

    assert told["openapi"] == "3.1.0"
    assert told["servers"] == [{"url": "https://widget.example"}]
    listed = {parameter["name"]: parameter for parameter in told["paths"]["/v1/cards"]["get"]["parameters"]}
    rows = {row.name: row for row in PARAMETERS if row.group in ("job", "place", "list") or row.name == "partner"}
    assert listed.keys() == rows.keys()
    assert listed["radius"]["schema"] == {"type": "integer", "minimum": 0, "maximum": 200, "default": 30}
    assert all(listed[name]["description"] == row.help for name, row in rows.items())
    assert "$ref" in json.dumps(told)
    assert not re.findall(r'"#/(?!components/schemas/)', json.dumps(told))
