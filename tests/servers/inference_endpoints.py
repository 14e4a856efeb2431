"""An emulator of the Inference Endpoints management API: a real HTTP server on loopback.

`Deployment` is the life of one endpoint, without I/O or a clock; `InferenceEndpointsEmulator` serves many, as the
description in `openapi/` says. By hand: `python -m tests.servers.inference_endpoints --port 8080 --accept-any`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, Self, cast

import jsonschema_rs
import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request  # noqa: TC002 - the routes are looked at when the server runs
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.support.repository import ROOT

Json = dict[str, Any]
Clock = Callable[[], datetime]
MESSAGES = {
    "pending": "Endpoint waiting to be scheduled",
    "initializing": "Endpoint is initializing",
    "running": "Endpoint is ready",
    "updating": "Endpoint is being updated",
    "updateFailed": "Endpoint failed to update",
    "paused": "Endpoint is paused",
    "scaledToZero": "Endpoint is scaled to zero",
    "failed": "Endpoint failed to start",
    "deleted": "Endpoint is deleted",
}


class Refused(Exception):
    """An answer of the API that is not success: its status, and its words."""


def stepping_clock(start: datetime = datetime(2026, 1, 1, tzinfo=UTC), *, step: float = 1.0) -> Clock:
    """A clock that moves by `step` seconds whenever it is read: the same requests get the same answers."""
    moments = (start + timedelta(seconds=step * count) for count in itertools.count())
    return lambda: next(moments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How long each change takes and how it ends. A length of n: n polls (`getEndpoint`) see the state.

    Attributes:
        seconds_per_poll: Count time instead: a poll's worth is over each time so many seconds of the clock have passed.
        fail: A deployment ends `failed`, as does that of every name that begins with `fail_prefix`.
        fail_update: A change of a running endpoint ends `updateFailed`.
    """

    polls_pending: int = 1
    polls_initializing: int = 1
    polls_updating: int = 1
    polls_pausing: int = 1
    polls_scaling: int = 1
    polls_resuming: int = 1
    polls_deleting: int = 1
    seconds_per_poll: float | None = None
    fail: bool = False
    fail_update: bool = False
    fail_prefix: str = "fail-"


@dataclass(frozen=True, slots=True)
class Phase:
    """A state, and how many polls see it; of a change's last phase the number means nothing, for it stays."""

    state: str
    polls: int = 0
    doing: str | None = None
    has_url: bool = False


