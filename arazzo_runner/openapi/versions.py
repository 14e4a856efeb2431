"""The version of an OpenAPI description, which decides how it is read."""

from __future__ import annotations

import re

from arazzo_runner.documents.reader import Document
from arazzo_runner.errors import DocumentError, Problem, Severity


def openapi_version(name: str, document: Document) -> tuple[int, int]:
    """The version of a description, without its patch number.

    Args:
        name: the source description's name.

    Raises:
        DocumentError: it is not an OpenAPI 3.0, 3.1 or 3.2.
    """
    data = document.data
    version = data.get("openapi") if isinstance(data, dict) else None
    if isinstance(version, str) and (match := re.match(r"3\.([0-2])(?:\.|$)", version)):
        return 3, int(match[1])
    swagger = data.get("swagger") if isinstance(data, dict) else None
    found = f"openapi {version}" if version else f"Swagger {swagger}" if swagger else "not an OpenAPI description"
    problem = Problem(
        Severity.ERROR,
        "openapi-version",
        f"{document.path} is {found}; expected OpenAPI 3.0, 3.1 or 3.2",
        document.place("/openapi" if version else ""),
        "convert it to OpenAPI 3" if swagger else "",
    )
    raise DocumentError(f"the source description {name!r} cannot be used", [problem])
