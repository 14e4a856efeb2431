"""Listening to a channel: messages on stdout as they come, what is wrong with them on stderr."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from arazzo_runner.cli.given import preparation
from arazzo_runner.engine.plan import RunOptions
from arazzo_runner.errors import UsageError
from arazzo_runner.reports.jsonreport import body_entry, headers_entry, timestamp
from arazzo_runner.reports.terminal.body_lines import body_lines
from arazzo_runner.reports.text import label
from arazzo_runner.runtime.interruption import termination_as_interruption
from arazzo_runner.runtime.run.listening import (
    Heard,
    ListeningFailed,
    heard,
    listening_exchange,
    listening_plan,
    source_name,
)
from arazzo_runner.runtime.run.session import Session
from arazzo_runner.runtime.run.workbook import open_library
from arazzo_runner.secrecy import without_credentials

if TYPE_CHECKING:
    from arazzo_runner.cli.given.listen_options import ListenWords
    from arazzo_runner.engine.plan import Plan
    from arazzo_runner.runtime.http.options import TransportOptions
    from arazzo_runner.runtime.secrets.redaction import Redactor


def listen(given: ListenWords) -> int:
    """Listen as the words ask for; return the exit status.

    Raises:
        ArazzoError: it cannot be begun.
    """
    transport = preparation.transport_options(given.transport).naming(
        given.source, *preparation.named_servers(given.servers)
    )
    secret, not_secret = preparation.secret_names(given.secrets)
    options = RunOptions(
        servers=preparation.given_servers(given.servers),
        credentials=preparation.given_credentials(given.credentials, given.transport.certificate),
        secret=secret,
        not_secret=not_secret,
        from_earliest=given.from_earliest,
        consume=(source_name(given.source),) if given.consume else (),
    )
    library = open_library(transport=transport)
    plan = listening_plan(library, given.source, given.channel, _parameters(given.parameters), options)
    redactor = Session(plan, {}).redactor
    redactor.learn_access(listening_exchange(plan).broker.access)
    listener = _Listener(given, redactor)
    try:
        with termination_as_interruption():
            asyncio.run(listener.listen(plan, preparation.reaching(plan, transport)))
    except ListeningFailed as error:
        click.echo(f"{error.code}: {label(redactor.text(error.message))}", err=True)
        return 1
    except KeyboardInterrupt:
        click.echo("", err=True)
    return 1 if listener.broken else 0


def _parameters(given: tuple[str, ...]) -> dict[str, str]:
    parameters = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"-p {word}: expected NAME=VALUE", hint=f"write -p {name or 'NAME'}=VALUE")
        parameters[name] = value
    return parameters


class _Listener:
    """Prints messages, masked (S1), and counts those that are not as described."""

    def __init__(self, given: ListenWords, redactor: Redactor) -> None:
        self._given = given
        self._redactor = redactor
        self.broken = 0

    async def listen(self, plan: Plan, transport: TransportOptions) -> None:
        """Print until it is enough."""
        left = self._given.count
        broker = label(without_credentials(listening_exchange(plan).broker.url))

        def begun(address: str) -> None:
            click.echo(f"listening at {label(address)} ({broker}); Ctrl-C ends", err=True)

        messages = heard(plan, transport, seconds=self._given.seconds, begun=begun)
        try:
            async for one in messages:
                self._print(one)
                left = None if left is None else left - 1
                if left == 0:
                    return
        finally:
            await messages.aclose()

    def _print(self, one: Heard) -> None:
        self._redactor.learn_message(one.message)
        message = self._redactor.message(one.message)
        problems = [self._redactor.text(f"{breach.where}: {breach.message}") for breach in one.breaches]
        self.broken += bool(problems)
        if self._given.as_json:
            entry: dict[str, Any] = {
                "at": timestamp(one.at),
                "address": message.address,
                "headers": headers_entry(message.headers),
                "contentType": message.content_type,
                "correlationId": message.correlation_id,
                "payload": body_entry(message.payload, message.content_type),
                "problems": problems,
            }
            click.echo(json.dumps(entry, ensure_ascii=False))
            return
        at = datetime.fromtimestamp(one.at).astimezone().strftime("%H:%M:%S")
        click.echo(f"{at} {label(message.address)}")
        for name, value in message.headers:
            click.echo(f"  {label(name)}: {label(value)}")
        for line in body_lines(message.payload, message.content_type, colour=False):
            click.echo(f"  {line}")
        for problem in problems:
            click.echo(f"  ! {label(problem)}", err=True)
