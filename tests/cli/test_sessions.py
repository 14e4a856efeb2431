"""Cookies and headers that no document names: ``--cookies`` and ``--header`` (H6)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Arazzo
from tests.support.api import Answer, Asked, api, description, project, workflow

PATHS: dict[str, Any] = {
    "/login": {"post": {"operationId": "login", "responses": {}}},
    "/data": {"get": {"operationId": "data", "security": [{"sess": []}], "responses": {}}},
}
SESSION = {"securitySchemes": {"sess": {"type": "apiKey", "in": "cookie", "name": "SID"}}}
LOGIN: dict[str, Any] = {
    "stepId": "login",
    "operationId": "login",
    "outputs": {"cookie": "$response.header.Set-Cookie"},
}
DATA: dict[str, Any] = {
    "stepId": "data",
    "operationId": "data",
    "successCriteria": [{"condition": "$statusCode == 200"}],
}


def answer(asked: Asked) -> Answer:
    if asked.target == "/login":
        return Answer(headers=[("Set-Cookie", "X=tracking; Path=/"), ("Set-Cookie", "SID=s3ss10n99; Path=/; HttpOnly")])
    return Answer(200 if "SID=s3ss10n99" in (asked.header("Cookie") or "") else 401)


def test_a_session_is_carried_from_step_to_step_only_when_asked(arazzo: Arazzo, tmp_path: Path) -> None:
    with api(answer) as server:
        document = project(tmp_path, description(server.url, PATHS, components=SESSION), workflow([LOGIN, DATA]))
        without = arazzo("run", document)
        kept = arazzo("run", document, "--cookies", "-vv")
        assert server.asked[-1].header("Cookie") == "X=tracking; SID=s3ss10n99"
        assert server.asked[1].header("Cookie") is None
    assert (without.status, kept.status) == (1, 0)
    assert "sess" not in kept.err, "the session is the credential"
    assert "s3ss10n99" not in kept.err


def test_a_durable_run_keeps_its_cookies_sealed(
    arazzo: Arazzo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal.db"
    monkeypatch.setenv("ARAZZO_JOURNAL", str(journal))
    monkeypatch.setenv("ARAZZO_JOURNAL_KEY", str(tmp_path / "journal.key"))
    with api(answer) as server:
        document = project(tmp_path, description(server.url, PATHS, components=SESSION), workflow([LOGIN, DATA]))
        assert arazzo("run", document, "--cookies", "--durable").status == 0
    assert b"s3ss10n99" not in b"".join(file.read_bytes() for file in tmp_path.glob("journal.db*"))


@pytest.mark.parametrize(("name", "location"), [("SID", "cookie"), ("Cookie", "header")])
def test_a_set_cookie_value_sent_as_a_cookie_is_reported(
    arazzo: Arazzo, tmp_path: Path, name: str, location: str
) -> None:
    parameter = {"name": name, "in": location, "value": "$steps.login.outputs.cookie"}
    with api(answer) as server:
        steps = [LOGIN, {**DATA, "parameters": [parameter]}]
        document = project(tmp_path, description(server.url, PATHS), workflow(steps))
        result = arazzo("run", document)
    assert f"the {location} {name!r} is the value of a Set-Cookie header" in " ".join(result.err.split())
    assert "--cookies" in result.err


def test_headers_of_the_command_line_are_added_where_the_step_sends_none(arazzo: Arazzo, tmp_path: Path) -> None:
    own = {"name": "X-Own", "in": "header", "value": "mine"}
    with api() as server:
        step = {"stepId": "login", "operationId": "login", "parameters": [own]}
        document = project(tmp_path, description(server.url, PATHS), workflow([step]))
        words = ["--header", "X-Tenant: a b", "--header", "api=X-One:1", "--header", "x-own:other"]
        result = arazzo("run", document, *words, "--header", "X-Api-Key: k3y-s3cr3t", "-vv")
        [asked] = server.asked
    assert result.status == 0
    assert [asked.header(name) for name in ("X-Tenant", "X-One", "X-Own")] == ["a b", "1", "mine"]
    assert asked.header("X-Api-Key") == "k3y-s3cr3t"
    assert "k3y-s3cr3t" not in result.err


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("X-A", "[SOURCE=]NAME:VALUE"),
        ("X A: b", "'X A' is not a header name"),
        ("Host: x", "belongs to the transport"),
        ("X-A: a\nb", "line break"),
        ("nope=X-A: b", "no source description 'nope'"),
    ],
)
def test_a_malformed_header_is_refused(arazzo: Arazzo, tmp_path: Path, word: str, says: str) -> None:
    with api() as server:
        document = project(tmp_path, description(server.url, PATHS), workflow([LOGIN]))
        result = arazzo("run", document, "--header", word)
        assert server.asked == []
    assert result.status == 2
    assert says in result.err


def test_a_durable_run_refuses_to_keep_a_secret_header(
    arazzo: Arazzo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARAZZO_JOURNAL", str(tmp_path / "journal.db"))
    monkeypatch.setenv("ARAZZO_JOURNAL_KEY", str(tmp_path / "journal.key"))
    with api() as server:
        document = project(tmp_path, description(server.url, PATHS), workflow([LOGIN]))
        result = arazzo("run", document, "--durable", "--header", "X-Api-Key: k3y-s3cr3t")
    assert result.status == 2
    assert "--auth" in result.err
    assert "k3y-s3cr3t" not in result.err
