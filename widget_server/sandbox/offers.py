"""The offers of France Travail as they are at one moment: which there are, what they say, and how they change."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from widget_server.reference.places import Commune
from widget_server.sandbox.companies import Companies
from widget_server.sandbox.dice import Dice, Numbers, mix
from widget_server.sandbox.dirt import DIRT, named, rejected
from widget_server.sandbox.economy import Economy, OfferRows, moment
from widget_server.sandbox.names import company, school, siret, street
from widget_server.sandbox.phrases import DEMONSTRATION, FAMILIES, QUALITIES, describe_offer
from widget_server.sandbox.trades import LEVELS

Mask = npt.NDArray[np.bool_]

DETAIL: Final = "https://candidat.francetravail.fr/offres/recherche/detail/{id}"
PARTNERS: Final = ("PARTENAIRE FICTIF 1", "PARTENAIRE FICTIF 2", "PARTENAIRE FICTIF 3")
UNKNOWN_ROME: Final = "M9901"

_LETTERS: Final = 26**4
_OWN_IDS: Final = 1000 * _LETTERS
_OWN_SPREAD: Final = 7_654_321
_PARTNER_IDS: Final = 9_000_000
_PARTNER_SPREAD: Final = 1_234_577
_ID: Final = re.compile(r"\d{3}[A-Z]{4}|\d{7}")
_OWN_COMPANIES: Final = 450_000
_MONTHS: Final = (6, 9, 10, 12, 12, 12, 18, 24, 24, 24, 36, 36)
_EXPERIENCES: Final = (("D", "Débutant accepté"), ("D", "Débutant accepté"), ("S", "6 Mois"), ("E", "1 An(s)"))
_BRACKETS: Final = ("1 ou 2 salariés", "3 à 5 salariés", "6 à 9 salariés", "10 à 19 salariés", "20 à 49 salariés")
_SALARIES: Final[tuple[Mapping[str, object], ...]] = (
    {"libelle": "Mensuel de 780.00 Euros sur 12 mois"},
    {"libelle": "Mensuel de 486.00 Euros à 1801.00 Euros sur 12 mois", "complement1": "Titres restaurant"},
    {"libelle": "Annuel de 21621.0 Euros sur 12.0 mois"},
    {"libelle": "Horaire de 11.88 Euros"},
    {"commentaire": "% du SMIC selon âge"},
    {
        "commentaire": "Grille légale de l'apprentissage",
        "listeComplements": [{"code": "5", "libelle": "Mutuelle"}, {"code": "7", "libelle": "Primes"}],
    },
)
_NO_DEPARTEMENT: Final = frozenset({"region_label", "country_label"})
_UNPLACED: Final = frozenset({"region_label", "country_label", "departement_label"})


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a change did, by id."""

    created: list[str]
    deleted: list[str]
    modified: list[str]


