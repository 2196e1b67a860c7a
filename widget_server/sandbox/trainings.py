"""The documents of the trainings catalogue, made one by one."""

from datetime import date, timedelta
from typing import Final

from widget_server.reference.places import Commune
from widget_server.sandbox.dice import Dice, mix
from widget_server.sandbox.dirt import named, rejected
from widget_server.sandbox.economy import Economy, school_year_starts
from widget_server.sandbox.names import school, school_siret, street
from widget_server.sandbox.phrases import describe_training
from widget_server.sandbox.trades import LEVELS

UNKNOWN_ROME: Final = "Z9902"
_LIGHT: Final = frozenset(
    {"cle_ministere_educatif", "published", "catalogue_published", "tags", "num_departement", "niveau"}
)
"""Fields that a filter may test without the whole document having to be made."""

_ADRIFT: Final = ("no_coordinates", "inverted_coordinates")
_UAI_LETTERS: Final = "ABCDEFGHJKLMNPRSTUVWXYZ"
_CITIES: Final = {"75": "75056", "69": "69123", "13": "13055"}


class Catalogue:
    """Every training by its number."""

    def __init__(self, economy: Economy) -> None:
        self._economy = economy
        self._rows = economy.trainings
        self._starts = school_year_starts(economy.day)

    def __len__(self) -> int:
        return len(self._rows)

    def dirt(self, row: int) -> str:
        """The oddity of a row."""
        return named("trainings", int(self._rows.dirt[row]))

    def base(self, row: int) -> int:
        """The row whose words this row repeats: itself, but for the second of two twins."""
        return row - 1 if row and self.dirt(row) == "twin" else row

    def departement(self, row: int) -> str:
        """The département that a training is in."""
        return self._commune(self.base(row)).departement

    def _commune(self, row: int) -> Commune:
        return self._economy.geography.communes[int(self._rows.commune[row])]

    def key(self, row: int) -> str:
        """`cle_ministere_educatif`."""
        base = self.base(row)
        number = int(self._rows.school[base])
        mark = "AD" if self.dirt(base) == "remote" else "01"
        return (
            f"{row:06d}P01{row % 9 + 1:02d}{school_siret(number)}{school_siret(number)}"
            f"-{self._commune(base).insee}#L{mark}"
        )

    def row_of(self, told: str) -> int | None:
        """The row of a key or of an `_id`."""
        digits = told[:6] if "P" in told else str(int(told[18:], 16)) if _is_object_id(told) else ""
        if not digits.isdigit() or int(digits) >= len(self):
            return None
        row = int(digits)
        return row if told in (self.key(row), self.object_id(row)) else None

    def object_id(self, row: int) -> str:
        """24 hexadecimal digits, the last six of which are the row."""
        return f"{mix(self._economy.seed, 9, row) >> 4:018x}"[:18] + f"{row:06x}"

    def light(self, row: int) -> dict[str, object]:
        """The fields that filters usually test."""
        base = self.base(row)
        return {
            "cle_ministere_educatif": self.key(row),
            "published": self.is_published(row),
            "catalogue_published": True,
            "tags": self._tags(base),
            "num_departement": self._commune(base).departement,
            "niveau": LEVELS[self._diploma(base)[1]][1],
        }

    @staticmethod
    def is_light(fields: set[str]) -> bool:
        """Whether `light` holds all of these."""
        return fields <= _LIGHT

    def point(self, row: int) -> tuple[float, float]:
        """Latitude and longitude of the school."""
        base = self.base(row)
        return float(self._rows.latitude[base]), float(self._rows.longitude[base])

    def is_published(self, row: int) -> bool:
        """Whether a row is shown to the public."""
        return self.dirt(self.base(row)) != "unpublished"

    @property
    def school_count(self) -> int:
        """How many schools there are."""
        return len(self._economy.schools[0])

    def truth(self, row: int) -> dict[str, object]:
        """What a perfect reader of the whole catalogue knows of a row; `twin` is the same for one and the same."""
        base = self.base(row)
        dirt = self.dirt(base)
        commune = self._commune(base)
        return {
            "id": self.key(row),
            "romes": self._romes(base, dirt),
            "departement": commune.departement,
            "insee": commune.insee,
            "latitude": None if dirt == "remote" else float(self._rows.latitude[base]),
            "longitude": None if dirt == "remote" else float(self._rows.longitude[base]),
            "oddity": self.dirt(row) or None,
            "rejected": rejected("trainings", int(self._rows.dirt[base])),
            "twin": self.key(base),
        }

    def _diploma(self, row: int) -> tuple[str, int]:
        return self._economy.jobs.diploma(int(self._rows.job[row]), int(self._rows.diploma[row]))

    def _romes(self, row: int, dirt: str) -> list[str]:
        """Mostly the parent code, sometimes some of its children, rarely both."""
        if dirt == "no_rome":
            return []
        if dirt == "unknown_rome":
            return [UNKNOWN_ROME]
        parent = self._economy.jobs.parents[int(self._rows.job[row])]
        dice = Dice(self._economy.seed, 10, row)
        children = self._economy.occupations.children(parent)
        if children and dice.chance(150):
            some = sorted(dice.some(children, 1 + dice.below(2)))
            return some if dice.chance(500) else [parent, *some]
        return [parent]

    def _tags(self, row: int) -> list[str]:
        if self.dirt(row) == "past":
            return [str(self._starts[0].year - 2)]
        return [str(start.year) for start in self._starts[1:]]

    def _sessions(self, row: int, dirt: str, years: int, dice: Dice) -> tuple[list[str], list[str], list[bool]]:
        starts = [date(int(tag), 9, 1) + timedelta(days=dice.below(20)) for tag in self._tags(row)]
        ends = [date(start.year + years, 6, 28) + timedelta(days=dice.below(9)) for start in starts]
        if dirt == "unsorted_sessions":
            starts.reverse()
        if dirt == "unequal_sessions":
            ends.pop()
        told = [f"{day.isoformat()}T00:00:00.000Z" for day in starts]
        return told, [f"{day.isoformat()}T00:00:00.000Z" for day in ends], [dice.chance(100)] * len(starts)

    def document(self, row: int) -> dict[str, object]:
        """One document, as the catalogue shows it when everything is asked for."""
        base = self.base(row)
        rows, economy, dirt = self._rows, self._economy, self.dirt(base)
        dice = economy.dice("trainings", base)
        commune = self._commune(base)
        number = int(rows.school[base])
        title, level = self._diploma(base)
        diploma, niveau, _ = LEVELS[level]
        content, objective = describe_training(economy.jobs.family(int(rows.job[base])), dice)
        years = 1 if title.endswith("(TP)") else 2 if level < 7 else 1 + dice.below(2)
        starts, ends, entries = self._sessions(base, dirt, years, dice)
        latitude, longitude = float(rows.latitude[base]), float(rows.longitude[base])
        where: str | None = f"{latitude},{longitude}"
        insee, postcode = commune.insee, Dice(economy.seed, 11, number).pick(commune.postcodes)
        if dirt == "no_coordinates":
            where = None
        elif dirt == "inverted_coordinates":
            where = f"{longitude},{latitude}"
        elif dirt == "city_of_districts":
            insee = commune.municipality
        elif dirt == "postcode_as_commune":
            insee = postcode
        who = self.school(number)
        rank = int(rows.rank[base])
        address = str(who["adresse"]) + (f", bâtiment {rank + 1}" if rank else "")
        short = title.partition(" (")[0]
        rncp = "RNCPNR" if dirt == "no_rncp" else f"RNCP{30_000 + mix(int(rows.job[base]), level) % 9_999}"
        departement = economy.places.departement(commune.departement)
        region = economy.places.region(commune.region or "")
        updated = economy.midnight - timedelta(days=1 + dice.below(300), hours=dice.below(24))
        told: dict[str, object] = {
            "_id": self.object_id(row),
            "cle_ministere_educatif": self.key(row),
            "cfd": f"{40 + level}T{dice.below(10)}{dice.below(90_000):05d}"[:8],
            "cfd_specialite": None,
            "cfd_outdated": False,
            "nom_academie": "Académie fictive",
            "num_academie": "00",
            "code_postal": postcode,
            "code_commune_insee": insee,
            "num_departement": commune.departement,
            "nom_departement": departement.name if departement else None,
            "region": region.name if region else None,
            "localite": commune.name,
            "nom": None,
            "intitule_rco": title.capitalize(),
            "intitule_long": title,
            "intitule_court": short,
            "diplome": diploma,
            "niveau": niveau,
            "libelle_court": short,
            "onisep_url": "voir la fiche" if dirt == "bad_onisep" else None,
            "onisep_intitule": None,
            "rncp_code": rncp,
            "rncp_intitule": short.capitalize(),
            "rncp_eligible_apprentissage": True,
            "rome_codes": self._romes(base, dirt),
            "periode": starts,
            "capacite": str(8 + dice.below(20)),
            "duree": str(years),
            "annee": "X" if dirt == "odd_year" else "1",
            "published": dirt != "unpublished",
            "catalogue_published": True,
            "forced_published": False,
            "lieu_formation_geo_coordonnees": where,
            "lieu_formation_geo_coordonnees_computed": None if dirt in _ADRIFT else where,
            "distance": 0,
            "lieu_formation_adresse": address,
            "lieu_formation_adresse_computed": None,
            "lieu_formation_siret": who["siret"],
            "id_rco_formation": None,
            "id_formation": f"{row:06d}",
            "tags": self._tags(base),
            "bcn_mefs_10": [
                {"mef10": str(2_470_000_000 + base), "modalite": {"duree": str(years), "annee": "1"}},
            ],
            "entierement_a_distance": dirt == "remote",
            "date_debut": starts,
            "date_fin": ends,
            "modalites_entrees_sorties": entries,
            "effectif_minimal": [8] * len(starts),
            "capacite_simultanee": [12] * len(starts),
            "capacite_cumulee": [12] * len(starts),
            "contenu": content,
            "objectif": objective,
            "num_tel": "0199001234",
            "email": "contact@exemple.invalid",
            "created_at": f"{updated - timedelta(days=400):%Y-%m-%dT%H:%M:%S}.000Z",
            "last_update_at": f"{updated:%Y-%m-%dT%H:%M:%S}.000Z",
            "last_update_who": "bac à sable",
            "updates_history": [],
            "affelnet_statut_history": [],
            "parcoursup_statut_history": [],
            "etablissement_reference": "formateur",
            "etablissement_gestionnaire_type": "Privé",
            "etablissement_gestionnaire_conventionne": "OUI",
        }  # fmt: skip
        for role in ("formateur", "gestionnaire"):
            for name, value in who.items():
                told[f"etablissement_{role}_{name}"] = value
            told[f"geo_coordonnees_etablissement_{role}"] = f"{latitude},{longitude}"
        return told

    def school(self, number: int) -> dict[str, object]:
        """One school, by its number."""
        communes, _, _ = self._economy.schools
        commune = self._economy.geography.communes[int(communes[number])]
        dice = Dice(self._economy.seed, 12, number)
        name = school(number, dice)
        return {
            "id": f"{mix(self._economy.seed, 13, number):016x}{number:08x}",
            "siret": school_siret(number),
            "enseigne": name if number % 4 else None,
            "uai": f"{9_000_000 + number:07d}{_UAI_LETTERS[number % len(_UAI_LETTERS)]}",
            "entreprise_raison_sociale": name.upper(),
            "adresse": street(dice),
            "complement_adresse": None,
            "code_postal": commune.postcodes[0],
            "code_commune_insee": commune.insee,
            "localite": commune.name.upper(),
            "cedex": None,
            "num_departement": commune.departement,
            "courriel": "contact@exemple.invalid",
            "published": True,
            "habilite_rncp": True,
            "certifie_qualite": True,
            "actif": "actif",
        }


def _is_object_id(told: str) -> bool:
    return len(told) == 24 and all(letter in "0123456789abcdef" for letter in told)
