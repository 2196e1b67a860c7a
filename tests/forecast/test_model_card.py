"""Does the model card say what is so, beside its references, and nothing beyond?"""

import re
import xml.etree.ElementTree as Xml

import msgspec
import pytest

from tests.forecast.releases import ORIGIN, SYNTHETIC, backtest
from widget_server.domain.plots import draw
from widget_server.domain.sections import Plot, Sections, Series
from widget_server.forecast.gates import Check, Verdict
from widget_server.forecast.ingest import Counts, Ingested
from widget_server.forecast.metrics import Bin, Score
from widget_server.forecast.model_card import (
    CARD,
    LEAST_BIN,
    METHOD,
    SCORERS,
    WARNING,
    Story,
    in_french,
    markdown,
    sections,
    write_card,
)
from widget_server.forecast.quality import BOUNDS, ECONOMIES, FILTERS, GUMBEL, STANDARD, Seed, checks

INGESTED = Ingested(
    day="2026-07",
    lag_months=2,
    source="essai",
    tables=[
        Counts(table="hires", read=1234, accepted=1200, written=1200, skipped=30, rejected=4, repaired={},
               skipped_for={}, rejected_for={})
    ],
    ceilings={},
    stocks=[ORIGIN.first_day],
    headcount_year=2024,
    own_place=0.97,
)  # fmt: skip


def story(**more):
    return Story(**({"metrics": backtest(), "ingested": INGESTED} | more))


def text_of(told: Story) -> str:
    return markdown(sections(told)).replace("\u00a0", " ")


def test_it_has_every_part_that_a_reader_asks_for():
    headings = [section.heading for section in sections(story()).sections]

    assert headings == [
        "Ce que c’est", "Données et période", "Ce que le modèle ne sait pas", "Résultats à côté des références",
        "Sur une économie synthétique", "Effet de la tension du marché", "Petites entreprises",
        "Répartition de la charge", "Contrôles avant publication", "Limites", "Opposition et registre",
    ]  # fmt: skip


def test_its_four_plots_are_files_beside_it_and_well_formed(tmp_path):
    write_card(tmp_path, story())

    names = sorted(path.stem for path in tmp_path.glob("*.svg"))
    assert names == ["gains", "lorenz", "precision", "reliability"]
    for name in names:
        root = Xml.fromstring((tmp_path / f"{name}.svg").read_text("utf-8"))  # noqa: S314 - made by us
        assert root.attrib["role"] == "img"
        assert root[0].tag.endswith("title")
        assert f"({name}.svg)" in (tmp_path / CARD).read_text("utf-8")


def test_the_page_says_what_the_file_says(tmp_path):
    write_card(tmp_path, story())

    page = msgspec.json.decode((tmp_path / METHOD).read_bytes(), type=Sections)

    assert markdown(page) == (tmp_path / CARD).read_text("utf-8")


def test_every_scorer_stands_beside_the_model_with_its_interval():
    told = text_of(story())

    assert "| Modèle publié | 0,400 [0,380 ; 0,420] | 0,400 [0,380 ; 0,420] |" in told
    for name in ("Méthode de La bonne boite", "Même semestre de l’an dernier", "Hasard"):
        assert f"| {name} | 0," in told


def test_oracles_stand_beside_the_model_on_the_synthetic_economy_with_the_warning():
    scores = [
        Score(origin="seed 1", scorer=name, metric="precision_at_10", value=value, low=None, high=None, n=1)
        for name, value in (("hurdle", 0.43), ("bayes_plain_rome", 0.42), ("bayes_rome", 0.44), ("omniscient", 0.6))
    ]
    told = text_of(story(synthetic=msgspec.structs.replace(SYNTHETIC, scores=scores)))

    assert WARNING in told
    for line in (
        "Modèle publié | 0,430",
        "Filtre bayésien simple avec les métiers (borne) | 0,420",
        "Filtre bayésien à états exacts avec les métiers (borne plus haute) | 0,440",
        "Omniscient",
    ):
        assert line in told
    assert "| précision à 10 | 1,0000 | >= 0,92 | oui |" in told


def test_a_bound_that_nobody_asks_for_is_told_as_such():
    missed = Check(name="p@10, mean", value=0.98, bound=">= 0.99", ok=False, asked=False)
    told = text_of(story(synthetic=msgspec.structs.replace(SYNTHETIC, checks=[missed])))

    assert "| précision à 10, moyenne | 0,9800 | >= 0,99 | non, au-delà de ce qui est demandé |" in told


def test_every_bound_and_every_scorer_of_the_bench_has_a_french_name():
    names = (
        {bound.over for bound in BOUNDS}
        | {bound.under for bound in BOUNDS}
        | {"omniscient", f"hurdle_gumbel_{GUMBEL:g}"}
    )
    metrics = {bound.metric for bound in BOUNDS} | {"deviance", "ece"}
    scores = [
        Score(origin=origin, scorer=name, metric=metric, value=0.6 + nth / 1000, low=None, high=None, n=1)
        for origin in ("seed 1", "seed 2")
        for nth, name in enumerate(sorted(names - {""}))
        for metric in sorted(metrics)
    ]
    seeds = [
        Seed(name=each, size=100_000, scores=[one for one in scores if one.origin == each],
             filter_means=dict.fromkeys(FILTERS, 0.01))
        for each in ("seed 1", "seed 2")
    ]  # fmt: skip
    told = [in_french(text) for check in checks(seeds, 100_000) for text in (check.name, check.bound)]
    told += [in_french(f"{name} 1") for name in ECONOMIES if name != STANDARD]

    assert len(told) > 40
    english = r"(?i)\b(p@|filter|seed|mean|least|most|kept|over|the|without|history|mix|both|off|winter|sticky)\b"
    assert [text for text in told if re.search(english, text)] == []
    assert names - {""} <= SCORERS.keys()


