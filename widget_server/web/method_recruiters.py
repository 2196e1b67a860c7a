"""`/methode/recruteurs`: the card of the model behind the estimates that are shown; it travels with their version."""

from dataclasses import replace
from typing import Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from widget_server import __version__
from widget_server.domain.plots import draw
from widget_server.domain.sections import Plot, Sections
from widget_server.web.document import METHOD_PATH, Look, Rendered, Shell, document, plain_look
from widget_server.web.headers import page_headers
from widget_server.web.language import language
from widget_server.web.replies import HTML, reply
from widget_server.web.site import Site, cache_control, site_of
from widget_server.web.visits import LIST_PATH

PATH: Final = f"{METHOD_PATH}/recruteurs"
_T = language("fr")
_CSS: Final = """
.method{max-width:none}
.method>:not(.figures){max-width:44rem}
.back a{margin-right:20px}
.method .named{margin:20px 0 6px;font-weight:600;font-size:.9375rem}
.figures{overflow-x:auto;width:fit-content;min-width:min(44rem,100%);max-width:100%;margin:0 0 24px;
border:1px solid var(--line);border-radius:var(--corner)}
.figures:focus-visible{outline:3px solid var(--accent-edge);outline-offset:2px}
.figures table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}
.figures th,.figures td{padding:6px 12px;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
.figures thead th{white-space:nowrap;border-top:0}
.figures td{white-space:nowrap}
.figures tr>:first-child{position:sticky;left:0;min-width:8.5rem;background:var(--page)}
.figures tbody th{font-weight:400}
.method figure{margin:0 0 28px}
.method figure svg{display:block;width:100%;max-width:25rem;height:auto;border:1px solid var(--line)}
.method figcaption{margin-top:6px;font-size:.875rem;color:var(--muted)}
@media (min-width:48rem){.figures tr>:first-child{min-width:11rem}}
@media print{
.figures{overflow:visible;width:auto}
.figures table{font-size:.6875rem}
.figures th,.figures td{padding:3px 6px}
.figures thead th,.figures td{white-space:normal;overflow-wrap:normal}
.figures tr>:first-child{min-width:0}
.figures tr,.method figure{break-inside:avoid}
.method h2,.method .named{break-after:avoid}
}
"""
"""Of this page only: every other page inlines its style, and should not carry this."""


def method_of(site: Site) -> Sections | None:
    """The card of the first source that is shown and brought one along."""
    shown = (source.snapshot for source in site.sources() if source.snapshot is not None)
    return next((snapshot.method for snapshot in shown if snapshot.method is not None), None)


def render_method(told: Sections | None, shell: Shell, look: Look) -> Rendered:
    """The page of a card, or that there is none."""
    return document(
        "method_recruiters.html",
        replace(shell, css=shell.css + _CSS),
        _T,
        look,
        None,
        title=told.title if told else "Aucune fiche du modèle",
        search=LIST_PATH,
        method_path=METHOD_PATH,
        demonstration=told is not None and told.demonstration,
        sections=told.sections if told else (),
        drawn=_drawn,
    )


async def method_recruiters(request: Request) -> Response:
    """The page, for everybody; 404 while nothing that is shown has such a card."""
    site = site_of(request)
    told = method_of(site)
    shell = Shell(base_url="", css=site.assets.style.text, bridge="", version=__version__)
    page = render_method(told, shell, plain_look("auto"))
    headers = page_headers(frame_ancestors=(), scripts=page.script_hashes, styles=page.style_hashes)
    headers["Cache-Control"] = cache_control(site.sources()) if told else "no-store"
    return reply(request, page.html, HTML, headers=headers, status=200 if told else 404)


def _drawn(plot: Plot) -> Markup:
    return Markup(draw(plot))  # noqa: S704 - made here from numbers, its texts escaped
