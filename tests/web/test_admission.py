"""Who gets in, and what is refused: the token, the cookie, Host and Origin, paths that climb, ``--allow-run``."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.support.mcp_servers import environment
from tests.support.notes import PATIENCE, write_notes
from tests.support.web_servers import WebProcess, web_process, words_of

pytestmark = pytest.mark.network

PATHS = ("/", "/runs", "/runs/live", "/cases", "/explain", "/static/web.js", "/workflows/read-note", "/nothing")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    """A server that only shows."""
    directory = tmp_path_factory.mktemp("web")
    with web_process(directory, str(write_notes(directory, "http://127.0.0.1:9"))) as started:
        yield started


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_shown_without_the_token(server: WebProcess, path: str) -> None:
    answer = httpx2.get(server.url + path)
    assert answer.status_code == 401
    assert server.token not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("token", ["", "x", "x" * 32, "é"])
def test_another_token_lets_nobody_in(server: WebProcess, token: str) -> None:
    assert httpx2.get(server.url, params={"token": token}).status_code == 401


def test_the_token_is_taken_at_the_front_door_only(server: WebProcess) -> None:
    assert httpx2.get(f"{server.url}/runs", params={"token": server.token}).status_code == 401
    assert httpx2.post(server.url, params={"token": server.token}).status_code == 401


def test_the_cookie_is_of_this_server_alone(server: WebProcess) -> None:
    answer = httpx2.get(server.address)
    cookie = answer.headers["set-cookie"]
    assert "; HttpOnly" in cookie
    assert "; SameSite=Strict" in cookie
    assert f"arazzo-web-{urlsplit(server.url).port}=" in cookie
    assert server.token not in cookie
    assert server.token not in answer.text


def test_who_has_come_in_sees_the_pages(server: WebProcess) -> None:
    with server.client() as client:
        for path in ("/", "/runs", "/cases", "/explain", "/workflows/read-note"):
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"
            assert server.token not in answer.text
            assert "server" not in answer.headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example", ""])
def test_another_host_is_refused(server: WebProcess, host: str) -> None:
    with server.client() as client:
        assert client.get("/", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1"])
def test_another_origin_is_refused(server: WebProcess, origin: str) -> None:
    with server.client() as client:
        assert client.get("/", headers={"Origin": origin}).status_code == 403
        assert client.post("/cases", headers={**FORM, "Origin": origin}).status_code == 403


def test_a_form_without_an_origin_is_refused(server: WebProcess) -> None:
    with server.client() as client:
        del client.headers["origin"]
        assert client.post("/cases", headers=FORM).status_code == 403


def test_only_forms_are_taken(server: WebProcess) -> None:
    with server.client() as client:
        assert client.post("/cases", json={}).status_code == 415
        assert client.post("/cases", content="a=b", headers={"Content-Type": "text/plain"}).status_code == 415
        assert client.post("/cases", content=b"a" * (9 << 20), headers=FORM).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/static/%2e%2e/%2e%2e/site.py",
        "/static/web.css%00",
        "/cases/../../../../etc/passwd",
        "/cases/..%2f..%2fetc%2fpasswd",
        "/cases//etc/passwd",
        "/runs/..%2f..%2fetc",
        "/workflows/..%2f..%2fetc",
        "/workflows/read-note/..%2fdocument",
    ],
)
def test_a_path_that_climbs_leads_nowhere(server: WebProcess, path: str) -> None:
    parts = urlsplit(server.url)
    with server.client() as client:
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    # By hand: a client would tidy the path up.
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split(b" ", 2)[1] in (b"404", b"400"), answer[:200]
    assert b"root:" not in answer
    assert b"import annotations" not in answer


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/workflows/read-note/run", {"action": "run"}),
        ("/workflows/read-note/run", {"action": "paused"}),
        ("/workflows/read-note/run", {"action": ""}),
    ],
)
def test_a_server_that_only_shows_runs_nothing(server: WebProcess, path: str, form: dict[str, str]) -> None:
    with server.client() as client:
        answer = client.post(path, data=form)
        assert answer.status_code == 403
        assert "--allow-run" in answer.text
        assert "0 runs" in client.get("/runs").text


def test_a_server_that_only_shows_has_no_button_that_runs(server: WebProcess) -> None:
    with server.client() as client:
        page = client.get("/workflows/read-note").text
        assert 'value="run"' not in page
        assert 'value="dry-run"' in page


def test_the_help_has_an_example() -> None:
    import subprocess
    import sys

    shown = subprocess.run(
        [sys.executable, "-m", "arazzo_runner", "web", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
        timeout=PATIENCE,
    )
    assert "Example: arazzo web" in shown.stdout


def test_an_address_that_is_taken_is_an_error_that_names_it(tmp_path: object) -> None:
    import subprocess
    from pathlib import Path

    directory = Path(str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = words_of(directory, str(write_notes(directory, "http://127.0.0.1:9")), "--port", port)
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment(), timeout=PATIENCE)
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
