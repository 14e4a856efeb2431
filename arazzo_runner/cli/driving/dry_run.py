"""``arazzo run --dry-run``: the plan and the first request, nothing sent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from arazzo_runner.effects import Publish, Receive, Request, Send, Subscribe, Subscribed
from arazzo_runner.engine.events import AttemptStarted, Reason
from arazzo_runner.engine.flow import Turn, advance, start
from arazzo_runner.engine.plan import Plan, PlannedWorkflow
from arazzo_runner.reports.jsonreport import body_entry, headers_entry
from arazzo_runner.reports.problems import as_data
from arazzo_runner.reports.terminal.console import describe_inputs
from arazzo_runner.reports.text import label
from arazzo_runner.runtime.run.session import Session
from arazzo_runner.secrecy import without_credentials

if TYPE_CHECKING:
    from arazzo_runner.runtime.run.contract_checks import ContractChecks


def dry_run(
    session: Session,
    inputs: Mapping[str, Any],
    checks: ContractChecks | None = None,
    *,
    as_json: bool,
    curl: bool = False,
) -> int:
    """Print the plan on stdout; return the exit status, 1 when the first request cannot be made or must not be sent.

    Args:
        checks: judge the first request; None for no judgement.
        curl: print it as a cURL command too.
    """
    turn = start(session.plan, inputs, at=time.time(), secret=session.redactor.secret_names)
    turn, subscriptions = _subscribed(session.plan, turn)
    request, reason = None, turn.outcome.reason if turn.outcome else None
    findings: tuple[str, ...] = ()
    if isinstance(turn.effect, Send):
        session.redactor.learn_request(turn.effect.request)
        findings = tuple(map(session.redactor.text, _findings(checks, turn)))
        request = session.redactor.request(turn.effect.request)
    status = 1 if checks is not None and checks.fails else 0
    shown = session.redactor.inputs(turn.state.inputs)
    subscribed = [session.redactor.text(_place(effect.broker.url, effect.address)) for effect in subscriptions]
    message = _message(session, turn)
    if as_json:
        entry = _entry(session.plan, shown, request, None if reason is None else session.redactor.event(reason))
        entry |= {"subscriptions": subscribed, "firstMessage": message} if session.plan.has_messages else {}
        if checks is not None:
            entry["contract"] = list(findings)
        click.echo(json.dumps(entry, ensure_ascii=False, indent=2, default=str))
        return 1 if reason else status
    for line in plan_lines(session.plan):
        click.echo(line)
    click.echo(f"inputs: {describe_inputs(shown)}")
    for problem in session.plan.problems:
        click.echo(f"{problem.severity.value}: {label(str(problem.place))}: {label(problem.message)}", err=True)
    if reason is not None:
        click.echo(f"error: {label(session.redactor.text(reason.message))}", err=True)
        if reason.hint:
            click.echo(f"  hint: {label(session.redactor.text(reason.hint))}", err=True)
        return 1
    for place in subscribed:
        click.echo(f"subscribes to: {label(place)}")
    if request is None:
        for line in _message_lines(message):
            click.echo(line)
        return 0
    _show_request(request, findings, curl=curl)
    return status


def _show_request(request: Request, findings: Iterable[str], *, curl: bool) -> None:
    click.echo(f"first request: {request.method} {label(request.url)}")
    for name, value in request.headers:
        click.echo(f"  {label(name)}: {label(value)}")
    if request.body:
        click.echo(f"  {label(_pretty(request.body))}")
    if curl:
        from arazzo_runner.reports.curl import curl_command

        click.echo(f"  $ {curl_command(request)}")
    for finding in findings:
        click.echo(f"  ! {label(finding)}", err=True)


def _subscribed(plan: Plan, turn: Turn) -> tuple[Turn, list[Subscribe]]:
    """The first turn that asks for something else than a subscription, and the subscriptions before it (M4)."""
    subscriptions: list[Subscribe] = []
    while isinstance(turn.effect, Subscribe):
        subscriptions.append(turn.effect)
        turn = advance(plan, turn.state, Subscribed(turn.state.now, turn.effect.address))
    return turn, subscriptions


def _place(url: str, address: str) -> str:
    return f"{without_credentials(url).rstrip('/')}/{address}"


def _message(session: Session, turn: Turn) -> dict[str, Any] | None:
    """The first message that is sent or waited for, masked, as data; None for neither."""
    match turn.effect:
        case Publish(broker, message):
            session.redactor.learn_message(message)
            masked = session.redactor.message(message)
            return {
                "action": "send",
                "to": session.redactor.text(_place(broker.url, message.address)),
                "headers": headers_entry(masked.headers),
                "payload": body_entry(masked.payload, masked.content_type),
            }
        case Receive(_, match, seconds):
            frame = turn.state.frames[-1]
            step = session.plan.workflows[frame.workflow].steps[frame.position]
            correlation = match.correlation_id
            return {
                "action": "receive",
                "stepId": step.step_id,
                "correlationId": None if correlation is None else session.redactor.text(correlation),
                "seconds": seconds,
            }
        case _:
            return None


def _message_lines(message: Mapping[str, Any] | None) -> Iterator[str]:
    """The lines about the first message, of what ``_message`` gave."""
    match message:
        case None:
            yield "the workflow sends nothing"
        case {"action": "send", "to": place, "headers": headers, "payload": payload}:
            yield f"first message: to {label(place)}"
            for entry in headers.items() if isinstance(headers, Mapping) else ():
                yield f"  {label(str(entry[0]))}: {label(str(entry[1]))}"
            yield f"  {label(json.dumps(payload, ensure_ascii=False, default=str))}"
        case {"action": "receive", "stepId": step, "correlationId": correlation, "seconds": seconds}:
            which = "a message" if correlation is None else f"the message of {label(str(correlation))!r}"
            yield f"first: {label(step)} waits {seconds:g} s for {which}"


def _findings(checks: ContractChecks | None, turn: Turn) -> tuple[str, ...]:
    """Return the findings about a turn's request; a request for a token belongs to no operation."""
    started = (event for event in turn.events if isinstance(event, AttemptStarted))
    return tuple(line for event in started for line in checks.sent(event)) if checks is not None else ()


