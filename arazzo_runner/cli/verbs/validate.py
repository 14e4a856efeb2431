"""``arazzo validate``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import click

from arazzo_runner.cli.given.option_groups import (
    GroupedCommand,
    OptionGroup,
    argument,
    completed_by,
    group,
    option,
    takes,
)
from arazzo_runner.cli.given.options import HostWords, SourceWords

if TYPE_CHECKING:
    from arazzo_runner.documents.sources import Library
    from arazzo_runner.errors import Problem


class ValidateWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo validate``."""

    paths: tuple[str, ...] = argument(nargs=-1, shell_complete=completed_by("files"))
    form: Literal["text", "json", "sarif", "github"] = option(
        "--format",
        type=click.Choice(["text", "json", "sarif", "github"]),
        default="text",
        show_default=True,
        help="How problems are printed.",
    )
    strict: bool = option("--strict", is_flag=True, help="Accept the specification's forms only.")
    rules: bool = option("--rules", is_flag=True, help="List the rules and stop.")
    explain: str | None = option(
        "--explain",
        metavar="RULE",
        help="Explain a rule, with an example that breaks it and one that does not, and stop.",
    )
    sources: SourceWords = group(SourceWords)
    hosts: HostWords = group(HostWords)


@click.command(
    "validate",
    cls=GroupedCommand,
    short_help="Find every problem of documents and their sources.",
    epilog="Example: arazzo validate workflows --format github",
)
@click.pass_context
@takes(ValidateWords)
def command(ctx: click.Context, words: ValidateWords) -> None:
    """Find every problem of Arazzo documents and of their sources, all in one go.

    PATHS are documents, URLs, or directories, which are searched for documents.

    Exit status: 0 no errors, 1 errors found, 2 a path cannot be read.
    """
    from arazzo_runner.cli.errors import source_line
    from arazzo_runner.cli.given.preparation import fetching_options, given_sources
    from arazzo_runner.errors import Severity, UsageError
    from arazzo_runner.lint import checker  # noqa: F401 - registers the rules
    from arazzo_runner.reports.problems import as_github, as_json, as_sarif, as_text
    from arazzo_runner.reports.rules import explained, rules_table
    from arazzo_runner.runtime.run.workbook import open_library

    if words.rules:
        sys.stdout.write(rules_table())
        return
    if words.explain is not None:
        sys.stdout.write(explained(words.explain))
        return
    if not words.paths:
        raise UsageError("no document is named", hint="write arazzo validate PATH…")
    library = open_library(
        sources=given_sources(words.sources),
        base_dir=words.sources.base_dir,
        transport=fetching_options(words.hosts),
    )
    documents = documents_of(words.paths)
    found = find_problems(library, documents, strict=words.strict)
    match words.form:
        case "json":
            text = as_json(found)
        case "sarif":
            text = as_sarif(found)
        case "github":
            text = as_github(found)
        case _:
            text = as_text(found, source_line)
    sys.stdout.write(text if text.endswith("\n") or not text else f"{text}\n")
    if words.form == "text":
        wrong = {problem.place.path for problem in found if problem.severity is Severity.ERROR}
        good, count = len([path for path in documents if path not in wrong]), len(documents)
        noun = "document" if count == 1 else "documents"
        sources = ", ".join(sorted(wrong.difference(documents)))
        click.echo(f"{good} of {count} {noun} in order" + (f"; errors in {sources}" if sources else ""), err=True)
    ctx.exit(1 if any(problem.severity is Severity.ERROR for problem in found) else 0)


def documents_of(paths: Iterable[str]) -> list[str]:
    """The documents that the paths name: directories are searched for Arazzo documents.

    Raises:
        UsageError: a directory has none.
    """
    from arazzo_runner.cli.given.targets import arazzo_files
    from arazzo_runner.documents.files import is_directory
    from arazzo_runner.errors import UsageError

    documents: dict[str, None] = {}
    for path in paths:
        if not is_directory(path):
            documents[path] = None
            continue
        found = [str(file) for file, _ in arazzo_files(path)]
        if not found:
            raise UsageError(f"there are no Arazzo documents under {path}")
        documents |= dict.fromkeys(found)
    return list(documents)


def find_problems(library: Library, documents: Iterable[str], *, strict: bool) -> list[Problem]:
    """Every problem of the documents and of their sources, sorted, each once.

    Raises:
        UnreadableDocument: one of them is not there.
    """
    from arazzo_runner.analysis.linker import Linker
    from arazzo_runner.errors import UnreadableDocument, sorted_problems
    from arazzo_runner.lint.checker import check_document

    linker = Linker(library)
    found: list[Problem] = []
    for path in documents:
        try:
            document = linker.library.entry(path)
        except UnreadableDocument as error:
            if any(problem.rule == "document-not-found" for problem in error.problems):
                raise
            # What is wrong with the text of one document must not hide what is wrong with the others.
            found += error.problems
            continue
        found += check_document(linker, document, strict=strict)
    return sorted_problems(found)
