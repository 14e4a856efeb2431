"""A workflow of two steps with its description, and a case of it, for tests of contract tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from arazzo_runner.effects import Answered, Response, Send
from arazzo_runner.runtime.cases.files import case_entry, case_of, read_case
from arazzo_runner.runtime.cassettes.recording import Recording
from arazzo_runner.runtime.run.session import Session
from arazzo_runner.runtime.run.workbook import load

OPENAPI = """\
openapi: 3.1.0
info: {title: things, version: '1'}
servers: [{url: 'https://api.example/v1'}]
paths:
  /login:
    post:
      operationId: login
      requestBody:
        required: true
        content: {application/json: {schema: {type: object, required: [password]}}}
      responses:
        '200':
          description: ok
          content: {application/json: {schema: {type: object, required: [access_token]}}}
        '401': {description: no}
  /things/{id}:
    get:
      operationId: getThing
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer}}
        - {name: Authorization, in: header, schema: {type: string}}
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema:
                type: object
                required: [id]
                properties: {id: {type: integer}, made: {type: string, format: date-time}}
  /unused:
    get: {operationId: unused, responses: {'200': {description: ok}}}
"""

ARAZZO = """\
arazzo: 1.0.1
info: {title: things, version: '1'}
sourceDescriptions: [{name: things, url: things.openapi.yaml, type: openapi}]
workflows:
  - workflowId: fetch
    inputs:
      type: object
      required: [password, id]
      properties: {password: {type: string, pattern: '^pw-'}, id: {type: integer}}
    steps:
      - stepId: login
        operationId: login
        requestBody: {payload: {password: $inputs.password}}
        successCriteria: [{condition: $statusCode == 200}]
        onSuccess: [{name: gotIn, type: goto, stepId: fetch}]
        onFailure: [{name: never, type: end}]
        outputs: {token: $response.body#/access_token}
      - stepId: fetch
        operationId: getThing
        parameters:
          - {name: id, in: path, value: $inputs.id}
          - {name: Authorization, in: header, value: 'Bearer {$steps.login.outputs.token}'}
        outputs: {made: $response.body#/made}
    outputs: {made: $steps.fetch.outputs.made, token: $steps.login.outputs.token}
"""

SECRETS = ("pw-theMarkedPassword", "tok-theMarkedToken")
INPUTS = {"password": SECRETS[0], "id": 7}


class Answers:
    """A world that answers from a function; its clock stands still."""

    def __init__(self, answer: Callable[[str], tuple[int, Any]]) -> None:
        self._answer = answer

    def now(self) -> float:
        return 1_700_000_000.0

    def sleep(self, seconds: float) -> None:
        """Wait for nothing."""

    def send(self, effect: Send) -> Answered:
        status, data = self._answer(effect.request.url)
        body = json.dumps(data).encode()
        return Answered(Response(status, (("Content-Type", "application/json"),), body), self.now())


def usual(url: str) -> tuple[int, Any]:
    """What the API answers when all is well."""
    if url.endswith("/login"):
        return 200, {"access_token": SECRETS[1]}
    return 200, {"id": 7, "made": "2026-01-01T00:00:00Z"}


def project(directory: Path, *, arazzo: str = ARAZZO, openapi: str = OPENAPI) -> Path:
    """Write the workflow and its description; return the document."""
    directory.mkdir(exist_ok=True, parents=True)
    (directory / "things.openapi.yaml").write_text(openapi, "utf-8")
    document = directory / "things.arazzo.yaml"
    document.write_text(arazzo, "utf-8")
    return document


def record(directory: Path, answer: Callable[[str], tuple[int, Any]] = usual, name: str = "usual") -> Path:
    """Record a case of the workflow; return its file."""
    document = project(directory / "workflows")
    path = directory / "cassettes" / "fetch" / f"{name}.yaml"
    session = Session(load(document).plan(), INPUTS)
    with session.recorder(path) as recorder:
        result = session.run(Recording(Answers(answer), recorder))
        recorder.describe(case_entry(case_of(session, result, path, document=str(document))))
    assert read_case(path) is not None
    return path


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a recorded case's data."""
    data = yaml.safe_load(path.read_text("utf-8"))
    change(data)
    path.write_text(yaml.safe_dump(data, sort_keys=False), "utf-8")
