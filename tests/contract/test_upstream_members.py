"""An object of arrays is cut into its elements, however its text is cut into pieces."""

import json
from collections.abc import AsyncIterator

import pytest

from widget_server.domain.errors import UpstreamMalformed
from widget_server.upstream.members import members

pytestmark = pytest.mark.anyio
DOCUMENT = {
    "jobs": [{"a": 'x"]},{[,\\'}, {"b": [1, [2, {"c": 3}]]}, 5, "s", []],
    "warnings": [],
    "about": {"x": [1, 2], "y": {}},
    "count": 3,
    "recruiters": [{"r": "é"}],
}
EXPECTED = [*(("jobs", job) for job in DOCUMENT["jobs"]), ("recruiters", {"r": "é"})]
TEXT = json.dumps(DOCUMENT, indent=1, ensure_ascii=False).encode()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def cut(text: bytes, step: int) -> list[tuple[str, object]]:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(text), step):
            yield text[start : start + step]

    return [(name, json.loads(element)) async for name, element in members(pieces(), "Service d'essai")]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b" \n"], ids=["plain", "BOM", "blanks"])
async def test_elements_come_with_the_name_of_their_array(step: int, before: bytes):
    assert await cut(before + TEXT, step) == EXPECTED


@pytest.mark.parametrize("step", [1, 5, 1000])
async def test_a_plain_array_has_elements_without_a_name(step: int):
    assert await cut(b'[1, {"a": [2]}]', step) == [("", 1), ("", {"a": [2]})]


@pytest.mark.parametrize("step", [1, 9, 10_000])
@pytest.mark.parametrize(
    "text",
    [b"", b"{", TEXT[:-1], TEXT[:40], TEXT[:-20], TEXT + b"{}", TEXT + b"x", b'{"jobs": [1,,2]}', b"<html>"],
    ids=["empty", "a bracket", "the last", "early", "late", "another", "a letter", "no element", "a page"],
)
async def test_a_text_that_is_not_one_whole_object_is_malformed(text: bytes, step: int):
    with pytest.raises(UpstreamMalformed):
        await cut(text, step)
