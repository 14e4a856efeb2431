"""``arazzo auth``."""

from __future__ import annotations

from typing import Any

import click

from arazzo_runner.cli.given.options import (
    allow_host_option,
    client_certificate_option,
    credential_options,
    source_options,
    target_arguments,
)


@click.command(
    "auth",
    short_help="Show the credentials that a workflow needs, and how to give them.",
    epilog="Example: arazzo auth workflows/deploy.yml --auth bearerAuth=env:TOKEN",
)
@target_arguments
@source_options
@credential_options
@client_certificate_option
@allow_host_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Show which security schemes a workflow's steps ask for, what is given and from where, and what to type.

    Without WORKFLOW, those of all workflows of a document. Nothing is sent, and no value is shown.

    Exit status: 0 when every step has what it needs, 1 when one has not, 2 could not start.
    """
    from arazzo_runner.cli.driving.reporting import warn_of
    from arazzo_runner.cli.given import preparation
    from arazzo_runner.engine.plan import RunOptions
    from arazzo_runner.engine.required_credentials import access_of
    from arazzo_runner.reports.outline import as_json
    from arazzo_runner.reports.required_credentials import access_entries, access_lines

    target = preparation.named_target(options)
    workbook = preparation.load_target(target, options)
    given = preparation.given_credentials(options)
    # What a workflow needs can be told of one whose conditions cannot be parsed, too.
    chosen = [target.workflow_id] if target.workflow_id else workbook.workflow_ids
    plans = [workbook.plan(workflow_id, RunOptions(force=True, credentials=given)) for workflow_id in chosen]
    warn_of((), preparation.unknown_schemes(workbook, plans, given), quiet=False)
    steps = list(dict.fromkeys(step for plan in plans for step in access_of(plan)))
    if options["as_json"]:
        click.echo(as_json(access_entries(steps)))
    else:
        for line in access_lines(steps):
            click.echo(line)
    ctx.exit(0 if all(step.is_met for step in steps) else 1)
