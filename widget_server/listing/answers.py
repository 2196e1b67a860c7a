"""One request and the loaded sources in, one `Answer` out: search each source, merge, rank, and say what is missing."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from widget_server.domain.answer import (
    Answer,
    AnswerPlace,
    Apart,
    ListedCard,
    Notice,
    Occupation,
    SourceState,
    Status,
)
from widget_server.domain.cards import AlsoOn, Card, SourceName
from widget_server.domain.exploration import Exploration, Showing, draw, explored_places, seed_of
from widget_server.domain.geo import cells, in_grid
from widget_server.domain.occupations import Tree, asked_keys, broader_keys
from widget_server.domain.query import MAX_PER_KIND, Area, Centre, Problem, SearchRequest
from widget_server.domain.spreading import band_of
from widget_server.listing.merge import Merged, Shelved, merge, twins_of
from widget_server.listing.rank import interleave
from widget_server.listing.search import NOWHERE, Hits, search, search_unplaced
from widget_server.snapshot.columns import contract_bits
from widget_server.snapshot.index import COUNTRY_AREA, departement_area, region_area
from widget_server.snapshot.shelf import Snapshot
from widget_server.snapshot.store import Stored


class _Filed(msgspec.Struct, frozen=True, kw_only=True):
    """Of a stored card, what it is filed under."""

    romes: tuple[str, ...]


class _Named(msgspec.Struct, frozen=True, kw_only=True):
    """Of a stored card, how another one names it."""

    id: str
    kind: str
    source: SourceName
    url: str | None = None


_FILED: Final = msgspec.json.Decoder(_Filed)
_NAMED: Final = msgspec.json.Decoder(_Named)


class Occupations(Tree, Protocol):
    """The tree of ROME with its labels."""

    def label(self, code: str) -> str | None:
        """The label of a code, None when it is unknown."""
        ...


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """An expected source as the listing sees it. `withheld` when its snapshot is too old to be shown."""

    state: SourceState
    snapshot: Snapshot | None


def source_state(
    name: str,
    kind: str,
    snapshot: Snapshot | None,
    now: datetime,
    *,
    late_after_s: int,
    withheld_after_s: int,
    problem: str | None = None,
) -> Source:
    """How a source is doing now. Its age counts from its last complete harvest."""
    if snapshot is None:
        state = SourceState(
            name=name,
            kind=kind,
            label=name,
            status="missing",
            count=0,
            age_s=None,
            as_of=None,
            attribution="",
            problem=problem,
        )
        return Source(state=state, snapshot=None)
    manifest = snapshot.manifest
    told = manifest.source
    as_of = datetime.fromisoformat(manifest.harvest.as_of)
    age_s = max(0, int((now - as_of).total_seconds()))
    status: Status = "ok" if age_s < late_after_s else "late" if age_s < withheld_after_s else "missing"
    state = SourceState(
        name=name,
        kind=told.kind,
        label=told.label,
        status=status,
        count=manifest.counts.cards,
        age_s=age_s,
        as_of=manifest.harvest.as_of,
        attribution=told.attribution.replace("{date}", f"{as_of:%d/%m/%Y}"),
        home_url=told.home_url,
        licence_url=told.licence_url,
        level_role=told.level_role,
        demonstration=manifest.harvest.demonstration,
        problem=problem or manifest.harvest.gap or None,
    )
    return Source(state=state, snapshot=None if status == "missing" else snapshot)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One listed card: as it is stored, and what depends on the search.

    others     what was merged into it by this search, not at sync
    explored   its place was kept for exploration
    """

    kind: str
    stored: Stored
    siret: str | None
    distance_km: float | None
    others: tuple[AlsoOn, ...]
    occupation: Occupation | None
    band: str | None = None
    explored: bool = False

    def card(self) -> ListedCard:
        """The card, decoded: for the page."""
        also_on = self.stored.others() + self.others
        return list_card(
            self.stored.card(),
            distance_km=self.distance_km,
            also_on=also_on,
            occupation=self.occupation,
            band=self.band,
        )

    def json(self) -> bytes:
        """The same as JSON. What depends on the search is put before what is stored, which is never decoded."""
        also_on = self.stored.also_on or b"[]"
        if self.others:
            also_on = msgspec.json.encode(self.stored.others() + self.others)
        head = b'{"distance_km":%b,"also_on":%b,' % (msgspec.json.encode(self.distance_km), also_on)
        if self.occupation is not None:
            head += b'"occupation":%b,' % msgspec.json.encode(self.occupation)
        if self.band is not None:
            head += b'"score_band":%b,' % msgspec.json.encode(self.band)
        return head + self.stored.body[1:]


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found: the answer without its cards, and its rows, of which either form is made."""

    frame: Answer
    rows: tuple[Row, ...]

    def answer(self) -> Answer:
        """The whole answer with decoded cards."""
        return msgspec.structs.replace(self.frame, cards=tuple(row.card() for row in self.rows))

    def json(self) -> bytes:
        """The whole answer as JSON."""
        # A quote inside a text is escaped, so that these bytes occur once.
        before, _, after = msgspec.json.encode(self.frame).partition(b'"cards":[]')
        return b'%b"cards":[%b]%b' % (before, b",".join([row.json() for row in self.rows]), after)

    def shown(self) -> tuple[Showing, ...]:
        """The recruiters among the rows."""
        return tuple(Showing(row.siret, row.explored) for row in self.rows if row.kind == "recruiter" and row.siret)


def make_answer(
    request: SearchRequest, problems: Sequence[Problem], sources: Sequence[Source], occupations: Occupations
) -> Answer:
    """The one list for a request, with its cards as values."""
    return make_listing(request, problems, sources, occupations).answer()


def make_listing(
    request: SearchRequest,
    problems: Sequence[Problem],
    sources: Sequence[Source],
    occupations: Occupations,
    exploration: Exploration | None = None,
) -> Listing:
    """The one list for a request. Never raises for lack of a source, a job or a place: it answers what it can.

    With an `exploration` some of the last places of the first page hold recruiters from farther down.
    """
    asked = [source for source in sources if source.state.kind in request.kinds]
    found = _search(request, asked, occupations)
    unknown = {source.kind: 0 for source in found}
    if request.level is not None:
        unknown = _without_level(found)
    found = tuple(source.keeping(_asked_for(source, request)) for source in found)
    merged = merge(found)
    counts = dict.fromkeys(request.kinds, 0)
    for shelved in merged.kept:
        counts[shelved.kind] += len(shelved.hits)
    kinds = [_Kind(kind, merged) for kind in request.kinds]
    lengths = [min(counts[kind.name], MAX_PER_KIND) for kind in kinds]
    listed = sum(lengths)
    pages = max(1, math.ceil(listed / request.limit))
    page = min(request.page, pages)
    notices = [
        Notice(code=problem.code, param=problem.param, value=problem.value, hint=problem.hint) for problem in problems
    ]
    if page != request.page:
        hint = f"La liste a {pages} page(s) ; la dernière est montrée."
        notices.append(Notice(code="page_past_end", param="page", value=str(request.page), hint=hint))
    places = interleave(lengths, (page - 1) * request.limit, request.limit)
    if exploration is not None:
        first = places if page == 1 else interleave(lengths, 0, request.limit)
        seed = seed_of(exploration.day, _where(request), request.romes)
        for number, kind in enumerate(kinds):
            kind.explore(sum(of == number for of, _ in first), seed=seed, share=exploration.share)
    query = request.canonical() | {"page": page}
    frame = Answer(
        query=query,
        place=_place(request),
        occupations=tuple(_occupation(code, occupations) for code in request.romes),
        total=sum(counts.values()),
        counts=counts,
        listed=listed,
        capped=listed < sum(counts.values()),
        level_unknown={kind: count for kind, count in unknown.items() if count},
        page=page,
        pages=pages,
        cards=(),
        apart=_apart(request, asked, occupations),
        sources=tuple(source.state for source in sources),
        notices=tuple(notices),
        attribution=tuple(dict.fromkeys(source.state.attribution for source in sources if source.state.attribution)),
        demonstration=any(source.state.demonstration for source in sources),
    )
    return Listing(frame=frame, rows=_rows(request, kinds, places, merged, occupations))


class _Kind:
    """The hits of one kind, source after source, addressed as one sequence in the order of the list."""

    def __init__(self, name: str, merged: Merged) -> None:
        self.name = name
        parts = [part for part in merged.kept if part.kind == name]
        self._parts = parts
        self._starts = list(accumulate((len(part.hits) for part in parts), initial=0))
        self._order: npt.NDArray[np.int64] | None = None
        self._explored = range(0)
        if len(parts) > 1:
            score = np.concatenate([part.hits.score for part in parts])
            tenths = np.concatenate([part.hits.tenths for part in parts])
            rank = ((tenths == NOWHERE).astype(np.int64) << 40) | ((255 - score) << 20) | np.maximum(tenths, 0)
            self._order = np.argsort(rank, kind="stable")

    def explore(self, places: int, *, seed: int, share: float) -> None:
        """Draw who has the last of the first `places` among all that come after the others; the rest keeps its order.

        Only what our own forecast says can feed back into it: nothing else is drawn.
        """
        count = explored_places(places, seed=seed, share=share)
        estimating = any(part.snapshot.manifest.source.banded for part in self._parts)
        if not count or not estimating or self._starts[-1] <= places:
            return
        order = np.arange(self._starts[-1]) if self._order is None else self._order
        estimated = np.concatenate(
            [(part.hits.score > 0) & part.snapshot.manifest.source.banded for part in self._parts]
        )[order]
        names = np.concatenate([part.firm() for part in self._parts])[order]
        behind = places - count + np.flatnonzero(estimated[places - count :])
        drawn = behind[draw(names[behind], count, seed=seed)]
        first = places - len(drawn)
        left = np.delete(np.arange(first, len(order)), drawn - first)
        self._order = order[np.concatenate([np.arange(first), drawn, left])]
        self._explored = range(first, places)

    def is_explored(self, place: int) -> bool:
        """Whether this place was kept for exploration."""
        return place in self._explored

    def at(self, place: int) -> tuple[Shelved, int, float | None, int]:
        """The source, card number, distance in km and score of one place of this kind."""
        position = int(self._order[place]) if self._order is not None else place
        part = bisect_right(self._starts, position) - 1
        shelved = self._parts[part]
        inside = position - self._starts[part]
        tenths = int(shelved.hits.tenths[inside])
        score = int(shelved.hits.score[inside])
        return shelved, int(shelved.hits.card[inside]), tenths / 10 if tenths >= 0 else None, score


def _search(request: SearchRequest, sources: Sequence[Source], tree: Tree) -> tuple[Shelved, ...]:
    if not request.romes or request.place is None:
        return ()
    found = []
    for source in sources:
        if source.snapshot is None:
            continue
        keys = asked_keys(request.romes, tree, parents_only=source.snapshot.manifest.source.parents_only)
        hits = search(source.snapshot, keys, request.place, request.radius_km)
        found.append(Shelved(name=source.state.name, kind=source.state.kind, snapshot=source.snapshot, hits=hits))
    return tuple(found)


def _asked_for(source: Shelved, request: SearchRequest) -> npt.NDArray[np.bool_]:
    """The hits of the asked level and contract. Who does not state one passes: most cards state no level."""
    columns, place = source.snapshot.columns, source.hits.card - 1
    keep = np.ones(len(place), dtype=bool)
    if request.level is not None:
        levels = columns.level[place]
        keep &= (levels == request.level) | (levels == 0)
    if request.contract is not None:
        contracts = columns.contract[place]
        keep &= (contracts & contract_bits([request.contract]) > 0) | (contracts == 0)
    return keep


def _without_level(found: Sequence[Shelved]) -> dict[str, int]:
    """How many hits of each kind state no level, and so pass any. Recruiters have no level at all."""
    unknown = {source.kind: 0 for source in found}
    for source in found:
        if source.snapshot.manifest.source.level_role:
            unknown[source.kind] += int((source.snapshot.columns.level[source.hits.card - 1] == 0).sum())
    return unknown


def _count(source: Source, hits: Hits, request: SearchRequest) -> int:
    """How many hits the filters leave."""
    if source.snapshot is None or not len(hits):
        return 0
    shelved = Shelved(name=source.state.name, kind=source.state.kind, snapshot=source.snapshot, hits=hits)
    return int(_asked_for(shelved, request).sum())


def _rows(
    request: SearchRequest,
    kinds: Sequence[_Kind],
    places: Sequence[tuple[int, int]],
    merged: Merged,
    occupations: Occupations,
) -> tuple[Row, ...]:
    found = [kinds[kind].at(place) for kind, place in places]
    explored = [kinds[kind].is_explored(place) for kind, place in places]
    wanted: dict[str, tuple[Snapshot, set[int]]] = {}
    twins = [twins_of(shelved, card, merged) for shelved, card, _, _ in found]
    listed = [(shelved, card) for shelved, card, _, _ in found]
    for shelved, card in listed + [pair for pairs in twins for pair in pairs]:
        wanted.setdefault(shelved.name, (shelved.snapshot, set()))[1].add(card)
    read = {name: snapshot.cards.stored(sorted(numbers)) for name, (snapshot, numbers) in wanted.items()}
    asks_child = any(occupations.parent(code) != code for code in request.romes)
    rows = []
    for (shelved, number, km, score), others, is_explored in zip(found, twins, explored, strict=True):
        stored = read[shelved.name][number]
        firm = int(shelved.snapshot.columns.firm[number - 1])
        source = shelved.snapshot.manifest.source
        broader = asks_child and source.parents_only
        rows.append(
            Row(
                kind=shelved.kind,
                stored=stored,
                siret=f"{firm:014}" if firm else None,
                distance_km=km,
                others=tuple(_also_on(read[other.name][folded]) for other, folded in others),
                occupation=_stands_for(request, stored, occupations) if broader else None,
                band=band_of(score) if source.banded else None,
                explored=is_explored,
            )
        )
    return tuple(rows)


def list_card(
    card: Card,
    *,
    distance_km: float | None,
    also_on: tuple[AlsoOn, ...],
    occupation: Occupation | None = None,
    band: str | None = None,
) -> ListedCard:
    """A stored card with what depends on the search; without one, the best band of its occupations stands for it."""
    told = {name: getattr(card, name) for name in Card.__struct_fields__}
    told["score_band"] = band or card.score_band or min(card.bands.values(), default=None)
    return ListedCard(
        **told,
        distance_km=distance_km,
        also_on=also_on,
        occupation=occupation,
    )


def _also_on(stored: Stored) -> AlsoOn:
    named = _NAMED.decode(stored.body)
    return AlsoOn(id=named.id, kind=named.kind, label=named.source.label, url=named.url)


def _stands_for(request: SearchRequest, stored: Stored, occupations: Occupations) -> Occupation | None:
    """The broader occupation under which the card was found when a child was asked; None for an exact match."""
    romes = _FILED.decode(stored.body).romes
    if set(romes) & set(request.romes):
        return None
    for code in request.romes:
        if occupations.parent(code) in romes:
            return _occupation(occupations.parent(code), occupations)
    return None


def _occupation(code: str, occupations: Occupations) -> Occupation:
    return Occupation(rome=code, label=occupations.label(code) or code)


def _where(request: SearchRequest) -> str:
    """The grid cell of a centre, or the area: neighbours who ask the same have one answer to what is explored."""
    match request.place:
        case Centre() as centre if in_grid(centre.latitude, centre.longitude):
            return str(cells(*np.array([[centre.latitude], [centre.longitude]], dtype=np.float32))[0])
        case Area() as area:
            return ",".join(area.departements)
        case _:
            return ""


def _place(request: SearchRequest) -> AnswerPlace | None:
    match request.place:
        case Centre() as centre:
            return AnswerPlace(
                label=centre.label,
                latitude=centre.latitude,
                longitude=centre.longitude,
                radius_km=request.radius_km,
            )
        case Area() as area:
            return AnswerPlace(label=area.label)
        case _:
            return None


_KIND_WORDS: Final = {"training": "formations", "offer": "offres", "recruiter": "recruteurs"}


def _apart(request: SearchRequest, sources: Sequence[Source], occupations: Occupations) -> tuple[Apart, ...]:
    """What matches but is not mixed in: cards without an address, and cards filed under a broader occupation."""
    if not request.romes or request.place is None:
        return ()
    apart: list[Apart] = []
    for source in sources:
        snapshot, kind = source.snapshot, source.state.kind
        if snapshot is None:
            continue
        keys = asked_keys(request.romes, occupations, parents_only=snapshot.manifest.source.parents_only)
        words = _KIND_WORDS.get(kind, kind)
        if isinstance(request.place, Centre):
            for area, where, query in _wider(request, request.place, kind):
                count = _count(source, search_unplaced(snapshot, keys, area), request)
                if count:
                    label = f"{words} sans adresse précise {where}"
                    apart.append(Apart(kind=kind, reason="unplaced", count=count, label=label, query=query))
        if snapshot.manifest.source.parents_only:
            continue
        for key in broader_keys(request.romes, occupations):
            count = _count(source, search(snapshot, [key], request.place, request.radius_km), request)
            if count:
                code = key.rstrip("=")
                query = request.canonical() | {"romes": [code], "kinds": [kind], "page": 1}
                broader = _occupation(code, occupations)
                label = f"{words} classées sous le métier plus large « {broader.label} »"
                block = Apart(kind=kind, reason="broader", count=count, label=label, query=query, occupation=broader)
                apart.append(block)
    return tuple(apart)


Query = dict[str, str | int | float | list[str]]


def _wider(request: SearchRequest, centre: Centre, kind: str) -> list[tuple[list[int], str, Query | None]]:
    """Areas around a centre whose cards have no address: their numbers, how to say it, and the search that lists them.

    A région's search also lists what is placed "in France", so that nothing is out of reach.
    """
    wider: list[tuple[list[int], str, Query | None]] = []
    base: Query = {"romes": list(request.romes), "kinds": [kind], "limit": request.limit, "page": 1}
    if request.level is not None:
        base["level"] = request.level
    if request.contract is not None:
        base["contract"] = request.contract
    if centre.departement:
        query = base | {"departement": centre.departement}
        wider.append(([departement_area(centre.departement)], "dans le département", query))
    if centre.region:
        areas = [region_area(centre.region), COUNTRY_AREA]
        wider.append((areas, "dans la région ou en France", base | {"region": centre.region}))
    return wider
