"""Values as JSON, and back: for what has to outlive a process.

JSON is ASCII, so that a lone surrogate of some answer is kept like any other character. What JSON does not have is an
object with one member, its mark; an object that looks like that is escaped.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from arazzo_runner.documents.file_contents import FileContent
from arazzo_runner.errors import InvalidState

if TYPE_CHECKING:
    from msgspec import Struct

_BYTES, _FILE, _OBJECT, _SET, _VALUE = "$bytes", "$file", "$object", "$set", "$value"
_SCALARS = frozenset({type(None), bool, int, float, str})
_MARKS = ({_BYTES}, {_FILE}, {_OBJECT}, {_SET}, {_VALUE})


class Codec:
    """Writes plain data, and structs of the kinds that it knows; every other is refused.

    So nothing can be written that cannot be read.

    Args:
        kinds: the structs; their names tell them apart.
    """

    def __init__(self, *kinds: type[Struct]) -> None:
        self._kinds = {kind.__name__: kind for kind in kinds}

    def encode(self, value: Any) -> str:
        """A value as JSON text.

        Raises:
            TypeError: it holds something that is neither plain data nor of a known kind.
        """
        return json.dumps(self.plain(value), separators=(",", ":"))

    def decode(self, text: str | bytes) -> Any:
        """The value that ``encode`` was given.

        Raises:
            InvalidState: the text is not of this release.
        """
        try:
            return self.revived(json.loads(text))
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidState(f"not written by this release: {error}") from None

    def plain(self, value: Any) -> Any:
        """A value as the data that JSON can hold.

        Raises:
            TypeError: it holds something that is neither plain data nor of a known kind.
        """
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is list or kind is tuple:
            return [self.plain(item) for item in value]
        if self._kinds.get(kind.__name__) is kind:
            return {
                _VALUE: [kind.__name__, {name: self.plain(getattr(value, name)) for name in kind.__struct_fields__}]
            }
        match value:
            case FileContent():
                return {_FILE: [value.name, base64.b64encode(value).decode()]}
            case bytes():
                return {_BYTES: base64.b64encode(value).decode()}
            case Mapping():
                made = {key: self.plain(item) for key, item in value.items()}
                return {_OBJECT: made} if len(made) == 1 and made.keys() in _MARKS else made
            case frozenset():
                return {_SET: sorted(value)}
            case str() | int() | float():
                return value
            case _:
                raise TypeError(f"{kind.__name__} cannot be serialised")

    def revived(self, value: Any) -> Any:
        """The value that ``plain`` was given.

        Raises:
            ValueError, KeyError, TypeError: it is not of this release.
        """
        match value:
            case dict() if value.keys() == {_BYTES}:
                return base64.b64decode(value[_BYTES])
            case dict() if value.keys() == {_FILE}:
                name, content = value[_FILE]
                return FileContent(base64.b64decode(content), name)
            case dict() if value.keys() == {_OBJECT}:
                return {key: self.revived(item) for key, item in value[_OBJECT].items()}
            case dict() if value.keys() == {_SET}:
                return frozenset(value[_SET])
            case dict() if value.keys() == {_VALUE}:
                name, members = value[_VALUE]
                return self._kinds[name](**{key: _frozen(self.revived(item)) for key, item in members.items()})
            case dict():
                return {key: self.revived(item) for key, item in value.items()}
            case list():
                return [self.revived(item) for item in value]
            case _:
                return value


DATA = Codec()
"""Writes plain data alone."""


def _frozen(value: Any) -> Any:
    """The value of a field: a sequence there is a tuple, those in it too; lists stand in mappings only."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
