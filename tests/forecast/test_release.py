"""Is the release what its reader expects, and nothing that must not leave?"""

import gzip
import json
from datetime import UTC, datetime

import msgspec
import pytest

from tests.forecast.inputs import siret
from tests.forecast.releases import MODEL, ORIGIN, SIZE, chance, released, scores_of, sirets, stock, tables_of
from widget_server.domain.errors import StageDamaged
from widget_server.forecast.release import (
    FILE,
    SUMMARY,
    Choice,
    current_release,
    move_current,
    moves,
    read_header,
    read_rows,
    read_summary,
    verify,
)

NOW = datetime(2026, 7, 9, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    odd = {
        "of_2": {"statutDiffusionEtablissement": "P"},
        "of_4": {"etatAdministratifEtablissement": "F", "dateDebut": "2026-07-01"},
        "of_6": {"activitePrincipaleEtablissement": "78.20Z"},
        "of_8": {"activitePrincipaleEtablissement": "85.59A"},
        "of_10": {"enseigne1Etablissement": "[ND]"},
    }
    opt_out = [
        {"siret": siret(12), "since": "2026-01-01", "scope": "all"},
        {"siret": siret(14), "since": "", "scope": "contact"},
    ]
    return tables_of(tmp_path_factory.mktemp("inputs"), establishments=stock(**odd), opt_out=opt_out)


@pytest.fixture(scope="module")
def scores(tmp_path_factory, tables):
    return scores_of(tmp_path_factory.mktemp("scored") / "scores", tables)


@pytest.fixture
def release(tmp_path, tables, scores):
    return released(tmp_path / "releases" / "first", tables, scores)


def test_a_release_is_a_header_and_one_establishment_per_line(release):
    lines = [json.loads(line) for line in gzip.decompress((release / FILE).read_bytes()).splitlines()]

    assert lines[0] == {
        "format": 1, "model": MODEL, "day": "2026-07-01", "until": "2027-01-01", "count": len(lines) - 1,
    }  # fmt: skip
    assert set(lines[1]) == {
        "siret", "name", "naf", "headcount", "address", "postcode", "commune", "lat", "lon", "expected_hires", "romes",
        "reasons",
    }  # fmt: skip
    assert lines[1]["address"] == "3 RUE DES ESSAIS"
    assert lines[1]["headcount"] == "11"


def test_no_past_count_is_in_it(release):
    """Whatever is a number is a place, an estimate or a probability."""
    for row in read_rows(release / FILE):
        told = msgspec.to_builtins(row)
        numbers = {name for name, value in told.items() if isinstance(value, (int, float)) and value is not True}
        assert numbers - {"contact"} <= {"lat", "lon", "expected_hires"}


def test_a_row_with_anything_more_cannot_be_read_back(release):
    path = release / FILE
    header, first, *rest = gzip.decompress(path.read_bytes()).splitlines()
    more = json.dumps(json.loads(first) | {"sum_12m": 3}).encode()
    path.write_bytes(gzip.compress(b"\n".join([header, more, *rest])))

    with pytest.raises(StageDamaged, match="sum_12m"):
        list(read_rows(path))


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (2, "not_diffusible"), (4, "closed"), (6, "naf_withheld"), (8, "naf_withheld"), (10, "unnamed"),
        (12, "opted_out"),
    ],
)  # fmt: skip
def test_who_may_not_be_shown_is_not_in_it_and_is_counted(release, number, reason):
    assert siret(number) not in sirets(release)
    assert read_summary(release).held[reason] >= 1


def test_everybody_who_is_scored_is_shown_or_counted(release):
    summary = read_summary(release)

    assert summary.establishments + sum(summary.held.values()) == SIZE


def test_what_an_operator_configures_is_shown(tmp_path, tables, scores):
    folder = released(tmp_path / "r", tables, scores, choice=Choice(withheld_naf=("85",)))

    assert siret(6) in sirets(folder)
    assert siret(8) not in sirets(folder)


def test_who_asked_for_no_contact_is_shown_without(release):
    rows = {row.siret: row for row in read_rows(release / FILE)}

    assert not rows[siret(14)].contact
    assert rows[siret(16)].contact


