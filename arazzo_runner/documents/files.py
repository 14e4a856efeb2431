"""Files that people name: whether they are there, and what they hold, which has a bound. A device has no end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

MAX_DOCUMENT = 64 << 20
"""Bytes of a document, and of whatever else is written by hand."""
MAX_DATA = 256 << 20
"""Bytes of data: inputs, rows of them, recorded answers."""


def is_file(path: str | Path) -> bool:
    """Return whether a path names a file; one that no file can have names none."""
    return _holds(Path(path).is_file)


def is_stream(path: str | Path) -> bool:
    """Return whether a path names what can be read and is neither file nor directory: a pipe, a device."""
    return exists(path) and not is_file(path) and not is_directory(path)


def is_directory(path: str | Path) -> bool:
    """Return whether a path names a directory; one that no directory can have names none."""
    return _holds(Path(path).is_dir)


def exists(path: str | Path) -> bool:
    """Return whether there is something at a path; at one that nothing can have there is nothing."""
    return _holds(Path(path).exists)


def _holds(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except (OSError, ValueError):  # too long, with a null byte, behind a directory that is not ours to look into
        return False


def _is_named_pipe(path: str | Path) -> bool:
    """Return whether a path names a pipe of the file system; one below /dev, as a shell makes it, has its writer."""
    return Path(path).absolute().parts[1:2] not in (("dev",), ("proc",)) and _holds(Path(path).is_fifo)


def read_file(path: str | Path, *, limit: int = MAX_DOCUMENT) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: it is not there, cannot be read, is a named pipe, or has more bytes than the limit.
    """
    if _is_named_pipe(path):
        raise OSError("it is a named pipe, which nobody may ever write to; pass what it gives on stdin: /dev/stdin")
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(limit + 1)
    except ValueError as error:  # a path that no file can have, such as one with a null byte
        raise OSError(str(error)) from None
    if len(data) > limit:
        raise OSError(f"it has more than {limit >> 20} MiB")
    return data
