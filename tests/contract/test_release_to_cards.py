"""From a release of the forecast to the cards that a visitor sees: order, words, opt-outs, showings."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import CliRunner

from tests.contract.site import client
from tests.contract.test_recruiters import SCORED, sirets
from tests.contract.upstream_fakes import NOW, zipped
from widget_server.app import create_app
from widget_server.cli import main
from widget_server.domain.errors import SettingError
from widget_server.domain.exploration import Showing
from widget_server.domain.sections import Plot, Section, Sections, Series, Table
from widget_server.domain.spreading import DAYS
from widget_server.settings import Settings
from widget_server.snapshot.impressions import ImpressionStore
from widget_server.snapshot.shelf import Shelf
from widget_server.sources.kit.lists import opt_out
from widget_server.sync.sync import SyncReport, sync
from widget_server.web.entries import Showings
from widget_server.web.impressions import Impressions

pytestmark = pytest.mark.anyio
SIRETS = [siret for _, siret in zip(range(12), sirets(), strict=False)]
HEADER = {"format": 1, "model": "2026-11-01-0a1b2c3d", "day": "2026-11-01", "until": "2027-05-01"}
SEARCH = "/v1/cards?romes={rome}&insee=35238&radius=30&kinds=recruiter"
METHOD = Sections(
    title="Fiche du modèle : <essai>",
    demonstration=True,
    sections=(
        Section(
            heading="Résultats",
            paragraphs=("Les ratios synthétiques ne sont pas une précision réelle.",),
            points=("un point",),
            tables=(Table(caption="Précision", header=("Méthode", "2026-01"), rows=(("Modèle", "0,4"),)),),
            plots=(
                Plot(
                    name="gains",
                    title="Gains <b>cumulés</b>",
                    told="Tout.",
                    x_label="x",
                    y_label="y",
                    series=(Series(name="Modèle", x=(0.0, 1.0), y=(0.0, 1.0)),),
                ),
            ),
        ),
    ),
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def company(nth: int, *, km: float = 1.0, **told: object) -> dict[str, object]:
    """An establishment so many km north of the middle of Rennes."""
    row = {"siret": SIRETS[nth], "lat": 48.1118 + km / 111.2, "lon": -1.68189, "expected_hires": 0.7}
    return SCORED | row | {"name": f"ENTREPRISE FICTIVE {nth}", "romes": [["D1102", 0.5, "A"]]} | told


def publish(
    data: Path, rows: Sequence[Mapping[str, object]], name: str = "2026-11-01-0a1b2c3d", **told: object
) -> None:
    """Put a release in place, as `forecast publish` does: a folder, then the link."""
    releases = data / "forecast" / "releases"
    folder = releases / name
    folder.mkdir(parents=True)
    (folder / "recruiters.ndjson.gz").write_bytes(zipped([HEADER | {"count": len(rows)} | told, *rows]))
    (folder / "method.json").write_bytes(msgspec.json.encode(METHOD))
    aside = releases / ".current"
    aside.symlink_to(name)
    aside.replace(releases / "current")


async def synced(data: Path, *, day: int = 0, **more: object) -> SyncReport:
    settings = Settings(**({"data_dir": str(data), "recruiters_least": 1} | more))
    (report,) = await sync(["recruiters"], settings, now=NOW + timedelta(days=day))
    return report


async def shown(data: Path, rome: str = "D1102") -> list[dict[str, object]]:
    async with client(data, sources="recruiters:recruiter") as http:
        return (await http.get(SEARCH.format(rome=rome))).json()["cards"]


def names(cards: Sequence[Mapping[str, object]]) -> list[int]:
    return [SIRETS.index(str(card["id"])) for card in cards]


def looked(data: Path, counts: Mapping[int, int], *, days_ago: int = 1) -> None:
    """So often was each company shown on one past day."""
    day = NOW.date() - timedelta(days=days_ago)
    ImpressionStore(data).add(day, {Showing(SIRETS[nth]): n for nth, n in counts.items()})


# The order of the list.


async def test_recruiters_are_ordered_by_band_then_by_distance(tmp_path: Path):
    bands = [("C", 0.1, 1), ("A", 0.5, 9), ("B", 0.3, 2), ("A", 0.9, 12), ("A", 0.41, 3), ("B", 0.39, 1)]
    publish(tmp_path, [company(n, km=km, romes=[["D1102", p, band]]) for n, (band, p, km) in enumerate(bands)])

    assert (await synced(tmp_path)).ok
    cards = await shown(tmp_path)

    assert [card["score_band"] for card in cards] == ["A", "A", "A", "B", "B", "C"]
    assert names(cards) == [4, 1, 3, 5, 2, 0]


async def test_the_band_is_that_of_the_asked_occupation_not_the_best_of_the_company(tmp_path: Path):
    publish(tmp_path, [
        company(0, km=1, romes=[["D1106", 0.6, "A"], ["D1102", 0.1, "C"]]),
        company(1, km=2, romes=[["D1102", 0.3, "B"]]),
    ])  # fmt: skip
    await synced(tmp_path)

    bakery, sales = await shown(tmp_path), await shown(tmp_path, "D1106")

    assert [(n, card["score_band"]) for n, card in zip(names(bakery), bakery, strict=True)] == [(1, "B"), (0, "C")]
    assert [(n, card["score_band"]) for n, card in zip(names(sales), sales, strict=True)] == [(0, "A")]


async def test_who_asks_for_two_occupations_sees_the_better_band(tmp_path: Path):
    publish(tmp_path, [company(0, romes=[["D1106", 0.6, "A"], ["D1102", 0.1, "C"]])])
    await synced(tmp_path)

    (card,) = await shown(tmp_path, "D1102,D1106")

    assert card["score_band"] == "A"


async def test_who_was_shown_often_steps_back_within_its_band_and_never_out_of_it(tmp_path: Path):
    publish(tmp_path, [
        company(0, km=1), company(1, km=2), company(2, km=3), company(3, km=1, romes=[["D1102", 0.3, "B"]]),
    ])  # fmt: skip
    looked(tmp_path, {0: 500})
    await synced(tmp_path)

    assert names(await shown(tmp_path)) == [1, 2, 0, 3]


async def test_who_expects_more_hires_may_be_shown_more_often(tmp_path: Path):
    publish(tmp_path, [company(0, km=1, expected_hires=0.5), company(1, km=2, expected_hires=40.0)])
    looked(tmp_path, {0: 30, 1: 30})
    await synced(tmp_path)

    assert names(await shown(tmp_path)) == [1, 0]


async def test_showings_of_today_and_of_long_ago_move_nobody(tmp_path: Path):
    """So the order holds all day long, and a page can be kept."""
    publish(tmp_path, [company(0, km=1), company(1, km=2)])
    looked(tmp_path, {0: 500}, days_ago=DAYS + 1)
    looked(tmp_path, {0: 500}, days_ago=0)
    await synced(tmp_path)

    assert names(await shown(tmp_path)) == [0, 1]


async def test_the_same_counts_give_the_same_order_and_another_day_may_give_another(tmp_path: Path):
    publish(tmp_path, [company(0, km=1), company(1, km=2)])
    looked(tmp_path, {0: 500}, days_ago=0)

    first = await synced(tmp_path)
    again = await synced(tmp_path)
    before = names(await shown(tmp_path))
    tomorrow = await synced(tmp_path, day=1)

    assert first.version == again.version, "nothing new: the version stays, and with it every kept page"
    assert (before, names(await shown(tmp_path))) == ([0, 1], [1, 0])
    assert tomorrow.version != first.version


async def test_without_strength_nobody_steps_back(tmp_path: Path):
    publish(tmp_path, [company(0, km=1), company(1, km=2)])
    looked(tmp_path, {0: 500})
    await synced(tmp_path, recruiters_spreading=0.0)

    assert names(await shown(tmp_path)) == [0, 1]


# What a card says.


async def test_a_card_says_band_reasons_dates_what_it_is_and_how_to_leave(tmp_path: Path):
    publish(tmp_path, [company(0)])
    await synced(tmp_path, recruiters_optout_url="https://retrait.example/")

    async with client(tmp_path, sources="recruiters:recruiter") as http:
        page = (await http.get("/v1/widget?romes=D1102&insee=35238&kinds=recruiter")).text.replace("\u00a0", " ")

    for told in (
        "Estimation statistique", "pas une offre d’emploi", "Probabilité de recruter : forte",
        "A déjà recruté en alternance ces dernières années", "stimation du 1er novembre 2026",
        "jusqu’au 1er mai 2027", 'href="https://retrait.example/"',
    ):  # fmt: skip
        assert told in page, told


async def test_no_probability_finer_than_a_band_and_no_count_is_public(tmp_path: Path):
    publish(tmp_path, [company(0, romes=[["D1102", 0.5123, "A"]], expected_hires=0.7171)])
    looked(tmp_path, {0: 4321})
    await synced(tmp_path)

    async with client(tmp_path, sources="recruiters:recruiter") as http:
        answers = [
            (await http.get(path)).text
            for path in (SEARCH.format(rome="D1102"), f"/v1/cards/{SIRETS[0]}", f"/v1/widget/cards/{SIRETS[0]}")
        ]

    for text in answers:
        assert SIRETS[0] in text
        for secret in ("0.51", "51,", "51 %", "0.72", "0.7171", "4321", "expected_hires"):
            assert secret not in text, secret


async def test_fictitious_companies_are_labelled(tmp_path: Path):
    publish(tmp_path, [company(0)], demonstration=True)

    report = await synced(tmp_path)

    assert report.demonstration
    async with client(tmp_path, sources="recruiters:recruiter") as http:
        assert (await http.get(SEARCH.format(rome="D1102"))).json()["demonstration"] is True


# Releases, opt-outs.


async def test_a_new_release_is_picked_up_by_itself(tmp_path: Path):
    publish(tmp_path, [company(0)])
    await synced(tmp_path)
    publish(tmp_path, [company(1)], "2026-12-01-1b2c3d4e", day="2026-12-01")

    await synced(tmp_path, day=1)

    assert names(await shown(tmp_path)) == [1]


async def test_without_a_release_the_remedy_is_named(tmp_path: Path):
    report = await synced(tmp_path)

    assert not report.ok
    assert "widget-server forecast run" in (report.cause or "")


async def test_a_format_that_nobody_here_knows_is_refused_and_the_snapshot_stays(tmp_path: Path):
    publish(tmp_path, [company(0)])
    first = await synced(tmp_path)
    publish(tmp_path, [company(1)], "2026-12-01-1b2c3d4e", format=2)

    refused = await synced(tmp_path, day=1)

    assert not refused.ok
    assert "format 2" in (refused.cause or "")
    assert (refused.version, names(await shown(tmp_path))) == (first.version, [0])


async def test_an_opt_out_is_effective_with_the_next_sync_without_a_new_release(tmp_path: Path):
    publish(tmp_path, [company(n) for n in range(5)])
    asked = {"optout_file": str(tmp_path / "optout.txt"), "optout_secret": "salt"}
    (tmp_path / "optout.txt").touch()
    await synced(tmp_path, **asked)
    assert 0 in names(await shown(tmp_path))

    opt_out(Settings(**asked), [SIRETS[0]])
    report = await synced(tmp_path, **asked)

    assert report.ok
    assert sorted(names(await shown(tmp_path))) == [1, 2, 3, 4]


async def test_who_asked_since_is_not_in_a_release_that_is_older_or_put_back(tmp_path: Path):
    publish(tmp_path, [company(n) for n in range(5)])
    await synced(tmp_path)
    assert 0 in names(await shown(tmp_path))

    (tmp_path / "forecast" / "opted_out.txt").write_text(f"{SIRETS[0]}\n")
    report = await synced(tmp_path)

    assert report.ok
    assert sorted(names(await shown(tmp_path))) == [1, 2, 3, 4]


async def test_opt_outs_that_cannot_be_read_stop_the_sync_and_the_snapshot_stays(tmp_path: Path):
    publish(tmp_path, [company(n) for n in range(3)])
    await synced(tmp_path)
    (tmp_path / "forecast" / "opted_out.txt").mkdir()

    report = await synced(tmp_path, day=1)

    assert not report.ok
    assert "opted_out.txt cannot be read" in str(report)
    assert sorted(names(await shown(tmp_path))) == [0, 1, 2]


# How the estimates were made.


async def test_the_page_of_the_model_is_that_of_the_version_that_is_shown(tmp_path: Path):
    publish(tmp_path, [company(0)])
    await synced(tmp_path)

    async with client(tmp_path, sources="recruiters:recruiter") as http:
        page = await http.get("/methode/recruteurs")
        link = (await http.get("/methode")).text

    assert page.status_code == 200
    assert "Les ratios synthétiques ne sont pas une précision réelle." in page.text
    assert '<th scope="row">Modèle</th><td>0,4</td>' in page.text
    assert page.text.count("<svg") == 1
    assert "<b>cumulés" not in page.text
    assert 'href="/methode/recruteurs"' in link


async def test_without_a_card_of_the_model_the_page_says_so(tmp_path: Path):
    async with client(tmp_path, sources="recruiters:recruiter") as http:
        page = await http.get("/methode/recruteurs")

    assert page.status_code == 404
    assert "fiche n’est pas disponible" in page.text


async def test_a_card_of_the_model_that_cannot_be_read_costs_no_company(tmp_path: Path):
    publish(tmp_path, [company(0)])
    (tmp_path / "forecast/releases/current/method.json").write_text('{"title": 1}')

    assert (await synced(tmp_path)).ok
    assert names(await shown(tmp_path)) == [0]


# Showings.


async def test_every_list_that_leaves_is_counted_also_the_kept_and_the_unchanged_one(tmp_path: Path):
    publish(tmp_path, [company(0), company(1, km=60)])
    await synced(tmp_path)

    async with client(tmp_path, sources="recruiters:recruiter") as http:
        for _ in range(3):
            first = await http.get(SEARCH.format(rome="D1102"))
        await http.get(SEARCH.format(rome="D1102"), headers={"If-None-Match": first.headers["etag"]})
        await http.get("/v1/widget?romes=D1102&insee=35238&kinds=recruiter")
        await http.get("/v1/cards?romes=D1102&insee=35238&kinds=offer")
        await http._transport.app.state.site.impressions.flush()

    assert ImpressionStore(tmp_path).before(NOW.date() + timedelta(days=1)) == {SIRETS[0]: 5}


async def test_what_is_explored_is_counted_as_such_on_disk_and_in_the_metrics(tmp_path: Path):
    publish(tmp_path, [company(n, km=1 + n) for n in range(12)])
    await synced(tmp_path)
    asked = SEARCH.format(rome="D1102") + "&limit=5"

    async with client(tmp_path, sources="recruiters:recruiter", recruiters_exploration=0.2) as http:
        first = [await http.get(asked) for _ in range(3)]
        pages = [(await http.get(f"{asked}&page={page}")).json()["cards"] for page in (1, 2, 3)]
        await http._transport.app.state.site.impressions.flush()
        metrics = (await http.get("/metrics")).text

    assert len({answer.headers["etag"] for answer in first}) == 1
    assert sorted(names([card for page in pages for card in page])) == list(range(12))
    # One place in five of the first page, which was shown four times; the other pages have five and two places.
    assert ImpressionStore(tmp_path).by_day() == [(NOW.date().isoformat(), 4 * 5 + 5 + 2, 4)]
    assert 'widget_recruiters_shown_total{explored="yes"} 4.0' in metrics
    assert 'widget_recruiters_shown_total{explored="no"} 23.0' in metrics


async def test_every_page_of_one_day_explores_the_same_and_the_next_day_another(tmp_path: Path):
    publish(tmp_path, [company(n, km=1 + n) for n in range(12)])
    await synced(tmp_path)
    asked = SEARCH.format(rome="D1102") + "&limit=5"

    async def at(now: datetime) -> httpx.Response:
        """Another process, which knows nothing of the first."""
        async with client(tmp_path, sources="recruiters:recruiter", recruiters_exploration=0.2, now=now) as http:
            return await http.get(asked)

    days = []
    for ahead in range(8):
        noon, evening = [await at(NOW + timedelta(days=ahead, hours=hours)) for hours in (0, 5)]
        assert noon.headers["etag"] == evening.headers["etag"]
        assert noon.json()["cards"] == evening.json()["cards"]
        days.append(tuple(names(noon.json()["cards"])))

    assert {day[:4] for day in days} == {(0, 1, 2, 3)}
    assert len({day[4] for day in days}) > 2


@pytest.mark.parametrize("share", [-0.1, 0.21, 3.0])
def test_a_share_that_is_no_exploration_is_refused_with_its_remedy(tmp_path: Path, share: float):
    with pytest.raises(SettingError, match=r"RECRUITERS_EXPLORATION: .* for example 0\.03"):
        create_app(Settings(data_dir=str(tmp_path), recruiters_exploration=share))


async def test_the_method_tells_how_many_places_are_explored(tmp_path: Path):
    publish(tmp_path, [company(0)])
    await synced(tmp_path)

    for share, told in ((0.03, "3 % des places"), (0.025, "2,5 % des places"), (0.0, None)):
        async with client(tmp_path, sources="recruiters:recruiter", recruiters_exploration=share) as http:
            page = (await http.get("/methode")).text.replace("\u00a0", " ").replace("\u202f", " ")
        assert (told in page) if told else ("tirées au sort" not in page)


def test_an_operator_sees_by_day_how_many_places_were_explored(tmp_path: Path):
    store = ImpressionStore(tmp_path)
    store.add(date(2026, 11, 23), {Showing(SIRETS[0]): 97, Showing(SIRETS[1], explored=True): 3})

    told = CliRunner().invoke(main, ["forecast", "showings", "--data-dir", str(tmp_path)])
    machine = CliRunner().invoke(main, ["forecast", "showings", "--data-dir", str(tmp_path), "--json"])
    nothing = CliRunner().invoke(main, ["forecast", "showings", "--data-dir", str(tmp_path / "none")])

    assert told.output.splitlines()[1].split() == ["2026-11-23", "100", "3", "3.0%"]
    assert json.loads(machine.output) == [{"day": "2026-11-23", "places": 100, "explored": 3}]
    assert nothing.exit_code == 0
    assert "nothing was counted" in nothing.output


async def test_no_request_waits_for_a_count_to_be_written(tmp_path: Path):
    publish(tmp_path, [company(0)])
    await synced(tmp_path)

    async with client(tmp_path, sources="recruiters:recruiter") as http:
        await http.get(SEARCH.format(rome="D1102"))

    assert not ImpressionStore(tmp_path).path.exists()


async def test_a_count_that_cannot_be_written_is_kept_for_the_next_time(tmp_path: Path):
    store = ImpressionStore(tmp_path / "data")
    counting = Impressions(store, now=lambda: NOW)
    counting.add(Showings((Showing(SIRETS[0]),)))
    (tmp_path / "data").write_text("a file in the place of the folder")

    await counting.flush()
    (tmp_path / "data").unlink()
    counting.add(Showings((Showing(SIRETS[0]),)))
    await counting.flush()

    assert store.before(NOW.date() + timedelta(days=1)) == {SIRETS[0]: 2}


async def test_what_was_shown_before_midnight_belongs_to_that_day(tmp_path: Path):
    clock = [NOW.replace(hour=23, minute=59)]
    store = ImpressionStore(tmp_path)
    counting = Impressions(store, now=lambda: clock[0])
    counting.add(Showings((Showing(SIRETS[0]),)))
    clock[0] += timedelta(minutes=2)
    await counting.flush()
    counting.add(Showings((Showing(SIRETS[1]),)))
    await counting.flush()

    with sqlite3.connect(store.path) as database:
        rows = database.execute("SELECT day, siret, n FROM shown ORDER BY day").fetchall()
    database.close()
    assert rows == [("2026-11-24", SIRETS[0], 1), ("2026-11-25", SIRETS[1], 1)]


async def test_nothing_of_a_visitor_can_be_kept(tmp_path: Path):
    store = ImpressionStore(tmp_path)
    store.add(NOW.date(), {Showing(SIRETS[0]): 1})

    with sqlite3.connect(store.path) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(shown)")]
    database.close()

    assert columns == ["day", "siret", "n", "explored"]


async def test_switched_off_nothing_is_counted(tmp_path: Path):
    publish(tmp_path, [company(0)])
    await synced(tmp_path)

    async with client(tmp_path, sources="recruiters:recruiter", impressions="off") as http:
        await http.get(SEARCH.format(rome="D1102"))
        await http._transport.app.state.site.impressions.flush()

    assert not ImpressionStore(tmp_path).path.exists()


def test_days_that_no_longer_count_are_purged(tmp_path: Path):
    store = ImpressionStore(tmp_path)
    for ago in (40, DAYS + 1, DAYS, 1):
        store.add(date(2026, 11, 24) - timedelta(days=ago), {Showing(SIRETS[0]): ago})

    store.add(date(2026, 11, 24), {Showing(SIRETS[0]): 1000})

    with sqlite3.connect(store.path) as database:
        kept = [n for (n,) in database.execute("SELECT n FROM shown ORDER BY day")]
    database.close()
    assert kept == [DAYS, 1, 1000]
    assert store.before(date(2026, 11, 24)) == {SIRETS[0]: DAYS + 1}


def test_counts_of_several_processes_at_the_same_time_all_arrive(tmp_path: Path):
    code = (
        "import sys; from datetime import date; from pathlib import Path;"
        "from widget_server.domain.exploration import Showing;"
        "from widget_server.snapshot.impressions import ImpressionStore as Store\n"
        "for _ in range(40): Store(Path(sys.argv[1])).add(date(2026, 11, 23), {Showing('a'): 1, Showing('b', True): 2})"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]

    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert ImpressionStore(tmp_path).before(date(2026, 11, 24)) == {"a": 120, "b": 240}
    assert ImpressionStore(tmp_path).by_day() == [("2026-11-23", 360, 240)]


def test_counts_of_before_exploration_stay_whichever_process_opens_them_first(tmp_path: Path):
    store = ImpressionStore(tmp_path)
    with sqlite3.connect(store.path) as database:
        database.execute(
            "CREATE TABLE shown(day TEXT, siret TEXT, n INTEGER NOT NULL, PRIMARY KEY (day, siret)) WITHOUT ROWID"
        )
        database.execute("INSERT INTO shown VALUES ('2026-11-23', 'a', 5)")
    database.close()
    code = (
        "import sys; from datetime import date; from pathlib import Path;"
        "from widget_server.domain.exploration import Showing;"
        "from widget_server.snapshot.impressions import ImpressionStore as Store\n"
        "Store(Path(sys.argv[1])).add(date(2026, 11, 23), {Showing('a', True): 1})"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(4)]

    assert [process.wait(60) for process in running] == [0] * 4
    assert store.before(date(2026, 11, 24)) == {"a": 9}
    assert store.by_day() == [("2026-11-23", 9, 4)]


def test_what_a_version_says_of_its_method_is_under_its_seal(tmp_path: Path):
    """A page that is not what was synced is refused like any other file of a version."""
    import anyio

    publish(tmp_path, [company(0)])
    anyio.run(synced, tmp_path)
    shelf = Shelf(tmp_path / "recruiters")
    version = shelf.current_version()

    assert "method.json" in shelf.read_manifest(version).files
    assert shelf.open(version).method == METHOD
    assert json.loads((tmp_path / "recruiters" / version / "method.json").read_bytes())["demonstration"]
