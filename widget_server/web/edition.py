"""What all answers of one moment have in common: the snapshots, how their sources are doing, the day, the partners.

An answer is a function of what was asked and of an edition, and of nothing else: that is why it can be kept.
"""

import hashlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from widget_server.listing.answers import Source, source_state
from widget_server.settings import Settings
from widget_server.snapshot.library import Library, Loaded

PARIS: Final = ZoneInfo("Europe/Paris")


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """`token` names the edition: two with one token give the same answers, but for the age of the sources in seconds.

    now   when `sources` were looked at; `now_s` the same in seconds since 1970
    """

    token: str
    sources: tuple[Source, ...]
    now: datetime
    now_s: float

    @property
    def day(self) -> date:
        """The day in Paris: cards say "yesterday", and what is explored changes with it."""
        return self.now.astimezone(PARIS).date()

    @property
    def down(self) -> bool:
        """Not one source has anything to show."""
        return bool(self.sources) and all(source.state.status == "missing" for source in self.sources)


class Editions:
    """The edition of now. It is made anew when a snapshot or the partners change, and every LOOK_AGAIN_S for the clock.

    build      names the program with its assets and reference tables, which do not change while it runs
    partners   the version of the partner registry
    """

    def __init__(
        self,
        *,
        library: Library,
        settings: Settings,
        now: Callable[[], datetime],
        build: str,
        partners: Callable[[], str],
    ) -> None:
        self._library = library
        self._settings = settings
        self._look_again = timedelta(seconds=settings.look_again_s)
        self._now = now
        self._build = build
        self._partners = partners
        self._loaded: tuple[Loaded, ...] | None = None
        self._version = ""
        self._held: Edition | None = None
        self._until: datetime

    def current(self) -> Edition:
        """The edition that a request which begins now is answered from, to its end."""
        now, loaded, version = self._now(), self._library.loaded, self._partners()
        held = self._held
        if (
            held is not None
            and loaded is self._loaded
            and version == self._version
            and held.now <= now < self._until  # a clock that was set back is a reason to look, too
        ):
            return held
        self._loaded, self._version, self._until = loaded, version, now + self._look_again
        self._held = self._made(now, loaded, version)
        return self._held

    def _made(self, now: datetime, loaded: tuple[Loaded, ...], partners: str) -> Edition:
        sources = tuple(
            source_state(
                each.name,
                each.kind,
                each.snapshot,
                now,
                late_after_s=self._settings.late_after_s(each.kind),
                withheld_after_s=self._settings.withheld_after_s(each.kind),
                problem=each.problem or (each.run.cause if each.run else None),
            )
            for each in loaded
        )
        told = [
            self._build,
            partners,
            now.astimezone(PARIS).date().isoformat(),  # the `day` of the edition
            *(
                f"{each.name} {each.snapshot.version if each.snapshot else ''} {source.state.status}"
                f" {source.state.problem}"
                for each, source in zip(loaded, sources, strict=True)
            ),
        ]
        token = hashlib.blake2b("\n".join(told).encode(), digest_size=12).hexdigest()
        return Edition(token=token, sources=sources, now=now, now_s=now.timestamp())
