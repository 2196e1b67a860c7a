"""The page that candidates read: finished HTML from the same `Answer` that `/v1/cards` gives as JSON.

Everything here is pure: data in, bytes out. The page needs one request and no script. Its style sheet, the colours of
the partner, the bridge to the host page and its state are inline; the hashes that allow them are returned with it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import nh3
from markupsafe import Markup

from widget_server.domain.answer import Answer, Apart, ListedCard, SourceState
from widget_server.domain.cards import LEVELS, AlsoOn, Fact
from widget_server.domain.query import BY_NAME, KINDS, RADIUS_CHOICES_KM, Area, Centre, SearchRequest
from widget_server.web import wording
from widget_server.web.document import LOOK, Link, Rendered, Shell, document, look_of, plain_look
from widget_server.web.typed import JOB_FIELD, PLACE_FIELD, Choice, Typed

LIST_PATH: Final = "/v1/widget"
CARD_PATH: Final = "/v1/widget/cards/"
_SHOWN_JOBS: Final = 3
_TITLE_IN_LINKS: Final = 90
_TAGS: Final = {"p", "br", "ul", "ol", "li", "strong", "em", "b", "i"}


@dataclass(frozen=True, kw_only=True)
class ListPage:
    """One list to render. `now` is aware; `received` the query as it came, which the host page is told back.

    job, place   what the visitor typed, when it had to be understood
    near         occupations to try when nothing is found
    """

    shell: Shell
    answer: Answer
    request: SearchRequest
    received: Mapping[str, str]
    now: datetime
    job: Typed | None = None
    place: Typed | None = None
    near: tuple[Choice, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DetailPage:
    """One card with everything that its source said; `request` is the list to go back to."""

    shell: Shell
    card: ListedCard
    facts: tuple[Fact, ...]
    source: SourceState
    request: SearchRequest
    received: Mapping[str, str]
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Option:
    """One choice of a field."""

    value: str
    label: str
    on: bool
    count: str | None = None


@dataclass(frozen=True, kw_only=True)
class TextField:
    """A job or place field, and what is said about the text in it."""

    name: str
    label: str
    value: str
    locked: bool
    suggest: str
    target: str
    example: str
    help: str | None = None
    error: str | None = None
    others: tuple[Link, ...] = ()

    @property
    def hint(self) -> str | None:
        """The one line under the field; a field that is filled in and understood needs none."""
        return self.error or self.help or (None if self.value else f"Par exemple{wording.NBSP}: {self.example}")


@dataclass(frozen=True, kw_only=True)
class Form:
    """The filters, as a plain GET form. None or empty: that field is not shown."""

    action: str
    hidden: tuple[tuple[str, str], ...]
    fields: tuple[TextField, ...]
    radius: tuple[Option, ...] = ()
    kinds: tuple[Option, ...] = ()
    level: tuple[Option, ...] = ()
    fixed: tuple[str, ...] = ()
    open: bool = False

    @property
    def editable(self) -> bool:
        """Something is left to choose; a partner may have locked everything."""
        return bool(self.fields or self.radius or self.kinds or self.level)


@dataclass(frozen=True, kw_only=True)
class CardView:
    """One card, in words. Absent fields are None or empty, and leave no trace on the page."""

    id: str
    kind: str
    tag: str
    demonstration: bool
    title: str
    named: str
    distance: str | None
    organisation: str | None
    place: str
    lines: tuple[str, ...]
    chips: tuple[str, ...]
    reasons: tuple[str, ...]
    note: str | None
    source: str
    also_on: tuple[Link, ...]
    twins: tuple[Link, ...]
    optout: str | None
    title_link: Link
    action: Link | None
    detail: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One entry of the pagination; no link: the current page, or a gap."""

    label: str
    href: str | None = None
    rel: str | None = None
    current: bool = False


