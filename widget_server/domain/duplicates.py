"""Recognise one offer under two ids: pure comparisons of two adverts, and the choice of the one that stays.

Two adverts of different partners are the same offer when they have

1. one employer: the same SIRET, or the same name, its legal form aside; two known SIREN that differ are two employers;
2. one place: the same postcode; where one of them has none, the same municipality;
3. one job: titles whose cleaned letters are alike (Dice of their letter pairs >= 0.8), whose words the one has all of
   the other's (a misprint aside: "routier" and "maritime" are two jobs however long the rest), and no sign that tells
   the jobs apart: another number ("poste n° 2"), or words that exclude each other (CAP / BTS, jour / nuit).

Two adverts of one partner are the same offer only when employer, commune, occupation and title are the same: whoever
publishes two adverts with different titles means two jobs.

The winner: the source's own advert; then the one that tells most, weighed by how well its partner keeps its adverts;
then the newest, because a second publication is the one that is still looked after; then the smaller id. Losers are
gathered round a winner that they resemble themselves, never in chains, and a winner takes at most one of each partner.
"""

import re
import unicodedata
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations, pairwise
from typing import Final

import msgspec

ALIKE: Final = 0.8
"""Dice from which two titles name one job."""
LARGEST_BLOCK: Final = 500
"""Adverts of one employer in one place that are compared pair by pair; more are an intermediary's, not one shop's."""
PAIRS_OF_LETTERS: Final = 26 * 26
NUMBER_BITS: Final = 16
"""The lower bits of `signs`: numbers. Two jobs have the same ones."""
LACKING: Final = 3
"""Letter pairs that each of two titles may lack of the other's when their words differ: a misprint, a hyphen."""
_ALL_BITS: Final = 64

_WORDS_FOR: Final[Mapping[str, str]] = {"mfr": "maison familiale rurale", "rh": "ressources humaines"}
_LEAST_LENGTH: Final = 3
_SHARE_OF_TITLE: Final = 5
_SHORT: Final = 4
"""Words up to this length are mostly acronyms: of two titles one has all of the other's."""
_CONTRACT_WORDS: Final = frozenset({
    "alternance", "alternant", "alternante", "alternants", "apprenti", "apprentie", "apprentis", "apprentissage",
    "apprentice", "apprenticeship", "contrat", "contrats", "pro", "professionnalisation", "formation", "cdd", "cdi",
    "offre", "poste", "emploi", "recrutement", "urgent", "recherche",
})  # fmt: skip
"""Words that every offer here may carry: they would make a baker and a pastry cook look alike."""
_SMALL_WORDS: Final = frozenset({
    "a", "au", "aux", "ce", "d", "dans", "de", "des", "du", "e", "en", "es", "et", "f", "fh", "fhx", "h", "hf",
    "hfx", "l", "la", "le", "les", "m", "mf", "mfd", "n", "nb", "ne", "no", "ou", "par", "pour", "s", "sa", "se",
    "son", "sur", "un", "une", "vos", "x", "y", "avec", "cdd", "cdi", "chez", "mois", "plus", "pro", "sans", "tous",
    "via",
})  # fmt: skip
"""Short words that tell no job from another."""
_OPPOSITES: Final = frozenset({
    "interne", "externe", "jour", "nuit", "matin", "soir", "junior", "senior", "nord", "ouest", "chaud", "froid",
    "avant", "arriere", "entrant", "sortant", "particuliers", "professionnels",
})  # fmt: skip
"""Words that tell two jobs of one employer apart although the rest of a long title is the same."""
_FEMININE: Final = (("trice", "teur"), ("euse", "eur"), ("iere", "ier"), ("ienne", "ien"), ("ere", "er"), ("e", ""))
_LEGAL_FORMS: Final = frozenset({
    "sarl", "sas", "sasu", "sa", "eurl", "ei", "eirl", "snc", "scop", "scic", "sci", "selarl", "earl", "gie", "ets",
    "etablissements",
})  # fmt: skip
_NOBODY: Final = frozenset(
    {
        "anonyme", "confidentiel", "confidentielle", "entreprise", "entreprise anonyme", "entreprise confidentielle",
        "employeur", "client", "notre client", "non communique", "non renseigne", "nc", "particulier", "partenaire",
    }
)  # fmt: skip
"""What stands in the place of a name when an employer does not give it."""
_UNIT: Final = (
    r"h|heures?|mois|ans?|annees?|semaines?|jours?|euros?|k|postes?|places?|apprenti\w*|alternant\w*|tonnes?|t"
)
_BRACKETED: Final = re.compile(r"\([\s\d]+\)")
_BAC: Final = re.compile(r"\bbac ?\+? ?\d\b")
_NUMBER: Final = re.compile(
    rf"(?<![a-z0-9])(\d{{1,2}})(?:(?:er|ere|e|eme|nd|nde)(?![a-z0-9])|(?![a-z0-9])(?! (?:{_UNIT})\b))"
)
_A: Final = ord("a")
_SIREN: Final = 9

