"""Resources: workflows as documents and diagrams, and reports of runs, cut to their size."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import quote, unquote

from mcp_types import Resource, ResourceTemplate, TextResourceContents

from arazzo_runner.mcp.answers import MARK, plain_json
from arazzo_runner.mcp.tool_calls import ToolCalls
from arazzo_runner.reports.jsonreport import JsonReport, UnfinishedRun
from arazzo_runner.reports.mermaid import mermaid
from arazzo_runner.secrecy import CUT, without_credentials
from arazzo_runner.serving.catalogue import Catalogue
from arazzo_runner.serving.offers import Offer
from arazzo_runner.serving.refusals import CallRefused

WORKFLOWS, RUNS = "arazzo://workflows/", "arazzo://runs/"
PAGE = 100
"""Resources in one page of a list."""
TEMPLATES = (
    ResourceTemplate(
        uri_template=f"{WORKFLOWS}{{id}}",
        name="workflow",
        title="A workflow",
        description="The document of a workflow, and its flow as a Mermaid diagram.",
    ),
    ResourceTemplate(
        uri_template=f"{RUNS}{{id}}",
        name="run",
        title="A run",
        description="The report of a run: each attempt with request and answer, secrets masked.",
        mime_type="application/json",
    ),
)


def workflow_resources(catalogue: Catalogue, start: int) -> tuple[list[Resource], int | None]:
    """Return a page of the workflows, and where the next one starts."""
    offers = list(catalogue.offers.values())
    page = [
        Resource(uri=f"{WORKFLOWS}{quote(offer.name, safe='')}", name=offer.name, title=offer.title)
        for offer in offers[start : start + PAGE]
    ]
    return page, start + PAGE if start + PAGE < len(offers) else None


def read(uri: str, catalogue: Catalogue, calls: ToolCalls) -> list[TextResourceContents]:
    """Return what is at a URI.

    Raises:
        CallRefused: nothing is.
    """
    if uri.startswith(WORKFLOWS):
        return _workflow(uri, catalogue.offer(unquote(uri.removeprefix(WORKFLOWS))), catalogue.terms.max_output)
    if uri.startswith(RUNS):
        return [_run(uri, unquote(uri.removeprefix(RUNS)), calls, catalogue.terms.max_output)]
    raise CallRefused("unknown-resource", "there is no such resource", hint=f"{WORKFLOWS}NAME or {RUNS}ID")


def _workflow(uri: str, offer: Offer, limit: int) -> list[TextResourceContents]:
    description = offer.workbook.description
    kind = "application/json" if description.document.text.lstrip().startswith("{") else "application/yaml"
    text = without_credentials(description.document.text)
    text = text if len(text) <= limit else f"{text[:limit]}{CUT}"
    diagram = mermaid(description, offer.workflow)
    diagram = diagram if len(diagram) <= limit else "flowchart TD\n  large[too large to be shown]\n"
    return [
        TextResourceContents(uri=uri, mime_type=kind, text=plain_json(text)),
        TextResourceContents(uri=f"{uri}#mermaid", mime_type="text/vnd.mermaid", text=plain_json(diagram)),
    ]


def _run(uri: str, run_id: str, calls: ToolCalls, limit: int) -> TextResourceContents:
    handle = calls.handle(run_id)
    run = handle.summary
    stream = io.StringIO()
    message = "the run was cancelled" if run.status == "cancelled" else "await_run waits for it"
    status = "failed" if run.status == "cancelled" else run.status
    standing = UnfinishedRun(
        run.workflow_id, status, run.reason, message, run.step_id, run.updated_at or run.started_at
    )
    with JsonReport(run.document, run.id) as report:
        for event in handle.events(follow=False):
            report(event)
        report.write(stream, standing=standing)
    whole = json.loads(stream.getvalue())
    return TextResourceContents(
        uri=uri,
        mime_type="application/json",
        text=json.dumps(plain_json(fitting(whole, limit)), ensure_ascii=False),
        _meta={"arazzo/note": MARK},
    )


def fitting(report: dict[str, Any], limit: int) -> dict[str, Any]:
    """Return a report in so many characters, about: bodies are cut first, then steps in the middle are left out."""
    steps = report["steps"]
    head = {"note": MARK, **{name: _short(value, limit // 4) for name, value in report.items() if name != "steps"}}
    for most in (limit, limit // 20, 200, 0):
        cut = [_with_short_bodies(step, most) for step in steps]
        for kept in dict.fromkeys((len(cut), 200, 40, 10, 2) if most == 0 else (len(cut),)):
            shown = cut if kept >= len(cut) else [*cut[: kept // 2], *cut[len(cut) - kept // 2 :]]
            made = {**head, "steps": shown, "stepsLeftOut": len(cut) - len(shown)}
            if len(json.dumps(made, ensure_ascii=False)) <= limit:
                return made
    return {**head, "steps": [], "stepsLeftOut": len(steps)}


def _with_short_bodies(step: dict[str, Any], most: int) -> dict[str, Any]:
    made = dict(step)
    for name in ("request", "response"):
        if isinstance(made.get(name), dict):
            made[name] = {
                key: _short(value, most if key == "body" else max(most, 300)) for key, value in made[name].items()
            }
    made["outputs"] = _short(made.get("outputs"), most)
    made["criteria"] = _short(made.get("criteria"), max(most, 300))
    return made


def _short(value: Any, most: int) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= max(most, 40):
        return value
    return f"{text[:most]}{CUT} ({len(text)} characters)"