class OfferBook:
    """The offers that France Travail shows, by row number. Offers that a change creates are created `now`."""

    def __init__(self, economy: Economy, companies: Companies, now: Callable[[], datetime] | None = None) -> None:
        self._economy = economy
        self._now = now or (lambda: economy.midnight)
        self._companies = companies
        self.rows: OfferRows = economy.offers
        self.alive: Mask = np.ones(len(self.rows), dtype=np.bool_)
        self._revisions: dict[int, int] = {}
        self._changes = 0
        self._offset = mix(economy.seed, 7)
        self._number = {code: position for position, code in enumerate(economy.jobs.codes)}
        self._insee = {commune.insee: position for position, commune in enumerate(economy.geography.communes)}
        self._departement = {code: position for position, code in enumerate(economy.geography.departements)}
        self.version = 0
        self._index()

    def _index(self) -> None:
        rows, geography = self.rows, self._economy.geography
        codes = {dirt.name: position for position, dirt in enumerate(DIRT["offers"], 1)}
        without = np.isin(rows.dirt, [codes[name] for name in sorted(_NO_DEPARTEMENT)])
        unplaced = np.isin(rows.dirt, [codes[name] for name in sorted(_UNPLACED)])
        # The second of two twins says what the first says.
        base = np.where(rows.dirt == codes["twin"], np.maximum(np.arange(len(rows)) - 1, 0), np.arange(len(rows)))
        self._base = base.astype(np.int64)
        departement = geography.departement_of[rows.commune]
        self.departement: Numbers = np.where(without, -1, departement)[base].astype(np.int64)
        self.commune: Numbers = np.where(unplaced, -1, rows.commune)[base].astype(np.int64)
        self.rome: Numbers = np.where(rows.dirt == codes["new_rome"], -1, rows.rome)[base].astype(np.int64)
        self.professional: Mask = rows.professional[base]
        self.lasting: Mask = rows.lasting[base]
        self._order = np.argsort(-rows.created, kind="stable")

    def ordered(self, mask: Mask, *, own_first: bool = False) -> Numbers:
        """The rows of a mask, the youngest first; `own_first` puts those of partners after all others."""
        found = self._order[mask[self._order]]
        if own_first:
            found = found[np.argsort(self.rows.partner[found], kind="stable")]
        return found.astype(np.int64)

    def in_departements(self, codes: list[str]) -> Mask:
        """Rows shown by a search in these départements."""
        return np.isin(self.departement, [self._departement[code] for code in codes if code in self._departement])

    def in_communes(self, codes: list[str], distance_km: float) -> Mask:
        """Rows in these communes, or within a distance of their centres (equirectangular, good to 1 % here)."""
        geography = self._economy.geography
        wanted = [self._insee[code] for code in codes if code in self._insee]
        if not distance_km:
            return np.isin(self.commune, wanted)
        found: Mask = np.zeros(len(self.rows), dtype=np.bool_)
        for position in wanted:
            latitude, longitude = geography.latitude[position], geography.longitude[position]
            north = (self.rows.latitude - latitude) * 111.195
            east = (self.rows.longitude - longitude) * 111.195 * np.cos(np.radians(latitude))
            found |= (self.commune >= 0) & (np.hypot(north, east) <= distance_km)
        return found

    def with_romes(self, codes: list[str]) -> Mask:
        """Rows of exactly these occupations."""
        return np.isin(self.rome, [self._number[code] for code in codes if code in self._number])

    def with_rome_prefixes(self, prefixes: tuple[str, ...]) -> Mask:
        """Rows whose occupation begins with one of these."""
        wanted = [position for code, position in self._number.items() if code.startswith(prefixes)]
        return np.isin(self.rome, wanted)

    def id_of(self, row: int) -> str:
        """Three digits and four letters for France Travail's own, seven digits for a partner's."""
        if self.rows.partner[row]:
            return str(1_000_000 + (row * _PARTNER_SPREAD + self._offset) % _PARTNER_IDS)
        number = (row * _OWN_SPREAD + self._offset) % _OWN_IDS
        digits, rest = divmod(number, _LETTERS)
        letters = ""
        for _ in range(4):
            rest, letter = divmod(rest, 26)
            letters += chr(ord("A") + letter)
        return f"{digits:03d}{letters}"

    def row_of(self, told: str) -> int | None:
        """The row of an id that is shown now."""
        if not _ID.fullmatch(told):
            return None
        if told.isdigit():
            inverse = pow(_PARTNER_SPREAD, -1, _PARTNER_IDS)
            row = (int(told) - 1_000_000 - self._offset) * inverse % _PARTNER_IDS
        else:
            rest = 0
            for letter in reversed(told[3:]):
                rest = rest * 26 + ord(letter) - ord("A")
            row = (int(told[:3]) * _LETTERS + rest - self._offset) * pow(_OWN_SPREAD, -1, _OWN_IDS) % _OWN_IDS
        return row if row < len(self.rows) and self.alive[row] and self.id_of(row) == told else None

    def change(self, *, created: int = 0, deleted: int = 0, modified: int = 0) -> Change:
        """Make new offers and delete and modify drawn ones; the draws depend on the seed and on earlier changes."""
        self._changes += 1
        self.version += 1
        dice = Dice(self._economy.seed, 8, self._changes)
        shown = np.flatnonzero(self.alive).tolist()
        gone = sorted(dice.some(shown, deleted))
        told_gone = [self.id_of(row) for row in gone]
        self.alive[gone] = False
        left = np.flatnonzero(self.alive).tolist()
        touched = sorted(dice.some(left, modified))
        for row in touched:
            self._revisions[row] = self._revisions.get(row, 0) + 1
        first = len(self.rows)
        if created:
            more = replace(self._economy.some_offers(first, first + created), created=self._young(first, created))
            self.rows = OfferRows(
                **{
                    each.name: np.concatenate((getattr(self.rows, each.name), getattr(more, each.name)))
                    for each in fields(OfferRows)
                }
            )
            self.alive = np.concatenate((self.alive, np.ones(created, dtype=np.bool_)))
            self._index()
        return Change(
            created=[self.id_of(row) for row in range(first, first + created)],
            deleted=told_gone,
            modified=[self.id_of(row) for row in touched],
        )

    def _young(self, first: int, count: int) -> Numbers:
        """When new rows are created: each a millisecond after the one before it, and none before this day."""
        now = int(max(self._now(), self._economy.midnight).timestamp() * 1000)
        return np.arange(first, first + count, dtype=np.int64) - self._economy.counts.offers + 1 + now

    def kept(self) -> list[str]:
        """The ids of the offers that a perfect reader keeps."""
        dirt = self.rows.dirt[self._base]
        codes = range(len(DIRT["offers"]) + 1)
        wrong = [code for code in codes if rejected("offers", code) is not None]
        return [self.id_of(row) for row in np.flatnonzero(self.alive & ~np.isin(dirt, wrong)).tolist()]

    def truth(self, row: int) -> dict[str, object]:
        """What a perfect reader knows of a row; `twin` is the same for offers that are one and the same."""
        base = int(self._base[row])
        dirt = int(self.rows.dirt[base])
        told = self.offer(row)
        place, hirer = told["lieuTravail"], told["entreprise"]
        if not isinstance(place, dict) or not isinstance(hirer, dict):
            raise TypeError("every offer of ours has a place and a company")
        commune = self._commune(base)
        located = named("offers", dirt) not in _UNPLACED
        return {
            "id": told["id"],
            "rome": told["romeCode"],
            "departement": commune.departement if self.departement[row] >= 0 else None,
            "insee": commune.insee if located else None,
            "latitude": float(self.rows.latitude[base]) if located else None,
            "longitude": float(self.rows.longitude[base]) if located else None,
            "oddity": named("offers", int(self.rows.dirt[row])) or None,
            "rejected": rejected("offers", dirt),
            "twin": f"{hirer.get('nom')}|{commune.insee}|{told['romeCode']}|{told['intitule']}",
        }

    def _commune(self, row: int) -> Commune:
        return self._economy.geography.communes[int(self.rows.commune[row])]

    def offer(self, row: int) -> dict[str, object]:
        """One offer as the search and the detail show it."""
        base = int(self._base[row])
        told = self._offer(base, self.id_of(row), partner=bool(self.rows.partner[row]))
        created = moment(int(self.rows.created[row]))
        revision = self._revisions.get(row, 0)
        updated = created + timedelta(hours=row % 40) if not revision else self._economy.midnight + timedelta(hours=6)
        latest = max(self._economy.midnight, created)
        told["dateCreation"] = f"{created:%Y-%m-%dT%H:%M:%S}.{created.microsecond // 1000:03d}Z"
        shown = min(updated, latest + timedelta(hours=6) if revision else latest)
        told["dateActualisation"] = f"{shown:%Y-%m-%dT%H:%M:%SZ}"
        if revision:
            told["description"] = f"{told['description']} Mise à jour n° {revision}."
            told["nombrePostes"] = 1 + revision
        return told

    def _offer(self, row: int, told_id: str, *, partner: bool) -> dict[str, object]:
        economy, rows = self._economy, self.rows
        dirt = named("offers", int(rows.dirt[row]))
        dice = economy.dice("offers", row)
        job = int(rows.job[row])
        family = economy.jobs.family(job)
        trade = economy.jobs.trades[job]
        code = economy.jobs.codes[int(rows.rome[row])]
        label = economy.occupations.label(code) or code
        commune = self._commune(row)
        level = dice.pick(trade.diplomas)[1] if trade else 3 + dice.below(4)
        months = dice.pick(_MONTHS)
        professional, lasting = bool(rows.professional[row]), bool(rows.lasting[row])
        hirer, naf = self._hirer(row, family, dirt, dice)
        name = hirer.get("nom")
        told: dict[str, object] = {
            "id": told_id,
            "intitule": _title(label, professional, int(rows.rank[row]), dice),
            "description": describe_offer(
                family, str(name or "Notre entreprise fictive"), commune.name, LEVELS[level][2], months, dice
            ),
            "dateCreation": "",
            "dateActualisation": "",
            "lieuTravail": self._place(row, commune, dirt, dice),
            "romeCode": UNKNOWN_ROME if dirt == "new_rome" else code,
            "romeLibelle": label,
            "appellationlibelle": label,
            "entreprise": hirer,
            "typeContrat": "CDI" if lasting else "CDD",
            "typeContratLibelle": "CDI" if lasting else _contract(months, dice),
            "natureContrat": "Cont. professionnalisation" if professional else "Contrat apprentissage",
        }
        told["experienceExige"], told["experienceLibelle"] = dice.pick(_EXPERIENCES)
        if dice.chance(600):
            told["formations"] = [_diploma(level, family, dice)]
        told["competences"] = [
            {"code": str(100_000 + dice.below(400_000)), "libelle": task.capitalize(), "exigence": dice.pick("SE")}
            for task in dice.some(FAMILIES[family].tasks, 1 + dice.below(4))
        ]
        if dice.chance(500):
            told["qualitesProfessionnelles"] = [
                {"libelle": quality, "description": text} for quality, text in dice.some(QUALITIES, 1 + dice.below(3))
            ]
        if dice.chance(250):
            told["permis"] = [{"libelle": "B - Véhicule léger", "exigence": "S"}]
        told["salaire"] = dict(dice.pick(_SALARIES))
        told["dureeTravailLibelle"] = "35H/semaine\nTravail en journée"
        told["dureeTravailLibelleConverti"] = "Temps plein"
        if dice.chance(300):
            hours: object = "35H/semaine"
            told["contexteTravail"] = {"horaires": [hours] if dice.chance(500) else hours}
        told["alternance"] = True
        told["contact"] = {} if partner else _contact(told_id, dice)
        told["agence"] = {}
        told["nombrePostes"] = 1 if dice.chance(850) else 2 + dice.below(3)
        told["accessibleTH"] = dice.chance(150)
        told["deplacementCode"], told["deplacementLibelle"] = "1", "Jamais"
        told["qualificationCode"], told["qualificationLibelle"] = "6", "Employé qualifié"
        if dirt == "school":
            told["secteurActivite"], told["secteurActiviteLibelle"] = "85", "Enseignement"
        else:
            told["codeNAF"] = f"{naf[:2]}.{naf[2:]}"
            told["secteurActivite"] = naf[:2]
            told["secteurActiviteLibelle"] = self._companies.naf.label(naf) or "Autres activités"
        if dice.chance(700):
            told["trancheEffectifEtab"] = dice.pick(_BRACKETS)
        told["origineOffre"] = _origin(told_id, partner=partner, dice=dice)
        told["offresManqueCandidats"] = dice.chance(120)
        told["entrepriseAdaptee"] = False
        told["employeurHandiEngage"] = dice.chance(40)
        change = _ODDITIES.get(dirt)
        if change is not None:
            change(told)
        return told

    def _hirer(self, row: int, family: str, dirt: str, dice: Dice) -> tuple[dict[str, object], str]:
        """`entreprise` and a NAF code without its dot."""
        employer = int(self.rows.employer[row])
        if dirt == "school":
            return {"nom": school(dice.below(900), dice), "entrepriseAdaptee": False}, "8559A"
        if employer >= 0:
            known = self._companies.company(employer)
            hirer: dict[str, object] = {"nom": known.name, "siret": known.siret}
            naf = known.naf
        else:
            hirer = {"nom": company(family, dice)}
            naf = dice.pick(FAMILIES[family].naf)
            if dice.chance(300):
                hirer["siret"] = siret(_OWN_COMPANIES + row % _OWN_COMPANIES)
        if dirt == "no_company_name":
            del hirer["nom"]
            hirer.pop("siret", None)
        if dice.chance(350):
            hirer["description"] = (
                f"Entreprise fictive de {3 + dice.below(200)} personnes, {FAMILIES[family].place}."
                f" {DEMONSTRATION.replace('Annonce', 'Société')}"
            )
        if dice.chance(200):
            hirer["logo"] = "https://exemple.invalid/logo.png"
        if dirt == "opaque_logo":
            hirer["logo"] = "8d3f2a6b1c"
        if dice.chance(200):
            hirer["url"] = "https://exemple.invalid"
        hirer["entrepriseAdaptee"] = False
        return hirer, naf

    def _place(self, row: int, commune: Commune, dirt: str, dice: Dice) -> dict[str, object]:
        """`lieuTravail`."""
        places = self._economy.places
        departement = places.departement(commune.departement)
        if dirt == "country_label":
            return {"libelle": "France"}
        if dirt == "region_label":
            region = places.region(commune.region or "")
            return {"libelle": region.name if region else "France"}
        if dirt == "departement_label":
            return {"libelle": f"{commune.departement} - {departement.name if departement else commune.departement}"}
        postcode = dice.pick(commune.postcodes)
        latitude, longitude = float(self.rows.latitude[row]), float(self.rows.longitude[row])
        told: dict[str, object] = {
            "libelle": f"{commune.departement} - {commune.name.upper()}",
            "latitude": latitude,
            "longitude": longitude,
            "codePostal": postcode,
            "commune": commune.insee,
        }
        match dirt:
            case "no_coordinates":
                del told["latitude"], told["longitude"]
            case "text_coordinates":
                told["latitude"], told["longitude"] = str(latitude), str(longitude)
            case "zero_coordinates":
                told["latitude"] = told["longitude"] = 0.0
            case "inverted_coordinates":
                told["latitude"], told["longitude"] = longitude, latitude
            case "postcode_as_commune":
                told["commune"] = postcode
            case "retired_commune":
                retired = self._economy.retired.get(commune.insee)
                if retired:
                    told["commune"] = retired[dice.below(len(retired))]
        return told


