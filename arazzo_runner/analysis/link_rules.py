"""The rules of references and of what a plan refuses: unknown steps, workflows and operations, broken conditions."""

from __future__ import annotations

from functools import partial

from arazzo_runner.documents.rules import RULES, Rule, problem
from arazzo_runner.errors import Severity

__all__ = ["problem"]

_HEAD = """\
arazzo: 1.0.1
info: {title: Pets, version: 1.0.0}
sourceDescriptions:
- {name: pets, url: pets.openapi.yaml, type: openapi}
"""


def _workflow(steps: str, rest: str = "") -> str:
    return f"{_HEAD}workflows:\n- workflowId: buy-pet\n  steps:\n{steps}{rest}"


_STEP = "  - stepId: find-pet\n    operationId: findPet\n"
_error = partial(Rule, severity=Severity.ERROR)
_warning = partial(Rule, severity=Severity.WARNING)

RULES.register(
    _error(
        id="unknown-step",
        summary="The stepId of an action is one of its workflow's.",
        hint="Name a step of this workflow.",
        section="Success Action Object, Failure Action Object",
        failing=_workflow(_STEP + "    onSuccess:\n    - {name: again, type: goto, stepId: find-pets}\n"),
        passing=_workflow(_STEP + "    onSuccess:\n    - {name: done, type: end}\n"),
    ),
    _error(
        id="unknown-workflow",
        summary="A workflowId is one of the document's, or of an Arazzo source's.",
        hint="Name a workflow of this document, or $sourceDescriptions.<name>.<workflowId>.",
        section="Step Object, Workflow Object; V5",
        failing=_workflow("  - {stepId: buy, workflowId: pay}\n"),
        passing=_workflow(_STEP),
    ),
    _error(
        id="unknown-source",
        summary="A reference names a source description of the document.",
        hint="Name one of sourceDescriptions.",
        section="Source Description Object; V5",
        failing=_workflow("  - {stepId: find-pet, operationId: $sourceDescriptions.pet.findPet}\n"),
        passing=_workflow("  - {stepId: find-pet, operationId: $sourceDescriptions.pets.findPet}\n"),
    ),
    _error(
        id="unknown-operation",
        summary="The operation of a step exists in one of the sources.",
        hint="Name an operation of the source.",
        section="Step Object; H1",
        failing=_workflow("  - {stepId: find-pet, operationId: findpet}\n"),
        passing=_workflow(_STEP),
    ),
    _error(
        id="ambiguous-operation",
        summary="An operationId that stands in several sources names its source.",
        hint="Write $sourceDescriptions.<name>.<operationId>.",
        section="Step Object; H1",
        failing=_HEAD
        + "- {name: more, url: pets.openapi.yaml, type: openapi}\n"
        + "workflows:\n- workflowId: buy-pet\n  steps:\n"
        + _STEP,
        passing=_workflow(_STEP),
    ),
    _error(
        id="operation-path-form",
        summary="An operationPath names a source and a JSON Pointer into it.",
        hint="Write '{$sourceDescriptions.<name>.url}#/paths/~1your~1path/get'.",
        section="Step Object; H1",
        failing=_workflow("  - {stepId: find-pet, operationPath: /pets/get}\n"),
        passing=_workflow(
            "  - {stepId: find-pet, operationPath: '{$sourceDescriptions.pets.url}#/paths/~1pets~1{petId}/get'}\n"
        ),
    ),
    _warning(
        id="operation-reference-form",
        summary="A reference to an operation has the specification's form.",
        hint="Write $sourceDescriptions.<name>.<operationId>, or '{$sourceDescriptions.<name>.url}#/paths/…'.",
        section="Step Object; H1",
        failing=_workflow("  - {stepId: find-pet, operationId: pets.findPet}\n"),
        passing=_workflow("  - {stepId: find-pet, operationId: $sourceDescriptions.pets.findPet}\n"),
    ),
    _error(
        id="unknown-component",
        summary="A Reusable Object names a component of its kind.",
        hint="Name one of the document's components.",
        section="Reusable Object",
        failing=_workflow(_STEP + "    parameters:\n    - {reference: $components.parameters.page}\n"),
        passing=_workflow(_STEP),
    ),
    _error(
        id="dependency-cycle",
        summary="Workflows do not depend on one another in a circle.",
        hint="Take one of them out of dependsOn.",
        section="Workflow Object; F8",
        failing=_workflow(_STEP, "  dependsOn: [buy-pet]\n"),
        passing=_workflow(_STEP),
    ),
    _error(
        id="expression-syntax",
        summary="What has to be a runtime expression is one.",
        hint="Write a runtime expression, such as $response.body#/id.",
        section="Runtime Expressions; V5",
        failing=_workflow(_STEP + "    outputs: {id: $body.id}\n"),
        passing=_workflow(_STEP + "    outputs: {id: $response.body#/id}\n"),
    ),
    _error(
        id="criterion-syntax",
        summary="A condition can be parsed.",
        hint="Fix the condition, or use --force to run with it failing.",
        section="Criterion Object; C1",
        failing=_workflow(_STEP + "    successCriteria:\n    - {condition: $statusCode = 200}\n"),
        passing=_workflow(_STEP + "    successCriteria:\n    - {condition: $statusCode == 200}\n"),
    ),
    _warning(
        id="unusable-criterion",
        summary="A condition that cannot be parsed fails in a run that was forced.",
        hint="Fix the condition.",
        section="Criterion Object; C1",
        failing=_workflow(_STEP + "    successCriteria:\n    - {condition: $statusCode = 200}\n"),
        passing=_workflow(_STEP + "    successCriteria:\n    - {condition: $statusCode == 200}\n"),
    ),
)
