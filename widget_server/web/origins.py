"""Origins of partner sites: what may be registered, and which page each one stands for.

The rules are those of `frame-ancestors`, because browsers apply the same list: scheme, host and port are exact, and a
host that begins with `*.` stands for every host under it, never for itself.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_PATTERN: Final = re.compile(
    rf"https://(?:\*\.)?(?:{_LABEL}\.)+{_LABEL}(?::[1-9]\d{{0,4}})?"
    r"|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[1-9]\d{0,4})?"
)
_EVERY_PORT: Final = re.compile(r"http://(?:localhost|127\.0\.0\.1):\*")
_PORTS: Final = {"https": 443, "http": 80}
# Under these anybody can have a site: `*.` before them would let strangers in.
_SHARED: Final = frozenset(
    [
        "com",
        "fr",
        "net",
        "org",
        "eu",
        "io",
        "dev",
        "app",
        "gouv.fr",
        "asso.fr",
        "github.io",
        "gitlab.io",
        "pages.dev",
        "netlify.app",
        "vercel.app",
        "herokuapp.com",
        "azurewebsites.net",
        "web.app",
        "firebaseapp.com",
        "wordpress.com",
        "wixsite.com",
        "blogspot.com",
        "co.uk",
        "re",
        "nc",
        "pf",
    ]
)


def refuse_pattern(origin: str, *, test: bool = False) -> str | None:
    """Why this cannot be registered, with what would be right; None when it can. `test` keys may take every port."""
    if _EVERY_PORT.fullmatch(origin):
        return None if test else "every port of this machine is for test = true only"
    if _PATTERN.fullmatch(origin):
        scheme, host, port = _parts(origin)
        if port is not None and port > 65535:
            return "there is no such port"
        if host.startswith("*.") and host[2:] in _SHARED:
            return f"anybody can have a site under {host[2:]}: name your own domain after *."
        if port == _PORTS[scheme]:
            return f"browsers leave out this port: write {origin.rpartition(':')[0]}"
        return None
    if canonical := canonical_origin(origin):
        if canonical != origin and refuse_pattern(canonical, test=test) is None:
            return f"write {canonical}"
        if canonical.startswith("http://"):
            return "http:// is for this machine only (localhost); a site needs https://"
    return "exactly https://host or https://host:port, in lower case, without a path; *. may stand before the host"


def stands_for(pattern: str, origin: str) -> bool:
    """Whether a registered pattern is this exact origin, or covers it."""
    return re.fullmatch(pattern_of([pattern]), origin) is not None


def pattern_of(origins: Iterable[str]) -> str:
    """One anchored regular expression, for JavaScript and for Python, of all pages that registered origins stand for.

    Without any origin it matches nothing.
    """
    told = [re.sub(r"[.\[\]]", r"\\\g<0>", origin).replace("*", "[a-z0-9.-]+") for origin in origins]
    return f"^(?:{'|'.join(told)})$" if told else "^(?!)"


def canonical_origin(text: str) -> str | None:
    """The origin of an address as a browser says it: lower case, no path, no default port. None when it is none."""
    text = text.strip()
    if any(char <= " " or char == "@" for char in text):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    name = parts.hostname or ""
    if parts.scheme not in _PORTS or not re.fullmatch(r"[a-z0-9.:*-]+", name):
        return None
    host = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{host}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


def _parts(origin: str) -> tuple[str, str, int | None]:
    scheme, _, rest = origin.partition("://")
    host, colon, port = rest.rpartition(":")
    return (scheme, host, int(port)) if colon and port.isdigit() else (scheme, rest, None)
