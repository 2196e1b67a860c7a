"""API Apprentissage as it answers: the export of jobs, trainings page by page, one search of jobs."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from widget_server.domain.geo import distance_km
from widget_server.sandbox.carif_oref import as_copy as training_copy
from widget_server.sandbox.companies import Companies, Company
from widget_server.sandbox.dice import mix
from widget_server.sandbox.economy import Economy
from widget_server.sandbox.faults import COPIES, Active, number
from widget_server.sandbox.france_travail import as_copy as offer_copy
from widget_server.sandbox.gate import error, faults_of
from widget_server.sandbox.names import siret
from widget_server.sandbox.offers import OfferBook
from widget_server.sandbox.predictions import COPIED, array_of, pieces_of
from widget_server.sandbox.quota import Quota
from widget_server.sandbox.settings import SandboxSettings
from widget_server.sandbox.trainings import Catalogue

PARIS: Final = ZoneInfo("Europe/Paris")
KEYS: Final = {
    "expired": "La clé d'API a expirée",
    "revoked": "La clé d'API fournie a été révoquée",
    "unreadable": "Impossible de déchiffrer la clé d'API",
}
NO_KEY: Final = "Vous devez fournir une clé d'API valide pour accéder à cette ressource"
_FILE: Final = "/object-store/exportJobsToS3V2.sandbox.json"
_QUOTA: Final = (
    "Quota dépassé : {limit} requêtes par 1 minute. Voir https://api.apprentissage.beta.gouv.fr/api/documentation"
    " pour les limites par endpoint."
)
_LABELS: Final = ("France Travail", "offres_emploi_lba", "Hellowork", "La Poste", "PARTENAIRE FICTIF INCONNU")
_MOST_PER_SOURCE: Final = 150
_RADIUS_KM: Final = 30.0
_FARTHEST_KM: Final = 200.0
_MOST_ROWS: Final = 1000


class _Wrong(Exception):
    """A parameter is wrong; the message says which."""


class ApiApprentissage:
    """The routes of /api/job and /api/formation; paths in lower case only, unlike the service."""

    def __init__(
        self,
        economy: Economy,
        book: OfferBook,
        catalogue: Catalogue,
        companies: Companies,
        settings: SandboxSettings,
        clock: Callable[[], float],
    ) -> None:
        self._economy = economy
        self._book = book
        self._catalogue = catalogue
        self._companies = companies
        self._settings = settings
        self._clock = clock
        self._pages = 0
        self._archived: set[int] = set()
        self._exports = Quota(burst=settings.export_per_minute, per_s=settings.export_per_minute / 60, clock=clock)
        self._searches = Quota(burst=settings.search_per_minute, per_s=settings.search_per_minute / 60, clock=clock)

    def routes(self) -> list[Route]:
        """The paths, the object store's included."""
        return [
            Route("/api/job/v1/export", self.export),
            Route(_FILE, self.file),
            Route("/api/job/v1/search", self.jobs),
            Route("/api/formation/v1/search", self.trainings),
            Route("/api/formation/v1/{key:path}", self.training),
            Route("/api/{rest:path}", self.nothing),
        ]

    def _refused(self, request: Request) -> Response | None:
        active = faults_of(request.scope)
        kind, _, told = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not told:
            return error("apprentissage", 401, NO_KEY)
        wrong = active.get("key")
        if wrong or told != self._settings.api_key:
            return error("apprentissage", 401, KEYS.get(str(wrong), KEYS["unreadable"]))
        return None

    def _forwarded(self, request: Request) -> Response | None:
        """What /job adds: the service behind may not answer."""
        refused = self._refused(request)
        if refused is None and faults_of(request.scope).get("gateway"):
            return error("apprentissage", 504)
        return refused

    def _counted(self, quota: Quota, limit: int) -> tuple[dict[str, str], Response | None]:
        left, wait_s = quota.take(self._settings.api_key)
        headers = {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(left), "x-ratelimit-reset": "60"}
        if not wait_s:
            return headers, None
        refusal = error("apprentissage", 429, _QUOTA.format(limit=limit))
        refusal.headers.update({**headers, "retry-after": str(wait_s)})
        return headers, refusal

    async def nothing(self, _: Request) -> Response:
        """An unknown path: an error inside an error."""
        payload = {"statusCode": 404, "error": "Not Found", "message": "Path does not exists"}
        return JSONResponse({"statusCode": 404, "payload": payload, "headers": {}}, 404)

    async def export(self, request: Request) -> Response:
        """GET /job/v1/export: an address that lives two minutes."""
        refused = self._forwarded(request)
        if refused is not None:
            return refused
        headers, refused = self._counted(self._exports, self._settings.export_per_minute)
        if refused is not None:
            return refused
        until = int(self._clock() + self._settings.file_life_s)
        address = request.url.replace(path=_FILE, query=f"X-Amz-Expires={until}&X-Amz-Signature={self._sign(until)}")
        made = self._economy.midnight - timedelta(days=number(faults_of(request.scope), "older_days", 8))
        updated = f"{made:%Y-%m-%dT01:12:05.000Z}"
        return JSONResponse({"url": str(address), "lastUpdate": updated}, headers=headers)

    def _sign(self, until: int) -> str:
        return f"{mix(self._economy.seed, 14, until):016x}"

    async def file(self, request: Request) -> Response:
        """The object store: one flat array, pretty-printed, without a bearer."""
        active = faults_of(request.scope)
        told = request.query_params.get("X-Amz-Expires", "")
        signed = told.isdigit() and request.query_params.get("X-Amz-Signature") == self._sign(int(told))
        if not signed or int(told) < self._clock() or active.get("file_gone") or "authorization" in request.headers:
            return Response(b"<Error><Code>AccessDenied</Code></Error>", 403, media_type="application/xml")
        jobs, recruiters = self._offer_rows(active), self._recruiter_rows(active)
        wait_s = number(active, "slow_chunks_s", 0.05)
        if active.get("search_shape"):
            parts: Iterator[bytes] = _joined(
                b'{"jobs":', array_of(jobs), b',"recruiters":', array_of(recruiters), b',"warnings":[]}'
            )
        else:
            parts = array_of(_all(jobs, recruiters))
        return StreamingResponse(pieces_of(parts, self._settings.rows_at_once, wait_s), media_type="application/json")

    def _some(self, rows: list[int], active: Active) -> list[int]:
        if active.get("empty"):
            return []
        if active.get("half"):
            rows = rows[::2]
        copies = 2 if active.get("duplicates") else COPIES if active.get("tenfold") else 1
        return [row for row in rows for _ in range(copies)]

    def _offer_rows(self, active: Active) -> Iterator[bytes]:
        shown = self._some(self._book.ordered(self._book.alive).tolist(), active)
        jobs = (self._offer(row, _copy(place, active)) for place, row in enumerate(shown))
        return (orjson.dumps(job, option=orjson.OPT_INDENT_2) for job in jobs)

    def _recruiter_rows(self, active: Active) -> Iterator[bytes]:
        shown = self._some(list(range(len(self._companies))), active)
        companies = (
            replace(self._companies.company(row), siret=siret(COPIED + place))
            if _copy(place, active)
            else self._companies.company(row)
            for place, row in enumerate(shown)
        )
        rows = (self._predicted(company) for company in companies)
        return (orjson.dumps(row, option=orjson.OPT_INDENT_2) for row in rows)

    def _offer(self, row: int, number_of_copy: int = 0) -> dict[str, object]:
        """An offer; two in three are those of France Travail; of the others one in fifty is a school's."""
        told = offer_copy(self._book.offer(row), number_of_copy)
        place, hirer, origin = (_dict(told[name]) for name in ("lieuTravail", "entreprise", "origineOffre"))
        turn = mix(self._economy.seed, 15, row)
        label = _LABELS[0] if turn % 3 else _LABELS[1 + turn // 3 % (len(_LABELS) - 1)]
        own = label != _LABELS[0]
        delegated = own and turn % 50 == 0
        created = str(told["dateCreation"])
        months = str(told["typeContratLibelle"]).rpartition("- ")[2].partition(" ")[0]
        naf = str(told.get("codeNAF", "")).replace(".", "")
        apprenticeship = told["natureContrat"] == "Contrat apprentissage"
        address = f"{place.get('codePostal', '')} {place['libelle']}".strip()
        siret, name = hirer.get("siret") if own else None, hirer.get("nom")
        if delegated:  # who it is and where it is are the school's; the point stays the company's
            school = self._catalogue.school(turn % self._catalogue.school_count)
            siret, name = school["siret"], school["entreprise_raison_sociale"]
            address = f"{school['adresse']} {school['code_postal']} {school['localite']}"
        return {
            "identifier": {
                "id": f"{turn:016x}{number_of_copy:x}{row:07x}",
                "partner_label": label,
                "partner_job_id": told["id"],
            },
            "workplace": {
                "siret": siret,
                "brand": None,
                "legal_name": name if own else None,
                "website": hirer.get("url"),
                "name": name,
                "description": hirer.get("description"),
                "size": None,
                "location": {
                    "address": address,
                    "geopoint": _point(place.get("latitude"), place.get("longitude")),
                },
                "domain": {
                    "idcc": None,
                    "opco": None,
                    "naf": {"code": naf, "label": told["secteurActiviteLibelle"]} if naf else None,
                },
            },
            "apply": {
                "phone": None,
                "url": origin["urlOrigine"],
                "recipient_id": f"partners_{turn:016x}{row:08x}" if own else None,
            },
            "contract": {
                "start": None,
                "duration": int(months) if months.isdigit() else None,
                "remote": "onsite",
                "type": ["Apprentissage" if apprenticeship else "Professionnalisation"],
            },
            "offer": {
                "title": told["intitule"],
                "rome_codes": [told["romeCode"]],
                "description": told["description"],
                "target_diploma": None,
                "desired_skills": [],
                "to_be_acquired_skills": [],
                "access_conditions": [],
                "publication": {"creation": created, "expiration": None if not own else f"{self._expiry(turn)}"},
                "opening_count": told["nombrePostes"],
                "status": "Active",
            },
            "is_delegated": delegated,
        }

    def _expiry(self, turn: int) -> str:
        """Two months ahead; one row in a hundred has expired."""
        year = self._economy.day.year + (-1 if turn % 100 == 7 else 1)
        return f"{year}-01-31T00:00:00.000Z"

    def _predicted(self, company: Company) -> dict[str, object]:
        recruiter = self._recruiter(company)
        return {
            **recruiter,
            "identifier": {
                **_dict(recruiter["identifier"]),
                "partner_label": "recruteurs_lba",
                "partner_job_id": company.siret,
            },
            "contract": {"start": None, "duration": None, "type": [], "remote": None},
            "offer": {
                "title": "recruteurs_lba",
                "rome_codes": [code for code, _, _ in company.romes],
                "description": "recruteurs_lba",
                "target_diploma": None,
                "desired_skills": [],
                "to_be_acquired_skills": [],
                "access_conditions": [],
                "publication": {"creation": f"{self._economy.midnight:%Y-%m-%dT%H:%M:%S}.000Z", "expiration": None},
                "opening_count": 1,
                "status": "Active",
            },
            "is_delegated": False,
        }

    def _recruiter(self, company: Company) -> dict[str, object]:
        label = self._companies.naf.label(company.naf)
        page = f"https://labonnealternance.apprentissage.beta.gouv.fr/emploi/recruteurs_lba/{company.siret}/fictif"
        return {
            "identifier": {"id": f"{mix(self._economy.seed, 16, company.row):016x}{company.row:08x}"},
            "workplace": {
                "siret": company.siret,
                "brand": company.name,
                "legal_name": company.name,
                "website": None,
                "name": company.name,
                "description": None,
                "size": company.bracket,
                "location": {
                    "address": f"{company.street} {company.postcode} {company.commune.name.upper()}",
                    "geopoint": _point(company.latitude, company.longitude),
                },
                "domain": {
                    "idcc": None,
                    "opco": None,
                    "naf": {"code": company.naf, "label": label} if company.row % 40 else None,
                },
            },
            "apply": {
                "url": page,
                "phone": "0199001234" if company.row % 5 == 0 else None,
                "recipient_id": None if company.row % 7 == 0 else f"recruteurs_lba_{company.siret}",
            },
        }

    async def jobs(self, request: Request) -> Response:
        """GET /job/v1/search: at most 150 of each source, and the errors of the service behind."""
        refused = self._forwarded(request)
        if refused is not None:
            return refused
        headers, refused = self._counted(self._searches, self._settings.search_per_minute)
        if refused is not None:
            return refused
        told = request.query_params
        try:
            romes = self._romes(told.get("romes"), "querystring.romes: One or more ROME codes are invalid…")
            centre, radius_km = _around(told.get("latitude"), told.get("longitude"), told.get("radius"), french=False)
            if told.get("rncp"):
                raise _Wrong("Cannot find an active Certification for the given RNCP")
        except _Wrong as problem:
            body = {"statusCode": 400, "error": "Bad Request", "message": str(problem), "data": {"validationError": {}}}
            return JSONResponse(body, 400, headers)
        active = faults_of(request.scope)
        offers, companies = self._book.rows, self._economy.recruiters
        shown = self._book.alive & (self._book.commune >= 0)
        if romes:
            shown = shown & self._book.with_romes(romes)
        if centre is not None:
            shown = shown & (distance_km(*centre, offers.latitude, offers.longitude) <= radius_km)
        near = np.ones(len(companies), dtype=np.bool_)
        if centre is not None:
            near = distance_km(*centre, companies.latitude, companies.longitude) <= radius_km
        if romes:
            parents = {self._economy.occupations.parent(code) for code in romes}
            wanted = [position for position, code in enumerate(self._economy.jobs.parents) if code in parents]
            near = near & np.isin(companies.job, wanted)
        found = [self._companies.company(row) for row in self._some(np.flatnonzero(near).tolist(), active)]
        by_label: dict[str, list[dict[str, object]]] = {}
        for row in self._some(self._book.ordered(shown).tolist(), active)[: 4 * _MOST_PER_SOURCE]:
            job = self._offer(row)
            identifier = _dict(job["identifier"])
            label = str(identifier["partner_label"])
            if label == _LABELS[0]:  # the search asks France Travail itself, where the row has no number of ours
                job["identifier"] = {**identifier, "id": None}
            by_label.setdefault(label, []).append(job)
        formed = [each for each in found if each.rejected is None][:_MOST_PER_SOURCE]
        dropped = len(found) > len(formed)
        body = {
            "jobs": [job for jobs in by_label.values() for job in jobs[:_MOST_PER_SOURCE]],
            "recruiters": [self._recruiter(each) for each in formed],
            "warnings": [{"code": "RECRUITERS_FORMATING_ERROR", "message": "…"}] if dropped else [],
        }
        return Response(orjson.dumps(body), headers=headers, media_type="application/json")

    def _romes(self, told: str | None, problem: str) -> list[str]:
        codes = [code for code in (told or "").split(",") if code]
        if any(code not in self._economy.jobs.codes for code in codes):
            raise _Wrong(problem)
        return codes

    async def trainings(self, request: Request) -> Response:
        """GET /formation/v1/search."""
        refused = self._refused(request)
        if refused is not None:
            return refused
        told, active = request.query_params, faults_of(request.scope)
        try:
            romes = self._romes(told.get("romes"), "romes")
            centre, radius_km = _around(told.get("latitude"), told.get("longitude"), told.get("radius"), french=True)
            size, page = _whole(told.get("page_size"), 100), _whole(told.get("page_index"), 0)
            if not 1 <= size <= _MOST_ROWS:
                raise _Wrong("page_size")
        except _Wrong as problem:
            said = str(problem) if "requise" in str(problem) else "Request validation failed"
            body = {"statusCode": 400, "name": "Bad Request", "message": said, "data": {"validationError": []}}
            return JSONResponse(body, 400)
        rows = self._economy.trainings
        mask = np.ones(len(rows), dtype=np.bool_)
        if romes:
            wanted = [position for position, code in enumerate(self._economy.jobs.parents) if code in romes]
            mask = mask & np.isin(rows.job, wanted)
        distances = distance_km(*centre, rows.latitude, rows.longitude) if centre is not None else None
        if distances is not None:
            mask = mask & (distances <= radius_km)
        found = np.flatnonzero(mask)
        if distances is not None:
            found = found[np.argsort(distances[found], kind="stable")]
        archived = told.get("include_archived") == "true"
        shown = [row for row in self._some(found.tolist(), active) if archived or self._status(row) == "publié"]
        body = {
            "data": [
                self._training(row, _copy(place, active))
                for place, row in list(enumerate(shown))[page * size : (page + 1) * size]
            ],
            "pagination": {"page_count": math.ceil(len(shown) / size), "page_size": size, "page_index": page},
        }
        self._archive(shown, active)
        return Response(orjson.dumps(body), media_type="application/json")

    def _archive(self, shown: list[int], active: Active) -> None:
        """The fault `archiving`: the first training leaves the catalogue while somebody reads its pages."""
        every = int(number(active, "archiving", 1))
        if not every:
            return
        self._pages += 1
        if self._pages % every == 0:
            self._archived.update(shown[:1])

    async def training(self, request: Request) -> Response:
        """GET /formation/v1/{key}."""
        refused = self._refused(request)
        if refused is not None:
            return refused
        told = str(request.path_params["key"])
        row = self._catalogue.row_of(told)
        if row is None:
            return error("apprentissage", 404, f"Aucune formation trouvée pour l'identifiant {told}")
        return Response(orjson.dumps(self._training(row)), media_type="application/json")

    def _status(self, row: int) -> str:
        return "publié" if self._catalogue.is_published(row) and row not in self._archived else "archivé"

    def _training(self, row: int, number_of_copy: int = 0) -> dict[str, object]:
        told = training_copy(self._catalogue.document(row), number_of_copy)
        latitude, longitude = self._catalogue.point(row)
        level = str(told["niveau"])[:1]
        romes = told["rome_codes"]
        codes = [str(code) for code in romes] if isinstance(romes, list) else []
        occupations = self._economy.occupations
        starts, ends = told["date_debut"], told["date_fin"]
        pairs = zip(starts, ends, strict=False) if isinstance(starts, list) and isinstance(ends, list) else ()
        return {
            "identifiant": {"cle_ministere_educatif": told["cle_ministere_educatif"]},
            "statut": {"catalogue": self._status(row)},
            "formateur": self._organisation(told, "formateur", known=row % 60 != 0),
            "responsable": self._organisation(told, "gestionnaire", known=True),
            "certification": {
                "connue": True,
                "valeur": {
                    "identifiant": {
                        "cfd": told["cfd"],
                        "rncp": None if told["rncp_code"] == "RNCPNR" else told["rncp_code"],
                        "rncp_anterieur_2019": False,
                    },
                    "intitule": {
                        "cfd": {"long": told["intitule_long"], "court": told["intitule_court"]},
                        "niveau": {"cfd": None, "rncp": {"europeen": level}},
                        "rncp": told["rncp_intitule"],
                    },
                    "domaines": {
                        "formacodes": {"rncp": []},
                        "nsf": {"cfd": None, "rncp": []},
                        "rome": {
                            "rncp": [
                                {"code": code, "intitule": occupations.label(code)}
                                for code in dict.fromkeys(occupations.parent(code) for code in codes)
                            ]
                        },
                    },
                },
            },
            "lieu": {
                "adresse": {
                    "label": told["lieu_formation_adresse"],
                    "code_postal": told["code_postal"],
                    "commune": {"nom": told["localite"], "code_insee": told["code_commune_insee"]},
                    "departement": {"nom": told["nom_departement"], "code_insee": told["num_departement"]},
                    "region": {"nom": told["region"], "code_insee": None},
                    "academie": {"id": "A00", "code": "00", "nom": told["nom_academie"]},
                },
                "geolocalisation": {"type": "Point", "coordinates": [longitude, latitude]},
                "precision": 0,
                "siret": told["lieu_formation_siret"],
                "uai": None,
            },
            "contact": {"email": "contact@exemple.invalid", "telephone": "0199001234"},
            "onisep": dict.fromkeys(_ONISEP),
            "modalite": {
                "entierement_a_distance": told["entierement_a_distance"],
                "duree_indicative": int(str(told["duree"])),
                "annee_cycle": None if told["annee"] == "X" else 1,
                "mef_10": None,
            },
            "contenu_educatif": {"contenu": told["contenu"], "objectif": told["objectif"]},
            "sessions": [{"debut": _paris(start), "fin": _paris(end), "capacite": 12} for start, end in pairs],
        }

    def _organisation(self, told: dict[str, object], role: str, *, known: bool) -> dict[str, object]:
        if not known:
            return {"organisme": None, "connu": False}
        prefix = f"etablissement_{role}_"
        siret = str(told[f"{prefix}siret"])
        return {
            "connu": True,
            "organisme": {
                "identifiant": {"uai": told[f"{prefix}uai"], "siret": siret},
                "etablissement": {
                    "siret": siret,
                    "ouvert": True,
                    "enseigne": told[f"{prefix}enseigne"],
                    "adresse": {
                        "label": told[f"{prefix}adresse"],
                        "code_postal": told[f"{prefix}code_postal"],
                        "commune": {
                            "nom": told[f"{prefix}localite"],
                            "code_insee": told[f"{prefix}code_commune_insee"],
                        },
                    },
                    "geopoint": None,
                    "creation": "2000-01-01T00:00:00.000+01:00",
                    "fermeture": None,
                },
                "unite_legale": {
                    "siren": siret[:9],
                    "actif": True,
                    "raison_sociale": told[f"{prefix}entreprise_raison_sociale"],
                    "creation": "2000-01-01T00:00:00.000+01:00",
                    "cessation": None,
                },
                "renseignements_specifiques": {"qualiopi": True, "numero_activite": None},
                "statut": {"referentiel": "présent"},
                "contacts": [],
            },
        }


_ONISEP: Final = ("url", "intitule", "libelle_poursuite", "lien_site_onisepfr", "discipline", "domaine_sousdomaine")


def _all(*several: Iterator[bytes]) -> Iterator[bytes]:
    for each in several:
        yield from each


def _joined(*parts: bytes | Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        if isinstance(part, bytes):
            yield part
        else:
            yield from part


def _copy(place: int, active: Active) -> int:
    """Which of the copies of one row stands at this place; 0 is the row itself."""
    return place % COPIES if active.get("tenfold") else 0


def _dict(told: object) -> dict[str, object]:
    return told if isinstance(told, dict) else {}


def _point(latitude: object, longitude: object) -> dict[str, object] | None:
    if latitude is None or longitude is None:
        return None
    return {"type": "Point", "coordinates": [float(str(longitude)), float(str(latitude))]}


def _paris(told: object) -> str:
    """An instant of the catalogue with the offset of Paris."""
    return datetime.fromisoformat(str(told)).astimezone(PARIS).isoformat(timespec="milliseconds")


def _around(
    latitude: str | None, longitude: str | None, radius: str | None, *, french: bool
) -> tuple[tuple[float, float] | None, float]:
    """The centre and the radius in km; the two services behind complain in two languages."""
    if (latitude is None) != (longitude is None):
        given, missing = ("latitude", "longitude") if longitude is None else ("longitude", "latitude")
        if french:
            raise _Wrong(f"La {missing} est requise lorsque la {given} est fournie")
        raise _Wrong(f"{missing} is required when {given} is provided")
    try:
        radius_km = float(radius) if radius is not None else _RADIUS_KM
        centre = (float(latitude), float(longitude)) if latitude is not None and longitude is not None else None
    except ValueError as problem:
        raise _Wrong("latitude") from problem
    if not 0 <= radius_km <= _FARTHEST_KM or (centre and not (abs(centre[0]) <= 90 and abs(centre[1]) <= 180)):
        raise _Wrong("radius")
    return centre, radius_km


def _whole(told: str | None, default: int) -> int:
    if told is None:
        return default
    if not told.isdigit() or len(told) > 9:
        raise _Wrong("page")
    return int(told)