_OWN: Final = 10_000
_SIRET_POINTS: Final = 50
_TEXT_POINTS: Final = 20
_DIPLOMA_POINTS: Final = 10
_SITE_POINTS: Final = 10
_USUAL_FACTOR: Final = 50
_FACTORS: Final[Mapping[str, int]] = {
    "ats hellowork": 71, "kelio": 70, "la poste": 70, "decathlon": 70, "hellowork": 69, "jobteaser": 67,
    "france travail": 66, "apec": 65, "l etudiant": 65, "rh alternance": 63, "jooble": 55,
}  # fmt: skip
"""How much what a partner tells is worth, in per cent."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A title as it is compared: its letter pairs, its words, and the signs that tell jobs apart, all as bits."""

    letters: int
    words: int
    signs: int


class Advert(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared of one advert. `partner` is who published it; `worth` comes from the function of that name."""

    id: str
    partner: str
    title: str
    company: str | None = None
    siret: str | None = None
    postcode: str | None = None
    municipality: str | None = None
    worth: int = 0
    newest: str = ""


Pair = tuple[float, Advert, Advert]
"""How alike two adverts are, and which."""


class _Folding(dict[int, str]):
    """A table for `str.translate` that learns each character once: letters lose their accents, the rest is a space."""

    def __missing__(self, code: int) -> str:
        plain = unicodedata.normalize("NFKD", chr(code).replace("œ", "oe").replace("æ", "ae"))
        bare = "".join(char for char in plain if not unicodedata.combining(char))
        self[code] = found = (
            "" if plain and not bare else "".join(char if char.isascii() and char.isalnum() else " " for char in bare)
        )
        return found


_FOLDING: Final = _Folding()


def folded(told: str) -> str:
    """Letters and digits only, no case, no accents, œ as oe."""
    return " ".join(told.casefold().translate(_FOLDING).split())


def cleaned(title: str) -> str:
    """The words of a title that name the job.

    Accents go, everything that is not a letter separates words, two abbreviations are spelled out, short and repeated
    words go; so do the words of the contract, and the feminine beside its masculine.
    """
    plain = folded(title)
    words = [word for told in re.findall(r"[a-z]+", plain) for word in _WORDS_FOR.get(told, told).split()]
    longer_than = min(_LEAST_LENGTH, len(plain) / _SHARE_OF_TITLE)
    kept = list(dict.fromkeys(word for word in words if len(word) > longer_than))
    telling = [word for word in kept if word not in _CONTRACT_WORDS] or kept or words
    return " ".join(word for word in telling if not any(male in telling for male in _masculines(word)))


def _masculines(word: str) -> Iterator[str]:
    for ending, male in _FEMININE:
        if word.endswith(ending):
            yield word.removesuffix(ending) + male


@lru_cache(maxsize=1 << 14)
def job_of(title: str) -> Job:
    """A title as it is compared."""
    words = cleaned(title).split()
    letters = "".join(words)
    bits = 0
    for one, two in pairwise(letters):
        bits |= 1 << ((ord(one) - _A) * 26 + ord(two) - _A)
    held = 0
    for word in words:
        held |= _bits(word.rstrip("sx") if len(word) > _SHORT else word, _ALL_BITS)
    return Job(letters=bits, words=held, signs=_signs(title))


def _bits(word: str, size: int) -> int:
    """Two bits of `size` for a word: two words that share both are one pair in a thousand."""
    first, second = divmod(zlib.crc32(word.encode()) % size**2, size)
    return 1 << first | 1 << second


def _signs(title: str) -> int:
    """Numbers in the lower bits, short words and opposites in the upper ones of 64."""
    plain = _BAC.sub("bac", folded(_BRACKETED.sub(" ", title)))
    signs = 0
    for number in _NUMBER.findall(plain):
        signs |= 1 << (int(number) % NUMBER_BITS)
    for word in set(re.findall(r"(?<![a-z0-9])[a-z]+(?![a-z0-9])", plain)):
        short = len(word) <= _SHORT and word not in _SMALL_WORDS and word not in _WORDS_FOR
        if short or word in _OPPOSITES:
            signs |= _bits(word, _ALL_BITS - NUMBER_BITS) << NUMBER_BITS
    return signs


def same_words(one: Job, two: Job) -> bool:
    """Whether one title has all the words of the other, a misprint aside."""
    if one.words & two.words in (one.words, two.words):
        return True
    return max((one.letters & ~two.letters).bit_count(), (two.letters & ~one.letters).bit_count()) <= LACKING


def dice(one: int, two: int) -> float:
    """Twice the common letter pairs by all letter pairs of both; 0 for a title without any."""
    total = one.bit_count() + two.bit_count()
    return 2 * (one & two).bit_count() / total if total else 0.0


def compatible(one: int, two: int) -> bool:
    """Whether the signs of two titles may stand for one job: the same numbers, and no words that exclude each other."""
    numbers = (1 << NUMBER_BITS) - 1
    if (one ^ two) & numbers:
        return False
    both = one & two
    return both in (one, two)


@lru_cache(maxsize=1 << 14)
def company_key(name: str | None) -> str:
    """A company's name as it is compared, without its legal form; "" when it names nobody."""
    plain = folded(name or "")
    if plain in _NOBODY:
        return ""
    words = plain.split()
    return " ".join(word for word in words if word not in _LEGAL_FORMS) or plain


def twin_key(company: str | None, place: str, rome: str, title: str) -> str:
    """The same for adverts that say the same word for word; "" without an employer's name.

    `place` is the commune, or what is known instead of it.
    """
    name = company_key(company)
    return f"{name}|{place}|{rome}|{folded(title)}" if name else ""


def worth(*, partner: str, own: bool, siret: bool, text: bool, diploma: bool, site: bool) -> int:
    """How much an advert tells, higher first. E-mail and telephone count elsewhere; here they are not even read."""
    points = _SIRET_POINTS * siret + _TEXT_POINTS * text + _DIPLOMA_POINTS * diploma + _SITE_POINTS * site
    return _OWN * own + points * _FACTORS.get(folded(partner), _USUAL_FACTOR)


def blocks(advert: Advert) -> list[str]:
    """The keys of which two adverts share one whenever they may be the same offer."""
    name = company_key(advert.company)
    employers = [f"s{advert.siret}" if advert.siret else "", f"n{name}" if name else ""]
    places = [
        f"p{advert.postcode}" if advert.postcode else "",
        f"m{advert.municipality}" if advert.municipality else "",
    ]
    return [f"{employer}|{place}" for employer in employers if employer for place in places if place]


def same_employer(one: Advert, two: Advert) -> bool:
    """The first condition."""
    if one.siret and two.siret:
        if one.siret[:_SIREN] != two.siret[:_SIREN]:
            return False
        if one.siret == two.siret:
            return True
    name = company_key(one.company)
    return bool(name) and name == company_key(two.company)


def contradict(one: Advert, two: Advert) -> bool:
    """Whether two adverts that say the same word for word are of two employers, or of two places."""
    if one.siret and two.siret and one.siret[:_SIREN] != two.siret[:_SIREN]:
        return True
    return one.partner != two.partner and bool(one.postcode and two.postcode) and one.postcode != two.postcode


def same_place(one: Advert, two: Advert) -> bool:
    """The second condition."""
    if one.postcode and two.postcode:
        return one.postcode == two.postcode
    return one.municipality is not None and one.municipality == two.municipality


def likeness(one: Advert, two: Advert) -> float:
    """How alike two adverts of different partners are, at least 0.8; 0.0 when they are not the same offer."""
    if one.partner == two.partner or not same_place(one, two) or not same_employer(one, two):
        return 0.0
    job, other = job_of(one.title), job_of(two.title)
    if not compatible(job.signs, other.signs) or not same_words(job, other):
        return 0.0
    found = dice(job.letters, other.letters)
    return found if found >= ALIKE else 0.0


def pairs(block: Collection[Advert]) -> Iterator[Pair]:
    """The pairs of one block that are the same offer."""
    if not 2 <= len(block) <= LARGEST_BLOCK:
        return
    for one, two in combinations(block, 2):
        found = likeness(one, two)
        if found:
            yield found, one, two


def gather(group: Sequence[Advert]) -> dict[str, tuple[str, ...]]:
    """For each winner among adverts with one twin key the ids that are merged into it; `group` is the best first."""
    left = list(group)
    winners: dict[str, tuple[str, ...]] = {}
    while left:
        winner, *others = left
        left = [other for other in others if contradict(winner, other)]
        losers = tuple(other.id for other in others if not contradict(winner, other))
        if losers:
            winners[winner.id] = losers
    return winners


def settle(found: Iterable[Pair]) -> dict[str, tuple[str, ...]]:
    """For each winner the ids that are merged into it, the most alike first."""
    adverts: dict[str, Advert] = {}
    near: dict[str, dict[str, float]] = {}
    for alike, one, two in found:
        adverts[one.id], adverts[two.id] = one, two
        near.setdefault(one.id, {})[two.id] = alike
        near.setdefault(two.id, {})[one.id] = alike
    settled: set[str] = set()
    winners: dict[str, tuple[str, ...]] = {}
    for advert in best_first(adverts.values()):
        if advert.id in settled:
            continue
        settled.add(advert.id)
        mine = near[advert.id]
        candidates = [adverts[other] for other in mine if other not in settled]
        candidates.sort(key=lambda other: (-mine[other.id], other.id))
        taken: dict[str, str] = {}
        for other in candidates:
            taken.setdefault(other.partner, other.id)
        if taken:
            winners[advert.id] = tuple(taken.values())
            settled.update(taken.values())
    return winners


def best_first(adverts: Iterable[Advert]) -> Sequence[Advert]:
    """The order in which adverts win."""
    found = sorted(adverts, key=lambda advert: advert.id)
    found.sort(key=lambda advert: (advert.worth, advert.newest), reverse=True)
    return found
