"""Durable runs on the command line: the journal that is meant, and a run's secrets, taken again from where they were.

The journal keeps no secret that the user can give again, but where each came from.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arazzo_runner.cli.given.inputs import InputOrigin, trace_inputs
from arazzo_runner.cli.given.rows import InputRow, read_rows
from arazzo_runner.errors import UsageError

if TYPE_CHECKING:
    from arazzo_runner.cli.given.preparation import Options
    from arazzo_runner.engine.plan import Plan
    from arazzo_runner.runtime.decisions import Decision
    from arazzo_runner.runtime.drivers import World
    from arazzo_runner.runtime.durable.journal import Journal
    from arazzo_runner.runtime.durable.run import DurableRun
    from arazzo_runner.runtime.durable.runs import DurableRuns, Planned
    from arazzo_runner.runtime.durable.setup import Origin, RunSetup
    from arazzo_runner.runtime.run.session import RunResult
    from arazzo_runner.runtime.run.workbook import Workbook

_FILE = "--credentials"


def journal_path(options: Options) -> Path:
    """Where the journal is."""
    from arazzo_runner.runtime.durable.database import state_directory

    return Path(options["journal"]) if options["journal"] else state_directory(os.environ) / "journal.db"


def key_path(options: Options) -> Path:
    """Where its key is."""
    from arazzo_runner.runtime.durable.database import key_directory

    return Path(options["journal_key"]) if options["journal_key"] else key_directory(os.environ) / "journal.key"


@contextmanager
def open_journal(options: Options, *, create: bool = False) -> Iterator[Journal]:
    """The journal, to be looked at."""
    from arazzo_runner.runtime.durable.journal import Journal

    with Journal(journal_path(options), create=create) as journal:
        yield journal


@contextmanager
def durable_runs(options: Options, *, create: bool = False) -> Iterator[DurableRuns]:
    """The journal, to drive its runs."""
    from arazzo_runner.runtime.durable.runs import DurableRuns

    with open_journal(options, create=create) as journal, DurableRuns(journal, key_path(options)) as runs:
        yield runs


# Starting


def planned_of(workbook: Workbook, plan: Plan, document: str, options: Options) -> Planned:
    """A workflow that is about to be run durably, with where its credentials came from."""
    from arazzo_runner.cli.given.preparation import kept_sources, kept_transport
    from arazzo_runner.runtime.durable.runs import Planned
    from arazzo_runner.runtime.durable.setup import RunSetup

    setup = RunSetup(
        number="",
        document=document,
        entry=workbook.description.document.uri,
        workflow_id=plan.workflow.workflow_id,
        sources=kept_sources(options),
        options=plan.options,
        credentials=_credential_origins(plan, options),
        check=options["check"],
        transport=kept_transport(plan, options),
    )
    return Planned(plan, workbook, setup)


def _credential_origins(plan: Plan, options: Options) -> dict[str, Any]:
    from arazzo_runner.openapi.auth.credentials import environment_variable
    from arazzo_runner.runtime.durable.setup import Origin

    variables = {environment_variable(name) for _, operation in plan.operations() for name in operation.schemes}
    origins = {name: Origin(name) for name in plan.options.credentials.by_variable if name in variables}
    if path := options["credentials"]:
        origins[_FILE] = Origin(f"the file {path}", str(Path(path).absolute()))
    for word in options["auth"]:
        scheme, _, value = word.partition("=")
        named = value.startswith("env:")
        said = value.removeprefix("env:") if named else "the command line"
        origins[f"--auth {scheme}"] = Origin(said, word if named else "")
    return origins


# Taking up


class Resumer:
    """Takes runs up again; those of one batch share their plan.

    Args:
        options: of the command line: what of the secrets the user gives now.
    """

    def __init__(self, runs: DurableRuns, options: Options) -> None:
        self.runs = runs
        self._options = options
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
            credentials = credentials_again(run_id, setup, self._options)
            plan = workbook.plan(setup.workflow_id, replace(setup.options, credentials=credentials))
            self._planned[key] = Planned(plan, workbook, setup)
        return self._planned[key]

    def _asked(self, run_id: str, setup: RunSetup, plan: Plan) -> dict[str, Any]:
        """The secret inputs of a run, from where they were given, or from the command line now.

        Raises:
            UsageError: one is missing, with what to type.
        """
        schema = plan.workflow.input_schema
        given, _ = trace_inputs(schema, self._options["inputs"], {}, sys.stdin)
        for name in given:
            if name not in setup.asked:
                asked = ", ".join(setup.asked) or "none"
                raise UsageError(f"a started run keeps its inputs, {name} too; what is asked for again: {asked}")
        wanted = {name: origin for name, origin in setup.asked.items() if name not in given}
        words = [origin.word for origin in wanted.values() if origin.word and not origin.line]
        found, _ = trace_inputs(schema, list(dict.fromkeys(words)), os.environ, sys.stdin)
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


def credentials_again(run_id: str, setup: RunSetup, options: Options) -> Any:
    """The credentials of a run, from where they were given, or from the command line now.

    Raises:
        UsageError: one is missing, with what to type.
    """
    from arazzo_runner.cli.given.credentials import gather_credentials

    origins = setup.credentials
    words = [origin.word for name, origin in origins.items() if name.startswith("--auth ") and origin.word]
    file = origins.get(_FILE)
    path = options["credentials"] or (file.word if file is not None else None)
    now = {f"--auth {word.partition('=')[0]}" for word in options["auth"]}
    for name, origin in origins.items():
        if name.startswith("--auth ") and not origin.word and name not in now:
            raise _missing(run_id, f"the credential {name}", origin.said, f"{name}=VALUE")
        if name.startswith("ARAZZO_AUTH_") and not os.environ.get(name) and not now:
            raise _missing(run_id, f"the credential {name}", "the environment", "--auth SCHEME=VALUE")
    certificate = setup.options.credentials.certificate
    return gather_credentials([*words, *options["auth"]], path, os.environ, certificate=certificate)


def decision_of(options: Options) -> Decision:
    """What the user says of a request whose answer is not known.

    Raises:
        UsageError: ``--skip`` names no status, or a file that cannot be read.
    """
    from arazzo_runner.documents.files import MAX_DATA, read_file
    from arazzo_runner.effects import Response
    from arazzo_runner.runtime.decisions import Decision

    if not options["skip"]:
        return Decision(resend=options["resend"])
    status, _, file = options["skip"].partition("=")
    if not (status.isascii() and status.isdigit() and 100 <= int(status) <= 599) or file[:1] not in ("", "@"):
        hint = "write --skip 201, or --skip 201=@body.json"
        raise UsageError(f"--skip {options['skip']!r}: expected a status, or STATUS=@FILE", hint=hint)
    if not file:
        return Decision(answer=Response(int(status)))
    try:
        return Decision(answer=Response(int(status), body=read_file(file[1:], limit=MAX_DATA)))
    except OSError as error:
        raise UsageError(f"--skip {options['skip']}: {error.strerror or error}") from None


def _missing(run_id: str, what: str, where: str, option: str) -> UsageError:
    message = f"the run {run_id} needs {what} again, which came from {where}: a journal keeps no secret of yours"
    return UsageError(message, hint=f"arazzo resume {run_id} {option}")


def origins_of(found: Mapping[str, InputOrigin]) -> dict[str, Any]:
    """Where inputs came from, as a journal keeps it."""
    from arazzo_runner.runtime.durable.setup import Origin

    return {name: Origin(origin.said, origin.word) for name, origin in found.items()}


def interruptible(runs: DurableRuns, run: DurableRun, decision: Decision | None = None) -> Callable[[World], RunResult]:
    """What runs it until it ends, or Ctrl-C stops it between two effects."""
    import click

    def go(world: World) -> RunResult:
        runs.interruption.tell = lambda text: click.echo(text, err=True)
        with runs.interruption.listening():
            return run.run(world, decision)

    return go
