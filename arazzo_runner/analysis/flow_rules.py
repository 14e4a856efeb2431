"""The rules of where a workflow can go, and of workflows that run one another."""

from __future__ import annotations

from functools import partial

from arazzo_runner.documents.rules import RULES, Rule
from arazzo_runner.errors import Severity

_STEP = "/workflows/0/steps/0"
_STEPS = "/workflows/0/steps"
_WORKFLOWS = "/workflows"
_error = partial(Rule, severity=Severity.ERROR)
_warning = partial(Rule, severity=Severity.WARNING)
_hint = partial(Rule, severity=Severity.HINT)

_PAY = """\
- workflowId: pay
  inputs: {type: object, required: [price], properties: {price: {type: number}}}
  steps: [{stepId: find, operationId: findPet}]
"""


def _calling(parameters: str) -> str:
    return f"- {{workflowId: buy, steps: [{{stepId: pay, workflowId: pay, parameters: {parameters}}}]}}\n{_PAY}"


RULES.register(
    _warning(
        id="unreachable-step",
        summary="Every step can be reached from the first.",
        hint="Remove it, or lead to it with a goto.",
        section="Step Object; F1",
        at=_STEPS,
        failing="""\
- {stepId: a, operationId: findPet, onSuccess: [{name: done, type: end}]}
- {stepId: b, operationId: findPet}
""",
        passing="- {stepId: a, operationId: findPet}\n- {stepId: b, operationId: findPet}\n",
    ),
    _warning(
        id="action-never-reached",
        summary="An action without criteria, which is always taken, is the last of its list.",
        hint="Give the one before it criteria, or remove this one.",
        section="Step Object; F1",
        at=f"{_STEP}/onFailure",
        failing="- {name: stop, type: end}\n- {name: again, type: retry}\n",
        passing="- {name: again, type: retry}\n- {name: stop, type: end}\n",
    ),
    _warning(
        id="endless-workflow",
        summary="A workflow has a way to end.",
        hint="Give an action of the loop criteria, or add one of type 'end'.",
        section="Success Action Object; F1",
        at=f"{_STEP}/onSuccess",
        failing="- {name: again, type: goto, stepId: find-pet}\n",
        passing="- {name: again, type: goto, stepId: find-pet, criteria: [{condition: $statusCode == 202}]}\n",
    ),
    _hint(
        id="unbounded-poll",
        summary="A loop has a bound.",
        hint="A retry with retryLimit has one; runs of a goto are bounded by --max-steps and --timeout alone.",
        section="Success Action Object; F5, F6",
        at=f"{_STEP}/onSuccess",
        failing="- {name: again, type: goto, stepId: find-pet, criteria: [{condition: $statusCode == 202}]}\n",
        passing="- {name: done, type: end}\n",
    ),
    _error(
        id="forward-reference",
        summary="A step reads outputs of, and depends on, steps that have run before it.",
        hint="Move the other step before this one.",
        section="Step Object (Validation Recommendations); F8",
        at=_STEPS,
        failing="""\
- {stepId: a, operationId: findPet, parameters: [{name: status, in: query, value: $steps.b.outputs.pet}]}
- {stepId: b, operationId: findPet, outputs: {pet: $response.body}}
""",
        passing="""\
- {stepId: b, operationId: findPet, outputs: {pet: $response.body}}
- {stepId: a, operationId: findPet, parameters: [{name: status, in: query, value: $steps.b.outputs.pet}]}
""",
    ),
    _warning(
        id="execution-order",
        summary="Steps stand in the order in which they are executed.",
        hint="Move the other step before this one.",
        section="Step Object (Step Dependencies and Execution Order); F8",
        at=_STEPS,
        failing="- {stepId: a, operationId: findPet, dependsOn: [b]}\n- {stepId: b, operationId: findPet}\n",
        passing="- {stepId: b, operationId: findPet}\n- {stepId: a, operationId: findPet, dependsOn: [b]}\n",
    ),
    _error(
        id="step-dependency-unknown",
        summary="A step that dependsOn names exists.",
        hint="Name a step of this workflow.",
        section="Step Object",
        at=f"{_STEP}/dependsOn",
        failing="[log-in]",
        passing="[$workflows.buy-pet.steps.find-pet]",
    ),
    _error(
        id="step-dependency-cycle",
        summary="Steps do not depend on one another in a circle, or on themselves.",
        hint="Take one of them out of dependsOn.",
        section="Step Object; F8",
        at=_STEPS,
        failing="- {stepId: a, operationId: findPet, dependsOn: [a]}\n",
        passing="- {stepId: a, operationId: findPet}\n- {stepId: b, operationId: findPet, dependsOn: [a]}\n",
    ),
    _error(
        id="required-input-missing",
        summary="A workflow that is run by another is given the inputs that it requires.",
        hint="Add a parameter for the input.",
        section="Parameter Object; F3, F7, F8",
        at=_WORKFLOWS,
        failing=_calling("[]"),
        passing=_calling("[{name: price, value: 1}]"),
    ),
    _warning(
        id="parameter-not-an-input",
        summary="A parameter for a workflow is one of its inputs.",
        hint="Name an input of the workflow.",
        section="Parameter Object; F7, V8",
        at=_WORKFLOWS,
        failing=_calling("[{name: price, value: 1}, {name: cost, value: 1}]"),
        passing=_calling("[{name: price, value: 1}]"),
    ),
    _hint(
        id="workflow-call-cycle",
        summary="A workflow does not run itself, directly or through others.",
        hint="A run stops at 50 workflows inside one another.",
        section="Step Object; F6",
        at=_STEPS,
        failing="- {stepId: a, workflowId: buy-pet}\n",
        passing="- {stepId: a, operationId: findPet}\n",
    ),
)
