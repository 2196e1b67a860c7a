"""A fourth source takes one file, one line and one recording: here all three, from an upstream's row to `/v1/cards`.

The file is board/board.py, the line is in `REGISTRY`, the recording is board/board.json. Nothing else knows that it
exists. The last test adds them to a copy of the package, as somebody would who adds a source.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest

from tests.contract.board.board import Board
from tests.contract.sandbox import NOW
from tests.contract.site import ASSETS
from tests.contract.upstream_fakes import replayed
from widget_server.app import create_app
from widget_server.settings import Settings
from widget_server.snapshot.shelf import Shelf
from widget_server.sources import SOURCES
from widget_server.sources.kit.source import Source
from widget_server.sync.sync import SyncReport, sync

pytestmark = pytest.mark.anyio
BOARD = Path(__file__).parent / "board"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# The line.

REGISTRY: Mapping[str, Source] = MappingProxyType({**SOURCES, "board": Board()})

# The recording.

RECORDING: dict[str, object] = json.loads((BOARD / "board.json").read_text("utf-8"))


def settings_of(folder: Path) -> Settings:
    return Settings(data_dir=str(folder), sources="board:offer", attempts=1, offers_least=1)


async def synced(folder: Path, recording: Mapping[str, object] = RECORDING, *, hours: int = 0) -> SyncReport:
    (report,) = await sync(
        (),
        settings_of(folder),
        now=NOW + timedelta(hours=hours),
        transports={"board": replayed(recording)},
        sources=REGISTRY,
    )
    return report


async def asked(folder: Path, path: str, *, days: int = 0) -> httpx.Response:
    app = create_app(settings_of(folder), now=lambda: NOW + timedelta(days=days), assets=ASSETS)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://widget.test") as http:
        return await http.get(path)


async def test_rows_of_a_new_source_are_cards_of_the_list(tmp_path: Path):
    report = await synced(tmp_path)

    answer = (await asked(tmp_path, "/v1/cards?romes=D1102&insee=35238&kinds=offer")).json()

    assert report.cause is None
    assert [card["title"] for card in answer["cards"]] == ["Fournil Fictif", "Pétrin Fictif"]
    assert answer["cards"][0]["distance_km"] == 0.0
    assert answer["counts"] == {"offer": 2}
    assert answer["attribution"] == ["Panneau d'annonces, 24/11/2026"]


async def test_its_rejections_are_counted_and_explained(tmp_path: Path):
    report = await synced(tmp_path)

    snapshot = Shelf(tmp_path / "board").open(report.version or "")
    assert snapshot.manifest.counts.rejected == {"rome_unknown": 1}
    assert snapshot.cards.rejected("4") == [("rome_unknown", "Z9999")]


async def test_its_card_has_a_page_and_the_list_has_one_without_a_line_of_code(tmp_path: Path):
    await synced(tmp_path)

    page = await asked(tmp_path, "/v1/widget?romes=D1102&insee=35238&kinds=offer")
    card = (await asked(tmp_path, "/v1/cards/board:1")).json()

    assert page.status_code == 200
    assert "Fournil Fictif" in page.text
    assert "Dès quatre heures" in json.dumps(card, ensure_ascii=False)


async def test_its_failure_is_named_and_its_previous_version_stays(tmp_path: Path):
    first = await synced(tmp_path)
    broken = {"exchanges": [{"path": "/adverts", "status": 200, "json": {"maintenance": True}}]}

    report = await synced(tmp_path, broken, hours=1)
    answer = (await asked(tmp_path, "/v1/cards?romes=D1102&insee=35238&kinds=offer")).json()

    assert (report.ok, report.version) == (False, first.version)
    assert "Panneau d'annonces" in (report.cause or "")
    assert len(answer["cards"]) == 2
    assert "Panneau d'annonces" in answer["sources"][0]["problem"]


async def test_ready_says_that_it_is_there(tmp_path: Path):
    before = await asked(tmp_path, "/readyz")
    await synced(tmp_path)
    after = await asked(tmp_path, "/readyz")

    assert (before.status_code, after.status_code) == (503, 200)
    assert [source["name"] for source in after.json()["sources"]] == ["board"]


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_whatever_is_registered_declares_what_it_owes(name: str):
    told = SOURCES[name].declaration

    assert told.name == name
    assert told.kind in ("training", "offer", "recruiter")
    assert told.label
    assert "{date}" in told.attribution
    assert told.home_url.startswith("https://")
    assert len(told.method) > 100
    assert told.method.strip().endswith(".")
    assert replace(Settings(), sources=f"{name}:{told.kind}").expected_sources() == ((name, told.kind),)


IMPORT = "from widget_server.sources.board import Board"
LINE = "Board(),"
ADDED = """
import asyncio, json, sys
from datetime import UTC, datetime
from pathlib import Path
from tests.contract.upstream_fakes import replayed
from widget_server.settings import Settings
from widget_server.sync.sync import sync

recording, data = json.loads(Path(sys.argv[1]).read_text("utf-8")), sys.argv[2]
told = Settings(data_dir=data, sources="board:offer", attempts=1, offers_least=1)
(report,) = asyncio.run(sync((), told, now=datetime.now(UTC), transports={"board": replayed(recording)}))
print(json.dumps([report.cause, report.counts and report.counts.cards]))
"""


def test_one_file_and_one_line_with_its_import_are_all_that_a_copy_of_the_package_needs(tmp_path: Path):
    for name in ("widget_server", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "drills", "browser"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(BOARD / "board.py", tmp_path / "widget_server" / "sources")
    registry = tmp_path / "widget_server" / "sources" / "__init__.py"
    before = registry.read_text("utf-8")
    after = before.replace(
        "from widget_server.sources.offers import", f"{IMPORT}\nfrom widget_server.sources.offers import"
    )
    after = after.replace("        Trainings(),\n", f"        Trainings(),\n        {LINE}\n")
    registry.write_text(after, "utf-8")

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert len(after.splitlines()) == len(before.splitlines()) + 2
    recording, data = str(BOARD / "board.json"), str(tmp_path / "data")
    assert json.loads(run(sys.executable, "-c", ADDED, recording, data)) == [None, 3]
    assert "0 broken" in run(str(Path(sys.executable).with_name("lint-imports")))
