"""Every public workflow is planned and its first request made; those refused are kept, each with its own fault."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner.documents.input_bundles import bundle_inputs
from arazzo_runner.documents.input_schemas import inputs_of
from tests.conftest import Arazzo, Result
from tests.support.published import PublishedWorkflow, needs_corpus, workflows
from tests.support.sample_inputs import sample_inputs

REFUSED: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("refused.json").read_text("utf-8"))
PUBLISHERS = sorted({found.publisher for found in workflows()})

_PROBLEM = re.compile(
    r"^  \S.*?:\d+:\d+: "
    r"(?:the operation (?P<operation>\S+) requires|(?P<expression>\$\S+) never|[^']*'(?P<name>[^']+)')"
    r".* \[(?P<rule>[a-z-]+)\]\n    in workflow (?P<workflow>[^\s,]+)(?:, step (?P<step>\S+))?$",
    re.MULTILINE,
)
_SOURCE = re.compile(r"--source (\S+?)(?:; or .*)?$", re.MULTILINE)
_SERVER = re.compile(r"--server (\S+)=https://…")

pytestmark = [needs_corpus, pytest.mark.slow]


def of(publisher: str) -> Iterator[PublishedWorkflow]:
    return (found for found in workflows() if found.publisher == publisher)


def dry_run(arazzo: Arazzo, found: PublishedWorkflow, *more: str, required_only: bool = False) -> Result:
    description = found.published.description()
    only = inputs_of(description, found.workflow).required if required_only else None
    schema = bundle_inputs(description, found.workflow) if found.workflow.inputs is not None else None
    inputs = json.dumps(sample_inputs(schema, only=only))
    return arazzo("run", *found.words(), "--dry-run", "--input", inputs, *more)


def problems(result: Result) -> list[str]:
    """What the command says is wrong: the step that cannot be carried out, the rule, and the name that it is about."""
    return [
        f"{match['step'] or match['workflow']}: {match['rule']} "
        f"{match['name'] or match['operation'] or match['expression']}"
        for match in _PROBLEM.finditer(result.err)
    ]


@pytest.mark.parametrize("publisher", PUBLISHERS)
def test_every_workflow_is_planned_but_those_kept(arazzo: Arazzo, publisher: str) -> None:
    refused = {}
    for found in of(publisher):
        result = dry_run(arazzo, found)
        if result.status == 2:
            refused[found.label] = problems(result)
            assert refused[found.label], result.err
    assert refused == {label: kept["problems"] for label, kept in REFUSED.items() if label.startswith(f"{publisher}/")}


@pytest.mark.parametrize("publisher", PUBLISHERS)
def test_the_first_request_of_every_planned_workflow_is_made(arazzo: Arazzo, publisher: str) -> None:
    for found in of(publisher):
        if found.label not in REFUSED:
            result = dry_run(arazzo, found)
            if server := _SERVER.search(result.err):
                # Its description has no server, or a relative one; the error says what to type (H2).
                assert result.status == 1
                result = dry_run(arazzo, found, "--server", f"{server[1]}=https://api.example")
            assert result.status == 0, (found.label, result.err)
            assert re.search(r"^first request: [A-Z]+ https://\S+$", result.out, re.MULTILINE), found.label


@pytest.mark.parametrize("publisher", PUBLISHERS)
def test_required_inputs_are_enough_for_a_plan(arazzo: Arazzo, publisher: str) -> None:
    for found in of(publisher):
        if found.label not in REFUSED:
            result = dry_run(arazzo, found, "--server", "https://api.example", required_only=True)
            unsent = "no value" in result.err
            assert result.status == (1 if unsent else 0), (found.label, result.err)


@pytest.mark.parametrize("publisher", PUBLISHERS)
def test_typing_what_auth_says_lets_every_step_in(arazzo: Arazzo, publisher: str) -> None:
    for found in of(publisher):
        if found.label in REFUSED:
            continue
        asked = arazzo("auth", *found.words(), "--json")
        schemes = [s for step in json.loads(asked.out)["steps"] for entry in step["alternatives"] for s in entry]
        typed = {s["scheme"]: shlex.split(s["options"][0]) for s in schemes if s["standing"] == "missing"}
        given = arazzo("auth", *found.words(), *(word for words in typed.values() for word in words), "--json")
        left = [step for step in json.loads(given.out)["steps"] if not step["satisfied"]]
        undefined = {scheme["scheme"] for scheme in schemes if scheme["standing"] == "undefined"}
        assert all(s["scheme"] in undefined for step in left for entry in step["alternatives"] for s in entry)
        assert given.status == (1 if left else 0), found.label


def typed_until_it_is_planned(arazzo: Arazzo, found: PublishedWorkflow, words: list[str]) -> tuple[Result, int]:
    """Type every ``--source`` that an error gives, as long as it gives new ones; how it ends, and after how many."""
    typed: dict[str, str] = {}
    for rounds in range(10):
        more = [word for name, path in typed.items() for word in ("--source", f"{name}={path}")]
        result = arazzo("auth", *words, *more)
        given = (shlex.split(match[1])[0].partition("=") for match in _SOURCE.finditer(result.err))
        new = {name: path for name, _, path in given if typed.get(name) != path and path != "PATH"}
        if result.status != 2 or not new:
            return result, rounds
        typed |= new
    return result, rounds


@pytest.mark.parametrize("publisher", PUBLISHERS)
def test_typing_what_a_missing_source_says_mends_it(arazzo: Arazzo, publisher: str) -> None:
    for found in of(publisher):
        if found.label not in REFUSED:
            words = [str(found.published.file), found.workflow.workflow_id]
            result, rounds = typed_until_it_is_planned(arazzo, found, words)
            assert (result.status != 2, rounds <= 1) == (True, True), (found.label, result.err)


@pytest.mark.parametrize("label", REFUSED)
def test_typing_what_an_unknown_operation_says_mends_what_was_only_moved(arazzo: Arazzo, label: str) -> None:
    found = next(found for found in workflows() if found.label == label)
    result, _ = typed_until_it_is_planned(arazzo, found, found.words())
    assert (result.status != 2) is (REFUSED[label].get("moved", False)), result.err


def test_every_refused_workflow_is_kept_with_its_own_fault() -> None:
    assert all(kept["why"] for kept in REFUSED.values())


def test_the_whole_corpus_is_there() -> None:
    assert len(workflows()) == 258
