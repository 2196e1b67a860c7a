"""What visitors read: names of kinds, counts, distances, dates and the sentence of each notice, in a language `t`."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit

from widget_server.domain.answer import AnswerPlace, Apart, Notice, Occupation
from widget_server.domain.cards import CardPlace
from widget_server.web.edition import PARIS
from widget_server.web.language import Language, mark, marks


@dataclass(frozen=True, kw_only=True)
class KindWords:
    """How a kind is called: its tag, "1 formation", "2 formations", and its actions; each is a message.

    `home` is where visitors can look by themselves when the source has no data and so cannot say it.
    """

    tag: str
    counted: tuple[str, str]
    many: str
    source: str
    missing: str
    withheld: str
    see: str
    apply: str
    home: str | None = None


KINDS: Final[Mapping[str, KindWords]] = {
    "training": KindWords(
        tag=mark("Formation"),
        counted=marks("{n} formation", "{n} formations"),
        many=mark("formations"),
        source=mark("Les formations"),
        missing=mark("Les formations manquent pour le moment : le décompte est incomplet."),
        withheld=mark("Les formations ne sont pas montrées : les données {since} sont trop anciennes."),
        see=mark("Voir la formation"),
        apply=mark("Prendre rendez-vous"),
        home="https://catalogue-apprentissage.intercariforef.org",
    ),
    "offer": KindWords(
        tag=mark("Offre d’emploi"),
        counted=marks("{n} offre d’emploi", "{n} offres d’emploi"),
        many=mark("offres d’emploi"),
        source=mark("Les offres d’emploi"),
        missing=mark("Les offres d’emploi manquent pour le moment : le décompte est incomplet."),
        withheld=mark("Les offres d’emploi ne sont pas montrées : les données {since} sont trop anciennes."),
        see=mark("Voir l’offre"),
        apply=mark("Postuler"),
        home="https://candidat.francetravail.fr",
    ),
    "recruiter": KindWords(
        tag=mark("Candidature spontanée"),
        counted=marks("{n} entreprise à contacter", "{n} entreprises à contacter"),
        many=mark("entreprises à contacter"),
        source=mark("Les entreprises à contacter"),
        missing=mark("Les entreprises à contacter manquent pour le moment : le décompte est incomplet."),
        withheld=mark("Les entreprises à contacter ne sont pas montrées : les données {since} sont trop anciennes."),
        see=mark("Voir l’entreprise"),
        apply=mark("Proposer sa candidature"),
        home="https://labonnealternance.apprentissage.beta.gouv.fr",
    ),
}
_SITES: Final[Mapping[str, str]] = {
    "candidat.francetravail.fr": mark("France Travail"),
    "labonnealternance.apprentissage.beta.gouv.fr": mark("La bonne alternance"),
    "catalogue-apprentissage.intercariforef.org": mark("le catalogue des Carif-Oref"),
}
"""Sites that visitors know by another name than their host's."""
PUBLIC_SEARCH: Final = "https://labonnealternance.apprentissage.beta.gouv.fr"
"""Where visitors can search when we have nothing at all."""

EXPLANATION: Final = mark(
    "D’après des données passées, cette entreprise pourrait recruter en alternance dans ce métier."
)
"""What that means, in full: once per list, where the first one stands."""
ESTIMATE: Final = mark("Estimation statistique, pas une offre d’emploi.")
"""What a predicted recruiter is, on every one of them."""
BANDS: Final[Mapping[str, str]] = {
    "A": mark("Probabilité de recruter : forte."),
    "B": mark("Probabilité de recruter : moyenne."),
    "C": mark("Probabilité de recruter : plus faible."),
}
"""Words, not percentages: the estimate is no finer than its band."""

LEVELS: Final[Mapping[int, str]] = {
    3: mark("CAP"),
    4: mark("bac"),
    5: mark("bac+2"),
    6: mark("bac+3 ou 4"),
    7: mark("bac+5"),
}
CONTRACT_CHOICES: Final[Mapping[str, str]] = {
    "apprentissage": mark("Apprentissage"),
    "professionnalisation": mark("Professionnalisation"),
}
LEVEL_ROLES: Final[Mapping[str, str]] = {
    "target": mark("Niveau visé : {level}"),
    "required": mark("Niveau demandé : {level}"),
}
CONTRACTS: Final[Mapping[str, str]] = {
    "apprentissage": mark("apprentissage"),
    "professionnalisation": mark("contrat de professionnalisation"),
}
FLAGS: Final[Mapping[str, str]] = {"handi": mark("Handi-engagé"), "urgent": mark("Urgent")}
SCHOOL_FLAG: Final = "with_training"
"""An offer whose employer is a training centre or a group of employers: the tag says that both come together."""


def kind_words(kind: str) -> KindWords:
    """The words of a kind; a kind that a new source brings shows under its own name until it has words here."""
    name = kind.replace("_", " ")
    return KINDS.get(kind) or KindWords(
        tag=name.capitalize(),
        counted=("{n} " + name, "{n} " + name),
        many=name,
        source=name.capitalize(),
        missing=mark("Une partie de la liste manque pour le moment : le décompte est incomplet."),
        withheld=mark("Une partie de la liste n’est pas montrée : les données {since} sont trop anciennes."),
        see=mark("Voir"),
        apply=mark("Postuler"),
    )


