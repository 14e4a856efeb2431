"""Content codings are undone, and a body that is not what it claims is a failure (H6)."""

from __future__ import annotations

import hashlib
import sys
import zlib

import brotli  # type: ignore[import-untyped]
import pytest

from arazzo_runner.runtime.http.content_codings import IncomingBody, accepted_codings
from arazzo_runner.runtime.http.errors import Progress, Refused, TooLarge
from tests.servers.misbehaving import Misbehaving
from tests.servers.misbehaviours import TEXT
from tests.support.clients import Client, answered, failed, get

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@pytest.mark.parametrize(
    "name",
    ["gzip", "x-gzip", "gzip-members", "gzip-padded", "deflate", "deflate-bare", "twice", "identity", "unknown"],
)
def test_a_content_coding_is_undone(client: Client, server: Misbehaving, name: str) -> None:
    [answer] = client(get(f"{server.url}/coded?as={name}"))
    assert answered(answer).response.body == TEXT


@pytest.mark.parametrize(("name", "body"), [("br", brotli.compress(TEXT)), ("zstd", zstd.compress(TEXT))])
def test_brotli_and_zstandard_are_undone(client: Client, server: Misbehaving, name: str, body: bytes) -> None:
    [answer] = client(get(f"{server.url}/coded?as={name}&hex={body.hex()}"))
    assert answered(answer).response.body == TEXT


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("gzip-not", "the response's body is not in the content coding that it claims, 'gzip'"),
        ("gzip-damaged", "the response's body is not in the content coding that it claims, 'gzip'"),
        ("deflate-not", "the response's body is not in the content coding that it claims, 'deflate'"),
        ("br-not", "the response's body is not in the content coding that it claims, 'br'"),
        ("zstd-not", "the response's body is not in the content coding that it claims, 'zstd'"),
        ("gzip-cut", "the response's body ended too early for its content coding 'gzip'"),
        (
            f"br&hex={brotli.compress(TEXT)[:-3].hex()}",
            "the response's body ended too early for its content coding 'br'",
        ),
        (
            f"zstd&hex={zstd.compress(TEXT)[:-3].hex()}",
            "the response's body ended too early for its content coding 'zstd'",
        ),
        ("five-times", "the response has 5 content codings, one in the other"),
    ],
)
def test_a_body_that_is_not_in_its_coding_is_a_failure(
    client: Client, server: Misbehaving, query: str, message: str
) -> None:
    [answer] = client(get(f"{server.url}/coded?as={query}"))
    assert (failed(answer).code, failed(answer).message) == ("transport", message)
    assert server.all_closed()


def test_a_coding_whose_library_is_not_installed_names_the_extra(
    client: Client, server: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("brotli", "brotlicffi"):
        monkeypatch.setitem(sys.modules, name, None)
    assert "br" not in accepted_codings()
    [answer] = client(get(f"{server.url}/coded?as=br&hex=00"))
    assert "pip install 'arazzo-workflow-runner[compression]'" in failed(answer).message


def body_of(coding: str, limit: int = 10**9) -> IncomingBody:
    return IncomingBody((("Content-Encoding", coding),), limit=limit, progress=Progress("host", 80, "host", 80, 1, 1))


LARGE = b"".join(hashlib.sha256(b"%d" % n).digest() + b"words" * 5 for n in range(12_000))
CODED = {
    "deflate": zlib.compress(LARGE),
    "br": brotli.compress(LARGE, quality=3),
    "zstd": zstd.compress(LARGE[:1000]) + zstd.compress(LARGE[1000:]),
}


@pytest.mark.parametrize("coding", CODED)
@pytest.mark.parametrize("size", [1, 7, 100_000, 10**9])
def test_a_body_may_come_in_pieces_of_any_size(coding: str, size: int) -> None:
    coded = CODED[coding] if size > 1 else CODED[coding][:50_000]
    body = body_of(coding)
    for start in range(0, len(coded), size):
        body.feed(coded[start : start + size])
    if size > 1:
        assert body.finish() == LARGE
    else:
        with pytest.raises(Refused):
            body.finish()


@pytest.mark.parametrize(
    ("coding", "bomb"), [("br", brotli.compress(bytes(50_000_000))), ("zstd", zstd.compress(bytes(50_000_000)))]
)
def test_a_bomb_is_stopped_when_it_passes_the_limit(coding: str, bomb: bytes) -> None:
    with pytest.raises(TooLarge):
        body_of(coding, limit=1_000_000).feed(bomb)
