"""A web of a few small descriptions, and the checks run on a text that refers to them."""

from __future__ import annotations

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents import reader
from arazzo_runner.documents.sources import Library
from arazzo_runner.errors import Problem, Severity, UnreadableDocument
from arazzo_runner.lint.checker import check_document

PETS = """\
openapi: 3.1.0
info: {title: Pets, version: 1.0.0}
servers: [{url: https://pets.example.com}]
paths:
  /pets:
    get:
      operationId: findPet
      parameters: [{name: status, in: query, schema: {type: string}}]
      responses: {'200': {description: Some pets}}
    post:
      operationId: addPet
      requestBody: {required: true, content: {application/json: {schema: {type: object}}}}
      responses: {'201': {description: The pet}}
  /pets/search:
    get:
      operationId: searchPets
      parameters: [{name: q, in: query, required: true, schema: {type: string}}]
      security: [{key: []}]
      responses: {default: {description: Some pets}}
  /pets/shown:
    get:
      operationId: showPet
      responses:
        '200':
          description: A pet
          headers: {X-Total: {schema: {type: integer}}}
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Pet'}
    post:
      operationId: tagPet
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties: {tag: {type: string}, owners: {type: array, items: {$ref: '#/components/schemas/Pet'}}}
      responses: {'200': {description: The pet}}
  /pets/{petId}:
    parameters: [{name: petId, in: path, required: true, schema: {type: integer}}]
    get:
      operationId: getPet
      responses: {'200': {description: The pet}, 4XX: {description: None}}
components:
  schemas:
    Pet:
      allOf:
      - {type: object, properties: {name: {type: string}}}
      - {properties: {owner: {type: object, properties: {mail: {type: string}}}, data: {type: object}}}
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Key}
"""

SHOP = """\
openapi: 3.1.0
info: {title: Shop, version: 1.0.0}
paths:
  /orders:
    post: {operationId: order, responses: {'201': {description: The order}}}
"""

OTHER = """\
arazzo: 1.1.0
$self: https://example.com/flows/other
info: {title: Other, version: 1.0.0}
sourceDescriptions: [{name: pets, url: ../pets.openapi.yaml, type: openapi}]
workflows:
- workflowId: log-in
  inputs: {type: object, required: [user], properties: {user: {type: string}}}
  steps: [{stepId: ask, operationId: findPet, outputs: {token: $response.body#/token}}]
  outputs: {token: $steps.ask.outputs.token}
"""

EVENTS = """\
asyncapi: 3.0.0
info: {title: Pets that arrive, version: 1.0.0}
servers:
  broker: {host: 'broker.example.com:1883', protocol: mqtt, protocolVersion: '5'}
channels:
  petArrived:
    address: pets/arrived
    messages: {pet: {$ref: '#/components/messages/pet'}}
  petAdded:
    address: pets/added
    messages: {pet: {$ref: '#/components/messages/pet'}}
  petMoved:
    address: pets/{petId}/moved
    parameters: {petId: {}}
    messages: {pet: {$ref: '#/components/messages/pet'}}
  petTagged:
    address: pets/tagged
    messages:
      tag: {headers: {type: object, required: [tagId], properties: {tagId: {type: string}}}, payload: {type: object}}
operations:
  tagPet: {action: receive, channel: {$ref: '#/channels/petTagged'}}
  awaitPet: {action: send, channel: {$ref: '#/channels/petArrived'}}
  addPet: {action: receive, channel: {$ref: '#/channels/petAdded'}}
  movePet: {action: receive, channel: {$ref: '#/channels/petMoved'}}
components:
  messages:
    pet:
      headers: {type: object, properties: {correlationId: {type: string}}}
      payload: {type: object, properties: {id: {type: integer}, name: {type: string}}}
"""

SECOND_EVENTS = """\
asyncapi: 2.6.0
info: {title: Pets that arrive, version: 1.0.0}
servers: {broker: {url: 'mqtt://broker.example.com', protocol: mqtt}}
channels:
  pets/arrived: {subscribe: {operationId: awaitPet, message: {payload: {type: object}}}}
"""

