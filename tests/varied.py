"""Twenty cards as sources really write them: no two alike, so that a page of them is as large as a real one.

Everything is fictitious. Titles are long and short, in capitals and not; names, towns, dates and addresses all differ.
"""

from tests.pages import card
from widget_server.domain.answer import ListedCard
from widget_server.domain.cards import AlsoOn, CardPlace, Duration, Organisation, Reason

_OFFERS = [
    (
        "Apprenti(e) boulanger(ère) - pain au levain naturel (H/F)",
        "Le Fournil Imaginaire des Halles",
        "Acigné",
        "35001",
    ),
    ("ALTERNANCE CAP BOULANGER - DÉMARRAGE IMMÉDIAT", None, "Noyal-sur-Vilaine", "35207"),
    (
        "Ouvrier tourier débutant accepté, formation assurée",
        "Maison Fictive Kerlan & Filles",
        "Chartres-de-Bretagne",
        "35066",
    ),
    (
        "Contrat pro : responsable adjoint d'un rayon boulangerie",
        "Hypermarché d'Exemple Ouest",
        "Saint-Grégoire",
        "35278",
    ),
    ("Vendeuse/vendeur et préparation snacking, 35 h, repos le lundi", "Au Pain d'Antan Fictif", "Liffré", "35152"),
    (
        "BP boulanger deux ans, équipe de six personnes, four à bois",
        "SARL Imaginaire Levain Doré",
        "Châteaugiron",
        "35069",
    ),
    ("Second de pâtisserie en apprentissage (entremets, glaces)", "Pâtisserie Inventée Ledru", "Janzé", "35136"),
]
_TRAININGS = [
    ("CAP Boulanger", "CFA Imaginaire de la Chambre de métiers", "Bruz", "CAP", 3),
    ("Mention complémentaire Boulangerie spécialisée", "Lycée professionnel Fictif Jeanne-Villepin", "Redon", "MC", 3),
    (
        "Brevet professionnel Boulanger",
        "Institut d'Exemple des métiers de bouche",
        "Fougères",
        "Brevet professionnel",
        4,
    ),
    (
        "BTM Pâtissier confiseur glacier traiteur",
        "Maison familiale rurale Inventée du Pays de Vitré",
        "Vitré",
        "BTM",
        4,
    ),
    (
        "Titre à finalité professionnelle Vendeur conseil en boulangerie",
        "Campus Fictif Ker Lann",
        "Ploërmel",
        "Titre",
        4,
    ),
    (
        "Bac pro Boulanger - pâtissier en trois ans, à temps plein puis alterné",
        "École hôtelière Imaginaire",
        "Dinan",
        "Bac professionnel",
        4,
    ),
]
_RECRUITERS = [
    ("Boulangerie Fictive Gwenn Ha Du", "Boulangerie et boulangerie-pâtisserie", "3 à 5 salariés", "Mordelles"),
    ("Les Délices Inventés de Maëlle", "Pâtisserie", "6 à 9 salariés", "Guichen"),
    ("Minoterie Imaginaire du Semnon", "Meunerie", "20 à 49 salariés", "Bain-de-Bretagne"),
    ("Fabrique Fictive de Crêpes Armor", "Fabrication de biscuits et biscottes", "50 à 99 salariés", "Montauban"),
    ("Supermarché d'Exemple Val d'Ille", "Supermarchés", "100 à 199 salariés", "Melesse"),
    ("Traiteur Inventé Océane", "Services des traiteurs", "10 à 19 salariés", "Cancale"),
    ("Point Chaud Imaginaire de la Gare", "Cuisson de produits de boulangerie", "1 à 2 salariés", "Combourg"),
]  # fmt: skip
_REASONS = [
    "A déjà recruté en alternance ces dernières années",
    "Recrute souvent à cette période de l'année",
    "A recruté récemment en alternance",
    "Son secteur recrute beaucoup d'alternants",
    "Taille comparable à celle des entreprises qui recrutent",
    "Métier recherché dans ce département",
    "Son secteur recrute plus que l'an dernier",
]


def varied_cards() -> tuple[ListedCard, ...]:
    """All twenty, the kinds in turn as a list has them."""
    kinds = [_trainings(), _offers(), _recruiters()]
    turns = [kind[turn] for turn in range(7) for kind in kinds if turn < len(kind)]
    return tuple(turns)


def _place(town: str) -> CardPlace:
    return CardPlace(label=town, precision="address", departement="35", latitude=48.1, longitude=-1.7)


def _offers() -> list[ListedCard]:
    return [
        card(
            "offer",
            number,
            id=f"offers:{182_345_677 * (number + 3) % 10**8}",
            title=title,
            organisation=Organisation(name=company),
            place=_place(town),
            distance_km=round(1.7 + 3.9 * number, 1),
            contract=("professionnalisation",) if "pro " in title else ("apprentissage",),
            duration=Duration(months=(12, 24, 18, 11)[number % 4]),
            level=(3, None, 4, 5)[number % 4],
            starts_on=("2027-01-04", None, "2027-02-15", "2027-03-01")[number % 4],
            published_on=f"2026-{10 + number % 2}-{3 + number * 3:02d}",
            flags=(("handi",), (), ("urgent",), ())[number % 4],
            url=f"https://offres.exemple/detail/{number * 7_368_787 + 190_000_000}?source={insee}",
            apply_url=f"https://{town.lower()}.recrute.exemple/{insee}/{number * 91}/candidature"
            if number % 2
            else None,
            also_on=(
                AlsoOn(id=f"x:{insee}", kind="offer", label="La bonne alternance", url=f"https://lba.exemple/{insee}"),
            )
            if number % 3 == 0
            else (),
        )
        for number, (title, company, town, insee) in enumerate(_OFFERS)
    ]


def _trainings() -> list[ListedCard]:
    return [
        card(
            "training",
            number,
            id=f"trainings:{number * 7_777_777 + 11_111}|26_{number}",
            title=title,
            organisation=Organisation(name=school),
            place=_place(town),
            distance_km=round(4.4 + 5.3 * number, 1),
            level=level,
            diploma=diploma,
            duration=Duration(months=12 * (1 + number % 3)),
            starts_on=f"2027-0{1 + number}-0{2 + number}",
            url=f"https://catalogue.exemple/formation/{number * 5_551_337 + 20_260_000}",
            apply_url=f"https://rdv.exemple/{number * 337 + 12}" if number % 2 else None,
        )
        for number, (title, school, town, diploma, level) in enumerate(_TRAININGS)
    ]


def _recruiters() -> list[ListedCard]:
    return [
        card(
            "recruiter",
            number,
            id=f"recruiters:{number * 12_345_679_01 + 30_000_000_000_017}",
            title=name,
            organisation=Organisation(name=name, sector=sector, headcount=size),
            place=_place(town),
            distance_km=round(2.2 + 4.1 * number, 1),
            reasons=tuple(
                Reason(code=f"r{n}", text=_REASONS[(number * 2 + n) % len(_REASONS)]) for n in range(1 + number % 3)
            ),
            score_band="ABC"[number % 3],
            estimated="Estimation du 3 novembre 2026, pour des embauches jusqu'au 1er mai 2027",
            url=f"https://annuaire.exemple/etablissement/{number * 12_345_679_01 + 30_000_000_000_017}",
            optout_url=f"https://retrait.exemple/{number * 12_345_679_01 + 30_000_000_000_017}",
        )
        for number, (name, sector, size, town) in enumerate(_RECRUITERS)
    ]
