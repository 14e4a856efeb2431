"""Sources of a debugged run's answers: servers, a cassette, or the journal of a durable run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from msgspec.structs import replace

from arazzo_runner.effects import (
    Answer,
    Answered,
    Effect,
    Failed,
    MessageAnswer,
    Published,
    Receive,
    Received,
    Response,
    Send,
    Sleep,
    Subscribe,
    Subscribed,
    Woke,
)
from arazzo_runner.engine.events import (
    Attempt,
    AttemptFinished,
    Authenticated,
    ChannelSubscribed,
    Event,
    ExchangedMessage,
)
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.drivers import World, perform


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
        self._done: list[tuple[Effect, Answer]] = []
        self._subscribed: dict[str, tuple[Subscribe, Subscribed]] = {}
        self._put_back: list[tuple[str, Received]] = []

    def perform(self, effect: Effect) -> Answer:
        """Send, wait, or exchange a message; a subscription that was made lasts, and is not made twice."""
        answer = self._known(effect) or perform(effect, self._world)
        self._done.append((effect, answer))
        if isinstance(effect, Subscribe) and isinstance(answer, Subscribed):
            self._subscribed[effect.key] = effect, answer
        return answer

    def _known(self, effect: Effect) -> Answer | None:
        """The answer of an earlier time: what was subscribed is, and a message that was taken can be taken again."""
        match effect:
            case Subscribe(key) if key in self._subscribed:
                before, answer = self._subscribed[key]
                return replace(answer, at=self.now()) if replace(before, timeout=effect.timeout) == effect else None
            case Receive(key, match, _, beyond) if self._put_back:
                from arazzo_runner.engine.matching import miss

                for index, (owner, taken) in enumerate(self._put_back):
                    if owner == key and taken.number > beyond and miss(match, taken.message) is None:
                        del self._put_back[index]
                        return replace(taken, at=self.now())
        return None

    def rewind(self, effects: Sequence[Effect]) -> None:
        """Put back what was taken since then; what was sent stays sent."""
        kept = 0
        for effect in effects:
            kept += kept < len(self._done) and self._done[kept][0] == effect
        undone, self._done = self._done[kept:], self._done[:kept]
        back = [(one.key, got) for one, got in undone if isinstance(one, Receive) and isinstance(got, Received)]
        self._put_back = sorted([*self._put_back, *back], key=lambda one: one[1].number)


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
        self._answers: list[Answered | MessageAnswer] = []
        self._next = 0
        for event in told:
            self._at = self._at or getattr(event, "at", 0.0)
            match event:
                case ChannelSubscribed(address=address, at=at):
                    self._answers.append(Subscribed(at, address))
                case AttemptFinished(attempt, at) if attempt.exchanged is not None:
                    self._answers.append(_message_answer(attempt, attempt.exchanged, at))
                case AttemptFinished(attempt, at) if attempt.request is not None:
                    why = attempt.reason.message if attempt.reason else ""
                    self._answers.append(_answer(attempt.response, at, attempt.duration, why))
                case Authenticated():
                    self._answers.append(_answer(event.response, event.at, 0.0, ""))

    @property
    def has_more(self) -> bool:
        """Return whether there is an answer to a further request or message."""
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
        if self._next >= len(self._answers):
            raise UsageError(
                f"the run {self._run_id} has no record of an answer to {_asked(effect)}, and nothing is sent here",
                hint=f"arazzo resume {self._run_id} continues it",
            )
        answer = self._answers[self._next]
        self._next += 1
        self._at = max(self._at, answer.at)
        return answer

    def rewind(self, effects: Sequence[Effect]) -> None:
        """Go back in the records."""
        self._next = sum(not isinstance(effect, Sleep) for effect in effects)


def _asked(effect: Effect) -> str:
    return "this request" if isinstance(effect, Send) else "what is asked of the broker"


def _message_answer(attempt: Attempt, exchanged: ExchangedMessage, at: float) -> MessageAnswer:
    """The answer that an attempt over messages had, as far as its event tells."""
    reason = attempt.reason
    if reason is not None and reason.code in FAILURES:
        return Failed(reason.code, reason.message, at, attempt.duration)  # type: ignore[arg-type]
    if exchanged.action == "send" or exchanged.message is None:
        return Published(at, attempt.duration)
    return Received(exchanged.message, at, seen=exchanged.looked_at, duration=attempt.duration)


FAILURES = frozenset({"transport", "timeout", "receive-timeout", "buffer-full", "messages-missed", "replay-miss"})
"""The codes of attempts that had no message."""


def _answer(response: Response | None, at: float, seconds: float, message: str) -> Answered | Failed:
    return Failed("transport", message or "no answer came", at) if response is None else Answered(response, at, seconds)
