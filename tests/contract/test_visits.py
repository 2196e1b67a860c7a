"""What is counted of each partner, by day: lists, their JSON, cards; nothing of who asked, and no small number told."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.contract.site import NOW, client, fill
from widget_server.cli import main
from widget_server.domain.errors import SettingError
from widget_server.snapshot.visits import KEPT_DAYS, VisitStore
from widget_server.web.visits import Visits

pytestmark = pytest.mark.anyio
TODAY = NOW.date()
SEARCH = "romes=D1102&insee=35238"
OURS = f"{SEARCH}&partner=demo-lycee"


def stats(data: Path, *arguments: str) -> str:
    done = CliRunner().invoke(main, ["partners", "stats", *arguments], env={"DATA_DIR": str(data)})
    assert done.exit_code == 0, done.output
    return done.output


async def test_lists_json_and_cards_are_counted_for_their_partner_and_for_nobody_else(tmp_path):
    fill(tmp_path)
    async with client(tmp_path) as http:
        for _ in range(3):  # made, then kept
            assert (await http.get(f"/v1/widget?{OURS}")).status_code == 200
        answer = await http.get(f"/v1/cards?{OURS}")
        card = answer.json()["cards"][0]["id"]
        assert (await http.get(f"/v1/widget/cards/{card}?{OURS}")).status_code == 200
        for nobody in (f"/v1/widget?{SEARCH}", f"/v1/widget?{SEARCH}&partner=nobody-here", f"/?{SEARCH}"):
            assert (await http.get(nobody)).status_code == 200
        assert not VisitStore(tmp_path).path.exists(), "no request waits for a file"
        await http._transport.app.state.site.visits.flush()

    assert VisitStore(tmp_path).since(TODAY) == {(TODAY.isoformat(), "demo-lycee"): {"page": 3, "json": 1, "card": 1}}


async def test_switched_off_nothing_is_counted(tmp_path):
    fill(tmp_path)
    async with client(tmp_path, visits="off") as http:
        await http.get(f"/v1/widget?{OURS}")
        await http._transport.app.state.site.visits.flush()

    assert not VisitStore(tmp_path).path.exists()


async def test_a_switch_that_is_neither_on_nor_off_is_refused(tmp_path):
    with pytest.raises(SettingError, match="VISITS: 'yes' is neither"):
        async with client(tmp_path, visits="yes"):
            pass


def test_a_row_has_no_place_for_anything_of_a_visitor(tmp_path):
    store = VisitStore(tmp_path)
    store.add(TODAY, {("essai", "page"): 1})

    database = sqlite3.connect(store.path)
    columns = [row[1] for row in database.execute("PRAGMA table_info(asked)")]
    database.close()
    assert columns == ["day", "partner", "what", "n"]


async def test_what_cannot_be_written_waits_and_two_processes_add_up(tmp_path):
    store = VisitStore(tmp_path / "data")
    one, other = [Visits(store, now=lambda: NOW) for _ in range(2)]
    one.add("essai", "page")
    (tmp_path / "data").write_text("a file in the place of the folder")
    await one.flush()
    (tmp_path / "data").unlink()
    other.add("essai", "page")

    await one.flush()
    await other.flush()

    assert store.since(TODAY) == {(TODAY.isoformat(), "essai"): {"page": 2}}


def test_days_that_are_too_old_are_dropped(tmp_path):
    store = VisitStore(tmp_path)
    store.add(TODAY - timedelta(days=KEPT_DAYS + 1), {("essai", "page"): 5})
    store.add(TODAY - timedelta(days=KEPT_DAYS), {("essai", "page"): 6})

    store.add(TODAY, {("essai", "page"): 7})

    assert [counts["page"] for counts in store.since(TODAY - timedelta(days=9999)).values()] == [6, 7]


def test_the_operator_reads_them_by_day_without_the_small_numbers(tmp_path):
    store, today = VisitStore(tmp_path), datetime.now(UTC).date()
    days = [today - timedelta(days=days) for days in (40, 20, 10)]
    for day, partner, page in zip(days, ("essai", "mission-locale-x", "essai"), (11, 10, 9), strict=True):
        store.add(day, {(partner, "page"): page, (partner, "json"): 1234})

    lines = stats(tmp_path).splitlines()

    assert [line.split() for line in lines] == [
        ["day", "partner", "page", "json", "card"],
        [days[1].isoformat(), "mission-locale-x", "10", "1234", "0"],
        [days[2].isoformat(), "essai", "<10", "1234", "0"],
    ]
    assert len({len(line) for line in lines}) == 1, "columns"
    assert json.loads(stats(tmp_path, "--json", "--days", "15")) == [
        {"day": days[2].isoformat(), "partner": "essai", "page": None, "json": 1234, "card": 0}
    ]
    assert stats(tmp_path / "empty").startswith("nothing was counted since ")
