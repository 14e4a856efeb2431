"""Keywords of schemas, each paid for when it is judged, so that no schema and no value takes forever or all memory.

``jsonschema`` judges every keyword by a function of its own. Around each stands one that takes nodes off the budget of
what is judged (``limits``): for the keyword, for each of the things it is compared with, and for the message of an
error, which shows the whole value. Alternatives are asked whether they fit before their errors are listed, since the
errors of fifty alternatives for each of ten thousand elements are more than memory holds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

from arazzo_runner.expressions.limits import spend

Keyword: TypeAlias = Callable[[Any, Any, Any, Any], Iterable[Any] | None]
"""Judges an instance: is given the validator, the keyword's value, the instance, and the schema that both are in."""

NODES = 1
"""What a keyword costs: a million of them may be judged, which takes some seconds."""
SHOWN_PER_NODE = 100
"""How many characters of messages cost a node: they are made of whole values."""
MAX_MESSAGE = 10_000
"""Characters of a message that are kept."""
MAX_ERRORS = 100
"""How many errors of one value, or of its alternatives, are listed."""
_COMPARED = 8
"""How many comparisons with the values of an ``enum`` cost a node."""


def paid_keywords(keywords: Mapping[str, Keyword]) -> dict[str, Keyword]:
    """The keywords, those of alternatives and of unique elements replaced, and each paid for."""
    known = {**keywords, "uniqueItems": _unique_items}
    for name in ("anyOf", "oneOf"):
        known[name] = partial(_ALTERNATIVES[name], keywords[name])
    return {name: partial(_paid, judge) for name, judge in known.items()}


def _paid(judge: Keyword, validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    spend(NODES + len(value) // _COMPARED if isinstance(value, list | dict) else NODES)
    for error in judge(validator, value, instance, schema) or ():
        spend(len(error.message) // SHOWN_PER_NODE)
        error.message = error.message[:MAX_MESSAGE]
        yield error


def _any_of(judge: Keyword, validator: Any, parts: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if "discriminator" in schema:  # names the one that applies
        yield from judge(validator, parts, instance, schema) or ()
    elif not any(_fits(validator, part, instance) for part in parts):
        yield _none_fits(validator, parts, instance)


def _one_of(judge: Keyword, validator: Any, parts: Any, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if "discriminator" in schema:
        yield from judge(validator, parts, instance, schema) or ()
        return
    fitting = list(islice((index for index, part in enumerate(parts) if _fits(validator, part, instance)), 2))
    if not fitting:
        yield _none_fits(validator, parts, instance)
    elif len(fitting) > 1:
        first, second = (_named(parts[index], index) for index in fitting)
        yield ValidationError(f"it is valid under {first} and {second}, of which only one may be")


_ALTERNATIVES: Mapping[str, Callable[..., Iterator[Any]]] = {"anyOf": _any_of, "oneOf": _one_of}


def _fits(validator: Any, schema: Any, instance: Any) -> bool:
    """Return whether an instance has no error, the first of which ends the search."""
    return next(validator.descend(instance, schema), None) is None


def _none_fits(validator: Any, parts: Iterable[Any], instance: Any) -> Any:
    from jsonschema.exceptions import ValidationError

    found: list[Any] = []
    for index, part in enumerate(parts):
        found += islice(validator.descend(instance, part, schema_path=index), MAX_ERRORS - len(found))
    return ValidationError("it is not valid under any of the given schemas", context=found)


def _named(schema: Any, index: int) -> str:
    """A schema in a few words: what it refers to, its title, or its number."""
    known = schema if isinstance(schema, dict) else {}
    return str(known.get("title") or known.get("$ref") or f"alternative {index + 1}")


def _unique_items(validator: Any, unique: Any, instance: Any, _: Any) -> Iterator[Any]:
    """Compare elements by what they are equal to, so that many cost what they are long."""
    from jsonschema.exceptions import ValidationError

    if not unique or not validator.is_type(instance, "array"):
        return
    seen: set[Hashable] = set()
    for element in instance:
        spend()
        key = _equal_to(element)
        if key in seen:
            yield ValidationError("its elements are not all different")
            return
        seen.add(key)


def _equal_to(value: Any) -> Hashable:
    """A key that is the same for values that JSON Schema calls equal: 1 and 1.0, but not 1 and true."""
    match value:
        case bool():
            return ("boolean", value)
        case dict():
            return ("object", frozenset((name, _equal_to(member)) for name, member in value.items()))
        case list():
            return ("array", tuple(map(_equal_to, value)))
        case _:
            return value if isinstance(value, Hashable) else repr(value)
