"""Recorded cases as items: replayed, or run against the application of the configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from arazzo_runner.errors import UsageError
from arazzo_runner.pytest_plugin import directories_of_cases, workflow_directories
from arazzo_runner.pytest_plugin.applications import configured_application

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Plan
    from arazzo_runner.runtime.cases.files import Case
    from arazzo_runner.runtime.cases.judging import Bench, CaseResult, FindDocument

_SUFFIXES = (".yaml", ".yml", ".json")
_BENCH = pytest.StashKey["Bench"]()


class CaseFile(pytest.File):
    """A file that holds a case."""

    def collect(self) -> Iterator[pytest.Collector]:
        """The workflow that the case is of: its directory has its name."""
        yield WorkflowOfCase.from_parent(self, name=self.path.parent.name)


class WorkflowOfCase(pytest.Collector):
    """The workflow in a case's name."""

    def collect(self) -> Iterator[pytest.Item]:
        """The one case."""
        yield CaseItem.from_parent(self, name=self.path.stem)


class CaseItem(pytest.Item):
    """A case."""

    def runtest(self) -> None:
        """Replay the case, or run it against the application, and judge it."""
        if self.config.getoption("--arazzo-live"):
            result = _judged_live(self.config, self.path)
        else:
            bench = self.config.stash.setdefault(_BENCH, _new_bench(self.config))
            result = bench.test(self.path)
        if result is None:
            pytest.skip("a bare cassette expects nothing")
        if result.remarks:
            self.add_report_section("call", "remarks", "\n".join(result.remarks))
        if not result.passed:
            raise CaseFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Describe the failure of the case as the command line does."""
        if isinstance(excinfo.value, CaseFailed):
            return str(excinfo.value)
        from arazzo_runner.errors import ArazzoError
        from arazzo_runner.pytest_plugin.runs import error_lines

        if isinstance(excinfo.value, ArazzoError):
            return "\n".join(error_lines(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the place of the case, and ``workflow::case``."""
        return self.path, None, f"{self.path.parent.name}::{self.name}"


class CaseFailed(Exception):
    """Something is wrong with a case."""

    def __init__(self, result: CaseResult) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        from arazzo_runner.reports.case_lines import failure_lines

        return "\n".join(failure_lines(self.result))


def _new_bench(config: pytest.Config) -> Bench:
    from arazzo_runner.runtime.cases.judging import Bench

    return Bench(_finder(config), app=configured_application(config))


def _finder(config: pytest.Config) -> FindDocument:
    from arazzo_runner.cli.given.targets import document_of_case

    places = [config.rootpath / word for word in workflow_directories(config) or ["workflows"]]
    directories = list(dict.fromkeys(str(place.parent if place.is_file() else place) for place in places))

    def find(workflow_id: str) -> str:
        for directory in directories[:-1]:
            with suppress(UsageError):
                return document_of_case(directory, workflow_id)
        return document_of_case(directories[-1], workflow_id)

    return find


def _judged_live(config: pytest.Config, path: Path) -> CaseResult | None:
    """Run a case against the application, or its servers where there is none, as ``arazzo test --live`` does.

    Secret inputs come from ``arazzo_secrets``, the environment, or the workflow's ``NAME.inputs.yaml``.
    """
    from arazzo_runner.cli.given.case_secrets import read_case_secrets, secrets_of
    from arazzo_runner.cli.given.credentials import gather_credentials
    from arazzo_runner.cli.given.inputs import gather_inputs
    from arazzo_runner.engine.plan import RunOptions
    from arazzo_runner.pytest_plugin.workflows import inputs_of_workflow
    from arazzo_runner.runtime.cases.live import LiveValues, judge_live
    from arazzo_runner.runtime.run.carriers import Carrier

    named = str(config.getini("arazzo_secrets"))
    secrets = config.rootpath / named if named else None
    by_case = {} if secrets is None else read_case_secrets(str(secrets))

    def inputs(case: Case, plan: Plan) -> dict[str, Any]:
        schema = plan.workflow.input_schema
        beside = inputs_of_workflow(Path(case.document), case.workflow_id) if case.document else {}
        given = {**beside, **gather_inputs(schema, (), os.environ, sys.stdin)}
        return {**given, **secrets_of(case.id, by_case, schema, (secrets or config.rootpath).parent)}

    carrier = Carrier(app=configured_application(config))
    given = LiveValues(
        inputs=inputs,
        servers=carrier.run_options(RunOptions()).servers,
        credentials=gather_credentials((), None, os.environ),
        app=carrier.app,
    )
    return next(judge_live([path], _finder(config), given, carrier.open), None)


def cassette_finder(config: pytest.Config) -> Callable[[str], Path]:
    """The function that finds a recording by its name below the directories of cases."""
    directories = list(directories_of_cases(config)) or [config.rootpath / "cassettes"]

    def find(name: str) -> Path:
        for directory in directories:
            for suffix in ("", *_SUFFIXES):
                path = directory / f"{name}{suffix}"
                if path.is_file():
                    return path
        from arazzo_runner.documents.near_names import did_you_mean

        files = ((one, file) for one in directories for file in sorted(one.rglob("*")) if file.suffix in _SUFFIXES)
        known = [file.relative_to(one).with_suffix("").as_posix() for one, file in files]
        where = ", ".join(map(str, directories))
        pytest.fail(
            f"there is no cassette {name!r} in {where}; {did_you_mean(name, known, 'cassettes')}", pytrace=False
        )

    return find
