"""Why a row does not become a card: one table of stable codes, each with its sentence for the public method page."""

from collections.abc import Mapping
from typing import Final

from widget_server.domain.cards import Rejection
from widget_server.sources.kit.text import masked

REASONS: Final[dict[str, str]] = {
    "unreadable": "La ligne reçue ne respecte pas le format annoncé par la source.",
    "id_missing": "La ligne n'a pas d'identifiant utilisable.",
    "title_missing": "La ligne n'a pas d'intitulé.",
    "no_rome": "Aucun métier (code ROME) n'est indiqué.",
    "rome_unknown": "Aucun des codes de métier indiqués n'existe dans notre version du ROME.",
    "contract_unknown": "La nature du contrat n'est ni l'apprentissage ni la professionnalisation.",
    "school_as_employer": (
        "L'employeur relève de l'enseignement (division 85 de la NAF) : ce sont le plus souvent des centres de"
        " formation qui cherchent des élèves."
    ),
    "place_unknown": "Aucun lieu de France n'est reconnu dans la ligne.",
    "place_outside": "Les coordonnées sont hors de France et rien d'autre ne permet de situer la ligne.",
    "place_inconsistent": "La précision du lieu et ses coordonnées se contredisent.",
    "outside_grid": "Les coordonnées sont hors de la zone couverte.",
    "outside_france": "Les coordonnées sont hors de France.",
    "unpublished": "La formation n'est pas publiée au catalogue.",
    "expired": "La date d'expiration de l'offre est passée.",
    "not_active": "L'offre est pourvue ou annulée, ou l'entreprise ne souhaite plus être proposée.",
    "session_past": "Aucune session de la formation n'appartient à l'année scolaire en cours ou à venir.",
    "siret_invalid": "Le numéro SIRET de l'entreprise est absent ou faux.",
    "name_missing": "L'entreprise n'a pas de nom.",
    "postcode_invalid": "Le code postal de l'entreprise est absent ou mal formé.",
    "not_diffusible": "L'entreprise a demandé à l'INSEE que son nom ou son adresse ne soient pas diffusés.",
}
"""Includes the codes that the shelf itself refuses with (no_rome, place_inconsistent, outside_grid, outside_france)."""

_ONLY: Final[Mapping[str, str]] = {
    "contract_unknown": "offer",
    "school_as_employer": "offer",
    "expired": "offer",
    "unpublished": "training",
    "session_past": "training",
    "siret_invalid": "recruiter",
    "name_missing": "recruiter",
    "postcode_invalid": "recruiter",
    "not_diffusible": "recruiter",
}
"""The reasons that concern one kind of card."""


def reasons_of(kind: str) -> dict[str, str]:
    """The reasons for which a row of a kind may be left out, each with its sentence."""
    return {reason: why for reason, why in REASONS.items() if _ONLY.get(reason, kind) == kind}


def reject(reason: str, card_id: str | None, detail: str = "") -> Rejection:
    """A rejection for a reason of the table. `detail` is short, and never a whole row: rows hold personal data."""
    if reason not in REASONS:
        raise KeyError(reason)
    told = card_id or ""
    # What is no id may be anything.
    return Rejection(
        reason=reason, id=(masked(told) if reason == "id_missing" else told)[:200], detail=masked(detail)[:200]
    )
