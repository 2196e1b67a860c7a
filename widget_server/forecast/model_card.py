"""The model card, in French: what the model is, what it does not know, and every figure beside its references.

    MODEL_CARD.md            for whoever has the folder
    gains.svg …              its four plots
    method.json              the same as data (domain/sections.py): the page `/methode/recruteurs` is made from it

No figure of one company is in it, and no ratio of the synthetic economy without the warning that belongs to it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import fmean
from typing import Final

import msgspec

from widget_server.domain.exploration import SHARE
from widget_server.domain.plots import draw
from widget_server.domain.sections import Plot, Section, Sections, Series, Table
from widget_server.forecast.clock import LABEL_MONTHS, Month
from widget_server.forecast.features import FEATURES
from widget_server.forecast.gates import MODEL, Synthetic, Verdict
from widget_server.forecast.ingest import Ingested
from widget_server.forecast.metrics import Metrics, Score
from widget_server.forecast.release import Summary

CARD: Final = "MODEL_CARD.md"
METHOD: Final = "method.json"
WARNING: Final = "Les ratios synthétiques ne sont pas une précision réelle."
"""Stands wherever a figure of the synthetic economy is shown."""
NOT_AN_OFFER: Final = "Estimation statistique, pas une offre d’emploi."

SCORERS: Final = {
    "hurdle": "Modèle publié",
    "hurdle_naf": "Modèle, métiers du secteur seul",
    "hurdle_without_tension": "Modèle sans la tension",
    "hurdle_beta_0.1": "Modèle, charge répartie (bêta 0,1)",
    "hurdle_beta_0.3": "Modèle, charge répartie (bêta 0,3)",
    "hurdle_explored": "Modèle, charge répartie (bêta 0,1), places explorées",
    "lbb": "Méthode de La bonne boite",
    "lbb_rome": "La même, avec l’historique des métiers",
    "last_year": "Même semestre de l’an dernier",
    "sector": "Moyenne du secteur et de la taille",
    "mean_3y": "Moyenne de trois ans",
    "random": "Hasard",
    "bayes_plain": "Filtre bayésien simple (borne)",
    "bayes_plain_rome": "Filtre bayésien simple avec les métiers (borne)",
    "bayes": "Filtre bayésien à états exacts (borne plus haute)",
    "bayes_rome": "Filtre bayésien à états exacts avec les métiers (borne plus haute)",
    "omniscient": "Omniscient (hors d’atteinte)",
    "hurdle_shuffled": "Modèle, listes mélangées au hasard",
    "hurdle_gumbel_0.3": "Modèle, listes bruitées (Gumbel 0,3)",
}
_IN_FRENCH: Final = (
    ("p@10 kept at beta 0.1", "précision à 10 gardée, bêta 0,1"),
    ("p@10", "précision à 10"),
    ("NDCG@10", "NDCG à 10"),
    ("deviance", "déviance"),
    ("AUC without history", "AUC sans historique"),
    ("skill over LBB / plain filter's", "part du chemin de La bonne boite au filtre simple"),
    ("skill over LBB / exact-state filter's", "part du chemin de La bonne boite au filtre à états exacts"),
    ("ECE of the plain filter", "erreur de calibration du filtre simple"),
    ("ECE of the exact-state filter", "erreur de calibration du filtre à états exacts"),
    ("mean of the plain filter is off by", "écart de la moyenne du filtre simple"),
    ("mean of the exact-state filter is off by", "écart de la moyenne du filtre à états exacts"),
    ("plain filter", "filtre simple"),
    ("exact-state filter", "filtre à états exacts"),
    ("NAF mix for both", "métiers du secteur pour les deux"),
    ("NAF mix", "métiers du secteur"),
    ("ROME history", "métiers de l’entreprise"),
    ("LBB", "La bonne boite"),
    ("as published", "tels que publiés"),
    ("ECE", "erreur de calibration"),
    ("at least", "au moins"),
    ("at most", "au plus"),
    ("seed", "tirage"),
    ("mean", "moyenne"),
    ("winter", "hiver, tirage"),
    ("sticky", "états durables, tirage"),
)
"""What `forecast bench` calls its bounds, economies and limits, longer names first, for the readers of the card."""
METRICS: Final = {
    "precision_at_10": "Précision à 10",
    "ndcg_at_10": "NDCG à 10",
    "lift": "Gain sur le hasard",
    "small_at_10": "Part des petites",
    "exposure_top_1": "Exposition des 1 %",
    "seen": "Vues au moins une fois",
    "deviance": "Déviance de Poisson",
    "ece": "Erreur de calibration",
    "auc": "AUC",
    "auc_without_history": "AUC sans historique",
    "gain_at_10": "Gain à 10 %",
}
_OF_LISTS: Final = ("precision_at_10", "ndcg_at_10", "lift", "small_at_10", "exposure_top_1", "seen")
_OF_ESTIMATES: Final = ("deviance", "ece", "auc", "auc_without_history", "gain_at_10")
_SIZES: Final = {"small": "Moins de 20 salariés", "medium": "20 à 249", "large": "250 et plus", "unknown": "Inconnue"}
_TABLES: Final = {
    "establishments": "établissements (Sirene)",
    "hires": "embauches en apprentissage, agrégées par mois",
    "tension": "enquête « Besoins en main-d’œuvre »",
    "rome_naf": "embauches par métier et par secteur",
    "fap_rome": "correspondance des métiers FAP et ROME",
    "opt_out": "oppositions",
}
_MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip
_DRAWN: Final = ("hurdle", "lbb", "last_year", "mean_3y", "random")
_NBSP: Final = "\u00a0"
LEAST_BIN: Final = 20
"""A share of fewer establishments is chance; it is counted in the mean, and not drawn."""


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a card is told from; a release adds its summary and what the gates said of it."""

    metrics: Metrics
    ingested: Ingested
    synthetic: Synthetic | None = None
    summary: Summary | None = None
    verdicts: Sequence[Verdict] = ()


