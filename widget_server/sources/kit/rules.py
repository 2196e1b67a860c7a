"""The rules of hygiene as a table: what each looks at, how, what it does, and its sentence for everybody.

A rule that looks at the row as it came (`on="row"`) is asked while the source maps it; one that looks an employer up in
a list (`on="card"`) is asked when a version is published, so that a company that asks to be left out is left out of
rows read earlier too. A rule rejects only what is plainly wrong; what may be right is kept, flagged and counted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final, Literal

from widget_server.sources.kit import phrases
from widget_server.sources.kit.lists import Lists
from widget_server.sources.kit.phrases import found, plain
from widget_server.sources.kit.rejects import REASONS
from widget_server.sources.kit.text import fold, text

Action = Literal["reject", "flag", "off"]

OFFER: Final = "offer"
RECRUITER: Final = "recruiter"
WITH_TRAINING: Final = "with_training"
"""The flag of an offer that a school or a group of employers publishes: job and training come together."""

CONTRACTS: Final[Mapping[str, str]] = {
    "apprentissage": "apprentissage",
    "contrat apprentissage": "apprentissage",
    "contrat d apprentissage": "apprentissage",
    "professionnalisation": "professionnalisation",
    "cont professionnalisation": "professionnalisation",
    "contrat professionnalisation": "professionnalisation",
    "contrat de professionnalisation": "professionnalisation",
}
"""The labels of the two contracts, folded."""
_SCHOOLS: Final = "85"
_SIREN: Final = 9


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the rules look at, of any source. Nothing of it is kept: `text` may hold personal data.

    contracts   the labels of the contract's nature, as they came
    delegated   a school says that it publishes for an employer
    expires     until when the offer is open, where the source says so
    """

    id: str
    kind: str = OFFER
    title: str = ""
    text: str | None = None
    company: str | None = None
    siret: str | None = None
    naf: str | None = None
    sector: str | None = None
    contracts: tuple[str, ...] = ()
    romes: tuple[str, ...] = ()
    delegated: bool = False
    expires: datetime | None = None
    now: datetime | None = None

    @cached_property
    def plain_title(self) -> str:
        """The title as patterns read it."""
        return plain(self.title)

    @cached_property
    def plain_text(self) -> str:
        """Title and description as patterns read them."""
        told = self.text or ""
        return plain(f"{self.title}\n{text(told) or '' if '<' in told else told}")

    @cached_property
    def nature(self) -> frozenset[str]:
        """The contracts that the labels mean."""
        return frozenset(filter(None, map(contract_of, self.contracts)))

    @cached_property
    def alternates(self) -> bool:
        """Whether title or description say themselves that this is an apprenticeship."""
        return any(word in self.plain_text for word in phrases.ALTERNATING)


Test = Callable[[Record, Lists], str | None]
"""What a rule found, in a few words; None when it found nothing."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule.

    id       stable: the reason of a rejection, the name of a count
    why      the sentence for everybody
    field    what it looks at
    test     how it looks
    action   what it does unless the operator says otherwise (setting HYGIENE)
    on       "row": as it came from the upstream; "card": when it is published
    flag     the flag of a card that it keeps; the id when empty
    remark   what the detail page says of a card that it keeps; "" for nothing
    needs    the list without which it is asleep, as an attribute of Lists
    spares   groups of employers and delegated offers are not judged by it
    discreet a rejection does not say whom it concerns
    """

    id: str
    why: str
    field: str
    test: Test
    action: Action
    kinds: tuple[str, ...] = (OFFER,)
    on: Literal["row", "card"] = "row"
    flag: str = ""
    remark: str = ""
    needs: str = ""
    spares: bool = False
    discreet: bool = False


def contract_of(label: str | None) -> str | None:
    """ "Cont. professionnalisation" -> "professionnalisation"; None when it is neither of the two contracts."""
    return CONTRACTS.get(fold(label))


def _contract(record: Record, lists: Lists) -> str | None:
    return None if record.nature else ", ".join(record.contracts) or "—"


