"""The linker: follows the references of an Arazzo document to operations (H1), workflows and components.

Each source is opened when a reference can mean it, never before, and once (H0).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.analysis.link_errors import LinkError
from arazzo_runner.analysis.message_links import LinkedMessages, MessageLinks, channel_path_error
from arazzo_runner.analysis.similar_descriptions import Elsewhere, descriptions_with
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.loader import load_description
from arazzo_runner.documents.model import Action, ArazzoDescription, Parameter, Reusable, Step, Workflow
from arazzo_runner.documents.near_names import did_you_mean
from arazzo_runner.documents.reader import Document
from arazzo_runner.documents.sources import Library, source_type
from arazzo_runner.errors import DocumentError, InvalidDocument, PlanError, Problem, Severity
from arazzo_runner.openapi.operations import ApiDescription, Operation

__all__ = ["LinkError", "LinkedMessages", "LinkedOperation", "LinkedWorkflow", "Linker"]

if TYPE_CHECKING:
    from arazzo_runner.asyncapi.descriptions import AsyncDescription

_QUALIFIED = "$sourceDescriptions."


class LinkedOperation(Struct, frozen=True):
    """An operation that a step means.

    Attributes:
        source: the name of its source description.
        portable: the reference as the specification writes it, when the step's own form is one of the accepted others.
        unread: what is wrong with other sources that the reference could refer to as well.
    """

    operation: Operation
    source: str
    portable: str | None = None
    unread: tuple[Problem, ...] = ()


class LinkedWorkflow(Struct, frozen=True):
    """A workflow that a reference means; ``source`` is the Arazzo source it came through, or None."""

    description: ArazzoDescription
    workflow: Workflow
    source: str | None


Component = TypeVar("Component", Parameter, Action)


class Linker:
    """Follows references; documents, descriptions and indexes are kept.

    Args:
        library: opens the documents.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self._descriptions: dict[str, tuple[ArazzoDescription | None, list[Problem]]] = {}
        self._apis: dict[tuple[str, str], ApiDescription] = {}
        self._sources: dict[tuple[str, str], ApiDescription] = {}
        self._workflows: dict[str, dict[str, list[Workflow]]] = {}
        self.messages = MessageLinks(self, self._only)

    def load(self, document: Document) -> tuple[ArazzoDescription | None, list[Problem]]:
        """The model of an Arazzo document and its structural problems."""
        if document.uri not in self._descriptions:
            self._descriptions[document.uri] = load_description(document)
        return self._descriptions[document.uri]

    def description(self, document: Document) -> ArazzoDescription:
        """The model of an Arazzo document.

        Raises:
            InvalidDocument: nothing sensible can be made of it.
        """
        description, problems = self.load(document)
        if description is None:
            errors = [problem for problem in problems if problem.severity is Severity.ERROR]
            raise InvalidDocument(f"{document.path} is not a usable Arazzo document", errors or problems)
        return description

    # Sources

    def api(self, description: ArazzoDescription, name: str) -> ApiDescription:
        """The OpenAPI description behind a source.

        Raises:
            DocumentError: it is not there, cannot be read, or is not an OpenAPI description.
            LinkError: two sources have the name.
        """
        named = (description.document.uri, name)
        if named not in self._sources:
            self._only(description, name)
            document = self.library.source(description, name)
            key = (document.uri, name)
            if key not in self._apis:
                self._apis[key] = ApiDescription(name, document, self.library.open)
            self._sources[named] = self._apis[key]
        return self._sources[named]

    @staticmethod
    def _only(description: ArazzoDescription, name: str) -> None:
        """Refuse a name that two sources with different URLs have."""
        urls = list(dict.fromkeys(s.url for s in description.source_descriptions if s.name == name))
        if len(urls) > 1:
            message = f"the name {name!r} is that of more than one source: {', '.join(urls)}"
            raise LinkError("duplicate-source-name", message, hint="give each source a name of its own")

    def _apis_of(
        self, description: ArazzoDescription
    ) -> tuple[list[ApiDescription], list[AsyncDescription], list[Problem]]:
        """The descriptions of a document that can be read, and what is wrong with its other sources."""
        found: list[ApiDescription] = []
        brokers: list[AsyncDescription] = []
        problems: list[Problem] = []
        for name in dict.fromkeys(source.name for source in description.source_descriptions):
            try:
                match self.kind(description, name):
                    case "openapi":
                        found.append(self.api(description, name))
                    case "asyncapi":
                        brokers.append(self.messages.api(description, name))
            except DocumentError as error:
                problems += error.problems
                if not error.problems:
                    raise
        return found, brokers, problems

    def kind(self, description: ArazzoDescription, name: str) -> str | None:
        """``openapi``, ``arazzo`` or ``asyncapi``; the document is opened only when it does not say so."""
        source = description.source(name)
        if source is None or source.type is not None:
            return source.type if source else None
        return source_type(source, self.library.source(description, name))

    def _split(self, description: ArazzoDescription, text: str) -> tuple[str, str] | None:
        """A source's name and what follows the dot behind it; the longest declared name wins."""
        names = sorted((s.name for s in description.source_descriptions), key=len, reverse=True)
        for name in names:
            if text.startswith(f"{name}."):
                return name, text[len(name) + 1 :]
        return None

    def _unknown_source(self, description: ArazzoDescription, name: str) -> LinkError:
        known = [s.name for s in description.source_descriptions]
        return LinkError(
            "unknown-source",
            f"there is no source description {name!r}",
            hint=did_you_mean(name, known, "source descriptions"),
        )

    # Operations

    def operation(self, description: ArazzoDescription, step: Step) -> LinkedOperation | LinkedMessages:
        """The operation that a step calls (H1), or the channel whose messages it exchanges (M2).

        Raises:
            LinkError: it is unknown or ambiguous.
            DocumentError: a source that it can mean cannot be used.
        """
        path = step.operation_path if step.operation_path is not None else step.channel_path
        if path is not None:
            if (linked := self.messages.by_path(description, path)) is not None:
                return linked
            if step.operation_path is not None:
                return self._by_path(description, step.operation_path)
            kinds = {s.name: self.kind(description, s.name) for s in description.source_descriptions}
            raise channel_path_error(description, path, kinds)
        if step.x_operation is not None and step.operation_id is None:
            from arazzo_runner.analysis.direct_calls import direct_operation

            try:
                return LinkedOperation(direct_operation(step.x_operation, description.document), "")
            except ValueError as error:
                raise LinkError("x-operation-form", str(error), hint="write x-operation: {url: …, method: …}") from None
        return self._by_id(description, step.operation_id or "", step)

    def _by_id(self, description: ArazzoDescription, reference: str, step: Step) -> LinkedOperation | LinkedMessages:
        if reference.startswith(_QUALIFIED):
            return self._qualified(description, reference)
        apis, brokers, unread = self._apis_of(description)
        found = [api.name for api in apis if reference in api.by_id] if step.action is None else []
        others = [api.name for api in brokers if reference in api.by_id]
        if len(found) + len(others) > 1:
            spelled = " or ".join(f"{_QUALIFIED}{name}.{reference}" for name in (*found, *others))
            message = f"the operation {reference!r} is in more than one source: {', '.join((*found, *others))}"
            raise LinkError("ambiguous-operation", message, hint=f"write {spelled}")
        if found:
            return replace(self._linked(description, found[0], reference), unread=tuple(unread))
        if others:
            return replace(self.messages.by_id(description, others[0], reference), unread=tuple(unread))
        split = self._split(description, reference)
        portable = f"{_QUALIFIED}{reference}"
        if split is not None and any(api.name == split[0] and split[1] in api.by_id for api in apis):
            return self._linked(description, *split, portable=portable)
        if split is not None and any(api.name == split[0] and split[1] in api.by_id for api in brokers):
            return replace(self.messages.by_id(description, *split), portable=portable)
        if unread:
            raise PlanError(f"{description.document.path} cannot be run", unread)
        if step.action is not None and any(reference in api.by_id for api in apis):
            return self._linked(description, next(a.name for a in apis if reference in a.by_id), reference)
        raise self._unknown_operation(description, reference, [*apis, *brokers])

    def _qualified(self, description: ArazzoDescription, reference: str) -> LinkedOperation | LinkedMessages:
        text = reference[len(_QUALIFIED) :]
        split = self._split(description, text)
        if split is None:
            raise self._unknown_source(description, text.partition(".")[0])
        name, operation_id = split
        if self.kind(description, name) == "asyncapi":
            return self.messages.by_id(description, name, operation_id)
        if operation_id not in self.api(description, name).by_id:
            raise self._unknown_operation(description, operation_id, [self.api(description, name)])
        return self._linked(description, name, operation_id)

    def _linked(
        self, description: ArazzoDescription, name: str, operation_id: str, *, portable: str | None = None
    ) -> LinkedOperation:
        operation = self.api(description, name).find(operation_id)
        if operation is None:  # the index has just said that it is there
            raise self._unknown_operation(description, operation_id, [self.api(description, name)])
        return LinkedOperation(operation, name, portable)

    def _unknown_operation(
        self, description: ArazzoDescription, operation_id: str, apis: Sequence[ApiDescription | AsyncDescription]
    ) -> LinkError:
        over_http = [api for api in apis if isinstance(api, ApiDescription)]
        for api in over_http:
            api.find(operation_id)  # says what is wrong with a path item that cannot be read and may hold it
        where = " and ".join(api.document.path for api in apis) or "any source"
        message = f"there is no operation {operation_id!r} in {where}"
        elsewhere = descriptions_with(
            self.library, description, over_http, operation_id, lambda api: operation_id in api.by_id
        )
        near = list(dict.fromkeys(name for api in apis for name in api.nearest(operation_id)))[:3]
        if not near and not elsewhere:
            ids = [name for api in apis for name in api.by_id]
            hint = f"it has {len(ids)} operations, such as {', '.join(ids[:3])}" if ids else "it has no operationIds"
            return LinkError("unknown-operation", message, hint=hint)
        return _unknown(message, elsewhere, f"did you mean {' or '.join(near)}?" if near else "")

    def _by_path(self, description: ArazzoDescription, reference: str) -> LinkedOperation:
        source, separator, pointer = reference.partition("#")
        match = re.fullmatch(r"\{?\$sourceDescriptions\.(.+?)(?:\.url)?\}?", source)
        name = match[1] if match else source
        if (match is None and description.source(name) is None) or not separator:
            first = description.source_descriptions[0].name if description.source_descriptions else "NAME"
            raise LinkError(
                "operation-path-form",
                f"the operationPath {reference!r} does not name a source and a JSON Pointer",
                hint=f"write '{{{_QUALIFIED}{first}.url}}#/paths/~1your~1path/get'",
            )
        if description.source(name) is None:
            raise self._unknown_source(description, name)
        api = self.api(description, name)
        for candidate in (pointer, unquote(pointer), pointer.lower(), unquote(pointer).rstrip("/")):
            operation = api.at(candidate)
            if operation is not None:
                whole = source.startswith("{$") and source.endswith(".url}")
                portable = None if whole else f"{{{_QUALIFIED}{name}.url}}#{pointer}"
                return LinkedOperation(operation, name, portable)
        known = [found.pointer for found in api.index]
        message = f"there is no operation at {pointer!r} in {api.document.path}"
        path = json_pointer.split(unquote(pointer))[1:2] if pointer.startswith("/paths/") else []
        elsewhere = descriptions_with(
            self.library, description, [api] if path else [], "".join(path), lambda other: pointer in other.by_pointer
        )
        raise _unknown(message, elsewhere, did_you_mean(pointer, known, "operations"))

    # Workflows

    def workflow(self, description: ArazzoDescription, reference: str) -> LinkedWorkflow:
        """The workflow that a reference means: an id of this document, or ``$sourceDescriptions.<name>.<id>``.

        Raises:
            LinkError: it is unknown, or the id of more than one workflow.
            DocumentError: the source that it names cannot be used.
        """
        own = self._the_one(description, reference)
        if own is not None:
            return LinkedWorkflow(description, own, None)
        if not reference.startswith(_QUALIFIED):
            known = [w.workflow_id for w in description.workflows]
            hint = did_you_mean(reference, known, "workflows")
            raise LinkError("unknown-workflow", f"there is no workflow {reference!r} in this document", hint=hint)
        text = reference[len(_QUALIFIED) :]
        split = self._split(description, text)
        if split is None:
            raise self._unknown_source(description, text.partition(".")[0])
        name, workflow_id = split
        if self.kind(description, name) not in ("arazzo", None):
            message = f"the source {name!r} is not an Arazzo document, so it has no workflow {workflow_id!r}"
            raise LinkError("unknown-workflow", message, hint="give it type: arazzo")
        target = self.description(self.library.source(description, name))
        found = self._the_one(target, workflow_id)
        if found is None:
            hint = did_you_mean(workflow_id, [w.workflow_id for w in target.workflows], "workflows")
            raise LinkError(
                "unknown-workflow", f"there is no workflow {workflow_id!r} in {target.document.path}", hint=hint
            )
        return LinkedWorkflow(target, found, name)

    def _the_one(self, description: ArazzoDescription, workflow_id: str) -> Workflow | None:
        """The workflow of that id, or None.

        Raises:
            LinkError: more than one workflow has it.
        """
        document = description.document
        if document.uri not in self._workflows:
            by_id: dict[str, list[Workflow]] = {}
            for workflow in description.workflows:
                by_id.setdefault(workflow.workflow_id, []).append(workflow)
            self._workflows[document.uri] = by_id
        found = self._workflows[document.uri].get(workflow_id, [])
        if len(found) > 1:
            places = " and ".join(str(document.place(f"{workflow.pointer}/workflowId")) for workflow in found)
            message = f"more than one workflow has the id {workflow_id!r}: {places}"
            raise LinkError("duplicate-workflow-id", message, hint="give each workflow an id of its own")
        return found[0] if found else None

    # Components

    def parameters(self, description: ArazzoDescription, entries: Iterable[Parameter | Reusable]) -> list[Parameter]:
        """Parameters with their Reusable Objects followed, each with the value that the reference sets."""
        result = []
        for entry in entries:
            if isinstance(entry, Parameter):
                result.append(entry)
                continue
            found = _component(entry, "parameters", description.components.parameters)
            value = entry.value if entry.has_value else found.value
            result.append(Parameter(found.name, found.location, value, entry.pointer))
        return result

    def actions(self, description: ArazzoDescription, entries: Iterable[Action | Reusable], kind: str) -> list[Action]:
        """Actions with their Reusable Objects followed; ``kind`` is ``success`` or ``failure``."""
        components = description.components
        group = components.success_actions if kind == "success" else components.failure_actions
        return [entry if isinstance(entry, Action) else _component(entry, f"{kind}Actions", group) for entry in entries]


def _component(entry: Reusable, group: str, components: Mapping[str, Component]) -> Component:
    prefix = f"$components.{group}."
    if not entry.reference.startswith(prefix):
        raise LinkError(
            "unknown-component",
            f"{entry.reference!r} does not name one of components.{group}",
            hint=f"write {prefix}NAME",
        )
    name = entry.reference[len(prefix) :]
    if name not in components:
        message = f"there is no {name!r} in components.{group}"
        raise LinkError("unknown-component", message, hint=did_you_mean(name, list(components), f"components.{group}"))
    return components[name]


def _unknown(message: str, elsewhere: Sequence[Elsewhere], near: str) -> LinkError:
    """An operation that its source lacks: what has it, and what is like it."""
    if not elsewhere:
        return LinkError("unknown-operation", message, hint=near)
    paths = " and ".join(found.path for found in elsewhere[:3])
    hint = f"{elsewhere[0].hint}; or {near}" if near else elsewhere[0].hint
    return LinkError("unknown-operation", f"{message}; it is in {paths}", hint=hint)