def write_card(folder: Path, story: Story) -> None:
    """Write the card, its plots, and the data of the page into a folder."""
    told = sections(story)
    (folder / CARD).write_text(markdown(told), "utf-8")
    (folder / METHOD).write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n")
    for section in told.sections:
        for plot in section.plots:
            (folder / f"{plot.name}.svg").write_text(draw(plot) + "\n", "utf-8")


def markdown(told: Sections) -> str:
    """The document as Markdown; plots are files beside it."""
    lines = [f"# {told.title}", ""]
    for section in told.sections:
        lines += [f"## {section.heading}", ""]
        for paragraph in section.paragraphs:
            lines += [paragraph, ""]
        lines += [f"- {point}" for point in section.points] + ([""] if section.points else [])
        for table in section.tables:
            lines += [f"**{table.caption}**", "", _line(table.header), _line(["---"] * len(table.header))]
            lines += [_line(row) for row in table.rows] + [""]
        for plot in section.plots:
            lines += [f"![{plot.title}. {plot.told}]({plot.name}.svg)", ""]
    return "\n".join(lines).rstrip() + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def sections(story: Story) -> Sections:
    """The whole document."""
    day = Month.parse(story.metrics.day).first_day
    told = Sections(
        title=f"Fiche du modèle : recruteurs probables au {_day(day)}",
        demonstration=story.ingested.demonstration,
        sections=tuple(
            made(story)
            for made in (
                _what, _data, _unknown, _results, _synthetic, _tension, _small, _load, _checks, _limits, _opposition,
            )
        ),
    )  # fmt: skip
    # French sets a space before these, at which no line may break; the encoding itself holds no such space.
    text = msgspec.json.encode(told).decode()
    text = re.sub(r" ([:;?!%»])", f"{_NBSP}\\1", text).replace("« ", f"«{_NBSP}")
    return msgspec.json.decode(text, type=Sections)


