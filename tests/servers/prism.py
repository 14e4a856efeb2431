"""Prism, a mock that others wrote: it answers as an OpenAPI description says, and says what is wrong with a request."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds until a mock must listen; two are usual."""

_ERRORS = "https://stoplight.io/prism/errors#"
"""What the ``type`` of Prism's own problems starts with."""

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
    """

    def __init__(self, description: Path, log: Path) -> None:
        self.description = description
        self._log = log

    def __enter__(self) -> Self:
        command = prism_command()
        assert command is not None, "prism is not installed"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [command, "mock", str(self.description), "--port", str(self._port), "--host", "127.0.0.1"],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _wait_until_it_listens(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            assert self._process.poll() is None, self._log.read_text("utf-8")
            try:
                with urllib.request.urlopen(f"{self.url}/"):
                    return
            except urllib.error.HTTPError:
                return  # there is nothing at the root, and somebody who says so
            except OSError:
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
