"""A run as a value: frozen, and JSON when it has to be stored (``to_json``, ``from_json``).

A run is a stack of frames, one for each workflow that is under way; the last one moves. Nothing in it refers to the
plan but by name and index, so that a state can be resumed by another process that has made the same plan.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import Enum, StrEnum
from typing import Any, TypeAlias, get_args

from msgspec import Struct, ValidationError, convert, field
from msgspec.structs import replace

from arazzo_runner.effects import Message, Request
from arazzo_runner.engine.absent.absences import Absence
from arazzo_runner.engine.persistent_map import PersistentMap
from arazzo_runner.engine.serialization import DATA
from arazzo_runner.errors import InvalidState
from arazzo_runner.expressions.evaluate import WorkflowView
from arazzo_runner.openapi.auth.tokens import Token
from arazzo_runner.openapi.request.cookies import StoredCookie

Outputs: TypeAlias = Mapping[str, Any]
Change: TypeAlias = Callable[[Any], Any]
Share: TypeAlias = Callable[[Mapping[str, Any]], Any]
FORMAT = "arazzo-state/2"


def _as_it_is(data: Any) -> Any:
    return data


class Phase(StrEnum):
    """The answer that the last frame waits for."""

    ENTERING = "entering"
    """Nothing yet: the step at ``position`` is about to be attempted."""
    PACING = "pacing"
    """The wait before a repeated request (F5) is under way."""
    SENDING = "sending"
    """The request is out."""
    CALLING = "calling"
    """A frame above runs a workflow for this one."""
    AUTHENTICATING = "authenticating"
    """A token, or where one comes from, has been asked for (H5)."""
    SUBSCRIBING = "subscribing"
    """A channel is being subscribed to, before a step (M4) or in one."""
    PUBLISHING = "publishing"
    """A message is on its way to the broker (M11)."""
    RECEIVING = "receiving"
    """A message is waited for (M10)."""
    RETRYING = "retrying"
    """The wait before a further attempt (F4) is under way."""


class Purpose(StrEnum):
    """The purpose of a frame's workflow, which decides where its result goes."""

    RUN = "run"
    STEP = "step"
    RETRY = "retry"
    DEPENDENCY = "dependency"


class Arrival(StrEnum):
    """The way in which a step was reached."""

    SEQUENCE = "sequence"
    GOTO = "goto"
    RETRY = "retry"


class Finished(WorkflowView, frozen=True):
    """A finished workflow, as ``$workflows.<id>`` shows it."""

    succeeded: bool = True


class Suspended(Struct, frozen=True):
    """The step that waits while the step of its retry action runs (F4)."""

    position: int
    attempt: int
    retries: Mapping[str, int]


class Prepared(Struct, frozen=True):
    """A request that is about to be sent, or is out.

    Attributes:
        sent: its parameters by place and name, for ``$request``.
        digest: of method, URL and body (F5).
        problems: what was left out or sent without.
        tokens: keys of the tokens in it, which a 401 may end (H5).
    """

    request: Request
    sent: Mapping[str, Mapping[str, Any]]
    digest: str
    problems: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()


class Sent(Struct, frozen=True):
    """The last request of a step, for pacing (F5).

    Attributes:
        digest: of method, URL and body.
        retry_after: what the answer's ``Retry-After`` asked for, in seconds, or None.
    """

    digest: str
    retry_after: float | None = None


class Subscription(Struct, frozen=True):
    """A channel that the run is subscribed to: enough to subscribe again, never a connection (M4, M20).

    Attributes:
        workflow, step: key and index of the step whose channel it is.
        asked: the address that was asked for: with open parameters, or the name that was suggested for an inbox.
        address: where the broker listens.
        inbox: whether it is one of the run's own, for replies (M14).
        place: where the broker keeps what was read, or None.
    """

    workflow: str
    step: int
    asked: str
    address: str = ""
    inbox: bool = False
    place: str | None = None


class Underway(Struct, frozen=True):
    """The effect over messages that a frame waits for.

    Attributes:
        key: of the subscription; empty for a message that is sent.
        subscription: that is being made, or None.
        in_step: whether a subscription is a part of the attempt at hand, and not made before it.
        message: that is being sent, or None.
        deadline: the time until which a message is waited for.
        correlation_id: that is waited for, or None.
        looked_at: how many messages were seen so far.
        beyond: the number of the last message that did not satisfy (M9).
        unsatisfying: how many there were.
    """

    key: str = ""
    subscription: Subscription | None = None
    in_step: bool = False
    message: Message | None = None
    deadline: float = 0.0
    correlation_id: str | None = None
    looked_at: int = 0
    beyond: int = 0
    unsatisfying: int = 0


