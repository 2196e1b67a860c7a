"""The offers of France Travail as they come: only the fields that we read, and everything may be missing."""

import msgspec


class Labelled(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A code's label, and whether it is required (E) or wished for (S)."""

    libelle: str | None = None
    exigence: str | None = None
    description: str | None = None


class Diploma(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One diploma that an offer asks for."""

    domaine_libelle: str | None = None
    niveau_libelle: str | None = None
    commentaire: str | None = None
    exigence: str | None = None


class Workplace(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the work is; coordinates may be text."""

    libelle: str | None = None
    latitude: float | str | None = None
    longitude: float | str | None = None
    code_postal: str | None = None
    commune: str | None = None


class Company(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who hires."""

    nom: str | None = None
    description: str | None = None
    logo: str | None = None
    url: str | None = None
    entreprise_adaptee: bool | None = None
    siret: str | None = None


class Contact(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How to apply. Names, telephones and e-mail addresses are not even read."""

    coordonnees1: str | None = None
    coordonnees2: str | None = None
    coordonnees3: str | None = None
    commentaire: str | None = None
    url_recruteur: str | None = None
    url_postulation: str | None = None


class Partner(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A site that published the offer too."""

    nom: str | None = None
    url: str | None = None
    logo: str | None = None


class Origin(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who brought the offer: France Travail (1) or a partner (2)."""

    origine: str | None = None
    url_origine: str | None = None
    partenaires: list[Partner] | None = None


class Complement(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A benefit that comes with the salary."""

    libelle: str | None = None


class Salary(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The salary, always as text."""

    libelle: str | None = None
    commentaire: str | None = None
    complement1: str | None = None
    complement2: str | None = None
    liste_complements: list[Complement] | None = None


class Context(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Working hours and conditions: text in some answers, lists in others."""

    horaires: str | list[str] | None = None
    conditions_exercice: str | list[str] | None = None


class Offer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One offer, as far as we read it. Everything may be missing."""

    id: str | None = None
    intitule: str | None = None
    description: str | None = None
    date_creation: str | None = None
    date_actualisation: str | None = None
    lieu_travail: Workplace | None = None
    rome_code: str | None = None
    rome_libelle: str | None = None
    appellationlibelle: str | None = None
    entreprise: Company | None = None
    type_contrat_libelle: str | None = None
    nature_contrat: str | None = None
    experience_libelle: str | None = None
    experience_commentaire: str | None = None
    formations: list[Diploma] | None = None
    langues: list[Labelled] | None = None
    permis: list[Labelled] | None = None
    competences: list[Labelled] | None = None
    qualites_professionnelles: list[Labelled] | None = None
    outils_bureautiques: str | list[str] | None = None
    salaire: Salary | None = None
    duree_travail_libelle: str | None = None
    duree_travail_libelle_converti: str | None = None
    complement_exercice: str | None = None
    condition_exercice: str | None = None
    contexte_travail: Context | None = None
    contact: Contact | None = None
    nombre_postes: int | None = None
    accessible_th: bool | None = msgspec.field(name="accessibleTH", default=None)
    deplacement_libelle: str | None = None
    qualification_libelle: str | None = None
    code_naf: str | None = msgspec.field(name="codeNAF", default=None)
    secteur_activite: str | None = None
    secteur_activite_libelle: str | None = None
    tranche_effectif_etab: str | None = None
    origine_offre: Origin | None = None
    offres_manque_candidats: bool | None = None
    entreprise_adaptee: bool | None = None
    employeur_handi_engage: bool | None = None
