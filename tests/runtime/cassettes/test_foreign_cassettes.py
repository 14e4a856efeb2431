"""Cassettes of other tools: older forms, filtered secrets, content codings, streams; and where two bodies part."""

from __future__ import annotations

import gzip
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from vcr.request import Request as VcrRequest
from vcr.serializers import yamlserializer

from arazzo_runner.effects import MASK, Answered, Request, Response, Send
from arazzo_runner.errors import CassetteError
from arazzo_runner.runtime.cassettes.differences import compare
from arazzo_runner.runtime.cassettes.format import Cassette, Interaction, read_cassette
from arazzo_runner.runtime.cassettes.replay import Replay
from arazzo_runner.runtime.http import content_codings
from arazzo_runner.runtime.secrets.redaction import Redactor

SECRET = "s3cr3t-value"
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
MULTIPART = (("Content-Type", "multipart/form-data; boundary=b"),)


def cassette(tmp_path: Path, response: dict[str, Any], **request: Any) -> Cassette:
    sent = {"method": "GET", "uri": "https://a/x", "headers": {}, "body": None, **request}
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "interactions": [{"request": sent, "response": response}]}), "utf-8")
    return read_cassette(path)


# Forms of files


@pytest.mark.parametrize("content", ["{}", b"{}", ""])
def test_the_older_form_of_what_httpx_received(tmp_path: Path, content: str | bytes) -> None:
    older = {"status_code": 201, "http_version": "HTTP/1.1", "headers": {"A": ["b"]}, "content": content}
    [interaction] = cassette(tmp_path, older).interactions
    expected = content.encode() if isinstance(content, str) else content
    assert interaction.response == Response(201, (("A", "b"),), expected)


def coded(body: bytes, coding: str) -> bytes:
    import brotli  # type: ignore[import-untyped, unused-ignore]

    zstd = content_codings._OPTIONAL["zstd"][0]()
    ways = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress}
    for one in coding.split(", "):
        body = ways[one](body)
    return body


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, br", "br, zstd", "deflate, gzip"])
@pytest.mark.parametrize("is_decoded", [True, False])
def test_content_codings_are_undone_unless_they_were(tmp_path: Path, coding: str, is_decoded: bool) -> None:
    pytest.importorskip("brotli")
    body = b'{"id": "j1"}'
    string = body if is_decoded else coded(body, coding)
    response = {"status": {"code": 200}, "headers": {"Content-Encoding": [coding]}, "body": {"string": string}}
    [interaction] = cassette(tmp_path, response).interactions
    assert interaction.response.body == body


def test_a_coding_without_its_library_is_named_with_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> Any:
        raise ImportError

    monkeypatch.setitem(content_codings._OPTIONAL, "br", (absent, content_codings._Brotli))
    response = {"status": {"code": 200}, "headers": {"Content-Encoding": ["br"]}, "body": {"string": b"\x8b\x05\x80"}}
    with pytest.raises(CassetteError, match=r"content coding 'br', which needs an extra: pip install"):
        cassette(tmp_path, response)
    text = {"status": {"code": 200}, "headers": {"Content-Encoding": ["br"]}, "body": {"string": "{}"}}
    assert cassette(tmp_path, text).interactions[0].response.body == b"{}"


@pytest.mark.parametrize("content", [b"a=b", b"\x89PNG\xff"])
def test_a_stream_that_was_sent_is_its_content(tmp_path: Path, content: bytes) -> None:
    sent = VcrRequest("POST", "https://a/x", BytesIO(content), {})
    answer = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": b""}}
    data = {"version": 1, "interactions": [{"request": sent._to_dict(), "response": answer}]}
    data["interactions"][0]["request"]["body"] = BytesIO(content)  # type: ignore[index]
    path = tmp_path / "c.yaml"
    path.write_text(yamlserializer.serialize(data), "utf-8")
    assert "BytesIO" in path.read_text("utf-8")
    assert read_cassette(path).interactions[0].request.body == content


