"""THE parameter table, and the one parser that reads a request with it.

Parser, error texts, documentation, TypeScript types, the element's attributes and the form fields all come from
`PARAMETERS`. Parsing never stops at the first problem: it returns the best request it can make, and every `Problem`.
A page shows the corrected request with its notices; JSON refuses a request that has errors and lists all of them.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Final, Literal, Protocol

import msgspec

from widget_server.domain.cards import CONTRACTS

Type = Literal["csv", "integer", "number", "code", "choice", "text", "colour"]
Group = Literal["job", "place", "list", "look", "host"]

KINDS: Final = ("training", "offer", "recruiter")
RADIUS_CHOICES_KM: Final = (10, 30, 60, 100)
MAX_ROMES: Final = 20
MOST_TOLD: Final = 20
"""Problems of one kind with one parameter that are told one by one; those beyond are counted. An address is long enough
to hold ten thousand wrong codes, and the nearest right one of each takes a millisecond to find."""
MAX_PER_KIND: Final = 150
"""How deep anybody can page into one kind: the offers' licence (article 3) forbids bulk extraction."""
_IGNORED_PREFIXES: Final = ("utm_", "mtm_")


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One row: a query parameter, or an attribute that only the loader reads (group "host")."""

    name: str
    type: Type
    group: Group
    help: str
    example: str
    aliases: tuple[str, ...] = ()
    attribute: str | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    default: str = ""


PARAMETERS: Final[tuple[Parameter, ...]] = (
    Parameter(
        name="partner",
        type="code",
        group="look",
        pattern=r"[a-z0-9-]{3,40}",
        aliases=("caller",),
        attribute="partner",
        example="demo-mission-locale",
        help="Identifiant du site partenaire. Sans lui, la page s'affiche mais ne peut pas être intégrée.",
    ),
    Parameter(
        name="romes",
        type="csv",
        group="job",
        pattern=r"[A-N]\d{4}",
        aliases=("rome",),
        attribute="romes",
        example="D1102,D1104",
        help="De 1 à 20 codes ROME, séparés par des virgules. Un code désigne aussi tous les codes plus précis.",
    ),
    Parameter(
        name="insee",
        type="code",
        group="place",
        pattern=r"\d[\dAB]\d{3}",
        attribute="insee",
        example="35238",
        help="Code INSEE de la commune (5 caractères, 2A et 2B compris, arrondissements acceptés).",
    ),
    Parameter(
        name="postcode",
        type="code",
        group="place",
        pattern=r"\d{5}",
        aliases=("zipcode",),
        attribute="postcode",
        example="35000",
        help="Code postal à 5 chiffres.",
    ),
    Parameter(
        name="latitude",
        type="number",
        group="place",
        minimum=-90,
        maximum=90,
        aliases=("lat",),
        attribute="latitude",
        example="48.112",
        help="Latitude WGS84 en degrés, avec longitude ; 0 est une valeur valable. Arrondie à 3 décimales.",
    ),
    Parameter(
        name="longitude",
        type="number",
        group="place",
        minimum=-180,
        maximum=180,
        aliases=("lon",),
        attribute="longitude",
        example="-1.682",
        help="Longitude WGS84 en degrés, avec latitude ; 0 est une valeur valable. Arrondie à 3 décimales.",
    ),
    Parameter(
        name="departement",
        type="code",
        group="place",
        pattern=r"\d[\dAB]\d?",
        attribute="departement",
        example="35",
        help="Code du département : 01 à 95, 2A, 2B, 971 à 976. Le rayon est alors ignoré.",
    ),
    Parameter(
        name="region",
        type="code",
        group="place",
        pattern=r"\d{2}",
        attribute="region",
        example="53",
        help="Code INSEE de la région (2 chiffres). Le rayon est alors ignoré.",
    ),
    Parameter(
        name="radius",
        type="integer",
        group="place",
        minimum=0,
        maximum=200,
        default="30",
        attribute="radius",
        example="30",
        help="Rayon en kilomètres, de 0 à 200 ; 0 = la commune seule.",
    ),
    Parameter(
        name="kinds",
        type="csv",
        group="list",
        choices=KINDS,
        default=",".join(KINDS),
        attribute="kinds",
        example="training,offer",
        help="Ce qui est montré : formations (training), offres (offer), recruteurs probables (recruiter).",
    ),
    Parameter(
        name="level",
        type="choice",
        group="list",
        choices=("3", "4", "5", "6", "7"),
        aliases=("diploma",),
        attribute="level",
        example="4",
        help="Niveau de diplôme : 3 CAP, 4 bac, 5 bac+2, 6 bac+3 et +4, 7 bac+5. "
        "Les fiches sans niveau connu restent dans la liste.",
    ),
    Parameter(
        name="contract",
        type="choice",
        group="list",
        choices=CONTRACTS,
        attribute="contract",
        example="apprentissage",
        help="Contrat : apprentissage ou professionnalisation. Les fiches sans contrat connu, dont les recruteurs"
        " probables, restent dans la liste.",
    ),
    Parameter(
        name="widen",
        type="choice",
        group="list",
        choices=("auto", "none"),
        default="auto",
        attribute="widen",
        example="none",
        help="Si la liste est vide, la page cherche plus loin et le dit : 30, 60 puis 100 km (auto), ou jamais (none)."
        " En JSON, jamais.",
    ),
    Parameter(
        name="limit",
        type="integer",
        group="list",
        minimum=1,
        maximum=50,
        default="20",
        attribute="limit",
        example="20",
        help="Nombre de fiches par page, de 1 à 50.",
    ),
    Parameter(
        name="page",
        type="integer",
        group="list",
        minimum=1,
        maximum=450,
        default="1",
        example="1",
        help="Numéro de page, à partir de 1 ; au-delà de la dernière, la dernière.",
    ),
    Parameter(
        name="view",
        type="choice",
        group="look",
        choices=("list", "map"),
        default="list",
        attribute="view",
        example="list",
        help="Présentation : la liste seule, ou avec le plan d’abord (map).",
    ),
    Parameter(
        name="form",
        type="choice",
        group="look",
        choices=("full", "none"),
        default="full",
        attribute="form",
        example="full",
        help="Formulaire de recherche complet, ou seulement les champs qui manquent (none).",
    ),
    Parameter(
        name="lock",
        type="csv",
        group="look",
        choices=("romes", "place", "radius", "kinds", "level", "contract"),
        attribute="lock",
        example="romes,place",
        help="Critères affichés en texte et que le visiteur ne peut pas changer.",
    ),
    Parameter(
        name="title",
        type="text",
        group="look",
        max_length=80,
        attribute="frame-title",
        example="Devenir boulanger à Rennes",
        help="Titre de la liste et du cadre, 80 caractères au plus.",
    ),
    Parameter(
        name="heading_level",
        type="integer",
        group="look",
        minimum=2,
        maximum=4,
        default="2",
        attribute="heading-level",
        example="2",
        help="Niveau du premier titre, de 2 à 4.",
    ),
    Parameter(
        name="theme",
        type="choice",
        group="look",
        choices=("neutral",),
        default="neutral",
        attribute="theme",
        example="neutral",
        help="Habillage : neutre.",
    ),
    Parameter(
        name="scheme",
        type="choice",
        group="look",
        choices=("light", "dark", "auto"),
        default="light",
        attribute="scheme",
        example="auto",
        help="Couleurs claires, sombres, ou selon le réglage du visiteur (auto).",
    ),
    Parameter(
        name="accent",
        type="colour",
        group="look",
        pattern=r"[0-9a-f]{6}",
        default="0b5cad",
        attribute="accent",
        example="7a1f5c",
        help="Couleur d'accent, 6 chiffres hexadécimaux sans #. Un contraste insuffisant est corrigé.",
    ),
    Parameter(
        name="corner",
        type="integer",
        group="look",
        minimum=0,
        maximum=16,
        default="6",
        attribute="corner",
        example="6",
        help="Arrondi des angles en pixels, de 0 à 16.",
    ),
    Parameter(
        name="font",
        type="choice",
        group="look",
        choices=("system", "serif"),
        default="system",
        attribute="font",
        example="system",
        help="Police du système, ou à empattements (serif).",
    ),
    Parameter(
        name="lang",
        type="choice",
        group="look",
        choices=("fr", "en"),
        default="fr",
        attribute="lang",
        example="en",
        help="Langue de la page : français (fr) ou anglais (en). Les textes des sources restent en français.",
    ),
    Parameter(
        name="origin",
        type="text",
        group="look",
        max_length=200,
        example="https://partenaire.exemple",
        help="Origine de la page hôte, ajoutée par le chargeur ; ne change rien à la recherche.",
    ),
    Parameter(
        name="height",
        type="integer",
        group="host",
        minimum=120,
        maximum=20000,
        default="480",
        attribute="height",
        example="3400",
        help="Hauteur réservée en pixels avant que la liste ne donne la sienne.",
    ),
    Parameter(
        name="loading",
        type="choice",
        group="host",
        choices=("lazy", "eager"),
        default="lazy",
        attribute="loading",
        example="lazy",
        help="Chargement du cadre : à l'approche de l'écran (lazy) ou tout de suite (eager).",
    ),
    Parameter(
        name="sizing",
        type="choice",
        group="host",
        choices=("auto", "fixed"),
        default="auto",
        attribute="sizing",
        example="auto",
        help="Hauteur automatique, ou fixe avec un défilement dans le cadre (fixed).",
    ),
)

BY_NAME: Final = {row.name: row for row in PARAMETERS if row.group != "host"}
_NAMES: Final = {alias: row.name for row in PARAMETERS if row.group != "host" for alias in (row.name, *row.aliases)}
PLACE_NAMES: Final = ("insee", "postcode", "latitude", "longitude", "departement", "region")
"""The ways to say where."""

PROBLEM_CODES: Final[dict[str, str]] = {
    "rome_missing": "Aucun métier n'est donné.",
    "rome_malformed": "Ce n'est pas un code ROME.",
    "rome_unknown": "Ce code ROME n'existe pas.",
    "rome_replaced": "Ce code ROME est ancien ; les codes qui le remplacent ont été pris.",
    "too_many": "Il y a trop de valeurs ; les premières sont gardées.",
    "place_missing": "Aucun lieu n'est donné.",
    "place_ambiguous": "Plusieurs lieux sont donnés ; un seul est gardé.",
    "place_unknown": "Ce lieu n'existe pas.",
    "place_replaced": "Cette commune a changé de code ; le code actuel a été pris.",
    "pair_incomplete": "Latitude et longitude vont ensemble.",
    "not_a_number": "Ce n'est pas un nombre.",
    "out_of_bounds": "La valeur est hors des bornes.",
    "value_unknown": "Cette valeur n'est pas dans la liste.",
    "malformed": "La valeur n'a pas la forme attendue.",
    "too_long": "Le texte est trop long ; il a été coupé.",
    "param_unknown": "Ce paramètre n'existe pas ; il est ignoré.",
    "lang_unknown": "La page n'existe pas dans cette langue ; elle est en français.",
    "param_repeated": "Ce paramètre est donné plusieurs fois ; la première valeur est gardée.",
    "page_past_end": "Cette page n'existe pas ; la dernière est montrée.",
    "partner_unknown": "Ce partenaire n'est pas enregistré ; la page ne peut pas être intégrée.",
    "param_fixed": "Ce critère est fixé pour ce partenaire ; la valeur enregistrée est gardée.",
    "and_more": "D'autres valeurs ont le même défaut que les premières ; elles sont comptées.",
    "kind_excluded": "Ce partenaire ne montre pas cette sorte de fiches.",
}
"""Every code that parsing can report, with the sentence that documents it."""

REMARKS: Final = frozenset(
    {"rome_replaced", "place_replaced", "param_unknown", "page_past_end", "lang_unknown", "partner_unknown", "and_more"}
)
"""Problems that never make JSON refuse: the answer is exactly what was asked for, and the remark says what to tidy."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a request: which parameter, which value, and the remedy."""

    param: str
    value: str
    code: str
    hint: str

    @property
    def refused(self) -> bool:
        """Whether JSON answers 400 because of it."""
        return self.code not in REMARKS