class Frame(Struct, frozen=True, forbid_unknown_fields=True):
    """One workflow under way.

    Attributes:
        workflow: its key in the plan.
        called_as: the workflow id by which the caller reads its result, which ``goto`` does not change.
        purpose: what it was started for.
        position: index of the step at hand.
        attempt: of the step at hand, from 1, retries counting on.
        retries: how often each retry action of the step at hand was used, by index.
        retrying: index of the retry action that was taken last.
        steps: the outputs of the steps that have succeeded.
        workflows: the finished workflows that this one can read, by id.
        prepared: the request at hand, while it waits or is out.
        sent: the last request of each step that sent one, by workflow key and step id.
        challenged: whether the attempt at hand has answered a 401 already (H5); it does so once.
        challenge: the digest challenge that the attempt at hand has to answer.
        discovered: the token endpoint that discovery named for the attempt at hand.
        fetched: keys of the tokens that the attempt at hand has fetched; it uses them however short they last.
        last_url: of the last request, which a relative URL of ``x-operation`` starts from (H1).
        suspended: the step that waits for this one, when this one runs for a retry.
        started_at: when the attempt at hand began.
        absent: by step id, the outputs that its last success did not have, each with what was there (D2).
        called: key of the workflow that it was started with, when ``goto`` has led to another one; else empty.
        underway: the effect over messages that it waits for, or None.
        replies: by operation, the key of the subscription at which its replies arrive (M14).
    """

    workflow: str
    called_as: str
    purpose: Purpose
    inputs: Mapping[str, Any]
    position: int = 0
    phase: Phase = Phase.ENTERING
    arrival: Arrival = Arrival.SEQUENCE
    attempt: int = 1
    retries: Mapping[str, int] = field(default_factory=dict)
    retrying: int = 0
    steps: PersistentMap[Outputs] = field(default_factory=PersistentMap)
    workflows: PersistentMap[Finished] = field(default_factory=PersistentMap)
    prepared: Prepared | None = None
    sent: PersistentMap[Sent] = field(default_factory=PersistentMap)
    suspended: Suspended | None = None
    started_at: float = 0.0
    challenged: bool = False
    challenge: str | None = None
    discovered: str | None = None
    fetched: tuple[str, ...] = ()
    last_url: str = ""
    absent: PersistentMap[Mapping[str, Absence]] = field(default_factory=PersistentMap)
    called: str = ""
    underway: Underway | None = None
    replies: Mapping[str, str] = field(default_factory=dict)


def with_outputs(frame: Frame, step_id: str, outputs: Outputs, absent: Mapping[str, Absence]) -> Frame:
    """A frame after a step has succeeded: its outputs, and what was there instead of those without a value."""
    nothing = not outputs and frame.steps.get(step_id) == {}  # as of most polls: a journal writes what is new
    steps = frame.steps if nothing else frame.steps.having(step_id, outputs)
    if not absent and step_id not in frame.absent:
        return replace(frame, steps=steps)
    return replace(frame, steps=steps, absent=frame.absent.having(step_id, absent))


class RunState(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole run.

    Attributes:
        plan: the fingerprint of the plan it belongs to.
        inputs: of the workflow that was asked for, defaults filled in.
        frames: the workflows under way, the outermost first; empty once the run has ended.
        completed: the workflows that ``dependsOn`` asked for and that have run, by key (F8).
        started_at, now: the driver's time at the start and at the last answer, seconds since the epoch.
        attempts: step attempts so far, nested ones and retries included (F6).
        requests: requests sent so far, those for tokens apart.
        tokens: the access tokens that were fetched, by ``tokens.token_key``; secrets (H5).
        told: what was reported missing already, so that it is reported once (D2).
        identity: what idempotency keys are derived from; empty for none.
        cookies: those that answers have set, when the run keeps them (H6); secrets.
        subscriptions: by their keys (M4).
        messages: sent and taken so far.
    """

    plan: str
    inputs: Mapping[str, Any]
    frames: tuple[Frame, ...]
    started_at: float
    now: float
    completed: PersistentMap[Finished] = field(default_factory=PersistentMap)
    attempts: int = 0
    requests: int = 0
    tokens: Mapping[str, Token] = field(default_factory=dict)
    told: PersistentMap[None] = field(default_factory=PersistentMap)
    identity: str = ""
    cookies: tuple[StoredCookie, ...] = ()
    subscriptions: PersistentMap[Subscription] = field(default_factory=PersistentMap)
    messages: int = 0

    def to_json(self, *, hide: Change = _as_it_is) -> str:
        """The state as JSON text. It holds the inputs and outputs as they are, secrets included.

        Args:
            hide: changes the plain data before, such as to take secrets out of it.
        """
        return json.dumps({"format": FORMAT, "state": DATA.plain(hide(as_data(self)))})

    @classmethod
    def from_json(cls, text: str, *, reveal: Change = _as_it_is) -> RunState:
        """The state that ``to_json`` wrote.

        Raises:
            InvalidState: the text is not one of those.
        """
        try:
            kept = json.loads(text)
            if kept["format"] != FORMAT:
                raise InvalidState(f"not a run state of this version (expected {FORMAT})")
            return as_state(reveal(DATA.revived(kept["state"])))
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidState(f"not a run state: {error}") from None


def as_data(value: Any, share: Share = lambda _: None) -> Any:
    """A state as plain data: its structs as objects, without copies of what they hold.

    Args:
        share: returns what stands for a map that grows, or for inputs; None to write it out.
    """
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is dict or kind is PersistentMap:
        shared = share(value)
        return {name: as_data(item, share) for name, item in value.items()} if shared is None else shared
    if kind is list or kind is tuple:
        return [as_data(item, share) for item in value]
    if isinstance(value, Struct):
        return {name: as_data(getattr(value, name), share) for name in value.__struct_fields__}
    if isinstance(value, Enum):
        return value.value
    return {name: as_data(item, share) for name, item in value.items()} if isinstance(value, Mapping) else value


def as_state(data: Any) -> RunState:
    """The state that ``as_data`` was given.

    Raises:
        InvalidState: it is not one of this release.
    """
    try:
        return convert(data, RunState, dec_hook=_converted)
    except (ValidationError, TypeError) as error:
        raise InvalidState(f"not a run state: {error}") from None


def _converted(kind: Any, value: Any) -> Any:
    """A map that grows, from its entries: what msgspec does not know."""
    if isinstance(value, PersistentMap):
        return value
    (of,) = get_args(kind)
    return PersistentMap({name: convert(item, of, dec_hook=_converted) for name, item in value.items()})
