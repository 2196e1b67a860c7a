"""Servers of a few lines on this machine, for what only real sockets show."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

SELF_SIGNED = Path(__file__).parent / "self_signed.pem"

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Where a server listens, and what it has seen."""

    port: int = 0
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)


def tls() -> ssl.SSLContext:
    """A server's side of a connection that no client should trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SELF_SIGNED)
    return context


@asynccontextmanager
async def served(answer: Answer, *, secure: bool = False) -> AsyncIterator[Server]:
    """A server that reads the head of each request and lets `answer` write."""
    seen = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError), closing(writer):
            while not writer.is_closing():
                seen.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await answer(writer)
                await writer.drain()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls() if secure else None)
    seen.port = server.sockets[0].getsockname()[1]
    async with server:
        yield seen
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks)
