"""Both clients behind one call, for tests that hold for both."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from msgspec.structs import replace

from arazzo_runner.effects import Answered, Failed, Headers, Request, Send
from arazzo_runner.runtime.http.async_transport import open_async_transport
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.transport import open_transport

QUICK = TransportOptions(connect_timeout=5.0, read_timeout=5.0)
"""Time-outs that no test waits for, and that end one that hangs."""


class Client(Protocol):
    def __call__(self, *effects: Send, **options: Any) -> list[Answered | Failed]:
        """Send one after the other with one client, made with these options."""


def send_in_turn(*effects: Send, **options: Any) -> list[Answered | Failed]:
    with open_transport(replace(QUICK, **options)) as transport:
        return [transport.send(effect) for effect in effects]


def send_in_turn_asynchronously(*effects: Send, **options: Any) -> list[Answered | Failed]:
    async def run() -> list[Answered | Failed]:
        async with open_async_transport(replace(QUICK, **options)) as transport:
            return [await transport.send(effect) for effect in effects]

    return asyncio.run(run())


CLIENTS: dict[str, Client] = {"synchronous": send_in_turn, "asynchronous": send_in_turn_asynchronously}


def get(url: str, headers: Headers | Sequence[tuple[str, str]] = (), *, timeout: float | None = None) -> Send:
    return Send(Request("GET", url, tuple(headers)), timeout)


def answered(answer: Answered | Failed) -> Answered:
    assert isinstance(answer, Answered), answer
    return answer


def failed(answer: Answered | Failed) -> Failed:
    assert isinstance(answer, Failed), answer
    return answer
