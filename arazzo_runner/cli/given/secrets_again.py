"""The secrets of a durable run, taken again from where they were given, or from the command line now."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arazzo_runner.cli.given.inputs import InputOrigin, trace_inputs
from arazzo_runner.cli.given.rows import InputRow, read_rows

if TYPE_CHECKING:
    from arazzo_runner.cli.given.options import CredentialWords, InputWords
    from arazzo_runner.engine.plan import Plan
    from arazzo_runner.openapi.auth.credentials import Credentials
    from arazzo_runner.runtime.durable.setup import Origin, RunSetup

_FILE = "--credentials"


def credential_origins(plan: Plan, words: CredentialWords) -> dict[str, Origin]:
    """Return where the credentials of a plan were given."""
    from arazzo_runner.openapi.auth.credentials import environment_variable
    from arazzo_runner.runtime.durable.setup import Origin

    variables = {environment_variable(name) for _, operation in plan.operations() for name in operation.schemes}
    origins = {name: Origin(name) for name in plan.options.credentials.by_variable if name in variables}
    if path := words.credentials:
        origins[_FILE] = Origin(f"the file {path}", str(Path(path).absolute()))
    for word in words.auth:
        scheme, _, value = word.partition("=")
        named = value.startswith("env:")
        said = value.removeprefix("env:") if named else "the command line"
        origins[f"--auth {scheme}"] = Origin(said, word if named else "")
    return origins


def input_origins(found: Mapping[str, InputOrigin]) -> dict[str, Origin]:
    """Return the origins of inputs, as a journal stores them."""
    from arazzo_runner.runtime.durable.setup import Origin

    return {name: Origin(origin.said, origin.word) for name, origin in found.items()}


class WordsAgain:
    """Words that give the secrets of runs again (``durable.resuming.SecretsAgain``).

    Args:
        given: inputs that the user gives now.
        credentials: those that the user gives now.
    """

    def __init__(self, given: InputWords, credentials: CredentialWords) -> None:
        self._given = given
        self._credentials = credentials
        self._rows: dict[str, dict[int, InputRow]] = {}

    def inputs(self, run_id: str, setup: RunSetup, plan: Plan) -> dict[str, Any]:
        """The secret inputs of a run.

        Raises:
            UsageError: one is missing, with what to type.
        """
        from arazzo_runner.runtime.durable.resuming import missing_secret, refuse_kept_inputs

        schema, names = plan.workflow.input_schema, plan.options.secret_names
        given, _ = trace_inputs(schema, self._given.inputs, {}, sys.stdin, names)
        refuse_kept_inputs(given, setup)
        wanted = {name: origin for name, origin in setup.asked.items() if name not in given}
        words = [origin.word for origin in wanted.values() if origin.word and not origin.line]
        found, _ = trace_inputs(schema, list(dict.fromkeys(words)), os.environ, sys.stdin, names)
        for name, origin in wanted.items():
            if origin.line:
                row = self._row(origin, schema)
                found |= {name: row.inputs[name]} if row is not None and name in row.inputs else {}
            if name not in found:
                hint = f"arazzo resume {run_id} -i {name}=@FILE"
                raise missing_secret(run_id, f"the input {name}", origin.said, hint)
        return {**{name: found[name] for name in wanted}, **given}

    def _row(self, origin: Origin, schema: Any) -> InputRow | None:
        path = origin.word
        if path not in self._rows:
            self._rows[path] = {row.line: row for row in read_rows(path, schema)}
        return self._rows[path].get(origin.line)

    def credentials(self, run_id: str, setup: RunSetup) -> Credentials:
        """The credentials of a run.

        Raises:
            UsageError: one is missing, with what to type.
        """
        from arazzo_runner.cli.given.credentials import gather_credentials
        from arazzo_runner.runtime.durable.resuming import missing_secret

        words, origins = self._credentials, setup.credentials
        kept = [origin.word for name, origin in origins.items() if name.startswith("--auth ") and origin.word]
        file = origins.get(_FILE)
        path = words.credentials or (file.word if file is not None else None)
        now = {f"--auth {word.partition('=')[0]}" for word in words.auth}
        for name, origin in origins.items():
            if name.startswith("--auth ") and not origin.word and name not in now:
                hint = f"arazzo resume {run_id} {name}=VALUE"
                raise missing_secret(run_id, f"the credential {name}", origin.said, hint)
            if name.startswith("ARAZZO_AUTH_") and not os.environ.get(name) and not now:
                hint = f"arazzo resume {run_id} --auth SCHEME=VALUE"
                raise missing_secret(run_id, f"the credential {name}", "the environment", hint)
        certificate = setup.options.credentials.certificate
        return gather_credentials([*kept, *words.auth], path, os.environ, certificate=certificate)
