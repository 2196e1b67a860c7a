"""France Travail as it answers: the token, the search of offers, one offer, the referentials."""

import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs

import numpy as np
import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from widget_server.reference.tables import SHIPPED
from widget_server.sandbox.dice import Numbers
from widget_server.sandbox.dirt import DIRT, named
from widget_server.sandbox.economy import Economy
from widget_server.sandbox.faults import COPIES, Active, is_left_out, number
from widget_server.sandbox.gate import error, faults_of
from widget_server.sandbox.offers import Mask, OfferBook
from widget_server.sandbox.quota import Quota
from widget_server.sandbox.settings import SandboxSettings
from widget_server.sandbox.trades import LEVELS

OFFERS_SCOPES: Final = frozenset({"api_offresdemploiv2", "o2dsoffre"})
NATURES: Final[Mapping[str, str]] = {
    "E1": "Contrat travail",
    "E2": "Contrat apprentissage",
    "FA": "Act. Formation pré.recrut.",
    "FJ": "Contrat pacte",
    "FS": "Cont. professionnalisation",
    "FT": "CUI - CAE",
    "FU": "CUI - CIE",
    "I1": "Insertion par l'activ.éco.",
    "NS": "Emploi non salarié",
    "FV": "Prépa.opérationnel.emploi",
    "FW": "Emploi Avenir non marchand",
    "FX": "Emploi Avenir marchand",
    "FY": "Emploi Avenir Professeur",
    "PS": "Portage salarial",
    "PR": "Contrat PrAB",
    "CC": "CDI de chantier ou d’opération",
    "CU": "Contrat d'usage",
    "EE": "Contrat d'Engagement Educatif",
    "ER": "Engagement à servir dans la réserve",
    "CI": "Contrat intermittent",
}
_TYPES: Final[Mapping[str, str]] = {
    "CDI": "Contrat à durée indéterminée",
    "CDD": "Contrat à durée déterminée",
    "MIS": "Mission intérimaire",
    "SAI": "Contrat travail saisonnier",
    "CCE": "Profession commerciale",
    "FRA": "Franchise",
    "LIB": "Profession libérale",
    "REP": "Reprise d'entreprise",
    "TTI": "Contrat travail temporaire insertion",
    "DDI": "Contrat durée déterminée insertion",
    "DIN": "CDI intérimaire",
    "DDT": "Contrat durée déterminée tremplin",
}
_LEVEL_CODES: Final[Mapping[int, str]] = {3: "NV5", 4: "NV4", 5: "NV3", 6: "NV2", 7: "NV1"}
_GRAND_DOMAINES: Final = (
    "A", "B", "C", "C15", "D", "E", "F", "G", "H", "I", "J", "K", "L", "L14",
    "M15", "M18", "M", "M16", "M17", "M13", "M14", "N",
)  # fmt: skip
_WHOLE_CITIES: Final = frozenset({"75056", "69123", "13055"})
_SINCE_DAYS: Final = frozenset({"1", "3", "7", "14", "31"})
_RANGE: Final = re.compile(r"(\d{1,9})-(\d{1,9})")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_ID: Final = re.compile(r"[0-9A-Z]{7}")
_REALMS: Final = frozenset({"/partenaire", "partenaire"})
_KNOWN_SCOPES: Final = frozenset(
    {*OFFERS_SCOPES, "api_labonneboitev2", "search", "office", "api_rome-metiersv1", "nomenclatureRome"}
)
_DEFAULT_DISTANCE_KM: Final = 10
_REMEMBERED: Final = 32
_MOST: Final[Mapping[str, int]] = {"departement": 5, "commune": 5, "codeROME": 200}

TOO_WIDE: Final = "La plage de résultats demandée est trop importante."
TOO_FAR: Final = "La position de début doit être inférieure ou égale à {last}."
BAD_RANGE: Final = "Format du paramètre « range » incorrect. <entier>-<entier> attendu."
BAD_WORDS: Final = (
    "Format du paramètre « motsCles » incorrect. 7 mots-clé au maximum séparés par des virgules et d'au moins"
    " 2 caractères."
)
BAD_FULL_TIME: Final = "Format du paramètre « tempsPlein » incorrect. Booléen attendu."
BAD_EXPERIENCE: Final = "Format du paramètre « experienceExigence » incorrect. D, E ou S attendu."
BAD_DOMAIN: Final = (
    "Format du paramètre « grandDomaine » incorrect. A, B, C, C15, D, E, F, G, H, I, J, K, L, L14, M15, M18, M,"
    " M16, M17, M13, M14 ou N attendu."
)
BAD_ID: Final = "Le format de l'id de l'offre recherchée est incorrect."


