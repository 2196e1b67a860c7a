"""What a new version must not look like: the rails at publication, one row each.

A version that breaks a rail is refused and the previous one stays, because an upstream that answers with half of its
data looks like success. An operator who knows better accepts the rail by name and says why; both are recorded in the
manifest.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from widget_server.domain.errors import GuardRail
from widget_server.snapshot.manifest import Accepted, Manifest

LEAST_SHARE: Final = 0.7
"""What must be left of the previous version, as a whole and in every département of some size."""
MOST_TIMES: Final = 3
"""How many times the cards of the previous version a new one may have."""
_SIZE_OF_DEPARTEMENT: Final = 100
"""Cards from which a département is compared: below, a few offers filled in a day look like a loss."""
_REJECTED_SHARE: Final = 0.4
_RULE_SHARE: Final = 0.2
_REPEATED_SHARE: Final = 0.2
_OUTSIDE_SHARE: Final = 0.02
_ENOUGH_ROWS: Final = 100
"""Shares of fewer rows say nothing."""
OUTSIDE: Final = ("outside_grid", "outside_france", "place_outside")


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A new version, the one before it if there is one, and the least number of cards that the operator set."""

    new: Manifest
    old: Manifest | None
    least: int


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """One rail. `problem` says what is wrong with a new version, "" when nothing is."""

    id: str
    why: str
    problem: Callable[[Comparison], str]


def _few(told: Comparison) -> str:
    counts = told.new.counts
    if counts.cards >= told.least:
        return ""
    reasons = ", ".join(f"{reason} {count}" for reason, count in counts.rejected.items())
    why = f" of {counts.read} rows (rejected: {reasons})" if reasons else ""
    return f"{counts.cards} cards{why}, fewer than the {told.least} that are the least"


def _drop(told: Comparison) -> str:
    if told.old is None or told.new.counts.cards >= told.old.counts.cards * LEAST_SHARE:
        return ""
    return (
        f"{told.new.counts.cards} cards after {told.old.counts.cards}, less than {LEAST_SHARE:.0%} of the previous"
        " version"
    )


def _growth(told: Comparison) -> str:
    if told.old is None or told.new.counts.cards <= max(told.old.counts.cards, _ENOUGH_ROWS) * MOST_TIMES:
        return ""
    return f"{told.new.counts.cards} cards after {told.old.counts.cards}, more than {MOST_TIMES} times as many"


def _departements(told: Comparison) -> str:
    if told.old is None:
        return ""
    after = told.new.by_departement
    lost = [
        f"{code} {after.get(code, 0)} after {before}"
        for code, before in told.old.by_departement.items()
        if code and before >= _SIZE_OF_DEPARTEMENT and after.get(code, 0) < before * LEAST_SHARE
    ]
    return f"cards in {len(lost)} département(s) fell below {LEAST_SHARE:.0%}: {', '.join(lost[:5])}" if lost else ""


def _share(part: int, told: Comparison) -> float:
    read = told.new.counts.read
    return part / read if read >= _ENOUGH_ROWS else 0.0


def _rejected(told: Comparison) -> str:
    share = _share(sum(told.new.counts.rejected.values()), told)
    return f"{share:.0%} of the rows were rejected" if share > _REJECTED_SHARE else ""


def _rule(told: Comparison) -> str:
    heavy = {reason: _share(count, told) for reason, count in told.new.counts.rejected.items()}
    named = ", ".join(f"{reason} {share:.0%}" for reason, share in heavy.items() if share > _RULE_SHARE)
    return f"one rule alone rejects a large part of the rows: {named}" if named else ""


def _repeated(told: Comparison) -> str:
    share = _share(told.new.counts.repeated, told)
    return f"{share:.0%} of the rows repeat the id of another" if share > _REPEATED_SHARE else ""


def _outside(told: Comparison) -> str:
    share = _share(sum(told.new.counts.rejected.get(reason, 0) for reason in OUTSIDE), told)
    return (
        f"{share:.0%} of the rows lie outside France: are latitude and longitude inverted?"
        if (share > _OUTSIDE_SHARE)
        else ""
    )


def _older(told: Comparison) -> str:
    if told.old is None:
        return ""
    new, old = told.new.harvest.as_of, told.old.harvest.as_of
    older = datetime.fromisoformat(new) < datetime.fromisoformat(old)
    return f"its data are of {new}, those of the current version of {old}" if older else ""


GUARDS: Final[tuple[Guard, ...]] = (
    Guard(id="few", why="An upstream that is being refilled answers with little or nothing.", problem=_few),
    Guard(id="drop", why="Data do not lose a third of their rows from one sync to the next.", problem=_drop),
    Guard(id="growth", why="A filter that an upstream no longer heeds brings in what nobody asked for.",
          problem=_growth),
    Guard(
        id="departement",
        why="A partition that came back empty hides behind the growth of the others.",
        problem=_departements,
    ),
    Guard(id="rejects", why="When many rows cannot be read, their format has changed.", problem=_rejected),
    Guard(id="rule", why="A rule of hygiene that takes a fifth of a source is broken, not right.", problem=_rule),
    Guard(id="repeats", why="An upstream that repeats its rows is showing some pages twice, and others not.",
          problem=_repeated),
    Guard(id="outside", why="Inverted coordinates put every card into the sea.", problem=_outside),
    Guard(id="older", why="An old file in the place of the new one would bring back what was deleted.", problem=_older),
)  # fmt: skip


def check(told: Comparison, accept: Mapping[str, str]) -> tuple[Accepted, ...]:
    """The rails that the new version breaks and that the operator accepts, with why.

    `GuardRail` names every broken rail that is not accepted, with the line to type.
    """
    broken = {guard.id: problem for guard in GUARDS if (problem := guard.problem(told))}
    refused = {rule: problem for rule, problem in broken.items() if rule not in accept}
    if refused:
        said = "; ".join(f"{problem} (rule {rule})" for rule, problem in refused.items())
        options = " ".join(f"--accept {rule}" for rule in refused)
        raise GuardRail(
            f'{told.new.source.name}: {said}. If this is right: sync {told.new.source.name} {options} --because "..."'
        )
    return tuple(Accepted(rule=rule, problem=problem, because=accept[rule]) for rule, problem in broken.items())
