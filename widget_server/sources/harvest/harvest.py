"""Every offer of France Travail: département by département, then the whole country; proven, resumable, carried over.

A full harvest reads each département, then the whole country without place: offers that are placed in a région or in
France only appear in no département. Counts cannot say that nothing is missing, because an offer that was deleted
hides one that was never shown; so the country is read unless nothing moved and the counts agree. The harvest is
complete when that last reading is proven.

Everything found goes to a journal, and the snapshot is made from the journal. A crash costs the partitions that were
under way. A partition that fails keeps what it had, for a day at most. Only a complete harvest deletes.

An increment asks for what was created since the last run. It learns of no change and of no deletion, so the data stay
as old as the last complete harvest. Where that is older than a day, or was made with other settings, lists or tables,
an increment is a full harvest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from widget_server.domain.cards import Entry, Rejection
from widget_server.domain.errors import UpstreamMalformed
from widget_server.snapshot.manifest import Part
from widget_server.sources.harvest.journal import Found, Journal, Section, is_within
from widget_server.sources.harvest.partitions import Partition, Reader
from widget_server.sources.harvest.search import ENOUGH, Row, Search
from widget_server.sources.harvest.split import COUNTRY_AXES, Bounds, told_instant
from widget_server.sources.kit.source import Kit, Notes, instant, sortable

CONTRACTS: Final[Mapping[str, str]] = {"natureContrat": "E2,FS"}
"""natureContrat alone: with typeContrat beside it the two are joined by OR."""
WITHOUT_LBA: Final[Mapping[str, str]] = {
    "partenaires": "LABONNEALTERNANCE",
    "modeSelectionPartenaires": "EXCLU",
}
"""Leaves out the offers that La bonne alternance passes on to France Travail, where it is a source itself."""
ELSEWHERE: Final = "hors département"
CREATED: Final = "nouvelles offres"

KEPT_FOR: Final = timedelta(hours=24)
"""How long an offer is shown that nobody has seen again; the licence asks for a reading each day."""
RESUMED_WITHIN: Final = timedelta(hours=3)
"""A harvest that did not become complete is gone on with by one that begins within this; later it begins anew."""
LOOKED_BACK: Final = timedelta(hours=2)
"""How far an increment reaches back before the last run: offers appear late, and clocks differ by an hour."""
LEFT_OUT: Final = "not_seen_for_a_day"
_LEAST_LEFT: Final = 0.8
"""Share of what was found that the country must still announce at the end."""

Mapper = Callable[[bytes, Kit], Entry | Rejection]


class Harvest:
    """One run over an open journal. `mapped` makes a card or a rejection of a row as it came."""

    def __init__(self, search: Search, journal: Journal, kit: Kit, mapped: Mapper) -> None:
        self._search = search
        self._journal = journal
        self._kit = kit
        self._mapped = mapped
        self._mark = kit.mark(kit.settings.france_travail_url)
        # What is repaired on a row is kept with it and counted when it is published.
        self._aside = replace(kit, notes=Notes())
        self._departements = kit.departements
        self._contracts = dict(CONTRACTS)
        if any(name == "offers-aa" for name, _ in kit.settings.expected_sources()):
            self._contracts |= WITHOUT_LBA
        bounds = Bounds(romes=kit.occupations.codes(), now=kit.now)
        self._reader = Reader(search, bounds, take=self._take, done=self._done)

    async def read(self) -> None:
        """Read what is due into the journal, and say on the kit's notes how it went."""
        state = self._journal.state
        if self._kit.increment and state.mark == self._mark and is_within(state.whole, self._kit.now, KEPT_FOR):
            await self._read_created()
        else:
            await self._read_all()

    def rows(self) -> Iterator[Entry | Rejection]:
        """Everything to be published."""
        for outcome, remarks in self._journal.everything():
            for code in remarks:
                self._kit.notes.remark(code)
            yield outcome

    async def _read_created(self) -> None:
        journal, now = self._journal, self._kit.now
        self._kit.notes.announced = await self._search.total(self._contracts)
        since = (instant(journal.state.covered_to) or now) - LOOKED_BACK
        window = {"minCreationDate": told_instant(since), "maxCreationDate": told_instant(now)}
        created = Partition(name=CREATED, params={**self._contracts, **window})
        await self._reader.read([created])
        if created.problem:
            raise created.error or UpstreamMalformed(self._search.name, f"{CREATED}: {created.problem}")
        journal.change(covered_to=sortable(now))
        self._kit.notes.complete = journal.state.begun == journal.state.whole
        self._publish([*journal.sections().values(), _section(created, now)], sortable(now))

    async def _read_all(self) -> None:
        journal, now = self._journal, self._kit.now
        state = journal.state
        resumed = (
            state.begun != state.whole and state.mark == self._mark and is_within(state.begun, now, RESUMED_WITHIN)
        )
        if not resumed:
            journal.change(begun=sortable(now), mark=self._mark)
        begun = journal.state.begun
        before = self._kit.notes.announced = await self._search.total(self._contracts)
        if not before:
            raise UpstreamMalformed(self._search.name, "says that there is not one offer in the whole country")
        departements = await self._read_departements(begun)
        after = self._kit.notes.announced = await self._search.total(self._contracts)
        moved = resumed or before != after or any(each.moved or each.problem for each in departements)
        if moved or journal.count(begun) < after:
            whole = await self._read_country(begun)
        else:
            whole = True
            journal.finish(Section(name=ELSEWHERE, seen=sortable(now)))
        if whole:
            journal.forget(begun)
            journal.change(whole=begun, covered_to=max(begun, state.covered_to))
        self._kit.notes.complete = whole
        self._publish(list(journal.sections().values()), begun)

    async def _read_departements(self, begun: str) -> list[Partition]:
        """Those that this harvest has not read yet."""
        sections = self._journal.sections().values()
        read = {each.name for each in sections if each.seen >= begun and each.problem is None}
        found = [
            Partition(name=code, params={**self._contracts, "departement": code})
            for code in self._departements
            if code not in read
        ]
        await self._reader.read(found)
        return found

    async def _read_country(self, begun: str) -> bool:
        """Everything without a place; noted is what no département had shown. Whether it is proven."""
        shown = self._journal.count(begun)
        country = Partition(name=ELSEWHERE, params=self._contracts, axes=COUNTRY_AXES)
        await self._reader.read([country])
        found = self._journal.count(begun)
        if found < country.least * ENOUGH:
            country.problem = country.problem or f"{found} of the {country.announced} offers of the country found"
        elif found * _LEAST_LEFT > country.announced:
            # So many do not go while one reads: either half of the country is hidden now, or it was invented before.
            country.problem = (
                country.problem or f"{found} offers found, of which the country announces {country.announced}"
            )
        section = _section(country, self._kit.now)
        missing = max(0, country.announced - shown)
        self._journal.finish(msgspec.structs.replace(section, announced=missing, distinct=found - shown))
        return country.problem is None

    def _take(self, partition: Partition, rows: Sequence[Row]) -> None:
        """Map new rows into the journal; what the départements have shown already is not mapped once more."""
        if partition.name == ELSEWHERE:
            unseen = self._journal.unseen([row.key for row in rows], self._journal.state.begun)
            rows = [row for row in rows if row.key in unseen]
        is_placed = partition.name in self._departements
        found = [self._found(row, partition.name if is_placed else None) for row in rows]
        self._journal.keep(found, self._kit.now, move=is_placed)
        self._kit.notes.read += len(found)

    def _found(self, row: Row, partition: str | None) -> Found:
        outcome = self._mapped(row.raw, self._aside)
        remarks = tuple(self._aside.notes.remarks.elements())
        self._aside.notes.remarks.clear()
        placed = outcome.card.place.departement if isinstance(outcome, Entry) else None
        if partition is None:
            partition = placed if placed in self._departements else ELSEWHERE
        return Found(key=row.key, partition=partition, outcome=outcome, remarks=remarks)

    def _done(self, partition: Partition) -> None:
        if partition.name in self._departements:
            self._journal.finish(_section(partition, self._kit.now))

    def _publish(self, sections: Sequence[Section], since: str) -> None:
        """Leave out what nobody has seen for a day, and note how each partition was read."""
        left_out = self._journal.forget(sortable(self._kit.now - KEPT_FOR))
        carried = self._journal.counts(before=since)
        notes = self._kit.notes
        notes.remarks.update({LEFT_OUT: sum(left_out.values())} if left_out else {})
        notes.as_of = instant(self._journal.oldest())
        notes.parts += [
            Part(
                name=section.name,
                announced=section.announced,
                read=section.read,
                distinct=section.distinct,
                searches=section.searches,
                carried=carried.get(section.name, 0),
                left_out=left_out.get(section.name, 0),
                seen=section.seen or None,
                remark=section.remark,
                problem=section.problem,
            )
            for section in sections
        ]


def _section(partition: Partition, now: datetime) -> Section:
    distinct = len(partition.keys)
    short = partition.announced - distinct
    return Section(
        name=partition.name,
        announced=partition.announced,
        read=partition.read,
        distinct=distinct,
        searches=partition.searches,
        seen="" if partition.problem else sortable(now),
        remark=f"{short} of {partition.announced} offers came or went while it was read" if short > 0 else None,
        problem=partition.problem,
    )
