"""The French sentences of which descriptions of offers and trainings are made, and the words of each family."""

import re
from dataclasses import dataclass
from typing import Final

from widget_server.sandbox.dice import Dice


@dataclass(frozen=True, kw_only=True)
class Family:
    """What is said of the occupations of one family.

    naf       (NAF code, headcounts are elsewhere) of its companies
    tasks     what an apprentice does there, in the infinitive
    skills    what one learns, as a noun
    place     where one works
    """

    naf: tuple[str, ...]
    tasks: tuple[str, ...]
    skills: tuple[str, ...]
    place: str


FAMILIES: Final[dict[str, Family]] = {
    "food": Family(
        naf=("1071C", "1071D", "1013B", "4722Z", "4724Z"),
        place="au laboratoire et en boutique",
        tasks=(
            "peser et mélanger les ingrédients",
            "façonner les pâtons et surveiller la cuisson",
            "préparer les commandes du jour",
            "dresser et décorer les pièces",
            "contrôler les températures et les dates",
            "garder le plan de travail propre",
            "garnir la vitrine avant l'ouverture",
            "découper et parer selon la demande",
            "réceptionner les matières premières",
            "goûter, noter et améliorer les recettes de la maison",
        ),
        skills=(
            "les règles d'hygiène alimentaire",
            "la fermentation lente",
            "le calcul d'un coût de recette",
            "la cuisson au four à sole",
        ),
    ),
    "retail": Family(
        naf=("4711D", "4711F", "4771Z", "4759B", "4778C"),
        place="en magasin",
        tasks=(
            "accueillir les clients et comprendre ce qu'ils cherchent",
            "mettre les produits en rayon",
            "tenir la caisse",
            "étiqueter et vérifier les prix",
            "préparer les retraits de commandes",
            "faire l'inventaire tournant",
            "installer les vitrines de saison",
            "suivre les stocks sur la tablette du magasin",
            "traiter les retours",
            "proposer un produit de remplacement quand un article manque",
        ),
        skills=("les techniques de vente", "la présentation marchande", "la gestion d'un rayon", "la fidélisation"),
    ),
    "sales": Family(
        naf=("4619B", "4669B", "7022Z", "4690Z", "8299Z"),
        place="à l'agence et chez les clients",
        tasks=(
            "préparer les rendez-vous de l'équipe",
            "appeler des entreprises du secteur",
            "tenir à jour le fichier des clients",
            "rédiger devis et relances",
            "participer aux salons professionnels",
            "suivre les commandes jusqu'à la livraison",
            "analyser les ventes du mois",
            "présenter la gamme en visite",
            "répondre aux appels d'offres",
            "recueillir l'avis des clients après la vente",
        ),
        skills=("la prospection", "la négociation", "l'analyse d'un portefeuille", "le suivi d'un tableau de bord"),
    ),
    "beauty": Family(
        naf=("9602A", "9602B"),
        place="au salon",
        tasks=(
            "accueillir la clientèle et tenir l'agenda",
            "réaliser les shampoings et les soins",
            "assister aux coupes et aux colorations",
            "conseiller des produits adaptés",
            "préparer les postes et les outils",
            "réaliser les soins du visage",
            "désinfecter le matériel entre deux rendez-vous",
            "suivre les nouvelles techniques avec l'équipe",
            "mettre en valeur l'espace de vente",
        ),
        skills=("les gestes professionnels", "l'étude du cheveu et de la peau", "l'hygiène du poste", "le conseil"),
    ),
    "building": Family(
        naf=("4399C", "4322A", "4321A", "4334Z", "4332A", "4391A", "4120A"),
        place="sur les chantiers du secteur",
        tasks=(
            "lire les plans avec le chef d'équipe",
            "préparer les matériaux et l'outillage",
            "monter les éléments et vérifier l'aplomb",
            "tracer, percer et fixer les supports",
            "poser les finitions",
            "installer et retirer les protections",
            "contrôler la mise en service",
            "ranger le chantier en fin de journée",
            "rendre compte de l'avancement",
            "trier les déchets selon la filière",
        ),
        skills=("la lecture de plans", "la sécurité en hauteur", "les normes en vigueur", "le traçage"),
    ),
    "garage": Family(
        naf=("4520A", "4511Z", "4540Z"),
        place="à l'atelier",
        tasks=(
            "faire les vidanges et les contrôles courants",
            "remplacer freins, pneus et courroies",
            "lire les codes de diagnostic",
            "préparer les surfaces avant peinture",
            "accueillir le client et remplir la fiche",
            "essayer le véhicule après intervention",
            "démonter et remonter les éléments",
            "commander les pièces",
            "entretenir l'outillage",
        ),
        skills=(
            "le diagnostic électronique",
            "l'hybride et l'électrique",
            "la géométrie du train avant",
            "la relation avec le client",
        ),
    ),
    "industry": Family(
        naf=("2562B", "2511Z", "2899B", "3312Z", "2229A"),
        place="à l'atelier de production",
        tasks=(
            "régler les machines selon la gamme",
            "contrôler les pièces au pied à coulisse",
            "assembler et souder les sous-ensembles",
            "planifier l'entretien préventif",
            "remplir les fiches de suivi",
            "rechercher l'origine d'une panne",
            "proposer des améliorations du poste",
            "préparer les outillages de la série suivante",
            "tenir la zone propre et sûre",
            "participer au point de cinq minutes du matin",
        ),
        skills=(
            "la lecture de plans mécaniques",
            "la maintenance préventive",
            "la métrologie",
            "l'amélioration continue",
        ),
    ),
    "software": Family(
        naf=("6201Z", "6202A", "6311Z", "6203Z"),
        place="dans une équipe de six personnes",
        tasks=(
            "écrire et relire du code avec l'équipe",
            "corriger les anomalies signalées",
            "écrire des tests automatiques",
            "documenter les interfaces",
            "préparer les postes des nouveaux arrivants",
            "surveiller les serveurs et les sauvegardes",
            "répondre aux demandes des utilisateurs",
            "participer aux revues de fin d'itération",
            "améliorer l'accessibilité des pages",
            "mesurer les temps de réponse avant une mise en ligne",
        ),
        skills=(
            "le développement web",
            "les bases de données",
            "la sécurité des réseaux",
            "le travail en cycles courts",
        ),
    ),
    "office": Family(
        naf=("6920Z", "8211Z", "7010Z", "6910Z", "7830Z"),
        place="au siège",
        tasks=(
            "accueillir et orienter les appels",
            "saisir et classer les pièces",
            "préparer les dossiers du personnel",
            "organiser les réunions et rédiger les comptes rendus",
            "rapprocher les relevés bancaires",
            "suivre les échéances",
            "mettre à jour les tableaux de bord",
            "rédiger courriers et annonces",
            "préparer les déclarations du mois",
            "archiver selon le plan de classement",
        ),
        skills=("la bureautique", "les écritures comptables", "le droit du travail", "l'expression écrite"),
    ),
    "media": Family(
        naf=("7311Z", "7410Z", "5911A", "1812Z", "5813Z"),
        place="au studio",
        tasks=(
            "préparer les publications de la semaine",
            "retoucher images et vidéos",
            "rédiger les brèves du site",
            "mesurer l'audience et la résumer",
            "participer aux prises de vue",
            "suivre les impressions",
            "organiser un événement avec l'équipe",
            "décliner la charte graphique",
            "mettre à jour le plan de communication",
        ),
        skills=("la création graphique", "le récit de marque", "l'analyse d'audience", "le montage"),
    ),
    "care": Family(
        naf=("8810A", "8710A", "8891A", "4773Z", "8610Z"),
        place="au domicile des personnes ou dans l'établissement",
        tasks=(
            "aider au lever, à la toilette et au repas",
            "entretenir le cadre de vie",
            "accompagner les sorties et les loisirs",
            "noter les observations dans le cahier de liaison",
            "préparer les activités de la semaine",
            "rassurer et écouter",
            "suivre le plan d'aide avec la référente",
            "respecter les protocoles d'hygiène",
            "alerter en cas de changement",
            "préparer les commandes sous contrôle",
        ),
        skills=(
            "les gestes de premiers secours",
            "la bientraitance",
            "l'ergonomie des soins",
            "la communication avec les familles",
        ),
    ),
    "cleaning": Family(
        naf=("8121Z", "8122Z", "8010Z"),
        place="sur plusieurs sites du secteur",
        tasks=(
            "entretenir bureaux et parties communes",
            "doser les produits selon la fiche",
            "utiliser l'autolaveuse",
            "contrôler les accès et tenir la main courante",
            "faire les rondes prévues",
            "remplir la fiche de passage",
            "signaler les anomalies",
            "préparer le chariot du lendemain",
        ),
        skills=("les protocoles d'entretien", "la prévention des risques", "l'accueil du public", "le tri des déchets"),
    ),
    "hospitality": Family(
        naf=("5610A", "5510Z", "5610C", "5621Z"),
        place="en cuisine et en salle",
        tasks=(
            "éplucher, tailler et préparer les garnitures",
            "dresser les assiettes",
            "prendre les commandes et conseiller",
            "préparer la salle avant le service",
            "tenir le poste froid puis le poste chaud",
            "réceptionner les livraisons",
            "accueillir les clients à la réception",
            "suivre le plan de nettoyage",
            "composer le plat du jour avec le chef",
            "encaisser et faire la clôture",
        ),
        skills=(
            "les cuissons",
            "le service à l'assiette",
            "la méthode d'analyse des dangers",
            "l'anglais de l'accueil",
        ),
    ),
    "transport": Family(
        naf=("4941A", "5210B", "5229A", "4941B"),
        place="à l'entrepôt et sur la route",
        tasks=(
            "préparer les commandes au scanner",
            "charger et décharger les camions",
            "vérifier les bons de livraison",
            "faire l'inventaire des allées",
            "conduire les chariots après formation",
            "optimiser les tournées",
            "contrôler l'état du véhicule",
            "suivre les retours de palettes",
        ),
        skills=("la conduite en sécurité", "la gestion des flux", "l'arrimage", "la réglementation du transport"),
    ),
    "nature": Family(
        naf=("8130Z", "0113Z", "0150Z", "0119Z"),
        place="en extérieur",
        tasks=(
            "tailler haies et massifs",
            "préparer le sol et semer",
            "soigner les animaux et suivre le troupeau",
            "poser l'arrosage automatique",
            "entretenir le matériel",
            "planter et pailler",
            "récolter et trier",
            "tenir le cahier de culture",
            "monter clôtures et bordures",
        ),
        skills=(
            "la connaissance des végétaux",
            "la conduite d'engins",
            "l'agroécologie",
            "l'alimentation des troupeaux",
        ),
    ),
    "finance": Family(
        naf=("6419Z", "6622Z", "6831Z", "6512Z"),
        place="en agence",
        tasks=(
            "accueillir les clients et traiter les demandes courantes",
            "préparer les rendez-vous des conseillers",
            "constituer les dossiers",
            "vérifier les pièces",
            "organiser les visites",
            "suivre les sinistres déclarés",
            "mettre à jour les fiches",
            "proposer les services adaptés",
            "relancer les dossiers incomplets",
        ),
        skills=("la réglementation", "l'analyse d'un dossier", "la relation à distance", "la conformité"),
    ),
    "leisure": Family(
        naf=("9312Z", "9313Z", "9499Z", "9329Z"),
        place="au club et au gymnase",
        tasks=(
            "préparer et animer les séances",
            "accueillir les adhérents",
            "adapter les exercices à chacun",
            "veiller à la sécurité du groupe",
            "organiser le tournoi du trimestre",
            "entretenir le matériel",
            "informer les familles",
            "faire vivre la page du club",
        ),
        skills=("la pédagogie", "l'anatomie", "la conduite de projet", "les premiers secours"),
    ),
    "craft": Family(
        naf=("1512Z", "3109B", "1623Z", "3212Z"),
        place="à l'atelier",
        tasks=(
            "choisir et débiter la matière",
            "tracer et découper les pièces",
            "assembler, coller et poncer",
            "restaurer des pièces anciennes",
            "entretenir les outils à main",
            "préparer les finitions",
            "emballer les commandes",
            "dessiner un gabarit",
        ),
        skills=("le dessin technique", "les assemblages traditionnels", "la finition", "la connaissance des matières"),
    ),
}

