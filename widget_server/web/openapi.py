"""`/v1/openapi.json`: the JSON API in OpenAPI 3.1, made from the parameter table and the structures that are sent."""

from functools import cache
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from widget_server import __version__
from widget_server.domain.answer import Answer
from widget_server.domain.query import PARAMETERS, Parameter
from widget_server.web.cards_json import CardDetail
from widget_server.web.check import Check
from widget_server.web.oembed import Rich
from widget_server.web.replies import JSON, OPEN, PROBLEM, ProblemBody, reply
from widget_server.web.site import base_url
from widget_server.web.suggest import JobSuggestions, PlaceSuggestions

Schema = dict[str, object]
_SEARCH: Final = ("job", "place", "list")


async def openapi(request: Request) -> Response:
    """The document, for the address under which it was asked."""
    body = msgspec.json.format(msgspec.json.encode(describe(base_url(request))), indent=2)
    return reply(request, body, JSON, headers=OPEN | {"Cache-Control": "public, max-age=3600"})


@cache
def describe(base: str) -> Schema:
    """The whole document."""
    types = [Answer, CardDetail, PlaceSuggestions, JobSuggestions, ProblemBody, Check, Rich]
    _, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    search = [_parameter(row) for row in PARAMETERS if row.group in _SEARCH or row.name == "partner"]
    text = [_query("q", "Le début d'un mot.", {"type": "string", "minLength": 1, "maxLength": 100}, need=True)]
    card = {
        "name": "card_id",
        "in": "path",
        "required": True,
        "description": "L'identifiant d'une fiche de la liste.",
        "schema": {"type": "string", "minLength": 1},
    }
    pages = [
        _query("partner", "L'identifiant du partenaire.", {"type": "string"}),
        _query("origin", "L'adresse de la page qui montre la liste.", {"type": "string"}),
    ]
    address = [
        _query("url", "L'adresse d'une liste de ce service.", {"type": "string"}, need=True),
        _query("format", "Seul json est proposé.", {"type": "string", "enum": ["json"]}),
        _query("maxwidth", "Largeur disponible en pixels.", {"type": "integer", "minimum": 1, "maximum": 100_000}),
        _query("maxheight", "Hauteur disponible en pixels.", {"type": "integer", "minimum": 1, "maximum": 100_000}),
    ]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "alternance-widget",
            "version": __version__,
            "description": "Un métier et un lieu donnent une liste : formations, offres, entreprises à contacter.",
        },
        "servers": [{"url": base}],
        "paths": {
            "/v1/cards": _get("La liste pour un métier et un lieu.", search, "Answer", 400, 401, 429, 503),
            "/v1/cards/{card_id}": _get(
                "Une fiche, avec tout ce qu'en dit sa source.", [card], "CardDetail", 404, 401, 429
            ),
            "/v1/places": _get("Des lieux pour le début d'un mot.", text, "PlaceSuggestions", 400, 401, 429),
            "/v1/jobs": _get("Des métiers pour le début d'un mot.", text, "JobSuggestions", 400, 401, 429),
            "/v1/check": _get("Une page peut-elle montrer la liste ?", pages, "Check"),
            "/oembed": _get("Le code à insérer pour l'adresse d'une liste (oEmbed).", address, "Rich", 400, 404, 501),
        },
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "La clé d'un partenaire, de serveur à serveur. Facultative.",
                }
            },
        },
    }


def schema_of(row: Parameter) -> Schema:
    """The values of a parameter in JSON Schema: what is said here is what the parser takes."""
    made: Schema
    match row.type:
        case "integer" | "number":
            made = {"type": row.type, "minimum": _plain(row.minimum), "maximum": _plain(row.maximum)}
        case "choice":
            made = {"type": "string", "enum": list(row.choices)}
        case "csv":
            made = {"type": "array", "items": _item(row)}
        case _:
            made = {"type": "string"}
            if row.pattern:
                made["pattern"] = f"^{row.pattern}$"
            if row.max_length:
                made["maxLength"] = row.max_length
    if row.default and row.type != "csv":
        made["default"] = int(row.default) if row.type == "integer" else row.default
    return made


def _item(row: Parameter) -> Schema:
    if row.choices:
        return {"type": "string", "enum": list(row.choices)}
    return {"type": "string", "pattern": f"^{row.pattern}$"} if row.pattern else {"type": "string"}


def _parameter(row: Parameter) -> Schema:
    made = _query(row.name, row.help, schema_of(row))
    if row.type == "csv":
        made |= {"style": "form", "explode": False}
    return made | {"example": row.example.split(",") if row.type == "csv" else _typed(row)}


def _typed(row: Parameter) -> object:
    if row.type == "integer":
        return int(row.example)
    return float(row.example) if row.type == "number" else row.example


def _plain(value: float | None) -> float | int | None:
    return int(value) if value is not None and value == int(value) else value


def _query(name: str, help: str, schema: Schema, *, need: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": need, "description": help, "schema": schema}


_WHY: Final[dict[int, str]] = {
    400: "La requête a des paramètres à corriger ; errors les donne tous, chacun avec son remède.",
    401: "La clé n'est pas enregistrée.",
    404: "Rien n'a cet identifiant ou cette adresse.",
    429: "Trop d'appels ; Retry-After dit dans combien de secondes réessayer.",
    501: "Ce format n'est pas proposé.",
    503: "Trop de listes attendent d'être faites ; Retry-After dit dans combien de secondes réessayer.",
}
STATUSES: Final = {200: "La réponse."} | _WHY
"""Every status of the JSON API, with what it means."""


def _get(summary: str, parameters: list[Schema], answer: str, *failures: int) -> Schema:
    responses: Schema = {
        "200": {
            "description": STATUSES[200],
            "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{answer}"}}},
        }
    }
    for status in failures:
        responses[str(status)] = {
            "description": STATUSES[status],
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        }
    return {
        "get": {
            "summary": summary,
            "parameters": parameters,
            "responses": responses,
            "security": [{}, {"key": []}],
        }
    }
