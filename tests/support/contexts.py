"""The contexts of the independent cases as scopes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arazzo_runner.documents.model import Criterion, ExpressionType
from arazzo_runner.expressions.evaluate import PlainMessage, Scope, WorkflowView
from arazzo_runner.expressions.undefined import UNDEFINED


def message(data: Mapping[str, Any] | None) -> PlainMessage | None:
    """A request, response or message."""
    if data is None:
        return None
    parameters = {"query": data.get("query", {}), "path": data.get("path", {})}
    body = data.get("body", data.get("payload", UNDEFINED))
    return PlainMessage(tuple((data.get("header") or {}).items()), parameters, body)


def scope(data: Mapping[str, Any] | None) -> Scope:
    """A whole context."""
    data = data or {}
    request, response = data.get("request") or {}, data.get("response") or {}
    return Scope(
        inputs=data.get("inputs", {}),
        outputs=data.get("outputs", {}),
        steps={key: step.get("outputs", {}) for key, step in data.get("steps", {}).items()},
        workflows={
            key: WorkflowView(workflow.get("inputs", {}), workflow.get("outputs", {}))
            for key, workflow in data.get("workflows", {}).items()
        },
        url=request.get("url", UNDEFINED),
        method=request.get("method", UNDEFINED),
        status_code=response.get("statusCode", UNDEFINED),
        request=message(data.get("request")),
        response=message(data.get("response")),
        message=message(data.get("message")),
        sources=data.get("sourceDescriptions", {}),
        components=data.get("components", {}),
        self_uri=data.get("self", UNDEFINED),
    )


def criterion(data: Mapping[str, Any]) -> Criterion:
    """A Criterion Object."""
    kind = data.get("type", "simple")
    type_ = ExpressionType(kind) if isinstance(kind, str) else ExpressionType(kind["type"], kind.get("version"))
    return Criterion(data["condition"], type_, data.get("context"), "")
