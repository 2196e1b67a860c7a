"""A national data set that nobody can take for real: how many rows of each kind, where, and for which occupations.

Only small columns are kept (a place, an occupation, an oddity for each row); a row's text is made from its number when
somebody asks for it, so that 350 000 offers need little memory and any row can be made alone. Same seed and same day:
same bytes.

Rows are spread by population over the communes of the 101 départements and by weight over the trades. Before that, a
floor is laid: the first rows of each kind, up to `FLOOR_SHARE` of them, go in turn to the seat of every département and
to each of the `FREQUENT` trades, so that no département is without the usual trades.
"""

import math
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from widget_server.reference.occupations import Occupations
from widget_server.reference.places import Commune, Places
from widget_server.reference.tables import SHIPPED
from widget_server.sandbox.dice import Dice, Numbers, column, mix, unit, weighted
from widget_server.sandbox.dirt import Kind, soiled
from widget_server.sandbox.phrases import FAMILIES
from widget_server.sandbox.trades import FAMILY_OF, FREQUENT, OTHER_PER_MILLE, TRADES

FLOOR_ROUNDS: Final = 2
"""How many rows each frequent trade gets at the seat of each département, where there are rows enough."""
FLOOR_SHARE: Final = 0.4
"""Part of the rows of a kind that the floor may take."""

CLEAN_ROWS: Final = FREQUENT * 101
"""The first round of the floor has no oddity."""

_JITTER_DEGREES: Final = 0.012
_SCHOOLS_FOR: Final = 10
_LINKED_PER_MILLE: Final = 250
_CHILD_PER_MILLE: Final = 700
_PARTNER_PER_MILLE: Final = 280
_PROFESSIONNALISATION_PER_MILLE: Final = 180
_LASTING_PER_MILLE: Final = 120
_DAYS_BACK: Final = 60
_SCHOOLS_AT_SEATS: Final = 2
_DIPLOMAS: Final = 4

# One stream of numbers for each question, so that an answer never depends on which others were asked.
_PLACE, _TRADE, _OTHER, _OFFSET, _CHILD, _LINK, _ORIGIN, _NATURE, _AGE, _SCHOOL, _DIPLOMA, _SEAT = range(12)
_STREAMS: Final[dict[Kind, int]] = {"offers": 100, "trainings": 200, "recruiters": 300}
_SCHOOL_STREAM: Final = 400
_TEXT: Final = 50

Degrees = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many rows of each kind."""

    offers: int = 12_000
    trainings: int = 20_000
    recruiters: int = 60_000

    def times(self, factor: float) -> "Counts":
        """The same proportions, at least one row for each département."""
        return Counts(
            offers=max(101, round(self.offers * factor)),
            trainings=max(101, round(self.trainings * factor)),
            recruiters=max(101, round(self.recruiters * factor)),
        )


SIZES: Final[dict[str, Counts]] = {
    "default": Counts(),
    "large": Counts(offers=120_000, trainings=60_000, recruiters=400_000),
    "national": Counts(offers=350_000, trainings=60_000, recruiters=400_000),
}
"""Sizes by name; a number such as 0.05 multiplies the default one."""


def counts_of(scale: str | float | Counts) -> Counts:
    """The counts of a named size, of a factor of the default size, or as given."""
    if isinstance(scale, Counts):
        return scale
    if isinstance(scale, str) and scale in SIZES:
        return SIZES[scale]
    try:
        factor = float(scale)
        if not 0 < factor < math.inf:
            raise ValueError(f"{scale!r} is no factor above 0")
    except ValueError as error:
        raise ValueError(f"{scale!r} is neither a number nor one of {', '.join(SIZES)}; numbers are above 0") from error
    return Counts().times(factor)


class Geography:
    """The communes that rows may be in, as columns."""

    def __init__(self, places: Places) -> None:
        every = places.communes()
        split = {each.municipality for each in every if each.municipality != each.insee}
        real = {each.code for each in places.real_departements()}
        self.places = places
        self.communes: list[Commune] = [
            each
            for each in every
            if each.latitude is not None
            and each.longitude is not None
            and each.postcodes
            and each.insee not in split
            and each.departement in real
        ]
        self.departements = sorted({each.departement for each in self.communes})
        numbers = {code: number for number, code in enumerate(self.departements)}
        self.departement_of: Numbers = np.array([numbers[each.departement] for each in self.communes], dtype=np.int64)
        self.population: Numbers = np.array([each.population for each in self.communes], dtype=np.int64)
        self.latitude: Degrees = np.array([each.latitude for each in self.communes])
        self.longitude: Degrees = np.array([each.longitude for each in self.communes])
        self._seats = self._seats_of()

    def _seats_of(self) -> list[list[int]]:
        """For each département the commune of its chef-lieu, or that city's arrondissements."""
        by_city: dict[str, list[int]] = {}
        for position, commune in enumerate(self.communes):
            by_city.setdefault(commune.municipality, []).append(position)
        found: list[list[int]] = []
        for code in self.departements:
            departement = self.places.departement(code)
            seat = by_city.get(departement.chef_lieu or "") if departement else None
            if seat is None:
                inside = np.flatnonzero(self.departement_of == len(found))
                seat = [int(inside[np.argmax(self.population[inside])])]
            found.append(seat)
        return found

    def seats(self, departements: Numbers, draws: Numbers) -> Numbers:
        """A commune of the seat of each département."""
        return np.array(
            [
                self._seats[number][draw % len(self._seats[number])]
                for number, draw in zip(departements.tolist(), draws.tolist(), strict=True)
            ],
            dtype=np.int64,
        )


