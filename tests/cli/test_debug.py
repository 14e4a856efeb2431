"""``arazzo debug``: runs held still, gone back in, changed and explained, from scripts and by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from arazzo_runner.cli.driving.debug_console import DebugConsole
from arazzo_runner.cli.driving.debug_lines import ScriptLines
from tests.cli.test_durable import TOKEN, emulator, listed, stopped, token, words
from tests.conftest import Arazzo, Result
from tests.servers.inference_endpoints import InferenceEndpointsEmulator
from tests.support.debugging import held
from tests.support.repository import ROOT
from tests.support.runs import polling
from tests.support.terminal import terminal

__all__ = ["emulator", "token"]
pytestmark = [pytest.mark.usefixtures("journal"), pytest.mark.network]

CASE = ROOT / "cassettes" / "deploy-inference-endpoint" / "becomes-running.yaml"
DOCUMENT = "workflows/hugging-face-deploy-inference-endpoint-workflow.yml"
SECRET = "hf_marked+secret/of=the&tests"
GIVEN = [
    word
    for item in ("namespace=acme", "name=my-gpt2", "repository=gpt2", "instanceType=intel-icl", "instanceSize=x1")
    for word in ("-i", item)
]


def replayed(arazzo: Arazzo, *commands: str, more: tuple[str, ...] = ()) -> Result:
    """Debug the deployment's recording by a pipe of commands."""
    target = ["debug", "deploy-inference-endpoint", *GIVEN, "-i", f"hfToken={SECRET}", "--replay", str(CASE)]
    return arazzo(*target, *more, stdin="".join(f"{command}\n" for command in commands))


def live(arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path, *commands: str, more: str = "") -> Result:
    """Debug a deployment against the emulator by a pipe of commands."""
    _, *given = words(emulator, "name=one", f"hfToken=@{token}", durable=False)
    return arazzo("debug", *given, *more.split(), stdin="".join(f"{command}\n" for command in commands))


def said(result: Result, command: str) -> list[str]:
    """What a script's command printed."""
    lines = result.out.splitlines()
    start = lines.index(f"(arazzo) {command}") + 1
    rest = lines[start:]
    end = next((index for index, line in enumerate(rest) if line.startswith("(arazzo) ")), len(rest))
    return rest[:end]


def test_a_script_goes_through_a_recording_and_prints_the_outputs(arazzo: Arazzo) -> None:
    result = replayed(arazzo, "next", "continue")
    assert result.status == 0
    assert said(result, "next") == [
        "  ✓ createEndpoint 201, succeeded → created: goto pollStatus",
        "pollStatus, before the request: GET https://api.endpoints.huggingface.cloud/v2/endpoint/acme/my-gpt2",
    ]
    printed = said(result, "continue")
    assert printed[-6] == "the run has ended: succeeded"
    assert json.loads("\n".join(printed[-5:]))["state"] == "running"


def test_commands_come_from_a_file_too(arazzo: Arazzo, tmp_path: Path) -> None:
    script = tmp_path / "commands.txt"
    script.write_text("# to the end\ncontinue\n", "utf-8")
    result = replayed(arazzo, more=("--commands", str(script)))
    assert result.status == 0
    assert "the run has ended: succeeded" in result.out


def test_a_stop_with_a_condition_is_where_the_reasons_are_shown(arazzo: Arazzo) -> None:
    stop = "pollStatus:action if $response.body#/status/state == 'running'"
    result = replayed(arazzo, "where", "print $statusCode", "diff", "list", more=("--break", stop))
    assert result.status == 0
    assert said(result, "where")[1:] == [
        f"  #0 deploy-inference-endpoint, step pollStatus, attempt 1  {DOCUMENT}:110:5",
        "  turn 7 of 7",
        "because:",
        "  criteria",
        "    ✓ $statusCode == 200",
        "        $statusCode = 200",
        "  outputs",
        '    ✓ state = "running"',
        '    ✓ inferenceUrl = "https://my-gpt2.us-east-1.aws.endpoints.huggingface.cloud"',
        "  onSuccess",
        "    stillStarting (goto pollStatus) refused: a criterion did not hold",
        "      ✗ $.status.state == 'pending' || $.status.state == 'initializing' (jsonpath)",
        '          $.status.state = ["running"]',
        "    ready (end) taken",
        "      ✓ $.status.state == 'running' (jsonpath)",
        '          $.status.state = ["running"]',
    ]
    assert said(result, "print $statusCode") == ["200"]
    assert said(result, "diff")[0] == '  $steps.pollStatus.outputs.state: "initializing" → "running"'
    assert "  →  110    - stepId: pollStatus" in said(result, "list")


