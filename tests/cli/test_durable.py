"""Durable runs on the command line: started, listed, shown, stopped, resumed, cancelled."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from arazzo_runner.reports.jsonreport import report_schema
from tests.conftest import Arazzo, Result
from tests.servers.inference_endpoints import Behaviour, InferenceEndpointsEmulator
from tests.servers.slow import SlowServer
from tests.support.http_server import serving
from tests.support.repository import ROOT

pytestmark = [pytest.mark.usefixtures("journal"), pytest.mark.network]

TOKEN = "hf_ThisIsTheSecretOfTheTests"
SIZED = ["namespace=acme", "repository=gpt2", "instanceType=intel-icl", "instanceSize=x1"]


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token.txt"
    path.write_text(f"{TOKEN}\n", "utf-8")
    return path


@pytest.fixture
def emulator() -> Iterator[InferenceEndpointsEmulator]:
    with InferenceEndpointsEmulator(token=TOKEN, public_url="https://{name}.example") as running:
        yield running


def words(emulator: InferenceEndpointsEmulator, *inputs: str, poll: float = 0.05, durable: bool = True) -> list[str]:
    given = [word for item in (*SIZED, *inputs) for word in ("-i", item)]
    server = ["--server", emulator.url, "--poll-interval", str(poll)]
    return ["run", "deploy-inference-endpoint", *given, *server, *(["--durable"] if durable else [])]


def listed(arazzo: Arazzo, *more: str) -> list[dict[str, Any]]:
    result = arazzo("runs", "--json", *more)
    assert result.status == 0, result.err
    found: list[dict[str, Any]] = json.loads(result.out)
    return found


class Started:
    """``arazzo`` in a process of its own."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "arazzo_runner", *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def wait_for(self, text: str) -> None:
        """Read stderr until a line has that text."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if text in line:
                return
        pytest.fail(f"{text!r} was never said")

    def end(self, number: signal.Signals | None = None) -> Result:
        """Send a signal, and wait for the end."""
        if number is not None:
            self.send(number)
        out, err = self._process.communicate(timeout=60)
        return Result(self._process.returncode, out, err)


def waiting(emulator: InferenceEndpointsEmulator, *inputs: str) -> Started:
    """A run that waits half a minute for its second poll, which will find the endpoint running."""
    emulator.behaviour = Behaviour(polls_initializing=0)
    run = Started(words(emulator, *inputs, poll=30))
    run.wait_for("waiting 30")
    return run


def stopped(emulator: InferenceEndpointsEmulator, *inputs: str) -> None:
    """A run that was killed while it waited for the next poll."""
    run = waiting(emulator, *inputs)
    assert run.end(signal.SIGKILL).status == -9


def test_a_durable_run_prints_what_any_run_prints_and_is_kept(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path
) -> None:
    plain = arazzo(*words(emulator, "name=one", f"hfToken=@{token}", durable=False))
    emulator.deployments.clear()
    result = arazzo(*words(emulator, "name=one", f"hfToken=@{token}"))
    assert (result.status, result.out) == (0, plain.out)
    (run,) = listed(arazzo)
    assert f"arazzo resume {run['runId']}" in result.err
    assert (run["status"], run["workflowId"], run["requests"]) == ("succeeded", "deploy-inference-endpoint", 4)
    assert listed(arazzo, "--status", "failed") == []
    assert listed(arazzo, "--workflow", "another") == []
    assert run["runId"] in arazzo("runs").out


def test_a_file_of_a_secret_that_is_gone_says_what_to_type(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path
) -> None:
    killed = waiting(emulator, "name=one", f"hfToken=@{token}")
    assert killed.end(signal.SIGKILL).status == -9
    (run,) = listed(arazzo)
    token.unlink()
    result = arazzo("resume", run["runId"])
    assert result.status == 2
    assert "cannot be read: No such file" in result.err
    assert "-i hfToken=@FILE" in result.err


def test_the_environment_makes_runs_durable(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARAZZO_DURABLE", "1")
    assert arazzo(*words(emulator, "name=one", f"hfToken=@{token}", durable=False)).status == 0
    assert len(listed(arazzo)) == 1


def test_what_the_environment_makes_durable_a_replay_is_not(
    arazzo: Arazzo, monkeypatch: pytest.MonkeyPatch, journal: Path
) -> None:
    monkeypatch.setenv("ARAZZO_DURABLE", "1")
    cassette = "cassettes/deploy-inference-endpoint/becomes-running.yaml"
    inputs = [word for item in (*SIZED, "name=my-gpt2", "hfToken=none") for word in ("-i", item)]
    assert arazzo("run", "deploy-inference-endpoint", *inputs, "--replay", cassette).status == 0
    assert not journal.exists()


def test_show_gives_the_report_of_a_finished_run(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path, tmp_path: Path
) -> None:
    written = tmp_path / "report.json"
    command = words(emulator, "name=one", f"hfToken=@{token}")
    assert arazzo(*command, "--report", f"json={written}").status == 0
    (run,) = listed(arazzo)
    shown = arazzo("runs", "show", run["runId"], "--json")
    assert json.loads(shown.out) == json.loads(written.read_text("utf-8"))
    assert json.loads(shown.out)["runId"] == run["runId"]
    assert "succeeded in" in arazzo("runs", "show", run["runId"]).out


def test_a_killed_run_is_shown_as_far_as_it_came_and_goes_on_with_its_whole_history(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path, tmp_path: Path
) -> None:
    stopped(emulator, "name=one", f"hfToken=@{token}")
    (run,) = listed(arazzo)
    assert (run["status"], run["stepId"], run["holder"]) == ("stopped", "pollStatus", None)
    assert run["waitingUntil"] is not None
    shown = arazzo("runs", "show", run["runId"])
    assert f"arazzo resume {run['runId']}" in shown.out
    report = json.loads(arazzo("runs", "show", run["runId"], "--json").out)
    jsonschema.Draft202012Validator(report_schema()).validate(report)
    assert (report["status"], len(report["steps"])) == ("stopped", 2)
    # The rest of the wait of thirty seconds is not for a test: as if it had been due in the meantime.
    due_now(run["runId"])
    result = arazzo("resume", run["runId"], "--json", "--report", f"html={tmp_path / 'page.html'}")
    whole = json.loads(result.out)
    assert result.status == 0
    assert [step["stepId"] for step in whole["steps"]] == ["createEndpoint", "pollStatus", "pollStatus"]
    assert sum(exchange.method == "POST" for exchange in emulator.requests) == 1
    assert "createEndpoint" in (tmp_path / "page.html").read_text("utf-8")
    assert "createEndpoint" not in result.err  # what is past is not shown as if it happened now


def due_now(run_id: str) -> None:
    """Let the wait of a stopped run be over."""
    from arazzo_runner.runtime.runners.journal_engine import JournalEngine, driving_runs

    with driving_runs(JournalEngine(os.environ["ARAZZO_JOURNAL"], key=os.environ["ARAZZO_JOURNAL_KEY"])) as runs:
        found = runs.journal.state(run_id)
        assert found is not None
        name, vault = f"state {found[0]}", runs.vault(run_id)
        head, _, text = vault.open(found[1], name).partition("\n")
        seconds, _, timeout = json.loads(head)
        sealed = vault.seal(f"{json.dumps([seconds, 0.0, timeout])}\n{text}", name)
        runs.journal._database.execute("UPDATE states SET body = ?", (sealed,))


def test_a_running_run_is_live_and_no_second_process_drives_it(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path
) -> None:
    first = waiting(emulator, "name=one", f"hfToken=@{token}")
    (run,) = listed(arazzo, "--status", "running")
    assert f"process {first.pid}" in run["holder"]
    assert json.loads(arazzo("runs", "show", run["runId"], "--json").out)["status"] == "running"
    second = arazzo("resume", run["runId"])
    assert second.status == 2
    assert f"is driven by process {first.pid} on " in second.err
    assert arazzo("resume", "--all").out == ""
    cancelled = arazzo("cancel", run["runId"])
    assert f"is being ended by process {first.pid}" in cancelled.err
    ended = first.end()  # in the middle of its wait
    assert ended.status == 1
    assert "cancelled: workflow deploy-inference-endpoint, step pollStatus: the run was cancelled" in ended.err
    assert json.loads(ended.out)["endpointName"] == "one"
    report = json.loads(arazzo("runs", "show", run["runId"], "--json").out)
    jsonschema.Draft202012Validator(report_schema()).validate(report)
    assert (report["status"], report["reason"]["code"]) == ("failed", "cancelled")


def test_a_running_run_is_followed_to_its_end(arazzo: Arazzo, tmp_path: Path) -> None:
    with SlowServer() as server:
        run = Started(["run", str(post_only(tmp_path, server.url)), "--durable"])
        server.asked.wait(30)
        (kept,) = listed(arazzo)
        threading.Timer(1, server.answer.set).start()
        followed = arazzo("runs", "show", kept["runId"], "--follow")
        assert run.end().status == 0
    assert followed.status == 0
    assert "✓ make" in followed.out
    assert "✓ look" in followed.out
    assert "succeeded in" in followed.out
    refused = arazzo("runs", "show", kept["runId"], "--follow", "--json")
    assert (refused.status, "--follow shows" in refused.err) == (2, True)


def test_cancelling_a_run_that_nobody_drives_ends_it(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path
) -> None:
    stopped(emulator, "name=one", f"hfToken=@{token}")
    (run,) = listed(arazzo)
    assert arazzo("cancel", run["runId"]).status == 0
    again = arazzo("cancel", run["runId"])
    assert (again.status, "has ended: cancelled" in again.err) == (2, True)
    report = json.loads(arazzo("runs", "show", run["runId"], "--json").out)
    jsonschema.Draft202012Validator(report_schema()).validate(report)
    assert (report["status"], report["reason"]["code"]) == ("failed", "cancelled")
    assert "has ended: cancelled" in arazzo("resume", run["runId"]).err
    assert arazzo("runs", "prune", "--older-than", "0", "--status", "cancelled").status == 0
    assert listed(arazzo) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_it_goes_on(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path, number: signal.Signals
) -> None:
    ended = waiting(emulator, "name=one", f"hfToken=@{token}").end(number)
    (kept,) = listed(arazzo)
    assert ended.status == 130
    assert f"continue it with: arazzo resume {kept['runId']}" in ended.err
    assert (kept["status"], kept["reason"]) == ("stopped", "interrupted")
    due_now(kept["runId"])
    result = arazzo("resume", kept["runId"])
    assert (result.status, json.loads(result.out)["state"]) == (0, "running")


def test_ctrl_c_waits_for_the_answer_to_a_request_that_changes_something(arazzo: Arazzo, tmp_path: Path) -> None:
    with SlowServer() as server:
        run = Started(["run", str(post_only(tmp_path, server.url)), "--durable"])
        server.asked.wait(30)
        run.send(signal.SIGINT)
        run.wait_for("press Ctrl-C again to stop now")
        server.answer.set()
        ended = run.end()
    (kept,) = listed(arazzo)
    assert ended.status == 130
    assert kept["reason"] == "interrupted"
    with SlowServer(server.port) as again:
        again.answer.set()
        assert arazzo("resume", kept["runId"]).status == 0
    assert (server.methods, again.methods) == (["POST"], ["GET"])


def test_a_second_ctrl_c_stops_at_once_and_the_request_is_ambiguous(arazzo: Arazzo, tmp_path: Path) -> None:
    with SlowServer() as server:
        run = Started(["run", str(post_only(tmp_path, server.url)), "--durable"])
        server.asked.wait(30)
        run.send(signal.SIGINT)
        run.wait_for("press Ctrl-C again to stop now")
        ended = run.end(signal.SIGINT)
        assert ended.status == 130
        (kept,) = listed(arazzo)
        result = arazzo("resume", kept["runId"])
        assert result.status == 1
        assert "ambiguous-request" in result.err
        assert f"POST {server.url}/things" in result.err
        shown = arazzo("runs", "show", kept["runId"])
        assert f"arazzo resume {kept['runId']} --resend" in shown.out
        assert f"arazzo resume {kept['runId']} --skip STATUS[=@BODY]" in shown.out
        server.answer.set()
        assert arazzo("resume", kept["runId"], "--skip", "201").status == 0
    assert server.methods == ["POST", "GET"]


def test_a_skipped_answer_whose_body_is_needed_is_asked_for(arazzo: Arazzo, tmp_path: Path) -> None:
    with SlowServer() as server:
        document = post_only(tmp_path, server.url, outputs={"id": "$response.body#/id"})
        run = Started(["run", str(document), "--durable"])
        server.asked.wait(30)
        run.send(signal.SIGINT)
        run.wait_for("press Ctrl-C again to stop now")
        run.end(signal.SIGINT)
        (kept,) = listed(arazzo)
        result = arazzo("resume", kept["runId"], "--skip", "201")
        assert result.status == 2
        assert "workflow things, step make takes id from the body of the answer" in result.err
        assert f"arazzo resume {kept['runId']} --skip 201=@body.json" in result.err
        server.answer.set()
        body = tmp_path / "body.json"
        body.write_text('{"id": 7}', "utf-8")
        assert arazzo("resume", kept["runId"], "--skip", f"201=@{body}").status == 0
    assert server.methods == ["POST", "GET"]


def test_a_skipped_answer_may_have_an_empty_body(arazzo: Arazzo, tmp_path: Path) -> None:
    with SlowServer() as server:
        document = post_only(tmp_path, server.url, outputs={"id": "$response.body#/id"})
        run = Started(["run", str(document), "--durable"])
        server.asked.wait(30)
        run.send(signal.SIGINT)
        run.wait_for("press Ctrl-C again to stop now")
        run.end(signal.SIGINT)
        (kept,) = listed(arazzo)
        server.answer.set()
        assert arazzo("resume", kept["runId"], "--skip", f"201=@{os.devnull}").status == 0


def test_without_a_journal_there_are_no_runs(arazzo: Arazzo, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "none.db")
    result = arazzo("runs", "--journal", nowhere)
    assert (result.status, result.out) == (0, "")
    assert "there are no such runs" in result.err
    assert json.loads(arazzo("runs", "--journal", nowhere, "--json").out) == []


def test_a_run_that_is_interrupted_is_stopped_and_names_what_was_under_way(tmp_path: Path) -> None:
    with SlowServer() as server:
        run = Started(["run", str(post_only(tmp_path, server.url))])
        server.asked.wait(30)
        ended = run.end(signal.SIGINT)
        server.answer.set()
    assert ended.status == 130
    assert "\nstopped in " in ended.err
    assert "interrupted: workflow things, step make: the run was interrupted" in ended.err
    assert f"POST {server.url}/things was under way: it may have changed something" in ended.err
    assert " | " not in ended.err


def post_only(directory: Path, server: str, outputs: dict[str, str] | None = None) -> Path:
    """A workflow that makes a thing and looks at it."""
    made = {"responses": {"201": {"description": "made"}}}
    api = {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "servers": [{"url": server}],
        "paths": {"/things": {"post": {"operationId": "make", **made}, "get": {"operationId": "look", **made}}},
    }
    arazzo: dict[str, Any] = {
        "arazzo": "1.0.1",
        "info": {"title": "Things", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": "api.json", "type": "openapi"}],
        "workflows": [{"workflowId": "things", "steps": [{"stepId": n, "operationId": n} for n in ("make", "look")]}],
    }
    if outputs:
        arazzo["workflows"][0]["steps"][0]["outputs"] = outputs
    (directory / "api.json").write_text(json.dumps(api), "utf-8")
    path = directory / "things.json"
    path.write_text(json.dumps(arazzo), "utf-8")
    return path


# Secrets


def test_the_token_is_in_no_byte_of_the_journal_and_in_no_output(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path, journal: Path
) -> None:
    stopped(emulator, "name=one", f"hfToken=@{token}")
    (run,) = listed(arazzo)
    shown = [arazzo("runs", "show", run["runId"], *more) for more in ((), ("--json",), ("-vv",))]
    due_now(run["runId"])
    resumed = arazzo("resume", run["runId"], "-vv")
    assert resumed.status == 0
    raw = b"".join(path.read_bytes() for path in journal.parent.iterdir())
    assert TOKEN.encode() not in raw
    assert TOKEN not in "".join(result.out + result.err for result in (*shown, resumed))


def test_a_secret_from_a_file_is_read_from_there_again(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path, tmp_path: Path
) -> None:
    stopped(emulator, "name=one", f"hfToken=@{token}")
    (run,) = listed(arazzo)
    due_now(run["runId"])
    moved = token.rename(tmp_path / "elsewhere.txt")
    missing = arazzo("resume", run["runId"])
    assert missing.status == 2
    assert str(token) in missing.err
    assert arazzo("resume", run["runId"], "-i", f"hfToken=@{moved}").status == 0


def test_a_secret_that_was_typed_is_asked_for(arazzo: Arazzo, emulator: InferenceEndpointsEmulator) -> None:
    stopped(emulator, "name=one", f"hfToken={TOKEN}")
    (run,) = listed(arazzo)
    due_now(run["runId"])
    missing = arazzo("resume", run["runId"])
    assert missing.status == 2
    assert "needs the input hfToken again, which came from the command line" in missing.err
    assert f"arazzo resume {run['runId']} -i hfToken=@FILE" in missing.err
    refused = arazzo("resume", run["runId"], "-i", f"hfToken={TOKEN}", "-i", "name=two")
    assert (refused.status, "keeps its inputs" in refused.err) == (2, True)
    assert arazzo("resume", run["runId"], "-i", f"hfToken={TOKEN}").status == 0


def test_a_secret_from_the_environment_is_taken_from_there_again(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARAZZO_INPUT_hfToken", TOKEN)
    stopped(emulator, "name=one")
    (run,) = listed(arazzo)
    due_now(run["runId"])
    monkeypatch.delenv("ARAZZO_INPUT_hfToken")
    missing = arazzo("resume", run["runId"])
    assert (missing.status, "came from ARAZZO_INPUT_hfToken" in missing.err) == (2, True)
    monkeypatch.setenv("ARAZZO_INPUT_hfToken", TOKEN)
    assert arazzo("resume", run["runId"]).status == 0


@pytest.mark.parametrize("option", ["--server", "--proxy"])
def test_a_password_in_a_url_that_would_be_kept_is_refused(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, option: str
) -> None:
    result = arazzo(*words(emulator, "name=one", "hfToken=x"), option, "http://ann:passw0rd@127.0.0.1:9")
    assert result.status == 2
    assert "holds a password or token" in result.err
    assert "passw0rd" not in result.err


# Documents


def test_a_credential_in_the_url_of_a_document_is_refused(arazzo: Arazzo, tmp_path: Path, journal: Path) -> None:
    class Served(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

    with serving(Served) as url:
        post_only(tmp_path, "http://127.0.0.1:9")
        result = arazzo("run", f"{url}/things.json?access_token=s3cr3t", "--durable")
    assert result.status == 2
    assert "keeps where its documents came from" in result.err
    assert "s3cr3t" not in result.err
    assert b"s3cr3t" not in journal.read_bytes()


def test_changed_files_do_not_change_a_started_run(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path, tmp_path: Path
) -> None:
    document = tmp_path / "deploy.yml"
    source = next((ROOT / "workflows").glob("*deploy*"))
    document.write_bytes(source.read_bytes())
    api = tmp_path / "api.yml"
    api.write_bytes((ROOT / "openapi" / "hugging-face-inference-endpoints-api.yml").read_bytes())
    inputs = [word for item in (*SIZED, "name=one", f"hfToken=@{token}") for word in ("-i", item)]
    emulator.behaviour = Behaviour(polls_initializing=0)
    command = ["run", str(document), *inputs, "--server", emulator.url, "--durable", "--poll-interval", "30"]
    run = Started([*command, "--source", f"inferenceEndpointsApi={api}"])
    run.wait_for("waiting 30")
    run.end(signal.SIGKILL)
    document.write_text("arazzo: changed beyond recognition", "utf-8")
    api.unlink()
    (kept,) = listed(arazzo)
    due_now(kept["runId"])
    result = arazzo("resume", kept["runId"])
    assert (result.status, json.loads(result.out)["state"]) == (0, "running")


# Mistakes


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["resume"], "name one run, or --all"),
        (["resume", "x", "--all"], "name one run, or --all"),
        (["resume", "x", "--resend", "--skip", "200"], "exclude one another"),
        (["resume", "x", "--skip", "soon"], "expected a status"),
        (["resume", "x", "--skip", "200=body"], "expected a status"),
        (["resume", "x", "--skip", "200=@nowhere.json"], "No such file"),
        (["resume", "x"], "there is no journal"),
        (["runs", "show", "x"], "there is no journal"),
        (["cancel", "x"], "there is no journal"),
        (["run", "deploy-inference-endpoint", "--durable", "--replay", "x.yaml"], "exclude one another"),
        (["run", "deploy-inference-endpoint", "--each", "x", "--replay", "x.yaml"], "exclude one another"),
    ],
)
def test_a_mistake_says_what_to_type(arazzo: Arazzo, command: list[str], says: str) -> None:
    result = arazzo(*command)
    assert result.status == 2
    assert says in result.err


def test_a_decision_that_nothing_waits_for_is_refused_and_leaves_the_run_alone(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path
) -> None:
    stopped(emulator, "name=one", f"hfToken=@{token}")
    (run,) = listed(arazzo)
    result = arazzo("resume", run["runId"], "--resend")
    assert (result.status, "does not wait for an answer" in result.err) == (2, True)
    assert listed(arazzo)[0]["status"] == "stopped"


def test_a_damaged_journal_is_named_with_what_to_do(arazzo: Arazzo, journal: Path) -> None:
    journal.parent.mkdir()
    journal.write_bytes(b"no database" * 1000)
    for command in (["runs"], ["resume", "x"], ["cancel", "x"]):
        result = arazzo(*command)
        assert (result.status, "is damaged" in result.err) == (2, True)


def test_a_newer_journal_is_named(arazzo: Arazzo, emulator: InferenceEndpointsEmulator, journal: Path) -> None:
    assert arazzo(*words(emulator, "name=one", f"hfToken={TOKEN}")).status == 0
    with sqlite3.connect(journal) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    result = arazzo("runs")
    assert (result.status, "of a newer release" in result.err) == (2, True)


def test_a_failed_run_is_listed_with_its_reason(arazzo: Arazzo, emulator: InferenceEndpointsEmulator) -> None:
    emulator.behaviour = Behaviour()
    emulator.add("acme", "one")
    result = arazzo(*words(emulator, "name=one", f"hfToken={TOKEN}"))
    (run,) = listed(arazzo)
    assert result.status == 1
    assert (run["status"], run["reason"], run["stepId"]) == ("failed", "step-failed", "createEndpoint")
    assert re.search(r"failed \(step-failed\)", arazzo("runs").out)
