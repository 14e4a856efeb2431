"""The records of one run, sealed: its setup, states, turns, and where its documents came from."""

from __future__ import annotations

import json
import zlib

from arazzo_runner.engine.events import Event
from arazzo_runner.runtime.durable.documents import KeptDocument
from arazzo_runner.runtime.secrets.sealing import Sealer
from arazzo_runner.runtime.serialization import decode


class Vault:
    """Seals and opens the records of one run."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal(self, text: str, name: str) -> bytes:
        """A text, compressed and sealed."""
        return self._sealer.seal(zlib.compress(text.encode("utf-8", "surrogatepass"), 1), name)

    def open(self, sealed: bytes, name: str) -> str:
        """The text that was sealed by that name.

        Raises:
            JournalError: it is damaged, or was sealed with another key.
        """
        return zlib.decompress(self._sealer.open(sealed, name)).decode("utf-8", "surrogatepass")

    def seal_source(self, document: KeptDocument) -> bytes:
        """Seal the origin of a document: a URL may hold what not everybody should see."""
        return self.seal(json.dumps([document.path, document.uri]), f"source {document.digest}")

    def open_source(self, digest: str, sealed: bytes, content: bytes) -> KeptDocument:
        """The document that was stored."""
        path, uri = json.loads(self.open(sealed, f"source {digest}"))
        return KeptDocument(digest, path, uri, content)

    def open_turn(self, turn: int, sealed: bytes) -> tuple[list[Event], list[tuple[str, bool]]]:
        """Return the events of a turn, and the secrets that it learned, the user's own as placeholders."""
        record = decode(self.open(sealed, f"turn {turn}"))
        return record["told"], record["learned"]
