"""Waits: before a request that is repeated (F5), and before a further attempt (F4)."""

from __future__ import annotations

from msgspec.structs import replace

from arazzo_runner.effects import Response, Sleep
from arazzo_runner.engine.events import Waiting
from arazzo_runner.engine.stack import Stack
from arazzo_runner.engine.state import Arrival, Frame, Phase, Prepared, Sent
from arazzo_runner.engine.step import retry_after


class Pacing:
    """The part of a run that waits."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    @property
    def sent_key(self) -> str:
        return f"{self.stack.frame.workflow}/{self.stack.step.step_id}"

    def paced(self, prepared: Prepared) -> bool:
        """Return whether the request has to wait first (F5)."""
        last = self.stack.frame.sent.get(self.sent_key)
        if last is None or last.digest != prepared.digest or not self.is_hasty(last):
            return False
        seconds = last.retry_after if last.retry_after is not None else self.stack.plan.options.poll_interval
        if self.stack.plan.options.poll_interval == 0 or seconds <= 0:
            return False
        self.stack.frame = replace(self.stack.frame, prepared=prepared)
        self.wait(seconds, Phase.PACING, "pacing")
        return True

    def remember(self, prepared: Prepared, response: Response | None) -> Frame:
        """Keep the request that was sent, and what its answer asks for; return the frame as it then is."""
        frame = self.stack.frame
        last = Sent(prepared.digest, retry_after(response, self.stack.now))
        sent = frame.sent
        if sent.get(self.sent_key) != last:  # polls send the same, and a journal writes what is new
            sent = sent.having(self.sent_key, last)
        self.stack.frame = replace(frame, prepared=None, sent=sent, last_url=prepared.request.url)
        return self.stack.frame

    def is_hasty(self, last: Sent) -> bool:
        """Return whether the step was reached without a wait: by ``goto``, or by a retry that asks for none (F5)."""
        frame = self.stack.frame
        match frame.arrival:
            case Arrival.GOTO:
                return True
            case Arrival.RETRY:
                position = frame.position if frame.suspended is None else frame.suspended.position
                action = self.stack.workflow.steps[position].on_failure[frame.retrying]
                return action.retry_after is None and last.retry_after is None
        return False

    def wait(self, seconds: float, phase: Phase, why: str) -> None:
        """Ask for a wait, no longer than one may be (F4) and than the run has left (F6)."""
        seconds = min(seconds, self.stack.plan.options.max_retry_after)
        left = self.stack.time_left()
        if left is not None:
            seconds = max(0.0, min(seconds, left))
        self.stack.frame = replace(self.stack.frame, phase=phase)
        self.stack.tell(Waiting(self.stack.workflow.workflow_id, self.stack.step.step_id, seconds, why, self.stack.now))
        self.stack.effect = Sleep(seconds)
