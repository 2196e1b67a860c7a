"""What visitors read in French: names of kinds, counts, distances, dates and the sentence of each notice."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from widget_server.domain.answer import AnswerPlace, Notice, Occupation
from widget_server.domain.cards import CardPlace

PARIS: Final = ZoneInfo("Europe/Paris")
NBSP: Final = "\u00a0"
_MONTHS: Final = ["janv.", "févr.", "mars", "avril", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]


@dataclass(frozen=True, kw_only=True)
class KindWords:
    """How a kind is called: its tag, "1 formation", "2 formations", and its actions.

    `home` is where visitors can look by themselves when the source has no data and so cannot say it.
    """

    tag: str
    one: str
    many: str
    source: str
    see: str
    apply: str
    home: str | None = None


KINDS: Final[Mapping[str, KindWords]] = {
    "training": KindWords(
        tag="Formation",
        one="formation",
        many="formations",
        source="Les formations",
        see="Voir la formation",
        apply="Prendre rendez-vous",
        home="https://catalogue-apprentissage.intercariforef.org",
    ),
    "offer": KindWords(
        tag="Offre d’emploi",
        one="offre d’emploi",
        many="offres d’emploi",
        source="Les offres d’emploi",
        see="Voir l’offre",
        apply="Postuler",
        home="https://candidat.francetravail.fr",
    ),
    "recruiter": KindWords(
        tag="Candidature spontanée",
        one="entreprise à contacter",
        many="entreprises à contacter",
        source="Les entreprises à contacter",
        see="Voir l’entreprise",
        apply="Proposer sa candidature",
        home="https://labonnealternance.apprentissage.beta.gouv.fr",
    ),
}
_SITES: Final[Mapping[str, str]] = {
    "candidat.francetravail.fr": "France Travail",
    "labonnealternance.apprentissage.beta.gouv.fr": "La bonne alternance",
    "catalogue-apprentissage.intercariforef.org": "le catalogue des Carif-Oref",
}
"""Sites that visitors know by another name than their host's."""
PUBLIC_SEARCH: Final = "https://labonnealternance.apprentissage.beta.gouv.fr"
"""Where visitors can search when we have nothing at all."""

EXPLANATION: Final = (
    f"Pas d’offre publiée{NBSP}; d’après nos estimations, cette entreprise pourrait recruter "
    "en alternance dans ce métier."
)
"""What a predicted recruiter is, in full: once per list, where the first one stands."""
ESTIMATE: Final = "Estimation statistique, pas une offre d’emploi."
"""The same in short, on every other one."""
BANDS: Final[Mapping[str, str]] = {"A": "forte", "B": "moyenne", "C": "plus faible"}
"""Words, not percentages: the estimate is no finer than its band."""

LEVELS: Final[Mapping[int, str]] = {3: "CAP", 4: "bac", 5: "bac+2", 6: "bac+3 ou 4", 7: "bac+5"}
LEVEL_ROLES: Final[Mapping[str, str]] = {"target": "niveau visé", "required": "niveau demandé"}
CONTRACTS: Final[Mapping[str, str]] = {
    "apprentissage": "apprentissage",
    "professionnalisation": "contrat de professionnalisation",
}
FLAGS: Final[Mapping[str, str]] = {"handi": "Handi-engagé", "urgent": "Urgent"}
SCHOOL_FLAG: Final = "with_training"
"""An offer whose employer is a training centre or a group of employers: the tag says that both come together."""


def kind_words(kind: str) -> KindWords:
    """The words of a kind; a kind that a new source brings shows under its own name until it has words here."""
    name = kind.replace("_", " ")
    return KINDS.get(kind) or KindWords(
        tag=name.capitalize(),
        one=name,
        many=name,
        source=name.capitalize(),
        see="Voir",
        apply="Postuler",
    )


def host(url: str) -> str:
    """The host of an address, as people write it."""
    return (urlsplit(url).hostname or url).removeprefix("www.")


