"""Pairs of adverts and single offers, written from the documented cases with fictitious names, and how well we judge.

`*.csv` were at hand while the rules were written; `*_held_out.csv` were written afterwards. `python -m
tests.unit.labelled` prints the figures.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from widget_server.domain.cards import Card, CardPlace, Entry, Organisation, Rejection, SourceName
from widget_server.domain.duplicates import twin_key
from widget_server.snapshot.store import Spool
from widget_server.sources.kit.hygiene import Hygiene
from widget_server.sources.kit.lists import Lists
from widget_server.sources.kit.rules import Record

FOLDER = Path(__file__).parent
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SIRENS = {"A": 1, "B": 2}


@dataclass
class Score:
    """Counts of right and wrong judgements; `wrong` names the cases."""

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0
    rest: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, case: str, *, expected: bool, found: bool) -> None:
        if expected != found:
            self.wrong.append(f"{'missed' if expected else 'false alarm'}: {case}")
        self.hits += expected and found
        self.false_alarms += found and not expected
        self.misses += expected and not found
        self.rest += not expected and not found

    @property
    def precision(self) -> float:
        found = self.hits + self.false_alarms
        return self.hits / found if found else 1.0

    @property
    def recall(self) -> float:
        expected = self.hits + self.misses
        return self.hits / expected if expected else 1.0

    def __str__(self) -> str:
        cases = self.hits + self.false_alarms + self.misses + self.rest
        return f"{cases} cases: precision {self.precision:.3f}, recall {self.recall:.3f}"


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def adverts(row: Mapping[str, str], number: int) -> tuple[Entry, Entry]:
    """Both adverts of a pair. Employers of different pairs never have anything in common."""
    one, two = (
        _advert(
            f"{side}{number}",
            number,
            {name.removesuffix(f"_{side}"): value for name, value in row.items() if name.endswith(f"_{side}")},
        )
        for side in "ab"
    )
    return one, two


def _advert(card_id: str, number: int, told: Mapping[str, str]) -> Entry:
    company, code = told["company"], told["siret"]
    named = f"{company} {number}" if company and company.casefold() != "confidentiel" else company or None
    postcode, _, insee = told["place"].partition("|")
    card = Card(
        id=card_id,
        kind="offer",
        title=told["title"],
        organisation=Organisation(
            name=named, siret=f"{SIRENS[code[0]] * 1000 + number:09d}{int(code[1]):05d}" if code else None
        ),
        place=CardPlace(
            label="Ici",
            precision="commune",
            insee=insee or None,
            postcode=postcode or None,
            latitude=48.1,
            longitude=-1.6,
        ),
        romes=("D1102",),
        source=SourceName(name="offers", label="Essai"),
        reasons=(),
    )
    return Entry(
        card=card,
        newest=f"{card_id:0>9}",
        twin=twin_key(named, insee or postcode, told["rome"], told["title"]),
        partner=told["partner"],
    )


def merged_at_sync(pairs: Iterable[tuple[Entry, Entry]]) -> set[frozenset[str]]:
    """The ids that are merged when all these adverts are published together, by two."""
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool.sqlite")
        for pair in pairs:
            for entry in pair:
                spool.add(entry)
        merged = {frozenset((winner, loser)) for winner, losers in spool.twins().items() for loser in losers}
        spool.close()
    return merged


def score_duplicates(name: str) -> Score:
    """Every pair of a file, all published together: merged or not. Adverts of two pairs must not be."""
    score = Score()
    told = rows(name)
    merged = merged_at_sync(adverts(row, number) for number, row in enumerate(told))
    for number, row in enumerate(told):
        pair = frozenset((f"a{number}", f"b{number}"))
        score.add(
            f"{row['case']}: {row['title_a']} / {row['title_b']}", expected=row["same"] == "1", found=pair in merged
        )
        merged.discard(pair)
    for strangers in merged:
        score.add(f"strangers: {sorted(strangers)}", expected=False, found=True)
    return score


HYGIENE = Hygiene(lists=Lists(least_text=40))
"""The rules as they come, without an operator's lists."""


def verdict(row: Mapping[str, str], hygiene: Hygiene = HYGIENE) -> set[str]:
    """The rules that a record of a file breaks."""
    record = Record(
        id=row["case"],
        title=row["title"],
        text=row["text"].replace("\\n", "\n"),
        company=row["company"] or None,
        naf=row["naf"] or None,
        sector=row["sector"] or None,
        contracts=(row["contract"] or "Contrat apprentissage",),
        romes=(row["rome"] or "D1102",),
        now=NOW,
    )
    found = hygiene.judge(record)
    return {found.rejection.reason} if isinstance(found.rejection, Rejection) else {rule.id for rule in found.flagged}


def score_hygiene(names: Iterable[str]) -> dict[str, Score]:
    """Rule by rule over every record of the files; "all" counts a record as right when it breaks what it should."""
    told = [row for name in names for row in rows(name)]
    scores: dict[str, Score] = {"all": Score()}
    for row in told:
        expected, found = set(row["rules"].split()), verdict(row)
        scores["all"].add(f"{row['case']}: {sorted(found)}", expected=bool(expected), found=bool(found))
        for rule in expected | found:
            scores.setdefault(rule, Score())
    for row in told:
        expected, found = set(row["rules"].split()), verdict(row)
        for rule, score in scores.items():
            if rule != "all":
                score.add(f"{rule}, {row['case']}", expected=rule in expected, found=rule in found)
    return scores
