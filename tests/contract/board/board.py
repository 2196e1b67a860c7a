"""The adverts of one town hall's board: a source that only the tests add."""

from collections.abc import AsyncGenerator

import msgspec

from widget_server.domain.cards import Card, Declaration, Entry, Fact, Organisation, Rejection, SourceName
from widget_server.domain.errors import UpstreamMalformed
from widget_server.sources.kit.placing import Whereabouts
from widget_server.sources.kit.rejects import reject
from widget_server.sources.kit.source import Kit


class Advert(msgspec.Struct):
    """One row of the upstream."""

    id: str
    name: str
    rome: str
    postcode: str


class Board:
    """The adverts of one town hall's board, from one call."""

    declaration = Declaration(
        name="board", kind="offer", label="Panneau d'annonces", home_url="https://board.example",
        attribution="Panneau d'annonces, {date}",
    )  # fmt: skip

    async def rows(self, kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
        async with kit.connect("Panneau d'annonces", "https://board.example", rate_per_s=100.0) as client:
            reply = await client.get("/adverts")
        try:
            told = msgspec.json.decode(reply.body, type=list[Advert])
        except msgspec.DecodeError as error:
            raise UpstreamMalformed("Panneau d'annonces", str(error)) from error
        kit.notes.announced = len(told)
        for row in told:
            romes = kit.known_romes([row.rome])
            placed = kit.placing.place(Whereabouts(postcode=row.postcode))
            if not romes:
                yield reject("rome_unknown", row.id, row.rome)
            elif placed is None:
                yield reject("place_unknown", row.id, row.postcode)
            else:
                card = Card(
                    id=f"board:{row.id}", kind="offer", title=row.name, organisation=Organisation(name=row.name),
                    place=placed.place, romes=romes, source=SourceName(name="board", label="Panneau d'annonces"),
                    reasons=(), url=f"https://board.example/{row.id}",
                )  # fmt: skip
                yield Entry(card=card, facts=(Fact(name="hours", label="Horaires", text="Dès quatre heures"),))

    async def probe(self, kit: Kit) -> str:
        return "open"