def _entry(plan: Plan, inputs: Mapping[str, Any], request: Request | None, reason: Reason | None) -> dict[str, Any]:
    """The plan as data, for ``--json``."""
    return {
        "plan": "arazzo-plan/1",
        "workflowId": plan.workflow.workflow_id,
        "inputs": inputs,
        "workflows": [_workflow_entry(workflow) for workflow in _workflows(plan)],
        "firstRequest": request
        and {
            "method": request.method,
            "url": request.url,
            "headers": headers_entry(request.headers),
            "body": body_entry(request.body, request.header("Content-Type")),
        },
        "reason": reason and {"code": reason.code, "message": reason.message, "stepId": reason.step_id},
        "problems": [as_data(problem) for problem in plan.problems],
    }


def _workflow_entry(workflow: PlannedWorkflow) -> dict[str, Any]:
    return {
        "workflowId": workflow.workflow_id,
        "steps": [
            {
                "stepId": step.step_id,
                "operation": step.title,
                "source": step.server_source if step.operation is not None or step.exchange is not None else None,
            }
            for step in workflow.steps
        ],
    }


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", "replace")


def plan_lines(plan: Plan) -> Iterator[str]:
    """Every workflow that the plan reaches, the one that was asked for first."""
    for workflow in _workflows(plan):
        yield label(workflow.workflow_id)
        for step in workflow.steps:
            calls_none = step.operation is None and step.exchange is None
            server = "" if calls_none else f"   source {step.server_source}"
            yield label(f"  {step.step_id.ljust(24)} {step.title}{server}")


def _workflows(plan: Plan) -> Iterator[PlannedWorkflow]:
    yield plan.workflow
    yield from (workflow for key, workflow in plan.workflows.items() if key != plan.entry)
