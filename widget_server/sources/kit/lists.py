"""The lists that some rules of hygiene need: files of the operator, and the schools of the last trainings' sync.

    SCHOOL_NAMES_FILE    a company name on each line
    GEIQ_FILE            a SIRET on each line: groups of employers, which are no schools
    CLOSED_FILE          a SIRET on each line: establishments that have closed
    OPTOUT_FILE          a hash on each line, made by `hidden` from a SIRET or a SIREN and OPTOUT_SECRET
    .schools             the SIRET of every school and of whoever runs it, left in the trainings' folder by their sync

Lists are asked when a version is published, but GEIQ_FILE, which is asked when a row is read: what it changes shows
after the next full sync. An empty line and what follows a # are left aside. A file that is named and cannot be read
stops the sync of its source: a company that asked not to be shown must not come back because a disk was not mounted.
"""

import hashlib
import os
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from widget_server.domain.errors import SettingError
from widget_server.settings import Settings
from widget_server.sources.kit.text import fold

SCHOOLS: Final = ".schools"
_TRAINING: Final = "training"
_SIREN: Final = 9
_SIRET: Final = 14
_HASH_BYTES: Final = 16
_HASH: Final = re.compile(rf"[0-9a-f]{{{2 * _HASH_BYTES}}}")


class Numbers:
    """A set of SIRET in eight bytes each, so that a list of millions may be given."""

    def __init__(self, told: Iterable[str] = ()) -> None:
        distinct = np.unique(np.fromiter((int(number) for number in told), dtype=np.uint64))
        self._sorted = array("Q", distinct.tobytes())  # bisecting it is faster than asking numpy for one value

    def __contains__(self, number: str) -> bool:
        value = int(number)
        place = bisect_left(self._sorted, value)
        return place < len(self._sorted) and self._sorted[place] == value

    def __len__(self) -> int:
        return len(self._sorted)


@dataclass(frozen=True, kw_only=True)
class Lists:
    """Everything that may be looked up. `schools` is None while no sync of trainings has left any.

    `mark` changes with the content of every list.
    """

    school_names: frozenset[str] = frozenset()
    longest_name: int = 0
    geiq: Numbers = field(default_factory=Numbers)
    closed: Numbers = field(default_factory=Numbers)
    optout: frozenset[str] = frozenset()
    optout_secret: str = ""
    schools: Numbers | None = None
    school_units: Numbers = field(default_factory=Numbers)
    hidden_romes: frozenset[str] = frozenset()
    least_text: int = 0
    mark: str = ""

    def names_school(self, company: str) -> str | None:
        """The listed name that occurs in a company's name as whole words."""
        words = fold(company).split()
        for first in range(len(words)):
            for last in range(first + 1, min(len(words), first + self.longest_name) + 1):
                name = " ".join(words[first:last])
                if name in self.school_names:
                    return name
        return None

    def opted_out(self, siret: str) -> bool:
        """Whether this establishment, or its whole company, asked not to be shown."""
        if not self.optout:
            return False
        return not self.optout.isdisjoint(
            (hidden(siret, self.optout_secret), hidden(siret[:_SIREN], self.optout_secret))
        )


def hidden(number: str, secret: str) -> str:
    """A SIRET or SIREN as the opt-out file holds it.

    All SIREN can be tried in minutes, so the salt is the operator's secret and is not kept in the file.
    """
    return hashlib.blake2b(number.encode(), digest_size=_HASH_BYTES, key=secret.encode()[:64]).hexdigest()


