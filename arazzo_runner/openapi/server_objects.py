"""Server Objects as a description has them; ``servers`` says which of them a request goes to (H2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct, field

from arazzo_runner.openapi.references import DescriptionNode, base_uri


class ServerSpec(Struct, frozen=True):
    """Server Object.

    Attributes:
        variables: by name: default (None when it has none) and allowed values.
        base: what a relative ``url`` starts from: the URI of the document that holds it.
    """

    url: str
    variables: Mapping[str, tuple[str | None, tuple[str, ...]]] = field(default_factory=dict)
    base: str = ""


def servers_of(node: DescriptionNode) -> tuple[ServerSpec, ...]:
    """The Server Objects of an array; one without a URL is left out."""
    return tuple(
        ServerSpec(url, dict(server_variables(server.member("variables"))), base_uri(server.document))
        for server in node.elements()
        if isinstance(url := server.member("url").value, str)
    )


def server_variables(
    node: DescriptionNode, follow: Callable[[DescriptionNode], DescriptionNode] = lambda node: node
) -> Iterator[tuple[str, tuple[str | None, tuple[str, ...]]]]:
    """The variables of a server by name: the default (None when it has none) and the allowed values.

    Args:
        follow: follows ``$ref``s, which AsyncAPI allows here.
    """
    for name, written in node.items():
        variable = follow(written)
        default = variable.member("default").value
        allowed = tuple(str(value.value) for value in variable.member("enum").elements())
        yield name, (None if default is None else str(default), allowed)
