"""A WebSocket server of the tests: what comes on a path goes to all others that are connected to it.

``python -m tests.servers.websocket_hub PORT [--user USER:PASSWORD] [--certificate FILE --key FILE]``
"""

from __future__ import annotations

import asyncio
import ssl
from argparse import ArgumentParser
from collections import defaultdict

from websockets.asyncio.server import ServerConnection, basic_auth, serve

_connected: dict[str, set[ServerConnection]] = defaultdict(set)


async def relay(connection: ServerConnection) -> None:
    """Pass on what a connection sends."""
    assert connection.request is not None
    others = _connected[connection.request.path.partition("?")[0]]
    others.add(connection)
    try:
        async for message in connection:
            for other in others - {connection}:
                await other.send(message)
    finally:
        others.discard(connection)


async def main() -> None:
    """Serve until the process is killed."""
    parser = ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--user")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    words = parser.parse_args()
    context = None
    if words.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(words.certificate, words.key)
    asked = None
    if words.user:
        name, _, password = words.user.partition(":")
        asked = basic_auth("events", (name, password))
    async with serve(relay, "127.0.0.1", words.port, ssl=context, process_request=asked):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main())
