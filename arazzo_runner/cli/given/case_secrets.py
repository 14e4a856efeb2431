"""Secrets of single cases for ``arazzo test --live``: a file that says which case gets which values."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from arazzo_runner.cli.given.inputs import gather_inputs
from arazzo_runner.documents.files import MAX_DATA, read_file
from arazzo_runner.errors import ArazzoError, UsageError


def read_case_secrets(path: str) -> Mapping[str, Mapping[str, Any]]:
    """Read a file of secrets: case, as ``workflow::case`` or a pattern of it, then input, then value.

    Raises:
        UsageError: it cannot be read, or has another form.
    """
    from arazzo_runner.documents.reader import read_document

    try:
        data = read_document(read_file(path, limit=MAX_DATA), path).data
    except OSError as error:
        raise UsageError(f"--secrets {path} cannot be read: {error.strerror or error}") from None
    except ArazzoError as error:
        raise UsageError(f"--secrets {path} is not JSON or YAML: {error.message}") from None
    if not isinstance(data, dict) or not all(isinstance(values, dict) for values in data.values()):
        hint = "write it as YAML: fetch::usual: {password: …}"
        raise UsageError(f"--secrets {path}: expected an object of inputs for each case", hint=hint)
    return data


def secrets_of(case_id: str, secrets: Mapping[str, Mapping[str, Any]], schema: Any, directory: Path) -> dict[str, Any]:
    """The inputs of one case; a later entry of the file wins. ``@file`` is a file beside the file of secrets.

    Raises:
        UsageError: a file that a value names cannot be read.
    """
    found: dict[str, Any] = {}
    for pattern, values in secrets.items():
        if not fnmatchcase(case_id, pattern):
            continue
        for name, value in values.items():
            if not isinstance(value, str):
                found[name] = value
                continue
            is_file = value.startswith("@") and not value.startswith("@@")
            word = f"@{directory / value[1:]}" if is_file else value
            found |= gather_inputs(schema, [f"{name}={word}"], {}, _NOTHING)
    return found


class _Nothing:
    """A standard input that is never read: no value of a file means it."""

    def read(self, _: int = -1) -> str:
        return ""


_NOTHING: Any = _Nothing()
