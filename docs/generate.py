"""Writes the generated pages of the reference, from help, registries, schemas and docstrings.

Usage: ``python docs/generate.py`` from the repository's root. A test fails when a page is out of date.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import arazzo_runner
from arazzo_runner.analysis import link_rules  # noqa: F401 - registers its rules
from arazzo_runner.cli.main import cli
from arazzo_runner.documents.rules import RULES
from arazzo_runner.lint import checker  # noqa: F401 - registers its rules

REFERENCE = Path(__file__).with_name("reference")
SCHEMAS = Path(arazzo_runner.__file__).with_name("reports")
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


REPORTS = """\
# Reports

`--report FORMAT=PATH` writes `json`, `junit` (JUnit XML), `html` (a page, or an index with a page for each run) and
`har` (HAR 1.2, which browsers open). The JSON reports follow schemas that are published in the package; this page is
generated from them by `docs/generate.py`. Secrets are `[redacted]` in every report.
"""
Schema = dict[str, Any]


def reports() -> str:
    """Return the page of the JSON reports, from their schemas."""
    parts = [REPORTS]
    for name in ("run-report", "runs-report", "test-report"):
        schema = json.loads(SCHEMAS.joinpath(f"{name}.schema.json").read_text("utf-8"))
        parts += [f"## {schema['title']}", "", schema.get("description", ""), ""]
        parts += ["| member | type | what it is |", "| --- | --- | --- |", *_members(schema, schema, ""), ""]
    return "\n".join(parts)


def _members(schema: Schema, whole: Schema, before: str) -> Iterator[str]:
    """Yield a row for each member of a schema, those inside it below it."""
    for name, written in schema.get("properties", {}).items():
        if not isinstance(written, dict):
            continue
        member = _followed(written, whole)
        told = str(member.get("description", "")).replace("|", "\\|")
        yield f"| `{before}{name}` | {_type(member)} | {told} |"
        alternatives = [_followed(one, whole) for one in member.get("oneOf", ())]
        for inner in (member, *alternatives):
            yield from _members(inner, whole, f"{before}{name}.")
        if isinstance(member.get("items"), dict):
            yield from _members(_followed(member["items"], whole), whole, f"{before}{name}[].")


def _followed(schema: Schema, whole: Schema) -> Schema:
    """A schema with what its ``$ref`` leads to."""
    if "$ref" not in schema:
        return schema
    found: Any = whole
    for token in schema["$ref"].removeprefix("#/").split("/"):
        found = found[token]
    return {**found, **schema}


def _type(member: Schema) -> str:
    if "const" in member:
        return f"`{member['const']}`"
    if "enum" in member:
        return "one of " + ", ".join(f"`{one}`" for one in member["enum"])
    if "oneOf" in member:
        return " or ".join(_type(one) for one in member["oneOf"])
    kinds = member.get("type", "object" if "properties" in member or "$ref" in member else "any")
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)


def python_api() -> str:
    """Return the page of what the package exports."""
    spec = importlib.util.spec_from_file_location("api_reference", Path(__file__).with_name("api_reference.py"))
    if spec is None or spec.loader is None:
        raise RuntimeError("docs/api_reference.py is not there")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page: str = module.page()
    return page


PAGES = {"command-line.md": command_line, "rules.md": rules, "reports.md": reports, "python-api.md": python_api}


def main() -> None:
    """Write the pages."""
    REFERENCE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        REFERENCE.joinpath(name).write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
