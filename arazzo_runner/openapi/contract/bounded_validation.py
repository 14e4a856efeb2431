"""The keywords of schemas whose judging could take forever: patterns, and references whose alternatives double.

Patterns have a time limit (C4), and what JavaScript's have; references are paid for from the budget of what is judged.
The validators below openapi-core search with the standard library's ``re``, which a pattern can keep busy forever, and
which knows no classes of characters by their Unicode property.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from functools import cache, partial
from typing import Any

from arazzo_runner.expressions.limits import spend
from arazzo_runner.expressions.regexes import is_found, with_limited_regexes
from arazzo_runner.openapi.contract.binary_keywords import binary_keywords
from arazzo_runner.openapi.contract.breaches import Side
from arazzo_runner.openapi.contract.exact_keywords import exact_keywords
from arazzo_runner.openapi.contract.paid_keywords import paid_keywords

REFERENCE = 12
"""Nodes of the budget that a reference costs: some 80,000 of them may be followed, which takes some seconds."""


def with_limited_patterns(factory: Any, side: Side) -> Any:
    """A factory of openapi-core's for schema validators, whose patterns cannot hang, for one side of exchanges."""
    limited = copy(factory)
    limited.get_validator_cls = lambda spec, schema: _limited(factory.get_validator_cls(spec, schema), side)
    return limited


@cache
def _limited(validator: Any, side: Side) -> Any:
    from jsonschema.validators import extend

    keywords = {**binary_keywords(validator.VALIDATORS), **exact_keywords(side), **limited_keywords(validator)}
    return extend(validator, paid_keywords({**validator.VALIDATORS, **keywords}))  # type: ignore[no-untyped-call]


def limited_keywords(validator: Any) -> dict[str, Any]:
    """The keywords of a validator of jsonschema's that search with patterns or follow references, limited."""
    keywords = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": partial(_additional_properties, validator.VALIDATORS["additionalProperties"]),
    }
    for name in ("$ref", "$dynamicRef"):
        if follow := validator.VALIDATORS.get(name):
            keywords[name] = partial(_reference, follow)
    if judge := validator.VALIDATORS.get("unevaluatedProperties"):
        keywords["unevaluatedProperties"] = _with_limited_search(judge, "find_evaluated_property_keys_by_schema")
    if judge := validator.VALIDATORS.get("unevaluatedItems"):
        keywords["unevaluatedItems"] = _with_limited_search(judge, "find_evaluated_item_indexes_by_schema")
    return keywords


def _reference(follow: Any, validator: Any, reference: Any, instance: Any, schema: Any) -> Iterator[Exception]:
    """Let the library follow a reference, for nodes of the budget."""
    spend(REFERENCE)
    yield from follow(validator, reference, instance, schema) or ()


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[Exception]:
    from jsonschema.exceptions import ValidationError

    if validator.is_type(instance, "string") and not is_found(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, _: Any) -> Iterator[Exception]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, schema in patterns.items():
        for name, value in instance.items():
            if is_found(pattern, name):
                yield from validator.descend(value, schema, path=name, schema_path=pattern)


def _additional_properties(
    judge: Any, validator: Any, additional: Any, instance: Any, schema: Any
) -> Iterator[Exception]:
    """Let the library judge additional members, those that a pattern names as ones with a schema of their own."""
    patterns = schema.get("patternProperties")
    if patterns and validator.is_type(instance, "object"):
        named = {name: True for name in instance if any(is_found(pattern, name) for pattern in patterns)}
        others = {keyword: value for keyword, value in schema.items() if keyword != "patternProperties"}
        schema = {**others, "properties": {**schema.get("properties", {}), **named}}
    yield from judge(validator, additional, instance, schema) or ()


def _with_limited_search(judge: Any, name: str) -> Any:
    """The library's judgement of what nothing else has judged, which looks through the schemas of others for it.

    Args:
        name: of the function that looks, and calls itself for schemas in schemas: each call is paid for.
    """
    look = with_limited_regexes(judge.__globals__[name])

    def paid(validator: Any, instance: Any, schema: Any) -> Any:
        spend(REFERENCE)
        return look(validator, instance, schema)

    look.__globals__[name] = paid
    return with_limited_regexes(judge, **{name: paid})
