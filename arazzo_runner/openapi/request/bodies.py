"""Payloads to request bodies (H4): JSON, forms, multipart, XML, text and bytes, by media type."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from arazzo_runner.documents.file_contents import FileContent, type_by_ending
from arazzo_runner.errors import StepError
from arazzo_runner.openapi.media_types import (
    FORM,
    codec_of,
    essence,
    is_in_range,
    is_json,
    is_xml,
    media_type_parameter,
)
from arazzo_runner.openapi.operations import MediaTypeSpec, Operation
from arazzo_runner.openapi.request.forms import form_text
from arazzo_runner.openapi.request.styles import scalar_text


class Body(Struct, frozen=True):
    """A body and the ``Content-Type`` that goes with it.

    Attributes:
        warning: a sentence about how it had to be written; empty when there is none.
    """

    content_type: str
    content: bytes
    warning: str = ""


def choose_content_type(operation: Operation, wanted: str | None, payload: Any) -> str:
    """The media type of a body: the step's, else the operation's, JSON first; else what the payload looks like.

    JSON cannot hold bytes: for a payload with bytes in it the operation's other media types come first.

    Args:
        wanted: the step's; a range of media types stands for one of the operation's in it.
    """
    if wanted and "*" not in wanted:
        return wanted
    declared = [
        body.content_type
        for body in operation.bodies
        if "*" not in body.content_type and is_in_range(body.content_type, wanted or "*/*")
    ]
    as_json = not _holds_bytes(payload)
    preferred = [content_type for content_type in declared if is_json(content_type) == as_json]
    if preferred or declared:
        return (preferred or declared)[0]
    ranges = [body.content_type for body in operation.bodies] if wanted is None else [wanted]
    return _natural_type(payload, ranges or ["*/*"])


def _natural_type(payload: Any, ranges: Sequence[str]) -> str:
    """The media type of a payload for which nobody names one: that of a file by its ending, where a range allows it."""
    kind = type_by_ending(payload.name) if isinstance(payload, FileContent) else None
    if kind is not None and any(is_in_range(kind, one) for one in ranges):
        return kind
    if isinstance(payload, bytes):
        return "application/octet-stream"
    return "text/plain" if isinstance(payload, str) else "application/json"


def _holds_bytes(payload: Any) -> bool:
    match payload:
        case dict():
            return any(map(_holds_bytes, payload.values()))
        case list():
            return any(map(_holds_bytes, payload))
        case _:
            return isinstance(payload, bytes)


def media_type(operation: Operation, content_type: str) -> MediaTypeSpec:
    """Return what the operation says about a media type: exactly, by range, or nothing."""
    wanted = essence(content_type)
    by_essence = {essence(body.content_type): body for body in reversed(operation.bodies)}
    for name in (wanted, f"{wanted.partition('/')[0]}/*", "*/*"):
        if name in by_essence:
            return by_essence[name]
    return MediaTypeSpec(content_type)


def encode_body(operation: Operation, content_type: str, payload: Any) -> Body:
    """Encode a payload.

    Args:
        content_type: as it will be sent; a ``charset`` in it is respected, a ``boundary`` too.
        payload: plain data and bytes. Text for a JSON type is a JSON string: JSON text is parsed before (V6).

    Raises:
        StepError: ``request-invalid``: the media type cannot hold the payload.
    """
    return encode_content(content_type, payload, media_type(operation, content_type))


def encode_content(content_type: str, payload: Any, spec: MediaTypeSpec) -> Body:
    """Encode a payload whose media type is described or not; see ``encode_body``."""
    if isinstance(payload, bytes):
        return Body(content_type, payload)
    kind = essence(content_type)
    if kind.startswith("multipart/"):
        from arazzo_runner.openapi.request.multipart import encode_multipart

        return Body(*encode_multipart(content_type, payload, spec))
    if is_json(content_type):
        return Body(content_type, _json(content_type, payload))
    if isinstance(payload, str):
        return Body(content_type, _text(content_type, payload))
    if kind == FORM:
        if not isinstance(payload, dict):
            raise _unfit(content_type, payload, "a form is made of an object, or of text that is sent as it is")
        return Body(content_type, form_text(payload, spec.encoding).encode())
    if is_xml(content_type):
        from arazzo_runner.openapi.request.xml_bodies import xml_text

        return Body(content_type, _text(content_type, xml_text(payload, spec.schema), errors="xmlcharrefreplace"))
    text = _text(content_type, scalar_text(payload))
    if not isinstance(payload, (dict, list)):
        return Body(content_type, text)
    found = "an object" if isinstance(payload, dict) else "an array"
    return Body(content_type, text, f"the payload is {found}, and {content_type} is text: its JSON text was sent")


def _unfit(content_type: str, payload: Any, hint: str) -> StepError:
    kinds = {dict: "an object", list: "an array", bool: "a boolean", type(None): "null"}
    found = kinds.get(type(payload), "a number")
    return StepError("request-invalid", f"{found} cannot be sent as {content_type}", hint=hint)


def _json(content_type: str, payload: Any) -> bytes:
    """JSON in the media type's charset; characters that it cannot hold are escaped."""
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise StepError(
            "request-invalid",
            "the payload cannot be sent as JSON: it contains bytes, or a number that is not finite",
            hint="send files as multipart/form-data",
        ) from None
    charset = _charset(content_type)
    try:
        return text.encode(charset)
    except UnicodeEncodeError:
        return json.dumps(payload).encode(charset)


def _text(content_type: str, text: str, *, errors: str = "strict") -> bytes:
    charset = _charset(content_type)
    try:
        return text.encode(charset, errors)
    except UnicodeEncodeError as error:
        raise StepError(
            "request-invalid",
            f"the charset {charset} of {content_type} has no {text[error.start]!r}",
            hint=f"send it as {essence(content_type)}; charset=utf-8",
        ) from None


def _charset(content_type: str) -> str:
    charset = media_type_parameter(content_type, "charset") or "utf-8"
    if codec_of(charset) is None:
        raise StepError("request-invalid", f"the charset of {content_type} is not known")
    return charset
