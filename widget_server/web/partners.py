"""Who may frame us: the registry of partner sites, read from a TOML file.

    [[partner]]
    id = "mission-locale-x"
    name = "Mission locale X"
    origins = ["https://www.mission-locale-x.example"]

An origin is exact: scheme, host and port, nothing else. `http://` is accepted for loopback only.
"""

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from widget_server.domain.errors import SettingError

_ID: Final = re.compile(r"[a-z0-9-]{3,40}")
_ORIGIN: Final = re.compile(
    r"https://(?:[a-z0-9-]+\.)*[a-z0-9-]+(?::\d{1,5})?|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?"
)


@dataclass(frozen=True, kw_only=True)
class Partner:
    """A site that embeds the widget."""

    id: str
    name: str
    origins: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Partners:
    """The registry; empty when there is no file."""

    by_id: dict[str, Partner] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Names the content: two registries with one version are the same."""
        return hashlib.blake2b(repr(sorted(self.by_id.items())).encode(), digest_size=8).hexdigest()

    def find(self, partner: str | None) -> Partner | None:
        """The partner of an id; None for an unknown or missing one."""
        return self.by_id.get(partner) if partner else None


def read_partners(path: Path | None) -> Partners:
    """Read and check the registry; one `SettingError` names every problem."""
    if path is None:
        return Partners()
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"PARTNERS_FILE {path}: {error}") from error
    rows = table.get("partner", [])
    problems: list[str] = []
    by_id: dict[str, Partner] = {}
    for number, row in enumerate(rows if isinstance(rows, list) else [], start=1):
        partner = _read_row(row, number, problems)
        if partner is not None and partner.id in by_id:
            problems.append(f"partner {number}: id {partner.id!r} is there twice")
        elif partner is not None:
            by_id[partner.id] = partner
    if not isinstance(rows, list) or set(table) - {"partner"}:
        problems.append("the file holds [[partner]] tables and nothing else")
    if problems:
        raise SettingError(f"PARTNERS_FILE {path}: " + "; ".join(problems))
    return Partners(by_id=by_id)


def _read_row(row: object, number: int, problems: list[str]) -> Partner | None:
    if not isinstance(row, dict):
        problems.append(f"partner {number}: not a table")
        return None
    before = len(problems)
    partner_id, name, origins = row.get("id"), row.get("name"), row.get("origins")
    if not isinstance(partner_id, str) or not _ID.fullmatch(partner_id):
        problems.append(f"partner {number}: id {partner_id!r} is not 3 to 40 of a-z, 0-9 and -")
    if not isinstance(name, str) or not name.strip():
        problems.append(f"partner {number}: name is missing")
    if not isinstance(origins, list) or not origins:
        problems.append(f"partner {number}: origins is not a list of at least one origin")
        origins = []
    for origin in origins:
        if not isinstance(origin, str) or not _ORIGIN.fullmatch(origin):
            hint = "exactly https://host or https://host:port, in lower case and without a path"
            problems.append(f"partner {number}: origin {origin!r} is not {hint}")
    problems.extend(
        f"partner {number}: unknown key {key!r}; known: id, name, origins"
        for key in set(row) - {"id", "name", "origins"}
    )
    if len(problems) > before or not isinstance(partner_id, str) or not isinstance(name, str):
        return None
    return Partner(id=partner_id, name=name.strip(), origins=tuple(dict.fromkeys(map(str, origins))))
