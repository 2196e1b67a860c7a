"""One odd field of a row costs that field and is counted under its name; the row stays."""

import json

import msgspec
import pytest

from tests.contract.upstream_fakes import kit
from widget_server.sources.kit.rows import MOST, read_page, read_row


class Skill(msgspec.Struct, frozen=True, kw_only=True):
    label: str | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    postcode: str | None = None
    point: list[float | None] | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    id: str | None = None
    posts: int | None = None
    open_to_all: bool | None = None
    work_place: Place = Place()
    skills: list[Skill] | None = None
    romes: list[str] | None = None
    starts: list[str | None] | None = None
    hours: str | list[str] | None = None


DECODER = msgspec.json.Decoder(Row, strict=False)
GOOD = {"id": "A", "workPlace": {"postcode": "35000"}}


@pytest.mark.parametrize(
    ("told", "field", "value", "remark"),
    [
        ({"id": 35}, "id", "35", "odd_id"),
        ({"id": 38855948600070.0}, "id", "38855948600070", "odd_id"),
        ({"id": True}, "id", None, "odd_id"),
        ({"posts": "several"}, "posts", None, "odd_posts"),
        ({"openToAll": "oui"}, "open_to_all", None, "odd_openToAll"),
        ({"workPlace": None}, "work_place", Place(), "odd_workPlace"),
        ({"workPlace": {"postcode": 35000}}, "work_place", Place(postcode="35000"), "odd_workPlace.postcode"),
        ({"workPlace": {"point": ["x", 48.1]}}, "work_place", Place(point=[None, 48.1]), "odd_workPlace.point"),
        ({"skills": [None, {"label": "a"}]}, "skills", [Skill(label="a")], "odd_skills"),
        ({"skills": [{"label": 7}]}, "skills", [Skill(label="7")], "odd_skills.label"),
        ({"skills": {"label": "a"}}, "skills", None, "odd_skills"),
        ({"romes": "D1102"}, "romes", ["D1102"], "odd_romes"),
        ({"romes": ["D1102", None]}, "romes", ["D1102"], "odd_romes"),
        ({"starts": ["2026", {}, "2027"]}, "starts", ["2026", None, "2027"], "odd_starts"),
        ({"hours": {"monday": 8}}, "hours", None, "odd_hours"),
    ],
)
def test_an_odd_field_costs_no_row(told: dict[str, object], field: str, value: object, remark: str):
    tools = kit()

    row = read_row(json.dumps(GOOD | told).encode(), DECODER, tools)

    assert getattr(row, field) == value
    assert row.id == ("A" if field != "id" else value)
    assert dict(tools.notes.remarks) == {remark: 1}


def test_a_row_without_oddities_leaves_no_remark():
    tools = kit()

    assert read_row(json.dumps(GOOD).encode(), DECODER, tools).work_place == Place(postcode="35000")
    assert not tools.notes.remarks


@pytest.mark.parametrize(
    "raw",
    [b'["no", "object"]', b'{"id": "A"', b'{"id": "\xff"}', json.dumps({"skills": [None] * (MOST + 1)}).encode()],
    ids=["an array", "cut off", "no UTF-8", "too odd"],
)
def test_what_is_no_such_row_is_an_error_and_leaves_no_remark(raw: bytes):
    tools = kit()

    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        read_row(raw, DECODER, tools)

    assert not tools.notes.remarks


PAGE = msgspec.json.Decoder(list[str])


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (rb'["a", "\ud83d", "b"]', ["a", "\ufffd", "b"]),
        (rb'["\ude00\ud83d\ude00"]', ["\ufffd\U0001f600"]),
        (rb'["\\ud83d", "\ud83d"]', ["\\ud83d", "\ufffd"]),
        (b'["caf\xe9"]', ["caf\ufffd"]),
        (b'["\xe9", "\xc3\xa9"]', ["\ufffd", "é"]),
    ],
)
def test_a_broken_character_spoils_no_page(body: bytes, told: list[str]):
    assert read_page(body, PAGE) == told


@pytest.mark.parametrize("body", [b'["cut', b"<html>", b'[1, "\\ud83d"]'])
def test_a_page_that_is_broken_otherwise_is_an_error(body: bytes):
    with pytest.raises(msgspec.DecodeError):
        read_page(body, PAGE)
