"""Prism, a mock that others wrote: it answers as an OpenAPI description says, and says what is wrong with a request."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.repository import ROOT

PATIENCE = 120.0
"""Seconds until a mock must listen; two are usual."""

_ERRORS = "https://stoplight.io/prism/errors#"
"""What the ``type`` of Prism's own problems starts with."""

_LISTENING = re.compile(r"Prism is listening on (http://\S+)")
_ENTRY = re.compile(r'\{"location":(?:[^"{}]|"(?:[^"\\]|\\.)*")*\}')
"""An object of the header that lists violations; Prism cuts a long list off, those of the request come first."""

REQUIRED = os.environ.get("ARAZZO_TEST_REQUIRE") == "all"


def prism_command() -> str | None:
    """Where the command is: in the checkout's ``node_modules``, else on the path; None when it is not there."""
    return shutil.which("prism", path=str(ROOT / "node_modules" / ".bin")) or shutil.which("prism")


needs_prism = pytest.mark.skipif(
    prism_command() is None and not REQUIRED,
    reason="prism is not installed: npm install --no-save --no-package-lock @stoplight/prism-cli@5.14.2",
)


class Prism:
    """A mock of a description on loopback, as a context manager.

    Args:
        description: an OpenAPI file.
        log: where its log goes.

    Attributes:
        url: where it listens.
    """

    url: str

    def __init__(self, description: Path, log: Path) -> None:
        self.description = description
        self._log = log

    def __enter__(self) -> Self:
        command = prism_command()
        assert command is not None, "prism is not installed"
        with self._log.open("w") as log:
            # It chooses a port that is free, and says which.
            self._process = subprocess.Popen(
                [command, "mock", str(self.description), "--port", "0", "--host", "127.0.0.1"],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self.url = self._where_it_listens()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def _where_it_listens(self) -> str:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            said = self._log.read_text("utf-8")
            if found := _LISTENING.search(said):
                return found[1]
            assert self._process.poll() is None, said
            time.sleep(0.05)
        raise TimeoutError(self._log.read_text("utf-8"))


@dataclass(frozen=True)
class Violation:
    """What Prism finds wrong with a request.

    Attributes:
        where: ``request.query.limit``, as Prism names it.
    """

    where: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message} [{self.code}]"


def violations(status: int, headers: Mapping[str, str], body: Any) -> list[Violation]:
    """What an answer of Prism says of its request; empty when it was accepted.

    What it finds in its own answer, generated from the description, is not the request's business.

    Args:
        headers: by name.
        body: of the answer, parsed.
    """
    listed = {name.lower(): value for name, value in headers.items()}.get("sl-violations", "")
    entries = [json.loads(match[0]) for match in _ENTRY.finditer(listed)]
    found = [
        Violation(".".join(map(str, entry["location"])), str(entry["code"]), entry["message"]) for entry in entries
    ]
    found = [violation for violation in found if violation.where.startswith("request")]
    if not found and isinstance(body, dict) and str(body.get("type", "")).startswith(_ERRORS):
        code = body["type"].removeprefix(_ERRORS)
        found = [Violation(f"request answered with {status}", code, f"{body.get('title')}: {body.get('detail')}")]
    return found