_OPENINGS: Final = (
    "{company} recherche un apprenti ou une apprentie pour rejoindre son équipe à {city}.",
    "Envie d'apprendre un métier concret ? {company} vous ouvre ses portes à {city}.",
    "Dans le cadre de son développement, {company} accueille une personne en alternance, {place}.",
    "Rejoignez une équipe de {people} personnes à {city} pour préparer votre diplôme en alternance.",
    "Nous formons chaque année des alternants et plusieurs d'entre eux sont restés avec nous.",
    "Vous préparez ou souhaitez préparer une formation dans ce domaine ? Ce poste est fait pour vous.",
    "{company}, installée depuis {years} ans à {city}, prépare la relève.",
    "Poste à pourvoir rapidement à {city}, en contrat d'alternance de {months} mois.",
)
_MISSIONS: Final = (
    "Avec votre tuteur, vous apprendrez à {a}, {b} et {c}.",
    "Vos missions : {a} ; {b} ; {c} ; {d}.",
    "Au quotidien, il s'agira de {a}, puis, à mesure de vos progrès, de {b} et de {c}.",
    "Les premières semaines seront consacrées à {a} et à {b}, ensuite vous pourrez {c}.",
    "Vous serez chargé(e) de {a} et de {b}, et vous participerez à l'ensemble de la vie de l'équipe : {c}.",
)
_SKILLS: Final = (
    "Vous serez formé(e) pas à pas : {s}, {t}.",
    "La formation met l'accent sur {s} et sur {t}.",
    "Nous vous transmettrons {s}, et vous découvrirez {t}.",
)
_PROFILES: Final = (
    "Aucune expérience n'est demandée : la motivation et la ponctualité comptent davantage.",
    "Une première découverte du métier, même courte, est un plus.",
    "Vous aimez le travail en équipe, vous êtes curieux(se) et soigneux(se).",
    "Le sens du contact et le goût du travail bien fait sont attendus.",
    "Permis B apprécié mais non indispensable, le lieu est desservi par les transports.",
    "Vous savez vous organiser et demander de l'aide quand il le faut.",
    "Niveau d'entrée : {level}. Les reconversions sont les bienvenues.",
)
_RHYTHMS: Final = (
    "Rythme : {school} semaine(s) en centre de formation, puis {work} semaines en entreprise.",
    "Rythme de l'alternance : deux jours en cours et trois jours chez nous.",
    "L'établissement de formation est choisi avec vous ; le rythme dépend de son calendrier.",
    "Travail du lundi au vendredi, un samedi sur deux selon la saison, avec récupération.",
    "Horaires de journée, {hours} heures par semaine.",
)
_BENEFITS: Final = (
    "Tenue fournie, repas pris en charge les jours de présence.",
    "Rémunération selon l'âge et l'année de contrat, prime de fin d'année.",
    "Remboursement de la moitié de l'abonnement de transport.",
    "Mutuelle d'entreprise et chèques vacances.",
    "Une embauche est envisagée à la fin du contrat.",
    "Poste ouvert aux personnes en situation de handicap.",
)
_CLOSINGS: Final = (
    "Pour postuler, envoyez quelques lignes de présentation.",
    "Un entretien et une demi-journée d'essai sont proposés à chaque candidat.",
    "Début souhaité : {start}.",
    "Nous répondons à toutes les candidatures sous {days} jours.",
)
DEMONSTRATION: Final = "Annonce fictive, à des fins de démonstration."

