"""Applications of this process answer the requests: ASGI and WSGI, and nothing is sent anywhere else."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import flask
import pytest
from fastapi import BackgroundTasks, FastAPI, Request, UploadFile
from starlette.middleware.gzip import GZipMiddleware

from arazzo_runner import (
    Credentials,
    Event,
    Runner,
    RunOptions,
    TransportOptions,
    UsageError,
    load,
    parse_credential,
)
from tests.support.shop import GET_ORDER, MOVED, UPLOAD, description, write_shop

NAME = "a/b é"


@pytest.fixture(autouse=True)
def _no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is connected to, whatever a test does."""

    def refuse(*_: Any) -> None:
        raise AssertionError("a socket was connected")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def asgi() -> FastAPI:
    app = FastAPI()

    @app.get("/orders/{name:path}")
    async def get_order(name: str, request: Request) -> dict[str, Any]:
        return {"name": name, "host": request.headers["host"], "url": str(request.url)}

    @app.post("/files", status_code=201)
    async def upload(file: UploadFile, request: Request) -> dict[str, Any]:
        form = await request.form()
        return {"name": file.filename, "content": (await file.read()).decode(), "note": form["note"]}

    return app


def wsgi() -> flask.Flask:
    app = flask.Flask("shop")

    @app.get("/orders/<path:name>")
    def get_order(name: str) -> dict[str, Any]:
        return {"name": name, "host": flask.request.host, "url": flask.request.url}

    @app.post("/files")
    def upload() -> tuple[dict[str, Any], int]:
        file = flask.request.files["file"]
        return {"name": file.filename, "content": file.read().decode(), "note": flask.request.form["note"]}, 201

    return app


@pytest.fixture(params=["asgi", "wsgi"])
def app(request: pytest.FixtureRequest) -> Any:
    return {"asgi": asgi, "wsgi": wsgi}[request.param]()


def test_a_description_without_servers_leads_into_the_application(app: Any, tmp_path: Path) -> None:
    runner = Runner(write_shop(tmp_path, GET_ORDER, UPLOAD), app=app)
    for result in (runner.run(inputs={"name": NAME}), asyncio.run(runner.arun(inputs={"name": NAME}))):
        outputs = result.raise_for_failure().outputs
        assert outputs["get_order"]["name"] == NAME
        assert outputs["get_order"]["host"] == "testserver"
        assert outputs["upload_got"] == {"name": "é.txt", "content": "content", "note": "hello"}


def test_a_described_server_leads_into_it_by_its_whole_path(tmp_path: Path) -> None:
    outer = FastAPI()
    outer.mount("/v1", asgi())
    document = write_shop(tmp_path, GET_ORDER, servers=("https://api.shop.example/v1",))
    order = Runner(document, app=outer).run(inputs={"name": "x"}).raise_for_failure().outputs["get_order"]
    assert order["url"] == "https://api.shop.example/v1/orders/x"


def test_a_run_inside_a_running_loop_may_be_synchronous(tmp_path: Path) -> None:
    runner = Runner(write_shop(tmp_path, GET_ORDER), app=asgi())

    async def test() -> Any:
        return runner.run(inputs={"name": "x"}).outputs["get_order"]["name"]

    assert asyncio.run(test()) == "x"


def test_the_lifespan_lasts_as_long_as_the_run(tmp_path: Path) -> None:
    told: list[str] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, str]]:
        told.append("up")
        yield {"database": "open"}
        told.append("down")

    app = FastAPI(lifespan=lifespan)

    @app.get("/orders/{name}")
    async def get_order(name: str, request: Request) -> dict[str, Any]:
        told.append(name)
        return {"database": request.state.database}

    runner = Runner(write_shop(tmp_path, GET_ORDER), app=app)
    assert runner.run(inputs={"name": "one"}).outputs["get_order"] == {"database": "open"}
    asyncio.run(runner.arun(inputs={"name": "two"}))
    assert told == ["up", "one", "down", "up", "two", "down"]


def test_an_application_that_does_not_start_says_why(tmp_path: Path) -> None:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        raise LookupError("no database")
        yield

    runner = Runner(write_shop(tmp_path, GET_ORDER), app=FastAPI(lifespan=lifespan))
    with pytest.raises(UsageError, match="the application did not start: LookupError: no database"):
        runner.run(inputs={"name": "x"})


def test_an_application_that_does_not_shut_down_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        raise LookupError("no way down")

    app = FastAPI(lifespan=lifespan)
    app.mount("/", asgi())
    with caplog.at_level(logging.WARNING, "arazzo_runner.application"):
        result = Runner(write_shop(tmp_path, GET_ORDER), app=app).run(inputs={"name": "x"})
    assert result.succeeded
    assert "the application did not shut down: LookupError: no way down" in caplog.text


