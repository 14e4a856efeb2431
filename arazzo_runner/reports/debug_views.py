"""A debugged run in lines for people: where it is, why a branch was taken, values, the document around. All masked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from arazzo_runner.effects import MASK, Message, Publish, Receive, Request, Response, Sleep, Subscribe
from arazzo_runner.engine.events import Warned
from arazzo_runner.engine.explanation import ActionSeen, CriterionSeen, Explanation
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.reports.text import duration, label, scalar
from arazzo_runner.runtime.debugging.changes import differences
from arazzo_runner.runtime.debugging.debugger import Debugger
from arazzo_runner.runtime.debugging.points import Point
from arazzo_runner.runtime.secrets.redaction import Redactor
from arazzo_runner.secrecy import without_credentials

AROUND = 6
"""How many lines of the document are shown before and behind the step's first one."""
_PLACES: Mapping[str, str] = {
    "request": "before the request",
    "token": "before the request for a token",
    "subscribe": "before subscribing to",
    "send": "before sending to",
    "receive": "waiting for a message at",
    "answer": "the answer is here, nothing is judged yet",
    "criteria": "the criteria are judged",
    "action": "the action is chosen",
    "call": "a workflow has been entered",
    "wait": "before a wait",
    "end": "the run has ended",
}
_LAST_NAME = re.compile(r"[^./#\[\]'\"\s]+(?=['\"\]]*$)")


def masked(redactor: Redactor, text: str, value: Any) -> Any:
    """The value of an expression, masked: also a short secret, which only the name of its place gives away (S1).

    Args:
        text: the expression.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    found = _LAST_NAME.search(text)
    name = found[0] if found else ""
    if re.match(r"\$(request|response)\.headers?\.", text) and isinstance(value, str):
        return redactor.headers(((name, value),))[0][1]
    if ".query." in text and redactor.url(f"https://a.example/?{name}=x").endswith(MASK):
        return MASK
    if text == "$url" and isinstance(value, str):
        return redactor.url(value)
    if text.startswith("$inputs") and not isinstance(value, Mapping):
        return redactor.inputs(
            {text.removeprefix("$inputs.").partition("#")[0]: _named(redactor, name, value)}
        ).popitem()[1]
    if re.fullmatch(r"\$(inputs|.*\.inputs)", text) and isinstance(value, Mapping):
        return redactor.inputs(value)
    return _named(redactor, name, value)


def _named(redactor: Redactor, name: str, value: Any) -> Any:
    plain = dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, (list, tuple)) else value
    return next(iter(redactor.answer({name: plain}).values()))


def value_text(redactor: Redactor, text: str, value: Any, *, whole: bool = False) -> str:
    """The value of an expression as JSON text.

    Args:
        whole: on several lines, and nothing cut.
    """
    if value is UNDEFINED:
        return "(no value)"
    shown = masked(redactor, text, value)
    if not whole:
        return scalar(json.dumps(shown, ensure_ascii=False, default=str), 100)
    return "\n".join(label(line) for line in json.dumps(shown, ensure_ascii=False, indent=2, default=str).splitlines())


def position_line(debugger: Debugger) -> str:
    """The point in one line: ``poll, before the request: GET https://… (attempt 2)``."""
    point, turn = debugger.point, debugger.kept.turn
    redactor = debugger.redactor
    what = _PLACES[point.where]
    request = debugger.request
    if request is not None:
        shown = redactor.request(request)
        what += f": {shown.method} {label(shown.url)}"
    elif point.where in ("subscribe", "send", "receive"):
        what += f" {label(redactor.text(channel_text(debugger)))}"
    elif isinstance(turn.effect, Sleep) and point.where == "wait":
        what += f" of {duration(turn.effect.seconds)}"
    elif point.where == "end" and turn.outcome is not None:
        return _end_line(debugger)
    elif point.attempt is not None:
        what += f": {_outcome(point)}"
    owner = label(point.step_id or point.workflow_id)
    nested = f" in {label(point.workflow_id)}" if point.depth and point.step_id else ""
    again = f" (attempt {point.number})" if point.number > 1 else ""
    return f"{owner}{nested}, {what}{again}"


def channel_text(debugger: Debugger) -> str:
    """The address that the effect at hand is about."""
    turn = debugger.kept.turn
    match turn.effect:
        case Subscribe(address=address) | Publish(message=Message(address=address)):
            return address
        case Receive(key):
            known = turn.state.subscriptions.get(key)
            return "" if known is None else known.address
        case _:
            return ""


