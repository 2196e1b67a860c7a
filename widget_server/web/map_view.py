"""The map of a list: asked for by the visitor, never loaded before; and the plan that stands in without tiles."""

from collections.abc import Sequence
from dataclasses import dataclass

from widget_server.domain.answer import AnswerPlace, ListedCard
from widget_server.web.language import Language
from widget_server.web.links import Urls
from widget_server.web.plan import Plan, centre_of, draw, place_text, point_of
from widget_server.web.tiles import Tiles


@dataclass(frozen=True, kw_only=True)
class MapView:
    """What stands before the cards.

    href     the same page with the plan, or without it when it is shown
    plan     drawn when the visitor or the partner asked for the map first
    tiles    what the script loads on a click; None when the operator wants no tile server
    centre   "48.1118,-1.6819" of a search by radius
    """

    href: str
    plan: Plan | None
    tiles: Tiles | None
    centre: str | None


def map_view(
    t: Language, place: AnswerPlace | None, cards: Sequence[ListedCard], urls: Urls, *, tiles: Tiles | None, shown: bool
) -> MapView | None:
    """The map of one page of the list; None when no card of it has a point."""
    if not any(map(point_of, cards)):
        return None
    centre = centre_of(place)
    return MapView(
        href=urls.view("list" if shown else "map"),
        plan=draw(t, place, cards) if shown else None,
        tiles=tiles,
        centre=place_text(centre) if centre else None,
    )