def test_a_comparison_is_a_condition_and_no_pointer(arazzo: Arazzo) -> None:
    asked = "print $response.body#/status/state == 'pending' && $statusCode < 300"
    result = replayed(arazzo, asked, more=("--break", "pollStatus:answer"))
    assert said(result, asked) == ["true", '  $response.body#/status/state = "pending"', "  $statusCode = 200"]


def test_what_was_not_tried_says_why(arazzo: Arazzo) -> None:
    result = replayed(arazzo, "where", more=("--break", "pollStatus:action"))
    shown = said(result, "where")
    assert "    ready (end) not tried: 'stillStarting' came first and was taken" in shown
    assert "      · $.status.state == 'running' (jsonpath)  not asked" in shown


def test_a_recording_is_gone_through_both_ways(arazzo: Arazzo) -> None:
    result = replayed(arazzo, "continue", "back 99", "forward 2", "back", "back", "next", "continue")
    assert result.status == 0
    assert said(result, "back 99") == [
        "createEndpoint, before the request: POST https://api.endpoints.huggingface.cloud/v2/endpoint/acme"
    ]
    assert said(result, "next")[-1].startswith("pollStatus, before the request: GET")
    assert result.out.count("the run has ended: succeeded") == 2


def test_a_wrong_output_pointer_is_found(arazzo: Arazzo) -> None:
    result = replayed(arazzo, "print $response.body#/status/stat", more=("--break", "pollStatus:answer"))
    first, hint = said(result, "print $response.body#/status/stat")
    assert first.startswith("(no value) $response.body#/status/stat found nothing: /status of the body has state, ")
    assert hint == "  did you mean state?"


