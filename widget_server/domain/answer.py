"""What a search answers: the JSON of `/v1/cards` and the model of the page are this one structure."""

from typing import Literal

import msgspec

from widget_server.domain.cards import AlsoOn, Card

Status = Literal["ok", "late", "missing"]


class Occupation(msgspec.Struct, frozen=True, kw_only=True):
    """A ROME code with its label."""

    rome: str
    label: str


class ListedCard(Card, frozen=True, kw_only=True, omit_defaults=True):
    """A card as one search shows it.

    distance_km   from the centre, 0.1 km; None when the card has no point or the search has no centre
    also_on       other cards that say the same and were merged into this one
    occupation    the occupation that the card stands for: a recruiter known by a parent code, found for its child
    """

    distance_km: float | None
    also_on: tuple[AlsoOn, ...]
    occupation: Occupation | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Something the integrator or the visitor should know; `hint` is the remedy, in French."""

    code: str
    param: str
    value: str
    hint: str


class SourceState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one source is doing, now.

    status    ok; late: older than its threshold but shown; missing: no usable snapshot, or withheld for its age
    count     cards in its snapshot
    age_s     seconds since its last complete harvest; None when there is none
    as_of     that instant, ISO 8601
    problem   why its last sync failed, why its newest version is refused, or what its version lacks: what is shown may
              be older or fewer, never wrong
    """

    name: str
    kind: str
    label: str
    status: Status
    count: int
    age_s: int | None
    as_of: str | None
    attribution: str
    home_url: str | None = None
    licence_url: str | None = None
    level_role: str = ""
    demonstration: bool = False
    problem: str | None = None


class Apart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Cards that match but are not mixed into the list, counted under a label, with the query that lists them.

    reason    "unplaced": placed only at département or country level, so without a distance;
              "broader": filed under the parent of the asked occupation, which is `occupation`
    """

    kind: str
    reason: Literal["unplaced", "broader"]
    count: int
    label: str
    query: dict[str, str | int | float | list[str]] | None
    occupation: Occupation | None = None


class AnswerPlace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the search looked: a label, and the centre when there is one."""

    label: str
    latitude: float | None = None
    longitude: float | None = None
    radius_km: int | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One list.

    total, counts    true numbers after merging, even where the list is capped
    listed           how many cards can be paged through: at most 150 of each kind
    level_unknown    cards of each kind that a level filter kept although they state no level
    """

    query: dict[str, str | int | float | list[str]]
    place: AnswerPlace | None
    occupations: tuple[Occupation, ...]
    total: int
    counts: dict[str, int]
    listed: int
    capped: bool
    level_unknown: dict[str, int]
    page: int
    pages: int
    cards: tuple[ListedCard, ...]
    apart: tuple[Apart, ...]
    sources: tuple[SourceState, ...]
    notices: tuple[Notice, ...]
    attribution: tuple[str, ...]
    demonstration: bool