def _what(story: Story) -> Section:
    day = Month.parse(story.metrics.day)
    until = (day + LABEL_MONTHS).first_day
    said = [
        f"Pour chaque établissement, le modèle estime la probabilité qu’il embauche au moins une personne en "
        f"apprentissage du {_day(day.first_day)} au {_day(until)} (non compris), et combien ; puis il répartit cette "
        f"estimation entre les métiers (codes ROME).",
        f"{NOT_AN_OFFER} L’établissement n’a pas été consulté.",
        "Deux modèles d’arbres (XGBoost) apprennent sur les mêmes lignes : l’un la probabilité d’une embauche, l’autre "
        f"leur nombre. Ils lisent {len(FEATURES)} grandeurs connues au jour de l’estimation. Un nombre d’embauches "
        "passées plus grand, le reste étant égal, ne fait jamais baisser l’estimation.",
        "Une lettre résume la probabilité dans un métier : A à partir de 40 %, B à partir de 20 %, C en dessous.",
    ]
    if story.ingested.demonstration:
        said.insert(0, "Démonstration : toutes les entreprises et tous les chiffres de cette fiche sont fictifs.")
    if story.summary:
        told = story.summary
        said.append(
            f"Cette publication propose {_count(told.establishments)} établissements et {_count(told.all_pairs)} "
            f"paires (établissement, métier) dans {len(told.pairs)} départements ; modèle {told.model}."
        )
    return Section(heading="Ce que c’est", paragraphs=tuple(said))


def _data(story: Story) -> Section:
    given, metrics = story.ingested, story.metrics
    rows = tuple(
        (
            _TABLES.get(counts.table, counts.table),
            _count(counts.read),
            _count(counts.accepted),
            _count(counts.skipped),
            _count(counts.rejected),
        )
        for counts in given.tables
    )
    learnt = ", ".join(_month(each) for each in metrics.live.train)
    said = [
        f"Source déclarée par l’opérateur : {given.source or 'non précisée'}. Fichiers Sirene du "
        + ", ".join(_day(each) for each in given.stocks)
        + ".",
        f"Le modèle a appris sur {len(metrics.live.train)} dates passées ({learnt}) ; chacune n’a vu que ce qui était "
        "connu ce jour-là, et son semestre d’embauches finit avant la date de l’estimation.",
    ]
    if given.lag_months:
        said.append(
            f"Les embauches des {given.lag_months} derniers mois sont incomplètes : elles ne sont pas lues, ni à "
            "l’apprentissage ni pour l’estimation."
        )
    if given.headcount_year:
        said.append(f"Les effectifs les plus récents sont ceux de {given.headcount_year}.")
    said.append(
        f"{_percent(metrics.later_than_origin)} des lignes d’apprentissage portent un effectif, un secteur ou une "
        f"commune plus récents que leur date, faute de fichier Sirene assez ancien. "
        f"{_percent(given.own_place)} des établissements qui peuvent être montrés sont placés par leurs propres "
        "coordonnées, les autres au centre de leur commune."
    )
    caption = "Lignes lues = retenues + hors du champ + rejetées"
    table = Table(caption=caption, header=("Table", "Lues", "Retenues", "Hors du champ", "Rejetées"), rows=rows)
    return Section(heading="Données et période", paragraphs=tuple(said), tables=(table,))


def _unknown(story: Story) -> Section:
    return Section(
        heading="Ce que le modèle ne sait pas",
        points=(
            "Si l’entreprise a envie de recruter, a déjà trouvé quelqu’un, ou a un maître d’apprentissage disponible.",
            "Qui serait recruté : aucune donnée sur des personnes n’entre dans le calcul.",
            "Les contrats de professionnalisation et les emplois sans alternance.",
            "Où le travail se fait, quand le contrat est déclaré au siège.",
            "Les décisions récentes : une fermeture, une aide publique, une crise qui ne se voient pas encore.",
        ),
    )