def _title(label: str, professional: bool, rank: int, dice: Dice) -> str:
    contract = "contrat de professionnalisation" if professional else "apprentissage"
    forms = (
        f"{label} en alternance (H/F)",
        f"{label} - {contract} (H/F)",
        f"Apprenti(e) {label.lower()}",
        f"ALTERNANCE {label.upper()} (H/F)",
        f"{label} (H/F)",
    )
    return dice.pick(forms) + (f" - poste n° {rank + 1}" if rank else "")


def _contract(months: int, dice: Dice) -> str:
    return f"CDD - {months} Mois" if dice.chance(850) else f"Contrat à durée déterminée - {months} Mois"


def _diploma(level: int, family: str, dice: Dice) -> dict[str, object]:
    label = LEVELS[level][2]
    if level == 5 and dice.chance(200):
        label = "Bac+2 ou équivalent"  # the singular exists in real rows too
    told: dict[str, object] = {
        "codeFormation": str(21_000 + dice.below(22_000)),
        "domaineLibelle": dice.pick(FAMILIES[family].skills),
        "niveauLibelle": label,
        "exigence": dice.pick("SSE"),
    }
    if dice.chance(200):
        told["commentaire"] = "Ou en préparation"
    return told


def _contact(told_id: str, dice: Dice) -> dict[str, object]:
    page = DETAIL.format(id=told_id)
    told: dict[str, object] = {
        "nom": "Service du recrutement (personnage fictif)",
        "courriel": f"Pour postuler, utiliser le lien suivant : {page}",
    }
    if dice.chance(400):
        told["coordonnees1"] = street(dice)
    if dice.chance(300):
        told["urlPostulation"] = "https://exemple.invalid/carrieres"
    if dice.chance(150):
        told["telephone"] = f"01 99 00 {dice.below(90) + 10} {dice.below(90) + 10}"
    return told


