"""Events: what happens in a run, as frozen values in order. Reports listen to them and know nothing else of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from arazzo_runner.effects import Message, Request, Response
from arazzo_runner.errors import Place

Status: TypeAlias = Literal["succeeded", "failed"]


class Reason(Struct, frozen=True):
    """Why a run or an attempt failed.

    Attributes:
        code: one of the run report's codes.
        place: the line of the document that it comes down to.
    """

    code: str
    message: str
    step_id: str | None = None
    hint: str = ""
    place: Place | None = None


class CriterionOutcome(Struct, frozen=True):
    """A criterion that was asked, and what it said."""

    condition: str
    type: str
    passed: bool
    detail: str | None = None


class ActionTaken(Struct, frozen=True):
    """The action that follows an attempt. ``name`` is None for the sequence's own next step or end.

    Attributes:
        type: ``goto``, ``retry``, ``end`` or ``next``.
        step_id, workflow_id: where it leads, when it leads somewhere.
    """

    name: str | None
    type: str
    step_id: str | None = None
    workflow_id: str | None = None


class ExchangedMessage(Struct, frozen=True):
    """The message of an attempt.

    Attributes:
        action: ``send`` or ``receive``.
        source: the name of the source description.
        url: of the broker, without the channel's address.
        address: of the message; where no message was taken, the one that was listened at.
        message: that was sent or taken; None when none was taken.
        correlation_id: that was waited for, or sent; or None.
        looked_at: how many messages a receive step has seen, the one that it took among them (M10).
    """

    action: Literal["send", "receive"]
    source: str
    url: str
    address: str
    message: Message | None = None
    correlation_id: str | None = None
    looked_at: int = 0

    @property
    def title(self) -> str:
        """Action and address, for people: ``receive orders/1/shipped``."""
        return f"{self.action} {self.address}"

    @property
    def others(self) -> int:
        """The number of messages that a receive step has seen and that were not for it."""
        return max(0, self.looked_at - (1 if self.message is not None else 0))


class Attempt(Struct, frozen=True):
    """One attempt of one step, whole.

    Attributes:
        attempt: from 1 each time ``goto`` or the sequence enters the step, retries counting on.
        depth: how many workflows it is nested in; 0 in the workflow that was asked for.
        operation: what the step does: method and path of its operation, or the workflow that it calls.
        request: None for a workflow step, and for one over messages.
        response: None when none came.
        problems: what is worth knowing and failed nothing (V7, H3).
        duration: seconds.
        breaks_contract: its exchange breaks its description, and the run fails for it (``--check error``).
        exchanged: the message of a step over messages; None for any other.
    """

    workflow_id: str
    step_id: str
    attempt: int
    depth: int
    operation: str
    status: Status
    request: Request | None
    response: Response | None
    criteria: tuple[CriterionOutcome, ...]
    action: ActionTaken | None
    outputs: Mapping[str, Any]
    problems: tuple[str, ...]
    reason: Reason | None
    started_at: float
    duration: float
    breaks_contract: bool = False
    exchanged: ExchangedMessage | None = None

    @property
    def verdict(self) -> Status:
        """The status for people: ``failed`` also when the step succeeded and its contract was broken."""
        return "failed" if self.breaks_contract else self.status


class RunStarted(Struct, frozen=True):
    """The first event of every run."""

    workflow_id: str
    inputs: Mapping[str, Any]
    at: float


class WorkflowEntered(Struct, frozen=True):
    """A nested workflow begins; ``cause`` is ``step``, ``retry``, ``dependsOn`` or ``goto``."""

    workflow_id: str
    depth: int
    cause: str
    at: float


class AttemptStarted(Struct, frozen=True):
    """A request is about to be sent."""

    workflow_id: str
    step_id: str
    attempt: int
    depth: int
    request: Request
    at: float

    @property
    def title(self) -> str:
        """The request for people: method and URL."""
        return f"{self.request.method} {self.request.url}"


class ChannelSubscribed(Struct, frozen=True):
    """A channel has been subscribed to, for a step that comes later or is at hand (M4).

    Attributes:
        url: of the broker.
        address: where it listens.
    """

    workflow_id: str
    step_id: str
    depth: int
    url: str
    address: str
    at: float


class MessageAwaited(Struct, frozen=True):
    """A message is about to be sent, or a step begins to wait for one.

    Attributes:
        exchanged: with the message that is sent.
        seconds: for which a message is waited, or None.
    """

    workflow_id: str
    step_id: str
    attempt: int
    depth: int
    exchanged: ExchangedMessage
    seconds: float | None
    at: float

    @property
    def title(self) -> str:
        """The message that is sent or awaited, for people."""
        return self.exchanged.title


class Authenticated(Struct, frozen=True):
    """An exchange beside the steps: for a token, for where one comes from, or a request that a 401 sent back (H5).

    Attributes:
        scheme: the security scheme, as far as it is known.
        response: None when none came.
    """

    workflow_id: str
    step_id: str
    depth: int
    scheme: str
    request: Request
    response: Response | None
    at: float


class AttemptFinished(Struct, frozen=True):
    """An attempt is over and what follows is decided."""

    attempt: Attempt
    at: float


class Waiting(Struct, frozen=True):
    """A wait begins; ``why`` is ``retry`` (F4) or ``pacing`` (F5)."""

    workflow_id: str
    step_id: str
    seconds: float
    why: str
    at: float


class Warned(Struct, frozen=True):
    """Something that the user should know and that fails nothing; ``place`` is the line that it comes down to."""

    message: str
    step_id: str | None
    hint: str
    at: float
    place: Place | None = None


class WorkflowLeft(Struct, frozen=True):
    """A nested workflow is over."""

    workflow_id: str
    depth: int
    status: Status
    outputs: Mapping[str, Any]
    at: float


class Outcome(Struct, frozen=True):
    """The end of a run.

    Attributes:
        outputs: of the workflow; also when the run failed.
        attempts, requests: how many there were.
        messages: how many were sent and taken.
        duration: seconds.
        unjudged: how many parts of exchanges contract checks could not judge.
    """

    workflow_id: str
    status: Status
    reason: Reason | None
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    attempts: int
    requests: int
    started_at: float
    duration: float
    unjudged: int = 0
    messages: int = 0

    @property
    def exchanged(self) -> str:
        """The numbers of requests and messages, for people; messages only where there were some."""
        counts = [_count(self.requests, "request")] if self.requests or not self.messages else []
        return " · ".join([*counts, *([_count(self.messages, "message")] if self.messages else [])])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


class RunFinished(Struct, frozen=True):
    """The last event of every run."""

    outcome: Outcome
    at: float
    warnings: tuple[str, ...] = field(default=())


Event: TypeAlias = (
    RunStarted
    | WorkflowEntered
    | AttemptStarted
    | ChannelSubscribed
    | MessageAwaited
    | Authenticated
    | AttemptFinished
    | Waiting
    | Warned
    | WorkflowLeft
    | RunFinished
)
