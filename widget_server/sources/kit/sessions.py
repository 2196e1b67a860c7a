"""When a training runs, whichever catalogue says so: its sessions, the years that still matter, its length."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from urllib.parse import quote

from widget_server.domain.cards import Duration
from widget_server.sources.kit.source import PARIS, instant
from widget_server.sources.kit.text import kebab

_PAGE: Final = "https://labonnealternance.apprentissage.beta.gouv.fr/formation/{key}/{title}"
_DAYS_A_MONTH: Final = 365.25 / 12
_NEW_SCHOOL_YEAR: Final = 9


@dataclass(frozen=True, kw_only=True)
class Session:
    """When a training runs; `open_entry` means that one may join at any time."""

    start: date
    end: date | None = None
    open_entry: bool = False

    def __str__(self) -> str:
        """ "Du 01/09/2026 au 30/06/2027"."""
        dates = f"Du {self.start:%d/%m/%Y}" + (f" au {self.end:%d/%m/%Y}" if self.end else "")
        return dates + (", entrées et sorties permanentes" if self.open_entry else "")


def current_tags(now: datetime) -> tuple[str, ...]:
    """The years in which a session that still matters starts: this year and the next, and the one beside them."""
    today = now.astimezone(PARIS)
    beside = today.year - 1 if today.month < _NEW_SCHOOL_YEAR else today.year + 2
    return tuple(str(year) for year in (today.year, today.year + 1, beside))


def next_session(sessions: Sequence[Session], now: datetime) -> Session | None:
    """The first that has not begun; the sessions are in order."""
    today = now.astimezone(PARIS).date()
    return next((each for each in sessions if each.start >= today), None)


def duration_of(session: Session | None, years: int | None) -> Duration | None:
    """The length of a session, else so many years."""
    if session and session.end and session.end > session.start:
        return Duration(months=max(1, round((session.end - session.start).days / _DAYS_A_MONTH)))
    return Duration(months=12 * years) if years else None


def day_of(told: str | None) -> date | None:
    """The day in France: catalogues write midnight of Paris or of Greenwich."""
    moment = instant(told)
    return moment.astimezone(PARIS).date() if moment else None


def page_of(key: str, title: str) -> str:
    """The public page of a training; the "#" of its key must be encoded."""
    return _PAGE.format(key=quote(key, safe=""), title=kebab(title))


def address_of(street: str | None, more: str | None, postcode: str | None, city: str | None) -> str | None:
    """One line, without holes."""
    parts = [street, more, " ".join(part for part in (postcode, city) if part)]
    return ", ".join(part.strip() for part in parts if part and part.strip()) or None