class Deployment:
    """The life of one endpoint: every change is a sequence of phases, gone through as polls or seconds pass.

    An action's own answer shows the first phase of what it began, however short that is.
    """

    def __init__(self, settings: Json, namespace: str, behaviour: Behaviour, now: datetime) -> None:
        self.settings = settings
        self.name: str = settings["name"]
        self.served = 0
        self.log: list[str] = []
        self._author = {"id": "6273f303f6d63a28483fde12", "name": namespace}
        self._created = now
        self._shown: Phase | None = None
        self.begin(behaviour, now, *self._starting(behaviour))

    def act(self, action: str, behaviour: Behaviour, now: datetime) -> Self:
        """Begin to pause, resume, scale-to-zero, update or delete; refused when the present state does not allow it."""
        match action, self.phase(now).state:
            case ("pause", "paused") | ("update", "paused" | "scaledToZero"):
                return self
            case "update", "pending" | "initializing" | "failed":
                phases = self._starting(behaviour)
            case "pause", _:
                phases = Phase("updating", behaviour.polls_pausing, "Endpoint is being paused"), Phase("paused")
            case "resume", "paused" | "scaledToZero" | "failed" | "updateFailed":
                phases = Phase("initializing", behaviour.polls_resuming), self._starting(behaviour)[-1]
            case "resume", "running":  # the client looks for these very words
                raise Refused(400, f"Endpoint '{self.name}' is already running")
            case "scale-to-zero", "running":
                phases = Phase("updating", behaviour.polls_scaling, has_url=True), Phase("scaledToZero", has_url=True)
            case "update", "running" | "updating" | "updateFailed":  # what runs goes on running meanwhile
                changing = Phase("updating", behaviour.polls_updating, has_url=True)
                phases = changing, Phase("updateFailed" if behaviour.fail_update else "running", has_url=True)
            case "delete", _:
                phases = Phase("updating", behaviour.polls_deleting, "Endpoint is being deleted"), Phase("deleted")
            case _, state:
                raise Refused(400, f"Endpoint '{self.name}' is {state}: it cannot {action}")
        return self.begin(behaviour, now, *phases)

    def begin(self, behaviour: Behaviour, now: datetime, *phases: Phase) -> Self:
        """Start going through `phases`, of which the last one stays."""
        self._phases, self._pace, self._begun, self._polls = phases, behaviour.seconds_per_poll, now, 0
        self._show(phases[0], now)
        return self

    def poll(self, now: datetime) -> Self:
        """Be looked at, which is what moves an endpoint on when polls are counted."""
        self._show(self.phase(now), now)
        self._polls += 1
        return self

    def phase(self, now: datetime) -> Phase:
        """The phase that the next poll sees."""
        passed = self._polls if self._pace is None else (now - self._begun).total_seconds() // self._pace
        for phase in self._phases[:-1]:
            if passed < phase.polls:
                return phase
            passed -= phase.polls
        return self._phases[-1]

    def record(self, url: str) -> Json:
        """The `Endpoint` of the description, in the phase that was shown last."""
        shown = self._shown or self._phases[0]
        target = max(1, self.settings["compute"]["scaling"]["minReplica"])
        status: Json = {
            "state": shown.state,
            "message": shown.doing or MESSAGES[shown.state],
            "createdAt": rfc3339(self._created),
            "createdBy": self._author,
            "updatedAt": rfc3339(self._updated),
            "updatedBy": self._author,
            "private": None,
            "readyReplica": target if shown.has_url and shown.state != "scaledToZero" else 0,
            "targetReplica": 0 if shown.state in {"paused", "scaledToZero"} else target,
        }
        status |= {"url": url} if shown.has_url else {}
        status |= {"errorMessage": "The container exited with status 1"} if shown.state == "failed" else {}
        return {**self.settings, "status": status}

    def _starting(self, behaviour: Behaviour) -> tuple[Phase, ...]:
        failing = behaviour.fail or self.name.startswith(behaviour.fail_prefix)
        outcome = Phase("failed") if failing else Phase("running", has_url=True)
        return Phase("pending", behaviour.polls_pending), Phase("initializing", behaviour.polls_initializing), outcome

    def _show(self, phase: Phase, now: datetime) -> None:
        if phase is not self._shown:
            self._shown, self._updated = phase, now
            self.log.append(f"{rfc3339(now)} {phase.doing or MESSAGES[phase.state]}\n")


def rfc3339(moment: datetime) -> str:
    """A time as the API writes it: UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def merged(old: Json, new: Json) -> Json:
    """`old` with the members of `new`; an image, an environment and a measure are replaced whole."""
    both = {key for key in old.keys() & new.keys() - {"image", "env", "measure"} if isinstance(new[key], dict)}
    return {**old, **new, **{key: merged(old[key], new[key]) for key in both}}


def settings_from(request: Json) -> Json:
    """What an endpoint shows of a request: the service's defaults filled in, secrets left out."""
    defaults: Json = {"revision": None, "task": "custom", "framework": "pytorch", "image": {"huggingface": {}}}
    model: Json = {key: value for key, value in {**defaults, **request["model"]}.items() if key != "secrets"}
    custom = model["image"].get("custom", {})
    if "credentials" in custom:
        model["image"] = {"custom": {**custom, "credentials": {"username": custom["credentials"]["username"]}}}
    compute = {"instanceType": "intel-icl", "instanceSize": "x2", **request["compute"]}
    kept = {key: request[key] for key in request.keys() - {"privateService"}}
    made = {"accountId": None, "compute": compute, "model": model, "healthRoute": custom.get("healthRoute", "/health")}
    return dict(sorted({**kept, **made}.items()))


@cache
def description() -> Json:
    """The OpenAPI description, from which validators and canned answers are made."""
    file = ROOT / "openapi" / "hugging-face-inference-endpoints-api.yml"
    return cast(Json, yaml.safe_load(file.read_text("utf-8")))


