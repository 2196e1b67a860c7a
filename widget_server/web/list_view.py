"""What a list says around its cards: title, status, remarks, sources, and what to try when nothing was found."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from widget_server.domain.answer import Answer, Apart, SourceState
from widget_server.domain.query import MAX_PER_KIND, RADIUS_CHOICES_KM, Area, Centre, SearchRequest
from widget_server.web import wording
from widget_server.web.document import Head, Link
from widget_server.web.language import LANGUAGES, Language, Words
from widget_server.web.links import Urls, safe_url
from widget_server.web.typed import Choice

SHOWN_JOBS: Final = 3
"""More occupations than these are folded."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """The one sentence that is announced: its strong beginning, and the rest."""

    strong: str
    rest: str = ""
    widened: str = ""


@dataclass(frozen=True, kw_only=True)
class Banner:
    """A source that has nothing to show, and where to look instead."""

    text: str
    link: Link | None


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


def title(t: Language, request: SearchRequest, answer: Answer) -> Words:
    """The partner's title, or one made of the job and the place."""
    if request.look.get("title"):
        return Words(request.look["title"])
    job, place = wording.jobs(t, answer.occupations), answer.place
    if job:
        return Words(f"{job}, {place.label}" if place else job, french=True)
    if place:
        return Words(t("Trouver une alternance, {place}", place=place.label))
    return Words(t("Trouver une alternance"))


def head(t: Language, request: SearchRequest, answer: Answer, urls: Urls, public_url: str) -> Head:
    """What a page that stands by itself says to whoever finds or shares its address."""
    about = title(t, request, answer).text
    description = t(
        "{title} : formations, offres et entreprises à contacter en alternance, dans une seule liste.", title=about
    )
    languages = tuple((code, public_url + urls.other_language(code)) for code in LANGUAGES)
    return Head(description=description, canonical=public_url + urls.here(), languages=languages)


def status(
    t: Language,
    request: SearchRequest,
    answer: Answer,
    *,
    down: bool,
    incomplete: bool,
    tried_km: tuple[int, ...] = (),
    from_km: int | None = None,
) -> Status:
    """What was found, in one sentence; and that the search was widened, where it was."""
    if down:
        return Status(strong=t("La liste est indisponible pour le moment."))
    if not request.romes:
        return Status(strong=t("Quel métier cherchez-vous ?"))
    if request.place is None:
        return Status(strong=t("Où cherchez-vous ?"))
    where = wording.radius(t, answer.place)
    if not answer.total:
        known = " " + t("parmi les données disponibles") if incomplete else ""
        farther = t("Ni à {tried}.", tried=_radii(t, tried_km[1:])) if len(tried_km) > 1 else ""
        return Status(strong=t("Aucun résultat"), rest=where + known, widened=farther)
    if incomplete:
        strong = t.plural("Au moins {n} résultat", "Au moins {n} résultats", answer.total)
    else:
        strong = t.plural("{n} résultat", "{n} résultats", answer.total)
    last = " – " + t("page {page} sur {pages}", page=answer.page, pages=answer.pages) if answer.page > 1 else ""
    widened = ""
    if from_km is not None and answer.place and answer.place.radius_km:
        tried = _radii(t, tried_km)
        widened = t("Aucun résultat à {tried} : nous avons cherché à {km} km.", tried=tried, km=answer.place.radius_km)
    return Status(strong=strong, rest=where + last, widened=widened)


def narrow(t: Language, from_km: int | None, urls: Urls) -> Link | None:
    """The way back from a widened search."""
    if from_km is None:
        return None
    return Link(label=t("Revenir à {km} km", km=from_km), href=urls.list(radius=from_km, widen="none"))


def _radii(t: Language, radii: tuple[int, ...]) -> str:
    """ "30 km", "30 ni à 60 km"."""
    first, rest = ", ".join(str(km) for km in radii[:-1]), radii[-1]
    return t("{first} ni à {km} km", first=first, km=rest) if first else t("{km} km", km=rest)


def counts(t: Language, answer: Answer) -> str:
    """The total by kind, when there is more than one; and how many cards a level filter kept without knowing."""
    several = sum(map(bool, answer.counts.values())) > 1
    unknown = sum(answer.level_unknown.values())
    parts = [wording.kind_counts(t, answer.counts)] if several else []
    if unknown and answer.total:
        parts.append(t("dont {n} sans niveau indiqué", n=t.number(unknown)))
    return wording.upper(", ".join(parts))


