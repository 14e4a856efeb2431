"""Several workflows of one command: which they are, their inputs, a line each, a summary, and reports of all."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest

from arazzo_runner.reports.jsonreport import report_schema
from arazzo_runner.reports.many_runs import RunLabel
from arazzo_runner.reports.pages.html import HtmlReport
from arazzo_runner.reports.pages.many_runs_html import ManyRunsHtml
from tests.conftest import Arazzo, Result
from tests.support.http_server import serving
from tests.support.jobs import Jobs, write_jobs
from tests.support.repository import ROOT
from tests.support.runs import failing
from tests.support.runs import run as run_case

pytestmark = pytest.mark.network

Run = Callable[..., Result]
SECRET = "sk_live_0123456789abcdef"


@pytest.fixture
def run(arazzo: Arazzo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Call ``arazzo run`` beside the document, against the server of its jobs."""
    write_jobs(tmp_path)
    monkeypatch.chdir(tmp_path)
    with serving(Jobs().handler()) as url:
        yield lambda *words: arazzo("run", *words, "--server", url, "--poll-interval", "0.01")


def entries(result: Result) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in result.out.splitlines()]
    return [(entry["workflowId"], entry["status"]) for entry in lines]


def test_all_workflows_of_a_document_run_one_after_another(run: Run) -> None:
    result = run("jobs.arazzo.yaml", "--all", "-i", "id=j1")
    assert result.status == 0
    assert entries(result) == [("run-job", "succeeded"), ("fetch-job", "succeeded")]
    assert "  ✓ run-job     22 requests" in result.err
    assert "2 of 2 workflows in " in result.err
    assert "2 succeeded" in result.err


def test_one_that_fails_stops_no_other_and_is_named_at_the_end(run: Run) -> None:
    result = run("jobs.arazzo.yaml", "fetch-job", "run-job", "-i", "id=j1")
    assert result.status == 1
    assert entries(result) == [("fetch-job", "failed"), ("run-job", "succeeded")]
    assert "step-failed: workflow fetch-job, step fetchOnce" in result.err
    assert result.err.endswith("  not succeeded: fetch-job\n")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["jobs.arazzo.yaml", "run-*"], ["run-job"]),
        (["jobs.arazzo.yaml", "*-job"], ["run-job", "fetch-job"]),
        (["jobs.arazzo.yaml", "[f-r]*-job", "run-job"], ["run-job", "fetch-job"]),
        ([".", "--all"], ["run-job", "fetch-job"]),
        (["run-job", "fetch-job", "--workflows", "."], ["run-job", "fetch-job"]),
        (["fetch-*", "--workflows", "."], ["fetch-job"]),
        (["jobs.arazzo.yaml", "./other.yaml", "--all"], ["run-job", "fetch-job", "again"]),
        (["other.yaml", "jobs.arazzo.yaml", "again", "fetch-job"], ["again", "fetch-job"]),
    ],
)
def test_names_patterns_and_documents_say_which(run: Run, words: list[str], expected: list[str]) -> None:
    more = Path("jobs.arazzo.yaml").read_text("utf-8").partition("workflows:")[0]
    step = "{stepId: go, operationId: createJob}"
    Path("other.yaml").write_text(f"{more}workflows: [{{workflowId: again, steps: [{step}]}}]\n", "utf-8")
    if words[0] == ".":
        Path("other.yaml").unlink()
    assert [workflow for workflow, _ in entries(run(*words, *inputs_for(expected)))] == expected


def inputs_for(workflows: list[str]) -> list[str]:
    return ["-i", "id=j1"] if "fetch-job" in workflows else []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["jobs.arazzo.yaml", "fetsh-*"], "did you mean fetch-job?"),
        (["jobs.arazzo.yaml", "run-job", "fetsh-job"], "there is no workflow 'fetsh-job'"),
        (["jobs.arazzo.yaml", "--all", "-i", "idd=1"], "none of the workflows has an input 'idd'"),
        (["jobs.arazzo.yaml", "--all", "--durable"], "--durable is for one workflow"),
        (["jobs.arazzo.yaml", "--all", "--record", "x.yaml"], "--record is for one workflow"),
        (["jobs.arazzo.yaml", "*", "--each", "rows.jsonl"], "--each is for one workflow"),
        (["jobs.arazzo.yaml", "--all", "--expect", "$outputs.state"], "the workflow has no output 'state'"),
    ],
)
def test_a_mistake_sends_nothing(run: Run, words: list[str], says: str) -> None:
    result = run(*words)
    assert result.status == 2
    assert result.out == ""
    assert says in result.err


def test_with_v_the_steps_of_each_are_shown(run: Run) -> None:
    result = run("jobs.arazzo.yaml", "*", "-v", "-i", "id=j1")
    assert "\nrun-job\n  ✓ create " in f"\n{result.err}"
    assert "\nfetch-job\n  ✓ fetchOnce " in result.err
    assert "    > GET" not in result.err


def test_json_is_one_object_of_all_run_reports(run: Run) -> None:
    whole = json.loads(run("jobs.arazzo.yaml", "--all", "-i", "id=j1", "--json").out)
    schema = ROOT / "arazzo_runner" / "reports" / "runs-report.schema.json"
    jsonschema.validate(whole, json.loads(schema.read_text("utf-8")))
    for one in whole["runs"]:
        jsonschema.validate({name: value for name, value in one.items() if name != "name"}, report_schema())
    assert [one["name"] for one in whole["runs"]] == ["run-job", "fetch-job"]
    assert whole["counts"] == {"succeeded": 2}


