"""The shelves that a server reads: opens the current version of each, and swaps to a newer one between two requests."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from widget_server.domain.errors import SnapshotError
from widget_server.snapshot.runs import Run, read_run
from widget_server.snapshot.shelf import Shelf, Snapshot

_LOG = logging.getLogger(__name__)
LOOK_AGAIN_S: Final = 1.0
"""Often enough for whoever waits for a sync, and a few small reads each time."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """One expected source: its snapshot when there is a usable one, else why not, and what its last sync came to."""

    name: str
    kind: str
    snapshot: Snapshot | None
    problem: str | None = None
    run: Run | None = None


class Library:
    """Every expected source in the order of the list.

    `refresh` is cheap while nothing is new: one small read per shelf, at most once in `look_again_s`. A new version is
    read from end to end to be compared with its checksums, which takes a second or more: a server does that in a thread
    of its own, and no visitor waits for it. `readers` is how many threads may read cards at the same time.
    """

    def __init__(
        self,
        data: Path,
        expected: Sequence[tuple[str, str]],
        *,
        readers: int = 1,
        look_again_s: float = LOOK_AGAIN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._readers = readers
        self._shelves = {name: Shelf(data / name) for name, _ in expected}
        self._look_again_s = look_again_s
        self._clock = clock
        self._looked = float("-inf")
        self._refused: dict[str, str] = {}
        self._loaded = tuple(Loaded(name=name, kind=kind, snapshot=None) for name, kind in expected)

    @property
    def loaded(self) -> tuple[Loaded, ...]:
        """The sources as they are now; a request keeps the tuple it started with, so no answer mixes versions.

        It is the same object until something changes, so that whoever keeps it can see that nothing has.
        """
        return self._loaded

    def refresh(self, *, at_once: bool = False) -> bool:
        """Look for newer versions, at most once in `look_again_s`. True when something changed.

        A version that cannot be trusted is refused once, and the one that serves stays.
        """
        now = self._clock()
        if not at_once and now - self._looked < self._look_again_s:
            return False
        self._looked = now
        told = self._loaded
        for place, before in enumerate(self._loaded):
            shelf = self._shelves[before.name]
            after = self._look(shelf, msgspec.structs.replace(before, run=read_run(shelf.folder)))
            if after != before:
                self._loaded = (*self._loaded[:place], after, *self._loaded[place + 1 :])
        return self._loaded is not told

    def _look(self, shelf: Shelf, loaded: Loaded) -> Loaded:
        version = shelf.current_version()
        serving = loaded.snapshot.version if loaded.snapshot else None
        if version is None or version == serving or version == self._refused.get(loaded.name):
            return loaded
        try:
            return msgspec.structs.replace(loaded, snapshot=shelf.open(version, readers=self._readers), problem=None)
        except SnapshotError as error:
            _LOG.error("%s stays at %s: %s", loaded.name, serving or "nothing", error)
            self._refused[loaded.name] = version
            snapshot = loaded.snapshot or self._older(shelf, version)
            return msgspec.structs.replace(loaded, snapshot=snapshot, problem=str(error))

    def _older(self, shelf: Shelf, version: str) -> Snapshot | None:
        """The newest version that can be trusted when a server starts and the current one cannot."""
        for older in reversed([name for name in shelf.versions() if name != version]):
            try:
                return shelf.open(older, readers=self._readers)
            except SnapshotError as error:
                _LOG.error("%s: %s", shelf.name, error)
        return None
