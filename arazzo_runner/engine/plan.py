"""A plan: a workflow and all it can reach, resolved, parsed and checked before the first request. Frozen.

``planning.make_plan`` makes it from documents. Workflows refer to one another by key, steps by index, so that a run's
state needs no object of the plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec import Struct, field

from arazzo_runner.documents.model import ExpressionType
from arazzo_runner.documents.reader import Document
from arazzo_runner.errors import Place, Problem
from arazzo_runner.expressions.criteria import CompiledCriterion
from arazzo_runner.expressions.templates import CompiledValue
from arazzo_runner.openapi.auth.credentials import Credentials
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.openapi.request.servers import ServerOptions
from arazzo_runner.secrecy import SECRET_HEADERS, SecretNames, shown

if TYPE_CHECKING:
    from arazzo_runner.engine.planned_messages import PlannedExchange
    from arazzo_runner.engine.x_security import PlannedCredential

DEFAULT_MAX_STEPS = 10_000
DEFAULT_POLL_INTERVAL = 1.0
DEFAULT_MAX_RETRY_AFTER = 300.0
DEFAULT_RECEIVE_TIMEOUT = 30.0
MAX_DEPTH = 50
"""How deeply workflows may call one another (F6)."""


Level: TypeAlias = Literal["off", "warn", "error"]
"""The levels of ``--check``: what a breach of a description does."""


class Spot(Struct, frozen=True):
    """A place of the plan in its document. The position in the text is computed only when it is asked for."""

    document: Document
    pointer: str

    @property
    def place(self) -> Place:
        """File, line and column."""
        return self.document.place(self.pointer)


class RunOptions(Struct, frozen=True):
    """The behavior of a run where the document leaves it to the user. Times in seconds.

    Attributes:
        strict: the specification's forms only.
        force: run although a criterion cannot be parsed; it then fails (C1).
        poll_interval: F5; 0 turns pacing off.
        max_steps: step attempts of the whole run (F6).
        timeout: of the whole run, or None.
        max_retry_after: the longest single wait, whoever asks for it (F4, F5).
        expect: simple conditions on ``$outputs`` and ``$inputs`` that must hold when the workflow has succeeded, else
            the run fails (``expectation-failed``).
        servers: H2.
        missing_output: whether the run ends as failed where it would report that an output is missing (D2):
            ``warn`` or ``error``.
        credentials: H5; secrets, which no digest or message of ours holds.
        cookies: keep the cookies that answers set, and send them (H6).
        headers: fields that neither document nor description has, each with its source, empty for all (H6).
        secret: names that are a secret's, whatever their words say (S1).
        not_secret: names that are none.
        receive: whether a step takes the first message that matches, or waits until its criteria pass (M9).
        receive_timeout: for which a step without a timeout of its own waits for a message (M10).
        from_earliest: read logs of messages from their beginning (M5).
        consume: names of sources that may be read where that takes messages from others (M17).
    """

    strict: bool = False
    force: bool = False
    poll_interval: float = DEFAULT_POLL_INTERVAL
    max_steps: int = DEFAULT_MAX_STEPS
    timeout: float | None = None
    max_retry_after: float = DEFAULT_MAX_RETRY_AFTER
    missing_output: Literal["warn", "error"] = "warn"
    expect: tuple[str, ...] = ()
    servers: ServerOptions = field(default_factory=ServerOptions)
    credentials: Credentials = field(default_factory=Credentials)
    cookies: bool = False
    headers: tuple[tuple[str, str, str], ...] = ()
    secret: tuple[str, ...] = ()
    not_secret: tuple[str, ...] = ()
    receive: Literal["first", "until-pass"] = "first"
    receive_timeout: float = DEFAULT_RECEIVE_TIMEOUT
    from_earliest: bool = False
    consume: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return shown(self, without=("credentials", "headers"))

    @property
    def secret_names(self) -> SecretNames:
        """The names that are a secret's in this run (S1)."""
        return SecretNames(self.secret, self.not_secret)


