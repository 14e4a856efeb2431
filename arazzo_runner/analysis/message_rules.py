"""The rules of steps over messages: what they refer to, what they say, and what a broker can do with it (M1 to M18)."""

from __future__ import annotations

from functools import partial

from arazzo_runner.documents.rules import RULES, Rule
from arazzo_runner.errors import Severity

_error = partial(Rule, severity=Severity.ERROR)
_warning = partial(Rule, severity=Severity.WARNING)
_hint = partial(Rule, severity=Severity.HINT)

_SEND = "stepId: add, action: send, operationId: $sourceDescriptions.events.addPet"
_AWAIT = "stepId: wait, action: receive, operationId: $sourceDescriptions.events.awaitPet"
_PATH = "{$sourceDescriptions.events.url}#/channels/petArrived"


def _steps(*steps: str, url: str = "events.asyncapi.yaml") -> str:
    listed = "\n".join(f"  - {{{step}}}" for step in steps)
    return f"""\
arazzo: 1.1.0
info: {{title: Buy a pet, version: 1.0.0}}
sourceDescriptions:
- {{name: events, url: {url}, type: asyncapi}}
workflows:
- workflowId: buy-pet
  inputs: {{type: object, properties: {{id: {{type: string}}}}}}
  steps:
{listed}
"""


