"""Marked secrets of every kind through every output there is: none leaves, in no form that it is written in (S1)."""

from __future__ import annotations

import base64
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import pytest

from arazzo_runner import Runner, RunOptions, ServerOptions, load
from arazzo_runner.cli.given.credentials import gather_credentials
from tests.conftest import Arazzo, Result
from tests.servers.secured import CLIENT, USER, SecuredApi
from tests.support.http_server import serving
from tests.support.repository import ROOT

pytestmark = pytest.mark.network

GIVEN = {
    "password": "pass/wörd+given&1",
    "pin": "p1n=of-a-formatted~input",
    "header": "key in+a/header?",
    "query": "key&in=a query/",
    "cookie": "key-in-a+cookie/",
    "bearer": "bearer.t0ken+of/the==",
    "basic": "pa:ss/of basic+auth",
    "own": "sent by+the/step",
    "shown": "a/plainly+named=key",
}
"""What the user gives, by where it goes; each has characters that other forms of it write otherwise."""
BROUGHT = {"access_token": "brought/by+a login", "session": "cookie+that/came=set"}
"""What answers bring."""
URL_PASSWORD = "in-the+url/of a server"

SCHEMES = {
    "inHeader": {"type": "apiKey", "in": "header", "name": "X-Anything"},
    "inQuery": {"type": "apiKey", "in": "query", "name": "anything"},
    "inCookie": {"type": "apiKey", "in": "cookie", "name": "anything"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic"},
    "ownHeader": {"type": "apiKey", "in": "header", "name": "X-Own"},
    "ownQuery": {"type": "apiKey", "in": "query", "name": "own"},
}


def forms(secret: str) -> Iterator[str]:
    """A secret as text may hold it: as it is, in JSON, percent-encoded, in base64 alone and behind a name."""
    raw = secret.encode()
    yield from (secret, json.dumps(secret)[1:-1], quote(secret), quote(secret, safe=""), quote_plus(secret))
    for before in (b"", b"u:", b"us:", b"ann:"):
        encoded = base64.b64encode(before + raw).decode().rstrip("=")
        core = encoded[len(before) * 4 // 3 + 2 : -2]
        yield core
        yield core.replace("+", "-").replace("/", "_")


def leaked(text: str, secrets: dict[str, str]) -> list[str]:
    return [name for name, secret in secrets.items() for form in forms(secret) if form in text]


class Echo(BaseHTTPRequestHandler):
    """Gives back all that it received, plainly, in base64 and percent-encoded, with a token and a cookie of its own."""

    def do_GET(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        received = f"{self.path}\n{self.headers}\n{sent.decode()}"
        body = {
            "received": received,
            "base64": base64.b64encode(received.encode()).decode(),
            "values": [base64.b64encode(value.encode("latin-1")).decode() for value in self.headers.values()],
            "quoted": quote(received),
            "access_token": BROUGHT["access_token"],
        }
        data = json.dumps(body).encode()
        self.send_response(401 if self.path.startswith("/refused") else 200)
        self.send_header("Set-Cookie", f"sid={BROUGHT['session']}; Path=/")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET  # noqa: N815 - the library's name


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The server's URL, with a password of its own."""
    monkeypatch.setenv("no_proxy", "*")
    with serving(Echo) as url:
        yield url.replace("http://", f"http://ann:{quote(URL_PASSWORD, safe='')}@")


def operation(name: str, *schemes: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "security": [{scheme: [] for scheme in schemes}] if schemes else [],
        "requestBody": {"content": {"application/json": {}}},
        "responses": {"200": {"description": "ok"}},
    }


def written(tmp_path: Path) -> str:
    """A workflow that sends each secret, takes what answers bring, passes it on, and can end in a failure."""
    paths = {
        "/login": {"post": operation("login")},
        "/header": {"get": operation("header", "inHeader", "inQuery", "inCookie")},
        "/bearer": {"get": operation("bearer", "bearer")},
        "/basic": {"get": operation("basic", "basic")},
        "/own": {"get": operation("own", "ownHeader", "ownQuery")},
        "/refused": {"post": operation("refused")},
    }
    api = {
        "openapi": "3.1.0",
        "info": {"title": "Echo", "version": "1"},
        "paths": paths,
        "components": {"securitySchemes": SCHEMES},
    }
    login = {"user": "ann", "password": "$inputs.password", "pin": "$inputs.pin"}
    own = [
        {"name": "X-Own", "in": "header", "value": "$inputs.ours"},
        {"name": "own", "in": "query", "value": "$inputs.plain"},
    ]
    passed_on = [{"name": "Authorization", "in": "header", "value": "Bearer {$steps.login.outputs.token}"}]
    steps: list[dict[str, Any]] = [
        {
            "stepId": "login",
            "operationId": "login",
            "requestBody": {"payload": login},
            "outputs": {"token": "$response.body#/access_token", "all": "$response.body"},
        },
        *({"stepId": name, "operationId": name, "outputs": {"all": "$response.body"}} for name in ("header", "bearer")),
        {"stepId": "basic", "operationId": "basic", "parameters": []},
        {"stepId": "own", "operationId": "own", "parameters": own, "outputs": {"all": "$response.body"}},
        {
            "stepId": "refused",
            "operationId": "refused",
            "parameters": passed_on,
            "requestBody": {"payload": "The password is {$inputs.password}", "contentType": "text/plain"},
            "successCriteria": [
                {"condition": "$statusCode == 200"},
                {"context": "$response.body#/received", "condition": "^no such thing", "type": "regex"},
            ],
        },
    ]
    inputs = {"password": {}, "pin": {"type": "string", "format": "password"}, "ours": {}, "plain": {}}
    outputs = {
        step["stepId"]: f"$steps.{step['stepId']}.outputs.all" for step in steps if "all" in step.get("outputs", {})
    }
    arazzo = {
        "arazzo": "1.0.1",
        "info": {"title": "Secrets", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": "api.json", "type": "openapi"}],
        "workflows": [
            {
                "workflowId": "secrets",
                "inputs": {"type": "object", "properties": inputs},
                "steps": steps,
                "outputs": outputs,
            }
        ],
    }
    (tmp_path / "api.json").write_text(json.dumps(api), "utf-8")
    (tmp_path / "secrets.json").write_text(json.dumps(arazzo), "utf-8")
    credentials = {
        "inHeader": GIVEN["header"],
        "inQuery": GIVEN["query"],
        "inCookie": GIVEN["cookie"],
        "basic": {"username": "ann", "password": GIVEN["basic"]},
    }
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(credentials), "utf-8")
    file.chmod(0o600)
    return str(tmp_path / "secrets.json")


def words(tmp_path: Path, server: str) -> list[str]:
    inputs = {"password": GIVEN["password"], "pin": GIVEN["pin"], "ours": GIVEN["own"], "plain": GIVEN["shown"]}
    given = ["-i", json.dumps(inputs), "--auth", f"bearer={GIVEN['bearer']}"]
    return [written(tmp_path), *given, "--credentials", str(tmp_path / "credentials.json"), "--server", server]


SECRETS = {**GIVEN, **BROUGHT, "url": URL_PASSWORD}


@pytest.fixture
def run(arazzo: Arazzo, echo: str, tmp_path: Path) -> Any:
    def call(*more: str) -> Result:
        return arazzo("run", *words(tmp_path, echo), *more)

    return call


def test_the_server_did_receive_and_send_every_secret(echo: str, tmp_path: Path) -> None:
    """What the other tests look for is really there to be found."""
    told: list[str] = []
    credentials = gather_credentials(
        [f"bearer={GIVEN['bearer']}"], str((written(tmp_path), tmp_path / "credentials.json")[1]), {}
    )
    options = RunOptions(servers=ServerOptions({"": echo}), credentials=credentials)
    inputs = {"password": GIVEN["password"], "pin": GIVEN["pin"], "ours": GIVEN["own"], "plain": GIVEN["shown"]}
    result = Runner(load(tmp_path / "secrets.json"), options=options).run(inputs=inputs)
    told.append(json.dumps(result.outputs))
    assert set(leaked("".join(told), SECRETS)) >= {"password", "pin", "header", "query", "bearer", "own", "shown"}
    assert "access_token" in leaked("".join(told), SECRETS)


@pytest.mark.parametrize("verbosity", ["-q", "-v", "-vv"])
def test_the_console_shows_none(run: Any, verbosity: str) -> None:
    result = run(verbosity)
    assert result.status == 1
    assert "refused" in result.err or verbosity == "-q"
    assert leaked(result.err, SECRETS) == []


def test_the_outputs_show_none_that_the_user_gave(run: Any) -> None:
    result = run("-q")
    assert json.loads(result.out)["login"]["access_token"] == BROUGHT["access_token"]
    assert leaked(result.out, {**GIVEN, "url": URL_PASSWORD}) == []


def test_the_report_on_stdout_shows_none_but_brought_ones_in_the_outputs(run: Any) -> None:
    report = json.loads(run("-q", "--json").out)
    outputs = report.pop("outputs")
    assert outputs["login"]["access_token"] == BROUGHT["access_token"]
    assert leaked(json.dumps(outputs), {**GIVEN, "url": URL_PASSWORD}) == []
    assert leaked(json.dumps(report, ensure_ascii=False), SECRETS) == []
    assert leaked(json.dumps(report), SECRETS) == []


@pytest.mark.parametrize("form", ["json", "junit", "html", "har"])
@pytest.mark.parametrize("check", ["off", "warn", "error"])
def test_no_report_shows_one(run: Any, tmp_path: Path, form: str, check: str) -> None:
    file = tmp_path / f"report.{form}"
    result = run("--report", f"{form}={file}", "--check", check)
    text = file.read_text("utf-8")
    assert "refused" in text
    assert leaked(text + result.err, SECRETS) == []


def test_no_cassette_holds_one(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "cassette.yaml"
    result = run("--record", str(file))
    text = file.read_text("utf-8")
    assert "/refused" in text
    folded = text.replace("\n", "").replace(" ", "")
    assert leaked(text + result.err, SECRETS) == []
    assert leaked(folded, {name: secret.replace(" ", "") for name, secret in SECRETS.items()}) == []


def test_no_recorded_case_holds_one(arazzo: Arazzo, echo: str, tmp_path: Path) -> None:
    target, *rest = words(tmp_path, echo)
    result = arazzo("record", target, "--case", "all", "--cassettes", str(tmp_path / "kept"), "--check", "off", *rest)
    (file,) = (tmp_path / "kept").rglob("*.yaml")
    assert leaked(file.read_text("utf-8") + result.out + result.err, SECRETS) == []


def test_no_journal_holds_one(arazzo: Arazzo, echo: str, tmp_path: Path) -> None:
    without_password = echo.replace(urlsplit(echo).netloc.rpartition("@")[0] + "@", "")
    journal = str(tmp_path / "journals" / "runs.db")
    result = arazzo("run", *words(tmp_path, without_password), "--durable", "--journal", journal)
    assert (result.status, "refused" in result.err) == (1, True), result.err
    files = [file for file in (tmp_path / "journals").rglob("*") if file.is_file()]
    assert files
    text = "".join(file.read_bytes().decode("latin-1") for file in files)
    as_latin = {name: secret.encode().decode("latin-1") for name, secret in SECRETS.items()}
    assert leaked(text, SECRETS) + leaked(text, as_latin) + leaked(result.err, SECRETS) == []


def test_neither_a_dry_run_nor_auth_shows_one(run: Any, arazzo: Arazzo, tmp_path: Path, echo: str) -> None:
    shown = [run("--dry-run"), run("--dry-run", "--json")]
    target, *rest = words(tmp_path, echo)
    auth = [*rest[2:6]]
    shown += [arazzo("auth", target, *auth), arazzo("auth", target, *auth, "--json")]
    for result in shown:
        assert result.status == 0, result.err
        assert leaked(result.out + result.err, SECRETS) == []


def test_no_exception_and_no_representation_has_one(echo: str, tmp_path: Path) -> None:
    path = written(tmp_path)
    credentials = gather_credentials([f"bearer={GIVEN['bearer']}"], str(tmp_path / "credentials.json"), {})
    told: list[str] = []
    options = RunOptions(servers=ServerOptions({"": echo}), credentials=credentials)
    runner = Runner(load(path), options=options, listeners=[lambda event: told.append(repr(event))])
    inputs = {"password": GIVEN["password"], "pin": GIVEN["pin"], "ours": GIVEN["own"], "plain": GIVEN["shown"]}
    result = runner.run(inputs=inputs)
    with pytest.raises(Exception, match="refused") as raised:
        result.raise_for_failure()
    shown = [repr(runner), repr(credentials), *told, str(raised.value), *map(str, result.problems)]
    assert [leaked(text, SECRETS) for text in shown] == [[] for _ in shown]


@pytest.mark.parametrize("width", [40, 200])
def test_a_terminal_shows_none_while_the_run_goes_on(echo: str, tmp_path: Path, width: int) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "arazzo_runner", "run", *words(tmp_path, echo), "-v"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(width)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT, env=environment) as process:
        os.close(theirs)
        shown = bytearray()
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # the other side has gone
                break
            if not data:
                break
            shown += data
        process.communicate()
    os.close(ours)
    assert process.returncode == 1
    assert b"refused" in shown
    assert leaked(shown.decode("utf-8", "replace"), SECRETS) == []


def test_tokens_of_an_oauth_server_and_digest_passwords_leave_nowhere(arazzo: Arazzo, tmp_path: Path) -> None:
    path = Path(written(tmp_path))
    api = json.loads((tmp_path / "api.json").read_text("utf-8"))
    flows = {"clientCredentials": {"tokenUrl": "token", "scopes": {"read": ""}}}
    api["components"]["securitySchemes"] = {
        "flow": {"type": "oauth2", "flows": flows},
        "digest": {"type": "http", "scheme": "digest"},
    }
    api["paths"] = {
        "/items": {"get": operation("items") | {"security": [{"flow": ["read"]}]}},
        "/digest": {"get": operation("digest", "digest")},
    }
    (tmp_path / "api.json").write_text(json.dumps(api), "utf-8")
    document = json.loads(path.read_text("utf-8"))
    document["workflows"][0] |= {
        "inputs": {"type": "object"},
        "steps": [
            {"stepId": name, "operationId": name, "outputs": {"sent": "$request.header.Authorization"}}
            for name in ("items", "digest")
        ],
        "outputs": {"sent": "$steps.items.outputs.sent"},
    }
    path.write_text(json.dumps(document), "utf-8")
    reports = [f"{form}={tmp_path / form}" for form in ("json", "junit", "html", "har")]
    more = [word for report in reports for word in ("--report", report)]
    with SecuredApi() as server:
        given = ["--auth", f"flow={':'.join(CLIENT)}", "--auth", f"digest={':'.join(USER)}", "--server", server.url]
        result = arazzo("run", str(path), *given, "-vv", "--record", str(tmp_path / "cassette.yaml"), *more)
        secrets = {"client": CLIENT[1], "user": USER[1], **{f"token{n}": t for n, t in enumerate(server.tokens)}}
    assert result.status == 0, result.err
    assert len(secrets) == 3
    files = [(tmp_path / name).read_text("utf-8") for name in ("cassette.yaml", "json", "junit", "html", "har")]
    assert leaked("".join([result.out, result.err, *files]), secrets) == []


def test_the_urls_host_is_still_shown(run: Any, echo: str) -> None:
    assert f"{urlsplit(echo).hostname}:{urlsplit(echo).port}" in run("-v").err
