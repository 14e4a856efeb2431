"""An object as ``application/x-www-form-urlencoded``, by the Encoding Objects of its media type (H4).

Used for bodies, and for 3.2's ``in: querystring``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from arazzo_runner.openapi.media_types import is_json
from arazzo_runner.openapi.request.styles import (
    PERCENT,
    Encode,
    Escapes,
    Pairs,
    encode,
    holds_structures,
    indexed,
    json_text,
    scalar_text,
    style_pairs,
)

STYLE_FIELDS = frozenset({"style", "explode", "allowReserved"})
"""The fields of an Encoding Object that, when one is written, take the place of ``contentType``."""

QUERY_RESERVED = ":/?@!$'()*,;="
"""What ``allowReserved`` lets through. ``#``, ``[`` and ``]`` have no place in a query; ``&`` and ``+`` would change
what the query says: 3.1.1 leaves it to the application to encode all five."""


def query_encoder(*, allow_reserved: bool) -> Encode:
    """Return the percent-encoder of a query's values."""
    return partial(encode, safe=QUERY_RESERVED, keep_triples=True) if allow_reserved else encode


def form_pairs(payload: Mapping[str, Any], encoding: Mapping[str, Mapping[str, Any]]) -> Pairs:
    """The pairs of a form, percent-encoded; members that are ``null`` are left out.

    An object without an Encoding Object is JSON, and an array is repeated: those are the specification's defaults. An
    array with objects in it is written in brackets, as the servers of such forms read it. A ``contentType`` that is
    written applies to the whole value.

    Raises:
        StepError: ``request-invalid``: the declared encoding cannot hold the value.
    """
    pairs: Pairs = []
    for name, value in payload.items():
        pairs += _property_pairs(name, value, encoding.get(name, {}))
    return pairs


def _property_pairs(name: str, value: Any, encoding: Mapping[str, Any]) -> Pairs:
    if value is None:
        return []
    if not encoding.keys() & STYLE_FIELDS:
        declared = encoding.get("contentType")
        if declared or isinstance(value, dict):
            text = json_text(value) if declared and is_json(declared) else scalar_text(value)
            return [(encode(name), encode(text))]
        if holds_structures(value):
            return indexed(encode(name), value, PERCENT)
        return style_pairs(name, value, style="form", explode=True, escapes=PERCENT)
    style = encoding.get("style", "form")
    explode = encoding.get("explode", style == "form")
    escapes = Escapes(encode, query_encoder(allow_reserved=encoding.get("allowReserved") is True))
    return style_pairs(name, value, style=style, explode=explode is True, escapes=escapes)


def form_text(payload: Mapping[str, Any], encoding: Mapping[str, Mapping[str, Any]]) -> str:
    """A whole form; spaces are ``+``, as the media type has it (and every server reads)."""
    return "&".join(f"{name}={value}" for name, value in form_pairs(payload, encoding)).replace("%20", "+")
