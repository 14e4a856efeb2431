"""What is fuzzed: functions of bytes that may refuse them by our own errors, and may do nothing else but work.

``python -m tests.fuzz TARGET --seconds N`` fuzzes one, guided by coverage; the tests run each on its corpus and on what
is made of it.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.loader import load_description
from arazzo_runner.documents.model import Criterion, ExpressionType
from arazzo_runner.documents.reader import read_document
from arazzo_runner.effects import Request, Response
from arazzo_runner.engine.state import RunState
from arazzo_runner.errors import ArazzoError, ExpressionSyntaxError, InvalidState, JournalError, StepError
from arazzo_runner.expressions import conditions, selectors, templates
from arazzo_runner.expressions.criteria import compile_criterion
from arazzo_runner.expressions.evaluate import PlainMessage, Scope, evaluate
from arazzo_runner.expressions.limits import BudgetExceeded, SelectorError
from arazzo_runner.expressions.syntax import parse
from arazzo_runner.openapi.contract.judge import Contract
from arazzo_runner.openapi.operations import ApiDescription, Operation
from arazzo_runner.openapi.request.parameters import Argument, serialize
from arazzo_runner.runtime.cases.files import read_case
from arazzo_runner.runtime.cassettes.format import read_cassette
from arazzo_runner.runtime.durable.journal import Journal
from arazzo_runner.runtime.durable.records import Vault
from arazzo_runner.runtime.durable.setup import RunSetup
from arazzo_runner.runtime.secrets.redaction import Redactor
from arazzo_runner.runtime.secrets.sealing import Key
from arazzo_runner.runtime.serialization import decode, encode
from arazzo_runner.runtime.temporal.job import Job

Target = Callable[[bytes], None]

_VALUE = {"a": [1, 2.5, None, True, "x", {"b": {"c": "1"}}], "b": {"a": "z", "length": 3}, "": 0, "x y": "ü"}
_EXCHANGE = (
    Request("GET", "https://h.example/a?b=1"),
    Response(200, (("Content-Type", "application/json"),), b"{}"),
)
_XML = "<r xmlns:n='urn:n'><a id='1'>x</a><a id='2'>y</a><n:b>3</n:b></r>"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _scope() -> Scope:
    message = PlainMessage(headers=(("x-a", "1"),), body=_VALUE)
    return Scope(inputs=_VALUE, outputs=_VALUE, steps={"s": _VALUE}, request=message, response=message)


# Documents


def yaml_document(data: bytes) -> None:
    """A document is read and loaded, or refused with a place."""
    try:
        document = read_document(data, "fuzzed.yaml")
        load_description(document)
    except ArazzoError as error:
        str(error)
        return
    document.place("/info/title")


def json_document(data: bytes) -> None:
    """What is JSON is the same read as JSON by the standard library."""
    try:
        document = read_document(data, "fuzzed.json")
    except ArazzoError as error:
        str(error)
        return
    load_description(document)


def openapi_description(data: bytes) -> None:
    """A description is indexed, and each operation is resolved or refused; what is resolved judges exchanges."""

    def nowhere(_: str) -> Any:
        raise FileNotFoundError(2, "there is none")

    try:
        api = ApiDescription("fuzzed", read_document(data, "fuzzed.yaml"), nowhere)
        for found in api.index[:5]:
            operation = api.at(found.pointer)
            if operation is not None:
                exchange = (
                    Request("GET", "https://h.example/a?b=1"),
                    Response(200, (("Content-Type", "application/json"),), b"{}"),
                )
                Contract().judge(operation, *exchange)
    except ArazzoError as error:
        str(error)


# The language


def expression(data: bytes) -> None:
    """What parses prints itself, and what it prints parses to the same; evaluation gives a value or refuses."""
    try:
        node = parse(_text(data))
    except ExpressionSyntaxError:
        return
    assert parse(str(node)) == node
    try:
        evaluate(node, _scope())
    except (StepError, BudgetExceeded, SelectorError):
        return


def template(data: bytes) -> None:
    """Text with expressions in it is compiled, or refused."""
    for compiler in (templates.compile_text, templates.compile_json_text, templates.compile_expression):
        try:
            compiler(_text(data)).resolve(_scope())
        except (ExpressionSyntaxError, StepError, BudgetExceeded, SelectorError):
            continue


def condition(data: bytes) -> None:
    """A simple condition prints itself and is decided."""
    try:
        node, _ = conditions.parse_condition(_text(data))
    except ExpressionSyntaxError:
        return
    printed = str(node)
    assert str(conditions.parse_condition(printed)[0]) == printed


def criterion(data: bytes) -> None:
    """A criterion of each type passes or fails, with a reason, and never raises."""
    kinds = ("simple", "regex", "jsonpath", "xpath")
    context = "$response.body"
    for kind in kinds:
        try:
            compiled = compile_criterion(Criterion(_text(data), ExpressionType(kind), context, ""), templates.DEFAULT)
        except ExpressionSyntaxError:
            continue
        verdict = compiled.check(_scope())
        assert verdict.passed or verdict.detail


def pointer(data: bytes) -> None:
    """A JSON Pointer reaches a value or nothing; what is joined is split again; what is set is then reached."""
    text = _text(data)
    try:
        tokens = json_pointer.split(text)
        assert json_pointer.split(json_pointer.join("", *tokens)) == tokens
        changed = selectors.set_by_pointer(_VALUE, text, "set")
        assert tokens[-1:] == ["-"] or json_pointer.resolve(changed, text) == "set"
        json_pointer.resolve(_VALUE, text)
    except (json_pointer.PointerError, SelectorError):
        return


def jsonpath(data: bytes) -> None:
    """A query of either version selects, or is refused; what it locates can be replaced."""
    for version in ("rfc9535", "draft-goessner-dispatch-jsonpath-00"):
        try:
            query = selectors.jsonpath(_text(data), version)
            query.values(_VALUE)
            selectors.set_by_jsonpath(_VALUE, query, 1)
        except (ExpressionSyntaxError, BudgetExceeded, SelectorError):
            continue


def xpath(data: bytes) -> None:
    """An expression of each version selects from XML, or is refused; what it selects can be set, or is refused."""
    for version in ("xpath-10", "xpath-20", "xpath-31"):
        try:
            query = selectors.xpath(_text(data), version)
            query.select(_XML)
            selectors.set_by_xpath(_XML, query, "set")
        except (ExpressionSyntaxError, BudgetExceeded, SelectorError):
            continue


# Requests


@cache
def _operation() -> Operation:
    parameters = [
        {"name": f"{location}-{style}-{explode}", "in": location, "style": style, "explode": explode, "required": True}
        for location, styles in {
            "path": ("simple", "label", "matrix"),
            "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
            "header": ("simple",),
            "cookie": ("form",),
        }.items()
        for style in styles
        for explode in (False, True)
    ]
    variables = "/".join(f"{{{p['name']}}}" for p in parameters if p["in"] == "path")
    description = {
        "openapi": "3.1.0",
        "paths": {f"/{variables}": {"get": {"operationId": "o", "parameters": parameters}}},
    }
    found = ApiDescription("api", read_document(json.dumps(description), "api.json"), open).find("o")  # type: ignore[arg-type]
    assert found is not None
    return found


def serialisation(data: bytes) -> None:
    """Any value is laid out, or refused; it never adds a header, a segment or a space to the request."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = _text(data)
    operation = _operation()
    arguments = [Argument(spec.name, spec.location, value) for spec in operation.parameters]
    try:
        target = serialize(operation, arguments)
    except StepError:
        return
    assert target.path.count("/") == 6
    for part in (target.path, target.query):
        assert part.isascii()
        assert not set(part) & set(" \r\n#?") - ({"?"} if part is target.query else set())
    for name, text in target.headers:
        assert not set(name + text) & set("\r\n\0")


