"""What the last sync of a source came to, for those who were not there: the web side, `doctor`, `status`."""

import os
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

FILE_NAME: Final = ".last-run.json"


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sync of one source.

    ok             whether a version was published, or nothing had to be
    cause          why not, in a sentence without secrets
    failures       runs that failed in a row, this one included
    last_success   the end of the last run that did not fail
    """

    started: datetime
    ended: datetime
    ok: bool
    increment: bool = False
    cause: str | None = None
    failures: int = 0
    last_success: datetime | None = None


def read_run(folder: Path) -> Run | None:
    """The last run of the source of this folder; None when there was none or its file cannot be read."""
    try:
        return msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=Run)
    except (OSError, msgspec.DecodeError):
        return None


def write_run(folder: Path, *, started: datetime, ended: datetime, cause: str | None, increment: bool = False) -> None:
    """Replace the last run, atomically; failures in a row and the last success are carried on from the one before."""
    before = read_run(folder)
    run = Run(
        started=started,
        ended=ended,
        ok=cause is None,
        increment=increment,
        cause=cause,
        failures=0 if cause is None else (before.failures if before else 0) + 1,
        last_success=ended if cause is None else before.last_success if before else None,
    )
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{FILE_NAME}-{os.getpid()}"
    try:
        aside.write_bytes(msgspec.json.encode(run))
        aside.replace(folder / FILE_NAME)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
