"""Media types: what kind of content one names, and its parameters (RFC 9110, section 8.3.1)."""

from __future__ import annotations

from email.message import Message

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


def essence(content_type: str) -> str:
    """A media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def media_type_parameter(content_type: str, name: str) -> str | None:
    """A parameter of a media type, unquoted, its name compared without case; None when it has none."""
    message = Message()
    message["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    value = message.get_param(name)
    return value if isinstance(value, str) and value else None


def is_json(content_type: str) -> bool:
    """Whether a media type is JSON or built on it."""
    kind = essence(content_type)
    return kind in ("application/json", "text/json") or kind.endswith("+json")


def is_xml(content_type: str) -> bool:
    """Whether a media type is XML or built on it."""
    kind = essence(content_type)
    return kind in ("application/xml", "text/xml") or kind.endswith("+xml")