def remarks(t: Language, answer: Answer) -> list[str]:
    """What the visitor should know of this list: corrections first, then what is not shown."""
    said = [text for text in (wording.visible(t, notice) for notice in answer.notices) if text]
    if answer.capped:
        said.append(
            t(
                "La liste montre les {listed} premiers résultats ({most} de chaque sorte au plus) : "
                "précisez la recherche pour voir les autres.",
                listed=t.number(answer.listed),
                most=MAX_PER_KIND,
            )
        )
    return said


def missing(t: Language, source: SourceState, now: datetime) -> Banner:
    """A source without usable data: said, with the place to look by oneself."""
    words = wording.kind_words(source.kind)
    since = wording.moment(t, source.as_of, now)
    text = t(words.withheld, since=since) if since else t(words.missing)
    home = safe_url(source.home_url) or words.home
    label = t("Chercher sur {site}", site=wording.site(t, home)) if home else ""
    return Banner(text=text, link=Link(label=label, href=home, new=True) if home else None)


def late(t: Language, source: SourceState, now: datetime) -> str:
    """A source whose data are older than they should be."""
    return t(
        "{source} : données {since}, plus anciennes que d’habitude.",
        source=t(wording.kind_words(source.kind).source),
        since=wording.moment(t, source.as_of, now),
    )


def apart(t: Language, block: Apart, urls: Urls) -> Link:
    """Cards that match and are listed elsewhere."""
    return Link(label=wording.apart(t, block), href=urls.other(block.query) if block.query else "")


def ideas(
    t: Language, request: SearchRequest, near: tuple[Choice, ...], tried_km: tuple[int, ...], urls: Urls
) -> list[tuple[str, list[Link]]]:
    """What to try when nothing was found, under what kind of change it is; never what the partner locked."""
    free = () if "romes" in request.lock else near
    jobs = [Link(label=choice.label, href=urls.choice(choice)) for choice in free]
    named = ((t("Élargir la recherche"), _wider(t, request, tried_km, urls)), (t("Métiers proches"), jobs))
    return [(label, links) for label, links in named if links]


def _wider(t: Language, request: SearchRequest, tried_km: tuple[int, ...], urls: Urls) -> list[Link]:
    """The smallest change first."""
    steps: list[Link] = []
    place = request.place
    if isinstance(place, Centre) and "radius" not in request.lock and "place" not in request.lock:
        wider = [km for km in RADIUS_CHOICES_KM if km > request.radius_km and km not in tried_km]
        steps += [Link(label=t("Chercher à {km} km", km=km), href=urls.list(radius=km)) for km in wider]
    if request.level is not None and "level" not in request.lock:
        steps.append(Link(label=t("Tous les niveaux"), href=urls.list(level=None)))
    if request.contract is not None and "contract" not in request.lock:
        steps.append(Link(label=t("Tous les contrats"), href=urls.list(contract=None)))
    hidden = [t(wording.kind_words(kind).many) for kind in request.terms.kinds if kind not in request.kinds]
    if hidden and "kinds" not in request.lock:
        label = t("Voir aussi les {names}", names=wording.listed(t, hidden))
        steps.append(Link(label=label, href=urls.list(kinds=list(request.terms.kinds))))
    if isinstance(place, Centre) and place.departement and "place" not in request.lock:
        href = urls.elsewhere({"departement": place.departement, "radius": None})
        steps.append(Link(label=t("Tout le département ({code})", code=place.departement), href=href))
    elif isinstance(place, Area) and not place.whole_region and place.region and "place" not in request.lock:
        steps.append(Link(label=t("Toute la région"), href=urls.elsewhere({"region": place.region})))
    return steps


def steps(t: Language, answer: Answer, urls: Urls) -> list[Step]:
    """Previous, first, around here, last, next."""
    if answer.pages < 2:
        return []
    here, last = answer.page, answer.pages
    shown = sorted({1, last, *range(max(1, here - 1), min(last, here + 1) + 1)})
    found: list[Step] = []
    if here > 1:
        found.append(Step(label=t("Précédente"), href=urls.page(here - 1), rel="prev"))
    for before, number in zip([0, *shown], shown, strict=False):
        if number > before + 1:
            found.append(Step(label="…"))
        current = number == here
        found.append(Step(label=str(number), href=None if current else urls.page(number), current=current))
    if here < last:
        found.append(Step(label=t("Suivante"), href=urls.page(here + 1), rel="next"))
    return found


def source_line(t: Language, source: SourceState) -> SourceLine:
    """Where the data come from, as their licence asks, and under which terms."""
    links = []
    licence = safe_url(source.licence_url)
    if licence:
        links.append(Link(label=t("Conditions de réutilisation"), href=licence, new=True))
    home = safe_url(source.home_url)
    if home:
        links.append(Link(label=wording.site(t, home), href=home, new=True))
    return SourceLine(text=source.attribution or source.label, about=source.label, links=tuple(links))
