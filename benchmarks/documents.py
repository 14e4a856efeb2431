"""The documents that are measured: made here, so that a reader sees what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

POLLS = 500
STEPS = 200


def arazzo(workflows: list[dict[str, Any]], source: str) -> dict[str, Any]:
    """An Arazzo document."""
    return {
        "arazzo": "1.0.1",
        "info": {"title": "benchmark", "version": "1.0.0"},
        "sourceDescriptions": [{"name": "api", "url": source, "type": "openapi"}],
        "workflows": workflows,
    }


def step(number: int, operation: str = "getItem") -> dict[str, Any]:
    """A step that reads an item and looks at the answer."""
    return {
        "stepId": f"step{number}",
        "operationId": operation,
        "parameters": [{"name": "id", "in": "path", "value": str(number)}],
        "successCriteria": [{"condition": "$statusCode == 200"}],
        "outputs": {"name": "$response.body#/items/0/name"},
    }


def polling(polls: int) -> dict[str, Any]:
    """A step that polls by ``goto`` until a JSONPath criterion holds."""
    done, pending = (
        [{"context": "$response.body", "condition": f"$[?@.state == '{state}']", "type": "jsonpath"}]
        for state in ("done", "pending")
    )
    return {
        "stepId": "poll",
        "operationId": "poll",
        "parameters": [{"name": "polls", "in": "path", "value": str(polls)}],
        "successCriteria": [{"condition": "$statusCode == 200"}],
        "onSuccess": [
            {"name": "again", "type": "goto", "stepId": "poll", "criteria": pending},
            {"name": "ready", "type": "end", "criteria": done},
        ],
    }


def operation(operation_id: str, parameter: str) -> dict[str, Any]:
    """An operation with one path parameter."""
    properties = {"id": {"type": "integer"}, "state": {"type": "string"}, "items": {"type": "array"}}
    schema = {"type": "object", "properties": properties}
    return {
        "get": {
            "operationId": operation_id,
            "parameters": [{"name": parameter, "in": "path", "required": True, "schema": {"type": "string"}}],
            "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": schema}}}},
        }
    }


def description(port: int) -> dict[str, Any]:
    """A small description of the server."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "api", "version": "1.0.0"},
        "servers": [{"url": f"http://127.0.0.1:{port}"}],
        "paths": {"/items/{id}": operation("getItem", "id"), "/poll/{polls}": operation("poll", "polls")},
    }


_HEAD = """\
openapi: 3.1.0
info: {title: large, version: 1.0.0}
servers: [{url: 'http://127.0.0.1:PORT'}]
paths:
  /items/{id}:
    get:
      operationId: getItem
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {'200': {description: ok}}
"""
_RESOURCE = """\
  /resourceNUMBER/{id}:
    get:
      operationId: getResourceNUMBER
      summary: Reads resource number NUMBER
      description: >-
        PROSE
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - name: filter
          in: query
          schema:
            type: string
            enum: [one, two, three]
      responses:
        '200':
          description: it is there
          content:
            application/json:
              schema:
                type: object
                properties:
                  id: {type: integer}
                  name: {type: string, maxLength: 200}
"""


def write_large(path: Path, port: int, megabytes: float) -> int:
    """A YAML description of that size, whose first operation is ``getItem``; gives how many operations it has."""
    text = _RESOURCE.replace("PROSE", "A description of some length, as large descriptions have them. " * 16)
    count = int(megabytes * 1_000_000 / len(text))
    head = _HEAD.replace("PORT", str(port))
    body = "".join(text.replace("NUMBER", str(number)) for number in range(count))
    path.write_text(head + body, "utf-8")
    return count + 1


def write_all(directory: Path, port: int) -> None:
    """Every document that is measured."""
    directory.joinpath("api.json").write_text(json.dumps(description(port)), "utf-8")
    workflows = {
        "one": [step(1)],
        "many": [step(number) for number in range(STEPS)],
        "three": [step(number) for number in range(3)],
        "poll": [polling(POLLS)],
        "poll-long": [polling(POLLS * 10)],
    }
    for name, steps in workflows.items():
        document = arazzo([{"workflowId": name, "steps": steps}], "api.json")
        directory.joinpath(f"{name}.arazzo.json").write_text(json.dumps(document), "utf-8")
    large = arazzo([{"workflowId": "large", "steps": [step(1)]}], "large.yaml")
    directory.joinpath("large.arazzo.json").write_text(json.dumps(large), "utf-8")
    larger = arazzo([{"workflowId": "larger", "steps": [step(1)]}], "larger.yaml")
    directory.joinpath("larger.arazzo.json").write_text(json.dumps(larger), "utf-8")
