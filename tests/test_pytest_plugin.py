"""The pytest plugin, in projects that only install the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.contract_cases import edit, record

TEST = """
from arazzo_runner import RunOptions

INPUTS = {"password": "pw-1", "id": 7}


def test_by_hand(arazzo_runner, arazzo_cassette):
    result = arazzo_runner(
        "workflows/things.arazzo.yaml", "fetch", INPUTS, replay=arazzo_cassette("fetch/usual"), options=RunOptions()
    )
    assert result.raise_for_failure().outputs["made"] == "2026-01-01T00:00:00Z"


def test_of_no_cassette(arazzo_cassette):
    arazzo_cassette("fetch/usal")
"""


def run_pytest(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # Whatever this test runs under must not reach into the project's own run.
    command = [sys.executable, "-I", "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:cov", *words]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    record(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    return tmp_path


def test_cases_are_items_by_workflow_and_case(project: Path) -> None:
    done = run_pytest(project, "--arazzo", "cassettes", "-v")
    assert done.returncode == 0, done.stdout
    assert "cassettes/fetch/usual.yaml::fetch::usual PASSED" in done.stdout
    chosen = run_pytest(project, "cassettes/fetch/usual.yaml::fetch::usual", "--arazzo", "cassettes", "-q")
    assert "1 passed" in chosen.stdout


def test_the_configuration_may_name_the_directory(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\narazzo_cases = cassettes\n", "utf-8")
    (project / "test_other.py").write_text("def test_it():\n    pass\n", "utf-8")
    assert "2 passed" in run_pytest(project, "-q").stdout
    assert "1 passed" in run_pytest(project, "-q", "test_other.py").stdout


def test_a_configured_directory_may_not_be_there_yet(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\narazzo_cases = later cassettes\n", "utf-8")
    done = run_pytest(project)
    assert "1 passed" in done.stdout
    assert "warning: arazzo_cases names later, which does not exist" in done.stdout


def test_a_configured_directory_does_not_get_in_the_way_elsewhere_in_the_project(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\narazzo_cases = cassettes\n", "utf-8")
    (project / "tests").mkdir()
    (project / "tests" / "test_other.py").write_text("def test_it():\n    pass\n", "utf-8")
    assert "1 passed" in run_pytest(project / "tests", "-q").stdout
    assert "2 passed" in run_pytest(project / "tests", "-q", "--arazzo", "../cassettes").stdout


def test_a_failure_is_shown_as_the_command_line_shows_it(project: Path) -> None:
    edit(project / "cassettes" / "fetch" / "usual.yaml", lambda data: data["case"].update(outputs={}))
    done = run_pytest(project, "--arazzo", "cassettes")
    assert done.returncode == 1
    assert "FAILED fetch::usual  (" in done.stdout
    assert "outputs: the outputs are not those expected" in done.stdout
    assert 'the output /made is "2026-01-01T00:00:00Z", expected absent' in done.stdout
    assert "Traceback" not in done.stdout


def test_cases_run_in_several_processes(project: Path) -> None:
    text = (project / "cassettes" / "fetch" / "usual.yaml").read_text("utf-8")
    for number in range(5):
        (project / "cassettes" / "fetch" / f"c{number}.yaml").write_text(text, "utf-8")
    done = run_pytest(project, "--arazzo", "cassettes", "-q", "-n", "2")
    assert "6 passed" in done.stdout


def test_fixtures_for_tests_written_in_python(project: Path) -> None:
    (project / "test_things.py").write_text(TEST, "utf-8")
    done = run_pytest(project, "-q")
    assert "1 failed, 1 passed" in done.stdout
    assert "there is no cassette 'fetch/usal'" in done.stdout
    assert "did you mean fetch/usual?" in done.stdout


def test_a_project_that_uses_none_of_it_imports_none_of_it(project: Path) -> None:
    (project / "test_other.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        "    ours = [name for name in sys.modules if name.startswith('arazzo_runner.')]\n"
        "    assert ours == ['arazzo_runner.pytest_plugin']\n",
        "utf-8",
    )
    assert "1 passed" in run_pytest(project, "-q", "test_other.py").stdout


# Against an application

APP = """
import flask