# What was kept


def cassette(data: bytes) -> None:
    """A cassette or a case is read, or refused; and it is masked the same when it is masked again."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "workflow", "case.yaml")
        path.parent.mkdir()
        path.write_bytes(data)
        try:
            read_case(path)
            interactions = read_cassette(path).interactions
        except ArazzoError as error:
            str(error)
            return
    redactor = Redactor()
    for interaction in interactions:
        redactor.learn_request(interaction.request)
        redactor.learn_response(interaction.response)
        masked = redactor.response(interaction.response)
        assert redactor.response(masked) == masked


def kept_text(data: bytes) -> None:
    """A state, a setup, a job and an event are read, or refused as of another release."""
    text = _text(data)
    for reader in (RunState.from_json, RunSetup.from_json, Job.from_json, decode):
        try:
            value = reader(text)
        except (InvalidState, JournalError):
            continue
        if reader is decode:
            assert decode(encode(value)) == value


def sealed_record(data: bytes) -> None:
    """A record that was not sealed by us is refused."""
    try:
        Vault(Key(b"k" * 32).sealer("run")).open(data, "state 1")
    except JournalError:
        return
    raise AssertionError("a record that nobody sealed was opened")


def journal(data: bytes) -> None:
    """A journal whose file was changed gives what it holds, or says that it is damaged."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "journal.db")
        changed = bytearray(_journal_file())
        for index in range(0, len(data) - 3, 4):
            changed[int.from_bytes(data[index : index + 3]) % len(changed)] = data[index + 3]
        path.write_bytes(changed)
        try:
            with Journal(path) as opened:
                for run in opened.runs():
                    opened.setup(run.id)
                    list(opened.turns(run.id))
        except ArazzoError as error:
            str(error)


@cache
def _journal_file() -> bytes:
    from arazzo_runner.runtime.durable.leases import Holder
    from arazzo_runner.runtime.durable.rows import NewRun

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "journal.db")
        with Journal(path) as made:
            made.add([NewRun(f"run{n}", "w", "d.yaml", b"setup", []) for n in range(5)], [], Holder.this_process())
        database = sqlite3.connect(path)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        return path.read_bytes()


TARGETS: Mapping[str, Target] = {
    target.__name__: target
    for target in (
        yaml_document, json_document, openapi_description, expression, template, condition, criterion, pointer,
        jsonpath, xpath, serialisation, cassette, kept_text, sealed_record, journal,
    )
}  # fmt: skip
