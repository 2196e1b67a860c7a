"""The map of a list: asked for by the visitor, never loaded before; and the plan that stands in without tiles."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from widget_server.domain.answer import AnswerPlace, ListedCard
from widget_server.domain.errors import SettingError
from widget_server.settings import Settings
from widget_server.web.assets import Assets
from widget_server.web.document import Tiles
from widget_server.web.language import Language
from widget_server.web.links import Urls
from widget_server.web.plan import Plan, centre_of, draw, place_text, point_of

_TILE_URL: Final = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?/[A-Za-z0-9./_~:&=?%+{}-]*")
"""Its origin goes into a policy, the whole into an attribute: nothing in it may end either."""


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


def read_tiles(settings: Settings, assets: Assets) -> Tiles | None:
    """The tile server that the operator chose; `SettingError` for an address that is none."""
    if not settings.tile_url:
        return None
    wanted = all(field in settings.tile_url for field in ("{z}", "{x}", "{y}"))
    if not wanted or not _TILE_URL.fullmatch(settings.tile_url):
        raise SettingError(
            f"TILE_URL: {settings.tile_url!r} is not the address of a tile, "
            "for example https://tiles.example/{z}/{x}/{y}.png"
        )
    return Tiles(
        url=settings.tile_url,
        credit=settings.tile_credit,
        script=f"/assets/{assets.built('map', '.js').name}",
        style=f"/assets/{assets.built('map', '.css').name}",
    )