class PlannedParameter(Struct, frozen=True):
    """A parameter, the step's own or the workflow's; ``location`` is None for an input of a workflow.

    Attributes:
        text: the value as written, for messages.
        spot: where the value stands.
    """

    name: str
    location: str | None
    value: CompiledValue
    text: str
    spot: Spot


class PlannedReplacement(Struct, frozen=True):
    """A payload replacement; ``spot`` is where its value stands."""

    target: str
    selector: ExpressionType | None
    value: CompiledValue
    spot: Spot


class PlannedBody(Struct, frozen=True):
    """A request body.

    Attributes:
        content_type: as the step says, or None for the operation's.
        payload: for any content type but JSON, when it is text; else for all.
        json_payload: the payload as a template for JSON text (V6).
        spot: where the payload stands.
    """

    content_type: str | None
    payload: CompiledValue
    json_payload: CompiledValue
    replacements: tuple[PlannedReplacement, ...]
    spot: Spot


class PlannedAction(Struct, frozen=True):
    """A success or failure action.

    Attributes:
        step: index of the step that it leads to, or None.
        workflow: key of the workflow that it leads to, or None.
    """

    name: str
    type: Literal["end", "goto", "retry"]
    step: int | None
    workflow: str | None
    parameters: tuple[PlannedParameter, ...]
    criteria: tuple[CompiledCriterion, ...]
    retry_after: float | None
    retry_limit: int
    spot: Spot


class ForeignStep(Struct, frozen=True):
    """A step of another workflow that a step depends on (1.1).

    Attributes:
        reference: as the document says it.
        workflow: key of its workflow, which the plan has when the run can come to it.
    """

    reference: str
    workflow: str
    workflow_id: str
    step_id: str


class PlannedUrl(Struct, frozen=True):
    """A URL that the document gives, or an expression for one (``x-operation``).

    Attributes:
        text: as written.
    """

    value: CompiledValue
    text: str


class PlannedStep(Struct, frozen=True):
    """A step: the call of an operation or of a workflow, or a message.

    Attributes:
        index: its place in the order of execution, from 0 (F8).
        depends_on: indexes of the steps of its workflow that have to be completed before it.
        depends_elsewhere: those of other workflows.
        outputs: None when the step declares none, which for a workflow step means the child's (F7).
        timeout: seconds, or None (F9; the document says milliseconds).
        url: the URL of ``x-operation``, which takes the place of server and path; or None (H1).
        credentials: those of ``x-security`` (H1).
        accept: the value of ``Accept``, unless the step sends one itself.
        exchange: what it sends or receives over a broker; None for a step that does neither.
    """

    step_id: str
    index: int
    depends_on: tuple[int, ...]
    depends_elsewhere: tuple[ForeignStep, ...]
    operation: Operation | None
    workflow: str | None
    server_source: str
    parameters: tuple[PlannedParameter, ...]
    body: PlannedBody | None
    criteria: tuple[CompiledCriterion, ...]
    on_success: tuple[PlannedAction, ...]
    on_failure: tuple[PlannedAction, ...]
    outputs: tuple[tuple[str, CompiledValue], ...] | None
    timeout: float | None
    spot: Spot
    url: PlannedUrl | None = None
    credentials: tuple[PlannedCredential, ...] = ()
    accept: str = "*/*"
    exchange: PlannedExchange | None = None

    @property
    def title(self) -> str:
        """The step's title for people: method and path, action and address, or the workflow's id."""
        if self.operation is not None and self.url is not None:
            return f"{self.operation.method} {self.url.text}"
        if self.operation is not None:
            return f"{self.operation.method} {self.operation.path}"
        if self.exchange is not None:
            return self.exchange.title
        return f"workflow {self.workflow.rpartition('#')[2]}" if self.workflow is not None else self.step_id


