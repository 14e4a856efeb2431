"""``$ref``s: followed one at a time, when something is used, from the document that holds them (H1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from msgspec import Struct

from arazzo_runner.documents import pointer as json_pointer
from arazzo_runner.documents.reader import Document
from arazzo_runner.documents.uris import file_of
from arazzo_runner.errors import DocumentError, Problem, Severity


class DescriptionNode(Struct, frozen=True):
    """A value of a description, and where it stands: what a relative ``$ref`` inside it starts from."""

    value: Any
    document: Document
    pointer: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """The URI of its document, and its pointer: what tells it from every other."""
        return self.document.uri, self.pointer

    def member(self, *keys: str | int) -> DescriptionNode:
        """The member of a member …; its value is None when there is none."""
        value = self.value
        for key in keys:
            match value:
                case dict():
                    value = value.get(key)
                case list() if isinstance(key, int) and key < len(value):
                    value = value[key]
                case _:
                    value = None
        return DescriptionNode(value, self.document, json_pointer.join(self.pointer, *keys))

    def items(self) -> Iterator[tuple[str, DescriptionNode]]:
        """The members of an object; none of anything else."""
        for key in self.value if isinstance(self.value, dict) else ():
            yield str(key), self.member(key)

    def elements(self) -> Iterator[DescriptionNode]:
        """The elements of an array; none of anything else."""
        for index in range(len(self.value) if isinstance(self.value, list) else 0):
            yield self.member(index)


def base_uri(document: Document) -> str:
    """Return the base of a description's relative references: ``$self`` (3.2), otherwise where it was found."""
    data = document.data
    own = data.get("$self") if isinstance(data, dict) else None
    return urljoin(document.uri, urldefrag(own).url) if isinstance(own, str) else document.uri


class References:
    """Follows the ``$ref``s of one description.

    Args:
        name: the source description's name, for messages.
        root: the description.
        open_reference: opens the document of an absolute URI; raises ``OSError`` when there is none.
    """

    def __init__(self, name: str, root: Document, open_reference: Callable[[str], Document]) -> None:
        self._name = name
        self._open = open_reference
        self._known = {root.uri: root, base_uri(root): root}
        self._ending: set[tuple[str, str]] = set()

    def follow(self, node: DescriptionNode) -> DescriptionNode:
        """Follow a node through any number of ``$ref``s.

        Raises:
            DocumentError: a ``$ref`` reaches nothing, or leads in a circle.
        """
        return self.layers(node)[-1]

    def layers(self, node: DescriptionNode) -> tuple[DescriptionNode, ...]:
        """A node and all that its ``$ref``s lead to, outermost first.

        Members beside a ``$ref`` (Path Item Objects, and 3.1's Schema Objects) are found in the outer layers.

        Raises:
            DocumentError: a ``$ref`` reaches nothing, or leads in a circle.
        """
        return (node, *self._targets(node))

    def target(self, node: DescriptionNode) -> DescriptionNode:
        """Return the target of a node's ``$ref``, which may be another ``$ref``; a long chain is followed at once.

        Raises:
            DocumentError: a ``$ref`` from here on reaches nothing, or leads in a circle.
        """
        walked: list[DescriptionNode] = []
        for target in self._targets(node):
            walked.append(target)
            if target.place in self._ending:
                break
        self._ending.update(target.place for target in walked)
        return walked[0]

    def _targets(self, node: DescriptionNode) -> Iterator[DescriptionNode]:
        seen: set[tuple[str, str]] = set()
        while isinstance(node.value, dict) and isinstance(reference := node.value.get("$ref"), str):
            seen.add(node.place)
            target = self._target(node, reference)
            if target.place in seen:
                self._fail(node, "it leads in a circle")
            yield target
            node = target

    def _target(self, node: DescriptionNode, reference: str) -> DescriptionNode:
        uri, fragment = urldefrag(reference)
        document = node.document if not uri else self._document(node, urljoin(base_uri(node.document), uri))
        pointer = unquote(fragment)
        if pointer and not pointer.startswith("/"):
            self._fail(node, "its fragment is not a JSON Pointer")
        try:
            return DescriptionNode(json_pointer.resolve(document.data, pointer), document, pointer)
        except json_pointer.PointerError as error:
            self._fail(node, f"in {document.path}, {error}")

    def _document(self, node: DescriptionNode, uri: str) -> Document:
        known = self._known.get(uri)
        if known is None:
            if urlsplit(uri).scheme == "file" and urlsplit(node.document.uri).scheme != "file":
                self._fail(node, "a description that came from the network may name no files of this machine")
            try:
                known = self._open(uri)
            except OSError as error:
                path = file_of(uri)
                why = f"{uri if path is None else path} cannot be read: {error.strerror or error}"
                self._fail(node, why, hint="Put the file there, or correct the $ref.")
            self._known[uri] = known
        return known

    def _fail(self, node: DescriptionNode, why: str, *, hint: str = "Correct the $ref.") -> NoReturn:
        place = node.document.place(json_pointer.join(node.pointer, "$ref"))
        message = f"the $ref {node.value['$ref']!r} cannot be followed: {why}"
        problem = Problem(Severity.ERROR, "unresolved-reference", message, place, hint)
        raise DocumentError(f"the source description {self._name!r} cannot be used", [problem])
