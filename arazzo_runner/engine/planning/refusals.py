"""The one place that decides what refuses a run (D1).

A default run is refused for one reason only: a step that it can reach cannot be carried out as intended. Everything
else that ``validate`` calls an error is a warning of the run. ``--strict`` keeps every rule's own severity.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from arazzo_runner.errors import Place, Problem, Severity, sorted_problems

REFUSING: Mapping[str, str] = {
    # The text is not data, or no workflow can be found in it.
    "not-utf8": "the text cannot be read",
    "control-character": "the text cannot be read",
    "lone-surrogate": "the text cannot be read",
    "html-page": "a web page has no workflows",
    "json-syntax": "the text cannot be read",
    "yaml-syntax": "the text cannot be read",
    "yaml-several-documents": "it is not known which of the documents is intended",
    "duplicate-key": "it is not known which of the two values is intended",
    "nesting-too-deep": "the text cannot be read within bounds",
    "yaml-alias-budget": "the text cannot be read within bounds",
    "yaml-cyclic-alias": "the text stands for no finite data",
    "yaml-unknown-alias": "the alias stands for nothing",
    "yaml-complex-key": "the key is not a name",
    "yaml-tag": "the tag has no meaning here",
    "yaml-merge": "there is nothing to merge",
    "not-a-json-number": "JSON has no such number, and it would be sent as one",
    "not-arazzo": "the document has no workflows",
    "unsupported-arazzo": "what the fields of another major version mean is not known",
    # A part of a reached step is missing or ambiguous.
    "wrong-type": "the model has no room for the value: it would be dropped",
    "bad-value": "what the word means is not known",
    "negative-number": "no wait and no limit is less than nothing",
    "action-target": "it is not known where the action leads",
    "step-target": "it is not known what the step calls",
    "step-dependency": "the step that has to come first is not known",
    "parameter-in": "it is not known where in the request the parameter goes",
    "duplicate-workflow-id": "it is not known which of the workflows is intended",
    "duplicate-step-id": "it is not known which of the steps an action or an expression means",
    "duplicate-source-name": "it is not known which of the descriptions is intended",
    "duplicate-parameter": "it is not known which of the two values is intended",
    "unreadable-inputs": "the inputs cannot be checked, and their defaults are not known",
    # A reference of a reached step leads nowhere.
    "document-not-found": "the description of the step's operation is not there",
    "source-from-afar": "the description of the step's operation may not be read",
    "source-scheme": "the description of the step's operation cannot be fetched",
    "asyncapi-version": "the description of the step's messages cannot be understood",
    "openapi-version": "the description of the step's operation cannot be understood",
    "unresolved-reference": "the request cannot be made without what the $ref stands for",
    "unknown-step": "the action leads nowhere",
    "unknown-workflow": "there is no workflow to run, or to read from",
    "unknown-source": "there is no source to look into",
    "unknown-operation": "there is no operation to call",
    "unknown-component": "there is no component to use",
    "ambiguous-operation": "it is not known which operation is intended",
    "operation-path-form": "the reference names no operation",
    "channel-path-form": "the reference names no channel",
    "unknown-channel": "there is no channel to send to or receive from",
    "channel-action": "it is not known whether the step sends or receives",
    "message-server": "there is no broker to connect to",
    "message-protocol": "the broker cannot be spoken to",
    "message-format": "the message can neither be written nor read",
    "message-address": "it is not known where the message goes",
    "message-header": "the protocol has no place for the header",
    "x-operation-form": "it is not known where the request goes",
    "x-security-form": "it is not known which credentials the request needs",
    "dependency-cycle": "none of the workflows can be the first",
    "step-dependency-unknown": "the step that has to come first does not exist",
    "step-dependency-cycle": "none of the steps can be the first",
    "unknown-step-reference": "an expression names a step that does not exist",
    # What a reached step says has no meaning.
    "expression-syntax": "the value is not an expression, and one is required",
    "selector-syntax": "the selector cannot be applied",
    "path-syntax": "the text behind the name is neither a path nor text",
    "criterion-syntax": "the criterion cannot be evaluated",
    "criterion-context": "the criterion has nothing to look at",
    "replacement-target": "the replacement cannot be made",
    # Documents alone show that a reached step cannot succeed.
    "criterion-never-holds": "the step can never succeed",
    "path-parameter-missing": "the request's path cannot be made",
    "request-body-missing": "the operation requires a body, and the step gives none",
    "value-never-there": "the request cannot be made without the value, which nothing can give",
}
"""The rules whose breaking refuses a default run where a reached step needs what is broken, and why it must.