@pytest.mark.parametrize(
    ("command", "message", "hint"),
    [
        ("frobnicate", "there is no command 'frobnicate'", "help lists them"),
        ("bre :ak", "a step has no place 'ak'", "request"),
        ("back x", "'x' is not a number of turns", "from 1"),
        ("b", "'b' may be back or break", "some more"),
        ("d", "'d' may be delete or diff", "some more"),
        ("di x", "diff takes nothing", "write diff"),
        ("print", "print takes EXPR", ""),
        ("print $nothing.x", "", ""),
        ("print $statusCode =", "", "=="),
        ("break pollStats", "there is no step 'pollStats'", "pollStatus"),
        ("break pollStatus:before", "a step has no place 'before'", "request"),
        ("break if $statusCode >", "expected", ""),
        ("delete 4", "there is no stop 4", "break lists them"),
        ("set $inputs.name", "is given no value", "set $inputs.NAME VALUE"),
        ("set $statusCode 5", "$statusCode cannot be set", "set $inputs.NAME VALUE"),
        ("set $steps.pollStatus.outputs.x 1", "the step 'pollStatus' has no outputs here", ""),
        ("answer x", "'x' is not a status", "answer 404"),
        ("answer 200 @/nowhere", "/nowhere cannot be read", ""),
        ("forward", "there is no later turn", "next"),
        ("back", "this is the beginning", ""),
        ("edit", "no editor is set", "EDITOR="),
    ],
)
def test_a_wrong_command_says_what_to_type_instead(
    arazzo: Arazzo, monkeypatch: pytest.MonkeyPatch, command: str, message: str, hint: str
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    result = replayed(arazzo, command)
    assert result.status == 2
    shown = said(result, command)
    assert shown[0].startswith("error: ")
    assert message in shown[0]
    assert hint in "\n".join(shown)


def test_unambiguous_beginnings_do(arazzo: Arazzo) -> None:
    result = replayed(arazzo, "br pollStatus:answer", "c", "p $statusCode", "w", "di", "l", "ba", "fo", "s", "q")
    assert result.status == 0
    assert said(result, "p $statusCode") == ["200"]
    assert said(result, "s")[0].startswith("pollStatus, ")


def test_workflows_are_stepped_over_into_and_out_of(capsys: pytest.CaptureFixture[str]) -> None:
    script = ["break cleanUp", "c", "step", "where", "out", "back", "next!"]
    debugger, _ = held(polling(1))
    assert DebugConsole(debugger, ScriptLines(script)).run() == 0
    result = Result(0, capsys.readouterr().out, "")
    assert said(result, "c")[-1].startswith("cleanUp in clean-up, a workflow has been entered")
    assert said(result, "step")[0].startswith("delete in clean-up, before the request: DELETE")
    assert [line.split(", attempt")[0] for line in said(result, "where")[1:3]] == [
        "  #0 clean-up, step delete",
        "  #1 main, step cleanUp",
    ]
    assert said(result, "out")[-1].startswith("cleanUp, the criteria are judged")
    over, _ = held(polling(1))
    assert DebugConsole(over, ScriptLines(["n", "n", "n", "n"])).run() == 0
    shown = capsys.readouterr().out
    assert "delete in clean-up, before" not in shown
    assert shown.count("cleanUp in clean-up, a workflow has been entered") == 1
    assert "the run has ended: succeeded" in shown


def test_an_output_without_a_value_says_what_was_there_when_it_was_taken(arazzo: Arazzo, tmp_path: Path) -> None:
    text = (ROOT / DOCUMENT).read_text("utf-8").replace("../openapi", str(ROOT / "openapi"))
    document = tmp_path / "wrong.yml"
    document.write_text(text.replace("#/status/state", "#/status/stat"), "utf-8")
    target = ["debug", str(document), *GIVEN, "-i", f"hfToken={SECRET}", "--replay", str(CASE)]
    script = "break pollStatus:action\nc\nwhere\nc\nc\nprint $steps.pollStatus.outputs.state\n"
    result = arazzo(*target, stdin=script)
    sentence = "$response.body#/status/stat found nothing: /status of the body has state, "
    shown = said(result, "where")
    (wrong,) = (line for line in shown if line.startswith("    ✗ state has no value"))
    assert sentence in wrong
    assert shown[shown.index(wrong) + 1] == "        did you mean state?"
    assert said(result, "print $steps.pollStatus.outputs.state")[0].startswith(f"(no value) {sentence}")


def test_an_empty_line_repeats(arazzo: Arazzo) -> None:
    result = replayed(arazzo, "step", "", "")
    assert result.out.count("(arazzo) step") == 3
    assert "createEndpoint, the action is chosen" in result.out


def test_without_a_target_it_says_so(arazzo: Arazzo) -> None:
    result = arazzo("debug")
    assert result.status == 2
    assert "TARGET is missing" in result.err
    both = arazzo("debug", "deploy-inference-endpoint", "--run", "abc")
    assert both.status == 2
    assert "exclude one another" in both.err


def test_no_secret_is_printed_whatever_is_asked_for(arazzo: Arazzo) -> None:
    commands = [
        "print $inputs",
        "print $inputs.hfToken",
        "print $request.header.Authorization",
        "print $inputs.hfToken == 'x'",
        f"print $inputs.hfToken == '{SECRET}'",
        "where",
        "step",
        "step",
        "where",
        "diff",
        "list",
        "set $inputs.hfToken another+secret/of=mine",
        "print $inputs.hfToken",
        "back",
        "where",
        f"break if $inputs.hfToken == '{SECRET}'",
        "break",
        'answer 200 {"access_token": "tok+en/of=answers", "status": {"state": "running"}}',
        "where",
        "print $response.body",
        "continue",
        "where",
    ]
    result = replayed(arazzo, *commands)
    assert "error" not in result.out
    for text in (SECRET, "another+secret/of=mine", "tok+en/of=answers"):
        assert text not in result.out
        assert text not in result.err
    assert '"[redacted]"' in said(result, "print $inputs.hfToken")


def test_going_back_asks_before_something_is_created_again(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path
) -> None:
    refused = live(arazzo, emulator, token, "next", "back", "next")
    assert refused.status == 2
    assert "was sent before, and changes something" in refused.out
    assert [exchange.method for exchange in emulator.requests].count("POST") == 1
    emulator.requests.clear()
    emulator.deployments.clear()
    repeated = live(arazzo, emulator, token, "next", "back", "next!")
    assert [exchange.method for exchange in emulator.requests].count("POST") == 2
    assert "409" in repeated.out


def test_an_answer_by_hand_is_judged_and_nothing_is_sent(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path, tmp_path: Path
) -> None:
    body = tmp_path / "body.json"
    body.write_text('{"name": "by-hand", "status": {"state": "pending"}}', "utf-8")
    result = live(arazzo, emulator, token, f"answer 201 @{body}", "next", "print $request.path.endpoint_name", "quit")
    assert result.status == 0
    assert said(result, "print $request.path.endpoint_name") == ['"by-hand"']
    assert emulator.requests == []


def test_a_request_is_edited_without_its_secrets_in_the_file(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor, seen = tmp_path / "editor.py", tmp_path / "seen.txt"
    editor.write_text(
        "import pathlib, sys\npath = pathlib.Path(sys.argv[1])\ntext = path.read_text()\n"
        f"pathlib.Path({str(seen)!r}).write_text(text)\npath.write_text(text.replace('\"one\"', '\"edited\"'))\n",
        "utf-8",
    )
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} {editor}")
    result = live(arazzo, emulator, token, "edit", "step", "quit")
    assert result.status == 0, result.out
    assert '"edited"' in said(result, "step")[-1]
    assert TOKEN not in seen.read_text("utf-8")
    assert "Authorization: [redacted]" in seen.read_text("utf-8")
    assert "201" in said(result, "step")[0]


def test_a_durable_run_that_failed_is_opened_at_its_end_and_looked_through(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path
) -> None:
    token.write_text("hf_NotTheTokenThatIsKnown", "utf-8")
    assert arazzo(*words(emulator, "name=one", f"hfToken=@{token}")).status == 1
    (run,) = listed(arazzo)
    before = len(emulator.requests)
    result = arazzo("debug", "--run", run["runId"], stdin="where\nback\nwhere\nforward\nset $inputs.name x\n")
    assert "the run has ended: failed at createEndpoint: the criterion does not hold" in result.out
    assert "        $statusCode = 401" in said(result, "where")
    assert "error: this run has happened; it is shown, and cannot be changed here" in result.out
    assert len(emulator.requests) == before
    assert "hf_NotTheTokenThatIsKnown" not in result.out


def test_a_durable_run_that_died_is_opened_where_it_is(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path
) -> None:
    stopped(emulator, "name=one", f"hfToken=@{token}")
    (run,) = listed(arazzo)
    before = len(emulator.requests)
    result = arazzo("debug", "--run", run["runId"], stdin="where\nback\nforward\nnext\n")
    assert "pollStatus, before the request: GET" in result.out
    assert "has no record of an answer to this request, and nothing is sent here" in result.out
    assert f"arazzo resume {run['runId']}" in result.out
    assert (result.status, len(emulator.requests)) == (2, before)
    assert listed(arazzo)[0]["status"] == "stopped"
    assert TOKEN not in result.out


def test_a_durable_run_that_died_is_resumed_from_its_debugger(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path
) -> None:
    stopped(emulator, "name=one", f"hfToken=@{token}")
    (run,) = listed(arazzo)
    created = sum(one.method == "POST" for one in emulator.requests)
    result = arazzo("debug", "--run", run["runId"], stdin="resume\nnever read\n")
    assert result.status == 0, result.out + result.err
    assert "succeeded in" in result.out
    assert "never read" not in result.out
    assert sum(one.method == "POST" for one in emulator.requests) == created
    assert [(one["runId"], one["status"]) for one in listed(arazzo)] == [(run["runId"], "succeeded")]
    assert TOKEN not in result.out


def test_a_run_is_resumed_from_an_earlier_request_as_a_new_one(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path
) -> None:
    assert arazzo(*words(emulator, "name=one", f"hfToken=@{token}")).status == 0
    (run,) = listed(arazzo)
    before = len(emulator.requests)
    result = arazzo("debug", "--run", run["runId"], stdin="resume\n")
    assert "error: a run is resumed from a request" in result.out
    result = arazzo("debug", "--run", run["runId"], stdin="back\nresume\n")
    assert result.status == 0, result.out
    assert {one.method for one in emulator.requests[before:]} == {"GET"}
    new, old = listed(arazzo)
    assert (old["runId"], old["status"], new["status"]) == (run["runId"], "succeeded", "succeeded")
    assert f"run {new['runId']} has the answers of {run['runId']} up to here" in result.out


def test_resuming_before_something_was_created_asks_first(
    arazzo: Arazzo, emulator: InferenceEndpointsEmulator, token: Path
) -> None:
    assert arazzo(*words(emulator, "name=one", f"hfToken=@{token}")).status == 0
    (run,) = listed(arazzo)
    before = len(emulator.requests)
    result = arazzo("debug", "--run", run["runId"], stdin="back 99\nresume\n")
    assert result.status == 2
    assert "was sent before, and changes something" in result.out
    assert len(emulator.requests) == before
    assert len(listed(arazzo)) == 1


def test_only_a_durable_run_is_resumed(arazzo: Arazzo) -> None:
    result = replayed(arazzo, "resume")
    assert result.status == 2
    assert "only a durable run can be resumed" in result.out


def test_a_stop_lets_the_run_pass_some_times(arazzo: Arazzo) -> None:
    result = replayed(
        arazzo, "print $response.body#/status/state", "continue", more=("--break", "pollStatus:answer after 2")
    )
    assert said(result, "print $response.body#/status/state") == ['"running"']
    counted = replayed(
        arazzo, "break pollStatus:answer if $statusCode == 200 after 1", "continue", "back 99", "continue"
    )
    assert "stop 1: pollStatus:answer if $statusCode == 200 after 1" in counted.out
    assert counted.out.count("pollStatus, the answer is here") == 2
    wrong = replayed(arazzo, "break pollStatus after often")
    assert wrong.status == 2


@pytest.mark.slow
def test_a_person_at_a_terminal_has_completion_and_history(tmp_path: Path) -> None:
    command = [
        *("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "arazzo_runner", "debug"),
        str(ROOT / "workflows" / "hugging-face-deploy-inference-endpoint-workflow.yml"),
        *(*GIVEN, "-i", f"hfToken={SECRET}", "--replay", str(CASE)),
    ]
    with terminal(tmp_path, command, columns=160) as screen:
        screen.until(lambda lines: any(line.startswith("(arazzo)") for line in lines))
        screen.type("break pollS")
        screen.press("Tab")
        screen.until(lambda lines: any("break pollStatus" in line for line in lines))
        screen.type(":answer")
        screen.press("Enter")
        screen.until(lambda lines: "stop 1: pollStatus:answer" in lines)
        screen.type("c")
        screen.press("Enter")
        screen.until(
            lambda lines: (
                any(line.startswith("pollStatus, the answer is here") for line in lines)
                and lines[-1].strip() == "(arazzo)"
            )
        )
        screen.press("Up")
        screen.press("Up")
        screen.until(lambda lines: lines[-1] == "(arazzo) break pollStatus:answer")
        screen.press("C-c")
        screen.until(lambda lines: lines[-1].strip() == "(arazzo)")
        screen.type("print $response.body#/stat")
        screen.press("Tab")
        screen.until(lambda lines: lines[-1] == "(arazzo) print $response.body#/status")
        screen.type("/state")
        screen.press("Enter")
        screen.until(lambda lines: '"pending"' in lines)
        screen.press("C-d")
        assert SECRET not in "\n".join(screen.screen())
