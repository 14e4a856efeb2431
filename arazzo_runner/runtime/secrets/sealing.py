"""Encryption of what may hold a secret that nobody can give again, with a key in a file of its own (S1).

AES-256-GCM. Each run has a key derived from the file's, and each sealed text a name, so that none can be put in another
one's place. The file is never made again where something was sealed already: that would only hide that it is lost.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import stat
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from arazzo_runner.documents.files import read_file
from arazzo_runner.errors import JournalError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SIZE = 32
_NONCE = 12


class Key:
    """The key of a journal, or of whatever else keeps runs.

    Attributes:
        fingerprint: tells keys apart and gives nothing of them away.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.fingerprint = self._derived("fingerprint").hex()[:16]

    def sealer(self, purpose: str) -> Sealer:
        """Return the sealer for one purpose, such as a run."""
        return Sealer(self._derived(f"seal {purpose}"))

    def _derived(self, purpose: str) -> bytes:
        return hmac.new(self._secret, purpose.encode(), hashlib.sha256).digest()


class Sealer:
    """Seals and opens texts of one purpose."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @cached_property
    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)

    def seal(self, data: bytes, name: str) -> bytes:
        """The data, encrypted; to be opened by the same name only."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """The data that was sealed by that name.

        Raises:
            JournalError: it was sealed with another key, by another name, or is damaged.
        """
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except (InvalidTag, ValueError):
            raise JournalError(f"the record {name!r} is damaged, or was sealed with another key") from None


def read_key(path: Path) -> Key:
    """The key in a file.

    Raises:
        FileNotFoundError: there is no such file.
        JournalError: it is not a key, or others can read it.
    """
    try:
        mode = path.stat().st_mode
        text = read_file(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise JournalError(f"the key {path} cannot be read: {error.strerror or error}") from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise JournalError(f"the key {path} can be read by others", hint=f"chmod 600 {path}")
    secret = b""
    with suppress(ValueError):
        secret = base64.b64decode(text.strip(), validate=True)
    if len(secret) != SIZE:
        hint = "expected 32 bytes in base64; restore the file from its backup"
        raise JournalError(f"{path} is not a key", hint=hint)
    return Key(secret)


def create_key(path: Path) -> Key:
    """A new key in a new file, for this user alone; the one that is there, if another process was faster.

    Raises:
        JournalError: it cannot be written.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(base64.b64encode(secrets.token_bytes(SIZE)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(part, path)  # whole or not at all, and never over one that is there
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise JournalError(f"the key {path} cannot be written: {error.strerror or error}") from None
    return read_key(path)
