"""A fourth source takes one file, one line and one recording: here all three, from an upstream's row to `/v1/cards`.

The file is `Board`, the line is in `REGISTRY`, the recording is `RECORDING`. Nothing else knows that it exists.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import httpx
import msgspec
import pytest

from tests.contract.sandbox import NOW
from tests.contract.site import ASSETS
from tests.contract.upstream_fakes import replayed
from widget_server.app import create_app
from widget_server.domain.cards import Card, Declaration, Entry, Fact, Organisation, Rejection, SourceName
from widget_server.domain.errors import UpstreamMalformed
from widget_server.settings import Settings
from widget_server.snapshot.shelf import Shelf
from widget_server.sources import SOURCES
from widget_server.sources.kit.placing import Whereabouts
from widget_server.sources.kit.rejects import reject
from widget_server.sources.kit.source import Kit, Source
from widget_server.sync.sync import SyncReport, sync

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# The file.


class Advert(msgspec.Struct):
    """One row of the upstream."""

    id: str
    name: str
    rome: str
    postcode: str


class Board:
    """The adverts of one town hall's board, from one call."""

    declaration = Declaration(
        name="board", kind="offer", label="Panneau d'annonces", home_url="https://board.example",
        attribution="Panneau d'annonces, {date}",
    )  # fmt: skip

    async def rows(self, kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
        async with kit.connect("Panneau d'annonces", "https://board.example", rate_per_s=100.0) as client:
            reply = await client.get("/adverts")
        try:
            told = msgspec.json.decode(reply.body, type=list[Advert])
        except msgspec.DecodeError as error:
            raise UpstreamMalformed("Panneau d'annonces", str(error)) from error
        kit.notes.announced = len(told)
        for row in told:
            romes = kit.known_romes([row.rome])
            placed = kit.placing.place(Whereabouts(postcode=row.postcode))
            if not romes:
                yield reject("rome_unknown", row.id, row.rome)
            elif placed is None:
                yield reject("place_unknown", row.id, row.postcode)
            else:
                card = Card(
                    id=f"board:{row.id}", kind="offer", title=row.name, organisation=Organisation(name=row.name),
                    place=placed.place, romes=romes, source=SourceName(name="board", label="Panneau d'annonces"),
                    reasons=(), url=f"https://board.example/{row.id}",
                )  # fmt: skip
                yield Entry(card=card, facts=(Fact(name="hours", label="Horaires", text="Dès quatre heures"),))

    async def probe(self, kit: Kit) -> str:
        return "open"


# The line.

REGISTRY: Mapping[str, Source] = MappingProxyType({**SOURCES, "board": Board()})

# The recording.

RECORDING: dict[str, object] = {
    "exchanges": [
        {
            "path": "/adverts",
            "json": [
                {"id": "1", "name": "Fournil Fictif", "rome": "D1102", "postcode": "35000"},
                {"id": "2", "name": "Pétrin Fictif", "rome": "D1102", "postcode": "35510"},
                {"id": "3", "name": "Ailleurs Fictif", "rome": "D1102", "postcode": "13001"},
                {"id": "4", "name": "Sans Métier Fictif", "rome": "Z9999", "postcode": "35000"},
            ],
        }
    ]
}


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
