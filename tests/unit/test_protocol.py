"""What `/docs` says of the protocol is what the code and the types say."""

import re
from pathlib import Path

import pytest

from widget_server.web.protocol import CODES, COMMANDS, EVENTS, PROTOCOL

ROOT = Path(__file__).parents[2]
SCRIPT = (ROOT / "widget_assets" / "src" / "protocol.js").read_text("utf-8")
TYPES = (ROOT / "embed" / "types.d.ts").read_text("utf-8")


def words(name: str) -> list[str]:
    """The message types that a constant of the protocol file lists."""
    return re.search(rf"{name} = .*?'([a-z ]+)'", SCRIPT)[1].split()


def members(name: str) -> dict[str, bool]:
    """The members of an interface, each with whether it may be absent."""
    body = re.search(rf"interface {name} \{{(.*?)\n\}}", TYPES, re.DOTALL)[1]
    return {found[1]: bool(found[2]) for found in re.finditer(r"^  (\w+)(\??):", body, re.MULTILINE)}


def interface(event: str) -> str | None:
    """The interface that types an event's detail; None when there is nothing in it."""
    found = re.search(rf"'alternance:{event}': CustomEvent<(\w+)(?:<[^>]*>)?>", TYPES)
    assert found, event
    return None if found[1] == "Record" else found[1]


def test_events_and_commands_are_those_of_the_protocol_file():
    assert f"PROTOCOL = '{PROTOCOL}'" in SCRIPT
    assert [event.name for event in EVENTS] == words("FROM_FRAME")
    assert [command.name for command in COMMANDS] == words("FROM_HOST")


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_an_event_carries_what_its_type_says(event):
    typed = interface(event.name)

    assert {field.name: field.optional for field in event.fields} == (members(typed) if typed else {})


def test_codes_that_no_parameter_causes_are_those_of_the_types():
    listed = re.search(r"type ErrorCode =(.*?);", TYPES, re.DOTALL)[1]

    assert set(re.findall(r"'(\w+)'", listed)) == set(CODES)