def _results(story: Story) -> Section:
    metrics = story.metrics
    newest = metrics.origins[0]
    said = [
        "Le modèle est comparé, sur des semestres passés qu’il n’avait pas vus, à des méthodes plus simples. "
        "« Précision à 10 » : parmi les dix premiers d’une liste (un lieu, un métier, 30 km), la part de ceux qui ont "
        f"embauché en apprentissage dans ce métier dans les six mois. {_of_intervals(metrics)}",
    ]
    if story.ingested.demonstration:
        said.append(WARNING)
    by_origin = {
        name: [_found(metrics.scores, name, "precision_at_10", origin) for origin in metrics.origins]
        for name in metrics.scorers
    }
    origins = Table(
        caption="Précision à 10, une colonne par date d’estimation",
        header=("Méthode", *(_month(origin) for origin in metrics.origins)),
        rows=tuple(
            (SCORERS.get(name, name), *(_cell(score) for score in found))
            for name, found in by_origin.items()
            if any(found)
        ),
    )
    tables = (
        origins,
        _table(f"Qualité des listes, {_month(newest)}", metrics.scores, metrics.scorers, newest, _OF_LISTS),
        _table(f"Qualité des estimations, {_month(newest)}", metrics.scores, metrics.scorers, newest, _OF_ESTIMATES),
    )
    plots = (_gains(metrics), _reliability(metrics), _precision(metrics))
    return Section(
        heading="Résultats à côté des références",
        paragraphs=tuple(said),
        tables=tuple(table for table in tables if table.rows),
        plots=tuple(plot for plot in plots if plot.series),
    )


def _of_intervals(metrics: Metrics) -> str:
    if any(score.low is not None for score in metrics.scores if score.metric == "precision_at_10"):
        return "Entre crochets, l’intervalle à 95 %, par tirage des départements."
    return "Trop peu de départements pour un intervalle à 95 %, qui se tire parmi eux."


def _synthetic(story: Story) -> Section:
    found = story.synthetic
    if found is None:
        return Section(
            heading="Sur une économie synthétique",
            paragraphs=("Cette version du programme n’a pas été mesurée sur l’économie synthétique.", WARNING),
        )
    draws = f"{len(found.seeds)} tirage{'s' if len(found.seeds) > 1 else ''}"
    said = (
        f"Sur {_count(found.size)} établissements tirés au sort ({draws}), les vraies chances "
        "sont connues : deux filtres qui connaissent toutes les lois donnent la borne, le simple et un plus fort.",
        f"{WARNING} Ils disent ce que le programme perd, non ce que l’on trouve dans la vie.",
    )
    checks = Table(
        caption="Bornes à tenir",
        header=("Mesure", "Valeur", "Borne", "Tenue"),
        rows=tuple(
            (
                in_french(check.name),
                _decimal(check.value, 4),
                in_french(check.bound).replace(".", ","),
                ("oui" if check.ok else "non") + ("" if check.asked else ", au-delà de ce qui est demandé"),
            )
            for check in found.checks
        ),
    )
    names = list(dict.fromkeys(score.scorer for score in found.scores))
    drawn = [
        _table(f"Toutes les méthodes, {in_french(origin)}", found.scores, names, origin, (*_OF_LISTS, *_OF_ESTIMATES))
        for origin in dict.fromkeys(score.origin for score in found.scores)
    ]
    return Section(heading="Sur une économie synthétique", paragraphs=said, tables=(checks, *drawn))


