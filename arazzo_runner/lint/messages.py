"""Checks of steps over messages against their AsyncAPI description (M1 to M15)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from arazzo_runner.analysis import message_rules  # noqa: F401 - registers the rules that this module reports
from arazzo_runner.analysis.findings import Finding, Findings, sentence, suggestion
from arazzo_runner.analysis.linker import LinkedMessages
from arazzo_runner.analysis.message_steps import MessageTarget, target_of
from arazzo_runner.analysis.occurrences import Read
from arazzo_runner.analysis.scope import StepScope, WorkflowScope
from arazzo_runner.documents.near_names import near_names
from arazzo_runner.expressions import logic
from arazzo_runner.expressions.criteria import Simple
from arazzo_runner.expressions.nodes import Expression, MessagePart, Named
from arazzo_runner.lint.references import is_of_http
from arazzo_runner.lint.schema_members import path_of, unknown_member, unknown_members
from arazzo_runner.openapi.media_types import is_json
from arazzo_runner.openapi.schemas import Schema

if TYPE_CHECKING:
    from arazzo_runner.asyncapi.protocols import MessageProtocol
    from arazzo_runner.asyncapi.specs import Action, MessageSpec

_OPEN = re.compile(r"\{([^{}]+)\}")
_OF_HANDSHAKES = ("query", "querystring", "cookie")
_BINARY = re.compile(r"avro|protobuf", re.IGNORECASE)


def check_messages(scope: WorkflowScope) -> Findings:
    """Every step that sends or receives."""
    for step in scope.steps:
        linked = step.messages
        if linked is None:
            continue
        yield from _version(step, linked)
        yield from _action(step, linked)
        action = step.action
        if action is not None:
            target = target_of(linked, action, has_sent=step.has_sent)
            yield from _parameters(step, linked, target, action)
            yield from _format(step, target)
            if action == "send":
                yield from _payload(step, linked, target)
                yield from _required_headers(step, linked, target)
    yield from _expressions(scope)


def _where(step: StepScope) -> str:
    return step.reference[1] if step.reference is not None else step.step.pointer


def _version(step: StepScope, linked: LinkedMessages) -> Findings:
    source = step.holder.document.description.source(linked.source)
    if linked.api.version < (3, 0) and source is not None:
        version = ".".join(map(str, linked.api.version))
        yield Finding("asyncapi-2", f"the source {linked.source!r} is AsyncAPI {version}", f"{source.pointer}/url")


def _action(step: StepScope, linked: LinkedMessages) -> Findings:
    operation, written = linked.operation, step.step.action
    if operation is None:
        if written is None:
            message = f"the step {step.step.step_id!r} does not say whether it sends or receives"
            yield Finding("channel-action", message, step.step.pointer)
        return
    if written is None:
        message = f"the step {step.step.step_id!r} has no action, and the application's is {operation.action}"
        yield Finding("missing-action", message, _where(step), f"Write action: {step.action}.")
    elif written == operation.action and not (operation.reply is not None and written == "receive"):
        message = f"the step's action is {written!r}, and so is that of the application in {operation.label!r}"
        yield Finding("asyncapi-own-view", message, f"{step.step.pointer}/action")


def _protocols(linked: LinkedMessages) -> list[MessageProtocol]:
    """The supported protocols of the servers that the channel is on; none when the user has to name a server."""
    from arazzo_runner.asyncapi.protocols import protocol_of

    servers = linked.api.servers
    allowed = [servers[name] for name in linked.channel.servers if name in servers] or list(servers.values())
    found = (protocol_of(one.protocol, one.version) for one in allowed)
    return [one for one in found if one is not None]


def _parameters(step: StepScope, linked: LinkedMessages, target: MessageTarget, action: Action) -> Findings:
    address = "" if target.channel is None else target.channel.address or ""
    names = list(dict.fromkeys(_OPEN.findall(address)))
    protocols = _protocols(linked)
    given = set()
    for parameter in step.parameters:
        own = parameter.pointer.startswith(f"{step.step.pointer}/")
        if parameter.location in ("path", "channel", None):
            given.add(parameter.name)
            if parameter.name not in names and parameter.location is not None and own:
                message = f"the address {address or linked.label!r} has no parameter {parameter.name!r}"
                hint = suggestion(parameter.name, names, "parameters of the address")
                yield Finding("message-parameter", message, f"{parameter.pointer}/name", hint)
        elif own and parameter.location in _OF_HANDSHAKES and not any(one.has_handshake for one in protocols):
            message = f"a message has no {parameter.location} parameters: {parameter.name!r} is not sent"
            yield Finding("message-parameter", message, parameter.pointer, "Write in: header, or in: path.")
    if action == "send" and target.channel is not None:
        for name in names:
            spec = target.channel.parameter(name)
            if name not in given and spec.default is None and spec.location is None:
                message = f"nothing gives the parameter {name!r} of the address {address}"
                hint = f"Add the parameter {{name: {name}, in: path, value: …}}."
                yield Finding("message-address", message, step.step.pointer, hint)
        if protocols and not any(one.has_headers or one.has_handshake for one in protocols):
            yield from _headers(step, linked, target)


def _headers(step: StepScope, linked: LinkedMessages, target: MessageTarget) -> Findings:
    places = [message.correlation for message in target.messages] + [target.reply_location]
    in_payload = {place.rpartition("/")[2] for place in places if place and place.startswith("$message.payload#")}
    for parameter in step.own_parameters:
        if parameter.location == "header" and parameter.name not in in_payload:
            message = f"the protocol of {linked.source!r} has no header fields, and the step sends {parameter.name!r}"
            yield Finding("message-header", message, parameter.pointer)


def _required_headers(step: StepScope, linked: LinkedMessages, target: MessageTarget) -> Findings:
    """Headers that every message of the operation requires and the step does not send."""
    given = {parameter.name.lower() for parameter in step.parameters if parameter.location == "header"}
    made = (target.reply_location or "").rpartition("/")[2].lower()  # the runner writes it (M14)
    required = [set(_required(message.headers)) for message in target.messages]
    for name in sorted(set.intersection(*required)) if required else ():
        if name.lower() not in given and name.lower() != made:
            message = f"the messages of {linked.label} require the header {name!r}, which the step does not send"
            hint = f"Add the parameter {{name: {name}, in: header, value: …}}."
            yield Finding("required-message-header", message, _where(step), hint)


def _required(headers: Schema | None) -> list[str]:
    names = None if headers is None else headers.value("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _format(step: StepScope, target: MessageTarget) -> Findings:
    body = step.step.request_body
    chosen = body.content_type if body is not None else None
    written = [chosen] if chosen else [f"{one.content_type} {one.schema_format}" for one in target.messages]
    if written and all(_BINARY.search(text) for text in written):
        message = f"the messages of the step {step.step.step_id!r} are {written[0].strip()}, which is not supported"
        yield Finding("message-format", message, _where(step))


def _payload(step: StepScope, linked: LinkedMessages, target: MessageTarget) -> Findings:
    """Members of the payload that no message of the operation declares."""
    body = step.step.request_body
    if body is None or not isinstance(body.payload, dict) or (body.content_type and not is_json(body.content_type)):
        return
    schemas = _schemas(target.messages)
    if not schemas:
        return
    found = [dict(unknown_members(schema, body.payload, f"{body.pointer}/payload")) for schema in schemas]
    for pointer, unknown in found[0].items():
        if all(pointer in other for other in found):
            known = tuple(dict.fromkeys(name for other in found for name in other[pointer].known))
            message = f"the messages of {linked.label} declare no member {unknown.name!r} there"
            hint = suggestion(unknown.name, known, "members")
            yield Finding("unknown-payload-member", message, pointer, hint, key=True)


def _schemas(messages: tuple[MessageSpec, ...]) -> list[Schema]:
    """The schemas of the payloads; empty when one of the messages has none that is JSON Schema."""
    schemas = [message.payload for message in messages if not _BINARY.search(message.schema_format)]
    known = [schema for schema in schemas if schema is not None]
    return known if known and len(known) == len(messages) else []


def _expressions(scope: WorkflowScope) -> Findings:
    """Check what expressions of steps over messages read, and what ``$message`` has."""
    for read in scope.reads:
        site = read.site
        if site.step is None or site.step.step_id not in scope.step_ids or site.moment != "after":
            continue
        step = scope.steps[scope.step_ids[site.step.step_id]]
        linked, action = step.messages, step.action
        if linked is None or action is None:
            continue
        target = target_of(linked, action, has_sent=step.has_sent)
        for node in dict.fromkeys(use.node for use in read.uses):
            if is_of_http(node):
                message = f"{node} has no value in the step {step.step.step_id!r}, which works over messages"
                yield Finding("message-step-response", message, site.pointer, _instead(node))
            elif isinstance(node, MessagePart) and node.holder == "message":
                yield from _message_part(node, linked, target, read)
        if action == "receive" and step.step.correlation_id is None:
            yield from _filter(step, read)


def _instead(node: Expression) -> str | None:
    if isinstance(node, MessagePart):
        part = "payload" if node.part == "body" else "header" if node.part == "headers" else node.part
        return sentence(f"write {str(node).replace(f'${node.holder}.{node.part}', f'$message.{part}')}")
    return None


def _message_part(node: MessagePart, linked: LinkedMessages, target: MessageTarget, read: Read) -> Findings:
    pointer = read.site.pointer
    match node.part:
        case "body" | "payload":
            steps = path_of(node)
            schemas = _schemas(target.messages)
            found = [unknown_member(schema, steps) for schema in schemas] if steps else []
            missing = [one for one in found if one is not None]
            if missing and len(missing) == len(found):
                known = tuple(dict.fromkeys(name for one in missing for name in one.known))
                message = f"{node}: no message of {linked.label} has a member {missing[0].name!r} there"
                hint = suggestion(missing[0].name, known, "members")
                yield Finding("unknown-message-member", message, pointer, hint)
        case "header" | "headers":
            declared = [name for one in target.messages if one.headers for name in one.headers.property_names()]
            # Brokers and libraries add headers of their own: only what is nearly a known one is reported.
            near = near_names(node.name, declared, most=1, cutoff=0.8)
            if node.name.lower() not in {name.lower() for name in declared} and near:
                message = f"{node}: no message of {linked.label} has a header {node.name!r}"
                yield Finding("unknown-message-header", message, pointer, f"Did you mean {near[0]}?")
        case "path":
            address = "" if target.channel is None else target.channel.address or ""
            names = _OPEN.findall(address)
            if node.name not in names:
                message = f"{node}: the address {address or linked.label!r} has no parameter {node.name!r}"
                hint = suggestion(node.name, names, "parameters of the address")
                yield Finding("unknown-message-member", message, pointer, hint)


def _filter(step: StepScope, read: Read) -> Findings:
    """A criterion that compares the message with what the run knows already, as if it chose among messages (M9)."""
    criterion = read.criterion
    if criterion is None or "/successCriteria/" not in read.site.pointer or not isinstance(criterion.test, Simple):
        return
    for comparison in logic.comparisons(criterion.test.node):
        sides = (comparison.left.operand, comparison.right.operand)
        if comparison.operator == "==" and any(map(_is_message, sides)) and any(map(_is_known, sides)):
            message = (
                f"the criterion {criterion.source.condition!r} judges the first message that comes; "
                f"the step {step.step.step_id!r} has no correlationId to choose one by"
            )
            yield Finding("criteria-look-like-a-filter", message, read.site.pointer)
            return


def _is_message(operand: object) -> bool:
    return isinstance(operand, MessagePart) and operand.holder == "message"


def _is_known(operand: object) -> bool:
    return isinstance(operand, Named) and operand.root in ("inputs", "steps", "workflows")
