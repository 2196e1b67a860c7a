"""Who may frame us and call us, and with which look and quota: partners, as `registry.py` reads them from a file."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

import msgspec

from widget_server.domain.query import BY_NAME, Problem, Terms
from widget_server.web.logos import Logo
from widget_server.web.origins import stands_for

PARTNER_ID: Final = re.compile(BY_NAME["partner"].pattern or "")
QUOTA_PER_MINUTE: Final = 3000
"""What the calls with a partner's API keys may be together, unless the registry says otherwise."""


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a candidate may ask when the list is empty."""

    label: str
    url: str


class Partner(msgspec.Struct, frozen=True, kw_only=True):
    """A site that embeds the widget. `origins` are exact, or begin with `*.` for every host under a domain."""

    id: str
    name: str
    origins: tuple[str, ...]
    callers: tuple[str, ...] = ()
    terms: Terms = msgspec.field(default_factory=Terms)
    contact: Contact | None = None
    logo: Logo | None = None
    quota_per_minute: int = QUOTA_PER_MINUTE

    def allows(self, origin: str) -> bool:
        """Whether a page of this exact origin may frame us."""
        return any(stands_for(pattern, origin) for pattern in self.origins)


class Introduction(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, the query that the parser reads, and what to say about the name that was given."""

    partner: Partner | None
    pairs: list[tuple[str, str]]
    problems: tuple[Problem, ...] = ()


class Partners(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One version of the registry; empty when there is no file. `version` changes when anything in it does."""

    by_id: Mapping[str, Partner] = msgspec.field(default_factory=dict)
    by_caller: Mapping[str, Partner] = msgspec.field(default_factory=dict)
    by_key: Mapping[str, Partner] = msgspec.field(default_factory=dict)
    version: str = "none"

    @cached_property
    def logos(self) -> Mapping[str, Logo]:
        """Every logo by the name that it has in our addresses."""
        return {partner.logo.name: partner.logo for partner in self.by_id.values() if partner.logo}

    def find(self, partner: str | None) -> Partner | None:
        """The partner of an id; None for an unknown or missing one."""
        return self.by_id.get(partner) if partner else None

    def find_key(self, key: str) -> Partner | None:
        """The partner of an API key. Only hashes are kept, so nothing here can be stolen to call us."""
        return self.by_key.get(hash_key(key))

    def introduce(self, pairs: Iterable[tuple[str, str]]) -> Introduction:
        """Find the partner of a query. Old links name it in `caller`, in words of their own: these become the id.

        A `caller` that nobody registered is dropped, and its value is told to nobody: it may be somebody's address.
        """
        rest: list[tuple[str, str]] = []
        said: list[Problem] = []
        partner: Partner | None = None
        for name, value in pairs:
            folded, word = name.lower(), value.strip()
            if folded not in ("partner", "caller") or not word:
                rest.append((name, value))
                continue
            found = self.find(word) or (self.by_caller.get(word.casefold()) if folded == "caller" else None)
            if found is not None:
                partner = partner or found
                rest.append(("partner", found.id))
            elif folded == "partner":
                rest.append((name, value))
                if PARTNER_ID.fullmatch(word):
                    said.append(_unknown("partner", word))
            else:
                said.append(_unknown("caller", ""))
        return Introduction(partner=partner, pairs=rest, problems=tuple(said))


def hash_key(key: str) -> str:
    """What the registry keeps of an API key. Keys hold 256 random bits: a plain hash of them cannot be turned back."""
    return hashlib.sha256(key.encode()).hexdigest()


def _unknown(param: str, value: str) -> Problem:
    hint = "Vérifiez l'identifiant, ou faites enregistrer votre site."
    return Problem(param=param, value=value, code="partner_unknown", hint=hint)
