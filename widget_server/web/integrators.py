"""What the pages for integrators share: configurator, documentation, check. They are never framed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from widget_server import __version__
from widget_server.domain.query import SearchRequest
from widget_server.web.document import Shell, document, look_of
from widget_server.web.headers import tool_headers
from widget_server.web.language import language
from widget_server.web.replies import HTML, reply
from widget_server.web.site import base_url, site_of

CONFIGURATOR_PATH: Final = "/configurateur"
DOCS_PATH: Final = "/docs"
CHECK_PATH: Final = "/v1/check"
_T: Final = language("fr")


@dataclass(frozen=True, kw_only=True)
class Tool:
    """An entry of the navigation."""

    label: str
    href: str
    current: bool


def tool_page(
    request: Request,
    template: str,
    *,
    title: str,
    path: str,
    scripts: bool = False,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: object,
) -> Response:
    """One of these pages, in the visitor's own scheme. `path` is the entry of the navigation that it is."""
    site = site_of(request)
    shell = Shell(base_url="", css="", bridge="", version=__version__)
    tools = [
        Tool(label=label, href=href, current=href == path)
        for label, href in (
            ("Configurateur", CONFIGURATOR_PATH),
            ("Documentation", DOCS_PATH),
            ("Vérifier une page", CHECK_PATH),
        )
    ]
    page = document(
        template,
        shell,
        _T,
        look_of(SearchRequest(look={"scheme": "auto"}), shell),
        None,
        head=None,
        oembed=None,
        title=title,
        tools=tools,
        style_url=f"/assets/{site.assets.built('integrator', '.css').name}",
        script=f"/assets/{site.assets.built('configurator', '.js').name}" if scripts else None,
        **{"base": base_url(request)} | context,
    )
    sent = tool_headers(styles=page.style_hashes) | {"Cache-Control": "no-cache"} | dict(headers or {})
    return reply(request, page.html, HTML, headers=sent, status=status)
