"""The ways in which a server is reached: standard input and output of its client, or HTTP."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

from arazzo_runner.mcp.server import WorkflowServer
from arazzo_runner.serving.gate import Asgi, BearerToken, Gate
from arazzo_runner.serving.listening import serve

PATH = "/mcp"


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

    def app(hosts: frozenset[str], _: int) -> Asgi:
        return http_app(workflows, hosts, token)

    serve(app, host, port, lambda url: ready(f"{url}{PATH}"), option="--http")


def http_app(workflows: WorkflowServer, hosts: frozenset[str], token: str | None) -> Asgi:
    """Return the ASGI application of the HTTP transport, behind its gate."""
    origins = [f"{scheme}://{host}" for host in sorted(hosts) for scheme in ("http", "https")]
    settings = TransportSecuritySettings(allowed_hosts=sorted(hosts), allowed_origins=origins)
    inner = workflows.server().streamable_http_app(streamable_http_path=PATH, transport_security=settings)
    return Gate(inner, hosts, None if token is None else BearerToken(token))
