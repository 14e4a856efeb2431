"""The rules of how expressions are written."""

from __future__ import annotations

from functools import partial

from arazzo_runner.documents.rules import RULES, Rule
from arazzo_runner.errors import Severity

_STEP = "/workflows/0/steps/0"
_error = partial(Rule, severity=Severity.ERROR)
_warning = partial(Rule, severity=Severity.WARNING)
_hint = partial(Rule, severity=Severity.HINT)

RULES.register(
    _error(
        id="selector-syntax",
        summary="A Selector Object has an expression as its context, and a selector of its type.",
        hint="",
        section="Selector Object",
        at=f"{_STEP}/outputs",
        failing="id: {context: $response.body, selector: '$.id[', type: jsonpath}\n",
        passing="id: {context: $response.body, selector: '$.id', type: jsonpath}\n",
    ),
    _hint(
        id="not-an-expression",
        summary="Text that looks like an expression is one.",
        hint="",
        section="Runtime Expressions; V5",
        at=f"{_STEP}/parameters",
        failing="- {name: status, in: query, value: $body.status}\n",
        passing="- {name: status, in: query, value: $inputs#}\n",
    ),
    _warning(
        id="unbraced-expression",
        summary="An expression inside other text stands in braces.",
        hint="Put the expression in braces.",
        section="Runtime Expressions; V4",
        at=f"{_STEP}/parameters",
        failing="- {name: status, in: query, value: 'is $inputs.status'}\n",
        passing="- {name: status, in: query, value: 'is {$inputs.status}'}\n",
    ),
    _hint(
        id="whole-value-braces",
        summary="A value that is one expression stands without braces, so that its type is kept.",
        hint="Remove the braces.",
        section="Runtime Expressions; V3",
        at=f"{_STEP}/parameters",
        failing="- {name: status, in: query, value: '{$inputs.status}'}\n",
        passing="- {name: status, in: query, value: $inputs.status}\n",
    ),
    _warning(
        id="header-spelling",
        summary="A header is named by '$response.header.<name>'.",
        hint="Write $response.header.<name>.",
        section="Runtime Expressions; V5",
        at=f"{_STEP}/outputs",
        failing="next: $response.headers.Link\n",
        passing="next: $response.header.Link\n",
    ),
    _warning(
        id="pointer-spelling",
        summary="A JSON Pointer starts with a slash.",
        hint="Put a '/' behind the '#'.",
        section="Runtime Expressions; V5",
        at=f"{_STEP}/outputs",
        failing="id: $response.body#id\n",
        passing="id: $response.body#/id\n",
    ),
    _warning(
        id="whole-object",
        summary="An expression names one input or one output, not all of them.",
        hint="Name its members one by one.",
        section="Runtime Expressions; V5",
        at=f"{_STEP}/outputs",
        failing="all: $inputs\n",
        passing="all: $response.body\n",
    ),
    _warning(
        id="path-after-expression",
        summary="What is inside a value is reached by a JSON Pointer.",
        hint="Write a JSON Pointer: $response.body#/id.",
        section="Runtime Expressions; V5",
        at=f"{_STEP}/outputs",
        failing="id: $response.body.id\n",
        passing="id: $response.body#/id\n",
    ),
    _warning(
        id="newer-expression",
        summary="A document uses only the expressions of its version of Arazzo.",
        hint="Write 'arazzo: 1.1.0' at the top of the document.",
        section="Runtime Expressions (1.1)",
        failing="""\
arazzo: 1.0.1
info: {title: Buy a pet, version: 1.0.0}
sourceDescriptions:
- {name: pets, url: pets.openapi.yaml, type: openapi}
workflows:
- workflowId: buy-pet
  steps:
  - stepId: find-pet
    operationId: findPet
    outputs: {id: $message.payload#/id}
""",
        passing="""\
arazzo: 1.1.0
info: {title: Buy a pet, version: 1.0.0}
sourceDescriptions:
- {name: pets, url: pets.openapi.yaml, type: openapi}
workflows:
- workflowId: buy-pet
  steps:
  - stepId: find-pet
    operationId: findPet
    outputs: {id: $message.payload#/id}
""",
    ),
    _warning(
        id="expression-grammar",
        summary="An expression is one that the grammar of the document's version derives.",
        hint="Give it a name of letters, digits, '.', '-' and '_'.",
        section="Runtime Expressions",
        at="/workflows/0",
        failing="""\
workflowId: buy-pet
inputs: {type: object, properties: {'pet name': {type: string}}}
steps:
- {stepId: find-pet, operationId: findPet, outputs: {name: $inputs.pet name}}
""",
        passing="""\
workflowId: buy-pet
inputs: {type: object, properties: {petName: {type: string}}}
steps:
- {stepId: find-pet, operationId: findPet, outputs: {name: $inputs.petName}}
""",
    ),
    _warning(
        id="expression-in-pointer",
        summary="A JSON Pointer holds no expressions.",
        hint="Use a JSONPath selector, or write the names out.",
        section="Runtime Expressions",
        at=f"{_STEP}/outputs",
        failing="id: $response.body#/pets/$inputs.name/id\n",
        passing="id: $response.body#/pets/0/id\n",
    ),
)