class Centre(msgspec.Struct, frozen=True, kw_only=True):
    """A point with a radius around it.

    `municipalities` are the INSEE codes that "radius=0" means; `given` are the canonical parameters that led here.
    """

    label: str
    latitude: float
    longitude: float
    municipalities: tuple[str, ...]
    departement: str | None
    region: str | None
    given: tuple[tuple[str, str | float], ...]


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """A département or a région: everything in it, without distance."""

    label: str
    departements: tuple[str, ...]
    region: str | None
    whole_region: bool
    given: tuple[tuple[str, str | float], ...]


class Gazetteer(Protocol):
    """What parsing must know of France and of ROME; `reference.gazetteer.ReferenceGazetteer` is one."""

    def current_romes(self, code: str) -> tuple[str, ...]:
        """The code itself when it is current, those that replace it when it is retired, () when unknown."""
        ...

    def similar_rome(self, code: str) -> str | None:
        """The existing code that a mistyped one most likely means, with its label."""
        ...

    def commune(self, insee: str) -> Centre | None:
        """The commune or arrondissement, retired codes mapped to today's."""
        ...

    def postcode(self, postcode: str) -> Centre | None:
        """The most populous commune of a postcode, standing for all of them."""
        ...

    def point(self, latitude: float, longitude: float) -> Centre:
        """A point anywhere; named after the nearest commune when there is one near."""
        ...

    def departement(self, code: str) -> Area | None:
        """A département by code."""
        ...

    def region(self, code: str) -> Area | None:
        """A région by INSEE code."""
        ...


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a partner settled once for every page of its own.

    defaults  what is taken where the query says nothing, in the words of the table; the theme and the title are there
    lock      criteria that visitors cannot change; one that has a default keeps it, whatever the query says
    kinds     the kinds that may be shown at all, in the table's order
    """

    defaults: Mapping[str, str] = msgspec.field(default_factory=dict)
    lock: tuple[str, ...] = ()
    kinds: tuple[str, ...] = KINDS

    def default(self, name: str) -> str:
        """What a parameter is when the query does not have it: a link may leave it out."""
        if name == "kinds":
            return self.defaults.get(name) or ",".join(self.kinds)
        if name == "lock":
            return ",".join(self.lock)
        return self.defaults.get(name, BY_NAME[name].default)


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that can be answered: what to look for, where, and how to show it.

    `romes` is sorted. `place` None is the state "place unknown", no `romes` the state "job unknown". `terms` are those
    of the partner: a link back to this request repeats what differs from them.
    """

    romes: tuple[str, ...] = ()
    place: Centre | Area | None = None
    radius_km: int = 30
    kinds: tuple[str, ...] = KINDS
    level: int | None = None
    contract: str | None = None
    widen: bool = True
    limit: int = 20
    page: int = 1
    partner: str | None = None
    look: dict[str, str] = msgspec.field(default_factory=dict)
    lock: tuple[str, ...] = ()
    terms: Terms = msgspec.field(default_factory=Terms)

    def canonical(self) -> dict[str, str | int | float | list[str]]:
        """The request in one spelling: what the answer repeats, and what a link is made of."""
        query: dict[str, str | int | float | list[str]] = {}
        if self.romes:
            query["romes"] = list(self.romes)
        if self.place is not None:
            query.update(self.place.given)
        if isinstance(self.place, Centre):
            query["radius"] = self.radius_km
        query["kinds"] = list(self.kinds)
        if self.level is not None:
            query["level"] = self.level
        if self.contract is not None:
            query["contract"] = self.contract
        if not self.widen:
            query["widen"] = "none"
        query["limit"] = self.limit
        query["page"] = self.page
        return query


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """The best request that could be made, and everything that was wrong on the way."""

    request: SearchRequest
    problems: tuple[Problem, ...]
    received: dict[str, str]
    """The parameters as they came, known names only; the frame repeats them to the loader."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems for which JSON answers 400."""
        return tuple(problem for problem in self.problems if problem.refused)