BROKEN = """\
openapi: 3.1.0
info: {title: Broken, version: 1.0.0}
paths:
  /pets:
    get:
      operationId: findPet
      parameters: [{$ref: '#/components/parameters/nowhere'}]
"""

SWAGGER = """\
swagger: '2.0'
info: {title: Pets, version: 1.0.0}
host: pets.example.com
paths:
  /pets: {get: {operationId: findPet, responses: {'200': {description: Some pets}}}}
"""

WEB = {
    "https://example.com/swagger.openapi.yaml": SWAGGER,
    "https://example.com/broken.openapi.yaml": BROKEN,
    "https://example.com/pets.openapi.yaml": PETS,
    "https://example.com/shop.openapi.yaml": SHOP,
    "https://example.com/other.arazzo.yaml": OTHER,
    "https://example.com/flows/other": OTHER,
    "https://example.com/events.asyncapi.yaml": EVENTS,
    "https://example.com/second.asyncapi.yaml": SECOND_EVENTS,
    "https://example.com/no-server.asyncapi.yaml": EVENTS.replace("servers:", "x-servers:"),
    "https://example.com/queues.asyncapi.yaml": EVENTS.replace("protocol: mqtt", "protocol: sqs"),
    "https://example.com/several.asyncapi.yaml": EVENTS.replace(
        "\nchannels:", "\n  second: {host: other.example.com, protocol: mqtt}\nchannels:"
    ),
    "https://example.com/no-headers.asyncapi.yaml": EVENTS.replace("protocolVersion: '5'", "protocolVersion: 3.1.1"),
}


def fetch(url: str) -> bytes:
    """A web that holds a few files."""
    if url in WEB:
        return WEB[url].encode()
    raise OSError("404 Not Found")


def check(text: str | bytes, *, strict: bool = False) -> list[Problem]:
    """The problems of a document that stands beside the others."""
    try:
        document = reader.read_document(text, "example.yaml", uri="https://example.com/example.yaml")
    except UnreadableDocument as error:
        return list(error.problems)
    return check_document(Linker(Library(fetch=fetch)), document, strict=strict)


def rules(text: str, *, strict: bool = False) -> set[str]:
    """The ids of the rules that a document breaks."""
    return {problem.rule for problem in check(text, strict=strict)}


def errors(problems: list[Problem]) -> set[str]:
    """The ids of the rules whose breaking refuses a run."""
    return {problem.rule for problem in problems if problem.severity is Severity.ERROR}


def document(steps: str, *, rest: str = "", version: str = "1.1.0", sources: str = "") -> str:
    """A document with one workflow; ``steps`` and ``rest`` are lists and fields in flow or block style."""
    return f"""\
arazzo: {version}
info: {{title: Buy a pet, version: 1.0.0}}
sourceDescriptions:
- {{name: pets, url: pets.openapi.yaml, type: openapi}}
{sources}workflows:
- workflowId: buy-pet
  inputs: {{type: object, properties: {{status: {{type: string}}, user: {{type: object}}, token: {{type: string}}}}}}
{rest}  steps:
{steps}"""


def with_value(value: str, *, version: str = "1.1.0") -> str:
    """A document whose one step sends one parameter."""
    step = "  - stepId: find\n    operationId: findPet\n    parameters:\n"
    return document(f"{step}    - {{name: status, in: query, value: {value}}}\n", version=version)


def with_output(expression: str, *, version: str = "1.1.0") -> str:
    """A document whose one step has one output."""
    return document(f"  - {{stepId: find, operationId: findPet, outputs: {{out: {expression}}}}}\n", version=version)


def with_criterion(criterion: str) -> str:
    """A document whose one step has one criterion."""
    return document(f"  - stepId: find\n    operationId: findPet\n    successCriteria:\n    - {criterion}\n")