def test_background_tasks_are_done_before_the_next_step(tmp_path: Path) -> None:
    app = FastAPI()
    done: list[str] = []

    @app.get("/orders/{name}")
    async def get_order(name: str, tasks: BackgroundTasks) -> dict[str, Any]:
        tasks.add_task(done.append, name)
        return {}

    Runner(write_shop(tmp_path, GET_ORDER), app=app).run(inputs={"name": "x"})
    assert done == ["x"]


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_an_error_of_the_application_is_a_500_and_its_traceback_is_logged_masked(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            raise LookupError(f"no {scope['path']}")

    def wsgi_app(environ: Any, start_response: Any) -> Any:
        raise LookupError(f"no {environ['PATH_INFO']}")

    step = {**GET_ORDER, "parameters": [{"name": "name", "in": "path", "value": "$inputs.token"}]}
    document = write_shop(tmp_path, step)
    text = Path(document).read_text("utf-8").replace('"name": {"type": "string"}', '"token": {"type": "string"}')
    Path(document).write_text(text, "utf-8")
    events: list[Event] = []
    runner = Runner(document, app=asgi_app if kind == "asgi" else wsgi_app, listeners=[events.append])
    with caplog.at_level(logging.ERROR, "arazzo_runner.application"):
        result = runner.run(inputs={"token": "tok-of-the-test-123"})
    assert result.reason is not None
    assert "500" in repr(events)
    assert "LookupError: no /orders/" in caplog.text
    assert f"in {kind}_app" in caplog.text
    assert "tok-of-the-test-123" not in caplog.text + repr(events)


@pytest.mark.parametrize("coded", [True, False])
def test_answers_are_decoded_and_limited(coded: bool, tmp_path: Path) -> None:
    app = FastAPI()
    if coded:
        app.add_middleware(GZipMiddleware, minimum_size=10)

    @app.get("/orders/{name}")
    async def get_order(name: str) -> dict[str, Any]:
        return {"text": name * 1000}

    document = write_shop(tmp_path, GET_ORDER)
    assert Runner(document, app=app).run(inputs={"name": "ab"}).outputs["get_order"]["text"] == "ab" * 1000
    limited = Runner(document, app=app, transport=TransportOptions(max_response_bytes=500)).run(inputs={"name": "ab"})
    assert limited.reason is not None
    assert "larger than the limit of 500 bytes" in limited.reason.message


def test_an_attempt_ends_at_its_own_limit(tmp_path: Path) -> None:
    app, cancelled = FastAPI(), []

    @app.get("/orders/{name}")
    async def get_order(name: str) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(name)
            raise

    document = write_shop(tmp_path, {**GET_ORDER, "timeout": 50})
    text = Path(document).read_text("utf-8").replace('"1.0.1"', '"1.1.0"')
    Path(document).write_text(text, "utf-8")
    result = Runner(document, app=app).run(inputs={"name": "x"})
    assert result.reason is not None
    assert "no complete answer within 0.05 s" in result.reason.message
    assert cancelled == ["x"]


def test_redirects_stay_in_the_application(app: Any, tmp_path: Path) -> None:
    document = write_shop(tmp_path, MOVED)
    redirecting = FastAPI()

    @redirecting.get("/moved")
    async def moved() -> Any:
        from starlette.responses import RedirectResponse

        return RedirectResponse(redirecting.state.to, 302)

    redirecting.mount("/", asgi())
    options = TransportOptions(follow_redirects=True)
    redirecting.state.to = "/orders/y"
    result = Runner(document, app=redirecting, transport=options).run()
    assert result.raise_for_failure().outputs["moved_order"]["name"] == "y"
    redirecting.state.to = "https://elsewhere.example/orders/y"
    away = Runner(document, app=redirecting, transport=options).run()
    assert away.reason is not None
    assert "https://elsewhere.example:443 is not a server of the application" in away.reason.message


def with_oauth(directory: Path, token_url: str) -> str:
    document = write_shop(directory, GET_ORDER, servers=("https://api.shop.example/v1",))
    described = description("https://api.shop.example/v1")
    flows = {"clientCredentials": {"tokenUrl": token_url, "scopes": {}}}
    described["components"] = {"securitySchemes": {"oauth": {"type": "oauth2", "flows": flows}}}
    described["security"] = [{"oauth": []}]
    (directory / "openapi.json").write_text(json.dumps(described), "utf-8")
    return document


def test_tokens_come_from_the_application_and_from_nowhere_else(tmp_path: Path) -> None:
    app = FastAPI()

    @app.post("/token")
    async def token() -> dict[str, Any]:
        return {"access_token": "token-of-the-app-1", "token_type": "Bearer"}

    @app.get("/v1/orders/{name}")
    async def get_order(name: str, request: Request) -> dict[str, Any]:
        return {"name": name, "sent": request.headers.get("authorization")}

    options = RunOptions(credentials=Credentials({"oauth": parse_credential("client:secret-of-the-client")}))
    events: list[Event] = []
    document = with_oauth(tmp_path, "https://api.shop.example/token")
    result = Runner(document, app=app, options=options, listeners=[events.append]).run(inputs={"name": "x"})
    assert result.raise_for_failure().outputs["get_order"]["sent"] == "Bearer token-of-the-app-1"
    assert "token-of-the-app-1" not in repr(events)
    assert "secret-of-the-client" not in repr(events)

    elsewhere = with_oauth(tmp_path, "https://login.example/token")
    refused = Runner(elsewhere, app=app, options=options).run(inputs={"name": "x"})
    assert refused.reason is not None
    assert "https://login.example:443 is not a server of the application" in refused.reason.message
    both = {"shop": app, "https://login.example": app}
    assert Runner(elsewhere, app=both, options=options).run(inputs={"name": "x"}).succeeded


def two_sources(directory: Path, *servers: str) -> str:
    document = json.loads(Path(write_shop(directory, GET_ORDER, servers=servers)).read_text("utf-8"))
    (directory / "files.json").write_text(json.dumps(description(*servers)).replace("getOrder", "getOther"), "utf-8")
    document["sourceDescriptions"].append({"name": "files", "url": "files.json", "type": "openapi"})
    steps = document["workflows"][0]["steps"]
    steps[0]["operationId"] = "$sourceDescriptions.shop.getOrder"
    steps.append({**UPLOAD, "operationId": "$sourceDescriptions.files.upload"})
    document["workflows"][0]["outputs"]["upload_got"] = "$steps.upload.outputs.got"
    path = directory / "two.arazzo.yaml"
    path.write_text(json.dumps(document), "utf-8")
    return str(path)


def test_named_applications_answer_for_their_sources(tmp_path: Path) -> None:
    runner = Runner(two_sources(tmp_path), app={"shop": asgi(), "files": wsgi()})
    for result in (runner.run(inputs={"name": "x"}), asyncio.run(runner.arun(inputs={"name": "x"}))):
        outputs = result.raise_for_failure().outputs
        assert outputs["get_order"]["host"] == "shop.testserver"
        assert outputs["upload_got"]["name"] == "é.txt"


def test_an_application_of_two_sources_starts_once(tmp_path: Path) -> None:
    started: list[str] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        started.append("up")
        yield

    app = FastAPI(lifespan=lifespan)
    app.mount("/", asgi())
    result = Runner(two_sources(tmp_path), app={"shop": app, "files": app}).run(inputs={"name": "x"})
    assert result.raise_for_failure()
    assert started == ["up"]


def test_a_source_without_an_application_refuses_before_anything_is_sent(tmp_path: Path) -> None:
    document = two_sources(tmp_path, "https://api.example")
    with pytest.raises(UsageError, match="has no application for the source 'shop'") as refused:
        Runner(document, app={"https://other.example": asgi()}).run(inputs={"name": "x"})
    assert refused.value.hint == "add it: app={'shop': …, 'files': …}"
    with pytest.raises(UsageError, match=r"two applications would be at https://api\.example") as both:
        Runner(document, app={"shop": asgi(), "files": wsgi()}).run(inputs={"name": "x"})
    assert "ServerOptions" in both.value.hint
    with pytest.raises(UsageError, match="names 'shpo', and no step uses a source of that name") as unknown:
        Runner(document, app={"shpo": asgi()}).run(inputs={"name": "x"})
    assert "did you mean shop?" in unknown.value.hint
    with pytest.raises(UsageError, match="not a value of the type int"):
        Runner(document, app=7)  # type: ignore[arg-type]


def test_the_description_may_come_from_the_application(app: Any, tmp_path: Path) -> None:
    document = write_shop(tmp_path, GET_ORDER)
    url = "http://testserver/openapi.json"
    text = Path(document).read_text("utf-8").replace('"url": "openapi.json"', f'"url": "{url}"')
    Path(document).write_text(text, "utf-8")

    served = app
    if isinstance(served, FastAPI):
        served.openapi = description  # type: ignore[method-assign]
    else:
        served.get("/openapi.json")(description)
    result = Runner(document, app=served).run(inputs={"name": "x"})
    assert result.raise_for_failure().outputs["get_order"]["name"] == "x"
    assert load(document, app=served).plan().workflow.workflow_id == "buy"


def test_contract_checks_judge_the_exchanges(tmp_path: Path) -> None:
    app = FastAPI()

    @app.get("/orders/{name}")
    async def get_order(name: str) -> list[str]:
        return [name]

    result = Runner(write_shop(tmp_path, GET_ORDER), app=app, check="error").run(inputs={"name": "x"})
    assert result.reason is not None
    assert result.reason.code == "contract"
