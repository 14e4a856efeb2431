"""A run driven to its end for a verb: its world, what it shows, its reports and exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from arazzo_runner.cli.driving.reporting import ReportFile
    from arazzo_runner.cli.given.preparation import Options
    from arazzo_runner.engine.events import Event
    from arazzo_runner.runtime.drivers import World
    from arazzo_runner.runtime.run.session import RunResult, Session


def announce(text: str, options: Options) -> None:
    """Say something about a run on stderr."""
    if not options["quiet"]:
        click.echo(text, err=True)


def carry_out(
    session: Session,
    go: Callable[[World], RunResult],
    open_world: Callable[[ExitStack], World],
    document: str,
    options: Options,
    asked: list[ReportFile],
    past: Iterable[Event] = (),
) -> int:
    """Run to the end, show it, and write what was asked for; gives the exit status.

    Args:
        go: runs with a world.
        open_world: gives the world; its connections are closed when the run has ended.
        past: what the run has told in other processes, for the reports.
    """
    from arazzo_runner.cli.driving.reporting import Reports, bytes_as_text, console
    from arazzo_runner.runtime.interruption import InterruptibleWorld, Interruption

    with ExitStack() as stack:
        whole = None
        if options["as_json"]:
            from arazzo_runner.reports.jsonreport import JsonReport

            whole = stack.enter_context(JsonReport(document, session.identity))
            session.listen(whole)
        reports = Reports(asked, session, document, stack)
        session.recall(past)
        shown = console(session, options)
        session.listen(shown, only=shown.hears)
        interruption = stack.enter_context(Interruption().listening())
        with ExitStack() as connections:
            with interruption.at_once():  # a pipe that nobody reads is waited for
                world = open_world(connections)
            result = go(InterruptibleWorld(world, interruption))
        _warn_of_unused(world, succeeded=result.succeeded)
        outputs = session.redactor.outputs(dict(result.outputs))
        if whole is not None:
            whole.write(sys.stdout, outputs=outputs)
        else:
            click.echo(json.dumps(outputs, ensure_ascii=False, indent=2, default=bytes_as_text))
        reports.write()
    return exit_status(result)


def exit_status(result: RunResult) -> int:
    """0 succeeded, 1 failed, 130 interrupted."""
    if result.reason is not None and result.reason.code == "interrupted":
        return 130
    return 0 if result.succeeded else 1


def world_of(session: Session, options: Options, stack: ExitStack) -> World:
    if options["replay"]:
        from arazzo_runner.runtime.cassettes.format import read_cassette
        from arazzo_runner.runtime.cassettes.replay import Replay

        return Replay(read_cassette(options["replay"]), session.redactor)
    from arazzo_runner.cli.given.preparation import open_world, transport_options

    recorder = None
    if options["record"]:
        comment = f"Recorded by `arazzo run {session.plan.workflow.workflow_id} --record`."
        recorder = stack.enter_context(session.recorder(options["record"], comment=comment))
    world: World = stack.enter_context(open_world(session.plan, transport_options(options)))
    if recorder is None:
        return world
    from arazzo_runner.runtime.cassettes.recording import Recording

    return Recording(world, recorder)


def _warn_of_unused(world: Any, *, succeeded: bool) -> None:
    from arazzo_runner.reports.text import label

    unused = getattr(world, "unused", ())
    if succeeded and unused:
        first = unused[0].request
        named = label(f"{first.method} {first.url}")
        click.echo(f"  ! {len(unused)} recorded interaction(s) were not used, the first is {named}", err=True)
