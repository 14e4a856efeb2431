"""Drivers: the loops that perform what a run asks for and hand the answers back. The engine does all the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from msgspec import Struct

from arazzo_runner.effects import (
    Answer,
    Answered,
    Effect,
    Failed,
    MessageAnswer,
    MessageEffect,
    Publish,
    Receive,
    Send,
    Sleep,
    Subscribe,
    Woke,
)
from arazzo_runner.engine.events import Event, Outcome
from arazzo_runner.engine.flow import Turn, abandon, advance, start
from arazzo_runner.engine.plan import Plan
from arazzo_runner.engine.state import RunState

if TYPE_CHECKING:
    from concurrent.futures import Future

Listener: TypeAlias = Callable[[Event], None]
Settle: TypeAlias = Callable[[], Awaitable[None]]
Clock: TypeAlias = Callable[[], float]


class World(Protocol):
    """The world of a synchronous driver."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def send(self, effect: Send) -> Answered | Failed:
        """Send a request and wait for what comes."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


@runtime_checkable
class Messaging(Protocol):
    """The part of a synchronous driver's world that exchanges messages; a world of requests alone has none."""

    def exchange(self, effect: MessageEffect) -> MessageAnswer:
        """Subscribe, send or take a message, and wait for what comes."""


@runtime_checkable
class BegunMessaging(Messaging, Protocol):
    """A world that exchanges messages, and can be asked for one without waiting for it."""

    def begin(self, effect: MessageEffect) -> Future[MessageAnswer]:
        """Begin to exchange a message; cancelling the future gives it up."""


class Abandoned(Exception):
    """Raised by a world to end a run from outside.

    Args:
        code: the run's reason.
    """

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


INTERRUPTED = Abandoned("interrupted", "the run was interrupted")


async def settled() -> None:
    """Everything is settled: nothing was stored, or it was written at once."""


class Loop(Struct, frozen=True):
    """The work of every driver between two effects.

    Attributes:
        plan: what is run.
        before: is shown each effect before it is performed, so that secrets are known before anything can print them.
        after: is shown each answer before the engine sees it.
        keep: is given each turn before its events are published and its effect is performed; returns the turn to use.
        settle: is waited for by an asynchronous driver before it performs what a stored turn asks for.
        tell: is called with every event.
        secret: names of inputs whose values no error may show.
        identity: unique to the run, or empty (``flow.start``).
    """

    plan: Plan
    tell: Listener
    before: Callable[[Effect], None] = lambda _: None
    after: Callable[[Answer], None] = lambda _: None
    secret: Collection[str] = ()
    keep: Callable[[Turn], Turn] = lambda turn: turn
    settle: Settle = settled
    identity: str = ""

    def begin(self, inputs: Mapping[str, Any], at: float) -> Turn:
        """The first turn."""
        return self._told(start(self.plan, inputs, at=at, secret=self.secret, identity=self.identity))

    def go_on(self, state: RunState, answer: Answer) -> Turn:
        """The turn that follows an answer."""
        self.after(answer)
        return self._told(advance(self.plan, state, answer))

    def abandoned(self, state: RunState, why: Abandoned, at: float) -> Turn:
        """The last turn of a run that is ended from outside."""
        return self._told(abandon(self.plan, state, why.code, why.message, at=at, hint=why.hint))

    def _told(self, turn: Turn) -> Turn:
        if turn.effect is not None:
            self.before(turn.effect)
        turn = self.keep(turn)
        for event in turn.events:
            self.tell(event)
        return turn


def drive(loop: Loop, turn: Turn, world: World) -> Outcome:
    """Drive a run from a turn to its end. An interruption (Ctrl-C) is an end like any other: a complete report."""
    while turn.outcome is None:
        try:
            answer = perform(effect_of(turn), world)
        except KeyboardInterrupt:
            turn = loop.abandoned(turn.state, INTERRUPTED, world.now())
        except Abandoned as why:
            turn = loop.abandoned(turn.state, why, world.now())
        else:
            turn = loop.go_on(turn.state, answer)
    return turn.outcome


def effect_of(turn: Turn) -> Effect:
    """The effect of a turn that has no outcome."""
    if turn.effect is None:
        raise RuntimeError("a turn without an outcome has an effect")
    return turn.effect


def perform(effect: Effect, world: World) -> Answer:
    """Perform an effect in a world."""
    match effect:
        case Send():
            return world.send(effect)
        case Sleep(seconds):
            world.sleep(seconds)
            return Woke(world.now())
        case Subscribe() | Publish() | Receive():
            return exchange(effect, world)


def exchange(effect: MessageEffect, world: World) -> MessageAnswer:
    """Exchange a message in a world, which a world of requests alone cannot."""
    return world.exchange(effect) if isinstance(world, Messaging) else unable(world.now())


def unable(at: float) -> Failed:
    """The answer of a world that exchanges no messages."""
    return Failed("transport", "no messages can be exchanged here", at)


class AsyncWorld(Protocol):
    """The world of an asynchronous driver."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def send(self, effect: Send) -> Awaitable[Answered | Failed]:
        """Send a request and wait for what comes."""

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Wait."""


@runtime_checkable
class AsyncMessaging(Protocol):
    """The part of an asynchronous driver's world that exchanges messages."""

    def exchange(self, effect: MessageEffect) -> Awaitable[MessageAnswer]:
        """Subscribe, send or take a message, and wait for what comes."""


async def aexchange(effect: MessageEffect, world: AsyncWorld) -> MessageAnswer:
    """Exchange a message in an asynchronous world."""
    return await world.exchange(effect) if isinstance(world, AsyncMessaging) else unable(world.now())


async def adrive(loop: Loop, turn: Turn, world: AsyncWorld) -> Outcome:
    """Drive a run from a turn to its end, asynchronously."""
    await loop.settle()
    while turn.outcome is None:
        try:
            answer = await aperform(effect_of(turn), world)
        except Abandoned as why:
            turn = loop.abandoned(turn.state, why, world.now())
        else:
            turn = loop.go_on(turn.state, answer)
        await loop.settle()
    return turn.outcome


async def aperform(effect: Effect, world: AsyncWorld) -> Answer:
    """Perform an effect in an asynchronous world."""
    match effect:
        case Send():
            return await world.send(effect)
        case Sleep(seconds):
            await world.sleep(seconds)
            return Woke(world.now())
        case Subscribe() | Publish() | Receive():
            return await aexchange(effect, world)
