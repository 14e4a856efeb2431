"""The steps of the GitHub action, carried out as GitHub does: inputs in the environment, paths in files."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.repository import ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))


@dataclass(frozen=True)
class StepResult:
    status: int
    out: str
    err: str


def shell_steps() -> list[dict[str, Any]]:
    """The steps that are shell scripts."""
    return [step for step in ACTION["runs"]["steps"] if "run" in step]


def carry_out(
    name: str, inputs: Mapping[str, str], directory: Path, environment: Mapping[str, str], temp: Path
) -> StepResult:
    """Carry out one step.

    Args:
        name: of the step.
        inputs: of the action, where they are not the defaults.
        temp: where GitHub keeps what a job needs.
    """
    step = next(step for step in shell_steps() if step["name"] == name)
    defaults = {key: str(one.get("default", "")) for key, one in ACTION["inputs"].items()}
    known = {f"inputs.{key}": value for key, value in {**defaults, **inputs}.items()}
    known["github.action_path"] = str(ROOT)
    own = {key: re.sub(r"\$\{\{ (.*?) \}\}", lambda m: known[m[1]], value) for key, value in step["env"].items()}
    files = {key: str(temp / key.lower()) for key in ("GITHUB_STEP_SUMMARY", "GITHUB_PATH")}
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(
        words,
        cwd=directory,
        env={**os.environ, **environment, **own, **files, "RUNNER_TEMP": str(temp)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return StepResult(done.returncode, done.stdout, done.stderr)