def site(url: str) -> str:
    """How visitors call the site of an address."""
    return _SITES.get(host(url), host(url))


def number(value: int) -> str:
    """12345 -> "12 345", with the narrow space of French typography."""
    return f"{value:,}".replace(",", "\u202f")


def counted(value: int, one: str, many: str) -> str:
    """0 and 1 are singular in French."""
    return f"{number(value)}{NBSP}{one if value < 2 else many}"


def kind_counts(counts: Mapping[str, int]) -> str:
    """ "37 formations, 29 offres d'emploi et 1 entreprise à contacter"; kinds without result are left out."""
    words = [(value, kind_words(kind)) for kind, value in counts.items() if value]
    return listed([counted(value, word.one, word.many) for value, word in words])


def listed(parts: Sequence[str]) -> str:
    """ "a, b et c"."""
    return " et ".join([*([", ".join(parts[:-1])] if len(parts) > 1 else []), *parts[-1:]])


def distance(km: float | None, place: CardPlace) -> str | None:
    """ "à 2,4 km", "à 12 km"; a place known only by its commune has a distance known only about."""
    if km is None:
        return None
    if place.precision != "address":
        return "dans la commune" if km < 1 else f"à environ {km:.0f}{NBSP}km"
    if km < 0.1:
        return f"à moins de 100{NBSP}m"
    return f"à{NBSP}{km:.1f}{NBSP}km".replace(".", ",") if km < 10 else f"à{NBSP}{km:.0f}{NBSP}km"


def where(place: CardPlace) -> str:
    """The place of a card, with its département when the label does not say it."""
    if place.precision in ("address", "commune") and place.departement and "(" not in place.label:
        return f"{place.label} ({place.departement})"
    return place.label


def radius(place: AnswerPlace | None) -> str:
    """ "à moins de 30 km de Rennes", "à Rennes même", or the name of the area."""
    if place is None:
        return ""
    if place.radius_km is None:
        return f": {place.label}"
    if place.radius_km == 0:
        return f"dans la seule commune {of(place.label)}"
    return f"à moins de {place.radius_km}{NBSP}km {of(place.label)}"


def of(name: str) -> str:
    """A place after "de": "de Rennes", "d'Ajaccio", "du Mans", "des Ulis"."""
    for article, merged in (("Le ", "du "), ("Les ", "des ")):
        if name.startswith(article):
            return merged + name[len(article) :]
    # H stays apart: more towns keep "de" before it than not.
    first = unicodedata.normalize("NFD", name[:1])[:1]
    return f"d’{name}" if first in "AEIOUaeiouŒœÆæ" and name else f"de {name}"


def day(told: str | None, now: datetime) -> str | None:
    """ISO 8601 day -> "3 oct." in the current year, "3 oct. 2025" in another; None when it cannot be read."""
    found = _day(told)
    if found is None:
        return None
    first = "1er" if found.day == 1 else str(found.day)
    year = "" if found.year == now.astimezone(PARIS).year else f" {found.year}"
    return f"{first}{NBSP}{_MONTHS[found.month - 1]}{year}"


def full_day(told: str | None) -> str | None:
    """ISO 8601 day -> "03/10/2026"."""
    found = _day(told)
    return f"{found:%d/%m/%Y}" if found else None


def ago(told: str | None, now: datetime) -> str | None:
    """ISO 8601 day -> "aujourd'hui", "hier", "il y a 3 j", and the date itself after a month; days begin in Paris."""
    found = _day(told)
    if found is None:
        return None
    days = (now.astimezone(PARIS).date() - found).days
    if days < 0 or days > 30:
        return f"le {day(told, now)}"
    return {0: "aujourd’hui", 1: "hier"}.get(days, f"il y a {days}{NBSP}j")


