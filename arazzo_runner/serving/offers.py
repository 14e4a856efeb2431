"""A workflow that is offered to an agent: its plan, what it reaches, and the inputs that are the agent's to give."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct

from arazzo_runner.documents.model import Workflow
from arazzo_runner.engine.demands.required_credentials import access_of
from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.openapi.auth.security import CredentialStatus
from arazzo_runner.reports.text import one_line, printable
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.run.workbook import Workbook
from arazzo_runner.secrecy import cut, without_credentials
from arazzo_runner.serving.offered_inputs import missing_secrets, offered_schema, secret_input_names
from arazzo_runner.serving.output_types import output_schemas
from arazzo_runner.serving.reach import Reach, reach_of

KEY = "idempotencyKey"
"""The argument that makes repeated calls one run; a workflow's own input of that name comes first."""
LONGEST = 2_000
"""Characters of a document's description that a tool's has."""


class Terms(Struct, frozen=True):
    """The terms on which workflows are offered.

    Attributes:
        tools: how many workflows are tools of their own; more are found by words.
        only, exclude: patterns of workflow ids and tool names.
        read_only: offer only workflows that reach nothing but GET and HEAD.
        confirm_writes: ask the person before a workflow that may change something.
        wait: seconds until a call answers at the latest.
        max_output: characters of what APIs answered, in one answer.
    """

    tools: int = 20
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    read_only: bool = False
    confirm_writes: bool = False
    wait: float = 25.0
    max_output: int = 20_000


class Grounds(Struct, frozen=True):
    """The things that the person who runs the server gives.

    Attributes:
        options: of every run.
        transport: how requests are sent; the hosts that a plan names are added for each.
        inputs: returns the inputs that the person gives to a plan, secret ones among them.
    """

    options: RunOptions
    transport: TransportOptions
    inputs: Callable[[Plan], Mapping[str, Any]]

    def __repr__(self) -> str:
        # The options have credentials (S1).
        return "<grounds>"


class Offer(Struct, frozen=True, dict=True, eq=False):
    """A workflow that is offered.

    Attributes:
        name: of its tool, unique on the server.
    """

    name: str
    workbook: Workbook
    workflow: Workflow
    grounds: Grounds

    def __repr__(self) -> str:
        return f"<offer of {self.name}>"

    @cached_property
    def plan(self) -> Plan:
        """The plan.

        Raises:
            DocumentError: the workflow cannot be run as it stands.
        """
        return self.workbook.plan(self.workflow.workflow_id, self.grounds.options)

    @cached_property
    def reach(self) -> Reach:
        """The operations that it reaches."""
        return reach_of(self.plan)

    @cached_property
    def given(self) -> Mapping[str, Any]:
        """The inputs that the person gives; the agent neither sees nor changes them."""
        declared = self.plan.workflow.declared_inputs
        return {name: value for name, value in self.grounds.inputs(self.plan).items() if name in declared}

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The inputs that are not the agent's."""
        return secret_input_names(self.plan) | self.given.keys()

    @cached_property
    def transport(self) -> TransportOptions:
        """The options of the transport: the hosts that the plan names can be reached."""
        from arazzo_runner.engine.demands.reachable_urls import destinations

        return self.grounds.transport.naming(*destinations(self.plan))

    @cached_property
    def takes_key(self) -> bool:
        """True when the argument ``idempotencyKey`` is ours and not an input of the workflow."""
        return KEY not in self.plan.workflow.declared_inputs

    @cached_property
    def inputs_schema(self) -> dict[str, Any]:
        """The schema of the inputs that are the agent's."""
        return offered_schema(self.plan, self.hidden)

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        """The schema of the tool's arguments: the agent's inputs, and the key of the call."""
        schema = self.inputs_schema
        if not self.takes_key:
            return schema
        return {**schema, "properties": {**schema["properties"], KEY: KEY_SCHEMA}}

    @cached_property
    def output_types(self) -> dict[str, dict[str, Any]]:
        """A schema for each output."""
        return output_schemas(self.plan)

    @cached_property
    def lacks(self) -> tuple[str, ...]:
        """The secrets that a run needs and nobody has given, each with where to put it."""
        inputs = [
            f"the input {name}: set ARAZZO_INPUT_{name} in the server's environment, or start it with -i {name}=@FILE"
            for name in missing_secrets(self.plan, self.given)
        ]
        schemes = {
            scheme.name: f"a credential for {scheme.name}: start the server with {' or '.join(scheme.options)}"
            + (f", or set {scheme.variable} in its environment" if scheme.variable else "")
            for step in access_of(self.plan)
            if not step.is_met
            for alternative in step.alternatives
            for scheme in alternative
            if scheme.standing is CredentialStatus.MISSING
        }
        return (*inputs, *schemes.values())

    @property
    def title(self) -> str:
        """The title: the summary, or the id."""
        return without_credentials(one_line(self.workflow.summary or self.workflow.workflow_id, 120))

    @property
    def description(self) -> str:
        """The document's words, what is called, and whether that changes data."""
        parts = [self.workflow.summary, self.workflow.description, self.reach.sentence()]
        if self.lacks:
            parts.append("Not ready: the person who runs this server has to give it a secret first.")
        return "\n".join(without_credentials(cut(printable(part.strip()), LONGEST)) for part in parts if part)

    @property
    def prefix(self) -> str:
        """The beginning of the ids of its runs, which tells them from those of everything else."""
        return run_prefix(self.workbook.description.document.uri, self.workflow.workflow_id)


KEY_SCHEMA: Mapping[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 200,
    "description": "Calls with the same key are one run: give a key of your own to be able to repeat a call safely.",
}


def run_prefix(uri: str, workflow_id: str) -> str:
    """Return the beginning of the ids of a workflow's runs."""
    digest = hashlib.sha256(f"{uri}#{workflow_id}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"mcp-{digest[:10]}-"
