"""Forms made from the schema of a workflow's inputs, and what a person has typed into them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from arazzo_runner.documents.input_schemas import input_schema, required, types
from arazzo_runner.documents.typed_inputs import typed
from arazzo_runner.effects import MASK
from arazzo_runner.engine.plan import Plan
from arazzo_runner.serving.offered_inputs import secret_input_names

PREFIX = "input."
"""Begins the names of the fields of inputs, so that no input is taken for something else of the form."""
_NUMBERS = frozenset({"integer", "number"})
_WHOLE = frozenset({"object", "array"})


class InputField(Struct, frozen=True):
    """A field of a form.

    Attributes:
        name: of the input.
        control: ``text``, ``password``, ``number``, ``select``, ``checkbox`` or ``area``.
        kind: what may be typed, in words.
        value: what stands in it; never a secret.
        choices: of a ``select``: what is sent, and what is shown.
        given: the person who runs the server has given it.
    """

    name: str
    control: str
    kind: str
    description: str
    required: bool
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    given: bool = False
    example: str = ""

    @property
    def field(self) -> str:
        """The name of the field in the form."""
        return PREFIX + self.name

    @property
    def is_secret(self) -> bool:
        """Return whether what is typed is neither shown nor stored."""
        return self.control == "password"


def fields_of(plan: Plan, given: Mapping[str, Any], earlier: Mapping[str, Any] | None = None) -> tuple[InputField, ...]:
    """Return the fields of a workflow's inputs, the required ones first.

    Args:
        given: what the person who runs the server gives.
        earlier: the inputs of a run that is to be run again, masked.
    """
    schema = plan.workflow.input_schema
    needed, secret = set(required(schema)), secret_input_names(plan)
    names = plan.workflow.declared_inputs
    fields = [
        _field(name, input_schema(schema, name), name in needed, name in secret, given, earlier) for name in names
    ]
    return tuple(sorted(fields, key=lambda field: not field.required))


def _field(
    name: str,
    schema: Mapping[str, Any],
    needed: bool,  # noqa: FBT001 - what a table of two answers gives
    secret: bool,  # noqa: FBT001
    given: Mapping[str, Any],
    earlier: Mapping[str, Any] | None,
) -> InputField:
    kinds = types(schema)
    value = schema.get("default", "") if earlier is None else earlier.get(name, "")
    if earlier is None and name in given:
        value = given[name]
    text = "" if secret else _text(value)
    choices = _choices(schema, needed=needed)
    control = "text"
    if secret:
        control = "password"
    elif choices:
        control = "select"
    elif (kinds & _WHOLE and not kinds & {"string"}) or "\n" in text or schema.get("format") == "textarea":
        control = "area"
    elif kinds and kinds <= _NUMBERS:
        control = "number"
    examples = schema.get("examples")
    example = examples[0] if isinstance(examples, list) and examples else schema.get("example", "")
    return InputField(
        name=name,
        control=control,
        kind=_kind(kinds, schema),
        description=str(schema.get("description", "")),
        required=needed and not (secret and name in given),
        value="" if MASK in text else text,
        choices=choices,
        given=name in given,
        example="" if secret or not example else _text(example),
    )


def _choices(schema: Mapping[str, Any], *, needed: bool) -> tuple[tuple[str, str], ...]:
    listed = schema.get("enum")
    if listed is None and "boolean" in types(schema):
        listed = [True, False]
    if not isinstance(listed, list) or not listed:
        return ()
    texts = [_text(value) for value in listed]
    shown = tuple((text, text) for text in texts)
    return shown if needed or "default" in schema else (("", "(not given)"), *shown)


def _kind(kinds: set[str], schema: Mapping[str, Any]) -> str:
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "object": "JSON object",
        "array": "JSON list",
        "null": "null",
    }
    said = " or ".join(words.get(kind, kind) for kind in sorted(kinds)) or "anything"
    limits = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return ", ".join([said, *limits])


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def typed_inputs(plan: Plan, form: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs that a person has typed, and those that the person who runs the server gives to the rest.

    A field that was left empty gives nothing, except a text that the workflow needs.
    """
    schema = plan.workflow.input_schema
    needed = set(required(schema))
    secret = secret_input_names(plan)
    inputs = {name: value for name, value in given.items() if name in plan.workflow.declared_inputs}
    for name in plan.workflow.declared_inputs:
        text = form.get(PREFIX + name)
        if text is None:
            continue
        node = input_schema(schema, name)
        if text:
            inputs[name] = typed(text.replace("\r\n", "\n"), node)
        elif name in secret:
            continue  # a given secret stays what it is
        elif name in needed and name not in given and types(node) == {"string"}:
            continue
        else:
            inputs.pop(name, None)
    return inputs
