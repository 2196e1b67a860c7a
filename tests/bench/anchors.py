"""The servers that we compare with: raw ASGI that sends given bytes, the same through Starlette, and a hello.

    python -m tests.bench.anchors raw PORT FILE        prepared messages, as our fast path has them: the base
    python -m tests.bench.anchors starlette PORT FILE  the same bytes by a route and a Response
    python -m tests.bench.anchors hello PORT           Starlette says "hello"

FILE holds answers as JSON: path -> status, headers, body in base64.
"""

import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

Answers = Mapping[str, tuple[int, list[tuple[bytes, bytes]], bytes]]


def record(file: Path, answers: Mapping[str, tuple[int, dict[str, str], bytes]]) -> None:
    """Write answers that a server gave, to be given again."""
    told = {
        path: [status, headers, base64.b64encode(body).decode()] for path, (status, headers, body) in answers.items()
    }
    file.write_text(json.dumps(told), "utf-8")


def read(file: Path) -> Answers:
    """Answers by path."""
    told = json.loads(file.read_text("utf-8"))
    return {
        path: (status, [(name.encode(), value.encode()) for name, value in headers.items()], base64.b64decode(body))
        for path, (status, headers, body) in told.items()
    }


def raw(answers: Answers) -> ASGIApp:
    """No framework: a look-up, two prepared messages."""
    prepared = {
        path: (
            {"type": "http.response.start", "status": status, "headers": headers},
            {"type": "http.response.body", "body": body},
        )
        for path, (status, headers, body) in answers.items()
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            start, body = prepared[scope["path"]]
            await send(start)
            await send(body)

    return app


def starlette(answers: Answers) -> ASGIApp:
    """The usual way: a function, a Response."""

    async def endpoint(request: Request) -> Response:
        status, headers, body = answers[request.url.path]
        told = {name.decode(): value.decode() for name, value in headers if name != b"content-length"}
        return Response(body, status_code=status, headers=told)

    return Starlette(routes=[Route(path, endpoint) for path in answers])


def hello() -> ASGIApp:
    """The least that Starlette can say."""

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("hello")

    return Starlette(routes=[Route("/", endpoint)])


def main() -> None:
    """Serve one of them, with the options of `widget-server serve`."""
    what, port, *rest = sys.argv[1:]
    answers = read(Path(rest[0])) if rest else {}
    app = {"raw": lambda: raw(answers), "starlette": lambda: starlette(answers), "hello": hello}[what]()
    lifespan = "off" if what == "raw" else "auto"
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http="httptools",
        access_log=False,
        server_header=False,
        log_level="warning",
        lifespan=lifespan,
    )


if __name__ == "__main__":
    main()
