"""Variables of a debugged run for editors: scopes, and what is in them, masked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from arazzo_runner.cli.driving.debug_values import set_value
from arazzo_runner.errors import UsageError
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.reports.debug_views import masked
from arazzo_runner.runtime.debugging.debugger import Debugger


class Variables:
    """The variables at one point. They have numbers, by which an editor asks for what is in them."""

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self._held: list[tuple[str, Any]] = []

    def forget(self) -> None:
        """Forget the numbers: the run has moved."""
        self._held.clear()

    def scopes(self) -> list[dict[str, Any]]:
        """The scopes of the point at hand."""
        scope = self._debugger.scope
        groups: dict[str, tuple[str, Any]] = {"Inputs": ("$inputs", dict(scope.inputs))}
        groups["Steps"] = ("$steps", {step: dict(outputs) for step, outputs in scope.steps.items()})
        if scope.response is not None:
            answer = {"statusCode": scope.status_code, "body": scope.response.structured_body}
            groups["Response"] = ("$response", answer)
        if scope.request is not None:
            request = {"method": scope.method, "url": scope.url, "body": scope.request.structured_body}
            groups["Request"] = ("$request", request)
        if scope.message is not None:
            groups["Message"] = ("$message", {"payload": scope.message.structured_body})
        if scope.outputs:
            groups["Outputs"] = ("$outputs", dict(scope.outputs))
        return [
            {"name": name, "variablesReference": self._hold(prefix, value), "expensive": False}
            for name, (prefix, value) in groups.items()
        ]

    def within(self, number: int) -> list[dict[str, Any]]:
        """The variables in what has a number."""
        prefix, value = self._at(number)
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        there = ((str(name), item) for name, item in items if item is not UNDEFINED)
        return [self.shown(_inside(prefix, name), name, item) for name, item in there]

    def change(self, number: int, name: str, text: str) -> dict[str, Any]:
        """Set a variable.

        Raises:
            UsageError: it cannot be set.
        """
        prefix, _ = self._at(number)
        expression = _inside(prefix, name)
        if prefix != "$inputs" and not (prefix.startswith("$steps.") and prefix.count(".") == 2):
            raise UsageError(f"{expression} cannot be set", hint="inputs and outputs of steps can")
        set_value(self._debugger, f"{expression} {text}")
        scope = self._debugger.scope
        step = prefix.removeprefix("$steps.").removesuffix(".outputs")
        value = scope.inputs[name] if prefix == "$inputs" else scope.steps[step][name]
        return self.shown(expression, name, value)

    def shown(self, expression: str, name: str, value: Any) -> dict[str, Any]:
        """A variable as an editor takes it."""
        safe = masked(self._debugger.redactor, "$url" if expression == "$request.url" else expression, value)
        # What is in it is shown from what is masked: the name that makes it a secret may stand further out.
        held = self._hold(expression, safe) if isinstance(safe, (Mapping, list)) and safe else 0
        text = json.dumps(safe, ensure_ascii=False, default=str)
        return {"name": name, "value": text, "variablesReference": held, "evaluateName": expression}

    def _hold(self, prefix: str, value: Any) -> int:
        self._held.append((prefix, value))
        return len(self._held)

    def _at(self, number: int) -> tuple[str, Any]:
        if not 0 < number <= len(self._held):
            raise UsageError("the run has moved since; look again")
        return self._held[number - 1]


def _inside(prefix: str, name: str) -> str:
    """The expression for a member."""
    if prefix == "$steps":
        return f"$steps.{name}.outputs"
    if prefix == "$response" and name == "statusCode":
        return "$statusCode"
    if prefix in ("$inputs", "$outputs", "$request", "$response") or prefix.endswith(".outputs"):
        return f"{prefix}.{name}"
    return f"{prefix}{'' if '#' in prefix else '#'}/{name.replace('~', '~0').replace('/', '~1')}"
