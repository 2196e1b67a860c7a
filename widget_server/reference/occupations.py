"""ROME 4: labels, the tree of codes, and suggestions for everyday words."""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

import msgspec

from widget_server.reference.tables import names, rows
from widget_server.reference.words import WordIndex

_EVERYDAY, _PARENT, _CHILD = 3, 2, 1


class JobSuggestion(msgspec.Struct, frozen=True, kw_only=True):
    """An everyday name or a ROME label, with its codes and the label of the occupation."""

    label: str
    romes: tuple[str, ...]
    occupation: str


@dataclass(frozen=True)
class _Row:
    label: str
    parent: str


class Occupations:
    """Every code of ROME v4.60 with its label and its parent."""

    def __init__(self, table: dict[str, _Row], everyday: list[tuple[str, str]]) -> None:
        self._table = table
        self._everyday = everyday
        self._children: dict[str, tuple[str, ...]] = {}
        for code, row in table.items():
            if row.parent != code:
                self._children[row.parent] = (*self._children.get(row.parent, ()), code)

    @classmethod
    def load(cls) -> "Occupations":
        """Read the tables."""
        table = {code: _Row(label, parent) for code, label, parent, _ogr in rows("rome")}
        return cls(table, [(name, code) for name, code in names()])

    def codes(self) -> tuple[str, ...]:
        """Every code, sorted."""
        return tuple(self._table)

    def label(self, code: str) -> str | None:
        """The label of a code, None when it is unknown."""
        row = self._table.get(code)
        return row.label if row else None

    def parent(self, code: str) -> str:
        """The parent of a code; a parent, and an unknown code, is its own."""
        row = self._table.get(code)
        return row.parent if row else code

    def children(self, code: str) -> tuple[str, ...]:
        """The codes filed under a parent, without itself; () for a child."""
        return self._children.get(code, ())

    def expand(self, code: str) -> tuple[str, ...]:
        """A code with all its children."""
        return (code, *self.children(code))

    def current(self, code: str) -> tuple[str, ...] | None:
        """The code itself when it exists, None otherwise: every ROME 3 sheet lives on as a parent of v4.60."""
        return (code,) if code in self._table else None

    def nearest(self, code: str) -> str | None:
        """An existing code that looks like a mistyped one."""
        near = get_close_matches(code, self._table, n=1, cutoff=0.7)
        return near[0] if near else None

    @cached_property
    def _suggestions(self) -> tuple[WordIndex, list[tuple[str, str]]]:
        """Everyday names first, then labels; built when somebody first types."""
        items = [(name, code, _EVERYDAY) for name, code in self._everyday]
        items += [(row.label, code, _PARENT if row.parent == code else _CHILD) for code, row in self._table.items()]
        index = WordIndex((name for name, _, _ in items), (weight for _, _, weight in items))
        return index, [(name, code) for name, code, _ in items]

    def suggest(self, text: str, limit: int = 10) -> list[JobSuggestion]:
        """Occupations for the beginning of an everyday word; each code once, the best first."""
        index, items = self._suggestions
        best: dict[str, JobSuggestion] = {}
        if text.strip().upper() in self._table:
            code = text.strip().upper()
            best[code] = self._suggestion(self._table[code].label, code)
        for item in index.find(text):
            name, code = items[item]
            if code not in best:
                best[code] = self._suggestion(name, code)
            if len(best) >= limit:
                break
        return list(best.values())

    def _suggestion(self, name: str, code: str) -> JobSuggestion:
        return JobSuggestion(label=name[:1].upper() + name[1:], romes=(code,), occupation=self._table[code].label)
