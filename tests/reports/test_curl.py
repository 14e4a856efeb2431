"""Requests as cURL commands: a shell takes them, the request is the same, and what is masked is a variable."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from arazzo_runner.effects import MASK, Request
from arazzo_runner.reports.curl import ADDED_BY_CURL, curl_command
from arazzo_runner.reports.terminal.body_lines import body_lines
from tests.conftest import Arazzo
from tests.support.http_server import serving
from tests.support.terminal import REQUIRED

needs_curl = pytest.mark.skipif(
    os.name == "nt" or (not REQUIRED and (shutil.which("curl") is None or shutil.which("bash") is None)),
    reason="needs bash and curl, on a POSIX system",
)
seen: list[dict[str, Any]] = []


class Echo(BaseHTTPRequestHandler):
    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = [(n, v) for n, v in self.headers.items() if n.lower() not in {*ADDED_BY_CURL, "user-agent"}]
        seen.append({"method": self.command, "path": self.path, "headers": headers, "body": body})
        self.send_response(204)
        self.end_headers()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = answer  # noqa: N815 - the server's names


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Echo) as served:
        yield served


def sent(command: str, **variables: str) -> dict[str, Any]:
    """Let a shell carry out a command, and return what the server saw."""
    seen.clear()
    environment = {**os.environ, **variables}
    words = ["bash", "-c", f"{command} -sS --noproxy '*'"]
    subprocess.run(words, env=environment, check=True, capture_output=True, timeout=60)
    (only,) = seen
    return only


JSON = ("Content-Type", "application/json")


@needs_curl
@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "/a?q=1&r=%20x"),
        Request("DELETE", "/a/it's"),
        Request("HEAD", "/a"),
        Request("POST", "/a", (JSON,), b'{"a": "it\'s $HOME `id` \\"!"}'),
        Request("PUT", "/a", (("X-Empty", ""), ("X-Two", "a"), ("X-Two", "b"), ("Accept", "*/*")), b""),
        Request("PATCH", "/a", (("Content-Type", "text/plain"),), "Zürich\n@file".encode()),
        Request("POST", "/a", (("Content-Type", "application/x-www-form-urlencoded"),), b"a=1&b=%26"),
    ],
    ids=lambda request: request.method,
)
def test_the_request_is_the_same(request_: Request, url: str) -> None:
    found = sent(curl_command(Request(request_.method, url + request_.url, request_.headers, request_.body)))
    accept = [] if any(name == "Accept" for name, _ in request_.headers) else [("Accept", "*/*")]
    assert (found["method"], found["path"], found["body"]) == (request_.method, request_.url, request_.body or b"")
    assert sorted(found["headers"]) == sorted([*request_.headers, *accept])


@needs_curl
def test_what_is_masked_is_a_variable_with_its_name(url: str) -> None:
    headers = (
        ("Authorization", f"Bearer {MASK}"),
        ("X-Api-Key", MASK),
        ("Cookie", f"theme=dark; sessionId={MASK}"),
        JSON,
    )
    body = f'{{"user": "u", "clientSecret": "{MASK}"}}'.encode()
    command = curl_command(Request("POST", f"{url}/a?api_key={MASK}&x=1", headers, body))
    assert MASK not in command
    values = {"TOKEN": "t k", "X_API_KEY": "k", "SESSION_ID": "s", "CLIENT_SECRET": "c'\"s", "API_KEY": "q"}
    found = sent(command, **values)
    shown = dict(found["headers"])
    assert (shown["Authorization"], shown["X-Api-Key"], shown["Cookie"]) == (
        "Bearer t k",
        "k",
        "theme=dark; sessionId=s",
    )
    assert found["path"] == "/a?api_key=q&x=1"
    assert found["body"] == b'{"user": "u", "clientSecret": "c\'"s"}'


def test_basic_credentials_and_encoded_masks_are_variables_too() -> None:
    basic = curl_command(Request("GET", "https://a.example/?key=%5Bredacted%5D", (("Authorization", f"Basic {MASK}"),)))
    assert basic == """curl 'https://a.example/?key='"$KEY" -H 'Authorization: Basic '"$BASIC_CREDENTIALS\""""


@pytest.mark.parametrize("body", [b"\xff\x00", b"x" * 30_000, b"\x1b[31m"])
def test_a_body_that_no_command_line_can_have_comes_from_a_file(body: bytes) -> None:
    assert curl_command(Request("POST", "https://a.example/", (JSON,), body)).endswith(" --data-binary @body.bin")


@needs_curl
def test_a_hostile_url_or_header_cannot_leave_its_quotes() -> None:
    command = curl_command(Request("GET", "https://a.example/'$(id)'\x1b", (("X", "';id;'"),)))
    assert "\x1b" not in command
    words = subprocess.run(
        ["sh", "-c", command.replace("curl", "printf '%s\\n'", 1)], capture_output=True, text=True, check=True
    )
    assert words.stdout.splitlines() == ["https://a.example/'$(id)'\\x1b", "-H", "X: ';id;'"]


REPLAYED = ["run", "deploy-inference-endpoint", "--replay", "cassettes/deploy-inference-endpoint/becomes-running.yaml"]
GIVEN = {"namespace": "acme", "name": "my-gpt2", "repository": "gpt2", "instanceType": "intel-icl"}
SECRET = "hf_TheSecretOfThisTest"


@pytest.mark.parametrize("more", [["--curl"], ["-vv"], ["--curl", "--dry-run"]])
def test_the_command_line_shows_the_commands_without_secrets(arazzo: Arazzo, more: list[str]) -> None:
    inputs = {**GIVEN, "instanceSize": "x1", "hfToken": SECRET}
    words = [word for name, value in inputs.items() for word in ("-i", f"{name}={value}")]
    replayed = REPLAYED if "--dry-run" not in more else REPLAYED[:2]
    result = arazzo(*replayed, *words, *more)
    assert result.status == 0
    assert "$ curl https://" in result.err + result.out
    assert """-H 'Authorization: '"$AUTHORIZATION\"""" in result.err + result.out
    assert SECRET not in result.err + result.out


def test_json_is_laid_out_and_coloured() -> None:
    body = b'{"a": [1, true, "x: 2"], "b": null}'
    plain = list(body_lines(body, "application/json", colour=False))
    assert plain == ["{", '  "a": [', "    1,", "    true,", '    "x: 2"', "  ],", '  "b": null', "}"]
    coloured = list(body_lines(body, "application/json", colour=True))
    assert coloured[1] == '  \x1b[34m"a"\x1b[0m: ['
    assert coloured[2:5] == ["    \x1b[35m1\x1b[0m,", "    \x1b[35mtrue\x1b[0m,", '    \x1b[32m"x: 2"\x1b[0m']


def test_a_body_cannot_move_the_cursor() -> None:
    assert list(body_lines(b'{"a": "\\u001b[31m"}', "application/json", colour=False))[1] == '  "a": "\\u001b[31m"'
    assert list(body_lines(b"a\x1b[31m\r\nb", "text/plain", colour=False)) == ["a\\x1b[31m", "b"]
    assert list(body_lines(b"\xff\xfe\x00", "image/png", colour=False)) == ["(3 bytes of image/png)"]