def _expired(record: Record, lists: Lists) -> str | None:
    if record.expires is None or record.now is None or record.expires >= record.now:
        return None
    return record.expires.date().isoformat()


def _education(record: Record, lists: Lists) -> str | None:
    naf, sector = (record.naf or "").strip(), (record.sector or "").strip()
    return naf if naf.startswith(_SCHOOLS) else sector if sector == _SCHOOLS else None


def _nothing_said(record: Record, lists: Lists) -> str | None:
    return None if record.company else _short(record, lists)


def _short(record: Record, lists: Lists) -> str | None:
    length = len((record.text or "").strip())
    return f"{length} caractères" if length < lists.least_text else None


def _internship(record: Record, lists: Lists) -> str | None:
    if record.alternates:
        return None
    return found(record.plain_title, phrases.INTERNSHIP_TITLE) or found(record.plain_text, phrases.INTERNSHIP_TEXT)


def _ordinary(record: Record, lists: Lists) -> str | None:
    return None if record.alternates else found(record.plain_title, phrases.ORDINARY_TITLE)


def _not_alternating(record: Record, lists: Lists) -> str | None:
    return found(record.plain_text, phrases.NO_ALTERNATION)


def _sold(record: Record, lists: Lists) -> str | None:
    sold = found(record.plain_text, phrases.SOLD)
    title = found(record.plain_title, phrases.TRAINING_TITLE)
    return sold or (title if title and found(record.plain_text, phrases.SCHOOL_SPEAKS) else None)


def _training_title(record: Record, lists: Lists) -> str | None:
    return found(record.plain_title, phrases.TRAINING_TITLE)


def _via_school(record: Record, lists: Lists) -> str | None:
    via = found(record.plain_text, phrases.VIA_SCHOOL)
    if via is None:
        return None
    return via if phrases.SCHOOL_WORDS.search(f"{record.plain_text}{plain(record.company or '')}") else None


def _pay(record: Record, lists: Lists) -> str | None:
    return found(record.plain_text, phrases.PAY)


def _network(record: Record, lists: Lists) -> str | None:
    return found(record.plain_text, phrases.NETWORK)


def _dear_phone(record: Record, lists: Lists) -> str | None:
    return phrases.dear_phone(record.text or "")


def _paid_phone(record: Record, lists: Lists) -> str | None:
    return phrases.paid_phone(record.text or "")


def _sex(record: Record, lists: Lists) -> str | None:
    return None if record.romes and set(record.romes) <= set(phrases.ROLES) else found(record.plain_text, phrases.SEX)


def _origin(record: Record, lists: Lists) -> str | None:
    return found(record.plain_text, phrases.ORIGIN)


def _age(record: Record, lists: Lists) -> str | None:
    return phrases.age_limit(record.plain_text, record.nature)


def _nationality(record: Record, lists: Lists) -> str | None:
    asked = found(record.plain_text, phrases.NATIONALITY)
    return None if asked and phrases.NATIONAL.search(record.plain_text) else asked


def _mother_tongue(record: Record, lists: Lists) -> str | None:
    return found(record.plain_text, phrases.MOTHER_TONGUE)


def _opted_out(record: Record, lists: Lists) -> str | None:
    return "" if record.siret and lists.opted_out(record.siret) else None


def _closed(record: Record, lists: Lists) -> str | None:
    return record.siret if record.siret and record.siret in lists.closed else None


def _hidden_rome(record: Record, lists: Lists) -> str | None:
    shown = set(record.romes) - lists.hidden_romes
    return None if shown or not record.romes else ", ".join(record.romes)


def _in_catalogue(record: Record, lists: Lists) -> str | None:
    return record.siret if record.siret and lists.schools is not None and record.siret in lists.schools else None


def _runs_school(record: Record, lists: Lists) -> str | None:
    if not record.siret or _in_catalogue(record, lists):
        return None
    return record.siret[:_SIREN] if record.siret[:_SIREN] in lists.school_units else None


