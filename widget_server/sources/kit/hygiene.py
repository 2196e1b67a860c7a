"""Which offers and recruiters are not shown, or are shown with a remark: the rules of rules.py, asked of one row.

The sentences are public: they travel in the manifest to the page /methode, with what each rule did.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

import msgspec

from widget_server.domain.cards import Entry, Fact, PublicRule, Rejection
from widget_server.domain.errors import SettingError
from widget_server.settings import Settings
from widget_server.sources.kit.lists import Lists, hidden, read_lists
from widget_server.sources.kit.rejects import reasons_of
from widget_server.sources.kit.rules import RULES, WITH_TRAINING, Action, Record, Rule, group
from widget_server.sources.kit.text import masked


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the rules say of one row: a rejection, or the rules that flagged it."""

    rejection: Rejection | None = None
    flagged: tuple[Rule, ...] = ()

    def on(self, entry: Entry) -> Entry:
        """The entry with the flags and remarks of the rules that flagged it."""
        if not self.flagged:
            return entry
        flags = (*entry.card.flags, *(rule.flag or rule.id for rule in self.flagged))
        remarks = tuple(Fact(name=f"remark_{rule.id}", label="Remarque", text=rule.remark) for rule in self.flagged)
        return msgspec.structs.replace(
            entry,
            card=msgspec.structs.replace(entry.card, flags=tuple(dict.fromkeys(flags))),
            facts=(*(remark for remark in remarks if remark.text), *entry.facts),
            flagged=(*entry.flagged, *(rule.id for rule in self.flagged)),
        )


@dataclass(frozen=True, kw_only=True)
class Hygiene:
    """The rules as an operator set them, with their lists."""

    lists: Lists = field(default_factory=Lists)
    actions: Mapping[str, Action] = field(default_factory=dict)

    def judge(self, record: Record) -> Verdict:
        """What the rules for rows say of one."""
        return self._judge(record, "row")

    def admit(self, entry: Entry) -> Entry | Rejection:
        """An entry as it may be published, or why it may not: what the rules for cards say of it."""
        verdict = self._judge(_record(entry), "card")
        return verdict.rejection or verdict.on(entry)

    def action(self, rule: Rule) -> Action:
        """What a rule does here."""
        return self.actions.get(rule.id, rule.action)

    def asleep(self, rule: Rule) -> bool:
        """Whether a rule does nothing because the list that it needs is missing or empty."""
        return bool(rule.needs) and not getattr(self.lists, rule.needs)

    def waiting(self, kind: str) -> list[str]:
        """The rules that sleep although nobody chose so: no sync of trainings has left its schools yet."""
        if self.lists.schools is not None:
            return []
        return [rule.id for rule in RULES if kind in rule.kinds and rule.needs == "schools"]

    def described(self, kind: str) -> tuple[PublicRule, ...]:
        """Every rule for a kind in words, and every other reason for which a row of it is left out."""
        rules = [
            PublicRule(
                id=rule.id,
                why=rule.why,
                field=rule.field,
                action=self.action(rule),
                active=self.action(rule) != "off" and not self.asleep(rule),
            )
            for rule in RULES
            if kind in rule.kinds
        ]
        known = {rule.id for rule in RULES}
        others = [
            PublicRule(id=reason, why=why, field="", action="reject", active=True)
            for reason, why in reasons_of(kind).items()
            if reason not in known
        ]
        return (*rules, *others)

    @cached_property
    def _awake(self) -> Mapping[tuple[str, str], list[tuple[Rule, Action]]]:
        """What the rules that do something do, by kind and by what they look at: it is asked for every row."""
        found: dict[tuple[str, str], list[tuple[Rule, Action]]] = {}
        for rule in RULES:
            action = self.action(rule)
            if action != "off" and not self.asleep(rule):
                for kind in rule.kinds:
                    found.setdefault((kind, rule.on), []).append((rule, action))
        return found

    def _judge(self, record: Record, on: Literal["row", "card"]) -> Verdict:
        flagged: list[Rule] = []
        spared: bool | None = None
        for rule, action in self._awake.get((record.kind, on), ()):
            detail = rule.test(record, self.lists)
            if detail is None:
                continue
            if rule.spares:
                spared = self._spared(record) if spared is None else spared
                if spared:
                    continue
            if action == "reject":
                named = hidden(record.id, self.lists.optout_secret) if rule.discreet else record.id[:200]
                return Verdict(rejection=Rejection(reason=rule.id, id=named, detail=masked(detail)[:200]))
            flagged.append(rule)
        return Verdict(flagged=tuple(flagged))

    def _spared(self, record: Record) -> bool:
        return record.delegated or group(record, self.lists) is not None


def read_hygiene(settings: Settings, kind: str) -> Hygiene:
    """The rules as the settings have them. `SettingError` when a list cannot be read or a rule does not exist.

    A kind that no rule judges needs no list: its source goes on when a list is missing.
    """
    judged = any(kind in rule.kinds for rule in RULES)
    return Hygiene(lists=read_lists(settings) if judged else Lists(), actions=_actions(settings.hygiene))


def _actions(told: str) -> dict[str, Action]:
    """ "age_limit:off, school_as_employer:flag" as a table."""
    known = {rule.id for rule in RULES}
    actions: dict[str, Action] = {}
    for item in filter(None, (part.strip() for part in told.split(","))):
        rule, _, action = item.partition(":")
        match action:
            case "reject" | "flag" | "off" if rule in known:
                actions[rule] = action
            case _:
                options = ", ".join(get_args(Action))
                raise SettingError(
                    f'HYGIENE: "{item}" is not rule:action with one of {options}; rules: {sorted(known)}'
                )
    return actions


def _record(entry: Entry) -> Record:
    """What a finished entry lets the rules for cards look at. A flag that no rule set is the upstream's own word."""
    card = entry.card
    return Record(
        id=card.id,
        kind=card.kind,
        title=card.title,
        company=card.organisation.name,
        siret=card.organisation.siret,
        romes=card.romes,
        delegated=WITH_TRAINING in card.flags and not entry.flagged,
    )