class Jobs:
    """The parent codes of ROME as columns, with their weights, families and children."""

    def __init__(self, occupations: Occupations) -> None:
        self.occupations = occupations
        self.codes: tuple[str, ...] = occupations.codes()
        number = {code: position for position, code in enumerate(self.codes)}
        self.parents = [code for code in self.codes if occupations.parent(code) == code]
        place = {code: position for position, code in enumerate(self.parents)}
        trades = {trade.rome: trade for trade in TRADES}
        self.trades = [trades.get(code) for code in self.parents]
        self.weights = [trade.weight if trade else 0 for trade in self.trades]
        names = list(FAMILIES)
        self.families = names
        self.family_of: Numbers = np.array(
            [names.index(trades[code].family if code in trades else FAMILY_OF[code[0]]) for code in self.parents],
            dtype=np.int64,
        )
        self.of_family: dict[str, list[str]] = {name: [] for name in names}
        for trade in TRADES:
            self.of_family[trade.family].append(trade.rome)
        frequent = sorted(TRADES, key=lambda trade: (-trade.weight, trade.rome))[:FREQUENT]
        self.frequent: Numbers = np.array([place[trade.rome] for trade in frequent], dtype=np.int64)
        self.code_of: Numbers = np.array([number[code] for code in self.parents], dtype=np.int64)
        children = [[number[child] for child in occupations.children(code)] for code in self.parents]
        self.child_count: Numbers = np.array([len(each) for each in children], dtype=np.int64)
        self.child_start: Numbers = np.concatenate(([0], np.cumsum(self.child_count)[:-1])).astype(np.int64)
        self.child_codes: Numbers = np.array([child for each in children for child in each], dtype=np.int64)

        titles: dict[str, int] = {}
        self.title_of: Numbers = np.array(
            [
                [titles.setdefault(self.diploma(job, number)[0], len(titles)) for number in range(_DIPLOMAS)]
                for job in range(len(self.parents))
            ],
            dtype=np.int64,
        )

    def diploma(self, parent: int, number: int) -> tuple[str, int]:
        """Title and level of a diploma of a parent, by position; occupations beyond the table have one."""
        trade = self.trades[parent]
        if trade is not None:
            return trade.diplomas[number % len(trade.diplomas)]
        label = self.occupations.label(self.parents[parent]) or self.parents[parent]
        return f"{label.partition(' / ')[0].upper()} (TP)", 3 + mix(parent) % 4

    def family(self, parent: int) -> str:
        """The family of a parent, by its position."""
        return self.families[int(self.family_of[parent])]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What every kind of row has. `job` is a position among the parents of ROME, `commune` one in the geography."""

    commune: Numbers
    job: Numbers
    latitude: Degrees
    longitude: Degrees
    dirt: Numbers

    def __len__(self) -> int:
        return len(self.commune)


@dataclass(frozen=True, kw_only=True)
class OfferRows(Rows):
    """Offers. `rome` is a position among all codes; `employer` one among the recruiters, or -1; `created` in ms."""

    rome: Numbers
    employer: Numbers
    rank: Numbers
    partner: npt.NDArray[np.bool_]
    professional: npt.NDArray[np.bool_]
    lasting: npt.NDArray[np.bool_]
    created: Numbers


@dataclass(frozen=True, kw_only=True)
class TrainingRows(Rows):
    """Trainings of a school; `rank` tells apart those that are otherwise the same."""

    school: Numbers
    diploma: Numbers
    rank: Numbers


@dataclass(frozen=True)
class Economy:
    """The whole data set for one seed and one day."""

    seed: int
    day: date
    counts: Counts
    places: Places
    occupations: Occupations
    geography: Geography = field(init=False)
    jobs: Jobs = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "geography", Geography(self.places))
        object.__setattr__(self, "jobs", Jobs(self.occupations))

    @property
    def midnight(self) -> datetime:
        """The start of the day, UTC; nothing is younger, except what changes afterwards."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)

    def dice(self, kind: Kind, row: int) -> Dice:
        """Draws for the text of one row."""
        return Dice(self.seed, _STREAMS[kind] + _TEXT, row)

    @cached_property
    def retired(self) -> dict[str, list[str]]:
        """Commune codes that no longer exist, by the code of today."""
        found: dict[str, list[str]] = {}
        for old, today in SHIPPED.rows("retired_communes"):
            found.setdefault(today, []).append(old)
        return found

    @cached_property
    def recruiters(self) -> Rows:
        """The companies."""
        rows = np.arange(self.counts.recruiters, dtype=np.int64)
        floor = _floor(self.counts.recruiters)
        commune, job = self._placed("recruiters", rows, floor)
        latitude, longitude = self._points("recruiters", rows, commune)
        dirt = soiled("recruiters", self.seed, rows, min(floor, CLEAN_ROWS))
        return Rows(commune=commune, job=job, latitude=latitude, longitude=longitude, dirt=dirt)

    @cached_property
    def schools(self) -> tuple[Numbers, Degrees, Degrees]:
        """The communes of the schools and their points; the first ones are at the seats of the départements."""
        seats = _SCHOOLS_AT_SEATS * len(self.geography.departements)
        rows = np.arange(max(seats, self.counts.trainings // _SCHOOLS_FOR), dtype=np.int64)
        words = column(self.seed, _SCHOOL_STREAM + _PLACE, rows)
        commune = weighted(words, self.geography.population)
        first = rows[:seats]
        commune[:seats] = self.geography.seats(first % len(self.geography.departements), first // 101)
        latitude, longitude = self._shifted(_SCHOOL_STREAM, rows, commune)
        return commune, latitude, longitude

    @cached_property
    def trainings(self) -> TrainingRows:
        """The trainings."""
        count, stream = self.counts.trainings, _STREAMS["trainings"]
        rows = np.arange(count, dtype=np.int64)
        floor = _floor(count)
        communes, latitudes, longitudes = self.schools
        school = (column(self.seed, stream + _SCHOOL, rows) % np.uint64(len(communes))).astype(np.int64)
        turn = rows[:floor]
        departements = len(self.geography.departements)
        school[:floor] = turn % departements + departements * (turn // departements % _SCHOOLS_AT_SEATS)
        job = self._jobs("trainings", rows, floor)
        choices = np.array([len(trade.diplomas) if trade else 1 for trade in self.jobs.trades], dtype=np.int64)
        drawn = (column(self.seed, stream + _DIPLOMA, rows) >> np.uint64(1)).astype(np.int64)
        diploma = drawn % choices[job]
        return TrainingRows(
            commune=communes[school],
            job=job,
            latitude=latitudes[school],
            longitude=longitudes[school],
            dirt=soiled("trainings", self.seed, rows, min(floor, CLEAN_ROWS)),
            school=school,
            diploma=diploma,
            rank=_ranks(school * (1 << 20) + self.jobs.title_of[job, diploma]),
        )

    @cached_property
    def offers(self) -> OfferRows:
        """The offers at the start of the day."""
        return self.some_offers(0, self.counts.offers)

    def some_offers(self, start: int, end: int) -> OfferRows:
        """The offers numbered from `start` to `end`; those beyond the count are the ones that a change may create."""
        stream = _STREAMS["offers"]
        rows = np.arange(start, end, dtype=np.int64)
        floor = _floor(self.counts.offers)
        commune, job = self._placed("offers", rows, floor)
        latitude, longitude = self._points("offers", rows, commune)
        employer = self._employers(rows, commune, job)
        linked = employer >= 0
        companies = self.recruiters
        latitude = np.where(linked, companies.latitude[employer], latitude)
        longitude = np.where(linked, companies.longitude[employer], longitude)
        rome = self._romes(rows, job)
        age = unit(column(self.seed, stream + _AGE, rows)) * _DAYS_BACK * 86_400_000
        midnight = int(self.midnight.timestamp() * 1000)
        fresh = midnight + (rows - self.counts.offers + 1) * 1000
        created = np.where(rows < self.counts.offers, midnight - 1 - age.astype(np.int64), fresh)
        alone = np.where(linked, employer * len(self.jobs.codes) + rome, -1 - rows)
        return OfferRows(
            commune=commune,
            job=job,
            latitude=np.round(latitude, 5),
            longitude=np.round(longitude, 5),
            dirt=soiled("offers", self.seed, rows, min(floor, CLEAN_ROWS)),
            rome=rome,
            employer=employer,
            rank=_ranks(alone),
            partner=self._often(stream + _ORIGIN, rows, _PARTNER_PER_MILLE),
            professional=self._often(stream + _NATURE, rows, _PROFESSIONNALISATION_PER_MILLE),
            lasting=self._often(stream + _NATURE + _TEXT * 10, rows, _LASTING_PER_MILLE),
            created=created,
        )

    def _placed(self, kind: Kind, rows: Numbers, floor: int) -> tuple[Numbers, Numbers]:
        words = column(self.seed, _STREAMS[kind] + _PLACE, rows)
        commune = weighted(words, self.geography.population)
        turn = rows[rows < floor]
        departements = len(self.geography.departements)
        commune[rows < floor] = self.geography.seats(turn % departements, turn // departements + _seat(self.seed, kind))
        return commune, self._jobs(kind, rows, floor)

    def _jobs(self, kind: Kind, rows: Numbers, floor: int) -> Numbers:
        stream = _STREAMS[kind]
        drawn = weighted(column(self.seed, stream + _TRADE, rows), self.jobs.weights)
        any_parent = column(self.seed, stream + _OTHER, rows)
        other = self._often(stream + _OTHER + _TEXT * 10, rows, OTHER_PER_MILLE)
        job = np.where(other, (any_parent % np.uint64(len(self.jobs.parents))).astype(np.int64), drawn)
        turn = rows[rows < floor] // len(self.geography.departements)
        job[rows < floor] = self.jobs.frequent[turn % len(self.jobs.frequent)]
        return job.astype(np.int64)

    def _romes(self, rows: Numbers, job: Numbers) -> Numbers:
        """A child of the parent more often than the parent itself, where there are children."""
        stream = _STREAMS["offers"]
        count = self.jobs.child_count[job]
        drawn = (column(self.seed, stream + _CHILD, rows) >> np.uint64(1)).astype(np.int64)
        child = (count > 0) & self._often(stream + _CHILD + _TEXT * 10, rows, _CHILD_PER_MILLE)
        position = self.jobs.child_start[job] + drawn % np.maximum(count, 1)
        chosen = self.jobs.child_codes[np.where(child, position, 0)]
        return np.where(child, chosen, self.jobs.code_of[job])

    def _employers(self, rows: Numbers, commune: Numbers, job: Numbers) -> Numbers:
        """For a part of the offers, a company of the same commune and family, so that both kinds meet in one place."""
        order, keys = self._companies
        wanted = self._keys(commune, job)
        first, end = np.searchsorted(keys, wanted, "left"), np.searchsorted(keys, wanted, "right")
        drawn = (column(self.seed, _STREAMS["offers"] + _LINK, rows) >> np.uint64(1)).astype(np.int64)
        linked = (end > first) & self._often(_STREAMS["offers"] + _LINK + _TEXT * 10, rows, _LINKED_PER_MILLE)
        chosen = np.where(linked, first + drawn % np.maximum(end - first, 1), 0)
        return np.where(linked, order[chosen], -1).astype(np.int64)

    @cached_property
    def _companies(self) -> tuple[Numbers, Numbers]:
        """The clean companies in the order of commune and family, with those keys."""
        rows = self.recruiters
        clean = np.flatnonzero(rows.dirt == 0)
        keys = self._keys(rows.commune[clean], rows.job[clean])
        order = np.argsort(keys, kind="stable")
        return clean[order].astype(np.int64), keys[order]

    def _keys(self, commune: Numbers, job: Numbers) -> Numbers:
        return commune * len(self.jobs.families) + self.jobs.family_of[job]

    def _points(self, kind: Kind, rows: Numbers, commune: Numbers) -> tuple[Degrees, Degrees]:
        return self._shifted(_STREAMS[kind], rows, commune)

    def _shifted(self, stream: int, rows: Numbers, commune: Numbers) -> tuple[Degrees, Degrees]:
        """Near the centre of the commune, within about 1.3 km."""
        north = unit(column(self.seed, stream + _OFFSET, rows)) * 2 - 1
        east = unit(column(self.seed, stream + _OFFSET + _TEXT * 10, rows)) * 2 - 1
        latitude = np.round(self.geography.latitude[commune] + north * _JITTER_DEGREES, 5)
        longitude = np.round(self.geography.longitude[commune] + east * _JITTER_DEGREES, 5)
        return latitude, longitude

    def _often(self, stream: int, rows: Numbers, per_mille: int) -> npt.NDArray[np.bool_]:
        return column(self.seed, stream, rows) % np.uint64(1000) < np.uint64(per_mille)


def make_economy(
    *,
    seed: int = 1,
    scale: str | float | Counts = "default",
    now: datetime,
    places: Places | None = None,
    occupations: Occupations | None = None,
) -> Economy:
    """The data set of a seed on the day of `now` (UTC)."""
    return Economy(
        seed=seed,
        day=(now if now.tzinfo is None else now.astimezone(UTC)).date(),
        counts=counts_of(scale),
        places=places or Places.load(),
        occupations=occupations or Occupations.load(),
    )


def school_year_starts(day: date) -> tuple[date, date, date]:
    """The September of the current school year and the two next ones."""
    current = day.year if day.month >= 9 else day.year - 1
    first = date(current, 9, 1)
    return first, first.replace(year=current + 1), first.replace(year=current + 2)


def moment(milliseconds: int) -> datetime:
    """An instant from milliseconds since 1970."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


def _floor(count: int) -> int:
    return min(FLOOR_ROUNDS * FREQUENT * 101, int(count * FLOOR_SHARE))


def _seat(seed: int, kind: Kind) -> int:
    return mix(seed, _STREAMS[kind] + _SEAT) % 16


def _ranks(keys: Numbers) -> Numbers:
    """For each row how many rows before it have its key."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    fresh = np.concatenate(([True], ordered[1:] != ordered[:-1])) if len(keys) else np.zeros(0, dtype=np.bool_)
    starts = np.maximum.accumulate(np.where(fresh, np.arange(len(keys)), 0)) if len(keys) else np.zeros(0)
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[order] = np.arange(len(keys)) - starts
    return ranks
