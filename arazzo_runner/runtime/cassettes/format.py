"""Cassettes: exchanges recorded in vcrpy's format, and a world that answers from them (S1).

What is written is masked first, and the live request is masked likewise before it is compared, so that a cassette holds
no secret and still matches. Interactions are used once and in order.
"""

from __future__ import annotations

import json
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO, TypeAlias
from urllib.parse import urlsplit

from arazzo_runner.documents.files import MAX_DATA, read_file
from arazzo_runner.effects import Answered, Failed, Headers, Request, Response, Send
from arazzo_runner.errors import CassetteError
from arazzo_runner.runtime.atomic_file import WholeFile
from arazzo_runner.runtime.cassettes.differences import Difference, compare
from arazzo_runner.runtime.cassettes.yaml_loader import load_cassette_yaml
from arazzo_runner.runtime.drivers import AsyncWorld, World
from arazzo_runner.runtime.secrets.redaction import Redactor
from arazzo_runner.runtime.serialization import decode, encode

_TRANSPORT_HEADERS = frozenset({"content-encoding", "transfer-encoding", "connection", "content-length"})
"""Headers of the transfer, which no longer describe the decoded and masked body that is kept."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One recorded exchange."""

    request: Request
    response: Response


@dataclass(frozen=True, slots=True)
class Cassette:
    """A cassette that was read.

    Attributes:
        path: as the user named it.
        case: what case it is of, as it stands in the file (``cases.read_case``); None in a bare cassette.
    """

    path: str
    interactions: tuple[Interaction, ...]
    case: Any = None


