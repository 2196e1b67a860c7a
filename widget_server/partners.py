"""`widget-server partners`: look after the registry of the sites that may frame the widget.

The file stays the operator's own: commands append to it, and never rewrite what is there.
"""

import json
import os
import re
import secrets
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from widget_server.domain.errors import SettingError
from widget_server.domain.query import Gazetteer
from widget_server.reference.gazetteer import ReferenceGazetteer
from widget_server.reference.occupations import Occupations
from widget_server.reference.places import Places
from widget_server.reference.tables import Tables
from widget_server.settings import Settings
from widget_server.snapshot.visits import KEPT_DAYS, WHATS, VisitStore
from widget_server.web.partners import Partners, hash_key
from widget_server.web.registry import RegistryRefused, read_partners

LEAST_SHOWN: Final = 10
_KEY_MARK: Final = "alt_"
"""So that a scanner of secrets, and whoever finds one, knows what it is."""


@click.group()
def partners() -> None:
    """The sites that may frame the widget: PARTNERS_FILE. Running servers take a change within a second."""


@partners.command("list")
@click.pass_obj
def list_partners(settings: Settings) -> None:
    """Every partner with its origins and what it settled."""
    for partner in _read(settings).by_id.values():
        told = [f"{name}={value}" for name, value in partner.terms.defaults.items()]
        told += [f"lock {', '.join(partner.terms.lock)}"] if partner.terms.lock else []
        told += [f"logo {partner.logo.width_px}×{partner.logo.height_px}"] if partner.logo else []
        click.echo(f"{partner.id}  {partner.name}")
        click.echo(f"    {' '.join(partner.origins)}")
        if told:
            click.echo(f"    {'; '.join(told)}")


@partners.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.pass_obj
def check(settings: Settings, file: Path | None) -> None:
    """Read PARTNERS_FILE, or another file, and name every problem with its line. Exit code 1 when there is one."""
    path = file or _path(settings)
    try:
        found = read_partners(path, _gazetteer(settings))
    except RegistryRefused as error:
        for fault in error.faults:
            click.echo(f"{path}: {fault}")
        raise SystemExit(1) from error
    keys = len(found.by_key)
    click.echo(f"{path}: {len(found.by_id)} partners, {keys} API keys; version {found.version}")


@partners.command("add")
@click.argument("partner_id")
@click.argument("origins", nargs=-1, required=True)
@click.option("--name", required=True, help="What candidates read.")
@click.option("--key", "with_key", is_flag=True, help="Make an API key too; it is shown this once.")
@click.pass_obj
def add(settings: Settings, partner_id: str, origins: tuple[str, ...], name: str, with_key: bool) -> None:
    """Add PARTNER_ID with the ORIGINS of its pages, for example https://www.site.fr."""
    rows = ["[[partner]]", f"id = {_text(partner_id)}", f"name = {_text(name)}"]
    rows.append(f"origins = [{', '.join(map(_text, origins))}]")
    _append(settings, "\n".join(rows))
    click.echo(f"{partner_id} may frame the widget on {' '.join(origins)}")
    if with_key:
        _add_key(settings, partner_id, "")


@partners.command("key")
@click.argument("partner_id")
@click.option("--name", default="", help="Where the key is used.")
@click.pass_obj
def key(settings: Settings, partner_id: str, name: str) -> None:
    """Make an API key for calls from PARTNER_ID's servers. It is shown this once; the file keeps its hash."""
    _add_key(settings, partner_id, name)


@partners.command("stats")
@click.option("--days", type=click.IntRange(1, KEPT_DAYS), default=30, show_default=True, help="Today and before.")
@click.option("--json", "as_json", is_flag=True, help="For machines; a hidden number is null.")
@click.pass_obj
def stats(settings: Settings, days: int, as_json: bool) -> None:
    """How often each partner's lists and cards were asked for, by day of UTC. A number below 10 is hidden.

    Servers write what they counted every ten seconds; what a cache in front of them answered they do not see.
    """
    first = datetime.now(UTC).date() - timedelta(days=days - 1)
    try:
        found = VisitStore(settings.data_path()).since(first)
    except sqlite3.Error as error:
        raise click.ClickException(f"{VisitStore(settings.data_path()).path}: {error}") from error
    rows = [(day, partner, [_shown(counts.get(what, 0)) for what in WHATS]) for (day, partner), counts in found.items()]
    if as_json:
        told = [
            {"day": day, "partner": partner} | dict(zip(WHATS, counts, strict=True)) for day, partner, counts in rows
        ]
        click.echo(json.dumps(told))
        return
    if not rows:
        click.echo(f"nothing was counted since {first}" + ("" if settings.visits == "on" else ": VISITS is off"))
        return
    wide = max(len(partner) for _, partner, _ in rows)
    click.echo(f"{'day':10}  {'partner':{wide}}" + "".join(f"{what:>9}" for what in WHATS))
    for day, partner, counts in rows:
        cells = "".join(f"{f'<{LEAST_SHOWN}' if n is None else n:>9}" for n in counts)
        click.echo(f"{day:10}  {partner:{wide}}{cells}")


def _shown(count: int) -> int | None:
    """A small number could be one person's visits: it is not told."""
    return count if count == 0 or count >= LEAST_SHOWN else None


def _add_key(settings: Settings, partner_id: str, name: str) -> None:
    made = _KEY_MARK + secrets.token_urlsafe(32)
    rows = ["[[key]]", f"partner = {_text(partner_id)}"]
    rows += [f"name = {_text(name)}"] if name else []
    _append(settings, "\n".join([*rows, f"sha256 = {_text(hash_key(made))}"]))
    click.echo("The key, which is shown this once; it is sent as  Authorization: Bearer KEY", err=True)
    click.echo(made)


def _append(settings: Settings, table: str) -> None:
    """Add a table at the end of the file, unless the file would then be refused."""
    path = _path(settings)
    before = path.read_text("utf-8") if path.exists() else ""
    text = f"{before.rstrip()}\n\n{table}\n" if before.strip() else f"{table}\n"
    # Beside the file, so that logos are found, and a crash leaves the old one whole.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, "utf-8")
        if path.exists():
            draft.chmod(path.stat().st_mode & 0o777)
        read_partners(draft, _gazetteer(settings))
        draft.replace(path)
    except RegistryRefused as error:
        raise click.ClickException(f"{path} stays as it is:\n" + "\n".join(error.faults)) from error
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _text(value: str) -> str:
    """A TOML basic string. JSON escapes the same way, but for what no name needs."""
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise click.BadParameter(f"{value!r} has a control character")
    return json.dumps(value, ensure_ascii=False)


def _path(settings: Settings) -> Path:
    if not settings.partners_file:
        raise click.ClickException("PARTNERS_FILE is not set: for example PARTNERS_FILE=partners.toml")
    return Path(settings.partners_file)


def _read(settings: Settings) -> Partners:
    try:
        return read_partners(_path(settings), _gazetteer(settings))
    except SettingError as error:
        raise click.ClickException(str(error)) from error


def _gazetteer(settings: Settings) -> Gazetteer:
    tables = Tables(settings.reference_path())
    return ReferenceGazetteer(Places.load(tables), Occupations.load(tables))
