"""Does each gate go red, and is red final?"""

import gzip
import json
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import msgspec
import pytest

from tests.forecast.inputs import siret
from tests.forecast.releases import (
    ORIGIN,
    SIZE,
    SYNTHETIC,
    backtest,
    chance,
    evidence,
    released,
    scores_of,
    sirets,
    stock,
    tables_of,
)
from widget_server.domain.errors import GateRed
from widget_server.forecast.clock import Origin
from widget_server.forecast.features import write_features
from widget_server.forecast.gates import (
    GATES,
    Canaries,
    Check,
    Synthetic,
    check,
    judge,
    problems_of,
    table,
)
from widget_server.forecast.metrics import Trained
from widget_server.forecast.release import FILE, Histogram, histograms, read_rows, read_summary

REASON = "reprise de l'historique SIRENE"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two releases of one day: the second one moved a company of the top tenth, as real months do."""
    path = tmp_path_factory.mktemp("world")
    tables = tables_of(path / "inputs")
    before = scores_of(path / "before", tables)
    pairs = [
        (siret(number), rome, chance(number) / times, 1.3 * chance(number + 1 if number > 50 else number))
        for number in range(1, SIZE + 1)
        for rome, times in (("D1102", 1), ("F1703", 20))
    ]
    after = scores_of(path / "after", tables, pairs)
    return tables, before, after, released(path / "old", tables, before), released(path / "new", tables, after)


@pytest.fixture
def good(world):
    tables, _, scores, old, new = world
    return evidence(tables, scores, new, read_summary(new), read_summary(old), old / FILE)


def states(seen, overrides=None):
    return {verdict.gate: verdict.state for verdict in judge(seen, overrides)}


def red(seen):
    return {gate for gate, state in states(seen).items() if state == "red"}


def summary(told, **changes):
    return msgspec.structs.replace(told, **changes)


def with_old(seen, **changes):
    return replace(seen, old=summary(seen.old, **changes))


def rewritten(seen, tmp_path, change):
    """The evidence of a release whose rows were changed after it was made."""
    path = tmp_path / FILE
    header, *rows = gzip.decompress((seen.release / FILE).read_bytes()).splitlines()
    made = [json.dumps(row) for row in change([json.loads(row) for row in rows])]
    path.write_bytes(gzip.compress("\n".join([header.decode(), *made]).encode()))
    return replace(seen, release=tmp_path)


def test_a_good_release_passes_every_gate(good):
    assert set(states(good).values()) == {"green", "not asked"}
    assert [gate for gate, state in states(good).items() if state == "not asked"] == ["canaries"]
    check(judge(good))


# Each gate, alone, goes red. `levels` go red either way.

LEVELS = {
    "pairs": lambda told, times: {"pairs": {code: round(n * times) for code, n in told.pairs.items()}},
    "establishments": lambda told, times: {"establishments": round(told.establishments * times)},
    "mean_p": lambda told, times: {"mean_p": told.mean_p * times},
    "band_a": lambda told, times: {"band_a": told.band_a * times},
    "expected_hires": lambda told, times: {"expected_hires": told.expected_hires * times},
}


@pytest.mark.parametrize("gate", LEVELS)
@pytest.mark.parametrize("times", [0.72, 1.36], ids=["it grew", "it fell"])
def test_a_level_that_moved_by_more_than_a_quarter_is_red_either_way(good, gate, times):
    """The last release had so many times as much."""
    assert red(with_old(good, **LEVELS[gate](good.old, times))) == {gate}


@pytest.mark.parametrize("gate", LEVELS)
@pytest.mark.parametrize("times", [0.85, 1.25])
def test_a_level_that_moved_by_less_is_green(good, gate, times):
    assert red(with_old(good, **LEVELS[gate](good.old, times))) == set()


def test_a_level_may_fall_as_far_as_the_season_fell_a_year_earlier_and_not_further(good):
    new = summary(good.new, season_firms=good.old.season_firms // 2)

    fallen = replace(good, new=summary(new, mean_p=good.old.mean_p * 0.5))
    too_far = replace(good, new=summary(new, mean_p=good.old.mean_p * 0.3))
    against_it = replace(good, new=summary(new, mean_p=good.old.mean_p * 1.3))

    assert "mean_p" not in red(fallen)
    assert "mean_p" in red(too_far)
    assert "mean_p" in red(against_it)


def test_expected_hires_follow_the_season_of_hires_not_of_firms(good):
    half = good.old.expected_hires * 0.5

    by_hires = summary(good.new, expected_hires=half, season_hires=good.old.season_hires // 2)
    by_firms = summary(good.new, expected_hires=half, season_firms=good.old.season_firms // 2)

    assert "expected_hires" not in red(replace(good, new=by_hires))
    assert "expected_hires" in red(replace(good, new=by_firms))


def test_a_departement_without_any_pair_is_red(good):
    pairs = good.old.pairs | {"2A": 3}

    assert "departements" in red(with_old(good, pairs=pairs))


@pytest.mark.parametrize("before", [1999, 601])
def test_a_large_departement_that_moved_by_more_than_half_is_red(good, before):
    old = summary(good.old, pairs={"35": before, "75": 10_000})
    new = summary(good.new, pairs={"35": 950, "75": 10_000})

    assert red(replace(good, old=old, new=new)) == {"departements"}


def test_small_departements_are_compared_by_region(good):
    old = summary(good.old, pairs={"35": 499, "22": 100, "75": 10_000})
    regions = {"35": "53", "22": "53", "75": "11"}

    together = summary(good.new, pairs={"35": 350, "22": 249, "75": 10_000})
    both_fell = summary(good.new, pairs={"35": 200, "22": 90, "75": 10_000})

    assert red(replace(good, old=old, new=together, regions=regions)) == set()
    assert red(replace(good, old=old, new=both_fell, regions=regions)) == {"departements"}


def test_a_top_tenth_that_never_changes_is_red(good):
    frozen = replace(good, old_file=good.release / FILE)

    assert red(with_old(frozen, day=date(2026, 6, 1))) == {"churn"}
    assert red(frozen) == set(), "the same day made again, for an opt-out alone"


def test_a_top_tenth_that_turned_over_is_red(good, tmp_path):
    def reverse(rows):
        most = max(row["expected_hires"] for row in rows)
        return [row | {"expected_hires": most - row["expected_hires"]} for row in rows]

    assert red(rewritten(good, tmp_path, reverse)) == {"churn"}


def with_feature(good, folder, change):
    """The same evidence, with one feature of everybody set to something else: `name = expression`."""
    name, _, value = change.partition(" = ")
    path = good.scores / "features.parquet"
    with duckdb.connect() as database:
        database.execute(
            f"COPY (SELECT * REPLACE (CAST({value} AS FLOAT) AS {name}) FROM read_parquet('{path}')) "
            f"TO '{folder / 'features.parquet'}' (FORMAT parquet)"
        )
    return replace(good, scores=folder)


@pytest.mark.parametrize("change", ["headcount = 0", "sum_12m = sum_12m + 5", "tension = 0.5"])
def test_a_feature_that_drifted_is_red(good, tmp_path, change):
    seen = with_feature(good, tmp_path, change)

    assert red(seen) == {"drift"}
    assert change.partition(" = ")[0] in next(verdict.said for verdict in judge(seen) if verdict.gate == "drift")


@pytest.mark.parametrize("change", ["mean_24m_departement = mean_24m_departement * 1.02", "tension = tension * 0.97"])
def test_a_mean_that_all_establishments_of_a_group_share_may_move_a_little(good, tmp_path, change):
    """Both départements of this world are on the edges of their own tenths."""
    assert red(with_feature(good, tmp_path, change)) == set()


def test_features_that_an_older_version_counted_are_not_compared(good):
    features = {name: Histogram(edges=told.edges, shares=[1.0]) for name, told in good.old.features.items()}

    assert states(with_old(good, features=features))["drift"] == "not asked"


def test_a_few_pairs_of_the_best_band_are_no_level(good):
    pairs = good.new.all_pairs

    assert red(with_old(replace(good, new=summary(good.new, band_a=8 / pairs)), band_a=0.0)) == set()
    assert red(with_old(replace(good, new=summary(good.new, band_a=9 / pairs)), band_a=0.0)) == {"band_a"}


def test_the_month_itself_is_no_drift(good, tmp_path):
    path = good.scores / "features.parquet"
    with duckdb.connect() as database:
        database.execute(
            f"COPY (SELECT * REPLACE (CAST(11 AS FLOAT) AS month) FROM read_parquet('{path}')) "
            f"TO '{tmp_path / 'features.parquet'}' (FORMAT parquet)"
        )

    assert red(replace(good, scores=tmp_path)) == set()


@pytest.mark.parametrize(
    ("gate", "figures"),
    [
        ("precision", {"lbb:precision_at_10": 0.393}),
        ("precision", {"last_year:precision_at_10": 0.393}),
        ("precision_last", {"precision_at_10": 0.387}),
        ("too_good", {"precision_at_10": 0.461}),
        ("calibration", {"ece": 0.021}),
        ("deviance", {"deviance": 0.736}),
    ],
)
def test_a_backtest_out_of_its_bounds_is_red(good, gate, figures):
    assert red(replace(good, metrics=backtest(**figures))) == {gate}


@pytest.mark.parametrize(
    "figures",
    [{"lbb:precision_at_10": 0.392}, {"precision_at_10": 0.389}, {"precision_at_10": 0.459}, {"ece": 0.0199},
     {"deviance": 0.734}],
    ids=lambda figures: next(iter(figures)),
)  # fmt: skip
def test_a_backtest_just_within_its_bounds_is_green(good, figures):
    assert red(replace(good, metrics=backtest(**figures))) == set()


@pytest.mark.parametrize(
    ("figures", "yardstick", "red_gates"),
    [
        ({"deviance": 0.8}, {"lbb:deviance": 1.0}, {"deviance"}),
        ({"deviance": 0.8}, {"lbb:deviance": 0.9}, set()),
        ({"deviance": 0.8}, {"lbb:deviance": 1.2}, {"deviance"}),
        ({"precision_at_10": 0.48}, {"lbb:precision_at_10": 0.3}, set()),
        ({"precision_at_10": 0.48}, {"lbb:precision_at_10": 0.4}, {"too_good"}),
        ({"precision_at_10": 0.37, "lbb:precision_at_10": 0.3}, {"lbb:precision_at_10": 0.33}, set()),
        ({"precision_at_10": 0.37, "lbb:precision_at_10": 0.3}, {"lbb:precision_at_10": 0.3}, {"precision_last"}),
    ],
)
def test_what_a_method_that_never_changes_gained_or_lost_is_the_season_of_the_tests(
    good, figures, yardstick, red_gates
):
    """The backtest of each month is of other windows; the bound gives way to the same side only."""
    given = {"lbb:precision_at_10": 0.35, "lbb:deviance": 1.0} | figures
    seen = replace(good, metrics=backtest(**given))

    assert red(with_old(seen, metrics={**seen.old.metrics, **yardstick})) & {
        "deviance", "too_good", "precision_last"
    } == red_gates  # fmt: skip


def test_a_model_of_which_nothing_can_be_measured_is_red(good):
    every = [
        msgspec.structs.replace(score, value=0.0) if score.metric == "precision_at_10" else score
        for score in good.metrics.scores
    ]

    assert "precision" in red(replace(good, metrics=msgspec.structs.replace(good.metrics, scores=every)))


def test_too_few_establishments_for_a_list_are_told_as_such(good):
    scores = [score for score in good.metrics.scores if score.metric != "precision_at_10"]
    verdicts = judge(replace(good, metrics=msgspec.structs.replace(good.metrics, scores=scores)))

    assert "too few establishments" in next(each.said for each in verdicts if each.gate == "precision")


def test_a_model_without_a_backtest_is_red(good):
    seen = replace(good, metrics=msgspec.structs.replace(good.metrics, scores=[]))

    assert {"precision", "precision_last", "too_good", "calibration", "deviance"} <= red(seen)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"opt_out": [{"siret": siret(20), "since": "", "scope": "all"}]}, "opted_out"),
        ({"of_20": {"etatAdministratifEtablissement": "F", "dateDebut": "2026-06-30"}}, "closed"),
        ({"of_20": {"statutDiffusionEtablissement": "N"}}, "not_diffusible"),
        ({"of_20": {"activitePrincipaleEtablissement": "8532Z"}}, "naf_withheld"),
    ],
)
def test_somebody_in_the_release_who_may_not_be_shown_is_red(good, tmp_path, given, word):
    """The tables know better than those that the release was made of."""
    opt_out = given.pop("opt_out", ())
    tables = tables_of(tmp_path, establishments=stock(**given), opt_out=opt_out)

    seen = replace(good, tables=tables)

    assert red(seen) == {"shown"}
    assert f"1 {word}" in table(judge(seen))


def test_somebody_whom_the_tables_do_not_know_is_red(good, tmp_path):
    def strange(rows):
        return [*rows[:-1], rows[-1] | {"siret": siret(900)}]

    assert "shown" in red(rewritten(good, tmp_path, strange))


def test_somebody_who_is_there_twice_is_red(good, tmp_path):
    assert "shown" in red(rewritten(good, tmp_path, lambda rows: [*rows[:-1], rows[0]]))


def test_a_canary_that_must_be_absent_and_is_there_is_red(good):
    assert red(replace(good, canaries=Canaries(absent=[siret(3)]))) == {"shown"}


def test_a_canary_that_must_be_present_and_is_not_there_is_red_and_not_named(good):
    seen = replace(good, canaries=Canaries(present=[siret(3), siret(901)]))

    assert red(seen) == {"canaries"}
    assert "1 of 2" in table(judge(seen))
    assert siret(901) not in table(judge(seen))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"splits": []}, "train it again"),
        ({"live": Trained(test="2026-07", lag=0, train=["2026-02"])}, "labelled with"),
        ({"live": Trained(test="2026-06", lag=0, train=["2025-06"])}, "made for 2026-06"),
        ({"live": Trained(test="2026-07", lag=2, train=["2025-06"])}, "made for 2026-07"),
        ({"splits": [Trained(test="2026-01", lag=0, train=["2025-07", "2025-08"])]}, "labelled with"),
        ({"splits": [Trained(test="soon", lag=0, train=[])]}, "not a month"),
    ],
)
def test_a_label_that_was_not_known_on_the_day_is_red(good, change, word):
    seen = replace(good, metrics=msgspec.structs.replace(good.metrics, **change))

    assert red(seen) == {"labels"}
    assert word in table(judge(seen))


@pytest.mark.parametrize("today", [date(2026, 8, 16), date(2026, 5, 1)], ids=["old", "of the future"])
def test_inputs_of_another_season_are_red(good, today):
    assert red(replace(good, today=today)) == {"age"}


def test_an_old_stock_file_is_red_though_the_day_is_new(good):
    ingested = msgspec.structs.replace(good.ingested, stocks=[date(2026, 5, 1)])

    assert red(replace(good, ingested=ingested)) == {"age"}


def test_a_day_before_that_of_the_last_release_is_red(good):
    assert red(with_old(good, day=date(2026, 8, 1))) == {"order"}


@pytest.mark.parametrize(
    "change",
    [{"rejected": 9, "rejected_for": {"n_range": 9}}, {"rejected": 90, "rejected_for": {"siret_unknown": 90}}],
    ids=["a table", "a reason with a ceiling of its own"],
)
def test_rejects_over_their_ceiling_are_red(good, change):
    tables = [
        msgspec.structs.replace(counts, read=1000, **change) if counts.table == "hires" else counts
        for counts in good.ingested.tables
    ]

    assert red(replace(good, ingested=msgspec.structs.replace(good.ingested, tables=tables))) == {"rejects"}


def test_establishments_that_stand_in_the_middle_of_their_commune_are_red(good):
    ingested = msgspec.structs.replace(good.ingested, own_place=0.949)

    assert red(replace(good, ingested=ingested)) == {"own_place"}


@pytest.mark.parametrize(
    "synthetic",
    [
        None,
        Synthetic(code="another", size=1, seeds=[1], checks=SYNTHETIC.checks),
        Synthetic(code=SYNTHETIC.code, size=1, seeds=[1], checks=[]),
        Synthetic(
            code=SYNTHETIC.code, size=1, seeds=[1], checks=[Check(name="ece", value=0.02, bound="<= 0.016", ok=False)]
        ),
    ],
    ids=["never run", "of other code", "empty", "out of its bounds"],
)
def test_code_that_was_not_tried_on_the_synthetic_economy_is_red(good, synthetic):
    assert red(replace(good, synthetic=synthetic)) == {"synthetic"}


def test_a_bound_that_is_more_than_anybody_asks_for_stops_no_publish(good):
    beyond = Check(name="p@10 of a stronger oracle", value=0.98, bound=">= 0.99", ok=False, asked=False)
    told = msgspec.structs.replace(SYNTHETIC, checks=[*SYNTHETIC.checks, beyond])

    assert red(replace(good, synthetic=told)) == set()


def test_every_gate_has_been_red_in_this_file():
    """The parametrized claims above name each gate of the table."""
    source = Path(__file__).read_text("utf-8")

    named = {gate.name for gate in GATES if f'{{"{gate.name}"}}' in source or f'("{gate.name}"' in source}

    assert named | set(LEVELS) == {gate.name for gate in GATES}


# First releases, overrides, fictitious companies.


def test_without_a_last_release_every_comparison_is_red_unless_it_is_the_first(good):
    alone = replace(good, old=None, old_file=None)

    assert red(alone) == {
        *LEVELS, "departements", "churn", "drift", "precision_last", "too_good", "deviance", "order",
    }  # fmt: skip
    assert red(replace(alone, bootstrap=True)) == set()


@pytest.mark.parametrize("gate", [*LEVELS, "departements"])
def test_a_first_release_under_a_floor_is_red(good, gate):
    alone = replace(good, old=None, old_file=None, bootstrap=True)

    assert red(replace(alone, floors={gate: 1e9})) == {gate}


def test_an_override_is_kept_with_its_reason(good):
    seen = with_old(replace(good, old_file=good.release / FILE), day=date(2026, 6, 1))

    verdicts = judge(seen, {"churn": f"  {REASON} "})

    (told,) = [verdict for verdict in verdicts if verdict.state == "overridden"]
    assert (told.gate, told.because) == ("churn", REASON)
    check(verdicts)


def test_an_override_of_a_gate_that_is_green_changes_nothing(good):
    assert "overridden" not in states(good, {"churn": REASON}).values()


@pytest.mark.parametrize("gate", ["shown", "canaries"])
def test_who_may_be_shown_is_never_overridden(good, gate):
    seen = replace(good, canaries=Canaries(present=[siret(901)], absent=[siret(3)]))

    assert problems_of({gate: REASON})
    assert states(seen, {gate: REASON})[gate] == "red"


@pytest.mark.parametrize(("gate", "because"), [("churn", "trop court"), ("churn", " " * 40), ("chrun", REASON)])
def test_an_override_without_a_reason_or_a_gate_is_refused(gate, because):
    assert problems_of({gate: because})


def test_red_prints_the_whole_table_and_what_to_type(good):
    seen = replace(good, metrics=backtest(ece=0.5))

    with pytest.raises(GateRed) as refused:
        check(judge(seen))

    told = str(refused.value)
    assert all(gate.name in told for gate in GATES)
    assert "calibration; the previous release stays" in told
    assert "--override calibration" in told


def test_fictitious_companies_are_not_asked_how_old_they_are(good):
    seen = replace(good, new=summary(good.new, demonstration=True), today=date(2030, 1, 1), synthetic=None)

    assert red(seen) == set()
    assert Counter(states(seen).values())["not asked"] == 3


def test_the_gates_look_at_the_file_and_not_at_what_it_was_made_of(good):
    assert ORIGIN.first_day == good.new.day
    assert len(sirets(good.release)) == len(list(read_rows(good.release / FILE))) == good.new.establishments


@pytest.fixture(scope="module")
def months(economy, tmp_path_factory):
    """Features of a small economy on the first of each month of a year, under the path of each."""
    path = tmp_path_factory.mktemp("months")
    found = {}
    for back in (0, 1, 2, 3, 6):
        day = economy.origin.day - back
        (path / str(day)).mkdir()
        write_features(economy.database, Origin(day, economy.origin.lag), path / str(day) / "features.parquet")
        found[back] = path / str(day)
    return found


@pytest.mark.parametrize("back", [1, 2, 3, 6])
def test_the_season_is_no_drift(good, economy, months, tmp_path, back):
    """The releases of two months look at other windows: one of them holds September."""
    old_day = economy.origin.day - back
    old = summary(
        good.old,
        day=old_day.first_day,
        features=histograms(economy.database, months[back] / "features.parquet"),
    )
    seen = replace(good, tables=economy.tables, scores=months[0], origin=economy.origin, old=old, release=tmp_path)
    drift = next(gate for gate in GATES if gate.name == "drift").judge(seen)

    assert drift.ok, drift.said

    path = months[0] / "features.parquet"
    (tmp_path / "spoiled").mkdir()
    with duckdb.connect() as database:
        database.execute(
            f"COPY (SELECT * REPLACE (NULL::FLOAT AS same_window_naf) FROM read_parquet('{path}')) "
            f"TO '{tmp_path / 'spoiled' / 'features.parquet'}' (FORMAT parquet)"
        )
    spoiled = next(gate for gate in GATES if gate.name == "drift").judge(replace(seen, scores=tmp_path / "spoiled"))

    assert not spoiled.ok
    assert "same_window_naf" in spoiled.said
