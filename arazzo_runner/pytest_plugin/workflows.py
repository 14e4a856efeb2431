"""Workflow documents as tests: collected by themselves, or named by the marker ``arazzo``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from arazzo_runner.documents.input_bundles import bundle_inputs
from arazzo_runner.documents.model import ArazzoDescription, Workflow
from arazzo_runner.errors import ArazzoError, UsageError
from arazzo_runner.pytest_plugin.runs import WorkflowFailed, WorkflowUnderTest, error_lines

SUFFIXES = (".inputs.yaml", ".inputs.yml", ".inputs.json")


class WorkflowFile(pytest.File):
    """A document whose workflows are tests."""

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each workflow and set of inputs."""
        for found in workflows_of(self.config, self.path):
            yield WorkflowItem.from_parent(self, name=found.name, workflow=found)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ARG002
        """Describe a document that cannot be used."""
        if isinstance(excinfo.value, ArazzoError):
            return "\n".join(error_lines(excinfo.value))
        return super().repr_failure(excinfo)


class WorkflowItem(pytest.Item):
    """A workflow, run against the application of the configuration."""

    def __init__(self, *, workflow: WorkflowUnderTest, **more: Any) -> None:
        super().__init__(**more)
        self._workflow = workflow

    def runtest(self) -> None:
        """Run the workflow."""
        self._workflow.run()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Describe the failure by the run's own lines."""
        if isinstance(excinfo.value, WorkflowFailed):
            return str(excinfo.value)
        if isinstance(excinfo.value, ArazzoError):
            return "\n".join(error_lines(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the place of the document, and the workflow's id."""
        return self.path, None, self.name


def workflows_of(config: pytest.Config, path: Path) -> Iterator[WorkflowUnderTest]:
    """The workflows of a document, each with every set of its inputs.

    Raises:
        ArazzoError: the document, or the file of its inputs, cannot be used.
    """
    from arazzo_runner.runtime.run.workbook import load

    description = load(path).description
    inputs = _inputs_beside(path, description)
    for workflow in description.workflows:
        sets = inputs.get(workflow.workflow_id, [{}])
        for number, given in enumerate(sets, 1):
            name = workflow.workflow_id if len(sets) == 1 else f"{workflow.workflow_id}[{number}]"
            yield _under_test(config, path, description, workflow, given, name)


def _under_test(
    config: pytest.Config,
    path: Path,
    description: ArazzoDescription,
    workflow: Workflow,
    given: Mapping[str, Any],
    name: str,
) -> WorkflowUnderTest:
    from arazzo_runner.cli.given.inputs import gather_inputs

    schema = bundle_inputs(description, workflow) or {}
    inputs = {**gather_inputs(schema, (), os.environ, sys.stdin), **given}
    required = schema.get("required")
    lacking = tuple(one for one in required if one not in inputs) if isinstance(required, list) else ()
    return WorkflowUnderTest(config, path, workflow.workflow_id, name, inputs, lacking=lacking)


def _inputs_beside(path: Path, description: ArazzoDescription) -> dict[str, list[Mapping[str, Any]]]:
    """The inputs of ``NAME.inputs.yaml``, by workflow: an object, or a list of them for one run each.

    Of a document with one workflow the file may hold that workflow's inputs without its id.

    Raises:
        UsageError: it has another form.
    """
    file = next(filter(Path.is_file, _candidates(path)), None)
    if file is None:
        return {}
    data = _read(file)
    ids = [workflow.workflow_id for workflow in description.workflows]
    if len(ids) == 1 and not (isinstance(data, dict) and data.keys() == {ids[0]}):
        data = {ids[0]: data}
    if not isinstance(data, dict):
        raise UsageError(f"{file}: expected an object of inputs for each workflow")
    found: dict[str, list[Mapping[str, Any]]] = {}
    for workflow_id, given in data.items():
        if workflow_id not in ids:
            from arazzo_runner.documents.near_names import did_you_mean

            message = f"{file}: {path.name} has no workflow {workflow_id!r}"
            raise UsageError(message, hint=did_you_mean(str(workflow_id), ids, "workflows"))
        sets = given if isinstance(given, list) else [given]
        if not sets or not all(isinstance(one, dict) for one in sets):
            raise UsageError(f"{file}: the inputs of {workflow_id!r} are neither an object nor a list of objects")
        found[workflow_id] = sets
    return found


def inputs_of_workflow(path: Path, workflow_id: str) -> Mapping[str, Any]:
    """The first inputs that a document's ``NAME.inputs.yaml`` has for a workflow; none where there is no such file.

    Raises:
        ArazzoError: the document, or the file of its inputs, cannot be used.
    """
    from arazzo_runner.runtime.run.workbook import load

    if not any(map(Path.is_file, _candidates(path))):
        return {}
    return _inputs_beside(path, load(path).description).get(workflow_id, [{}])[0]


def _candidates(path: Path) -> Iterator[Path]:
    for stem in dict.fromkeys((path.stem, path.stem.removesuffix(".arazzo"))):
        yield from (path.with_name(f"{stem}{suffix}") for suffix in SUFFIXES)


def _read(file: Path) -> Any:
    from arazzo_runner.documents.files import read_file
    from arazzo_runner.documents.reader import read_document

    try:
        return read_document(read_file(file), str(file)).data
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}") from None


# The marker


def parametrize(metafunc: pytest.Metafunc, marker: pytest.Mark) -> None:
    """Run a marked test once for each workflow of its documents."""
    if not {"arazzo_workflow", "arazzo_result"} & set(metafunc.fixturenames):
        where = f"{metafunc.definition.nodeid} is marked arazzo"
        pytest.fail(f"{where}, and takes neither arazzo_workflow nor arazzo_result", pytrace=False)
    try:
        found = list(_marked(metafunc.config, marker))
    except ArazzoError as error:
        pytest.fail("\n".join(error_lines(error)), pytrace=False)
    ids = [f"{one.document.stem}::{one.name}" for one in found]
    metafunc.parametrize("arazzo_workflow", found, ids=ids, indirect=True)


def _marked(config: pytest.Config, marker: pytest.Mark) -> Iterator[WorkflowUnderTest]:
    wanted, inputs, app = (marker.kwargs.get(name) for name in ("workflow", "inputs", "app"))
    if unknown := marker.kwargs.keys() - {"workflow", "inputs", "app"}:
        raise UsageError(f"the marker arazzo has no {min(unknown)}", hint="it takes paths, workflow=, inputs=, app=")
    if not marker.args:
        raise UsageError("the marker arazzo names no document", hint='write @pytest.mark.arazzo("workflows/*.yaml")')
    for pattern in marker.args:
        paths = sorted(config.rootpath.glob(str(pattern)))
        documents = [path for path in paths if not path.name.endswith(SUFFIXES)]
        if not documents:
            raise UsageError(f"the marker arazzo names {pattern!r}, and nothing is there below {config.rootpath}")
        for path in documents:
            for one in workflows_of(config, path):
                if wanted in (None, one.workflow_id):
                    given = {**one.inputs, **(inputs or {})}
                    lacking = tuple(name for name in one.lacking if name not in given)
                    yield replace(one, inputs=given, app=app, lacking=lacking)


def workflow_of(request: pytest.FixtureRequest) -> WorkflowUnderTest:
    """The workflow that a marked test is run for."""
    found = getattr(request, "param", None)
    if not isinstance(found, WorkflowUnderTest):
        pytest.fail('the test is not marked: @pytest.mark.arazzo("workflows/*.yaml")', pytrace=False)
    return found
