"""The same workflow and the same answers give the same events, whatever carries the requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from msgspec import Struct
from msgspec.structs import fields, replace

from arazzo_runner.effects import Answered, Failed, Response, Send
from arazzo_runner.engine.events import Event
from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import InvalidInputs, PlanError
from arazzo_runner.runtime.cassettes.format import read_cassette
from arazzo_runner.runtime.cassettes.recording import Recorder, Recording
from arazzo_runner.runtime.cassettes.replay import Replay
from arazzo_runner.runtime.drivers import AsyncWorld, Loop, World, adrive, drive
from arazzo_runner.runtime.http.applications import AsgiWorld, WsgiWorld
from arazzo_runner.runtime.http.asgi import Asgi
from arazzo_runner.runtime.http.clients import AsyncClientWorld, ClientWorld
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.transport import open_transport
from arazzo_runner.runtime.secrets.redaction import Redactor
from tests.support.http_server import serving
from tests.support.own_cases import answer_to, own_cases, plan_of
from tests.support.worlds import as_recorded

Case = dict[str, Any]
Next = Callable[[], Response]

FRAMING = {"content-length", "connection", "transfer-encoding", "date", "server"}
"""What a server says of its connection and not of its answer."""


class Answers:
    """The answers of a case, one after the other, each with lower-case header names, as ASGI has them."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._count = 0

    def __call__(self) -> Response:
        answer = answer_to(self._case, self._count, 1000.0)
        self._count += 1
        assert isinstance(answer, Answered)
        response = answer.response
        return replace(response, headers=tuple((name.lower(), value) for name, value in response.headers))


