"""Deploys an Inference Endpoint, and goes on where it was when the process before died.

Usage: ``HF_TOKEN=hf_… python deploy_endpoint.py NAMESPACE NAME REPOSITORY``. ``HF_ENDPOINTS_URL`` replaces the server.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from arazzo_runner import AttemptFinished, Runner, RunOptions, ServerOptions

WORKFLOW = Path(__file__).parents[2] / "workflows" / "hugging-face-deploy-inference-endpoint-workflow.yml"


def main(namespace: str, name: str, repository: str) -> int:
    """Deploy the endpoint; return the exit status."""
    url = os.environ.get("HF_ENDPOINTS_URL")
    options = RunOptions(
        servers=ServerOptions({"": url} if url else {}), poll_interval=float(os.environ.get("POLL", "5"))
    )
    runner = Runner(WORKFLOW, options=options, engine=os.environ.get("JOURNAL"))
    secret = {"hfToken": os.environ["HF_TOKEN"]}
    inputs = {"namespace": namespace, "name": name, "repository": repository, **secret}
    inputs |= {"instanceType": "intel-icl", "instanceSize": "x1"}

    run_id = f"{namespace}.{name}"
    stopped = [run.id for run in runner.runs(status=["stopped"])]
    handle = runner.resume(run_id, inputs=secret) if run_id in stopped else runner.start(inputs=inputs, run_id=run_id)
    for event in handle.events():
        if isinstance(event, AttemptFinished):
            print(event.attempt.step_id, event.attempt.response.status if event.attempt.response else "no answer")
    result = handle.wait()
    print(result.status, result.outputs.get("inferenceUrl", ""))
    return 0 if result.succeeded else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
