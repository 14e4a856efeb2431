"""The keywords of schemas that judge bytes: the content of a part or body that is a string to its schema.

openapi-core hands such content over as it came. To JSON Schema, which knows no bytes, it would be of no type at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any


def binary_keywords(validators: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a validator's keywords that have to know bytes, knowing them.

    Args:
        validators: what judges each keyword, as jsonschema has it.
    """
    known = {"type": _type, "enum": _value, "const": _value}
    return {name: partial(judge, validators[name]) for name, judge in known.items() if name in validators}


def _type(judge: Any, validator: Any, types: Any, instance: Any, schema: Any) -> Iterator[Exception]:
    """Let the library judge the type: bytes are a string."""
    if isinstance(instance, bytes) and "string" in ([types] if isinstance(types, str) else types):
        return
    yield from judge(validator, types, instance, schema) or ()


def _value(judge: Any, validator: Any, expected: Any, instance: Any, schema: Any) -> Iterator[Exception]:
    """Let the library compare with values, bytes as text."""
    text = instance.decode("utf-8", "replace") if isinstance(instance, bytes) else instance
    yield from judge(validator, expected, text, schema) or ()
