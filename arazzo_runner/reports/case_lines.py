"""Lines of contract tests: for people, for GitHub, and in Markdown. What they are given holds no secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, field

from arazzo_runner.errors import Place
from arazzo_runner.reports.problems import github_command
from arazzo_runner.reports.text import duration, label, printable
from arazzo_runner.runtime.cases.coverage import KINDS, Coverage
from arazzo_runner.runtime.cases.judging import CaseResult, Failure

MAX_MISSED = 20
"""How many things that were not exercised are named, of each kind."""


class SuiteVerdict(Struct):
    """All results of a test run.

    Attributes:
        duration: seconds.
    """

    results: list[CaseResult] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    duration: float = 0.0

    def take(self, result: CaseResult) -> None:
        """Take in a case."""
        self.results.append(result)
        self.coverage.add(result.coverage)

    @property
    def failed(self) -> list[CaseResult]:
        """The cases that something is wrong with."""
        return [result for result in self.results if not result.passed]

    @property
    def passed(self) -> bool:
        """Return whether nothing is wrong."""
        return not self.failed


def case_line(result: CaseResult) -> str:
    """A case on one line."""
    mark = "✓" if result.passed else "✗"
    requests = f"{result.requests} request{'' if result.requests == 1 else 's'}"
    return f"  {mark} {label(result.id)}  {requests}, {duration(result.duration)}"


def failure_lines(result: CaseResult) -> Iterator[str]:
    """Yield the failures of a case, each with its details, the document's line and what to type."""
    yield label(f"FAILED {result.id}  ({result.path})")
    for failure in result.failures:
        yield f"  {failure.code}: {label(failure.message)}"
        yield from (f"      {label(detail)}" for detail in failure.details)
        if failure.place is not None:
            yield f"      at {label(str(failure.place))}"
        if failure.hint:
            yield f"      hint: {label(failure.hint)}"


def verdict_lines(verdict: SuiteVerdict) -> Iterator[str]:
    """Counts, remarks and coverage."""
    remarks = dict.fromkeys(remark for result in verdict.results for remark in result.remarks)
    yield from (f"  ! {label(remark)}" for remark in remarks)
    failed = len(verdict.failed)
    unjudged = sum(result.unjudged for result in verdict.results)
    counts = f"{len(verdict.results) - failed} passed" + (f", {failed} failed" if failed else "")
    counts += f", {unjudged} {'part' if unjudged == 1 else 'parts'} of exchanges not judged" if unjudged else ""
    yield f"{counts} in {duration(verdict.duration)}"
    counted = shares(verdict.coverage)
    if any(known for _, _, known in counted):
        yield "exercised: " + ", ".join(f"{done} of {known} {kind}" for kind, done, known in counted)


def missed_lines(coverage: Coverage) -> Iterator[str]:
    """Yield what no case exercised."""
    for kind in KINDS:
        missed = coverage.missed(kind)
        for item in missed[:MAX_MISSED]:
            yield f"  not exercised: {label(item.name)} ({kind[:-1] if kind != 'statuses' else 'status'})"
        if len(missed) > MAX_MISSED:
            yield f"  not exercised: {len(missed) - MAX_MISSED} more {kind}"


# For GitHub


def as_github(verdict: SuiteVerdict) -> str:
    """A workflow command for each failure, which GitHub shows at the line of the document it comes down to."""
    commands = []
    for result in verdict.failed:
        for failure in result.failures:
            text = "\n".join([failure.message, *failure.details, *([f"hint: {failure.hint}"] if failure.hint else [])])
            place = failure.place or Place(result.path)
            commands.append(github_command("error", place, f"{result.id}: {failure.code}", text))
    return "".join(f"{command}\n" for command in commands)


def as_markdown(verdict: SuiteVerdict) -> str:
    """A summary that GitHub shows on the page of a run."""
    failed = len(verdict.failed)
    heading = f"{failed} of {len(verdict.results)} cases failed" if failed else f"{len(verdict.results)} cases passed"
    lines = [f"## Arazzo: {heading}", ""]
    if verdict.failed:
        lines += ["| case | what is wrong |", "| --- | --- |"]
        lines += [f"| {_cell(result.id)} | {_cell(_told(failure))} |" for result, failure in _failures(verdict)]
        lines.append("")
    lines += ["| exercised | | of |", "| --- | ---: | ---: |"]
    lines += [f"| {kind} | {done} | {known} |" for kind, done, known in shares(verdict.coverage)]
    missed = [item for kind in KINDS for item in verdict.coverage.missed(kind)]
    if missed:
        lines += ["", "<details><summary>Not exercised</summary>", ""]
        lines += [f"- {_cell(item.name)} ({item.kind})" for item in missed[: 10 * MAX_MISSED]]
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def _failures(verdict: SuiteVerdict) -> Iterable[tuple[CaseResult, Failure]]:
    return ((result, failure) for result in verdict.failed for failure in result.failures)


def shares(coverage: Coverage) -> Sequence[tuple[str, int, int]]:
    """Count for each kind of thing how many were exercised and how many there are."""
    return [(kind, *coverage.share(kind)) for kind in KINDS]


def _told(failure: Failure) -> str:
    details = "".join(f"\n{detail}" for detail in failure.details[:5])
    return f"{failure.code}: {failure.message}{details}"


def _cell(text: str) -> str:
    """Text in a cell of a table: no markup of it is taken for ours."""
    escaped = re.sub(r"[\\`*_\[\]|#]", r"\\\g<0>", printable(text).replace("&", "&amp;"))
    return escaped.replace("<", "&lt;").replace(">", "&gt;").replace("\n", "<br>")
