"""Every URL on one screen, and where its endpoint is. All but the core is imported when it is first asked for."""

from starlette.routing import BaseRoute, Route

from widget_server.web import cards_json, health
from widget_server.web.deferred import Endpoint


def _deferred(path: str, endpoint: str) -> Route:
    """A route to `module.name` of this package."""
    module, _, name = endpoint.partition(".")
    return Route(path, Endpoint(f"{__package__}.{module}", name), methods=["GET"])


ROUTES: list[BaseRoute] = [
    # The router tries one after the other: first what is asked for most.
    _deferred("/v1/widget", "page_routes.widget"),
    Route("/v1/cards", cards_json.cards, methods=["GET"]),
    _deferred("/", "page_routes.home"),
    _deferred("/fiche/{card_id:path}", "standalone.card"),
    _deferred("/accessibilite", "standalone.accessibility"),
    _deferred("/robots.txt", "standalone.robots"),
    _deferred("/sitemap.xml", "standalone.sitemap"),
    _deferred("/v1/widget/cards/{card_id:path}", "page_routes.detail"),
    _deferred("/methode", "method.method"),
    _deferred("/methode/recruteurs", "method_recruiters.method_recruiters"),
    Route("/v1/cards/{card_id:path}", cards_json.card),
    Route("/v1/parameters", cards_json.parameters),
    Route("/v1/schema", cards_json.schema),
    _deferred("/v1/openapi.json", "openapi.openapi"),
    _deferred("/v1/check", "check.check"),
    _deferred("/configurateur", "configurator.configurator"),
    _deferred("/configurateur/apercu", "configurator.preview"),
    _deferred("/configurateur/apercu/cards/{card_id:path}", "configurator.preview_card"),
    _deferred("/docs", "docs.docs"),
    _deferred("/v1/places", "suggest.places"),
    _deferred("/v1/jobs", "suggest.jobs"),
    _deferred("/embed/v1.js", "embed.loader"),
    _deferred("/embed/manifest.json", "embed.manifest"),
    _deferred("/embed/{version}/{name}", "embed.released_loader"),
    _deferred("/oembed", "oembed.oembed"),
    _deferred("/assets/{name}", "embed.asset"),
    _deferred("/logos/{name}", "embed.logo"),
    Route("/healthz", health.healthz),
    Route("/readyz", health.readyz),
    _deferred("/metrics", "exposition.metrics"),
]
"""Here an endpoint is a path in text: that each leads somewhere is a test, since no type checker follows it."""

DEFERRED: tuple[Endpoint, ...] = tuple(
    route.endpoint for route in ROUTES if isinstance(route, Route) and isinstance(route.endpoint, Endpoint)
)
"""What the warm-up imports."""
