"""The sources of a document as the checks see them: each that cannot be used is one problem, and then quiet (H0)."""

from __future__ import annotations

import re
from typing import TypeAlias

from msgspec.structs import replace

from arazzo_runner.analysis.linker import LinkedMessages, LinkedOperation, LinkedWorkflow, Linker, LinkError
from arazzo_runner.documents.model import ArazzoDescription, Step
from arazzo_runner.errors import DocumentError, Problem, Severity

Target: TypeAlias = LinkedOperation | LinkedMessages | LinkError | None

_QUALIFIED = re.compile(r"\{?\$sourceDescriptions\.(?P<name>.+)")


class Sources:
    """The targets of references, as far as the sources can be read.

    Args:
        linker: follows references, and keeps what it opened.
        description: the document whose references they are.
    """

    def __init__(self, linker: Linker, description: ArazzoDescription) -> None:
        self._linker = linker
        self._description = description
        self._broken: dict[str, tuple[Problem, ...]] = {}
        self._usable: dict[str, bool] = {}
        self._operations: dict[tuple[str | None, ...], Target] = {}
        self._workflows: dict[str, LinkedWorkflow | LinkError | None] = {}

    @property
    def problems(self) -> list[Problem]:
        """The problems of the sources that were asked for so far."""
        return [problem for problems in self._broken.values() for problem in problems]

    def open_all(self) -> None:
        """Ask for every source, used or not."""
        for source in self._description.source_descriptions:
            self.usable(source.name)

    def usable(self, name: str) -> bool:
        """Return whether a source can be read; asked once, its problems kept."""
        if name not in self._usable:
            try:
                self._open(name)
                self._usable[name] = True
            except DocumentError as error:
                self._broken[name] = tuple(p for p in error.problems if p.severity is Severity.ERROR)
                self._usable[name] = False
        return self._usable[name]

    def _open(self, name: str) -> None:
        document = self._linker.library.source(self._description, name)
        match self._linker.kind(self._description, name):
            case "openapi":
                api = self._linker.api(self._description, name)
                _ = api.index
                self._broken[f"{name}#"] = api.notices
            case "asyncapi":
                _ = self._linker.messages.api(self._description, name).by_id
            case "arazzo":
                self._linker.description(document)

    def kind(self, name: str) -> str | None:
        """``openapi``, ``arazzo`` or ``asyncapi``; None when it is not known."""
        source = self._description.source(name)
        if source is None or source.type is not None:
            return source.type if source else None
        return self._linker.kind(self._description, name) if self.usable(name) else None

    def operation(self, step: Step) -> Target:
        """The operation or channel of a step, why there is none, or None when that cannot be known."""
        if not any((step.operation_id, step.operation_path, step.channel_path, step.x_operation)):
            return None  # it calls nothing, which its structure says
        path = step.operation_path or step.channel_path or (step.pointer if step.x_operation is not None else None)
        key = (step.operation_id, path, step.action)
        if key not in self._operations:
            reference = step.operation_path or step.channel_path or step.operation_id or ""
            self._operations[key] = self._operation(step, reference)
        return self._operations[key]

    def _operation(self, step: Step, reference: str) -> Target:
        named = self._named(reference)
        if named is not None and not self.usable(named):
            return None
        description = self._description if named is not None else self._with_usable_sources()
        try:
            linked = self._linker.operation(description, step)
            if isinstance(linked, LinkedOperation):
                operation = linked.operation
                self._broken[f"{operation.source}#{operation.pointer}"] = (
                    *operation.unresolved,
                    *operation.unresolved_body,
                )
            return linked
        except LinkError as error:
            # A source that cannot be read may be the one that has the operation.
            uncertain = error.rule == "unknown-operation" and self._some_unread(description)
            return None if uncertain else error
        except DocumentError as error:
            self._broken.setdefault(reference, tuple(p for p in error.problems if p.severity is Severity.ERROR))
            return None

    def _some_unread(self, usable: ArazzoDescription) -> bool:
        if len(usable.source_descriptions) < len(self._description.source_descriptions):
            return True
        if any(self.kind(source.name) in ("openapi", "asyncapi") for source in usable.source_descriptions):
            return False
        return not all(self.usable(source.name) for source in usable.source_descriptions)

    def _with_usable_sources(self) -> ArazzoDescription:
        kept = tuple(
            source
            for source in self._description.source_descriptions
            if source.type == "arazzo" or self.usable(source.name)
        )
        return replace(self._description, source_descriptions=kept)

    def _named(self, reference: str) -> str | None:
        """The source that a reference names; None when it names none, or one that there is not."""
        match = _QUALIFIED.match(reference)
        text = match["name"] if match else reference
        names = sorted((s.name for s in self._description.source_descriptions), key=len, reverse=True)
        endings = (".", "#", "}") if match else ("#",)
        return next((n for n in names if text.startswith(tuple(n + end for end in endings))), None)

    def workflow(self, reference: str) -> LinkedWorkflow | LinkError | None:
        """The workflow of a reference, why there is none, or None when that cannot be known."""
        if reference not in self._workflows:
            self._workflows[reference] = self._workflow(reference)
        return self._workflows[reference]

    def _workflow(self, reference: str) -> LinkedWorkflow | LinkError | None:
        named = self._named(reference) if reference.startswith("$") else None
        if named is not None and self.kind(named) in ("arazzo", None) and not self.usable(named):
            return None
        try:
            return self._linker.workflow(self._description, reference)
        except LinkError as error:
            return error
        except DocumentError:
            return None
