"""A synthetic economy: establishments that are born, sleep, wake, hire and close, month by month, by known laws.

Its truth is known, so the best possible forecast is too: quality becomes a ratio to a ceiling (`oracles.py`). Each
process draws from a stream of its own, so that changing one parameter leaves what the others drew as it was.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self
from zlib import crc32

import msgspec
import numpy as np

from widget_server.forecast.clock import LABEL_MONTHS, Month, Origin
from widget_server.forecast.ground import Ground
from widget_server.forecast.scorers import Flags, Integers, Numbers, Singles, Texts

MIX_WIDTH: Final = 8
"""How many occupations an activity has at most."""
ONLY, BRANCH, MOVED = 0, 9_000, 9_990
"""The number of an establishment within its company: the only one or the head, the first branch, after a move."""
_DAY: Final = Month.parse("2026-07")
_FIRST_SIREN: Final = 1_000_000
_SIRENS: Final = 8_999_993  # a prime: numbers spread by a multiple of them never meet
_SPREAD: Final = 5_477_233


@dataclass(frozen=True, kw_only=True)
class Laws:
    """The parameters of an economy; another economy is `replace(Laws(), sleep=0.02)`. Times in months, size in people.

    history, day     months before the day, and the day; the window of the label comes after
    dispersion       R: a count is Poisson(intensity x G), G ~ Gamma(R, 1/R)
    dormant          intensity of an establishment that sleeps
    sleep, wake_most P(active -> dormant) a month; the way back follows from the stationary share, up to this
    active_*         logit of the stationary share: at size e^1.5, by ln size, its noise by NAF and by establishment
    lasting          sigma of what an establishment has for ever; drift_* is its AR(1)
    season           by month from January; its noise by sector and month
    macro_*          the random walk of the whole country; tension_* the yearly AR(1) by département and sector
    tension_shown    sigma of the noise with which the survey shows the tension of the year before
    rate_*           ln intensity by NAF; size_power and tension_power are exponents
    size_*           ln size; its noise by NAF; the largest one
    young, births    the share that is born in this window of months; the others are 1 to `oldest` months older
    closing_*        hazard = closing exp(-closing_size (ln size - 1)) + closing_least
    activity_*       weights of NAF: Pareto + least; `occupations` of each, shares Dirichlet; own_mix is the firm's
    unknown_rome     the share of hires whose occupation nobody wrote down
    town_sigma_m     how far establishments are from their town
    """

    history: int = 96
    day: Month = _DAY
    dispersion: float = 1.5
    dormant: float = 0.0015
    sleep: float = 0.035
    wake_most: float = 0.5
    active: float = -1.35
    active_size: float = 0.55
    active_naf: float = 0.6
    active_own: float = 0.35
    lasting: float = 0.75
    drift_kept: float = 0.97
    drift: float = 0.14
    season: tuple[float, ...] = (0.35, 0.25, 0.25, 0.2, 0.25, 0.45, 1.0, 1.0, 4.2, 2.2, 1.0, 0.5)
    season_noise: float = 0.25
    macro_drift: float = 0.004
    macro: float = 0.012
    tension_kept: float = 0.85
    tension_start: float = 0.35
    tension: float = 0.18
    tension_shown: float = 0.15
    tension_power: float = 0.8
    rate: float = -5.35
    rate_naf: float = 0.8
    size_power: float = 0.72
    size: float = 1.3
    size_sigma: float = 1.35
    size_naf: float = 0.4
    size_most: float = 4_000.0
    young: float = 0.35
    births: tuple[int, int] = (-30, 102)
    oldest: int = 400
    closing: float = 0.0035
    closing_size: float = 0.35
    closing_least: float = 0.0008
    activity_shape: float = 1.2
    activity_least: float = 0.2
    occupations: tuple[int, int] = (4, 8)
    occupation_shape: float = 0.9
    own_mix: float = 10.0
    unknown_rome: float = 0.1
    town_sigma_m: float = 8_000.0

    @property
    def start(self) -> Month:
        """The first month."""
        return self.day - self.history

    @property
    def months(self) -> int:
        """History and window together."""
        return self.history + LABEL_MONTHS

    def drift_spread(self) -> float:
        """The stationary sigma of the drift."""
        return self.drift / math.sqrt(1 - self.drift_kept**2)


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What is true and what nobody can know, of every establishment ever drawn; months count from the first one.

    siret              as it is on the day, as a number
    activity, place    the number of its NAF and of its département
    size               in people
    born, closed       the first month of its life and the first one after it
    base               ln intensity without time: rate(naf) + power x ln size
    awake, wake        stationary P(active), P(dormant -> active) a month
    hazard             P(closing) a month
    lasting            what it has for ever, in ln intensity
    mix                [n, 8] how it spreads its hires over the occupations of its activity
    level              [months, départements, sectors] ln intensity by time: tension, macro, season
    naf, sector_of     of each activity, its code and the number of its sector
    romes              codes, sorted; rome_of [activities, 8] are places in it, -1 beyond the last
    affinity           [activities, 8] the mean of the mix
    firm, month, rome, told, n    hires, the window's too: `rome` a place in `romes`, `told` whether it was written down
    seen               the months at whose beginning the states below are known
    active, drift      [seen, n]
    laws               what all of it was drawn from
    """

    siret: Integers
    activity: Integers
    place: Integers
    size: Numbers
    born: Integers
    closed: Integers
    base: Numbers
    awake: Numbers
    wake: Numbers
    hazard: Numbers
    lasting: Singles
    mix: Singles
    level: Numbers
    naf: Texts
    sector_of: Integers
    romes: Texts
    rome_of: Integers
    affinity: Numbers
    firm: Integers
    month: Integers
    rome: Integers
    told: Flags
    n: Integers
    seen: Integers
    active: Flags
    drift: Singles
    laws: Laws

    def save(self, path: Path) -> None:
        """Write it as `truth.npz`; equal truths have equal bytes."""
        laws = np.frombuffer(msgspec.json.encode(self.laws), dtype=np.uint8)
        with path.open("wb") as stream:
            np.savez_compressed(
                stream,
                laws=laws,
                siret=self.siret,
                activity=self.activity,
                place=self.place,
                size=self.size,
                born=self.born,
                closed=self.closed,
                base=self.base,
                awake=self.awake,
                wake=self.wake,
                hazard=self.hazard,
                lasting=self.lasting,
                mix=self.mix,
                level=self.level,
                naf=self.naf,
                sector_of=self.sector_of,
                romes=self.romes,
                rome_of=self.rome_of,
                affinity=self.affinity,
                firm=self.firm,
                month=self.month,
                rome=self.rome,
                told=self.told,
                n=self.n,
                seen=self.seen,
                active=self.active,
                drift=self.drift,
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it back."""
        with np.load(path) as found:
            return cls(
                laws=msgspec.json.decode(found["laws"].tobytes(), type=Laws),
                siret=found["siret"],
                activity=found["activity"],
                place=found["place"],
                size=found["size"],
                born=found["born"],
                closed=found["closed"],
                base=found["base"],
                awake=found["awake"],
                wake=found["wake"],
                hazard=found["hazard"],
                lasting=found["lasting"],
                mix=found["mix"],
                level=found["level"],
                naf=found["naf"],
                sector_of=found["sector_of"],
                romes=found["romes"],
                rome_of=found["rome_of"],
                affinity=found["affinity"],
                firm=found["firm"],
                month=found["month"],
                rome=found["rome"],
                told=found["told"],
                n=found["n"],
                seen=found["seen"],
                active=found["active"],
                drift=found["drift"],
            )

    def time(self, month: Month) -> int:
        """The number of a month, from the first one on."""
        return month.number - self.laws.start.number

    def sector(self) -> Integers:
        """The number of the sector of each establishment."""
        return self.sector_of[self.activity]

    def rows(self, siret: Texts) -> Integers:
        """The places of establishments by their SIRET; a `KeyError` names the first one that it does not know."""
        order = np.argsort(self.siret)
        wanted = siret.astype(np.int64)
        rows: Integers = order[np.minimum(np.searchsorted(self.siret, wanted, sorter=order), len(order) - 1)]
        strangers = np.flatnonzero(self.siret[rows] != wanted)
        if len(strangers):
            raise KeyError(f"{siret[strangers[0]]} is no establishment of this economy")
        return rows


@dataclass(frozen=True, kw_only=True)
class Economy:
    """A truth and what only its files need.

    survey     [years, départements, sectors] the tension that the survey of each of `years` shows, in logits
    weight     [activities] their share of the establishments
    town, x, y where each establishment is: its town, metres in its projection
    """

    ground: Ground
    laws: Laws
    truth: Truth
    years: Integers
    survey: Numbers
    weight: Numbers
    town: Integers
    x: Numbers
    y: Numbers

    @property
    def origin(self) -> Origin:
        """The day that is predicted."""
        return Origin(self.laws.day)


def make_economy(ground: Ground, *, seed: int, size: int, laws: Laws | None = None) -> Economy:
    """Draw an economy of `size` establishments, of which about seven in ten are alive on the day."""
    laws = laws or Laws()
    maker = _Maker(ground, seed, size, laws)
    return maker.make()


Stream = Literal[
    "activities", "choices", "places", "sizes", "births", "closings", "sleepers", "states", "lasting", "drift",
    "counts", "macro", "tension", "survey", "season", "mixes", "occupations",
]  # fmt: skip


class _Maker:
    """One drawing; each method draws from the stream of its name."""

    def __init__(self, ground: Ground, seed: int, size: int, laws: Laws) -> None:
        self.ground, self.seed, self.size, self.laws = ground, seed, size, laws
        self.sectors = ground.sectors
        self.sector_of = np.array([self.sectors.index(each.sector) for each in ground.activities], dtype=np.int64)

    def dice(self, stream: Stream) -> np.random.Generator:
        return np.random.default_rng([self.seed, crc32(stream.encode())])

    def make(self) -> Economy:
        laws, size = self.laws, self.size
        weight, rate, size_of_naf, awake_of_naf = self._activities()
        activity = self.dice("choices").choice(len(weight), size, p=weight).astype(np.int64)
        town, x, y, place = self._places()
        dice = self.dice("sizes")
        people = np.exp(dice.normal(laws.size, laws.size_sigma, size) + size_of_naf[activity])
        people = np.clip(people, 1.0, laws.size_most)
        ln_size = np.log(people)
        born, closed, hazard = self._lives(ln_size)
        logit = laws.active + laws.active_size * (ln_size - 1.5) + awake_of_naf[activity]
        logit += self.dice("sleepers").normal(0, laws.active_own, size)
        # Where the way back is at its most, the share of active ones is what it can be.
        awake = np.minimum(1 / (1 + np.exp(-logit)), laws.wake_most / (laws.wake_most + laws.sleep))
        wake = laws.sleep * awake / (1 - awake)
        level, years, survey = self._times(place)
        rome_of, affinity, mix = self._mixes(activity)
        base = rate[activity] + laws.size_power * ln_size
        lasting = self.dice("lasting").normal(0, laws.lasting, size).astype(np.float32)
        sector = self.sector_of[activity]
        firm, month, n, seen, active, drift = self._history(
            base + lasting, awake, wake, born, closed, level, place * len(self.sectors) + sector
        )
        firm, month, rome, told, n = self._occupations(firm, month, n, rome_of[activity], mix)
        return Economy(
            ground=self.ground,
            laws=laws,
            truth=Truth(
                siret=sirets(np.arange(size, dtype=np.int64), np.full(size, ONLY, dtype=np.int64)),
                activity=activity,
                place=place,
                size=people,
                born=born,
                closed=closed,
                base=base,
                awake=awake,
                wake=wake,
                hazard=hazard,
                lasting=lasting,
                mix=mix,
                level=level,
                naf=np.array([each.naf for each in self.ground.activities]),
                sector_of=self.sector_of,
                romes=np.array(self.ground.romes),
                rome_of=rome_of,
                affinity=affinity,
                firm=firm,
                month=month,
                rome=rome,
                told=told,
                n=n,
                seen=seen,
                active=active,
                drift=drift,
                laws=laws,
            ),
            years=years,
            survey=survey,
            weight=weight,
            town=town,
            x=x,
            y=y,
        )

    def _activities(self) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        laws, dice, count = self.laws, self.dice("activities"), len(self.ground.activities)
        weight = dice.pareto(laws.activity_shape, count) + laws.activity_least
        return (
            weight / weight.sum(),
            dice.normal(laws.rate, laws.rate_naf, count),
            dice.normal(0, laws.size_naf, count),
            dice.normal(0, laws.active_naf, count),
        )

    def _places(self) -> tuple[Integers, Numbers, Numbers, Integers]:
        towns, dice = self.ground.towns, self.dice("places")
        weight = np.array([town.weight for town in towns])
        town = dice.choice(len(towns), self.size, p=weight / weight.sum()).astype(np.int64)
        away = dice.normal(0, self.laws.town_sigma_m, (2, self.size))
        x = np.array([each.x_m for each in towns])[town] + away[0]
        y = np.array([each.y_m for each in towns])[town] + away[1]
        number = {code: nth for nth, code in enumerate(self.ground.departements)}
        place = np.array([number[each.departement] for each in towns], dtype=np.int64)[town]
        return town, x, y, place

    def _lives(self, ln_size: Numbers) -> tuple[Integers, Integers, Numbers]:
        laws, dice = self.laws, self.dice("births")
        young = dice.random(self.size) < laws.young
        born = np.where(
            young,
            dice.integers(laws.births[0], laws.births[1], self.size),
            -dice.integers(1, laws.oldest + 1, self.size),
        )
        hazard = laws.closing * np.exp(-laws.closing_size * (ln_size - 1)) + laws.closing_least
        # Who was there before the first month has lived until then.
        closed = np.maximum(born, 0) + self.dice("closings").geometric(hazard)
        return born.astype(np.int64), closed.astype(np.int64), hazard

    def _times(self, place: Integers) -> tuple[Numbers, Integers, Numbers]:
        """ln intensity by time; the years of the survey and what it shows."""
        laws = self.laws
        places, sectors = int(place.max()) + 1, len(self.sectors)
        when = laws.start.number + np.arange(laws.months)
        first, last = int(when[0]) // 12 - 1, int(when[-1]) // 12
        dice = self.dice("tension")
        tension = [dice.normal(0, laws.tension_start, (places, sectors))]
        for _ in range(first, last):
            tension.append(laws.tension_kept * tension[-1] + dice.normal(0, laws.tension, (places, sectors)))
        by_year = np.stack(tension)
        macro = np.cumsum(self.dice("macro").normal(laws.macro_drift, laws.macro, laws.months))
        season = np.array(laws.season) * np.exp(self.dice("season").normal(0, laws.season_noise, (sectors, 12)))
        season /= season.mean(axis=1, keepdims=True)
        level = laws.tension_power * by_year[when // 12 - first] + macro[:, None, None]
        level = level + np.log(season[:, when % 12].T)[:, None, :]
        years = np.arange(first + 1, laws.day.year + 1, dtype=np.int64)
        noise = self.dice("survey").normal(0, laws.tension_shown, (len(years), places, sectors))
        return level, years, by_year[: len(years)] + noise

    def _mixes(self, activity: Integers) -> tuple[Integers, Numbers, Singles]:
        """Occupations of each activity, the mean mix of the activity, and that of each establishment."""
        laws, dice = self.laws, self.dice("mixes")
        number = {rome: nth for nth, rome in enumerate(self.ground.romes)}
        rome_of = np.full((len(self.ground.activities), MIX_WIDTH), -1, dtype=np.int64)
        affinity = np.zeros((len(self.ground.activities), MIX_WIDTH))
        for row, each in enumerate(self.ground.activities):
            count = min(int(dice.integers(laws.occupations[0], laws.occupations[1] + 1)), len(each.romes))
            weight = np.array([weight for _, weight in each.romes])
            drawn = dice.choice(len(each.romes), count, replace=False, p=weight / weight.sum())
            rome_of[row, :count] = [number[each.romes[nth][0]] for nth in drawn]
            affinity[row, :count] = dice.dirichlet(np.full(count, laws.occupation_shape))
        parts = dice.standard_gamma(laws.own_mix * affinity[activity])
        # A tiny share can be too small for a number.
        parts += 1e-12 * (rome_of[activity] >= 0)
        return rome_of, affinity, (parts / parts.sum(axis=1, keepdims=True)).astype(np.float32)

    def _history(
        self,
        base: Numbers,
        awake: Numbers,
        wake: Numbers,
        born: Integers,
        closed: Integers,
        level: Numbers,
        cell: Integers,
    ) -> tuple[Integers, Integers, Integers, Integers, Flags, Singles]:
        """Walk through the months: hires (establishment, month, how many), and the states at the origins."""
        laws, size = self.laws, self.size
        states, drifts, counts = self.dice("states"), self.dice("drift"), self.dice("counts")
        active = states.random(size) < awake
        drift = drifts.normal(0, laws.drift_spread(), size).astype(np.float32)
        seen = np.array(_seen(laws), dtype=np.int64)
        actives, drifted, found = [], [], []
        for month in range(laws.months):
            if month:
                luck = states.random(size)
                active = np.where(active, luck >= laws.sleep, luck < wake)
                drift = laws.drift_kept * drift + laws.drift * drifts.standard_normal(size, dtype=np.float32)
            if month in seen:
                actives.append(active)
                drifted.append(drift)
            alive = np.flatnonzero((born <= month) & (month < closed))
            intensity = np.where(
                active[alive], np.exp(base[alive] + level[month].ravel()[cell[alive]] + drift[alive]), laws.dormant
            )
            luck = counts.standard_gamma(laws.dispersion, len(alive)) / laws.dispersion
            n = counts.poisson(intensity * luck)
            hired = np.flatnonzero(n)
            found.append((alive[hired], np.full(len(hired), month, dtype=np.int64), n[hired]))
        firm, months, n = (np.concatenate([each[part] for each in found]) for part in range(3))
        return firm, months, n, seen, np.stack(actives), np.stack(drifted)

    def _occupations(
        self, firm: Integers, month: Integers, n: Integers, rome_of: Integers, mix: Singles
    ) -> tuple[Integers, Integers, Integers, Flags, Integers]:
        """The occupation of each hire, and whether it was written down; equal hires added up."""
        dice = self.dice("occupations")
        each = np.repeat(np.arange(len(firm)), n)
        who = firm[each]
        upto = np.cumsum(mix, axis=1, dtype=np.float64)
        luck = dice.random(len(each)) * upto[who, -1]
        chosen = (luck[:, None] >= upto[who, :-1]).sum(axis=1)
        # A share of nothing at the end is never chosen by rounding.
        chosen = np.minimum(chosen, (rome_of[who] >= 0).sum(axis=1) - 1)
        rome = rome_of[who, chosen]
        told = dice.random(len(each)) >= self.laws.unknown_rome
        keys = (each * len(self.ground.romes) + rome) * 2 + told
        distinct, count = np.unique(keys, return_counts=True)
        back = distinct // 2 // len(self.ground.romes)
        return (
            firm[back],
            month[back],
            distinct // 2 % len(self.ground.romes),
            (distinct % 2).astype(np.bool_),
            count.astype(np.int64),
        )


def _seen(laws: Laws) -> Sequence[int]:
    """The months of the day and of the origins that a backtest predicts, the oldest first."""
    live = Origin(laws.day)
    months = [origin.day.number - laws.start.number for origin in (live, *live.backtests())]
    return sorted(month for month in months if month >= 0)


def sirets(company: Integers, number: Integers) -> Integers:
    """SIRET that pass the check of their last digit and belong to nobody, by company and number within it.

    A real company numbers its establishments from 1 on, and none but one has thousands of them.
    """
    body = _FIRST_SIREN + company * _SPREAD % _SIRENS
    siren = body * 10 + _check_digit(body)
    upto = siren * 10_000 + number
    return upto * 10 + _check_digit(upto)


def _check_digit(body: Integers) -> Integers:
    """The digit that makes the sum of Luhn a multiple of ten."""
    total, rest, doubled = np.zeros_like(body), body.copy(), True
    while rest.any():
        digit = rest % 10
        total += np.where(doubled & (digit > 4), 2 * digit - 9, digit * (2 if doubled else 1))
        rest //= 10
        doubled = not doubled
    return -total % 10
