"""Contract tests: recorded cases replayed and judged, each against its recording, its contract and its expectation.

What breaks says which side it is: the workflow, whose request is not the recorded one; the API, whose answer is not as
its description says; or the case, whose outputs are not those expected.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct, field

from arazzo_runner.effects import MASK, Request
from arazzo_runner.engine.events import Attempt, AttemptFinished, AttemptStarted, Event, MessageAwaited
from arazzo_runner.engine.plan import Plan, PlannedStep, RunOptions
from arazzo_runner.errors import ArazzoError, InvalidInputs, Place, UsageError
from arazzo_runner.openapi.auth.credentials import SECRET_PARTS
from arazzo_runner.openapi.contract.judge import Contract
from arazzo_runner.runtime.cases.coverage import Coverage, CoverageOfRun
from arazzo_runner.runtime.cases.files import Case, plain, read_case
from arazzo_runner.runtime.cases.headers import compare_headers
from arazzo_runner.runtime.cases.names import check_names
from arazzo_runner.runtime.cassettes.differences import Difference, compare, compare_data
from arazzo_runner.runtime.cassettes.format import Interaction
from arazzo_runner.runtime.cassettes.replay import Replay, ReplayMiss
from arazzo_runner.runtime.run.contract_checks import ContractChecks, steps_by_id
from arazzo_runner.runtime.run.session import RunResult, Session
from arazzo_runner.runtime.run.workbook import Workbook, load
from arazzo_runner.runtime.secrets.redaction import Redactor

MAX_ATTEMPTS = 200
"""How many attempts of a case its result has."""
if TYPE_CHECKING:
    from arazzo_runner.runtime.http.applications import Applications

MAX_BREACHES = 20
"""The number of breaches of one case that are shown; a poll repeats them."""

FindDocument: TypeAlias = Callable[[str], str | None]
"""Returns the document that a workflow is in, by its id; None when there is none."""


class Failure(Struct, frozen=True):
    """One thing that is wrong with a case. Nothing in it is secret.

    Attributes:
        code: ``changed-request``, ``missing-interaction``, ``unused-interaction``, ``contract``, ``status``,
            ``outputs``, ``secret``, ``inputs`` or ``unusable``.
        details: a line each.
        place: the line of a document that it comes down to.
        expected, came: two texts to be compared line by line; empty when there are none.
    """

    code: str
    message: str
    details: tuple[str, ...] = ()
    hint: str = ""
    place: Place | None = None
    expected: str = ""
    came: str = ""


class CaseResult(Struct, frozen=True):
    """The result of a case.

    Attributes:
        id: ``workflow::case``.
        requests: how many were made.
        duration: seconds.
        remarks: what could not be judged, and what else is worth knowing.
        unjudged: how many parts of its exchanges could not be judged.
        attempts: of its run, masked, when they were asked for; the first ``MAX_ATTEMPTS``.
    """

    id: str
    path: str
    description: str = ""
    failures: tuple[Failure, ...] = ()
    remarks: tuple[str, ...] = ()
    unjudged: int = 0
    requests: int = 0
    duration: float = 0.0
    coverage: Coverage = field(default_factory=Coverage)
    attempts: tuple[Attempt, ...] = ()

    @property
    def passed(self) -> bool:
        """Return whether nothing is wrong."""
        return not self.failures


class Bench:
    """Tests cases. Documents are loaded and contracts prepared once, however many cases they have.

    Args:
        find: returns the document that a workflow is in, or None, for cases that do not name theirs.
        attempts: whether results have the attempts of their runs.
        app: an application that gives descriptions at http(s) URLs, or None.
    """

    def __init__(
        self, find: FindDocument = lambda _: None, *, attempts: bool = False, app: Applications | None = None
    ) -> None:
        self.attempts = attempts
        self._app = app
        self._find = cache(find)
        self._workbooks: dict[tuple[str, ...], Workbook] = {}
        self._contracts: dict[tuple[str, ...], Contract] = {}

    def test(self, path: str | Path) -> CaseResult | None:
        """Test one case; None when the file is a bare cassette, which expects nothing."""
        try:
            case = read_case(path)
        except ArazzoError as error:
            return unreadable(path, error)
        return None if case is None else self.judge(case)

    def judge(self, case: Case) -> CaseResult:
        """Replay a case and say what is wrong with it."""
        trial = _Replayed(case, attempts=self.attempts)

        def run() -> None:
            plan = self.plan(case, case.run_options())
            trial.run(plan, self._contracts.setdefault(self._key(case), Contract()))

        return trial.verdict(run)

    def plan(self, case: Case, options: RunOptions) -> Plan:
        """The plan of a case's workflow.

        Raises:
            ArazzoError: it cannot be run as it stands.
        """
        key = self._key(case)
        if key not in self._workbooks:
            self._workbooks[key] = load(key[0], sources=case.sources, base_dir=case.base_dir or None, app=self._app)
        workbook = self._workbooks[key]
        plan = workbook.plan(case.workflow_id, options)
        check_names(case, workbook.description, plan)
        return plan

    def _key(self, case: Case) -> tuple[str, ...]:
        document = case.document or self._find(case.workflow_id)
        if not document:
            raise UsageError(
                f"the case does not name its document, and there is no workflow {case.workflow_id!r} to be found",
                hint="write document: in the case, or say where the workflows are: --workflows DIR",
            )
        return document, case.base_dir, repr(sorted(case.sources.items()))


def unusable(error: ArazzoError) -> Failure:
    """An error that kept a case from being run."""
    if isinstance(error, InvalidInputs):
        return Failure("inputs", error.message, error.errors, error.hint)
    problems = getattr(error, "problems", ())
    details = tuple(f"{problem.place}: {problem.message}" for problem in problems)
    return Failure("unusable", error.message, details, error.hint, error.place)


def unreadable(path: str | Path, error: ArazzoError) -> CaseResult:
    """Return the result of a file that is not a case."""
    return CaseResult(f"{Path(path).parent.name}::{Path(path).stem}", str(path), failures=(unusable(error),))


class Trial:
    """A case on trial, and what is found of it."""

    def __init__(self, case: Case, *, attempts: bool = False) -> None:
        self.case = case
        self._kept: list[Attempt] | None = [] if attempts else None
        self.failures: list[Failure] = []
        self.remarks: list[str] = []
        self.unjudged = 0
        self.requests = 0
        self.coverage = Coverage()

    def keep(self, attempt: Attempt) -> None:
        """Keep an attempt, masked, if they were asked for."""
        if self._kept is not None and len(self._kept) < MAX_ATTEMPTS:
            self._kept.append(attempt)

    def verdict(self, run: Callable[[], None]) -> CaseResult:
        """Judge the case; an error that keeps it from running is a failure.

        Args:
            run: runs it, and notes what is found.
        """
        begun = time.perf_counter()
        try:
            run()
        except ArazzoError as error:
            self.failures.append(unusable(error))
        return CaseResult(
            id=self.case.id,
            path=self.case.path,
            description=self.case.description,
            failures=tuple(self.failures),
            remarks=tuple(self.remarks),
            unjudged=self.unjudged,
            requests=self.requests,
            duration=time.perf_counter() - begun,
            coverage=self.coverage,
            attempts=tuple(self._kept or ()),
        )


class _Replayed(Trial):
    """A case that is answered from its recording."""

    def __init__(self, case: Case, *, attempts: bool = False) -> None:
        super().__init__(case, attempts=attempts)
        self._at: AttemptStarted | MessageAwaited | None = None
        self._steps: Mapping[tuple[str, str], PlannedStep] = {}
        self._sending: PlannedStep | None = None

    def run(self, plan: Plan, contract: Contract) -> None:
        """Replay the case.

        Raises:
            ArazzoError: it cannot be run as it stands.
        """
        case = self.case
        self.failures += exposed_secrets(case, plan)
        checks = None if case.check == "off" else ContractChecks(plan, "warn", contract)
        covered = CoverageOfRun(plan)
        self._steps = steps_by_id(plan)
        session = Session(plan, case.inputs, checks=checks)
        session.listen(self._see, attempts_to(covered.take, self.keep))
        world = Replay(case.cassette, session.redactor, differ=self._differences)
        result = session.run(world)
        self.coverage = covered.coverage
        self.requests = result.outcome.requests
        place = self._step_place()
        if world.miss is not None:
            self.failures.append(_missed(world.miss, case, self._at, place))
        elif world.unused:
            self.failures.append(_unused(world, case))
        if checks is not None:
            failures, remarks = contract_verdict(checks, session.redactor, case.check)
            self.failures += failures
            self.remarks += remarks
            self.unjudged = checks.remarks.total()
        self.remarks += [told for told in result.problems if isinstance(told, str)]  # D2
        if world.miss is None:
            self.failures += unexpected_end(case, result, session.redactor)
            outputs = outputs_shown(session, result)
            differences = list(compare_data(outputs, dict(case.outputs), "output"))
            lines = tuple(str(one).replace("recorded", "expected") for one in differences[:MAX_BREACHES])
            if lines:
                then, now = _laid_out(dict(case.outputs)), _laid_out(outputs)
                message = "the outputs are not those expected"
                self.failures.append(Failure("outputs", message, lines, expected=then, came=now))

    def _see(self, event: Event) -> None:
        if isinstance(event, AttemptStarted | MessageAwaited):
            self._at, self._sending = event, self._steps.get((event.workflow_id, event.step_id))

    def _differences(self, live: Request, recorded: Request) -> list[Difference]:
        """Compare a request, with the headers that its step decides; a request for a token belongs to no step (H5)."""
        step, self._sending = self._sending, None
        return [*compare(live, recorded), *(compare_headers(live, recorded, step) if step is not None else ())]

    def _step_place(self) -> Place | None:
        step = self._steps.get((self._at.workflow_id, self._at.step_id)) if self._at is not None else None
        return None if step is None else step.spot.place


def contract_verdict(checks: ContractChecks, redactor: Redactor, level: str) -> tuple[list[Failure], list[str]]:
    """Return the failures and remarks of a run's contract checks.

    Args:
        level: ``warn`` makes remarks of breaches.
    """
    remarks = [f"not judged: {redactor.text(remark)}" for remark in checks.remarks]
    remarks += dict.fromkeys(f"explains the refusal: {redactor.text(str(one))}" for one in checks.explained)
    told = dict.fromkeys(redactor.text(str(found)) for found in checks.found)
    if level == "warn" or not told:
        return [], [*remarks, *told]
    shown, more = list(told)[:MAX_BREACHES], len(told) - MAX_BREACHES
    rest = (f"and {more} more",) if more > 0 else ()
    return [Failure("contract", "an exchange is not as its description says", (*shown, *rest))], remarks


def attempts_to(*takers: Callable[[Attempt], None]) -> Callable[[Event], None]:
    """A listener that hands over each attempt that has finished."""

    def listen(event: Event) -> None:
        if isinstance(event, AttemptFinished):
            for take in takers:
                take(event.attempt)

    return listen


def _missed(miss: ReplayMiss, case: Case, at: AttemptStarted | MessageAwaited | None, place: Place | None) -> Failure:
    """A request or message that the cassette has no answer for."""
    step = f"step {at.step_id}: " if at else ""
    hint = f"if the change is intended: arazzo record {case.document} {case.workflow_id} --case {case.name} --update"
    what = "message" if miss.is_message else "interaction"
    if miss.index is None:
        count = len(case.cassette.messages if miss.is_message else case.cassette.interactions)
        wanted = f" for {miss.asked}" if miss.request is not None else ", and one is waited for"
        message = f"{step}the recording has no {what}{wanted}; all {count} of it were used"
        return Failure("missing-interaction", message, hint=hint, place=place)
    asked = miss.asked if miss.is_message else f"the request {miss.asked}"
    message = f"{step}{asked} is not the one recorded as {what} {miss.index + 1}"
    then, now = ("" if one is None else _sent(one) for one in (miss.recorded, miss.request))
    return Failure("changed-request", message, tuple(map(str, miss.differences)), hint, place, then, now)


def _sent(request: Request) -> str:
    """A request as text: its line, and its body laid out."""
    try:
        body = _laid_out(json.loads(request.body or b"null")) if request.body else ""
    except ValueError:
        body = (request.body or b"").decode("utf-8", "replace")
    return f"{request.method} {request.url}\n\n{body}".strip()


def _laid_out(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True, default=str)


def _unused(world: Replay, case: Case) -> Failure:
    unused = world.unused
    ends = {"interaction": len(case.cassette.interactions), "message": len(case.cassette.messages)}
    kinds = ["interaction" if isinstance(one, Interaction) else "message" for one in unused]
    titles = [
        f"{kind} {ends[kind] - kinds[index:].count(kind) + 1}: {one.title}"
        for index, (kind, one) in enumerate(zip(kinds, unused, strict=True))
    ]
    lines = tuple(titles[:MAX_BREACHES])
    message = f"{len(unused)} recorded interaction{'s were' if len(unused) > 1 else ' was'} not asked for"
    return Failure("unused-interaction", message, lines)


def unexpected_end(case: Case, result: RunResult, redactor: Redactor) -> Iterator[Failure]:
    """Return whether the run ended otherwise than expected; a case that expects to fail may omit the reason."""
    reason = result.reason
    code = reason.code if reason else None
    if result.status == case.status and (case.reason in (None, code) or case.status == "succeeded"):
        return
    expected = f"{case.status} ({case.reason})" if case.reason else case.status
    message = f"the run {result.status}{f' ({code})' if code else ''}; expected: {expected}"
    if reason is None:
        yield Failure("status", message)
    else:
        details = (redactor.text(reason.message),)
        yield Failure("status", message, details, redactor.text(reason.hint), reason.place)


def outputs_shown(session: Session, result: RunResult) -> dict[str, Any]:
    """The outputs of a run as a case keeps them."""
    return plain(session.redactor.inputs(result.outputs))


def exposed_secrets(case: Case, plan: Plan) -> Iterator[Failure]:
    """The values of a case's file that are secret by what they are and stand there unmasked (S1)."""
    redactor = Redactor(plan.options.secret_names)
    redactor.learn_headers(*plan.secret_headers)
    redactor.learn_queries(*plan.secret_queries)
    redactor.learn_inputs(plan.workflow.input_schema, case.inputs, plan.credential_inputs)
    for name, value in redactor.inputs(case.inputs).items():
        if value != case.inputs[name]:
            yield _exposed(case, f"the input {name}")
    for scheme, parts in case.credentials.items():
        if any(value != MASK for part, value in parts.items() if part in SECRET_PARTS):
            yield _exposed(case, f"the credential for {scheme}")
    for number, recorded in enumerate(case.cassette.messages, 1):
        if redactor.message(recorded.message) != recorded.message:
            yield _exposed(case, f"the message {number}")
    for number, interaction in enumerate(case.cassette.interactions, 1):
        request, response = interaction.request, interaction.response
        for side, headers in (("request", request.headers), ("response", response.headers)):
            masked = redactor.headers(headers)
            names = [name for (name, value), (_, shown) in zip(headers, masked, strict=True) if value != shown]
            for name in names:
                yield _exposed(case, f"the {side} header {name} of interaction {number}")
        if redactor.url(request.url) != request.url:
            yield _exposed(case, f"the URL of interaction {number}")
        if redactor.body(response.body, answer=True) != response.body:
            yield _exposed(case, f"the response body of interaction {number}")


def _exposed(case: Case, what: str) -> Failure:
    hint = f"replace it by '{MASK}', withdraw the secret, and record with arazzo record, which masks"
    return Failure("secret", f"{what} holds a secret that is not masked", hint=hint, place=Place(case.path))