def parse(pairs: Iterable[tuple[str, str]], gazetteer: Gazetteer, terms: Terms | None = None) -> Parsed:
    """Read decoded query pairs. Never raises; every problem is reported, each with its remedy."""
    return _Reader(gazetteer, terms or Terms()).read(pairs)


def is_tidy(pairs: Sequence[tuple[str, str]], also: Sequence[str] = ()) -> bool:
    """Whether every parameter is one of the table, or one of `also`, and is given once."""
    names = [_NAMES.get(name.lower()) or (name if name in also else None) for name, _ in pairs]
    return None not in names and len(set(names)) == len(names)


class _Reader:
    def __init__(self, gazetteer: Gazetteer, terms: Terms) -> None:
        self.gazetteer = gazetteer
        self.terms = terms
        self.problems: list[Problem] = []
        self.counted: Counter[tuple[str, str]] = Counter()
        self.values: dict[str, str] = {}
        self.emptied: set[str] = set()

    def read(self, pairs: Iterable[tuple[str, str]]) -> Parsed:
        self._collect(pairs)
        # The frame tells the host page what it received: what the partner settled is not among it.
        received = dict(self.values)
        self._settle()
        look = {row.name: self._one(row) for row in PARAMETERS if row.group == "look" and row.type != "csv"}
        partner = look.pop("partner") or None
        look.pop("origin")
        request = SearchRequest(
            romes=self._romes(),
            place=self._place(),
            radius_km=int(self._one(BY_NAME["radius"])),
            kinds=self._kinds(),
            level=self._level(),
            contract=self._one(BY_NAME["contract"]) or None,
            widen=self._one(BY_NAME["widen"]) == "auto",
            limit=int(self._one(BY_NAME["limit"])),
            page=int(self._one(BY_NAME["page"])),
            partner=partner,
            look=look,
            lock=self._lock(),
            terms=self.terms,
        )
        self._sum_up()
        return Parsed(request=request, problems=tuple(self.problems), received=received)

    def _report(self, param: str, value: str, code: str, hint: str | Callable[[], str]) -> None:
        """Tell a problem. A hint that takes long to find is a function: it is called for what is told one by one."""
        about = "" if code == "param_unknown" else param
        self.counted[about, code] += 1
        if self.counted[about, code] <= MOST_TOLD:
            told = hint if isinstance(hint, str) else hint()
            self.problems.append(Problem(param=param, value=value[:200], code=code, hint=told))

    def _sum_up(self) -> None:
        """Say how many more there were of what was not told one by one."""
        for (param, code), count in self.counted.items():
            if count > MOST_TOLD:
                rest = str(count - MOST_TOLD)
                hint = f"{rest} de plus à corriger de même ({code})."
                self.problems.append(Problem(param=param, value=rest, code="and_more", hint=hint))

    def _collect(self, pairs: Iterable[tuple[str, str]]) -> None:
        for key, raw in pairs:
            name = _NAMES.get(key.lower())
            value = "".join(char for char in raw if char >= " " and char != "\x7f").strip()
            if name is None:
                if not key.lower().startswith(_IGNORED_PREFIXES):
                    nearest = partial(_nearest, key[:60].lower(), tuple(_NAMES), "Retirez-le ; voir /v1/parameters.")
                    self._report(key[:60], value, "param_unknown", nearest)
            elif name in self.values:
                if BY_NAME[name].type == "csv":
                    self.values[name] += "," + value
                elif value != self.values[name]:
                    self._report(name, value, "param_repeated", f"Ne donnez {name} qu'une fois.")
            elif value:
                self.values[name] = value
            else:
                self.emptied.add(name)

    def _settle(self) -> None:
        """Put what the partner settled in its place: what is fixed first, then what the query leaves out."""
        defaults = self.terms.defaults
        for criterion in self.terms.lock:
            names = PLACE_NAMES if criterion == "place" else (criterion,)
            fixed = {name: defaults[name] for name in names if name in defaults}
            for name in names if fixed else ():
                given = self.values.pop(name, None)
                if given is not None and set(_split(given.upper())) != set(_split(fixed.get(name, "").upper())):
                    hint = f"Retirez {name} : ce critère est fixé à {_said(fixed)} pour ce partenaire."
                    self._report(name, given, "param_fixed", hint)
            self.values |= fixed
        placed = any(name in self.values for name in PLACE_NAMES)
        for name, value in defaults.items():
            if name not in self.values and name not in self.emptied and not (placed and name in PLACE_NAMES):
                self.values[name] = value

    def _one(self, row: Parameter) -> str:
        """A single value within its row's bounds, or the row's default."""
        raw = self.values.get(row.name)
        if raw is None:
            return row.default
        match row.type:
            case "integer":
                return self._integer(row, raw)
            case "choice":
                value = raw.casefold()
                if row.name == "lang":
                    # "fr-FR" and "en_GB" are what sites have at hand.
                    value = re.split("[-_]", value)[0]
                if value in row.choices:
                    return value
                code = "lang_unknown" if row.name == "lang" else "value_unknown"
                self._report(row.name, raw, code, f"Valeurs possibles : {', '.join(row.choices)}.")
                return row.default
            case "colour" | "code":
                value = raw.casefold().lstrip("#") if row.type == "colour" else raw
                if re.fullmatch(row.pattern or "", value):
                    return value
                self._report(row.name, raw, "malformed", f"Exemple : {row.example}.")
                return row.default
            case _:
                limit = row.max_length or len(raw)
                if len(raw) > limit:
                    self._report(row.name, raw, "too_long", f"{limit} caractères au plus.")
                return raw[:limit]

    def _integer(self, row: Parameter, raw: str) -> str:
        low, high = int(row.minimum or 0), int(row.maximum or 0)
        number = _finite(raw)
        if number is None or number != int(number):
            hint = f"Un nombre entier de {low} à {high}, par exemple {row.example}."
            self._report(row.name, raw, "not_a_number", hint)
            return row.default
        if not low <= number <= high:
            self._report(row.name, raw, "out_of_bounds", f"Un nombre entier de {low} à {high}.")
        return str(int(min(max(number, low), high)))

    def _choices(self, row: Parameter) -> tuple[str, ...]:
        """The known names of a list, in the table's order; all of the default when none is left."""
        default = tuple(name for name in row.default.split(",") if name)
        asked = _split(self.values.get(row.name, ""))
        for name in asked:
            if name.casefold() not in row.choices:
                otherwise = f"Valeurs possibles : {', '.join(row.choices)}."
                nearest = partial(_nearest, name.casefold()[:60], row.choices, otherwise)
                self._report(row.name, name, "value_unknown", nearest)
        kept = {name.casefold() for name in asked}
        return tuple(name for name in row.choices if name in kept) or default

    def _kinds(self) -> tuple[str, ...]:
        """The kinds asked for that the partner shows; its own when none is left."""
        asked = self._choices(BY_NAME["kinds"])
        named = {name.casefold() for name in _split(self.values.get("kinds", ""))}
        for kind in asked:
            if kind in named and kind not in self.terms.kinds:
                hint = f"Ce partenaire montre : {', '.join(self.terms.kinds)}."
                self._report("kinds", kind, "kind_excluded", hint)
        return tuple(kind for kind in asked if kind in self.terms.kinds) or self.terms.kinds

    def _lock(self) -> tuple[str, ...]:
        """What the query locks, and what the partner does."""
        asked = self._choices(BY_NAME["lock"])
        return tuple(name for name in BY_NAME["lock"].choices if name in (*asked, *self.terms.lock))

    def _level(self) -> int | None:
        """A level by its digit; the catalogue's own labels such as "4 (BAC...)" begin with it."""
        row = BY_NAME["level"]
        raw = self.values.get("level")
        if raw is None:
            return None
        match = re.match(r"[3-7](?!\d)", raw)
        if match is None:
            self._report("level", raw, "value_unknown", f"Valeurs possibles : {', '.join(row.choices)}.")
            return None
        return int(match.group())

    def _romes(self) -> tuple[str, ...]:
        asked = _split(self.values.get("romes", ""))
        if not asked:
            self._report("romes", "", "rome_missing", "Donnez au moins un code ROME, par exemple romes=D1102.")
            return ()
        known: list[str] = []
        for code in asked:
            if not re.fullmatch(r"[A-N]\d{4}", code.upper()):
                hint = "Une lettre de A à N et quatre chiffres, par exemple D1102."
                self._report("romes", code, "rome_malformed", hint)
                continue
            current = self.gazetteer.current_romes(code.upper())
            if not current:
                self._report("romes", code, "rome_unknown", partial(self._nearest_rome, code.upper()))
            elif current != (code.upper(),):
                self._report("romes", code, "rome_replaced", f"Remplacé par {', '.join(current)}.")
            known.extend(current)
        kept = list(dict.fromkeys(known))
        if len(kept) > MAX_ROMES:
            rest = ",".join(kept[MAX_ROMES:])
            self._report("romes", rest, "too_many", f"{MAX_ROMES} codes au plus ; {len(kept)} ont été donnés.")
        return tuple(sorted(kept[:MAX_ROMES]))

    def _nearest_rome(self, code: str) -> str:
        near = self.gazetteer.similar_rome(code)
        return f"Proche : {near}." if near else "Voir /v1/jobs?q=."

    def _place(self) -> Centre | Area | None:
        point = self._point()
        names = ("insee", "postcode", "departement", "region")
        given: list[str] = [name for name in names if name in self.values]
        # Many callers send the commune of the point along with it: the point is the centre, the commune its name.
        extra = [name for name in given if name != "insee"] if point is not None else given[1:]
        if extra:
            kept = "latitude et longitude" if point is not None else given[0]
            for name in extra:
                self._report(name, self.values[name], "place_ambiguous", f"Ne donnez qu'un lieu ; {kept} est gardé.")
        if point is not None:
            return self._named(point)
        if not given:
            if not any(problem.param in ("latitude", "longitude") for problem in self.problems):
                hint = "Donnez insee, postcode, latitude et longitude, departement ou region."
                self._report("insee", "", "place_missing", hint)
            return None
        return self._area_or_commune(given[0])

    def _area_or_commune(self, name: str) -> Centre | Area | None:
        raw = self.values[name]
        value = raw.upper()
        if name == "postcode" and value.isdigit():
            value = value.zfill(5)
        elif name == "departement" and value.isdigit():
            value = value.zfill(2)
        row = BY_NAME[name]
        place: Centre | Area | None = None
        if re.fullmatch(row.pattern or "", value):
            match name:
                case "insee":
                    place = self.gazetteer.commune(value)
                case "postcode":
                    place = self.gazetteer.postcode(value)
                case "departement":
                    place = self.gazetteer.departement(value)
                case _:
                    place = self.gazetteer.region(value)
        else:
            self._report(name, raw, "malformed", f"{row.help} Exemple : {row.example}.")
            return None
        if place is None:
            self._report(name, raw, "place_unknown", f"{row.help} Voir /v1/places?q=.")
        elif name == "insee" and dict(place.given).get("insee") != value:
            self._report(name, raw, "place_replaced", f"Aujourd'hui {dict(place.given)['insee']}, {place.label}.")
        return place

    def _named(self, point: Centre) -> Centre:
        """The point under the name of the commune that was given with it."""
        insee = self.values.get("insee")
        if insee is None:
            return point
        commune = self.gazetteer.commune(insee.upper())
        if commune is None:
            self._report("insee", insee, "place_unknown", "Le point est gardé sans nom de commune.")
            return point
        return Centre(
            label=commune.label,
            latitude=point.latitude,
            longitude=point.longitude,
            municipalities=commune.municipalities,
            departement=commune.departement,
            region=commune.region,
            given=(*commune.given, *point.given),
        )

    def _point(self) -> Centre | None:
        raw = {name: self.values[name] for name in ("latitude", "longitude") if name in self.values}
        if not raw:
            return None
        if len(raw) == 1:
            name, value = next(iter(raw.items()))
            other = "longitude" if name == "latitude" else "latitude"
            self._report(name, value, "pair_incomplete", f"Ajoutez {other}, ou retirez {name}.")
            return None
        numbers: list[float] = []
        for name, value in raw.items():
            row = BY_NAME[name]
            low, high = int(row.minimum or 0), int(row.maximum or 0)
            number = _finite(value)
            if number is None:
                self._report(name, value, "not_a_number", f"Degrés WGS84, par exemple {row.example}.")
            elif not low <= number <= high:
                self._report(name, value, "out_of_bounds", f"De {low} à {high} degrés.")
            else:
                numbers.append(round(number, 3) + 0.0)
        if len(numbers) < 2:
            return None
        return self.gazetteer.point(*numbers)


def _said(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _nearest(name: str, names: Sequence[str], otherwise: str) -> str:
    """The name that was most likely meant, as a hint."""
    near = get_close_matches(name, names, n=1)
    return f"Voulez-vous dire « {near[0]} » ?" if near else otherwise


def _split(raw: str) -> Sequence[str]:
    return list(dict.fromkeys(part for part in re.split(r"[,;\s]+", raw) if part))


def _finite(raw: str) -> float | None:
    """A plain decimal number, with a comma or a point; None for anything else (nan, inf, 1e5, 0x1f)."""
    if not re.fullmatch(r"[+-]?\d{1,9}([.,]\d{1,15})?", raw):
        return None
    return float(raw.replace(",", "."))
