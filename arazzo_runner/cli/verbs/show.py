"""``arazzo show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from arazzo_runner.cli.given.option_groups import GroupedCommand, OptionGroup, group, option, takes
from arazzo_runner.cli.given.options import HostWords, TargetWords

if TYPE_CHECKING:
    from arazzo_runner.documents.model import Step
    from arazzo_runner.runtime.run.workbook import Workbook


class ShowWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo show``."""

    target: TargetWords = group(TargetWords)
    form: Literal["text", "json", "mermaid"] = option(
        "--format",
        type=click.Choice(["text", "json", "mermaid"]),
        default="text",
        show_default=True,
        help="What to print.",
    )
    hosts: HostWords = group(HostWords)


@click.command(
    "show",
    cls=GroupedCommand,
    short_help="Show a workflow's inputs, steps and flow.",
    epilog="Example: arazzo show deploy-inference-endpoint --format mermaid",
)
@takes(ShowWords)
def command(words: ShowWords) -> None:
    """Show a workflow: its inputs, its steps and where they lead. Without WORKFLOW, all of a document's."""
    from arazzo_runner.analysis.message_ends import message_ends
    from arazzo_runner.analysis.scope import in_execution_order
    from arazzo_runner.cli.given.preparation import fetching_options, named_target
    from arazzo_runner.documents.input_bundles import bundle_inputs
    from arazzo_runner.documents.near_names import did_you_mean
    from arazzo_runner.errors import UsageError
    from arazzo_runner.reports.mermaid import mermaid
    from arazzo_runner.reports.outline import as_json, outline, workflow_entry
    from arazzo_runner.runtime.run.workbook import load

    found = named_target(words.target)
    workbook = load(found.document, transport=fetching_options(words.hosts))
    description = workbook.description
    chosen = [
        in_execution_order(workbook.linker, description, w)
        for w in description.workflows
        if found.workflow_id in (None, w.workflow_id)
    ]
    if not chosen:
        known = [w.workflow_id for w in description.workflows]
        hint = did_you_mean(found.workflow_id or "", known, "workflows")
        raise UsageError(f"there is no workflow {found.workflow_id!r} in {found.document}", hint=hint)
    if words.form == "mermaid":
        for one in chosen:
            ends = {end.step_id: (end.action, end.address) for end in message_ends(workbook.linker, description, one)}
            click.echo(mermaid(description, one, ends), nl=False)
        return
    entries = [workflow_entry(description, one, bundle_inputs(description, one)) for one in chosen]
    for one, entry in zip(chosen, entries, strict=True):
        ends_of = {end.step_id: end for end in message_ends(workbook.linker, description, one)}
        for step, told in zip(one.steps, entry["steps"], strict=True):
            end = ends_of.get(step.step_id)
            if end is None:
                told.update(_called(workbook, step))
            else:
                told.update(action=end.action, address=end.address, source=end.source)
    if words.form == "json":
        click.echo(as_json(entries[0] if found.workflow_id or len(entries) == 1 else entries))
        return
    for index, entry in enumerate(entries):
        click.echo(("\n" if index else "") + "\n".join(outline(entry)))


def _called(workbook: Workbook, step: Step) -> dict[str, str]:
    """The method and path of the operation that a step calls; nothing when it cannot be found."""
    from arazzo_runner.analysis.linker import LinkedOperation
    from arazzo_runner.errors import ArazzoError

    if step.workflow_id is not None:
        return {}
    try:
        linked = workbook.linker.operation(workbook.description, step)
    except ArazzoError:
        return {}
    return (
        {"method": linked.operation.method, "path": linked.operation.path}
        if isinstance(linked, LinkedOperation)
        else {}
    )
