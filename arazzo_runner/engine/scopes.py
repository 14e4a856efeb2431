"""Scopes: the names that expressions can use where a run is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from arazzo_runner.engine.exchange import Exchange
from arazzo_runner.engine.messages.seen import MessageExchange
from arazzo_runner.engine.plan import PlannedWorkflow
from arazzo_runner.engine.state import Finished, Frame
from arazzo_runner.expressions.evaluate import Scope, WorkflowView
from arazzo_runner.expressions.undefined import UNDEFINED


def scope_of(
    workflow: PlannedWorkflow,
    frame: Frame,
    exchange: Exchange | MessageExchange | None = None,
    *,
    child: Finished | None = None,
) -> Scope:
    """Return the names that expressions can use in a frame.

    Args:
        exchange: of the step at hand.
        child: the workflow that the step at hand called; its outputs are ``$outputs`` there (F7).
    """
    views: Mapping[str, WorkflowView] = frame.workflows
    if workflow.workflow_id not in views:
        views = _Including(views, workflow.workflow_id, WorkflowView(frame.inputs, {}))
    scope = Scope(
        inputs=frame.inputs,
        outputs={} if child is None else child.outputs,
        steps=frame.steps,
        workflows=views,
        sources=workflow.sources,
        components=workflow.components,
        self_uri=UNDEFINED if workflow.self_uri is None else workflow.self_uri,
    )
    match exchange:
        case Exchange(_, request, response):
            status = UNDEFINED if response is None else response.response.status
            url, method = request.request.url, request.request.method
            return replace(scope, url=url, method=method, status_code=status, request=request, response=response)
        case MessageExchange(seen=seen):
            return replace(scope, url=exchange.location, message=seen)
        case None:
            return scope


class _Including(Mapping[str, WorkflowView]):
    """The finished workflows and the one under way, without a copy of them."""

    def __init__(self, finished: Mapping[str, WorkflowView], workflow_id: str, own: WorkflowView) -> None:
        self._finished = finished
        self._id = workflow_id
        self._own = own

    def __getitem__(self, workflow_id: str) -> WorkflowView:
        return self._own if workflow_id == self._id else self._finished[workflow_id]

    def __iter__(self) -> Iterator[str]:
        yield from self._finished
        yield self._id

    def __len__(self) -> int:
        return len(self._finished) + 1
