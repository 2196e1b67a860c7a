"""Every setting of the product: one table, read once from the environment and an optional TOML file.

The environment wins over the file, the file over the default. A name in the environment is the field in capitals.
"""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Final, get_type_hints
from urllib.parse import urlsplit

from widget_server.domain.errors import SettingError

DAY_S: Final = 86_400

_KINDS: Final = ("training", "offer", "recruiter")
_ADDRESSES: Final = frozenset(
    {
        "france_travail_url", "france_travail_token_url", "carif_oref_url", "api_apprentissage_url", "labonneboite_url",
        "geocoding_url", "geo_api_url", "rome_url", "rncp_url",
    }
)  # fmt: skip
"""The upstreams: http(s), and without a password, because addresses are written to logs."""
_ABOVE_0: Final = re.compile(
    r".*_rate_per_s|.*_exports_per_minute|.*_late_after_s|.*_withheld_after_s|patience_s|attempts|sync_deadline_s"
    r"|largest_file_mb|keep_versions|workers|look_again_s|labonneboite_most"
)
"""Numbers of which 0 means nothing; none may be negative."""
_PASSWORD: Final = re.compile(r"//[^/?#@\s]*@")
_SIGNATURE: Final = re.compile(
    r"([?&][^=&#]*(?:sig|token|key|secret|password|credential)[^=&#]*=)[^&#]*", re.IGNORECASE
)
_HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    """The operator's choices. Durations in seconds (`_s`), rates in calls per second (`_per_s`)."""

    widget_host: Annotated[str, "Address the server listens on."] = "127.0.0.1"
    widget_port: Annotated[int, "Port of the widget server."] = 8710
    examples_port: Annotated[int, "Port of the example partner pages (demo only)."] = 8711
    sandbox_port: Annotated[int, "Port of the sandbox that stands in for the upstreams (demo only)."] = 8712
    public_url: Annotated[str, "How browsers reach the server, e.g. https://widget.example; empty: host and port."] = ""
    tile_url: Annotated[
        str,
        "Map tiles with {z}, {x} and {y}, loaded when a visitor asks for the map; empty: a plan without tiles.",
    ] = (
        "https://data.geopf.fr/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=GEOGRAPHICALGRIDSYSTEMS.PLANIGNV2"
        "&STYLE=normal&FORMAT=image/png&TILEMATRIXSET=PM&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}"
    )
    tile_credit: Annotated[str, "Whose map it is, as it is shown on it."] = "© IGN"
    data_dir: Annotated[str, "Folder of the snapshots."] = "data"
    reference_dir: Annotated[str, "Folder of the refreshed reference tables; empty: DATA_DIR/reference."] = ""
    partners_file: Annotated[str, "TOML file of the partners that may frame the widget; empty: nobody may."] = ""
    quota_per_minute: Annotated[
        int,
        "Calls per minute of one address for one partner, in each worker; 0: no limit. This machine is not counted.",
    ] = 600
    workers: Annotated[int, "Server processes; as many as cores."] = 1
    cache_mb: Annotated[int, "What each server process may keep of finished answers, in MB."] = 64
    cache_url: Annotated[
        str, "Redis or Valkey that processes share as a second tier, redis://host:port/0; empty: none."
    ] = ""
    look_again_s: Annotated[float, "How often each server process looks for newer snapshots."] = 1.0
    keep_versions: Annotated[int, "Versions of each snapshot kept on disk."] = 3
    sources: Annotated[str, "Sources that are synced and shown, in the order of the list, as name:kind."] = (
        "trainings:training,offers:offer,recruiters:recruiter"
    )

    offers_late_after_s: Annotated[int, "Offers older than this are shown as late."] = DAY_S
    offers_withheld_after_s: Annotated[int, "Offers older than this are no longer shown (licence)."] = 2 * DAY_S
    trainings_late_after_s: Annotated[int, "Trainings older than this are shown as late."] = 3 * DAY_S
    trainings_withheld_after_s: Annotated[int, "Trainings older than this are no longer shown."] = 30 * DAY_S
    recruiters_late_after_s: Annotated[int, "Recruiters older than this are shown as late."] = 45 * DAY_S
    recruiters_withheld_after_s: Annotated[int, "Recruiters older than this are no longer shown."] = 90 * DAY_S

    offers_schedule: Annotated[str, "Full syncs of the offers, cron, Paris time; the licence asks for 24 h."] = (
        "0 3,15 * * *"
    )
    offers_increment_schedule: Annotated[str, "Increments of the offers, cron; empty: none."] = "*/15 * * * *"
    trainings_schedule: Annotated[str, "Syncs of the trainings, cron, Paris time."] = "30 2 * * *"
    recruiters_schedule: Annotated[
        str, "Syncs of the recruiters, cron, Paris time; each reads the newest release and spreads the load anew."
    ] = "0 5 * * *"
    schedule_jitter_s: Annotated[float, "Up to so many seconds are added to each scheduled sync."] = 120.0
    offers_least: Annotated[int, "Fewer offers than this are not published (rule few)."] = 100
    trainings_least: Annotated[int, "Fewer trainings than this are not published (rule few)."] = 100
    recruiters_least: Annotated[int, "Fewer recruiters than this are not published (rule few)."] = 100

    france_travail_url: Annotated[str, "Base of the offers API."] = "https://api.francetravail.io"
    france_travail_token_url: Annotated[str, "Where the access token comes from."] = (
        "https://entreprise.francetravail.fr/connexion/oauth2/access_token?realm=%2Fpartenaire"
    )
    france_travail_client_id: Annotated[str, "Your France Travail application (PAR_...)."] = ""
    france_travail_client_secret: Annotated[str, "Its secret."] = ""
    france_travail_scope: Annotated[str, "Scopes asked with the token."] = "api_offresdemploiv2 o2dsoffre"
    france_travail_rate_per_s: Annotated[float, "Calls per second; the upstream allows 10 for one application."] = 4.0
    carif_oref_url: Annotated[str, "Base of the trainings catalogue."] = (
        "https://catalogue-apprentissage.intercariforef.org"
    )
    carif_oref_rate_per_s: Annotated[float, "Calls per second to the trainings catalogue."] = 5.0
    api_apprentissage_url: Annotated[str, "Base of API Apprentissage (offers-aa, trainings-aa, recruiters-aa)."] = (
        "https://api.apprentissage.beta.gouv.fr/api"
    )
    api_apprentissage_key: Annotated[str, "Your key of API Apprentissage."] = ""
    api_apprentissage_rate_per_s: Annotated[float, "Calls per second for its trainings."] = 2.0
    api_apprentissage_exports_per_minute: Annotated[
        float, "Calls per minute for its export; it allows 2 for a key."
    ] = 2.0
    labonneboite_url: Annotated[str, "Base of La Bonne Boîte (recruiters-lbb)."] = "https://api.francetravail.io"
    labonneboite_scope: Annotated[str, "Scopes asked with its token; the application is FRANCE_TRAVAIL_CLIENT_ID."] = (
        "api_labonneboitev2 search office"
    )
    labonneboite_rate_per_s: Annotated[float, "Calls per second to La Bonne Boîte; it allows 2."] = 2.0
    labonneboite_romes: Annotated[
        str, "ROME codes read from La Bonne Boîte, e.g. D1102,G1602; each takes a call or more for each département."
    ] = ""
    labonneboite_departements: Annotated[str, "Départements read from it, e.g. 35,22,2A; empty: all 101."] = ""
    labonneboite_most: Annotated[int, "The best companies read of each ROME code and département; 100 take a call."] = (
        200
    )
    geocoding_url: Annotated[
        str, "Base of the Géoplateforme, https://data.geopf.fr/geocodage, to place addresses at sync; empty: not used."
    ] = ""
    geocoding_rate_per_s: Annotated[float, "Calls per second to the Géoplateforme; it allows 50."] = 40.0
    geo_api_url: Annotated[str, "Base of the geo API, for reference refresh."] = "https://geo.api.gouv.fr"
    rome_url: Annotated[str, "The zip of ROME, for reference refresh."] = (
        "https://api.francetravail.fr/api-nomenclatureemploi/v1/open-data/csv"
    )
    rncp_url: Annotated[str, "The data set of the RNCP, for reference refresh; its newest zip is read."] = (
        "https://www.data.gouv.fr/api/1/datasets/"
        "repertoire-national-des-certifications-professionnelles-et-repertoire-specifique"
    )
    recruiters_url: Annotated[
        str,
        "Predicted recruiters: an http(s) address or a path; .json, .ndjson, .gz. Empty: the forecast's own release,"
        " DATA_DIR/forecast/releases/current/recruiters.ndjson.gz.",
    ] = ""
    recruiters_spreading: Annotated[
        float, "How fast a company that is shown often steps back in its band (beta); 0: never."
    ] = 0.1
    recruiters_exploration: Annotated[
        float,
        "Share of the places of first pages that go to estimated recruiters from farther down, drawn by day and grid"
        " cell, so that the forecast does not learn from itself alone; from 0 (none) to 0.2.",
    ] = 0.03
    recruiters_optout_url: Annotated[str, "Page where a company asks not to be proposed any more; empty: no link."] = ""
    impressions: Annotated[
        str, "Count how often each company is shown, by SIRET and day, without anything of a visitor: on or off."
    ] = "on"
    visits: Annotated[
        str, "Count how often each partner's lists are asked for, by day, without anything of a visitor: on or off."
    ] = "on"
    forecast_withheld_naf: Annotated[
        str, "NAF codes, or their beginnings, that the forecast learns from and does not publish, with commas."
    ] = "78.20Z,85"
    forecast_canaries_file: Annotated[
        str, 'TOML file of SIRET that every release shows and that none shows: present = ["..."], absent = ["..."].'
    ] = ""
    forecast_keep_runs: Annotated[int, "Inputs, models and scores of the forecast kept, rejected rows with them."] = 3
    hygiene: Annotated[str, "Rules of hygiene that act otherwise, as rule:reject|flag|off, with commas."] = ""
    least_text: Annotated[int, "A description with fewer characters says too little (rule text_short)."] = 40
    hidden_romes: Annotated[str, "ROME codes of which no offer and no recruiter is shown, with commas."] = ""
    school_names_file: Annotated[str, "File of names of schools that pose as employers, one on each line."] = ""
    geiq_file: Annotated[str, "File of the SIRET of groups of employers (GEIQ), which are not treated as schools."] = ""
    closed_file: Annotated[str, "File of the SIRET of closed establishments; they are not shown."] = ""
    optout_file: Annotated[str, "File of hashed SIRET and SIREN of companies that asked not to be shown."] = ""
    optout_secret: Annotated[str, "The salt of OPTOUT_FILE; keep it, the hashes are useless without it."] = ""
    patience_s: Annotated[float, "How long one call to an upstream may stay silent."] = 30.0
    attempts: Annotated[int, "How often one call to an upstream is tried."] = 5
    sync_deadline_s: Annotated[float, "How long the sync of one source may read before it is given up."] = 7200.0
    largest_file_mb: Annotated[int, "An upstream's file larger than this, decompressed, is refused."] = 4096

    def __repr__(self) -> str:
        """What differs from the defaults, without secrets: a trace or a log may hold it."""
        told = [
            f"{row.name}={'(secret)' if is_secret(row.name) else repr(_without_password(getattr(self, row.name)))}"
            for row in fields(self)
            if getattr(self, row.name) != row.default
        ]
        return f"Settings({', '.join(told)})"

    def base_url(self) -> str:
        """How browsers reach the server, without a trailing slash."""
        return self.public_url.rstrip("/") or f"http://{self.widget_host}:{self.widget_port}"

    def data_path(self) -> Path:
        """The folder of the snapshots."""
        return Path(self.data_dir)

    def reference_path(self) -> Path:
        """The folder of the refreshed reference tables."""
        return Path(self.reference_dir) if self.reference_dir else self.data_path() / "reference"

    def expected_sources(self) -> tuple[tuple[str, str], ...]:
        """(name, kind) of each expected source, in the order of the list."""
        pairs: list[tuple[str, str]] = []
        for item in self.sources.split(","):
            name, colon, kind = item.strip().partition(":")
            if not (name and colon and kind):
                raise SettingError(f'SOURCES: "{item}" is not name:kind; for example "offers:offer"')
            if kind not in _KINDS:
                raise SettingError(
                    f'SOURCES: "{item}" has no kind out of {", ".join(_KINDS)}; for example "offers:offer"'
                )
            if name in dict(pairs):
                raise SettingError(f'SOURCES: "{name}" is named twice')
            pairs.append((name, kind))
        return tuple(pairs)

    def late_after_s(self, kind: str) -> int:
        """Age in seconds from which the cards of a kind are late."""
        return self._age(kind, "late_after_s")

    def withheld_after_s(self, kind: str) -> int:
        """Age in seconds from which the cards of a kind are no longer shown."""
        return self._age(kind, "withheld_after_s")

    def schedule(self, kind: str) -> str:
        """When the cards of a kind are synced: five cron fields."""
        return str(getattr(self, f"{kind}s_schedule", "30 4 * * *"))

    def increment_schedule(self, kind: str) -> str:
        """When only what is new of a kind is synced; "" for never."""
        return str(getattr(self, f"{kind}s_increment_schedule", ""))

    def least(self, kind: str) -> int:
        """How many cards of a kind a new version must have."""
        value = getattr(self, f"{kind}s_least", None)
        return value if isinstance(value, int) else 1

    def _age(self, kind: str, what: str) -> int:
        value = getattr(self, f"{kind}s_{what}", None)
        return value if isinstance(value, int) else 7 * DAY_S


