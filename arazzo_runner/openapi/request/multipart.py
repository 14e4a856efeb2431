"""Objects as ``multipart/form-data`` and its kin, by the Encoding Objects of the media type (H4, RFC 7578)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from arazzo_runner.documents.file_contents import FileContent, type_by_ending
from arazzo_runner.errors import StepError
from arazzo_runner.openapi.media_types import essence, is_in_range, is_json, media_type_parameter
from arazzo_runner.openapi.operations import MediaTypeSpec
from arazzo_runner.openapi.request.forms import STYLE_FIELDS
from arazzo_runner.openapi.request.parameters import header_text
from arazzo_runner.openapi.request.styles import VERBATIM, json_text, scalar_text, style_pairs
from arazzo_runner.openapi.schemas import Schema

_BOUNDARY = re.compile(r"\s*--([0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-])\r?\n")
_OWN_HEADERS = frozenset({"content-type", "content-disposition"})
_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""How names are quoted in a form's part: as browsers do, and so as servers expect."""
_FILE_MEMBERS = frozenset({"filename", "contentType", "content"})


class _Part(Struct, frozen=True):
    head: bytes
    content: bytes


def encode_multipart(content_type: str, payload: Any, spec: MediaTypeSpec) -> tuple[str, bytes]:
    """A payload as parts: the ``Content-Type`` with its boundary, and the content.

    Args:
        payload: an object, each member a part and each item of an array one; or text that has its parts already.

    Raises:
        StepError: ``request-invalid``: it is neither, or the text has no boundary.
    """
    written = media_type_parameter(content_type, "boundary")
    if isinstance(payload, str):
        return _written(content_type, payload, written)
    if not isinstance(payload, dict):
        message = f"{content_type} is made of an object, each member a part, or of text that is sent as it is"
        raise StepError("request-invalid", message)
    parts = [part for name, value in payload.items() for part in _property_parts(name, value, spec)]
    boundary = (written or _boundary(parts)).encode()
    if any(b"--" + boundary in part.content for part in parts):
        raise StepError("request-invalid", f"the boundary {boundary.decode()!r} occurs in a part", hint="give none")
    lines = [b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary, part.head, part.content) for part in parts]
    sent_as = content_type if written else f"{content_type.rstrip('; ')}; boundary={boundary.decode()}"
    return sent_as, b"".join([*lines, b"--%b--\r\n" % boundary])


def _written(content_type: str, text: str, boundary: str | None) -> tuple[str, bytes]:
    if boundary is None:
        first = _BOUNDARY.match(text)
        if first is None:
            hint = "give an object, or start the text with its boundary: --boundary"
            raise StepError("request-invalid", f"a text payload for {content_type} has no boundary", hint=hint)
        content_type = f'{content_type}; boundary="{first[1]}"'
    return content_type, text.encode("utf-8", "surrogateescape")


def _boundary(parts: list[_Part]) -> str:
    """A boundary made from the content keeps equal requests equal, which replays and cassettes rely on."""
    digest = hashlib.sha256(b"\0".join(part.head + b"\0" + part.content for part in parts))
    return f"arazzo-{digest.hexdigest()[:32]}"


def _property_parts(name: str, value: Any, spec: MediaTypeSpec) -> Iterator[_Part]:
    """The parts of one property: by its style when the description gives one, else one for each item."""
    encoding = spec.encoding.get(name, {})
    if encoding.keys() & STYLE_FIELDS and essence(spec.content_type) == "multipart/form-data" and not _has_bytes(value):
        style = encoding.get("style", "form")
        explode = encoding.get("explode", style == "form") is True
        for key, text in style_pairs(name, value, style=style, explode=explode, escapes=VERBATIM):
            yield _part(key, text, {"headers": encoding["headers"]}, None)
        return
    schema = spec.schema.member(name) if spec.schema else None
    if isinstance(value, list):
        item_schema = schema.items() if schema else None
        for item in value:
            if item is not None:
                yield _part(name, item, encoding, item_schema)
    elif value is not None:
        yield _part(name, value, encoding, schema)


def _has_bytes(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(item, bytes) or file_part(item, None) is not None for item in values)


class FilePart(Struct, frozen=True):
    """A part that is a file.

    Attributes:
        filename, content_type: None when nobody says them.
    """

    content: Any
    filename: str | None = None
    content_type: str | None = None


