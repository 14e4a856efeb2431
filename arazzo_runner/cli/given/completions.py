"""Words that a shell completes: files, workflows, inputs, runs, schemes, sources. Nothing is fetched, nothing fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click
from click.shell_completion import CompletionItem

from arazzo_runner.errors import ArazzoError

if TYPE_CHECKING:
    from arazzo_runner.documents.model import ArazzoDescription

Complete: TypeAlias = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
OPEN = "open"
"""The type of an item that more follows at once, without a space: ``name=``."""
MAX_RUNS = 200


def files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a file."""
    return [CompletionItem(incomplete, type="file")]


def directories(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a directory."""
    return [CompletionItem(incomplete, type="dir")]


def report_words(_: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete ``FORMAT=PATH``."""
    form, equals, path = incomplete.partition("=")
    if equals:
        return paths_behind(f"{form}=", path)
    formats = ("markdown",) if "markdown" in (getattr(parameter, "help", None) or "") else ()
    return _items((f"{one}=" for one in ("html", "json", "junit", "har", *formats)), incomplete, type=OPEN)


def targets(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a document, or a workflowId of those under ``--workflows``."""
    found = [(w.workflow_id, w.summary or path) for path, d in _descriptions(ctx) for w in d.workflows]
    named = [CompletionItem(name, help=told) for name, told in found if name.startswith(incomplete)]
    return [*named, CompletionItem(incomplete, type="file")]


def workflows(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a workflow of the document that was named."""
    description = _description(ctx)
    if description is None:
        return targets(ctx, parameter, incomplete)
    there = [w for w in description.workflows if w.workflow_id.startswith(incomplete)]
    return [CompletionItem(w.workflow_id, help=w.summary or "") for w in there]


def inputs(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete ``name=value``: names that the workflow declares, values of an enumeration, and files behind ``@``."""
    from arazzo_runner.documents.input_schemas import declared, input_schema

    name, equals, value = incomplete.partition("=")
    if equals and value.startswith("@"):
        return paths_behind(f"{name}=@", value[1:])
    items: list[CompletionItem] = []
    for schema in _input_schemas(ctx):
        if equals:
            choices = input_schema(schema, name).get("enum")
            words = (str(one) for one in choices) if isinstance(choices, list) else ()
            items += _items((f"{name}={word}" for word in words), incomplete)
            continue
        for one in declared(schema):
            told = str(input_schema(schema, one).get("description") or "")
            if one.startswith(incomplete):
                items.append(CompletionItem(f"{one}=", type=OPEN, help=told))
    if not equals:
        items.append(CompletionItem(incomplete, type="file"))
    return _unique(items)


def schemes(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete ``SCHEME=``: the security schemes of the sources that are files."""
    return _items((f"{name}=" for name in _schemes(ctx)), incomplete, type=OPEN)


def sources(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete ``SOURCE=``, and a file behind it where one is asked for."""
    name, equals, path = incomplete.partition("=")
    if equals:
        return paths_behind(f"{name}=", path) if "PATH" in (parameter.make_metavar(ctx) or "") else []
    description = _description(ctx)
    names = [] if description is None else [source.name for source in description.source_descriptions]
    return _items((f"{one}=" for one in names), incomplete, type=OPEN)


def runs(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the id of a durable run, the latest first."""
    from arazzo_runner.runtime.user_directories import state_directory

    named, state = _value(ctx, "journal") or os.environ.get("ARAZZO_JOURNAL"), state_directory(os.environ)
    path = Path(named) if named else state / "journal.db" if state is not None else None
    if path is None or not path.is_file():
        return []
    from arazzo_runner.runtime.durable.journal import Journal

    with suppress(ArazzoError, OSError), Journal(path) as journal:
        rows = [row for row in journal.runs() if row.id.startswith(incomplete)][:MAX_RUNS]
        return [CompletionItem(row.id, help=f"{row.shown} {row.workflow}") for row in rows]
    return []


BY_METAVAR: dict[str, Complete] = {
    "FILE": files,
    "PATH": files,
    "DIR": directories,
    "FORMAT=PATH": report_words,
    "INPUT": inputs,
    "SCHEME=VALUE": schemes,
    "NAME=PATH": sources,
    "[SOURCE=]URL": sources,
}
"""Completions of option values, by the name that the help has for them."""


def by_metavar(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the value of an option by what its help calls it."""
    complete = BY_METAVAR.get(parameter.metavar or "")
    return [] if complete is None else without_errors(complete, ctx, parameter, incomplete)


def without_errors(
    complete: Complete, ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete nothing where something cannot be read: whoever types has not asked to be told."""
    with suppress(ArazzoError, OSError, ValueError):
        return complete(ctx, parameter, incomplete)
    return []


def _items(words: Iterable[str], incomplete: str, **how: Any) -> list[CompletionItem]:
    return [CompletionItem(word, **how) for word in dict.fromkeys(words) if word.startswith(incomplete)]


def _unique(items: Iterable[CompletionItem]) -> list[CompletionItem]:
    return list({item.value: item for item in reversed(list(items))}.values())[::-1]


def paths_behind(before: str, path: str) -> list[CompletionItem]:
    """The files that a path can become, behind other text of the same word; a shell knows only whole words."""
    directory, slash, name = path.rpartition("/")
    folder = Path(f"{directory}{slash}" or ".").expanduser()
    items = []
    with suppress(OSError):
        for one in sorted(folder.iterdir()):
            if one.name.startswith(name) and (name or not one.name.startswith(".")):
                inside = one.is_dir()
                word = f"{before}{directory}{slash}{one.name}{'/' if inside else ''}"
                items.append(CompletionItem(word, type=OPEN if inside else "plain"))
    return items


def _value(ctx: click.Context, name: str) -> Any:
    """A parameter of the verb, or of the verb that it belongs to."""
    context: click.Context | None = ctx
    while context is not None:
        if context.params.get(name):
            return context.params[name]
        context = context.parent
    return None


def _descriptions(ctx: click.Context) -> Iterator[tuple[str, ArazzoDescription]]:
    from arazzo_runner.cli.given.targets import descriptions

    yield from descriptions(str(_value(ctx, "directory") or "workflows"))


def _description(ctx: click.Context) -> ArazzoDescription | None:
    """The document that was named, when it is a file, or the one that has the named workflow."""
    from arazzo_runner.cli.given.targets import find_target, is_document
    from arazzo_runner.documents.loader import load_description
    from arazzo_runner.documents.reader import read_document

    target = _value(ctx, "target")
    if not isinstance(target, str):
        return None
    with suppress(ArazzoError, OSError):
        if not is_document(target):
            target = find_target(target, None, str(_value(ctx, "directory") or "workflows")).document
        return load_description(read_document(Path(target).read_bytes(), target))[0]
    return None


def _input_schemas(ctx: click.Context) -> list[Any]:
    """The input schemas of the workflows that are named; of all of the document when none is."""
    description, target, named = _description(ctx), _value(ctx, "target"), _value(ctx, "workflow")
    if description is None:
        return []
    ids = {named, target} if named or target in {w.workflow_id for w in description.workflows} else None
    return [w.inputs for w in description.workflows if ids is None or w.workflow_id in ids]


def _schemes(ctx: click.Context) -> Iterator[str]:
    description = _description(ctx)
    if description is None:
        return
    from arazzo_runner.documents.reader import read_document

    here = Path(description.document.path).parent
    for source in description.source_descriptions:
        with suppress(ArazzoError, OSError):
            data = read_document((here / source.url).read_bytes(), source.url).data
            components = data.get("components") if isinstance(data, dict) else None
            defined = (components or {}).get("securitySchemes") or data.get("securityDefinitions") or {}
            yield from map(str, defined)