def read_cassette(path: str | Path) -> Cassette:
    """Read a cassette, ours or one that vcrpy wrote (YAML or JSON).

    Raises:
        CassetteError: it is not there or is no cassette.
    """
    import yaml

    try:
        data = load_cassette_yaml(read_file(path, limit=MAX_DATA))
    except OSError as error:
        raise CassetteError(f"the cassette {path} cannot be read: {error.strerror or error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CassetteError(f"the cassette {path} cannot be read as YAML: {' '.join(str(error).split())}") from None
    entries = data.get("interactions") if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise CassetteError(
            f"{path} is no cassette: expected a list of interactions",
            hint="a cassette is what `arazzo run … --record FILE` writes",
        )
    interactions = []
    for index, entry in enumerate(entries):
        try:
            sides = _object(entry, "it")
            interactions.append(Interaction(_request(sides["request"]), _response(sides["response"])))
        except (KeyError, ValueError) as error:
            what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise CassetteError(f"the interaction {index + 1} of {path} is incomplete: {what}") from None
    return Cassette(str(path), tuple(interactions), data.get("case"))


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no object")
    return value


def _request(value: Any) -> Request:
    entry = _object(value, "its request")
    url = str(entry["uri"])
    urlsplit(url)  # a malformed one is found here, not when it is compared
    return Request(str(entry["method"]).upper(), url, _headers(entry.get("headers")), _bytes(entry.get("body")))


def _response(value: Any) -> Response:
    entry = _object(value, "its response")
    headers = _headers(entry.get("headers"))
    body = _bytes(_object(entry.get("body") or {}, "the body of its response").get("string")) or b""
    coding = next((value for name, value in headers if name.lower() == "content-encoding"), "")
    code = str(_object(entry["status"], "its status")["code"])
    if not code.isdecimal():
        raise ValueError(f"its status code {code!r} is no number")
    return Response(int(code), headers, _decoded(body, coding))


def _headers(entry: Any) -> Headers:
    pairs: list[tuple[str, str]] = []
    for name, value in _object(entry or {}, "what it has for headers").items():
        values = value if isinstance(value, list) else [value]
        pairs += [(str(name), item.decode("latin-1") if isinstance(item, bytes) else str(item)) for item in values]
    return tuple(pairs)


def _bytes(value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    try:
        text = value if isinstance(value, str) else json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        raise ValueError("a body of it is neither text nor plain data") from None
    return text.encode("utf-8", "surrogateescape")


def _decoded(body: bytes, coding: str) -> bytes:
    """Undo a content coding: vcrpy keeps bodies as they came."""
    if coding.lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    for bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        try:
            return zlib.decompress(body, bits)
        except zlib.error:
            continue
    return body  # it was already decoded when it was recorded


class Recorder:
    """Writes a cassette while a run goes on. Use it as a context manager.

    Each interaction goes to disk at once, so that memory does not grow with the run; the file takes its name at the
    end, whole or not at all, and an older one of that name is kept until then: also when an error ends the run before
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
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            nothing_came = kind is not None and not self._interactions.tell()
            if not self._dropped and not nothing_came:
                self._write()
        except OSError as problem:
            raise self._unwritable(problem) from None
        except UnicodeEncodeError:
            raise CassetteError(f"{self._path} cannot be written: an output holds half of a character") from None
        finally:
            self._interactions.close()
            self._file.__exit__(None, None, None)

    def describe(self, case: Mapping[str, Any]) -> None:
        """Say what case the cassette is of: plain data, masked, which vcrpy passes over. What was dropped is kept."""
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
        stream.write("version: 1\n")
        self._file.keep()

    def _unwritable(self, error: OSError) -> CassetteError:
        return CassetteError(f"the cassette {self._path} cannot be written: {error.strerror or error}")

    def add(self, request: Request, response: Response) -> None:
        """Record an exchange, masked."""
        masked = (self._redactor.request(request), self._redactor.response(response))
        self._interactions.write(f"{encode(masked)}\n")


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
        self.now = world.now
        self.sleep = world.sleep

    def send(self, effect: Send) -> Answered | Failed:
        """Send, and record what comes; what never came cannot be recorded."""
        answer = self._world.send(effect)
        if isinstance(answer, Answered):
            self._recorder.add(effect.request, answer.response)
        return answer


class AsyncRecording:
    """An asynchronous world that records what another one answers."""

    def __init__(self, world: AsyncWorld, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder
        self.now = world.now
        self.sleep = world.sleep

    async def send(self, effect: Send) -> Answered | Failed:
        """Send, and record what comes."""
        answer = await self._world.send(effect)
        if isinstance(answer, Answered):
            self._recorder.add(effect.request, answer.response)
        return answer


@dataclass(frozen=True, slots=True)
class Miss:
    """A request that a cassette has no answer for.

    Attributes:
        request: masked.
        index: of the interaction that stood next, from 0; None when there was none left.
        differences: between the request and the one recorded there.
    """

    request: Request
    index: int | None
    differences: tuple[Difference, ...] = ()


Differ: TypeAlias = Callable[[Request, Request], list[Difference]]


class Replay:
    """A world that answers from a cassette alone; it opens no socket and never waits (F5).

    Its clock starts at the real time and moves by the waits that were asked for.

    Args:
        differ: how a request, masked, differs from the one recorded in its place; nothing makes it that one.

    Attributes:
        miss: the request that the cassette had no answer for, or None.
    """

    def __init__(self, cassette: Cassette, redactor: Redactor, *, differ: Differ = compare) -> None:
        self._cassette = cassette
        self._differ = differ
        self._redactor = redactor
        self._next = 0
        self._now = time.time()
        self.miss: Miss | None = None

    def now(self) -> float:
        """Seconds since the epoch, the waits counted as if they had been waited."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self._now += seconds

    def send(self, effect: Send) -> Answered | Failed:
        """The next interaction's response, if it is for this request; else ``replay-miss``."""
        live = self._redactor.request(effect.request)
        if self._next >= len(self._cassette.interactions):
            message = f"{live.method} {live.url}: {self._cassette.path} has no further interaction{self._nearest(live)}"
            self.miss = Miss(live, None)
            return Failed("replay-miss", message, self._now)
        recorded = self._cassette.interactions[self._next].request
        differences = self._differ(live, recorded)
        if differences:
            self.miss = Miss(live, self._next, tuple(differences))
            message = f"the request is not the one recorded in {self._cassette.path} (interaction {self._next + 1}): "
            return Failed("replay-miss", message + "; ".join(map(str, differences)), self._now)
        response = self._cassette.interactions[self._next].response
        self._next += 1
        return Answered(response, self._now)

    @property
    def unused(self) -> Sequence[Interaction]:
        """The interactions that no request has asked for."""
        return self._cassette.interactions[self._next :]

    def _nearest(self, live: Request) -> str:
        ranked = sorted(self._cassette.interactions, key=lambda i: len(compare(live, i.request)))
        if not ranked:
            return ""
        nearest = ranked[0].request
        differences = compare(live, nearest)
        what = "; ".join(map(str, differences)) if differences else "it was recorded, and was used already"
        return f". The nearest one recorded is {nearest.method} {nearest.url}: {what}"


class AsyncReplay:
    """``Replay`` for the asynchronous driver."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self.now = replay.now

    async def send(self, effect: Send) -> Answered | Failed:
        """See ``Replay.send``."""
        return self._replay.send(effect)

    async def sleep(self, seconds: float) -> None:
        """See ``Replay.sleep``."""
        self._replay.sleep(seconds)