def test_a_scored_establishment_that_the_stock_does_not_know_is_not_shown(tmp_path, tables):
    scores = scores_of(tmp_path / "s", tables, [(siret(1), "D1102", 0.5, 0.6), (siret(900), "D1102", 0.5, 0.6)])

    assert sirets(released(tmp_path / "r", tables, scores)) == [siret(1)]


def test_pairs_under_the_least_p_stay_where_they_are_among_the_best_of_their_departement(tmp_path, tables, scores):
    folder = released(tmp_path / "r", tables, scores, choice=Choice(least_p=0.03, best=5))

    for code, odd in (("35", 1), ("75", 0)):
        numbers = [n for n in range(1, SIZE + 1) if n % 2 == odd and n not in (2, 4, 6, 8, 10, 12)]
        likely = {siret(n) for n in numbers if chance(n) / 20 >= 0.03}
        best = {siret(n) for n in sorted(numbers, key=lambda n: (-chance(n), siret(n)))[:5]}
        shown = {
            row.siret
            for row in read_rows(folder / FILE)
            if row.postcode.startswith(code) and "F1703" in [rome for rome, _, _ in row.romes]
        }
        assert shown == likely | best


def test_occupations_are_in_the_order_of_their_probability_and_bands_fit_it(release):
    for row in read_rows(release / FILE):
        chances = [p for _, p, _ in row.romes]
        assert chances == sorted(chances, reverse=True)
        for _, p, named in row.romes:
            assert named == ("A" if p >= 0.4 else "B" if p >= 0.2 else "C")


def test_a_probability_just_under_a_band_is_not_rounded_into_it(tmp_path, tables):
    scores = scores_of(tmp_path / "s", tables, [(siret(1), "D1102", 0.39996, 0.6)])

    (row,) = read_rows(released(tmp_path / "r", tables, scores) / FILE)

    assert row.romes == [("D1102", 0.3999, "B")]


def test_the_same_inputs_give_the_same_bytes_with_any_number_of_threads(tmp_path, tables, scores):
    one = released(tmp_path / "one", tables, scores, threads=1)
    two = released(tmp_path / "two", tables, scores, threads=2)

    assert (one / FILE).read_bytes() == (two / FILE).read_bytes()
    assert (one / SUMMARY).read_bytes() == (two / SUMMARY).read_bytes()


def test_fictitious_companies_are_called_so(tmp_path, tables, scores):
    assert read_header(released(tmp_path / "r", tables, scores, demonstration=True) / FILE).demonstration


def test_a_release_that_is_cut_off_is_noticed(release):
    path = release / FILE
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(StageDamaged, match="to its end"):
        verify(path, 1)


def test_a_release_with_fewer_rows_than_announced_is_noticed(release):
    count = read_header(release / FILE).count

    with pytest.raises(StageDamaged, match=f"announces {count + 1}"):
        verify(release / FILE, count + 1)


def test_an_unknown_format_is_refused(release):
    path = release / FILE
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b'"format":1', b'"format":2', 1)))

    with pytest.raises(StageDamaged, match="format 2"):
        read_header(path)


def test_current_moves_in_one_step_and_every_move_has_its_reason(release):
    releases = release.parent
    assert current_release(releases) is None

    move_current(releases, "first", "first release", NOW)
    (releases / "second").mkdir()
    move_current(releases, "second", "the next month", NOW)
    move_current(releases, "first", "the second one misses a région", NOW)

    assert current_release(releases) == release.resolve()
    assert [(move.before, move.after, move.because) for move in moves(releases)] == [
        (None, "first", "first release"),
        ("first", "second", "the next month"),
        ("second", "first", "the second one misses a région"),
    ]


def test_the_season_is_that_of_the_same_months_a_year_earlier(release):
    summary = read_summary(release)

    assert ORIGIN.same_window(1).start.first_day.isoformat() == "2025-07-01"
    assert summary.season_firms == SIZE // 2
    assert summary.season_hires == sum(1 + number // 20 for number in range(1, SIZE + 1, 2))
