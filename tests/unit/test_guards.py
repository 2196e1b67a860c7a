"""The rails at publication: each refuses what it is for, and the operator may accept it with a reason."""

from datetime import timedelta

import pytest

from tests.builders import NOW, Tree, declaration, entry, harvest, publish
from widget_server.domain.cards import Rejection
from widget_server.domain.errors import GuardRail
from widget_server.snapshot.guards import GUARDS
from widget_server.snapshot.shelf import Shelf

LATER = NOW + timedelta(hours=1)


def many(count, **more):
    return [entry(f"c{number}", **more) for number in range(count)]


def publish_rows(folder, rows, **more):
    shelf = Shelf(folder / "offers")
    with shelf.draft(declaration(), started=more.pop("started", LATER)) as draft:
        for row in rows:
            if isinstance(row, Rejection):
                draft.reject(row)
            else:
                draft.add(row)
        told = harvest(as_of=more.pop("as_of", LATER.isoformat()))
        return draft.publish(tree=Tree(), harvest=told, keep=3, **more)


def rejected(count, reason="title_missing"):
    return [Rejection(reason=reason, id=f"r{number}", detail="") for number in range(count)]


def in_departement(code, first, last):
    return [entry(f"{code}-{number}", departement=code) for number in range(first, last)]


BROKEN = {
    "few": (many(3), {"least": 4}),
    "drop": (many(139), {}),
    "growth": (many(900), {}),
    "departement": (in_departement("35", 0, 60) + many(200), {}),
    "rejects": (many(200) + [row for reason in "abcde" for row in rejected(30, reason)], {}),
    "rule": (many(200) + rejected(60), {}),
    "repeats": (many(200) + many(60), {}),
    "outside": (many(200) + [entry(f"sea{number}", (2.3, 30.8)) for number in range(6)], {}),
    "older": (many(200), {"as_of": (NOW - timedelta(days=1)).isoformat()}),
}


def test_a_version_with_too_few_cards_says_what_became_of_its_rows(tmp_path):
    with pytest.raises(GuardRail, match=r"1 cards of 6 rows \(rejected: title_missing 5\), fewer than the 2"):
        publish_rows(tmp_path, many(1) + rejected(5), least=2)


@pytest.fixture
def shelf(tmp_path):
    return publish(tmp_path, many(100) + in_departement("35", 0, 100))


def test_every_rail_has_a_case():
    assert list(BROKEN) == [guard.id for guard in GUARDS]


@pytest.mark.parametrize("rule", BROKEN)
def test_a_version_that_breaks_a_rail_is_refused_and_the_line_to_type_is_named(rule, shelf, tmp_path):
    rows, more = BROKEN[rule]
    before = shelf.current_version()

    with pytest.raises(GuardRail, match=rf"--accept {rule}\b"):
        publish_rows(tmp_path, rows, **more)

    assert shelf.current_version() == before


def test_an_accepted_rail_is_recorded_with_its_reason(shelf, tmp_path):
    manifest = publish_rows(tmp_path, many(20), accept={"drop": "the season is over", "departement": "idem"})

    assert shelf.current_version() == manifest.version
    told = shelf.read_manifest(manifest.version).accepted
    assert [(each.rule, each.because) for each in told] == [("drop", "the season is over"), ("departement", "idem")]


def test_an_ordinary_version_breaks_no_rail(shelf, tmp_path):
    manifest = publish_rows(tmp_path, many(90) + in_departement("35", 0, 95) + rejected(10), least=100)

    assert manifest.accepted == ()
