"""``arazzo list``."""

from __future__ import annotations

from typing import Any

import click

from arazzo_runner.cli.given.option_groups import OptionGroup, argument, completed_by, group, takes
from arazzo_runner.cli.given.options import DirectoryWords, json_option


class ListWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo list``."""

    path: str | None = argument(required=False, shell_complete=completed_by("files"))
    where: DirectoryWords = group(DirectoryWords)
    as_json: bool = json_option("Print a JSON list.")


@click.command("list", short_help="List the workflows found.", epilog="Example: arazzo list workflows")
@takes(ListWords)
def command(words: ListWords) -> None:
    """List the workflows of the documents found, with their summaries and inputs.

    PATH is a document or a directory of them, instead of --workflows.
    """
    from arazzo_runner.cli.given.targets import descriptions, descriptions_of
    from arazzo_runner.documents.files import is_directory, is_file
    from arazzo_runner.documents.input_bundles import bundle_inputs
    from arazzo_runner.errors import UsageError
    from arazzo_runner.reports.outline import as_json as dump
    from arazzo_runner.reports.outline import input_entries
    from arazzo_runner.reports.text import label, one_line

    directory = words.path or words.where.directory
    if words.path and is_file(words.path):
        documents = descriptions_of([words.path])
    elif is_directory(directory):
        documents = descriptions(directory)
    elif words.path:
        raise UsageError(f"there is no document or directory {directory}", hint="name one: arazzo list PATH")
    else:
        raise UsageError(f"there is no directory {directory}", hint="say where the documents are: --workflows DIR")
    found: list[dict[str, Any]] = [
        {
            "workflowId": workflow.workflow_id,
            "summary": workflow.summary,
            "document": path,
            "inputs": input_entries(bundle_inputs(description, workflow)),
        }
        for path, description in documents
        for workflow in description.workflows
    ]
    if words.as_json:
        click.echo(dump(found))
        return
    for entry in found:
        click.echo(label(entry["workflowId"]))
        if entry["summary"]:
            click.echo(f"  {one_line(entry['summary'])}")
        names = [f"{item['name']}{'' if item['required'] else '?'}" for item in entry["inputs"]]
        if names:
            click.echo(f"  inputs: {label(', '.join(names))}")
        click.echo(f"  in {label(entry['document'])}")
    if not found:
        click.echo(f"no workflows under {directory}", err=True)
