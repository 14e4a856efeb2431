"""The independent cases of whole workflows: documents, inputs and answers to requests, waits, ends and outputs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents.sources import Library
from arazzo_runner.effects import Answer, Answered, Response, Send, Sleep, Woke
from arazzo_runner.engine.events import AttemptFinished, Event, Outcome
from arazzo_runner.engine.flow import Turn, advance, start
from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.engine.planning.planner import make_plan
from arazzo_runner.errors import ArazzoError
from tests.support.independent_cases import agrees, cases

BASE = "https://documents.example/"


@dataclass(frozen=True)
class Observed:
    outcome: Outcome | None
    requests: list[str]
    sleeps: list[float]
    steps: list[str]


def plan_of(case: dict[str, Any]) -> Plan:
    documents = {urljoin(BASE, name): text for name, text in case["documents"].items()}

    def fetch(url: str) -> bytes:
        if url not in documents:
            raise OSError("404 Not Found")
        return str(documents[url]).encode()

    library = Library(fetch=fetch)
    limit = (case["limits"] or {}).get("max_step_attempts", 200)
    options = RunOptions(poll_interval=0, max_steps=limit)
    return make_plan(Linker(library), library.entry(urljoin(BASE, case["entry"])), case["workflowId"], options)


def answer_of(case: dict[str, Any], number: int) -> Answer:
    given = case["responses"][min(number, len(case["responses"]) - 1)]
    headers = tuple((name, str(value)) for name, value in (given.get("headers") or {}).items())
    body = given.get("body")
    if body is not None and not isinstance(body, str):
        body = json.dumps(body)
        headers = (*headers, ("Content-Type", "application/json"))
    return Answered(Response(given["status"], headers, (body or "").encode()), at=0.0)


def observe(case: dict[str, Any]) -> Observed:
    requests: list[str] = []
    sleeps: list[float] = []
    try:
        plan = plan_of(case)
        turn: Turn = start(plan, case["inputs"] or {}, at=0.0)
    except ArazzoError:
        return Observed(None, [], [], [])
    events: list[Event] = list(turn.events)
    while turn.outcome is None:
        answer: Answer = Woke(at=0.0)
        if isinstance(turn.effect, Send):
            answer = answer_of(case, len(requests))
            parts = urlsplit(turn.effect.request.url)
            query = f"?{parts.query}" if parts.query else ""
            requests.append(f"{turn.effect.request.method} {parts.path}{query}")
        elif isinstance(turn.effect, Sleep):
            sleeps.append(turn.effect.seconds)
        turn = advance(plan, turn.state, answer)
        events += turn.events
    attempts = [event.attempt for event in events if isinstance(event, AttemptFinished)]
    own = [a.step_id for a in attempts if a.depth == 0 and a.workflow_id == case["workflowId"]]
    return Observed(turn.outcome, requests, sleeps, list(dict.fromkeys(own)))


def ended_as(expected: dict[str, Any], outcome: Outcome | None) -> bool:
    """Whether a run ended as expected. «Ended» says that an end action did it: after a failure F3 calls that failed."""
    if expected["terminal"] == "error":
        return outcome is None or outcome.status == "failed"
    if outcome is None:
        return False
    if expected["terminal"] == "ended" and outcome.reason is not None:
        return outcome.reason.code == "ended-by-failure-action"
    wanted = "failed" if expected.get("settled", expected["terminal"]) == "failed" else "succeeded"
    return outcome.status == wanted


@pytest.mark.parametrize("case", cases("workflow-semantics"))
def test_a_workflow_does_what_it_should(case: dict[str, Any]) -> None:
    expected, observed = case["expect"], observe(case)
    wrong = [] if ended_as(expected, observed.outcome) else [f"ended as {observed.outcome}"]
    if expected["terminal"] != "error":
        outputs = dict(observed.outcome.outputs) if observed.outcome else {}
        given = {name: value for name, value in outputs.items() if value is not None}
        seen = {"requests": observed.requests, "sleeps": observed.sleeps, "steps": observed.steps, "outputs": given}
        wrong += [
            f"{name}: expected {expected[name]}, got {seen[name]}"
            for name in seen
            if expected.get(name) is not None and expected[name] != seen[name]
        ]
    agrees(case, same=not wrong, detail="; ".join(wrong))
