"""A run as a value: frozen, and JSON when it has to be kept (``to_json``, ``from_json``).

A run is a stack of frames, one for each workflow that is under way; the last one moves. Nothing in it refers to the
plan but by name and index, so that a state can be resumed by another process that has made the same plan.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from arazzo_runner.documents.file_contents import FileContent
from arazzo_runner.effects import Request
from arazzo_runner.engine.absences import Absence
from arazzo_runner.errors import InvalidState
from arazzo_runner.openapi.auth.tokens import Token

if TYPE_CHECKING:
    from arazzo_runner.openapi.request.cookies import StoredCookie

Outputs: TypeAlias = Mapping[str, Any]
Change: TypeAlias = Callable[[Any], Any]
FORMAT = "arazzo-state/1"


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


class Finished(Struct, frozen=True):
    """A finished workflow, as ``$workflows.<id>`` shows it."""

    inputs: Outputs
    outputs: Outputs
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


class Frame(Struct, frozen=True):
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
    steps: Mapping[str, Outputs] = field(default_factory=dict)
    workflows: Mapping[str, Finished] = field(default_factory=dict)
    prepared: Prepared | None = None
    sent: Mapping[str, Sent] = field(default_factory=dict)
    suspended: Suspended | None = None
    started_at: float = 0.0
    challenged: bool = False
    challenge: str | None = None
    discovered: str | None = None
    fetched: tuple[str, ...] = ()
    last_url: str = ""
    absent: Mapping[str, Mapping[str, Absence]] = field(default_factory=dict)
    called: str = ""


def with_outputs(frame: Frame, step_id: str, outputs: Outputs, absent: Mapping[str, Absence]) -> Frame:
    """A frame after a step has succeeded: its outputs, and what was there instead of those without a value."""
    others = {name: found for name, found in frame.absent.items() if name != step_id}
    return replace(
        frame, steps={**frame.steps, step_id: outputs}, absent={**others, step_id: absent} if absent else others
    )


class RunState(Struct, frozen=True):
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
    """

    plan: str
    inputs: Mapping[str, Any]
    frames: tuple[Frame, ...]
    started_at: float
    now: float
    completed: Mapping[str, Finished] = field(default_factory=dict)
    attempts: int = 0
    requests: int = 0
    tokens: Mapping[str, Token] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    identity: str = ""
    cookies: tuple[StoredCookie, ...] = ()

    def to_json(self, *, hide: Change = _as_it_is) -> str:
        """The state as JSON text. It holds the inputs and outputs as they are, secrets included.

        Args:
            hide: changes the plain data before, such as to take secrets out of it.
        """
        return json.dumps({"format": FORMAT, **_plain(hide(_data(self)))}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, *, reveal: Change = _as_it_is) -> RunState:
        """The state that ``to_json`` wrote.

        Args:
            reveal: undoes what ``hide`` did.

        Raises:
            InvalidState: it is no such text.
        """
        try:
            data = reveal(_revived(json.loads(text)))
            if data.pop("format") != FORMAT:
                raise InvalidState(f"not a run state of this version (expected {FORMAT})")
            frames = tuple(_frame(frame) for frame in data.pop("frames"))
            completed = {key: Finished(**value) for key, value in data.pop("completed").items()}
            tokens = {key: Token(**value) for key, value in data.pop("tokens").items()}
            told = tuple(data.pop("told"))
            cookies = _cookies(data.pop("cookies", ()))
            return cls(told=told, frames=frames, completed=completed, tokens=tokens, cookies=cookies, **data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidState(f"not a run state: {error}") from None


def _cookies(kept: Sequence[Mapping[str, Any]]) -> tuple[StoredCookie, ...]:
    if not kept:
        return ()
    from arazzo_runner.openapi.request.cookies import StoredCookie

    return tuple(StoredCookie(**value) for value in kept)


def _frame(data: dict[str, Any]) -> Frame:
    known = set(Frame.__struct_fields__)
    if data.keys() != known:
        raise InvalidState(f"not a run state: a frame has {sorted(data.keys() ^ known)} too many or too few")
    suspended = data["suspended"]
    return Frame(
        **{
            **data,
            "purpose": Purpose(data["purpose"]),
            "phase": Phase(data["phase"]),
            "arrival": Arrival(data["arrival"]),
            "workflows": {key: Finished(**value) for key, value in data["workflows"].items()},
            "sent": {key: Sent(**value) for key, value in data["sent"].items()},
            "fetched": tuple(data["fetched"]),
            "absent": {
                step: {name: _absence(value) for name, value in absent.items()}
                for step, absent in data["absent"].items()
            },
            "suspended": None if suspended is None else Suspended(**suspended),
            "prepared": None if data["prepared"] is None else _prepared(data["prepared"]),
        }
    )


def _absence(data: dict[str, Any]) -> Absence:
    return Absence(data["expression"], data["holder"], data["wanted"], tuple(data["names"]))


def _prepared(data: dict[str, Any]) -> Prepared:
    request = data["request"]
    headers = tuple((name, value) for name, value in request["headers"])
    return Prepared(
        Request(request["method"], request["url"], headers, request["body"]),
        data["sent"],
        data["digest"],
        tuple(data["problems"]),
        tuple(data["tokens"]),
    )


def _data(value: Any) -> Any:
    """A value's structs as objects, without copies of what they hold."""
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is dict:
        return {key: _data(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_data(item) for item in value]
    if issubclass(kind, Struct):
        return {name: _data(getattr(value, name)) for name in kind.__struct_fields__}
    if isinstance(value, Enum):
        return value.value
    return {key: _data(item) for key, item in value.items()} if isinstance(value, Mapping) else value


_BYTES, _FILE, _ESCAPED = "$bytes", "$file", "$object"


def _plain(value: Any) -> Any:
    """Data as JSON can hold it: bytes in base64, and an object that looks like that, escaped."""
    match value:
        case FileContent():
            return {_FILE: [value.name, base64.b64encode(value).decode()]}
        case bytes():
            return {_BYTES: base64.b64encode(value).decode()}
        case dict():
            plain = {key: _plain(item) for key, item in value.items()}
            return {_ESCAPED: plain} if value.keys() in ({_BYTES}, {_FILE}, {_ESCAPED}) else plain
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value


def _revived(value: Any) -> Any:
    match value:
        case dict() if value.keys() == {_BYTES}:
            return base64.b64decode(value[_BYTES])
        case dict() if value.keys() == {_FILE}:
            name, content = value[_FILE]
            return FileContent(base64.b64decode(content), name)
        case dict() if value.keys() == {_ESCAPED}:
            return {key: _revived(item) for key, item in value[_ESCAPED].items()}
        case dict():
            return {key: _revived(item) for key, item in value.items()}
        case list():
            return [_revived(item) for item in value]
        case _:
            return value