RULES.register(
    _error(
        id="asyncapi-version",
        summary="A source of type asyncapi is an AsyncAPI 2.0 to 2.6, 3.0 or 3.1 description.",
        hint="Convert it to AsyncAPI 3, or give the source its type.",
        section="Source Description Object; M1",
        failing=_steps(_AWAIT, url="pets.openapi.yaml"),
        passing=_steps(_AWAIT),
    ),
    _warning(
        id="asyncapi-2",
        summary="A description of messages is AsyncAPI 3.",
        hint="Convert it to AsyncAPI 3: what publish and subscribe mean is often read the wrong way round.",
        section="Source Description Object; M1",
        failing=_steps(_AWAIT, url="second.asyncapi.yaml"),
        passing=_steps(_AWAIT),
    ),
    _error(
        id="channel-path-form",
        summary="A channelPath names a source and a JSON Pointer into it.",
        hint="Write '{$sourceDescriptions.<name>.url}#/channels/<channel>'.",
        section="Step Object (1.1); M2",
        failing=_steps("stepId: wait, action: receive, channelPath: petArrived"),
        passing=_steps(f"stepId: wait, action: receive, channelPath: '{_PATH}'"),
    ),
    _error(
        id="unknown-channel",
        summary="The channel of a step is one of its AsyncAPI description.",
        hint="Name a channel of the description.",
        section="Step Object (1.1); M2",
        failing=_steps(f"stepId: wait, action: receive, channelPath: '{_PATH}s'"),
        passing=_steps(f"stepId: wait, action: receive, channelPath: '{_PATH}'"),
    ),
    _error(
        id="channel-action",
        summary="A step that names a channel says whether it sends or receives.",
        hint="Write 'action: send' or 'action: receive'.",
        section="Step Object (1.1); M3",
        failing=_steps(f"stepId: wait, channelPath: '{_PATH}'"),
        passing=_steps(f"stepId: wait, action: receive, channelPath: '{_PATH}'"),
    ),
    _warning(
        id="missing-action",
        summary="A step over messages says whether it sends or receives.",
        hint="Write its action: without one it does the opposite of the operation.",
        section="Step Object (1.1); M3",
        failing=_steps("stepId: wait, operationId: $sourceDescriptions.events.awaitPet"),
        passing=_steps(_AWAIT),
    ),
    _hint(
        id="asyncapi-own-view",
        summary="A step's action is the opposite of its operation's, which is the application's.",
        hint="Look whether the description is written from the application's point of view.",
        section="Step Object (1.1); M3",
        failing=_steps("stepId: wait, action: receive, operationId: $sourceDescriptions.events.addPet"),
        passing=_steps(_AWAIT),
    ),
    _error(
        id="message-server",
        summary="The messages of a step have a server.",
        hint="Say where the broker is: --server NAME=mqtt://HOST:PORT.",
        section="M19",
        failing=_steps(_AWAIT, url="no-server.asyncapi.yaml"),
        passing=_steps(_AWAIT),
    ),
    _warning(
        id="message-server-chosen",
        summary="The messages of a step have one server, or the user chooses one.",
        hint="Choose one: --server NAME=SERVER.",
        section="M19",
        failing=_steps(_AWAIT, url="several.asyncapi.yaml"),
        passing=_steps(_AWAIT),
    ),
    _error(
        id="message-protocol",
        summary="The server of a step's messages has a protocol that is supported.",
        hint="Choose another server: --server NAME=SERVER.",
        section="M18",
        failing=_steps(_AWAIT, url="queues.asyncapi.yaml"),
        passing=_steps(_AWAIT),
    ),
    _error(
        id="message-format",
        summary="The messages of a step are not Avro or Protobuf.",
        hint="Describe another content type.",
        section="Request Body Object; M13",
        failing=_steps(_SEND + ", requestBody: {contentType: application/x-protobuf, payload: {name: Tom}}"),
        passing=_steps(_SEND + ", requestBody: {payload: {name: Tom}}"),
    ),
    _error(
        id="message-address",
        summary="Every parameter of the address that a step sends to has a value.",
        hint="Add a parameter with 'in: path'.",
        section="Parameter Object; M12",
        failing=_steps("stepId: move, action: send, operationId: $sourceDescriptions.events.movePet"),
        passing=_steps(
            "stepId: move, action: send, operationId: $sourceDescriptions.events.movePet, "
            "parameters: [{name: petId, in: path, value: 1}]"
        ),
    ),
    _error(
        id="message-header",
        summary="A step sends header fields over protocols that have them.",
        hint="Choose a server whose protocol has header fields, or put the value into the payload.",
        section="Parameter Object; M12",
        failing=_steps(_SEND + ", parameters: [{name: X-Trace, in: header, value: a}]", url="no-headers.asyncapi.yaml"),
        passing=_steps(_SEND + ", parameters: [{name: X-Trace, in: header, value: a}]"),
    ),
    _warning(
        id="required-message-header",
        summary="A step sends the headers that the message requires.",
        hint="Add a parameter with 'in: header'.",
        section="Parameter Object; D2",
        failing=_steps(
            "stepId: tag, action: send, operationId: $sourceDescriptions.events.tagPet, requestBody: {payload: {}}"
        ),
        passing=_steps(
            "stepId: tag, action: send, operationId: $sourceDescriptions.events.tagPet, requestBody: {payload: {}}, "
            "parameters: [{name: tagId, in: header, value: a}]"
        ),
    ),
    _warning(
        id="message-parameter",
        summary="A parameter of a step over messages is one of its address or a header.",
        hint="Name a parameter of the channel's address.",
        section="Parameter Object; M12",
        failing=_steps(_AWAIT + ", parameters: [{name: pet, in: path, value: 1}]"),
        passing=_steps(_AWAIT),
    ),
    _warning(
        id="message-step-response",
        summary="A step over messages reads $message: it has no request, no response and no status code.",
        hint="Write $message.payload or $message.header.",
        section="Runtime Expressions; M15",
        failing=_steps(_AWAIT + ", outputs: {name: $response.body#/name}"),
        passing=_steps(_AWAIT + ", outputs: {name: $message.payload#/name}"),
    ),
    _warning(
        id="unknown-message-member",
        summary="A member of the message that an expression names is one that the description declares.",
        hint="Name a member of the message's schema.",
        section="Runtime Expressions; D2",
        failing=_steps(_AWAIT + ", outputs: {name: $message.payload#/nmae}"),
        passing=_steps(_AWAIT + ", outputs: {name: $message.payload#/name}"),
    ),
    _warning(
        id="unknown-message-header",
        summary="A header of the message that an expression names is one that the description declares.",
        hint="Name a header of the message.",
        section="Runtime Expressions; D2",
        failing=_steps(_AWAIT + ", outputs: {id: $message.header.correlationid2}"),
        passing=_steps(_AWAIT + ", outputs: {id: $message.header.correlationId}"),
    ),
    _warning(
        id="criteria-look-like-a-filter",
        summary="Criteria judge the message that was taken, and do not choose it.",
        hint="Choose it by correlationId, or use --receive until-pass to wait on until the criteria pass.",
        section="Step Object (1.1); M9",
        failing=_steps(_AWAIT + ", successCriteria: [{condition: $message.payload#/id == $inputs.id}]"),
        passing=_steps(_AWAIT + ", correlationId: $inputs.id"),
    ),
)
