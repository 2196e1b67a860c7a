"""Everything that can be made to go wrong, as one table; `POST /_faults` switches rows of it on.

{"offers": {"status": 502, "times": 1}}   the next call to the offers answers 502
{"trainings": {"truncate": true}}         the catalogue's array stops in the middle, until DELETE /_faults
{"slow_s": 5}                             every upstream takes five seconds more
{"offers": {"status": 500, "chance": 0.3, "after": 10}}   from the eleventh call on, three in ten fail
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

UPSTREAMS: Final[dict[str, tuple[str, ...]]] = {
    "token": ("/connexion/oauth2/",),
    "offers": ("/partenaire/offresdemploi/",),
    "trainings": ("/api/v1/",),
    "apprentissage": ("/api/job/", "/api/formation/", "/object-store/"),
    "recruiters": ("/recruiters/",),
    "labonneboite": ("/partenaire/labonneboite/", "/api/v2/"),
    "geocoding": ("/geocodage/",),
}
"""The upstreams by name, with the beginnings of their paths."""

EVERY: Final = tuple(UPSTREAMS)

COPIES: Final = 10
"""Rows that the fault `tenfold` shows for one."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to go wrong; `example` is a value that may be given."""

    name: str
    upstreams: tuple[str, ...]
    example: bool | int | float | str
    help: str


def _fault(name: str, upstreams: tuple[str, ...], example: bool | int | float | str, help: str) -> Fault:
    return Fault(name=name, upstreams=upstreams, example=example, help=help)


_DEFAULT: Final = ("offers", "trainings", "recruiters")
_BULK: Final = ("offers", "trainings", "apprentissage", "recruiters", "labonneboite")
_STREAMED: Final = ("offers", "trainings", "apprentissage", "recruiters")
FAULTS: Final[tuple[Fault, ...]] = (
    _fault("after", EVERY, 1, "the other faults given with it begin after so many calls"),
    _fault("chance", EVERY, 0.3, "the other faults given with it befall this share of the calls; the same ones always"),
    _fault("times", EVERY, 1, "the other faults given with it end after so many calls"),
    _fault("status", EVERY, 500, "answer this status, with the upstream's own error body"),
    _fault("throttle_s", EVERY, 1, "answer 429 with this Retry-After"),
    _fault("slow_s", EVERY, 0.5, "wait so many seconds before answering"),
    _fault("down", EVERY, True, "close the connection without an answer"),
    _fault("truncate", EVERY, 2000, "end the body after so many bytes as if it were complete; true: 2000"),
    _fault("cut", EVERY, 2000, "close the connection after so many bytes of the body; true: 2000"),
    _fault("malformed", EVERY, True, "answer 200 with something that is almost JSON"),
    _fault("wrong_type", EVERY, True, "answer 200 with the HTML page of a proxy"),
    _fault("endless", EVERY, True, "answer 200 with an array that never ends"),
    _fault("bomb", EVERY, True, "answer 200 with half a gigabyte of blanks in a small gzip"),
    _fault("moved_to", EVERY, "https://127.0.0.1:1", "answer 302 to the same path at this address"),
    _fault("clock_skew_s", EVERY, 3600, "shift the Date header"),
    _fault("empty", _BULK, True, "answer that there is nothing at all"),
    _fault("half", _BULK, True, "show every other row only"),
    _fault("duplicates", _BULK, True, "show every row twice, under one id"),
    _fault("tenfold", (*_DEFAULT, "apprentissage"), True, "show ten rows for each, under ten ids"),
    _fault("without", _DEFAULT, "twin", "leave out the rows of this oddity, or of all: see DIRT in dirt.py"),
    _fault("slow_chunks_s", _STREAMED, 0.05, "wait so long between two pieces of a stream"),
    _fault("ttl_s", ("token",), 1, "give tokens that live so many seconds"),
    _fault("refuse", ("token",), "invalid_client", "refuse the application: invalid_client or invalid_scope"),
    _fault("reject_tokens", ("offers",), True, "answer 401 to every token, so that asking for a new one never helps"),
    _fault("expire_tokens", ("offers",), True, "forget all tokens now; with times: 1, one 401 in mid-harvest"),
    _fault("whole_cities", ("offers",), "refused", "refuse 75056, 69123 and 13055, as the service used to"),
    _fault("last_position", ("offers",), 10, "the last position that a page may start at"),
    _fault("moving", ("offers",), 3, "after every so many pages one offer is created and one deleted"),
    _fault("scope", ("offers", "labonneboite"), True, "answer 403: the scope is not enough"),
    _fault("count_off", ("trainings", "recruiters"), 500, "announce so many rows more than there are"),
    _fault("education", ("trainings",), True, "behave like the instance that wants a session: 401"),
    _fault("key", ("apprentissage",), "expired", "refuse the key as expired, revoked or unreadable"),
    _fault("file_gone", ("apprentissage",), True, "the export file answers 403, as if its address were too old"),
    _fault("archiving", ("apprentissage",), 1, "after every so many pages of trainings one that was shown is archived"),
    _fault("gateway", ("apprentissage",), True, "the service behind does not answer: 504"),
    _fault("search_shape", ("apprentissage",), True, "the export is {jobs, recruiters} instead of one array"),
    _fault("older_days", ("recruiters", "apprentissage"), 8, "the file is so many days old"),
    _fault("format", ("recruiters",), 2, "the release says that it is written in this format"),
    _fault("only", ("recruiters",), 10, "the file holds so many rows only"),
    _fault("redirect", ("labonneboite",), True, "answer 302 to another host"),
)
"""The table."""

