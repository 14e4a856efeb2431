"""URLs that a plan's documents and options name: what a run may reach without being asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import StepError
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.openapi.request.servers import server_url, variables_of


def destinations(plan: Plan) -> Iterator[str]:
    """The URLs of the plan's sources, of the servers of its operations, and of what their schemes name (H0, H2, H5)."""
    for workflow in plan.workflows.values():
        yield from (str(source["url"]) for source in workflow.sources.values())
    for _workflow, _step, exchange in plan.exchanges():
        yield exchange.broker.url
    for step, operation in plan.operations():
        if step.url is not None:
            if step.url.text.startswith(("http://", "https://")):
                yield step.url.text
            continue
        # A redirect may lead to another of the servers that the description names.
        yield from (server.url for server in operation.servers)
        try:
            server = server_url(operation, plan.options.servers, source=step.server_source)
        except StepError:  # the step will say so when it is reached
            continue
        yield server
        yield from _of_schemes(operation, server)


def servers_of(plan: Plan) -> Iterator[tuple[str, str]]:
    """The servers of the plan's operations, each with its source: those described, and the one that is used (H2)."""
    for step, operation in plan.operations():
        if step.url is not None:
            continue
        yield from ((step.server_source, server.url) for server in operation.servers)
        try:
            yield step.server_source, server_url(operation, plan.options.servers, source=step.server_source)
        except StepError:  # the step will say so when it is reached
            continue


def server_variables_of(plan: Plan) -> dict[str, set[str]]:
    """The variables that the servers of the plan's operations have, by source; those of all of them under ``""``."""
    known: dict[str, set[str]] = {"": set()}
    for step, operation in plan.operations():
        for source in ("", step.server_source):
            known.setdefault(source, set()).update(variables_of(operation))
    for _workflow, _step, exchange in plan.exchanges():
        for source in ("", exchange.source):
            known.setdefault(source, set()).update(exchange.server.variables)
    return known


def _of_schemes(operation: Operation, server: str) -> Iterator[str]:
    for alternative in operation.security:
        for name in alternative.keys() & operation.schemes.keys():
            for url in _written(operation.schemes[name].definition):
                try:
                    yield urljoin(f"{server}/", url)
                except ValueError:  # no URL: the token request will say so
                    continue


def _written(definition: Mapping[str, Any]) -> Iterator[str]:
    match definition:
        case {"type": "openIdConnect", "openIdConnectUrl": str(url)}:
            yield url
        case {"type": "oauth2", "flows": dict(flows)}:
            for flow in flows.values():
                match flow:
                    case {"tokenUrl": str(url)}:
                        yield url
