"""The registry of partners: what the file may say, what is said of the rest, and what it changes for everybody else."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.contract.site import ASSETS, client, fill
from tests.unit.test_logos import png
from widget_server.app import create_app
from widget_server.cli import main
from widget_server.domain.errors import SettingError
from widget_server.reference.gazetteer import ReferenceGazetteer
from widget_server.reference.occupations import Occupations
from widget_server.reference.places import Places
from widget_server.settings import Settings
from widget_server.web.partners import hash_key
from widget_server.web.registry import Registry, RegistryRefused, read_partners

pytestmark = pytest.mark.anyio
GAZETTEER = ReferenceGazetteer(Places.load(), Occupations.load())
WHOLE = """
[[partner]]
id = "ville-x"
name = "Ville de X"
origins = ["https://www.ville-x.example", "https://*.ville-x.example"]
callers = ["contact@ville-x.example Ville X"]
kinds = ["training", "offer"]
title = "L'alternance à X"
lock = ["radius", "place"]
contact = { label = "Parler à un conseiller", url = "https://www.ville-x.example/rdv" }
logo = "logos/x.png"
quota_per_minute = 3
defaults = { radius = 10, insee = "35238", limit = 5, level = 4 }

[partner.theme]
accent = "#7A1F5C"
corner = 12
scheme = "dark"
"""
SEARCH = "romes=D1102&insee=35238"


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def logo(tmp_path):
    (tmp_path / "logos").mkdir()
    (tmp_path / "logos" / "x.png").write_bytes(png(240, 80))


def write(folder: Path, text: str) -> Path:
    """As editors do: another file in its place. Two states of one file within one tick of its clock look the same."""
    path, draft = folder / "partners.toml", folder / "draft.toml"
    draft.write_text(text, "utf-8")
    return draft.replace(path)


def faults(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(RegistryRefused) as refused:
        read_partners(write(folder, text), GAZETTEER)
    return refused.value.faults


def test_a_partner_settles_everything_that_the_design_names(tmp_path):
    partner = read_partners(write(tmp_path, WHOLE), GAZETTEER).find("ville-x")

    assert partner.origins == ("https://www.ville-x.example", "https://*.ville-x.example")
    assert partner.terms.kinds == ("training", "offer")
    assert partner.terms.lock == ("radius", "place")
    assert partner.terms.defaults == {
        "radius": "10",
        "insee": "35238",
        "limit": "5",
        "level": "4",
        "accent": "7a1f5c",
        "corner": "12",
        "scheme": "dark",
        "title": "L'alternance à X",
    }
    assert (partner.contact.label, partner.logo.width_px, partner.quota_per_minute) == (
        "Parler à un conseiller",
        240,
        3,
    )


WRONG = """[[partner]]
id = "V"
name = ""
origins = [
  "https://good.example",
  "https://bad.example/",
]
colour = "red"

[[partner]]
id = "ville-x"
name = "X"
origins = ["https://x.example"]
kinds = ["formation"]
lock = ["everything"]
logo = "../../etc/passwd"
quota_per_minute = 0
contact = { label = "x", url = "javascript:alert(1)" }
defaults = { radius = 999, romes = "D9999", colour = 1 }

[partner.theme]
accent = "red"
scheme = "night"

[[partner]]
id = "ville-x"
name = "Y"
origins = ["https://y.example"]

