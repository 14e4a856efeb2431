"""The YAML of cassettes and cases, by the fastest safe loader, with bounds on what a small file may stand for.

``documents.yaml_reader`` reads JSON's values alone; vcrpy writes more of YAML, such as ``!!binary``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

MAX_ALIASED = 1_000_000
"""How many characters and values all aliases of a file may stand for together, beyond what is written in it."""
MAX_MERGED = 10_000
"""How many members an object may have that merges others (``<<``)."""


def load_cassette_yaml(text: bytes) -> Any:
    """The data of a YAML or JSON text; anchored values are shared, not copied.

    Raises:
        yaml.YAMLError, ValueError, RecursionError: it is none, or stands for too much.
    """
    import yaml

    data = yaml.load(text, Loader=_loader())  # noqa: S506 - it is a safe one
    # What is written takes a byte at least, so that only aliases can stand for more than there are bytes.
    if _size(data, {}) > len(text) + MAX_ALIASED:
        raise ValueError(f"its aliases stand for more than {MAX_ALIASED:,} characters")
    return data


@cache
def _loader() -> Any:
    """The fastest safe loader, to which a bare date is text: no JSON has dates, and no API speaks of them otherwise."""
    import yaml

    safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers = {
        first: [(tag, pattern) for tag, pattern in known if not tag.endswith(":timestamp")]
        for first, known in safe.yaml_implicit_resolvers.items()
    }

    def flatten_mapping(loader: Any, node: Any) -> None:
        safe.flatten_mapping(loader, node)
        if len(node.value) > MAX_MERGED:
            raise ValueError(f"an object of it merges others of more than {MAX_MERGED:,} members")

    members = {"yaml_implicit_resolvers": resolvers, "flatten_mapping": flatten_mapping}
    loader: Any = type("CassetteLoader", (safe,), members)
    for tag, constructor in _CONSTRUCTORS.items():
        loader.add_constructor(f"tag:yaml.org,2002:python/{tag}", constructor)
    return loader


def _content_of_stream(loader: Any, node: Any) -> Any:
    """The content of a stream that vcrpy wrote as the object that it was: its state is content, position, members."""
    state = loader.construct_mapping(node, deep=True).get("state")
    return state[0] if isinstance(state, list) and state and isinstance(state[0], str | bytes) else None


_CONSTRUCTORS: dict[str, Any] = {
    "tuple": lambda loader, node: loader.construct_sequence(node, deep=True),
    "str": lambda loader, node: loader.construct_scalar(node),
    "unicode": lambda loader, node: loader.construct_scalar(node),
    "object/new:_io.BytesIO": _content_of_stream,
    "object/new:_io.StringIO": _content_of_stream,
}
"""Python's own tags that vcrpy writes, as plain data; none of them makes an object."""


def _size(value: Any, sizes: dict[int, int]) -> int:
    """Count the characters and values of a value, what an alias names counted each time.

    Args:
        sizes: of the objects and lists so far, by identity.
    """
    if isinstance(value, str | bytes):
        return len(value) or 1
    if not isinstance(value, dict | list):
        return 1
    size = sizes.get(id(value))
    if size is None:
        sizes[id(value)] = 1  # what holds itself is found where it is used
        members = [*value, *value.values()] if isinstance(value, dict) else value
        size = sizes[id(value)] = 1 + sum([_size(member, sizes) for member in members])
    return size