@cache
def body_validator(name: str, *, require_instance: bool) -> jsonschema_rs.Draft202012Validator:
    """A validator of request bodies, made from the description itself."""
    schemas = description()["components"]["schemas"]
    if not require_instance:
        schemas = {**schemas, "Compute": {**schemas["Compute"], "required": ["accelerator", "scaling"]}}
    root: Json = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
    return jsonschema_rs.Draft202012Validator(root)


class Exchange(NamedTuple):
    """A request that the emulator got (its body parsed when it is JSON), and what it answered."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    status: int
    answer: Any


@dataclass(kw_only=True)
class InferenceEndpointsEmulator:
    """The management API on a loopback port, from `start` to `stop` or for as long as a `with` block.

    Attributes:
        token: The bearer token that is known; `accept_any` takes every other one too.
        require_instance: Whether a request without `instanceType` or `instanceSize` is refused, as the service does.
        behaviour: How changes go from now on; may be set at any time.
        clock: Where timestamps come from, and the passing of seconds; read once for each request.
        public_url: What `status.url` shows instead of the emulator's own address; `{name}` is the endpoint's name.
        port: The port to listen on; 0 for a free one.
        requests: Every exchange so far, those with an endpoint's own address included.
    """

    token: str = "hf_emulatorToken"
    accept_any: bool = False
    require_instance: bool = True
    behaviour: Behaviour = Behaviour()
    clock: Clock = field(default_factory=stepping_clock)
    public_url: str | None = None
    port: int = 0
    requests: list[Exchange] = field(default_factory=list, init=False)
    deployments: dict[tuple[str, str], Deployment] = field(default_factory=dict, init=False)

    @property
    def url(self) -> str:
        """The address of the API, to use instead of the description's server."""
        return f"{self._origin}/v2"

    def start(self) -> Self:
        """Listen; returns when requests are answered."""
        listener = socket.create_server(("127.0.0.1", self.port))
        self._origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = Starlette(routes=[Route("/{path:path}", self._exchange, methods=["GET", "POST", "PUT", "DELETE"])])
        # No Date and Server headers: recordings of the same requests are to be the same bytes.
        self._server = uvicorn.Server(
            uvicorn.Config(app, ws="none", lifespan="off", log_config=None, date_header=False, server_header=False)
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.002)
        return self

    def stop(self) -> None:
        """Stop listening; returns when the port is free."""
        self._server.should_exit = True
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def add(self, namespace: str, name: str, *, state: str = "running") -> None:
        """Put an endpoint there that has long been in `state`: the description's example, under `name`."""
        body = description()["paths"]["/endpoint/{namespace}"]["post"]["requestBody"]["content"]["application/json"]
        now, settings = self.clock(), settings_from({**body["examples"]["smallest"]["value"], "name": name})
        added = self.deployments[namespace, name] = Deployment(settings, namespace, self.behaviour, now)
        added.begin(self.behaviour, now, Phase(state, has_url=state in {"running", "scaledToZero", "updateFailed"}))

    async def _exchange(self, request: Request) -> Response:
        raw, body, now = await request.body(), None, self.clock()
        try:
            if request.url.path.startswith("/v2/"):
                self._authenticate(request.headers.get("authorization", ""))
            with suppress(ValueError):  # what is not JSON is refused like any other wrong body
                body = json.loads(raw)
            status, answer = self._answer(request.method, request.url.path.split("/")[1:], body, now)
        except Refused as refused:
            status, answer = refused.args[0], {"error": refused.args[1]}
        self.requests.append(Exchange(request.method, request.url.path, dict(request.headers), body, status, answer))
        return PlainTextResponse(answer) if isinstance(answer, str) else JSONResponse(answer, status)

    def _answer(self, method: str, path: Sequence[str], body: Any, now: datetime) -> tuple[int, Any]:
        match method, *path:
            case "GET", "v2", "endpoint", namespace:
                there = [each for (owner, _), each in self.deployments.items() if owner == namespace]
                return 200, {"items": [self._record(each) for each in there if each.phase(now).state != "deleted"]}
            case "POST", "v2", "endpoint", namespace:
                self._validate("EndpointRequest", body)
                name = body["name"]
                with suppress(Refused):
                    self._find(namespace, name, now)
                    return 409, {"error": f"Endpoint '{name}' already exists"}
                self.deployments[namespace, name] = Deployment(settings_from(body), namespace, self.behaviour, now)
                return 201, self._record(self.deployments[namespace, name])
            case "GET", "v2", "endpoint", namespace, name:
                return 200, self._record(self._find(namespace, name, now).poll(now))
            case "PUT", "v2", "endpoint", namespace, name:
                deployment = self._find(namespace, name, now)
                self._validate("EndpointUpdate", body)
                deployment.settings = settings_from(merged(deployment.settings, body))
                return 200, self._record(deployment.act("update", self.behaviour, now))
            case "DELETE", "v2", "endpoint", namespace, name:
                self._find(namespace, name, now).act("delete", self.behaviour, now)
                return 200, {}
            case "POST", "v2", "endpoint", namespace, name, ("pause" | "resume" | "scale-to-zero") as action:
                return 200, self._record(self._find(namespace, name, now).act(action, self.behaviour, now))
            case "GET", "v2", "endpoint", namespace, name, "logs":
                return 200, "".join(self._find(namespace, name, now).log)
            case "GET", "v2", "endpoint", namespace, name, "metrics":
                status = self._record(deployment := self._find(namespace, name, now))["status"]
                replicas = {key: status[key] for key in ("readyReplica", "targetReplica")}
                return 200, {**replicas, "requestCount": deployment.served}
            case ("GET", "v2", "provider") | ("GET", "v2", "provider", _):
                content = description()["components"]["responses"]["Providers"]["content"]["application/json"]
                return 200, content["examples"]["one"]["value"]
            case "GET", "endpoints", name, *route:
                return self._serve(name, "/".join(route), now)
            case _:
                raise Refused(404, f"No operation {method} /{'/'.join(path)}")

    def _serve(self, name: str, route: str, now: datetime) -> tuple[int, Any]:
        """Answer anybody at an endpoint's own address: its health route, when it can serve."""
        deployment = self._find(next((owner for owner, each in self.deployments if each == name), ""), name, now)
        phase = deployment.phase(now)
        if phase.state == "scaledToZero":
            deployment.act("resume", self.behaviour, now)
        if phase.state == "scaledToZero" or not phase.has_url:
            raise Refused(503, f"Endpoint '{name}' is not running")
        if route != deployment.settings["healthRoute"].strip("/"):
            raise Refused(404, "The emulator answers the health route alone")
        deployment.served += 1
        return 200, {"status": "ok"}

    def _find(self, namespace: str, name: str, now: datetime) -> Deployment:
        found = self.deployments.get((namespace, name))
        if found is None or found.phase(now).state == "deleted":
            raise Refused(404, f"Endpoint '{name}' not found")
        return found

    def _record(self, deployment: Deployment) -> Json:
        url = self.public_url or f"{self._origin}/endpoints/{{name}}"
        return deployment.record(url.replace("{name}", deployment.name))

    def _validate(self, component: str, body: Any) -> None:
        validator = body_validator(component, require_instance=self.require_instance)
        problems = sorted(
            f"{'.'.join(map(str, problem.instance_path)) or 'body'}: {problem.message}"
            for problem in validator.iter_errors(body)
        )
        if problems:
            raise Refused(400, "; ".join(problems))

    def _authenticate(self, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Refused(401, "Missing Authorization header, or one that is not 'Bearer <token>'")
        if not self.accept_any and token.strip() != self.token:
            raise Refused(401, "Invalid credentials in Authorization header")


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Emulate the Inference Endpoints management API on loopback.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--accept-any", action="store_true", help="take every bearer token")
    options = parser.parse_args()
    emulator = InferenceEndpointsEmulator(port=options.port, accept_any=options.accept_any)
    with suppress(KeyboardInterrupt), emulator:
        sys.stdout.write(f"{emulator.url}\ntoken: {emulator.token}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
