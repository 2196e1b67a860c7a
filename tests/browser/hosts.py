"""Pages of an imaginary partner, written by a test: served from another origin than the widget, with any policy."""

from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

SEARCH: Final = "romes=D1102&insee=35238"
SANDBOX: Final = "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox"


class Host(ThreadingHTTPServer):
    """Serves `pages`, by path, scripts too; `headers` go with all. At `localhost` and at `127.0.0.1`: two origins."""

    daemon_threads = True

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        super().__init__(("127.0.0.1", 0), _Page)

    @property
    def origin(self) -> str:
        """The origin that the partner registered."""
        return f"http://localhost:{self.server_port}"

    @property
    def other_origin(self) -> str:
        """The same pages under an origin that nobody registered."""
        return f"http://127.0.0.1:{self.server_port}"


class _Page(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        """Send a page."""
        text = self.server.pages.get(self.path)
        if text is None:
            # No picture for the tab, and nothing else.
            self.send_response(204 if self.path == "/favicon.ico" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = text.encode()
        self.send_response(200)
        kind = "javascript" if self.path.endswith(".js") else "html"
        self.send_header("Content-Type", f"text/{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests for pages are not news."""


@dataclass(frozen=True)
class Pasted:
    """What a partner pastes, for one widget and one partner."""

    widget: str
    partner: str = "essai"

    @property
    def script(self) -> str:
        """The loader."""
        return f'<script async src="{self.widget}/embed/v1.js"></script>'

    def page_url(self, search: str = SEARCH) -> str:
        """The address of the list."""
        return f"{self.widget}/v1/widget?partner={self.partner}&{search}"

    def form_a(self, search: str = SEARCH, *, height: int = 3400, loading: str = "eager", more: str = "") -> str:
        """A frame inside the element."""
        address = self.page_url(search).replace("&", "&amp;")
        return (
            f'<alternance-widget {more}><iframe src="{address}" title="Boulangerie" '
            f'width="100%" height="{height}" loading="{loading}" sandbox="{SANDBOX}"></iframe></alternance-widget>'
        )

    def form_b(self, attributes: str = 'romes="D1102" insee="35238"', *, loading: str = "eager") -> str:
        """An element with attributes and a link."""
        return (
            f'<alternance-widget partner="{self.partner}" {attributes} loading="{loading}">'
            f'<a href="{self.page_url()}">Voir les offres</a></alternance-widget>'
        )

    def form_c(self, attributes: str = 'data-romes="D1102" data-insee="35238"') -> str:
        """The script alone."""
        return (
            f'<script async src="{self.widget}/embed/v1.js" data-partner="{self.partner}" {attributes} '
            'data-loading="eager"></script>'
        )


def document(body: str) -> str:
    """A whole page around what was pasted."""
    return (
        f'<!doctype html><html lang="fr"><meta charset="utf-8"><title>Un partenaire</title><body>{body}</body></html>'
    )
