"""Exactly one computation per key and process, through the whole application, however many ask at once."""

import asyncio

import httpx
import pytest

from tests.builders import NOW
from tests.contract.site import ASSETS, fill
from widget_server.app import create_app
from widget_server.settings import Settings

VISITORS = 200


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize("keys", [1, 5])
async def test_two_hundred_visitors_at_once_cost_one_computation_for_each_question(tmp_path, keys):
    fill(tmp_path)
    app = create_app(Settings(data_dir=str(tmp_path)), now=lambda: NOW, assets=ASSETS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://widget.test") as http:
        told = await asyncio.gather(
            *(http.get(f"/v1/cards?romes=D1102&insee=35238&radius={10 + number % keys}") for number in range(VISITORS))
        )
    made = app.state.site.metrics.settled().value("widget_answers_total", origin="made")
    await app.state.site.cache.close()

    assert {answer.status_code for answer in told} == {200}
    assert len({answer.content for answer in told}) == keys
    assert made == keys
