"""Every URL on one screen."""

from starlette.routing import BaseRoute, Route

from widget_server.web import cards_json, embed, health, method, oembed, page_routes, standalone, suggest

ROUTES: list[BaseRoute] = [
    Route("/", page_routes.home, methods=["GET"]),
    Route("/fiche/{card_id:path}", standalone.card),
    Route("/accessibilite", standalone.accessibility),
    Route("/robots.txt", standalone.robots),
    Route("/sitemap.xml", standalone.sitemap),
    Route("/v1/widget", page_routes.widget, methods=["GET"]),
    Route("/v1/widget/cards/{card_id:path}", page_routes.detail),
    Route("/methode", method.method),
    Route("/v1/cards", cards_json.cards, methods=["GET"]),
    Route("/v1/cards/{card_id:path}", cards_json.card),
    Route("/v1/parameters", cards_json.parameters),
    Route("/v1/schema", cards_json.schema),
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
