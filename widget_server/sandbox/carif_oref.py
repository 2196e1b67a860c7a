"""The trainings catalogue as it answers: counts, pages, one streamed array, one document."""

import asyncio
import csv
import io
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from widget_server.sandbox.faults import COPIES, Active, is_left_out, number
from widget_server.sandbox.gate import error, faults_of
from widget_server.sandbox.mongo import fields_of, matches, project
from widget_server.sandbox.quota import Quota
from widget_server.sandbox.settings import SandboxSettings
from widget_server.sandbox.trainings import Catalogue

PUBLISHED: Final = {"catalogue_published": True, "published": True}
_DEFAULT_LIMIT: Final = 10
_MOST: Final = 1000
_HIDDEN: Final = frozenset({"affelnet_statut_history", "parcoursup_statut_history", "__v", "email"})
_HIDDEN_IN_STREAMS: Final = _HIDDEN | {"updates_history"}
_NONE_MATCHES: Final = "Aucune formation ne correspond aux critères transmis."
_BAD_KEY: Final = "L'identifiant de la formation n'est pas valide"


class _BadJson(Exception):
    """A parameter that should be JSON is not: the service fails."""


class _BadNumber(Exception):
    """A parameter that should be a number is not, or is too large; the message names it."""


class CarifOref:
    """The catalogue."""

    def __init__(self, catalogue: Catalogue, settings: SandboxSettings, clock: Callable[[], float]) -> None:
        self._catalogue = catalogue
        self._settings = settings
        rate = settings.catalogue_rate_per_s
        self._quota = Quota(burst=rate, per_s=rate, clock=clock)

    def routes(self) -> list[Route]:
        """The paths, under /api/v1/entity."""
        base = "/api/v1/entity"
        told: list[tuple[str, Callable[[Request, Mapping[str, object]], Response], list[str]]] = [
            ("/formations/count", self._count, ["GET"]),
            ("/formations", self._page, ["GET", "POST"]),
            ("/formations.json", self._stream, ["GET"]),
            ("/formations.csv", self._csv, ["GET"]),
            ("/formation", self._first, ["GET"]),
            ("/formation/{key:path}", self._one, ["GET"]),
            ("/etablissements", self._schools, ["GET", "POST"]),
        ]
        return [Route(base + path, self._entered(answer), methods=methods) for path, answer, methods in told]

    def _entered(
        self, answer: Callable[[Request, Mapping[str, object]], Response]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def entered(request: Request) -> Response:
            active = faults_of(request.scope)
            if active.get("education") and not request.headers.get("api-key"):
                return JSONResponse({"message": "Accès non autorisé"}, 401)
            left, wait_s = self._quota.take("ip")
            headers = {
                "X-RateLimit-Limit": str(round(self._settings.catalogue_rate_per_s)),
                "X-RateLimit-Remaining": str(left),
            }
            if wait_s:
                told = "Too many requests, please try again later."
                return PlainTextResponse(told, 429, headers={**headers, "Retry-After": str(wait_s)})
            try:
                params: Mapping[str, object] = dict(request.query_params)
                if request.method == "POST":
                    params = {**params, **_object(await request.body())}
                response = answer(request, params)
            except _BadJson:
                return error("trainings", 500, "An internal server error occurred")
            except _BadNumber as problem:
                told_name = str(problem)
                details = [{"message": f'"{told_name}" must be a number', "path": [told_name]}]
                bad = {"statusCode": 400, "error": "Bad Request", "message": "Erreur de validation", "details": details}
                return JSONResponse(bad, 400, headers)
            for name, value in headers.items():
                response.headers[name] = value
            return response

        return entered

    def _rows(self, query: object, active: Active) -> list[int]:
        """The rows that a filter lets through, in the order of the catalogue, which is not documented."""
        if active.get("empty"):
            return []
        catalogue = self._catalogue
        light = catalogue.is_light(fields_of(query))
        make = catalogue.light if light else catalogue.document
        found = [row for row in range(len(catalogue)) if not query or matches(make(row), query)]
        if active.get("without"):
            found = [row for row in found if not is_left_out(active, catalogue.dirt(row))]
        if active.get("half"):
            found = found[::2]
        copies = 2 if active.get("duplicates") else COPIES if active.get("tenfold") else 1
        return [row for row in found for _ in range(copies)]

    def _count(self, request: Request, params: Mapping[str, object]) -> Response:
        query = _json(params, "query") if params.get("query") else None
        regex = _regexes(params)
        wanted = {**(query if isinstance(query, dict) else {}), **regex} if query or regex else dict(PUBLISHED)
        active = faults_of(request.scope)
        return JSONResponse(len(self._rows(wanted, active)) + int(number(active, "count_off", 500)))

    def _page(self, request: Request, params: Mapping[str, object]) -> Response:
        page, limit = _whole(params, "page", 1), _whole(params, "limit", _DEFAULT_LIMIT)
        posted = request.method == "POST"
        if posted and limit > _MOST:
            raise _BadNumber("limit")
        limit = min(limit, _MOST)
        query = _query(params)
        # A quirk of the service: POST falls back to published rows, GET computes that filter and ignores it.
        rows = self._rows(query or (dict(PUBLISHED) if posted else {}), faults_of(request.scope))
        select = _json(params, "select") if params.get("select") else None
        shown = rows[(page - 1) * limit : page * limit]
        hidden = _HIDDEN_IN_STREAMS if posted else _HIDDEN
        return _json_response(
            {
                "formations": [project(self._catalogue.document(row), select, hidden) for row in shown],
                "pagination": {
                    "page": params.get("page", 1),
                    "resultats_par_page": limit,
                    "nombre_de_page": math.ceil(len(rows) / limit) if limit else 0,
                    "total": len(rows),
                },
            }
        )

    def _selected(self, request: Request, params: Mapping[str, object]) -> Iterator[dict[str, object]]:
        """The documents of a stream: no maximum, and ten by default."""
        query = _query(params)
        select = _json(params, "select") if params.get("select") else None
        limit, skip = _whole(params, "limit", _DEFAULT_LIMIT), _whole(params, "skip", 0)
        active = faults_of(request.scope)
        rows = self._rows(query, active)[skip:][: limit or None]
        documents = (self._catalogue.document(row) for row in rows)
        if active.get("tenfold"):
            documents = (as_copy(document, place % COPIES) for place, document in enumerate(documents, skip))
        return (project(document, select, _HIDDEN_IN_STREAMS) for document in documents)

    def _stream(self, request: Request, params: Mapping[str, object]) -> Response:
        documents = self._selected(request, params)
        wait_s = number(faults_of(request.scope), "slow_chunks_s", 0.05)
        pieces = _array(documents, self._settings.rows_at_once, wait_s)
        return StreamingResponse(pieces, media_type="application/json")

    def _csv(self, request: Request, params: Mapping[str, object]) -> Response:
        documents = self._selected(request, params)

        async def lines() -> AsyncIterator[str]:
            names: list[str] = []
            for document in documents:
                text = io.StringIO()
                writer = csv.writer(text, delimiter=";")
                if not names:
                    names = list(document)
                    writer.writerow(names)
                values = (document.get(name) for name in names)
                writer.writerow([value if isinstance(value, str) else orjson.dumps(value).decode() for value in values])
                yield text.getvalue()
                await asyncio.sleep(0)

        return StreamingResponse(lines(), media_type="text/csv")

    def _first(self, request: Request, params: Mapping[str, object]) -> Response:
        rows = self._rows(_query(params), faults_of(request.scope))
        if not rows:
            return error("trainings", 404, _NONE_MATCHES)
        select = _json(params, "select") if params.get("select") else None
        return _json_response(project(self._catalogue.document(rows[0]), select, _HIDDEN))

    def _one(self, request: Request, params: Mapping[str, object]) -> Response:
        told = str(request.path_params["key"])
        if not told.isascii() or len(told) < 12:
            return error("trainings", 400, _BAD_KEY)
        row = self._catalogue.row_of(told)
        if row is None:
            return error("trainings", 404, f"La formation {told} n'existe pas.")
        select = _json(params, "select") if params.get("select") else None
        return _json_response(project(self._catalogue.document(row), select, _HIDDEN))

    def _schools(self, request: Request, params: Mapping[str, object]) -> Response:
        page, limit = _whole(params, "page", 1), min(_whole(params, "limit", _DEFAULT_LIMIT), _MOST)
        schools = [self._catalogue.school(number) for number in range(self._catalogue.school_count)]
        query = _query(params)
        found = [school for school in schools if not query or matches(school, query)]
        return _json_response(
            {
                "etablissements": found[(page - 1) * limit : page * limit],
                "pagination": {
                    "page": params.get("page", 1),
                    "resultats_par_page": limit,
                    "nombre_de_page": math.ceil(len(found) / limit) if limit else 0,
                    "total": len(found),
                },
            }
        )


def as_copy(document: dict[str, object], number_of_copy: int) -> dict[str, object]:
    """One of several trainings made from one: another title, and a key that no training of ours has; 0 is itself."""
    if not number_of_copy:
        return document
    key = str(document["cle_ministere_educatif"])
    return {
        **document,
        "cle_ministere_educatif": f"{key[:7]}{number_of_copy}{key[8:]}",
        "intitule_long": f"{document['intitule_long']} {number_of_copy + 1}",
    }


async def _array(documents: Iterator[dict[str, object]], at_once: int, wait_s: float) -> AsyncIterator[bytes]:
    """One JSON array, some rows at a time."""
    yield b"["
    piece: list[bytes] = []
    first = True
    for document in documents:
        piece.append(orjson.dumps(document) if first else b"," + orjson.dumps(document))
        first = False
        if len(piece) >= at_once:
            yield b"".join(piece)
            piece.clear()
            await asyncio.sleep(wait_s)
    yield b"".join(piece) + b"]"


def _json_response(told: object) -> Response:
    return Response(orjson.dumps(told), media_type="application/json")


def _object(body: bytes) -> dict[str, object]:
    try:
        told = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as problem:
        raise _BadJson from problem
    return told if isinstance(told, dict) else {}


def _json(params: Mapping[str, object], name: str) -> object:
    """A parameter that holds JSON: text in an address, an object in a body."""
    told = params[name]
    if not isinstance(told, str):
        return told
    try:
        return orjson.loads(told)
    except orjson.JSONDecodeError as problem:
        raise _BadJson from problem


def _query(params: Mapping[str, object]) -> dict[str, object]:
    query = _json(params, "query") if params.get("query") else {}
    return {**(query if isinstance(query, dict) else {}), **_regexes(params)}


def _regexes(params: Mapping[str, object]) -> dict[str, object]:
    told = _json(params, "queryAsRegex") if params.get("queryAsRegex") else {}
    if not isinstance(told, dict):
        return {}
    return {name: {"$regex": str(value), "$options": "i"} for name, value in told.items()}


def _whole(params: Mapping[str, object], name: str, default: int) -> int:
    told = str(params.get(name, default))
    if not told.isdigit() or len(told) > 9:
        raise _BadNumber(name)
    return int(told)
