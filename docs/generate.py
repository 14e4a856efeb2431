"""Writes the generated pages of the reference: the command line, the rules, and the Python API.

Usage: ``python docs/generate.py`` from the repository's root. A test fails when a page is out of date.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import click

from arazzo_runner.analysis import link_rules  # noqa: F401 - registers its rules
from arazzo_runner.cli.main import cli
from arazzo_runner.documents.rules import RULES
from arazzo_runner.lint import checker  # noqa: F401 - registers its rules

REFERENCE = Path(__file__).with_name("reference")
WIDTH = 100


def command_line() -> str:
    """Return the page of all verbs, as ``--help`` prints them."""
    parts = ["# Command line", "", "Generated from `--help` by `docs/generate.py`.", ""]
    for context in _contexts(cli, "arazzo", None):
        parts += [f"## {context.command_path}", "", "```text", context.command.get_help(context), "```", ""]
    return "\n".join(parts)


def _contexts(command: click.Command, name: str, parent: click.Context | None) -> Iterator[click.Context]:
    settings = command.context_settings | {"terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, parent, info_name=name, **settings)
    yield context
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            found = command.get_command(context, verb)
            if found is not None:
                yield from _contexts(found, verb, context)


def rules() -> str:
    """Return the page of all rules of ``arazzo validate``."""
    parts = [
        "# Rules",
        "",
        "What `arazzo validate` reports, generated from the registry by `docs/generate.py`.",
        "`arazzo validate --explain RULE` prints a rule with an example that breaks",
        "it and one that does not. Ids such as `V5` are explained in",
        "[How documents are read](../how-documents-are-read.md).",
        "",
        "| rule | severity | what it asks for | follows |",
        "| --- | --- | --- | --- |",
    ]
    for _, rule in sorted(RULES.items()):
        summary = rule.summary.replace("|", "\\|")
        parts.append(f"| `{rule.id}` | {rule.severity.value} | {summary} | {rule.section} |")
    return "\n".join([*parts, ""])


def python_api() -> str:
    """Return the page of what the package exports."""
    spec = importlib.util.spec_from_file_location("api_reference", Path(__file__).with_name("api_reference.py"))
    if spec is None or spec.loader is None:
        raise RuntimeError("docs/api_reference.py is not there")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page: str = module.page()
    return page


PAGES = {"command-line.md": command_line, "rules.md": rules, "python-api.md": python_api}


def main() -> None:
    """Write the pages."""
    REFERENCE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        REFERENCE.joinpath(name).write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
