"""`/methode`: how the list is made, from the rules that were really applied to the versions that are shown.

The licence of the offers asks for a public description of what is left out; it comes from the manifests, so that it
cannot differ from what was done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from widget_server import __version__
from widget_server.domain.cards import PublicRule
from widget_server.domain.query import MAX_PER_KIND
from widget_server.snapshot.manifest import Manifest
from widget_server.web import wording
from widget_server.web.document import (
    METHOD_PATH,
    Link,
    Shell,
    document,
    in_language,
    language_of,
    plain_look,
)
from widget_server.web.headers import page_headers
from widget_server.web.language import LANGUAGES, Language, language, mark
from widget_server.web.links import safe_url
from widget_server.web.method_recruiters import PATH, method_of
from widget_server.web.replies import HTML, reply
from widget_server.web.site import cache_control, site_of
from widget_server.web.visits import LIST_PATH

_PARIS = ZoneInfo("Europe/Paris")
_EFFECTS = {
    "reject": mark("non montrée"),
    "flag": mark("montrée avec une mention"),
    "off": mark("règle désactivée ici"),
}
_ASLEEP = mark("sans effet ici : sa liste n’est pas fournie")


@dataclass(frozen=True, kw_only=True)
class RuleRow:
    """One rule, what it does and to how many rows of the current version it did so."""

    why: str
    effect: str
    count: str


@dataclass(frozen=True, kw_only=True)
class SourceMethod:
    """How the cards of one source come into being; method, attribution and the rules are in the source's own words."""

    heading: str
    method: str
    figures: str
    rules: tuple[RuleRow, ...]
    attribution: str
    licence_url: str | None
    home_url: str | None


async def method(request: Request) -> Response:
    """The page, for everybody; it is never framed."""
    site = site_of(request)
    asked = site.parse(request.query_params.multi_items()).request
    t = language_of(asked)
    other = next(code for code in LANGUAGES if code != t.code)
    sources = site.sources()
    manifests = [loaded.snapshot.manifest for loaded in site.library.loaded if loaded.snapshot]
    shell = Shell(base_url="", css=site.assets.style.text, bridge="", version=__version__)
    page = document(
        "method.html",
        shell,
        t,
        plain_look("auto"),
        None,
        title=t("Comment cette liste est faite"),
        search=in_language(LIST_PATH, t.code),
        switch=(other, Link(label=language(other)("Version française"), href=in_language(METHOD_PATH, other))),
        most=MAX_PER_KIND,
        explored=_explored(t, manifests, site.settings.recruiters_exploration),
        demonstration=any(manifest.harvest.demonstration for manifest in manifests),
        sources=[source_method(t, manifest) for manifest in manifests],
        recruiters=PATH if method_of(site) else None,
    )
    headers = page_headers(frame_ancestors=(), scripts=page.script_hashes, styles=page.style_hashes)
    headers["Cache-Control"] = cache_control(sources)
    return reply(request, page.html, HTML, headers=headers)


def source_method(t: Language, manifest: Manifest) -> SourceMethod:
    """What one version says of how it was made."""
    told, counts = manifest.source, manifest.counts
    as_of = datetime.fromisoformat(manifest.harvest.as_of).astimezone(_PARIS)
    figures = t(
        "Données du {day} à {hour} : {read} lignes lues, {shown} fiches montrées, {merged} réunies à une autre qui dit"
        " la même chose.",
        day=wording.full_day(t, f"{as_of:%Y-%m-%d}"),
        hour=f"{as_of:%H:%M}" if t.code == "en" else f"{as_of:%H h %M}",
        read=t.number(counts.read),
        shown=t.number(counts.cards),
        merged=t.number(counts.merged),
    )
    # What really happened comes first; the rules that took nothing keep their order.
    rules = sorted(told.rules, key=lambda rule: -_count(rule, manifest))
    return SourceMethod(
        heading=t("{kind} : {source}", kind=t(wording.kind_words(told.kind).source), source=told.label),
        method=told.method,
        figures=figures,
        rules=tuple(_row(t, rule, manifest) for rule in rules),
        attribution=told.attribution.replace("{date}", f"{as_of:%d/%m/%Y}"),
        licence_url=safe_url(told.licence_url),
        home_url=safe_url(told.home_url),
    )


def _explored(t: Language, manifests: Sequence[Manifest], share: float) -> str:
    """The share of explored places in words; "" when there are none."""
    banded = any(manifest.source.banded for manifest in manifests)
    return t("{percent} %", percent=t.decimal(100 * share)) if banded and share else ""


def _count(rule: PublicRule, manifest: Manifest) -> int:
    counted = manifest.counts.flagged if rule.action == "flag" else manifest.counts.rejected
    return counted.get(rule.id, 0)


def _row(t: Language, rule: PublicRule, manifest: Manifest) -> RuleRow:
    off = rule.action != "off" and not rule.active
    return RuleRow(
        why=rule.why,
        effect=t(_ASLEEP if off else _EFFECTS.get(rule.action, rule.action)),
        count=t.number(_count(rule, manifest)) if rule.active else "–",
    )