QUALITIES: Final = (
    ("Faire preuve d'autonomie", "Savoir avancer seul(e) une fois le travail expliqué."),
    ("Travailler en équipe", "Partager l'information et aider les autres à réussir."),
    ("Faire preuve de rigueur", "Vérifier son travail et suivre les consignes."),
    ("Avoir le sens du service", "Écouter, comprendre et apporter une réponse."),
    ("Faire preuve de curiosité", "Chercher à apprendre et poser des questions."),
)
_STARTS: Final = ("dès que possible", "en janvier", "à la rentrée de septembre", "au printemps", "à convenir ensemble")


_BEFORE_A_VOWEL: Final = re.compile(r"\bde (?=[aeiouéêàâ])")


def describe_offer(family: str, company: str, city: str, level: str, months: int, dice: Dice) -> str:
    """Sixty to a hundred and eighty words, in six to twelve sentences."""
    told = FAMILIES[family]
    a, b, c, d = dice.some(told.tasks, 4)
    s, t = dice.some(told.skills, 2)
    sentences = [
        *dice.some(_OPENINGS, 1 + dice.below(2)),
        *dice.some(_MISSIONS, 1),
        *dice.some(_SKILLS, 1),
        *dice.some(_PROFILES, 1 + dice.below(3)),
        *dice.some(_RHYTHMS, 1 + dice.below(2)),
        *dice.some(_BENEFITS, 1 + dice.below(3)),
        *dice.some(_CLOSINGS, 1 + dice.below(2)),
        DEMONSTRATION,
    ]
    joint = "\n" if dice.chance(450) else " "
    text = joint.join(sentences).format(
        company=company,
        city=city,
        place=told.place,
        people=3 + dice.below(40),
        years=2 + dice.below(40),
        months=months,
        a=a,
        b=b,
        c=c,
        d=d,
        s=s,
        t=t,
        level=level,
        school=1 + dice.below(2),
        work=2 + dice.below(2),
        hours=35 + dice.below(5),
        start=dice.pick(_STARTS),
        days=5 + dice.below(10),
    )
    return _BEFORE_A_VOWEL.sub("d'", text)


