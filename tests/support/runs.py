"""Runs for reports to listen to: the conformance cases, and one that is hostile in every text that it brings."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from arazzo_runner.effects import Answered, Failed, Response, Send
from arazzo_runner.engine.plan import Plan
from arazzo_runner.runtime.drivers import Listener
from arazzo_runner.runtime.run.session import RunResult, Session
from tests.support.own_cases import answer_to, plan_of
from tests.support.worlds import AnswerFor, ListWorld

Case = dict[str, Any]

SCRIPT = "</script></style></textarea></title><script>document.title = 'owned'</script><img src=x onerror=alert(1)>"
HOSTILE = f"'\"`&amp;{{{{7*7}}}}{SCRIPT}\u202e]]>\x00\x1b[31m\ud800"
SECRET = "sk_live_0123456789abcdef"


def run(case: Case, *listeners: Listener, answer: AnswerFor | None = None, plan: Plan | None = None) -> RunResult:
    """Run a case to its end, as the command line would, with a clock that only waits and answers move."""

    def from_case(number: int, effect: Send, now: float) -> Answered | Failed:
        given = answer_to(case, number, now)
        assert isinstance(given, Answered | Failed)
        return replace(given, duration=0.25)

    return Session(plan or plan_of(case), case.get("inputs", {}), listeners).run(ListWorld(answer or from_case))


def polling(times: int) -> Case:
    """A workflow that creates, polls ``times`` times, meets a failure that it retries, and calls another at its end."""
    pending = [{"status": 200, "json": {"state": "pending", "turn": turn}} for turn in range(times - 1)]
    return {
        "id": "polling",
        "inputs": {"name": "gpt2", "apiToken": SECRET},
        "answers": [
            {"status": 503, "headers": [["Retry-After", "2"]]},
            {"status": 201, "json": {"id": "a b"}},
            *pending,
            {"status": 200, "json": {"state": "running", "echo": SECRET}},
            {"status": 204},
        ],
        "workflow": {
            "summary": "Create an item and wait until it runs.",
            "inputs": {"type": "object", "properties": {"name": {"type": "string"}, "apiToken": {"type": "string"}}},
            "steps": [
                {
                    "stepId": "create",
                    "operationId": "createItem",
                    "parameters": [{"name": "Authorization", "in": "header", "value": "Bearer $inputs.apiToken"}],
                    "requestBody": {"payload": {"name": "$inputs.name"}},
                    "successCriteria": [{"condition": "$statusCode == 201"}],
                    "onFailure": [{"name": "busy", "type": "retry", "retryLimit": 3, "retryAfter": 1}],
                    "outputs": {"id": "$response.body#/id"},
                },
                {
                    "stepId": "poll",
                    "operationId": "getItem",
                    "parameters": [{"name": "id", "in": "path", "value": "$steps.create.outputs.id"}],
                    "successCriteria": [
                        {"condition": "$statusCode == 200"},
                        {"condition": "$.state != 'broken'", "context": "$response.body", "type": "jsonpath"},
                    ],
                    "onSuccess": [
                        {
                            "name": "stillPending",
                            "type": "goto",
                            "stepId": "poll",
                            "criteria": [{"condition": "$response.body#/state == 'pending'"}],
                        }
                    ],
                    "outputs": {"state": "$response.body#/state"},
                },
                {"stepId": "cleanUp", "workflowId": "clean-up"},
            ],
            "outputs": {"state": "$steps.poll.outputs.state", "id": "$steps.create.outputs.id"},
        },
        "more": {
            "clean-up": {
                "steps": [
                    {
                        "stepId": "delete",
                        "operationId": "items.delete",
                        "parameters": [{"name": "id", "in": "path", "value": "old"}],
                    }
                ]
            }
        },
    }


def failing() -> Case:
    """A workflow whose second step fails for good, a warning on the way."""
    return {
        "id": "failing",
        "answers": [{"status": 200, "json": {"items": []}}, {"status": 404, "json": {"error": "no such item"}}],
        "workflow": {
            "steps": [
                {
                    "stepId": "list",
                    "operationId": "listItems",
                    "onSuccess": [
                        {
                            "name": "several",
                            "type": "goto",
                            "stepId": "last",
                            "criteria": [{"condition": "$response.body#/items/0 == 1"}],
                        }
                    ],
                },
                {
                    "stepId": "get",
                    "operationId": "getItem",
                    "parameters": [{"name": "id", "in": "path", "value": "x"}],
                    "successCriteria": [{"condition": "$statusCode == 200"}, {"condition": "$statusCode < 400"}],
                },
                {"stepId": "last", "operationId": "listItems"},
            ],
        },
    }


def hostile() -> Case:
    """A workflow whose ids, values and answers all try to be markup."""
    return {
        "id": "hostile",
        "inputs": {"evil": SCRIPT},
        "workflow": {
            "summary": SCRIPT,
            "inputs": {"type": "object", "properties": {"evil": {"type": "string"}}},
            "steps": [
                {
                    "stepId": f"step{SCRIPT}",
                    "operationId": "getItem",
                    "parameters": [
                        {"name": "id", "in": "path", "value": "$inputs.evil"},
                        {"name": "X-Evil", "in": "header", "value": "$inputs.evil"},
                    ],
                    "outputs": {"out": "$response.body"},
                    "onSuccess": [{"name": f"go{SCRIPT}", "type": "end"}],
                }
            ],
            "outputs": {"all": "$inputs.evil"},
        },
    }


def hostile_answer(_: int, __: Send, now: float) -> Answered:
    """A page with a script, served as one."""
    headers = (("Content-Type", "text/html"), ("X-Evil", HOSTILE), ("Set-Cookie", f"a={HOSTILE}"))
    return Answered(Response(200, headers, HOSTILE.encode("utf-8", "replace")), at=now, duration=0.1)


def json_answer(data: Any) -> AnswerFor:
    """Always the same JSON, written with escapes only."""

    def answer(_: int, __: Send, now: float) -> Answered:
        body = json.dumps(data).encode("ascii")
        return Answered(Response(200, (("Content-Type", "application/json"),), body), at=now, duration=0.1)

    return answer
