"""Bodies of responses: counted, decoded and limited while they are read (H6).

Content codings are undone here and not by a client library, since those give a body that was cut off inside its coding,
or has another coding than it claims, as if it were whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from arazzo_runner.effects import Headers
from arazzo_runner.runtime.http.errors import Progress, Refused, TooLarge

PIECE = 256 * 1024
"""Bytes decoded at a time: a small body can decode to one of any size, so it is never decoded at once."""
MAX_CODINGS = 4

_ALIASES = {"x-gzip": "gzip"}
_EXTRA = "pip install 'arazzo-workflow-runner[compression]'"


class MissingCoding(Refused):
    """The response is in a content coding whose library is not installed."""


class Decoder(Protocol):
    """Undoes one content coding."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded bytes; raises the library's own error when they are not in the coding."""

    @property
    def complete(self) -> bool:
        """Return whether the coding's own end was reached."""


class _Zlib:
    """gzip, with one member after the other (RFC 1952); deflate, in zlib's frame (RFC 1950) or bare, as some do."""

    def __init__(self, coding: str) -> None:
        self._gzip = coding == "gzip"
        self._start = b""
        self._inflater: Any = zlib.decompressobj(zlib.MAX_WBITS | 16) if self._gzip else None

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._inflater is None:
            self._start += data
            if len(self._start) < 2:
                return
            data = self._start
            framed = data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
            self._inflater = zlib.decompressobj(zlib.MAX_WBITS if framed else -zlib.MAX_WBITS)
        while True:
            if self._inflater.eof:
                if not (self._gzip and data.startswith(b"\x1f\x8b")):
                    return  # padding after the last member
                self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
            piece = self._inflater.decompress(data, PIECE)
            if piece:
                yield piece
            if self._inflater.eof:
                data = self._inflater.unused_data
            elif not piece:
                return
            else:
                data = self._inflater.unconsumed_tail

    @property
    def complete(self) -> bool:
        return self._inflater is not None and bool(self._inflater.eof)


class _Brotli:
    def __init__(self, library: Any) -> None:
        self._decompressor = library.Decompressor()

    def decode(self, data: bytes) -> Iterator[bytes]:
        piece = self._decompressor.process(data, output_buffer_limit=PIECE)
        while piece:
            yield piece
            piece = self._decompressor.process(b"", output_buffer_limit=PIECE)

    @property
    def complete(self) -> bool:
        return bool(self._decompressor.is_finished())


