"""Cases against a real server: the same inputs sent again, and what has drifted since they were recorded.

Values change from day to day, ids in paths among them; structures should not: a case fails when its run ends otherwise,
breaks its contract, or when something of an answer or output is gone, new, or of another type. Other differences are
remarks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from arazzo_runner.documents.input_schemas import declared
from arazzo_runner.effects import MASK
from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.errors import ArazzoError
from arazzo_runner.openapi.auth.credentials import Credentials
from arazzo_runner.openapi.contract.judge import Contract
from arazzo_runner.openapi.request.servers import ServerOptions
from arazzo_runner.runtime.cases.coverage import CoverageOfRun
from arazzo_runner.runtime.cases.drift import Drift, LastExchanges, drift
from arazzo_runner.runtime.cases.files import Case, read_case
from arazzo_runner.runtime.cases.judging import (
    Bench,
    CaseResult,
    Failure,
    FindDocument,
    Trial,
    attempts_to,
    contract_verdict,
    outputs_shown,
    unexpected_end,
    unreadable,
)
from arazzo_runner.runtime.cassettes.differences import Difference, compare_data
from arazzo_runner.runtime.cassettes.replay import Replay
from arazzo_runner.runtime.drivers import World
from arazzo_runner.runtime.run.carriers import as_seen_by
from arazzo_runner.runtime.run.contract_checks import ContractChecks
from arazzo_runner.runtime.run.session import Session

if TYPE_CHECKING:
    from arazzo_runner.runtime.http.applications import Applications

OpenWorld: TypeAlias = Callable[[Plan], AbstractContextManager[World]]
"""Opens what a plan's requests are sent with."""


class LiveValues(Struct, frozen=True):
    """The values that the user gives beside the cases: what nothing recorded can know.

    Attributes:
        inputs: returns the inputs of a case, by its plan; those that its workflow does not declare are passed over.
        servers: replace the cases' own, where there are any.
        sources, base_dir: replace the cases' own, where there are any (H0).
        options: replace options of the cases' runs, by the names of ``RunOptions``.
        app: the application that the cases run against, or None; descriptions at http(s) URLs come from it.
    """

    inputs: Callable[[Case, Plan], Mapping[str, Any]]
    servers: ServerOptions
    credentials: Credentials
    sources: Mapping[str, str] = field(default_factory=dict)
    base_dir: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    app: Applications | None = None


def judge_live(
    paths: Iterable[str | Path],
    find: FindDocument,
    given: LiveValues,
    open_world: OpenWorld,
    *,
    attempts: bool = False,
) -> Iterator[CaseResult]:
    """Test cases against a server, one after the other; bare cassettes are passed over.

    Args:
        open_world: what each case is sent with.
        attempts: whether results have the attempts of their runs.
    """
    bench = Bench(find, app=given.app)
    contract = Contract()
    for path in paths:
        try:
            case = read_case(path)
        except ArazzoError as error:
            yield unreadable(path, error)
            continue
        if case is None:
            continue
        sources, base_dir = {**case.sources, **given.sources}, given.base_dir or case.base_dir
        trial = _Live(replace(case, sources=sources, base_dir=base_dir), attempts=attempts)
        yield trial.verdict(partial(trial.run, bench, contract, given, open_world))


class _Live(Trial):
    """A case that is sent to a server."""

    def run(self, bench: Bench, contract: Contract, given: LiveValues, open_world: OpenWorld) -> None:
        case = self.case
        recorded = _recorded(case, bench.plan(case, case.run_options()))
        plan = bench.plan(case, _live_options(case, given))
        inputs = self._inputs(given.inputs(case, plan), declared(plan.workflow.input_schema))
        if self.failures:
            return
        checks = None if case.check == "off" else ContractChecks(plan, "warn", contract)
        covered, live = CoverageOfRun(plan), LastExchanges()
        session = Session(plan, inputs, [attempts_to(covered.take, live.take, self.keep)], checks=checks)
        with open_world(plan) as world:
            result = session.run(as_seen_by(session, world))
        self.coverage = covered.coverage
        self.requests = result.outcome.requests
        ended_otherwise = list(unexpected_end(case, result, session.redactor))
        self.failures += ended_otherwise
        if checks is not None:
            failures, remarks = contract_verdict(checks, session.redactor, case.check)
            self.failures += failures
            self.remarks += remarks
            self.unjudged = checks.remarks.total()
        self._tell("drift", "the API has changed since this was recorded", drift(live, recorded))
        if not ended_otherwise:
            differences = compare_data(outputs_shown(session, result), dict(case.outputs), "output")
            self._tell("outputs", "the outputs have another form", differences)

    def _inputs(self, given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
        """The case's inputs, and what is given for those that are masked."""
        inputs = {name: value for name, value in self.case.inputs.items() if MASK not in str(value)}
        inputs |= {name: value for name, value in given.items() if name in names}
        missing = [name for name in self.case.inputs if name not in inputs]
        if missing:
            hint = " ".join(f"-i {name}=@FILE" for name in missing)
            message = f"{', '.join(missing)}: secret in the recording, so it has to be given"
            self.failures.append(Failure("inputs", message, hint=f"add {hint}, or set ARAZZO_INPUT_<name>"))
        return inputs

    def _tell(self, code: str, message: str, found: Iterable[Drift | Difference]) -> None:
        """Structural differences fail the case, others are remarks."""
        told = list(found)
        broken = tuple(str(one) for one in told if one.structural)
        if broken:
            self.failures.append(Failure(code, message, broken))
        self.remarks += [f"{self.case.id}: {one}" for one in told if not one.structural]


def _live_options(case: Case, given: LiveValues) -> RunOptions:
    recorded = case.run_options()
    urls = given.servers.urls or case.servers
    variables = {**case.server_variables, **given.servers.variables}
    servers = ServerOptions(urls, variables, {**case.server_bases, **given.servers.bases})
    return replace(recorded, servers=servers, credentials=given.credentials, **given.options)


def _recorded(case: Case, plan: Plan) -> LastExchanges:
    """The exchanges of the recording, by step."""
    exchanges = LastExchanges()
    session = Session(plan, case.inputs, [attempts_to(exchanges.take)])
    session.run(Replay(case.cassette, session.redactor))
    return exchanges
