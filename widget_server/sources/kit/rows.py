"""Read a row of an upstream as well as it can be read: one odd field costs that field, not the row.

Upstreams send a postcode as a number, a null among the skills, a text where a list was announced. Were such a row
rejected, a field that nobody needs could empty a whole source on the day on which its upstream changes it. A number
becomes the text that was expected, a text the list of one; anything else of a wrong type is left out. Each is counted
under the field's name.
"""

import re
from collections.abc import Sequence
from typing import Final, TypeAlias, TypeVar

import msgspec

from widget_server.sources.kit.source import Kit

MOST: Final = 20
"""Odd fields of one row: with more of them, it is something else than what was announced."""

_WHERE: Final = re.compile(r"^Expected `(?P<wanted>[^`]*)`.* - at `\$(?P<path>[^`]*)`$", re.DOTALL)
_STEP: Final = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<place>\d+)\]")
# What a backslash begins: another backslash, a pair of surrogates, or half of one, which no text may hold.
_CHARACTER: Final = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_PLACES: Final = re.compile(r"\[\d+\]")

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
T = TypeVar("T")


def read_row(raw: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[T], kit: Kit) -> T:
    """The row, without what is odd in it. `msgspec.DecodeError` or `UnicodeDecodeError` when it is no such row."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        return _mended(raw, decoder, kit, error)


def read_page(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """A whole answer. Where one broken character would spoil all its rows, U+FFFD stands for it."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        whole = _CHARACTER.sub(_whole, body.decode("utf-8", "replace").encode())
        if whole == body:
            raise
        return decoder.decode(whole)


def _whole(match: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if match["half"] else match[0]


def _mended(raw: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[T], kit: Kit, error: msgspec.ValidationError) -> T:
    told: Json = msgspec.json.decode(raw)
    odd: list[str] = []
    while True:
        path = _mend(told, str(error))
        if path is None or len(odd) >= MOST:
            raise error
        odd.append(path)
        try:
            row = msgspec.convert(told, decoder.type, strict=decoder.strict)
        except msgspec.ValidationError as next_error:
            error = next_error
            continue
        for path in dict.fromkeys(odd):
            kit.notes.remark(f"odd_{path}")
        return row


def _mend(told: Json, problem: str) -> str | None:
    """Make the value that an error is about what was expected, or take it away; the path to it, None without one."""
    match = _WHERE.match(problem)
    if match is None:
        return None
    path = match["path"]
    steps = [step["name"] or int(step["place"]) for step in _STEP.finditer(path)]
    if not steps or "".join(step[0] for step in _STEP.finditer(path)) != path:
        return None
    for step in steps[:-1]:
        told = _inside(told, step)
    last, wanted = steps[-1], match["wanted"].split(" | ")
    fitting = _fitting(_inside(told, last), wanted)
    if isinstance(told, dict) and isinstance(last, str) and last in told:
        if fitting is None:
            del told[last]
        else:
            told[last] = fitting
    elif isinstance(told, list) and isinstance(last, int) and last < len(told):
        if fitting is None and "null" not in wanted:
            del told[last]
        else:
            told[last] = fitting  # null keeps the place of those behind it: some lists run side by side
    else:
        return None
    return _PLACES.sub("", path).removeprefix(".")


def _fitting(value: Json, wanted: Sequence[str]) -> Json:
    """A number as the text that it would have been, a text as the list of one that it is; None for anything else."""
    if isinstance(value, str) and "array" in wanted:
        return [value]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if "str" in wanted and isinstance(value, int | float) and not isinstance(value, bool) else None


def _inside(told: Json, step: str | int) -> Json:
    if isinstance(told, dict) and isinstance(step, str):
        return told.get(step)
    return told[step] if isinstance(told, list) and isinstance(step, int) and step < len(told) else None
