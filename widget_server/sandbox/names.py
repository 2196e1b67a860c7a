"""Names of companies, schools and streets that nobody can take for real ones.

Every company name holds one of `MARKS`, every school name one of `SCHOOL_MARKS`: "Boulangerie Fictive du Tilleul",
"Lycée Imaginaire n° 12". Tests hold this for every row.

Establishments of a company are numbered from 1 on: the four digits that follow the SIREN are never 0000. Ours always
are, so a SIRET of ours passes the check of its last digit and belongs to nobody.
"""

from typing import Final

from widget_server.sandbox.dice import Dice

MARKS: Final = ("Fictif", "Fictive", "Imaginaire", "Inventé", "Inventée", "(démonstration)")
SCHOOL_MARKS: Final = ("Imaginaire", "Fictif", "Fictive", "(démonstration)")

_MASCULINE: Final = ("Fictif", "Imaginaire", "Inventé")
_FEMININE: Final = ("Fictive", "Imaginaire", "Inventée")

_WORDS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "food": (
        ("Boulangerie", "f"),
        ("Fournil", "m"),
        ("Pâtisserie", "f"),
        ("Boucherie", "f"),
        ("Maison", "f"),
        ("Atelier", "m"),
    ),
    "retail": (
        ("Boutique", "f"),
        ("Magasin", "m"),
        ("Comptoir", "m"),
        ("Bazar", "m"),
        ("Supérette", "f"),
        ("Galerie", "f"),
    ),
    "sales": (("Société", "f"), ("Comptoir", "m"), ("Négoce", "m"), ("Agence", "f"), ("Distribution", "f")),
    "beauty": (("Salon", "m"), ("Institut", "m"), ("Coiffure", "f"), ("Atelier", "m"), ("Espace", "m")),
    "building": (("Bâtiment", "m"), ("Entreprise", "f"), ("Rénovation", "f"), ("Chantier", "m"), ("Électricité", "f")),
    "garage": (("Garage", "m"), ("Carrosserie", "f"), ("Mécanique", "f"), ("Atelier", "m")),
    "industry": (("Atelier", "m"), ("Mécanique", "f"), ("Fabrique", "f"), ("Usine", "f"), ("Métallerie", "f")),
    "software": (("Logiciel", "m"), ("Studio", "m"), ("Réseau", "m"), ("Agence", "f"), ("Informatique", "f")),
    "office": (("Cabinet", "m"), ("Bureau", "m"), ("Société", "f"), ("Conseil", "m"), ("Étude", "f")),
    "media": (("Studio", "m"), ("Agence", "f"), ("Imprimerie", "f"), ("Production", "f"), ("Collectif", "m")),
    "care": (("Résidence", "f"), ("Maison", "f"), ("Service", "m"), ("Pharmacie", "f"), ("Association", "f")),
    "cleaning": (("Propreté", "f"), ("Service", "m"), ("Entretien", "m"), ("Société", "f")),
    "hospitality": (
        ("Restaurant", "m"),
        ("Auberge", "f"),
        ("Brasserie", "f"),
        ("Hôtel", "m"),
        ("Bistrot", "m"),
        ("Table", "f"),
    ),
    "transport": (("Transport", "m"), ("Logistique", "f"), ("Messagerie", "f"), ("Entrepôt", "m")),
    "nature": (("Jardin", "m"), ("Ferme", "f"), ("Pépinière", "f"), ("Paysage", "m"), ("Domaine", "m")),
    "finance": (("Agence", "f"), ("Cabinet", "m"), ("Courtage", "m"), ("Mutuelle", "f")),
    "leisure": (("Club", "m"), ("Centre", "m"), ("Association", "f"), ("Salle", "f")),
    "craft": (("Atelier", "m"), ("Manufacture", "f"), ("Ébénisterie", "f"), ("Fabrique", "f")),
}

