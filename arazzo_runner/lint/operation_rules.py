"""The rules of operations: how steps name them, and what they send to them."""

from __future__ import annotations

from functools import partial

from arazzo_runner.documents.rules import RULES, Rule
from arazzo_runner.errors import Severity

_STEP = "/workflows/0/steps/0"
_error = partial(Rule, severity=Severity.ERROR)
_warning = partial(Rule, severity=Severity.WARNING)
_hint = partial(Rule, severity=Severity.HINT)


def _two_sources(operation_id: str) -> str:
    return f"""\
arazzo: 1.1.0
info: {{title: Buy a pet, version: 1.0.0}}
sourceDescriptions:
- {{name: pets, url: pets.openapi.yaml, type: openapi}}
- {{name: shop, url: shop.openapi.yaml, type: openapi}}
workflows:
- {{workflowId: buy-pet, steps: [{{stepId: find-pet, operationId: {operation_id}}}]}}
"""


_FORM = "application/x-www-form-urlencoded"

RULES.register(
    _error(
        id="openapi-version",
        summary="A source of type openapi is an OpenAPI 3.0, 3.1 or 3.2 description.",
        hint="Convert it to OpenAPI 3, or give the source its type.",
        section="Source Description Object; H0",
        at="/sourceDescriptions/0/url",
        failing="events.asyncapi.yaml",
        passing="pets.openapi.yaml",
    ),
    _warning(
        id="swagger-2",
        summary="A description is OpenAPI 3; Swagger 2.0 is converted when it is read.",
        hint="Convert the file, and check what came of it: other tools may not read it.",
        section="Source Description Object; H0",
        at="/sourceDescriptions/0/url",
        failing="swagger.openapi.yaml",
        passing="pets.openapi.yaml",
    ),
    _error(
        id="unresolved-reference",
        summary="A $ref of a description leads somewhere.",
        hint="Fix the description.",
        section="Step Object; H1",
        at="/sourceDescriptions/0/url",
        failing="broken.openapi.yaml",
        passing="pets.openapi.yaml",
    ),
    _warning(
        id="unqualified-operation",
        summary="With several sources, an operationId names its source.",
        hint="Write $sourceDescriptions.<name>.<operationId>.",
        section="Step Object (operationId)",
        failing=_two_sources("findPet"),
        passing=_two_sources("$sourceDescriptions.pets.findPet"),
    ),
    _hint(
        id="prefer-operation-id",
        summary="An operation that has an operationId is named by it.",
        hint="Write its operationId.",
        section="Step Object (operationPath)",
        at=_STEP,
        failing="stepId: find-pet\noperationPath: '{$sourceDescriptions.pets.url}#/paths/~1pets/get'\n",
        passing="stepId: find-pet\noperationId: findPet\n",
    ),
    _warning(
        id="parameter-not-declared",
        summary="A parameter is one that the operation declares.",
        hint="Name a parameter of the operation.",
        section="Parameter Object; H3",
        at=f"{_STEP}/parameters",
        failing="- {name: stat, in: query, value: new}\n",
        passing="- {name: status, in: query, value: new}\n",
    ),
    _warning(
        id="parameter-location",
        summary="A parameter goes where the operation declares it.",
        hint="Write the operation's 'in'.",
        section="Parameter Object; H3",
        at=f"{_STEP}/parameters",
        failing="- {name: status, in: header, value: new}\n",
        passing="- {name: status, in: query, value: new}\n",
    ),
    _error(
        id="path-parameter-missing",
        summary="A step gives every parameter of its operation's path.",
        hint="Add the parameter.",
        section="Parameter Object; H3",
        at=_STEP,
        failing="stepId: get-pet\noperationId: getPet\n",
        passing="stepId: get-pet\noperationId: getPet\nparameters: [{name: petId, in: path, value: 1}]\n",
    ),
    _warning(
        id="required-parameter-missing",
        summary="A step gives the parameters that its operation requires.",
        hint="Add the parameter.",
        section="Parameter Object; H3",
        at=_STEP,
        failing="stepId: search\noperationId: searchPets\n",
        passing="stepId: search\noperationId: searchPets\nparameters: [{name: q, in: query, value: cat}]\n",
    ),
    _error(
        id="request-body-missing",
        summary="A step sends a body where its operation requires one.",
        hint="Add a requestBody with a payload.",
        section="Request Body Object; V1",
        at=_STEP,
        failing="stepId: add-pet\noperationId: addPet\n",
        passing="stepId: add-pet\noperationId: addPet\nrequestBody: {payload: {name: Tom}}\n",
    ),
    _warning(
        id="request-body-unexpected",
        summary="A step sends a body only where its operation takes one.",
        hint="Remove the requestBody.",
        section="Request Body Object",
        at=_STEP,
        failing="stepId: find-pet\noperationId: findPet\nrequestBody: {payload: {name: Tom}}\n",
        passing="stepId: find-pet\noperationId: findPet\n",
    ),
    _warning(
        id="content-type-not-declared",
        summary="A body is of a type that the operation takes.",
        hint="Write one of the operation's content types.",
        section="Request Body Object; H4",
        at=_STEP,
        failing="stepId: a\noperationId: addPet\nrequestBody: {contentType: application/xml, payload: <pet/>}\n",
        passing="stepId: a\noperationId: addPet\nrequestBody: {contentType: application/json, payload: {name: Tom}}\n",
    ),
    _warning(
        id="bracketed-array",
        summary="Arrays of objects in a form or a deepObject are sent in brackets, which no specification defines.",
        hint="Check that the API reads name[0][member], or send the array as JSON: encoding with a contentType.",
        section="Encoding Object; H4",
        at=_STEP,
        failing=f"stepId: a\noperationId: addPet\nrequestBody: {{contentType: {_FORM}, payload: {{tags: [{{}}]}}}}\n",
        passing=f"stepId: a\noperationId: addPet\nrequestBody: {{contentType: {_FORM}, payload: {{tags: [a, b]}}}}\n",
    ),
    _warning(
        id="x-operation",
        summary="A step calls an operation of a description; x-operation is an extension of another runner.",
        hint="Describe the operation, where its URL is known beforehand.",
        section="Step Object; H1",
        at=_STEP,
        failing="stepId: get\nx-operation: {url: 'https://pets.example.com/1', method: get}\n",
        passing="stepId: get-pet\noperationId: getPet\nparameters: [{name: petId, in: path, value: 1}]\n",
    ),
    _error(
        id="x-operation-form",
        summary="x-operation has a url and a method of HTTP.",
        hint="Write x-operation: {url: …, method: …}.",
        section="Step Object; H1",
        at=_STEP,
        failing="stepId: get\nx-operation: {method: get}\n",
        passing="stepId: get\nx-operation: {url: 'https://pets.example.com/1', method: get}\n",
    ),
    _warning(
        id="x-security",
        summary="Credentials are given beside the document; x-security is an extension of another runner.",
        hint="Give them by --auth, the environment or a credentials file.",
        section="Step Object; H1",
        at=_STEP,
        failing="stepId: a\noperationId: findPet\nx-security: [{schemeName: key, values: {apiKey: $inputs.key}}]\n",
        passing="stepId: a\noperationId: findPet\n",
    ),
    _error(
        id="x-security-form",
        summary="An entry of x-security has a schemeName or a scheme, and values.",
        hint="Write x-security: [{schemeName: …, values: {apiKey: …}}].",
        section="Step Object; H1",
        at=_STEP,
        failing="stepId: a\noperationId: findPet\nx-security: [{schemeName: key}]\n",
        passing="stepId: a\noperationId: findPet\nx-security: [{schemeName: key, values: {apiKey: abc}}]\n",
    ),
    _error(
        id="replacement-target",
        summary="The target of a replacement is a selector of its type.",
        hint="Write a JSON Pointer, such as /items/0/id.",
        section="Payload Replacement Object; H4",
        at=f"{_STEP}/requestBody",
        failing="payload: {name: Tom}\nreplacements: [{target: $.name, value: Tim}]\n",
        passing="payload: {name: Tom}\nreplacements: [{target: /name, value: Tim}]\n",
    ),
    _error(
        id="querystring-alone",
        summary="A 'querystring' parameter is the whole query: no 'query' parameters stand beside it.",
        hint="Put the query parameters into the query string.",
        section="Parameter Object (1.1)",
        at=f"{_STEP}/parameters",
        failing="- {name: all, in: querystring, value: a=1}\n- {name: status, in: query, value: new}\n",
        passing="- {name: all, in: querystring, value: a=1&status=new}\n",
    ),
    _warning(
        id="unknown-response-member",
        summary="A member of the response that an expression names is one that the description declares.",
        hint="Name a member of the response's schema.",
        section="Runtime Expressions (Response); D2",
        at=_STEP,
        failing="stepId: show-pet\noperationId: showPet\noutputs: {name: $response.body#/nmae}\n",
        passing="stepId: show-pet\noperationId: showPet\noutputs: {name: $response.body#/name}\n",
    ),
    _warning(
        id="unknown-response-header",
        summary="A header of the response that an expression names is a known one.",
        hint="Name a header of the response.",
        section="Runtime Expressions (Response); D2",
        at=_STEP,
        failing="stepId: show-pet\noperationId: showPet\noutputs: {at: $response.header.Loaction}\n",
        passing="stepId: show-pet\noperationId: showPet\noutputs: {at: $response.header.Location}\n",
    ),
    _warning(
        id="unknown-payload-member",
        summary="A member of a payload is one that the operation's schema declares.",
        hint="Name a member of the body's schema.",
        section="Request Body Object; D2",
        at=_STEP,
        failing="stepId: tag-pet\noperationId: tagPet\nrequestBody: {payload: {tga: new}}\n",
        passing="stepId: tag-pet\noperationId: tagPet\nrequestBody: {payload: {tag: new}}\n",
    ),
    _hint(
        id="status-not-documented",
        summary="A status code that a condition asks for is one that the operation documents.",
        hint="",
        section="Criterion Object",
        at=f"{_STEP}/successCriteria",
        failing="- {condition: $statusCode == 201}\n",
        passing="- {condition: $statusCode == 200}\n",
    ),
)
