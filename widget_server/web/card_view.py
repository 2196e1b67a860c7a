"""One card in words, for the list and for its own page. What a source does not say leaves no trace."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from widget_server.domain.answer import ListedCard, SourceState
from widget_server.domain.cards import AlsoOn
from widget_server.web import wording
from widget_server.web.composed import known, ours
from widget_server.web.document import Link
from widget_server.web.language import Language, Words
from widget_server.web.links import Urls, safe_url
from widget_server.web.plan import place_text, point_of

_TITLE_IN_LINKS: Final = 90
_MOST_REASONS: Final = 3


@dataclass(frozen=True, kw_only=True)
class CardView:
    """One card, in words. Absent fields are None or empty, and leave no trace on the page."""

    id: str
    kind: str
    tag: str
    demonstration: bool
    title: str
    named: str
    distance: str | None
    organisation: Words | None
    place: str
    lines: tuple[Words, ...]
    chips: tuple[str, ...]
    reasons: tuple[Words, ...]
    note: str | None
    source: Words
    also_on: tuple[Link, ...]
    twins: tuple[Link, ...]
    optout: str | None
    title_link: Link
    action: Link | None
    detail: str
    at: str | None


def card_views(
    t: Language, cards: Iterable[ListedCard], sources: Iterable[SourceState], urls: Urls, now: datetime
) -> list[CardView]:
    """The cards of the list; the first recruiter says what such a card is, the others only recall it."""
    shown = tuple(cards)
    by_name = {source.name: source for source in sources}
    first = next((card.id for card in shown if card.kind == "recruiter"), None)
    return [card_view(t, card, by_name.get(card.source.name), urls, now, explained=card.id == first) for card in shown]


def card_view(
    t: Language, card: ListedCard, source: SourceState | None, urls: Urls, now: datetime, *, explained: bool
) -> CardView:
    """One card; `explained`: what a predicted recruiter is is said in full."""
    words = wording.kind_words(card.kind)
    url, apply = safe_url(card.url), safe_url(card.apply_url)
    detail = urls.card(card.id)
    action = Link(label=t(words.apply), href=apply, new=True) if apply else None
    if action is None and url:
        action = Link(label=t(words.see), href=url, new=True)
    title = card.title.strip() or t(words.tag)
    return CardView(
        id=card.id,
        kind=card.kind,
        tag=t("Emploi + formation") if wording.SCHOOL_FLAG in card.flags else t(words.tag),
        demonstration=source is not None and source.demonstration,
        title=title,
        named=title if len(title) <= _TITLE_IN_LINKS else title[:_TITLE_IN_LINKS].rstrip() + "…",
        distance=wording.distance(t, card.distance_km, card.place),
        organisation=_organisation(t, card),
        place=wording.where(card.place),
        lines=tuple(_lines(t, card, source, now)),
        chips=tuple(t(wording.FLAGS[flag]) for flag in card.flags if flag in wording.FLAGS),
        reasons=tuple(ours(t, reason.text) for reason in card.reasons[:_MOST_REASONS]),
        note=_estimate(t, card, explained) if card.kind == "recruiter" else None,
        source=_freshness(t, card, source, now),
        also_on=tuple(_also_on(other, urls) for other in card.also_on if other.kind == card.kind),
        twins=tuple(_twin(t, other, urls) for other in card.also_on if other.kind != card.kind),
        optout=safe_url(card.optout_url),
        title_link=Link(label=title, href=url or detail, new=url is not None),
        action=action,
        detail=detail,
        at=place_text(point) if (point := point_of(card)) else None,
    )


def _organisation(t: Language, card: ListedCard) -> Words | None:
    name = card.organisation.name
    if name is None:
        return Words(t("Entreprise non communiquée")) if card.kind == "offer" else None
    # A recruiter's title is its name: once is enough.
    return None if name.casefold() == card.title.casefold() else Words(name, french=True)


def _lines(t: Language, card: ListedCard, source: SourceState | None, now: datetime) -> Iterable[Words]:
    """The short facts of a card, in the order in which a candidate decides."""
    if card.contract:
        names = [wording.CONTRACTS.get(name.casefold()) for name in card.contract]
        told = [t(name) if name else given for name, given in zip(names, card.contract, strict=True)]
        yield Words(wording.upper(wording.listed(t, told)))
    usual = {"training": "target", "offer": "required"}.get(card.kind, "")
    role = source.level_role if source and source.level_role else usual
    level = wording.level(t, card.level, card.diploma, role)
    if level:
        yield Words(level)
    if card.duration:
        yield Words(t.plural("{n} mois", "{n} mois", card.duration.months))
    starts = wording.day(t, card.starts_on, now)
    if starts:
        yield Words(t("Début : {day}", day=starts))
    if card.remote:
        yield Words(t("À distance"))
    if card.kind == "recruiter":
        if card.organisation.sector:
            yield Words(card.organisation.sector, french=True)
        if card.organisation.headcount:
            yield known(t, card.organisation.headcount)


def _estimate(t: Language, card: ListedCard, explained: bool) -> str:
    """What a predicted recruiter is, on every one of them, in full where asked; how strong, for which occupation."""
    said = [t(wording.ESTIMATE)]
    if explained:
        said.append(t(wording.EXPLANATION))
    band = wording.BANDS.get(card.score_band or "")
    if band:
        said.append(t(band))
    if card.occupation:
        said.append(t("Pour le métier plus large « {name} ».", name=card.occupation.label))
    return " ".join(said)


def _freshness(t: Language, card: ListedCard, source: SourceState | None, now: datetime) -> Words:
    label = card.source.label
    if card.estimated:
        # "Estimation, estimation du 3 novembre" would say it twice.
        told = ours(t, card.estimated)
        if card.estimated.casefold().startswith(label.casefold()):
            return told
        return Words(f"{label}, {told.text[:1].lower()}{told.text[1:]}", french=told.french)
    published, updated = wording.ago(t, card.published_on, now), wording.ago(t, card.updated_on, now)
    if published:
        return Words(t("{source}, publiée {ago}", source=label, ago=published))
    if updated:
        return Words(t("{source}, mise à jour {ago}", source=label, ago=updated))
    since = wording.ago(t, source.as_of, now) if source else None
    return Words(t("{source}, relevée {ago}", source=label, ago=since)) if since else Words(label, french=True)


def _also_on(other: AlsoOn, urls: Urls) -> Link:
    """The same thing, published elsewhere."""
    url = safe_url(other.url)
    return Link(label=other.label, href=url or urls.card(other.id), new=url is not None)


def _twin(t: Language, other: AlsoOn, urls: Urls) -> Link:
    """Another kind of card that was merged into this one: it keeps a page of its own."""
    name = t(wording.kind_words(other.kind).tag).lower()
    return Link(label=t("Voir aussi : {name}", name=name), href=urls.card(other.id))
