"""What a version says of itself: counts, dates, rejections, and the checksum of every file."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from widget_server.domain.cards import Declaration, Rejection
from widget_server.domain.errors import SnapshotCorrupt

FORMAT: Final = 4
FILE_NAME: Final = "manifest.json"
SEAL: Final = "manifest.sha256"
_NAMED: Final = 3
"""Parts of an upstream that are named when several could not be read."""
"""Holds the checksum of the manifest, which holds those of all other files."""


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One partition of a harvest: what the upstream announced, what was read, how many were distinct.

    searches   how many queries it took
    carried    rows published that this sync did not read: they are of an earlier one
    left_out   rows of an earlier sync that are too old to be published once more
    seen       when the partition was last read whole, ISO 8601
    remark     why fewer rows than announced are enough
    problem    why the partition is not whole
    """

    name: str
    announced: int | None
    read: int
    distinct: int
    searches: int = 1
    carried: int = 0
    left_out: int = 0
    seen: str | None = None
    remark: str | None = None
    problem: str | None = None


class Harvest(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows came in. `as_of` is the instant that the data describe, ISO 8601 with offset.

    `mark` names the state of the upstream's data, so that the same state need not be read twice; "" when unknown.
    `remarks` counts what was repaired or set aside without losing the row, by code.
    """

    as_of: str
    ended: datetime
    announced: int | None
    complete: bool
    demonstration: bool
    vintages: dict[str, str] = {}
    parts: tuple[Part, ...] = ()
    mark: str = ""
    remarks: dict[str, int] = {}

    @property
    def gap(self) -> str:
        """What of the upstream could not be read, and why; "" when the harvest is complete."""
        if self.complete:
            return ""
        told = [f"{part.name} ({part.problem})" for part in self.parts if part.problem]
        more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
        return f"published without a part of the upstream: {', '.join(told[:_NAMED]) or 'not told which'}{more}"


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """read = cards + merged + repeated + the sum of rejected: nothing is dropped silently.

    flagged   cards that a rule of hygiene kept with a remark, by rule
    """

    read: int
    cards: int
    merged: int
    repeated: int
    rejected: dict[str, int]
    postings: int
    unplaced: int
    flagged: dict[str, int] = {}


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A rail that this version broke and that the operator accepted, with the reason given."""

    rule: str
    problem: str
    because: str


class FileMark(msgspec.Struct, frozen=True, kw_only=True):
    """The size and SHA-256 of one file."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an operator, a replica or the web side must know of a version."""

    format: int
    version: str
    code: str
    source: Declaration
    started: datetime
    harvest: Harvest
    counts: Counts
    by_departement: dict[str, int]
    keys: tuple[str, ...]
    unplaced_keys: tuple[str, ...]
    files: dict[str, FileMark]
    rejections: tuple[Rejection, ...]
    accepted: tuple[Accepted, ...] = ()


def mark(path: Path) -> FileMark:
    """Size and checksum of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return FileMark(bytes=path.stat().st_size, sha256=digest.hexdigest())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a version and its seal."""
    told = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (folder / FILE_NAME).write_bytes(told)
    (folder / SEAL).write_text(hashlib.sha256(told).hexdigest() + "\n", "ascii")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a version folder; `SnapshotCorrupt` when it is absent, changed or of another format."""
    try:
        told = (folder / FILE_NAME).read_bytes()
        manifest = msgspec.json.decode(told, type=Manifest)
        seal = (folder / SEAL).read_bytes() if manifest.format == FORMAT else b""
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SnapshotCorrupt(f"{folder.name}: its manifest cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise SnapshotCorrupt(f"{folder.name}: format {manifest.format}, this program reads {FORMAT}; sync again")
    if seal != hashlib.sha256(told).hexdigest().encode() + b"\n":
        raise SnapshotCorrupt(f"{folder.name}: its manifest is not the one that was sealed")
    return manifest


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file with its mark; `SnapshotCorrupt` names the first that differs."""
    for name, expected in manifest.files.items():
        try:
            found = mark(folder / name)
        except OSError as error:
            raise SnapshotCorrupt(f"{folder.name}/{name}: {error}") from error
        if found != expected:
            raise SnapshotCorrupt(f"{folder.name}/{name}: its bytes differ from the manifest")
