"""Effects, answers, events and options as JSON, and back: for what has to outlive a process.

A value is plain data, or a struct of those below; every other is refused, so that nothing can be written that
cannot be read. JSON is ASCII, so that a lone surrogate of some answer is kept like any other character.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from arazzo_runner import effects
from arazzo_runner.documents.file_contents import FileContent
from arazzo_runner.engine import events
from arazzo_runner.engine.plan import RunOptions
from arazzo_runner.errors import InvalidState, Place
from arazzo_runner.openapi.auth.credentials import Credential, Credentials
from arazzo_runner.openapi.request.servers import ServerOptions
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.http.options import TransportOptions

_KNOWN = {
    kind.__name__: kind
    for kind in (
        effects.Answered, effects.Failed, effects.Request, effects.Response, effects.Send, effects.Sleep, effects.Woke,
        events.ActionTaken, events.Attempt, events.AttemptFinished, events.AttemptStarted, events.Authenticated,
        events.CriterionOutcome, events.Outcome, events.Reason, events.RunFinished, events.RunStarted, events.Waiting,
        events.Warned, events.WorkflowEntered, events.WorkflowLeft,
        Credential, Credentials, Decision, Place, RunOptions, ServerOptions, TransportOptions,
    )
}  # fmt: skip
_BYTES, _FILE, _OBJECT, _SET, _VALUE = "$bytes", "$file", "$object", "$set", "$value"
_MARKS = ({_BYTES}, {_FILE}, {_OBJECT}, {_SET}, {_VALUE})


def encode(value: Any) -> str:
    """A value as JSON text.

    Raises:
        TypeError: it holds something that is neither plain data nor one of the known values.
    """
    return json.dumps(plain(value), separators=(",", ":"))


def decode(text: str | bytes) -> Any:
    """The value that ``encode`` was given.

    Raises:
        InvalidState: the text is not of this release.
    """
    try:
        return revived(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidState(f"not written by this release: {error}") from None


def plain(value: Any) -> Any:
    """A value as the data that JSON can hold.

    Raises:
        TypeError: it holds something that is neither plain data nor one of the known values.
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case FileContent():
            return {_FILE: [value.name, base64.b64encode(value).decode()]}
        case bytes():
            return {_BYTES: base64.b64encode(value).decode()}
        case Mapping():
            made = {key: plain(item) for key, item in value.items()}
            return {_OBJECT: made} if value.keys() in _MARKS else made
        case list() | tuple():
            return [plain(item) for item in value]
        case frozenset():
            return {_SET: sorted(value)}
        case _ if type(value) is _KNOWN.get(type(value).__name__):
            members = {name: plain(getattr(value, name)) for name in value.__struct_fields__}
            return {_VALUE: [type(value).__name__, members]}
        case _:
            raise TypeError(f"{type(value).__name__} cannot be kept")


def revived(value: Any) -> Any:
    """The value that ``plain`` was given.

    Raises:
        ValueError, KeyError, TypeError: it is not of this release.
    """
    match value:
        case dict() if value.keys() == {_BYTES}:
            return base64.b64decode(value[_BYTES])
        case dict() if value.keys() == {_FILE}:
            name, content = value[_FILE]
            return FileContent(base64.b64decode(content), name)
        case dict() if value.keys() == {_OBJECT}:
            return {key: revived(item) for key, item in value[_OBJECT].items()}
        case dict() if value.keys() == {_SET}:
            return frozenset(value[_SET])
        case dict() if value.keys() == {_VALUE}:
            name, members = value[_VALUE]
            return _KNOWN[name](**{key: _frozen(revived(item)) for key, item in members.items()})
        case dict():
            return {key: revived(item) for key, item in value.items()}
        case list():
            return [revived(item) for item in value]
        case _:
            return value


def _frozen(value: Any) -> Any:
    """The value of a field: a sequence there is a tuple, those in it too; lists stand in mappings only."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
