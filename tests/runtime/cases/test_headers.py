"""Which headers of a request are its workflow's, and how they are checked against a recording."""

from __future__ import annotations

import json

import pytest

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents.sources import Library
from arazzo_runner.effects import Request
from arazzo_runner.engine.plan import PlannedStep
from arazzo_runner.engine.planning.planner import make_plan
from arazzo_runner.runtime.cases.headers import compare_headers


def step(**fields: object) -> PlannedStep:
    """A step that sends a form, of an operation that takes an idempotency key."""
    key = {"name": "Idempotency-Key", "in": "header"}
    operation = {"operationId": "o", "parameters": [key], "responses": {"200": {"description": "ok"}}}
    api = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"post": operation}}}
    arazzo = {
        "arazzo": "1.0.1",
        "info": {"title": "t", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": "api.json", "type": "openapi"}],
        "workflows": [{"workflowId": "w", "steps": [{"stepId": "s", "operationId": "o", **fields}]}],
    }
    texts = {"w.json": json.dumps(arazzo), "api.json": json.dumps(api)}
    library = Library(fetch=lambda url: texts[url.rpartition("/")[2]].encode())
    plan = make_plan(Linker(library), library.entry("https://documents.example/w.json"), "w")
    return plan.workflow.steps[0]


def differences(of: PlannedStep, sent: dict[str, str], recorded: dict[str, str]) -> list[str]:
    live, then = (Request("POST", "https://api.example/a", tuple(h.items()), b"") for h in (sent, recorded))
    return list(map(str, compare_headers(live, then, of)))


FORM = "multipart/form-data"


@pytest.mark.parametrize("boundary", ["boundary=b", 'boundary="b b"', "Boundary=b"])
def test_a_boundary_is_no_difference(boundary: str) -> None:
    form = step(requestBody={"contentType": FORM, "payload": {"a": "b"}})
    assert not differences(form, {"Content-Type": f"{FORM}; boundary=a"}, {"Content-Type": f"{FORM}; {boundary}"})
    assert differences(form, {"Content-Type": f"{FORM}; boundary=a"}, {"Content-Type": "text/plain"})


def test_parameters_of_a_content_type_are_a_difference_but_their_spacing() -> None:
    text = step(requestBody={"contentType": "text/plain", "payload": "x"})
    assert not differences(text, {"Content-Type": "text/plain; charset=a"}, {"Content-Type": "Text/Plain;charset=a"})
    assert differences(text, {"Content-Type": "text/plain; charset=a"}, {"Content-Type": "text/plain; charset=b"})


@pytest.mark.parametrize(
    ("recorded", "same"),
    [
        ("theme=[redacted]; tenant=[redacted]", True),
        ("theme=[redacted]; other=[redacted]", False),
        ("theme=[redacted]", False),
        ("[redacted]", True),
    ],
)
def test_the_cookies_of_a_step_are_compared_by_name(recorded: str, *, same: bool) -> None:
    cookies = step(parameters=[{"name": name, "in": "cookie", "value": "a"} for name in ("theme", "tenant")])
    sent = {"Cookie": "theme=[redacted]; tenant=[redacted]"}
    assert bool(differences(cookies, sent, {"Cookie": recorded})) is not same


def test_a_durable_runs_key_is_not_the_workflows_unless_a_step_sends_its_own() -> None:
    own = step(parameters=[{"name": "Idempotency-Key", "in": "header", "value": "a"}])
    assert not differences(step(), {}, {"Idempotency-Key": "a"})
    assert not differences(step(), {"Idempotency-Key": "b"}, {"Idempotency-Key": "a"})
    assert differences(own, {"Idempotency-Key": "b"}, {"Idempotency-Key": "a"})


def test_a_header_that_is_sent_twice_is_compared_as_a_whole() -> None:
    own = step(parameters=[{"name": "X-Tag", "in": "header", "value": ["a", "b"]}])
    live = Request("POST", "https://api.example/a", (("X-Tag", "a,b"),), b"")
    twice = Request("POST", "https://api.example/a", (("X-Tag", "a"), ("X-Tag", "b")), b"")
    assert not list(compare_headers(live, twice, own))
