"""Cassettes: exchanges recorded in vcrpy's format, and a world that answers from them (S1).

What is written is masked first, and the live request is masked likewise before it is compared, so that a cassette holds
no secret and still matches. Interactions are used once and in order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from arazzo_runner.documents.files import MAX_DATA, read_file
from arazzo_runner.effects import Headers, Request, Response
from arazzo_runner.errors import CassetteError
from arazzo_runner.runtime.cassettes.messages import RecordedMessage, read_message
from arazzo_runner.runtime.cassettes.yaml_loader import load_cassette_yaml


class Interaction(Struct, frozen=True):
    """One recorded exchange."""

    request: Request
    response: Response

    @property
    def title(self) -> str:
        """Method and URL, for people."""
        return f"{self.request.method} {self.request.url}"


class Cassette(Struct, frozen=True):
    """A cassette that was read.

    Attributes:
        path: as the user named it.
        case: what case it is of, as it stands in the file (``cases.read_case``); None in a bare cassette.
        messages: that were sent and received, in order (M20).
    """

    path: str
    interactions: tuple[Interaction, ...]
    case: Any = None
    messages: tuple[RecordedMessage, ...] = ()


def read_cassette(path: str | Path) -> Cassette:
    """Read a cassette, ours or one that vcrpy wrote (YAML or JSON).

    Raises:
        CassetteError: it is not there or is not a cassette.
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
            f"{path} is not a cassette: expected a list of interactions",
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
    return Cassette(str(path), tuple(interactions), data.get("case"), _messages(data.get("messages"), path))


def _messages(entries: Any, path: str | Path) -> tuple[RecordedMessage, ...]:
    if not isinstance(entries, list | None):
        raise CassetteError(f"the messages of {path} are not a list")
    messages = []
    for index, entry in enumerate(entries or (), 1):
        try:
            messages.append(read_message(entry))
        except ValueError as error:
            raise CassetteError(f"the message {index} of {path} cannot be read: {error}") from None
    return tuple(messages)


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not an object")
    return value


def _request(value: Any) -> Request:
    entry = _object(value, "its request")
    url = str(entry["uri"])
    urlsplit(url)  # a malformed one is found here, not when it is compared
    return Request(str(entry["method"]).upper(), url, _headers(entry.get("headers")), _bytes(entry.get("body")))


def _response(value: Any) -> Response:
    entry = _object(value, "its response")
    headers = _headers(entry.get("headers"))
    older = "status_code" in entry  # as vcrpy wrote what httpx received, before its version 6
    held = {"string": entry.get("content")} if older else entry.get("body") or {}
    body = _bytes(_object(held, "the body of its response").get("string")) or b""
    code = str(entry["status_code"] if older else _object(entry["status"], "its status")["code"])
    if not code.isdecimal():
        raise ValueError(f"its status code {code!r} is not a number")
    return Response(int(code), headers, _decoded(headers, body))


def _decoded(headers: Headers, body: bytes) -> bytes:
    """Undo the content codings of a body: vcrpy stores bodies as they came.

    Raises:
        ValueError: the library of a coding is not installed.
    """
    if not any(name.lower() == "content-encoding" for name, _ in headers):
        return body  # most have none, and a replay loads no HTTP client
    from arazzo_runner.runtime.http.content_codings import decoded_body
    from arazzo_runner.runtime.http.errors import Refused

    try:
        return decoded_body(headers, body, limit=MAX_DATA)
    except Refused as error:
        raise ValueError(str(error)) from None


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
