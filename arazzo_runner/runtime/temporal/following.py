"""Runs of a cluster followed: a session takes the turns that the history has, and tells what it tells of any run."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct, field

from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.run.session import RunResult, Session, contract_checks
from arazzo_runner.runtime.temporal.address import Engine
from arazzo_runner.runtime.temporal.client import Cluster
from arazzo_runner.runtime.temporal.history import Exhausted, HistoryWorld
from arazzo_runner.runtime.temporal.job import Job

PATIENCE = 10.0
"""Seconds until a run that no worker has picked up is reported; a moment is usual."""


class WorkerNotices(Struct, frozen=True):
    """Notices about workers that do not continue runs, each once, however many runs of a batch they hold for.

    Args:
        engine: that the runs were handed to.
        say: is given a notice and a hint.
    """

    engine: Engine
    say: Callable[[str, str], None]
    _said: set[str] = field(default_factory=set)

    @contextmanager
    def until_taken_up(self) -> Iterator[None]:
        """Speak of it when no worker takes a run up for a while."""
        late = asyncio.get_running_loop().call_later(PATIENCE, self.untaken)
        try:
            yield
        finally:
            late.cancel()

    def untaken(self) -> None:
        """No worker has taken a run up; that one fails to is said elsewhere."""
        if not self._said:
            self._say(f"no worker has taken the run up yet; it waits in the queue {self.engine.queue}")

    def failing(self, why: str) -> None:
        """A worker has tried to continue a run, and cannot."""
        self._say(f"no worker can continue the run so far; it is tried again: {why}")

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            worker = f"arazzo worker --engine {shlex.quote(self.engine.address)}"
            self.say(text, f"start a worker of this release with the key of the run: {worker}")


def session_of(job: Job, plan: Plan) -> Session:
    """The session that follows a run."""
    return Session(plan, job.inputs, checks=contract_checks(plan, job.check), identity=job.id)


class Following(Struct, frozen=True):
    """A run to follow.

    Attributes:
        first: its first execution.
        decisions: how many it has been given.
    """

    job: Job
    first: str
    decisions: int = 0


async def find(cluster: Cluster, run_id: str, decision: Decision | None = None) -> Following:
    """Find a run, and give it a decision when there is one.

    Raises:
        UsageError: there is nothing to decide about.
        JournalError: there is no such run, or it was sealed with another key.
    """
    job, first = await cluster.find(run_id)
    decisions, is_ambiguous = await cluster.decided(run_id, first)
    if decision is not None:
        if not is_ambiguous:
            message = f"the run {run_id} waits for no decision"
            raise UsageError(message, hint=f"arazzo resume {run_id} --engine {cluster.engine}")
        await cluster.decide(run_id, decision)
        decisions += 1
    return Following(job, first, decisions)


async def follow(
    cluster: Cluster,
    found: Following,
    session: Session,
    *,
    notices: WorkerNotices,
    stop: asyncio.Event | None = None,
) -> RunResult:
    """Take a run's turns as its history has them, until it ends or stops.

    Args:
        stop: is set when the run is to be followed no longer; it continues anyway.
    """

    def failing(why: str) -> None:
        notices.failing(session.redactor.text(why))

    run_id = found.job.id
    histories = cluster.histories(run_id, found.first, wait=True)
    again = f"arazzo resume {run_id} --engine {cluster.engine}"
    world = HistoryWorld(histories, stop=stop, hint=again, decisions=found.decisions, failing=failing)
    with notices.until_taken_up():
        await world.begin()
    return await session.arun(world)


async def look(cluster: Cluster, found: Following, session: Session) -> float | None:
    """Take the turns that a run's history has so far.

    Returns:
        The time of the last one when the run continues, or None when it has ended.
    """
    world = HistoryWorld(cluster.histories(found.job.id, found.first, wait=False))
    try:
        await world.begin()
        await session.arun(world)
    except Exhausted:
        return world.now()
    return None