app = flask.Flask("things")

def make():
    other = flask.Flask("other")
    other.post("/login")(lambda: {})
    return other

@app.get("/things/<int:number>")
def get_thing(number):
    return {"number": number}
"""
DESCRIPTION = """
openapi: 3.1.0
info: {title: Things, version: "1"}
paths:
  /things/{number}:
    get:
      operationId: getThing
      parameters: [{name: number, in: path, required: true, schema: {type: integer}}]
      responses:
        "200":
          description: A thing.
          content:
            application/json:
              schema: {type: object, required: [number], properties: {number: {type: integer}}}
"""
WORKFLOW = """\
arazzo: 1.0.1
info: {title: Things, version: 1.0.0}
sourceDescriptions: [{name: things, url: ../openapi.yaml, type: openapi}]
workflows:
- workflowId: look
  inputs: {type: object, required: [number], properties: {number: {type: integer}, token: {type: string}}}
  steps:
  - stepId: get
    operationId: getThing
    parameters:
    - {name: number, in: path, value: $inputs.number}
    successCriteria:
    - condition: $response.body#/number < 5
    outputs: {number: $response.body#/number}
  outputs: {number: $steps.get.outputs.number}
- workflowId: look-at-one
  steps:
  - stepId: get
    operationId: getThing
    parameters:
    - {name: number, in: path, value: 1}
    successCriteria:
    - condition: $statusCode == 200
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    for name, text in {
        "site_of_things.py": APP,
        "openapi.yaml": DESCRIPTION,
        "flows/things.arazzo.yaml": WORKFLOW,
        "flows/other.yaml": "a: 1\n",
    }.items():
        (tmp_path / name).write_text(text, "utf-8")
    configure(tmp_path, "arazzo_app = site_of_things:app", "arazzo_workflows = flows")
    return tmp_path


def configure(directory: Path, *lines: str) -> None:
    (directory / "pytest.ini").write_text("\n".join(["[pytest]", *lines, ""]), "utf-8")


def test_workflow_documents_are_tests(site: Path) -> None:
    done = run_pytest(site, "-v", "-rs")
    assert "flows/things.arazzo.yaml::look SKIPPED" in done.stdout
    assert "it needs number: write things.inputs.yaml" in done.stdout
    assert "flows/things.arazzo.yaml::look-at-one PASSED" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout


def test_inputs_beside_a_document_give_a_test_each(site: Path) -> None:
    (site / "flows" / "things.inputs.yaml").write_text("look: [{number: 1}, {number: 2}, {number: 7}]\n", "utf-8")
    done = run_pytest(site, "-v")
    assert "flows/things.arazzo.yaml::look[1] PASSED" in done.stdout
    assert "flows/things.arazzo.yaml::look[3] FAILED" in done.stdout
    assert "3 passed" in done.stdout
    chosen = run_pytest(site, "-q", "flows/things.arazzo.yaml::look[2]")
    assert "1 passed" in chosen.stdout


def test_a_failure_shows_the_workflow_and_none_of_our_frames(site: Path) -> None:
    (site / "flows" / "things.inputs.yaml").write_text("look: {number: 7, token: tok-of-the-test-77}\n", "utf-8")
    done = run_pytest(site, "-q")
    line = next(n for n, text in enumerate(WORKFLOW.splitlines(), 1) if "number < 5" in text)
    assert f"things.arazzo.yaml:{line}:" in done.stdout
    assert "$response.body#/number < 5" in done.stdout
    assert "7" in done.stdout
    assert "Traceback" not in done.stdout
    assert "arazzo_runner/" not in done.stdout
    assert "tok-of-the-test-77" not in done.stdout


def test_inputs_that_are_wrong_and_files_of_them_are_told(site: Path) -> None:
    (site / "flows" / "things.inputs.yaml").write_text("lok: {number: 1}\n", "utf-8")
    done = run_pytest(site, "-q")
    assert "has no workflow 'lok'" in done.stdout
    assert "did you mean look?" in done.stdout
    (site / "flows" / "things.inputs.yaml").write_text("look: {number: one}\n", "utf-8")
    wrong = run_pytest(site, "-q")
    assert "the inputs of 'look' are wrong" in wrong.stdout
    assert "Traceback" not in done.stdout + wrong.stdout


def test_a_marked_test_runs_for_each_workflow(site: Path) -> None:
    (site / "test_marked.py").write_text(
        "import pytest\n"
        '@pytest.mark.arazzo("flows/*.arazzo.yaml", inputs={"number": 3})\n'
        "def test_each(arazzo_result):\n"
        "    assert arazzo_result.succeeded\n"
        '@pytest.mark.arazzo("flows/*.arazzo.yaml", workflow="look")\n'
        "def test_one(arazzo_workflow):\n"
        '    assert arazzo_workflow.run({"number": 4}).outputs == {"number": 4}\n'
        '@pytest.mark.arazzo("flows/*.arazzo.yaml", workflow="look", inputs={"number": 9})\n'
        "def test_failing(arazzo_result):\n"
        "    pass\n",
        "utf-8",
    )
    done = run_pytest(site, "-v", "test_marked.py")
    assert "test_each[things.arazzo::look] PASSED" in done.stdout
    assert "test_each[things.arazzo::look-at-one] PASSED" in done.stdout
    assert "test_one[things.arazzo::look] PASSED" in done.stdout
    assert "$response.body#/number < 5" in done.stdout
    assert "arazzo_runner/" not in done.stdout
    assert "3 passed, 1 error" in done.stdout


def test_a_marker_that_means_nothing_is_told(site: Path) -> None:
    (site / "test_marked.py").write_text(
        'import pytest\n@pytest.mark.arazzo("nowhere/*.yaml")\ndef test_it(arazzo_result):\n    pass\n', "utf-8"
    )
    assert "names 'nowhere/*.yaml', and nothing is there" in run_pytest(site, "-q", "test_marked.py").stdout
    (site / "test_marked.py").write_text(
        'import pytest\n@pytest.mark.arazzo("flows/*.arazzo.yaml")\ndef test_it():\n    pass\n', "utf-8"
    )
    assert "takes neither arazzo_workflow nor arazzo_result" in run_pytest(site, "-q", "test_marked.py").stdout


def test_the_fixture_takes_an_application_a_client_or_the_configured_one(site: Path) -> None:
    (site / "test_python.py").write_text(
        "import httpx\nfrom site_of_things import app, make\n"
        'LOOK = ("flows/things.arazzo.yaml", "look", {"number": 2})\n'
        "def test_configured(arazzo_runner):\n"
        "    assert arazzo_runner(*LOOK).succeeded\n"
        "def test_given(arazzo_runner):\n"
        "    assert arazzo_runner(*LOOK, app=app).succeeded\n"
        "    assert not arazzo_runner(*LOOK, app=make()).succeeded\n"
        "def test_raising(arazzo_runner):\n"
        "    arazzo_runner(*LOOK, app=make()).raise_for_failure()\n",
        "utf-8",
    )
    done = run_pytest(site, "-q", "test_python.py")
    assert "2 passed" in done.stdout
    assert "1 failed" in done.stdout
    assert "look failed: step get: " in done.stdout
    assert "arazzo run" in done.stdout  # the section with the run's lines
    assert "session.py" not in done.stdout


ASYNC = """
import asyncio
import pytest
LOOK = ("flows/things.arazzo.yaml", "look", {"number": 2})

@pytest.mark.%s
async def test_it(arazzo_runner):
    loop = asyncio.get_running_loop()
    result = await arazzo_runner.arun(*LOOK)
    assert result.raise_for_failure().outputs == {"number": 2}
    assert arazzo_runner(*LOOK).succeeded
    assert asyncio.get_running_loop() is loop
"""
ASGI_APP = """
import asyncio
LOOP = []

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    LOOP.append(asyncio.get_running_loop())
    body = b'{"number": %d}' % int(scope["path"].rpartition("/")[2])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.mark.parametrize(("mark", "words"), [("asyncio", ()), ("anyio", ("-p", "no:asyncio"))])
def test_asynchronous_tests_run_in_their_own_loop(mark: str, words: tuple[str, ...], site: Path) -> None:
    (site / "site_of_things.py").write_text(ASGI_APP, "utf-8")
    (site / "conftest.py").write_text(
        "import pytest\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n", "utf-8"
    )
    test = ASYNC % mark + "    from site_of_things import LOOP\n    assert LOOP[0] is loop and LOOP[1] is not loop\n"
    (site / "test_async.py").write_text(test, "utf-8")
    done = run_pytest(site, "-q", "-W", "ignore::pytest.PytestDeprecationWarning", *words, "test_async.py")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_without_an_application_a_workflow_is_not_sent_anywhere(site: Path) -> None:
    configure(site, "arazzo_workflows = flows")
    done = run_pytest(site, "-q", "-rs")
    assert "there is no application to run it against" in done.stdout
    assert "passed" not in done.stdout


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("site_of_things", "names no application"),
        ("no_such_module:app", "there is no module no_such_module"),
        ("site_of_things:ap", "site_of_things has no ap"),
    ],
)
def test_an_application_that_is_not_there_is_told(value: str, message: str, site: Path) -> None:
    configure(site, f"arazzo_app = {value}", "arazzo_workflows = flows")
    done = run_pytest(site, "-q", "flows/things.arazzo.yaml::look-at-one")
    assert message in done.stdout
    assert "arazzo_runner/" not in done.stdout


def test_an_application_may_be_made_and_several_may_be_named(site: Path) -> None:
    configure(site, "arazzo_app = site_of_things:make()", "arazzo_workflows = flows")
    assert "404" in run_pytest(site, "-q", "flows/things.arazzo.yaml::look-at-one").stdout
    configure(site, "arazzo_app = things=site_of_things:app", "arazzo_workflows = flows")
    assert "1 passed" in run_pytest(site, "-q", "flows/things.arazzo.yaml::look-at-one").stdout
    configure(site, "arazzo_app = thing=site_of_things:app", "arazzo_workflows = flows")
    assert "did you mean things?" in run_pytest(site, "-q", "flows/things.arazzo.yaml::look-at-one").stdout


def test_a_failed_test_shows_no_secret_of_its_workflow(site: Path) -> None:
    (site / "flows" / "things.inputs.yaml").write_text("look: {number: 7, token: tok-of-the-test-77}\n", "utf-8")
    (site / "test_marked.py").write_text(
        "import pytest\n"
        '@pytest.mark.arazzo("flows/*.arazzo.yaml", workflow="look")\n'
        "def test_one(arazzo_workflow):\n"
        "    arazzo_workflow.run()\n",
        "utf-8",
    )
    done = run_pytest(site, "-q", "--tb", "long", "-l", "test_marked.py")
    assert "1 failed" in done.stdout
    assert "arazzo_workflow = <workflow look of things.arazzo.yaml>" in done.stdout
    assert "WorkflowFailed" in done.stdout
    assert "tok-of-the-test-77" not in done.stdout


def test_the_document_of_a_case_is_found_in_any_of_the_places(project: Path) -> None:
    edit(project / "cassettes" / "fetch" / "usual.yaml", lambda data: data["case"].pop("document"))
    (project / "other").mkdir()
    configure(project, "arazzo_cases = cassettes", "arazzo_workflows = other workflows/things.arazzo.yaml")
    done = run_pytest(project, "-v", "-k", "usual")
    assert "cassettes/fetch/usual.yaml::fetch::usual PASSED" in done.stdout
