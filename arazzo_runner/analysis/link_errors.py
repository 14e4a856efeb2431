"""The error of references that lead nowhere."""

from __future__ import annotations

from arazzo_runner.errors import ArazzoError


class LinkError(ArazzoError):
    """A reference that leads nowhere, or to more than one thing.

    Attributes:
        rule: the id of the rule that it breaks.
    """

    code = "link"

    def __init__(self, rule: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.rule = rule
