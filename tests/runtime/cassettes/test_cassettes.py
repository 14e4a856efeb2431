"""Cassettes: what is written, what is read, and what a replay does with a request that is not the recorded one."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import httpx
import pytest
import vcr
from vcr.persisters.filesystem import FilesystemPersister
from vcr.request import Request as VcrRequest
from vcr.serializers import yamlserializer

from arazzo_runner.effects import MASK, Answered, Failed, Request, Response, Send
from arazzo_runner.errors import CassetteError
from arazzo_runner.runtime.cases.files import read_case
from arazzo_runner.runtime.cassettes.differences import compare
from arazzo_runner.runtime.cassettes.format import read_cassette
from arazzo_runner.runtime.cassettes.recording import Recorder
from arazzo_runner.runtime.cassettes.replay import Replay
from arazzo_runner.runtime.runners.runner import Runner
from arazzo_runner.runtime.secrets.redaction import Redactor
from tests.servers.inference_endpoints import InferenceEndpointsEmulator
from tests.servers.record_cassettes import (
    CASSETTES,
    PUBLIC_URL,
    REAL_SERVER,
    SCENES,
    SIZED,
    TOKEN,
    WORKFLOWS,
    record,
)
from tests.support.repository import ROOT

SECRET = "hf_theSecretOfTheTests"


def redactor() -> Redactor:
    knows = Redactor()
    knows.learn(SECRET)
    return knows


def request(url: str = "https://api.example/a?b=1", body: bytes | None = None, method: str = "GET") -> Request:
    return Request(method, url, (("Authorization", f"Bearer {SECRET}"), ("X-Seen", SECRET)), body)


def written(path: Path, *pairs: tuple[Request, Response], knows: Redactor | None = None) -> str:
    with Recorder(path, knows or redactor(), comment="A comment.\nOf two lines.") as recorder:
        for one, response in pairs:
            recorder.add(one, response)
    return path.read_text("utf-8")


OK = Response(200, (("Content-Type", "application/json"), ("Content-Length", "7")), b'{"a":1}')


def test_secrets_are_masked_when_written(tmp_path: Path) -> None:
    posted = request(f"https://api.example/{SECRET}?t={SECRET}", f'{{"token": "{SECRET}"}}'.encode(), "POST")
    answer = Response(200, (("Set-Cookie", f"sid={SECRET}; Path=/"),), f'{{"echo": "{SECRET}"}}'.encode())
    text = written(tmp_path / "c.yaml", (posted, answer))
    assert SECRET not in text
    assert text.count(MASK) >= 5
    assert text.startswith("# A comment.\n# Of two lines.\n")


def test_what_turns_out_to_be_a_secret_is_masked_in_what_was_recorded_before(tmp_path: Path) -> None:
    path, knows = tmp_path / "c.yaml", redactor()
    with Recorder(path, knows) as recorder:
        recorder.add(request(), Response(200, (("Content-Type", "text/plain"),), b"a-token-that-a-login-returned"))
        later = Request("GET", "https://api.example/b", (("Authorization", "Bearer a-token-that-a-login-returned"),))
        knows.learn_request(later)
        recorder.add(later, OK)
    assert "a-token-that" not in path.read_text("utf-8")
    assert read_cassette(path).interactions[0].response.body == MASK.encode()


def test_a_case_that_no_yaml_can_hold_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "c.yaml", redactor())
    recorder.describe({"outputs": {"a": "\ud800"}})
    with pytest.raises(CassetteError, match="an output holds half of a character"), recorder:
        recorder.add(request(), OK)
    assert not list(tmp_path.iterdir())


def test_the_same_traffic_gives_the_same_file(tmp_path: Path) -> None:
    assert written(tmp_path / "a.yaml", (request(), OK)) == written(tmp_path / "b.yaml", (request(), OK))


def test_an_interrupted_recording_leaves_the_older_cassette_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    before = written(path, (request(), OK))
    recorder = Recorder(path, redactor())
    with recorder:
        recorder.add(request("https://api.example/other"), OK)
        assert path.read_text("utf-8") == before
    assert "other" in path.read_text("utf-8")
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_without_requests_gives_an_empty_cassette(tmp_path: Path) -> None:
    written(tmp_path / "c.yaml")
    assert read_cassette(tmp_path / "c.yaml").interactions == ()


def test_bodies_that_are_no_text_come_back(tmp_path: Path) -> None:
    picture = bytes(range(256))
    written(tmp_path / "c.yaml", (request(body=picture, method="POST"), Response(200, (), picture)))
    (interaction,) = read_cassette(tmp_path / "c.yaml").interactions
    assert interaction.request.body == interaction.response.body == picture


ASKED = "request: {method: GET, uri: x}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nothing: here", "not a cassette"),
        ("[1, 2", "cannot be read as YAML"),
        ("interactions: [{request: {method: GET}}]", "interaction 1"),
        ("interactions: [null]", "interaction 1 .* it is not an object"),
        ("interactions: [{request: 5, response: 5}]", "its request is not an object"),
        (f"interactions:\n- {ASKED}\n  response: {{status: {{code: x}}}}", "its status code 'x' is not a number"),
        (f"interactions:\n- {ASKED}\n  response: {{status: {{code: .inf}}}}", "its status code 'inf' is not a number"),
        (f"interactions:\n- {ASKED}\n  response: {{status: 200}}", "its status is not an object"),
        (f"interactions:\n- {ASKED}\n  response: {{headers: [a]}}", "what it has for headers is not an object"),
        (f"interactions:\n- {ASKED}\n  response: {{body: text}}", "the body of its response is not an object"),
        (f"interactions:\n- {ASKED}\n  response: {{body: {{string: !!set {{a}}}}}}", "neither text nor plain data"),
    ],
)
def test_what_is_no_cassette_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(CassetteError, match=says):
        read_cassette(path)
    with pytest.raises(CassetteError, match="No such file"):
        read_cassette(tmp_path / "nowhere.yaml")


BOMBS = ROOT / "tests" / "fuzz" / "corpus" / "cassette"


def test_aliases_that_stand_for_too_much_are_refused_by_the_file() -> None:
    bomb = BOMBS / "alias-bomb.yaml"
    for read in (read_cassette, read_case):
        with pytest.raises(CassetteError, match=rf"{bomb.name} .*: its aliases stand for more than 1,000,000"):
            read(bomb)


def test_objects_that_merge_one_another_stay_small(tmp_path: Path) -> None:
    case = read_case(BOMBS / "merge-bomb.yaml")
    assert case is not None
    assert case.inputs["l11"] == {"a": 1}
    large = "{" + ", ".join(f"k{n}: 1" for n in range(10_001)) + "}"
    path = tmp_path / "c.yaml"
    path.write_text(f"large: &large {large}\nmerged: {{<<: *large}}\ninteractions: []\n", "utf-8")
    with pytest.raises(CassetteError, match="more than 10,000 members"):
        read_cassette(path)


def test_aliases_of_what_was_recorded_are_read(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    body = "body: &body {string: '" + "x" * 1000 + "'}"
    answer = "response: {status: {code: 200}, body: *body}"
    first = f"- {ASKED}\n  response: {{status: {{code: 200}}, {body}}}\n"
    path.write_text("interactions:\n" + first + f"- {ASKED}\n  {answer}\n" * 900, "utf-8")
    assert {one.response.body for one in read_cassette(path).interactions} == {b"x" * 1000}


def replay(path: Path, *pairs: tuple[Request, Response]) -> Replay:
    written(path, *pairs)
    return Replay(read_cassette(path), redactor())


def test_a_replay_matches_masked_requests_whatever_their_host(tmp_path: Path) -> None:
    world = replay(tmp_path / "c.yaml", (request(f"https://api.example/{SECRET}?b=1&a=2"), OK))
    answer = world.send(Send(request(f"http://127.0.0.1:1/{SECRET}?a=2&b=1")))
    assert isinstance(answer, Answered)
    assert answer.response.body == OK.body
    assert not world.unused


def test_interactions_are_used_once_and_in_order(tmp_path: Path) -> None:
    first, second = request("https://a/1"), request("https://a/2")
    world = replay(tmp_path / "c.yaml", (first, OK), (second, OK))
    early = world.send(Send(second))
    assert isinstance(early, Failed)
    assert early.code == "replay-miss"
    assert "the path is /2, recorded /1" in early.message
    assert isinstance(world.send(Send(first)), Answered)
    assert len(world.unused) == 1
    assert isinstance(world.send(Send(second)), Answered)
    again = world.send(Send(second))
    assert isinstance(again, Failed)
    assert "no further interaction" in again.message
    assert "was used already" in again.message


@pytest.mark.parametrize(
    ("live", "recorded", "differences"),
    [
        (Request("GET", "https://a/x?b=1"), Request("GET", "http://b/x?b=1"), []),
        (Request("PUT", "https://a/x"), Request("GET", "https://a/x"), ["the method is PUT, recorded GET"]),
        (Request("GET", "https://a/x?b=1"), Request("GET", "https://a/x"), ["the query is b=1, recorded empty"]),
        (
            Request("POST", "https://a/", (), b'{"a": 1, "c": [1, 2]}'),
            Request("POST", "https://a/", (), b'{"a": 2, "b": null, "c": [1, 3]}'),
            [
                "the body /a is 1, recorded 2",
                "the body /c/1 is 2, recorded 3",
                "the body /b is absent, recorded null",
            ],
        ),
        (Request("POST", "https://a/", (), b'{"a":1}'), Request("POST", "https://a/", (), b'{ "a": 1 }'), []),
        (Request("POST", "https://a/", (), b"x"), Request("POST", "https://a/"), ['the body is "x", recorded empty']),
    ],
)
def test_differences_are_shown_member_by_member(live: Request, recorded: Request, differences: list[str]) -> None:
    assert list(map(str, compare(live, recorded))) == differences


# vcrpy reads ours, and we read vcrpy's


def test_vcrpy_reads_our_cassettes() -> None:
    for path in sorted(CASSETTES.rglob("*.yaml")):
        requests, responses = FilesystemPersister.load_cassette(path, yamlserializer)
        ours = read_cassette(path).interactions
        assert [(r.method, r.uri) for r in requests] == [(i.request.method, i.request.url) for i in ours]
        assert [r["status"]["code"] for r in responses] == [i.response.status for i in ours]
        assert [r["body"]["string"] for r in responses] == [i.response.body for i in ours]


def test_we_read_what_vcrpy_writes(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"a": 1}')
    asked = VcrRequest("POST", "https://api.example/a", b"x=1", {"X-Y": "z"})
    answered: dict[str, Any] = {
        "status": {"code": 201, "message": "Created"},
        "headers": {"Content-Type": ["application/json"], "Content-Encoding": ["gzip"]},
        "body": {"string": packed},
    }
    path = tmp_path / "theirs.yaml"
    recorded = {"requests": [asked], "responses": [answered]}
    FilesystemPersister.save_cassette(path, recorded, yamlserializer)
    (interaction,) = read_cassette(path).interactions
    assert interaction.request == Request("POST", "https://api.example/a", (("X-Y", "z"),), b"x=1")
    assert interaction.response.status == 201
    assert interaction.response.body == b'{"a": 1}'


@pytest.mark.parametrize("name", SCENES)
def test_vcrpy_answers_plain_httpx_calls_from_our_cassettes(name: str) -> None:
    path = CASSETTES / SCENES[name].workflow / f"{name}.yaml"
    with vcr.VCR(record_mode="none").use_cassette(str(path)) as played, httpx.Client() as client:
        for interaction in read_cassette(path).interactions:
            asked = interaction.request
            answer = client.request(asked.method, asked.url, content=asked.body)
            assert (answer.status_code, answer.content) == (interaction.response.status, interaction.response.body)
        assert played.all_played


def test_we_replay_what_vcrpy_recorded_of_plain_httpx_calls(tmp_path: Path) -> None:
    path = tmp_path / "theirs.yaml"
    [create, *polls] = read_cassette(CASSETTES / "deploy-inference-endpoint" / "becomes-running.yaml").interactions
    with InferenceEndpointsEmulator(token=TOKEN, public_url=PUBLIC_URL) as emulator:
        asked = [(one.request, one.request.url.replace(REAL_SERVER, emulator.url)) for one in (create, *polls)]
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        with vcr.use_cassette(str(path), filter_headers=["authorization"]), httpx.Client(headers=headers) as client:
            for request, url in asked:
                assert client.request(request.method, url, content=request.body).is_success
    document = WORKFLOWS / "hugging-face-deploy-inference-endpoint-workflow.yml"
    result = Runner(document).run(inputs=SIZED, replay=path)
    assert result.raise_for_failure().outputs["state"] == "running"


# The cassettes of the project


@pytest.mark.parametrize("name", SCENES)
def test_recording_a_scene_again_gives_the_kept_cassette(name: str, tmp_path: Path) -> None:
    path = tmp_path / "cassette.yaml"
    record(name, path)
    kept = CASSETTES / SCENES[name].workflow / f"{name}.yaml"
    assert path.read_text("utf-8") == kept.read_text("utf-8")


def test_every_kept_cassette_is_one_of_the_scenes_and_says_where_it_comes_from() -> None:
    kept = {path.relative_to(CASSETTES) for path in CASSETTES.rglob("*.yaml")}
    of_services = {Path("place-order", "shipped.yaml"), Path("ask-price", "tea.yaml")}  # those of docs/examples
    of_scenes = {Path(scene.workflow) / f"{name}.yaml" for name, scene in SCENES.items()}
    assert kept == of_scenes | of_services
    for path in of_scenes:
        text = (CASSETTES / path).read_text("utf-8")
        assert "# Recorded from the emulator in tests/servers, not from the real service." in text
        assert "hf_" not in text
