"""Documents from the network: what is taken, what is said when they cannot be had, and which copies are used."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from arazzo_runner.effects import Request, Response
from arazzo_runner.runtime.http import documents as fetching
from arazzo_runner.runtime.http.documents import FetchedDocuments, fetch_document
from arazzo_runner.runtime.run.workbook import load
from tests.servers.misbehaving import Misbehaving, refusing_port
from tests.servers.misbehaviours import Line, Received, answer
from tests.support.clients import QUICK
from tests.support.repository import ROOT

pytestmark = pytest.mark.network

WORKFLOWS = ROOT / "workflows"
DOCUMENT = b"openapi: 3.1.0\n"


@dataclass
class Published:
    """A document on a server, with the header fields that it is given with."""

    headers: tuple[str, ...] = ()
    body: bytes = DOCUMENT
    status: str = "200 OK"
    conditions: list[str | None] = field(default_factory=list)

    def __call__(self, line: Line, received: Received) -> bool:
        condition = received.header("If-None-Match") or received.header("If-Modified-Since")
        self.conditions.append(condition)
        if condition is not None and any(header.endswith(f": {condition}") for header in self.headers):
            return answer(line, b"", *self.headers, status="304 Not Modified")
        return answer(line, self.body, *self.headers, status=self.status)


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def published(server: Misbehaving) -> Published:
    published = Published()
    server.also["/api.yaml"] = published
    return published


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fetch(server: Misbehaving, tmp_path: Path, clock: Clock) -> Callable[[], bytes]:
    """Get the published document, with copies in a directory of the test's own."""
    return lambda: fetch_document(f"{server.url}/api.yaml", QUICK, kept=FetchedDocuments(tmp_path), now=clock)


def reason(url: str, **options: object) -> str:
    with pytest.raises(OSError) as error:  # noqa: PT011 - its text is what is looked at
        fetch_document(url, replace(QUICK, **options))
    assert error.value.strerror is None
    return str(error.value)


def test_a_document_comes_whatever_its_content_type(server: Misbehaving, published: Published) -> None:
    published.headers = ("Content-Type: text/html",)
    assert fetch_document(f"{server.url}/api.yaml", QUICK) == DOCUMENT
    assert "application/yaml" in (server.requests[0].header("Accept") or "")
    assert server.all_closed()


def test_redirects_are_followed(server: Misbehaving, published: Published) -> None:
    target = quote(f"{server.url}/redirect?to=/api.yaml", safe="")
    assert fetch_document(f"{server.url}/redirect?to={target}", QUICK) == DOCUMENT
    assert reason(f"{server.url}/redirect-loop") == "more than 10 redirects"


def test_a_redirect_from_https_to_http_is_refused() -> None:
    response = Response(302, (("Location", "http://a.example/api.yaml"),))
    with pytest.raises(OSError, match="redirects from https to http"):
        fetching._following(Request("GET", "https://a.example/"), response)
    upgrade = Response(302, (("Location", "https://a.example/api.yaml"),))
    assert fetching._following(Request("GET", "http://a.example/"), upgrade) is not None


def test_redirects_and_hosts_are_held_to_what_is_allowed(server: Misbehaving, published: Published) -> None:
    assert "--allow-host" in reason(f"{server.url}/api.yaml", allowed_hosts=frozenset({"a.example"}))
    assert "'file:' URLs are not requested" in reason(f"{server.url}/redirect?to=file:///etc/passwd")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("404 Not Found", "the server answers 404: there is nothing at this URL"),
        ("401 Unauthorized", "the server answers 401: it wants credentials, and documents are fetched without"),
        ("500 Oops", "the server answers 500"),
    ],
)
def test_what_the_server_answers_instead_is_said(
    server: Misbehaving, published: Published, status: str, words: str
) -> None:
    published.status = status
    assert reason(f"{server.url}/api.yaml") == words


def test_what_the_network_does_is_said(server: Misbehaving) -> None:
    with refusing_port() as port:
        assert "refused the connection" in reason(f"http://127.0.0.1:{port}/api.yaml")
    assert "after 10 of 1,000 bytes" in reason(f"{server.url}/length-too-long")
    assert "within 0.3 s" in reason(f"{server.url}/silent", read_timeout=0.3)