class PlannedWorkflow(Struct, frozen=True):
    """A workflow with its document's surroundings.

    Attributes:
        key: document and workflow id, unique in the plan.
        input_schema: self-contained JSON Schema, or None.
        declared_inputs: the names that the schema declares.
        steps: in the order of execution (F8).
        sources, components: what ``$sourceDescriptions`` and ``$components`` mean here.
        self_uri: ``$self``, or None.
    """

    key: str
    workflow_id: str
    summary: str | None
    input_schema: Mapping[str, Any] | None
    declared_inputs: tuple[str, ...]
    depends_on: tuple[str, ...]
    steps: tuple[PlannedStep, ...]
    outputs: tuple[tuple[str, CompiledValue], ...]
    sources: Mapping[str, Mapping[str, Any]]
    components: Mapping[str, Mapping[str, Any]]
    self_uri: str | None
    spot: Spot


class Plan(Struct, frozen=True):
    """All that a run needs.

    Attributes:
        entry: key of the workflow that was asked for.
        problems: what is worth knowing before the run: warnings and hints, no errors.
        fingerprint: of the documents and options, which a state resumed has to match.
        receivers: the receive steps that the run can come to, by key of the workflow and index (M4).
    """

    entry: str
    workflows: Mapping[str, PlannedWorkflow]
    options: RunOptions
    problems: tuple[Problem, ...] = ()
    fingerprint: str = ""
    receivers: tuple[tuple[str, int], ...] = ()

    @property
    def workflow(self) -> PlannedWorkflow:
        """The workflow that was asked for."""
        return self.workflows[self.entry]

    def operations(self) -> Iterator[tuple[PlannedStep, Operation]]:
        """The steps of all its workflows that call an operation, each with it."""
        for workflow in self.workflows.values():
            for step in workflow.steps:
                if step.operation is not None:
                    yield step, step.operation

    @property
    def has_messages(self) -> bool:
        """Tell if a step of it sends or receives messages."""
        return any(True for _ in self.exchanges())

    def exchanges(self) -> Iterator[tuple[PlannedWorkflow, PlannedStep, PlannedExchange]]:
        """The steps of all its workflows that send or receive messages."""
        for workflow in self.workflows.values():
            for step in workflow.steps:
                if step.exchange is not None:
                    yield workflow, step, step.exchange

    @property
    def secret_headers(self) -> frozenset[str]:
        """The headers that credentials are sent in: of the security schemes, and added ones whose names say so (S1)."""
        added = (name for _source, name, _value in self.options.headers if self.options.secret_names.has(name))
        return self._keys_in("header") | frozenset(added)

    @property
    def secret_queries(self) -> frozenset[str]:
        """The query parameters that the security schemes of the plan's operations are sent in (S1)."""
        return self._keys_in("query")

    @property
    def credential_inputs(self) -> frozenset[str]:
        """The inputs that the workflow's steps send where credentials go: secrets, whatever they are called (S1)."""
        places = {("header", name) for name in SECRET_HEADERS | {name.lower() for name in self.secret_headers}}
        places |= {("query", name) for name in self.secret_queries}
        texts = [
            parameter.text
            for step in self.workflow.steps
            for parameter in step.parameters
            if parameter.location == "cookie" or (parameter.location, _folded(parameter)) in places
        ]
        texts += [text for step in self.workflow.steps for one in step.credentials for text in one.texts]
        return frozenset(
            name for name in self.workflow.declared_inputs if any(_names_input(text, name) for text in texts)
        )

    def _keys_in(self, location: str) -> frozenset[str]:
        definitions = (scheme.definition for _, operation in self.operations() for scheme in operation.schemes.values())
        return frozenset(
            str(d["name"]) for d in definitions if d.get("type") == "apiKey" and d.get("in") == location and "name" in d
        )


def _names_input(text: str, name: str) -> bool:
    """Return whether a text names an input, and not one whose name only begins alike."""
    named = f"$inputs.{name}"
    return named in text and re.search(rf"{re.escape(named)}(?![\w-])", text) is not None


def _folded(parameter: PlannedParameter) -> str:
    return parameter.name.lower() if parameter.location == "header" else parameter.name
