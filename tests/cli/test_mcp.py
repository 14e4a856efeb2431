"""``arazzo mcp`` at the command line: what it refuses, and what it tells the person."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Arazzo
from tests.support.mcp_servers import environment, words_of
from tests.support.notes import write_notes
from tests.support.repository import ROOT

NOWHERE = "http://127.0.0.1:9"


def test_help_has_an_example_and_the_limits(arazzo: Arazzo) -> None:
    result = arazzo("mcp", "--help")
    assert result.status == 0
    assert "Example: arazzo mcp workflows" in result.out
    for option in ("--read-only", "--confirm", "--tools", "--only", "--exclude", "--wait", "--http", "--token"):
        assert option in result.out


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--http", "127.0.0.1:8765"], "--http and --token belong together", "add --token FILE"),
        (["--token", "t"], "--http and --token belong together", "add --http HOST:PORT"),
        (["--http", "8765", "--token", "t"], "--http '8765': expected HOST:PORT", "write --http 127.0.0.1:8765"),
        (["--http", "a:99999", "--token", "t"], "expected HOST:PORT", "write --http"),
        (["nowhere"], "there is no workflow 'nowhere'", ""),
        (["openapi"], "there is no Arazzo document in the directory openapi", "arazzo mcp workflows"),
        (["--workflows", "no-such-directory"], "there is no directory no-such-directory", "--workflows DIR"),
        (["workflows", "-i", "-"], "a server does not read inputs from standard input", "-i inputs.json"),
        (["workflows", "--server", "nonsense"], "expected an http(s) URL", ""),
    ],
)
def test_what_cannot_be_used_is_refused(words: list[str], message: str, hint: str, arazzo: Arazzo) -> None:
    result = arazzo("mcp", *words)
    assert result.status == 2
    assert message in result.err
    assert hint in result.err
    assert result.out == ""


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        ("0123456789abcdef", 0o644, "can be read by others"),
        ("short", 0o600, "does not hold a token of 16 characters or more"),
        ("", 0o600, "does not hold a token"),
        ("two words of a token", 0o600, "does not hold a token"),
        (None, 0, "cannot be read"),
    ],
)
def test_a_token_that_protects_nothing_is_refused(
    content: str | None, mode: int, message: str, arazzo: Arazzo, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content, "utf-8")
        path.chmod(mode)
    result = arazzo("mcp", "--http", "127.0.0.1:0", "--token", str(path))
    assert result.status == 2
    assert message in result.err
    assert not content or content not in result.err


def served_to_nobody(tmp_path: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Serve a client that leaves at once."""
    return subprocess.run(
        words_of(tmp_path, *words),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(**variables),
        check=False,
        timeout=60,
    )


def test_a_client_that_leaves_ends_the_server(tmp_path: Path) -> None:
    done = served_to_nobody(tmp_path, str(write_notes(tmp_path, NOWHERE)))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_document_of_a_directory_that_cannot_be_used_is_passed_over_and_named(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    write_notes(documents, NOWHERE)
    documents.joinpath("broken.yaml").write_text("arazzo: 1.0.1\nworkflows: 5\n", "utf-8")
    done = served_to_nobody(tmp_path, str(documents))
    assert done.returncode == 0
    assert "broken.yaml" in done.stderr
    named = served_to_nobody(tmp_path, str(documents / "broken.yaml"))
    assert named.returncode == 2


def test_a_workflow_that_cannot_be_run_is_named_with_its_problem(tmp_path: Path) -> None:
    bad = {"steps": [{"stepId": "s", "operationId": "noSuchOperation"}]}
    good = {"steps": [{"stepId": "s", "operationId": "getNote"}]}
    done = served_to_nobody(tmp_path, str(write_notes(tmp_path, NOWHERE, {"bad": bad, "good": good})))
    assert "bad is not offered" in done.stderr
    assert "noSuchOperation" in done.stderr


def test_missing_credentials_are_named_with_where_to_put_them(tmp_path: Path) -> None:
    schemes = {"bearer": {"type": "http", "scheme": "bearer"}}
    api = {"components": {"schemas": {"Note": {}}, "securitySchemes": schemes}, "security": [{"bearer": []}]}
    workflows = {"w": {"steps": [{"stepId": "s", "operationId": "getNote"}]}}
    document = str(write_notes(tmp_path, NOWHERE, workflows, **api))
    done = served_to_nobody(tmp_path, document)
    assert "w needs a credential for bearer: start the server with --auth bearer=TOKEN" in done.stderr
    assert "ARAZZO_AUTH_BEARER" in done.stderr
    assert served_to_nobody(tmp_path, document, ARAZZO_AUTH_BEARER="t0ken-of-the-test").stderr == ""


def test_a_workflow_can_be_named_by_its_id(tmp_path: Path) -> None:
    write_notes(tmp_path, NOWHERE)
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    asked = [hello, {"jsonrpc": "2.0", "method": "notifications/initialized"}]
    asked += [{"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}]
    with subprocess.Popen(
        words_of(tmp_path, "read-note", "--workflows", str(tmp_path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environment(),
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(f"{json.dumps(message)}\n" for message in asked))
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.stdin.close()
    names = [tool["name"] for tool in answers[1]["result"]["tools"]]
    assert names == ["read-note", "run_status", "await_run", "cancel_run", "list_runs"]
