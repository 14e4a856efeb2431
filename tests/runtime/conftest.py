"""A misbehaving server, both clients, and an environment without proxies or caches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.misbehaving import Misbehaving
from tests.support.clients import CLIENTS, Client


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARAZZO_NO_CACHE", "1")
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with Misbehaving() as server:
        yield server


@pytest.fixture
def other() -> Iterator[Misbehaving]:
    """A second server: another origin."""
    with Misbehaving() as server:
        yield server


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Client:
    """The synchronous and the asynchronous client."""
    return CLIENTS[request.param]
