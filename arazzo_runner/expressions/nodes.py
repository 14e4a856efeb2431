"""The nodes of runtime expressions. ``str(node)`` returns the text.

A name may contain what looks like a path (``$inputs.page[size]``, ``$steps.s.outputs.a.b``), and which of the two it is
depends on the names that exist. So a ``Named`` node keeps every reading, the longest name first; ``Names`` picks one
when the plan is made, and evaluation picks the first that is there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from arazzo_runner.expressions.grammar import derives
from arazzo_runner.expressions.path_tails import Tail

ROOTS = (
    "url",
    "method",
    "statusCode",
    "self",
    "request",
    "response",
    "message",
    "inputs",
    "outputs",
    "steps",
    "workflows",
    "sourceDescriptions",
    "components",
)


class Special(Struct, frozen=True):
    """``$url``, ``$method``, ``$statusCode`` or ``$self``; a tail only in conditions (C2's ``.``)."""

    name: Literal["url", "method", "statusCode", "self"]
    tail: Tail | None = None

    def __str__(self) -> str:
        return f"${self.name}{self.tail or ''}"


class MessagePart(Struct, frozen=True):
    """A part of the request, the response or the message: a header, a parameter or the body.

    Attributes:
        part: as written: ``header`` or ``headers``, ``query``, ``path``, ``body``, ``payload``.
        name: of the header or parameter; empty for a body.
        pointer: the text behind ``#``, or None.
    """

    holder: Literal["request", "response", "message"]
    part: str
    name: str = ""
    pointer: str | None = None
    tail: Tail | None = None

    def __str__(self) -> str:
        if self.part in ("body", "payload"):
            pointer = "" if self.pointer is None else f"#{self.pointer}"
            return f"${self.holder}.{self.part}{pointer}{self.tail or ''}"
        return f"${self.holder}.{self.part}.{self.name}"


class Interpretation(Struct, frozen=True):
    """One way to take the text behind a root apart: a name, then a path or a pointer."""

    name: str
    tail: Tail | None
    pointer: str | None


class Named(Struct, frozen=True):
    """A value with a name: an input, an output, a step's, a workflow's.

    Attributes:
        owner: the step or workflow id; empty for ``$inputs`` and ``$outputs``.
        field: ``outputs`` or ``inputs``, of a step or workflow; empty for ``$inputs`` and ``$outputs``.
        rest: the text behind the last dot of the prefix; empty for the whole object (V5).
        readings: every way to take ``rest`` apart, the longest name first.
    """

    root: Literal["inputs", "outputs", "steps", "workflows"]
    owner: str
    field: str
    rest: str
    readings: tuple[Interpretation, ...]

    def __str__(self) -> str:
        prefix = f"${self.root}.{self.owner}.{self.field}" if self.owner else f"${self.root}"
        return f"{prefix}.{self.rest}" if self.rest else prefix

    def bind(self, names: Names) -> Named:
        """Return the expression with only the interpretation whose name is declared, if one is."""
        declared = names.of(self)
        for reading in self.readings:
            if declared is not None and reading.name in declared:
                return Named(self.root, self.owner, self.field, self.rest, (reading,))
        return self


class SourceReference(Struct, frozen=True):
    """``$sourceDescriptions.<name>.<reference>``: an operation, a workflow, or a field of the source."""

    name: str
    reference: str

    def __str__(self) -> str:
        return f"$sourceDescriptions.{self.name}.{self.reference}"


class ComponentReference(Struct, frozen=True):
    """``$components.<type>.<name>``."""

    type: str
    name: str

    def __str__(self) -> str:
        return f"$components.{self.type}.{self.name}"


Expression: TypeAlias = Special | MessagePart | Named | SourceReference | ComponentReference


class Names(Struct, frozen=True, eq=False):
    """The names that a document declares where an expression stands. None: not known. Equal to nothing but itself.

    Attributes:
        steps: by step id, the outputs of each step.
        workflow_inputs, workflow_outputs: by workflow id.
    """

    inputs: Collection[str] | None = None
    outputs: Collection[str] | None = None
    steps: Mapping[str, Collection[str]] | None = None
    workflow_inputs: Mapping[str, Collection[str]] | None = None
    workflow_outputs: Mapping[str, Collection[str]] | None = None

    def of(self, node: Named) -> Collection[str] | None:
        """Return the names that may stand at ``node``, or None when they are unknown."""
        match node.root, node.field:
            case "inputs", _:
                return self.inputs
            case "outputs", _:
                return self.outputs
            case "steps", _:
                return None if self.steps is None else self.steps.get(node.owner)
            case _, "inputs":
                return None if self.workflow_inputs is None else self.workflow_inputs.get(node.owner)
            case _:
                return None if self.workflow_outputs is None else self.workflow_outputs.get(node.owner)


NO_NAMES = Names()


def portable_spelling(node: Expression) -> str | None:
    """The spelling that the specification derives for an expression that only V5 accepts; None when it has none."""
    match node:
        case MessagePart(part="headers"):
            return f"${node.holder}.header.{node.name}"
        case MessagePart(tail=Tail(steps=steps, length=False)) if steps is not None:
            return f"${node.holder}.{node.part}#{_pointer_of(steps)}"
        case MessagePart(pointer=str(pointer)) if pointer and not pointer.startswith("/"):
            return f"${node.holder}.{node.part}#/{pointer}"
        case Named(readings=(Interpretation(name, Tail(steps=steps, length=False), pointer), *_)) if steps is not None:
            prefix = f"${node.root}.{node.owner}.{node.field}" if node.owner else f"${node.root}"
            return f"{prefix}.{name}#{_pointer_of(steps)}{pointer or ''}"
        case _:
            text = str(node)
            return text if derives(text) else None


def _pointer_of(steps: tuple[str | int, ...]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
