"""The address that a server listens at."""

from __future__ import annotations

import socket
from collections.abc import Callable

from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.interruption import termination_as_interruption
from arazzo_runner.serving.gate import Asgi, names_of

GRACE = 3
"""Seconds that streams of clients may take to end when the server is asked to stop."""


def serve(
    app: Callable[[frozenset[str], int], Asgi],
    host: str,
    port: int,
    ready: Callable[[str], None],
    *,
    option: str,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve an application until the process is asked to stop.

    Args:
        app: makes it, from the values of ``Host`` that are this server, and the port.
        port: 0 for one that is free.
        ready: called with the URL when clients can connect.
        option: that names the address, for errors.
        stopping: called when the process is asked to stop, so that streams end.

    Raises:
        UsageError: the address cannot be listened at.
    """
    import anyio
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: object) -> None:
            stopping()
            super().handle_exit(sig, frame)  # type: ignore[arg-type]

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise UsageError(f"{option} {host}:{port}: {error.strerror or error}", hint="choose another port") from None
    with listening:
        port = int(listening.getsockname()[1])
        config = uvicorn.Config(
            app(names_of(host, port), port),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
        server = Server(config)
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{port}")
        # The server takes the signal, ends, and raises it again: the process then ends as by Ctrl-C, its runs in order.
        with termination_as_interruption():
            anyio.run(server.serve, [listening])
