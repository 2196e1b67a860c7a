"""A server of a few lines that speaks HTTP/2 over TLS, by h2: which protocol a client chose, and what it called."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import h2.config
import h2.connection
import h2.events

TRUSTED = Path(__file__).parent / "trusted.pem"
"""The certificate of HOST, and its key; whoever is told to trust it may call."""
HOST = "127.0.0.2"


@dataclass
class Server:
    """Where it listens, and what it has seen."""

    port: int = 0
    protocols: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@asynccontextmanager
async def served(body: bytes, *, offers: tuple[str, ...] = ("h2", "http/1.1")) -> AsyncIterator[Server]:
    """Answers each call with this JSON, in HTTP/2 where client and server agree on it, else in HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TRUSTED)
    context.set_alpn_protocols(list(offers))
    seen = Server()
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        protocol = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        seen.protocols.append(protocol)
        speak = _speak_2 if protocol == "h2" else _speak_1
        try:
            await speak(reader, writer, body, seen)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, HOST, 0, ssl=context)
    seen.port = server.sockets[0].getsockname()[1]
    async with server:
        yield seen
        for writer in writers:
            writer.close()


async def _speak_1(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes, seen: Server) -> None:
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.paths.append(head.split()[1].decode())
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        await writer.drain()


async def _speak_2(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes, seen: Server) -> None:
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    writer.write(connection.data_to_send())
    while told := await reader.read(65_536):
        for event in connection.receive_data(told):
            if isinstance(event, h2.events.RequestReceived):
                seen.paths.append(dict(event.headers)[b":path"].decode())
                connection.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/json")])
                connection.send_data(event.stream_id, body, end_stream=True)
        writer.write(connection.data_to_send())
        await writer.drain()
