"""What a visitor typed into the job and place fields becomes codes, so that the form works without any script.

The form sends two fields that are not in the parameter table: `job` and `place`, as text. It also sends the codes that
the page was made from. When the text still is what the page showed, the codes stand; otherwise the text decides.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

Pairs = Sequence[tuple[str, str]]

JOB_FIELD: Final = "job"
PLACE_FIELD: Final = "place"
JOB_CODES: Final = frozenset({"romes", "rome"})
PLACE_CODES: Final = frozenset(
    {"insee", "postcode", "zipcode", "latitude", "lat", "longitude", "lon", "departement", "region"}
)
LONGEST: Final = 100
_OTHERS: Final = 5


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One meaning of a text: how it is called, and the parameters that it stands for."""

    label: str
    query: tuple[tuple[str, str], ...]


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """A text that had to be understood: what was taken (None: nothing fits) and what else it could have meant."""

    text: str
    taken: Choice | None
    others: tuple[Choice, ...]

    @property
    def exact(self) -> bool:
        """The visitor wrote the very name of what was taken: nothing needs to be said."""
        return self.taken is not None and fold(self.taken.label) == fold(self.text)


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The query with codes only, ready for the one parser, and what to say about the texts."""

    pairs: tuple[tuple[str, str], ...]
    job: Typed | None = None
    place: Typed | None = None


Suggest = Callable[[str], Iterable[Choice]]


def settle(pairs: Pairs, *, job_shown: str, place_shown: str, jobs: Suggest, places: Suggest) -> Settled:
    """Replace the typed texts by codes. `job_shown` and `place_shown` are what the page shows for the codes given."""
    texts = {name: value.strip()[:LONGEST] for name, value in pairs if name in (JOB_FIELD, PLACE_FIELD)}
    rest = [(name, value) for name, value in pairs if name not in texts]
    rest, job = _settle_one(rest, texts.get(JOB_FIELD), job_shown, JOB_CODES, jobs)
    rest, place = _settle_one(rest, texts.get(PLACE_FIELD), place_shown, PLACE_CODES, places)
    return Settled(pairs=tuple(rest), job=job, place=place)


def fold(text: str) -> str:
    """Without case, accents and repeated blanks."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in bare if not unicodedata.combining(char)).split())


def _settle_one(
    pairs: list[tuple[str, str]], text: str | None, shown: str, codes: frozenset[str], suggest: Suggest
) -> tuple[list[tuple[str, str]], Typed | None]:
    if text is None or (shown and fold(text) == fold(shown)):
        return pairs, None
    given = {(name, value) for name, value in pairs if name.lower() in codes}
    without = [pair for pair in pairs if pair not in given]
    if not text:
        return without, None
    found = list(suggest(text))
    same = [choice for choice in found if fold(choice.label) == fold(text)]
    # Two occupations or two towns may bear one name: a script that filled in the codes has said which.
    taken = next((choice for choice in same if set(choice.query) <= given), None) or next(iter([*same, *found]), None)
    others = tuple(choice for choice in found if choice is not taken)[:_OTHERS]
    return [*without, *(taken.query if taken else ())], Typed(text=text, taken=taken, others=others)
