"""One stage of the pipeline: a folder named after what went into it, whole or not there, and not made twice.

    ROOT/<stage>/<day>-<8 hex>/     the files of the stage and manifest.json

The name is a hash of the inputs, the code, the parameters and the seed. A folder is written aside, reaches the disk and
is renamed; times and memory stand in its manifest only, so that the same inputs give the same bytes everywhere else.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from widget_server.domain.errors import StageDamaged
from widget_server.memory import peak_memory_mb

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
_DRAFT: Final = ".draft-"
_CHUNK: Final = 1 << 20

Value = str | int | float | bool | None


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a stage."""

    sha256: str
    bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage was made of, what it made, and at what cost.

    inputs          sha256 by name
    rows            of the tables that it read or wrote, by name, as the stage counts them
    peak_memory_mb  of the whole process until the end of the stage
    """

    format: int = FORMAT
    id: str
    stage: str
    code: str
    parameters: dict[str, Value]
    seed: int
    inputs: dict[str, str]
    outputs: dict[str, File]
    rows: dict[str, int]
    made: str
    seconds: float
    peak_memory_mb: float


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage that is there: its folder, its manifest, and whether it was there before."""

    folder: Path
    manifest: Manifest
    skipped: bool


def hash_of(path: Path) -> str:
    """The sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@cache
def code_version() -> str:
    """The first 12 digits of the sha256 of the forecast's own source: any change of it is another version."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def run_stage(
    root: Path,
    name: str,
    build: Callable[[Path], Mapping[str, int]],
    *,
    day: date,
    inputs: Mapping[str, str],
    parameters: Mapping[str, Value] | None = None,
    seed: int = 0,
    keep: int = 3,
) -> Stage:
    """Make a stage unless it is there: `build` fills an empty folder and says how many rows went in and out.

    `inputs` are hashes by name. The oldest stages beyond `keep` go. What `build` raises leaves nothing behind.
    """
    settings = dict(parameters or {})
    key = msgspec.json.encode((FORMAT, name, code_version(), settings, seed, dict(inputs)), order="deterministic")
    named = f"{day}-{hashlib.sha256(key).hexdigest()[:8]}"
    shelf = root / name
    folder = shelf / named
    if folder.is_dir():
        return Stage(folder=folder, manifest=read_stage(folder), skipped=True)
    shelf.mkdir(parents=True, exist_ok=True)
    for orphan in shelf.glob(f"{_DRAFT}*"):
        shutil.rmtree(orphan)
    draft = shelf / f"{_DRAFT}{named}"
    draft.mkdir()
    started = time.monotonic()
    try:
        rows = build(draft)
        manifest = Manifest(
            id=named,
            stage=name,
            code=code_version(),
            parameters=settings,
            seed=seed,
            inputs=dict(inputs),
            outputs=_outputs(draft),
            rows=dict(rows),
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - started, 3),
            peak_memory_mb=peak_memory_mb(),
        )
        (draft / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        for path in (*(draft / each for each in manifest.outputs), draft / MANIFEST, draft):
            _to_disk(path)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    draft.rename(folder)
    _to_disk(shelf)
    # By time, because a forecast of an older day may be made later.
    others = sorted((path for path in shelf.iterdir() if path.is_dir() and path != folder), key=_made)
    for old in others[: max(0, len(others) + 1 - keep)]:
        shutil.rmtree(old)
    return Stage(folder=folder, manifest=manifest, skipped=False)


def read_stage(folder: Path, *, verify: bool = True) -> Manifest:
    """The manifest of a stage; a `StageDamaged` when its files are not those that it describes."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise StageDamaged(f"{folder} has no manifest that can be read; remove the folder and run again") from error
    if manifest.format != FORMAT:
        raise StageDamaged(f"{folder} has format {manifest.format}, this version reads {FORMAT}; run the stage again")
    if verify and _outputs(folder) != manifest.outputs:
        raise StageDamaged(f"{folder} is not what its manifest says; remove the folder and run again")
    return manifest


def _outputs(folder: Path) -> dict[str, File]:
    return {
        path.relative_to(folder).as_posix(): File(sha256=hash_of(path), bytes=path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def _made(folder: Path) -> tuple[int, str]:
    return folder.stat().st_mtime_ns, folder.name


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
