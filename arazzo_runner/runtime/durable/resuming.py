"""Resumption of runs from their journal: their documents, plans and secrets, together again.

A journal keeps no secret that the user can give again: whoever resumes a run gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.state import RunState
from arazzo_runner.errors import UsageError
from arazzo_runner.openapi.auth.credentials import Credentials
from arazzo_runner.runtime.durable.parts import StateParts, in_order
from arazzo_runner.runtime.durable.resumption import (
    Pending,
    addresses,
    forgotten_fact,
    is_ambiguous,
    outputs_of_body,
)
from arazzo_runner.runtime.durable.run import DurableRun
from arazzo_runner.runtime.durable.runs import DurableRuns, Planned, given_of
from arazzo_runner.runtime.durable.setup import RunSetup
from arazzo_runner.runtime.serialization import decode


class SecretsAgain(Protocol):
    """Gives the secrets of a run again."""

    def inputs(self, run_id: str, setup: RunSetup, plan: Plan) -> Mapping[str, Any]:
        """The inputs that ``setup.asked`` names.

        Raises:
            UsageError: one is missing, with what to type.
        """

    def credentials(self, run_id: str, setup: RunSetup) -> Credentials:
        """The credentials that ``setup.credentials`` names.

        Raises:
            UsageError: one is missing, with what to type.
        """


class GivenSecrets:
    """Secrets that a caller in Python gives again.

    Args:
        inputs: by name.
        options_credentials: of the runner's options.
    """

    def __init__(self, inputs: Mapping[str, Any], options_credentials: Credentials) -> None:
        self._inputs = dict(inputs)
        self._credentials = options_credentials

    def inputs(self, run_id: str, setup: RunSetup, plan: Plan) -> Mapping[str, Any]:  # noqa: ARG002 - of the protocol
        """The inputs, all of them."""
        refuse_kept_inputs(self._inputs, setup)
        for name, origin in setup.asked.items():
            if name not in self._inputs:
                call = f"resume({run_id!r}, inputs={{{name!r}: …}})"
                raise missing_secret(run_id, f"the input {name}", origin.said, call)
        return self._inputs

    def credentials(self, run_id: str, setup: RunSetup) -> Credentials:
        """The credentials of the options."""
        given = self._credentials
        for name, origin in setup.credentials.items():
            scheme = name.removeprefix("--auth ")
            if not (scheme in given.by_scheme or name in given.by_variable or given.by_scheme):
                hint = "RunOptions(credentials=Credentials({'SCHEME': parse_credential('…')}))"
                raise missing_secret(run_id, f"the credential {name}", origin.said, hint)
        return replace(given, certificate=setup.options.credentials.certificate)


def refuse_kept_inputs(given: Mapping[str, Any], setup: RunSetup) -> None:
    """Refuse inputs that a started run keeps.

    Raises:
        UsageError: with the first.
    """
    for name in given:
        if name not in setup.asked:
            asked = ", ".join(setup.asked) or "none"
            raise UsageError(f"a started run keeps its inputs, {name} too; what is asked for again: {asked}")


def missing_secret(run_id: str, what: str, where: str, hint: str) -> UsageError:
    """Return the error for a secret that nobody gives again."""
    message = f"the run {run_id} needs {what} again, which came from {where}: a journal keeps no secret of yours"
    return UsageError(message, hint=hint)


def check_carried(run_id: str, setup: RunSetup, carried: str) -> None:
    """Refuse to send what a client or an application of another process carried.

    Args:
        carried: ``client`` or ``app`` when one of those will carry the requests; empty for none.

    Raises:
        UsageError: the run was carried by another one.
    """
    if setup.carried and setup.carried != carried:
        what = "an application of its process" if setup.carried == "app" else "a client of its process"
        message = f"the requests of the run {run_id} were carried by {what}, and must not go anywhere else"
        hint = f"resume it from Python: Runner(…, {setup.carried}=…).resume({run_id!r})"
        raise UsageError(message, hint=hint)


class Resumer:
    """Resumes runs; those of one batch share their plan.

    Args:
        again: returns their secrets.
        carried: ``client`` or ``app`` when one of those will carry the requests, as ``RunSetup.carried`` has it.
    """

    def __init__(self, runs: DurableRuns, again: SecretsAgain, *, carried: str = "") -> None:
        self.runs = runs
        self._again = again
        self._carried = carried
        self._planned: dict[tuple[Any, ...], Planned] = {}

    def take(self, run_id: str) -> tuple[DurableRun, RunSetup]:
        """Take the lease of a run, and all that it needs to continue.

        Raises:
            RunHeld: another process drives it.
            UsageError: a secret is missing, or an application that it was started with.
            JournalError: it has ended, there is none, or its records cannot be read.
        """
        runs = self.runs
        row = runs.journal.take(run_id, runs.holder)
        try:
            setup = runs.setup(run_id)
            check_carried(run_id, setup, self._carried)
            planned = self._plan(run_id, setup)
            given = given_of(planned.plan, setup, self._again.inputs(run_id, setup, planned.plan))
            return runs.resume(run_id, replace(planned, setup=setup), given, unsent=row.unsent), setup
        except BaseException:
            runs.journal.release(run_id, runs.holder)
            raise

    def _plan(self, run_id: str, setup: RunSetup) -> Planned:
        digests = tuple(digest for digest, _, _ in self.runs.journal.sources(run_id))
        key = (digests, setup.entry, setup.workflow_id, repr(setup.options), repr(setup.credentials))
        if key not in self._planned:
            workbook = self.runs.workbook(run_id, setup)
            credentials = self._again.credentials(run_id, setup)
            plan = workbook.plan(setup.workflow_id, replace(setup.options, credentials=credentials))
            self._planned[key] = Planned(plan, workbook, setup)
        return self._planned[key]


class OpenDecision(Struct, frozen=True):
    """The decision that a stopped run needs before it can be resumed.

    Attributes:
        ambiguous: whether it is about a request, or message, whose answer is unknown.
        outputs: of the step at hand, that it takes from the body of the answer.
        message: where the message was sent that the broker may have or not; empty for a request.
        missed: where messages may have come while nobody listened; empty where that cannot be.
    """

    ambiguous: bool = True
    outputs: tuple[str, ...] = ()
    message: str = ""
    missed: str = ""


def open_decision(runs: DurableRuns, run_id: str) -> OpenDecision | None:
    """Return what has to be decided about a run, without its secrets; None when nothing has to be.

    Raises:
        JournalError: there is no such run, or its records cannot be read.
    """
    row, found = runs.journal.run(run_id), runs.journal.state(run_id)
    if row.shown != "stopped" or found is None:
        return None
    vault, setup = runs.vault(run_id), runs.setup(run_id)
    head, _, text = vault.open(found[1], f"state {found[0]}").partition("\n")

    def opened(part: int, place: int, sealed: bytes) -> Any:
        return decode(vault.open(sealed, f"part {part}/{place}"))

    # Placeholders stay in the place of secrets: whether a request can be repeated does not depend on them.
    state = StateParts().join(decode(text)["state"], in_order(runs.journal.parts(run_id), opened))
    plan = runs.workbook(run_id, setup).plan(setup.workflow_id, setup.options)
    missed = _missed(runs, run_id, plan, state)
    if row.unsent or Pending.from_json(head).seconds is not None or not is_ambiguous(plan, state):
        return OpenDecision(ambiguous=False, missed=missed) if missed else None
    underway = state.frames[-1].underway
    if underway is not None and underway.message is not None:
        return OpenDecision(message=underway.message.address, missed=missed)
    return OpenDecision(outputs=tuple(outputs_of_body(plan, state)), missed=missed)


def _missed(runs: DurableRuns, run_id: str, plan: Plan, state: RunState) -> str:
    """The channels whose messages may have been missed, for people; empty for none."""
    if not state.subscriptions:
        return ""
    from arazzo_runner.runtime.durable.attachments import attachments

    def forgotten(source: str) -> bool:
        return runs.journal.known(forgotten_fact(run_id, source)) is not None

    return addresses(state, attachments(plan, state, forgotten=forgotten).lost)
