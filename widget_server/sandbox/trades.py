"""Which occupations take apprentices, how often, and in which kind of company: the tables behind the fictitious data.

The weights are orders of magnitude of our own, after the trades in which apprenticeship is known to be frequent.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Trade:
    """One parent code of ROME.

    weight     how often it is drawn among the trades
    family     which phrases, companies and sectors go with it
    diplomas   (title, level 3-7) of the trainings that lead to it
    """

    rome: str
    weight: int
    family: str
    diplomas: tuple[tuple[str, int], ...]


def _trade(rome: str, weight: int, family: str, *diplomas: tuple[str, int]) -> Trade:
    return Trade(rome=rome, weight=weight, family=family, diplomas=diplomas)


_MCO: Final = ("MANAGEMENT COMMERCIAL OPERATIONNEL (BTS)", 5)
_CUISINE: Final = ("CUISINE (CAP)", 3)

TRADES: Final[tuple[Trade, ...]] = (
    _trade("D1102", 34, "food", ("BOULANGER (CAP)", 3), ("BOULANGER (BP)", 4), ("BOULANGER-PATISSIER (BAC PRO)", 4)),
    _trade("D1104", 26, "food", ("PATISSIER (CAP)", 3), ("PATISSIER CONFISEUR GLACIER TRAITEUR (BTM)", 4)),
    _trade("D1101", 20, "food", ("BOUCHER (CAP)", 3), ("BOUCHER (BP)", 4)),
    _trade("D1106", 26, "retail", ("EQUIPIER POLYVALENT DU COMMERCE (CAP)", 3), _MCO),
    _trade("D1214", 22, "retail", ("EQUIPIER POLYVALENT DU COMMERCE (CAP)", 3), ("METIERS DU COMMERCE (BAC PRO)", 4)),
    _trade("D1212", 16, "retail", ("METIERS DU COMMERCE ET DE LA VENTE (BAC PRO)", 4), _MCO),
    _trade("D1507", 18, "retail", ("EMPLOYE COMMERCIAL (TP)", 3), ("EQUIPIER POLYVALENT DU COMMERCE (CAP)", 3)),
    _trade("D1502", 12, "retail", ("MANAGER D'UNITE MARCHANDE (TP)", 5), _MCO),
    _trade("D1401", 30, "sales", _MCO, ("NEGOCIATION ET DIGITALISATION DE LA RELATION CLIENT (BTS)", 5)),
    _trade(
        "D1402", 26, "sales", ("COMMERCE ET DEVELOPPEMENT INTERNATIONAL (LP)", 6), ("MANAGER COMMERCIAL (TITRE)", 7)
    ),
    _trade("D1407", 14, "sales", ("CONSEIL ET COMMERCIALISATION DE SOLUTIONS TECHNIQUES (BTS)", 5)),
    _trade("D1202", 34, "beauty", ("METIERS DE LA COIFFURE (CAP)", 3), ("COIFFURE (BP)", 4)),
    _trade(
        "D1208",
        20,
        "beauty",
        ("ESTHETIQUE COSMETIQUE PARFUMERIE (CAP)", 3),
        ("ESTHETIQUE COSMETIQUE PARFUMERIE (BP)", 4),
    ),
    _trade("F1703", 26, "building", ("MACON (CAP)", 3), ("MACON (BP)", 4)),
    _trade(
        "F1603", 26, "building", ("MONTEUR EN INSTALLATIONS SANITAIRES (CAP)", 3), ("MONTEUR EN INSTALLATIONS (BP)", 4)
    ),
    _trade("F1602", 30, "building", ("ELECTRICIEN (CAP)", 3), ("ELECTRICIEN (BP)", 4), ("ELECTROTECHNIQUE (BTS)", 5)),
    _trade(
        "F1606",
        16,
        "building",
        ("PEINTRE APPLICATEUR DE REVETEMENTS (CAP)", 3),
    ),
    _trade("F1607", 16, "building", ("MENUISIER ALUMINIUM-VERRE (CAP)", 3), ("MENUISIER INSTALLATEUR (CAP)", 3)),
    _trade("F1503", 12, "building", ("CHARPENTIER BOIS (CAP)", 3), ("CHARPENTIER BOIS (BP)", 4)),
    _trade("F1702", 10, "building", ("CONSTRUCTEUR DE ROUTES (CAP)", 3), ("TRAVAUX PUBLICS (BAC PRO)", 4)),
    _trade("F1201", 12, "building", ("BATIMENT (BTS)", 5), ("CONDUCTEUR DE TRAVAUX (LP)", 6)),
    _trade(
        "I1604",
        34,
        "garage",
        ("MAINTENANCE DES VEHICULES OPTION VOITURES (CAP)", 3),
        ("MAINTENANCE DES VEHICULES (BAC PRO)", 4),
    ),
    _trade("I1606", 12, "garage", ("CARROSSIER AUTOMOBILE (CAP)", 3), ("PEINTRE AUTOMOBILE (CAP)", 3)),
    _trade(
        "I1304",
        24,
        "industry",
        ("MAINTENANCE DES SYSTEMES DE PRODUCTION (BAC PRO)", 4),
        ("MAINTENANCE DES SYSTEMES (BTS)", 5),
    ),
    _trade("I1308", 14, "building", ("METIERS DU FROID (BAC PRO)", 4), ("FLUIDES ENERGIES DOMOTIQUE (BTS)", 5)),
    _trade("I1309", 12, "industry", ("METIERS DE L'ELECTRICITE (BAC PRO)", 4), ("ELECTROTECHNIQUE (BTS)", 5)),
    _trade(
        "H2902", 14, "industry", ("REALISATIONS INDUSTRIELLES EN CHAUDRONNERIE (CAP)", 3), ("CHAUDRONNIER (BAC PRO)", 4)
    ),
    _trade(
        "H2913",
        10,
        "industry",
        ("SOUDEUR ASSEMBLEUR INDUSTRIEL (TP)", 3),
    ),
    _trade(
        "H2903",
        12,
        "industry",
        ("TECHNICIEN EN REALISATION DE PRODUITS MECANIQUES (BAC PRO)", 4),
    ),
    _trade("H1502", 12, "industry", ("QUALITE HYGIENE SECURITE ENVIRONNEMENT (LP)", 6), ("MANAGER QSE (TITRE)", 7)),
    _trade(
        "M1805",
        40,
        "software",
        ("SERVICES INFORMATIQUES AUX ORGANISATIONS (BTS)", 5),
        ("CONCEPTEUR DEVELOPPEUR D'APPLICATIONS (TP)", 6),
        ("EXPERT EN INGENIERIE DU LOGICIEL (TITRE)", 7),
    ),
    _trade(
        "M1810",
        20,
        "software",
        ("SERVICES INFORMATIQUES AUX ORGANISATIONS (BTS)", 5),
        ("CYBERSECURITE ET RESEAUX (BAC PRO)", 4),
    ),
    _trade(
        "M1801",
        14,
        "software",
        ("ADMINISTRATEUR D'INFRASTRUCTURES SECURISEES (TP)", 6),
        ("EXPERT EN SYSTEMES (TITRE)", 7),
    ),
    _trade("M1607", 30, "office", ("SUPPORT A L'ACTION MANAGERIALE (BTS)", 5), ("SECRETAIRE ASSISTANT (TP)", 4)),
    _trade(
        "M1203", 26, "office", ("COMPTABILITE ET GESTION (BTS)", 5), ("DIPLOME DE COMPTABILITE ET DE GESTION (DCG)", 6)
    ),
    _trade(
        "M1501",
        22,
        "office",
        ("ASSISTANT RESSOURCES HUMAINES (TP)", 5),
        ("GESTION DES RESSOURCES HUMAINES (MASTER)", 7),
    ),
    _trade("M1705", 18, "media", ("MARKETING DIGITAL (BACHELOR)", 6), ("MANAGER MARKETING (TITRE)", 7)),
    _trade("E1103", 18, "media", ("COMMUNICATION (BTS)", 5), ("CHARGE DE COMMUNICATION (TITRE)", 6)),
    _trade(
        "E1205",
        10,
        "media",
        ("DESIGN GRAPHIQUE (DN MADE)", 6),
    ),
    _trade("K1304", 24, "care", ("ASSISTANT DE VIE AUX FAMILLES (TP)", 3), ("EMPLOYE FAMILIAL (TITRE)", 3)),
    _trade("K1302", 22, "care", ("ACCOMPAGNANT EDUCATIF ET SOCIAL (DE)", 3), ("SERVICES AUX PERSONNES (BAC PRO)", 4)),
    _trade(
        "J1501",
        24,
        "care",
        ("AIDE-SOIGNANT (DE)", 4),
    ),
    _trade(
        "K1303",
        18,
        "care",
        ("ACCOMPAGNANT EDUCATIF PETITE ENFANCE (CAP)", 3),
    ),
    _trade(
        "J1307",
        14,
        "care",
        ("PREPARATEUR EN PHARMACIE (DEUST)", 5),
    ),
    _trade(
        "K2204",
        14,
        "cleaning",
        ("AGENT DE PROPRETE ET D'HYGIENE (CAP)", 3),
        ("HYGIENE PROPRETE STERILISATION (BAC PRO)", 4),
    ),
    _trade(
        "K2503", 10, "cleaning", ("AGENT DE PREVENTION ET DE SECURITE (TP)", 3), ("METIERS DE LA SECURITE (BAC PRO)", 4)
    ),
    _trade(
        "G1602",
        38,
        "hospitality",
        _CUISINE,
        ("ARTS DE LA CUISINE (BP)", 4),
        ("MANAGEMENT EN HOTELLERIE RESTAURATION (BTS)", 5),
    ),
    _trade(
        "G1803",
        30,
        "hospitality",
        ("COMMERCIALISATION ET SERVICES EN HOTEL-CAFE-RESTAURANT (CAP)", 3),
        ("ARTS DU SERVICE (BP)", 4),
    ),
    _trade(
        "G1603",
        20,
        "hospitality",
        ("PRODUCTION ET SERVICE EN RESTAURATIONS (CAP)", 3),
    ),
    _trade(
        "G1703",
        14,
        "hospitality",
        ("RECEPTIONNISTE EN HOTELLERIE (TP)", 4),
        ("MANAGEMENT EN HOTELLERIE RESTAURATION (BTS)", 5),
    ),
    _trade("N1103", 18, "transport", ("OPERATEUR LOGISTIQUE (CAP)", 3), ("LOGISTIQUE (BAC PRO)", 4)),
    _trade(
        "N4101",
        14,
        "transport",
        ("CONDUCTEUR ROUTIER DE MARCHANDISES (CAP)", 3),
    ),
    _trade("A1203", 20, "nature", ("JARDINIER PAYSAGISTE (CAPA)", 3), ("AMENAGEMENTS PAYSAGERS (BTSA)", 5)),
    _trade(
        "A1416",
        14,
        "nature",
        ("METIERS DE L'AGRICULTURE (CAPA)", 3),
        ("CONDUITE ET GESTION DE L'ENTREPRISE AGRICOLE (BAC PRO)", 4),
    ),
    _trade("C1206", 20, "finance", ("BANQUE CONSEILLER DE CLIENTELE (BTS)", 5), ("CONSEILLER CLIENTELE (LP)", 6)),
    _trade("C1102", 14, "finance", ("ASSURANCE (BTS)", 5), ("ASSURANCE BANQUE FINANCE (LP)", 6)),
    _trade(
        "C1504",
        12,
        "finance",
        ("PROFESSIONS IMMOBILIERES (BTS)", 5),
    ),
    _trade("G1204", 14, "leisure", ("ACTIVITES DE LA FORME (BPJEPS)", 4), ("METIERS DU SPORT (DEUST)", 5)),
    _trade(
        "G1203",
        10,
        "leisure",
        ("ANIMATION SOCIALE (BPJEPS)", 4),
    ),
    _trade(
        "B1802",
        6,
        "craft",
        ("MAROQUINERIE (CAP)", 3),
    ),
    _trade("H2206", 12, "craft", ("MENUISIER FABRICANT (CAP)", 3), ("EBENISTE (CAP)", 3)),
    _trade(
        "L1508",
        6,
        "media",
        ("METIERS DE L'AUDIOVISUEL OPTION SON (BTS)", 5),
    ),
)

OTHER_PER_MILLE: Final = 120
"""Rows whose occupation is any parent code at all, so that every grand domaine has some."""

FAMILY_OF: Final[dict[str, str]] = {
    "A": "nature",
    "B": "craft",
    "C": "finance",
    "D": "retail",
    "E": "media",
    "F": "building",
    "G": "hospitality",
    "H": "industry",
    "I": "industry",
    "J": "care",
    "K": "care",
    "L": "media",
    "M": "office",
    "N": "transport",
}
"""The family of an occupation that is not in the table, by its grand domaine."""

FREQUENT: Final = 40
"""How many trades have a floor in every département: the heaviest of the table."""

LEVELS: Final[dict[int, tuple[str, str, str]]] = {
    3: ("CERTIFICAT D'APTITUDES PROFESSIONNELLES", "3 (CAP...)", "CAP, BEP et équivalents"),
    4: ("BACCALAUREAT PROFESSIONNEL", "4 (BAC...)", "Bac ou équivalent"),
    5: ("BREVET DE TECHNICIEN SUPERIEUR", "5 (BTS, DEUST...)", "Bac+2 ou équivalents"),
    6: ("LICENCE PROFESSIONNELLE", "6 (Licence, BUT...)", "Bac+3, Bac+4 ou équivalents"),
    7: ("MASTER", "7 (Master, titre ingénieur...)", "Bac+5 et plus ou équivalents"),
}
"""By level: the catalogue's diploma and `niveau`, and the label of France Travail."""
