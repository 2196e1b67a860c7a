"""Prefix look-up over the words of many names: any word, any order, without accents, one typo forgiven."""

import math
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt

_LONGEST: Final = 80
_MOST_WORDS: Final = 8
_TYPO_FROM: Final = 4
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_AFTER: Final = "\x7f"  # sorts after every letter and digit that a plain name can hold
_LIGATURES: Final = str.maketrans({"œ": "oe", "æ": "ae", "Œ": "oe", "Æ": "ae", "ø": "o", "Ø": "o"})
_MARKS: Final = re.compile("[\u0300-\u036f]+")
_OTHERS: Final = re.compile(r"[^a-z0-9\n]+")
_SAINT: Final = re.compile(r"\bst(e?)\b")
_ORDINAL: Final = re.compile(r"\b0?(\d\d?)(?:er|ere|e|eme|ieme)?\b")
_ARTICLE: Final = re.compile(r"(?:l|la|le|les) (?=.)")
# What each kind of fit is worth, on the scale of the points: natural logarithms of a use or of a population.
_BEGINS: Final = 2.0
_WHOLE_WORDS: Final = 3.0
_SAME: Final = 3.0
_RARE: Final = 2.0  # times the logarithm of how rare a word is, when not every word is answered
_MISTYPED: Final = 8.0  # taken off
# With fewer strict finds than this, those with a typo are looked for too.
_ENOUGH: Final = 3

Mask = npt.NDArray[np.bool_]


def plain(text: str) -> str:
    """A text as it is compared: no case, accents or punctuation; "St" is "saint", "12e" is "12". Keeps line ends."""
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text.translate(_LIGATURES).casefold()))
    return _ORDINAL.sub(r"\1", _SAINT.sub(r"saint\1", _OTHERS.sub(" ", bare)))


