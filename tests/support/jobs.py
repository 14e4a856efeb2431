"""A workflow that makes a job, polls until it is done and calls another workflow; and the server for it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

PATIENCE = 60.0
"""Seconds until a condition that does not come true is a failure."""
POLLS = 20

OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "jobs", "version": "1"},
    "paths": {
        "/jobs": {"post": {"operationId": "createJob", "responses": {"201": {"description": "created"}}}},
        "/jobs/{id}/a-path-that-is-longer-than-others": {
            "get": {
                "operationId": "getJob",
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "the job"}},
            }
        },
    },
}

ARAZZO = """\
arazzo: 1.0.1
info: {title: jobs, version: "1"}
sourceDescriptions: [{name: jobs, url: jobs.json, type: openapi}]
workflows:
  - workflowId: run-job
    steps:
      - stepId: create
        operationId: createJob
        successCriteria: [{condition: $statusCode == 201}]
        outputs: {id: $response.body#/id}
      - stepId: waitForIt
        operationId: getJob
        parameters: [{name: id, in: path, value: $steps.create.outputs.id}]
        successCriteria: [{condition: $statusCode == 200}]
        onFailure: [{name: notThere, type: retry, retryAfter: 0.01, retryLimit: 30}]
        onSuccess:
          - name: pending
            type: goto
            stepId: waitForIt
            criteria: [{condition: $response.body#/state == 'pending'}]
        outputs: {state: $response.body#/state}
      - stepId: fetch
        workflowId: fetch-job
        parameters: [{name: id, value: $steps.create.outputs.id}]
    outputs: {state: $steps.waitForIt.outputs.state}
  - workflowId: fetch-job
    inputs: {type: object, properties: {id: {type: string}}}
    steps:
      - stepId: fetchOnce
        operationId: getJob
        parameters: [{name: id, in: path, value: $inputs.id}]
        successCriteria: [{condition: $statusCode == 200}]
"""


class Jobs:
    """A server whose job is not there at first, then pending, and done at the last poll.

    Attributes:
        reached: set when the poll that waits has come.
        answer: set it to let that poll be answered.
    """

    def __init__(self, *, gate: int = 0) -> None:
        self.reached, self.answer = threading.Event(), threading.Event()
        self.gate, self.polls = gate, 0

    def handler(self) -> type[BaseHTTPRequestHandler]:
        jobs = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.reply(201, {"id": "j1"})

            def do_GET(self) -> None:
                jobs.polls += 1
                if jobs.polls == jobs.gate:
                    jobs.reached.set()
                    assert jobs.answer.wait(PATIENCE)
                state = "pending" if jobs.polls < POLLS else "done"
                self.reply(404 if jobs.polls <= 3 else 200, {"state": state})

            def reply(self, status: int, value: object) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler


def write_jobs(directory: Path) -> None:
    """Write the document and its description."""
    directory.joinpath("jobs.json").write_text(json.dumps(OPENAPI), "utf-8")
    directory.joinpath("jobs.arazzo.yaml").write_text(ARAZZO, "utf-8")
