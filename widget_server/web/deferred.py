"""Parts of the web side that a start leaves aside: imported when they are first asked for, or by the warm-up after it.

A first list as JSON needs a third of our modules. The others, with templates and metrics, take as long to import as
numpy does, and no load balancer waits for them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from inspect import isfunction
from threading import Lock
from typing import Final, Generic, TypeVar, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response
from starlette.types import ASGIApp, Receive, Scope, Send

Found = TypeVar("Found")

_LOADING: Final = Lock()
"""One at a time: two threads that import modules which share others would wait for each other."""


class Deferred(Generic[Found]):
    """Something by the module that it is in and its name there."""

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name
        self._found: Found | None = None

    def load(self) -> Found:
        """Import it, unless that has been done. Takes up to 0.1 s: for a thread."""
        with _LOADING:
            if self._found is None:
                self._found = cast("Found", getattr(import_module(self.module), self.name))
            return self._found

    async def get(self) -> Found:
        """The same without holding up the requests beside this one."""
        return self._found if self._found is not None else await asyncio.to_thread(self.load)


Answer = Callable[[Request], Awaitable[Response]]


class Endpoint:
    """A route's endpoint that is deferred: a function of a request, or an ASGI application of its own."""

    def __init__(self, module: str, name: str) -> None:
        self.deferred: Deferred[Answer | ASGIApp] = Deferred(module, name)
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; the first one waits for the import."""
        if self._app is None:
            found = await self.deferred.get()
            is_function = isfunction(found)
            self._app = request_response(cast("Answer", found)) if is_function else cast("ASGIApp", found)
        await self._app(scope, receive, send)