[[key]]
partner = "nobody"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
[[key]]
partner = "ville-x"
sha256 = "short"
"""


def test_every_problem_is_named_by_its_line_at_once(tmp_path):
    told = faults(tmp_path, WRONG)

    lines = {int(re.match(r"line (\d+): ", fault)[1]) for fault in told}
    assert lines == {2, 3, 6, 8, 14, 15, 16, 17, 18, 19, 22, 23, 31, 35}
    assert "line 6: partner V: origins: 'https://bad.example/': write https://bad.example" in told
    assert any(fault.startswith("line 19: partner ville-x: defaults.radius: '999' (out_of_bounds)") for fault in told)
    assert sum(fault.startswith("line 19:") for fault in told) == 3


def test_defaults_are_read_under_the_partner_s_own_terms(tmp_path):
    row = '[[partner]]\nid = "aaa"\nname = "A"\norigins = ["https://a.example"]\nkinds = ["offer"]\n'

    (told,) = faults(tmp_path, row + 'defaults = { kinds = ["training"] }\n')
    (place,) = faults(tmp_path, row + 'defaults = { insee = "35238", region = 53 }\n')

    assert "line 6: partner aaa: defaults.kinds: 'training' (kind_excluded)" in told
    assert "place_ambiguous" in place


def test_the_same_id_twice_and_a_broken_file_are_named_too(tmp_path):
    row = '[[partner]]\nid = "aaa"\nname = "A"\norigins = ["https://a.example"]\n'

    assert faults(tmp_path, row + row) == ("line 6: partner aaa: id: 'aaa' is there twice",)
    assert "line 2" in faults(tmp_path, "[[partner]]\nid = \n")[0]
    assert "[[partner]]" in faults(tmp_path, '[partner]\nid = "aaa"\n')[0]
    assert "unknown key 'partners'" in faults(tmp_path, "[[partners]]\nid = 1\n")[0]


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def test_a_newer_file_is_taken_without_restart_and_a_broken_one_is_not(tmp_path):
    clock = Clock()
    path = write(tmp_path, WHOLE)
    registry = Registry(path, GAZETTEER, clock_s=clock)
    first = registry.current().version

    write(tmp_path, WHOLE.replace("ville-x", "ville-y"))
    assert registry.current().find("ville-y") is None, "the file is looked at once a second"
    clock.now_s += 1
    assert registry.current().find("ville-y") is not None
    assert registry.current().version != first

    write(tmp_path, WHOLE.replace("#7A1F5C", "red"))
    clock.now_s += 1
    assert registry.current().find("ville-y") is not None, "the last good version stays"
    assert "line 16" in (registry.problem or "")

    for nothing in ("", "# no partner yet\n"):
        write(tmp_path, nothing)
        clock.now_s += 1
        assert registry.current().find("ville-y") is not None, "an editor empties a file before it fills it"
        assert "no partner is left" in (registry.problem or "")

    path.unlink()
    clock.now_s += 1
    assert registry.current().find("ville-y") is not None
    write(tmp_path, WHOLE)
    clock.now_s += 1
    assert registry.current().find("ville-x") is not None
    assert registry.problem is None


async def test_another_logo_is_another_version(tmp_path):
    clock = Clock()
    registry = Registry(write(tmp_path, WHOLE), GAZETTEER, clock_s=clock)
    first = registry.current()

    (tmp_path / "logos" / "x.png").write_bytes(png(100, 50))
    clock.now_s += 1

    assert registry.current().version != first.version
    assert set(registry.current().logos).isdisjoint(first.logos)


async def test_readiness_and_doctor_say_why_a_newer_file_is_not_in_use(tmp_path):
    fill(tmp_path)
    clock = Clock()
    async with client(tmp_path, clock_s=clock) as http:
        (tmp_path / "partners.toml").write_text("[[partner]]\n", "utf-8")
        clock.now_s += 1
        ready = await http.get("/readyz")
        framed = await http.get(f"/v1/widget?{SEARCH}&partner=demo-lycee")

    assert ready.status_code == 200
    assert "line 1: partner 1: id" in ready.json()["partners"]
    assert "https://lycee.example" in framed.headers["content-security-policy"]
    environment = {"DATA_DIR": str(tmp_path), "PARTNERS_FILE": str(tmp_path / "partners.toml")}
    doctor = CliRunner().invoke(main, ["doctor", "--offline"], env=environment)
    assert "line 1: partner 1: id" in doctor.output


async def test_a_server_does_not_start_on_a_broken_file(tmp_path):
    settings = Settings(data_dir=str(tmp_path), partners_file=str(write(tmp_path, "[[partner]]\nid = 1\n")))

    with pytest.raises(SettingError, match="line 2"):
        create_app(settings, assets=ASSETS)


async def test_defaults_locks_kinds_and_theme_apply_to_page_and_json_alike(tmp_path):
    fill(tmp_path)
    async with client(tmp_path, partners=WHOLE) as http:
        data = (await http.get("/v1/cards?partner=ville-x&romes=D1102")).json()
        page = (await http.get("/v1/widget?partner=ville-x&romes=D1102")).text

    assert data["query"]["insee"] == "35238"
    assert (data["query"]["radius"], data["query"]["limit"], data["query"]["level"]) == (10, 5, 4)
    assert set(data["counts"]) <= {"training", "offer", "recruiter"}
    assert {card["kind"] for card in data["cards"]} == {"training", "offer"}
    assert re.findall(r'data-id="([^"]+)"', page) == [card["id"] for card in data["cards"]]
    assert "--accent:#7a1f5c" in page
    assert "color-scheme:dark" in page
    assert "<title>L&#39;alternance à X" in page
    assert 'value="recruiter"' not in page
    assert 'name="radius"' not in page


async def test_json_refuses_what_a_partner_fixed_and_the_page_keeps_it(tmp_path):
    fill(tmp_path)
    query = "partner=ville-x&romes=D1102&radius=60&kinds=offer,recruiter&departement=75"
    async with client(tmp_path, partners=WHOLE) as http:
        refused = (await http.get(f"/v1/cards?{query}")).json()
        page = (await http.get(f"/v1/widget?{query}")).text

    assert [(error["param"], error["code"]) for error in refused["errors"]] == [
        ("radius", "param_fixed"),
        ("departement", "param_fixed"),
        ("kinds", "kind_excluded"),
    ]
    assert "à moins de 10" in page
    assert "Rennes" in page
    assert 'data-kind="recruiter"' not in page


async def test_a_visitor_can_take_a_partner_s_level_away(tmp_path):
    fill(tmp_path)
    async with client(tmp_path, partners=WHOLE) as http:
        data = (await http.get("/v1/cards?partner=ville-x&romes=D1102&level=")).json()
        page = (await http.get("/v1/widget?partner=ville-x&romes=D1102&level=&limit=1")).text

    assert "level" not in data["query"]
    following = re.search(r'href="([^"]+)"[^>]* rel="next"', page)[1]
    assert "level=&" in following or following.endswith("level=")


async def test_old_callers_are_the_partner_and_unknown_ones_are_nobody_and_told_to_nobody(tmp_path):
    fill(tmp_path)
    async with client(tmp_path, partners=WHOLE) as http:
        known = await http.get("/v1/widget", params={"caller": "Contact@ville-x.example ville x", "romes": "D1102"})
        unknown = await http.get("/v1/widget", params={"caller": "marie@x.example", "romes": "D1102"})
        data = (
            await http.get("/v1/cards", params={"caller": "marie@x.example", "romes": "D1102", "insee": "35238"})
        ).json()

    assert "https://www.ville-x.example" in known.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in unknown.headers["content-security-policy"]
    assert "marie@" not in unknown.text
    assert data["notices"] == [
        {"code": "partner_unknown", "param": "caller", "value": "", "hint": data["notices"][0]["hint"]}
    ]


async def test_the_logo_and_the_name_are_shown_from_our_own_copy(tmp_path):
    fill(tmp_path)
    async with client(tmp_path, partners=WHOLE) as http:
        page = (await http.get("/v1/widget?partner=ville-x&romes=D1102")).text
        address = re.search(r'<img src="([^"]+)" alt="Ville de X" width="120" height="40">', page)[1]
        logo, lost = await http.get(address), await http.get("/logos/other.png")

    assert (logo.headers["content-type"], logo.content) == ("image/png", png(240, 80))
    assert "immutable" in logo.headers["cache-control"]
    assert logo.headers["content-security-policy"] == "default-src 'none'"
    assert lost.status_code == 404
    assert "Liste proposée par Ville de X" in page


async def test_an_empty_list_names_the_partner_s_contact(tmp_path):
    fill(tmp_path)
    async with client(tmp_path, partners=WHOLE) as http:
        empty = (await http.get("/v1/widget?partner=ville-x&romes=N4105")).text
        full = (await http.get("/v1/widget?partner=ville-x&romes=D1102")).text

    assert 'href="https://www.ville-x.example/rdv"' in empty
    assert "Parler à un conseiller" in empty
    assert "Parler à un conseiller" not in full


async def test_lists_are_counted_by_partner_and_by_nothing_else(tmp_path):
    fill(tmp_path)
    async with client(tmp_path, partners=WHOLE) as http:
        for _ in range(2):
            await http.get("/v1/widget?partner=ville-x&romes=D1102")
        await http.get(f"/v1/cards?{SEARCH}&partner=nobody")
        text = (await http.get("/metrics")).text

    assert 'widget_lists_total{partner="ville-x"} 2.0' in text
    assert 'widget_lists_total{partner=""} 1.0' in text
    assert "nobody" not in text


async def test_what_was_wrong_with_a_query_is_in_a_header_without_a_word_of_it(tmp_path):
    fill(tmp_path)
    async with client(tmp_path, partners=WHOLE) as http:
        page = await http.get("/v1/widget?romes=D1102&insee=35238&radius=999&evil%0d%0aX:=1")
        data = await http.get(f"/v1/cards?{SEARCH}&evil=1")
        tidy = await http.get(f"/v1/widget?{SEARCH}")

    assert page.headers["alternance-notice"] == "param_unknown, out_of_bounds;param=radius"
    assert data.headers["alternance-notice"] == "param_unknown"
    assert "alternance-notice" not in tidy.headers


def run(folder: Path, *arguments: str):
    return CliRunner().invoke(main, ["partners", *arguments], env={"PARTNERS_FILE": str(folder / "partners.toml")})


def test_a_partner_is_added_listed_and_checked_from_the_command_line(tmp_path):
    added = run(tmp_path, "add", "ville-z", "https://z.example", "https://*.z.example", "--name", 'Ville "Z"')
    listed, checked = run(tmp_path, "list"), run(tmp_path, "check")

    assert added.exit_code == 0, added.output
    assert 'ville-z  Ville "Z"\n    https://z.example https://*.z.example' in listed.output
    assert "1 partners, 0 API keys" in checked.output


def test_what_would_break_the_file_is_not_added(tmp_path):
    run(tmp_path, "add", "ville-z", "https://z.example", "--name", "Z")
    before = (tmp_path / "partners.toml").read_bytes()

    twice = run(tmp_path, "add", "ville-z", "https://z.example", "--name", "Z")
    wrong = run(tmp_path, "add", "ville-w", "http://z.example/", "--name", "Z")

    assert (twice.exit_code, wrong.exit_code) == (1, 1)
    assert "is there twice" in twice.output
    assert "a site needs https://" in wrong.output
    assert (tmp_path / "partners.toml").read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["logos", "partners.toml"]


def test_a_key_is_shown_once_and_only_its_hash_is_kept(tmp_path):
    run(tmp_path, "add", "ville-z", "https://z.example", "--name", "Z")
    key = run(tmp_path, "key", "ville-z", "--name", "serveur").stdout.strip()
    text = (tmp_path / "partners.toml").read_text("utf-8")

    assert key.startswith("alt_")
    assert len(key) > 40
    assert key not in text
    assert hash_key(key) in text
    assert read_partners(tmp_path / "partners.toml", GAZETTEER).find_key(key).id == "ville-z"
    assert read_partners(tmp_path / "partners.toml", GAZETTEER).find_key(key + "x") is None


def test_check_names_each_line_and_fails(tmp_path):
    write(tmp_path, WRONG)

    checked = run(tmp_path, "check")

    assert checked.exit_code == 1
    assert "line 6: partner V: origins" in checked.output
