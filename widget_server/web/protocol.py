"""What a host page and the frame say to each other, as `/docs` tells it: protocol `alternance/1`.

The code is `widget_assets/src/protocol.js`, the types are `embed/types.d.ts`; a test compares all three.
"""

from dataclasses import dataclass
from typing import Final

PROTOCOL: Final = "alternance/1"


@dataclass(frozen=True, kw_only=True)
class Field:
    """A part of a message's data. `optional`: it may be absent."""

    name: str
    type: str
    help: str
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Event:
    """What the frame says, and the event that the element raises for it."""

    name: str
    when: str
    fields: tuple[Field, ...] = ()
    prevents: str | None = None

    @property
    def dom_name(self) -> str:
        """The event as a page listens to it."""
        return f"alternance:{self.name}"


@dataclass(frozen=True, kw_only=True)
class Command:
    """What a host page says to the frame. Partners need not: the loader does it."""

    name: str
    when: str


_PARAMS: Final = Field(name="params", type="objet", help="Les paramètres de la liste, tels que le serveur les a reçus.")
_KIND: Final = Field(name="kind", type="texte", help="training, offer ou recruiter.")
_ID: Final = Field(name="id", type="texte", help="L'identifiant de la fiche, celui de /v1/cards.")

EVENTS: Final[tuple[Event, ...]] = (
    Event(
        name="ready",
        when="Le cadre répond ; une fois par page du cadre.",
        fields=(
            Field(name="v", type="1", help="La version du protocole."),
            Field(name="version", type="texte", help="La version du serveur."),
            _PARAMS,
        ),
    ),
    Event(
        name="resize",
        when="La hauteur de la liste change.",
        fields=(Field(name="height_px", type="nombre", help="La hauteur en pixels, de 120 à 20000."),),
        prevents="garde la hauteur du cadre",
    ),
    Event(
        name="results",
        when="Une liste est affichée, y compris après un filtre.",
        fields=(
            Field(name="total", type="nombre", help="Combien de fiches répondent à la recherche."),
            Field(name="counts", type="objet", help="Ce nombre par sorte de fiches."),
            Field(name="page", type="nombre", help="La page affichée."),
            Field(
                name="radius_km",
                type="nombre ou null",
                help="Le rayon de la recherche ; null pour un territoire.",
                optional=True,
            ),
            Field(
                name="widened_from_km",
                type="nombre",
                help="Le rayon demandé, quand il a fallu chercher plus loin.",
                optional=True,
            ),
            _PARAMS,
            Field(
                name="sources",
                type="liste",
                help="Chaque source : name, status (ok, late, missing), count, age_s (âge en secondes ou null).",
            ),
        ),
    ),
    Event(
        name="select",
        when="Le visiteur ouvre une fiche.",
        fields=(_KIND, _ID, Field(name="href", type="texte", help="L'adresse ouverte, http ou https.")),
    ),
    Event(name="apply", when="Le visiteur choisit le bouton d'action d'une fiche.", fields=(_KIND, _ID)),
    Event(
        name="scroll",
        when="Le visiteur demande une autre page de la liste.",
        prevents="laisse la page où elle est",
    ),
    Event(
        name="error",
        when="Quelque chose est à savoir ; la liste s'affiche quand même, sauf no_answer et sources_down.",
        fields=(
            Field(name="code", type="texte", help="Un des codes ci-dessous ; d'autres peuvent s'ajouter."),
            Field(name="param", type="texte", help="Le paramètre en cause.", optional=True),
            Field(name="value", type="texte", help="La valeur reçue.", optional=True),
            Field(name="hint", type="texte", help="Le remède.", optional=True),
            Field(name="source", type="texte", help="La source en cause.", optional=True),
            Field(name="retryable", type="booléen", help="Réessayer plus tard peut suffire.", optional=True),
        ),
    ),
)

COMMANDS: Final[tuple[Command, ...]] = (
    Command(name="hello", when="Le chargeur se présente : le cadre répond par ready, resize et results."),
    Command(
        name="configure",
        when="Un attribut de l'élément a changé : le jeu complet des paramètres ; ce qui manque est effacé.",
    ),
)

CODES: Final[dict[str, str]] = {
    "no_answer": "Le cadre ne répond pas 8 secondes après son chargement : le lien de secours est montré. "
    "L'origine n'est pas enregistrée, ou le service est arrêté ; voir /v1/check.",
    "protocol_version": "Le cadre parle une autre version du protocole que le chargeur : la liste s'affiche à la "
    "hauteur réservée. Prenez le chargeur du même serveur.",
    "resize_loop": "La hauteur de la liste change sans cesse : elle est figée.",
    "contrast_adjusted": "La couleur d'accent ne se lisait pas sur toutes les surfaces : celle des liens est ajustée, "
    "celle des boutons est gardée.",
    "source_late": "Les données d'une source sont plus anciennes que d'habitude ; leurs fiches restent.",
    "source_missing": "Une source n'a rien à montrer : le décompte est incomplet, la page le dit.",
    "sources_down": "Aucune source n'a de données : la page répond 503, avec un lien vers la recherche publique.",
}
"""Codes of `error` that no parameter causes; those of parameters are `PROBLEM_CODES`."""
