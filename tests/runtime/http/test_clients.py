"""The user's own client carries the requests; hosts, redirects, limits and masks stay ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import respx

from arazzo_runner import Event, Runner, RunOptions, TransportOptions, UsageError
from tests.support.http_server import serving
from tests.support.shop import GET_ORDER, MOVED, UPLOAD, write_shop

LIBRARIES = [pytest.param(httpx, id="httpx"), pytest.param(httpx2, id="httpx2")]
SERVER = "http://api.shop.example/v1"


def echo(library: Any) -> Callable[[Any], Any]:
    """Answers with what it was asked, every header in it."""

    def respond(request: Any) -> Any:
        said = {"url": str(request.url), "headers": dict(request.headers), "body": request.read().decode()}
        return library.Response(201 if request.method == "POST" else 200, json=said)

    return respond


@pytest.fixture
def shop(tmp_path: Path) -> str:
    return write_shop(tmp_path, GET_ORDER, servers=(SERVER,))


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_the_client_adds_goes_out_and_its_secrets_do_not(library: Any, shop: str) -> None:
    hooked: list[str] = []
    events: list[Event] = []
    client = library.Client(
        transport=library.MockTransport(echo(library)),
        auth=("ann", "pass-word-of-ann"),
        headers={"X-Team": "blue", "X-Api-Key": "key-of-the-team"},
        cookies={"session": "cookie-of-ann"},
        params={"trace": "1"},
        event_hooks={"request": [lambda request: hooked.append(request.method)]},
    )
    result = Runner(shop, client=client, listeners=[events.append]).run(inputs={"name": "a/b é"})
    order = result.raise_for_failure().outputs["get_order"]
    assert hooked == ["GET"]
    assert order["url"] == f"{SERVER}/orders/a%2Fb%20%C3%A9?trace=1"
    assert order["headers"]["x-team"] == "blue"
    assert order["headers"]["authorization"].startswith("Basic ")
    assert order["headers"]["cookie"] == "session=cookie-of-ann"
    shown = repr(events)
    assert "cookie-of-ann" not in shown
    assert order["headers"]["authorization"].removeprefix("Basic ") not in shown
    assert "key-of-the-team" not in shown


@pytest.mark.parametrize("library", LIBRARIES)
def test_both_kinds_of_client_in_both_kinds_of_run(library: Any, shop: str) -> None:
    async def respond(request: Any) -> Any:
        return echo(library)(request)

    one = library.Client(transport=library.MockTransport(echo(library)))
    other = library.AsyncClient(transport=library.MockTransport(respond))
    outputs = []
    for client in (one, other):
        runner = Runner(shop, client=client)
        outputs += [runner.run(inputs={"name": "x"}).outputs, asyncio.run(runner.arun(inputs={"name": "x"})).outputs]
    assert all(found == outputs[0] for found in outputs)
    assert outputs[0]["get_order"]["url"] == f"{SERVER}/orders/x"


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_upload_is_sent_byte_for_byte(library: Any, tmp_path: Path) -> None:
    client = library.Client(transport=library.MockTransport(echo(library)))
    result = Runner(write_shop(tmp_path, UPLOAD, servers=(SERVER,)), client=client).run()
    got = result.raise_for_failure().outputs["upload_got"]
    assert got["headers"]["content-type"].startswith("multipart/form-data; boundary=")
    assert "content" in got["body"]
    assert got["headers"]["content-length"] == str(len(got["body"].encode()))


@pytest.mark.parametrize("library", LIBRARIES)
def test_redirects_are_ours_and_take_nothing_of_the_client_elsewhere(library: Any, tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []

    def respond(request: Any) -> Any:
        seen.append(dict(request.headers))
        if request.url.host == "api.shop.example":
            return library.Response(302, headers={"Location": "http://cdn.example/order"})
        return library.Response(200, json={"n": 1})

    client = library.Client(
        transport=library.MockTransport(respond),
        auth=("ann", "pw"),
        cookies={"session": "c"},
        headers={"X-Team": "b"},
        follow_redirects=True,
    )
    document = write_shop(tmp_path, MOVED, servers=(SERVER,))
    events: list[Any] = []
    Runner(document, client=client, listeners=[events.append]).run()
    assert len(seen) == 1  # not asked for
    followed = Runner(document, client=client, transport=TransportOptions(follow_redirects=True)).run()
    assert followed.outputs["moved_order"] == {"n": 1}
    assert {"authorization", "cookie", "x-team"} <= seen[1].keys()
    assert not {"authorization", "cookie", "x-team"} & seen[2].keys()


@pytest.mark.parametrize("library", LIBRARIES)
def test_hosts_that_may_not_be_reached_are_not(library: Any, shop: str) -> None:
    sent: list[Any] = []

    def respond(request: Any) -> Any:
        sent.append(request)
        return library.Response(200)

    client = library.Client(transport=library.MockTransport(respond))
    options = TransportOptions(allowed_hosts=frozenset({"other.example"}))
    result = Runner(shop, client=client, transport=options).run(inputs={"name": "x"})
    assert result.reason is not None
    assert "api.shop.example is not among the hosts" in result.reason.message
    assert not sent


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("streamed", [True, False])
def test_a_response_is_limited(library: Any, streamed: bool, shop: str) -> None:
    def respond(_: Any) -> Any:
        content = (b"x" * 1000 for _ in range(10**6)) if streamed else b"x" * 100_000
        return library.Response(200, content=content)

    client = library.Client(transport=library.MockTransport(respond))
    options = TransportOptions(max_response_bytes=5000)
    result = Runner(shop, client=client, transport=options).run(inputs={"name": "x"})
    assert result.reason is not None
    assert "larger than the limit of 5,000 bytes" in result.reason.message


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_failure_of_the_network_is_an_answer_in_our_words(library: Any, shop: str) -> None:
    def refuse(request: Any) -> Any:
        raise library.ReadTimeout("too slow", request=request)

    client = library.Client(transport=library.MockTransport(refuse), timeout=3.0)
    result = Runner(shop, client=client).run(inputs={"name": "x"})
    assert result.reason is not None
    assert "no answer from api.shop.example within 3 s" in result.reason.message

    with library.Client() as real:
        nothing = write_shop(Path(shop).parent, GET_ORDER, servers=("http://127.0.0.1:9",))
        failed = Runner(nothing, client=real).run(inputs={"name": "x"})
    assert failed.reason is not None
    assert "127.0.0.1 refused the connection on port 9" in failed.reason.message


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_time_outs_are_the_clients_but_for_those_that_are_given(library: Any, shop: str) -> None:
    seen: list[dict[str, float]] = []

    def respond(request: Any) -> Any:
        seen.append(request.extensions["timeout"])
        return library.Response(200, json={})

    client = library.Client(transport=library.MockTransport(respond), timeout=3.0)
    for options in (TransportOptions(follow_redirects=True), TransportOptions(read_timeout=7.0)):
        Runner(shop, client=client, transport=options).run(inputs={"name": "x"})
    assert seen == [
        {"connect": 3.0, "read": 3.0, "write": 3.0, "pool": 3.0},
        {"connect": 3.0, "read": 7.0, "write": 7.0, "pool": 3.0},
    ]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_hook_that_raises_for_a_status_fails_the_step(library: Any, shop: str) -> None:
    client = library.Client(
        transport=library.MockTransport(lambda _: library.Response(404, json={"secret": "do-not-show"})),
        event_hooks={"response": [lambda response: response.raise_for_status()]},
    )
    result = Runner(shop, client=client).run(inputs={"name": "x"})
    assert result.reason is not None
    assert "a hook of the client raised HTTPStatusError for the status 404" in result.reason.message


@pytest.mark.parametrize("library", LIBRARIES)
def test_any_other_error_of_a_hook_is_the_callers(library: Any, shop: str) -> None:
    def broken(_: Any) -> None:
        raise LookupError("my own mistake")

    client = library.Client(transport=library.MockTransport(echo(library)), event_hooks={"request": [broken]})
    with pytest.raises(LookupError, match="my own mistake"):
        Runner(shop, client=client).run(inputs={"name": "x"})


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_mounts_of_a_client_carry_what_they_are_for(library: Any, shop: str) -> None:
    def refuse(request: Any) -> Any:
        raise AssertionError(f"{request.url} is not for this transport")

    mounts = {"http://api.shop.example": library.MockTransport(echo(library))}
    client = library.Client(transport=library.MockTransport(refuse), mounts=mounts)
    assert Runner(shop, client=client).run(inputs={"name": "x"}).raise_for_failure()


def test_respx_answers_for_a_client(shop: str) -> None:
    with respx.mock(base_url=SERVER) as mock, httpx.Client() as client:
        route = mock.get("/orders/x").respond(json={"id": 7})
        result = Runner(shop, client=client).run(inputs={"name": "x"})
    assert route.called
    assert result.outputs["get_order"] == {"id": 7}


def test_pytest_httpx_answers_for_a_client(httpx_mock: Any, shop: str) -> None:
    httpx_mock.add_response(url=f"{SERVER}/orders/x", json={"id": 8})
    with httpx.Client() as client:
        assert Runner(shop, client=client).run(inputs={"name": "x"}).outputs["get_order"] == {"id": 8}


@pytest.mark.network
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_attempts_own_limit_ends_it(library: Any, tmp_path: Path) -> None:
    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    self.connection.settimeout(0.05)
                    try:
                        self.connection.recv(1)
                        return
                    except TimeoutError:
                        continue
            except OSError:
                return

    with serving(Slow) as url:
        document = write_shop(tmp_path, {**GET_ORDER, "timeout": 300}, servers=(url,))
        text = Path(document).read_text("utf-8").replace('"1.0.1"', '"1.1.0"')
        Path(document).write_text(text, "utf-8")
        with library.Client() as client:
            result = Runner(document, client=client).run(inputs={"name": "x"})
        assert result.reason is not None
        assert "no complete answer within 0.3 s" in result.reason.message

        async def run() -> Any:
            async with library.AsyncClient() as client:
                return await Runner(document, client=client).arun(inputs={"name": "x"})

        assert "no complete answer within 0.3 s" in asyncio.run(run()).reason.message


def test_options_that_a_client_has_of_its_own_are_refused(shop: str) -> None:
    with pytest.raises(UsageError, match=r"TransportOptions\(proxy=…\) has no effect on a client"):
        Runner(shop, client=httpx.Client(), transport=TransportOptions(proxy="http://p.example"))
    with pytest.raises(UsageError, match="client= and app= exclude one another"):
        Runner(shop, client=httpx.Client(), app=lambda *_: [])
    with pytest.raises(UsageError, match="not a value of the type object"):
        Runner(shop, client=object())  # type: ignore[arg-type]


def test_a_recording_by_a_client_is_replayed_without_it(shop: str, tmp_path: Path) -> None:
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"id": 9})))
    inputs = {"name": "x"}
    made = Runner(shop, client=client, options=RunOptions()).run(inputs=inputs, record=tmp_path / "c.yaml")
    again = Runner(shop).run(inputs=inputs, replay=tmp_path / "c.yaml")
    assert json.dumps(again.outputs["get_order"]) == json.dumps(made.outputs["get_order"])
