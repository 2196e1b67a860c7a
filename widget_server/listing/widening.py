"""What a page does when nothing was found: look farther, and say so; then show what is nearest.

Only a page widens, never JSON: a program asked for what it asked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from widget_server.domain.answer import ListedCard
from widget_server.domain.exploration import Showing
from widget_server.domain.query import RADIUS_CHOICES_KM, Centre, SearchRequest
from widget_server.listing.answers import Listing

_EVERYWHERE_KM: Final = 1500
"""Farther than any two places of metropolitan France."""
_NEAREST: Final = 6

Search = Callable[[SearchRequest], Listing]


@dataclass(frozen=True, kw_only=True)
class Widened:
    """The list to show.

    request   what was searched in the end
    from_km   the radius that was asked for, when a wider one was searched
    tried_km  the radii in which there was nothing
    nearest   the nearest cards outside the zone, when there is nothing in it
    shown     the recruiters among all of these
    """

    request: SearchRequest
    listing: Listing
    from_km: int | None = None
    tried_km: tuple[int, ...] = ()
    nearest: tuple[ListedCard, ...] = ()
    shown: tuple[Showing, ...] = ()


def widened(request: SearchRequest, search: Search, nearest: Search) -> Widened:
    """The list of a request, or of the first wider radius that has something, unless partner or visitor says no.

    `nearest` is the search that keeps no place for exploration: what is called the nearest is the nearest.
    """
    listing = search(request)
    if listing.frame.total or not request.romes or not isinstance(request.place, Centre):
        return Widened(request=request, listing=listing, shown=listing.shown())
    tried = [request.radius_km]
    if request.widen and not {"radius", "place"} & set(request.lock):
        for km in (km for km in RADIUS_CHOICES_KM if km > request.radius_km):
            wider = msgspec.structs.replace(request, radius_km=km, page=1)
            found = search(wider)
            if found.frame.total:
                return Widened(
                    request=wider,
                    listing=found,
                    from_km=request.radius_km,
                    tried_km=tuple(tried),
                    shown=found.shown(),
                )
            tried.append(km)
    anywhere = nearest(msgspec.structs.replace(request, radius_km=_EVERYWHERE_KM, page=1, limit=_NEAREST))
    return Widened(
        request=request,
        listing=listing,
        tried_km=tuple(tried),
        nearest=anywhere.answer().cards,
        shown=anywhere.shown(),
    )