def test_the_reliability_is_told_in_words_and_a_share_of_a_few_is_not_drawn():
    metrics = backtest()
    bins = [*metrics.curves.reliability, Bin(size="large", said=0.9, so=0.0, n=LEAST_BIN - 1)]
    curves = msgspec.structs.replace(metrics.curves, reliability=bins)
    (plot,) = (
        plot
        for section in sections(story(metrics=msgspec.structs.replace(metrics, curves=curves))).sections
        for plot in section.plots
        if plot.name == "reliability"
    )

    drawn = {series.name: series.x for series in plot.series}
    assert drawn["250 et plus"] == (0.02, 0.1, 0.3, 0.7)
    # 400 establishments whose mean was 0.56 points off, and 19 that were 90 points off.
    assert "Écart moyen, en points de pourcentage" in plot.told
    assert "250 et plus, 4,6" in plot.told
    assert "moins de 20 salariés, 0,6" in plot.told


@pytest.mark.parametrize("synthetic", [None, SYNTHETIC], ids=["not measured", "measured"])
def test_the_warning_never_lacks(synthetic):
    assert WARNING in text_of(story(synthetic=synthetic))


def test_fictitious_companies_are_called_so_and_their_precision_is_not_taken_for_real():
    told = sections(story(ingested=msgspec.structs.replace(INGESTED, demonstration=True)))

    assert told.demonstration
    assert "fictifs" in told.sections[0].paragraphs[0]
    assert WARNING in told.sections[3].paragraphs


@pytest.mark.parametrize(
    ("low", "high", "said", "unsaid"),
    [
        (0.0005, 0.002, "Elle améliore les listes à chaque date mesurée : ", "ne se distingue pas"),
        (-0.002, 0.002, "ne se distingue pas du hasard", "améliore"),
        (-0.002, -0.001, "Elle dégrade les listes à chaque date mesurée : ", "ne se distingue pas"),
        (None, None, "Trop peu de départements pour en juger", "améliore"),
    ],
    ids=["it helps", "nobody knows", "it harms", "one département"],
)
def test_the_tension_is_only_said_to_help_where_its_ablation_shows_it(low, high, said, unsaid):
    metrics = backtest()
    differences = [msgspec.structs.replace(each, low=low, high=high) for each in metrics.differences if low is not None]

    told = text_of(story(metrics=msgspec.structs.replace(metrics, differences=differences)))

    assert said in told
    assert unsaid not in told


def test_without_a_survey_the_tension_is_said_to_be_empty():
    told = text_of(story(metrics=msgspec.structs.replace(backtest(), tension=False)))

    assert "Aucune enquête sur les tensions" in told


def test_a_survey_that_reaches_no_occupation_is_not_said_to_be_tested():
    read = Counts(
        table="tension", read=9, accepted=9, written=9, skipped=0, rejected=0, repaired={}, skipped_for={},
        rejected_for={},
    )  # fmt: skip
    ingested = msgspec.structs.replace(INGESTED, tables=[*INGESTED.tables, read])

    told = text_of(story(ingested=ingested, metrics=msgspec.structs.replace(backtest(), tension=False)))

    assert "L’enquête fournie ne se rattache à aucun métier" in told
    assert "refait sans elle" not in told


def test_no_interval_is_announced_where_there_is_none():
    scores = [msgspec.structs.replace(score, low=None, high=None) for score in backtest().scores]

    told = text_of(story(metrics=msgspec.structs.replace(backtest(), scores=scores)))

    assert "Trop peu de départements pour un intervalle" in told
    assert "Entre crochets" not in told
    assert "Avec l’intervalle" not in told


def test_an_override_and_its_reason_are_in_it():
    verdicts = [
        Verdict(gate="pairs", measure="", bound="", state="green", said=""),
        Verdict(gate="churn", measure="", bound="", state="overridden", said="", because="reprise de l'historique"),
    ]

    told = text_of(story(verdicts=verdicts))

    assert "Contrôles faits : 2, dont 1 tenu, 1 passé outre." in told
    assert "Contrôle churn passé outre, motif : « reprise de l'historique »" in told


def test_no_line_breaks_before_a_french_mark():
    told = markdown(sections(story()))

    assert not [mark for mark in (" :", " ;", " %", " »", "« ") if mark in told.replace("|", "")]


def test_rows_of_the_inputs_are_told_with_what_became_of_them():
    assert "| embauches en apprentissage, agrégées par mois | 1 234 | 1 200 | 30 | 4 |" in text_of(story())
    assert "97 % des établissements qui peuvent être montrés sont placés par leurs propres coordonnées" in text_of(
        story()
    )


def test_text_in_a_plot_cannot_become_markup():
    plot = Plot(name="x", title="<script>", told='"&', x_label="<", y_label=">",
                series=(Series(name="<b>", x=(0.0,), y=(1.0,)),))  # fmt: skip

    root = Xml.fromstring(draw(plot))  # noqa: S314 - made by us

    assert {each.tag.rpartition("}")[2] for each in root.iter()} <= {"svg", "title", "rect", "path", "text", "circle"}