def _named_school(record: Record, lists: Lists) -> str | None:
    return lists.names_school(record.company) if record.company and lists.school_names else None


def group(record: Record, lists: Lists) -> str | None:
    """Groups of employers for insertion and qualification, by list or by their protected name."""
    if record.siret and record.siret in lists.geiq:
        return record.siret
    return "geiq" if "geiq" in fold(record.company).split() else None


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        id="contract_unknown", on="row", field="nature du contrat", test=_contract, action="reject",
        why=REASONS["contract_unknown"],
    ),
    Rule(
        id="expired", on="row", field="date d'expiration", test=_expired, action="reject", why=REASONS["expired"],
    ),
    Rule(
        id="school_as_employer", on="row", field="code NAF, secteur d'activité", test=_education, action="reject",
        flag=WITH_TRAINING, spares=True, why=REASONS["school_as_employer"],
        remark="L'annonce est publiée par un établissement d'enseignement.",
    ),
    Rule(
        id="says_nothing", on="row", field="description, entreprise", test=_nothing_said, action="reject",
        why="L'annonce ne dit ni qui recrute ni en quoi consiste le travail.",
    ),
    Rule(
        id="internship", on="row", field="intitulé, description", test=_internship, action="reject",
        why="L'annonce propose un stage, et rien n'y parle d'alternance.",
    ),
    Rule(
        id="not_alternating", on="row", field="intitulé, description", test=_not_alternating, action="reject",
        why="L'annonce dit elle-même qu'elle n'est pas ouverte à l'alternance.",
    ),
    Rule(
        id="pay_to_apply", on="row", field="description", test=_pay, action="reject",
        why="L'annonce demande de l'argent au candidat, ce que la loi interdit (code du travail, L5321-3 et L6211-1).",
    ),
    Rule(
        id="network_selling", on="row", field="description", test=_network, action="reject",
        why="L'annonce propose de la vente en réseau ou une activité indépendante, sans contrat de travail.",
    ),
    Rule(
        id="dear_phone", on="row", field="description", test=_dear_phone, action="reject",
        why="L'annonce fait appeler un numéro fortement surtaxé (089…).",
    ),
    Rule(
        id="training_sold", on="row", field="intitulé, description", test=_sold, action="reject", spares=True,
        why="L'annonce vend une formation au lieu de proposer un emploi.",
    ),
    Rule(
        id="sex_asked", on="row", field="intitulé, description", test=_sex, action="reject",
        why=(
            "L'annonce réserve l'emploi à un sexe, ce que la loi interdit (code du travail, L1142-1), sauf aux artistes"
            " et aux mannequins."
        ),
    ),
    Rule(
        id="origin_asked", on="row", field="intitulé, description", test=_origin, action="reject",
        why="L'annonce choisit ou exclut d'après l'origine, ce que la loi interdit (code du travail, L1132-1).",
    ),
    Rule(
        id="age_limit", on="row", field="intitulé, description", test=_age, action="flag",
        why=(
            "L'annonce fixe un âge maximal que ni l'apprentissage (29 ans, 35 ans dans certains cas) ni le contrat de"
            " professionnalisation (25 ans) ne fixent (code du travail, L5331-2). Une phrase isolée pouvant tromper,"
            " l'offre reste affichée avec une remarque."
        ),
        remark=(
            "Le texte parle d'une limite d'âge. En apprentissage, la loi admet les candidats jusqu'à 29 ans révolus,"
            " et sans limite s'ils sont reconnus travailleurs handicapés."
        ),
    ),
    Rule(
        id="nationality_asked", on="row", field="description", test=_nationality, action="flag",
        why=(
            "L'annonce demande une nationalité. Quelques emplois seulement le permettent : l'offre reste affichée avec"
            " une remarque."
        ),
        remark="Le texte demande une nationalité, ce que la loi ne permet que pour quelques emplois.",
    ),
    Rule(
        id="mother_tongue_asked", on="row", field="description", test=_mother_tongue, action="flag",
        why="L'annonce demande une langue maternelle là où un niveau de langue suffirait : l'offre reste affichée.",
        remark="Le texte demande une langue maternelle : seul un niveau de langue peut être exigé.",
    ),
    Rule(
        id="contract_doubtful", on="row", field="intitulé, description", test=_ordinary, action="flag",
        why="L'intitulé parle d'un CDI ou d'un CDD ordinaire et rien dans le texte d'alternance : à vérifier.",
        remark="Le texte ne parle pas d'alternance : vérifiez la nature du contrat auprès de l'employeur.",
    ),
    Rule(
        id="training_title", on="row", field="intitulé", test=_training_title, action="flag", spares=True,
        why="L'intitulé est celui d'une formation et non d'un métier : l'offre reste affichée avec une remarque.",
        remark="L'intitulé est celui d'une formation : vérifiez quel emploi est proposé.",
    ),
    Rule(
        id="via_school", on="row", field="description", test=_via_school, action="flag", spares=True,
        flag=WITH_TRAINING,
        why="Une école ou un centre de formation recrute pour une entreprise : l'offre est montrée comme telle.",
        remark="L'annonce est publiée par un intermédiaire, école ou centre de formation, pour une entreprise.",
    ),
    Rule(
        id="paid_phone", on="row", field="description", test=_paid_phone, action="flag",
        why="L'annonce contient un numéro dont l'appel est facturé plus cher (081…, 082…).",
        remark="L'annonce contient un numéro dont l'appel est facturé plus cher.",
    ),
    Rule(
        id="text_short", on="row", field="description", test=_short, action="flag",
        why="La description est absente ou tient en quelques mots : l'offre reste affichée avec une remarque.",
        remark="L'annonce ne décrit pas le travail : renseignez-vous auprès de l'employeur.",
    ),
    Rule(
        id="opted_out", on="card", field="SIRET", test=_opted_out, action="reject", kinds=(OFFER, RECRUITER),
        needs="optout", discreet=True, why="L'entreprise a demandé à ne pas être proposée ici.",
    ),
    Rule(
        id="closed_company", on="card", field="SIRET", test=_closed, action="reject", kinds=(OFFER, RECRUITER),
        needs="closed", why="L'établissement est fermé d'après le répertoire Sirene.",
    ),
    Rule(
        id="rome_hidden", on="card", field="code ROME", test=_hidden_rome, action="reject", kinds=(OFFER, RECRUITER),
        needs="hidden_romes", why="Le métier fait partie de ceux que ce site ne montre pas.",
    ),
    Rule(
        id="school_in_catalogue", on="card", field="SIRET", test=_in_catalogue, action="reject", needs="schools",
        flag=WITH_TRAINING, spares=True,
        why="L'employeur est un établissement du catalogue des formations : c'est une école qui cherche des élèves.",
        remark="L'annonce est publiée par un établissement de formation.",
    ),
    Rule(
        id="school_by_name", on="card", field="nom de l'entreprise", test=_named_school, action="reject",
        needs="school_names", flag=WITH_TRAINING, spares=True,
        why="Le nom de l'employeur figure dans la liste d'écoles et d'agences tenue par ce site.",
        remark="L'annonce est publiée par un établissement de formation.",
    ),
    Rule(
        id="runs_school", on="card", field="SIREN", test=_runs_school, action="flag", needs="schools", spares=True,
        why=(
            "L'employeur gère aussi un établissement de formation. C'est le cas de grandes entreprises, d'hôpitaux et"
            " de chambres consulaires, qui recrutent pour eux-mêmes : l'offre reste affichée."
        ),
        remark="L'employeur gère aussi un centre de formation.",
    ),
    Rule(
        id="employers_group", on="card", field="SIRET, nom de l'entreprise", test=group, action="flag",
        flag=WITH_TRAINING,
        why="Un groupement d'employeurs (GEIQ) recrute et organise la formation : ce n'est pas une école.",
        remark="Un groupement d'employeurs (GEIQ) recrute et organise la formation.",
    ),
)  # fmt: skip
"""In the order in which they are asked: the first that rejects decides."""