_OF: Final = (
    "du Tilleul",
    "des Trois Ponts",
    "de la Licorne",
    "du Merle Bleu",
    "des Nuages",
    "de l'Horloge",
    "du Vieux Puits",
    "des Quatre Saisons",
    "de la Lune",
    "du Hérisson",
    "des Coquelicots",
    "de la Marelle",
    "du Phare",
    "des Hirondelles",
    "de la Boussole",
    "du Cerf-Volant",
    "des Mirabelles",
    "de l'Étoile",
    "du Grand Large",
    "des Papillons",
    "du Moulin",
    "de la Tortue",
    "du Soleil Levant",
    "des Lucioles",
    "de la Fontaine",
    "du Chat Perché",
    "des Sept Lieues",
    "du Renard",
    "de la Grenouille",
    "des Noisetiers",
    "du Dragon",
    "de l'Arc-en-Ciel",
    "des Myrtilles",
    "du Pélican",
    "de la Luciole",
    "des Baleines",
    "du Bout du Monde",
    "de la Girouette",
    "des Violettes",
    "du Toucan",
    "de la Mandoline",
    "du Cachalot",
    "des Cigales",
    "du Belvédère",
    "de la Comète",
    "des Campanules",
    "du Petit Prince Vert",
    "de l'Écureuil",
    "des Brumes",
    "du Pont Tournant",
    "de la Sardine",
    "des Escargots",
    "du Marronnier",
    "de la Cabane",
    "du Ruban",
    "des Galets",
    "de l'Alouette",
    "du Scarabée",
    "des Tournesols",
    "de la Pomme d'Or",
    "du Triangle",
    "de la Vague",
    "des Échos",
)
_AFTER: Final = (
    "",
    "",
    "",
    " et Fils",
    " et Compagnie",
    " Services",
    " et Associés",
    " Ouest",
    " Est",
    " Sud",
    " Nord",
)
_SCHOOLS: Final = (
    "Lycée Imaginaire n° {n}",
    "CFA Imaginaire {of}",
    "Campus Fictif {of}",
    "Lycée professionnel Imaginaire {of}",
    "Maison familiale Fictive {of}",
    "École Fictive {of}",
    "Institut de formation Imaginaire {of}",
    "Centre de formation {of} (démonstration)",
    "Université Fictive {of}",
    "Greta Imaginaire n° {n}",
)
_STREETS: Final = (
    "rue des Exemples",
    "avenue de la Démonstration",
    "rue du Bac à Sable",
    "place de l'Essai",
    "impasse des Données",
    "boulevard des Chimères",
    "chemin de l'Utopie",
    "rue des Songes",
    "allée des Mirages",
    "quai des Contes",
    "route de la Fable",
    "rue de l'Invention",
    "cours des Hypothèses",
    "rue des Figurants",
    "square du Décor",
)

_COMPANIES: Final = 900_000
_SPREAD: Final = 618_029  # has no divisor in common with the number above: no two companies get one number


def company(family: str, dice: Dice) -> str:
    """ "Boulangerie Fictive du Tilleul", "Garage des Nuages (démonstration)"."""
    word, gender = dice.pick(_WORDS[family])
    of, after = dice.pick(_OF), dice.pick(_AFTER)
    if dice.chance(120):
        return f"{word} {of}{after} (démonstration)"
    mark = dice.pick(_FEMININE if gender == "f" else _MASCULINE)
    return f"{word} {mark} {of}{after}"


def beginnings(family: str) -> tuple[str, ...]:
    """ "Boulangerie Fictive", "Fournil Imaginaire": what names of a family begin with, the mark among it."""
    return tuple(
        f"{word} {mark}" for word, gender in _WORDS[family] for mark in (_FEMININE if gender == "f" else _MASCULINE)
    )


def school(number: int, dice: Dice) -> str:
    """ "Lycée Imaginaire n° 12"."""
    return dice.pick(_SCHOOLS).format(n=number + 1, of=dice.pick(_OF))


def street(dice: Dice) -> str:
    """ "12 rue des Exemples"."""
    return f"{1 + dice.below(98)} {dice.pick(_STREETS)}"


def siret(number: int) -> str:
    """The SIRET of company `number` (below 900 000): distinct, valid by its check digit, and nobody's."""
    return _siret(1 + number * _SPREAD % _COMPANIES)


def school_siret(number: int) -> str:
    """The SIRET of school `number` (below 99 000): none of them is a company's."""
    return _siret(_COMPANIES + 1 + number)


def _siret(body: int) -> str:
    return _checked(_checked(f"00{body:06d}") + "0000")


def _checked(digits: str) -> str:
    """The digits and their Luhn digit."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        total += sum(divmod(2 * int(digit), 10)) if place % 2 == 0 else int(digit)
    return f"{digits}{-total % 10}"
