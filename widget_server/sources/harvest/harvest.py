"""Every offer of France Travail: the country in spans of creation dates, each département compared; proven, resumable.

A full harvest reads the whole country without place, cut into spans of creation dates that each fit into one search.
That shows every offer once, those placed in a région or in France only as well. Then each of the 101 départements is
asked how many offers it has. One that has more than were found for it is read by itself, split on the documented axes
where it has to be; where a span could not be read, or the country announces more than was found, the country is read
once more by domains. So an offer that one way does not show is found by another, and a count that is reached says so
for every département. Counts alone would prove nothing, because an offer that was deleted hides one that was never
shown. The harvest is complete when every span was read to its end, or else the country was, and no count is missed.

Everything found goes to a journal, and the snapshot is made from the journal. A crash costs the spans that were under
way. What fails keeps what it had, for a day at most. Only a complete harvest deletes.

An increment asks for what was created since the last run. It learns of no change and of no deletion, so the data stay
as old as the last complete harvest. Where that is older than a day, or was made with other settings, lists or tables,
an increment is a full harvest.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from widget_server.domain.cards import Entry, Rejection
from widget_server.domain.errors import UpstreamError, UpstreamMalformed, UpstreamRefused
from widget_server.snapshot.manifest import Part
from widget_server.sources.harvest.journal import ELSEWHERE, Found, Journal, Section, is_within
from widget_server.sources.harvest.partitions import FAILURES, TOGETHER, Partition, Reader
from widget_server.sources.harvest.search import ENOUGH, Row, Search
from widget_server.sources.harvest.split import (
    AHEAD,
    AIMED_AT,
    COUNTRY_AXES,
    SPAN_AXES,
    Bounds,
    Params,
    Span,
    ages,
    told_instant,
)
from widget_server.sources.kit.source import Kit, Notes, instant, sortable

CONTRACTS: Final[Mapping[str, str]] = {"natureContrat": "E2,FS"}
"""natureContrat alone: with typeContrat beside it the two are joined by OR."""
WITHOUT_LBA: Final[Mapping[str, str]] = {
    "partenaires": "LABONNEALTERNANCE",
    "modeSelectionPartenaires": "EXCLU",
}
"""Leaves out the offers that La bonne alternance passes on to France Travail, where it is a source itself."""
CREATED: Final = "nouvelles offres"

KEPT_FOR: Final = timedelta(hours=24)
"""How long an offer is shown that nobody has seen again; the licence asks for a reading each day."""
RESUMED_WITHIN: Final = timedelta(hours=3)
"""A harvest that did not become complete is gone on with by one that begins within this; later it begins anew."""
LOOKED_BACK: Final = timedelta(hours=2)
"""How far an increment reaches back before the last run: offers appear late, and clocks differ by an hour."""
LEFT_OUT: Final = "not_seen_for_a_day"
_LEAST_LEFT: Final = 0.8
"""Share of what the country announced at first that it must still announce in the end."""

Mapper = Callable[[bytes, Kit], tuple[Entry | Rejection, str | None]]
"""What a row becomes, and the département that it names."""


class Harvest:
    """One run over an open journal."""

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
        self._begun = ""
        self._spans: dict[str, Span] = {}
        self._broken: list[Section] = []

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
        created = Partition(name=CREATED, params=Span(since, now).params(self._contracts))
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
            journal.begin(sortable(now), self._mark)
        begun = self._begun = journal.state.begun
        self._kit.notes.announced = await self._search.total(self._contracts)
        if not self._kit.notes.announced:
            raise UpstreamMalformed(self._search.name, "says that there is not one offer in the whole country")
        expected = max(self._kit.notes.announced, journal.count(begun))
        is_read = await self._read_spans(begun)
        await self._read_departements(begun)
        whole = await self._close(begun, expected, is_read=is_read)
        if whole:
            journal.forget(begun)
            journal.change(whole=begun, covered_to=max(begun, state.covered_to))
        self._kit.notes.complete = whole
        self._publish([*journal.sections().values(), *self._broken], begun)

    async def _read_spans(self, begun: str) -> bool:
        """The country, the oldest offers first, without what this harvest has read already. Whether all was read."""
        covered = self._journal.covered()
        left = [each for age in ages(instant(begun) or self._kit.now) for each in age.without(covered)]
        announced = await self._announced({_name(span): span.params(self._contracts) for span in left})
        self._spans = {}
        for span in left:
            count = announced.get(_name(span), 1)
            if not count:
                self._journal.cover(span)
            self._spans |= {_name(each): each for each in span.cut(-(-count // AIMED_AT))} if count else {}
        await self._reader.read(
            Partition(name=name, params=span.params(self._contracts), axes=SPAN_AXES)
            for name, span in self._spans.items()
        )
        return not self._broken and await self._read_newest(begun)

    async def _read_newest(self, begun: str) -> bool:
        """What was created while everything else was read; whether all of that was read."""
        since = (instant(begun) or self._kit.now) - LOOKED_BACK
        newest = Span(since, self._kit.now + AHEAD)
        created = Partition(name=CREATED, params=newest.params(self._contracts), axes=SPAN_AXES)
        await self._reader.read([created])
        return created.problem is None

    async def _read_departements(self, begun: str) -> None:
        """Compare each one that was not compared yet with what was found for it; read those that have more."""
        journal = self._journal
        done = {each.name for each in journal.sections().values() if each.seen >= begun and each.problem is None}
        left = {code: {**self._contracts, "departement": code} for code in self._departements if code not in done}
        for is_last in (False, True):
            announced = await self._announced(left)
            shown = journal.shown(begun)
            for code in list(left):
                if code in announced and shown.get(code, 0) >= announced[code]:
                    self._compared(code, announced[code], shown.get(code, 0))
                    del left[code]
            # What was created since it was read is no reason to read whole départements.
            if not left or is_last or not await self._read_newest(begun):
                break
        await self._reader.read(Partition(name=code, params=params) for code, params in left.items())

    async def _announced(self, searches: Mapping[str, Params]) -> dict[str, int]:
        """How many offers each search has. One that does not say is left out: reading it will tell why."""
        announced: dict[str, int] = {}
        waiting = iter(searches.items())
        failures = 0

        async def work() -> None:
            nonlocal failures
            for name, params in waiting:
                if failures >= FAILURES:
                    return
                try:
                    announced[name] = await self._search.total(params)
                except UpstreamError as error:
                    failures += not (isinstance(error, UpstreamRefused) and error.status == 400)

        await asyncio.gather(*(work() for _ in range(TOGETHER)))
        return announced

    def _compared(self, code: str, announced: int, shown: int) -> None:
        seen = sortable(self._kit.now)
        self._journal.finish(Section(name=code, announced=announced, read=shown, distinct=shown, searches=1, seen=seen))

    async def _close(self, begun: str, expected: int, *, is_read: bool) -> bool:
        """Compare all that was found with the country; read it by domains where something is missing. Whether whole.

        `expected` is how many offers there were at first.
        """
        journal, notes = self._journal, self._kit.notes
        country = Partition(name=ELSEWHERE, params=self._contracts, axes=COUNTRY_AXES)
        country.announced = await self._search.total(self._contracts)
        if journal.count(begun) < country.announced and is_read:
            is_read = await self._read_newest(begun)
        if journal.count(begun) < country.announced or not is_read:
            await self._reader.read([country])
        notes.announced = country.announced
        found = journal.count(begun)
        if found < country.least * ENOUGH:
            country.problem = country.problem or f"{found} of the {country.announced} offers of the country found"
        elif expected * _LEAST_LEFT > country.announced:
            # So many do not go while one reads: either half of the country is hidden now, or it was invented before.
            said = f"the country announced {expected} offers at first and {country.announced} in the end"
            country.problem = country.problem or said
        shown = journal.shown(begun)
        placed = sum(section.announced for section in journal.sections().values() if section.name in self._departements)
        elsewhere = msgspec.structs.replace(
            _section(country, self._kit.now),
            announced=max(0, country.announced - placed),
            read=shown.get(ELSEWHERE, 0),
            distinct=shown.get(ELSEWHERE, 0),
        )
        journal.finish(elsewhere)
        return country.problem is None

    def _take(self, partition: Partition, rows: Sequence[Row]) -> None:
        """Map new rows into the journal; what this harvest has mapped already only when a département claims it."""
        owner = partition.name if partition.name in self._departements else None
        if owner is None and self._begun:
            unseen = self._journal.unseen([row.key for row in rows], self._begun)
            rows = [row for row in rows if row.key in unseen]
        found = [self._found(row, owner) for row in rows]
        self._journal.keep(found, self._kit.now)
        self._kit.notes.read += len(found)

    def _found(self, row: Row, owner: str | None) -> Found:
        outcome, named = self._mapped(row.raw, self._aside)
        remarks = tuple(self._aside.notes.remarks.elements())
        self._aside.notes.remarks.clear()
        partition = owner or (named if named in self._departements else None)
        return Found(key=row.key, partition=partition, outcome=outcome, remarks=remarks)

    def _done(self, partition: Partition) -> None:
        if partition.name in self._departements:
            self._journal.finish(_section(partition, self._kit.now))
        elif partition.name in self._spans:
            if partition.problem is None:
                self._journal.cover(self._spans[partition.name])
            else:
                self._broken.append(_section(partition, self._kit.now))
            partition.keys.clear()  # all of them together would be the whole country

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


def _name(span: Span) -> str:
    return f"{told_instant(span.first)} to {told_instant(span.last)}"


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
