"""The registry of partners, read from a TOML file.

    [[partner]]
    id = "mission-locale-x"
    name = "Mission locale X"
    origins = ["https://www.mission-locale-x.example", "https://*.mission-locale-x.example"]

    # The rest is optional.
    callers = ["contact@mission-locale-x.example"]       # what old links say in `caller`
    kinds = ["training", "offer"]                        # the kinds that may be shown at all
    title = "Trouver une alternance"
    lock = ["radius"]                                    # fixed when there is a default for it, else shown as text
    contact = { label = "Prendre rendez-vous avec un conseiller", url = "https://www.mission-locale-x.example/rdv" }
    logo = "logos/mission-locale-x.png"                  # PNG, JPEG or WebP, beside this file
    quota_per_minute = 3000                              # of all calls that bring one of the partner's API keys
    defaults = { radius = 60, level = 4 }                # any parameter of the search or of the page
    theme = { accent = "7a1f5c", corner = 8, font = "serif", scheme = "auto" }

    [[key]]                                              # widget-server partners key mission-locale-x
    partner = "mission-locale-x"
    name = "serveur du site"
    sha256 = "…"

The server looks at the file once a second. A file that cannot be used changes nothing: the last good one stays, and
`/readyz`, `doctor` and the log say why.
"""

import hashlib
import logging
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from widget_server.domain.errors import SettingError
from widget_server.domain.query import BY_NAME, KINDS, Gazetteer, Terms, parse
from widget_server.web.logos import Logo, LogoRefused, read_logo
from widget_server.web.origins import refuse_pattern
from widget_server.web.partners import PARTNER_ID, QUOTA_PER_MINUTE, Contact, Partner, Partners

_LOG = logging.getLogger(__name__)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CONTACT: Final = re.compile(r"(?:https://[^\s/]+|mailto:[^\s@]+@[^\s@]+|tel:\+?[\d.-]+)\S*")
_LOOK_EVERY_S: Final = 1.0
THEME: Final = ("theme", "accent", "corner", "font", "scheme")
DEFAULTS: Final = tuple(
    name for name, row in BY_NAME.items() if name not in (*THEME, "partner", "origin", "page", "lock", "title")
)
_MISSING_CODES: Final = frozenset({"rome_missing", "place_missing"})
_KNOWN: Final = (
    "id",
    "name",
    "origins",
    "test",
    "callers",
    "kinds",
    "title",
    "lock",
    "contact",
    "logo",
    "quota_per_minute",
    "defaults",
    "theme",
)


class RegistryRefused(SettingError):
    """The file cannot be used; `faults` says everything that is wrong with it, line by line."""

    def __init__(self, path: Path, faults: tuple[str, ...]) -> None:
        super().__init__(f"PARTNERS_FILE {path}: " + "; ".join(faults))
        self.faults = faults


