"""Everything that a source says of one card, as rows of its own page."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import nh3
from markupsafe import Markup

from widget_server.domain.answer import ListedCard
from widget_server.domain.cards import Fact
from widget_server.web import wording
from widget_server.web.composed import known, ours
from widget_server.web.document import Link
from widget_server.web.language import Language, Words
from widget_server.web.links import safe_url

_TAGS: Final = {"p", "br", "ul", "ol", "li", "strong", "em", "b", "i"}
_LONG_TEXT: Final = 160
_LONG_LIST: Final = 3


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fact of the detail page; `long` facts get a section of their own."""

    label: Words
    text: Words | None = None
    items: tuple[Words, ...] = ()
    html: Markup | None = None
    link: Link | None = None
    long: bool = False


def fact_rows(t: Language, facts: Iterable[Fact]) -> list[Row]:
    """The facts of the source, their HTML cleaned and their links checked."""
    return [_row(t, fact) for fact in facts]


def summary_rows(t: Language, card: ListedCard, facts: Iterable[Fact]) -> list[Row]:
    """What every card has, said in full, unless a fact of the source says it already."""
    rows = [
        (t("Métiers (codes ROME)"), ", ".join(card.romes)),
        (t("Première publication"), wording.full_day(t, card.published_on)),
        (t("Dernière mise à jour"), wording.full_day(t, card.updated_on)),
        (t("SIRET"), card.organisation.siret),
    ]
    told = {fact.text for fact in facts}
    return [Row(label=Words(label), text=Words(text)) for label, text in rows if text and text not in told]


def _row(t: Language, fact: Fact) -> Row:
    html = Markup(nh3.clean(fact.html, tags=_TAGS, attributes={})) if fact.html else None  # noqa: S704 - just cleaned
    url = safe_url(fact.url)
    link = Link(label=fact.text or wording.host(url), href=url, new=True) if url else None
    text = None if link else fact.text or (fact.url if not (html or fact.items) else None)
    items = tuple(known(t, item) for item in fact.items if item.strip())
    long = html is not None or len(items) > _LONG_LIST or len(text or "") > _LONG_TEXT
    said = known(t, text) if text else None
    return Row(label=ours(t, fact.label), text=said, items=items, html=html, link=link, long=long)
