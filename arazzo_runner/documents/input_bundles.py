"""The JSON Schemas of inputs: whether they are any, where their references lead, and one self-contained schema of them.

References are resolved in the document alone: nothing is ever fetched for a schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeAlias
from urllib.parse import unquote

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.input_readings import as_meant
from arazzo_runner.documents.model import ArazzoDescription, Workflow
from arazzo_runner.documents.pointer import Json
from arazzo_runner.documents.reader import Document
from arazzo_runner.documents.shapes import Reading

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keywords whose members' names are the author's own."""
_DATA = ("const", "enum", "default", "examples", "example")
"""Keywords that hold data, in which ``$ref`` is a name like any other."""


def check_inputs(reading: Reading, schema: Json, pointer: str) -> None:
    """Report what is wrong with a schema: against 2020-12, and references that lead nowhere (V8)."""
    if not isinstance(schema, dict):
        reading.wrong_type(schema, "a JSON Schema, which is an object", pointer)
        return
    unreadable = {tuple(error.instance_path) for error in _metaschema().iter_errors(_rewritten(schema, _unchanged))}
    for error in _metaschema().iter_errors(schema):
        place = json_pointer.join(pointer, *error.instance_path)
        rule = "unreadable-inputs" if tuple(error.instance_path) in unreadable else "inputs-schema"
        reading.report(rule, error.message, place)
    for reference, where in _references(schema):
        try:
            _Target.find(reading.document, pointer, reference)
        except KeyError as error:
            reading.report("inputs-ref", _reason(error), pointer + where)


def bundle_inputs(description: ArazzoDescription, workflow: Workflow) -> dict[str, Any]:
    """A self-contained JSON Schema of a workflow's inputs.

    Broken keywords are read in the only way that makes sense; a ``$ref`` that leads nowhere stands for any value (D1).
    Every other ``$ref`` leads into the schema itself: what it leads to outside of it (``#/components/inputs/…``,
    another workflow's inputs, the holder of an ``$anchor``) is added under ``$defs``, under the dotted path of its
    place, as ``components.inputs.pagination``.

    Returns:
        A new schema; empty when the workflow has no inputs.
    """
    if not isinstance(workflow.inputs, dict):
        return {}
    home = json_pointer.join(workflow.pointer, "inputs")
    return _Bundle(description.document, home).bundle(workflow.inputs)


Rewrite: TypeAlias = Callable[[str], str | None]
"""From a reference to where it leads in the bundle; None where it leads nowhere."""


class _Bundle:
    """The making of one self-contained schema."""

    def __init__(self, document: Document, home: str) -> None:
        self.document = document
        self.home = home
        self.places = {home: "#"}
        self.waiting: list[str] = []

    def bundle(self, schema: dict[str, Any]) -> dict[str, Any]:
        bundled = _rewritten(schema, self._rewriter(self.home))
        definitions = dict(bundled.get("$defs", {}))
        while self.waiting:
            root = self.waiting.pop()
            definition = json_pointer.resolve(self.document.data, root)
            if isinstance(definition, dict):
                definition = _rewritten(definition, self._rewriter(root))
            definitions[_key(root)] = definition
        if definitions:
            bundled["$defs"] = definitions
        return bundled

    def _rewriter(self, holder: str) -> Rewrite:
        def rewrite(reference: str) -> str | None:
            try:
                target = _Target.find(self.document, holder, reference)
            except KeyError:
                return None
            if target.root not in self.places:
                self.places[target.root] = json_pointer.join("#/$defs", _key(target.root))
                self.waiting.append(target.root)
            return reference if target.anchor else self.places[target.root] + target.tail

        return rewrite


class _Target:
    """The target of a reference: a schema of the document, and a pointer or an anchor within it."""

    def __init__(self, root: str, tail: str = "", *, anchor: bool = False) -> None:
        self.root = root
        self.tail = tail
        self.anchor = anchor

    @classmethod
    def find(cls, document: Document, holder: str, reference: str) -> _Target:
        """Follow a reference.

        Args:
            holder: pointer to the outermost schema that the reference stands in.

        Raises:
            KeyError: it leads nowhere, or out of the document.
        """
        before, _, fragment = reference.partition("#")
        fragment = unquote(fragment)
        if before:
            raise json_pointer.PointerError(f"{reference!r} leads out of the document")
        if fragment and not fragment.startswith("/"):
            return cls(_holder_of_anchor(document, holder, fragment), anchor=True)
        # The document is the base of its schemas (1.1, Parsing Documents); authors also mean the schema's own root.
        for base in ("", holder) if fragment else (holder,):
            try:
                json_pointer.resolve(document.data, base + fragment)
            except json_pointer.PointerError:
                continue
            return cls(*_root_and_tail(base + fragment))
        raise json_pointer.PointerError(f"{reference!r} leads nowhere")


