"""A broker of each kind for the tests of this folder, started when one first needs it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.servers.brokers import BROKERS, BrokerServer, needs, running

# Clients leave the sockets of connections that failed to the garbage collector.
leaves_sockets = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
EACH = [pytest.param(kind, id=kind.__name__, marks=needs(kind)) for kind in BROKERS]


@pytest.fixture(scope="package", params=EACH)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerServer]:
    """A broker that runs, of each kind."""
    kind: type[BrokerServer] = request.param
    with running(kind, tmp_path_factory.mktemp(kind.__name__)) as server:
        yield server


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of these tests."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Collect what a test leaves, so that no later one is told of it."""
    yield
    gc.collect()
