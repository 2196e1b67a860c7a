"""An upstream's own words about what is wrong, found in whatever it answers."""

import re
from typing import Final

import msgspec

_HEADING: Final = re.compile(r"<(?:title|h1)\b[^>]*>\s*([^<]+)", re.IGNORECASE)


class _Error(msgspec.Struct, frozen=True, kw_only=True):
    """The error shapes of all upstreams: the first of these that is filled is what they said."""

    message: str | None = None
    error_description: str | None = None
    error: str | None = None


def said(body: bytes) -> str:
    """One line: the message of a JSON error, the heading of a page, or the text itself; "" when there is none."""
    text = body.decode("utf-8", "replace").strip()
    if text.startswith("{"):
        try:
            told = msgspec.json.decode(body, type=_Error)
            text = told.message or told.error_description or told.error or ""
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
    elif text.startswith("<"):
        heading = _HEADING.search(text)
        text = heading[1] if heading else ""
    return " ".join(text.split())
