"""What all answers of one moment have in common: the snapshots, how their sources are doing, the day, the partners.

An answer is a function of what was asked and of an edition, and of nothing else: that is why it can be kept.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from widget_server.listing.answers import Source, source_state
from widget_server.settings import Settings
from widget_server.snapshot.library import Library, Loaded
from widget_server.web.wording import PARIS

LOOK_AGAIN_S: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Edition:
    """`token` names the edition: two with one token give the same answers, but for the age of the sources in seconds.

    now   when `sources` were looked at; `now_s` the same in seconds since 1970
    """

    token: str
    sources: tuple[Source, ...]
    now: datetime
    now_s: float

    @property
    def down(self) -> bool:
        """Not one source has anything to show."""
        return bool(self.sources) and all(source.state.status == "missing" for source in self.sources)


class Editions:
    """The edition of now. It is made anew when a snapshot or the partners change, and once a second for the clock.

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
        self._now = now
        self._build = build
        self._partners = partners
        self._seen: tuple[tuple[Loaded, ...], str] | None = None
        self._held: Edition | None = None

    def current(self) -> Edition:
        """The edition that a request which begins now is answered from, to its end."""
        now = self._now()
        held, seen = self._held, (self._library.loaded, self._partners())
        if (
            held is not None
            and self._seen is not None
            and seen[0] is self._seen[0]
            and seen[1] == self._seen[1]
            and 0 <= (now - held.now).total_seconds() < LOOK_AGAIN_S
        ):
            return held
        self._seen = seen
        self._held = self._made(now, *seen)
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
            now.astimezone(PARIS).date().isoformat(),  # cards say "yesterday"
            *(
                f"{each.name} {each.snapshot.version if each.snapshot else ''} {source.state.status}"
                f" {source.state.problem}"
                for each, source in zip(loaded, sources, strict=True)
            ),
        ]
        token = hashlib.blake2b("\n".join(told).encode(), digest_size=12).hexdigest()
        return Edition(token=token, sources=sources, now=now, now_s=now.timestamp())