REPORTS = [word for form in ("json", "junit", "html", "har") for word in ("--report", f"{form}=all.{form}")]


@pytest.mark.parametrize("each", [False, True], ids=["workflows", "rows"])
def test_every_report_covers_all_runs_and_shows_no_secret(run: Run, each: bool) -> None:
    Path("rows.jsonl").write_text(f'{{"id": "a", "token": "{SECRET}"}}\n{{"id": "b", "token": "{SECRET}"}}\n', "utf-8")
    document = Path("jobs.arazzo.yaml")
    text = document.read_text("utf-8").replace("{id: {type: string}}", "{id: {type: string}, token: {type: string}}")
    given = "[{name: id, in: path, value: $inputs.id}"
    header = "{name: X-Token, in: header, value: $inputs.token}"
    document.write_text(text.replace(given, f"{given}, {header}"), "utf-8")
    words = ["fetch-job", "--each", "rows.jsonl"] if each else ["*", "-i", "id=a", "-i", f"token={SECRET}"]
    result = run("jobs.arazzo.yaml", *words, *REPORTS)
    names = ["row 1", "row 2"] if each else ["run-job", "fetch-job"]
    whole = json.loads(Path("all.json").read_text("utf-8"))
    assert sorted(one["name"] for one in whole["runs"]) == sorted(names)
    suites = ET.parse("all.junit").getroot()  # noqa: S314 - our own file
    assert sorted(suite.get("name", "") for suite in suites) == sorted(names)
    assert suites.get("tests") == str(sum(int(suite.get("tests", "0")) for suite in suites))
    archive = json.loads(Path("all.har").read_text("utf-8"))["log"]
    assert sorted(page["title"] for page in archive["pages"]) == sorted(names)
    assert {entry["pageref"] for entry in archive["entries"]} == {page["id"] for page in archive["pages"]}
    pages = sorted(Path("all-runs").iterdir())
    index = Path("all.html").read_text("utf-8")
    for page in pages:
        assert f'href="{page.as_posix()}"' in index
        assert 'href="../all.html"' in page.read_text("utf-8")
    assert len(pages) == 2
    written = [
        index,
        *(page.read_text("utf-8") for page in pages),
        *(Path(f"all.{x}").read_text("utf-8") for x in ("json", "junit", "har")),
    ]
    assert not [text for text in [*written, result.out, result.err] if SECRET in text]


def test_pages_of_an_earlier_report_are_removed(run: Run) -> None:
    run("jobs.arazzo.yaml", "*", "-i", "id=a", "--report", "html=all.html")
    run("jobs.arazzo.yaml", "run-*", "--report", "html=all.html")
    assert [page.name for page in Path("all-runs").iterdir()] == ["0001-run-job.html"]


def test_a_hostile_name_of_a_run_stays_in_the_directory_of_the_pages(tmp_path: Path) -> None:
    stream = io.StringIO()
    pages = ManyRunsHtml(stream, str(tmp_path / "all.html"))
    for number, name in enumerate(("../../etc/passwd", "a\x00b", "..", "", "<script>", "x" * 300), 1):
        with HtmlReport("a.yaml") as report:
            result = run_case(failing(), report)
            pages.add(report, RunLabel(number, name, "a.yaml"), result.outcome)
    pages.finish()
    written = sorted(page.relative_to(tmp_path).as_posix() for page in tmp_path.rglob("*.html"))
    assert len(written) == 6
    assert all(page.startswith("all-runs/000") for page in written)
    assert "<script>\n" not in stream.getvalue().partition("</head>")[2].partition("<script>")[0]


def test_reports_of_rows_that_a_cluster_drives_are_refused(arazzo: Arazzo, tmp_path: Path) -> None:
    pytest.importorskip("temporalio")
    each = ["--each", "rows.jsonl", "--report", f"json={tmp_path / 'a.json'}"]
    result = arazzo("run", "deploy-inference-endpoint", *each, "--engine", "temporal://localhost:1/x")
    assert result.status == 2
    assert "--each and --report exclude one another where a cluster drives the runs" in result.err


EXPECTED = "$outputs.state == 'done'"


@pytest.mark.parametrize(
    ("condition", "status"), [(EXPECTED, 0), ("$outputs.state == 'failed'", 1), (f"!({EXPECTED})", 1)]
)
def test_what_is_expected_of_a_run_must_hold(run: Run, condition: str, status: int) -> None:
    result = run("jobs.arazzo.yaml", "run-job", "--expect", condition, "--report", "json=run.json")
    assert result.status == status
    report = json.loads(Path("run.json").read_text("utf-8"))
    jsonschema.validate(report, report_schema())
    assert json.loads(result.out) == {"state": "done"}
    if status:
        assert report["reason"]["code"] == "expectation-failed"
        assert f"the run was expected to end with {condition}: $outputs.state is 'done'" in result.err


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("$outputs.stat == 'done'", "did you mean state?"),
        ("$steps.create.outputs.id", "which a run does not end with"),
        ("== 3", "is not a condition"),
    ],
)
def test_an_expectation_that_cannot_hold_is_refused(run: Run, condition: str, says: str) -> None:
    result = run("jobs.arazzo.yaml", "run-job", "--expect", condition)
    assert result.status == 2
    assert says in result.err
