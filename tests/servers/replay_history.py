"""Takes a run's history from the cluster and replays it, as a worker does that takes a run over.

Usage: ``python -m tests.servers.replay_history ID``, the cluster and its key in the environment.
"""

from __future__ import annotations

import asyncio
import os
import sys

from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from arazzo_runner.runtime.runners.cluster_engine import TemporalEngine, connect_to
from arazzo_runner.runtime.temporal.client import PREFIX
from arazzo_runner.runtime.temporal.worker import PASSED_THROUGH
from arazzo_runner.runtime.temporal.workflow import ArazzoRun


async def replay(run_id: str) -> None:
    client = (await connect_to(TemporalEngine(os.environ["ARAZZO_ENGINE"], key=os.environ["ARAZZO_ENGINE_KEY"]))).client
    history = await client.get_workflow_handle(PREFIX + run_id).fetch_history()
    runner = SandboxedWorkflowRunner(SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))
    replayer = Replayer(workflows=[ArazzoRun], workflow_runner=runner, data_converter=client.data_converter)
    await replayer.replay_workflow(history)
    sys.stdout.write(f"{len(history.events)} events replayed without a difference\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(replay(sys.argv[1]))
    os._exit(0)  # the library's threads may outlive the interpreter
