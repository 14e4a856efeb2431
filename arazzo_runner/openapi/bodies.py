"""Payloads to request bodies (H4): JSON, forms, multipart, XML, text and bytes, by a table of media types."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from xml.sax.saxutils import escape, quoteattr

from arazzo_runner.errors import StepError
from arazzo_runner.openapi.operations import MediaTypeSpec, Operation, ParameterSpec
from arazzo_runner.openapi.serialize import encode, header_text, is_json, is_xml, query_pairs, scalar_text

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Body:
    """A body and the ``Content-Type`` that goes with it."""

    content_type: str
    content: bytes


def essence(content_type: str) -> str:
    """A media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def choose_content_type(operation: Operation, wanted: str | None, payload: Any) -> str:
    """The media type of a body: the step's, else the operation's, JSON first; else what the payload looks like."""
    if wanted:
        return wanted
    declared = [body.content_type for body in operation.bodies if "*" not in body.content_type]
    for content_type in declared:
        if is_json(content_type):
            return content_type
    if declared:
        return declared[0]
    if isinstance(payload, bytes):
        return "application/octet-stream"
    return "text/plain" if isinstance(payload, str) else "application/json"


def media_type(operation: Operation, content_type: str) -> MediaTypeSpec:
    """What the operation says of a media type: exactly, by range, or nothing."""
    wanted = essence(content_type)
    by_essence = {essence(body.content_type): body for body in operation.bodies}
    found = by_essence.get(wanted) or by_essence.get(f"{wanted.partition('/')[0]}/*") or by_essence.get("*/*")
    return found or MediaTypeSpec(content_type, None)