A rule that is not listed never refuses. Readers and the linker report the first group and missing sources only when
they are needed.
"""

FORCED = frozenset({"criterion-syntax", "criterion-context", "criterion-never-holds"})
"""The rules that ``--force`` turns into warnings: the criterion then fails in the run (C1)."""

SHOWN = frozenset(
    {
        "asyncapi-2",
        "criteria-look-like-a-filter",
        "exchange-not-yet",
        "foreign-extension",
        "message-parameter",
        "message-server-chosen",
        "message-step-response",
        "missing-action",
        "operation-reference-form",
        "swagger-2",
        "undeclared-input",
        "undeclared-output",
        "unusable-criterion",
    }
)
"""Warnings of ``validate`` that are warnings of a run as well: something is left out or read differently (D2)."""

_UNMENTIONED = frozenset({("unknown-field", "/$schema")})
"""What editors ask for, and what carries no meaning: 130 public documents have it (D1)."""

_CONTEXT = re.compile(r"/(?:successCriteria|criteria)/\d+/context$")
_DESCRIPTIVE = re.compile(r"/(?:summary|description)(?:/|$)")
_IN_A_WORKFLOW = re.compile(r"/workflows/\d+/")
_IN_A_COMPONENT = re.compile(r"/components/(?:parameters|successActions|failureActions)/")
_STRUCTURAL = frozenset({"wrong-type", "bad-value", "negative-number"})


class Refusals(Struct):
    """The problems of a plan that is being made, each judged when it is found.

    Attributes:
        strict: whether every rule keeps its own severity.
        force: whether criteria that cannot be evaluated fail in the run instead of refusing it (C1).
    """

    strict: bool
    force: bool
    problems: list[Problem] = field(default_factory=list)

    def add(self, found: Iterable[Problem], *, reached: bool = True, owner: Place | None = None) -> None:
        """Judge problems and keep those that the run shows.

        Args:
            reached: whether a step that the run can reach needs what is broken.
            owner: where the workflow and step stand that need it, for problems of other documents.
        """
        for problem in found:
            judged = self._judged(problem, reached=reached)
            if judged is not None:
                self._keep(_owned(judged, owner))

    @property
    def errors(self) -> list[Problem]:
        """The problems that refuse the run, in reading order."""
        return sorted_problems(problem for problem in self.problems if problem.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The warnings of the run, in reading order."""
        return tuple(sorted_problems(problem for problem in self.problems if problem.severity is not Severity.ERROR))

    def _judged(self, problem: Problem, *, reached: bool) -> Problem | None:
        if self.strict:
            return problem if reached or problem.severity is not Severity.ERROR else None
        if (problem.rule, problem.place.pointer) in _UNMENTIONED:
            return None
        if reached and self._must_refuse(problem):
            return replace(problem, severity=Severity.ERROR)
        if problem.severity is Severity.ERROR or problem.rule in SHOWN:
            return replace(problem, severity=Severity.WARNING)
        return None

    def _must_refuse(self, problem: Problem) -> bool:
        if problem.rule not in REFUSING or (self.force and _fails_when_forced(problem)):
            return False
        return problem.rule not in _STRUCTURAL or _is_carried_out(problem.place.pointer)

    def _keep(self, problem: Problem) -> None:
        """Keep a problem unless another look has found as much at the same place."""
        is_error = problem.severity is Severity.ERROR
        here = [known for known in self.problems if known.place.spot == problem.place.spot]
        if any(known.severity is Severity.ERROR or (known.rule == problem.rule and not is_error) for known in here):
            return
        if is_error:
            superseded = [known for known in here if known.rule == problem.rule]
            self.problems = [known for known in self.problems if known not in superseded]
        self.problems.append(problem)


def _fails_when_forced(problem: Problem) -> bool:
    """Return whether it is a criterion that is wrong, which ``--force`` makes fail in the run (C1)."""
    return problem.rule in FORCED or _CONTEXT.search(problem.place.pointer) is not None


def _is_carried_out(pointer: str) -> bool:
    """Return whether a place of an Arazzo document says what a step does, rather than what the document is about."""
    if _DESCRIPTIVE.search(pointer):
        return False
    return _IN_A_WORKFLOW.match(pointer) is not None or _IN_A_COMPONENT.match(pointer) is not None


def _owned(problem: Problem, owner: Place | None) -> Problem:
    if owner is None or problem.place.workflow:
        return problem
    place = replace(problem.place, workflow=owner.workflow, step=owner.step)
    return replace(problem, place=place)