def moment(told: str | None, now: datetime) -> str | None:
    """ISO 8601 instant -> "aujourd'hui 9 h", "hier 14 h", "du 21 nov. à 14 h", Paris time."""
    try:
        instant = datetime.fromisoformat(told or "").astimezone(PARIS)
    except ValueError:
        return None
    hour = f"{instant.hour}{NBSP}h" + (f"{NBSP}{instant.minute:02d}" if instant.minute else "")
    days = (now.astimezone(PARIS).date() - instant.date()).days
    if days in (0, 1):
        return f"{'d’aujourd’hui' if days == 0 else 'd’hier'} {hour}"
    return f"du {day(instant.date().isoformat(), now)} à {hour}"


def level(value: int | None, diploma: str | None, role: str) -> str | None:
    """ "niveau visé : CAP (niveau 3)", "niveau demandé : bac+2 (niveau 5)"; the diploma alone without a level."""
    name = diploma or (LEVELS.get(value) if value else None)
    if name is None:
        return None
    said = f"{name} (niveau{NBSP}{value})" if value and f"niveau {value}" not in name.casefold() else name
    prefix = LEVEL_ROLES.get(role, "niveau" if value else "diplôme")
    return f"{prefix}{NBSP}: {said}"


def jobs(occupations: Sequence[Occupation]) -> str:
    """What the job field shows: the name of one occupation, or the first and how many more."""
    if not occupations:
        return ""
    more = len(occupations) - 1
    return occupations[0].label + (f" et {counted(more, 'autre métier', 'autres métiers')}" if more else "")


_WHAT: Final[Mapping[str, str]] = {
    "romes": "métier",
    "insee": "commune",
    "postcode": "code postal",
    "latitude": "latitude",
    "longitude": "longitude",
    "departement": "département",
    "region": "région",
    "radius": "rayon",
    "kinds": "sorte de fiches",
    "level": "niveau",
    "page": "page",
}
"""The parameters that change which cards are found; a problem with any other is for the integrator alone."""

_SAID: Final[Mapping[str, str]] = {
    "rome_unknown": "Le code métier «{nbsp}{value}{nbsp}» n’existe pas{nbsp}: il n’a pas été cherché. {hint}",
    "rome_malformed": "«{nbsp}{value}{nbsp}» n’est pas un code métier{nbsp}: il n’a pas été cherché.",
    "rome_replaced": "Le code métier «{nbsp}{value}{nbsp}» a changé. {hint}",
    "too_many": "Seuls les 20 premiers métiers ont été cherchés.",
    "place_ambiguous": "Plusieurs lieux étaient demandés{nbsp}: «{nbsp}{value}{nbsp}» n’a pas été pris.",
    "place_unknown": "Le lieu «{nbsp}{value}{nbsp}» n’existe pas.",
    "place_replaced": "Cette commune a changé de code. {hint}",
    "pair_incomplete": "Il manquait la moitié de la position{nbsp}: elle n’a pas été prise.",
    "out_of_bounds": "La valeur «{nbsp}{value}{nbsp}» ({what}) est hors des bornes{nbsp}: la plus proche a été prise.",
    "page_past_end": "Il n’y a pas de page {value}{nbsp}: voici la dernière.",
}


def visible(notice: Notice) -> str | None:
    """The sentence of a notice, when the list differs from what the visitor asked; None when it does not."""
    what = _WHAT.get(notice.param)
    if what is None or notice.code in ("rome_missing", "place_missing", "param_unknown"):
        return None
    if notice.code == "out_of_bounds" and notice.param in ("latitude", "longitude"):
        return f"Cette {what} n’existe pas{NBSP}: «{NBSP}{notice.value}{NBSP}»."
    said = _SAID.get(notice.code, "La valeur «{nbsp}{value}{nbsp}» ({what}) n’a pas pu être prise.")
    return said.format(value=notice.value[:60], what=what, hint=notice.hint, nbsp=NBSP).strip()


def _day(told: str | None) -> date | None:
    try:
        return date.fromisoformat((told or "")[:10])
    except ValueError:
        return None
