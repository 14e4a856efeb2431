"""Debuggers of conformance cases, answered without a server."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from arazzo_runner.effects import Answered, Failed, Send
from arazzo_runner.runtime.debugging.debugger import Debugger
from arazzo_runner.runtime.debugging.sources import WorldSource
from arazzo_runner.runtime.run.session import Session
from tests.support.own_cases import answer_to, plan_of
from tests.support.worlds import ListWorld

Case = dict[str, Any]


def held(case: Case, *, room: int = 256) -> tuple[Debugger, ListWorld]:
    """A debugger of a case at its beginning, and the world that answers."""

    def answer(number: int, effect: Send, now: float) -> Answered | Failed:
        given = answer_to(case, number, now)
        assert isinstance(given, Answered | Failed)
        return replace(given, duration=0.25)

    session, world = Session(plan_of(case), case.get("inputs", {})), ListWorld(answer)
    return Debugger(session.plan, session.inputs, session.redactor, WorldSource(world), room=room), world
