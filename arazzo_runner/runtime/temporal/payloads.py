"""Payloads that Temporal stores of a run, sealed: inputs, documents, requests, answers and errors (S1).

A cluster takes no more than two megabytes at once. What is larger goes, sealed likewise, to a directory that all
workers share (``--engine-store``), and its name stands in its place.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from arazzo_runner.errors import JournalError
from arazzo_runner.runtime.atomic_file import write_whole
from arazzo_runner.runtime.secrets.sealing import Key, Sealer

LIMIT = 1_500_000
"""Bytes of a sealed payload; Temporal refuses two million, and takes a few payloads in one message."""
_ENCODING, _SEALED, _STORED = "encoding", b"binary/arazzo-sealed", b"binary/arazzo-stored"
_KEY = "arazzo-key"
"""Names the key's fingerprint beside what it sealed, so that another key is reported by name."""
_NAME = "payload"


class Store(Struct, frozen=True):
    """A directory that every worker and client reaches, for what is too large for the cluster."""

    directory: Path

    def put(self, data: bytes) -> str:
        """Keep data; return its name, which is made of it."""
        name = hashlib.sha256(data).hexdigest()
        path = self.directory / name
        if not path.exists():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, data)
        return name

    def get(self, name: str) -> bytes:
        """The data of that name.

        Raises:
            JournalError: it is not there, or is damaged.
        """
        path = self.directory / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise JournalError(f"{path} cannot be read: {error.strerror or error}") from None
        if hashlib.sha256(data).hexdigest() != name:
            raise JournalError(f"{path} is damaged")
        return data


class SealingCodec(PayloadCodec):
    """Seals all that goes to a cluster, and opens what comes from it. There is no way around it.

    Args:
        store: for what is too large; None when there is none.
    """

    def __init__(self, key: Key, store: Store | None = None) -> None:
        self._sealer: Sealer = key.sealer("temporal")
        self._fingerprint = key.fingerprint
        self._store = store

    async def encode(self, payloads: Iterable[Payload]) -> list[Payload]:
        """Payloads, sealed."""
        return [self._sealed(payload) for payload in payloads]

    async def decode(self, payloads: Iterable[Payload]) -> list[Payload]:
        """Payloads, opened."""
        return [self._opened(payload) for payload in payloads]

    def fits(self, text: str) -> bool:
        """Return whether a text can be sent; all of them can where there is a store."""
        return self._store is not None or len(zlib.compress(text.encode(), 1)) + 200 <= LIMIT

    def _sealed(self, payload: Payload) -> Payload:
        data = self._sealer.seal(zlib.compress(payload.SerializeToString(), 1), _NAME)
        if len(data) <= LIMIT:
            return Payload(metadata=self._metadata(_SEALED), data=data)
        if self._store is None:
            raise JournalError(f"{len(data):,} bytes are more than Temporal takes", hint="name a --engine-store DIR")
        return Payload(metadata=self._metadata(_STORED), data=self._store.put(data).encode())

    def _metadata(self, encoding: bytes) -> dict[str, bytes]:
        return {_ENCODING: encoding, _KEY: self._fingerprint.encode()}

    def _opened(self, payload: Payload) -> Payload:
        sealed_with = payload.metadata.get(_KEY, b"").decode("ascii", "replace")
        if sealed_with not in ("", self._fingerprint):
            message = f"it was sealed with another key ({sealed_with[:16]}) than the one here ({self._fingerprint})"
            raise JournalError(message, hint="name the key that the run was started with: --engine-key FILE")
        match payload.metadata.get(_ENCODING):
            case encoding if encoding == _SEALED:
                data = payload.data
            case encoding if encoding == _STORED:
                if self._store is None:
                    hint = "name the directory that the workers share: --engine-store DIR"
                    raise JournalError("a part of the run is in a store", hint=hint)
                data = self._store.get(payload.data.decode())
            case _:
                raise JournalError("the cluster gave something that was not sealed")
        return Payload.FromString(zlib.decompress(self._sealer.open(data, _NAME)))


def data_converter(codec: SealingCodec) -> DataConverter:
    """Return the converter of values for the cluster: plain JSON, sealed; the texts of errors too."""
    return DataConverter(payload_codec=codec, failure_converter_class=DefaultFailureConverterWithEncodedAttributes)
