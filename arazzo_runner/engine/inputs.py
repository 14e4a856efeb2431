"""Inputs of a workflow: defaults filled in, then checked against its JSON Schema (V8)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import count
from typing import Any

from arazzo_runner.documents.input_schemas import applies, declared, is_open, required, work
from arazzo_runner.documents.near_names import near_names
from arazzo_runner.effects import MASK
from arazzo_runner.engine.judged_values import MAX_ASKED, depth_of, plain_value, size_of
from arazzo_runner.errors import InvalidInputs, as_typed
from arazzo_runner.expressions.limits import BudgetExceeded
from arazzo_runner.secrecy import BY_WORDS, SecretNames

MAX_WORK = 200_000
"""How often, for each value, to list what is wrong with them: each visit may be an error of two kilobytes."""

MAX_DEFAULTS = 200_000
"""How many defaults are filled in: a schema that refers to itself from what it has defaults for has no end of them."""


def with_defaults(schema: Any, value: Any) -> Any:
    """A copy of ``value`` with the defaults that ``schema`` gives for absent members, nested ones too.

    Raises:
        InvalidInputs: the defaults stand for more values than anybody means.
    """
    return _filled(schema, schema, value, 0, count(1))


def _filled(root: Any, schema: Any, value: Any, depth: int, filled_before: Iterator[int]) -> Any:
    if depth > 50 or not isinstance(value, Mapping):
        return value
    members: dict[str, list[Any]] = {}
    for node in applies(root, schema):
        properties = node.get("properties")
        for name, member in properties.items() if isinstance(properties, dict) else ():
            members.setdefault(name, []).append(member)
    filled = dict(value)
    for name, parts in members.items():
        together = {"allOf": parts}
        if name not in filled:
            found, default = _default(root, together)
            if found:
                filled[name] = default
                if next(filled_before) > MAX_DEFAULTS:
                    raise InvalidInputs(
                        f"the schema of the inputs has more than {MAX_DEFAULTS:,} defaults in defaults", []
                    )
        if name in filled:
            filled[name] = _filled(root, together, filled[name], depth + 1, filled_before)
    return filled


def _default(root: Any, schema: Any) -> tuple[bool, Any]:
    for node in applies(root, schema):
        if "default" in node:
            return True, node["default"]
    return False, None


def check_inputs(
    schema: Any,
    values: Mapping[str, Any],
    *,
    secret: Collection[str] = (),
    names: SecretNames = BY_WORDS,
    undeclared: bool = False,
) -> list[str]:
    """Everything that is wrong with the inputs, a sentence each; empty when nothing is (V8).

    Args:
        values: defaults filled in.
        secret: names whose values no message may show (S1).
        names: the names of members of which the same is true.
        undeclared: whether inputs may be given that no part of the schema declares.
    """
    if schema is None:
        return []
    import jsonschema_rs

    errors = [] if undeclared else list(_misspelt(schema, values))
    try:
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    except (jsonschema_rs.ValidationError, ValueError) as unusable:
        return [*errors, f"the workflow's inputs schema cannot be used: {str(unusable).splitlines()[0]}"]
    plain = plain_value(values)
    effort = work(schema, depth_of(plain))
    if effort > MAX_ASKED:
        return [*errors, *_first_misfit(schema, plain)]
    if validator.is_valid(plain):
        return errors
    if effort * size_of(plain) > MAX_WORK:
        return [*errors, *(_first_misfit(schema, plain) or ["inputs: they do not fit their schema"])]
    masked = jsonschema_rs.Draft202012Validator(schema, validate_formats=True, mask=MASK)
    for error, hidden in zip(validator.iter_errors(plain), masked.iter_errors(plain), strict=True):
        if error.instance == MASK:
            continue  # a recorded run's secret, of which it is not known what it was
        path = [str(part) for part in error.instance_path]
        # An error of an object may show all that is in it; one of a secret's own shows that.
        named = any(part in secret or names.has(part) for part in path)
        shows_secret = named or (not path and bool(secret)) or _holds_secret(error.instance, names)
        place = f"input {'.'.join(path)}" if path else "inputs"
        errors.append(f"{place}: {hidden.message if shows_secret else error.message}")
    return errors


def _first_misfit(schema: Any, plain: Any) -> list[str]:
    """Find what is wrong with inputs that are too large, or whose schema repeats itself too often, to list it all."""
    from arazzo_runner.engine.tangled_inputs import first_misfit

    try:
        found = first_misfit(schema, plain)
    except BudgetExceeded as error:
        return [f"inputs: they cannot be checked against their schema, which repeats itself too often: {error.message}"]
    if found is None:
        return []
    place = f"input {'.'.join(found.path)}" if found.path else "inputs"
    return [f"{place}: this does not fit {found.keyword!r} of its schema, and there may be more that does not"]


def how_to_give(schema: Any, values: Mapping[str, Any], *, secret: Collection[str] = ()) -> str:
    """Return what to type for missing required inputs; empty when none is missing. A secret is read from a file."""
    missing = [name for name in required(schema) if name not in values] if schema is not None else []
    words = (as_typed("-i", f"{name}={'@FILE' if name in secret else 'VALUE'}") for name in missing)
    return f"give what is missing: {' '.join(words)}" if missing else ""


def _holds_secret(value: Any, names: SecretNames) -> bool:
    """Return whether a member's name says that it is a secret."""
    match value:
        case Mapping():
            return any(names.has(str(name)) or _holds_secret(item, names) for name, item in value.items())
        case list():
            return any(_holds_secret(item, names) for item in value)
        case _:
            return False


def _misspelt(schema: Any, values: Mapping[str, Any]) -> Iterator[str]:
    if is_open(schema):
        return
    names = dict.fromkeys(declared(schema))
    for name in values:
        if name in names:
            continue
        near = near_names(name, names, most=1)
        meant = f"did you mean {near[0]!r}?" if near else f"it declares {', '.join(names) or 'none'}"
        yield f"input {name}: the workflow declares no such input; {meant}"
