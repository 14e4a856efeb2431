"""Documents that mean harm: each ends in a clear answer, quickly and in little memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.support.confined import confined
from tests.support.http_server import answering, serving
from tests.support.small_documents import API, STEP, document, write

pytestmark = pytest.mark.slow

HEAD = (
    "arazzo: 1.0.1\ninfo: {title: t, version: '1'}\nsourceDescriptions: [{name: api, url: api.json, type: openapi}]\n"
)


def alias_bomb() -> str:
    levels = "".join(f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    return f"{HEAD}x-bomb:\n  l0: &l0 [lol]\n{levels}workflows: []\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (alias_bomb(), "alias"),
        (f"{HEAD}x: &a [*a]\nworkflows: []\n", "alias"),
        ("[" * 100_000, "deep"),
        (f"{HEAD}x: {'[' * 5000}{']' * 5000}\n", "depth"),
        (json.dumps(document()).replace('"title"', '"deep": ' + "[" * 50_000 + "]" * 50_000 + ', "title"'), "deep"),
        (f"{HEAD}x: {'9' * 100_000}\nworkflows: []\n", ""),
        (f"{HEAD}x: 1e999999999\nworkflows: []\n", ""),
        (b"\xff\xfe\x00\x00" + b"a" * 1000, ""),
        (f"{HEAD}? {'{a: ' * 500}1{'}' * 500}\n: 1\n", ""),
        ("a: 1\n" * 200_000, "duplicate"),
        ("!!python/object/apply:os.system ['true']\n", ""),
    ],
    ids=[
        "aliases",
        "own alias",
        "depth",
        "depth in yaml",
        "depth in json",
        "number",
        "exponent",
        "utf-32",
        "key",
        "keys",
        "tag",
    ],
)
def test_a_document_that_is_a_bomb(tmp_path: Path, text: str | bytes, says: str) -> None:
    result = confined("validate", write(tmp_path, text))
    assert result.status in (1, 2)
    assert says in (result.out + result.err).lower()


def chain(count: int) -> dict[str, Any]:
    """Schemas each of which is a reference to the next."""
    schemas: dict[str, Any] = {f"S{n}": {"$ref": f"#/components/schemas/S{n + 1}"} for n in range(count)}
    schemas[f"S{count}"] = {"type": "string"}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}
    operation = {"operationId": "o", "requestBody": body, "responses": {"200": {"description": "ok"}}}
    return {**API, "paths": {"/a": {"post": operation}}, "components": {"schemas": schemas}}


def cyclic() -> dict[str, Any]:
    """References that lead in circles, of parameters, path items and schemas."""
    made = chain(1)
    made["components"]["schemas"]["S1"] = {"$ref": "#/components/schemas/S0"}
    made["components"]["parameters"] = {"P": {"$ref": "#/components/parameters/P"}}
    made["paths"]["/a"]["post"]["parameters"] = [{"$ref": "#/components/parameters/P"}]
    made["paths"]["/b"] = {"$ref": "#/paths/~1c"}
    made["paths"]["/c"] = {"$ref": "#/paths/~1b"}
    return made


def wide(count: int) -> dict[str, Any]:
    """A schema with very many properties, each with the whole schema in it again."""
    made = chain(0)
    properties = {f"p{n}": {"$ref": "#/components/schemas/S0"} for n in range(count)}
    made["components"]["schemas"]["S0"] = {
        "type": "object",
        "properties": properties,
        "allOf": [{"$ref": "#/components/schemas/S0"}],
    }
    return made


@pytest.mark.parametrize("api", [chain(20_000), cyclic(), wide(20_000)], ids=["chain", "circles", "wide"])
@pytest.mark.parametrize("verb", ["validate", "run"])
def test_a_description_that_is_a_maze(tmp_path: Path, api: dict[str, Any], verb: str) -> None:
    words = ["--dry-run", "--check", "error"] if verb == "run" else []
    confined(verb, write(tmp_path, document(), api), *words)


def test_thousands_of_workflows_that_call_one_another(tmp_path: Path) -> None:
    called = [{"workflowId": f"w{n}", "steps": [{"stepId": "s", "workflowId": f"w{n + 1}"}]} for n in range(3000)]
    last = {"workflowId": "w3000", "steps": [STEP]}
    result = confined("run", write(tmp_path, document(*called, last)), "w0")
    assert result.status == 1
    assert "50" in result.err  # F6


def test_workflows_that_depend_in_a_circle(tmp_path: Path) -> None:
    many = [{"workflowId": f"w{n}", "dependsOn": [f"w{(n + 1) % 2000}"], "steps": [STEP]} for n in range(2000)]
    result = confined("run", write(tmp_path, document(*many)), "w0")
    assert result.status == 2


@pytest.mark.parametrize(("last", "status"), [([], 1), (["s0"], 2)])
def test_thousands_of_steps_that_depend_on_one_another(tmp_path: Path, last: list[str], status: int) -> None:
    steps = [{**STEP, "stepId": f"s{n}", "dependsOn": [f"s{n + 1}"]} for n in range(3000)]
    steps.append({**STEP, "stepId": "s3000", **({"dependsOn": last} if last else {})})
    path = write(tmp_path, document({"workflowId": "w", "steps": steps}, arazzo="1.1.0"))
    assert confined("run", path).status == status
    assert confined("validate", path).status == (1 if last else 0)


def test_a_document_that_is_a_source_of_itself(tmp_path: Path) -> None:
    sources = [
        {"name": "self", "url": "w.yaml", "type": "arazzo"},
        {"name": "api", "url": "api.json", "type": "openapi"},
    ]
    step = {"stepId": "s", "workflowId": "$sourceDescriptions.self.w"}
    path = write(tmp_path, document({"workflowId": "w", "steps": [step]}, sourceDescriptions=sources))
    assert confined("validate", path).status in (0, 1)
    assert confined("run", path).status == 1


BOMBS = [
    {"context": "$inputs.text", "condition": "^(a+)+$", "type": "regex"},
    {"context": "$inputs.text", "condition": "(a|aa)+$", "type": "regex"},
    {"context": "$inputs.data", "condition": "$" + "..*" * 8 + "[?@.nosuch]", "type": "jsonpath"},
    {"context": "$inputs.data", "condition": "$[?search(@, '(a+)+b')]", "type": "jsonpath"},
    {"context": "$inputs.data", "condition": "$" + "[?@" * 200, "type": "jsonpath"},
    {"condition": "(" * 10_000 + "true" + ")" * 10_000},
    {"condition": "!" * 100_000 + "true"},
    {"condition": " && ".join(["true"] * 50_000)},
    {"context": "$inputs.xml", "condition": "//a" + "[//a" * 50 + "]" * 50, "type": "xpath"},
    {
        "context": "$inputs.xml",
        "condition": "//a" + "[.//a" * 12 + "[@x]" + "]" * 12,
        "type": {"type": "xpath", "version": "xpath-10"},
    },
    {"context": "$inputs.text", "condition": "(?:(?:(?:a?){1000}){1000}){1000}$", "type": "regex"},
    {"context": "$inputs.xml", "condition": f"matches('{'a' * 60}!', '^(a|aa)+$')", "type": "xpath"},
    {"context": "$inputs.xml", "condition": "count(1 to 10000000000) > 1", "type": "xpath"},
    {
        "context": "$inputs.xml",
        "condition": "count(for $a in 1 to 100000, $b in 1 to 100000 return 1) > 1",
        "type": "xpath",
    },
    *(
        {
            "context": "$inputs.xml",
            "condition": f"fold-left(1 to 60, {start}, function($a, $b) {{ {step} }})",
            "type": "xpath",
        }
        for start, step in (
            ("'a'", "concat($a, $a)"),
            ("10", "$a * $a"),
            ("(1, 2)", "($a, $a)"),
            ("[1]", "array:join(($a, $a))"),
        )
    ),
    {"context": "$inputs.xml", "condition": "count(distinct-values(1 to 300000)) > 1", "type": "xpath"},
    *(
        {
            "context": "$inputs.data",
            "condition": query,
            "type": {"type": "jsonpath", "version": "draft-goessner-dispatch-jsonpath-00"},
        }
        for query in (
            "$..x[?(@ =~ '^(a|aa)+$')]",
            "$..x.`sub(/^(a|aa)+$/, b)`",
            "$" + "..*" * 8,
            "$..*..*..* * $..*..*..*",
        )
    ),
]


def nested(depth: int) -> Any:
    return {"x": [nested(depth - 1) for _ in range(3)]} if depth else "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"


@pytest.mark.parametrize("criterion", BOMBS, ids=range(len(BOMBS)))
def test_a_criterion_that_is_a_bomb(tmp_path: Path, criterion: dict[str, Any]) -> None:
    class Ok(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    inputs = {"text": "a" * 5000 + "!", "data": nested(8), "xml": "<r>" + "<a>" * 30 + "</a>" * 30 + "</r>"}
    schema = {"type": "object", "properties": {name: {} for name in inputs}}
    step = {**STEP, "successCriteria": [criterion]}
    path = write(tmp_path, document({"workflowId": "w", "inputs": schema, "steps": [step]}))
    (tmp_path / "inputs.json").write_text(json.dumps(inputs), "utf-8")
    with serving(Ok) as url:
        result = confined("run", path, "--server", url, "-i", str(tmp_path / "inputs.json"), "-q")
    assert result.status in (0, 1, 2)


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_a_description_whose_patterns_of_member_names_are_bombs(tmp_path: Path, version: str) -> None:
    body = json.dumps({"a" * 60 + "!": 1}).encode()

    schema = {"type": "object", "additionalProperties": False, "patternProperties": {"^(a|aa)+$": {}}}
    answers = {"200": {"description": "ok", "content": {"application/json": {"schema": schema}}}}
    api = {**API, "openapi": version, "paths": {"/a": {"get": {"operationId": "o", "responses": answers}}}}
    with answering(body, "application/json") as url:
        result = confined("run", write(tmp_path, document(), api), "--server", url, "--check", "error")
    assert result.status == 0
    assert "searched for more than" in result.err


@pytest.mark.parametrize("action", [{}, {"retryAfter": 10**400}, {"retryLimit": 10**400}], ids=str)
def test_a_number_that_no_clock_knows(tmp_path: Path, action: dict[str, Any]) -> None:
    again = {"name": "again", "type": "retry", "criteria": [{"condition": "false"}], **action}
    step = {**STEP, "timeout": 10**400, "onFailure": [again]}
    path = write(tmp_path, document({"workflowId": "w", "steps": [step]}, arazzo="1.1.0"))
    result = confined("run", path)
    assert result.status == 1
    assert "refused" in result.err


DOUBLING = {"A": {"type": "object", "properties": {"x": {"anyOf": [{"$ref": "#/components/schemas/A"}] * 2}}}}
CHAINED = {f"{'A' if n == 0 else f'S{n}'}": {"$ref": f"#/components/schemas/S{n + 1}"} for n in range(5000)}


@pytest.mark.parametrize(
    ("schemas", "says"),
    [(DOUBLING, "cannot be judged"), ({**CHAINED, "S5000": {"type": "object"}}, "")],
    ids=["alternatives that double", "a chain"],
)
def test_a_description_that_takes_long_to_judge(tmp_path: Path, schemas: dict[str, Any], says: str) -> None:
    body = b'{"x":' * 30 + b"1" + b"}" * 30

    media = {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}
    operation = {"operationId": "o", "responses": {"200": {"description": "ok", "content": media}}}
    api = {**API, "paths": {"/a": {"get": operation}}, "components": {"schemas": schemas}}
    with answering(body, "application/json") as url:
        result = confined("run", write(tmp_path, document(), api), "--server", url, "--check", "error")
    assert result.status == 0
    assert says in result.err


XXE = """<!DOCTYPE r [<!ENTITY secret SYSTEM "file:///etc/passwd"><!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]><r>&secret;&d;&d;&d;</r>"""


def test_an_answer_in_xml_reads_no_file_and_expands_nothing(tmp_path: Path) -> None:
    criterion = {"context": "$response.body", "condition": "//r[contains(., 'root')]", "type": "xpath"}
    step = {**STEP, "successCriteria": [criterion], "outputs": {"r": "$response.body#/r"}}
    workflow = {"workflowId": "w", "steps": [step], "outputs": {"r": "$steps.s.outputs.r"}}
    with answering(XXE.encode(), "application/xml") as url:
        result = confined("run", write(tmp_path, document(workflow)), "--server", url, "-vv")
    assert result.status == 1
    assert "root:" not in result.out + result.err
    assert "aaaaaaaaaaaaaaaaaaaaaaaa" not in result.out + result.err


HOSTILE_NAME = "\x1b[2Jw\x1b]0;owned\x07\r\nfake: ok\u202e"


@pytest.mark.parametrize("verb", ["validate", "list", "show", "run", "auth"])
def test_names_cannot_drive_a_terminal(tmp_path: Path, verb: str) -> None:
    workflow = {
        "workflowId": HOSTILE_NAME,
        "summary": HOSTILE_NAME,
        "inputs": {"type": "object", "properties": {HOSTILE_NAME: {"type": "string", "description": HOSTILE_NAME}}},
        "steps": [
            {
                "stepId": HOSTILE_NAME,
                "operationId": "o",
                "successCriteria": [{"condition": f"$statusCode == 1 {HOSTILE_NAME}"}],
            }
        ],
        "outputs": {HOSTILE_NAME: "$statusCode"},
    }
    path = write(tmp_path, document(workflow, info={"title": HOSTILE_NAME, "version": "1"}))
    words = [verb, "--workflows", str(tmp_path)] if verb == "list" else [verb, path]
    result = confined(*words)
    assert "\u202e" not in result.out + result.err
    assert "\rfake" not in result.out + result.err
    assert "\nfake: ok" not in result.out + result.err


FORGED = "s\nsucceeded in 1 ms\n::error file=x::forged"


@pytest.mark.parametrize("words", [["run"], ["run", "-vv"], ["run", "--dry-run"], ["auth"], ["show"]], ids=" ".join)
def test_a_name_stays_on_its_line(tmp_path: Path, words: list[str]) -> None:
    class Busy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

    again = {"name": FORGED, "type": "retry", "retryLimit": 1, "retryAfter": 0}
    step = {
        "stepId": FORGED,
        "operationId": FORGED,
        "requestBody": {"contentType": "text/plain", "payload": FORGED},
        "successCriteria": [{"condition": f"$statusCode == 200 && 'a' == '{FORGED}'"}],
        "onFailure": [again],
        "outputs": {"state": f"'{FORGED}'"},
    }
    security = {FORGED: {"type": "http", "scheme": "bearer"}}
    operation = {"operationId": FORGED, "security": [{FORGED: []}], "responses": {"200": {"description": "ok"}}}
    api = {**API, "paths": {f"/{FORGED}": {"post": operation}}, "components": {"securitySchemes": security}}
    path = write(tmp_path, document({"workflowId": FORGED, "steps": [step]}), api)
    with serving(Busy) as url:
        result = confined(words[0], path, *words[1:], *(["--server", url] if words[0] == "run" else []))
    lines = [line.strip() for line in (result.out + result.err).splitlines()]
    assert not [line for line in lines if line.startswith(("::error", "succeeded in 1 ms"))]


@pytest.mark.parametrize(
    "words",
    [
        ["-i", "x=@/dev/zero"],
        ["--replay", "/dev/zero"],
        ["--each", "/dev/zero"],
        ["--durable", "--journal-key", "/dev/zero"],
    ],
    ids=" ".join,
)
def test_what_the_command_line_names_has_a_bound(tmp_path: Path, words: list[str]) -> None:
    schema = {"type": "object", "properties": {"x": {}}}
    path = write(tmp_path, document({"workflowId": "w", "inputs": schema, "steps": [STEP]}))
    result = confined("run", path, *words, environment={"ARAZZO_JOURNAL": str(tmp_path / "journal")})
    assert result.status == 2
    assert "MiB" in result.err


# What documents may make the runner read and reach


@pytest.mark.parametrize(
    "url", ["../../../../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "/dev/zero", "/dev/stdin"]
)
def test_a_source_that_is_no_description_shows_nothing_of_it(tmp_path: Path, url: str) -> None:
    sources = [{"name": "api", "url": url, "type": "openapi"}]
    result = confined("run", write(tmp_path, document(sourceDescriptions=sources)))
    assert result.status == 2
    assert "root:" not in result.out + result.err


def remote(
    content: dict[str, Any], asked: list[str], pages: dict[str, dict[str, Any]] | None = None
) -> type[BaseHTTPRequestHandler]:
    class Remote(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps((pages or {}).get(self.path, content)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Remote


@pytest.mark.parametrize(
    ("where", "says"),
    [
        (lambda sources: document(sourceDescriptions=[{**sources[0], "url": "file:///etc/hostname"}]), "file"),
        (
            lambda sources: document(sourceDescriptions=[{**sources[0], "url": "http://169.254.169.254/latest"}]),
            "--allow-host",
        ),
        (lambda sources: document(sourceDescriptions=[{**sources[0], "url": "gopher://127.0.0.1/x"}]), "gopher"),
    ],
    ids=["file", "metadata", "scheme"],
)
def test_a_remote_document_reads_no_file_and_no_metadata(where: Callable[[Any], dict[str, Any]], says: str) -> None:
    asked: list[str] = []
    content = where([{"name": "api", "type": "openapi"}])
    with serving(remote(content, asked)) as url:
        result = confined("run", f"{url}/w.json")
    assert result.status == 2
    assert says in result.err
    assert asked == ["/w.json"]


def test_a_remote_description_reads_no_file_through_a_reference() -> None:
    asked: list[str] = []
    api = {**API, "paths": {"/a": {"$ref": "file:///etc/hostname"}}}
    with serving(remote(document(), asked, {"/api.json": api})) as url:
        result = confined("run", f"{url}/w.json")
    assert result.status == 2
    assert "no files of this machine" in result.err


def test_a_request_to_the_metadata_service_is_refused(tmp_path: Path) -> None:
    api = {**API, "servers": [{"url": "http://169.254.169.254/latest"}]}
    result = confined("run", write(tmp_path, document(), api))
    assert result.status == 1
    assert "--allow-host" in result.err


# Schemas whose alternatives double with each level of a value


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
@pytest.mark.parametrize("innermost", [1, {}])
def test_inputs_whose_schema_doubles_with_each_level(tmp_path: Path, keyword: str, innermost: Any) -> None:
    value: Any = innermost
    for _ in range(60):
        value = {"x": value}
    named = {name: {"type": "object", "properties": {"x": {keyword: REFERENCES}}} for name in ("A", "B")}
    step = {"stepId": "s", "workflowId": "sub", "parameters": [{"name": "x", "value": value}]}
    sub = {"workflowId": "sub", "inputs": {"$ref": "#/components/inputs/A"}, "steps": [STEP]}
    path = write(tmp_path, document({"workflowId": "w", "steps": [step]}, sub, components={"inputs": named}))
    assert confined("validate", path).status == 0
    assert confined("run", path, "w").status == 1


REFERENCES = [{"$ref": f"#/components/inputs/{name}"} for name in ("A", "B")]
