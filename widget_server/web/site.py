"""What every request handler needs, in one value: made by the application, found on `request.app.state.site`."""

from collections.abc import Callable
from datetime import datetime
from typing import cast

import msgspec
from starlette.requests import Request
from starlette.types import Scope

from widget_server.domain.exploration import Exploration
from widget_server.domain.query import Gazetteer, Parsed, parse
from widget_server.listing.answers import Source
from widget_server.reference.occupations import Occupations
from widget_server.reference.places import Places
from widget_server.settings import Settings
from widget_server.snapshot.library import Library
from widget_server.web.assets import Assets
from widget_server.web.cache import AnswerCache
from widget_server.web.edition import Edition, Editions
from widget_server.web.entries import Entry
from widget_server.web.fast import Learnt
from widget_server.web.impressions import Impressions
from widget_server.web.partners import Partners
from widget_server.web.quotas import Quotas
from widget_server.web.readings import Readings
from widget_server.web.registry import Registry
from widget_server.web.tiles import Tiles
from widget_server.web.visits import LIST_PATH, Visits
from widget_server.web.watch import Metrics


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The running server's parts. `now` is the clock: aware, so that freshness can be told in Paris time.

    learnt   the requests that the fast path answers without the router
    """

    settings: Settings
    library: Library
    places: Places
    occupations: Occupations
    gazetteer: Gazetteer
    registry: Registry
    quotas: Quotas
    assets: Assets
    metrics: Metrics
    editions: Editions
    cache: AnswerCache
    learnt: Learnt
    impressions: Impressions
    visits: Visits
    readings: Readings
    now: Callable[[], datetime]
    tiles: Tiles | None = None

    def sources(self) -> tuple[Source, ...]:
        """Every expected source with its state now."""
        return self.editions.current().sources

    def exploration(self, edition: Edition) -> Exploration | None:
        """What lists keep for exploration on the day of an edition; None when nothing."""
        share = self.settings.recruiters_exploration
        return Exploration(day=edition.day, share=share) if share else None

    def served(self, path: str, entry: Entry, partner: str | None) -> None:
        """What is counted for each list of the router, whether it was made, kept or known to be unchanged."""
        self.impressions.add(entry.showings)
        self.visits.add(partner, "page" if path == LIST_PATH else "json")
        self.metrics.listed(partner)

    def served_fast(self, path: str, status: int, entry: Entry, partner: str | None) -> None:
        """The same for a list of the fast path, whose request nobody else counts."""
        self.impressions.add(entry.showings)
        self.visits.add(partner, "page" if path == LIST_PATH else "json")
        self.metrics.answered_fast(path, status, partner)

    @property
    def partners(self) -> Partners:
        """The registry as it is now: a newer file is picked up within a second."""
        return self.registry.current()

    def parse(self, pairs: list[tuple[str, str]]) -> Parsed:
        """Read decoded query pairs with the one parser, under the terms of the partner that they name."""
        asked = self.partners.introduce(pairs)
        parsed = parse(asked.pairs, self.gazetteer, asked.partner.terms if asked.partner else None)
        return (
            msgspec.structs.replace(parsed, problems=(*asked.problems, *parsed.problems)) if asked.problems else parsed
        )


def site_of(request: Request) -> Site:
    """The site that this request came to."""
    return site_in(request.scope)


def site_in(scope: Scope) -> Site:
    """The same for an ASGI application, which has no request."""
    return cast("Site", scope["app"].state.site)


def base_url(request: Request) -> str:
    """How browsers reach this server: PUBLIC_URL, or else the address of this very request. No trailing slash."""
    return site_of(request).settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")


def cache_control(sources: tuple[Source, ...]) -> str:
    """How long an answer may be kept: shortly while a source is missing, so that its return shows at once."""
    complete = all(source.state.status != "missing" for source in sources)
    return f"public, max-age=60, s-maxage={300 if complete else 15}, stale-while-revalidate=3600"
