"""Calls that are refused before anything is sent."""

from __future__ import annotations

from arazzo_runner.errors import ArazzoError


class CallRefused(ArazzoError):
    """A call of a tool that is refused; nothing was sent.

    Attributes:
        code: for the agent: ``needs-secret``, ``not-confirmed``, ….
    """

    exit_status = 1

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
