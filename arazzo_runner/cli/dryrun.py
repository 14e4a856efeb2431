"""``arazzo run --dry-run``: the plan and the first request, nothing sent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from arazzo_runner.effects import Send
from arazzo_runner.engine.flow import start
from arazzo_runner.engine.plan import Plan, PlannedWorkflow
from arazzo_runner.reports.console import describe_inputs
from arazzo_runner.reports.text import printable
from arazzo_runner.runtime.runner import Session


def dry_run(session: Session, inputs: Mapping[str, Any]) -> int:
    """Print the plan on stdout; gives the exit status, 1 when the first request cannot be made."""
    turn = start(session.plan, inputs, at=time.time(), secret=session.redactor.secret_names)
    if isinstance(turn.effect, Send):
        session.redactor.learn_request(turn.effect.request)
    for line in plan_lines(session.plan):
        click.echo(line)
    click.echo(f"inputs: {describe_inputs(session.redactor.inputs(turn.state.inputs))}")
    for problem in session.plan.problems:
        click.echo(f"{problem.severity.value}: {problem.place}: {printable(problem.message)}", err=True)
    if not isinstance(turn.effect, Send):
        reason = turn.outcome.reason if turn.outcome else None
        message = reason.message if reason else "the workflow sends nothing"
        click.echo(f"error: {printable(session.redactor.text(message))}", err=True)
        if reason is not None and reason.hint:
            click.echo(f"  hint: {printable(reason.hint)}", err=True)
        return 1
    request = session.redactor.request(turn.effect.request)
    click.echo(f"first request: {request.method} {printable(request.url)}")
    for name, value in request.headers:
        click.echo(f"  {printable(name)}: {printable(value)}")
    if request.body:
        click.echo(f"  {printable(_pretty(request.body))}")
    return 0


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", "replace")


def plan_lines(plan: Plan) -> Iterator[str]:
    """Every workflow that the plan reaches, the one that was asked for first."""
    yield from _workflow(plan.workflow)
    for key, workflow in plan.workflows.items():
        if key != plan.entry:
            yield from _workflow(workflow)


def _workflow(workflow: PlannedWorkflow) -> Iterator[str]:
    yield printable(workflow.workflow_id)
    for step in workflow.steps:
        server = f"   source {step.server_source}" if step.operation is not None else ""
        yield printable(f"  {step.step_id.ljust(24)} {step.title}{server}")
