"""Arazzo workflows in pytest: recorded cases and workflow files as items, and fixtures for tests in Python.

``arazzo_app = "shop.main:app"`` is the application that workflows run against, and recorded cases with
``--arazzo-live``.
Everything of the package is imported when it is used: a project that uses none of it pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from arazzo_runner.pytest_plugin.runs import ArazzoRunner, WorkflowUnderTest
    from arazzo_runner.runtime.run.session import RunResult

MARKER = (
    "arazzo(*paths, workflow=None, inputs=None, app=None): run the test once for each workflow of the documents that "
    "the paths or patterns name; it takes arazzo_workflow or arazzo_result"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--arazzo``, ``--arazzo-live`` and the settings of the configuration."""
    group = parser.getgroup("arazzo", "Arazzo workflows")
    group.addoption(
        "--arazzo",
        action="append",
        default=[],
        metavar="DIR",
        help="collect the recorded cases of this directory, beside what is collected anyway; repeatable",
    )
    group.addoption(
        "--arazzo-live",
        action="store_true",
        help="run recorded cases against arazzo_app, or their servers when there is none, and report what has drifted",
    )
    parser.addini(
        "arazzo_app", "the application to test, as module:name, module:make() or source=module:name …", default=""
    )
    parser.addini("arazzo_cases", "directories of recorded cases", type="args", default=[])
    parser.addini(
        "arazzo_workflows", "workflow documents, or directories of them, to run as tests", type="args", default=[]
    )
    parser.addini("arazzo_secrets", "secret inputs of single cases as YAML, as for arazzo test --secrets", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Let the directories of cases and workflows be collected: those of the configuration as ``testpaths`` would be.

    That is when no path was named, in the project's root.
    """
    config.addinivalue_line("markers", MARKER)
    wanted = list(config.getoption("--arazzo"))
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    if not named and config.invocation_params.dir == config.rootpath:
        wanted += [word for word in _configured(config) if (config.rootpath / word).exists()]
    config.args += [word for word in map(str, wanted) if word not in config.args]


def _configured(config: pytest.Config) -> list[str]:
    return [*case_directories(config), *workflow_directories(config)]


def case_directories(config: pytest.Config) -> list[str]:
    """The directories of cases; with an application ``cassettes`` is one without being named."""
    usual = ["cassettes"] if config.getini("arazzo_app") and (config.rootpath / "cassettes").is_dir() else []
    return list(config.getini("arazzo_cases")) or usual


def workflow_directories(config: pytest.Config) -> list[str]:
    """The places of workflows to run; with an application ``workflows`` is one without being named."""
    usual = ["workflows"] if config.getini("arazzo_app") and (config.rootpath / "workflows").is_dir() else []
    return list(config.getini("arazzo_workflows")) or usual


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Places of the configuration that are not there: a project may be set up before its first case."""
    return [
        f"warning: {name} names {word}, which does not exist"
        for name in ("arazzo_cases", "arazzo_workflows")
        for word in config.getini(name)
        if not (config.rootpath / word).exists()
    ]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A case or a workflow document, when it lies in one of the directories."""
    config = parent.config
    if any(file_path.is_relative_to(directory) for directory in directories_of_cases(config)):
        from arazzo_runner.runtime.cases.files import may_be_case

        if may_be_case(file_path):  # a bare cassette expects nothing
            from arazzo_runner.pytest_plugin.cases import CaseFile

            return CaseFile.from_parent(parent, path=file_path)
    if any(file_path.is_relative_to((config.rootpath / word).resolve()) for word in workflow_directories(config)):
        from arazzo_runner.cli.given.targets import may_be_document

        if may_be_document(file_path):
            from arazzo_runner.pytest_plugin.workflows import WorkflowFile

            return WorkflowFile.from_parent(parent, path=file_path)
    return None


def directories_of_cases(config: pytest.Config) -> Iterable[Path]:
    """The directories that cases are collected from."""
    given = config.invocation_params.dir
    yield from ((given / word).resolve() for word in config.getoption("--arazzo"))
    yield from ((config.rootpath / word).resolve() for word in case_directories(config))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that is marked ``arazzo`` once for each workflow of its documents."""
    marker = metafunc.definition.get_closest_marker("arazzo")
    if marker is not None:
        from arazzo_runner.pytest_plugin.workflows import parametrize

        parametrize(metafunc, marker)


# For tests written in Python


@pytest.fixture
def arazzo_cassette(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """Find a recording by its name below the directories of cases: ``arazzo_cassette("deploy/becomes-running")``."""
    from arazzo_runner.pytest_plugin.cases import cassette_finder

    return cassette_finder(request.config)


@pytest.fixture
def arazzo_runner(request: pytest.FixtureRequest) -> ArazzoRunner:
    """Run a workflow: ``arazzo_runner("workflows/deploy.yml", inputs={…}, app=app)``, ``replay=arazzo_cassette("…")``.

    Paths start at the project's root. The application is ``arazzo_app``'s where none is given. The exchanges are
    checked against OpenAPI (``check="error"``): a breach makes the run fail. Returns the ``RunResult``; ``await
    arazzo_runner.arun(…)`` does the same in an asynchronous test.
    """
    from arazzo_runner.pytest_plugin.runs import ArazzoRunner

    return ArazzoRunner(request)


@pytest.fixture
def arazzo_workflow(request: pytest.FixtureRequest) -> WorkflowUnderTest:
    """The workflow that a test marked ``arazzo`` is run for: ``arazzo_workflow.run()``."""
    from arazzo_runner.pytest_plugin.workflows import workflow_of

    return workflow_of(request)


@pytest.fixture
def arazzo_result(arazzo_workflow: WorkflowUnderTest) -> RunResult:
    """The result of the workflow that a test marked ``arazzo`` is run for; it has succeeded."""
    __tracebackhide__ = True
    return arazzo_workflow.run()