def file_part(value: Any, schema: Schema | None) -> FilePart | None:
    """The file that a value stands for: ``{filename, contentType, content}``, bytes, or what the schema says is one.

    An object that its schema declares with a member ``content`` is that object.
    """
    if isinstance(value, FileContent):
        return FilePart(value, value.name)
    is_object = isinstance(value, dict) and "content" in value and bool(value.keys() & {"filename", "contentType"})
    if is_object and value.keys() <= _FILE_MEMBERS and (schema is None or "content" not in schema.property_names()):
        inner = value["content"]
        own = inner.name if isinstance(inner, FileContent) else None
        return FilePart(inner, _text_or_none(value.get("filename")) or own, _text_or_none(value.get("contentType")))
    return FilePart(value) if isinstance(value, bytes) or _describes_file(schema) else None


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _file_type(file: FilePart | None, declared: Any) -> str | None:
    """The type that the step gives a file, else that of its ending where the description does not exclude it."""
    if file is None or file.content_type or file.filename is None:
        return file.content_type if file else None
    by_ending = type_by_ending(file.filename)
    ranges = declared.split(",") if isinstance(declared, str) else ["*/*"]
    return by_ending if by_ending and any(is_in_range(by_ending, one.strip()) for one in ranges) else None


def _part(name: str, value: Any, encoding: Mapping[str, Any], schema: Schema | None) -> _Part:
    file = file_part(value, schema)
    value = value if file is None else file.content
    declared = _file_type(file, encoding.get("contentType")) or _first_type(encoding.get("contentType"))
    content_type = declared or _default_type(value, schema, is_file=file is not None)
    quoted = name.translate(_QUOTED)
    filename = "" if file is None else f'; filename="{(file.filename or name).translate(_QUOTED)}"'
    lines = [f'Content-Disposition: form-data; name="{quoted}"{filename}']
    if declared or content_type != "text/plain":
        lines.append(f"Content-Type: {header_text('Content-Type', content_type)}")
    content = _content(value, content_type)
    for header, text in _headers(encoding.get("headers", {})):
        lines.append(f"{header}: {header_text(header, text)}")
        if header.lower() == "content-transfer-encoding" and text.lower() == "base64" and isinstance(value, bytes):
            content = base64.b64encode(content)
    return _Part(_encoded("\r\n".join(lines)), content)


def _content(value: Any, content_type: str) -> bytes:
    if isinstance(value, bytes):
        return value
    return _encoded(json_text(value) if is_json(content_type) else scalar_text(value))


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise StepError("request-invalid", "a part holds half of a surrogate pair, which cannot be sent") from None


def _describes_file(schema: Schema | None) -> bool:
    """A string that 3.0 calls ``binary`` or ``base64``, or 3.1 gives a media type without an encoding."""
    if schema is None:
        return False
    if schema.value("format") in ("binary", "base64"):
        return True
    return schema.keyword("contentMediaType") is not None and schema.keyword("contentEncoding") is None


def _default_type(value: Any, schema: Schema | None, *, is_file: bool) -> str:
    """The Encoding Object's default for ``contentType``."""
    if isinstance(value, (dict, list)):
        return "application/json"
    described = schema.value("contentMediaType") if schema else None
    if isinstance(described, str):
        return described
    is_encoded = schema is not None and schema.keyword("contentEncoding") is not None
    return "application/octet-stream" if is_file or is_encoded else "text/plain"


def _first_type(content_types: Any) -> str | None:
    """The first of a list of media types that is one, not a range."""
    listed = [name.strip() for name in content_types.split(",")] if isinstance(content_types, str) else []
    return next((name for name in listed if name and "*" not in name), None)


def _headers(headers: Mapping[str, Schema]) -> Iterator[tuple[str, str]]:
    """The declared headers whose value the description settles: a ``const``, a ``default``, an ``enum`` of one."""
    for name, schema in headers.items():
        allowed = schema.value("enum")
        only = schema.keyword("const") or schema.keyword("default")
        value = only.value if only else allowed[0] if isinstance(allowed, list) and len(allowed) == 1 else None
        if value is not None and name.lower() not in _OWN_HEADERS:
            yield name, scalar_text(value)
