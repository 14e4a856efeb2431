"""Bodies of an exchange read back as instances of their schemas: JSON, forms, multipart, text and bytes (H4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct

from arazzo_runner.documents.text.json_reader import json_value
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.openapi.contract.instances import FormField, Instances, name_and_keys
from arazzo_runner.openapi.contract.sent_parameters import UnreadableContent
from arazzo_runner.openapi.media_types import FORM, codec_of, essence, is_json, json_content, media_type_parameter

_STYLE_FIELDS = ("style", "explode", "allowReserved")
_DELIMITERS = {"spaceDelimited": " ", "pipeDelimited": "|"}


class Part(Struct, frozen=True):
    """One part of a multipart body."""

    content_type: str
    content: bytes


def body_value(instances: Instances, declared_as: str, media: Mapping[str, Any], content_type: str, body: bytes) -> Any:
    """A body as the instance that its schema judges; ``UNDEFINED`` when nobody has agreed how to read it as one.

    Args:
        declared_as: the key of ``content``, which may be a range.
        media: the Media Type Object.

    Raises:
        UnreadableContent: it is not what its content type says, or a part of it is not.
    """
    schema = media.get("schema", {})
    kind = essence(content_type)
    if is_json(content_type):
        return _json(content_type, body)
    if kind == FORM:
        return _form(instances, schema, media.get("encoding") or {}, body)
    if kind.startswith("multipart/"):
        return _multipart(instances, schema, media.get("encoding") or {}, content_type, body)
    types = instances.types(schema)
    if kind.startswith("text/") and kind not in ("text/xml", "text/event-stream"):
        return _text(instances, schema, content_type, body)
    if "*" in declared_as:
        return _any_content(body)
    return body if types is None or "string" in types else UNDEFINED


def _json(content_type: str, body: bytes) -> Any:
    try:
        return json_content(body, content_type)
    except ValueError:
        raise UnreadableContent(essence(content_type)) from None


def _text(instances: Instances, schema: Any, content_type: str, body: bytes) -> Any:
    """Text; an object or array that is sent as text is its JSON (H4)."""
    codec = codec_of(media_type_parameter(content_type, "charset") or "utf-8") or "utf-8"
    text = body.decode(codec, "replace")
    types = instances.types(schema)
    if types is not None and types & {"object", "array"} and "string" not in types:
        try:
            return json_value(text)
        except ValueError:
            return text
    return instances.scalar(schema, text)


def _any_content(body: bytes) -> Any:
    """The content of a range of media types: JSON when it is, else text or bytes."""
    try:
        return json_value(body)
    except ValueError:
        try:
            return body.decode()
        except UnicodeDecodeError:
            return body


# Forms


def _form(instances: Instances, schema: Any, encodings: Mapping[str, Any], body: bytes) -> Any:
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    named = _by_property(instances, schema, encodings, pairs)
    return {
        name: _form_value(instances, instances.member(schema, name), encodings.get(name) or {}, entries)
        for name, entries in named.items()
    }


def _form_value(instances: Instances, schema: Any, encoding: Mapping[str, Any], entries: Sequence[FormField]) -> Any:
    if _has_style(encoding):
        return _styled(instances, schema, encoding, entries)
    return instances.nested(schema, entries, partial(_json_or_text, instances, encoding))


def _json_or_text(instances: Instances, encoding: Mapping[str, Any], schema: Any, text: str) -> Any:
    """Objects are JSON by default, and so is what the Encoding Object says is."""
    declared = encoding.get("contentType")
    as_json = isinstance(declared, str) and is_json(declared)
    if as_json or instances.allows(schema, "object"):
        try:
            return json_value(text)
        except ValueError:
            if as_json:
                raise UnreadableContent(str(declared)) from None
    return instances.scalar(schema, text)


def _styled(instances: Instances, schema: Any, encoding: Mapping[str, Any], entries: Sequence[FormField]) -> Any:
    """A property by the style of its Encoding Object: as a query parameter."""
    style = encoding.get("style", "form")
    explode = encoding.get("explode", style == "form") is True
    whole = [entry.content for entry in entries if not entry.keys]
    if len(whole) == 1 and not explode and isinstance(whole[0], str) and style != "deepObject":
        parts = whole[0].split(_DELIMITERS.get(style, ","))
        if instances.allows(schema, "array"):
            return [instances.scalar(instances.items(schema), part) for part in parts]
        if instances.allows(schema, "object"):
            pairs = zip(parts[::2], parts[1::2], strict=False)
            return {key: instances.scalar(instances.member(schema, key), value) for key, value in pairs}
    return instances.nested(schema, entries, instances.scalar)


def _has_style(encoding: Mapping[str, Any]) -> bool:
    return any(field in encoding for field in _STYLE_FIELDS)


def _by_property(
    instances: Instances, schema: Any, encodings: Mapping[str, Any], pairs: Sequence[tuple[str, Any]]
) -> dict[str, list[FormField]]:
    """The fields of each property. Members of a property that is an exploded object came under their own names."""
    declared = instances.properties(schema)
    spread = {
        member: name
        for name, own in declared.items()
        if _is_spread(encodings.get(name) or {}) and instances.allows(own, "object")
        for member in instances.properties(own)
        if member not in declared
    }
    named: dict[str, list[FormField]] = {}
    for key, content in pairs:
        name, keys = (key, ()) if key in declared else name_and_keys(key)
        if key in spread:
            name, keys = spread[key], (key,)
        named.setdefault(name, []).append(FormField(keys, content))
    return named


def _is_spread(encoding: Mapping[str, Any]) -> bool:
    return (
        _has_style(encoding) and encoding.get("style", "form") == "form" and encoding.get("explode", True) is not False
    )


# Multipart


def _multipart(instances: Instances, schema: Any, encodings: Mapping[str, Any], content_type: str, body: bytes) -> Any:
    pairs = list(parts_of(content_type, body))
    named = _by_property(instances, schema, encodings, pairs)
    return {
        name: _part_values(instances, instances.member(schema, name), encodings.get(name) or {}, entries)
        for name, entries in named.items()
    }


def _part_values(instances: Instances, schema: Any, encoding: Mapping[str, Any], entries: Sequence[FormField]) -> Any:
    if _has_style(encoding):
        texts = [FormField(entry.keys, entry.content.content.decode("utf-8", "replace")) for entry in entries]
        return _styled(instances, schema, encoding, texts)
    read = partial(_part_value, instances, encoding)
    if len(entries) == 1 and not entries[0].keys and instances.allows(schema, "array"):
        whole = read(schema, entries[0].content)
        if isinstance(whole, list):  # one part with the whole array as JSON
            return whole
    return instances.nested(schema, entries, read)


def _part_value(instances: Instances, encoding: Mapping[str, Any], schema: Any, part: Part) -> Any:
    """The value of one part by its own content type, else by the default of its schema."""
    declared = encoding.get("contentType")
    listed = declared if isinstance(declared, str) and "," not in declared and "*" not in declared else ""
    content_type = part.content_type or listed
    if is_json(content_type):
        return _json(content_type, part.content)
    if not content_type and instances.allows(schema, "object"):
        return _any_content(part.content)
    if essence(content_type) in ("", "text/plain"):
        return _text_part(instances, schema, content_type, part.content)
    return part.content


def _text_part(instances: Instances, schema: Any, content_type: str, content: bytes) -> Any:
    codec = codec_of(media_type_parameter(content_type, "charset") or "utf-8") or "utf-8"
    try:
        return instances.scalar(schema, content.decode(codec))
    except UnicodeDecodeError:
        return content


def parts_of(content_type: str, body: bytes) -> Iterator[tuple[str, Part]]:
    """The parts of a multipart body, each with its name (RFC 7578).

    Raises:
        UnreadableContent: the content type names no boundary, or the body does not have it.
    """
    boundary = (media_type_parameter(content_type, "boundary") or "").encode()
    delimiter = b"--" + boundary
    if not boundary or not body.lstrip(b"\r\n").startswith(delimiter):
        raise UnreadableContent(essence(content_type))
    for piece in re.split(rb"(?:^|\r?\n)" + re.escape(delimiter) + rb"(?=\r?\n|--)", body)[1:]:
        if piece.startswith(b"--"):
            return
        head, _, content = re.sub(rb"^[ \t]*\r?\n", b"", piece, count=1).partition(b"\r\n\r\n")
        fields = _fields(head)
        if (name := _disposition_name(fields.get("content-disposition", ""))) is not None:
            yield name, Part(fields.get("content-type", ""), content)


def _fields(head: bytes) -> dict[str, str]:
    lines = head.decode("utf-8", "replace").splitlines()
    return {name.strip().lower(): value.strip() for name, colon, value in (x.partition(":") for x in lines) if colon}


def _disposition_name(disposition: str) -> str | None:
    """The name of a part, as forms escape it."""
    name = media_type_parameter(disposition, "name")
    if name is None:
        return None
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
