"""``arazzo auth``."""

from __future__ import annotations

import click

from arazzo_runner.cli.given.option_groups import GroupedCommand, OptionGroup, group, takes
from arazzo_runner.cli.given.options import (
    CertificateWords,
    CredentialWords,
    HostWords,
    SourceWords,
    TargetWords,
    json_option,
)


class AuthWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo auth``."""

    target: TargetWords = group(TargetWords)
    as_json: bool = json_option("Print JSON.")
    sources: SourceWords = group(SourceWords)
    credentials: CredentialWords = group(CredentialWords)
    certificate: CertificateWords = group(CertificateWords)
    hosts: HostWords = group(HostWords)


@click.command(
    "auth",
    cls=GroupedCommand,
    short_help="Show the credentials that a workflow needs, and how to give them.",
    epilog="Example: arazzo auth workflows/deploy.yml --auth bearerAuth=env:TOKEN",
)
@click.pass_context
@takes(AuthWords)
def command(ctx: click.Context, words: AuthWords) -> None:
    """Show which security schemes a workflow's steps ask for, what is given and from where, and what to type.

    Without WORKFLOW, those of all workflows of a document. Nothing is sent, and no value is shown.

    Exit status: 0 when every step has what it needs, 1 when one has not, 2 could not start.
    """
    from arazzo_runner.cli.driving.reporting import warn_of
    from arazzo_runner.cli.given import preparation
    from arazzo_runner.engine.demands.required_credentials import access_of
    from arazzo_runner.engine.plan import RunOptions
    from arazzo_runner.reports.outline import as_json
    from arazzo_runner.reports.required_credentials import access_entries, access_lines

    target = preparation.named_target(words.target)
    named = [words.target.target, *preparation.given_sources(words.sources).values()]
    workbook = preparation.load_target(target, words.sources, preparation.fetching_options(words.hosts).naming(*named))
    given = preparation.given_credentials(words.credentials, words.certificate)
    # What a workflow needs can be shown for one whose conditions cannot be parsed, too.
    chosen = [target.workflow_id] if target.workflow_id else workbook.workflow_ids
    plans = [workbook.plan(workflow_id, RunOptions(force=True, credentials=given)) for workflow_id in chosen]
    warn_of((), preparation.unknown_schemes(workbook, plans, given), quiet=False)
    steps = list(dict.fromkeys(step for plan in plans for step in access_of(plan)))
    if words.as_json:
        click.echo(as_json(access_entries(steps)))
    else:
        for line in access_lines(steps):
            click.echo(line)
    ctx.exit(0 if all(step.is_met for step in steps) else 1)
