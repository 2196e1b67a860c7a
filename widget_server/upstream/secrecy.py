"""Keep secrets out of everything that is written: logs, errors, reports, manifests."""

import logging
from typing import Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "(secret)"

_TALKATIVE: Final = ("httpx", "httpcore", "hpack", "h2")
"""Libraries that write addresses and headers to their logs, a bearer or a signed query among them."""


class Secrets:
    """The secrets of one client: its credentials, and every token that it was given."""

    def __init__(self, *values: str) -> None:
        self._forms: set[str] = set()
        for value in values:
            self.add(value)

    def add(self, value: str) -> None:
        """One more, as it is and as addresses and forms write it."""
        self._forms |= {form for form in (value, quote(value, safe=""), quote_plus(value)) if form}

    def hide(self, text: str) -> str:
        """The text without any secret; the longest first, so that none is left in half."""
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        return text


def hush() -> None:
    """Make the libraries below us say warnings only; what we say ourselves holds no secret."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
