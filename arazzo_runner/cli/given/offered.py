"""The documents whose workflows ``arazzo mcp`` and ``arazzo web`` offer, and what the person gives to all of them."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from arazzo_runner.cli.given import preparation
from arazzo_runner.cli.given.inputs import ENVIRONMENT_PREFIX, trace_inputs
from arazzo_runner.cli.given.targets import Target, arazzo_files, find_target, is_document
from arazzo_runner.documents.files import is_directory, read_file
from arazzo_runner.errors import ArazzoError, UsageError

if TYPE_CHECKING:
    from arazzo_runner.cli.given.options import LiveWords
    from arazzo_runner.documents.model import Workflow
    from arazzo_runner.engine.plan import Plan
    from arazzo_runner.runtime.run.workbook import Workbook
    from arazzo_runner.runtime.secrets.redaction import Redactor

SHORTEST_TOKEN = 16
"""Characters of a token: a shorter one can be guessed."""


def offered_targets(words: Sequence[str], directory: str, *, verb: str) -> list[Target]:
    """Return the documents that words name, or those of the directory when there are none.

    Args:
        verb: that offers them, for what to type.

    Raises:
        UsageError: a word names nothing, or a directory has no document.
    """
    found: list[Target] = []
    for word in words or [directory]:
        if is_directory(word) and not is_document(word):
            inside = [Target(str(path), None) for path, _ in arazzo_files(word)]
            if not inside:
                hint = f"name a document or a directory: arazzo {verb} workflows"
                raise UsageError(f"there is no Arazzo document in the directory {word}", hint=hint)
            found += inside
        elif is_document(word):
            found.append(Target(word, None))
        elif not words:
            raise UsageError(f"there is no directory {word}", hint="name a document or a directory, or --workflows DIR")
        else:
            found.append(find_target(word, None, directory))
    return list(dict.fromkeys(found))


def offered_workflows(
    targets: Iterable[Target], live: LiveWords, *, named: bool
) -> tuple[list[tuple[Workbook, Workflow]], list[str]]:
    """Load documents; return the workflows of the targets, and a sentence for each document that was passed over.

    Args:
        named: whether the user named each of them: then one that cannot be used is an error.

    Raises:
        ArazzoError: a document that was named cannot be used, or none can.
    """
    loaded: dict[str, Workbook] = {}
    found: list[tuple[Workbook, Workflow]] = []
    passed_over: dict[str, str] = {}
    for target in targets:
        if target.document in passed_over:
            continue
        if target.document not in loaded:
            words = replace(live, target=replace(live.target, target=target.document))
            transport = preparation.live_transport(words)
            try:
                loaded[target.document] = preparation.load_target(
                    target, live.sources, transport, live.servers, live.extra
                )
            except UsageError:
                raise
            except ArazzoError as error:
                if named:
                    raise
                passed_over[target.document] = f"{target.document} is not offered: {error.message}"
                continue
        workbook = loaded[target.document]
        found += (
            (workbook, workflow)
            for workflow in workbook.description.workflows
            if target.workflow_id in (None, workflow.workflow_id)
        )
    if not found:
        raise UsageError("no workflow can be offered", hint="arazzo validate shows what is wrong with the documents")
    return found, list(passed_over.values())


class PersonsInputs:
    """The inputs that the person gives by ``-i`` and the environment, read for each plan.

    Args:
        words: of ``--input``.
        redactor: learns the secret ones before anybody sees them (S1).
    """

    def __init__(self, words: Sequence[str], redactor: Redactor) -> None:
        if "-" in words:
            hint = "name a file: -i inputs.json"
            raise UsageError("--input - cannot be read: a server does not read inputs from standard input", hint=hint)
        self._words = tuple(words)
        self._redactor = redactor
        variables = {
            name.removeprefix(ENVIRONMENT_PREFIX): value
            for name, value in os.environ.items()
            if name.startswith(ENVIRONMENT_PREFIX)
        }
        redactor.learn_inputs({}, variables)
        # Those whose names say that they are secret, before any plan tells of the others.
        redactor.learn_inputs({}, trace_inputs({}, self._words, {}, sys.stdin)[0])

    def __repr__(self) -> str:
        return "<inputs of the person>"

    def __call__(self, plan: Plan) -> dict[str, Any]:
        """Return the inputs for a plan.

        Raises:
            UsageError: one cannot be read.
        """
        schema, names = plan.workflow.input_schema, plan.options.secret_names
        found = trace_inputs(schema, self._words, os.environ, sys.stdin, names)[0]
        self._redactor.learn_inputs(schema, found, plan.credential_inputs)
        return found


def http_address(text: str) -> tuple[str, int]:
    """Return host and port of ``--http HOST:PORT``.

    Raises:
        UsageError: it is another form.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise UsageError(f"--http {text!r}: expected HOST:PORT", hint="write --http 127.0.0.1:8765")
    return host, int(port)


def client_token(path: str) -> str:
    """Read the token of ``--token FILE``. A file that others can read is refused.

    Raises:
        UsageError: it cannot be read, or is not a usable token.
    """
    try:
        if Path(path).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(f"the token's file {path} can be read by others", hint=f"chmod 600 {path}")
        token = read_file(path).decode("ascii").strip()
    except OSError as error:
        raise UsageError(f"the token's file {path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        token = ""
    if len(token) < SHORTEST_TOKEN or not token.isprintable() or " " in token:
        hint = f"make one: (umask 077; openssl rand -hex 32 > {path})"
        raise UsageError(f"{path} does not hold a token of {SHORTEST_TOKEN} characters or more", hint=hint)
    return token