class Timeless:
    """A world whose clock moves by its waits alone."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._now = 1000.0

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds

    def send(self, effect: Send) -> Answered | Failed:
        answer = self._world.send(effect)
        return replace(answer, at=self._now, duration=0.0)


class AsyncTimeless:
    """The same, asynchronously."""

    def __init__(self, world: AsyncWorld) -> None:
        self._world = world
        self._now = 1000.0

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += seconds

    async def send(self, effect: Send) -> Answered | Failed:
        answer = await self._world.send(effect)
        return replace(answer, at=self._now, duration=0.0)


class Everywhere:
    """Routes that lead every request into one application."""

    def __init__(self, app: Any) -> None:
        self.apps = {"": app}

    def of(self, url: str) -> Any:
        return self.apps[""]


def told(plan: Plan, inputs: Any, world: World) -> list[Event]:
    events: list[Event] = []
    loop, timeless = Loop(plan, events.append), Timeless(world)
    drive(loop, loop.begin(inputs, timeless.now()), timeless)
    return [without_framing(event) for event in events]


async def atold(plan: Plan, inputs: Any, world: AsyncWorld) -> list[Event]:
    events: list[Event] = []
    loop, timeless = Loop(plan, events.append), AsyncTimeless(world)
    await adrive(loop, loop.begin(inputs, timeless.now()), timeless)
    return [without_framing(event) for event in events]


def without_framing(value: Any) -> Any:
    if isinstance(value, Response):
        return replace(value, headers=tuple(one for one in value.headers if one[0].lower() not in FRAMING))
    if isinstance(value, Struct):
        return replace(value, **{one.name: without_framing(getattr(value, one.name)) for one in fields(value)})
    return tuple(map(without_framing, value)) if isinstance(value, tuple) else value


class Switch:
    """A server, and whose answers it gives now; a proxy gets the requests of every host."""

    url = ""
    answer: Next


class Handler(BaseHTTPRequestHandler):
    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        given = Switch.answer()
        self.send_response_only(given.status)
        for name, value in given.headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(given.body)))
        self.end_headers()
        self.wfile.write(given.body if self.command != "HEAD" else b"")


@pytest.fixture(scope="module", autouse=True)
def _served() -> Iterator[None]:
    with serving(Handler) as url:
        Switch.url = url
        yield


@contextmanager
def proxy(answer: Next) -> Iterator[str]:
    Switch.answer = answer
    yield Switch.url


def over_a_socket(plan: Plan, inputs: Any, answer: Next) -> list[Event]:
    with proxy(answer) as url, open_transport(TransportOptions(proxy=url)) as transport:
        return told(plan, inputs, transport)


def by_client(library: Any) -> Callable[[Plan, Any, Next], list[Event]]:
    def carry(plan: Plan, inputs: Any, answer: Next) -> list[Event]:
        def respond(_: Any) -> Any:
            given = answer()
            headers = [(name.encode(), value.encode()) for name, value in given.headers]
            return library.Response(given.status, headers=headers, content=given.body)

        with library.Client(verify=False, transport=library.MockTransport(respond)) as client:
            return told(plan, inputs, ClientWorld(client, TransportOptions()))

    return carry


def by_async_client(library: Any) -> Callable[[Plan, Any, Next], list[Event]]:
    def carry(plan: Plan, inputs: Any, answer: Next) -> list[Event]:
        async def respond(_: Any) -> Any:
            given = answer()
            headers = [(name.encode(), value.encode()) for name, value in given.headers]
            return library.Response(given.status, headers=headers, content=given.body)

        async def run() -> list[Event]:
            async with library.AsyncClient(verify=False, transport=library.MockTransport(respond)) as client:
                return await atold(plan, inputs, AsyncClientWorld(client, TransportOptions()))

        return asyncio.run(run())

    return carry


def by_socket_of_client(library: Any) -> Callable[[Plan, Any, Next], list[Event]]:
    def carry(plan: Plan, inputs: Any, answer: Next) -> list[Event]:
        with proxy(answer) as url, library.Client(verify=False, proxy=url) as client:
            return told(plan, inputs, ClientWorld(client, TransportOptions()))

    return carry


def by_asgi(plan: Plan, inputs: Any, answer: Next) -> list[Event]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        given = answer()
        headers = [(name.encode(), value.encode()) for name, value in given.headers]
        await send({"type": "http.response.start", "status": given.status, "headers": headers})
        for start in range(0, len(given.body), 7):
            await send({"type": "http.response.body", "body": given.body[start : start + 7], "more_body": True})
        await send({"type": "http.response.body"})

    async def run() -> list[Event]:
        async with Asgi(app) as opened:
            routes: Any = Everywhere(app)
            return await atold(plan, inputs, AsgiWorld(routes, TransportOptions(), {id(app): opened}))

    return asyncio.run(run())


def by_wsgi(plan: Plan, inputs: Any, answer: Next) -> list[Event]:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        given = answer()
        headers = [(name, value.encode().decode("latin-1")) for name, value in given.headers]
        start_response(f"{given.status} OK", headers)
        return [given.body]

    routes: Any = Everywhere(app)
    return told(plan, inputs, WsgiWorld(routes, TransportOptions()))


CARRIERS: dict[str, Callable[[Plan, Any, Next], list[Event]]] = {
    "a client of httpx": by_client(httpx),
    "a client of httpx2": by_client(httpx2),
    "an asynchronous client of httpx": by_async_client(httpx),
    "an asynchronous client of httpx2": by_async_client(httpx2),
    "a connection of httpx": by_socket_of_client(httpx),
    "a connection of httpx2": by_socket_of_client(httpx2),
    "ASGI": by_asgi,
    "WSGI": by_wsgi,
}


def from_a_cassette(plan: Plan, inputs: Any, answer: Next, path: Path) -> list[Event]:
    redactor = Redactor()
    loop = Loop(plan, lambda _: None)
    with (
        proxy(answer) as url,
        open_transport(TransportOptions(proxy=url)) as transport,
        Recorder(path, redactor) as recorder,
    ):
        world = Recording(Timeless(transport), recorder)
        drive(loop, loop.begin(inputs, world.now()), world)
    events: list[Event] = []
    loop = Loop(plan, events.append)
    replay = Replay(read_cassette(path), redactor)
    drive(loop, loop.begin(inputs, replay.now()), replay)
    return [without_framing(event) for event in events]


@pytest.mark.parametrize("case", own_cases())
def test_every_carrier_tells_the_same_of_every_case(case: Case, tmp_path: Path) -> None:
    if "failure" in json.dumps(case.get("answers", ())):
        pytest.skip("a failure of the network has no answer that could be carried")
    plain = json.loads(json.dumps(case).replace("https://", "http://"))  # so that a proxy sees each request
    inputs = plain.get("inputs", {})
    try:
        plan = plan_of(plain, tls=False)
        expected = over_a_socket(plan, inputs, Answers(plain))
    except (PlanError, InvalidInputs):
        assert case["expect"].keys() & {"refused", "invalid"}
        return
    for name, carry in CARRIERS.items():
        assert carry(plan, inputs, Answers(plain)) == expected, name
    unrecorded = case["rule"] == "S1" or "GMT" in json.dumps(case)
    if not unrecorded:
        replayed = from_a_cassette(plan, inputs, Answers(plain), tmp_path / "cassette.yaml")
        assert list(map(as_recorded, replayed)) == list(map(as_recorded, expected))
