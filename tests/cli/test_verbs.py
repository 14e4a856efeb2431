"""Every verb: its help, a success and a failure; and what is said of mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from arazzo_runner.cli.main import VERBS
from tests.conftest import Arazzo
from tests.support.repository import ROOT

DEPLOY = "workflows/hugging-face-deploy-inference-endpoint-workflow.yml"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(arazzo: Arazzo, verb: str) -> None:
    result = arazzo(verb, "--help")
    assert result.status == 0
    assert "Example: " in result.out or "Example:\n" in result.out


def test_help_lists_every_verb(arazzo: Arazzo) -> None:
    result = arazzo("--help")
    assert result.status == 0
    assert all(verb in result.out for verb in VERBS)


def test_an_unknown_verb_names_the_nearest(arazzo: Arazzo) -> None:
    result = arazzo("runn", "x")
    assert result.status == 2
    assert "did you mean run or runs?" in result.err


def test_list_shows_the_workflows_and_their_inputs(arazzo: Arazzo) -> None:
    text = arazzo("list")
    assert text.status == 0
    assert "deploy-inference-endpoint" in text.out
    assert "instanceType?" in text.out
    data = json.loads(arazzo("list", "--json").out)
    assert {entry["workflowId"] for entry in data} >= {"deploy-inference-endpoint", "delete-endpoint"}


def test_list_of_no_directory_says_so(arazzo: Arazzo) -> None:
    result = arazzo("list", "--workflows", "nowhere")
    assert result.status == 2
    assert "--workflows DIR" in result.err


@pytest.mark.parametrize("form", ["text", "json", "mermaid"])
def test_show_in_each_format(arazzo: Arazzo, form: str) -> None:
    result = arazzo("show", "deploy-inference-endpoint", "--format", form)
    assert result.status == 0
    assert "pollStatus" in result.out
    if form == "json":
        assert json.loads(result.out)["steps"][0]["stepId"] == "createEndpoint"
    if form == "mermaid":
        assert result.out.startswith("flowchart TD\n")


@pytest.mark.parametrize(
    ("form", "shown"), [("text", "first: getItem\n  second: getItem\n      after first\n"), ("mermaid", 's0["first')]
)
def test_show_has_steps_in_the_order_of_execution(arazzo: Arazzo, tmp_path: Path, form: str, shown: str) -> None:
    steps = [{"stepId": "second", "operationId": "getItem", "dependsOn": ["first"]}]
    steps.append({"stepId": "first", "operationId": "getItem"})
    path = tmp_path / "ordered.yaml"
    path.write_text(
        json.dumps(
            {
                "arazzo": "1.1.0",
                "info": {"title": "ordered", "version": "1"},
                "sourceDescriptions": [{"name": "api", "url": "api.yaml", "type": "openapi"}],
                "workflows": [{"workflowId": "ordered", "steps": steps}],
            }
        )
    )
    assert shown in arazzo("show", str(path), "--format", form).out


def test_show_of_an_unknown_workflow_names_the_nearest(arazzo: Arazzo) -> None:
    result = arazzo("show", DEPLOY, "deploy-inference")
    assert result.status == 2
    assert "deploy-inference-endpoint" in result.err


def test_completion_of_each_shell(arazzo: Arazzo) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_ARAZZO_COMPLETE" in arazzo("completion", shell).out
    assert arazzo("completion", "tcsh").status == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "deploy-inference"], "did you mean deploy-inference-endpoint"),
        (["run", "nowhere.yaml"], "nowhere.yaml"),
        (["run", DEPLOY, "-i", "nam=x"], "did you mean 'name'?"),
        (["run", DEPLOY, "-i", "nothing-like-it"], "name=value"),
        (["run", DEPLOY, "-i", "name=@nowhere.txt"], "nowhere.txt"),
        (["run", DEPLOY, "-i", "{broken"], "not JSON or YAML"),
        (["run", DEPLOY, "--server", "ftp://x"], "http(s) URL"),
        (["run", DEPLOY, "--server", "nosuch=http://127.0.0.1:1"], "inferenceEndpointsApi"),
        (["run", DEPLOY, "--server-var", "x"], "[SOURCE.]NAME=VALUE"),
        (["run", DEPLOY, "--server-var", "nosuch.region=eu"], "inferenceEndpointsApi"),
        (["run", DEPLOY, "--source", "api=x.yml"], "inferenceEndpointsApi"),
        (["run", DEPLOY, "--source", "inferenceEndpointsApi=x.yml"], "--source"),
        (["run", DEPLOY, "--auth", "sEcReT-without-a-scheme"], "SCHEME=VALUE"),
        (["run", DEPLOY, "--record", "a", "--replay", "b"], "exclude one another"),
        (["run", DEPLOY, "--report", "pdf=x"], "junit=PATH"),
        (["run", DEPLOY, "--max-steps", "0"], "max-steps"),
        (["run", "deploy-inference-endpoint", "other"], "there is no workflow 'other'"),
        (["run", "README.md"], "README.md:"),
        (["run", "pyproject.toml"], "pyproject.toml"),
        (["run", "openapi/hugging-face-inference-endpoints-api.yml"], "found an OpenAPI description"),
    ],
)
def test_a_mistake_is_named_with_what_to_type(arazzo: Arazzo, words: list[str], says: str) -> None:
    result = arazzo(*words)
    assert result.status == 2
    assert result.out == ""
    assert says in result.err
    assert "sEcReT" not in result.err


def test_missing_inputs_say_what_to_type_and_typing_it_works(arazzo: Arazzo, tmp_path: Path) -> None:
    refused = arazzo("run", DEPLOY, "--dry-run")
    assert refused.status == 2
    hint = "-i hfToken=@FILE -i namespace=VALUE -i name=VALUE -i repository=VALUE"
    assert f"hint: give what is missing: {hint}" in refused.err
    (tmp_path / "token").write_text("hf_secret", "utf-8")
    assert arazzo("run", DEPLOY, "--dry-run", *hint.replace("FILE", str(tmp_path / "token")).split()).status == 0


def test_inputs_in_every_form(arazzo: Arazzo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inputs.yaml").write_text("namespace: from-file\nname: from-file\n", "utf-8")
    (tmp_path / "token.txt").write_text("hf_secret-of-a-file\n", "utf-8")
    monkeypatch.setenv("ARAZZO_INPUT_vendor", "gcp")
    monkeypatch.setenv("ARAZZO_INPUT_namespace", "lowest")
    words = [
        str(tmp_path / "inputs.yaml"),
        f"hfToken=@{tmp_path / 'token.txt'}",
        '{"name": "from-json"}',
        "-",
        "task=a=b",
    ]
    result = arazzo(
        "run", DEPLOY, *[w for word in words for w in ("-i", word)], "--dry-run", stdin='{"repository": "from-stdin"}'
    )
    assert result.status == 0, result.err
    for expected in ("namespace=from-file", "name=from-json", "repository=from-stdin", "vendor=gcp", "task=a=b"):
        assert expected in result.out
    assert "hf_secret" not in result.out + result.err


REQUIRED = [w for name in ("hfToken", "namespace", "name", "repository") for w in ("-i", f"{name}=some")]
LONG = "n" * 300
"""More than a file's name may have."""


