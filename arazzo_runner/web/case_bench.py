"""Recorded cases: checked by replaying them, recorded again, and accepted anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.engine.demands.reachable_urls import destinations
from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.errors import ArazzoError, CassetteError, UsageError
from arazzo_runner.reports.pages.html_views import attempt_view, clock, comparison
from arazzo_runner.runtime.cases.drift import changes
from arazzo_runner.runtime.cases.files import LOST, Case, case_files, read_case, unmasked
from arazzo_runner.runtime.cases.judging import Bench, CaseResult
from arazzo_runner.runtime.run.workbook import Workbook, load
from arazzo_runner.runtime.runners.runner import Runner
from arazzo_runner.serving.offered_inputs import secret_input_names
from arazzo_runner.serving.offers import Grounds
from arazzo_runner.web.input_forms import InputField, fields_of, typed_inputs
from arazzo_runner.web.site import WebSite, not_found

NEW = ".new"
"""Ends the name of a recording that waits to be accepted: ``arazzo test`` takes it for nothing."""
MAX_CHANGES = 300
_ATTEMPTS = 40
_BODY = 4000


class CaseVerdict(Struct, frozen=True):
    """The last result of a case, and when that was."""

    result: CaseResult
    at: float


class CaseBench:
    """The cases of a site. What is known of each is kept by its name: no address of a browser becomes a path."""

    def __init__(self, site: WebSite) -> None:
        self._site = site
        self._verdicts: dict[str, CaseVerdict] = {}
        self._lock = threading.Lock()

    def paths(self) -> dict[str, Path]:
        """Return the files that may be cases, by name: ``workflow/case``."""
        try:
            found = list(case_files([self._site.cases]))
        except UsageError:
            return {}
        return {path.relative_to(self._site.cases).with_suffix("").as_posix(): path for path in found}

    def path(self, name: str) -> Path:
        """Return the file of a case.

        Raises:
            PageRefused: there is none of that name.
        """
        found = self.paths().get(name)
        if found is None:
            raise not_found(f"there is no case {name[:200]!r}", hint="the list of cases has those that there are")
        return found

    def listed(self, workflow_id: str = "") -> list[dict[str, Any]]:
        """Return the cases for a list.

        Args:
            workflow_id: only its cases; empty for all.
        """
        rows = []
        for name, path in self.paths().items():
            case, error = self._read(path)
            if case is None and error is None:
                continue  # a bare cassette
            of = case.workflow_id if case is not None else path.parent.name
            if workflow_id and of != workflow_id:
                continue
            rows.append(
                {
                    "name": name,
                    "workflow": of,
                    "case": path.stem,
                    "description": case.description if case is not None else "",
                    "requests": len(case.cassette.interactions) if case is not None else 0,
                    "expects": case.status if case is not None else "",
                    "verdict": self._verdict_view(name),
                    "waits": self._new(path).exists(),
                }
            )
        return rows

    @staticmethod
    def _read(path: Path) -> tuple[Case | None, ArazzoError | None]:
        try:
            return read_case(path), None
        except ArazzoError as error:
            return None, error

    def _verdict_view(self, name: str) -> dict[str, Any] | None:
        found = self._verdicts.get(name)
        if found is None:
            return None
        return {
            "passed": found.result.passed,
            "codes": [one.code for one in found.result.failures],
            "at": clock(found.at),
        }

    # Checking

    def check(self, names: list[str]) -> None:
        """Replay cases and keep their results. Nothing is sent."""
        known = self.paths()
        bench = Bench(self._site.find_document, attempts=True)
        for name in names:
            result = bench.test(known[name]) if name in known else None
            if result is not None:
                with self._lock:
                    self._verdicts[name] = CaseVerdict(result, time.time())

    def shown(self, name: str) -> dict[str, Any]:
        """Return a case for its page, checked when it has not been yet."""
        path = self.path(name)
        if name not in self._verdicts:
            self.check([name])
        case, error = self._read(path)
        found = self._verdicts.get(name)
        return {
            "name": name,
            "path": str(path),
            "case": case,
            "error": error,
            "verdict": self._verdict_view(name),
            "result": None if found is None else found.result,
            "attempts": [] if found is None else _attempts(found.result),
            "comparison": comparison,
            "fields": self._fields(case),
            "waiting": self._waiting(path, case),
        }

    def _fields(self, case: Case | None) -> list[InputField]:
        """Return the fields that a new recording asks for: the inputs that the case has masked."""
        if case is None:
            return []
        try:
            _, plan = self._planned(case)
        except ArazzoError:
            return []
        known = unmasked(case.inputs)
        asked = (case.inputs.keys() - known.keys()) | (secret_input_names(plan) & case.inputs.keys())
        given = self._given(plan)
        return [field for field in fields_of(plan, given, {}) if field.name in asked]

    def _given(self, plan: Plan) -> Mapping[str, Any]:
        grounds = self._grounds()
        return {} if grounds is None else grounds.inputs(plan)

    def _grounds(self) -> Grounds | None:
        offers = self._site.offers
        return next(iter(offers.values())).grounds if offers else None

    # Recording anew

    def record(self, name: str, form: Mapping[str, str]) -> None:
        """Run a case against its server, and keep the recording beside the case until it is accepted.

        Raises:
            ArazzoError: the run cannot be made, or did not come to its end.
        """
        path = self.path(name)
        case = read_case(path)
        if case is None:
            raise not_found(f"{name} is a recording that is not a case")
        workbook, plan = self._planned(case)
        given = self._given(plan)
        wanted = {key: value for key, value in given.items() if key in case.inputs}
        typed = {key: value for key, value in typed_inputs(plan, form, {}).items() if key in case.inputs}
        inputs = {**unmasked(case.inputs), **wanted, **typed}
        grounds = self._grounds()
        transport = None if grounds is None else grounds.transport.naming(*destinations(plan))
        runner = Runner(workbook, options=plan.options, transport=transport)
        made = self._new(path)
        result = runner.record_case(made, case.workflow_id, inputs, description=case.description)
        if result.reason is not None and result.reason.code in LOST:
            made.unlink(missing_ok=True)
            raise CassetteError(f"the run did not come to its end: {result.reason.message}", hint=result.reason.hint)

    def _planned(self, case: Case) -> tuple[Workbook, Plan]:
        document = case.document or self._site.find_document(case.workflow_id)
        if not document:
            raise UsageError(f"the case does not name its document, and there is no workflow {case.workflow_id!r}")
        workbook = load(document, sources=case.sources, base_dir=case.base_dir or None)
        grounds = self._grounds()
        options: RunOptions = case.run_options()
        if grounds is not None:
            own = grounds.options
            servers = options.servers if options.servers.urls else own.servers
            options = replace(options, credentials=own.credentials, servers=servers)
        return workbook, workbook.plan(case.workflow_id, options)

    @staticmethod
    def _new(path: Path) -> Path:
        return path.with_name(path.name + NEW)

    def _waiting(self, path: Path, case: Case | None) -> dict[str, Any] | None:
        """Return what a recording that waits to be accepted has changed; None when there is none."""
        made = self._new(path)
        if not made.exists() or case is None:
            return None
        new, error = self._read(made)
        if new is None:
            return {"changes": [], "error": "" if error is None else error.message, "bodies": []}
        lines = [text for _, text in zip(range(MAX_CHANGES), changes(case, new), strict=False)]
        return {"changes": lines, "error": "", "bodies": list(_bodies(case, new))}

    def accept(self, name: str) -> None:
        """Let the new recording take the place of the case, and check it.

        Raises:
            PageRefused: there is no new recording.
        """
        path = self.path(name)
        made = self._new(path)
        if not made.exists():
            raise not_found(f"no new recording of {name} waits to be accepted", hint="record it again first")
        made.replace(path)
        self.check([name])

    def discard(self, name: str) -> None:
        """Delete the new recording; the case stays as it is."""
        self._new(self.path(name)).unlink(missing_ok=True)


def _attempts(result: CaseResult) -> list[dict[str, Any]]:
    return [attempt_view(attempt, number, _BODY) for number, attempt in enumerate(result.attempts[:_ATTEMPTS], 1)]


def _bodies(old: Case, new: Case) -> Iterator[dict[str, Any]]:
    """Yield the answers whose bodies differ, to be compared line by line."""
    from arazzo_runner.reports.pages.html_views import body_view

    pairs = zip(old.cassette.interactions, new.cassette.interactions, strict=False)
    for number, (one, other) in enumerate(pairs, 1):
        if one.response.body == other.response.body:
            continue
        texts = [body_view(each.response.body, each.response.header("Content-Type"))["text"] for each in (one, other)]
        title = f"{number}: {other.request.method} {other.request.url}"
        yield {"title": title, "lines": list(comparison(*texts))}
