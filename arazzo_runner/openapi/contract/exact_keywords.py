"""Keywords that the libraries below judge wrongly: ``multipleOf`` of decimals, ``required`` of ``readOnly`` members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from arazzo_runner.openapi.contract.breaches import Side

_OPTIONAL: Mapping[Side, str] = {"request": "readOnly", "response": "writeOnly"}
"""The keyword of a property that a side of an exchange may lack though it is required."""
_MAX_DEPTH = 20
"""How many ``$ref``s and ``allOf``s are followed inside each other."""
_MAX_EXPONENT = 400


def exact_keywords(side: Side) -> dict[str, Any]:
    """The keywords, as jsonschema takes them.

    Args:
        side: 3.0 demands a required ``readOnly`` property of responses only; 3.1 leaves it open, and is read alike.
    """
    return {"multipleOf": _multiple_of, "required": partial(_required, _OPTIONAL[side])}


def _multiple_of(validator: Any, factor: Any, instance: Any, _: Any) -> Iterator[Exception]:
    """Judge decimals as they are written: 0.07 is a multiple of 0.01, though not of the nearest binary fraction."""
    from jsonschema.exceptions import ValidationError

    if validator.is_type(instance, "number") and not _is_multiple(Decimal(str(instance)), Decimal(str(factor))):
        yield ValidationError(f"{instance!r} is not a multiple of {factor!r}")


def _is_multiple(value: Decimal, factor: Decimal) -> bool:
    """Compare the digits as integers of the smaller exponent: decimals of any precision, without rounding."""
    (digits, exponent), (by, by_exponent) = _scaled(value), _scaled(factor)
    if by == 0:
        raise ZeroDivisionError
    least = min(exponent, by_exponent)
    if max(exponent, by_exponent) - least > _MAX_EXPONENT:
        return digits == 0 or (exponent > by_exponent and digits % by == 0)
    return digits * _power(exponent - least) % (by * _power(by_exponent - least)) == 0


def _power(exponent: int) -> int:
    return int(f"1{'0' * exponent}")


def _scaled(value: Decimal) -> tuple[int, int]:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(str(value))
    whole = int("".join(map(str, digits)))
    return (-whole if sign else whole), exponent


def _required(optional: str, validator: Any, required: Any, instance: Any, schema: Any) -> Iterator[Exception]:
    from jsonschema.exceptions import ValidationError

    if not validator.is_type(instance, "object"):
        return
    properties = schema.get("properties")
    for name in required:
        if name in instance:
            continue
        declared = properties.get(name) if isinstance(properties, dict) else None
        if not _has(validator._resolver, declared, optional):  # noqa: SLF001 - the one way to its references
            yield ValidationError(f"{name!r} is a required property")


def _has(resolver: Any, schema: Any, keyword: str, depth: int = 0) -> bool:
    """Tell if a schema, its ``$ref``s and ``allOf``s followed, sets a keyword."""
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return False
    if schema.get(keyword) is True:
        return True
    reference, parts = schema.get("$ref"), schema.get("allOf")
    if isinstance(reference, str):
        found = resolver.lookup(reference)
        if _has(found.resolver, found.contents, keyword, depth + 1):
            return True
    return any(_has(resolver, part, keyword, depth + 1) for part in (parts if isinstance(parts, list) else ()))
