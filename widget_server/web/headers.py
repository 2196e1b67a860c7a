"""The security headers of each kind of answer; values come from the registry and the build, never from a query."""

from collections.abc import Sequence
from typing import Final

from widget_server.domain.query import BY_NAME, Problem

EVERYWHERE: Final = {
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
"""On every answer."""

_FRAMED: Final = {"Cross-Origin-Embedder-Policy": "credentialless", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Of what others frame: a host page that is isolated (SharedArrayBuffer) refuses frames that say nothing of the first.

`credentialless`, not `require-corp`: the pictures of the map's tiles come from a server that says nothing either.
"""


def page_headers(
    *, frame_ancestors: Sequence[str], scripts: Sequence[str], styles: Sequence[str], images: Sequence[str] = ()
) -> dict[str, str]:
    """Headers of a page that the partner's origins may frame.

    Style and script are allowed by hash, not by nonce, so that a page and its headers can be cached together.
    """
    policy = {
        "default-src": "'none'",
        "script-src": " ".join([*scripts, "'self'"]),
        "style-src": " ".join([*styles, "'self'"]),
        "img-src": " ".join(["'self' data:", *images]),
        "connect-src": "'self'",
        "font-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": " ".join(frame_ancestors) or "'none'",
        # `default` is that of the map: it lets through the three texts that Leaflet needs to start, and nothing else.
        "trusted-types": "alternance default" if images else "alternance",
        "require-trusted-types-for": "'script'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        **_FRAMED,
        "Origin-Agent-Cluster": "?1",
        "Permissions-Policy": "camera=(), microphone=(), payment=(), geolocation=(self)",
    }


def tool_headers(*, styles: Sequence[str]) -> dict[str, str]:
    """Headers of a page that stands alone: nobody frames it, and it may frame our own list."""
    sent = page_headers(frame_ancestors=(), scripts=(), styles=styles)
    policy = sent["Content-Security-Policy"].replace("connect-src", "frame-src 'self'; connect-src")
    alone = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"}
    return sent | alone | {"Content-Security-Policy": policy, "X-Frame-Options": "DENY"}


def noticed(problems: Sequence[Problem]) -> dict[str, str]:
    """What was wrong with a query, for whoever watches headers: `Alternance-Notice: out_of_bounds;param=radius`.

    Codes and names of the table only: nothing that a stranger wrote reaches a header.
    """
    told = [problem.code + (f";param={problem.param}" if problem.param in BY_NAME else "") for problem in problems]
    return {"Alternance-Notice": ", ".join(dict.fromkeys(told))} if told else {}


def notice_headers(styles: Sequence[str]) -> dict[str, str]:
    """Headers of the inert notice that stands in a frame nobody allowed: no script, no form, any ancestor."""
    policy = (
        f"default-src 'none'; style-src {' '.join(styles)}; img-src data:; base-uri 'none'; form-action 'none';"
        " frame-ancestors *"
    )
    return {"Content-Security-Policy": policy, **_FRAMED}
