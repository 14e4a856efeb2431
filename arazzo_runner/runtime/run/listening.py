"""A channel that is listened to without a workflow: a plan of one step is made, which receives again and again."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.near_names import did_you_mean
from arazzo_runner.documents.reader import read_document
from arazzo_runner.documents.sources import Library
from arazzo_runner.effects import Failed, Match, Message, Receive, Received, Subscribed
from arazzo_runner.engine.messages.addresses import listening_address
from arazzo_runner.engine.messages.subscribing import subscribe_effect
from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.engine.planned_messages import PlannedExchange
from arazzo_runner.engine.planning.planner import make_plan
from arazzo_runner.engine.state import Subscription
from arazzo_runner.errors import UsageError
from arazzo_runner.expressions.evaluate import Scope
from arazzo_runner.openapi.contract.breaches import Breach
from arazzo_runner.runtime.brokers.mailroom import open_mailroom
from arazzo_runner.runtime.run.message_checks import message_breaches

if TYPE_CHECKING:
    from arazzo_runner.asyncapi.descriptions import AsyncDescription
    from arazzo_runner.asyncapi.specs import ChannelSpec
    from arazzo_runner.runtime.http.options import TransportOptions

_URI = "file:///arazzo-listen"
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_LONG = 365 * 24 * 3600.0


def _ignored(_: str) -> None:
    """Do nothing."""


class Heard(Struct, frozen=True):
    """A message that came.

    Attributes:
        breaches: what of it is not as the description says.
        at: seconds since the epoch.
    """

    message: Message
    breaches: tuple[Breach, ...]
    at: float


class ListeningFailed(Exception):
    """The channel cannot be listened to any longer; ``message`` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def source_name(path: str) -> str:
    """The name by which options know a description: its file's, to the first dot."""
    stem = PurePosixPath(path.replace("\\", "/")).name.partition(".")[0]
    return _NO_NAME.sub("-", stem).strip("-") or "source"


def listening_plan(
    library: Library, path: str, channel: str, parameters: Mapping[str, str], options: RunOptions
) -> Plan:
    """Make the plan of a step that receives on a channel.

    Args:
        path: of the AsyncAPI description, or its URL.
        channel: a channel's key or address, or an operation's id.
        parameters: of the address, by name; those without a value may be anything (M12).

    Raises:
        UsageError: the description has no such channel, or the address no such parameter.
        DocumentError: it cannot be read, or is not an AsyncAPI description.
        PlanError: the channel cannot be listened to.
    """
    from arazzo_runner.asyncapi.descriptions import AsyncDescription

    name = source_name(path)
    described = library.entry(path)
    step = _step(AsyncDescription(name, described, library.open), name, channel, parameters)
    document = {
        "arazzo": "1.1.0",
        "info": {"title": "listen", "version": "1"},
        "sourceDescriptions": [{"name": name, "url": described.uri, "type": "asyncapi"}],
        "workflows": [{"workflowId": "listen", "steps": [step]}],
    }
    entry = read_document(json.dumps(document), "arazzo listen", uri=_URI)
    library.add(entry)
    linker = Linker(library)
    linker.description(entry)
    return make_plan(linker, entry, "listen", options)


def _step(api: AsyncDescription, source: str, channel: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    found, where = _channel(api, source, channel)
    declared = re.findall(r"\{([^{}]+)\}", found.address or "")
    for name in parameters:
        if name not in declared:
            hint = did_you_mean(name, declared, "parameters of the address")
            raise UsageError(f"the address {found.address} has no parameter {name!r}", hint=hint)
    given = [{"name": name, "in": "path", "value": value} for name, value in parameters.items()]
    return {"stepId": "listen", **where, "action": "receive", **({"parameters": given} if given else {})}


def _channel(api: AsyncDescription, source: str, channel: str) -> tuple[ChannelSpec, dict[str, Any]]:
    """A channel, and the members of a step that name it."""
    found = api.channel(channel)
    if found is not None:
        pointer = json_pointer.join("/channels", found.name)
        return found, {"channelPath": f"{{$sourceDescriptions.{source}.url}}#{pointer}"}
    operation = api.operation(channel)
    if operation is not None:
        return operation.channel, {"operationId": f"$sourceDescriptions.{source}.{channel}"}
    hint = did_you_mean(channel, [*api.channel_entries, *api.by_id], "channels and operations")
    raise UsageError(f"{api.document.path} has no channel or operation {channel!r}", hint=hint)


async def heard(
    plan: Plan, transport: TransportOptions, *, seconds: float | None = None, begun: Callable[[str], None] = _ignored
) -> AsyncGenerator[Heard, None]:
    """Yield what arrives.

    Args:
        seconds: for how long; without, until the iteration is ended.
        begun: is called with the address once the broker has the subscription.

    Raises:
        ListeningFailed: the broker does not allow it, or cannot be reached.
    """
    step, exchange = plan.workflow.steps[0], listening_exchange(plan)
    address = listening_address(exchange, Scope())
    effect = subscribe_effect("listen", Subscription(plan.entry, 0, address), step, Scope(), transport.read_timeout)
    async with open_mailroom(transport) as mailroom:
        answer = await mailroom.perform(effect)
        if not isinstance(answer, Subscribed):
            raise ListeningFailed(answer.code if isinstance(answer, Failed) else "", getattr(answer, "message", ""))
        begun(answer.address)
        end = None if seconds is None else answer.at + seconds
        now = answer.at
        while end is None or now < end:
            answer = await mailroom.perform(Receive("listen", Match(), _LONG if end is None else end - now))
            match answer:
                case Received(message=message, at=at):
                    now = at
                    yield Heard(message, tuple(message_breaches(exchange, message)), at)
                case Failed(code="receive-timeout"):
                    return
                case Failed(code=code, message=said):
                    raise ListeningFailed(code, said)


def listening_exchange(plan: Plan) -> PlannedExchange:
    """The exchange of a plan that listens."""
    exchange = plan.workflow.steps[0].exchange
    assert exchange is not None  # noqa: S101 - for the type checker: the plan was made for it
    return exchange
