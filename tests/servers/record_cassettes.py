"""Records the cassettes of the deployment workflow from the emulator: ``python -m tests.servers.record_cassettes``.

A test records them anew and compares, so that they can never drift from the emulator, the workflow or the runner.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from arazzo_runner import RunOptions, RunResult, ServerOptions, Session, TransportOptions, load
from arazzo_runner.runtime.cases.files import case_entry, case_of
from arazzo_runner.runtime.cassettes.recording import Recording
from arazzo_runner.runtime.http.transport import open_transport
from tests.servers.inference_endpoints import Behaviour, InferenceEndpointsEmulator
from tests.support.repository import ROOT

WORKFLOWS = ROOT / "workflows"
CASSETTES = ROOT / "cassettes"
REAL_SERVER = "https://api.endpoints.huggingface.cloud/v2"
PUBLIC_URL = "https://{name}.us-east-1.aws.endpoints.huggingface.cloud"
TOKEN = "hf_emulatorToken"

REQUIRED = {"hfToken": TOKEN, "namespace": "acme", "name": "my-gpt2", "repository": "gpt2"}
SIZED = {**REQUIRED, "instanceType": "intel-icl", "instanceSize": "x1"}


@dataclass(frozen=True)
class Scene:
    """One recording: what is asked for, and how the service behaves."""

    says: str
    document: str = "hugging-face-deploy-inference-endpoint-workflow.yml"
    workflow: str = "deploy-inference-endpoint"
    inputs: Mapping[str, str] = field(default_factory=lambda: SIZED)
    behaviour: Behaviour = field(default_factory=Behaviour)
    existing: tuple[str, ...] = ()


SCENES: Mapping[str, Scene] = {
    "becomes-running": Scene("The endpoint is created, and runs after a few polls."),
    "without-instance": Scene("The API requires an instance type and size: 400.", inputs=REQUIRED),
    "already-exists": Scene("An endpoint of that name already exists: 409.", existing=("my-gpt2",)),
    "unauthorised": Scene("The token is not known: 401.", inputs={**SIZED, "hfToken": "hf_notTheRightToken"}),
    "ends-failed": Scene("The endpoint ends up as failed.", behaviour=Behaviour(fail=True)),
    "slow-start": Scene("The endpoint takes its time.", behaviour=Behaviour(polls_pending=6, polls_initializing=12)),
    "pauses-and-resumes": Scene(
        "A running endpoint is paused and resumed.",
        document="hugging-face-pause-resume-endpoint-workflow.yml",
        workflow="pause-and-resume-endpoint",
        inputs={"hfToken": TOKEN, "namespace": "acme", "name": "my-gpt2"},
        existing=("my-gpt2",),
    ),
    "is-deleted": Scene(
        "An endpoint is deleted, and is gone after a few polls.",
        document="hugging-face-delete-endpoint-workflow.yml",
        workflow="delete-endpoint",
        inputs={"hfToken": TOKEN, "namespace": "acme", "name": "my-gpt2"},
        existing=("my-gpt2",),
        behaviour=Behaviour(polls_deleting=2),
    ),
}


class _Unhurried:
    """A world that sends for real and does not wait: the emulator counts polls, not seconds."""

    def __init__(self, world: object, real: str) -> None:
        self._world = world
        self.now = world.now  # type: ignore[attr-defined]  # a Transport; only its send is used otherwise
        self.send = world.send  # type: ignore[attr-defined]

    def sleep(self, seconds: float) -> None:
        """Wait for nothing."""


def record(name: str, path: Path) -> RunResult:
    """Record a scene to a file."""
    scene = SCENES[name]
    emulator = InferenceEndpointsEmulator(token=TOKEN, behaviour=scene.behaviour, public_url=PUBLIC_URL)
    with emulator, open_transport(TransportOptions()) as transport:
        for existing in scene.existing:
            emulator.add("acme", existing, state="running")
        options = RunOptions(servers=ServerOptions({"": emulator.url}))
        plan = load(WORKFLOWS / scene.document).plan(scene.workflow, options)
        session = Session(plan, scene.inputs)
        comment = "Recorded from the emulator in tests/servers, not from the real service."
        with session.recorder(path, comment=comment) as recorder:
            result = session.run(Recording(_Unhurried(transport, emulator.url), recorder))
            # Wherever the recording is made, the case names the workflow that it has in the repository.
            home = CASSETTES / scene.workflow / f"{name}.yaml"
            case = case_of(session, result, home, document=str(WORKFLOWS / scene.document))
            recorder.describe(case_entry(replace(case, description=scene.says, servers={})))
    # What is kept shows the address that people know, not the port that this recording happened to get.
    path.write_text(path.read_text("utf-8").replace(emulator.url, REAL_SERVER), "utf-8")
    return result


def main() -> None:
    """Record every scene."""
    for name, scene in SCENES.items():
        path = CASSETTES / scene.workflow / f"{name}.yaml"
        result = record(name, path)
        sys.stdout.write(f"{path.relative_to(ROOT)}: {result.status}\n")


if __name__ == "__main__":
    main()