def upper(text: str) -> str:
    """With a capital at the beginning, the rest as it is."""
    return text[:1].upper() + text[1:]


def host(url: str) -> str:
    """The host of an address, as people write it."""
    return (urlsplit(url).hostname or url).removeprefix("www.")


def site(t: Language, url: str) -> str:
    """How visitors call the site of an address."""
    name = _SITES.get(host(url))
    return t(name) if name else host(url)


def kind_counts(t: Language, counts: Mapping[str, int]) -> str:
    """ "37 formations, 29 offres d'emploi et 1 entreprise à contacter"; kinds without result are left out."""
    return listed(t, [t.plural(*kind_words(kind).counted, value) for kind, value in counts.items() if value])


def listed(t: Language, parts: Sequence[str]) -> str:
    """ "a, b et c"."""
    if len(parts) < 2:
        return "".join(parts)
    return t("{first} et {last}", first=", ".join(parts[:-1]), last=parts[-1])


def distance(t: Language, km: float | None, place: CardPlace) -> str | None:
    """ "à 2,4 km", "à 12 km"; a place known only by its commune has a distance known only about."""
    if km is None:
        return None
    if place.precision != "address":
        return t("dans la commune") if km < 1 else t("à environ {km} km", km=f"{km:.0f}")
    if km < 0.1:
        return t("à moins de {m} m", m=100)
    return t("à {km} km", km=t.decimal(km) if km < 10 else f"{km:.0f}")


def where(place: CardPlace) -> str:
    """The place of a card, with its département when the label does not say it."""
    if place.precision in ("address", "commune") and place.departement and "(" not in place.label:
        return f"{place.label} ({place.departement})"
    return place.label


def radius(t: Language, place: AnswerPlace | None) -> str:
    """ "à moins de 30 km de Rennes", "dans la seule commune de Rennes", or the name of the area."""
    if place is None:
        return ""
    said = {"place": place.label, "of_place": of(place.label)}
    if place.radius_km is None:
        return t(": {place}", **said)
    if place.radius_km == 0:
        return t("dans la seule commune {of_place}", **said)
    return t("à moins de {km} km {of_place}", km=place.radius_km, **said)


def of(name: str) -> str:
    """A place after "de" in French: "de Rennes", "d'Ajaccio", "du Mans", "des Ulis"."""
    for article, merged in (("Le ", "du "), ("Les ", "des ")):
        if name.startswith(article):
            return merged + name[len(article) :]
    # H stays apart: more towns keep "de" before it than not.
    first = unicodedata.normalize("NFD", name[:1])[:1]
    return f"d’{name}" if first in "AEIOUaeiouŒœÆæ" and name else f"de {name}"


def day(t: Language, told: str | None, now: datetime) -> str | None:
    """ISO 8601 day -> "3 oct." in the current year, "3 oct. 2025" in another; None when it cannot be read."""
    found = _day(told)
    if found is None:
        return None
    first = t("1er") if found.day == 1 else str(found.day)
    months = t("janv. févr. mars avril mai juin juil. août sept. oct. nov. déc.").split()
    year = "" if found.year == now.astimezone(PARIS).year else f"\u00a0{found.year}"
    return f"{first}\u00a0{months[found.month - 1]}{year}"


def full_day(t: Language, told: str | None) -> str | None:
    """ISO 8601 day -> "03/10/2026", in English "3 October 2026"."""
    found = _day(told)
    if found is None:
        return None
    return f"{found:%d/%m/%Y}" if t.code == "fr" else f"{found.day} {found:%B %Y}"


def ago(t: Language, told: str | None, now: datetime) -> str | None:
    """ISO 8601 day -> "aujourd'hui", "hier", "il y a 3 j", and the date itself after a month; days begin in Paris."""
    found = _day(told)
    if found is None:
        return None
    days = (now.astimezone(PARIS).date() - found).days
    if days < 0 or days > 30:
        return t("le {day}", day=day(t, told, now))
    return {0: t("aujourd’hui"), 1: t("hier")}.get(days) or t("il y a {n} j", n=days)


def moment(t: Language, told: str | None, now: datetime) -> str | None:
    """ISO 8601 instant -> "d'aujourd'hui 9 h", "d'hier 14 h", "du 21 nov. à 14 h", Paris time."""
    try:
        instant = datetime.fromisoformat(told or "").astimezone(PARIS)
    except ValueError:
        return None
    if t.code == "fr":
        hour = f"{instant.hour}\u00a0h" + (f"\u00a0{instant.minute:02d}" if instant.minute else "")
    else:
        hour = f"{instant:%H:%M}"
    days = (now.astimezone(PARIS).date() - instant.date()).days
    if days == 0:
        return t("d’aujourd’hui {hour}", hour=hour)
    if days == 1:
        return t("d’hier {hour}", hour=hour)
    return t("du {day} à {hour}", day=day(t, instant.date().isoformat(), now), hour=hour)