def plain_names(names: Iterable[str]) -> list[str]:
    """Many names at once, which is much faster than `plain` for each; without spaces at the ends."""
    return [line.strip() for line in plain("\n".join(name.replace("\n", " ") for name in names)).split("\n")]


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared; what follows the first 80 characters is left aside."""
    return plain(text[:_LONGEST]).split()


class WordIndex:
    """Finds the items whose name has a word that begins with each asked word.

    `names` are plain names, one per item; `points` rank items that fit equally well, higher first, on the scale of a
    natural logarithm of use or population. Beside its name an item may answer to the words of a wider area: item
    `i` lies in the one named `areas[area_of[i]]`. `ignored` words count only when nothing else was asked.
    """

    def __init__(
        self,
        names: Sequence[str],
        points: Sequence[float],
        *,
        area_of: Sequence[int] = (),
        areas: Sequence[str] = (),
        ignored: frozenset[str] = frozenset(),
    ) -> None:
        self._points = np.array(points, np.float64)
        self._words, self._starts, self._postings = _postings(names)
        # A name is known with and without its article: "rochelle" begins "La Rochelle" too.
        known = [(name, item) for item, name in enumerate(names)]
        known += [(_ARTICLE.sub("", name, count=1), item) for name, item in known if _ARTICLE.match(name)]
        known.sort()
        self._names = [name for name, _ in known]
        self._named = np.array([item for _, item in known], np.int32)
        self._area_of = np.array(area_of, np.int32)
        self._areas = [area.split() for area in areas]
        self._ignored = ignored

    def find(self, text: str, limit: int) -> list[int]:
        """At most `limit` items, the best first.

        An item that fits only with a typo forgiven comes after; when nothing answers to every word, those do that
        answer to some, the rarer the better: "avion" says more than "mécanique".
        """
        asked = words_of(text)[:_MOST_WORDS]
        asked = [word for word in asked if word not in self._ignored] or asked
        if not asked:
            return []
        hits = [self._beginning(word) for word in asked]
        strict = found = self._all_of(hits, asked)
        worth = self._points + self._fit(asked)
        if np.count_nonzero(strict) < _ENOUGH:
            found = self._all_of([hit | self._nearly(word) for hit, word in zip(hits, asked, strict=True)], asked)
            worth -= np.where(strict, 0.0, _MISTYPED)
        if not found.any():
            for hit in hits:
                worth[hit] += _RARE * math.log(len(hit) / np.count_nonzero(hit)) if hit.any() else 0.0
                found |= hit
        items = np.flatnonzero(found)
        best: list[int] = items[np.argsort(-worth[items], kind="stable")[:limit]].tolist()
        return best

    def _fit(self, asked: Sequence[str]) -> npt.NDArray[np.float64]:
        """How well each name fits beyond having the words."""
        fit: npt.NDArray[np.float64] = np.where(_every([self._having(word, word) for word in asked]), _WHOLE_WORDS, 0.0)
        whole = " ".join(asked)
        first = bisect_left(self._names, whole)
        for bonus, after in ((_BEGINS, whole + _AFTER), (_SAME, whole)):
            fit[self._named[first : bisect_right(self._names, after)]] += bonus
        return fit

    def _all_of(self, hits: Sequence[Mask], asked: Sequence[str]) -> Mask:
        """Items that answer to every asked word, at least one of them by their own name."""
        if not self._areas or len(asked) == 1:
            return _every(hits)
        wider = [hit | self._in_area(word) for hit, word in zip(hits, asked, strict=True)]
        return ~_every([~hit for hit in hits]) & _every(wider)

    def _in_area(self, asked: str) -> Mask:
        """Items in an area with a word that begins so; a number is meant whole: "paris 7" is not the 75."""
        exact = asked.isdecimal()
        inside = [any(word == asked or (not exact and word.startswith(asked)) for word in each) for each in self._areas]
        mask: Mask = np.array(inside, np.bool_)[self._area_of]
        return mask

    def _beginning(self, prefix: str) -> Mask:
        return self._having(prefix, prefix + _AFTER)

    def _having(self, first: str, last: str) -> Mask:
        """Items with a word between two, both included."""
        low, high = bisect_left(self._words, first), bisect_right(self._words, last)
        mask = np.zeros(len(self._points), np.bool_)
        mask[self._postings[self._starts[low] : self._starts[high]]] = True
        return mask

    def _nearly(self, word: str) -> Mask:
        """Items with a word that begins with `word` after one insertion, deletion, substitution or transposition."""
        mask = np.zeros(len(self._points), np.bool_)
        if len(word) < _TYPO_FROM or word.isdecimal():
            return mask
        for at in range(len(word)):
            head, tail = word[:at], word[at:]
            low, high = bisect_left(self._words, head), bisect_left(self._words, head + _AFTER)
            if low == high:
                break
            variants = {head + tail[1:], head + tail[1:2] + tail[:1] + tail[2:]}
            variants |= {head + letter + rest for letter in _LETTERS for rest in (tail, tail[1:])}
            for variant in variants - {word}:
                # A shortened word would make nearly everything match.
                if len(variant) >= _TYPO_FROM:
                    start = bisect_left(self._words, variant, low, high)
                    end = bisect_left(self._words, variant + _AFTER, start, high)
                    mask[self._postings[self._starts[start] : self._starts[end]]] = True
        return mask


def _every(masks: Sequence[Mask]) -> Mask:
    """Where every mask holds."""
    mask: Mask = np.logical_and.reduce(masks)
    return mask


def _postings(names: Sequence[str]) -> tuple[list[str], list[int], npt.NDArray[np.int32]]:
    """Sorted words, where each word's postings start (and the last ones end), and the postings: places in `names`."""
    by_word: dict[str, list[int]] = {}
    for item, name in enumerate(names):
        # The name without its spaces is a word too: "lehavre", "aidesoignant".
        for word in {*name.split(), name.replace(" ", "")}:
            by_word.setdefault(word, []).append(item)
    words = sorted(by_word)
    starts = [0, *np.cumsum([len(by_word[word]) for word in words]).tolist()]
    return words, starts, np.fromiter(chain.from_iterable(by_word[word] for word in words), np.int32, starts[-1])
