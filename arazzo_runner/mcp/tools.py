"""Tools as the protocol has them: a workflow each, or a search for workflows, and the tools for runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_types import Tool, ToolAnnotations

from arazzo_runner.serving.catalogue import Catalogue
from arazzo_runner.serving.offers import KEY, KEY_SCHEMA, Offer
from arazzo_runner.serving.reach import Reach

_RUN_ID = {"type": "string", "description": "The id of a run, as a call of a workflow answered it."}
_TEXT = {"type": "string"}
_ACCEPTS = {
    "type": "boolean",
    "default": False,
    "description": "Continue a run that stopped as messages-missed: messages may have come while nobody listened.",
}
_MAYBE = {"anyOf": [{"type": "string"}, {"type": "null"}]}
_RUNNING = {
    "type": "object",
    "properties": {"runId": _TEXT, "status": {"const": "running"}},
    "required": ["runId", "status"],
}
_SUMMARY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "runId": _TEXT,
        "workflowId": _TEXT,
        "status": {"type": "string", "enum": ["running", "stopped", "succeeded", "failed", "cancelled"]},
        "reason": _MAYBE,
        "stepId": _MAYBE,
        "attempts": {"type": "integer"},
        "requests": {"type": "integer"},
        "startedAt": _TEXT,
        "updatedAt": _TEXT,
        "waitingUntil": _MAYBE,
    },
    "required": ["runId", "status"],
}


def tools_of(catalogue: Catalogue) -> list[Tool]:
    """Return the tools of a server, in an order that does not change."""
    if catalogue.is_searched:
        named = [*_searching(catalogue)]
    else:
        named = [workflow_tool(offer) for offer in catalogue.offers.values()]
    return [*named, *_of_runs(catalogue)]


def workflow_tool(offer: Offer) -> Tool:
    """Return the tool that runs a workflow."""
    return Tool(
        name=offer.name,
        title=offer.title,
        description=offer.description,
        input_schema=offer.input_schema,
        output_schema=output_schema(offer),
        annotations=annotations_of(offer.reach, offer.title),
    )


def output_schema(offer: Offer) -> dict[str, Any]:
    """Return the schema of a call's answer: the outputs, or the handle of a run that goes on."""
    outputs = {"type": "object", "properties": offer.output_types, "title": "Outputs of the workflow"}
    running = {**_RUNNING, "title": "The run goes on: await_run waits for it"}
    return {"type": "object", "anyOf": [outputs, running]}


def annotations_of(reach: Reach, title: str) -> ToolAnnotations:
    """Return what a call may do, by the operations that it reaches."""
    return ToolAnnotations(
        title=title,
        read_only_hint=reach.reads_only,
        destructive_hint=reach.destroys,
        idempotent_hint=reach.is_repeatable,
        open_world_hint=reach.is_open,
    )


def hints_entry(reach: Reach) -> dict[str, bool]:
    """The annotations of a workflow that is not a tool of its own."""
    return {
        "readOnlyHint": reach.reads_only,
        "destructiveHint": reach.destroys,
        "idempotentHint": reach.is_repeatable,
        "openWorldHint": reach.is_open,
    }


def _searching(catalogue: Catalogue) -> list[Tool]:
    count, read_only = len(catalogue.offers), catalogue.terms.read_only
    found = {
        "type": "object",
        "properties": {"name": _TEXT, "title": _TEXT, "workflowId": _TEXT},
        "required": ["name", "title"],
    }
    return [
        Tool(
            name="find_workflow",
            title="Find a workflow",
            description=f"Find the workflows whose names and summaries are most like some words, among {count}. "
            "Then describe_workflow shows one and run_workflow runs it.",
            input_schema=_object(
                {
                    "query": {"type": "string", "description": "Words of what is to be done."},
                    "limit": {"type": "integer", "minimum": 1, "maximum": 50, "default": 10},
                },
                "query",
            ),
            output_schema=_object({"workflows": {"type": "array", "items": found}}, "workflows"),
            annotations=_looking("Find a workflow"),
        ),
        Tool(
            name="describe_workflow",
            title="Describe a workflow",
            description="Show a workflow: what it does and calls, the schema of its inputs, and its outputs.",
            input_schema=_object({"name": _TEXT}, "name"),
            output_schema=_object({"name": _TEXT, "inputSchema": {"type": "object"}}, "name", "inputSchema"),
            annotations=_looking("Describe a workflow"),
        ),
        Tool(
            name="run_workflow",
            title="Run a workflow",
            description="Run a workflow with inputs as describe_workflow shows them. It answers with the outputs, or "
            "with the handle of a run that goes on.",
            input_schema=_object({"name": _TEXT, "inputs": {"type": "object"}, KEY: dict(KEY_SCHEMA)}, "name"),
            annotations=ToolAnnotations(
                title="Run a workflow",
                read_only_hint=read_only,
                destructive_hint=not read_only,
                idempotent_hint=read_only,
                open_world_hint=True,
            ),
        ),
    ]


def _of_runs(catalogue: Catalogue) -> list[Tool]:
    read_only = catalogue.terms.read_only
    only_id = _object({"runId": _RUN_ID}, "runId")
    seconds = {"type": "number", "minimum": 0, "maximum": catalogue.terms.wait, "default": catalogue.terms.wait}
    status = {"type": "string", "enum": _SUMMARY["properties"]["status"]["enum"]}
    return [
        Tool(
            name="run_status",
            title="Look at a run",
            description="Show how far a run is.",
            input_schema=only_id,
            output_schema=_SUMMARY,
            annotations=_looking("Look at a run"),
        ),
        Tool(
            name="await_run",
            title="Wait for a run",
            description="Wait for a run and answer as its workflow does: with its outputs, or that it continues. A run "
            "that was interrupted is continued where it was; nothing is sent twice.",
            input_schema=_object({"runId": _RUN_ID, "seconds": seconds, "acceptMissed": _ACCEPTS}, "runId"),
            annotations=ToolAnnotations(
                title="Wait for a run",
                read_only_hint=read_only,
                destructive_hint=False,
                idempotent_hint=True,
                open_world_hint=True,
            ),
        ),
        Tool(
            name="cancel_run",
            title="End a run",
            description="End a run before its next request. What it has done stays done.",
            input_schema=only_id,
            output_schema=_SUMMARY,
            annotations=ToolAnnotations(
                title="End a run",
                read_only_hint=False,
                destructive_hint=True,
                idempotent_hint=True,
                open_world_hint=False,
            ),
        ),
        Tool(
            name="list_runs",
            title="List runs",
            description="List the runs of these workflows, the latest first.",
            input_schema=_object({"status": status, "workflow": _TEXT}),
            output_schema=_object(
                {"runs": {"type": "array", "items": _SUMMARY}, "more": {"type": "integer"}}, "runs", "more"
            ),
            annotations=_looking("List runs"),
        ),
    ]


def _looking(title: str) -> ToolAnnotations:
    return ToolAnnotations(
        title=title, read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    )


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        **({"required": list(required)} if required else {}),
    }