def level(t: Language, value: int | None, diploma: str | None, role: str) -> str | None:
    """ "Niveau visé : CAP (niveau 3)", "Niveau demandé : bac+2 (niveau 5)"; the diploma alone without a level."""
    name = diploma or (t(LEVELS[value]) if value is not None and value in LEVELS else None)
    if name is None:
        return None
    if value and f"niveau {value}" not in name.casefold():
        name = t("{name} (niveau\u00a0{n})", name=name, n=value)
    said = LEVEL_ROLES.get(role)
    if said:
        return t(said, level=name)
    return t("Niveau : {level}", level=name) if value else t("Diplôme : {name}", name=name)


def level_name(t: Language, value: int | None) -> str:
    """A choice of the level field."""
    if value is None:
        return t("Tous les niveaux")
    return t("{name} (niveau\u00a0{n})", name=upper(t(LEVELS[value])), n=value)


def jobs(t: Language, occupations: Sequence[Occupation]) -> str:
    """What the job field shows: the name of one occupation, or the first and how many more."""
    if not occupations:
        return ""
    more = len(occupations) - 1
    if not more:
        return occupations[0].label
    others = t.plural("{n} autre métier", "{n} autres métiers", more)
    return t("{first} et {last}", first=occupations[0].label, last=others)


_UNPLACED: Final[Mapping[str, tuple[str, str]]] = {
    "departement": marks(
        "{n} fiche sans adresse précise dans le département", "{n} fiches sans adresse précise dans le département"
    ),
    "region": marks(
        "{n} fiche sans adresse précise dans la région ou en France",
        "{n} fiches sans adresse précise dans la région ou en France",
    ),
}
_UNPLACED_OFFERS: Final[Mapping[str, tuple[str, str]]] = {
    "departement": marks(
        "{n} offre sans adresse précise dans le département", "{n} offres sans adresse précise dans le département"
    ),
    "region": marks(
        "{n} offre sans adresse précise dans la région ou en France",
        "{n} offres sans adresse précise dans la région ou en France",
    ),
}


def apart(t: Language, block: Apart) -> str:
    """Cards that match but are not mixed in: how many, and why they stand apart."""
    if block.reason == "broader":
        # The occupation's own name is data, and the block's label names it.
        name = block.occupation.label if block.occupation else ""
        counted = t.plural(*kind_words(block.kind).counted, block.count)
        return t("{counted} sous le métier plus large « {name} »", counted=counted, name=name)
    table = _UNPLACED_OFFERS if block.kind == "offer" else _UNPLACED
    where = "region" if block.query and "region" in block.query else "departement"
    return t.plural(*table[where], block.count)


_WHAT: Final[Mapping[str, str]] = {
    "romes": mark("métier"),
    "insee": mark("commune"),
    "postcode": mark("code postal"),
    "latitude": mark("latitude"),
    "longitude": mark("longitude"),
    "departement": mark("département"),
    "region": mark("région"),
    "radius": mark("rayon"),
    "kinds": mark("sorte de fiches"),
    "level": mark("niveau"),
    "page": mark("page"),
}
"""The parameters that change which cards are found; a problem with any other is for the integrator alone."""

_SAID: Final[Mapping[str, str]] = {
    "rome_unknown": mark("Le code métier « {value} » n’existe pas : il n’a pas été cherché. {hint}"),
    "rome_malformed": mark("« {value} » n’est pas un code métier : il n’a pas été cherché."),
    "rome_replaced": mark("Le code métier « {value} » a changé. {hint}"),
    "too_many": mark("Seuls les 20 premiers métiers ont été cherchés."),
    "place_ambiguous": mark("Plusieurs lieux étaient demandés : « {value} » n’a pas été pris."),
    "place_unknown": mark("Le lieu « {value} » n’existe pas."),
    "place_replaced": mark("Cette commune a changé de code. {hint}"),
    "pair_incomplete": mark("Il manquait la moitié de la position : elle n’a pas été prise."),
    "out_of_bounds": mark("La valeur « {value} » ({what}) est hors des bornes : la plus proche a été prise."),
    "page_past_end": mark("Il n’y a pas de page {value} : voici la dernière."),
}
"""The hints are French: the English messages say what was done without them."""
_OTHERWISE: Final = mark("La valeur « {value} » ({what}) n’a pas pu être prise.")
_NOWHERE: Final = mark("Cette position n’existe pas : « {value} » ({what}).")


def visible(t: Language, notice: Notice) -> str | None:
    """The sentence of a notice, when the list differs from what the visitor asked; None when it does not."""
    what = _WHAT.get(notice.param)
    if what is None or notice.code in ("rome_missing", "place_missing", "param_unknown", "and_more"):
        return None
    said = _SAID.get(notice.code, _OTHERWISE)
    if notice.code == "out_of_bounds" and notice.param in ("latitude", "longitude"):
        said = _NOWHERE
    return t(said, value=notice.value[:60], what=t(what), hint=notice.hint).strip()


def _day(told: str | None) -> date | None:
    try:
        return date.fromisoformat((told or "")[:10])
    except ValueError:
        return None
