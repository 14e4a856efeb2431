"""Credentials from the command line, the environment and a file (H5). None of them is ever shown (S1)."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from arazzo_runner.documents.files import read_file
from arazzo_runner.errors import ArazzoError, UsageError
from arazzo_runner.openapi.auth.credentials import Credential, Credentials, parse_credential

PREFIX = "ARAZZO_AUTH_"
_PARTS = {
    "token": "token",
    "username": "identity",
    "user": "identity",
    "id": "identity",
    "client_id": "client_id",
    "password": "secret",
    "secret": "secret",
    "client_secret": "client_secret",
}
"""What the parts of a credential may be called in a file."""


def gather_credentials(
    words: Iterable[str], path: str | None, environment: Mapping[str, str], *, certificate: bool = False
) -> Credentials:
    """The credentials that ``--auth``, ``--credentials`` and the environment give; ``--auth`` comes first.

    Args:
        certificate: whether a client certificate is given.

    Raises:
        UsageError: a word or the file cannot be read.
    """
    by_scheme = dict(_from_file(path, environment)) if path else {}
    for word in words:
        scheme, equals, value = word.partition("=")
        if not equals or not scheme or not value:
            # The word may be a credential itself, so it is not shown.
            raise UsageError("--auth expects SCHEME=VALUE", hint="write --auth SCHEME=VALUE or --auth SCHEME=env:NAME")
        by_scheme[scheme] = parse_credential(_named(value, environment, f"--auth {scheme}"), origin="--auth")
    by_variable = {
        name: parse_credential(value, origin=name)
        for name, value in environment.items()
        if name.startswith(PREFIX) and value
    }
    return Credentials(by_scheme, by_variable, certificate)


def _named(value: str, environment: Mapping[str, str], what: str) -> str:
    """A value, or the environment variable's that ``env:NAME`` names."""
    if not value.startswith("env:"):
        return value
    name = value.removeprefix("env:")
    if not environment.get(name):
        raise UsageError(f"{what}: the environment has no {name}", hint=f"export {name}=…")
    return environment[name]


def _from_file(path: str, environment: Mapping[str, str]) -> Mapping[str, Credential]:
    data = _read(path)
    credentials = {}
    for scheme, value in data.items():
        what = f"{path}: the credential {scheme!r}"
        if isinstance(value, str):
            credentials[scheme] = parse_credential(_named(value, environment, what), origin=path)
            continue
        if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
            raise UsageError(f"{what} is neither text nor an object of texts")
        unknown = [part for part in value if part not in _PARTS]
        if unknown:
            hint = f"the parts are {', '.join(_PARTS)}"
            raise UsageError(f"{what} has an unknown part {unknown[0]!r}", hint=hint)
        parts = {_PARTS[part]: _named(text, environment, what) for part, text in value.items()}
        if "identity" not in parts:
            # A client on its own behalf is who the credential is of.
            renamed = {"client_id": "identity", "client_secret": "secret"}
            parts = {renamed.get(name, name): text for name, text in parts.items()}
        credentials[scheme] = Credential(**parts, origin=path)
    return credentials


def _read(path: str) -> Mapping[str, Any]:
    """The file's content. One that others can read is refused: it is not a secret any more."""
    from arazzo_runner.documents.reader import read_document

    file = Path(path)
    try:
        mode = file.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO) & ~stat.S_IXGRP & ~stat.S_IXOTH:
            raise UsageError(f"the credentials file {path} can be read by others", hint=f"chmod 600 {path}")
        data = read_document(read_file(file), path).data
    except OSError as error:
        raise UsageError(f"the credentials file {path} cannot be read: {error.strerror or error}") from None
    except UsageError:
        raise
    except ArazzoError:
        # What the parser says may show a line of the file.
        raise UsageError(f"the credentials file {path} is not YAML") from None
    if not isinstance(data, dict):
        raise UsageError(f"the credentials file {path} is not an object of credentials by scheme")
    return data
