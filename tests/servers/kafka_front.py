"""A front for a Kafka broker that cannot do it itself: TLS, and SASL with the mechanism PLAIN.

``python -m tests.servers.kafka_front PORT BROKER_PORT [--user USER:PASSWORD] [--certificate FILE --key FILE]``
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from argparse import ArgumentParser
from asyncio import StreamReader, StreamWriter
from contextlib import suppress

_HANDSHAKE, _AUTHENTICATE, _VERSIONS = 17, 36, 18
_FAILED = 58
"""SASL_AUTHENTICATION_FAILED."""


async def frame(reader: StreamReader) -> bytes:
    """The next request or response, without its length."""
    (length,) = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(length)


def framed(content: bytes) -> bytes:
    """A request or response with its length."""
    return struct.pack(">i", len(content)) + content


async def authenticated(
    reader: StreamReader, writer: StreamWriter, broker: tuple[StreamReader, StreamWriter], user: bytes
) -> bool:
    """Answer a client until it has said who it is; its questions for versions are the broker's to answer."""
    while True:
        request = await frame(reader)
        kind, _version, number = struct.unpack(">hhi", request[:8])
        if kind == _HANDSHAKE:
            writer.write(framed(struct.pack(">ihih", number, 0, 1, 5) + b"PLAIN"))
        elif kind == _AUTHENTICATE:
            right = user in request
            code = 0 if right else _FAILED
            writer.write(framed(struct.pack(">ihh", number, code, -1) + struct.pack(">iq", 0, 0)[: 4 + 8 * _version]))
            await writer.drain()
            return right
        elif kind == _VERSIONS:
            broker[1].write(framed(request))
            writer.write(framed(await frame(broker[0])))
        else:
            return False


async def pipe(reader: StreamReader, writer: StreamWriter) -> None:
    """Pass everything on."""
    with suppress(OSError, ssl.SSLError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main() -> None:
    """Serve until the process is killed."""
    parser = ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("broker_port", type=int)
    parser.add_argument("--user")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    words = parser.parse_args()
    context = None
    if words.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(words.certificate, words.key)

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        broker = await asyncio.open_connection("127.0.0.1", words.broker_port)
        with suppress(asyncio.IncompleteReadError, OSError):
            if words.user:
                secret = words.user.replace(":", "\0", 1).encode()
                if not await authenticated(reader, writer, broker, secret):
                    writer.close()
                    broker[1].close()
                    return
            await asyncio.gather(pipe(reader, broker[1]), pipe(broker[0], writer))

    async with await asyncio.start_server(serve, "127.0.0.1", words.port, ssl=context) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
