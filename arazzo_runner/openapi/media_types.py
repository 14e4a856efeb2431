"""Media types: what kind of content one names, and its parameters (RFC 9110, section 8.3.1)."""

from __future__ import annotations

import codecs
import re
from typing import Any

from arazzo_runner.documents.text.json_reader import json_value

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

_PARAMETER = re.compile(r';\s*([^\s;="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')
_CODECS = frozenset(
    {
        *("ascii", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"),
        *(f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
        *(f"cp{page}" for page in (437, 850, 852, 855, 858, 866, 874, 932, 949, 950, *range(1250, 1259))),
        *("koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "tis-620", "shift_jis", "euc_jp", "iso2022_jp"),
        *("gb2312", "gbk", "gb18030", "hz", "big5", "big5hkscs", "euc_kr", "iso2022_kr"),
    }
)
"""Python's codecs of the charsets that the web has (the Encoding Standard; IANA). Python has others, which are no
charsets, or escape what they hold, or take a time that grows with its square."""


def codec_of(charset: str) -> str | None:
    """Python's name for a charset; None when the web or Python does not know it."""
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return None
    return name if name in _CODECS else None


def essence(content_type: str) -> str:
    """A media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def media_type_parameter(content_type: str, name: str) -> str | None:
    """A parameter of a media type, unquoted, its name compared without case; None when it has none."""
    for key, quoted, token in _PARAMETER.findall(content_type):
        if key.lower() == name.lower():
            return re.sub(r"\\(.)", r"\1", quoted) if quoted else token or None
    return None


def is_in_range(content_type: str, media_range: str) -> bool:
    """Tell if a media type is the one that a range names, or one in it: ``image/png`` is in ``image/*``."""
    kind, wanted = essence(content_type), essence(media_range)
    return wanted in (kind, "*/*", "*", f"{kind.partition('/')[0]}/*")


def is_json(content_type: str) -> bool:
    """Return whether a media type is JSON or built on it."""
    kind = essence(content_type)
    return kind in ("application/json", "text/json") or kind.endswith("+json")


def json_content(content: bytes, content_type: str | None) -> Any:
    """The value of JSON in the charset that its media type declares, else in that which it shows (RFC 8259).

    Raises:
        ValueError: it is not JSON in that charset.
    """
    codec = codec_of(media_type_parameter(content_type or "", "charset") or "utf-8")
    return json_value(content if codec in (None, "utf-8") else content.decode(codec))


def is_xml(content_type: str) -> bool:
    """Return whether a media type is XML or built on it."""
    kind = essence(content_type)
    return kind in ("application/xml", "text/xml") or kind.endswith("+xml")