def test_a_server_that_never_comes_to_an_end_is_left(server: Misbehaving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TIME_LIMIT", 0.3)
    assert reason(f"{server.url}/slow-body") == "no complete answer within 0.3 s"


def test_a_document_has_a_limit_that_no_option_is_named_for(server: Misbehaving) -> None:
    with pytest.raises(OSError, match=r"the response is larger than the limit of 10,000 bytes$"):
        fetch_document(f"{server.url}/coded?as=bomb", QUICK, limit=10_000)


def test_a_web_page_is_no_document(server: Misbehaving, published: Published) -> None:
    published.body = b"\xef\xbb\xbf\n<!DOCTYPE html><html></html>"
    assert reason(f"{server.url}/api.yaml") == "this is a web page, not a document"


@pytest.mark.parametrize(
    ("page", "file"),
    [
        ("https://github.com/o/r/blob/main/a/b.yaml", "https://raw.githubusercontent.com/o/r/main/a/b.yaml"),
        ("https://gitlab.example/g/p/-/blob/main/b.yaml?x=y", "https://gitlab.example/g/p/-/raw/main/b.yaml"),
    ],
)
def test_a_forges_page_about_a_file_leads_to_the_file(page: str, file: str) -> None:
    with pytest.raises(OSError, match="this is a web page") as error:
        fetching._document(page, Response(200, (), b"<html>"))
    assert str(error.value).endswith(f"; the file itself is at {file}")


def test_a_fresh_copy_is_used_without_asking(published: Published, fetch: Callable[[], bytes], clock: Clock) -> None:
    published.headers = ("Cache-Control: public, max-age=300", "Age: 100")
    assert [fetch(), fetch()] == [DOCUMENT, DOCUMENT]
    clock.now += 199
    fetch()
    assert published.conditions == [None]
    clock.now += 2
    fetch()
    assert published.conditions == [None, None]


@pytest.mark.parametrize("validator", ['ETag: "abc"', "Last-Modified: Wed, 01 Jul 2026 00:00:00 GMT"])
def test_a_stale_copy_is_asked_about(
    published: Published, fetch: Callable[[], bytes], clock: Clock, validator: str
) -> None:
    published.headers = (validator, "Cache-Control: max-age=10")
    value = validator.partition(": ")[2]
    fetch()
    clock.now += 11
    assert [fetch(), fetch()] == [DOCUMENT, DOCUMENT]
    assert published.conditions == [None, value], "the answer made the copy fresh again"
    clock.now += 11
    published.headers, published.body = ('ETag: "other"',), b"new"
    assert [fetch(), fetch()] == [b"new", b"new"]
    assert published.conditions[2:] == [value, '"other"']


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ((), [None, None]),
        (("Cache-Control: no-store, max-age=300", 'ETag: "a"'), [None, None]),
        (("Cache-Control: no-cache, max-age=300", 'ETag: "a"'), [None, '"a"']),
        (("Cache-Control: max-age=nonsense",), [None, None]),
        (("Vary: *", "Cache-Control: max-age=300"), [None, None]),
    ],
)
def test_only_what_the_server_allows_is_kept(
    published: Published, fetch: Callable[[], bytes], headers: tuple[str, ...], asked: list[str | None]
) -> None:
    published.headers = headers
    assert [fetch(), fetch()] == [DOCUMENT, DOCUMENT]
    assert published.conditions == asked


def test_a_stale_copy_is_not_passed_off_as_the_document(
    published: Published, fetch: Callable[[], bytes], clock: Clock, server: Misbehaving
) -> None:
    published.headers = ('ETag: "a"',)
    fetch()
    server.also["/api.yaml"] = lambda line, _received: line.reset() or False  # type: ignore[func-returns-value]
    with pytest.raises(OSError, match="broke the connection off") as error:
        fetch()
    assert "; the copy of 1970-01-12 13:46 UTC may be out of date, and is not used" in str(error.value)


def test_a_damaged_copy_is_forgotten(published: Published, fetch: Callable[[], bytes], tmp_path: Path) -> None:
    published.headers = ("Cache-Control: max-age=300",)
    fetch()
    [copy] = (tmp_path / "documents-1").iterdir()
    copy.write_bytes(copy.read_bytes()[:-1])
    assert fetch() == DOCUMENT
    assert published.conditions == [None, None]


def test_load_keeps_documents_in_the_users_cache_unless_told_not_to(
    server: Misbehaving, published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.headers = ("Cache-Control: max-age=300",)
    published.body = (WORKFLOWS / "hugging-face-delete-endpoint-workflow.yml").read_bytes()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("ARAZZO_NO_CACHE", "1")
    for _ in range(2):
        load(f"{server.url}/api.yaml")
    assert not any(tmp_path.iterdir())
    monkeypatch.delenv("ARAZZO_NO_CACHE")
    for _ in range(2):
        load(f"{server.url}/api.yaml")
    assert len(published.conditions) == 3
    assert stat.S_IMODE((tmp_path / "arazzo-runner" / "documents-1").stat().st_mode) == 0o700