def _tension(story: Story) -> Section:
    metrics = story.metrics
    if not metrics.tension:
        given = any(counts.table == "tension" and counts.accepted for counts in story.ingested.tables)
        why = (
            "L’enquête fournie ne se rattache à aucun métier : il y manque une année assez ancienne, ou la "
            "correspondance de ses métiers (FAP) avec les codes ROME"
            if given
            else "Aucune enquête sur les tensions n’a été fournie"
        )
        nothing = f"{why} : cette grandeur est vide, et n’a pas d’effet."
        return Section(heading="Effet de la tension du marché", paragraphs=(nothing,))
    found = [
        each
        for each in metrics.differences
        if each.against == "hurdle_without_tension" and each.metric == "precision_at_10"
    ]
    table = Table(
        caption="Précision à 10 : avec la tension moins sans elle",
        header=("Date d’estimation", "Différence", "Intervalle à 95 %"),
        rows=tuple(
            (_month(each.origin), _signed(each.value), f"{_signed(each.low)} à {_signed(each.high)}") for each in found
        ),
    )
    dates = ", ".join(_month(each.origin) for each in found)
    if not found:
        effect = "Trop peu de départements pour en juger : rien n’est affirmé à son sujet."
    elif all(each.low > 0 for each in found):
        effect = f"Elle améliore les listes à chaque date mesurée : {dates}."
    elif all(each.high < 0 for each in found):
        effect = f"Elle dégrade les listes à chaque date mesurée : {dates}."
    else:
        effect = "Sur ces données, son effet ne se distingue pas du hasard : rien d’autre n’est affirmé à son sujet."
    said = (
        "La tension d’un métier dans un département est l’une des grandeurs lues. Pour savoir ce qu’elle apporte, le "
        "modèle est refait sans elle.",
        effect,
    )
    return Section(heading="Effet de la tension du marché", paragraphs=said, tables=(table,) if table.rows else ())


def _small(story: Story) -> Section:
    metrics = story.metrics
    rows = []
    for name in metrics.scorers:
        values = [score.value for score in metrics.scores if _is(score, name, "small_at_10")]
        if values:
            rows.append((SCORERS.get(name, name), _decimal(fmean(values), 3)))
    for score in story.synthetic.scores if story.synthetic else ():
        if score.scorer in ("omniscient", "bayes_rome", MODEL) and score.metric == "small_at_10" and not score.group:
            name = f"Économie synthétique ({in_french(score.origin)}) : {SCORERS.get(score.scorer, score.scorer)}"
            rows.append((name, _decimal(score.value, 3)))
    said = [
        "Les entreprises de moins de 20 salariés recrutent chacune rarement : l’incertitude leur coûte des places, "
        "même quand elles recrutent beaucoup ensemble. Aucune correction cachée n’est appliquée à leur estimation.",
    ]
    if story.synthetic:
        said.append(WARNING)
    caption = "Part des dix premières places tenue par elles, moyenne des dates"
    table = Table(caption=caption, header=("Méthode", "Part"), rows=tuple(rows))
    return Section(heading="Petites entreprises", paragraphs=tuple(said), tables=(table,) if rows else ())


def _load(story: Story) -> Section:
    said = (
        "Pour ne pas adresser toutes les candidatures aux mêmes entreprises, celle qui a beaucoup été montrée depuis "
        "30 jours recule parmi ses égales : son score est p × exp(−bêta × montrée / (embauches attendues + 0,3)). "
        "La lettre affichée ne change pas, et une entreprise ne change jamais de lettre. Seul le nombre d’affichages "
        "par établissement et par jour est compté, sans rien savoir des visiteurs.",
        f"De plus, {_percent(SHARE)} des places d’une première page (si l’opérateur n’a pas choisi une autre part), "
        "les dernières, sont tirées au sort chaque jour parmi toutes les estimations qui suivent : « places "
        "explorées » dans les tableaux. Une estimation qui n’apprendrait que de ce qu’elle fait montrer se donnerait "
        "toujours raison.",
    )
    plot = _lorenz(story.metrics)
    return Section(heading="Répartition de la charge", paragraphs=said, plots=(plot,) if plot.series else ())


_STATES: Final = {
    "green": ("tenu", "tenus"),
    "not asked": ("sans objet", "sans objet"),
    "overridden": ("passé outre", "passés outre"),
    "red": ("non tenu", "non tenus"),
}
"""What is said of one gate, and of several."""