def read_lists(settings: Settings) -> Lists:
    """Every list that the settings name. `SettingError` when one of them cannot be read or used."""
    names = frozenset(filter(None, (fold(name) for name in _lines("SCHOOL_NAMES_FILE", settings.school_names_file))))
    optout = frozenset(told.lower() for told in _lines("OPTOUT_FILE", settings.optout_file))
    if settings.optout_file and not settings.optout_secret:
        raise SettingError("OPTOUT_SECRET is empty: without it the hashes of OPTOUT_FILE say nothing")
    odd = sum(not _HASH.fullmatch(told) for told in optout)
    if odd:
        raise SettingError(f"OPTOUT_FILE: {odd} line(s) are not hashes of {2 * _HASH_BYTES} hexadecimal digits")
    schools = _schools(settings)
    return Lists(
        school_names=names,
        longest_name=max((len(name.split()) for name in names), default=0),
        geiq=_numbers("GEIQ_FILE", settings.geiq_file),
        closed=_numbers("CLOSED_FILE", settings.closed_file),
        optout=optout,
        optout_secret=settings.optout_secret,
        schools=None if schools is None else Numbers(schools),
        school_units=Numbers(number[:_SIREN] for number in schools or ()),
        hidden_romes=frozenset(filter(None, (code.strip().upper() for code in settings.hidden_romes.split(",")))),
        least_text=settings.least_text,
        mark=_mark(settings),
    )


def opt_out(settings: Settings, numbers: Iterable[str]) -> int:
    """Add companies to the opt-out file, by SIRET or by SIREN; how many were not in it yet."""
    if not settings.optout_file or not settings.optout_secret:
        raise SettingError("OPTOUT_FILE and OPTOUT_SECRET are needed: the file that holds the hashes, and their salt")
    told = [number.replace(" ", "") for number in numbers]
    odd = [
        number for number in told if len(number) not in (_SIREN, _SIRET) or not number.isascii() or not number.isdigit()
    ]
    if odd:
        raise SettingError(f"{', '.join(odd)}: neither a SIRET of {_SIRET} digits nor a SIREN of {_SIREN}")
    path = Path(settings.optout_file)
    known = set(_lines("OPTOUT_FILE", settings.optout_file)) if path.exists() else set()
    added = [
        code for code in dict.fromkeys(hidden(number, settings.optout_secret) for number in told) if code not in known
    ]
    try:
        ended = not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")
        with path.open("a", encoding="ascii") as file:
            file.writelines(["" if ended else "\n", *(f"{code}\n" for code in added)])
    except OSError as error:
        raise SettingError(f"OPTOUT_FILE cannot be written: {error}") from error
    return len(added)


def write_schools(folder: Path, numbers: Iterable[str]) -> None:
    """Leave the schools of a complete sync in the folder of its source, atomically."""
    aside = folder / f"{SCHOOLS}-{os.getpid()}"
    aside.write_text("".join(f"{number}\n" for number in sorted(set(numbers))), "ascii")
    aside.replace(folder / SCHOOLS)


def _schools(settings: Settings) -> list[str] | None:
    """The schools that any source of trainings has left; None when none has."""
    files = _school_files(settings)
    return [number for file in files for number in _sirets(str(file), _lines("DATA_DIR", str(file)))] if files else None


def _school_files(settings: Settings) -> list[Path]:
    files = [settings.data_path() / name / SCHOOLS for name, kind in settings.expected_sources() if kind == _TRAINING]
    return [file for file in files if file.is_file()]


def _mark(settings: Settings) -> str:
    told = (settings.school_names_file, settings.geiq_file, settings.closed_file, settings.optout_file)
    digest = hashlib.blake2b(digest_size=_HASH_BYTES)
    for path in [*(Path(file) for file in told if file), *_school_files(settings)]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _numbers(setting: str, file: str) -> Numbers:
    return Numbers(_sirets(setting, _lines(setting, file)))


def _sirets(told: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        digits = line.replace(" ", "")
        if len(digits) != _SIRET or not (digits.isascii() and digits.isdigit()):
            raise SettingError(f"{told}: entry {number} is not a SIRET of {_SIRET} digits")
        yield digits


def _lines(setting: str, file: str) -> Iterator[str]:
    if not file:
        return
    try:
        with Path(file).open(encoding="utf-8-sig") as lines:
            for line in lines:
                told = line.partition("#")[0].strip()
                if told:
                    yield told
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{setting} cannot be read: {error}") from error
