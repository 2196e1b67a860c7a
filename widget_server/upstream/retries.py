"""Which failures another attempt may cure, how often it is made, and how long to wait before it."""

import random
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from widget_server.domain.errors import (
    UpstreamDown,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamThrottled,
)

LONGEST_WAIT_S: Final = 120.0
"""A `Retry-After` beyond this is not waited for: the sync fails, and the next one tries again."""

MOST: Final[Mapping[type[UpstreamError], int]] = {
    UpstreamDown: 20,
    UpstreamThrottled: 20,
    UpstreamMalformed: 3,
    UpstreamRefused: 1,
}
"""Attempts of one call by what went wrong, whatever the setting says. A broken answer that comes three times is what
the upstream has; a refusal is its last word."""

_FIRST_S: Final = 0.5
_LONGEST_S: Final = 20.0


class Again(Exception):
    """An attempt failed in a way that another may cure; `cause` is raised when there is no other.

    wait_s   how long the upstream asked us to wait; None when it did not say
    """

    def __init__(self, cause: UpstreamError, wait_s: float | None = None) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.wait_s = wait_s


def pause_s(attempt: int, chance: random.Random) -> float:
    """How long to wait after the attempt of this number: twice as long each time, spread over the upper half."""
    longest = min(_FIRST_S * 2.0 ** (attempt - 1), _LONGEST_S)
    return chance.uniform(longest / 2, longest)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that `Retry-After` asks for: a number, or a date by the upstream's own clock, else by ours."""
    told = headers.get("retry-after", "").strip()
    if told.isdecimal():
        return float(told)
    until = _date(told)
    if until is None:
        return None
    return max(0.0, (until - (_date(headers.get("date", "")) or now)).total_seconds())


def skew_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """How far this machine's clock is ahead of the upstream's; None when the upstream does not tell its time."""
    told = _date(headers.get("date", ""))
    return None if told is None else (now - told).total_seconds()


def _date(told: str) -> datetime | None:
    """An HTTP date; None when it is none, or says no time zone."""
    try:
        found = parsedate_to_datetime(told)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo is not None else None