def _root_and_tail(pointer: str) -> tuple[str, str]:
    """The schema of the document that a pointer leads into, and the rest of the pointer."""
    tokens = pointer.split("/")
    is_schema = tokens[1:3] == ["components", "inputs"] or (tokens[1:2] == ["workflows"] and tokens[3:4] == ["inputs"])
    length = 4 if is_schema else len(tokens)
    return "/".join(tokens[:length]), "".join(f"/{token}" for token in tokens[length:])


def _key(root: str) -> str:
    return ".".join(json_pointer.split(root))


def _holder_of_anchor(document: Document, holder: str, name: str) -> str:
    for root, schema in [(holder, json_pointer.resolve(document.data, holder)), *_all_schemas(document)]:
        if any(part.get("$anchor") == name or part.get("$dynamicAnchor") == name for part, _ in _subschemas(schema)):
            return root
    raise json_pointer.PointerError(f"no schema of the document has the $anchor {name!r}")


def _all_schemas(document: Document) -> Iterator[tuple[str, Json]]:
    """Every schema of inputs that the document has, whatever else it is."""
    match document.data:
        case {"components": {"inputs": dict(inputs)}}:
            for name, schema in inputs.items():
                yield json_pointer.join("/components/inputs", name), schema
    match document.data:
        case {"workflows": list(workflows)}:
            for number, workflow in enumerate(workflows):
                if isinstance(workflow, dict) and "inputs" in workflow:
                    yield f"/workflows/{number}/inputs", workflow["inputs"]


def _subschemas(schema: Json, pointer: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """A schema and all schemas in it, with their pointers; those with an ``$id`` of their own apart."""
    waiting = [(schema, pointer)]
    while waiting:
        current, here = waiting.pop()
        if not isinstance(current, dict) or ("$id" in current and here != pointer):
            continue
        yield current, here
        for name, value in current.items():
            there = json_pointer.join(here, name)
            if name in _MAPS and isinstance(value, dict):
                waiting += [(part, json_pointer.join(there, key)) for key, part in value.items()]
            elif isinstance(value, list) and name not in _DATA:
                waiting += [(part, json_pointer.join(there, n)) for n, part in enumerate(value)]
            elif name not in _DATA:
                waiting.append((value, there))


def _references(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The references of a schema, with their pointers; those to its own ``$id`` are the validator's business."""
    own = schema.get("$id")
    for part, here in _subschemas(schema):
        for keyword in ("$ref", "$dynamicRef"):
            reference = part.get(keyword)
            if isinstance(reference, str) and not (own and reference.startswith(str(own))):
                yield reference, json_pointer.join(here, keyword)


def _rewritten(schema: dict[str, Any], rewrite: Rewrite) -> dict[str, Any]:
    """A copy of a schema, as deep as its subschemas go, its keywords read and its references rewritten."""
    copies: dict[str, dict[str, Any]] = {}
    rewritten = {where: rewrite(reference) for reference, where in _references(schema)}
    for part, here in reversed(list(_subschemas(schema))):
        copy = dict(part)
        for name, value in part.items():
            there = json_pointer.join(here, name)
            if there in rewritten:
                target = rewritten[there]
                if target is None:
                    del copy[name]
                else:
                    copy[name] = target
            elif there in copies:
                copy[name] = copies[there]
            elif isinstance(value, dict) and name in _MAPS:
                copy[name] = {key: copies.get(json_pointer.join(there, key), v) for key, v in value.items()}
            elif isinstance(value, list):
                copy[name] = [copies.get(json_pointer.join(there, n), v) for n, v in enumerate(value)]
        copies[here] = as_meant(part, copy)
    return copies[""]


def _unchanged(reference: str) -> str:
    return reference


@cache
def _metaschema() -> Any:
    import jsonschema_rs  # 22 ms, and only documents with inputs need it

    # Formats are on for patterns, without which no validator can be made; URIs are our own business.
    anything = {"uri": _is_any, "uri-reference": _is_any}
    return jsonschema_rs.Draft202012Validator({"$ref": _DIALECT}, validate_formats=True, formats=anything)


def _is_any(_: str) -> bool:
    return True


def _reason(error: KeyError) -> str:
    return error.message if isinstance(error, json_pointer.PointerError) else str(error)
