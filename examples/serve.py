"""Serve the example partner pages on loopback: `python examples/serve.py --port 8001 --widget http://127.0.0.1:8000`.

The pages are what a partner would write, except for `__WIDGET__`, which stands for the address of the widget. Open them
under `localhost` while the widget is under `127.0.0.1`: a host page and its frame then have two origins, as in earnest.
Only the standard library is needed.
"""

import argparse
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

FOLDER: Final = Path(__file__).resolve().parent
PLACEHOLDER: Final = b"__WIDGET__"
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What is served: the pages and what they load, and nothing else that lies in this folder."""

STRICT: Final = (
    "default-src 'none'; script-src {widget}; frame-src {widget}; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; trusted-types 'none'; require-trusted-types-for 'script'"
)
"""As strict as it gets. Only `script-src` and `frame-src` are there for the widget."""
POLICIES: Final = {"strict-csp": STRICT}
"""The folders whose pages get a Content-Security-Policy."""


def widget_origin(text: str) -> str:
    """`http(s)://host[:port]` without a trailing slash; `ValueError` for anything that could break out of a page."""
    address = text.rstrip("/")
    if not re.fullmatch(r"https?://[a-z0-9.\-\[\]:]+", address):
        raise ValueError(f"{text!r} is not http://host or http://host:port, in lower case and without a path")
    return address


class Pages(ThreadingHTTPServer):
    """A server of the pages for one widget; `server_port` is the port, also when 0 was asked for."""

    daemon_threads = True

    def __init__(self, port: int, widget: str) -> None:
        self.widget = widget_origin(widget)
        super().__init__(("127.0.0.1", port), _Page)


class _Page(BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        """Send a page or a file that it loads."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """The same without the body."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        found = _find(path)
        if found is None:
            self.send_error(404)
            return
        if found.name == "index.html" and not path.endswith("/"):
            self.send_response(301)
            # The path comes from the folder, not from the request, which could hold a line break.
            self.send_header("Location", f"/{found.parent.relative_to(FOLDER).as_posix()}/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = found.read_bytes().replace(PLACEHOLDER, self.server.widget.encode())
        self.send_response(200)
        self.send_header("Content-Type", TYPES[found.suffix])
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        policy = POLICIES.get(found.parent.name)
        if policy:
            self.send_header("Content-Security-Policy", policy.format(widget=self.server.widget))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests for pages are not news."""


def _find(path: str) -> Path | None:
    """The file of a URL path; None for what does not exist or is not a page."""
    if "\0" in path:
        return None
    found = (FOLDER / path.lstrip("/")).resolve()
    if found.is_dir():
        found /= "index.html"
    return found if found.is_relative_to(FOLDER) and found.suffix in TYPES and found.is_file() else None


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Serve the example partner pages on loopback.")
    parser.add_argument("--port", type=int, default=8001, help="0 takes a free one")
    parser.add_argument("--widget", default="http://127.0.0.1:8000", help="address of the widget's server")
    told = parser.parse_args()
    try:
        server = Pages(told.port, told.widget)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    sys.stdout.write(f"Example pages: http://localhost:{server.server_port}/\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
