"""The shelves that a server reads: opens the current version of each, and swaps to a newer one between two requests."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from widget_server.domain.errors import SnapshotError
from widget_server.snapshot.shelf import Shelf, Snapshot

_LOG = logging.getLogger(__name__)
LOOK_AGAIN_S: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """One expected source: its snapshot when there is a usable one, else why not."""

    name: str
    kind: str
    snapshot: Snapshot | None
    problem: str | None = None


class Library:
    """Every expected source in the order of the list. `refresh` is cheap: one small read per shelf, once a second."""

    def __init__(
        self, data: Path, expected: Sequence[tuple[str, str]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._shelves = {name: (Shelf(data / name), kind) for name, kind in expected}
        self._clock = clock
        self._looked = float("-inf")
        self._refused: dict[str, str] = {}
        self._loaded = {name: Loaded(name=name, kind=kind, snapshot=None) for name, kind in expected}

    @property
    def loaded(self) -> tuple[Loaded, ...]:
        """The sources as they are now; a request keeps the tuple it started with, so no answer mixes versions."""
        return tuple(self._loaded.values())

    def refresh(self, *, at_once: bool = False) -> bool:
        """Look for newer versions, at most once a second. True when something changed.

        A version that cannot be trusted is refused once, and the one that serves stays.
        """
        now = self._clock()
        if not at_once and now - self._looked < LOOK_AGAIN_S:
            return False
        self._looked = now
        changed = False
        for name, (shelf, kind) in self._shelves.items():
            version = shelf.current_version()
            snapshot = self._loaded[name].snapshot
            serving = snapshot.version if snapshot else None
            if version is None or version == serving or version == self._refused.get(name):
                continue
            try:
                fresh = shelf.open(version)
            except SnapshotError as error:
                _LOG.error("%s stays at %s: %s", name, serving or "nothing", error)
                self._refused[name] = version
                self._loaded[name] = Loaded(name=name, kind=kind, snapshot=snapshot, problem=str(error))
            else:
                self._loaded[name] = Loaded(name=name, kind=kind, snapshot=fresh)
            changed = True
        return changed
