"""Missing values of a run: it says what gives them, and reports what it leaves out (D2, V1)."""

from __future__ import annotations

from collections.abc import Iterable

from arazzo_runner.engine.absent.absences import is_undeclared, left_out, output_spot, spot_of_output
from arazzo_runner.engine.absent.beforehand import missing_input
from arazzo_runner.engine.events import Reason
from arazzo_runner.engine.plan import Spot
from arazzo_runner.engine.scopes import scope_of
from arazzo_runner.engine.stack import Stack
from arazzo_runner.errors import StepError, as_typed
from arazzo_runner.expressions.nodes import Expression, Named
from arazzo_runner.expressions.templates import expressions_of, leaves


class Missing:
    """The part of a run that speaks of missing values."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def refuse_beforehand(self) -> bool:
        """End the run when the inputs alone show that its workflow cannot finish (D1); tells whether they do."""
        found = missing_input(self.stack.workflow, self.stack.frame.inputs, self.stack.plan.options.credentials)
        if found is None:
            return False
        step, error = found
        self.stack.end(Reason(error.code, error.message, step.step_id, self.what_gives(error), error.place))
        return True

    def stop_for(self, error: StepError) -> None:
        """End the run for a step that cannot be sent, at the value to correct, with what would give it (V1)."""
        message = error.message
        if error.code == "missing-value" and isinstance(error.expression, Named) and error.expression.root == "steps":
            message = f"{message}: {self.cause_of(error.expression)[0]}"
        self.stack.stop(error.code, message, hint=self.what_gives(error), place=error.place)

    def what_gives(self, error: StepError) -> str:
        """Return what to type so that a missing value is there; the error's own hint where nothing better is known."""
        match error.expression:
            case Named(root="inputs") as node:
                name = node.readings[-1].name
                if len(self.stack.frames) > 1:
                    return f"give the workflow {self.stack.workflow.workflow_id} the input {name}"
                value = "@FILE" if self.stack.plan.options.secret_names.has(name) else "VALUE"
                return f"give it: {as_typed('-i', f'{name}={value}')}"
            case Named(root="steps") as node:
                return self.cause_of(node)[1] or error.hint
        return error.hint

    def cause_of(self, node: Named) -> tuple[str, str, str | None]:
        """Why a step's output has no value: a sentence, a hint, and the key under which its absence is reported."""
        declared = output_spot(self.stack.workflow, node)
        if declared is None:
            return f"{node} has no value", "", None
        name, spot = declared
        absence = self.stack.frame.absent.get(node.owner, {}).get(name)
        if absence is None:
            ran = node.owner in self.stack.frame.steps
            why = f"its path reaches nothing in the output {name!r}" if ran else f"the step {node.owner!r} has not run"
            return f"{node} has no value: {why}", "", None
        return f"{absence.sentence} ({spot.place})", absence.hint, self._key(node.owner, name)

    def report_left_out(self) -> bool:
        """Report what the request at hand goes without, as a step's output has no value; tells whether that ends it."""
        scope = scope_of(self.stack.workflow, self.stack.frame)
        for part in left_out(self.stack.step, scope):
            if self.stack.plan.options.missing_output == "warn" and is_undeclared(self.stack.workflow, part.node):
                continue  # it was reported before the first request
            cause, hint, key = self.cause_of(part.node)
            message = f"{part.what} of the step {self.stack.step.step_id!r} is left out: {cause}"
            if self._report(f"{self.stack.frame.workflow}{part.spot.pointer}", message, hint, part.spot):
                return True
            self._mark(key)
        return False

    def report_outputs(self, *, fatal: bool) -> bool:
        """Report the workflow's outputs that have no value, and those of its steps; tells whether that ends the run.

        Args:
            fatal: whether ``--missing-output error`` may end the run for it.
        """
        _, absent = self.stack.evaluated_outputs()
        compiled = dict(self.stack.workflow.outputs)
        for name, absence in absent.items():
            nodes = (node for _, leaf in leaves(compiled[name]) for node in expressions_of(leaf))
            cause, hint, key = self._of_steps(nodes) or (absence.sentence, absence.hint, None)
            message = f"the output {name!r} of the workflow {self.stack.workflow.workflow_id!r} has no value: {cause}"
            spot = spot_of_output(self.stack.workflow.spot, name)
            if self._report(f"{self.stack.frame.workflow}{spot.pointer}", message, hint, spot, fatal=fatal):
                return True
            self._mark(key)
        for step in self.stack.workflow.steps:
            for name, absence in self.stack.frame.absent.get(step.step_id, {}).items():
                message = f"the output {name!r} of the step {step.step_id!r} has no value: {absence.sentence}"
                spot = spot_of_output(step.spot, name)
                if self._report(self._key(step.step_id, name), message, absence.hint, spot, fatal=fatal):
                    return True
        return False

    def _of_steps(self, nodes: Iterable[Expression]) -> tuple[str, str, str | None] | None:
        named = (node for node in nodes if isinstance(node, Named) and node.root == "steps")
        node = next(named, None)
        return None if node is None else self.cause_of(node)

    def _key(self, step_id: str, name: str) -> str:
        return f"{self.stack.frame.workflow}/{step_id}/{name}"

    def _mark(self, key: str | None) -> None:
        if key is not None:
            self.stack.told = self.stack.told.having(key, None)

    def _report(self, key: str, message: str, hint: str, spot: Spot, *, fatal: bool = True) -> bool:
        if key in self.stack.told:
            return False
        self.stack.told = self.stack.told.having(key, None)
        if fatal and self.stack.plan.options.missing_output == "error":
            self.stack.end(Reason("missing-value", message, self.stack.step_id(), hint, spot.place))
            return True
        self.stack.warn(message, step_id=self.stack.step_id(), hint=hint, place=spot.place)
        return False