class _Refused(Exception):
    """A parameter is wrong; the message is the service's own."""


@dataclass(frozen=True, kw_only=True)
class _Token:
    until: float
    scopes: frozenset[str]
    client: str


class Tokens:
    """The token end point and what it gave out."""

    def __init__(self, settings: SandboxSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._given: dict[str, _Token] = {}

    async def give(self, request: Request) -> Response:
        """POST /connexion/oauth2/access_token?realm=/partenaire."""
        active = faults_of(request.scope)
        if request.query_params.get("realm") not in _REALMS:
            return _token_error("invalid_request", "Invalid realm")
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        if not form.get("grant_type"):
            return _token_error("invalid_request", "Grant type is not set")
        told = (form.get("client_id"), form.get("client_secret"))
        refused = active.get("refuse")
        if refused == "invalid_client" or told != (self._settings.client_id, self._settings.client_secret):
            return _token_error("invalid_client", "Client authentication failed")
        asked = form.get("scope", "").split()
        scopes = [scope for scope in asked if scope != f"application_{told[0]}"]
        if refused or not scopes or not set(scopes) <= _KNOWN_SCOPES:
            return _token_error("invalid_scope", None)
        ttl_s = int(number(active, "ttl_s", 1)) or self._settings.token_ttl_s
        token = secrets.token_urlsafe(20)[:27]
        self._given[token] = _Token(
            until=self._clock() + ttl_s, scopes=frozenset(scopes), client=self._settings.client_id
        )
        told_scopes = " ".join(asked)
        answer = {"access_token": token, "scope": told_scopes, "token_type": "Bearer", "expires_in": ttl_s}
        return JSONResponse(answer)

    def check(self, request: Request, scopes: frozenset[str], active: Active) -> str | Response:
        """The client of a request's token, or the refusal."""
        if active.get("expire_tokens"):
            self._given.clear()
        kind, _, told = request.headers.get("authorization", "").partition(" ")
        token = self._given.get(told) if kind == "Bearer" else None
        if token is None or token.until <= self._clock() or active.get("reject_tokens"):
            return error("offers", 401)
        if not scopes <= token.scopes or active.get("scope"):
            return error("offers", 403)
        return token.client


def _token_error(code: str, description: str | None) -> Response:
    return JSONResponse({"error": code, **({"error_description": description} if description else {})}, 400)


class FranceTravail:
    """The offers."""

    def __init__(
        self,
        economy: Economy,
        book: OfferBook,
        tokens: Tokens,
        settings: SandboxSettings,
        clock: Callable[[], float],
    ) -> None:
        self._economy = economy
        self._book = book
        self._tokens = tokens
        self._settings = settings
        self._quota = Quota(burst=settings.offers_burst, per_s=settings.offers_rate_per_s, clock=clock)
        self._found: OrderedDict[tuple[object, ...], Numbers] = OrderedDict()
        self._pages = 0
        known = set(economy.geography.departements)
        self._departements = {each.code: each for each in economy.places.departements() if each.code in known}
        self._regions = set(_regions(economy))

    def routes(self) -> list[Route]:
        """The paths."""
        base = "/partenaire/offresdemploi/v2"
        return [
            Route("/connexion/oauth2/access_token", self._tokens.give, methods=["POST"]),
            Route(f"{base}/offres/search", self.search),
            Route(f"{base}/offres/{{id}}", self.detail),
            Route(f"{base}/referentiel/{{name}}", self.referential),
        ]

    def _enter(self, request: Request) -> tuple[dict[str, str], Response | None]:
        """The rate headers, and the refusal if there is one."""
        active = faults_of(request.scope)
        client = self._tokens.check(request, OFFERS_SCOPES, active)
        if isinstance(client, Response):
            return {}, client
        left, wait_s = self._quota.take(client)
        headers = {
            "X-Ratelimit-Burst-Capacity-Clientidlimiter": str(self._settings.offers_burst),
            "X-Ratelimit-Remaining-Clientidlimiter": str(left),
            "X-Ratelimit-Replenish-Rate-Clientidlimiter": str(round(self._settings.offers_rate_per_s)),
            "X-Ratelimit-Requested-Tokens-Clientidlimiter": "1",
        }
        if wait_s:
            return headers, Response(status_code=429, headers={**headers, "Retry-After": str(wait_s)})
        return headers, None

    async def search(self, request: Request) -> Response:
        """GET /offres/search."""
        headers, refused = self._enter(request)
        if refused is not None:
            return refused
        active = faults_of(request.scope)
        try:
            start, end = self._range(request.query_params.get("range"), active)
            found = self._select(request.query_params, active)
        except _Refused as problem:
            return JSONResponse({"message": str(problem)}, 400, headers)
        if active.get("half"):
            found = found[::2]
        copies = 2 if active.get("duplicates") else COPIES if active.get("tenfold") else 1
        found = np.repeat(found, copies)
        total = 0 if active.get("empty") else len(found)
        if start >= total:
            return Response(status_code=204, headers={**headers, "Content-Range": f"*/{total}"})
        shown = [self._book.offer(row) for row in found[start : end + 1].tolist()]
        if copies == COPIES:
            shown = [as_copy(offer, position % COPIES) for position, offer in enumerate(shown, start)]
        body = orjson.dumps({"resultats": shown, "filtresPossibles": self._filters(found)})
        headers["Content-Range"] = f"offres {start}-{min(end, total - 1)}/{total}"
        headers["Accept-Range"] = str(self._settings.page)
        self._move(active)
        return Response(body, status_code=206, headers=headers, media_type="application/json")

    def _move(self, active: Active) -> None:
        """The fault `moving`: the offers change while somebody reads them."""
        every = int(number(active, "moving", 3))
        if not every:
            return
        self._pages += 1
        if self._pages % every == 0:
            self._book.change(created=1, deleted=1)

    def _range(self, told: str | None, active: Active) -> tuple[int, int]:
        last = int(number(active, "last_position", 10)) or self._settings.first_positions
        match = _RANGE.fullmatch(told or f"0-{self._settings.page - 1}")
        if match is None:
            raise _Refused(BAD_RANGE)
        start, end = int(match[1]), int(match[2])
        if end - start >= self._settings.page or end < start:
            raise _Refused(TOO_WIDE)
        if start > last:
            raise _Refused(TOO_FAR.format(last=last))
        return start, end

    def _select(self, told: Mapping[str, str], active: Active) -> Numbers:
        asked = {name: value for name, value in told.items() if name != "range" and value}
        switched = [active.get(name) for name in ("whole_cities", "without", "last_position")]
        key = (self._book.version, *switched, *sorted(asked.items()))
        found = self._found.get(key)
        if found is None:
            mask = self._mask(asked, active)
            last = int(number(active, "last_position", 10)) or self._settings.first_positions
            window = last + self._settings.page
            starved = "origineOffre" not in asked and int(mask.sum()) > window
            found = self._book.ordered(mask, own_first=starved)
            self._found[key] = found
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        return found

    def _mask(self, told: Mapping[str, str], active: Active) -> Mask:
        book, rows = self._book, self._book.rows
        mask = book.alive & self._contracts(told)
        if active.get("without"):
            mask = mask & np.isin(rows.dirt, _kept(active))
        if codes := _codes(told, "departement"):
            if not set(codes) <= self._departements.keys():
                raise _wrong("departement")
            mask = mask & book.in_departements(codes)
        if codes := _codes(told, "region"):
            if not set(codes) <= self._regions:
                raise _wrong("region")
            mask = mask & book.in_departements(
                [each.code for each in self._departements.values() if each.region in codes]
            )
        if codes := _codes(told, "commune"):
            mask = mask & self._around(codes, told.get("distance"), active)
        if codes := _codes(told, "codeROME"):
            mask = mask & book.with_romes(codes)
        if domain := told.get("grandDomaine"):
            if domain not in _GRAND_DOMAINES:
                raise _Refused(BAD_DOMAIN)
            mask = mask & book.with_rome_prefixes((domain,))
        if domain := told.get("domaine"):
            mask = mask & book.with_rome_prefixes((domain,))
        if origin := told.get("origineOffre"):
            if origin not in ("1", "2"):
                raise _wrong("origineOffre")
            mask = mask & (rows.partner if origin == "2" else ~rows.partner)
        if words := told.get("motsCles"):
            mask = mask & self._words(words)
        if "tempsPlein" in told and told["tempsPlein"] not in ("true", "false", "0", "1"):
            raise _Refused(BAD_FULL_TIME)
        if "experienceExigence" in told and told["experienceExigence"] not in ("D", "E", "S"):
            raise _Refused(BAD_EXPERIENCE)
        return mask & self._dated(told)

    def _contracts(self, told: Mapping[str, str]) -> Mask:
        """`natureContrat` and `typeContrat` are joined by OR."""
        book = self._book
        natures, types = _codes(told, "natureContrat"), _codes(told, "typeContrat")
        if not set(natures) <= NATURES.keys():
            raise _wrong("natureContrat")
        if not set(types) <= _TYPES.keys():
            raise _wrong("typeContrat")
        if not natures and not types:
            return np.ones(len(book.rows), dtype=np.bool_)
        found: Mask = np.zeros(len(book.rows), dtype=np.bool_)
        for asked, mask in (
            ("E2" in natures, ~book.professional),
            ("FS" in natures, book.professional),
            ("CDI" in types, book.lasting),
            ("CDD" in types, ~book.lasting),
        ):
            if asked:
                found |= mask
        return found

    def _around(self, codes: list[str], distance: str | None, active: Active) -> Mask:
        places = self._economy.places
        wanted: list[str] = []
        for code in codes:
            commune = places.commune(code)
            if commune is None or commune.insee != code or (code in _WHOLE_CITIES and active.get("whole_cities")):
                raise _wrong("commune")
            if code in _WHOLE_CITIES:
                wanted += [each.insee for each in self._economy.geography.communes if each.municipality == code]
            else:
                wanted.append(code)
        if distance is not None and not distance.isdigit():
            raise _wrong("distance")
        return self._book.in_communes(wanted, float(distance) if distance is not None else _DEFAULT_DISTANCE_KM)

    def _words(self, told: str) -> Mask:
        words = [word.strip().casefold() for word in told.split(",")]
        if len(words) > 7 or any(len(word) < 2 for word in words):
            raise _Refused(BAD_WORDS)
        occupations = self._economy.occupations
        codes = [
            code
            for code in self._economy.jobs.codes
            if all(word in (occupations.label(code) or "").casefold() for word in words)
        ]
        return self._book.with_romes(codes)

    def _dated(self, told: Mapping[str, str]) -> Mask:
        created = self._book.rows.created
        mask: Mask = np.ones(len(created), dtype=np.bool_)
        if since := told.get("publieeDepuis"):
            if since not in _SINCE_DAYS:
                raise _wrong("publieeDepuis")
            mask = mask & (created >= _milliseconds(self._economy.midnight - timedelta(days=int(since))))
        least, most = told.get("minCreationDate"), told.get("maxCreationDate")
        if (least is None) != (most is None):
            raise _wrong("maxCreationDate" if most is None else "minCreationDate")
        if least is not None and most is not None:
            mask = mask & (created >= _instant(least, "minCreationDate"))
            mask = mask & (created < _instant(most, "maxCreationDate") + 1000)
        return mask

    def _filters(self, found: Numbers) -> list[dict[str, object]]:
        book = self._book
        professional, lasting = int(book.professional[found].sum()), int(book.lasting[found].sum())
        return [
            {
                "filtre": name,
                "agregation": [
                    {"valeurPossible": value, "nbResultats": count} for value, count in counts.items() if count
                ],
            }
            for name, counts in (
                ("typeContrat", {"CDI": lasting, "CDD": len(found) - lasting}),
                ("natureContrat", {"E2": len(found) - professional, "FS": professional}),
            )
        ]

    async def detail(self, request: Request) -> Response:
        """GET /offres/{id}: 204 when the offer is gone."""
        headers, refused = self._enter(request)
        if refused is not None:
            return refused
        told = request.path_params["id"]
        if not _ID.fullmatch(told):
            return JSONResponse({"message": BAD_ID}, 400, headers)
        row = self._book.row_of(told)
        if row is None:
            return Response(status_code=204, headers=headers)
        return Response(orjson.dumps(self._book.offer(row)), headers=headers, media_type="application/json")

    async def referential(self, request: Request) -> Response:
        """GET /referentiel/{x}."""
        headers, refused = self._enter(request)
        if refused is not None:
            return refused
        table = _REFERENTIALS.get(request.path_params["name"])
        if table is None:
            return Response(status_code=404, headers=headers)
        return Response(orjson.dumps(table(self._economy)), headers=headers, media_type="application/json")


def _kept(active: Active) -> list[int]:
    """The oddities that the fault `without` leaves in, by position; 0 is none."""
    return [
        position for position in range(len(DIRT["offers"]) + 1) if not is_left_out(active, named("offers", position))
    ]


def as_copy(offer: dict[str, object], number_of_copy: int) -> dict[str, object]:
    """One of several offers made from one: another company's, under an id that no real offer has; 0 is itself."""
    if not number_of_copy:
        return offer
    letter = "abcdefghi"[number_of_copy - 1]
    return {**offer, "id": f"{str(offer['id'])[:-1]}{letter}", "entreprise": {"nom": f"Copie Fictive {letter * 9}"}}


def _codes(told: Mapping[str, str], name: str) -> list[str]:
    codes = [code.strip() for code in told.get(name, "").split(",") if code.strip()]
    if len(codes) > _MOST.get(name, 200):
        raise _wrong(name)
    return codes


def _wrong(name: str) -> _Refused:
    return _Refused(f"Valeur du paramètre « {name} » incorrecte.")


def _instant(told: str, name: str) -> int:
    if not _INSTANT.fullmatch(told):
        raise _wrong(name)
    try:
        return _milliseconds(datetime.fromisoformat(told))
    except ValueError as problem:
        raise _wrong(name) from problem


def _milliseconds(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)


def _pairs(table: Mapping[str, str]) -> list[dict[str, object]]:
    return [{"code": code, "libelle": label} for code, label in table.items()]


def _regions(economy: Economy) -> dict[str, str]:
    """The eighteen régions; collectivities overseas are none."""
    used = {each.region for each in economy.places.departements() if each.code in set(economy.geography.departements)}
    return {each.code: each.name for each in economy.places.regions() if each.code in used}


def _departements(economy: Economy) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for code in economy.geography.departements:
        departement = economy.places.departement(code)
        region = economy.places.region(departement.region or "") if departement else None
        if departement and region:
            told = {"code": region.code, "libelle": region.name}
            found.append({"code": code, "libelle": departement.name, "region": told})
    return found


def _communes(economy: Economy) -> list[dict[str, object]]:
    return [
        {
            "code": each.insee,
            "libelle": each.name,
            "codePostal": each.postcodes[0] if each.postcodes else None,
            "codeDepartement": each.departement,
        }
        for each in economy.places.communes()
    ]


_REFERENTIALS: Final[Mapping[str, Callable[[Economy], list[dict[str, object]]]]] = {
    "naturesContrats": lambda _: _pairs(NATURES),
    "typesContrats": lambda _: _pairs(_TYPES),
    "niveauxFormations": lambda _: _pairs({_LEVEL_CODES[level]: labels[2] for level, labels in LEVELS.items()}),
    "permis": lambda _: _pairs({"B": "B - Véhicule léger", "C": "C - Poids lourd", "D": "D - Transport en commun"}),
    "langues": lambda _: _pairs({"AN": "Anglais", "ES": "Espagnol", "AL": "Allemand"}),
    "metiers": lambda economy: _pairs({code: economy.occupations.label(code) or "" for code in economy.jobs.codes}),
    "nafs": lambda _: _pairs({f"{code[:2]}.{code[2:]}": label for code, label in SHIPPED.rows("naf")}),
    "appellations": lambda economy: [
        {"code": str(10_000 + place), "libelle": economy.occupations.label(code) or ""}
        for place, code in enumerate(economy.jobs.codes)
    ],
    "secteursActivites": lambda _: _pairs({code[:2]: f"Secteur {code[:2]}" for code, _ in SHIPPED.rows("naf")}),
    "themes": lambda _: _pairs({"01": "Thème fictif 1", "02": "Thème fictif 2"}),
    "pays": lambda _: _pairs({"01": "France"}),
    "continents": lambda _: _pairs({"01": "Europe"}),
    "domaines": lambda economy: _pairs({code[:3]: code[:3] for code in economy.jobs.codes}),
    "regions": lambda economy: _pairs(_regions(economy)),
    "departements": _departements,
    "communes": _communes,
}
