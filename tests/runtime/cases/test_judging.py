"""Recorded cases: each thing that can be wrong with one fails with a message that names the culprit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arazzo_runner.effects import MASK
from arazzo_runner.errors import CassetteError, UsageError
from arazzo_runner.runtime.cases.files import case_files, read_case
from arazzo_runner.runtime.cases.judging import Bench, CaseResult
from arazzo_runner.runtime.cases.many_cases import BATCH, judge_cases
from tests.support.contract_cases import ARAZZO, OPENAPI, SECRETS, edit, project, record, usual


def judged(path: Path) -> CaseResult:
    result = Bench().test(path)
    assert result is not None
    for failure in result.failures:
        for secret in SECRETS:
            assert secret not in repr(failure)
    return result


def failed(path: Path) -> dict[str, str]:
    """The failures by code, each as one text."""
    return {failure.code: "\n".join([failure.message, *failure.details]) for failure in judged(path).failures}


def test_a_case_passes_and_says_what_it_exercised(tmp_path: Path) -> None:
    result = judged(record(tmp_path))
    assert result.passed
    assert not result.remarks
    assert (result.id, result.requests) == ("fetch::usual", 2)
    shares = {kind: result.coverage.share(kind) for kind in ("steps", "actions", "operations", "statuses")}
    assert shares == {"steps": (2, 2), "actions": (1, 2), "operations": (2, 3), "statuses": (2, 3)}
    assert [item.name for item in result.coverage.missed("operations")] == ["unused"]
    assert [item.name for item in result.coverage.missed("statuses")] == ["login: 401"]
    assert [item.name for item in result.coverage.missed("actions")] == ["fetch: login: never"]


def test_a_case_holds_no_secret_and_is_the_same_when_it_is_recorded_again(tmp_path: Path) -> None:
    path = record(tmp_path)
    text = path.read_text("utf-8")
    for secret in SECRETS:
        assert secret not in text
    assert record(tmp_path).read_text("utf-8") == text
    case = read_case(path)
    assert case is not None
    assert case.inputs == {"password": MASK, "id": 7}
    assert case.outputs == {"made": "2026-01-01T00:00:00Z", "token": MASK}


def test_a_changed_request(tmp_path: Path) -> None:
    path = record(tmp_path)
    project(tmp_path / "workflows", arazzo=ARAZZO.replace("payload: {password:", "payload: {user: me, password:"))
    found = failed(path)
    assert list(found) == ["changed-request"]
    assert (
        "step login: the request POST https://api.example/v1/login is not the one recorded" in found["changed-request"]
    )
    assert 'the body /user is "me", recorded absent' in found["changed-request"]
    place = judged(path).failures[0].place
    assert place is not None
    assert place.path.endswith("things.arazzo.yaml")
    assert place.line > 0


VERSION = "- {name: X-Version, in: header, value: TWO}"
COOKIE = "- {name: sid, in: cookie, value: bbbb}"


def with_headers(tmp_path: Path, recorded: dict[str, str], *parameters: str, body: str = "") -> Path:
    """A case whose steps, after it was recorded, have more parameters in its document, and headers in its file."""
    path = record(tmp_path)
    bearer = "- {name: Authorization, in: header, value: 'Bearer {$steps.login.outputs.token}'}"
    arazzo = ARAZZO.replace(bearer, "\n          ".join([bearer, *parameters]))
    project(tmp_path / "workflows", arazzo=arazzo.replace("requestBody: {", f"requestBody: {{{body}"))
    edit(path, lambda data: data["interactions"][1]["request"]["headers"].update({n: [v] for n, v in recorded.items()}))
    return path


@pytest.mark.parametrize(
    ("recorded", "parameters", "says"),
    [
        ({"X-Version": "ONE"}, [VERSION], 'the header X-Version is "TWO", recorded "ONE"'),
        ({}, [VERSION], 'the header X-Version is "TWO", recorded absent'),
        ({"X-Version": "ONE"}, [], 'the header X-Version is absent, recorded "ONE"'),
        ({}, [COOKIE], f'the header Cookie is "sid={MASK}", recorded absent'),
        ({"Cookie": f"other={MASK}"}, [COOKIE], f'the header Cookie is "sid={MASK}", recorded "other={MASK}"'),
        ({"Cookie": MASK}, [], f'the header Cookie is absent, recorded "{MASK}"'),
        ({"Accept": "a/b"}, ["- {name: Accept, in: header, value: a/c}"], 'the header Accept is "a/c", recorded "a/b"'),
        (
            {"X-Id": f"1-{MASK}"},
            ["- {name: X-Id, in: header, value: 2-x}"],
            f'the header X-Id is "2-x", recorded "1-{MASK}"',
        ),
    ],
)
def test_a_changed_header(tmp_path: Path, recorded: dict[str, str], parameters: list[str], says: str) -> None:
    found = failed(with_headers(tmp_path, recorded, *parameters))
    assert found["changed-request"].splitlines()[1:] == [says]


def test_a_changed_content_type(tmp_path: Path) -> None:
    path = with_headers(tmp_path, {}, body="contentType: application/vnd.things+json, ")
    says = 'the header Content-Type is "application/vnd.things+json", recorded "application/json"'
    assert says in failed(path)["changed-request"]


def test_an_authorization_that_is_not_sent_any_more(tmp_path: Path) -> None:
    path = record(tmp_path)
    project(tmp_path / "workflows", arazzo=ARAZZO.replace("name: Authorization", "name: X-Other"))
    assert f'the header Authorization is absent, recorded "{MASK}"' in failed(path)["changed-request"]


@pytest.mark.parametrize(
    ("recorded", "parameters"),
    [
        ({"x-version": " TWO "}, [VERSION]),
        ({"Cookie": MASK}, [COOKIE]),
        ({"Cookie": f"sid={MASK}"}, [COOKIE]),
        ({"X-Version": MASK}, [VERSION]),
        ({"X-Version": f"T{MASK}"}, [VERSION]),
        (
            {
                "User-Agent": "python-requests/2.32",
                "Accept": "*/*",
                "Accept-Encoding": "gzip",
                "Connection": "keep-alive",
            },
            [],
        ),
        ({"Content-Type": "text/plain", "Content-Length": "0", "Host": "api.example"}, []),
        ({"Host": "other.example"}, ["- {name: Host, in: header, value: api.example}"]),
    ],
)
def test_headers_that_are_masked_or_no_decision_of_the_workflow(
    tmp_path: Path, recorded: dict[str, str], parameters: list[str]
) -> None:
    assert judged(with_headers(tmp_path, recorded, *parameters)).passed


def test_what_the_runner_adds_and_a_recording_does_not_have(tmp_path: Path) -> None:
    path = record(tmp_path)
    for number in (0, 1):
        edit(path, lambda data, number=number: data["interactions"][number]["request"]["headers"].pop("Accept"))  # type: ignore[misc]
    edit(path, lambda data: data["interactions"][0]["request"]["headers"].pop("Content-Type"))
    assert judged(path).passed


def test_a_missing_interaction(tmp_path: Path) -> None:
    path = record(tmp_path)
    edit(path, lambda data: data["interactions"].pop())
    found = failed(path)
    assert list(found) == ["missing-interaction"]
    assert (
        "step fetch: the recording has no interaction for GET https://api.example/v1/things/7"
        in found["missing-interaction"]
    )


def test_an_interaction_that_nothing_asks_for(tmp_path: Path) -> None:
    path = record(tmp_path)
    edit(path, lambda data: data["interactions"].append(data["interactions"][1]))
    assert "interaction 3: GET https://api.example/v1/things/7" in failed(path)["unused-interaction"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((202, {"id": 7}), "step fetch: response status: 202 is not documented; documented are 200"),
        ((200, {"id": "seven"}), 'step fetch: response body /id: "seven" is not of type integer'),
        ((200, {}), "step fetch: response body: the required member id is not there"),
        ((200, {"id": 7, "made": "yesterday"}), 'step fetch: response body /made: "yesterday" is not a date-time'),
    ],
)
def test_an_answer_that_breaks_its_contract(tmp_path: Path, answer: tuple[int, Any], says: str) -> None:
    path = record(tmp_path, lambda url: usual(url) if url.endswith("/login") else answer)
    assert failed(path) == {"contract": f"an exchange is not as its description says\n{says}"}


def test_a_request_that_breaks_its_contract(tmp_path: Path) -> None:
    path = record(tmp_path)
    project(tmp_path / "workflows", openapi=OPENAPI.replace("required: [password]", "required: [user]"))
    assert "step login: request body: the required member user is not there" in failed(path)["contract"]


def test_a_request_that_the_api_calls_malformed_is_no_news(tmp_path: Path) -> None:
    openapi = OPENAPI.replace("required: [password]", "required: [user]").replace("'401': ", "'400': ")
    path = record(tmp_path, lambda url: (400, {}) if url.endswith("/login") else usual(url))
    project(tmp_path / "workflows", openapi=openapi)
    assert judged(path).passed


def test_outputs_that_are_other_missing_or_more_than_expected(tmp_path: Path) -> None:
    path = record(tmp_path)
    edit(path, lambda data: data["case"].update(outputs={"made": "never", "gone": 1}))
    assert failed(path)["outputs"].splitlines()[1:] == [
        'the output /made is "2026-01-01T00:00:00Z", expected "never"',
        f'the output /token is "{MASK}", expected absent',
        "the output /gone is absent, expected 1",
    ]


def test_an_end_other_than_expected(tmp_path: Path) -> None:
    path = record(tmp_path)
    edit(path, lambda data: data["case"].update(status="failed"))
    assert failed(path)["status"] == "the run succeeded; expected: failed"
    edit(path, lambda data: data["case"].update(status="succeeded"))
    edit(path, lambda data: data["interactions"][0]["response"]["status"].update(code=401))
    assert failed(path)["status"].startswith("the run failed (ended-by-failure-action); expected: succeeded")


def set_header(side: str, name: str, value: str) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["interactions"][1][side]["headers"].update({name: [value]})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data["case"]["inputs"].update(password=SECRETS[0]), "the input password"),
        (set_header("request", "Authorization", SECRETS[1]), "the request header Authorization of interaction 2"),
        (set_header("response", "Set-Cookie", f"sid={SECRETS[1]}"), "the response header Set-Cookie of interaction 2"),
        (
            lambda data: data["interactions"][0]["response"]["body"].update(
                string=json.dumps({"access_token": SECRETS[1]})
            ),
            "the response body of interaction 1",
        ),
        (
            lambda data: data["interactions"][1]["request"].update(
                uri=f"https://u:{SECRETS[1]}@api.example/v1/things/7"
            ),
            "the URL of interaction 2",
        ),
        (lambda data: data["case"].update(credentials={"key": {"token": SECRETS[1]}}), "the credential for key"),
    ],
)
def test_a_secret_in_a_case(tmp_path: Path, change: Callable[[dict[str, Any]], None], says: str) -> None:
    path = record(tmp_path)
    edit(path, change)
    assert failed(path)["secret"] == f"{says} holds a secret that is not masked"


def test_breaches_may_be_remarks_or_nothing(tmp_path: Path) -> None:
    path = record(tmp_path, lambda url: usual(url) if url.endswith("/login") else (202, {"id": 7}))
    edit(path, lambda data: data["case"].update(check="warn"))
    assert judged(path).passed
    assert any("202 is not documented" in remark for remark in judged(path).remarks)
    edit(path, lambda data: data["case"].update(check="off"))
    assert not any("documented" in remark for remark in judged(path).remarks)
    assert any("the output 'made' of the workflow 'fetch' has no value" in told for told in judged(path).remarks)  # D2


def test_a_case_whose_workflow_cannot_be_run(tmp_path: Path) -> None:
    path = record(tmp_path)
    (tmp_path / "workflows" / "things.openapi.yaml").unlink()
    assert "things.openapi.yaml" in failed(path)["unusable"]
    edit(path, lambda data: data["case"].pop("document"))
    assert "--workflows DIR" in judged(path).failures[0].hint


def test_a_workflow_is_looked_for_once_however_many_cases_it_has(tmp_path: Path) -> None:
    paths = [record(tmp_path, name=name) for name in ("a", "b", "c")]
    for path in paths:
        edit(path, lambda data: data["case"].pop("document"))
    looked_for: list[str] = []

    def find(workflow_id: str) -> str:
        looked_for.append(workflow_id)
        return str(tmp_path / "workflows" / "things.arazzo.yaml")

    bench = Bench(find)
    results = [bench.test(path) for path in paths]
    assert [result is not None and result.passed for result in results] == [True] * 3
    assert looked_for == ["fetch"]


@pytest.mark.parametrize(
    ("said", "says", "hint"),
    [
        ({"servers": {"zzz": "https://x.example"}}, "case/servers/zzz: there is no source desc", "there are things"),
        ({"sources": {"zzz": "x.yaml"}}, "case/sources/zzz: there is no source description 'zzz'", "there are things"),
        ({"serverVariables": {"zzz": {}}}, "case/serverVariables/zzz: there is no source", "there are things"),
        ({"serverVariables": {"": {"r": "x"}}}, "case/serverVariables//r: there is no server variable 'r'", "at all"),
    ],
)
def test_a_name_that_the_document_does_not_know(tmp_path: Path, said: Any, says: str, hint: str) -> None:
    path = record(tmp_path)
    edit(path, lambda data: data["case"].update(said))
    (failure,) = judged(path).failures
    assert failure.code == "unusable"
    assert says in failure.message
    assert hint in failure.hint
    assert failure.place is not None
    assert (failure.place.path, failure.place.line > 1) == (str(path), True)


def test_names_that_the_document_knows(tmp_path: Path) -> None:
    path = record(tmp_path)
    edit(path, lambda data: data["case"].update(servers={"things": "https://api.example/v1", "": "https://x.example"}))
    assert judged(path).passed


def test_inputs_that_no_longer_fit(tmp_path: Path) -> None:
    path = record(tmp_path)
    edit(path, lambda data: data["case"]["inputs"].update(id="seven"))
    assert "input id" in failed(path)["inputs"]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ([1], "case: it is not an object"),
        ({"inputs": [1]}, "case/inputs: it is not an object"),
        ({"status": "maybe"}, "case/status: 'maybe' is not one of succeeded, failed"),
        ({"outcome": {}}, "case/outcome: there is no such member"),
        ({"options": {"speed": 1}}, "case/options/speed: there is no such option"),
        ({"options": {"max_steps": "many"}}, "case/options/max_steps: it is not a whole number from 1"),
        ({"options": {"timeout": [1]}}, "case/options/timeout: it is not a number of seconds"),
        ({"options": {"max_retry_after": None}}, "case/options/max_retry_after: it is not a number of seconds"),
        ({"options": {"strict": "yes"}}, "case/options/strict: it is not true or false"),
        ({"credentials": {"key": {"pin": "x"}}}, "case/credentials/key: it is not an object of"),
        ({"credentials": {"key": {"token": 5}}}, "case/credentials/key/token: it is not text"),
        ({"servers": {"": 5}}, "case/servers/: it is not text"),
        ({"serverVariables": {"": {"port": 80}}}, "case/serverVariables//port: it is not text"),
        ({"sources": {"things": {}}}, "case/sources/things: it is not text"),
        ({"inputs": {7: "x"}}, "case/inputs/7: its name is not text"),
    ],
)
def test_a_malformed_case_says_where(tmp_path: Path, entry: Any, says: str) -> None:
    path = record(tmp_path)
    edit(path, lambda data: data.update(case=entry))
    with pytest.raises(CassetteError) as raised:
        read_case(path)
    assert raised.value.message.startswith(says)
    assert raised.value.place is not None
    assert raised.value.place.line > 0
    assert failed(path)["unusable"].startswith(says)


def test_inputs_that_json_cannot_hold_are_refused_and_aliases_are_not(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text("case: {inputs: &all {id: [*all]}}\ninteractions: []\n", "utf-8")
    assert failed(path)["unusable"] == "case/inputs/id/0: it holds itself"
    path.write_text("case: {inputs: {id: !!set {a, b}}}\ninteractions: []\n", "utf-8")
    assert failed(path)["unusable"] == "case/inputs/id: it is not plain data; put it in quotes"
    path.write_text("case: {inputs: {one: &it [1], other: [*it, *it]}}\ninteractions: []\n", "utf-8")
    case = read_case(path)
    assert case is not None
    assert case.inputs == {"one": [1], "other": [[1], [1]]}


def test_a_bare_date_is_text(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text("case: {inputs: {since: 2026-01-01, at: 2026-01-01T10:00:00Z}}\ninteractions: []\n", "utf-8")
    case = read_case(path)
    assert case is not None
    assert case.inputs == {"since": "2026-01-01", "at": "2026-01-01T10:00:00Z"}


def test_a_bare_cassette_is_no_case(tmp_path: Path) -> None:
    path = record(tmp_path)
    edit(path, lambda data: data.pop("case"))
    assert read_case(path) is None
    assert list(judge_cases([path], lambda _: None, jobs=1)) == []


def test_cases_are_found_once_and_in_order(tmp_path: Path) -> None:
    one, other = record(tmp_path, name="b"), record(tmp_path, name="a")
    assert list(case_files([tmp_path / "cassettes", one])) == [other, one]
    with pytest.raises(UsageError, match="there is no"):
        list(case_files([tmp_path / "nowhere"]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="there are no cases"):
        list(case_files([tmp_path / "empty"]))


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfcase: {}\ninteractions: []\n",
        b"  case: {}\n  interactions: []\n",
        b'{"interactions": [], "case": {}}',
        "case: {}\ninteractions: []\n".encode("utf-16"),
    ],
    ids=["byte-order mark", "indented", "flow", "UTF-16"],
)
def test_a_case_is_found_however_its_yaml_is_written(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "case.yaml"
    path.write_bytes(content)
    assert list(case_files([tmp_path])) == [path]
    assert read_case(path) is not None


@pytest.mark.parametrize("content", ["", "cas", "[", "# Recorded: by hand.\n", "\0\0\0\0"])
def test_a_case_that_was_emptied_or_cut_short_is_told_and_not_passed_over(tmp_path: Path, content: str) -> None:
    path = record(tmp_path)
    path.write_text(content, "utf-8")
    assert list(case_files([tmp_path / "cassettes"])) == [path]
    assert str(path) in failed(path)["unusable"]


@pytest.mark.parametrize("content", ["interactions: []\nversion: 1\n", "openapi: 3.1.0\n", "- name: other\n"])
def test_a_file_of_something_else_is_passed_over(tmp_path: Path, content: str) -> None:
    path = record(tmp_path)
    path.with_name("other.yaml").write_text(content, "utf-8")
    assert list(case_files([tmp_path / "cassettes"])) == [path]


def test_a_file_that_cannot_be_read_is_told_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record(tmp_path)

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert list(case_files([tmp_path / "cassettes"])) == [path]
    assert "cannot be read: Permission denied" in failed(path)["unusable"]


def test_many_cases_in_several_processes_give_the_same_in_the_same_order(tmp_path: Path) -> None:
    text = record(tmp_path).read_text("utf-8")
    paths = [tmp_path / "cassettes" / "fetch" / f"c{number:03}.yaml" for number in range(2 * BATCH + 3)]
    for path in paths:
        path.write_text(text, "utf-8")
    edit(paths[7], lambda data: data["case"].update(outputs={}))
    alone = list(judge_cases(paths, _nowhere, jobs=1))
    together = list(judge_cases(paths, _nowhere, jobs=2))
    assert [(one.id, one.failures) for one in together] == [(one.id, one.failures) for one in alone]
    assert len(together) == len(paths)
    stopped = list(judge_cases(paths, _nowhere, jobs=2, stop_at_failure=True))
    assert [result.passed for result in stopped] == [True] * 7 + [False]


def _nowhere(_: str) -> None:
    return None
