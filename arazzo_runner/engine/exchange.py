"""A request and its response as expressions see them (V7)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from msgspec import Struct

from arazzo_runner.effects import Request, Response
from arazzo_runner.engine.state import Prepared
from arazzo_runner.expressions.undefined import UNDEFINED, Undefined
from arazzo_runner.expressions.xpath import xml_as_object
from arazzo_runner.openapi.media_types import codec_of, is_json, is_xml, json_content, media_type_parameter
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.openapi.responses import response_schema
from arazzo_runner.openapi.xml_answers import with_lists


def decode_body(body: bytes, content_type: str | None) -> tuple[Any, str | None]:
    """A body as V7 gives it, and what is wrong with it (None when it is what it claims to be).

    JSON for JSON types and, without a type, when it parses; else text; bytes when it is not text; UNDEFINED when empty.
    """
    if not body:
        return UNDEFINED, None
    claimed = content_type is not None and is_json(content_type)
    problem = None
    if claimed or content_type is None:
        try:
            return json_content(body, content_type), None
        except ValueError as error:
            if claimed:
                problem = f"the body is not the JSON that its Content-Type {content_type!r} claims: {error}"
    if content_type is not None and is_xml(content_type) and not body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode(_xml_encoding(body), "replace"), problem
    codec = codec_of(media_type_parameter(content_type or "", "charset") or "utf-8")
    with suppress(UnicodeDecodeError):
        if codec is not None:
            return body.decode(codec), problem
    return body, problem or (None if content_type is None else _undecodable(content_type))


def _undecodable(content_type: str) -> str | None:
    return (
        f"the body is not the text that its Content-Type {content_type!r} claims" if "text/" in content_type else None
    )


def _xml_encoding(body: bytes) -> str:
    """The codec of the encoding that an XML declaration names; UTF-8 when it names none that there is."""
    head = body[:200]
    for quote in (b'"', b"'"):
        before, found, after = head.partition(b"encoding=" + quote)
        if found and before.lstrip().startswith(b"<?xml"):
            return codec_of(after.partition(quote)[0].decode("ascii", "replace")) or "utf-8"
    return "utf-8"


class SentRequest(Struct, frozen=True, dict=True):
    """The request that was sent (``evaluate.MessageView``); ``sent`` holds its parameters by place and name."""

    request: Request
    sent: Mapping[str, Mapping[str, Any]]

    def header(self, name: str) -> str | Undefined:
        value = self.request.header(name)
        return UNDEFINED if value is None else value

    def parameter(self, location: str, name: str) -> Any:
        return self.sent.get(location, {}).get(name, UNDEFINED)

    @cached_property
    def body(self) -> Any:
        return decode_body(self.request.body or b"", self.request.header("Content-Type"))[0]

    @property
    def structured_body(self) -> Any:
        return _structured(self.body, self.request.header("Content-Type"))


class ReceivedResponse(Struct, frozen=True, dict=True):
    """The response that came back (``evaluate.MessageView``); schemas say which elements of XML are lists."""

    response: Response
    operation: Operation | None = None

    def header(self, name: str) -> str | Undefined:
        value = self.response.header(name)
        return UNDEFINED if value is None else value

    def parameter(self, location: str, name: str) -> Any:  # noqa: ARG002 - a response has no parameters
        return UNDEFINED

    @cached_property
    def _decoded(self) -> tuple[Any, str | None]:
        return decode_body(self.response.body, self.response.header("Content-Type"))

    @property
    def body(self) -> Any:
        return self._decoded[0]

    @property
    def problem(self) -> str | None:
        """The problem of the body, or None (V7)."""
        return self._decoded[1]

    @cached_property
    def structured_body(self) -> Any:
        content_type = self.response.header("Content-Type")
        tree = _structured(self.body, content_type)
        if tree is self.body or self.operation is None or not isinstance(tree, dict):
            return tree
        schema = response_schema(self.operation, self.response.status, content_type or "")
        return tree if schema is None else with_lists(tree, schema)


class Exchange(Struct, frozen=True):
    """A request and what came of it, as expressions see both: their bodies are decoded once, whoever asks.

    Attributes:
        prepared: the request, as it was built.
        response: None when none came.
    """

    prepared: Prepared
    request: SentRequest
    response: ReceivedResponse | None

    @classmethod
    def of(cls, prepared: Prepared, answer: Response | None, operation: Operation | None) -> Exchange:
        """Return the exchange of a step that called an operation."""
        received = None if answer is None else ReceivedResponse(answer, operation)
        return cls(prepared, SentRequest(prepared.request, prepared.sent), received)

    @property
    def answer(self) -> Response | None:
        """The response as it came, or None."""
        return None if self.response is None else self.response.response


def _structured(body: Any, content_type: str | None) -> Any:
    if isinstance(body, str) and content_type is not None and is_xml(content_type):
        return xml_as_object(body)
    return body
