"""The content of a file that the user named: its bytes, which remember the file's own name (H4)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from mimetypes import MimeTypes


class FileContent(bytes):
    """The bytes of a file.

    Attributes:
        name: the file's name, without its directory.
    """

    name: str

    def __new__(cls, content: bytes, name: str) -> Self:
        """Make the content of a file from bytes and a name."""
        made = super().__new__(cls, content)
        made.name = name
        return made


@cache
def _types() -> MimeTypes:
    """Return the standard library's own table, the same on every machine; to load it takes milliseconds."""
    from mimetypes import MimeTypes

    return MimeTypes(filenames=())


def type_by_ending(name: str) -> str | None:
    """The media type that the ending of a file's name stands for, or None."""
    kind, encoding = _types().guess_type(name.replace("/", "_"))
    return None if encoding else kind
