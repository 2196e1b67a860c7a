"""The fictitious companies: the predicted recruiters, some of which also publish offers."""

from dataclasses import dataclass
from typing import Final

from widget_server.reference.naf import Naf
from widget_server.reference.places import Commune
from widget_server.sandbox.dirt import named, rejected
from widget_server.sandbox.economy import Economy
from widget_server.sandbox.names import company, siret, street
from widget_server.sandbox.phrases import FAMILIES
from widget_server.sandbox.projections import to_metres

REASONS: Final = ("history", "season", "recent", "sector", "size", "tension", "growth", "new")
HEADCOUNTS: Final = (
    ("00", "0-0", 10), ("01", "1-2", 24), ("02", "3-5", 22), ("03", "6-9", 16), ("11", "10-19", 12), ("12", "20-49", 9),
    ("21", "50-99", 4), ("22", "100-199", 2), ("32", "250-499", 1),
)  # fmt: skip
"""INSEE's code, the bracket, and a weight."""

LA_POSTE: Final = ("35600000000001", "35600000000006")
"""Valid by the rule of that company alone, and no number of an office: those begin at 00010."""
_BANDS: Final = ((0.40, "A"), (0.20, "B"), (0.0, "C"))
_HEADCOUNT_DRAWS: Final = tuple((code, bracket) for code, bracket, weight in HEADCOUNTS for _ in range(weight))
_UNKNOWN_ROME: Final = "Z9901"


@dataclass(frozen=True, kw_only=True)
class Company:
    """One establishment, as its file row says it: with its oddity already in it."""

    row: int
    siret: str
    name: str | None
    naf: str
    headcount: str
    bracket: str
    street: str | None
    postcode: str
    commune: Commune
    family: str
    latitude: float | None
    longitude: float | None
    romes: tuple[tuple[str, float, str], ...]
    expected_hires: float
    reasons: tuple[str, ...]
    dirt: str
    rejected: str | None


class Companies:
    """Every establishment by its number."""

    def __init__(self, economy: Economy, naf: Naf) -> None:
        self._economy = economy
        self._rows = economy.recruiters
        self.naf = naf

    def __len__(self) -> int:
        return len(self._rows)

    def departement(self, row: int) -> str:
        """The département that an establishment is in."""
        return self._economy.geography.communes[int(self._rows.commune[row])].departement

    def company(self, row: int) -> Company:
        """One establishment."""
        rows, economy = self._rows, self._economy
        dirt = named("recruiters", int(rows.dirt[row]))
        if dirt == "twin" and row:
            return self.company(row - 1)
        dice = economy.dice("recruiters", row)
        job = int(rows.job[row])
        family = economy.jobs.family(job)
        commune = economy.geography.communes[int(rows.commune[row])]
        name: str | None = company(family, dice)
        code, bracket = dice.pick(_HEADCOUNT_DRAWS)
        naf = dice.pick(FAMILIES[family].naf)
        where: str | None = street(dice)
        postcode = dice.pick(commune.postcodes)
        romes = self._romes(job, family, row)
        best = romes[0][1]
        reasons: list[str] = dice.some(REASONS, 3 if best >= 0.4 else dice.below(3))
        latitude: float | None = float(rows.latitude[row])
        longitude: float | None = float(rows.longitude[row])
        number = siret(row)
        match dirt:
            case "no_coordinates":
                latitude = longitude = None
            case "zero_coordinates":
                latitude = longitude = 0.0
            case "inverted_coordinates":
                latitude, longitude = longitude, latitude
            case "unknown_rome_too":
                romes = (*romes, (_UNKNOWN_ROME, 0.03, "C"))
            case "odd_reason":
                reasons = [*reasons[:2], "horoscope"]
            case "bad_siret":
                number = number[:-1] + str((int(number[-1]) + 1) % 10)
            case "la_poste":
                number = LA_POSTE[row % len(LA_POSTE)]
            case "no_name":
                name = None
            case "no_rome":
                romes = ()
            case "unknown_rome":
                romes = ((_UNKNOWN_ROME, best, "C"),)
            case "bad_postcode":
                postcode = postcode[1:]
            case "not_diffusible":
                name, where = "[ND]", "[ND]"
        return Company(
            row=row,
            siret=number,
            name=name,
            naf=naf,
            headcount=code,
            bracket=bracket,
            street=where,
            postcode=postcode,
            commune=commune,
            family=family,
            latitude=latitude,
            longitude=longitude,
            romes=romes,
            expected_hires=round(sum(p for _, p, _ in romes) * 1.2, 4),
            reasons=tuple(reasons),
            dirt=dirt,
            rejected=rejected("recruiters", int(rows.dirt[row])),
        )

    def truth(self, row: int) -> dict[str, object]:
        """What a perfect reader knows of a row; `twin` is the same for rows of one establishment."""
        told = self.company(row)
        return {
            "id": told.siret,
            "romes": [code for code, _, _ in told.romes],
            "departement": told.commune.departement,
            "insee": told.commune.insee,
            "latitude": float(self._rows.latitude[told.row]),
            "longitude": float(self._rows.longitude[told.row]),
            "oddity": named("recruiters", int(self._rows.dirt[row])) or None,
            "rejected": told.rejected,
            "twin": told.siret,
        }

    def _romes(self, job: int, family: str, row: int) -> tuple[tuple[str, float, str], ...]:
        """One to five parent codes of the family, the likeliest first."""
        jobs = self._economy.jobs
        dice = self._economy.dice("recruiters", -1 - row)
        others = [code for code in jobs.of_family[family] if code != jobs.parents[job]]
        codes = [jobs.parents[job], *dice.some(others, dice.below(5))]
        chance = 0.03 + 0.62 * (dice.below(1000) / 1000) ** 2
        found: list[tuple[str, float, str]] = []
        for code in codes:
            probability = round(max(0.03, chance), 4)
            band = next(name for least, name in _BANDS if probability >= least)
            found.append((code, probability, band))
            chance *= 0.45 + dice.below(450) / 1000
        return tuple(found)


