"""Options that several verbs share, and what their values mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

from arazzo_runner.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


def workflows_option(command: Command) -> Command:
    """``--workflows``: where workflowIds are looked for."""
    return click.option(
        "--workflows",
        "directory",
        envvar="ARAZZO_WORKFLOWS",
        default="workflows",
        show_default=True,
        metavar="DIR",
        help="Where workflowIds are looked for.",
    )(command)


def source_options(command: Command) -> Command:
    """``--source`` and ``--base-dir``: where source descriptions really are (H0)."""
    command = click.option("--base-dir", metavar="DIR", help="The root of relative source URLs.")(command)
    return click.option(
        "--source",
        "sources",
        multiple=True,
        metavar="NAME=PATH",
        help="Where a source description really is.",
    )(command)


def credential_options(command: Command) -> Command:
    """``--auth`` and ``--credentials`` (H5)."""
    command = click.option(
        "--credentials", metavar="FILE", help="Credentials as YAML: scheme, then value or its parts."
    )(command)
    return click.option(
        "--auth",
        multiple=True,
        metavar="SCHEME=VALUE",
        help="Credential for a security scheme: a token, user:password, id:secret or env:NAME. "
        "Also ARAZZO_AUTH_<SCHEME> in the environment.",
    )(command)


def pairs(words: Iterable[str], option: str, form: str) -> dict[str, str]:
    """``NAME=VALUE`` words as a mapping.

    Raises:
        UsageError: a word has another form.
    """
    result = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"{option} {word!r}: expected {form}", hint=f"write {option} {form}")
        result[name] = value
    return result


def servers(words: Iterable[str]) -> dict[str, str]:
    """``--server [SOURCE=]URL`` by source; empty for all."""
    result = {}
    for word in words:
        source, equals, url = word.partition("=")
        if not equals or "://" in source:
            source, url = "", word
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"--server {word!r}: expected an http(s) URL", hint="write --server [SOURCE=]https://…")
        result[source] = url
    return result


def server_variables(words: Iterable[str]) -> dict[str, Mapping[str, str]]:
    """``--server-var [SOURCE.]NAME=VALUE`` by source and name; the source is empty for all."""
    result: dict[str, dict[str, str]] = {}
    for name, value in pairs(words, "--server-var", "[SOURCE.]NAME=VALUE").items():
        source, _, variable = name.rpartition(".")
        result.setdefault(source, {})[variable] = value
    return dict(result)


def check_sources(sources: Iterable[str], known: Iterable[str], *, option: str = "--source") -> None:
    """Refuse an option for a source whose name the document does not have.

    Raises:
        UsageError: with the names that it has.
    """
    from arazzo_runner.cli.targets import nearest

    names = list(known)
    for name in sources:
        if name not in names:
            hint = nearest(name, names, "source descriptions")
            raise UsageError(f"{option} {name}=…: the document has no source description {name!r}", hint=hint)
