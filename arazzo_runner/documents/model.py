"""The objects of Arazzo 1.0 and 1.1, frozen. Field names follow the specification, in snake case.

Every object keeps its ``pointer``, so that its place in the text can be found when it is needed and costs nothing when
it is not. Values that may hold runtime expressions (payloads, parameter values, outputs) are kept as they were read:
plain JSON data. The rooms above compile them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct, field

from arazzo_runner.documents.pointer import Json

if TYPE_CHECKING:
    from arazzo_runner.documents.reader import Document


SourceType: TypeAlias = Literal["openapi", "arazzo", "asyncapi"]


class ExpressionType(Struct, frozen=True):
    """The dialect of a condition or selector (Expression Type Object, or the bare ``type`` string).

    Attributes:
        type: ``simple``, ``regex``, ``jsonpath``, ``xpath`` or ``jsonpointer``.
        version: as the document gives it, or None for the type's default.
    """

    type: str
    version: str | None = None


class Criterion(Struct, frozen=True):
    """Criterion Object."""

    condition: str
    type: ExpressionType
    context: str | None
    pointer: str


class Parameter(Struct, frozen=True):
    """Parameter Object; ``location`` is the specification's ``in`` (None on workflow steps and actions)."""

    name: str
    location: str | None
    value: Json
    pointer: str


class Replacement(Struct, frozen=True):
    """Payload Replacement Object."""

    target: str
    target_selector_type: ExpressionType | None
    value: Json
    pointer: str


class RequestBody(Struct, frozen=True):
    """Request Body Object. ``has_payload`` tells an absent payload from ``null``."""

    content_type: str | None
    payload: Json
    has_payload: bool
    replacements: tuple[Replacement, ...]
    pointer: str


class Action(Struct, frozen=True):
    """Success or Failure Action Object; ``kind`` says which list it stands in."""

    name: str
    kind: Literal["success", "failure"]
    type: str
    step_id: str | None
    workflow_id: str | None
    parameters: tuple[Parameter | Reusable, ...]
    criteria: tuple[Criterion, ...]
    retry_after: float | None
    retry_limit: int | None
    pointer: str


class Reusable(Struct, frozen=True):
    """Reusable Object. ``has_value`` tells an absent value from ``null``."""

    reference: str
    value: Json
    has_value: bool
    pointer: str


class Step(Struct, frozen=True):
    """Step Object. Exactly one of the four targets is set in a valid document."""

    step_id: str
    description: str | None
    operation_id: str | None
    operation_path: str | None
    channel_path: str | None
    workflow_id: str | None
    parameters: tuple[Parameter | Reusable, ...]
    request_body: RequestBody | None
    success_criteria: tuple[Criterion, ...]
    on_success: tuple[Action | Reusable, ...]
    on_failure: tuple[Action | Reusable, ...]
    outputs: Mapping[str, Json]
    timeout: int | None
    """Milliseconds (1.1)."""
    correlation_id: Json
    action: str | None
    depends_on: tuple[str, ...]
    pointer: str
    x_operation: Json = None
    """``{url, method}``: another runner's extension."""
    x_security: Json = None
    """Credentials: another runner's extension."""


class Workflow(Struct, frozen=True):
    """Workflow Object."""

    workflow_id: str
    summary: str | None
    description: str | None
    inputs: Json
    """JSON Schema 2020-12, or None."""
    depends_on: tuple[str, ...]
    steps: tuple[Step, ...]
    success_actions: tuple[Action | Reusable, ...]
    failure_actions: tuple[Action | Reusable, ...]
    outputs: Mapping[str, Json]
    parameters: tuple[Parameter | Reusable, ...]
    pointer: str
    x_security: Json = None
    """Credentials of its steps: another runner's extension."""


class SourceDescription(Struct, frozen=True):
    """Source Description Object. ``type`` is None when the document leaves it out."""

    name: str
    url: str
    type: str | None
    pointer: str


class Components(Struct, frozen=True):
    """Components Object."""

    inputs: Mapping[str, Json] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    success_actions: Mapping[str, Action] = field(default_factory=dict)
    failure_actions: Mapping[str, Action] = field(default_factory=dict)


class Info(Struct, frozen=True):
    """Info Object."""

    title: str
    version: str
    summary: str | None = None
    description: str | None = None


class ArazzoDescription(Struct, frozen=True):
    """Arazzo Specification Object: one document.

    Attributes:
        arazzo: the version as written.
        version: (major, minor), which picks the feature set; the patch number is ignored.
        self_uri: ``$self`` (1.1), as written.
        document: the text it was read from, for places and for ``$ref`` in inputs.
    """

    arazzo: str
    version: tuple[int, int]
    self_uri: str | None
    info: Info
    source_descriptions: tuple[SourceDescription, ...]
    workflows: tuple[Workflow, ...]
    components: Components
    document: Document

    def workflow(self, workflow_id: str) -> Workflow | None:
        """The workflow of that id, or None; ids are case-sensitive."""
        return next((w for w in self.workflows if w.workflow_id == workflow_id), None)

    def source(self, name: str) -> SourceDescription | None:
        """The source description of that name, or None."""
        return next((s for s in self.source_descriptions if s.name == name), None)