def test_no_other_object_of_python_is_made(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("interactions: [!!python/object/apply:os.system [exit 1]]", "utf-8")
    with pytest.raises(CassetteError, match="could not determine a constructor"):
        read_cassette(path)


# Filtered secrets


def replayed(live: Request, recorded: Request) -> bool:
    knows = Redactor()
    knows.learn(SECRET)
    world = Replay(Cassette("c", (Interaction(recorded, Response(200)),)), knows)
    return isinstance(world.send(Send(live)), Answered)


LIVE_QUERY = Request("GET", f"https://a/x?q=Oslo&api_key={SECRET}")
LIVE_FORM = Request("POST", "https://a/x", FORM, f"grant=c&client_secret={SECRET}".encode())
LIVE_JSON = Request(
    "POST", "https://a/x", (("Content-Type", "application/json"),), f'{{"a": 1, "s": "{SECRET}"}}'.encode()
)
LIVE_TEXT = Request("POST", "https://a/x", (("Content-Type", "text/plain"),), f"key {SECRET} end".encode())
LIVE_PATH = Request("GET", f"https://a/bot{SECRET}/send")
LIVE_PARTS = Request(
    "POST",
    "https://a/x",
    MULTIPART,
    f'--b\r\nContent-Disposition: form-data; name="s"\r\n\r\n{SECRET}\r\n--b--\r\n'.encode(),
)


@pytest.mark.parametrize("word", [MASK, "XXX", "<SECRET>", ""])
@pytest.mark.parametrize("live", [LIVE_QUERY, LIVE_FORM, LIVE_JSON, LIVE_TEXT, LIVE_PATH, LIVE_PARTS])
def test_any_word_may_stand_for_a_secret(live: Request, word: str) -> None:
    body = None if live.body is None else live.body.replace(SECRET.encode(), word.encode())
    recorded = Request(live.method, live.url.replace(SECRET, word), live.headers, body)
    assert replayed(live, recorded)


@pytest.mark.parametrize(
    ("live", "recorded"),
    [
        (LIVE_QUERY, Request("GET", "https://a/x?q=Oslo")),
        (LIVE_FORM, Request("POST", "https://a/x", FORM, b"grant=c")),
        (LIVE_JSON, Request("POST", "https://a/x", LIVE_JSON.headers, b'{"a": 1}')),
    ],
)
def test_a_secret_may_have_been_removed(live: Request, recorded: Request) -> None:
    assert replayed(live, recorded)


@pytest.mark.parametrize(
    ("live", "recorded"),
    [
        (LIVE_QUERY, Request("GET", "https://a/x?q=Bergen&api_key=XXX")),
        (LIVE_QUERY, Request("GET", "https://a/x?q=Oslo&api_key=XXX&page=2")),
        (LIVE_FORM, Request("POST", "https://a/x", FORM, b"grant=d&client_secret=XXX")),
        (LIVE_JSON, Request("POST", "https://a/x", LIVE_JSON.headers, b'{"a": 2, "s": "XXX"}')),
        (LIVE_TEXT, Request("POST", "https://a/x", LIVE_TEXT.headers, b"key XXX start")),
        (LIVE_PATH, Request("GET", "https://a/botXXX/fetch")),
        (Request("GET", "https://a/x?q=Oslo"), Request("GET", "https://a/x?q=XXX")),
    ],
)
def test_what_is_not_secret_is_compared_as_before(live: Request, recorded: Request) -> None:
    assert not replayed(live, recorded)


# Where two bodies part


LONG = "x" * 200


def two_parts(one: str, other: str) -> str:
    head = "--b\r\nContent-Disposition: form-data; name="
    return f'{head}"d"\r\n\r\n{one}\r\n{head}"n"\r\n\r\n{other}\r\n--b--\r\n'


@pytest.mark.parametrize(
    ("headers", "live", "recorded", "differences"),
    [
        (FORM, f"d={LONG}&size=x2", f"d={LONG}&size=x1", ['the body field size is "x2", recorded "x1"']),
        (
            FORM,
            "a=1&a=2&b=3",
            "a=1&c=4",
            [
                'the body field a is "2", recorded absent',
                'the body field b is "3", recorded absent',
                'the body field c is absent, recorded "4"',
            ],
        ),
        (FORM, "b=2&a=1", "a=1&b=2", []),
        (
            FORM,
            f"d={LONG}2",
            f"d={LONG}1",
            ['the body field d is "…xxxxxxxxxxxxxxxxxxxx2", recorded "…xxxxxxxxxxxxxxxxxxxx1"'],
        ),
        (
            (("Content-Type", "text/plain"),),
            f"one\n{LONG} two",
            f"one\n{LONG} ten",
            ['the body at 2:203 is "…xxxxxxxxxxxxxxxxxx two", recorded "…xxxxxxxxxxxxxxxxxx ten"'],
        ),
        (
            (("Content-Type", "application/xml"),),
            f"<a><b>{LONG}</b><c>2</c></a>",
            f"<a><b>{LONG}</b><c>1</c></a>",
            ['the body at 1:214 is "…xxxxxxxxxxxxx</b><c>2</c></a>", recorded "…xxxxxxxxxxxxx</b><c>1</c></a>"'],
        ),
        (
            MULTIPART,
            two_parts(LONG, "2"),
            two_parts(LONG, "1"),
            ['the body field n is "2", recorded "1"'],
        ),
    ],
)
def test_a_miss_shows_where_two_bodies_part(headers: Any, live: str, recorded: str, differences: list[str]) -> None:
    one, other = (Request("POST", "https://a/x", headers, body.encode()) for body in (live, recorded))
    assert list(map(str, compare(one, other))) == differences