def _checks(story: Story) -> Section:
    if not story.verdicts:
        unpublished = "Ce modèle n’a pas encore été publié : ses contrôles viennent avec la publication."
        return Section(heading="Contrôles avant publication", paragraphs=(unpublished,))
    states = [verdict.state for verdict in story.verdicts]
    said = f"Contrôles faits : {len(states)}, dont " + ", ".join(
        f"{states.count(state)} {words[states.count(state) > 1]}" for state, words in _STATES.items() if state in states
    )
    points = tuple(
        f"Contrôle {verdict.gate} passé outre, motif : « {verdict.because} »"
        for verdict in story.verdicts
        if verdict.state == "overridden"
    )
    return Section(heading="Contrôles avant publication", paragraphs=(f"{said}.",), points=points)


def _limits(story: Story) -> Section:
    return Section(
        heading="Limites",
        points=(
            "Une estimation n’est ni une promesse ni un jugement sur l’entreprise.",
            "Elle vieillit : au-delà de sa période, elle ne dit plus rien.",
            "Le travail temporaire (NAF 78.20Z) et l’enseignement (85) faussent les comptes : on apprend d’eux, on ne "
            "les montre pas, sauf choix contraire de l’opérateur.",
            "Les établissements à diffusion partielle, dont beaucoup d’entreprises individuelles, ne sont pas montrés.",
            "Une entreprise sans historique reçoit l’estimation de celles qui lui ressemblent : elle est moins sûre.",
            "Les candidatures causent des embauches : un modèle nourri de ses propres effets se répète. La "
            "part de places tirées au sort limite cet effet, sans le supprimer.",
        ),
    )


def _opposition(story: Story) -> Section:
    return Section(
        heading="Opposition et registre",
        paragraphs=(
            "Une entreprise peut demander à ne plus être proposée, par le lien de sa fiche ou auprès de l’opérateur. "
            "La demande est effective à la synchronisation suivante, sans attendre la prochaine estimation, et vaut "
            "pour toutes les suivantes.",
            "Registre des traitements : finalité, aider des candidats à trouver un employeur en alternance ; données, "
            "établissements et embauches agrégées, sans personne ; base légale, à compléter par l’opérateur ; durée, "
            "quatre publications et trois jeux de données d’entrée.",
        ),
    )


# Plots.


def _gains(metrics: Metrics) -> Plot:
    lines: dict[str, list[float]] = {
        name: metrics.curves.gains[name] for name in _DRAWN if name in metrics.curves.gains
    }
    return Plot(
        name="gains",
        title="Gains cumulés",
        told=f"Part des embauches faites par les établissements les mieux classés, {_month(metrics.curves.origin)}."
        + _at(lines, 10, "Les premiers 10 %"),
        x_label="Les mieux classés d’abord",
        y_label="Part des embauches",
        series=tuple(_curve(name, values) for name, values in lines.items()),
    )


def _lorenz(metrics: Metrics) -> Plot:
    names = [name for name in metrics.curves.lorenz if name.startswith(MODEL)]
    lines = {name: metrics.curves.lorenz[name] for name in names}
    return Plot(
        name="lorenz",
        title="Exposition : courbe de Lorenz",
        told="Part des places des listes tenue par les établissements les moins montrés ; la diagonale serait "
        "l’égalité." + _at(lines, 90, "Les 90 % les moins montrés"),
        x_label="Les moins montrés d’abord",
        y_label="Part des places",
        series=tuple(_curve(name, values) for name, values in lines.items()),
        diagonal=True,
    )


def _at(lines: dict[str, list[float]], place: int, who: str) -> str:
    told = [
        f"{SCORERS.get(name, name)}, {_percent(values[place])}" for name, values in lines.items() if len(values) > place
    ]
    return f" {who} : {' ; '.join(told)}." if told else ""


def _curve(name: str, values: Sequence[float]) -> Series:
    last = max(1, len(values) - 1)
    return Series(
        name=SCORERS.get(name, name),
        x=tuple(round(place / last, 4) for place in range(len(values))),
        y=tuple(round(value, 4) for value in values),
    )