def encode_body(operation: Operation, content_type: str, payload: Any) -> Body:
    """Encode a payload.

    Raises:
        StepError: ``request-invalid``: the media type cannot hold the payload.
    """
    kind = essence(content_type)
    spec = media_type(operation, content_type)
    if isinstance(payload, bytes):
        return Body(content_type, payload)
    if is_json(content_type):
        return Body(content_type, json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    encoder = _ENCODERS.get(kind)
    if encoder is not None:
        return encoder(operation, content_type, spec, payload)
    if is_xml(content_type):
        return _xml(operation, content_type, spec, payload)
    if isinstance(payload, (dict, list)):
        raise StepError(
            "request-invalid",
            f"an object or array cannot be sent as {content_type}",
            hint="send it as application/json, or give the payload as text",
        )
    return Body(content_type, scalar_text(payload).encode("utf-8", "surrogateescape"))


def _property_schema(operation: Operation, schema: Any, name: str) -> Mapping[str, Any]:
    node = _schema(operation, schema)
    properties = node.get("properties")
    return _schema(operation, properties.get(name)) if isinstance(properties, dict) else {}


def _schema(operation: Operation, schema: Any) -> Mapping[str, Any]:
    node = operation.api.deref(schema)[0] if isinstance(schema, dict) else schema
    return node if isinstance(node, dict) else {}


def _form(operation: Operation, content_type: str, spec: MediaTypeSpec, payload: Any) -> Body:
    if isinstance(payload, str):
        return Body(content_type, payload.encode())
    if not isinstance(payload, dict):
        raise StepError("request-invalid", f"a form is made of an object, not of {scalar_text(payload)[:80]}")
    pairs: list[tuple[str, str]] = []
    for name, value in payload.items():
        if value is None:
            continue
        encoding = spec.encoding.get(name) or {}
        own_type = encoding.get("contentType")
        if own_type and not encoding.keys() & {"style", "explode"}:
            text = json.dumps(value, ensure_ascii=False) if is_json(own_type) else scalar_text(value)
            pairs.append((encode(name), encode(text)))
            continue
        style = encoding.get("style", "form")
        parameter = ParameterSpec(name, "query", style=style, explode=bool(encoding.get("explode", style == "form")))
        if isinstance(value, dict) and not encoding:
            # OpenAPI's default for an object in a form without an encoding is JSON.
            pairs.append((encode(name), encode(scalar_text(value))))
            continue
        pairs += query_pairs(parameter, value, encode)
    return Body(content_type, "&".join(f"{key}={value}" for key, value in pairs).encode())


def _multipart(operation: Operation, content_type: str, spec: MediaTypeSpec, payload: Any) -> Body:
    if isinstance(payload, str):
        return Body(content_type, payload.encode())
    if not isinstance(payload, dict):
        raise StepError("request-invalid", f"a multipart form is made of an object, not of {scalar_text(payload)[:80]}")
    parts: list[tuple[bytes, bytes]] = []
    for name, value in payload.items():
        schema = _property_schema(operation, spec.schema, name)
        items = value if isinstance(value, list) else [value]
        item_schema = _schema(operation, schema.get("items")) if isinstance(value, list) else schema
        encoding = spec.encoding.get(name) or {}
        for item in items:
            if item is not None:
                parts.append(_part(name, item, encoding, item_schema))
    # A boundary made from the content keeps equal requests equal, which replays and cassettes rely on.
    digest = hashlib.sha256(b"\0".join(head + b"\0" + content for head, content in parts)).hexdigest()
    boundary = f"arazzo-{digest[:32]}".encode()
    lines = [b"--" + boundary + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts]
    return Body(
        f"{MULTIPART}; boundary={boundary.decode()}", b"".join(lines) + b"--" + boundary + b"--\r\n"
    )


def _part(name: str, value: Any, encoding: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[bytes, bytes]:
    is_file = isinstance(value, bytes) or schema.get("format") in ("binary", "base64") or "contentMediaType" in schema
    default = (
        schema.get("contentMediaType", "application/octet-stream")
        if is_file
        else "application/json" if isinstance(value, (dict, list)) else "text/plain"
    )
    own_type = str(encoding.get("contentType") or default).partition(",")[0].strip()
    quoted = name.replace("\\", "\\\\").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    disposition = f'form-data; name="{quoted}"' + ('; filename="' + quoted + '"' if is_file else "")
    head = f"Content-Disposition: {disposition}"
    if own_type != "text/plain" or encoding.get("contentType"):
        head += f"\r\nContent-Type: {header_text('Content-Type', own_type)}"
    content = value if isinstance(value, bytes) else scalar_text(value).encode("utf-8", "surrogateescape")
    return head.encode(), content


def _xml(operation: Operation, content_type: str, spec: MediaTypeSpec, payload: Any) -> Body:
    if isinstance(payload, str):
        return Body(content_type, payload.encode())
    schema = _schema(operation, spec.schema)
    name = (schema.get("xml") or {}).get("name") or _referenced_name(spec.schema) or "root"
    return Body(content_type, "".join(_element(operation, name, payload, schema)).encode())


def _referenced_name(schema: Any) -> str | None:
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    return str(reference).rsplit("/", 1)[-1] if reference else None


def _element(operation: Operation, name: str, value: Any, schema: Mapping[str, Any]) -> list[str]:
    """An element by the schema's ``xml`` hints: name, prefix, namespace, attribute, wrapped."""
    hints = schema.get("xml") or {}
    tag = f"{hints['prefix']}:{name}" if hints.get("prefix") else name
    attributes = ""
    if hints.get("namespace"):
        attributes = f" xmlns{':' + hints['prefix'] if hints.get('prefix') else ''}={quoteattr(hints['namespace'])}"
    if not isinstance(value, dict):
        return [f"<{tag}{attributes}>{escape(scalar_text(value))}</{tag}>"]
    content: list[str] = []
    for key, item in value.items():
        member = _property_schema(operation, schema, key)
        own = member.get("xml") or {}
        label = own.get("name") or key
        if item is None:
            continue
        if own.get("attribute"):
            attributes += f" {label}={quoteattr(scalar_text(item))}"
        elif isinstance(item, list):
            content += _list(operation, label, item, member)
        else:
            content += _element(operation, label, item, member)
    return [f"<{tag}{attributes}>", *content, f"</{tag}>"]


def _list(operation: Operation, label: str, items: list[Any], schema: Mapping[str, Any]) -> list[str]:
    item_schema = _schema(operation, schema.get("items"))
    item_name = (item_schema.get("xml") or {}).get("name") or label
    elements = [part for item in items for part in _element(operation, item_name, item, item_schema)]
    return [f"<{label}>", *elements, f"</{label}>"] if (schema.get("xml") or {}).get("wrapped") else elements


Encoder: TypeAlias = Callable[[Operation, str, MediaTypeSpec, Any], Body]
_ENCODERS: Mapping[str, Encoder] = {FORM: _form, MULTIPART: _multipart}
