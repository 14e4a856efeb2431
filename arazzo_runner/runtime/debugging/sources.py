"""Sources of a debugged run's answers: servers, a cassette, or the journal of a durable run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from arazzo_runner.effects import Answer, Answered, Effect, Failed, Response, Send, Sleep, Woke
from arazzo_runner.engine.events import AttemptFinished, Authenticated, Event
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.drivers import World, perform, unable


class AnswerSource(Protocol):
    """Answers the effects of a debugged run.

    Attributes:
        sends: requests really go out, so that one that changes something must not be repeated unasked.
        fixed: the run has happened; nothing of it can be changed.
    """

    sends: bool
    fixed: bool

    def now(self) -> float:
        """Seconds since the epoch."""

    def perform(self, effect: Effect) -> Answer:
        """Perform an effect.

        Raises:
            UsageError: there is no answer to it, and nothing is sent for one.
        """

    def rewind(self, effects: Sequence[Effect]) -> None:
        """Go back to where these effects, and no others, had been performed."""


class WorldSource:
    """Performs effects in a world that sends."""

    sends = True
    fixed = False

    def __init__(self, world: World) -> None:
        self._world = world
        self.now = world.now

    def perform(self, effect: Effect) -> Answer:
        """Send, wait, or exchange a message."""
        return perform(effect, self._world)

    def rewind(self, effects: Sequence[Effect]) -> None:
        """Do nothing: what was sent stays sent."""


class ReplaySource:
    """Answers from a cassette, both ways.

    Args:
        open_replay: opens it at its beginning.
    """

    sends = False
    fixed = False

    def __init__(self, open_replay: Callable[[], World]) -> None:
        self._open = open_replay
        self._source = WorldSource(open_replay())

    def now(self) -> float:
        """Seconds since the epoch, the waits counted."""
        return self._source.now()

    def perform(self, effect: Effect) -> Answer:
        """The recorded answer; waits take no time."""
        return self._source.perform(effect)

    def rewind(self, effects: Sequence[Effect]) -> None:
        """Open the cassette again and skip what had been asked of it."""
        self._source = WorldSource(self._open())
        for effect in effects:
            self._source.perform(effect)


class ToldSource:
    """Answers from the events of a durable run, as its journal has them: masked, and not to be changed.

    Args:
        run_id: for what to type.
    """

    sends = False
    fixed = True

    def __init__(self, run_id: str, told: Iterable[Event]) -> None:
        self._run_id = run_id
        self._at = 0.0
        self._answers: list[Answered | Failed] = []
        self._next = 0
        for event in told:
            self._at = self._at or getattr(event, "at", 0.0)
            match event:
                case AttemptFinished(attempt, at) if attempt.request is not None:
                    why = attempt.reason.message if attempt.reason else ""
                    self._answers.append(_answer(attempt.response, at, attempt.duration, why))
                case Authenticated():
                    self._answers.append(_answer(event.response, event.at, 0.0, ""))

    @property
    def has_more(self) -> bool:
        """Return whether there is an answer to a further request."""
        return self._next < len(self._answers)

    def now(self) -> float:
        """The time of the last event that was told."""
        return self._at

    def perform(self, effect: Effect) -> Answer:
        """The answer that the run had.

        Raises:
            UsageError: it had none: it was stopped here.
        """
        if isinstance(effect, Sleep):
            self._at += effect.seconds
            return Woke(self._at)
        if not isinstance(effect, Send):
            return unable(self._at)
        if self._next >= len(self._answers):
            raise UsageError(
                f"the run {self._run_id} has no record of an answer to this request, and nothing is sent here",
                hint=f"arazzo resume {self._run_id} continues it",
            )
        answer = self._answers[self._next]
        self._next += 1
        self._at = max(self._at, answer.at)
        return answer

    def rewind(self, effects: Sequence[Effect]) -> None:
        """Go back in the records."""
        self._next = sum(isinstance(effect, Send) for effect in effects)


def _answer(response: Response | None, at: float, seconds: float, message: str) -> Answered | Failed:
    return Failed("transport", message or "no answer came", at) if response is None else Answered(response, at, seconds)
