"""Public workflows run to their ends against Prism, a mock of their descriptions that validates what it receives.

``mocked_runs.json`` keeps how each ends, by the descriptions that it uses. What a mock answers is an example or made
from a schema, so some workflows end by their own criteria, and the table says why. Where Prism does not accept a
request, the table shows the description's or the document's own fault.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner.documents.input_bundles import bundle_inputs
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.planning.planner import make_plan
from tests.conftest import Arazzo
from tests.servers.prism import Prism, Violation, needs_prism, violations
from tests.support.published import CORPUS, Memory, PublishedWorkflow, needs_corpus, workflows
from tests.support.sample_inputs import sample_inputs

REFUSED: dict[str, Any] = json.loads(Path(__file__).with_name("refused.json").read_text("utf-8"))
RUNS: dict[str, dict[str, dict[str, Any]]] = json.loads(Path(__file__).with_name("mocked_runs.json").read_text("utf-8"))
MOST_STEPS = 40

pytestmark = [needs_corpus, needs_prism, pytest.mark.slow, pytest.mark.network]


@cache
def by_label() -> Mapping[str, PublishedWorkflow]:
    return {found.label: found for found in workflows()}


@cache
def memory() -> Memory:
    return Memory()


def planned(found: PublishedWorkflow) -> Plan:
    return make_plan(found.published.linker(memory()), found.published.document, found.workflow.workflow_id)


def sources_of(plan: Plan) -> dict[str, str]:
    """The description of each source that the steps' operations are in, from the corpus."""
    steps = (step for workflow in plan.workflows.values() for step in workflow.steps)
    return {
        step.server_source: Path(step.operation.api.document.path).relative_to(CORPUS).as_posix()
        for step in steps
        if step.operation is not None
    }


def credentials(plan: Plan) -> Iterator[str]:
    """Something of the right form for each security scheme that the steps' operations ask for."""
    asked: dict[str, Mapping[str, Any]] = {}
    for workflow in plan.workflows.values():
        for operation in (step.operation for step in workflow.steps if step.operation is not None):
            names = {name for alternative in operation.security for name in alternative}
            asked |= {name: operation.schemes[name].definition for name in names & operation.schemes.keys()}
    for name, definition in asked.items():
        yield from ("--auth", f"{name}={'ann:a-password' if definition.get('scheme') == 'basic' else 'a-token'}")


def run(arazzo: Arazzo, found: PublishedWorkflow, mocks: Mapping[str, Prism], inputs: Mapping[str, Any]) -> Any:
    """The report of a run against the mocks."""
    plan = planned(found)
    servers = [("--server", f"{source}={mocks[path].url}") for source, path in sources_of(plan).items()]
    schema = bundle_inputs(found.published.description(), found.workflow) if found.workflow.inputs else None
    given = json.dumps(sample_inputs(schema) | dict(inputs))
    limits = ["--max-steps", str(MOST_STEPS), "--poll-interval", "0", "--max-retry-after", "0", "--json", "--quiet"]
    words = [*found.words(), "--input", given, *(word for pair in servers for word in pair), *credentials(plan)]
    result = arazzo("run", *words, *limits)
    report = json.loads(result.out)
    assert result.status == (0 if report["status"] == "succeeded" else 1)
    return report


def ended(report: Any) -> dict[str, Any]:
    """How a run ended, as the table keeps it."""
    reason = report["reason"]
    how = {"status": report["status"], "requests": sum(1 for step in report["steps"] if step["request"])}
    return how if reason is None else how | {"code": reason["code"], "step": reason["stepId"]}


def not_accepted(report: Any) -> list[str]:
    """What Prism found wrong with the requests of a run, each once."""
    found: list[Violation] = []
    for step in report["steps"]:
        if response := step["response"]:
            found += violations(response["status"], response["headers"], response["body"])
    return list(dict.fromkeys(f"{violation.where} [{violation.code}]" for violation in found))


@pytest.mark.parametrize("descriptions", RUNS)
def test_every_workflow_of_a_description_ends_as_kept(arazzo: Arazzo, tmp_path: Path, descriptions: str) -> None:
    with ExitStack() as stack:
        mocks = {
            path: stack.enter_context(Prism(CORPUS / path, tmp_path / f"{number}.log"))
            for number, path in enumerate(descriptions.split(" + "))
        }
        ends, faults = {}, {}
        for label, kept in RUNS[descriptions].items():
            report = run(arazzo, by_label()[label], mocks, kept.get("inputs", {}))
            ends[label], faults[label] = ended(report), not_accepted(report)
    table = RUNS[descriptions].items()
    assert ends == {label: {key: kept[key] for key in ends[label] if key in kept} for label, kept in table}
    assert faults == {label: list(kept.get("faults", {})) for label, kept in table}


def test_no_workflow_of_these_descriptions_is_left_out() -> None:
    mocked = {path for descriptions in RUNS for path in descriptions.split(" + ")}
    expected: dict[str, set[str]] = {}
    for found in workflows():
        if found.label not in REFUSED and (paths := set(sources_of(planned(found)).values())) <= mocked:
            expected.setdefault(" + ".join(sorted(paths)), set()).add(found.label)
    assert {descriptions: set(kept) for descriptions, kept in RUNS.items()} == expected


def test_the_sample_is_wide() -> None:
    ends = {label: kept for runs in RUNS.values() for label, kept in runs.items()}
    assert len({label.partition("/")[0] for label in ends}) >= 12
    assert sum(1 for kept in ends.values() if kept["status"] == "succeeded") >= 100


def test_every_failure_and_every_fault_says_why() -> None:
    ends = [kept for runs in RUNS.values() for kept in runs.values()]
    assert all(kept["why"] for kept in ends if kept["status"] != "succeeded")
    assert all(all(kept.get("faults", {}).values()) for kept in ends)
