"""ROME 4: labels, the tree of codes, and suggestions for everyday words."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cached_property
from typing import Final

import msgspec

from widget_server.reference.tables import SHIPPED, Tables, everyday_names
from widget_server.reference.words import WordIndex, plain_names

# An everyday name stands before a label of ROME, and a parent's label before a child's, at equal use.
_EVERYDAY_POINTS: Final = 1.5
_PARENT_POINTS: Final = 0.5
_NAMES_PER_CODE: Final = 5
# What stands around the job in what people type: "je veux devenir", "apprentissage", the name of a diploma.
_AROUND: Final = """
    je j veux voudrais aimerais cherche recherche suis devenir etre faire travailler un une le la les l de du des
    d en dans au aux a et ou pour avec chez qui sur mon ma job boulot metier metiers poste emploi travail offre
    formation ecole stage alternance alternant alternante contrat apprentissage apprenti apprentie pro
    professionnel professionnelle cap bep bp bac bts but dut licence bachelor master mba titre diplome niveau
    mention complementaire mc bma cqp
"""
_IGNORED: Final = frozenset(_AROUND.split())


class JobSuggestion(msgspec.Struct, frozen=True, kw_only=True):
    """An everyday name or a ROME label, its codes (several for the name of a trade), and the first one's label."""

    label: str
    romes: tuple[str, ...]
    occupation: str


class _Row(msgspec.Struct, frozen=True):
    label: str
    parent: str


class Occupations:
    """Every code of ROME 4 with its label and its parent."""

    def __init__(self, table: dict[str, _Row], appellations: Callable[[], Iterable[tuple[str, str]]]) -> None:
        self._table = table
        self._appellations = appellations
        self._children: dict[str, tuple[str, ...]] = {}
        for code, row in table.items():
            if row.parent != code:
                self._children[row.parent] = (*self._children.get(row.parent, ()), code)

    @classmethod
    def load(cls, tables: Tables = SHIPPED) -> "Occupations":
        """Read the tables."""
        table = {code: _Row(label, parent) for code, label, parent, _ogr in tables.rows("rome")}
        return cls(table, lambda: ((name, code) for name, code in tables.rows("appellations")))

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
    def _suggested(self) -> tuple[WordIndex, list[tuple[str, tuple[str, ...]]]]:
        """Everyday names and labels with their codes; built when somebody first types."""
        # A refreshed ROME may have dropped a code that our own names know, and it brings appellations.
        everyday = [row for row in everyday_names() if all(code in self._table for code in row.romes)]
        appellations = [(name, code) for name, code in self._appellations() if code in self._table]
        items = [(name, row.romes) for row in everyday for name in row.names]
        points = [_EVERYDAY_POINTS + row.use for row in everyday for _ in row.names]
        use: dict[str, int] = {}
        for row in everyday:
            for code in row.romes:
                use[code] = max(row.use, use.get(code, 0))
        for code, known in self._table.items():
            items.append((known.label, (code,)))
            points.append(use.get(code, 0) + (_PARENT_POINTS if known.parent == code else 0.0))
        items += [(name, (code,)) for name, code in appellations]
        points += [use.get(code, 0) for _, code in appellations]
        index = WordIndex(plain_names(name for name, _ in items), points, ignored=_IGNORED)
        return index, items

    def suggest(self, text: str, limit: int = 10) -> list[JobSuggestion]:
        """Occupations for the beginning of an everyday word; no occupation twice, the best first.

        Where there is room, the parent of a suggested code follows: most trainings are filed under parents.
        """
        index, items = self._suggested
        found: dict[tuple[str, ...], JobSuggestion] = {}
        code = text[:100].strip().upper()
        if code in self._table:
            found[(code,)] = self._suggestion(self._table[code].label, (code,))
        # A code has many names: more of them than suggestions are looked at.
        for place in index.find(text, limit * _NAMES_PER_CODE):
            name, romes = items[place]
            if romes not in found and len(found) < limit:
                found[romes] = self._suggestion(name, romes)
        for romes in list(found):
            for parent in (self.parent(each) for each in romes):
                if len(found) < limit and (parent,) not in found and parent not in romes:
                    found[(parent,)] = self._suggestion(self._table[parent].label, (parent,))
        return list(found.values())

    def _suggestion(self, name: str, romes: tuple[str, ...]) -> JobSuggestion:
        return JobSuggestion(label=name[:1].upper() + name[1:], romes=romes, occupation=self._table[romes[0]].label)
