"""The examples of the documentation run, and broken on purpose their failures name the workflow's step and the line."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.brokers import BrokerServer, Mosquitto, Nats, free_port, needs, running
from tests.servers.inference_endpoints import InferenceEndpointsEmulator
from tests.support.repository import ROOT

pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "docs" / "examples"
SHOPS = ("fastapi-shop", "flask-shop")


def run_pytest(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    plugins = ["-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:cov", "-p", "no:randomly"]
    command = [sys.executable, "-m", "pytest", *plugins, *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV_CORE"))}
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False, timeout=240
    )


@pytest.fixture(params=SHOPS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return copied(request.param, tmp_path)


def copied(name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")))


def line_of(shop: Path, text: str) -> int:
    lines = (shop / "workflows" / "shop.arazzo.yaml").read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_a_shop_is_tested_by_workflows_cases_and_python_with_one_line_of_configuration(shop: Path) -> None:
    configuration = (shop / "pyproject.toml").read_text("utf-8").splitlines()
    assert configuration == ["[tool.pytest.ini_options]", 'arazzo_app = "shop.main:app"']
    for words in ((), ("--arazzo-live",)):
        done = run_pytest(shop, "-v", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "cassettes/buy/usual.yaml::buy::usual PASSED" in done.stdout
        assert "workflows/shop.arazzo.yaml::buy PASSED" in done.stdout
        assert "5 passed" in done.stdout


def test_it_runs_in_several_processes(shop: Path) -> None:
    done = run_pytest(shop, "-q", "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout


class Broken:
    """A change that breaks a shop, and the step and condition that fail for it."""

    def __init__(self, step: str, condition: str, *, fastapi: tuple[str, str], flask: tuple[str, str]) -> None:
        self.step = step
        self.condition = condition
        self.changes = {"fastapi-shop": fastapi, "flask-shop": flask}


ERROR = ("orders.append(order)", 'raise LookupError("no stock")')
BROKEN = {
    "a value": Broken(
        "attach",
        "$response.body#/size == 12",
        fastapi=("size=len(await file.read())", "size=0"),
        flask=("len(file.read())", "0"),
    ),
    "a status": Broken(
        "listOrders",
        "$statusCode == 200",
        fastapi=("    found = orders", "    raise HTTPException(418)\n    found = orders"),
        flask=("    found = orders", "    abort(418)\n    found = orders"),
    ),
    "a route": Broken(
        "startExport",
        "$statusCode == 202",
        fastapi=("status_code=202, dependencies", "status_code=404, dependencies"),
        flask=('@app.post("/exports")', '@app.post("/exported")'),
    ),
    "an error": Broken("order", "$statusCode == 201", fastapi=ERROR, flask=ERROR),
}


@pytest.mark.slow
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_shop_fails_with_the_step_and_the_line(broken: str, shop: Path) -> None:
    made = BROKEN[broken]
    change(shop / "shop" / "main.py", *made.changes[shop.name])
    for words in (("workflows",), ("tests", "-k", "paged"), ("cassettes", "--arazzo-live")):
        done = run_pytest(shop, "-q", *words)
        assert done.returncode == 1, done.stdout + done.stderr
        assert re.search(rf"\b{made.step}\b", done.stdout), done.stdout
        assert names_a_line_of(shop, made.step, done.stdout), done.stdout
        assert "arazzo_runner/" not in done.stdout, done.stdout
        if words[0] != "cassettes":
            assert made.condition in done.stdout


def names_a_line_of(shop: Path, step: str, shown: str) -> bool:
    """Tell if the output names a line between the step's own and the next step's."""
    first = line_of(shop, f"- stepId: {step}")
    lines = (shop / "workflows" / "shop.arazzo.yaml").read_text("utf-8").splitlines()
    following = [number for number, line in enumerate(lines, 1) if "- stepId:" in line and number > first]
    last = following[0] if following else len(lines)
    return any(first <= int(number) < last for number in re.findall(r"shop\.arazzo\.yaml:(\d+):", shown))


def test_an_application_that_raises_shows_its_traceback_with_the_workflow(tmp_path: Path) -> None:
    shop = copied("fastapi-shop", tmp_path)
    change(shop / "shop" / "main.py", "orders.append(order)", 'raise LookupError("no stock")')
    done = run_pytest(shop, "-q", "workflows")
    assert "LookupError: no stock" in done.stdout
    assert "order" in done.stdout
    assert "token-of-the-shop" not in done.stdout


def test_the_secrets_of_a_live_case_come_from_a_file_the_environment_or_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = copied("flask-shop", tmp_path)
    (shop / "workflows" / "shop.inputs.yaml").unlink()
    missing = run_pytest(shop, "-q", "cassettes", "--arazzo-live")
    assert "password: secret in the recording, so it has to be given" in missing.stdout
    monkeypatch.setenv("ARAZZO_INPUT_password", "correct horse")
    assert "1 passed" in run_pytest(shop, "-q", "cassettes", "--arazzo-live").stdout
    monkeypatch.delenv("ARAZZO_INPUT_password")
    (shop / "secrets.yaml").write_text("buy::*: {password: correct horse}\n", "utf-8")
    with (shop / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write('arazzo_secrets = "secrets.yaml"\n')
    assert "1 passed" in run_pytest(shop, "-q", "cassettes", "--arazzo-live").stdout


def test_a_live_case_without_an_application_is_sent_to_its_server(tmp_path: Path) -> None:
    shop = copied("flask-shop", tmp_path)
    (shop / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\narazzo_cases = ["cassettes"]\narazzo_workflows = ["workflows"]\n', "utf-8"
    )
    case = shop / "cassettes" / "buy" / "usual.yaml"
    change(case, "http://testserver/\n", "http://127.0.0.1:9/\n")
    done = run_pytest(shop, "-q", "cassettes", "--arazzo-live")
    assert "127.0.0.1 refused the connection on port 9" in done.stdout


def test_the_django_site_is_tested_by_its_workflow() -> None:
    done = run_pytest(EXAMPLES / "django-orders", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


@pytest.mark.slow
def test_the_notebook_runs_and_shows_the_result() -> None:
    for module in ("nbclient", "ipykernel"):
        if importlib.util.find_spec(module) is None and os.environ.get("ARAZZO_TEST_REQUIRE") != "all":
            pytest.skip(f"{module} is not installed: pip install -e '.[test]'")
    code = (
        "import sys, nbformat, nbclient\n"
        "nb = nbformat.read(sys.argv[1], 4)\n"
        "nbclient.NotebookClient(nb, timeout=120, kernel_name='python3',"
        " resources={'metadata': {'path': sys.argv[2]}}).execute()\n"
        "sys.stdout.write(nbformat.writes(nb))\n"
    )
    notebook = EXAMPLES / "notebook" / "deploy.ipynb"
    command = [sys.executable, "-W", "ignore", "-c", code, str(notebook), str(notebook.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    cells = [cell for cell in json.loads(done.stdout)["cells"] if cell["cell_type"] == "code"]
    shown = "".join(cells[1]["outputs"][0]["data"]["text/html"])
    assert "✓ deploy-inference-endpoint" in shown
    assert "createEndpoint → pollStatus ×3" in shown
    assert "hf_not_a_token" not in json.dumps([cell["outputs"] for cell in cells])
    assert "succeeded in" in "".join(cells[3]["outputs"][0]["text"])


@pytest.mark.network
def test_the_script_deploys_and_a_repeated_one_is_the_same_run(tmp_path: Path) -> None:
    token = "hf_ThisIsTheSecretOfTheTests"
    with InferenceEndpointsEmulator(token=token) as emulator:
        environment = {
            **os.environ,
            "HF_TOKEN": token,
            "HF_ENDPOINTS_URL": emulator.url,
            "POLL": "0.01",
            "JOURNAL": str(tmp_path / "journal.db"),
            "XDG_DATA_HOME": str(tmp_path),
        }
        command = [sys.executable, str(EXAMPLES / "deploy_endpoint.py"), "acme", "my-gpt2", "gpt2"]
        for _ in range(2):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith("createEndpoint 2")
            assert done.stdout.splitlines()[-1].startswith("succeeded http")
        assert sum(exchange.method == "POST" for exchange in emulator.requests) == 1
    assert token not in done.stdout


@pytest.mark.parametrize(
    ("kind", "service", "words", "outputs"),
    [
        pytest.param(
            Mosquitto, "orders_over_mqtt.py", ["place-order", "-i", "item=tea"],
            {"orderId": "o-1", "parcel": "tea-o-1"}, marks=needs(Mosquitto),
        ),
        pytest.param(
            Nats, "prices_over_nats.py", ["ask-price", "-i", "item=tea"],
            {"price": 9.5, "currency": "EUR"}, marks=needs(Nats),
        ),
    ],
)  # fmt: skip
def test_workflows_over_messages(
    kind: type[BrokerServer], service: str, words: list[str], outputs: dict[str, object], tmp_path: Path
) -> None:
    """The project's own two: each with one command, against its example service and a real broker."""
    port = free_port()
    with running(kind, tmp_path) as server:
        ports = [str(port), str(server.port)] if kind is Mosquitto else [str(server.port)]
        served = subprocess.Popen(
            [sys.executable, str(EXAMPLES / service), *ports], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        try:
            assert served.stdout is not None
            assert server.url in served.stdout.readline()
            source = "events" if kind is Mosquitto else "prices"
            where = ["--server", f"{source}={server.url}"]
            where += ["--server", f"orders=http://127.0.0.1:{port}"] if kind is Mosquitto else []
            done = subprocess.run(
                [sys.executable, "-m", "arazzo_runner", "run", *words, *where, "--check", "error"],
                cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
            )  # fmt: skip
        finally:
            served.kill()
            served.communicate()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == outputs