_CONTENTS: Final = (
    "Enseignement professionnel : {a} ; {b} ; {c}.",
    "Au programme : {s}, {t}. Travaux pratiques : {a} ; {b} ; {c} ; {d}.",
    "Bloc 1 : {a}. Bloc 2 : {b}. Bloc 3 : {c}. Enseignements généraux : français, mathématiques, langue vivante.",
)
_OBJECTIVES: Final = (
    "Le titulaire du diplôme saura {a}, {b} et {c}.",
    "À l'issue de la formation, l'apprenti est capable de {a} et de {b}, en maîtrisant {s}.",
    "Former des professionnels autonomes, {place}, capables de {a} et de {c}.",
)
_PEDAGOGY: Final = (
    "Effectifs réduits et plateaux techniques récents.",
    "Suivi individuel et visites en entreprise deux fois par an.",
    "Évaluation par contrôle continu et épreuves finales.",
    "Entrée sur dossier et entretien de motivation.",
    "Aide à la recherche d'une entreprise d'accueil.",
    "Référent handicap dans l'établissement.",
)


def describe_training(family: str, dice: Dice) -> tuple[str, str]:
    """`contenu` and `objectif`."""
    told = FAMILIES[family]
    a, b, c, d = dice.some(told.tasks, 4)
    s, t = dice.some(told.skills, 2)
    words = {"a": a, "b": b, "c": c, "d": d, "s": s, "t": t, "place": told.place}
    content = [dice.pick(_CONTENTS), *dice.some(_PEDAGOGY, 2 + dice.below(4))]
    return "\n".join(content).format(**words), _BEFORE_A_VOWEL.sub("d'", dice.pick(_OBJECTIVES).format(**words))
