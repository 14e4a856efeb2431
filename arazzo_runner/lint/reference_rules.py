"""The rules of what expressions name."""

from __future__ import annotations

from functools import partial

from arazzo_runner.documents.rules import RULES, Rule
from arazzo_runner.errors import Severity

_STEP = "/workflows/0/steps/0"
_error = partial(Rule, severity=Severity.ERROR)
_warning = partial(Rule, severity=Severity.WARNING)


def _with_inputs(rest: str, name: str) -> str:
    return f"""\
workflowId: buy-pet
inputs: {{type: object, {rest}}}
steps:
- {{stepId: find-pet, operationId: findPet, outputs: {{status: $inputs.{name}}}}}
"""


RULES.register(
    _error(
        id="unknown-step-reference",
        summary="A step that an expression names is one of the workflow's.",
        hint="Name a step of this workflow.",
        section="Runtime Expressions; V5",
        at="/workflows/0/outputs",
        failing="pet: $steps.find-pets.outputs.pet\n",
        passing="{}\n",
    ),
    _error(
        id="unknown-output",
        summary="An output that an expression names is one that its step or workflow declares.",
        hint="Declare the output, or name one that is declared.",
        section="Runtime Expressions; V5",
        at="/workflows/0/outputs",
        failing="pet: $steps.find-pet.outputs.pet\n",
        passing="{}\n",
    ),
    _error(
        id="unknown-input",
        summary="An input that an expression names is one that the workflow declares.",
        hint="Declare the input, or name one that is declared.",
        section="Runtime Expressions; V8",
        at="/workflows/0",
        failing=_with_inputs("properties: {status: {type: string}}", "state"),
        passing=_with_inputs("properties: {status: {type: string}}", "status"),
    ),
    _error(
        id="path-syntax",
        summary="What stands behind a name is a path: names and indexes.",
        hint="Write indexes as numbers, such as [0].",
        section="Runtime Expressions; V5",
        at="/workflows/0/steps/0",
        failing="{stepId: s, operationId: findPet, outputs: {pets: $response.body, id: '$steps.s.outputs.pets[n].id'}}",
        passing="{stepId: s, operationId: findPet, outputs: {pets: $response.body, id: '$steps.s.outputs.pets[0].id'}}",
    ),
    _error(
        id="value-never-there",
        summary="What a request cannot be made without has a value.",
        hint="Name a value that something gives.",
        section="Runtime Expressions; V1, D1",
        at=f"{_STEP}/parameters",
        failing="- {name: status, in: query, value: 'is {$statusCode}'}\n",
        passing="- {name: status, in: query, value: 'is {$inputs.status}'}\n",
    ),
    _warning(
        id="undeclared-input",
        summary="An input that an expression names is declared, even if the schema allows others.",
        hint="Declare the input.",
        section="Runtime Expressions; V8",
        at="/workflows/0",
        failing=_with_inputs("additionalProperties: true, properties: {status: {type: string}}", "state"),
        passing=_with_inputs("additionalProperties: true, properties: {status: {type: string}}", "status"),
    ),
    _warning(
        id="undeclared-output",
        summary="$outputs names an output of the workflow, or of the workflow that the step calls.",
        hint="Name an output that is declared, or a step's: $steps.<stepId>.outputs.<name>.",
        section="Runtime Expressions; F7",
        at=f"{_STEP}/successCriteria",
        failing="- {condition: '$outputs.pet != null'}\n",
        passing="- {condition: '$response.body#/pet != null'}\n",
    ),
    _warning(
        id="exchange-not-yet",
        summary="What a step sends does not name the step's own request or answer.",
        hint="Declare an output of an earlier step, and write $steps.<stepId>.outputs.<name>.",
        section="Runtime Expressions; V1",
        at=f"{_STEP}/parameters",
        failing="- {name: status, in: query, value: $response.body#/status}\n",
        passing="- {name: status, in: query, value: new}\n",
    ),
    _warning(
        id="workflow-step-response",
        summary="A step that calls a workflow reads its outputs, not its last exchange.",
        hint="Declare an output of the workflow, and write $outputs.<name>.",
        section="Step Object (workflowId); F7",
        at="/workflows",
        failing="""\
- workflowId: buy
  steps: [{stepId: pay, workflowId: pay, successCriteria: [{condition: $statusCode == 200}]}]
- {workflowId: pay, steps: [{stepId: find, operationId: findPet}]}
""",
        passing="""\
- {workflowId: buy, steps: [{stepId: pay, workflowId: pay, successCriteria: [{condition: $outputs.paid}]}]}
- {workflowId: pay, steps: [{stepId: find, operationId: findPet}], outputs: {paid: $steps.find.outputs.paid}}
""",
    ),
    _warning(
        id="self-reference",
        summary="A source that gives itself a URI is named by it.",
        hint="Write that URI.",
        section="Identity-Based Referencing (1.1)",
        at="/sourceDescriptions",
        failing="- {name: others, url: other.arazzo.yaml, type: arazzo}\n",
        passing="- {name: others, url: 'https://example.com/flows/other', type: arazzo}\n",
    ),
    _warning(
        id="unknown-request-parameter",
        summary="A parameter of the request that an expression names is one that the step sends.",
        hint="Send the parameter, or name one that is sent.",
        section="Runtime Expressions (Request parameter)",
        at=_STEP,
        failing="stepId: find-pet\noperationId: findPet\noutputs: {status: $request.query.state}\n",
        passing="stepId: find-pet\noperationId: findPet\noutputs: {status: $request.query.status}\n",
    ),
)
