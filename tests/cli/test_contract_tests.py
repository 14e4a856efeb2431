"""``arazzo record``, ``arazzo test`` and ``arazzo run --check``, against the emulator and its recordings."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml
from junitparser import JUnitXml
from lxml import etree

from tests.conftest import Arazzo
from tests.servers.inference_endpoints import Behaviour, InferenceEndpointsEmulator
from tests.servers.record_cassettes import CASSETTES, SIZED, TOKEN
from tests.support.schemas import JUNIT

DEPLOY = "deploy-inference-endpoint"
GIVEN = [word for name, value in SIZED.items() if name != "hfToken" for word in ("-i", f"{name}={value}")]
SECRET = ["-i", f"hfToken={TOKEN}"]
FAST = ["--poll-interval", "0"]


@pytest.fixture
def emulator() -> Iterator[InferenceEndpointsEmulator]:
    with InferenceEndpointsEmulator(token=TOKEN) as started:
        yield started


def kept(tmp_path: Path, name: str = "runs") -> Path:
    return tmp_path / "cassettes" / DEPLOY / f"{name}.yaml"


def recording(tmp_path: Path, emulator: InferenceEndpointsEmulator, *words: str, name: str = "runs") -> list[str]:
    where = ["--cassettes", str(tmp_path / "cassettes"), "--server", emulator.url]
    return ["record", DEPLOY, "--case", name, *where, *FAST, "-q", *words]


def test_a_run_becomes_a_case_that_passes(arazzo: Arazzo, tmp_path: Path, emulator: InferenceEndpointsEmulator) -> None:
    result = arazzo(*recording(tmp_path, emulator, *GIVEN, *SECRET, "--description", "It runs."))
    assert (result.status, result.err) == (0, "")
    assert result.out.strip() == str(kept(tmp_path))
    text = kept(tmp_path).read_text("utf-8")
    assert TOKEN not in text
    case = yaml.safe_load(text)["case"]
    assert (case["description"], case["status"], case["inputs"]["hfToken"]) == ("It runs.", "succeeded", "[redacted]")
    again = arazzo("test", str(tmp_path / "cassettes"))
    assert again.status == 0
    assert "1 passed" in again.err


def test_a_case_that_is_there_is_recorded_anew_only_when_asked(
    arazzo: Arazzo, tmp_path: Path, emulator: InferenceEndpointsEmulator
) -> None:
    words = recording(tmp_path, emulator, *GIVEN, *SECRET)
    assert arazzo(*words).status == 0
    before = kept(tmp_path).read_text("utf-8")
    refused = arazzo(*words)
    assert refused.status == 2
    assert "--update" in refused.err
    assert kept(tmp_path).read_text("utf-8") == before


def test_an_update_needs_only_the_secrets_and_shows_what_changed(
    arazzo: Arazzo, tmp_path: Path, emulator: InferenceEndpointsEmulator
) -> None:
    assert arazzo(*recording(tmp_path, emulator, *GIVEN, *SECRET)).status == 0
    forgotten = arazzo(*recording(tmp_path, emulator, "--update"))
    assert forgotten.status == 2
    assert "hfToken" in forgotten.err
    emulator.deployments.clear()
    same = arazzo(*recording(tmp_path, emulator, *SECRET, "--update"))
    assert same.status == 0
    assert all("At is " in line for line in same.err.splitlines())
    changed = arazzo(*recording(tmp_path, emulator, *SECRET, "--update"))  # it exists by now
    assert changed.status == 0
    assert 'the case /status is "failed", was "succeeded"' in changed.err
    assert "interaction 1: response: the status is 409, was 201" in changed.err
    assert "gone: GET " in changed.err
    assert TOKEN not in changed.err
    missing = arazzo(*recording(tmp_path, emulator, "--update", name="other"))
    assert missing.status == 2
    assert "no case" in missing.err


def test_a_run_that_does_not_come_to_its_end_keeps_the_older_case(
    arazzo: Arazzo, tmp_path: Path, emulator: InferenceEndpointsEmulator
) -> None:
    assert arazzo(*recording(tmp_path, emulator, *GIVEN, *SECRET)).status == 0
    before = kept(tmp_path).read_text("utf-8")
    result = arazzo(*recording(tmp_path, emulator, *SECRET, "--update", "--server", "http://127.0.0.1:9"))
    assert result.status == 1
    assert "the case is as it was" in result.err
    assert kept(tmp_path).read_text("utf-8") == before
    assert [path.name for path in kept(tmp_path).parent.iterdir()] == ["runs.yaml"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "two\nlines"])
def test_a_case_has_the_name_of_a_file(
    arazzo: Arazzo, tmp_path: Path, emulator: InferenceEndpointsEmulator, name: str
) -> None:
    assert arazzo(*recording(tmp_path, emulator, *GIVEN, *SECRET, name=name)).status == 2


def test_the_cases_of_the_project_pass(arazzo: Arazzo) -> None:
    result = arazzo("test", "--coverage")
    assert result.status == 0
    assert result.out == ""
    assert f"✓ {DEPLOY}::becomes-running" in result.err
    assert f"{len(list(CASSETTES.rglob('*.yaml')))} passed" in result.err
    assert "exercised: 12 of 12 steps" in result.err
    assert "not exercised: listEndpoints (operation)" in result.err


def broken(tmp_path: Path) -> Path:
    """Copies of the cases, one of which expects what it does not get."""
    for path in (CASSETTES / DEPLOY).glob("*.yaml"):
        text = path.read_text("utf-8").replace("../../workflows", str(CASSETTES.parent / "workflows"))
        (tmp_path / DEPLOY).mkdir(exist_ok=True)
        text = (
            text.replace("endpointName: my-gpt2", "endpointName: <b>other</b>") if "ends-failed" in path.name else text
        )
        (tmp_path / DEPLOY / path.name).write_text(text, "utf-8")
    return tmp_path


def test_a_case_that_fails_is_told_in_every_report(arazzo: Arazzo, tmp_path: Path) -> None:
    cases = broken(tmp_path)
    out = tmp_path / "out"
    words = [w for form in ("json", "junit", "html", "markdown") for w in ("--report", f"{form}={out / form}")]
    result = arazzo("test", str(cases), *words)
    assert result.status == 1
    assert f"FAILED {DEPLOY}::ends-failed" in result.err
    assert 'the output /endpointName is "my-gpt2", expected "<b>other</b>"' in result.err
    assert "5 passed, 1 failed" in result.err

    report = json.loads((out / "json").read_text("utf-8"))
    schema = json.loads(files("arazzo_runner.reports").joinpath("test-report.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(report)
    assert report["status"] == "failed"
    assert [case["status"] for case in report["cases"]].count("failed") == 1
    assert JUNIT.validate(etree.parse(out / "junit")), JUNIT.error_log
    suites = JUnitXml.fromfile(str(out / "junit"))
    assert (suites.tests, suites.failures) == (6, 1)
    assert ET.parse(out / "junit").find(".//failure").get("type") == "outputs"  # type: ignore[union-attr]  # noqa: S314
    assert "&lt;b&gt;other" in (out / "html").read_text("utf-8")
    assert "&lt;b&gt;other" in (out / "markdown").read_text("utf-8")
    assert "<b>other" not in (out / "html").read_text("utf-8") + (out / "markdown").read_text("utf-8")


def test_annotations_and_a_summary_for_github(arazzo: Arazzo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = broken(tmp_path)
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", "utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    result = arazzo("test", str(cases), "--format", "github", "-q")
    assert result.status == 1
    [line] = result.out.splitlines()
    title = f"{DEPLOY}%3A%3Aends-failed%3A outputs"
    assert line.startswith(f"::error file={cases / DEPLOY / 'ends-failed.yaml'},title={title}::")
    text = summary.read_text("utf-8")
    assert text.startswith("before\n## Arazzo: 1 of 6 cases failed\n")
    assert "| steps | 2 | 2 |" in text


def test_the_report_on_stdout(arazzo: Arazzo) -> None:
    result = arazzo("test", "--format", "json", "-k", "ends-failed", "-q")
    assert [case["id"] for case in json.loads(result.out)["cases"]] == [f"{DEPLOY}::ends-failed"]


def test_the_first_failure_can_be_the_last(arazzo: Arazzo, tmp_path: Path) -> None:
    result = arazzo("test", str(broken(tmp_path)), "-x")
    assert result.status == 1
    assert "slow-start" not in result.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere"], "there is no nowhere"),
        (["openapi"], "there are no cases under openapi"),
        (["-k", "nothing"], "none of 10 cases"),
        (["--report", "pdf=x"], "json=PATH"),
        (["-j", "0"], "-j"),
    ],
)
def test_a_mistake_is_named(arazzo: Arazzo, words: list[str], says: str) -> None:
    result = arazzo("test", *words)
    assert result.status in (1, 2)
    assert says in result.err


def test_a_case_of_a_workflow_in_two_documents_is_told_to_name_its_own(arazzo: Arazzo, tmp_path: Path) -> None:
    text = "arazzo: 1.0.1\ninfo: {title: t, version: '1'}\nsourceDescriptions: [{name: a, url: a.json}]\n"
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(f"{text}workflows: [{{workflowId: w, steps: [{{stepId: s}}]}}]\n", "utf-8")
    case = tmp_path / "cases" / "w" / "usual.yaml"
    case.parent.mkdir(parents=True)
    case.write_text("case: {}\ninteractions: []\n", "utf-8")
    result = arazzo("test", str(case), "--workflows", str(tmp_path))
    assert result.status == 1
    assert "is in 2 documents" in result.err
    assert "hint: write document: in the case, with one of them" in result.err


def live(tmp_path: Path, url: str, *words: str) -> list[str]:
    return ["test", str(tmp_path / "cassettes"), "--live", "--server", url, *words]


def test_a_case_against_the_server_it_came_from(
    arazzo: Arazzo, tmp_path: Path, emulator: InferenceEndpointsEmulator
) -> None:
    assert arazzo(*recording(tmp_path, emulator, *GIVEN, *SECRET)).status == 0
    emulator.deployments.clear()
    result = arazzo(*live(tmp_path, emulator.url, *SECRET))
    assert result.status == 0, result.err
    unknown = arazzo(*live(tmp_path, emulator.url))
    assert unknown.status == 1
    assert "-i hfToken=@FILE" in unknown.err


def test_the_page_shows_the_exchanges_of_each_case_and_no_secret(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, tmp_path: Path
) -> None:
    assert arazzo(*recording(tmp_path, emulator, *GIVEN, *SECRET)).status == 0
    emulator.deployments.clear()
    page = tmp_path / "cases.html"
    result = arazzo(*live(tmp_path, emulator.url, *SECRET, "--report", f"html={page}"))
    shown = page.read_text("utf-8")
    assert "createEndpoint" in shown
    assert "The request as a cURL command" in shown
    assert TOKEN not in shown + result.out + result.err


def test_a_malformed_case_is_one_failed_case_of_those_sent_to_a_server(
    arazzo: Arazzo, tmp_path: Path, emulator: InferenceEndpointsEmulator
) -> None:
    assert arazzo(*recording(tmp_path, emulator, *GIVEN, *SECRET)).status == 0
    (tmp_path / "cassettes" / DEPLOY / "a.yaml").write_text("case: {speed: 1}\ninteractions: []\n", "utf-8")
    emulator.deployments.clear()
    result = arazzo(*live(tmp_path, emulator.url, *SECRET))
    assert result.status == 1
    assert "case/speed: there is no such member" in result.err
    assert "1 passed, 1 failed" in result.err


def test_a_server_that_has_drifted(arazzo: Arazzo, tmp_path: Path, emulator: InferenceEndpointsEmulator) -> None:
    assert arazzo(*recording(tmp_path, emulator, *GIVEN, *SECRET)).status == 0
    with InferenceEndpointsEmulator(token=TOKEN, behaviour=Behaviour(polls_pending=4)) as slower:
        result = arazzo(*live(tmp_path, slower.url, *SECRET))
    assert result.status == 0
    assert "the number of attempts is" in result.err
    with InferenceEndpointsEmulator(token=TOKEN, behaviour=Behaviour(fail=True)) as failing:
        result = arazzo(*live(tmp_path, failing.url, *SECRET))
    assert result.status == 1
    assert "the body /status/url is absent, recorded " in result.err
    assert 'the output /inferenceUrl is null, recorded "http' in result.err
    assert TOKEN not in result.err


@pytest.mark.parametrize(("level", "status"), [("off", 0), ("warn", 0), ("error", 1)])
def test_a_run_can_hold_its_exchanges_against_their_description(
    arazzo: Arazzo, tmp_path: Path, level: str, status: int
) -> None:
    cassette = tmp_path / "c.yaml"
    text = (CASSETTES / DEPLOY / "becomes-running.yaml").read_text("utf-8")
    cassette.write_text(text.replace('"readyReplica":1', '"readyReplica":"one"'), "utf-8")
    report = tmp_path / "report.json"
    words = ["run", DEPLOY, *GIVEN, *SECRET, "--replay", str(cassette), "--check", level, "--report", f"json={report}"]
    result = arazzo(*words)
    assert result.status == status
    assert json.loads(result.out)["state"] == "running"
    assert ("readyReplica" in result.err) is (level != "off")
    reason = json.loads(report.read_text("utf-8"))["reason"]
    if level == "error":
        assert reason["code"] == "contract"
        assert reason["message"].startswith('the response body /status/readyReplica: "one" is not of type integer')
        assert "--check warn" in result.err
    else:
        assert reason is None


@pytest.mark.parametrize("workflow_id", [".", "..", "a/../b"])
def test_no_workflow_id_leads_out_of_the_directory_of_cassettes(
    arazzo: Arazzo, tmp_path: Path, workflow_id: str
) -> None:
    api = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}}
    (tmp_path / "api.json").write_text(json.dumps(api), "utf-8")
    source = {"name": "api", "url": "api.json", "type": "openapi"}
    called = {"workflowId": "called", "steps": [{"stepId": "s", "workflowId": "called"}]}
    workflows = [{"workflowId": workflow_id, "steps": [{"stepId": "s", "workflowId": "called"}]}, called]
    head = {"arazzo": "1.0.1", "info": api["info"], "sourceDescriptions": [source]}
    (tmp_path / "w.json").write_text(json.dumps({**head, "workflows": workflows}), "utf-8")
    cassettes = tmp_path / "cassettes"
    cassettes.mkdir()
    (tmp_path / "c.yaml").write_text("mine", "utf-8")
    arazzo("record", str(tmp_path / "w.json"), workflow_id, "--case", "c", "--cassettes", str(cassettes), "-q")
    assert (
        "there is a case"
        not in arazzo(
            "record", str(tmp_path / "w.json"), workflow_id, "--case", "c", "--cassettes", str(cassettes), "-q"
        ).err
    )
    assert (tmp_path / "c.yaml").read_text("utf-8") == "mine"
