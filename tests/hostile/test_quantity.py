"""Documents that have too much of one thing: what is done for each costs the same, however many there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Answer, api
from tests.support.confined import confined
from tests.support.small_documents import API, STEP, document, write

pytestmark = pytest.mark.slow


def workflows(count: int, *, follow: int | None = None) -> dict[str, Any]:
    """A document of so many workflows, each of which runs the next one; the last runs ``follow``."""
    made: list[dict[str, Any]] = []
    for number in range(count):
        after = number + 1 if number + 1 < count else follow
        steps = [STEP] if after is None else [STEP, {"stepId": "next", "workflowId": f"w{after}"}]
        made.append({"workflowId": f"w{number}", "steps": steps})
    return {**document(), "workflows": made}


def test_ten_thousand_workflows_that_run_one_another(tmp_path: Path) -> None:
    assert confined("validate", write(tmp_path, workflows(10_000))).status == 0


def test_a_circle_of_six_thousand_workflows(tmp_path: Path) -> None:
    result = confined("validate", write(tmp_path, workflows(6000, follow=0)))
    assert result.status == 0  # a hint: a call may depend on a criterion
    assert "the workflow runs itself: w0 → w1 → " in result.out
    assert "→ … → w0" in result.out


def test_unknown_fields(tmp_path: Path) -> None:
    text = "".join(f"a{number}: x\n" for number in range(45_000))
    result = confined("run", write(tmp_path, text))
    assert result.status == 2
    assert "has no field 'a44999'" in result.err


@pytest.mark.parametrize("line", ["- [a, b, c]", "- {a: b}", "- -"])
def test_small_values_of_yaml(tmp_path: Path, line: str) -> None:
    text = "arazzo: 1.0.1\nx-a:\n" + f"{line}\n" * 1_600_000
    result = confined("run", write(tmp_path, text))
    assert result.status == 2
    assert "more than 2,500,000 values" in result.err
    assert "Convert the document to JSON" in result.err


def test_a_problem_among_many_values_of_yaml(tmp_path: Path) -> None:
    result = confined("run", write(tmp_path, "arazzo: 1.0.1\nx-a:\n" + "- [a, b, c]\n" * 400_000 + "inof: {}\n"))
    assert result.status == 2
    assert "w.yaml:400003:1" in result.err


def test_inputs_with_defaults(tmp_path: Path) -> None:
    properties = {f"p{number}": {"type": "string", "default": "x"} for number in range(40_000)}
    made = document()
    made["workflows"][0]["inputs"] = {"type": "object", "properties": properties}
    result = confined("run", write(tmp_path, made), "--dry-run")
    assert result.status == 0, result.err


def test_secrets_that_an_answer_brings(tmp_path: Path) -> None:
    tokens = [f"{number:06}-a-token-of-an-answer" for number in range(4000)]
    with api(lambda _: Answer(data={"tokens": tokens, "text": "the quick brown fox " * 20_000})) as running:
        described = {**API, "servers": [{"url": running.url}]}
        report = tmp_path / "report.json"
        result = confined("run", write(tmp_path, document(), described), "--report", f"json={report}")
    assert result.status == 0
    assert "brown fox" in report.read_text()
    assert "a-token-of-an-answer" not in report.read_text()


def test_outputs_that_are_one_large_value(tmp_path: Path) -> None:
    step = {**STEP, "outputs": {f"o{number}": "$response.body" for number in range(60)}}
    made = document({"workflowId": "w", "steps": [step]})
    with api(lambda _: Answer(data={"a": list(range(200_000))})) as running:
        result = confined("run", write(tmp_path, made, {**API, "servers": [{"url": running.url}]}))
    assert result.status == 0


def test_names_that_are_misspelt(tmp_path: Path) -> None:
    made = document()
    made["workflows"][0]["inputs"] = {"type": "object", "properties": {f"p{number}": {} for number in range(3000)}}
    steps = [
        {**STEP, "stepId": f"s{number}", "requestBody": {"payload": {"x": f"$inputs.q{number}"}}}
        for number in range(3000)
    ]
    made["workflows"][0]["steps"] = steps
    result = confined("validate", write(tmp_path, made))
    assert "q2999" in result.out
