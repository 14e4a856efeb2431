"""The independent cases that stand beside the checkout, and our differences from their expected readings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.repository import ROOT, SHARED

CASES = SHARED / "conformance"
DIFFERENCES: dict[str, str] = {
    case: rule
    for rule, cases in json.loads((ROOT / "tests" / "conformance" / "differences.json").read_text("utf-8")).items()
    for case in cases
}


def cases(name: str) -> list[Any]:
    """The cases of a file as pytest parameters; one skipped parameter when the file is not there."""
    path = CASES / f"{name}.json"
    if not path.is_file():
        reason = f"the independent conformance data is not beside the checkout: no {path.name} in ../shared/conformance"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    data = json.loads(path.read_text("utf-8"))
    found = data if isinstance(data, list) else data["cases"]
    return [pytest.param(case, id=case["id"]) for case in found]


def agrees(case: dict[str, Any], *, same: bool, detail: str = "") -> None:
    """Assert that a case gives what is expected, or that our reading differs and a rule says so."""
    rule = DIFFERENCES.get(case["id"])
    if rule is None:
        assert same, f"{case['id']}: {detail}"
    else:
        assert not same, f"{case['id']} gives what is expected, so it is not a difference by {rule} any more"