@dataclass(frozen=True, kw_only=True)
class SourceLine:
    """A source in the footer."""

    text: str
    about: str
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fact of the detail page; `long` facts get a section of their own."""

    label: str
    text: str | None = None
    items: tuple[str, ...] = ()
    html: Markup | None = None
    link: Link | None = None
    long: bool = False


# Pages


def render_list(page: ListPage) -> Rendered:
    """The list with its filters, in whichever state of design §7 it is."""
    return _render_list(page, down=False)


def render_down(page: ListPage) -> Rendered:
    """Every source is missing: what to do now. The route answers 503."""
    return _render_list(page, down=True)


def render_detail(page: DetailPage) -> Rendered:
    """One card with every fact of its source, on its own page inside the frame."""
    look = look_of(page.request, page.shell)
    urls = _Urls(page.shell, page.request)
    card = page.card
    state = _state(page.shell, page.received)
    return document(
        "detail.html",
        page.shell,
        look,
        state,
        title=f"{card.title} – {wording.kind_words(card.kind).tag}",
        card=_card_view(card, page.source, urls, page.now, explained=True),
        back=urls.here(),
        summary=_summary(page),
        short=[row for row in map(_row, page.facts) if not row.long],
        long=[row for row in map(_row, page.facts) if row.long],
        source=_source_line(page.source, page.now),
        demonstration=page.source.demonstration,
    )


def render_gone(shell: Shell, request: SearchRequest, received: Mapping[str, str]) -> Rendered:
    """The card is not there any more. The route answers 404."""
    return document(
        "gone.html",
        shell,
        look_of(request, shell),
        _state(shell, received),
        title="Cette fiche n’est plus disponible",
        back=_Urls(shell, request).here(),
    )


def render_notice(shell: Shell) -> Rendered:
    """What stands in the frame of an unregistered site: no search, no data, no script. The route answers 403."""
    look = replace(plain_look(), heading=2)
    title = "La liste ne peut pas s’afficher ici"
    return document("notice.html", shell, look, None, title=title, href=f"{shell.base_url}{LIST_PATH}")


def _render_list(page: ListPage, *, down: bool) -> Rendered:
    answer, request = page.answer, page.request
    look = look_of(request, page.shell)
    urls = _Urls(page.shell, request)
    asked = [source for source in answer.sources if source.kind in request.kinds]
    missing = [source for source in asked if source.status == "missing"]
    known = bool(request.romes) and request.place is not None
    codes = [_source_notice(source) for source in asked if source.status != "ok"]
    if down:
        codes.append({"code": "sources_down", "retryable": True})
    if look.adjusted:
        codes.append(
            {
                "code": "contrast_adjusted",
                "param": "accent",
                "value": request.look["accent"],
                "hint": "La couleur des liens a été rendue plus lisible ; celle des boutons est inchangée.",
            }
        )
    state = _state(page.shell, page.received, answer, codes)
    return document(
        "list.html",
        page.shell,
        look,
        state,
        title=_title(page),
        heading=request.look.get("title") or _title(page),
        down=down,
        known=known,
        form=None if down else _form(page, urls),
        status=_status(page, down=down, incomplete=bool(missing)),
        counts=_counts(answer) if known else "",
        jobs=[f"{job.label} ({job.rome})" for job in answer.occupations] if len(answer.occupations) > 1 else [],
        shown_jobs=_SHOWN_JOBS,
        remarks=_remarks(answer),
        banners=[] if down else [_missing(source, page.now) for source in missing],
        late=[_late(source, page.now) for source in asked if source.status == "late"],
        demonstration=answer.demonstration,
        cards=_card_views(page, urls),
        ideas=_ideas(page, urls) if known and not answer.total and not down else [],
        apart=[] if down else [_apart(block, urls) for block in answer.apart],
        steps=_steps(answer, urls),
        sources=[_source_line(source, page.now) for source in answer.sources if source.attribution],
        retry=urls.here(),
        public_search=wording.PUBLIC_SEARCH,
        oembed=urls.oembed(page.shell.public_url) if not down else None,
    )


def _state(
    shell: Shell,
    received: Mapping[str, str],
    answer: Answer | None = None,
    codes: Sequence[Mapping[str, object]] = (),
) -> str:
    """The inert JSON block that the bridge reads. `origin` stays out: the page is the same for every host page."""
    told: dict[str, object] = {
        "origins": list(shell.origins),
        "version": shell.version,
        "params": {name: value for name, value in received.items() if name != "origin"},
        "results": None,
        "notices": list(codes),
    }
    if answer is not None:
        told["results"] = {
            "total": answer.total,
            "counts": answer.counts,
            "page": answer.page,
            "radius_km": answer.place.radius_km if answer.place else None,
            "params": told["params"],
            "sources": [
                {"name": source.name, "status": source.status, "count": source.count, "age_s": source.age_s}
                for source in answer.sources
            ],
        }
        told["notices"] = [
            {"code": notice.code, "param": notice.param, "value": notice.value, "hint": notice.hint}
            for notice in answer.notices
        ] + list(codes)
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    # Inside a script element only "<" and "&" could mean something else than JSON.
    text = text.replace("<", "\\u003c").replace("&", "\\u0026")
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


# Links


class _Urls:
    """Links of this page: the same partner, the same look, another search."""

    def __init__(self, shell: Shell, request: SearchRequest) -> None:
        self.root = urlsplit(shell.base_url).path.rstrip("/")
        self.query = request.canonical()
        self.look = _look_pairs(request)

    def list(self, **changes: object) -> str:
        """The list with some parameters changed; None removes one."""
        return f"{self.root}{LIST_PATH}?{self._encode(self.query | {'page': 1} | changes)}"

    def oembed(self, public_url: str) -> str | None:
        """Where another site learns how to show this list; None when this server has no address of its own."""
        return f"{public_url}/oembed?url={quote(public_url + self.here(), safe='')}" if public_url else None

    def page(self, number: int) -> str:
        """Another page of the same list."""
        return self.list(page=number)

    def here(self) -> str:
        """The same list at the same page."""
        return f"{self.root}{LIST_PATH}?{self._encode(dict(self.query))}"

    def other(self, query: Mapping[str, object]) -> str:
        """Another search in the same look."""
        return f"{self.root}{LIST_PATH}?{self._encode(dict(query))}"

    def choice(self, choice: Choice) -> str:
        """The same search with what a choice stands for; a choice of place replaces the whole place."""
        names = {name for name, _ in choice.query}
        places = {"insee", "postcode", "latitude", "longitude", "departement", "region"}
        replaced = {"romes"} if "romes" in names else places
        kept: dict[str, object] = {name: value for name, value in self.query.items() if name not in replaced}
        return self.other(kept | dict(choice.query) | {"page": 1})

    def card(self, card_id: str) -> str:
        """The detail page of a card, which leads back to this list."""
        return f"{self.root}{CARD_PATH}{quote(card_id, safe=':')}?{self._encode(dict(self.query))}"

    def _encode(self, query: Mapping[str, object]) -> str:
        pairs = [(name, _said(value)) for name, value in query.items() if value is not None]
        kept = [(name, value) for name, value in pairs if value != BY_NAME[name].default]
        return urlencode([*kept, *self.look], safe=",")


def _look_pairs(request: SearchRequest) -> list[tuple[str, str]]:
    """Everything of a request that is not the search itself, where it differs from the default."""
    pairs = [("partner", request.partner)] if request.partner else []
    pairs += [(name, request.look.get(name, "")) for name in LOOK]
    pairs += [("lock", ",".join(request.lock))]
    return [(name, value) for name, value in pairs if value and value != BY_NAME[name].default]


def _said(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def safe_url(url: str | None) -> str | None:
    """The address itself when a browser may follow it from our page: http or https with a host. None otherwise."""
    if not url or any(char <= " " or char in '\\"<>' for char in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname and not parts.username else None


# Words of the list


def _title(page: ListPage) -> str:
    if page.request.look.get("title"):
        return page.request.look["title"]
    job, place = wording.jobs(page.answer.occupations), page.answer.place
    if job and place:
        return f"{job}, {place.label}"
    if place:
        return f"Trouver une alternance, {place.label}"
    return job or "Trouver une alternance"


@dataclass(frozen=True, kw_only=True)
class Status:
    """The one sentence that is announced: its strong beginning, and the rest."""

    strong: str
    rest: str = ""


def _status(page: ListPage, *, down: bool, incomplete: bool) -> Status:
    answer, request = page.answer, page.request
    if down:
        return Status(strong="La liste est indisponible pour le moment.")
    if not request.romes:
        return Status(strong="Quel métier cherchez-vous" + wording.NBSP + "?")
    if request.place is None:
        return Status(strong="Où cherchez-vous" + wording.NBSP + "?")
    where = wording.radius(answer.place)
    if not answer.total:
        return Status(strong="Aucun résultat", rest=f"{where}{' parmi les données disponibles' if incomplete else ''}")
    counted = wording.counted(answer.total, "résultat", "résultats")
    strong = f"Au moins {counted}" if incomplete else counted
    last = f" – page {answer.page} sur {answer.pages}" if answer.page > 1 else ""
    return Status(strong=strong, rest=f"{where}{last}")


def _counts(answer: Answer) -> str:
    """The total by kind, when there is more than one; and how many cards a level filter kept without knowing."""
    several = sum(map(bool, answer.counts.values())) > 1
    unknown = sum(answer.level_unknown.values())
    parts = [wording.kind_counts(answer.counts)] if several else []
    if unknown and answer.total:
        parts.append(f"dont {wording.number(unknown)} sans niveau indiqué")
    said = ", ".join(parts)
    return said[:1].upper() + said[1:]


def _remarks(answer: Answer) -> list[str]:
    """What the visitor should know of this list: corrections first, then what is not shown."""
    said = [text for text in map(wording.visible, answer.notices) if text]
    if answer.capped:
        said.append(
            f"La liste montre les {wording.number(answer.listed)} premiers résultats "
            "(150 de chaque sorte au plus)\u00a0: précisez la recherche pour voir les autres."
        )
    return said


@dataclass(frozen=True, kw_only=True)
class Banner:
    """A source that has nothing to show, and where to look instead."""

    text: str
    link: Link | None


def _missing(source: SourceState, now: datetime) -> Banner:
    words = wording.kind_words(source.kind)
    since = wording.moment(source.as_of, now)
    if since:
        text = f"{words.source} ne sont pas montrées{wording.NBSP}: les données {since} sont trop anciennes."
    else:
        text = f"{words.source} manquent pour le moment{wording.NBSP}: le décompte est incomplet."
    home = safe_url(source.home_url) or words.home
    return Banner(
        text=text, link=Link(label=f"Chercher sur {wording.site(home)}", href=home, new=True) if home else None
    )


def _late(source: SourceState, now: datetime) -> str:
    words = wording.kind_words(source.kind)
    return f"{words.source}{wording.NBSP}: données {wording.moment(source.as_of, now)}, plus anciennes que d’habitude."


def _source_notice(source: SourceState) -> dict[str, object]:
    return {"code": f"source_{source.status}", "source": source.name, "retryable": True}


def _apart(block: Apart, urls: _Urls) -> Link:
    label = f"{wording.number(block.count)} {block.label}"
    return Link(label=label, href=urls.other(block.query) if block.query else "")


def _ideas(page: ListPage, urls: _Urls) -> list[tuple[str, list[Link]]]:
    """What to try when nothing was found, under what kind of change it is."""
    free = () if "romes" in page.request.lock else page.near
    near = [Link(label=choice.label, href=urls.choice(choice)) for choice in free]
    wider = _next_steps(page, urls)
    return [(label, links) for label, links in (("Élargir la recherche", wider), ("Métiers proches", near)) if links]


def _next_steps(page: ListPage, urls: _Urls) -> list[Link]:
    """What to try when nothing was found, the smallest change first; never something that the partner locked."""
    request = page.request
    steps: list[Link] = []
    place = request.place
    if isinstance(place, Centre) and "radius" not in request.lock and "place" not in request.lock:
        wider = [km for km in RADIUS_CHOICES_KM if km > request.radius_km]
        steps += [Link(label=f"Chercher à {km}{wording.NBSP}km", href=urls.list(radius=km)) for km in wider]
    if request.level is not None and "level" not in request.lock:
        steps.append(Link(label="Tous les niveaux", href=urls.list(level=None)))
    if request.kinds != KINDS and "kinds" not in request.lock:
        names = wording.listed([wording.kind_words(kind).many for kind in KINDS if kind not in request.kinds])
        steps.append(Link(label=f"Voir aussi les {names}", href=urls.list(kinds=None)))
    if isinstance(place, Centre) and place.departement and "place" not in request.lock:
        area = {name: value for name, value in request.canonical().items() if name not in dict(place.given)}
        area.pop("radius", None)
        href = urls.other(area | {"departement": place.departement, "page": 1})
        steps.append(Link(label=f"Tout le département ({place.departement})", href=href))
    elif isinstance(place, Area) and not place.whole_region and place.region and "place" not in request.lock:
        area = {name: value for name, value in request.canonical().items() if name not in dict(place.given)}
        steps.append(Link(label="Toute la région", href=urls.other(area | {"region": place.region, "page": 1})))
    return steps


def _steps(answer: Answer, urls: _Urls) -> list[Step]:
    """Previous, first, around here, last, next."""
    if answer.pages < 2:
        return []
    here, last = answer.page, answer.pages
    shown = sorted({1, last, *range(max(1, here - 1), min(last, here + 1) + 1)})
    steps: list[Step] = []
    if here > 1:
        steps.append(Step(label="Précédente", href=urls.page(here - 1), rel="prev"))
    for before, number in zip([0, *shown], shown, strict=False):
        if number > before + 1:
            steps.append(Step(label="…"))
        current = number == here
        steps.append(Step(label=str(number), href=None if current else urls.page(number), current=current))
    if here < last:
        steps.append(Step(label="Suivante", href=urls.page(here + 1), rel="next"))
    return steps


def _source_line(source: SourceState, now: datetime) -> SourceLine:
    links = []
    licence = safe_url(source.licence_url)
    if licence:
        links.append(Link(label="Conditions de réutilisation", href=licence, new=True))
    home = safe_url(source.home_url)
    if home:
        links.append(Link(label=wording.site(home), href=home, new=True))
    return SourceLine(text=source.attribution or source.label, about=source.label, links=tuple(links))


# The form


def _form(page: ListPage, urls: _Urls) -> Form | None:
    """The whole form, or only the fields that are missing when the partner wants none."""
    request, answer = page.request, page.answer
    job_missing, place_missing = not request.romes, request.place is None
    full = request.look.get("form", "full") == "full"
    if not full and not (job_missing or place_missing):
        return None
    hidden = [*urls.look]
    fields: list[TextField] = []
    fixed: list[str] = []
    for name, missing in (("romes", job_missing), ("place", place_missing)):
        given = _given(request, name)
        hidden += given
        if missing or (full and name not in request.lock):
            field = _job_field(page, urls) if name == "romes" else _place_field(page, urls)
            fields.append(field)
        elif full:
            label = wording.jobs(answer.occupations) if name == "romes" else answer.place.label if answer.place else ""
            fixed.append(f"{'Métier' if name == 'romes' else 'Lieu'}{wording.NBSP}: {label}")
    radius = _radius_options(request)
    kinds = _kind_options(request, answer)
    level = _level_options(request)
    chosen = [
        ("radius", radius, [str(request.radius_km)], f"Rayon{wording.NBSP}: {request.radius_km}{wording.NBSP}km"),
        ("kinds", kinds, list(request.kinds), wording.listed([wording.kind_words(k).many for k in request.kinds])),
        ("level", level, [str(request.level)] if request.level else [], _level_name(request.level)),
    ]
    shown: dict[str, tuple[Option, ...]] = {}
    for name, options, values, text in chosen:
        if full and options and name not in request.lock:
            shown[name] = options
            continue
        hidden += [(name, value) for value in [",".join(values)] if value and value != BY_NAME[name].default]
        if full and options and name in request.lock:
            fixed.append(text[:1].upper() + text[1:])
    if request.limit != int(BY_NAME["limit"].default):
        hidden.append(("limit", str(request.limit)))
    return Form(
        action=f"{urls.root}{LIST_PATH}",
        hidden=tuple(hidden),
        # What is missing comes first.
        fields=tuple(sorted(fields, key=lambda item: bool(item.value))),
        radius=shown.get("radius", ()),
        kinds=shown.get("kinds", ()),
        level=shown.get("level", ()),
        fixed=tuple(fixed),
        open=job_missing or place_missing or page.job is not None or page.place is not None,
    )


def _given(request: SearchRequest, name: str) -> list[tuple[str, str]]:
    """The codes that the page was made from, repeated by the form."""
    if name == "romes":
        return [("romes", ",".join(request.romes))] if request.romes else []
    return [(key, str(value)) for key, value in request.place.given] if request.place else []


def _job_field(page: ListPage, urls: _Urls) -> TextField:
    said = _understood(page.job, urls, "Aucun métier ne correspond à", "Essayez un mot plus courant.")
    return TextField(
        name=JOB_FIELD,
        label="Métier",
        value=wording.jobs(page.answer.occupations) or (page.job.text if page.job else ""),
        locked="romes" in page.request.lock,
        suggest="jobs",
        target="romes",
        example="boulanger, mécanique, développeur web",
        help=said.help,
        error=said.error,
        others=said.others,
    )


def _place_field(page: ListPage, urls: _Urls) -> TextField:
    said = _understood(page.place, urls, "Aucun lieu ne correspond à", "Essayez une ville ou un code postal.")
    place = page.answer.place
    return TextField(
        name=PLACE_FIELD,
        label="Lieu",
        value=(place.label if place else "") or (page.place.text if page.place else ""),
        locked="place" in page.request.lock,
        suggest="places",
        target="insee",
        example="Rennes, 35000, Ille-et-Vilaine",
        help=said.help,
        error=said.error,
        others=said.others,
    )


@dataclass(frozen=True, kw_only=True)
class Understood:
    """What is said under a field about the text that was in it."""

    help: str | None = None
    error: str | None = None
    others: tuple[Link, ...] = field(default=())


def _understood(typed: Typed | None, urls: _Urls, nothing: str, remedy: str) -> Understood:
    if typed is None:
        return Understood()
    text = typed.text[:60]
    if typed.taken is None:
        return Understood(error=f"{nothing} «\u00a0{text}\u00a0». {remedy}")
    if typed.exact or not typed.others:
        return Understood()
    others = tuple(Link(label=choice.label, href=urls.choice(choice)) for choice in typed.others)
    return Understood(help=f"«\u00a0{text}\u00a0» peut aussi vouloir dire\u00a0:", others=others)


def _radius_options(request: SearchRequest) -> tuple[Option, ...]:
    if isinstance(request.place, Area):
        return ()
    choices = sorted({*RADIUS_CHOICES_KM, request.radius_km})
    return tuple(
        Option(
            value=str(km),
            label=f"{km}{wording.NBSP}km" if km else "Cette commune seulement",
            on=km == request.radius_km,
        )
        for km in choices
    )


def _kind_options(request: SearchRequest, answer: Answer) -> tuple[Option, ...]:
    known = bool(request.romes) and request.place is not None
    options = []
    for kind in KINDS:
        name = wording.kind_words(kind).many
        on = kind in request.kinds
        count = wording.number(answer.counts[kind]) if known and on and kind in answer.counts else None
        options.append(Option(value=kind, label=name[:1].upper() + name[1:], on=on, count=count))
    return tuple(options)


def _level_options(request: SearchRequest) -> tuple[Option, ...]:
    every = Option(value="", label="Tous les niveaux", on=request.level is None)
    return (every, *(Option(value=str(n), label=_level_name(n), on=request.level == n) for n in LEVELS))


def _level_name(value: int | None) -> str:
    if value is None:
        return "Tous les niveaux"
    name = wording.LEVELS[value]
    return f"{name[:1].upper()}{name[1:]} (niveau{wording.NBSP}{value})"


# Cards


def _card_views(page: ListPage, urls: _Urls) -> list[CardView]:
    """The cards of the list; the first recruiter says what such a card is, the others only recall it."""
    sources = {source.name: source for source in page.answer.sources}
    first = next((card.id for card in page.answer.cards if card.kind == "recruiter"), None)
    return [
        _card_view(card, sources.get(card.source.name), urls, page.now, explained=card.id == first)
        for card in page.answer.cards
    ]


def _card_view(
    card: ListedCard, source: SourceState | None, urls: _Urls, now: datetime, *, explained: bool
) -> CardView:
    words = wording.kind_words(card.kind)
    url, apply = safe_url(card.url), safe_url(card.apply_url)
    detail = urls.card(card.id)
    action = Link(label=words.apply, href=apply, new=True) if apply else None
    if action is None and url:
        action = Link(label=words.see, href=url, new=True)
    title = card.title.strip() or words.tag
    recruiter = card.kind == "recruiter"
    return CardView(
        id=card.id,
        kind=card.kind,
        tag="Emploi + formation" if wording.SCHOOL_FLAG in card.flags else words.tag,
        demonstration=source is not None and source.demonstration,
        title=title,
        named=title if len(title) <= _TITLE_IN_LINKS else title[:_TITLE_IN_LINKS].rstrip() + "…",
        distance=wording.distance(card.distance_km, card.place),
        organisation=_organisation(card),
        place=wording.where(card.place),
        lines=tuple(_lines(card, source, now)),
        chips=tuple(wording.FLAGS[flag] for flag in card.flags if flag in wording.FLAGS),
        reasons=tuple(reason.text for reason in card.reasons[:3]),
        note=_estimate(card, explained) if recruiter else None,
        source=_freshness(card, source, now),
        also_on=tuple(_also_on(other, urls) for other in card.also_on if other.kind == card.kind),
        twins=tuple(_twin(other, urls) for other in card.also_on if other.kind != card.kind),
        optout=safe_url(card.optout_url),
        title_link=Link(label=title, href=url or detail, new=url is not None),
        action=action,
        detail=detail,
    )


def _organisation(card: ListedCard) -> str | None:
    name = card.organisation.name
    if name is None:
        return "Entreprise non communiquée" if card.kind == "offer" else None
    # A recruiter's title is its name: once is enough.
    return None if name.casefold() == card.title.casefold() else name


def _lines(card: ListedCard, source: SourceState | None, now: datetime) -> Iterable[str]:
    """The short facts of a card, in the order in which a candidate decides."""
    if card.contract:
        contract = wording.listed([wording.CONTRACTS.get(name.casefold(), name) for name in card.contract])
        yield contract[:1].upper() + contract[1:]
    usual = {"training": "target", "offer": "required"}.get(card.kind, "")
    role = source.level_role if source and source.level_role else usual
    level = wording.level(card.level, card.diploma, role)
    if level:
        yield level[:1].upper() + level[1:]
    if card.duration:
        yield f"{card.duration.months}{wording.NBSP}mois"
    starts = wording.day(card.starts_on, now)
    if starts:
        yield f"Début{wording.NBSP}: {starts}"
    if card.remote:
        yield "À distance"
    if card.kind == "recruiter":
        yield from (fact for fact in (card.organisation.sector, card.organisation.headcount) if fact)


def _estimate(card: ListedCard, explained: bool) -> str:
    """What a predicted recruiter is, on every one of them, in full where asked; how strong, for which occupation."""
    said = [wording.EXPLANATION if explained else wording.ESTIMATE]
    band = wording.BANDS.get(card.score_band or "")
    if band:
        said.append(f"Probabilité de recruter{wording.NBSP}: {band}.")
    if card.occupation:
        said.append(f"Pour le métier plus large «\u00a0{card.occupation.label}\u00a0».")
    return " ".join(said)


def _freshness(card: ListedCard, source: SourceState | None, now: datetime) -> str:
    label = card.source.label
    if card.estimated:
        # "Estimation, estimation du 3 novembre" would say it twice.
        told = card.estimated
        return told if told.casefold().startswith(label.casefold()) else f"{label}, {told[:1].lower()}{told[1:]}"
    published, updated = wording.ago(card.published_on, now), wording.ago(card.updated_on, now)
    if published:
        return f"{label}, publiée {published}"
    if updated:
        return f"{label}, mise à jour {updated}"
    since = wording.ago(source.as_of, now) if source else None
    return f"{label}, relevée {since}" if since else label


def _also_on(other: AlsoOn, urls: _Urls) -> Link:
    """The same thing, published elsewhere."""
    url = safe_url(other.url)
    return Link(label=other.label, href=url or urls.card(other.id), new=url is not None)


def _twin(other: AlsoOn, urls: _Urls) -> Link:
    """Another kind of card that was merged into this one: it keeps a page of its own."""
    return Link(
        label=f"Voir aussi{wording.NBSP}: {wording.kind_words(other.kind).tag.lower()}", href=urls.card(other.id)
    )


# Details


def _summary(page: DetailPage) -> list[Row]:
    """What every card has, said in full; the facts of the source follow."""
    card = page.card
    rows = [
        ("Métiers (codes ROME)", ", ".join(card.romes)),
        ("Première publication", wording.full_day(card.published_on)),
        ("Dernière mise à jour", wording.full_day(card.updated_on)),
        ("SIRET", card.organisation.siret),
    ]
    told = {fact.text for fact in page.facts}
    return [Row(label=label, text=text) for label, text in rows if text and text not in told]


def _row(fact: Fact) -> Row:
    html = Markup(nh3.clean(fact.html, tags=_TAGS, attributes={})) if fact.html else None  # noqa: S704 - just cleaned
    url = safe_url(fact.url)
    link = Link(label=fact.text or wording.host(url), href=url, new=True) if url else None
    text = None if link else fact.text or (fact.url if not (html or fact.items) else None)
    items = tuple(item for item in fact.items if item.strip())
    long = html is not None or len(items) > 3 or len(text or "") > 160
    return Row(label=fact.label, text=text, items=items, html=html, link=link, long=long)
