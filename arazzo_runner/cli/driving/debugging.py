"""A debugger opened for ``arazzo debug``: with servers, a cassette, or a durable run of the journal."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from arazzo_runner.cli.given import preparation
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.debugging.debugger import Debugger
from arazzo_runner.runtime.debugging.sources import AnswerSource, ReplaySource, WorldSource
from arazzo_runner.runtime.run.session import Session

if TYPE_CHECKING:
    from arazzo_runner.cli.driving.debug_resumption import DebugResumption
    from arazzo_runner.cli.given.debug_options import DebugWords
    from arazzo_runner.cli.given.options import CredentialWords, InputWords, JournalWords, LiveWords
    from arazzo_runner.runtime.drivers import World


def opened_with(words: DebugWords, stack: ExitStack) -> tuple[Debugger, Sequence[str]]:
    """Open what the words ask for; see ``opened`` and ``opened_run``."""
    warnings: Sequence[str] = ()
    if words.run_id is not None:
        debugger = opened_run(words.run_id, words.journal, words.live.given, words.live.credentials, stack)
    else:
        debugger, warnings = opened(words.live, words.replay, stack)
    debugger.yes = words.yes
    return debugger, warnings


def resumption_of(words: DebugWords) -> DebugResumption | None:
    """Return what resumes the durable run that the words name; None when they name none."""
    if words.run_id is None:
        return None
    from arazzo_runner.cli.driving.debug_resumption import DebugResumption
    from arazzo_runner.cli.given.engines import journal_engine
    from arazzo_runner.cli.given.secrets_again import WordsAgain

    again = WordsAgain(words.live.given, words.live.credentials)
    return DebugResumption(words.run_id, journal_engine(words.journal), again)


def opened(words: LiveWords, replay: str | None, stack: ExitStack) -> tuple[Debugger, Sequence[str]]:
    """Open a debugger at the beginning of a run, and return it with what is worth knowing before.

    Args:
        replay: the cassette that answers; None for servers.
        stack: closes the connections.

    Raises:
        UsageError, DocumentError, InvalidInputs: the run cannot be started.
    """
    target, workbook = preparation.load_live(words)
    plan = workbook.plan(target.workflow_id, preparation.run_options(words))
    warnings = preparation.unknown_names(workbook, plan)
    session = Session(plan, preparation.given_inputs(plan, words.given.inputs))
    source: AnswerSource
    if replay is not None:
        from arazzo_runner.runtime.cassettes.format import read_cassette
        from arazzo_runner.runtime.cassettes.replay import Replay

        cassette = read_cassette(replay)

        def open_replay() -> World:
            return Replay(cassette, session.redactor)

        source = ReplaySource(open_replay)
    else:
        source = WorldSource(stack.enter_context(preparation.open_world(plan, preparation.live_transport(words))))
    debugger = Debugger(plan, session.inputs, session.redactor, source)
    stack.callback(debugger.close)
    return debugger, [*(f"{one.place}: {one.message}" for one in plan.problems), *warnings]


def opened_run(
    run_id: str, journal: JournalWords, given: InputWords, credentials: CredentialWords, stack: ExitStack
) -> Debugger:
    """Open a durable run where it stopped or ended, as its journal has it: nothing is sent, and nothing is changed.

    Raises:
        UsageError: a secret is missing, or the records do not lead where the run has been.
        JournalError: the run does not exist, or its records cannot be read.
    """
    from arazzo_runner.cli.given.engines import journal_engine
    from arazzo_runner.cli.given.secrets_again import WordsAgain
    from arazzo_runner.runtime.debugging.retracing import retraced, told_run
    from arazzo_runner.runtime.runners.journal_engine import reading_runs

    with reading_runs(journal_engine(journal)) as runs:
        run = told_run(runs, run_id, WordsAgain(given, credentials))
    debugger = retraced(run)
    stack.callback(debugger.close)
    return debugger


def check_combination(words: DebugWords) -> None:
    """Refuse words that exclude one another.

    Raises:
        UsageError: with the two.
    """
    if words.run_id is not None and (words.live.target.target or words.replay):
        raise UsageError(
            f"--run and {'--replay' if words.replay else 'TARGET'} exclude one another: the journal has the documents"
        )
    if words.run_id is None and not words.live.target.target:
        raise UsageError("TARGET is missing: what is to be run", hint="arazzo list names the workflows")
