"""The ways in which a server is reached: standard input and output of its client, or HTTP."""

from __future__ import annotations

import socket
from collections.abc import Callable

import anyio
import uvicorn
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

from arazzo_runner.errors import UsageError
from arazzo_runner.mcp.gate import Asgi, Gate, names_of
from arazzo_runner.mcp.server import WorkflowServer

PATH = "/mcp"
GRACE = 3
"""Seconds that streams of clients may take to end when the server is asked to stop."""


def serve_stdio(workflows: WorkflowServer) -> None:
    """Serve the client that started this process, until it closes our standard input."""

    async def served() -> None:
        server = workflows.server()
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    anyio.run(served)


def serve_http(workflows: WorkflowServer, host: str, port: int, token: str, ready: Callable[[str], None]) -> None:
    """Serve clients that know the token, until the process is asked to stop.

    Args:
        port: 0 for one that is free.
        ready: called with the URL when clients can connect.

    Raises:
        UsageError: the address cannot be listened at.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise UsageError(f"--http {host}:{port}: {error.strerror or error}", hint="choose another port") from None
    with listening:
        port = int(listening.getsockname()[1])
        app = http_app(workflows, names_of(host, port), token)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=GRACE
        )
        server = uvicorn.Server(config)
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{port}{PATH}")
        anyio.run(server.serve, [listening])


def http_app(workflows: WorkflowServer, hosts: frozenset[str], token: str | None) -> Asgi:
    """Return the ASGI application of the HTTP transport, behind its gate."""
    origins = [f"{scheme}://{host}" for host in sorted(hosts) for scheme in ("http", "https")]
    settings = TransportSecuritySettings(allowed_hosts=sorted(hosts), allowed_origins=origins)
    inner = workflows.server().streamable_http_app(streamable_http_path=PATH, transport_security=settings)
    return Gate(inner, hosts, token)