def release_row(company: Company) -> dict[str, object]:
    """A line of `recruiters.ndjson.gz`, format 1."""
    return {
        "siret": company.siret,
        "name": company.name,
        "naf": company.naf,
        "headcount": company.headcount,
        "address": company.street,
        "postcode": company.postcode,
        "commune": company.commune.insee,
        "lat": company.latitude,
        "lon": company.longitude,
        "expected_hires": company.expected_hires,
        "romes": [list(rome) for rome in company.romes],
        "reasons": list(company.reasons),
    }


def private_row(company: Company, naf: Naf) -> dict[str, object]:
    """A row of an integrator's own file, with projected metres; its score is one number for every occupation."""
    label = naf.label(company.naf)
    x, y = _metres(company)
    number, _, name = (company.street or "").partition(" ")
    score = round(0.005 + company.row % 977 / 100_000, 10)
    return {
        "siret": company.siret,
        "enseigne": company.name,
        "raison_sociale": company.name,
        "activitePrincipaleEtablissement": company.naf,
        "labelActivitePrincipaleEtablissement": label,
        "naf_code": company.naf,
        "naf_label": label,
        "street_number": number or None,
        "street_name": name or None,
        "insee_city_code": company.commune.insee,
        "zip_code": company.postcode,
        "libelleCommuneEtablissement": company.commune.name.upper(),
        "coordonneeLambertAbscisseEtablissement": x,
        "coordonneeLambertOrdonneeEtablissement": y,
        "email": "contact@exemple.invalid" if company.row % 3 == 0 else None,
        "phone": "0199001234" if company.row % 5 == 0 else None,
        "company_size": company.bracket,
        "rome_codes": [{"rome_code": code, "normalized_score": score} for code, _, _ in company.romes],
    }


def _metres(company: Company) -> tuple[float | None, float | None]:
    if company.latitude is None or company.longitude is None:
        return None, None
    if company.dirt == "zero_coordinates":
        return 0.0, 0.0
    if company.dirt == "inverted_coordinates":
        y, x = to_metres(company.longitude, company.latitude, company.commune.departement)
        return x, y
    return to_metres(company.latitude, company.longitude, company.commune.departement)