_WHEN: Final = ("after", "times", "chance")
Active = Mapping[str, object]


class Faults:
    """What is switched on now."""

    def __init__(self) -> None:
        self._on: dict[str, dict[str, object]] = {}
        self._coin = random.Random(0)  # noqa: S311 - the same calls fail each time

    def switch(self, told: object) -> list[str]:
        """Add faults; the problems when something is unknown, and then nothing is switched."""
        if not isinstance(told, dict):
            return ['an object is expected, for example {"offers": {"status": 500}}']
        wanted: dict[str, dict[str, object]] = {}
        problems: list[str] = []
        for name, value in told.items():
            if name in UPSTREAMS and isinstance(value, dict):
                for fault, setting in value.items():
                    if any(row.name == fault and name in row.upstreams for row in FAULTS):
                        wanted.setdefault(name, {})[fault] = setting
                    else:
                        problems.append(f"{name} has no fault {fault!r}")
            elif any(row.name == name for row in FAULTS):
                for row in FAULTS:
                    for upstream in row.upstreams if row.name == name else ():
                        wanted.setdefault(upstream, {})[row.name] = value
            else:
                problems.append(f"{name!r} is neither an upstream nor a fault")
        if not problems:
            self._coin.seed(0)
            for upstream, faults in wanted.items():
                self._on.setdefault(upstream, {}).update(faults)
        return problems

    def clear(self) -> None:
        """Everything works again."""
        self._on.clear()

    def active(self) -> dict[str, dict[str, object]]:
        """What is switched on, by upstream."""
        return {upstream: dict(faults) for upstream, faults in self._on.items()}

    def take(self, upstream: str) -> Active:
        """The faults of one call; those with `times` are used up by it."""
        faults = dict(self._on.get(upstream, {}))
        after, times, chance = (number(faults, name, 1) for name in _WHEN)
        faults = {name: value for name, value in faults.items() if name not in _WHEN}
        if not faults:
            return {}
        if after > 0:
            self._on[upstream]["after"] = after - 1
            return {}
        if chance and self._coin.random() >= chance:
            return {}
        if times:
            if times <= 1:
                del self._on[upstream]
            else:
                self._on[upstream]["times"] = times - 1
        return faults


def upstream_of(path: str) -> str | None:
    """The upstream that a path belongs to."""
    return next((name for name, starts in UPSTREAMS.items() if path.startswith(starts)), None)


def is_left_out(active: Active, oddity: str) -> bool:
    """Whether the fault `without` leaves out the rows of this oddity; "" is none."""
    return oddity != "" and active.get("without") in (oddity, "all")


def number(active: Active, name: str, default: float = 0) -> float:
    """The number that a fault was given; `default` for true, 0 when it is not on."""
    value = active.get(name)
    if value is True:
        return default
    return float(value) if isinstance(value, int | float) else 0