class Registry:
    """The registry file while the server runs: newer contents are taken, broken ones are not."""

    def __init__(self, path: Path | None, gazetteer: Gazetteer, *, clock_s: Callable[[], float]) -> None:
        self._path = path
        self._gazetteer = gazetteer
        self._clock_s = clock_s
        # Before it is read: what changes meanwhile is seen at the next look.
        self._seen = self._signature()
        self._partners = read_partners(path, gazetteer)
        self._looked_s = clock_s()
        self.problem: str | None = None
        """Why the file that is there now is not the one in use."""

    def current(self) -> Partners:
        """The last good version. `SettingError` is for the start only: a running server keeps what it has."""
        if self._path is None or self._clock_s() - self._looked_s < _LOOK_EVERY_S:
            return self._partners
        self._looked_s = self._clock_s()
        seen = self._signature()
        if seen == self._seen:
            return self._partners
        self._seen = seen
        try:
            found = read_partners(self._path, self._gazetteer)
            if self._partners.by_id and not found.by_id:
                # Half a file, or none yet: an editor empties a file before it fills it.
                raise RegistryRefused(self._path, ("no partner is left; to have none, unset PARTNERS_FILE",))
            self._partners = found
        except SettingError as error:
            self.problem = str(error)
            _LOG.error("the partners stay as they were: %s", error)
        else:
            self.problem = None
            _LOG.warning("%d partners read, version %s", len(self._partners.by_id), self._partners.version)
        return self._partners

    def _signature(self) -> tuple[tuple[str, int, int, int], ...]:
        """What tells one state of the file and of its logos from another, without reading them."""
        if self._path is None:
            return ()
        files = [self._path, *_logo_files(self._path)]
        told: list[tuple[str, int, int, int]] = []
        for file in files:
            try:
                stat = file.stat()
            except OSError:
                told.append((file.name, 0, 0, 0))
            else:
                told.append((file.name, stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return tuple(told)


def _logo_files(path: Path) -> list[Path]:
    folder = path.parent / "logos"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def read_partners(path: Path | None, gazetteer: Gazetteer) -> Partners:
    """Read and check the registry; one `RegistryRefused` names every problem with its line."""
    if path is None:
        return Partners()
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RegistryRefused(path, (str(error),)) from error
    reader = _Reader(path, _Lines(text), gazetteer)
    partners = reader.read(table)
    if reader.faults:
        raise RegistryRefused(path, tuple(f"line {line}: {fault}" for line, fault in sorted(reader.faults)))
    seal = hashlib.blake2b(text.encode(), digest_size=8)
    for partner in partners.by_id.values():
        seal.update(partner.logo.body if partner.logo else b"")
    return Partners(
        by_id=partners.by_id, by_caller=partners.by_caller, by_key=partners.by_key, version=seal.hexdigest()
    )


class _Lines:
    """Where each key of each table stands: the parser of the standard library does not say."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._at: dict[tuple[str, int, str], int] = {}
        counts: dict[str, int] = {}
        table, prefix, quoted = "", "", ""
        for number, line in enumerate(self._lines, start=1):
            inside = quoted
            for mark in ('"""', "'''"):
                if line.count(mark) % 2 and quoted in ("", mark):
                    quoted = "" if quoted else mark
            if inside:
                continue
            if head := re.match(r"\s*\[\[\s*([\w-]+)\s*\]\]", line):
                table, prefix = head[1], ""
                counts[table] = counts.get(table, 0) + 1
                self._at[table, counts[table], ""] = number
            elif head := re.match(r"\s*\[\s*([\w-]+)\.([\w-]+)\s*\]", line):
                table, prefix = head[1], head[2] + "."
                self._at.setdefault((table, counts.get(table, 0), head[2]), number)
            elif head := re.match(r"\s*\[\s*([\w-]+)\s*\]", line):
                table, prefix = head[1], ""
                self._at.setdefault((table, 0, ""), number)
            elif key := re.match(r"\s*([\w-]+(?:\.[\w-]+)?)\s*=", line):
                self._at.setdefault((table, counts.get(table, 0), prefix + key[1]), number)

    def find(self, table: str, number: int, key: str = "", value: object = None) -> int:
        """The line of a key, or of a value in its list; of what is around it when it has no line of its own."""
        outer = key.partition(".")[0]
        for wanted in (key, outer, ""):
            line = self._at.get((table, number, wanted))
            if line is not None:
                break
        else:
            return 1
        if isinstance(value, str) and value and wanted == key:
            for offset, text in enumerate(self._lines[line - 1 : line + 200]):
                if f'"{value}"' in text or f"'{value}'" in text:
                    return line + offset
                if offset and re.match(r"\s*(\[|[\w-]+\s*=)", text):
                    break
        return line


class _Reader:
    """Reads the tables of one file and gathers everything that is wrong with them."""

    def __init__(self, path: Path, lines: _Lines, gazetteer: Gazetteer) -> None:
        self._path = path
        self._lines = lines
        self._gazetteer = gazetteer
        self.faults: list[tuple[int, str]] = []

    def read(self, table: Mapping[str, object]) -> Partners:
        for name in sorted(set(table) - {"partner", "key"}):
            line = self._lines.find("", 0, name)
            self.faults.append((line, f"unknown key {name!r}; the file holds [[partner]] and [[key]] tables"))
        by_id: dict[str, Partner] = {}
        by_caller: dict[str, Partner] = {}
        by_key: dict[str, Partner] = {}
        for row in self._rows(table, "partner", _KNOWN):
            partner = row.partner(self._path.parent, self._gazetteer)
            if partner is None:
                continue
            if partner.id in by_id:
                row.fault("id", f"{partner.id!r} is there twice")
            by_id[partner.id] = partner
            for caller in partner.callers:
                owner = by_caller.setdefault(caller.casefold(), partner)
                if owner.id != partner.id:
                    row.fault("callers", f"{caller!r} also belongs to {owner.id}", caller)
        for row in self._rows(table, "key", ("partner", "name", "sha256")):
            digest, owner_id = (
                row.text("sha256", "the hash that widget-server partners key prints"),
                row.text("partner"),
            )
            row.text("name", required=False)
            if digest and not _SHA256.fullmatch(digest):
                row.fault("sha256", "not 64 hexadecimal digits; widget-server partners key makes one")
            elif digest in by_key:
                row.fault("sha256", "this key is there twice")
            elif digest and owner_id and owner_id not in by_id:
                row.fault("partner", f"no partner has the id {owner_id!r}")
            elif digest and owner_id:
                by_key[digest] = by_id[owner_id]
        return Partners(by_id=by_id, by_caller=by_caller, by_key=by_key)

    def _rows(self, table: Mapping[str, object], name: str, known: tuple[str, ...]) -> Iterable["_Row"]:
        rows = table.get(name, [])
        if not isinstance(rows, list):
            self.faults.append((self._lines.find(name, 0), f"write [[{name}]], with two brackets"))
            return
        for number, row in enumerate(rows, start=1):
            if isinstance(row, dict):
                found = _Row(row, name, number, self._lines, self.faults)
                found.only(known)
                yield found
            else:
                self.faults.append((self._lines.find(name, number), f"{name} {number} is not a table"))


class _Row:
    """One table of the file, read key by key; what is wrong is noted with its line, and reading goes on."""

    def __init__(
        self, row: Mapping[str, object], table: str, number: int, lines: _Lines, faults: list[tuple[int, str]]
    ) -> None:
        self._row = row
        self._table, self._number = table, number
        self._lines = lines
        self._faults = faults
        self._who = f"{table} {row.get('id') or row.get('partner') or number}"

    def fault(self, key: str, told: str, value: object = None) -> None:
        line = self._lines.find(self._table, self._number, key, value)
        self._faults.append((line, f"{self._who}: {key}: {told}"))

    def only(self, known: tuple[str, ...]) -> None:
        for key in self._row:
            if key not in known:
                self.fault(key, f"unknown key; known: {', '.join(known)}")

    def text(self, key: str, example: str = "", *, required: bool = True, longest: int = 200) -> str:
        value = self._row.get(key)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or not value.strip():
            self.fault(key, "a text is missing" + (f": {example}" if example else ""))
            return ""
        if len(value) > longest or any(char < " " for char in value):
            self.fault(key, f"at most {longest} characters, on one line")
            return ""
        return value.strip()

    def texts(self, key: str, allowed: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self._row.get(key, [])
        if not isinstance(value, list):
            self.fault(key, "not a list; write it between [ and ]")
            return ()
        kept: list[str] = []
        for item in value:
            if not isinstance(item, str) or not item.strip():
                self.fault(key, f"{item!r} is not a text")
            elif allowed and item not in allowed:
                self.fault(key, f"{item!r} is none of {', '.join(allowed)}", item)
            else:
                kept.append(item.strip())
        return tuple(dict.fromkeys(kept))

    def partner(self, folder: Path, gazetteer: Gazetteer) -> Partner | None:
        before = len(self._faults)
        partner_id = self.text("id", "3 to 40 of a-z, 0-9 and -")
        if partner_id and not PARTNER_ID.fullmatch(partner_id):
            self.fault("id", f"{partner_id!r} is not 3 to 40 of a-z, 0-9 and -")
        listed = self.texts("kinds", KINDS)
        kinds = tuple(kind for kind in KINDS if kind in listed) or KINDS
        found = Partner(
            id=partner_id,
            name=self.text("name", "what candidates read"),
            origins=self._origins(),
            callers=self.texts("callers"),
            terms=Terms(
                defaults=self._defaults(gazetteer, kinds),
                lock=self.texts("lock", BY_NAME["lock"].choices),
                kinds=kinds,
            ),
            contact=self._contact(),
            logo=self._logo(folder),
            quota_per_minute=self._quota(),
        )
        return found if len(self._faults) == before else None

    def _origins(self) -> tuple[str, ...]:
        origins = self.texts("origins")
        test = self._row.get("test", False)
        if not isinstance(test, bool):
            self.fault("test", "true or false")
        if not origins and isinstance(self._row.get("origins", []), list):
            self.fault("origins", 'at least one is needed, for example ["https://www.site.fr"]')
        for origin in origins:
            told = refuse_pattern(origin, test=test is True)
            if told is not None:
                self.fault("origins", f"{origin!r}: {told}", origin)
        return origins

    def _defaults(self, gazetteer: Gazetteer, kinds: tuple[str, ...]) -> dict[str, str]:
        """Defaults, theme and title, checked by the parser that reads the same names in a query."""
        asked: dict[str, tuple[str, str]] = {}
        for key, known in (("defaults", DEFAULTS), ("theme", THEME)):
            table = self._row.get(key, {})
            if not isinstance(table, dict):
                self.fault(key, "not a table; write { name = value }")
                continue
            for name, value in table.items():
                if name not in known:
                    self.fault(f"{key}.{name}", f"unknown; known: {', '.join(known)}")
                elif isinstance(value, bool | dict) or value == "" or value == []:
                    self.fault(f"{key}.{name}", f"{value!r} is not a value, for example {BY_NAME[name].example}")
                else:
                    told = ",".join(map(str, value)) if isinstance(value, list) else str(value)
                    asked[name] = (f"{key}.{name}", told)
        title = self.text("title", required=False, longest=BY_NAME["title"].max_length or 80)
        if title:
            asked["title"] = ("title", title)
        parsed = parse([(name, value) for name, (_, value) in asked.items()], gazetteer, Terms(kinds=kinds))
        for problem in parsed.problems:
            if problem.refused and problem.code not in _MISSING_CODES:
                where = asked.get(problem.param, (problem.param, ""))[0]
                self.fault(where, f"{problem.value!r} ({problem.code}): {problem.hint}")
        return {name: value.casefold().lstrip("#") if name == "accent" else value for name, (_, value) in asked.items()}

    def _contact(self) -> Contact | None:
        table = self._row.get("contact")
        if table is None:
            return None
        if not isinstance(table, dict) or set(table) != {"label", "url"}:
            self.fault("contact", 'write { label = "…", url = "https://…" }')
            return None
        label, url = table["label"], table["url"]
        if not isinstance(label, str) or not label.strip() or len(label) > 80:
            self.fault("contact.label", "1 to 80 characters that say whom candidates reach")
        if not isinstance(url, str) or not _CONTACT.fullmatch(url):
            self.fault("contact.url", f"{url!r} is neither https://…, mailto:… nor tel:…")
        return Contact(label=str(label).strip(), url=str(url))

    def _logo(self, folder: Path) -> Logo | None:
        name = self.text("logo", required=False)
        if not name:
            return None
        if not re.fullmatch(r"logos/[\w.-]+", name) or ".." in name:
            self.fault(
                "logo", f"{name!r} is not a file of the folder logos beside this one, for example logos/site.png"
            )
            return None
        try:
            return read_logo(folder / name)
        except OSError as error:
            self.fault("logo", f"{name} cannot be read: {error.strerror}")
        except LogoRefused as error:
            self.fault("logo", f"{name}: {error}")
        return None

    def _quota(self) -> int:
        value = self._row.get("quota_per_minute", QUOTA_PER_MINUTE)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
            self.fault("quota_per_minute", f"{value!r} is not a whole number from 1 to 1000000")
            return QUOTA_PER_MINUTE
        return value
