"""Objects with traits: what an object does not say itself, its traits say (M1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from arazzo_runner.openapi.references import DescriptionNode


class TraitedNode(Struct, frozen=True):
    """An object and its traits.

    Attributes:
        layers: the object and its traits, what counts most first: from AsyncAPI 3 on the object itself, before that
            its last trait.
    """

    layers: tuple[DescriptionNode, ...]

    @classmethod
    def of(
        cls, node: DescriptionNode, follow: Callable[[DescriptionNode], DescriptionNode], version: tuple[int, int]
    ) -> TraitedNode:
        """The object of a node, all its ``$ref``s followed.

        Raises:
            DocumentError: a ``$ref`` cannot be followed.
        """
        own = follow(node)
        traits = [follow(trait) for trait in own.member("traits").elements()]
        return cls((own, *reversed(traits)) if version >= (3, 0) else (*reversed(traits), own))

    def member(self, name: str) -> DescriptionNode:
        """The member of the first layer that has it; its value is None when none has."""
        found = [layer.member(name) for layer in self.layers]
        return next((member for member in found if member.value is not None), found[0])

    def text(self, name: str) -> str | None:
        """The member, when it is text."""
        value = self.member(name).value
        return value if isinstance(value, str) else None

    def merged(self, name: str, follow: Callable[[DescriptionNode], DescriptionNode]) -> Mapping[str, Any]:
        """The objects of all layers merged, member by member, their own ``$ref``s followed."""
        made: Any = {}
        for layer in reversed(self.layers):
            value = follow(layer.member(name)).value
            made = _merged(made, value) if isinstance(value, dict) else made
        return made if isinstance(made, dict) else {}


def _merged(under: Any, above: Any) -> Any:
    if not isinstance(under, dict) or not isinstance(above, dict):
        return above
    return {**under, **{key: _merged(under.get(key), value) for key, value in above.items()}}
