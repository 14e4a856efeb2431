"""Exchanges written to a cassette as they happen, secrets masked (S1)."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import msgspec

from arazzo_runner.effects import Answered, Failed, MessageAnswer, MessageEffect, Request, Response, Send
from arazzo_runner.errors import CassetteError
from arazzo_runner.runtime.atomic_file import WholeFile
from arazzo_runner.runtime.cassettes.messages import MessagesToRecord, RecordedMessage, entry_of
from arazzo_runner.runtime.drivers import AsyncWorld, World, aexchange, exchange
from arazzo_runner.runtime.secrets.redaction import Redactor
from arazzo_runner.runtime.serialization import decode, encode

_TRANSPORT_HEADERS = frozenset({"content-encoding", "transfer-encoding", "connection", "content-length"})
"""Headers of the transfer, which no longer describe the decoded and masked body that is stored."""


class Recorder:
    """Writes a cassette while a run is under way. Use it as a context manager.

    Each interaction goes to disk at once, so that memory does not grow with the run; the file takes its name at the
    end, whole or not at all, and an older one of that name is stored until then: also when an error ends the run before
    its first answer.

    Args:
        comment: lines for the head of the file.

    Raises:
        CassetteError: on entering and on leaving, it cannot be written.
    """

    def __init__(self, path: str | Path, redactor: Redactor, *, comment: str = "") -> None:
        self._path = path
        self._file = WholeFile(path)
        self._redactor = redactor
        self._comment = comment
        self._case: Mapping[str, Any] | None = None
        self._dropped = False

    def __enter__(self) -> Self:
        try:
            self._file.__enter__()
        except OSError as error:
            raise self._unwritable(error) from None
        self._interactions: TextIO = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")
        self._messages: TextIO = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            nothing_came = kind is not None and not self._interactions.tell() and not self._messages.tell()
            if not self._dropped and not nothing_came:
                self._write()
        except OSError as problem:
            raise self._unwritable(problem) from None
        except UnicodeEncodeError:
            raise CassetteError(f"{self._path} cannot be written: an output holds half of a character") from None
        finally:
            self._interactions.close()
            self._messages.close()
            self._file.__exit__(None, None, None)

    def describe(self, case: Mapping[str, Any]) -> None:
        """Say what case the cassette is of: plain data, masked, which vcrpy passes over. What was dropped is stored."""
        self._case = case
        self._dropped = False

    def drop(self) -> None:
        """Keep nothing of what was recorded, and the older file as it is."""
        self._dropped = True

    def _write(self) -> None:
        stream = self._file.stream
        for line in self._comment.splitlines():
            stream.write(f"# {line}".rstrip() + "\n")
        if self._case is not None:
            stream.write(_as_yaml({"case": self._case}, sort_keys=False))
        stream.write("interactions:" + ("\n" if self._interactions.tell() else " []\n"))
        self._interactions.seek(0)
        for line in self._interactions:
            # What was learned since is a secret here as well: a token that a login returned and a later request sent.
            request, response = decode(line)
            entry = _entry(self._redactor.request(request), self._redactor.response(response))
            stream.write(_as_yaml([entry], sort_keys=True))
        if self._messages.tell():
            stream.write("messages:\n")
            self._messages.seek(0)
            for line in self._messages:
                masked = self._masked(RecordedMessage(*decode(line)))
                stream.write(_as_yaml([entry_of(masked)], sort_keys=False))
        stream.write("version: 1\n")
        self._file.keep()

    def _unwritable(self, error: OSError) -> CassetteError:
        return CassetteError(f"the cassette {self._path} cannot be written: {error.strerror or error}")

    def add(self, request: Request, response: Response) -> None:
        """Record an exchange, masked."""
        masked = (self._redactor.request(request), self._redactor.response(response))
        self._interactions.write(f"{encode(masked)}\n")

    def add_message(self, recorded: RecordedMessage | None) -> None:
        """Record a message, masked; None is nothing to record."""
        if recorded is not None:
            self._messages.write(f"{encode(msgspec.structs.astuple(self._masked(recorded)))}\n")

    def _masked(self, recorded: RecordedMessage) -> RecordedMessage:
        masked: RecordedMessage = self._redactor.event(recorded)
        return masked


def _as_yaml(data: Any, *, sort_keys: bool) -> str:
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(data, Dumper=dumper, allow_unicode=True, sort_keys=sort_keys, width=10_000)
    return text


def _entry(request: Request, response: Response) -> dict[str, Any]:
    return {
        "request": {
            "method": request.method,
            "uri": request.url,
            "headers": _listed(request.headers),
            "body": _text(request.body),
        },
        "response": {
            "status": {"code": response.status, "message": _phrase(response.status)},
            "headers": _listed((n, v) for n, v in response.headers if n.lower() not in _TRANSPORT_HEADERS),
            "body": {"string": _text(response.body) or ""},
        },
    }


def _listed(headers: Any) -> dict[str, list[str]]:
    listed: dict[str, list[str]] = {}
    for name, value in headers:
        listed.setdefault(name, []).append(value)
    return listed


def _text(body: bytes | None) -> str | bytes | None:
    if body is None:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


class Recording:
    """A world that records what another one answers."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder
        self._messages = MessagesToRecord()
        self.now = world.now
        self.sleep = world.sleep

    def send(self, effect: Send) -> Answered | Failed:
        """Send, and record what comes; what never came cannot be recorded."""
        answer = self._world.send(effect)
        if isinstance(answer, Answered):
            self._recorder.add(effect.request, answer.response)
        return answer

    def exchange(self, effect: MessageEffect) -> MessageAnswer:
        """Exchange a message, and record what was sent or came."""
        answer = exchange(effect, self._world)
        self._recorder.add_message(self._messages.recorded(effect, answer))
        return answer


class AsyncRecording:
    """An asynchronous world that records what another one answers."""

    def __init__(self, world: AsyncWorld, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder
        self._messages = MessagesToRecord()
        self.now = world.now
        self.sleep = world.sleep

    async def send(self, effect: Send) -> Answered | Failed:
        """Send, and record what comes."""
        answer = await self._world.send(effect)
        if isinstance(answer, Answered):
            self._recorder.add(effect.request, answer.response)
        return answer

    async def exchange(self, effect: MessageEffect) -> MessageAnswer:
        """Exchange a message, and record what was sent or came."""
        answer = await aexchange(effect, self._world)
        self._recorder.add_message(self._messages.recorded(effect, answer))
        return answer
