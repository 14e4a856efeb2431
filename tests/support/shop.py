"""A small workflow of an API with a login, for tests of what carries requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

JSON = {"application/json": {"schema": {"type": "object"}}}


def _operation(name: str, status: int = 200, **more: Any) -> dict[str, Any]:
    return {"operationId": name, "responses": {str(status): {"description": "ok", "content": JSON}}, **more}


def description(*servers: str) -> dict[str, Any]:
    upload = {"required": True, "content": {"multipart/form-data": {"schema": {"type": "object"}}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "1"},
        **({"servers": [{"url": url} for url in servers]} if servers else {}),
        "paths": {
            "/orders/{name}": {"get": _operation("getOrder")},
            "/files": {"post": _operation("upload", 201, requestBody=upload)},
            "/moved": {"get": _operation("moved")},
        },
    }


GET_ORDER = {
    "stepId": "get",
    "operationId": "getOrder",
    "parameters": [{"name": "name", "in": "path", "value": "$inputs.name"}],
    "successCriteria": [{"condition": "$statusCode == 200"}],
    "outputs": {"order": "$response.body"},
}
UPLOAD = {
    "stepId": "upload",
    "operationId": "upload",
    "requestBody": {
        "contentType": "multipart/form-data",
        "payload": {"note": "hello", "file": {"filename": "é.txt", "contentType": "text/plain", "content": "content"}},
    },
    "successCriteria": [{"condition": "$statusCode == 201"}],
    "outputs": {"got": "$response.body"},
}
MOVED = {"stepId": "moved", "operationId": "moved", "outputs": {"order": "$response.body"}}


def write_shop(directory: Path, *steps: dict[str, Any], servers: tuple[str, ...] = ()) -> str:
    """Write a document with one workflow of those steps, and its description; return the document's path."""
    outputs = {
        f"{step['stepId']}_{name}": f"$steps.{step['stepId']}.outputs.{name}"
        for step in steps
        for name in step["outputs"]
    }
    workflow = {
        "workflowId": "buy",
        "inputs": {"type": "object", "properties": {"name": {"type": "string"}}},
        "steps": list(steps),
        "outputs": outputs,
    }
    document = {
        "arazzo": "1.0.1",
        "info": {"title": "Shop", "version": "1"},
        "sourceDescriptions": [{"name": "shop", "url": "openapi.json", "type": "openapi"}],
        "workflows": [workflow],
    }
    (directory / "shop.arazzo.yaml").write_text(json.dumps(document), "utf-8")
    (directory / "openapi.json").write_text(json.dumps(description(*servers)), "utf-8")
    return str(directory / "shop.arazzo.yaml")
