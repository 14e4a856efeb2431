"""Steps over messages: their action, and the channel that it goes to or comes from (M3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from arazzo_runner.analysis.message_links import LinkedMessages
from arazzo_runner.documents.model import Step

if TYPE_CHECKING:
    from arazzo_runner.asyncapi.specs import Action, ChannelSpec, MessageSpec

_OPPOSITE: Mapping[Action, Action] = {"send": "receive", "receive": "send"}


class MessageTarget(Struct, frozen=True):
    """The end of a step's messages.

    Attributes:
        channel: None for an address that is only known when a request has been sent (M14).
        messages: those that the step means; empty for any.
        others: the channel's other messages (M8).
        is_reply: whether the messages are replies.
        reply_location: where a request says that its reply goes, or None; of a send step whose operation has replies,
            and of a receive step that waits for one.
        has_inbox: whether the reply goes to an address that each request names.
    """

    channel: ChannelSpec | None
    messages: tuple[MessageSpec, ...]
    others: tuple[MessageSpec, ...] = ()
    is_reply: bool = False
    reply_location: str | None = None
    has_inbox: bool = False


def action_of(step: Step, linked: LinkedMessages) -> Action | None:
    """Return a step's ``action``, else the opposite of its operation's; None when neither is there (M3)."""
    if step.action in ("send", "receive"):
        return cast("Action", step.action)
    return None if linked.operation is None else _OPPOSITE[linked.operation.action]


def target_of(linked: LinkedMessages, action: Action, *, has_sent: bool) -> MessageTarget:
    """Return the end that a step's messages go to or come from.

    Args:
        has_sent: whether the run has sent on the operation before.
    """
    operation = linked.operation
    if operation is None:
        return MessageTarget(linked.channel, linked.channel.messages)
    reply = operation.reply
    has_inbox = reply is not None and (reply.channel is None or reply.channel.address is None)
    location = None if reply is None else reply.location
    if action == "send" or reply is None or not (operation.action == "receive" or has_sent):
        messages = operation.messages
        is_request = action == "send"
        return MessageTarget(
            operation.channel,
            messages,
            _without(operation.channel.messages, messages) if operation.named else (),
            reply_location=location if is_request else None,
            has_inbox=has_inbox and is_request,
        )
    channel = reply.channel
    known = () if channel is None else channel.messages
    messages = reply.messages or known
    return MessageTarget(
        None if has_inbox else channel,
        messages,
        _without(known, messages),
        is_reply=True,
        reply_location=location,
        has_inbox=has_inbox,
    )


def _without(messages: Iterable[MessageSpec], some: Iterable[MessageSpec]) -> tuple[MessageSpec, ...]:
    places = {message.place for message in some}
    return tuple(message for message in messages if message.place not in places)