def _origin(told_id: str, *, partner: bool, dice: Dice) -> dict[str, object]:
    told: dict[str, object] = {"origine": "2" if partner else "1", "urlOrigine": DETAIL.format(id=told_id)}
    if partner:
        url = f"https://partenaire.invalid/offre/{told_id}"
        told["partenaires"] = [{"nom": dice.pick(PARTNERS), "url": url, "logo": "https://partenaire.invalid/logo.png"}]
    return told


def _html(told: dict[str, object]) -> None:
    text = str(told["description"]).replace("\n", "<br />\t&bull; ")
    told["description"] = f"<p><strong>Le poste&nbsp;:</strong> {text.replace('é', '&eacute;', 3)}</p>"


def _set(key: str, value: object) -> Callable[[dict[str, object]], None]:
    def change(told: dict[str, object]) -> None:
        told[key] = value

    return change


_ODDITIES: Final[Mapping[str, Callable[[dict[str, object]], None]]] = {
    "html": _html,
    "broken_salary": _set("salaire", {"libelle": "Mensuel de 1600,00 Euros ï¿½ 1800,00 Euros"}),
    "empty_formations": _set("formations", []),
    "odd_level": _set("formations", [{"domaineLibelle": "divers", "niveauLibelle": "Doctorat", "exigence": "S"}]),
    "contact_in_coordonnees": _set("contact", {"coordonnees1": "Courriel : recrutement@exemple.invalid"}),
    "odd_contract": _set("natureContrat", "Contrat d'un autre genre"),
}
"""The oddities that change a finished row; those of the place and of the company are made with them."""
