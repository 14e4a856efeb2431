"""The version of an AsyncAPI description, which decides how it is read (M1)."""

from __future__ import annotations

import re

from arazzo_runner.documents.reader import Document
from arazzo_runner.errors import DocumentError, Problem, Severity

_KNOWN = re.compile(r"(?:3\.([01])|2\.([0-6]))(?:\.|$)")


def asyncapi_version(name: str, document: Document) -> tuple[int, int]:
    """The version of a description, without its patch number.

    Args:
        name: the source description's name.

    Raises:
        DocumentError: it is not an AsyncAPI 2.0 to 2.6, 3.0 or 3.1.
    """
    data = document.data
    version = data.get("asyncapi") if isinstance(data, dict) else None
    if isinstance(version, str) and (match := _KNOWN.match(version)):
        return (3, int(match[1])) if match[1] is not None else (2, int(match[2]))
    found = "not an AsyncAPI description" if version is None else f"asyncapi {version}"
    problem = Problem(
        Severity.ERROR,
        "asyncapi-version",
        f"{document.path} is {found}; expected AsyncAPI 2.0 to 2.6, 3.0 or 3.1",
        document.place("" if version is None else "/asyncapi"),
        "convert it to AsyncAPI 3",
    )
    raise DocumentError(f"the source description {name!r} cannot be used", [problem])
