"""No secret leaves, whatever a server makes of it and wherever it is written (S1)."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arazzo_runner.runtime.secrets.redaction import Redactor
from tests.conftest import Arazzo
from tests.support.api import Answer, Asked, api, description, project, workflow

MARK = "MARK"
"""Stands in each secret, and no encoding changes it."""
ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "json": lambda text: json.dumps(text)[1:-1],
    "json in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "percent": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "markup": html.escape,
    "read as Latin-1": lambda text: text.encode().decode("latin-1"),
}
CHAINS = st.lists(st.sampled_from(sorted(ENCODINGS)), max_size=4).filter(
    lambda names: names.count("read as Latin-1") < 3
)
SECRETS = st.text(" +%\"'\\\\&=<>/?äßé€→𝔸aZ9\n", min_size=3, max_size=10).map(
    lambda text: f"{text[:3]}{MARK}{text[3:]}"
)


def encoded(secret: str, chain: list[str]) -> str:
    for name in chain:
        secret = ENCODINGS[name](secret)
    return secret


@given(secret=SECRETS, chain=CHAINS)
def test_no_chain_of_encodings_hides_a_secret(secret: str, chain: list[str]) -> None:
    redactor = Redactor()
    redactor.learn(secret)
    assert MARK not in redactor.text(f"before {encoded(secret, chain)} after")


@given(secret=SECRETS, chain=CHAINS, before=st.integers(0, 9000))
def test_no_chain_of_encodings_hides_one_secret_among_many(secret: str, chain: list[str], before: int) -> None:
    redactor = Redactor()
    redactor.learn(*(f"another secret {number}" for number in range(40)), secret)
    text = redactor.text(f"{'x' * before} {encoded(secret, chain)} another+secret+39 {'x' * before}")
    assert MARK not in text
    assert "another" not in text


def answer(asked: Asked, chain: list[str]) -> Answer:
    """Give back what was sent, each part encoded once more, in a body, in a header, and as text."""
    secret = json.loads(asked.body)["q"]
    made = encoded(secret, chain)
    headers = [("X-Echo", quote(made))] if made else []
    body = {"echo": made, "in": [{made: quote_plus(json.dumps({"q": made}))}], "code": 5}
    return Answer(500 if len(chain) % 2 else 200, body, headers)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=SECRETS, chain=CHAINS)
def test_no_output_of_a_run_has_a_secret(arazzo: Arazzo, tmp_path: Path, secret: str, chain: list[str]) -> None:
    step = {
        "stepId": "ask",
        "operationId": "ask",
        "requestBody": {"contentType": "application/json", "payload": {"q": "$inputs.passcode"}},
        "outputs": {"echo": "$response.body#/echo", "header": "$response.header.X-Echo"},
        "successCriteria": [{"condition": "$statusCode == 200"}, {"condition": "$response.body#/echo != 'x'"}],
    }
    outputs = {"echo": "$steps.ask.outputs.echo", "header": "$steps.ask.outputs.header"}
    operation = {
        "operationId": "ask",
        "requestBody": {"content": {"application/json": {"schema": {"properties": {"q": {"maxLength": 1}}}}}},
        "responses": {"200": {"description": "ok"}},
    }
    kept = {name: tmp_path / f"report.{name}" for name in ("json", "junit", "html", "har")}
    words = [word for name, path in kept.items() for word in ("--report", f"{name}={path}")]
    with api(lambda asked: answer(asked, chain)) as running:
        inputs = {"properties": {"passcode": {"type": "string"}}}
        document = project(
            tmp_path,
            description(running.url, {"/": {"post": operation}}),
            workflow([step], inputs=inputs, outputs=outputs),
        )
        (tmp_path / "inputs.json").write_text(json.dumps({"passcode": secret}), "utf-8")
        record = tmp_path / "cassette.yaml"
        words += ["-i", str(tmp_path / "inputs.json"), "-vv", "--check", "error", "--record", str(record)]
        result = arazzo("run", document, *words)
    assert len(running.asked) == 1, result.err
    texts = {"stdout": result.out, "stderr": result.err, **{path.name: path.read_text() for path in kept.values()}}
    texts["cassette"] = record.read_text()
    assert [name for name, text in texts.items() if MARK in text] == []