class _Zstd:
    """Frames one after the other (RFC 8878)."""

    def __init__(self, library: Any) -> None:
        self._new = library.ZstdDecompressor
        self._decompressor = self._new()

    def decode(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._decompressor.eof:
                if not data:
                    return
                self._decompressor = self._new()
            piece = self._decompressor.decompress(data, PIECE)
            if piece:
                yield piece
            if self._decompressor.eof:
                data = self._decompressor.unused_data
            elif self._decompressor.needs_input or not piece:
                return
            else:
                data = b""

    @property
    def complete(self) -> bool:
        return bool(self._decompressor.eof)


def _brotli() -> Any:
    try:
        import brotli  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        import brotlicffi as brotli  # type: ignore[import-untyped, import-not-found, unused-ignore]
    return brotli


def _zstd() -> Any:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from backports import zstd  # type: ignore[import-not-found, no-redef, unused-ignore]
    return zstd


_OPTIONAL: dict[str, tuple[Callable[[], Any], Callable[[Any], Decoder]]] = {
    "br": (_brotli, _Brotli),
    "zstd": (_zstd, _Zstd),
}


def accepted_codings() -> str:
    """The value of ``Accept-Encoding``: what can be undone here."""
    codings = ["gzip", "deflate"]
    for coding, (load, _) in _OPTIONAL.items():
        try:
            load()
        except ImportError:
            continue
        codings.append(coding)
    return ", ".join(codings)


def _decoder(coding: str) -> Decoder | None:
    """Return the decoder of a coding; None for an unknown one, whose body is left as it is, as clients do.

    Raises:
        Refused: the coding is known, and its library is not installed.
    """
    if coding in ("gzip", "deflate"):
        return _Zlib(coding)
    if coding not in _OPTIONAL:
        return None
    load, decoder = _OPTIONAL[coding]
    try:
        return decoder(load())
    except ImportError:
        raise MissingCoding(
            f"the response is in the content coding '{coding}', which needs an extra: {_EXTRA}"
        ) from None


def decoded_body(headers: Headers, body: bytes, *, limit: int) -> bytes:
    """A whole body with its content codings undone; one that is not in them was decoded before.

    Raises:
        MissingCoding: the library of a coding is not installed, and the body is not text.
        TooLarge: it passes the limit.
    """
    try:
        pieces: Iterable[bytes] = (body,)
        decoders = _decoders_of(headers)
        for coding, decoder in decoders:
            pieces = _decoded(coding, decoder, pieces)
        made = _joined(pieces, limit)
        return made if all(decoder.complete for _, decoder in decoders) else body
    except TooLarge:
        raise
    except MissingCoding:
        if _is_text(body):
            return body
        raise
    except Refused:
        return body


def _joined(pieces: Iterable[bytes], limit: int) -> bytes:
    whole: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise TooLarge(limit)
        whole.append(piece)
    return b"".join(whole)


def _decoders_of(headers: Headers) -> list[tuple[str, Decoder]]:
    """The decoders of a response, the last coding first.

    Raises:
        Refused: there are too many, or the library of one is not installed.
    """
    codings = [
        _ALIASES.get(word, word)
        for name, value in headers
        if name.lower() == "content-encoding"
        for word in value.replace(" ", "").lower().split(",")
    ]
    if len(codings) > MAX_CODINGS:
        raise Refused(f"the response has {len(codings)} content codings, one in the other")
    decoders: list[tuple[str, Decoder]] = []
    for coding in reversed(codings):
        if coding not in ("", "identity"):
            decoder = _decoder(coding)
            if decoder is None:
                break
            decoders.append((coding, decoder))
    return decoders


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


class IncomingBody:
    """A response's body while it comes.

    Args:
        headers: the response's.
        limit: of bytes, decoded or not.
        progress: is updated with what came.

    Attributes:
        last: what came last, as it came.

    Raises:
        Refused: it is announced as larger than the limit, or in a coding that cannot be undone here.
    """

    def __init__(self, headers: Headers, *, limit: int, progress: Progress) -> None:
        self._limit = limit
        self._progress = progress
        if progress.expected is not None and progress.expected > limit:
            raise TooLarge(limit)
        self._decoders = _decoders_of(headers)
        self._pieces: list[bytes] = []
        self.last = b""
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take what came.

        Raises:
            Refused: it passes the limit, or is not in the coding that it claims.
        """
        self.last = data
        self._progress.received += len(data)
        if self._progress.received > self._limit:
            raise TooLarge(self._limit)
        pieces: Iterable[bytes] = (data,)
        for coding, decoder in self._decoders:
            pieces = _decoded(coding, decoder, pieces)
        for piece in pieces:
            self._size += len(piece)
            if self._size > self._limit:
                raise TooLarge(self._limit)
            self._pieces.append(piece)

    def finish(self) -> bytes:
        """The whole body.

        Raises:
            Refused: it ended inside its coding.
        """
        for coding, decoder in self._decoders:
            if self._progress.received and not decoder.complete:
                raise Refused(f"the response's body ended too early for its content coding '{coding}'")
        return b"".join(self._pieces)


def _decoded(coding: str, decoder: Decoder, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for data in pieces:
        try:
            yield from decoder.decode(data)
        except Refused:
            raise
        except Exception:  # noqa: BLE001 - each library has an error of its own
            raise Refused(f"the response's body is not in the content coding that it claims, '{coding}'") from None
