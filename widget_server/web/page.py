"""The page that candidates read: finished HTML from the same `Answer` that `/v1/cards` gives as JSON.

Everything here is pure: data in, bytes out. The page needs one request and no script. Its style sheet, the colours of
the partner, the bridge to the host page and its state are inline; the hashes that allow them are returned with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from widget_server.domain.answer import Answer, ListedCard, SourceState
from widget_server.domain.cards import Fact
from widget_server.domain.query import SearchRequest
from widget_server.web import list_view, wording
from widget_server.web.bridge_state import bridge_state
from widget_server.web.card_facts import fact_rows, summary_rows
from widget_server.web.card_view import card_view, card_views
from widget_server.web.document import (
    Head,
    Link,
    Rendered,
    Shell,
    document,
    language_of,
    look_of,
    plain_look,
)
from widget_server.web.language import LANGUAGES, Language, language
from widget_server.web.links import Urls
from widget_server.web.map_view import map_view
from widget_server.web.search_form import search_form
from widget_server.web.typed import Choice, Typed
from widget_server.web.visits import LIST_PATH


@dataclass(frozen=True, kw_only=True)
class ListPage:
    """One list to render. `now` is aware; `received` the query as it came, which the host page is told back.

    job, place   what the visitor typed, when it had to be understood
    near         occupations to try when nothing is found
    widened_from_km, tried_km, nearest   see `listing/widening.py`
    """

    shell: Shell
    answer: Answer
    request: SearchRequest
    received: Mapping[str, str]
    now: datetime
    job: Typed | None = None
    place: Typed | None = None
    near: tuple[Choice, ...] = ()
    widened_from_km: int | None = None
    tried_km: tuple[int, ...] = ()
    nearest: tuple[ListedCard, ...] = ()

    @property
    def down(self) -> bool:
        """Every source is missing: there is nothing to show, whatever is asked."""
        return bool(self.answer.sources) and all(source.status == "missing" for source in self.answer.sources)


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


def render_list(page: ListPage) -> Rendered:
    """The list with its filters, in whichever state it is."""
    return _render_list(page, down=False)


def render_down(page: ListPage) -> Rendered:
    """Every source is missing: what to do now. The route answers 503."""
    return _render_list(page, down=True)


def render_detail(page: DetailPage) -> Rendered:
    """One card with every fact of its source, on its own page inside the frame."""
    t = language_of(page.request)
    urls = Urls(page.shell, page.request)
    card = page.card
    rows = fact_rows(t, page.facts)
    return document(
        "detail.html",
        page.shell,
        t,
        look_of(page.request, page.shell),
        bridge_state(page.shell, page.received),
        title=f"{card.title} – {t(wording.kind_words(card.kind).tag)}",
        # A card may be named after a person: search engines are told to leave it.
        head=Head(description=card.title) if page.shell.alone else None,
        card=card_view(t, card, page.source, urls, page.now, explained=True),
        back=urls.here(),
        summary=summary_rows(t, card, page.facts),
        short=[row for row in rows if not row.long],
        long=[row for row in rows if row.long],
        source=list_view.source_line(t, page.source),
        demonstration=page.source.demonstration,
    )


def render_gone(shell: Shell, request: SearchRequest, received: Mapping[str, str]) -> Rendered:
    """The card is not there any more. The route answers 404."""
    t = language_of(request)
    return document(
        "gone.html",
        shell,
        t,
        look_of(request, shell),
        bridge_state(shell, received),
        title=t("Cette fiche n’est plus disponible"),
        back=Urls(shell, request).here(),
    )


def render_notice(shell: Shell) -> Rendered:
    """What stands in the frame of an unregistered site: no search, no data, no script. The route answers 403."""
    t = language(LANGUAGES[0])
    look = replace(plain_look(), heading=2)
    title = t("La liste ne peut pas s’afficher ici")
    return document("notice.html", shell, t, look, None, title=title, href=f"{shell.base_url}{LIST_PATH}")


def _render_list(page: ListPage, *, down: bool) -> Rendered:
    answer, request, now = page.answer, page.request, page.now
    t = language_of(request)
    look = look_of(request, page.shell)
    urls = Urls(page.shell, request)
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
                "hint": t("La couleur des liens a été rendue plus lisible ; celle des boutons est inchangée."),
            }
        )
    title = list_view.title(t, request, answer)
    return document(
        "list.html",
        page.shell,
        t,
        look,
        bridge_state(page.shell, page.received, answer, codes, widened_from_km=page.widened_from_km),
        title=title.text,
        heading=title,
        down=down,
        known=known,
        form=None if down else search_form(t, request, answer, urls, job=page.job, place=page.place),
        status=list_view.status(
            t,
            request,
            answer,
            down=down,
            incomplete=bool(missing),
            tried_km=page.tried_km,
            from_km=page.widened_from_km,
        ),
        narrow=list_view.narrow(t, page.widened_from_km, urls),
        nearest=card_views(t, page.nearest, answer.sources, urls, now),
        counts=list_view.counts(t, answer) if known else "",
        jobs=[f"{job.label} ({job.rome})" for job in answer.occupations] if len(answer.occupations) > 1 else [],
        shown_jobs=list_view.SHOWN_JOBS,
        remarks=list_view.remarks(t, answer),
        banners=[] if down else [list_view.missing(t, source, now) for source in missing],
        late=[list_view.late(t, source, now) for source in asked if source.status == "late"],
        demonstration=answer.demonstration,
        cards=card_views(t, answer.cards, answer.sources, urls, now),
        map=map_view(
            t,
            answer.place,
            answer.cards,
            urls,
            tiles=page.shell.tiles,
            shown=request.look.get("view") == "map",
        ),
        ideas=list_view.ideas(t, request, page.near, page.tried_km, urls)
        if known and not answer.total and not down
        else [],
        apart=[] if down else [list_view.apart(t, block, urls) for block in answer.apart],
        steps=list_view.steps(t, answer, urls),
        sources=[list_view.source_line(t, source) for source in answer.sources if source.attribution],
        retry=urls.here(),
        # A widened list keeps the address of the search that was asked for.
        here=urls.list(page=answer.page, radius=page.widened_from_km) if page.widened_from_km else urls.here(),
        public_search=wording.PUBLIC_SEARCH,
        oembed=urls.oembed(page.shell.public_url) if not down and not page.shell.alone else None,
        head=list_view.head(t, request, answer, urls, page.shell.public_url) if page.shell.alone else None,
        switch=_switch(page.shell, t, urls),
    )


def _switch(shell: Shell, t: Language, urls: Urls) -> tuple[str, Link] | None:
    """The same page in the other language, named in that language; a partner chooses the language of its frame."""
    if not shell.alone:
        return None
    other = next(code for code in LANGUAGES if code != t.code)
    return other, Link(label=_name(language(other)), href=urls.other_language(other))


def _name(t: Language) -> str:
    return t("Version française")


def _source_notice(source: SourceState) -> dict[str, object]:
    return {"code": f"source_{source.status}", "source": source.name, "retryable": True}
