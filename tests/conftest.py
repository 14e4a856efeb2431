"""The command line, called in this process, for every test that wants it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import settings

from arazzo_runner.cli.main import main
from tests.support.repository import ROOT

# Whether a property holds is no matter of time, and machines that run tests are busy. The examples are the same each
# time: whoever makes a fault finds it, not whoever runs the tests next; ``python -m tests.fuzz`` looks further.
settings.register_profile("repeatable", parent=settings(), deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str


Arazzo = Callable[..., Result]


@pytest.fixture
def arazzo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Arazzo:
    """Call ``arazzo`` in the project's directory; gives status, stdout and stderr."""
    monkeypatch.chdir(ROOT)

    def call(*words: str, stdin: str = "") -> Result:
        monkeypatch.setattr(sys, "argv", ["arazzo", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Result(int(exit_.value.code or 0), captured.out, captured.err)

    return call
