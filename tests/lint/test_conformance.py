"""The independent documents of ``../shared/conformance``, and the example documents of both specifications."""

from __future__ import annotations

import json
from typing import Any

import pytest

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents.loader import load_description
from arazzo_runner.documents.reader import read_document
from arazzo_runner.documents.sources import Library
from arazzo_runner.errors import Problem, Severity, UnreadableDocument
from arazzo_runner.lint.checker import check_document
from tests.support.repository import ROOT

REPOSITORY = ROOT
VALIDATION = REPOSITORY.parent / "shared" / "conformance" / "validation.json"
DATA = REPOSITORY / "tests" / "conformance" / "lint"
DIFFERENCES: dict[str, dict[str, Any]] = json.loads((DATA / "differences.json").read_text("utf-8"))
EXAMPLES: dict[str, dict[str, Any]] = json.loads((DATA / "examples.json").read_text("utf-8"))

HOME = "https://example.com/"


def cases() -> list[Any]:
    """The cases as pytest parameters; one skipped parameter when they are not there."""
    if not VALIDATION.is_file():
        reason = "the independent conformance data is not beside the checkout: no ../shared/conformance/validation.json"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    return [pytest.param(case, id=case["id"]) for case in json.loads(VALIDATION.read_text("utf-8"))["cases"]]


def errors(text: str, files: dict[str, str] | None = None, *, structure_only: bool = False) -> list[Problem]:
    """The errors of a document; that a source is not there is the test's own doing."""
    given = {key if "://" in key else HOME + key: body for key, body in (files or {}).items()}

    def fetch(url: str) -> bytes:
        if url not in given:
            raise OSError("404 Not Found")
        return given[url].encode()

    try:
        document = read_document(text, "case.yaml", uri=f"{HOME}case.yaml")
    except UnreadableDocument as error:
        return list(error.problems)
    linker = Linker(Library(fetch=fetch))
    found = load_description(document)[1] if structure_only else check_document(linker, document)
    return [p for p in found if p.severity is Severity.ERROR and p.rule != "document-not-found"]


@pytest.mark.parametrize("case", cases())
def test_a_document_is_valid_or_invalid_as_the_cases_say(case: dict[str, Any]) -> None:
    text = case["document"] if isinstance(case["document"], str) else json.dumps(case["document"])
    # A fixture of the official schema that is valid is valid as far as a schema can say.
    found = errors(text, case["files"], structure_only=case["scope"] == "schema" and case["valid"])
    difference = DIFFERENCES.get(case["id"])

    if difference is None:
        assert bool(found) is not case["valid"], [str(problem) for problem in found] or case["error"]
    else:
        assert bool(found) is case["valid"], "it is judged as expected: it is not a difference any more"
        assert sorted({problem.rule for problem in found}) == difference["rules"]


def test_every_difference_says_why() -> None:
    assert all(difference["why"] for difference in DIFFERENCES.values())


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_the_specification_breaks_the_rules_that_are_listed(name: str) -> None:
    found = errors((DATA / name).read_text("utf-8"))

    assert sorted({problem.rule for problem in found}) == EXAMPLES[name]["errors"], [str(p) for p in found]
