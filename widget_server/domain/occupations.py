"""ROME 4 is a tree: which codes a card is posted under, and which codes a search asks for.

A code that has children is a *parent*; asking for it means itself and all its children. Instead of widening each
search, each card is posted under its own code and under its parent, so that one asked code stays one look-up.
`exact(code)` is a third key, for cards filed under the parent itself: it counts the offers that a search for a child
leaves aside, because they were filed under the parent's broader name.
"""

from collections.abc import Iterable
from typing import Protocol


class Tree(Protocol):
    """What we need to know of ROME; `reference.occupations.Occupations` is one."""

    def parent(self, code: str) -> str:
        """The parent of a code; a parent is its own parent."""
        ...

    def children(self, code: str) -> tuple[str, ...]:
        """The codes filed under a parent, without itself; () for a child."""
        ...


def exact(code: str) -> str:
    """The key of the cards filed under this very code and not under one of its children."""
    return f"{code}="


def posting_keys(romes: Iterable[str], tree: Tree) -> list[str]:
    """Every key that a card with these ROME codes is posted under, sorted."""
    keys: set[str] = set()
    for code in romes:
        keys.add(code)
        keys.add(tree.parent(code))
        if tree.children(code):
            keys.add(exact(code))
    return sorted(keys)


def asked_keys(romes: Iterable[str], tree: Tree, *, parents_only: bool) -> list[str]:
    """The keys that a search for these codes looks up in a source; sorted, without repetition.

    A source that only knows parent codes is asked for the parent of a child.
    """
    return sorted({tree.parent(code) if parents_only else code for code in romes})


def broader_keys(romes: Iterable[str], tree: Tree) -> list[str]:
    """The exact keys of the parents of asked children, unless the parent itself is asked: the labelled widening."""
    asked = set(romes)
    return sorted({exact(tree.parent(code)) for code in asked if tree.parent(code) not in asked})
