"""Prefix look-up over the words of many names: any word, any order, without accents, one typo forgiven."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 80
_MOST_WORDS: Final = 6
_TYPO_FROM: Final = 4
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_SHORT_FORMS: Final = {"st": "saint", "ste": "sainte"}
_LIGATURES: Final = str.maketrans({"œ": "oe", "æ": "ae", "Œ": "oe", "Æ": "ae"})


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared: no case, accents or punctuation; "st" is "saint"."""
    plain = unicodedata.normalize("NFKD", text[:_LONGEST].translate(_LIGATURES).casefold())
    found = re.findall(r"[a-z0-9]+", "".join(char for char in plain if not unicodedata.combining(char)))
    return [_SHORT_FORMS.get(word, word) for word in found]


class WordIndex:
    """Finds the items whose name has a word beginning with each asked word.

    `weights` rank equals: higher first. Items are their positions in `names`.
    """

    def __init__(self, names: Iterable[str], weights: Iterable[int]) -> None:
        self._weights = list(weights)
        self._names = [" ".join(words_of(name)) for name in names]
        by_word: dict[str, list[int]] = {}
        for item, name in enumerate(self._names):
            for word in set(name.split()):
                by_word.setdefault(word, []).append(item)
        self._words = sorted(by_word)
        self._items = [by_word[word] for word in self._words]

    def find(self, text: str) -> list[int]:
        """Items in order: the whole name, then names that begin so, then any; ties by weight. A typo comes last."""
        asked = words_of(text)[:_MOST_WORDS]
        if not asked:
            return []
        exact = self._all_of([self._beginning(word) for word in asked])
        found = exact or self._all_of([self._beginning(word) or self._nearly(word) for word in asked])
        found = found or self._all_of([self._beginning(word) | self._nearly(word) for word in asked])
        whole = " ".join(asked)
        return sorted(found, key=lambda item: self._rank(item, whole))

    def _rank(self, item: int, whole: str) -> tuple[int, int, int]:
        name = self._names[item]
        fit = 0 if name == whole else 1 if name.startswith(whole) else 2
        return fit, -self._weights[item], item

    def _all_of(self, sets: list[set[int]]) -> set[int]:
        return set.intersection(*sets)

    def _beginning(self, prefix: str) -> set[int]:
        found: set[int] = set()
        for place in range(bisect_left(self._words, prefix), len(self._words)):
            if not self._words[place].startswith(prefix):
                break
            found.update(self._items[place])
        return found

    def _nearly(self, word: str) -> set[int]:
        """Items with a word that begins with `word` after one insertion, deletion, substitution or transposition."""
        found: set[int] = set()
        if len(word) < _TYPO_FROM:
            return found
        cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
        variants = {head + tail[1:] for head, tail in cuts if tail}
        variants |= {head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1}
        variants |= {head + letter + tail[1:] for head, tail in cuts if tail for letter in _LETTERS}
        variants |= {head + letter + tail for head, tail in cuts for letter in _LETTERS}
        for variant in variants:
            # A forgiven first letter or a shortened word would make nearly everything match.
            if len(variant) >= _TYPO_FROM:
                found |= self._beginning(variant)
        return found
