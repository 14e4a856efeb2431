"""The key that seals all that goes to a cluster: in a file, or in an environment variable."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from arazzo_runner.documents.files import exists
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.secrets.sealing import SIZE, Key, create_key, read_key
from arazzo_runner.runtime.user_directories import key_directory

KEY_VARIABLE = "ARAZZO_ENGINE_KEY"


def engine_key(word: str | None, *, made: Callable[[Path], None] | None = None) -> Key:
    """Return the key.

    Args:
        word: its file; or the key itself in base64, when that is what the variable holds. None for the usual file.
        made: is called with a new key; None makes none.

    Raises:
        UsageError: there is no key.
        JournalError: it cannot be used.
    """
    if word and not exists(word) and word == os.environ.get(KEY_VARIABLE):
        # The variable may hold the key itself; whatever it holds is not shown.
        with suppress(ValueError):
            secret = base64.b64decode(word, validate=True)
            if len(secret) == SIZE:
                return Key(secret)
        if "/" not in word and "\\" not in word:
            raise UsageError(f"{KEY_VARIABLE} is neither a key nor a file", hint="expected 32 bytes in base64")
    path = Path(word) if word else _usual_key()
    try:
        return read_key(path)
    except FileNotFoundError:
        if made is not None:
            made(path)
            return create_key(path)
        hint = "arazzo worker makes one, once; elsewhere give a copy of it: --engine-key FILE"
        raise UsageError(f"there is no key {path} to seal the run with", hint=hint) from None


def _usual_key() -> Path:
    directory = key_directory(os.environ)
    if directory is None:
        raise UsageError("there is no home directory for the cluster's key", hint="name one: --engine-key FILE")
    return directory / "engine.key"