def message_lines(debugger: Debugger) -> Iterator[str]:
    """Yield the message that is about to be sent, or what is waited for."""
    match debugger.kept.turn.effect:
        case Publish(message=message) if debugger.point.where == "send":
            yield from _exchanged(">", debugger.redactor, message)
        case Receive(match=match, seconds=seconds) if debugger.point.where == "receive":
            which = f" with the correlation id {match.correlation_id}" if match.correlation_id is not None else ""
            text = f"{channel_text(debugger)}{which}, within {duration(seconds)}"
            yield f"  < {label(debugger.redactor.text(text))}"


def _outcome(point: Point) -> str:
    attempt = point.attempt
    if attempt is None:
        return ""
    status = "no answer" if attempt.response is None else str(attempt.response.status)
    if attempt.exchanged is not None:
        status = attempt.exchanged.title if attempt.exchanged.message is not None else "no message"
    if attempt.request is None:
        status = attempt.operation
    if point.where == "answer":
        return status
    if point.where == "criteria":
        return f"{status}, {attempt.status}"
    return f"{status}, {attempt.status} → {action_text(point)}"


def action_text(point: Point) -> str:
    """Return what follows the attempt of a point."""
    action = None if point.attempt is None else point.attempt.action
    if action is None:
        return "the workflow fails" if point.attempt and point.attempt.status == "failed" else "the step continues"
    where = label(action.step_id or action.workflow_id or "")
    named = f"{label(action.name)}: " if action.name else ""
    return f"{named}{action.type}{f' {where}' if where else ''}"


def _end_line(debugger: Debugger) -> str:
    outcome = debugger.kept.turn.outcome
    if outcome is None:
        return ""
    if outcome.reason is None:
        return f"the run has ended: {outcome.status}"
    step = f" at {label(outcome.reason.step_id)}" if outcome.reason.step_id else ""
    return f"the run has ended: failed{step}: {label(debugger.redactor.text(outcome.reason.message))}"


def passed_line(debugger: Debugger, point: Point) -> str | None:
    """A line for a point that the run has passed; None for those that say nothing."""
    if point.where == "action" and point.attempt is not None:
        mark = "✓" if point.attempt.status == "succeeded" else "✗"
        again = f" (attempt {point.number})" if point.number > 1 else ""
        return f"  {'  ' * point.depth}{mark} {label(point.step_id)}{again} {debugger.redactor.text(_outcome(point))}"
    if point.where == "wait" and isinstance(effect := debugger.kept.turn.effect, Sleep):
        return f"  {'  ' * point.depth}· {label(point.step_id)} waits {duration(effect.seconds)}"
    if point.where == "call":
        return f"  {'  ' * point.depth}→ {label(point.workflow_id)}"
    return None


def warning_lines(debugger: Debugger) -> Iterator[str]:
    """Yield the warnings of the turn at hand."""
    for event in debugger.kept.turn.events:
        if isinstance(event, Warned):
            yield f"  ! {label(debugger.redactor.text(event.message))}"
            if event.hint:
                yield f"    hint: {label(debugger.redactor.text(event.hint))}"


def explanation_lines(redactor: Redactor, explanation: Explanation) -> Iterator[str]:
    """Yield why an attempt went on as it did: each criterion of each action, its operands, and what was not tried."""
    yield from criteria_lines(redactor, explanation)
    yield from action_lines(redactor, explanation)


def criteria_lines(redactor: Redactor, explanation: Explanation) -> Iterator[str]:
    """Yield the criteria of the step, and its outputs."""
    if explanation.criteria:
        yield "  criteria"
    for criterion in explanation.criteria:
        yield from _criterion(redactor, criterion, "    ")
    if explanation.outputs or explanation.absent:
        yield "  outputs"
    for name, value in explanation.outputs.items():
        yield f"    ✓ {label(name)} = {value_text(redactor, name, value)}"
    for name, absence in explanation.absent.items():
        yield f"    ✗ {label(name)} has no value: {label(redactor.text(absence.sentence))}"
        if absence.hint:
            yield f"        {label(redactor.text(absence.hint))}"


