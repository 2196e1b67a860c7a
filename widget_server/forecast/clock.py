"""Time as types: months, windows, what was known on a day, splits that cannot leak. Only here are dates compared."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from widget_server.domain.errors import Leak

LABEL_MONTHS: Final = 6
"""How far the forecast looks ahead."""
MONTHS_BEFORE: Final = (6, 12, 18, 24, 30, 36, 48)
"""The training origins lie so many months before the origin that is predicted."""
TESTS: Final = 4
"""How many past origins a backtest predicts."""
LONGEST_LAG: Final = 6
"""A longer lag would hide a part of the same window of last year, which is a feature."""
_TENSION_FROM: Final = 5  # the survey of a year (BMO) is out on the first of May
_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A calendar month; `number` counts the months since January of the year 0."""

    number: int

    @classmethod
    def of(cls, day: date) -> "Month":
        """The month in which a day lies."""
        return cls(day.year * 12 + day.month - 1)

    @classmethod
    def parse(cls, text: str) -> "Month":
        """A month from `YYYY-MM`; a `ValueError` for anything else."""
        found = _MONTH.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is not a month; a month is written 2026-07")
        return cls(int(found[1]) * 12 + int(found[2]) - 1)

    @property
    def year(self) -> int:
        """The year in which it lies."""
        return self.number // 12

    @property
    def of_year(self) -> int:
        """1 for January, 12 for December."""
        return self.number % 12 + 1

    @property
    def first_day(self) -> date:
        """Its first day."""
        return date(self.year, self.of_year, 1)

    def __add__(self, months: int) -> "Month":
        return Month(self.number + months)

    def __sub__(self, months: int) -> "Month":
        return Month(self.number - months)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.of_year:02d}"


@dataclass(frozen=True, order=True, slots=True)
class Window:
    """The months from `start` up to and without `end`."""

    start: Month
    end: Month

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a window ends before it starts: {self}")

    def __len__(self) -> int:
        return self.end.number - self.start.number

    def __contains__(self, month: Month) -> bool:
        return self.start <= month < self.end

    def __str__(self) -> str:
        return f"[{self.start}, {self.end})"


@dataclass(frozen=True, order=True, slots=True)
class Origin:
    """The first day of month `day`, seen by somebody who knows the hires up to `lag` months before it."""

    day: Month
    lag: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.lag <= LONGEST_LAG:
            raise ValueError(f"a lag of {self.lag} months; it can be 0 to {LONGEST_LAG}")

    @property
    def first_day(self) -> date:
        """The day itself. An establishment created on it exists, one closed on it does not."""
        return self.day.first_day

    @property
    def known_end(self) -> Month:
        """The first month whose hires are not known."""
        return self.day - self.lag

    @property
    def label(self) -> Window:
        """The months that are predicted; they are known only in training and tests."""
        return Window(self.day, self.day + LABEL_MONTHS)

    @property
    def tension_year(self) -> int:
        """The newest year of the tension survey (BMO) that was out on that day."""
        return self.day.year if self.day.of_year >= _TENSION_FROM else self.day.year - 1

    @property
    def rentree(self) -> int:
        """The newest year whose September and October are both known."""
        return (self.known_end.number - 10) // 12

    def last(self, months: int) -> Window:
        """The newest `months` known months."""
        return Window(self.known_end - months, self.known_end)

    def same_window(self, years: int) -> Window:
        """The months of the label, so many years earlier."""
        return Window(self.day - 12 * years, self.day - 12 * years + LABEL_MONTHS)

    def stock(self, days: Iterable[date]) -> date:
        """The newest stock file of that day or before it; the oldest one when there is none that old."""
        all_days = sorted(days)
        if not all_days:
            raise ValueError("there is no stock file")
        return max((day for day in all_days if day <= self.first_day), default=all_days[0])

    def earlier(self) -> tuple["Origin", ...]:
        """The origins whose labels are all known by then, the newest first; the first one waits for the lag."""
        newest = MONTHS_BEFORE[0] + self.lag
        back = sorted({newest, *(months for months in MONTHS_BEFORE[1:] if months >= LABEL_MONTHS + self.lag)})
        return tuple(Origin(self.day - months, self.lag) for months in back)

    def backtests(self) -> tuple["Origin", ...]:
        """The past origins that a backtest predicts, the newest first."""
        return self.earlier()[:TESTS]

    def __str__(self) -> str:
        return f"{self.day} (known before {self.known_end})"


@dataclass(frozen=True, slots=True)
class Split:
    """Origins to learn from and one to be tested on. It refuses to exist when a label of the first was not known yet.

    No metric sees such a leak: an overlap of three months moves the AUC by 0.003.
    """

    train: tuple[Origin, ...]
    test: Origin

    def __post_init__(self) -> None:
        if not self.train:
            raise Leak(f"nothing to learn from before {self.test}")
        last = max(self.train, key=lambda origin: origin.label.end)
        if last.label.end > self.test.known_end:
            raise Leak(
                f"the origin {last.day} is labelled with the hires of {last.label}, "
                f"on {self.test.day} those from {self.test.known_end} on were not known"
            )

    @classmethod
    def before(cls, test: Origin, *, first: Month | None = None) -> "Split":
        """All the training origins of a test, without those before `first`, where the data begin."""
        return cls(tuple(each for each in test.earlier() if first is None or each.day >= first), test)


def first_origin(live: Origin) -> Origin:
    """The oldest origin that a forecast with its backtest learns from; who closed before it is of no use."""
    return min(origin for test in live.backtests() for origin in test.earlier())


def later_than_origin(origins: Sequence[Origin], days: Sequence[date]) -> tuple[Origin, ...]:
    """The origins for which no stock file is old enough: their attributes are later than they are."""
    return tuple(origin for origin in origins if not any(day <= origin.first_day for day in days))
