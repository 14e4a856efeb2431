"""Server Objects of either major version (M19)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from arazzo_runner.asyncapi.specs import BrokerSpec
from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.openapi.references import DescriptionNode, References
from arazzo_runner.openapi.server_objects import server_variables


def broker_specs(root: DescriptionNode, references: References, version: tuple[int, int]) -> Iterator[BrokerSpec]:
    """Every server that has an address, in document order.

    Raises:
        DocumentError: a ``$ref`` cannot be followed.
    """
    defined = dict(_schemes(root.member("components", "securitySchemes"), references))
    for name, written in root.member("servers").items():
        node = references.follow(written)
        protocol = node.member("protocol").value
        url = _url(node, version)
        if not isinstance(protocol, str) or url is None:
            continue
        if "://" not in url:
            url = f"{protocol.lower()}://{url}"
        bindings = references.follow(node.member("bindings")).value
        own = dict(_security(node.member("security"), references, version))
        yield BrokerSpec(
            name=name,
            url=url,
            protocol=protocol.lower(),
            version=str(node.member("protocolVersion").value or ""),
            variables=dict(server_variables(node.member("variables"), references.follow)),
            security=tuple(own),
            schemes={scheme: definition or defined.get(scheme, {}) for scheme, definition in own.items()},
            bindings=bindings if isinstance(bindings, dict) else {},
            pointer=node.pointer,
        )


def _url(node: DescriptionNode, version: tuple[int, int]) -> str | None:
    if version < (3, 0):
        url = node.member("url").value
        return url if isinstance(url, str) else None
    host, path = node.member("host").value, node.member("pathname").value
    if not isinstance(host, str):
        return None
    return f"{host}/{path.removeprefix('/')}" if isinstance(path, str) and path.strip("/") else host


def _schemes(written: DescriptionNode, references: References) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, node in written.items():
        definition = references.follow(node).value
        if isinstance(definition, dict):
            yield name, definition


def _security(
    written: DescriptionNode, references: References, version: tuple[int, int]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The schemes of a server, any of which is enough, by name; in AsyncAPI 2 their definitions stand elsewhere."""
    for number, one in enumerate(written.elements(), start=1):
        if version < (3, 0):
            yield from ((name, {}) for name in (one.value if isinstance(one.value, dict) else ()))
            continue
        followed = references.follow(one).value
        definition = followed if isinstance(followed, dict) else {}
        reference = one.value.get("$ref") if isinstance(one.value, dict) else None
        named = reference.rpartition("/")[2] if isinstance(reference, str) else ""
        name = json_pointer.unescape(named) if named else f"{definition.get('type', 'scheme')}{number}"
        yield name, definition
