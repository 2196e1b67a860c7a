"""Valid things for tests, which take only what matters to the claim."""

from datetime import UTC, datetime
from pathlib import Path

from widget_server.domain.cards import Card, CardPlace, Declaration, Entry, Fact, Organisation, SourceName
from widget_server.snapshot.manifest import Harvest
from widget_server.snapshot.shelf import Shelf

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
RENNES = (48.11, -1.68)
LYON = (45.75, 4.83)


class Tree:
    """A tiny ROME: M1805 has two children, everything else stands alone."""

    def __init__(self, families: dict[str, tuple[str, ...]] | None = None) -> None:
        self.families = families or {"M1805": ("M1855", "M1877")}

    def parent(self, code: str) -> str:
        return next((parent for parent, children in self.families.items() if code in children), code)

    def children(self, code: str) -> tuple[str, ...]:
        return self.families.get(code, ())

    def label(self, code: str) -> str | None:
        return f"Métier {code}"


def declaration(name: str = "offers", kind: str = "offer", **more: object) -> Declaration:
    told = {"label": name.title(), "home_url": "https://source.example", "attribution": f"Source : {name} du {{date}}"}
    return Declaration(name=name, kind=kind, **(told | more))


def entry(
    card_id: str,
    point: tuple[float, float] | None = RENNES,
    *,
    romes: tuple[str, ...] = ("D1102",),
    kind: str = "offer",
    name: str | None = None,
    siret: str | None = None,
    insee: str | None = None,
    departement: str | None = None,
    precision: str | None = None,
    region: str | None = None,
    level: int | None = None,
    newest: str = "",
    twin: str = "",
    score: int = 0,
    title: str | None = None,
    contract: tuple[str, ...] = (),
) -> Entry:
    place = CardPlace(
        label="Ici",
        precision=precision or ("address" if point else "departement"),
        insee=insee,
        departement=departement or (insee[:2] if insee else None),
        region=region,
        latitude=point[0] if point else None,
        longitude=point[1] if point else None,
    )
    card = Card(
        id=card_id,
        kind=kind,
        title=title or f"Carte {card_id}",
        organisation=Organisation(name=name, siret=siret),
        place=place,
        romes=romes,
        source=SourceName(name=f"{kind}s", label=f"{kind}s"),
        reasons=(),
        level=level,
        contract=contract,
        url=f"https://source.example/{card_id}",
    )
    facts = (Fact(name="description", label="Description", text=f"Tout sur {card_id}"),)
    return Entry(card=card, facts=facts, newest=newest, twin=twin, score=score)


def harvest(**more: object) -> Harvest:
    told = {"as_of": NOW.isoformat(), "ended": NOW, "announced": None, "complete": True, "demonstration": False}
    return Harvest(**(told | more))


def publish(folder: Path, entries: list[Entry], told: Declaration | None = None, **more: object) -> Shelf:
    told = told or declaration()
    shelf = Shelf(folder / told.name)
    with shelf.draft(told, started=more.pop("started", NOW)) as draft:
        for item in entries:
            draft.add(item)
        draft.publish(tree=Tree(), harvest=more.pop("harvest", None) or harvest(), keep=more.pop("keep", 3), **more)
    return shelf
