"""The inputs that an agent may give: the workflow's, without secrets and without what the person gives (S1)."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator
from typing import Any

from arazzo_runner.documents.input_schemas import input_schema, may_apply, required
from arazzo_runner.engine.plan import Plan
from arazzo_runner.runtime.secrets.placeholders import secrets_of

_NAMING = ("required", "dependentRequired")
_EXAMPLES = ("default", "examples", "example", "const", "enum")
"""Keywords that may hold a value of the whole object, and so of a secret in it."""


def secret_input_names(plan: Plan) -> frozenset[str]:
    """Return the declared inputs that an agent never sees: secrets, and objects that a secret is a member of."""
    schema, names = plan.workflow.input_schema, plan.workflow.declared_inputs
    has = plan.options.secret_names.has
    nested = {name for name in names if any(map(has, _members(schema, input_schema(schema, name))))}
    return secrets_of(plan, dict.fromkeys(names)) | nested


def missing_secrets(plan: Plan, given: Collection[str]) -> list[str]:
    """Return the secret inputs that a run needs and nobody has given, in order."""
    secret = secret_input_names(plan)
    return [name for name in required(plan.workflow.input_schema or {}) if name in secret and name not in given]


def offered_schema(plan: Plan, hidden: Collection[str]) -> dict[str, Any]:
    """Return the schema of the inputs for an agent: an object, the hidden ones nowhere in it."""
    schema = copy.deepcopy(dict(plan.workflow.input_schema or {}))
    for node in list(may_apply(schema)):
        properties = node.get("properties")
        if isinstance(properties, dict):
            node["properties"] = {name: member for name, member in properties.items() if name not in hidden}
        for keyword in _NAMING:
            _forget(node, keyword, hidden)
        for keyword in ("dependentSchemas",):
            if isinstance(node.get(keyword), dict):
                node[keyword] = {name: part for name, part in node[keyword].items() if name not in hidden}
        for keyword in _EXAMPLES if hidden else ():
            node.pop(keyword, None)
    schema.pop("$id", None)
    return {**schema, "type": "object", "properties": _plain(schema.get("properties"))}


def _plain(properties: Any) -> dict[str, Any]:
    """Return properties as objects: a schema ``true`` is one that many clients cannot read."""
    found = properties if isinstance(properties, dict) else {}
    return {name: {} if member is True else member for name, member in found.items()}


def _forget(node: dict[str, Any], keyword: str, hidden: Collection[str]) -> None:
    match node.get(keyword):
        case list(names):
            node[keyword] = [name for name in names if name not in hidden]
        case dict(named):
            node[keyword] = {
                name: [one for one in others if one not in hidden]
                for name, others in named.items()
                if name not in hidden and isinstance(others, list)
            }


def _members(schema: Any, node: Any) -> Iterator[str]:
    """Yield the names of members that a part of a schema declares at any depth, references followed once."""
    waiting, seen = [node], set[int]()
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting += here
            continue
        if not isinstance(here, dict) or id(here) in seen:
            continue
        seen.add(id(here))
        properties = here.get("properties")
        yield from properties if isinstance(properties, dict) else ()
        reference = here.get("$ref")
        if isinstance(reference, str):
            waiting += _definition(schema, reference)
        waiting += [value for key, value in here.items() if key not in ("default", "const", "enum", "examples")]


def _definition(schema: Any, reference: str) -> list[Any]:
    from arazzo_runner.documents import pointer as json_pointer

    if not reference.startswith("#"):
        return []
    try:
        return [json_pointer.resolve(schema, reference[1:])]
    except json_pointer.PointerError:
        return []
