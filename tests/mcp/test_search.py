"""A thousand workflows: found by words of their summaries, and listed without being planned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner.runtime.run.workbook import Workbook
from arazzo_runner.serving.catalogue import Catalogue
from arazzo_runner.serving.offers import Terms
from arazzo_runner.serving.summary_index import SummaryIndex, words_of
from tests.support.mcp_servers import catalogue_of, client_of, run, served
from tests.support.notes import step, write_notes

ACTIONS = (
    "create", "delete", "list", "renew", "cancel", "archive", "export", "import", "approve", "reject",
    "assign", "merge", "split", "lock", "unlock", "publish", "translate", "sign", "audit", "refund",
)  # fmt: skip
THINGS = (
    "invoice", "customer", "subscription", "ticket", "warehouse", "shipment", "contract", "employee", "payment",
    "campaign", "vehicle", "flight", "booking", "patient", "recipe", "camera", "server", "domain", "mailbox",
    "certificate", "project", "sprint", "forecast", "survey", "coupon", "auction", "lecture", "library", "parcel",
    "permit", "engine", "turbine", "orchard", "vineyard", "museum", "theatre", "stadium", "marathon", "playlist",
    "podcast", "satellite", "telescope", "laboratory", "vaccine", "insurance", "mortgage", "passport", "visa",
    "festival", "bicycle",
)  # fmt: skip


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """A catalogue of a thousand workflows of one document."""
    workflows: dict[str, dict[str, Any]] = {
        f"w{number}": {
            "summary": f"{action.capitalize()} the {thing} of an account.",
            "description": f"Works on one {thing}.",
            "steps": [step("s", "getNote")],
        }
        for number, (action, thing) in enumerate((action, thing) for thing in THINGS for action in ACTIONS)
    }
    assert len(workflows) == 1000
    return catalogue_of([write_notes(tmp_path_factory.mktemp("many"), "http://127.0.0.1:9", workflows)])


def test_a_workflow_is_found_by_the_words_of_its_summary(thousand: Catalogue) -> None:
    for number in range(0, 1000, 7):
        action, thing = ACTIONS[number % 20], THINGS[number // 20]
        found = thousand.find(f"please {action} my {thing}", 3)
        assert found[0].name == f"w{number}", (action, thing, [offer.title for offer in found])


@pytest.mark.parametrize(
    "words", ["renewing subscriptions", "RENEW Subscription", "renew subscripton", "renew subscri"]
)
def test_other_forms_of_the_words_find_it_too(words: str, thousand: Catalogue) -> None:
    wanted = f"w{THINGS.index('subscription') * 20 + ACTIONS.index('renew')}"
    assert thousand.find(words, 5)[0].name == wanted


def test_words_that_nothing_has_find_nothing(thousand: Catalogue) -> None:
    assert thousand.find("qqqqqqqq zzzzzzzzz", 5) == []


def test_the_generic_tools_find_describe_and_run_the_right_one(thousand: Catalogue, tmp_path: Path) -> None:
    server = served(thousand, tmp_path).server

    async def asked() -> None:
        async with client_of(server) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names[:3] == ["find_workflow", "describe_workflow", "run_workflow"]
            assert len(names) == 7
            found = await client.call_tool("find_workflow", {"query": "approve a vineyard", "limit": 2})
            first = found.structured_content["workflows"][0]
            assert first["title"] == "Approve the vineyard of an account."
            described = await client.call_tool("describe_workflow", {"name": first["name"]})
            assert described.structured_content["annotations"]["readOnlyHint"] is True
            assert "GET /note" in described.structured_content["description"]
            ran = await client.call_tool("run_workflow", {"name": first["name"], "inputs": {}})
            assert ran.structured_content["code"] == "transport"
            assert ran.structured_content["workflowId"] == first["workflowId"]
            unknown = await client.call_tool("run_workflow", {"name": "nothing"})
            assert unknown.is_error
            assert unknown.structured_content["code"] == "unknown-workflow"

    run(asked)


def test_a_workflow_that_is_found_and_cannot_be_run_says_why(tmp_path: Path) -> None:
    workflows = {f"w{n}": {"summary": f"Number {n}.", "steps": [step("s", "noSuchOperation")]} for n in range(3)}
    catalogue = catalogue_of([write_notes(tmp_path, "http://127.0.0.1:9", workflows)], Terms(tools=2))
    server = served(catalogue, tmp_path).server

    async def asked() -> None:
        async with client_of(server) as client:
            for tool in ("describe_workflow", "run_workflow"):
                answer = await client.call_tool(tool, {"name": "w1"})
                assert answer.is_error
                assert answer.structured_content["code"] == "plan"
                assert "noSuchOperation" in answer.structured_content["reason"]

    run(asked)


def test_listing_plans_nothing_and_makes_the_list_once(thousand: Catalogue, tmp_path: Path) -> None:
    server = served(thousand, tmp_path).server
    planned = [name for name, offer in thousand.offers.items() if "plan" in vars(offer)]

    async def listed() -> None:
        async with client_of(server) as client:
            for _ in range(5):
                await client.list_tools(cache_mode="bypass")

    run(listed)
    assert server.listings == 1
    assert [name for name, offer in thousand.offers.items() if "plan" in vars(offer)] == planned


def test_listing_a_thousand_tools_makes_each_of_them_once(
    thousand: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``--tools 1000``: what costs time is planning, and that happens once."""
    from msgspec.structs import replace

    made: list[str] = []
    plan = Workbook.plan

    def counted(self: Workbook, name: str, *more: Any) -> Any:
        made.append(name)
        return plan(self, name, *more)

    monkeypatch.setattr(Workbook, "plan", counted)
    offers = list(thousand.offers.values())[:60]
    workflows = [(offer.workbook, offer.workflow) for offer in offers]
    catalogue = Catalogue(workflows, replace(thousand.terms, tools=60), offers[0].grounds)
    server = served(catalogue, tmp_path).server
    assert len(server.tools) == 64
    assert json.dumps([tool.name for tool in server.tools]) == json.dumps([tool.name for tool in server.tools])
    assert len(made) == 60
    assert server.listings == 1


def test_a_question_looks_only_at_the_workflows_that_have_its_words(thousand: Catalogue) -> None:
    index = SummaryIndex({offer.name: [(offer.title, 1.0)] for offer in thousand.offers.values()})
    index.find("renew certificate", 5)
    assert index.visited == len(THINGS) + len(ACTIONS)


def test_words_are_taken_apart() -> None:
    assert words_of("deployInferenceEndpoint") == words_of("deploy an inference-endpoint")
    assert words_of("the of") == []
