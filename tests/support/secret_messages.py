"""A workflow over messages that sends secrets of every kind, and an application that gives all of them back (S1)."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from arazzo_runner.effects import Access, Match, Message, Receive, Received
from arazzo_runner.runtime.http.portal import Portal
from tests.servers.brokers import PASSWORD, USER, BrokerServer
from tests.support.messages import PATIENCE, Party, a_topic, has_headers, party

GIVEN = {
    "password": "pass/wörd+given&1",
    "apiToken": "t0ken of+a/header?",
    "pin": "p1n=of-a-formatted~input",
}
"""The inputs that the user gives, each with characters that other forms of it write otherwise."""
BROUGHT = "brought/by+a message"
SECRETS = {**GIVEN, "broker": PASSWORD, "brought": BROUGHT}
USER_PASSWORD = f"{USER}:{PASSWORD}"


class EchoingApplication:
    """An application on a broker that sends back what it gets: plainly, in base64 and percent-encoded.

    Attributes:
        got: what it was sent, as text.
    """

    def __init__(self, server: BrokerServer) -> None:
        self.server = server
        topic = a_topic()
        self.addresses = {name: f"{topic}.{name}" for name in ("say", "echo")}
        self.got: list[str] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen and send back."""
        stack, tasks = AsyncExitStack(), list[asyncio.Task[None]]()

        async def begin() -> None:
            access = Access("plain", USER, PASSWORD)
            side = await stack.enter_async_context(party(self.server, access=access))
            await side.subscribe(self.addresses["say"])
            tasks.append(asyncio.create_task(self._echo(side)))

        async def end() -> None:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await stack.aclose()

        with Portal() as portal:
            portal.call(begin())
            try:
                yield
            finally:
                portal.call(end())

    async def _echo(self, side: Party) -> None:
        while True:
            came = await side.mailroom.perform(Receive(self.addresses["say"], Match(), PATIENCE))
            if isinstance(came, Received):
                shown = json.dumps(dict(came.message.headers), ensure_ascii=False)
                text = f"{shown}\n{came.message.payload.decode()}"
                self.got.append(text)
                payload = {
                    "received": text,
                    "base64": base64.b64encode(text.encode()).decode(),
                    "quoted": quote(text),
                    "access_token": BROUGHT,
                }
                headers = (("X-Token", GIVEN["apiToken"]), ("plain", GIVEN["password"]))
                data = json.dumps(payload).encode()
                given = headers if has_headers(self.server) else ()
                await side.publish(Message(data, given, self.addresses["echo"], "application/json"))

    def write(self, directory: Path, *, fails: bool = True) -> str:
        """Write the workflow, which sends, takes the echo, and can end in a failure; return its path."""
        (directory / "events.json").write_text(json.dumps(self._description()), "utf-8")
        path = directory / "whisper.json"
        path.write_text(json.dumps(self._workflow(fails=fails)), "utf-8")
        return str(path)

    def _description(self) -> dict[str, Any]:
        server = {"host": f"127.0.0.1:{self.server.port}", "protocol": self.server.protocol}
        server |= {"protocolVersion": self.server.version} if self.server.version else {}
        message = {"payload": {"type": "object"}}
        return {
            "asyncapi": "3.0.0",
            "info": {"title": "Whispers", "version": "1"},
            "defaultContentType": "application/json",
            "servers": {"own": {**server, "security": [{"$ref": "#/components/securitySchemes/user"}]}},
            "channels": {
                name: {"address": address, "messages": {"it": message}} for name, address in self.addresses.items()
            },
            "operations": {
                "say": {"action": "receive", "channel": {"$ref": "#/channels/say"}},
                "echo": {"action": "send", "channel": {"$ref": "#/channels/echo"}},
            },
            "components": {"securitySchemes": {"user": {"type": "userPassword"}}},
        }

    def _workflow(self, *, fails: bool) -> dict[str, Any]:
        headers = [
            {"name": "X-Token", "in": "header", "value": "$inputs.apiToken"},
            {"name": "note", "in": "header", "value": "The password is {$inputs.password}"},
        ]
        say = {
            "stepId": "say",
            "operationId": "say",
            "action": "send",
            **({"parameters": headers} if has_headers(self.server) else {}),
            "requestBody": {"payload": {"password": "$inputs.password", "pin": "$inputs.pin", "t": "$inputs.apiToken"}},
        }
        echo = {
            "stepId": "echo",
            "operationId": "echo",
            "action": "receive",
            "timeout": 60_000,
            "outputs": {"token": "$message.payload#/access_token", "all": "$message.payload"},
        }
        passed_on = {**say, "stepId": "again", "requestBody": {"payload": {"got": "$steps.echo.outputs.token"}}}
        refused = {
            **echo,
            "stepId": "refused",
            "successCriteria": [
                {"context": "$message.payload#/received", "condition": "^no such thing", "type": "regex"},
                {"condition": "$message.payload#/access_token == 'another'"},
            ],
        }
        inputs = {"password": {}, "apiToken": {}, "pin": {"type": "string", "format": "password"}}
        return {
            "arazzo": "1.1.0",
            "info": {"title": "Whispers", "version": "1"},
            "sourceDescriptions": [{"name": "events", "url": "events.json", "type": "asyncapi"}],
            "workflows": [
                {
                    "workflowId": "whisper",
                    "inputs": {"type": "object", "properties": inputs},
                    "steps": [say, echo, passed_on, *([refused] if fails else [])],
                    "outputs": {"all": "$steps.echo.outputs.all"},
                }
            ],
        }
