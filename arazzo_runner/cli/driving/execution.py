"""A run driven to its end for a verb: its world, what it shows, its reports and exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, TypeAlias

import click

if TYPE_CHECKING:
    from arazzo_runner.cli.driving.reporting import ReportFile
    from arazzo_runner.cli.given.output_words import OutputWords
    from arazzo_runner.engine.events import Event
    from arazzo_runner.runtime.drivers import World
    from arazzo_runner.runtime.http.options import TransportOptions
    from arazzo_runner.runtime.interruption import Interruption
    from arazzo_runner.runtime.run.session import RunResult, Session

Drive: TypeAlias = Callable[["Interruption"], "RunResult"]
"""Runs a session to its end; the interruption stops it."""


def announce(text: str, output: OutputWords) -> None:
    """Say something about a run on stderr."""
    if not output.verbosity.quiet:
        click.echo(text, err=True)


def carry_out(
    session: Session,
    drive: Drive,
    document: str,
    output: OutputWords,
    asked: list[ReportFile],
    *,
    interruption: Interruption,
    past: Iterable[Event] = (),
) -> int:
    """Run to the end, show it, and write what was asked for; return the exit status.

    Args:
        past: the events of the run in other processes, for the reports.
    """
    from arazzo_runner.cli.driving.reporting import Reports, bytes_as_text, console
    from arazzo_runner.runtime.interruption import silent

    with ExitStack() as stack:
        whole = None
        if output.as_json:
            from arazzo_runner.reports.jsonreport import JsonReport

            whole = stack.enter_context(JsonReport(document, session.identity, session.plan.problems))
            session.listen(whole)
        reports = Reports(asked, session, document, stack)
        session.recall(past)
        shown = stack.enter_context(closing(console(session, output.verbosity)))
        session.listen(shown, only=shown.hears, details=shown.shows_details)
        if interruption.tell is not silent:
            interruption.tell = shown.say
        with interruption.listening():
            result = drive(interruption)
        outputs = session.redactor.outputs(dict(result.outputs))
        if whole is not None:
            whole.write(sys.stdout, outputs=outputs)
        else:
            click.echo(json.dumps(outputs, ensure_ascii=False, indent=2, default=bytes_as_text))
        reports.write()
    return exit_status(result)


def breakable(session: Session) -> Callable[[World, Interruption], RunResult]:
    """Run a session whose effects an interruption breaks off."""

    def go(world: World, interruption: Interruption) -> RunResult:
        from arazzo_runner.runtime.interruption import InterruptibleWorld

        return session.run(InterruptibleWorld(world, interruption))

    return go


def through(open_world: Callable[[ExitStack], World], go: Callable[[World, Interruption], RunResult]) -> Drive:
    """Drive a run through a world that is opened for it; its connections are closed when the run has ended."""

    def drive(interruption: Interruption) -> RunResult:
        with ExitStack() as connections:
            with interruption.at_once():  # a pipe that nobody reads is waited for
                world = open_world(connections)
            result = go(world, interruption)
        _warn_of_unused(world, succeeded=result.succeeded)
        return result

    return drive


def exit_status(result: RunResult) -> int:
    """0 succeeded, 1 failed, 130 interrupted."""
    if result.reason is not None and result.reason.code == "interrupted":
        return 130
    return 0 if result.succeeded else 1


def replaying(path: str, session: Session) -> Callable[[ExitStack], World]:
    """Open a world that answers from a cassette."""

    def open_world(_: ExitStack) -> World:
        from arazzo_runner.runtime.cassettes.format import read_cassette
        from arazzo_runner.runtime.cassettes.replay import Replay

        return Replay(read_cassette(path), session.redactor)

    return open_world


def sending(session: Session, transport: TransportOptions, *, record: str | None) -> Callable[[ExitStack], World]:
    """Open a world that sends requests, and writes the exchanges to a cassette where one is asked for."""

    def open_world(connections: ExitStack) -> World:
        from arazzo_runner.cli.given.preparation import open_world

        recorder = None
        if record is not None:
            comment = f"Recorded by `arazzo run {session.plan.workflow.workflow_id} --record`."
            recorder = connections.enter_context(session.recorder(record, comment=comment))
        world: World = connections.enter_context(open_world(session.plan, transport, session.kept))
        if recorder is None:
            return world
        from arazzo_runner.runtime.cassettes.recording import Recording

        return Recording(world, recorder)

    return open_world


def _warn_of_unused(world: Any, *, succeeded: bool) -> None:
    from arazzo_runner.reports.text import label

    unused = getattr(world, "unused", ())
    if succeeded and unused:
        named = label(unused[0].title)
        click.echo(f"  ! {len(unused)} recorded interaction(s) were not used, the first is {named}", err=True)
