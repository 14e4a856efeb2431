"""The rules of where source descriptions may come from (H0)."""

from __future__ import annotations

from functools import partial

from arazzo_runner.documents.rules import RULES, Rule
from arazzo_runner.errors import Severity

_error = partial(
    Rule,
    severity=Severity.ERROR,
    section="Source Description Object; H0",
    at="/sourceDescriptions/0/url",
    passing="pets.openapi.yaml",
)

RULES.register(
    _error(
        id="document-not-found",
        summary="A document is where its path or URL says.",
        hint="Say where it is: --source NAME=PATH",
        failing="pets.yaml",
    ),
    _error(
        id="source-from-afar",
        summary="A document that came from the network names no files of this machine.",
        hint="If you trust it, say which file to use: --source NAME=PATH",
        failing="file:///etc/hosts",
    ),
    _error(
        id="source-scheme",
        summary="The url of a source description is a file, or starts with http: or https:.",
        hint="Fetch it yourself, and say where it is: --source NAME=PATH",
        failing="ftp://example.com/pets.yaml",
    ),
)
