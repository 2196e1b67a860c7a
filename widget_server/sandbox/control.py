"""What tests and people steer the sandbox with: faults, the truth, changes."""

import asyncio
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from widget_server.sandbox.companies import Companies
from widget_server.sandbox.dirt import DIRT
from widget_server.sandbox.economy import Economy
from widget_server.sandbox.faults import FAULTS, UPSTREAMS, Faults
from widget_server.sandbox.offers import OfferBook
from widget_server.sandbox.trainings import Catalogue

_AT_ONCE: Final = 200


class Control:
    """The paths that no upstream has; they begin with an underscore."""

    def __init__(
        self, economy: Economy, book: OfferBook, catalogue: Catalogue, companies: Companies, faults: Faults
    ) -> None:
        self._economy = economy
        self._book = book
        self._catalogue = catalogue
        self._companies = companies
        self._faults = faults

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/_faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/_truth/{kind}", self.truth),
            Route("/_truth/{kind}/kept", self.kept),
            Route("/_lists/{oddity}", self.listed),
            Route("/_change", self.change, methods=["POST"]),
            Route("/_economy", self.economy),
        ]

    async def faults(self, request: Request) -> Response:
        """GET lists the known faults and those switched on, POST adds some, DELETE ends all."""
        if request.method == "DELETE":
            self._faults.clear()
        elif request.method == "POST":
            try:
                told = orjson.loads(await request.body())
            except orjson.JSONDecodeError:
                told = None
            if problems := self._faults.switch(told):
                return JSONResponse({"errors": problems}, 400)
        known = [
            {"name": row.name, "upstreams": row.upstreams, "example": row.example, "help": row.help} for row in FAULTS
        ]
        return JSONResponse({"active": self._faults.active(), "upstreams": UPSTREAMS, "known": known})

    async def economy(self, _: Request) -> Response:
        """The seed, the day, the counts, and the table of oddities."""
        counts = self._economy.counts
        return JSONResponse(
            {
                "seed": self._economy.seed,
                "day": self._economy.day.isoformat(),
                "counts": {
                    "offers": int(self._book.alive.sum()),
                    "trainings": counts.trainings,
                    "recruiters": counts.recruiters,
                },
                "oddities": {
                    kind: [
                        {"name": row.name, "per_mille": row.per_mille, "help": row.help, "rejected": row.rejected}
                        for row in rows
                    ]
                    for kind, rows in DIRT.items()
                },
            }
        )

    async def truth(self, request: Request) -> Response:
        """Every row of a kind, of one département if asked: what a perfect harvest ends with.

        `kept` are the rows to keep, `rejected` those to reject and why. Rows of one `twin` are one and the same;
        offers with `departement` null are placed in a région or in France and shown by no search by département.
        """
        kind, wanted = request.path_params["kind"], request.query_params.get("departement")
        if kind not in DIRT:
            return JSONResponse({"errors": [f"{kind!r} is not one of {', '.join(DIRT)}"]}, 404)
        kept: list[dict[str, object]] = []
        rejected: list[dict[str, object]] = []
        for turn, row in enumerate(self._rows(kind, wanted)):
            told = self._told(kind, row)
            (kept if told["rejected"] is None else rejected).append(told)
            if turn % _AT_ONCE == 0:
                await asyncio.sleep(0)
        body = orjson.dumps({"count": len(kept), "kept": kept, "rejected": rejected})
        return Response(body, media_type="application/json")

    async def kept(self, request: Request) -> Response:
        """The ids of the rows to keep, one on a line: what a drill at national size compares with."""
        kind = request.path_params["kind"]
        if kind not in DIRT:
            return JSONResponse({"errors": [f"{kind!r} is not one of {', '.join(DIRT)}"]}, 404)
        if kind == "offers":
            return PlainTextResponse("".join(f"{told}\n" for told in self._book.kept()))
        told = (self._told(kind, row) for row in self._rows(kind, None))
        return PlainTextResponse("".join(f"{row['id']}\n" for row in told if row["rejected"] is None))

    async def listed(self, request: Request) -> Response:
        """The SIRETs of the recruiters of one oddity, one on a line: what an operator is told about them."""
        oddity = request.path_params["oddity"]
        if oddity not in ("closed", "opted_out"):
            return JSONResponse({"errors": [f"{oddity!r} is neither closed nor opted_out"]}, 404)
        told = (self._companies.truth(row) for row in range(len(self._companies)))
        return PlainTextResponse("".join(f"{row['id']}\n" for row in told if row["oddity"] == oddity))

    def _rows(self, kind: str, departement: str | None) -> list[int]:
        if kind == "offers":
            mask = self._book.alive
            if departement is not None:
                mask = mask & self._book.in_departements([departement])
            return [int(row) for row in self._book.ordered(mask)]
        whose = self._catalogue.departement if kind == "trainings" else self._companies.departement
        count = len(self._catalogue) if kind == "trainings" else len(self._companies)
        return [row for row in range(count) if departement is None or whose(row) == departement]

    def _told(self, kind: str, row: int) -> dict[str, object]:
        if kind == "offers":
            return self._book.truth(row)
        return self._catalogue.truth(row) if kind == "trainings" else self._companies.truth(row)

    async def change(self, request: Request) -> Response:
        """Create, delete and modify offers: {"created": 3, "deleted": 2, "modified": 1}."""
        try:
            told = orjson.loads(await request.body() or b"{}")
        except orjson.JSONDecodeError:
            told = None
        names = ("created", "deleted", "modified")
        if not isinstance(told, dict) or not all(
            name in names and type(count) is int and 0 <= count <= 100_000 for name, count in told.items()
        ):
            return JSONResponse({"errors": ['an object is expected, for example {"created": 3, "deleted": 2}']}, 400)
        change = self._book.change(**told)
        return JSONResponse({"created": change.created, "deleted": change.deleted, "modified": change.modified})
