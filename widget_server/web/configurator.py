"""`/configurateur`: choose what a list shows and how it looks, see it, copy what to paste. It works without a script.

The form is made from the parameter table. What it gives is read by the same parser as every other query, so that the
notices are those that the pasted code would raise.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from widget_server.domain.answer import Occupation
from widget_server.domain.cards import LEVELS
from widget_server.domain.colour import Scheme, contrast, make_palette, pairs
from widget_server.domain.query import BY_NAME, PARAMETERS, PROBLEM_CODES, RADIUS_CHOICES_KM, Area, Parameter, Parsed
from widget_server.web import wording
from widget_server.web.cards_json import find_card
from widget_server.web.document import Rendered, Shell, language_of
from widget_server.web.headers import page_headers
from widget_server.web.integrators import CONFIGURATOR_PATH, tool_page
from widget_server.web.language import language
from widget_server.web.links import Urls
from widget_server.web.page import DetailPage, render_detail, render_down, render_gone, render_list
from widget_server.web.partners import Partner
from widget_server.web.pasted import Pasted, csp_lines, frame_title, reserved_height_px
from widget_server.web.protocol import CODES
from widget_server.web.replies import HTML, reply
from widget_server.web.search_page import read_search, search_page, shell_of
from widget_server.web.site import Site, base_url, site_of
from widget_server.web.typed import JOB_FIELD, PLACE_FIELD, Settled, Typed

PREVIEW_PATH: Final = f"{CONFIGURATOR_PATH}/apercu"
PREVIEW_CARD_PATH: Final = f"{PREVIEW_PATH}/cards/"
_T: Final = language("fr")
_TYPED: Final = ("romes", "insee", "postcode", "departement", "region")
"""Parameters that the two text fields stand for: somebody types a job and a place, and gets their codes."""

LABELS: Final[dict[str, str]] = {
    "partner": "Identifiant de partenaire",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "radius": "Rayon en kilomètres",
    "kinds": "Ce qui est montré",
    "level": "Niveau de diplôme",
    "contract": "Contrat",
    "widen": "Quand rien n’est trouvé",
    "limit": "Fiches par page",
    "view": "Présentation",
    "form": "Formulaire de recherche",
    "lock": "Critères que le visiteur ne change pas",
    "title": "Titre de la liste",
    "heading_level": "Niveau du premier titre",
    "theme": "Habillage",
    "scheme": "Couleurs",
    "accent": "Couleur d’accent",
    "corner": "Arrondi des angles, en pixels",
    "font": "Police",
    "lang": "Langue",
    "loading": "Chargement du cadre",
    "sizing": "Hauteur du cadre",
}
CHOICES: Final[dict[tuple[str, str], str]] = {
    ("kinds", "training"): "Formations",
    ("kinds", "offer"): "Offres d’emploi",
    ("kinds", "recruiter"): "Entreprises à contacter",
    ("level", ""): "Tous les niveaux",
    ("contract", ""): "Tous les contrats",
    ("contract", "apprentissage"): "Apprentissage",
    ("contract", "professionnalisation"): "Professionnalisation",
    ("widen", "auto"): "Chercher plus loin",
    ("widen", "none"): "Ne rien élargir",
    ("view", "list"): "Liste",
    ("view", "map"): "Carte d’abord",
    ("form", "full"): "Complet",
    ("form", "none"): "Seulement ce qui manque",
    ("lock", "romes"): "Métier",
    ("lock", "place"): "Lieu",
    ("lock", "radius"): "Rayon",
    ("lock", "kinds"): "Ce qui est montré",
    ("lock", "level"): "Niveau",
    ("lock", "contract"): "Contrat",
    ("theme", "neutral"): "Neutre",
    ("scheme", "light"): "Claires",
    ("scheme", "dark"): "Sombres",
    ("scheme", "auto"): "Selon le visiteur",
    ("font", "system"): "Du système",
    ("font", "serif"): "À empattements",
    ("lang", "fr"): "Français",
    ("lang", "en"): "Anglais",
    ("loading", "lazy"): "À l’approche de l’écran",
    ("loading", "eager"): "Tout de suite",
    ("sizing", "auto"): "Celle de la liste",
    ("sizing", "fixed"): "Fixe, avec un défilement",
} | {("level", str(level)): wording.upper(wording.level_name(_T, level)) for level in LEVELS}
SECTIONS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("Ce qui est montré", ("list", "view", "form", "lock", "latitude", "longitude")),
    ("L’apparence", ("look",)),
    ("Le cadre dans votre page", ("host",)),
)
"""The folded parts of the form: single parameters, then whole groups of those that no other part has."""
_FIRST: Final = ("partner", "radius")
_ELSEWHERE: Final = (*_TYPED, *_FIRST, "origin", "page", "height")


@dataclass(frozen=True, kw_only=True)
class Option:
    """One choice of a field."""

    value: str
    label: str
    on: bool


@dataclass(frozen=True, kw_only=True)
class Field:
    """One parameter as a field of the form. `control`: text, number, colour, select or boxes."""

    name: str
    label: str
    help: str
    control: str
    value: str = ""
    options: tuple[Option, ...] = ()
    low: str = ""
    high: str = ""
    longest: str = ""


@dataclass(frozen=True, kw_only=True)
class TypedField:
    """The job or the place, as text."""

    name: str
    label: str
    value: str
    suggest: str
    example: str
    said: str | None
    wrong: bool
    others: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What is to be known of the choices, with the remedy."""

    param: str
    value: str
    code: str
    hint: str

    @property
    def documented(self) -> bool:
        """Whether `/docs` has an entry for it; the others are advice of this page alone."""
        return self.code in CODES or self.code in PROBLEM_CODES


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Two colours that meet in the list, and how well one is read on the other."""

    name: str
    ink: str
    ground: str
    ratio: str
    minimum: str
    enough: bool


async def configurator(request: Request) -> Response:
    """The form, and what comes of it."""
    site = site_of(request)
    query = request.query_params.multi_items()
    host = {row.name: row for row in PARAMETERS if row.group == "host"}
    settled, parsed = read_search(site, [(name, value) for name, value in query if name not in host])
    partner = site.partners.find(parsed.request.partner)
    given = {name: value for name, value in query if name in host and value in host[name].choices}
    chosen = {name: value for name, value in given.items() if value != host[name].default}
    shell = replace(shell_of(site, partner), list_path=PREVIEW_PATH, card_path=PREVIEW_CARD_PATH)
    page, _ = search_page(site, site.editions.current(), settled, parsed, shell)
    preview = Urls(shell, parsed.request).list()
    told = parse_qsl(urlsplit(preview).query, keep_blank_values=True)
    asked = tuple(sorted(told, key=lambda pair: pair[0] != "partner"))
    base = base_url(request)
    newest = next(iter(site.assets.released), None)
    pasted = Pasted(
        base=base,
        query=asked,
        title=_title(site, parsed),
        height_px=reserved_height_px(len(page.answer.cards) or parsed.request.limit),
        host=chosen,
    )
    pinned = replace(pasted, pinned=(f"{base}/embed/{newest.file}", newest.integrity)).script() if newest else None
    return tool_page(
        request,
        "configurator.html",
        title="Configurateur",
        path=CONFIGURATOR_PATH,
        scripts=True,
        job=_job(site, settled, parsed),
        place=_place(settled, parsed),
        first=[_field(BY_NAME[name], parsed, given) for name in _FIRST],
        sections=[(label, list(_section(names, parsed, given))) for label, names in SECTIONS],
        notices=list(_notices(parsed, partner)),
        pasted=pasted,
        pinned=pinned,
        oembed_url=f"/oembed?{urlencode({'url': pasted.url})}",
        csp="\n".join(csp_lines(base)),
        total=_T.plural("{n} résultat", "{n} résultats", page.answer.total),
        known=bool(parsed.request.romes) and parsed.request.place is not None,
        contrasts=list(_contrasts(parsed)),
        preview=preview,
    )


async def preview(request: Request) -> Response:
    """The list as the pasted code will show it; only our own pages may frame this address."""
    site = site_of(request)
    settled, parsed = read_search(site, request.query_params.multi_items())
    page, _ = search_page(site, site.editions.current(), settled, parsed, _preview_shell(site, parsed))
    return _send(request, render_down(page) if site.editions.current().down else render_list(page))


async def preview_card(request: Request) -> Response:
    """One card, inside the preview."""
    site = site_of(request)
    _, parsed = read_search(site, request.query_params.multi_items())
    shell = _preview_shell(site, parsed)
    found = find_card(site.sources(), request.path_params["card_id"])
    if found is None:
        return _send(request, render_gone(shell, parsed.request, parsed.received), status=404)
    page = DetailPage(
        shell=shell,
        card=found.card,
        facts=found.facts,
        source=found.source,
        request=parsed.request,
        received=parsed.received,
        now=site.now(),
    )
    return _send(request, render_detail(page))


def _preview_shell(site: Site, parsed: Parsed) -> Shell:
    partner = site.partners.find(parsed.request.partner)
    name = partner.name if partner else "votre site"
    told = shell_of(site, partner)
    return replace(
        told, list_path=PREVIEW_PATH, card_path=PREVIEW_CARD_PATH, origins=(), public_url="", partner_name=name
    )


def _send(request: Request, page: Rendered, *, status: int = 200) -> Response:
    headers = page_headers(
        frame_ancestors=("'self'",),
        scripts=page.script_hashes,
        styles=page.style_hashes,
        images=page.image_origins,
    )
    return reply(request, page.html, HTML, headers=headers | {"Cache-Control": "private, no-cache"}, status=status)


def _title(site: Site, parsed: Parsed) -> str:
    """The title of the frame, which is required: what a screen reader says before anybody enters it."""
    request = parsed.request
    place = request.place.label if request.place else ""
    return request.look.get("title") or frame_title(language_of(request), _jobs(site, parsed), place)


def _jobs(site: Site, parsed: Parsed) -> str:
    codes = parsed.request.romes
    return wording.jobs(_T, tuple(Occupation(rome=code, label=site.occupations.label(code) or code) for code in codes))


# The form


def _job(site: Site, settled: Settled, parsed: Parsed) -> TypedField:
    nothing = "Aucun métier ne correspond. Essayez un mot plus courant."
    example = "Par exemple : boulanger, mécanique, développeur web"
    return _typed(JOB_FIELD, "Métier", _jobs(site, parsed), settled.job, "jobs", nothing, example)


def _place(settled: Settled, parsed: Parsed) -> TypedField:
    nothing = "Aucun lieu ne correspond. Essayez une ville ou un code postal."
    example = "Par exemple : Rennes, 35000, Ille-et-Vilaine"
    label = parsed.request.place.label if parsed.request.place else ""
    return _typed(PLACE_FIELD, "Lieu", label, settled.place, "places", nothing, example)


def _typed(
    name: str, label: str, shown: str, typed: Typed | None, suggest: str, nothing: str, example: str
) -> TypedField:
    wrong = typed is not None and typed.taken is None
    others = tuple(choice.label for choice in typed.others) if typed and typed.taken and not typed.exact else ()
    said = nothing if wrong else f"Compris : {shown}. Autres sens possibles : {', '.join(others)}." if others else None
    return TypedField(
        name=name,
        label=label,
        value=shown or (typed.text if typed else ""),
        suggest=suggest,
        example=example,
        said=said,
        wrong=wrong,
        others=others,
    )


def _section(names: tuple[str, ...], parsed: Parsed, given: dict[str, str]) -> Iterator[Field]:
    single = {name for _, all_names in SECTIONS for name in all_names if name in LABELS}
    for name in names:
        rows = [row for row in PARAMETERS if row.name == name or (row.group == name and row.name not in single)]
        for row in rows:
            if row.name not in _ELSEWHERE:
                yield _field(row, parsed, given)


def _field(row: Parameter, parsed: Parsed, given: dict[str, str]) -> Field:
    """The field of a row, filled with what the request came to."""
    value = given.get(row.name, row.default) if row.group == "host" else _value(row.name, parsed)
    bare = Field(name=row.name, label=LABELS[row.name], help=row.help, control="text", value=value)
    match row.type:
        case "choice" | "csv":
            chosen = set(value.split(","))
            named = [*([""] if row.type == "choice" and not row.default else []), *row.choices]
            options = tuple(
                Option(value=choice, label=CHOICES[row.name, choice], on=choice in chosen) for choice in named
            )
            return replace(bare, control="boxes" if row.type == "csv" else "select", options=options)
        case "integer" | "number":
            low, high = f"{row.minimum or 0:.0f}", f"{row.maximum or 0:.0f}"
            steps = tuple(Option(value=str(km), label=f"{km} km", on=False) for km in RADIUS_CHOICES_KM)
            return replace(bare, control="number", low=low, high=high, options=steps if row.name == "radius" else ())
        case "colour":
            return replace(bare, control="colour", value=f"#{value}")
        case _:
            return replace(bare, longest=str(row.max_length or 40))


def _value(name: str, parsed: Parsed) -> str:
    request = parsed.request
    match name:
        case "partner":
            return request.partner or ""
        case "lock":
            return ",".join(request.lock)
        case "latitude" | "longitude":
            return str(dict(request.place.given).get(name, "")) if request.place else ""
        case "radius":
            return str(request.radius_km)
    value = request.canonical().get(name, request.look.get(name, ""))
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


# What is to be known


def _notices(parsed: Parsed, partner: Partner | None) -> Iterator[Notice]:
    """What the pasted code would raise, and what keeps it from being shown at all."""
    request = parsed.request
    if request.partner is None:
        hint = "Sans identifiant de partenaire, la page s’ouvre par un lien, mais aucun site ne peut la montrer."
        yield Notice(param="partner", value="", code="partner_missing", hint=hint)
    if not request.romes or request.place is None:
        hint = "Sans métier ou sans lieu, la liste commence par les demander au visiteur."
        yield Notice(param="romes" if not request.romes else "insee", value="", code="search_incomplete", hint=hint)
    for problem in parsed.problems:
        if problem.code not in ("rome_missing", "place_missing"):
            yield Notice(param=problem.param, value=problem.value, code=problem.code, hint=problem.hint)
    if partner is not None and not any(origin.startswith("https://") for origin in partner.origins):
        hint = "Ce partenaire est un essai : ses pages ne sont servies que par un poste de travail."
        yield Notice(param="partner", value=partner.id, code="partner_test", hint=hint)
    if isinstance(request.place, Area) and request.radius_km != int(request.terms.default("radius")):
        hint = "Un département ou une région n’a pas de rayon : il est ignoré."
        yield Notice(param="radius", value=str(request.radius_km), code="radius_ignored", hint=hint)
    if _adjusted(parsed):
        hint = "La couleur des liens est rendue plus lisible ; celle des boutons est la vôtre."
        yield Notice(param="accent", value=request.look["accent"], code="contrast_adjusted", hint=hint)


def _schemes(parsed: Parsed) -> tuple[Scheme, ...]:
    match parsed.request.look["scheme"]:
        case "dark":
            return ("dark",)
        case "auto":
            return ("light", "dark")
        case _:
            return ("light",)


def _adjusted(parsed: Parsed) -> bool:
    accent = parsed.request.look["accent"]
    return accent != BY_NAME["accent"].default and any(
        make_palette(accent, scheme).adjusted for scheme in _schemes(parsed) if scheme == "light"
    )


_PAIRS: Final[dict[str, str]] = {
    "on-accent": "Texte d’un bouton",
    "accent": "le bouton",
    "text": "Texte",
    "muted": "Texte secondaire",
    "accent-text": "Lien",
    "accent-edge": "Contour d’un bouton",
    "border": "Contour d’un champ",
    "page": "la page",
    "panel": "le panneau",
}


def _contrasts(parsed: Parsed) -> Iterator[tuple[str, list[Contrast]]]:
    for scheme in _schemes(parsed):
        rows = []
        for pair in pairs(make_palette(parsed.request.look["accent"], scheme)):
            ink, _, ground = pair.name.partition("/")
            ratio = contrast(pair.ink, pair.ground)
            rows.append(
                Contrast(
                    name=f"{_PAIRS[ink]} sur {_PAIRS[ground]}",
                    ink=pair.ink,
                    ground=pair.ground,
                    ratio=_T.decimal(ratio),
                    minimum=_T.decimal(pair.minimum),
                    enough=ratio >= pair.minimum,
                )
            )
        yield ("Couleurs claires" if scheme == "light" else "Couleurs sombres"), rows
