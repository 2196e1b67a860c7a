"""Whether arrays and lines are cut into their elements, however they arrive."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widget_server.domain.errors import UpstreamMalformed
from widget_server.upstream.arrays import LONGEST_ELEMENT, elements
from widget_server.upstream.compression import opened

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(['"', "\\", '},{"', "]", '\\\\"']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=4), values, max_size=4)


async def stream(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def cut(text: bytes, size: int = 7) -> list[bytes]:
    async def run() -> list[bytes]:
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        return [element async for element in elements(stream(pieces), "essai")]

    return asyncio.run(run())


@given(st.lists(values, max_size=5), st.integers(1, 40), st.sampled_from([None, 2]))
def test_an_array_gives_back_its_elements_in_pieces_of_any_size(told: list[object], size: int, indent: int | None):
    found = cut(json.dumps(told, indent=indent).encode(), size)

    assert [json.loads(element) for element in found] == told


@given(st.lists(objects, min_size=1, max_size=5), st.integers(1, 40), st.booleans())
def test_lines_give_back_their_objects(told: list[object], size: int, closed: bool):
    text = "\n".join(json.dumps(each) for each in told) + ("\n" if closed else "")

    assert [json.loads(element) for element in cut(text.encode(), size)] == told


@given(st.lists(objects, min_size=1, max_size=3), st.data())
def test_an_array_cut_anywhere_is_malformed_and_never_short(told: list[object], data: st.DataObject):
    text = json.dumps(told).encode()
    end = data.draw(st.integers(0, len(text) - 1))

    with pytest.raises(UpstreamMalformed):
        cut(text[:end])


def test_one_bad_element_does_not_hide_the_next():
    found = cut(b'[{"a":tru}, {"b":"\\ud800"}, {"c":1}]')

    assert found == [b'{"a":tru}', b'{"b":"\\ud800"}', b'{"c":1}']


@pytest.mark.parametrize(
    "text",
    [b"", b"  \n", b"<html>", b"null", b"[{},]", b"[,{}]", b"[{}] []", b"[{}]}", b'{"a":1}\n{"b":', b'{"a":"x'],
)
def test_what_is_neither_an_array_nor_lines_is_malformed(text: bytes):
    with pytest.raises(UpstreamMalformed, match="essai"):
        cut(text)


def test_an_empty_array_has_no_element_and_a_mark_of_byte_order_is_no_element():
    assert cut(b" [ \n ] ") == []
    assert cut(b"\xef\xbb\xbf[1]") == [b"1"]


@pytest.mark.parametrize("text", [b'[{"a":"', b'{"a":"'], ids=["array", "line"])
def test_an_element_that_does_not_end_is_given_up(text: bytes):
    with pytest.raises(UpstreamMalformed, match="does not end"):
        cut(text + b"x" * (LONGEST_ELEMENT + 10), 1 << 20)


def test_blanks_without_an_end_are_given_up():
    with pytest.raises(UpstreamMalformed, match="blanks where an array was expected"):
        cut(b" " * (LONGEST_ELEMENT + 65_537), 65_536)


@pytest.mark.parametrize("wrap", [bytes, lambda text: gzip.compress(text)], ids=["plain", "gzip"])
def test_a_file_is_opened_by_its_first_bytes_and_not_by_its_name(wrap):
    async def run() -> bytes:
        packed = wrap(b"[1, 2]")
        return b"".join([piece async for piece in opened(stream([packed[:1], packed[1:]]), "essai")])

    assert asyncio.run(run()) == b"[1, 2]"
