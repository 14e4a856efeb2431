"""Recorded cases as pytest items, and fixtures for tests of workflows that are written in Python.

``--arazzo DIR``, or ``arazzo_cases`` in the configuration, collects the cases of a directory as ``workflow::case``.
Everything of the package is imported when a case or a fixture is used: a project that uses neither pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Level, RunOptions
    from arazzo_runner.runtime.cases.judging import Bench, CaseResult
    from arazzo_runner.runtime.run.session import RunResult

_SUFFIXES = (".yaml", ".yml", ".json")
_BENCH = pytest.StashKey["Bench"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--arazzo``, ``arazzo_cases`` and ``arazzo_workflows``."""
    group = parser.getgroup("arazzo", "Arazzo workflows")
    group.addoption(
        "--arazzo",
        action="append",
        default=[],
        metavar="DIR",
        help="collect the recorded cases of this directory, beside what is collected anyway; repeatable",
    )
    parser.addini("arazzo_cases", "directories of recorded cases", type="args", default=[])
    parser.addini(
        "arazzo_workflows", "where workflows of cases are that do not name their document", default="workflows"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Let the directories of cases be collected: those of the configuration where ``testpaths`` would be too.

    That is when no path was named, in the project's root.
    """
    wanted = list(config.getoption("--arazzo"))
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    if not named and config.invocation_params.dir == config.rootpath:
        wanted += [word for word in config.getini("arazzo_cases") if (config.rootpath / word).exists()]
    config.args += [word for word in map(str, wanted) if word not in config.args]


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Directories of the configuration that are not there: a project may be set up before its first case."""
    missing = [word for word in config.getini("arazzo_cases") if not (config.rootpath / word).exists()]
    return [f"warning: arazzo_cases names {word}, which does not exist" for word in missing]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A file of a case, when it lies in one of the directories."""
    if not any(file_path.is_relative_to(directory) for directory in _directories(parent.config)):
        return None
    from arazzo_runner.runtime.cases.files import may_be_case

    if not may_be_case(file_path):
        return None  # a bare cassette expects nothing
    return CaseFile.from_parent(parent, path=file_path)


def _directories(config: pytest.Config) -> Iterable[Path]:
    given = config.invocation_params.dir
    yield from ((given / word).resolve() for word in config.getoption("--arazzo"))
    yield from ((config.rootpath / word).resolve() for word in config.getini("arazzo_cases"))


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
        """Replay the case and judge it."""
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
    from arazzo_runner.cli.given.targets import document_of_case
    from arazzo_runner.runtime.cases.judging import Bench

    return Bench(partial(document_of_case, str(config.rootpath / str(config.getini("arazzo_workflows")))))


# For tests written in Python


@pytest.fixture
def arazzo_cassette(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """Find a recording by its name below the directories of cases: ``arazzo_cassette("deploy/becomes-running")``."""
    directories = list(_directories(request.config)) or [request.config.rootpath / "cassettes"]

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


@pytest.fixture
def arazzo_runner(request: pytest.FixtureRequest) -> Callable[..., RunResult]:
    """Run a workflow: ``arazzo_runner("workflows/deploy.yml", inputs={…}, replay=arazzo_cassette("…"))``.

    Paths start at the project's root. The exchanges are checked against OpenAPI (``check="error"``): a breach makes the
    run fail. Returns the ``RunResult``.
    """
    root = request.config.rootpath

    def run(
        document: str | Path,
        workflow_id: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        replay: str | Path | None = None,
        record: str | Path | None = None,
        options: RunOptions | None = None,
        check: Level = "error",
    ) -> RunResult:
        from arazzo_runner.runtime.run.runner import Runner

        runner = Runner(_from(root, document), options=options, check=check)
        result = runner.run(
            workflow_id,
            inputs,
            replay=None if replay is None else _from(root, replay),
            record=None if record is None else _from(root, record),
        )
        if result.problems:
            request.node.add_report_section("call", "arazzo", "\n".join(map(str, result.problems)))
        return result

    return run


def _from(root: Path, path: str | Path) -> str | Path:
    return path if "://" in str(path) else root / path
