"""Media types: what kind of content one names, and its parameters (RFC 9110, section 8.3.1)."""

from __future__ import annotations

import re

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

_PARAMETER = re.compile(r';\s*([^\s;="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')


def essence(content_type: str) -> str:
    """A media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def media_type_parameter(content_type: str, name: str) -> str | None:
    """A parameter of a media type, unquoted, its name compared without case; None when it has none."""
    for key, quoted, token in _PARAMETER.findall(content_type):
        if key.lower() == name.lower():
            return re.sub(r"\\(.)", r"\1", quoted) if quoted else token or None
    return None


def is_json(content_type: str) -> bool:
    """Whether a media type is JSON or built on it."""
    kind = essence(content_type)
    return kind in ("application/json", "text/json") or kind.endswith("+json")


def is_xml(content_type: str) -> bool:
    """Whether a media type is XML or built on it."""
    kind = essence(content_type)
    return kind in ("application/xml", "text/xml") or kind.endswith("+xml")
