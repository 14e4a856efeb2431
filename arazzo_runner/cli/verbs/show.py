"""``arazzo show``."""

from __future__ import annotations

import click

from arazzo_runner.cli.given.options import allow_host_option, workflows_option


@click.command(
    "show",
    short_help="Show a workflow's inputs, steps and flow.",
    epilog="Example: arazzo show deploy-inference-endpoint --format mermaid",
)
@click.argument("target")
@click.argument("workflow", required=False)
@workflows_option
@allow_host_option
@click.option("--format", "form", type=click.Choice(["text", "json", "mermaid"]), default="text", show_default=True)
def command(target: str, workflow: str | None, directory: str, allowed_hosts: tuple[str, ...], form: str) -> None:
    """Show a workflow: its inputs, its steps and where they lead. Without WORKFLOW, all of a document's."""
    from arazzo_runner.analysis.scope import in_execution_order
    from arazzo_runner.cli.given.preparation import transport_options
    from arazzo_runner.cli.given.targets import find_target, nearest
    from arazzo_runner.documents.input_bundles import bundle_inputs
    from arazzo_runner.errors import UsageError
    from arazzo_runner.reports.mermaid import mermaid
    from arazzo_runner.reports.outline import as_json, outline, workflow_entry
    from arazzo_runner.runtime.run.workbook import load

    found = find_target(target, workflow, directory)
    transport = transport_options({"allowed_hosts": allowed_hosts})
    workbook = load(found.document, transport=transport)
    description = workbook.description
    chosen = [
        in_execution_order(workbook.linker, description, w)
        for w in description.workflows
        if found.workflow_id in (None, w.workflow_id)
    ]
    if not chosen:
        known = [w.workflow_id for w in description.workflows]
        hint = nearest(found.workflow_id or "", known, "workflows")
        raise UsageError(f"there is no workflow {found.workflow_id!r} in {found.document}", hint=hint)
    if form == "mermaid":
        for one in chosen:
            click.echo(mermaid(description, one), nl=False)
        return
    entries = [workflow_entry(description, one, bundle_inputs(description, one)) for one in chosen]
    if form == "json":
        click.echo(as_json(entries[0] if found.workflow_id or len(entries) == 1 else entries))
        return
    for index, entry in enumerate(entries):
        click.echo(("\n" if index else "") + "\n".join(outline(entry)))
