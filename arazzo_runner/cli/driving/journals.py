"""Durable runs on the command line: the journal that is meant, and a run's secrets, taken again from where they were.

The journal keeps no secret that the user can give again, but where each came from.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from arazzo_runner.cli.given.inputs import InputOrigin, trace_inputs
from arazzo_runner.cli.given.rows import InputRow, read_rows
from arazzo_runner.errors import JournalError, UsageError

if TYPE_CHECKING:
    from arazzo_runner.cli.given.options import CredentialWords, DecisionWords, InputWords, JournalWords, LiveWords
    from arazzo_runner.engine.plan import Level, Plan
    from arazzo_runner.runtime.decisions import Decision
    from arazzo_runner.runtime.drivers import World
    from arazzo_runner.runtime.durable.journal import Journal
    from arazzo_runner.runtime.durable.run import DurableRun
    from arazzo_runner.runtime.durable.runs import DurableRuns, Planned
    from arazzo_runner.runtime.durable.setup import Origin, RunSetup
    from arazzo_runner.runtime.interruption import Interruption
    from arazzo_runner.runtime.run.session import RunResult
    from arazzo_runner.runtime.run.workbook import Workbook

_FILE = "--credentials"
_JOURNAL, _KEY = "journal.db", "journal.key"


def journal_path(words: JournalWords) -> Path:
    """Return where the journal is.

    Raises:
        JournalError: none is named, and the user has no home.
    """
    from arazzo_runner.runtime.user_directories import state_directory

    return Path(words.journal) if words.journal else _at_home(state_directory(os.environ), "--journal PATH") / _JOURNAL


def key_path(words: JournalWords) -> Path:
    """Return where the journal's key is.

    Raises:
        JournalError: none is named, and the user has no home.
    """
    from arazzo_runner.runtime.user_directories import key_directory

    return (
        Path(words.journal_key)
        if words.journal_key
        else _at_home(key_directory(os.environ), "--journal-key FILE") / _KEY
    )


def _at_home(directory: Path | None, option: str) -> Path:
    if directory is None:
        raise JournalError("there is no home directory for the journal", hint=f"name one: {option}")
    return directory


@contextmanager
def open_journal(words: JournalWords, *, create: bool = False) -> Iterator[Journal]:
    """The journal, to be looked at."""
    from arazzo_runner.runtime.durable.journal import Journal

    with Journal(journal_path(words), create=create, trusted=words.trust_journal) as journal:
        yield journal


@contextmanager
def durable_runs(words: JournalWords, *, create: bool = False) -> Iterator[DurableRuns]:
    """The journal, to drive its runs."""
    from arazzo_runner.runtime.durable.runs import DurableRuns

    with open_journal(words, create=create) as journal, DurableRuns(journal, key_path(words)) as runs:
        yield runs


# Starting


def planned_of(workbook: Workbook, plan: Plan, words: LiveWords, check: Level) -> Planned:
    """A workflow that is about to be run durably, with where its credentials came from."""
    from arazzo_runner.cli.given.preparation import kept_sources, kept_transport
    from arazzo_runner.runtime.durable.runs import Planned
    from arazzo_runner.runtime.durable.setup import RunSetup

    setup = RunSetup(
        number="",
        document=workbook.description.document.path,
        entry=workbook.description.document.uri,
        workflow_id=plan.workflow.workflow_id,
        sources=kept_sources(words.sources),
        options=plan.options,
        credentials=_credential_origins(plan, words.credentials),
        check=check,
        transport=kept_transport(plan, words),
    )
    return Planned(plan, workbook, setup)


def _credential_origins(plan: Plan, words: CredentialWords) -> dict[str, Any]:
    from arazzo_runner.openapi.auth.credentials import environment_variable
    from arazzo_runner.runtime.durable.setup import Origin

    variables = {environment_variable(name) for _, operation in plan.operations() for name in operation.schemes}
    origins = {name: Origin(name) for name in plan.options.credentials.by_variable if name in variables}
    if path := words.credentials:
        origins[_FILE] = Origin(f"the file {path}", str(Path(path).absolute()))
    for word in words.auth:
        scheme, _, value = word.partition("=")
        named = value.startswith("env:")
        said = value.removeprefix("env:") if named else "the command line"
        origins[f"--auth {scheme}"] = Origin(said, word if named else "")
    return origins


# Taking up


class Resumer:
    """Resumes runs; those of one batch share their plan.

    Args:
        given: inputs that the user gives now.
        credentials: those that the user gives now.
    """

    def __init__(self, runs: DurableRuns, given: InputWords, credentials: CredentialWords) -> None:
        self.runs = runs
        self._given = given
        self._credentials = credentials
        self._planned: dict[tuple[Any, ...], Planned] = {}
        self._rows: dict[str, dict[int, InputRow]] = {}

    def take(self, run_id: str) -> tuple[DurableRun, RunSetup]:
        """Take the lease of a run, and all that it needs to go on.

        Raises:
            RunHeld: another process drives it.
            UsageError: a secret is missing.
            JournalError: it has ended, there is none, or its records cannot be read.
        """
        runs = self.runs
        row = runs.journal.take(run_id, runs.holder)
        try:
            setup = runs.setup(run_id)
            planned = self._plan(run_id, setup)
            inputs = self._asked(run_id, setup, planned.plan)
            from arazzo_runner.runtime.durable.runs import given_of

            given = given_of(planned.plan, setup, inputs)
            return runs.resume(run_id, replace(planned, setup=setup), given, unsent=row.unsent), setup
        except BaseException:
            runs.journal.release(run_id, runs.holder)
            raise

    def _plan(self, run_id: str, setup: RunSetup) -> Planned:
        from arazzo_runner.runtime.durable.runs import Planned

        digests = tuple(digest for digest, _, _ in self.runs.journal.sources(run_id))
        key = (digests, setup.entry, setup.workflow_id, repr(setup.options), repr(setup.credentials))
        if key not in self._planned:
            workbook = self.runs.workbook(run_id, setup)
            credentials = credentials_again(run_id, setup, self._credentials)
            plan = workbook.plan(setup.workflow_id, replace(setup.options, credentials=credentials))
            self._planned[key] = Planned(plan, workbook, setup)
        return self._planned[key]

    def _asked(self, run_id: str, setup: RunSetup, plan: Plan) -> dict[str, Any]:
        """The secret inputs of a run, from where they were given, or from the command line now.

        Raises:
            UsageError: one is missing, with what to type.
        """
        schema, names = plan.workflow.input_schema, plan.options.secret_names
        given, _ = trace_inputs(schema, self._given.inputs, {}, sys.stdin, names)
        for name in given:
            if name not in setup.asked:
                asked = ", ".join(setup.asked) or "none"
                raise UsageError(f"a started run keeps its inputs, {name} too; what is asked for again: {asked}")
        wanted = {name: origin for name, origin in setup.asked.items() if name not in given}
        words = [origin.word for origin in wanted.values() if origin.word and not origin.line]
        found, _ = trace_inputs(schema, list(dict.fromkeys(words)), os.environ, sys.stdin, names)
        for name, origin in wanted.items():
            if origin.line:
                row = self._row(origin, schema)
                found |= {name: row.inputs[name]} if row is not None and name in row.inputs else {}
            if name not in found:
                raise _missing(run_id, f"the input {name}", origin.said, f"-i {name}=@FILE")
        return {**{name: found[name] for name in wanted}, **given}

    def _row(self, origin: Origin, schema: Any) -> InputRow | None:
        path = origin.word
        if path not in self._rows:
            self._rows[path] = {row.line: row for row in read_rows(path, schema)}
        return self._rows[path].get(origin.line)


def credentials_again(run_id: str, setup: RunSetup, words: CredentialWords) -> Any:
    """The credentials of a run, from where they were given, or from the command line now.

    Raises:
        UsageError: one is missing, with what to type.
    """
    from arazzo_runner.cli.given.credentials import gather_credentials

    origins = setup.credentials
    kept = [origin.word for name, origin in origins.items() if name.startswith("--auth ") and origin.word]
    file = origins.get(_FILE)
    path = words.credentials or (file.word if file is not None else None)
    now = {f"--auth {word.partition('=')[0]}" for word in words.auth}
    for name, origin in origins.items():
        if name.startswith("--auth ") and not origin.word and name not in now:
            raise _missing(run_id, f"the credential {name}", origin.said, f"{name}=VALUE")
        if name.startswith("ARAZZO_AUTH_") and not os.environ.get(name) and not now:
            raise _missing(run_id, f"the credential {name}", "the environment", "--auth SCHEME=VALUE")
    certificate = setup.options.credentials.certificate
    return gather_credentials([*kept, *words.auth], path, os.environ, certificate=certificate)


def decision_of(words: DecisionWords) -> Decision:
    """Read the user's decision about a request whose answer is unknown.

    Raises:
        UsageError: ``--skip`` names no status, or a file that cannot be read.
    """
    from arazzo_runner.documents.files import MAX_DATA, read_file
    from arazzo_runner.effects import Response
    from arazzo_runner.runtime.decisions import Decision

    if not words.skip:
        return Decision(resend=words.resend)
    status, _, file = words.skip.partition("=")
    if not (status.isascii() and status.isdigit() and 100 <= int(status) <= 599) or file[:1] not in ("", "@"):
        hint = "write --skip 201, or --skip 201=@body.json"
        raise UsageError(f"--skip {words.skip!r}: expected a status, or STATUS=@FILE", hint=hint)
    if not file:
        return Decision(answer=Response(int(status)), with_body=False)
    try:
        return Decision(answer=Response(int(status), body=read_file(file[1:], limit=MAX_DATA)))
    except OSError as error:
        raise UsageError(f"--skip {words.skip}: {error.strerror or error}") from None


def _missing(run_id: str, what: str, where: str, option: str) -> UsageError:
    message = f"the run {run_id} needs {what} again, which came from {where}: a journal keeps no secret of yours"
    return UsageError(message, hint=f"arazzo resume {run_id} {option}")


def origins_of(found: Mapping[str, InputOrigin]) -> dict[str, Any]:
    """Return the origins of inputs, as a journal stores them."""
    from arazzo_runner.runtime.durable.setup import Origin

    return {name: Origin(origin.said, origin.word) for name, origin in found.items()}


def stoppable(run: DurableRun, decision: Decision | None = None) -> Callable[[World, Interruption], RunResult]:
    """Run a durable run until it ends, or an interruption stops it between two effects."""

    def go(world: World, _: Interruption) -> RunResult:
        return run.run(world, decision)

    return go


def interruption_of(runs: DurableRuns) -> Interruption:
    """Return what stops the durable runs of this process, and says on stderr what it waits for."""
    import click

    runs.interruption.tell = lambda text: click.echo(text, err=True)
    return runs.interruption
