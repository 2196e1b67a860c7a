"""Every URL on one screen."""

from starlette.routing import BaseRoute, Route

from widget_server.web import (
    cards_json,
    check,
    configurator,
    docs,
    embed,
    health,
    method,
    method_recruiters,
    oembed,
    openapi,
    page_routes,
    standalone,
    suggest,
)

ROUTES: list[BaseRoute] = [
    # The router tries one after the other: first what is asked for most.
    Route("/v1/widget", page_routes.widget, methods=["GET"]),
    Route("/v1/cards", cards_json.cards, methods=["GET"]),
    Route("/", page_routes.home, methods=["GET"]),
    Route("/fiche/{card_id:path}", standalone.card),
    Route("/accessibilite", standalone.accessibility),
    Route("/robots.txt", standalone.robots),
    Route("/sitemap.xml", standalone.sitemap),
    Route("/v1/widget/cards/{card_id:path}", page_routes.detail),
    Route("/methode", method.method),
    Route(method_recruiters.PATH, method_recruiters.method_recruiters),
    Route("/v1/cards/{card_id:path}", cards_json.card),
    Route("/v1/parameters", cards_json.parameters),
    Route("/v1/schema", cards_json.schema),
    Route("/v1/openapi.json", openapi.openapi),
    Route("/v1/check", check.check),
    Route("/configurateur", configurator.configurator),
    Route("/configurateur/apercu", configurator.preview),
    Route("/configurateur/apercu/cards/{card_id:path}", configurator.preview_card),
    Route("/docs", docs.docs),
    Route("/v1/places", suggest.places),
    Route("/v1/jobs", suggest.jobs),
    Route("/embed/v1.js", embed.loader),
    Route("/embed/manifest.json", embed.manifest),
    Route("/embed/{version}/{name}", embed.released_loader),
    Route("/oembed", oembed.oembed),
    Route("/assets/{name}", embed.asset),
    Route("/logos/{name}", embed.logo),
    Route("/healthz", health.healthz),
    Route("/readyz", health.readyz),
    Route("/metrics", health.metrics),
]