def read_settings(environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """Settings from the environment and a TOML file; every problem is named in one `SettingError`."""
    told: dict[str, object] = {}
    if file is not None:
        try:
            told.update(tomllib.loads(file.read_text("utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingError(f"{file}: {error}") from error
    rows = {row.name: row for row in fields(Settings)}
    problems = [
        f'{name}: unknown setting in {file}; "widget-server settings" lists all' for name in told if name not in rows
    ]
    told.update({name: environment[name.upper()] for name in rows if name.upper() in environment})
    values: dict[str, object] = {}
    for name, value in told.items():
        if name not in rows:
            continue
        try:
            values[name] = _convert(value, rows[name].default)
        except ValueError:
            kind = _WORDS[type(rows[name].default)]
            shown = "its value" if is_secret(name) else repr(value)
            problems.append(f"{name.upper()}: {shown} is not {kind}, for example {rows[name].default!r}")
            continue
        if problem := _problem(name, values[name]):
            problems.append(
                f"{name.upper()}: {problem}, for example {rows[name].default or 'https://upstream.example'!r}"
            )
    if problems:
        raise SettingError("; ".join(problems))
    return Settings(**values)  # type: ignore[arg-type]  # converted to the type of each default above


_WORDS: Final[Mapping[type, str]] = {int: "a whole number", float: "a number", str: "a text"}

_INTRODUCTION: Final = """\
# Settings

Environment variables, or keys in lower case of a TOML file that is given with `--settings`. `widget-server settings`
prints the same with the values of your installation. Made by `make assets` from `widget_server/settings.py`.
"""


@dataclass(frozen=True, kw_only=True)
class SettingRow:
    """One setting for a human: its name in the environment, what it holds, and what it is for."""

    name: str
    value: str
    default: str
    help: str


def is_secret(name: str) -> bool:
    """Whether a setting's value must never be written anywhere."""
    return name.endswith(("_secret", "_key"))


def _without_password(value: object) -> object:
    """A value as it may be shown: an address without the password or the signature of who asks."""
    if not isinstance(value, str) or "://" not in value:
        return value
    return _SIGNATURE.sub(r"\1(secret)", _PASSWORD.sub("//(secret)@", value))


def describe(settings: Settings) -> list[SettingRow]:
    """Every setting with its help; secrets show only whether they are set."""
    hints = get_type_hints(Settings, include_extras=True)
    rows: list[SettingRow] = []
    for row in fields(Settings):
        value = str(_without_password(getattr(settings, row.name)))
        if is_secret(row.name) and value:
            value = "(set)"
        rows.append(
            SettingRow(
                name=row.name.upper(), value=value, default=str(row.default), help=hints[row.name].__metadata__[0]
            )
        )
    return rows


def as_markdown() -> str:
    """The table of docs/settings.md."""
    rows = [(f"`{row.name}`", f"`{row.default}`" if row.default else "", row.help) for row in describe(Settings())]
    told = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join([_INTRODUCTION, "| setting | default | what it is for |", "|---|---|---|", *told, ""])


def _problem(name: str, value: object) -> str:
    """What is wrong with a value of the right type; "" when nothing is."""
    if isinstance(value, str):
        return "is not an http(s) address without a password" if name in _ADDRESSES and not _is_address(value) else ""
    if not isinstance(value, int | float):
        return ""
    if not math.isfinite(value) or value < 0:
        return f"{value} is not a number from 0 upwards"
    if value == 0 and _ABOVE_0.fullmatch(name):
        return "must be more than 0"
    if name.endswith("_port") and value > _HIGHEST_PORT:
        return f"{value} is no port: they end at {_HIGHEST_PORT}"
    return ""


def _is_address(told: str) -> bool:
    if not told:
        return True  # an upstream that is not used
    try:
        parts = urlsplit(told)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and port != 0


def _convert(value: object, default: object) -> object:
    if isinstance(default, int):
        return int(str(value))
    if isinstance(default, float):
        return float(str(value))
    if not isinstance(value, str):
        raise ValueError
    return value
