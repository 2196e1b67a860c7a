"""`/v1/cards`: the one list as JSON, and one card with everything that its source said."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from widget_server.domain.answer import Answer, ListedCard, SourceState
from widget_server.domain.cards import Fact
from widget_server.domain.query import PARAMETERS, Problem, is_tidy
from widget_server.listing.answers import Source, list_card, make_listing
from widget_server.web.cache import question_of
from widget_server.web.headers import noticed
from widget_server.web.readings import Pairs, Reading
from widget_server.web.replies import JSON, OPEN, Made, problem, reply, send_list
from widget_server.web.site import Site, cache_control, site_in, site_of
from widget_server.web.typed import Settled


class CardDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One card, every fact of its source, and how that source is doing."""

    card: ListedCard
    facts: tuple[Fact, ...]
    source: SourceState


class ParameterRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the parameter table, for integrators."""

    name: str
    type: str
    help: str
    example: str
    aliases: tuple[str, ...] = ()
    attribute: str | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    default: str = ""


class CardList:
    """The list for a job and a place; 400 with every problem when the request cannot be taken as it is.

    An ASGI application of its own, so that what is kept is sent as it is.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        site = site_in(scope)
        reading = site.readings.of(scope["path"], scope["query_string"], partial(_read, site))
        parsed = reading.parsed
        if reading.errors:
            names = ", ".join(dict.fromkeys(error.param for error in reading.errors))
            title, detail = "La requête a des paramètres à corriger", f"À corriger : {names}."
            await problem(Request(scope), 400, title, detail, reading.errors)(scope, receive, send)
            return
        edition = site.editions.current()
        partner = site.partners.find(parsed.request.partner)

        def make() -> Made:
            exploration = site.exploration(edition)
            listing = make_listing(parsed.request, parsed.problems, edition.sources, site.occupations, exploration)
            headers = OPEN | {"Cache-Control": cache_control(edition.sources)} | noticed(parsed.problems)
            return Made(body=listing.json(), media_type=JSON, headers=headers, shown=listing.shown())

        await send_list(
            scope,
            send,
            site,
            edition=edition,
            reading=reading,
            make=make,
            partner=partner.id if partner else None,
        )


cards: Final = CardList()


def _read(site: Site, pairs: Pairs) -> Reading:
    parsed = site.parse(pairs)
    asked = {"path": "/v1/cards", "query": parsed.request.canonical(), "notices": told(parsed.problems)}
    return Reading(
        settled=Settled(pairs=tuple(pairs)),
        parsed=parsed,
        errors=parsed.errors,
        question=question_of(asked),
        learn=not parsed.problems and is_tidy(pairs),
    )


def told(problems: Sequence[Problem]) -> list[tuple[str, str, str]]:
    """What an answer says of how the request was understood, as a part of what was asked."""
    return [(problem.param, problem.value, problem.code) for problem in problems]


async def card(request: Request) -> Response:
    """One card by id, or by the id of a card that was merged into it."""
    site = site_of(request)
    card_id = request.path_params["card_id"]
    sources = site.sources()
    detail = find_card(sources, card_id)
    if detail is None:
        hint = "L'identifiant est faux, ou la fiche a été retirée par sa source depuis la dernière recherche."
        return problem(request, 404, "Fiche introuvable", hint)
    return reply(request, msgspec.json.encode(detail), JSON, headers=OPEN | {"Cache-Control": cache_control(sources)})


def find_card(sources: tuple[Source, ...], card_id: str) -> CardDetail | None:
    """A card in whichever usable snapshot holds it."""
    for source in sources:
        found = source.snapshot.find(card_id) if source.snapshot else None
        if found is not None:
            stored, also_on, facts = found
            return CardDetail(
                card=list_card(stored, distance_km=None, also_on=also_on), facts=facts, source=source.state
            )
    return None


async def parameters(request: Request) -> Response:
    """The parameter table itself, so that integrators and tools need no second description."""
    rows = [ParameterRow(**{name: getattr(row, name) for name in ParameterRow.__struct_fields__}) for row in PARAMETERS]
    return reply(request, msgspec.json.encode({"parameters": rows}), JSON, headers=OPEN)


async def schema(request: Request) -> Response:
    """JSON Schema of an answer, made from the same structures that encode it."""
    return reply(request, answer_schema(), "application/schema+json", headers=OPEN)


def answer_schema() -> bytes:
    """JSON Schema (2020-12) of the answer of `/v1/cards`, with the card among its definitions."""
    (root,), definitions = msgspec.json.schema_components([Answer], ref_template="#/$defs/{name}")
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **root, "$defs": definitions}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2)
