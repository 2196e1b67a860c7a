"""A card is one line of the list; a kind is an open value declared by the source that brings it."""

from typing import Final, Literal

import msgspec

Precision = Literal["address", "commune", "departement", "region", "country"]
"""How exactly a card is placed; only the first two have coordinates, so only they can have a distance."""

LOCATED: Final[tuple[Precision, ...]] = ("address", "commune")
CONTRACTS: Final = ("apprentissage", "professionnalisation")
"""The two contracts of an alternance; `contract` of a card holds those that its source names."""
LEVELS: Final = (3, 4, 5, 6, 7)
"""Diploma levels: 3 CAP, 4 bac, 5 bac+2, 6 bac+3 and +4, 7 bac+5."""


class Organisation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The school of a training, the employer of an offer, the company of a recruiter."""

    name: str | None = None
    siret: str | None = None
    sector: str | None = None
    headcount: str | None = None


class CardPlace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where it is. `label` is what a visitor reads; coordinates are WGS84 degrees with 5 decimals."""

    label: str
    precision: Precision
    insee: str | None = None
    postcode: str | None = None
    departement: str | None = None
    region: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class Duration(msgspec.Struct, frozen=True, kw_only=True):
    """How long a contract or a training lasts."""

    months: int


class SourceName(msgspec.Struct, frozen=True, kw_only=True):
    """Which of our sources brought the card, and under which name visitors know it."""

    name: str
    label: str


class AlsoOn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Another card that says the same and was merged into this one; it stays reachable."""

    id: str
    kind: str
    label: str
    url: str | None = None


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a recruiter is proposed: a code published with the score, and its sentence."""

    code: str
    text: str


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the list, as its source knows it.

    `level` is the level aimed at for a training and the level asked for in an offer. Dates are ISO 8601 days.
    `bands` are those of single occupations, where a source tells them apart; `score_band` is then of the asked one.
    What depends on the search (distance, merged duplicates, such a band) is added by the listing.
    """

    id: str
    kind: str
    title: str
    organisation: Organisation
    place: CardPlace
    romes: tuple[str, ...]
    source: SourceName
    reasons: tuple[Reason, ...]
    level: int | None = None
    diploma: str | None = None
    contract: tuple[str, ...] = ()
    duration: Duration | None = None
    starts_on: str | None = None
    published_on: str | None = None
    updated_on: str | None = None
    remote: bool = False
    flags: tuple[str, ...] = ()
    url: str | None = None
    apply_url: str | None = None
    score_band: str | None = None
    bands: dict[str, str] = {}
    estimated: str | None = None
    optout_url: str | None = None


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that the source says of a card, for the detail page: plain text, a list, or cleaned HTML."""

    name: str
    label: str
    text: str | None = None
    items: tuple[str, ...] = ()
    html: str | None = None
    url: str | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a source hands over: a card, everything else it knows, and what the listing compares.

    score      0-255, higher first; its meaning is declared by the source
    scores     another score for some of its occupations
    newest     ISO 8601 instant; among equals the newest comes first
    twin       two entries of one source with the same twin say the same thing; "" = unique
    preferred  among twins the highest stays
    partner    who published it, where a source brings the adverts of several: those of different partners are compared
               by likeness (domain/duplicates.py); "" = not compared
    flagged    the rules of hygiene that kept it with a remark
    street     the street of its place, as far as the source says it: what may be geocoded; "" = unknown
    """

    card: Card
    facts: tuple[Fact, ...] = ()
    score: int = 0
    scores: dict[str, int] = {}
    newest: str = ""
    twin: str = ""
    preferred: int = 0
    partner: str = ""
    flagged: tuple[str, ...] = ()
    street: str = ""


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """A row that did not become a card: a stable reason code, where it stands, and what it looked like."""

    reason: str
    id: str
    detail: str


class PublicRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of hygiene as the public page states it.

    id      the reason under which rejections and flags are counted in the manifest
    field   what it looks at; "" for what every row needs
    action  "reject", "flag" or "off"
    active  False when it is switched off, or asleep because its list is missing
    """

    id: str
    why: str
    field: str
    action: str
    active: bool


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """What a source says of itself; it travels in the manifest, so that the web side needs no source code.

    parents_only        the source knows parent ROME codes only
    banded              the scores are levels of domain/spreading.py, which say the band of an occupation
    level_role          "target" (aimed at), "required" (asked for) or "" (no level)
    attribution         the sentence its licence asks for; {date} is the day of the data
    rules               what was left out or remarked on in this version, as the operator had set it
    """

    name: str
    kind: str
    label: str
    home_url: str
    attribution: str
    licence_url: str | None = None
    method: str = ""
    parents_only: bool = False
    banded: bool = False
    level_role: str = ""
    rules: tuple[PublicRule, ...] = ()