@pytest.mark.parametrize(
    "words",
    [
        ["run", LONG],
        ["run", f"{LONG}.yaml"],
        ["run", DEPLOY, "-i", f"name=@{LONG}"],
        ["run", DEPLOY, "-i", LONG],
        ["run", DEPLOY, "--source", f"inference-endpoints={LONG}"],
        ["run", DEPLOY, "--base-dir", LONG],
        ["validate", LONG],
        ["list", "--workflows", LONG],
        ["record", DEPLOY, "--case", LONG],
        ["test", LONG],
        ["runs", "show", "x", "--journal", LONG],
    ],
    ids=lambda words: " ".join(words).replace(LONG, "LONG"),
)
def test_a_path_that_cannot_be_is_one_that_is_not_there(arazzo: Arazzo, words: list[str]) -> None:
    assert arazzo(*words).status == 2


def test_an_input_may_be_longer_than_a_files_name(arazzo: Arazzo) -> None:
    assert f"task={LONG[:40]}" in arazzo("run", DEPLOY, *REQUIRED, "-i", f"task={LONG}", "--dry-run").out


def test_a_workflow_in_two_documents_is_refused_with_both_places(arazzo: Arazzo, tmp_path: Path) -> None:
    text = Path(DEPLOY).read_text("utf-8")
    (tmp_path / "a.yml").write_text(text, "utf-8")
    (tmp_path / "b.yml").write_text(text, "utf-8")
    result = arazzo("run", "deploy-inference-endpoint", "--workflows", str(tmp_path))
    assert result.status == 2
    assert "a.yml" in result.err
    assert "b.yml" in result.err


def test_a_credentials_file_that_others_can_read_is_refused(arazzo: Arazzo, tmp_path: Path) -> None:
    file = tmp_path / "credentials.yaml"
    file.write_text("hfToken: hf_theSecretInTheFile\n", "utf-8")
    file.chmod(0o644)
    result = arazzo("run", DEPLOY, "--credentials", str(file))
    assert result.status == 2
    assert "chmod 600" in result.err
    assert "hf_theSecret" not in result.err


# What start-up may import


def modules_after(*words: str) -> set[str]:
    code = (
        "import sys\nfrom arazzo_runner.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, cwd=ROOT)
    return set(done.stderr.split())


HEAVY = {
    "httpcore2",
    "httpx2",
    "openapi_core",
    "lxml",
    "jinja2",
    "jsonpath_rfc9535",
    "jsonschema_rs",
    "yaml",
    "regex",
    "asyncio",
}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    assert not modules_after(*words) & HEAVY


def test_importing_the_package_imports_nothing_of_it() -> None:
    code = "import sys, arazzo_runner; print([m for m in sys.modules if m.startswith('arazzo_runner.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_replay_imports_no_http_client() -> None:
    loaded = modules_after(
        *["run", "deploy-inference-endpoint", "-i", "namespace=acme", "-i", "name=my-gpt2", "-i", "repository=gpt2"],
        *["-i", "hfToken=hf_x", "--replay", "cassettes/deploy-inference-endpoint/unauthorised.yaml", "-q"],
    )
    assert "arazzo_runner.runtime.cassettes.format" in loaded
    assert not loaded & {"httpcore2", "httpx2", "openapi_core", "lxml", "jinja2", "socketserver"}
