"""Our own conformance cases: how they are read, planned and answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents.reader import read_document
from arazzo_runner.documents.sources import Library
from arazzo_runner.effects import Answer, Answered, Failed, Response
from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.engine.planning.planner import make_plan
from arazzo_runner.openapi.auth.credentials import Credentials, parse_credential
from arazzo_runner.openapi.request.servers import ServerOptions
from tests.support.repository import ROOT

CASES = ROOT / "tests" / "conformance" / "cases"


def own_cases(*, messages: bool = False) -> list[Any]:
    """The cases; those that exchange messages, too, where a broker answers."""
    return [
        pytest.param(case, id=case["id"])
        for path in sorted(CASES.glob("*.yaml"))
        if path.name not in ("api.yaml", "events.yaml")
        for case in read_document(path.read_bytes(), path.name).data
        if messages or "messages" not in case
    ]


def document(case: dict[str, Any]) -> dict[str, Any]:
    workflows = {"main": case["workflow"], **case.get("more", {})}
    sources = [{"name": "api", "url": "api.yaml", "type": "openapi"}]
    if "messages" in case:
        sources.append({"name": "events", "url": "events.yaml", "type": "asyncapi"})
    return {
        "arazzo": case.get("arazzo", "1.1.0" if "messages" in case else "1.0.1"),
        "info": {"title": case["id"], "version": "1.0.0"},
        "sourceDescriptions": sources,
        "workflows": [{"workflowId": name, **workflow} for name, workflow in workflows.items()],
    }


def events(case: dict[str, Any]) -> Any:
    """The AsyncAPI description of a case: the common one, with what the case replaces."""
    common = read_document((CASES / "events.yaml").read_bytes(), "events.yaml").data
    return _replaced(common, case.get("events", {}))


def _replaced(under: Any, above: Any) -> Any:
    """One value laid over another, member by member; null takes a member out, ``$replace`` replaces the whole."""
    if isinstance(above, dict) and "$replace" in above:
        return above["$replace"]
    if not isinstance(under, dict) or not isinstance(above, dict):
        return above
    made = {**under, **{key: _replaced(under.get(key), value) for key, value in above.items()}}
    return {key: value for key, value in made.items() if above.get(key, value) is not None or key not in above}


def plan_of(case: dict[str, Any], *, tls: bool = True) -> Plan:
    api = (CASES / "api.yaml").read_text("utf-8")
    texts = {"case.yaml": json.dumps(document(case)), "api.yaml": api if tls else api.replace("https://", "http://")}
    if "messages" in case:
        texts["events.yaml"] = json.dumps(events(case))
    library = Library(fetch=lambda url: texts[url.rpartition("/")[2]].encode())
    options = dict(case.get("options", {}))
    server = options.pop("server", None)
    servers = ServerOptions({"": server} if server else {}, options.pop("server_variables", {}))
    given = {scheme: parse_credential(text) for scheme, text in options.pop("credentials", {}).items()}
    entry = library.entry("https://cases.example/case.yaml")
    return make_plan(
        Linker(library), entry, "main", RunOptions(servers=servers, credentials=Credentials(given), **options)
    )


def answer_to(case: dict[str, Any], number: int, now: float) -> Answer:
    given = case.get("answers", [{"status": 200}])
    answer = given[min(number, len(given) - 1)]
    if "failure" in answer:
        return Failed(answer["failure"], "no answer", at=now)
    headers = tuple((name, value) for name, value in answer.get("headers", ()))
    if "json" in answer:
        headers = (*headers, ("Content-Type", "application/json"))
        return Answered(Response(answer["status"], headers, json.dumps(answer["json"]).encode()), at=now)
    return Answered(Response(answer["status"], headers, answer.get("text", "").encode()), at=now)