def _reliability(metrics: Metrics) -> Plot:
    series, told = [], []
    for size, label in _SIZES.items():
        every = [each for each in metrics.curves.reliability if each.size == size]
        bins = [each for each in every if each.n >= LEAST_BIN]
        if every:
            off = sum(each.n * abs(each.said - each.so) for each in every) / sum(each.n for each in every)
            told.append(f"{label.lower()}, {_decimal(100 * off, 1)}")
        if bins:
            series.append(
                Series(
                    name=label,
                    x=tuple(round(each.said, 4) for each in bins),
                    y=tuple(round(each.so, 4) for each in bins),
                )
            )
    return Plot(
        name="reliability",
        title="Fiabilité par taille",
        told="Probabilité annoncée et part de ceux qui ont embauché ; sur la diagonale, l’annonce était juste. Un "
        f"point réunit {LEAST_BIN} établissements au moins."
        + (f" Écart moyen, en points de pourcentage : {' ; '.join(told)}." if told else ""),
        x_label="Probabilité annoncée",
        y_label="Part observée",
        series=tuple(series),
        diagonal=True,
    )


def _precision(metrics: Metrics) -> Plot:
    origins = sorted(metrics.origins)
    series = []
    for name in _DRAWN:
        found = [(place, _found(metrics.scores, name, "precision_at_10", each)) for place, each in enumerate(origins)]
        known = [(place, score) for place, score in found if score is not None]
        if known:
            series.append(
                Series(
                    name=SCORERS.get(name, name),
                    x=tuple(float(place) for place, _ in known),
                    y=tuple(round(score.value, 4) for _, score in known),
                    low=tuple(score.low for _, score in known),
                    high=tuple(score.high for _, score in known),
                )
            )
    most = max((score.high or score.value for score in metrics.scores if score.metric == "precision_at_10"), default=1)
    return Plot(
        name="precision",
        title="Précision à 10, par date d’estimation",
        told=("Avec l’intervalle à 95 %. " if any(low is not None for each in series for low in each.low) else "")
        + "Les chiffres sont dans le tableau « Précision à 10 ».",
        x_label="Date d’estimation",
        y_label="Précision à 10",
        series=tuple(series),
        x_ticks=tuple(origins),
        y_most=next(each for each in (0.2, 0.4, 0.6, 0.8, 1.0) if most <= each or each == 1.0),
    )


# Words and numbers.


def in_french(told: str) -> str:
    """The name of a bound, an economy or a limit of the bench, in the words of the card."""
    for english, french in _IN_FRENCH:
        told = told.replace(english, french)
    return told


def _table(caption: str, scores: Sequence[Score], names: Iterable[str], origin: str, metrics: Sequence[str]) -> Table:
    by_name = {name: [_found(scores, name, metric, origin) for metric in metrics] for name in names}
    return Table(
        caption=caption,
        header=("Méthode", *(METRICS[metric] for metric in metrics)),
        rows=tuple(
            (SCORERS.get(name, name), *(_cell(score) for score in found))
            for name, found in by_name.items()
            if any(found)
        ),
    )


def _is(score: Score, scorer: str, metric: str) -> bool:
    return (score.scorer, score.metric, score.group) == (scorer, metric, "")


def _found(scores: Iterable[Score], scorer: str, metric: str, origin: str) -> Score | None:
    return next((score for score in scores if score.origin == origin and _is(score, scorer, metric)), None)


def _cell(score: Score | None) -> str:
    if score is None:
        return "–"
    value = _decimal(score.value, 3)
    if score.low is None or score.high is None:
        return value
    interval = f"[{_decimal(score.low, 3)} ; {_decimal(score.high, 3)}]".replace(" ", _NBSP)
    return f"{value} {interval}"


def _decimal(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace(".", ",")


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace(".", ",").replace("-", "−")


def _percent(share: float) -> str:
    return f"{100 * share:.0f}{_NBSP}%"


def _count(number: int) -> str:
    return f"{number:,}".replace(",", _NBSP)


def _day(day: date) -> str:
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"


def _month(told: str) -> str:
    day = Month.parse(told).first_day
    return f"{_MONTHS[day.month - 1]} {day.year}"