def action_lines(redactor: Redactor, explanation: Explanation) -> Iterator[str]:
    """Yield the actions of the step, and what became of them."""
    if explanation.actions:
        yield f"  {explanation.kind}"
    for action in explanation.actions:
        yield f"    {_action(action)}"
        for criterion in action.criteria:
            yield from _criterion(redactor, criterion, "      ")
    if explanation.unmatched:
        yield "  none of the actions matched"


def _action(action: ActionSeen) -> str:
    leads = f" {label(action.leads_to)}" if action.leads_to else ""
    why = f": {label(action.why)}" if action.why else ""
    return f"{label(action.name)} ({action.type}{leads}) {action.fate}{why}"


def _criterion(redactor: Redactor, seen: CriterionSeen, lead: str) -> Iterator[str]:
    mark = "·" if seen.passed is None else "✓" if seen.passed else "✗"
    kind = "" if seen.type == "simple" else f" ({seen.type})"
    why = f"  not asked{f': {seen.why}' if seen.why else ''}" if seen.passed is None else ""
    yield f"{lead}{mark} {label(redactor.text(seen.condition))}{kind}{why}"
    for operand in seen.operands:
        yield f"{lead}    {label(operand.text)} = {value_text(redactor, operand.text, operand.value)}"
    if seen.passed is False and not seen.operands and seen.why:
        yield f"{lead}    {label(redactor.text(seen.why))}"


def request_lines(redactor: Redactor, request: Request) -> Iterator[str]:
    """Yield a request, masked."""
    shown = redactor.request(request)
    yield f"  > {shown.method} {label(shown.url)}"
    yield from _message(">", shown)


def response_lines(redactor: Redactor, response: Response) -> Iterator[str]:
    """Yield an answer, masked."""
    shown = redactor.response(response)
    yield f"  < {shown.status}"
    yield from _message("<", shown)


def taken_lines(redactor: Redactor, message: Message) -> Iterator[str]:
    """Yield a message that was taken, masked."""
    return _exchanged("<", redactor, message)


def _exchanged(mark: str, redactor: Redactor, message: Message) -> Iterator[str]:
    shown = redactor.message(message)
    yield f"  {mark} {label(shown.address)}"
    yield from _message(mark, Response(200, shown.headers, shown.payload))


def _message(mark: str, message: Request | Response) -> Iterator[str]:
    yield from (f"  {mark} {label(name)}: {label(value)}" for name, value in message.headers)
    if message.body:
        text = message.body.decode("utf-8", "replace")
        yield f"  {mark} {scalar(text, 1000)}"


def stack_lines(debugger: Debugger) -> Iterator[str]:
    """Yield the workflows under way, the innermost first, each with its step and line."""
    state = debugger.state
    for depth in range(len(state.frames) - 1, -1, -1):
        frame = state.frames[depth]
        workflow = debugger.plan.workflows[frame.workflow]
        step = workflow.steps[frame.position] if frame.position < len(workflow.steps) else None
        place = (step.spot if step is not None else workflow.spot).place
        name = label(workflow.workflow_id) + (f", step {label(step.step_id)}" if step is not None else "")
        yield f"  #{len(state.frames) - 1 - depth} {name}, attempt {frame.attempt}  {label(str(place))}"


def difference_lines(debugger: Debugger) -> Iterator[str]:
    """Yield what the last turn has changed."""
    if debugger.index == 0:
        yield "  this is the first turn"
        return
    before, after = debugger.kept_at(debugger.index - 1).turn.state, debugger.state_after
    none = True
    for change in differences(debugger.plan, before, after):
        none = False
        text = change.name.rpartition(": ")[2]
        one, other = (value_text(debugger.redactor, text, value) for value in (change.before, change.after))
        yield f"  {label(change.name)}: {one} → {other}"
    if none:
        yield "  nothing"


def source_lines(debugger: Debugger) -> Iterator[str]:
    """Yield the lines of the document around the step at hand."""
    step = debugger.step
    spot = step.spot if step is not None else debugger.workflow.spot
    place = spot.place
    yield f"  {label(place.path)}"
    lines = spot.document.text.splitlines()
    for number in range(max(1, place.line - AROUND), min(len(lines), place.line + 2 * AROUND) + 1):
        mark = "→" if number == place.line else " "
        text = without_credentials(lines[number - 1].expandtabs(2))[:160]
        yield f"  {mark}{number:5}  {label(debugger.redactor.text(text))}"
