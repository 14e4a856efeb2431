"""Files written whole or not at all: reports, cassettes, cached documents."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

PART = ".part"
"""How the name of a file ends that is not complete."""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that takes its name when it is complete, for this user alone.

    Several processes may write the same file at once: the last one wins, and a reader sees all of it or none.

    Raises:
        OSError: it cannot be written; an older file of that name is untouched.
    """
    part = path.with_name(f"{path.name}.{os.urandom(8).hex()}{PART}")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


class WholeFile:
    """A text file that takes its name when it is complete. Use it as a context manager.

    The text goes to ``FILE.part`` until ``keep`` is called; an older file of that name stays untouched until then, and
    for good when ``keep`` is not called. A symbolic link is followed, not replaced. A pipe or device is written to
    directly.

    Entering it shows whether the file can be written at all: enter it before the work whose result it is to hold.

    Args:
        path: what to write; its directory is made when there is none.

    Raises:
        OSError: on entering, it cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._part: Path | None = None
        self.stream: TextIO

    def __enter__(self) -> Self:
        if _is_special(self._path):
            self.stream = self._path.open("w", encoding="utf-8", newline="\n")
            return self
        self._path = Path(os.path.realpath(self._path))
        if self._path.is_dir():
            raise IsADirectoryError(21, "Is a directory", str(self._path))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._part = self._path.with_name(f"{self._path.name}{PART}")
        self.stream = self._part.open("w", encoding="utf-8", newline="\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.stream.closed:
            with suppress(OSError):
                self.stream.close()
            if self._part is not None:
                self._part.unlink(missing_ok=True)

    def keep(self) -> None:
        """The file is complete: let it take its name.

        Raises:
            OSError: the disk is full, or the like, with the file's name; the older file is untouched.
        """
        with self.named_in_errors():
            self.stream.flush()
            if self._part is None:
                self.stream.close()
                return
            os.fsync(self.stream.fileno())
            self.stream.close()
            self._part.replace(self._path)

    @contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """Within it, an error of writing says which file it was; the system does not."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            error.filename = error.filename or str(self._path)
            raise


def _is_special(path: Path) -> bool:
    """Return whether a path names something that cannot be replaced: a device, a pipe, a descriptor of this process."""
    if path.is_absolute() and path.parts[1:2] in (("dev",), ("proc",)):
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
