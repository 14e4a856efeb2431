"""Marked secrets through everything that a run over messages writes: none leaves, in no form (S1)."""

from __future__ import annotations

import gc
import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from arazzo_runner import Runner, RunOptions, load
from arazzo_runner.cli.given.credentials import gather_credentials
from tests.cli.test_no_secret_leaves import leaked
from tests.conftest import Arazzo, Result
from tests.servers.brokers import PASSWORD, USER, BrokerServer, Mosquitto5, Nats, needs, running
from tests.servers.temporal import Workers, needs_temporal, temporal_server
from tests.support.repository import ROOT
from tests.support.secret_messages import BROUGHT, GIVEN, SECRETS, USER_PASSWORD, EchoingApplication
from tests.support.web_servers import until, web_process

pytestmark = [
    pytest.mark.network,
    # Clients leave the sockets of connections that failed to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

AUTH = ["--auth", f"user={USER_PASSWORD}"]
INPUTS = ["-i", json.dumps(GIVEN)]
KINDS = [pytest.param(kind, id=kind.__name__, marks=needs(kind)) for kind in (Nats, Mosquitto5)]
GIVEN_SECRETS = {name: value for name, value in SECRETS.items() if name != "brought"}


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerServer]:
    """A broker that wants a password."""
    with running(request.param, tmp_path_factory.mktemp("broker"), secured=True) as started:
        yield started


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Collect what a test leaves, so that no later one is told of it."""
    yield
    gc.collect()


@pytest.fixture
def application(server: BrokerServer) -> Iterator[EchoingApplication]:
    echoing = EchoingApplication(server)
    with echoing.listening():
        yield echoing


@pytest.fixture
def words(application: EchoingApplication, tmp_path: Path) -> list[str]:
    """The words of ``arazzo run``, which fails at the end."""
    return [application.write(tmp_path), *INPUTS, "--auth", f"user={USER_PASSWORD}"]


Run = Callable[..., Result]


@pytest.fixture
def run(arazzo: Arazzo, words: list[str]) -> Run:
    def call(*more: str) -> Result:
        result = arazzo("run", *words, *more)
        assert result.status == 1, result.err
        return result

    return call


def test_the_application_did_receive_and_send_every_secret(application: EchoingApplication, tmp_path: Path) -> None:
    """What the other tests look for is really there to be found."""
    credentials = gather_credentials([f"user={USER_PASSWORD}"], None, {})
    path = application.write(tmp_path, fails=False)
    result = Runner(load(path), options=RunOptions(credentials=credentials)).run(inputs=GIVEN)
    assert result.outputs["all"]["access_token"] == BROUGHT
    assert {*leaked(json.dumps(result.outputs), SECRETS)} >= {"password", "apiToken", "pin", "brought"}
    assert BROUGHT in "".join(application.got)


@pytest.mark.parametrize("verbosity", ["-q", "-v", "-vv"])
def test_the_console_shows_none(run: Run, verbosity: str) -> None:
    result = run(verbosity)
    assert "refused" in result.err
    assert leaked(result.err, SECRETS) == []
    assert leaked(result.out, GIVEN_SECRETS) == []


@pytest.mark.parametrize("form", ["json", "junit", "html"])
def test_no_report_shows_one(run: Run, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"report.{form}"
    result = run("--report", f"{form}={file}", "--check", "warn")
    text = file.read_text("utf-8")
    assert "refused" in text
    assert leaked(text + html.unescape(text) + result.err, SECRETS) == []


def test_neither_a_cassette_nor_its_replay_holds_one(
    run: Run, arazzo: Arazzo, words: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "cassette.yaml"
    result = run("--record", str(file))
    text = file.read_text("utf-8")
    assert "messages:" in text
    assert leaked(text + text.replace("\n", "").replace(" ", "") + result.err, SECRETS) == []
    replayed = arazzo("run", *words, "-vv", "--replay", str(file))
    assert leaked(replayed.out + replayed.err, SECRETS) == []


def test_no_journal_holds_one(run: Run, arazzo: Arazzo, tmp_path: Path) -> None:
    journal = ["--journal", str(tmp_path / "journals" / "runs.db")]
    result = run("--durable", *journal)
    files = [file for file in (tmp_path / "journals").rglob("*") if file.is_file()]
    assert files
    text = "".join(file.read_bytes().decode("latin-1") for file in files)
    as_latin = {name: secret.encode().decode("latin-1") for name, secret in SECRETS.items()}
    (listed,) = json.loads(arazzo("runs", *journal, "--json").out)
    shown = [arazzo("runs", "show", listed["runId"], *journal, *more) for more in ((), ("--json",), ("-v",))]
    told = "".join(one.out + one.err for one in (result, *shown))
    assert "refused" in told
    assert leaked(text, SECRETS) + leaked(text, as_latin) + leaked(told.replace(result.out, ""), SECRETS) == []


def test_neither_a_dry_run_nor_auth_shows_one(arazzo: Arazzo, words: list[str]) -> None:
    shown = [arazzo("run", *words, "--dry-run"), arazzo("run", *words, "--dry-run", "--json")]
    shown += [arazzo("auth", words[0], *words[-2:]), arazzo("auth", words[0], *words[-2:], "--json")]
    for result in shown:
        assert result.status == 0, result.err
        assert leaked(result.out + result.err, SECRETS) == []


def test_listening_shows_none(application: EchoingApplication, tmp_path: Path) -> None:
    path = application.write(tmp_path, fails=False)
    events = str(Path(path).with_name("events.json"))
    for more in ((), ("--json",)):
        command = [sys.executable, "-m", "arazzo_runner", "listen", events, "echo", "--auth", f"user={USER_PASSWORD}"]
        listener = subprocess.Popen(
            [*command, "--count", "1", *more], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert listener.stderr is not None
        first = listener.stderr.readline()
        assert "listening at" in first
        credentials = gather_credentials([f"user={USER_PASSWORD}"], None, {})
        Runner(load(path), options=RunOptions(credentials=credentials)).run(inputs=GIVEN)
        out, err = listener.communicate(timeout=60)
        assert "received" in out
        # What the run had sent, the listener does not know as secret; what has a secret's name it does.
        told = {"broker": PASSWORD, "brought": BROUGHT, "apiToken": GIVEN["apiToken"]}
        assert leaked(first + out + err, told) == []


@pytest.mark.parametrize("more", [(), ("-vv",), ("--json",)])
def test_no_error_of_a_connection_shows_one(
    arazzo: Arazzo, application: EchoingApplication, words: list[str], more: tuple[str, ...]
) -> None:
    wrong = "wr0ng+pass/word of ada"
    server = application.server
    in_url = f"{server.plain}://{USER}:{quote(wrong, safe='')}@127.0.0.1"
    without = words[:-2]
    for given in (
        ["--auth", f"user={USER}:{wrong}"],
        ["--server", f"events={in_url}:{server.port}"],
        ["--server", f"events={in_url}:9"],
    ):
        result = arazzo("run", *without, *given, *more)
        assert result.status == 1
        assert "transport" in result.out + result.err
        assert leaked(result.out + result.err, {**SECRETS, "wrong": wrong}) == []


def test_no_error_of_a_broker_that_goes_away_shows_one(arazzo: Arazzo, tmp_path: Path) -> None:
    pytest.importorskip("nats")
    with running(Nats, tmp_path, secured=True) as server:
        echoing = EchoingApplication(server)
        path = echoing.write(tmp_path)
        process = subprocess.Popen(
            [sys.executable, "-m", "arazzo_runner", "run", path, *INPUTS, *AUTH, "-vv", "--timeout", "6"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "say" in line:
                break
        server.kill()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert leaked("".join(said) + out + err, SECRETS) == []


def test_no_exception_and_no_representation_has_one(application: EchoingApplication, tmp_path: Path) -> None:
    told: list[str] = []
    credentials = gather_credentials([f"user={USER_PASSWORD}"], None, {})
    runner = Runner(
        load(application.write(tmp_path)),
        options=RunOptions(credentials=credentials),
        listeners=[lambda event: told.append(repr(event))],
    )
    result = runner.run(inputs=GIVEN)
    with pytest.raises(Exception, match="refused") as raised:
        result.raise_for_failure()
    shown = [repr(runner), repr(credentials), repr(result), *told, str(raised.value), *map(str, result.problems)]
    shown += [repr(attempt) for attempt in result.attempts]
    assert leaked("".join(shown), SECRETS) == []


@needs_temporal
@pytest.mark.slow
def test_no_history_of_a_cluster_holds_one(
    arazzo: Arazzo, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with temporal_server(tmp_path) as cluster:
        given = {
            "ARAZZO_ENGINE": cluster.engine,
            "ARAZZO_ENGINE_KEY": str(tmp_path / "engine.key"),
            "ARAZZO_NO_CACHE": "1",
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        with Workers(given) as workers:
            worker = workers.start()
            result = arazzo("run", *words)
            assert (result.status, "refused" in result.err) == (1, True), result.err
            found = re.search(r"^run (\w+) on temporal://", result.err, re.MULTILINE)
            assert found is not None
            shown = arazzo("runs", "show", found[1], "-v")
            workers.kill(worker)
            assert worker.stderr is not None
            log = worker.stderr.read()
        kept = cluster.raw().decode("latin-1")
    as_latin = {name: secret.encode().decode("latin-1") for name, secret in SECRETS.items()}
    assert leaked(result.err + shown.out + shown.err + log, SECRETS) == []
    assert leaked(kept, SECRETS) + leaked(kept, as_latin) == []
    assert "arazzo-receive" in kept


def test_no_page_shows_one(application: EchoingApplication, tmp_path: Path) -> None:
    document = application.write(tmp_path)
    variables = {"ARAZZO_INPUT_apiToken": GIVEN["apiToken"], "BROKER": USER_PASSWORD, "NO_COLOR": "1"}
    with (
        web_process(tmp_path, document, "--allow-run", "--auth", "user=env:BROKER", **variables) as server,
        server.client() as client,
    ):
        seen = [client.get("/").text, client.get("/workflows/whisper").text]
        form = {"input.password": GIVEN["password"], "input.pin": GIVEN["pin"], "action": "run"}
        seen.append(client.post("/workflows/whisper/run", data={**form, "action": "dry-run"}).text)
        started = client.post("/workflows/whisper/run", data=form)
        assert started.status_code == 303, started.text
        run = urlsplit(started.headers["location"]).path
        until(lambda: "badge running" not in client.get(run).text)
        parts = ("", "/attempts/1", "/attempts/2", "/attempts/4", "/reasons/4")
        seen += [client.get(run + part).text for part in parts]
        links = re.findall(r'(?:href|data-load|data-later)="(/runs/[^"#]*)"', "".join(seen))
        seen += [client.get(html.unescape(link)).text for link in dict.fromkeys(links)]
    text = "".join(seen)
    assert "refused" in text
    assert len(links) > 3
    log = server.log.read_text("utf-8").replace(server.address, "")
    assert leaked(text + html.unescape(text) + log, SECRETS) == []
    assert os.environ.get("BROKER") is None
