"""Our own conformance cases: data that any runner could use, each with the rule that it shows."""

from __future__ import annotations

import json
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import pytest
from msgspec import Struct

from arazzo_runner.effects import Answered, Effect, Failed, Publish, Receive, Send, Sleep, Subscribe
from arazzo_runner.engine.events import AttemptFinished, Event, Warned
from arazzo_runner.engine.flow import Turn, advance, start
from arazzo_runner.errors import InvalidInputs, PlanError
from arazzo_runner.runtime.drivers import effect_of, perform
from arazzo_runner.runtime.run.session import Session
from tests.support.broker import BrokerWorld
from tests.support.own_cases import answer_to, own_cases, plan_of
from tests.support.worlds import ListWorld

T = TypeVar("T")


class Seen(Struct):
    """What a run has asked for, in order, and what came of it."""

    turn: Turn
    events: list[Event]
    effects: list[Effect]

    def of(self, kind: type[T]) -> list[T]:
        """The effects of one kind."""
        return [effect for effect in self.effects if isinstance(effect, kind)]


def run(case: dict[str, Any]) -> Seen:
    plan = plan_of(case)
    world = BrokerWorld(lambda number, _, now: cast(Any, answer_to(case, number, now)), case.get("messages", ()))
    turn = start(plan, case.get("inputs", {}), at=world.now())
    seen = Seen(turn, list(turn.events), [])
    while seen.turn.outcome is None:
        effect = effect_of(seen.turn)
        seen.effects.append(effect)
        seen.turn = advance(plan, seen.turn.state, perform(effect, world))
        seen.events += seen.turn.events
    return seen


def message_of(effect: Publish, wanted: dict[str, Any]) -> dict[str, Any]:
    """The parts of a message that a case speaks of."""
    message = effect.message
    parts = {
        "address": message.address,
        "text": message.payload.decode(),
        "json": json.loads(message.payload) if "json" in wanted else None,
        "headers": dict(message.headers),
        "content_type": message.content_type,
        "correlation_id": message.correlation_id,
    }
    return {name: parts[name] for name in wanted}


def body_of(effect: Send) -> Any:
    body, content_type = effect.request.body, effect.request.header("Content-Type") or ""
    if body is None:
        return None
    return json.loads(body) if "json" in content_type else body.decode()


@pytest.mark.parametrize("case", own_cases(messages=True))
def test_a_case_does_what_its_rule_says(case: dict[str, Any]) -> None:
    expected = dict(case["expect"])
    if "refused" in expected:
        with pytest.raises(PlanError) as refused:
            plan_of(case)
        assert {p.rule for p in refused.value.problems} == {expected["refused"]}
        assert expected.get("hint", "") in refused.value.problems[0].hint
        return
    if "invalid" in expected:
        with pytest.raises(InvalidInputs) as invalid:
            run(case)
        for name in expected["invalid"]:
            assert any(name in error for error in invalid.value.errors), name
        return
    if expected.keys() & {"never", "shown"}:
        told = masked(case)
        assert not [text for text in expected.pop("never", ()) if text in told]
        assert all(text in told for text in expected.pop("shown", ()))
    if "planned" in expected:
        assert [p.rule for p in plan_of(case).problems] == expected.pop("planned")
    seen = run(case)
    turn, events, sends = seen.turn, seen.events, seen.of(Send)
    assert turn.outcome is not None
    attempts = [event.attempt for event in events if isinstance(event, AttemptFinished)]
    reason = turn.outcome.reason
    assert turn.outcome.status == expected.pop("status", "succeeded"), reason
    assert (reason.code if reason else None) == expected.pop("reason", None)
    observed: dict[str, Any] = {
        "requests": [f"{s.request.method} {_path(s.request.url)}" for s in sends],
        "bodies": [body_of(effect) for effect in sends],
        "outputs": dict(turn.outcome.outputs),
        "sleeps": [effect.seconds for effect in seen.of(Sleep)],
        "order": [type(effect).__name__.lower() for effect in seen.effects],
        "subscribed": [effect.address for effect in seen.of(Subscribe)],
        "inboxes": sum(effect.inbox for effect in seen.of(Subscribe)),
        "waits": [effect.seconds for effect in seen.of(Receive)],
        "attempts": [attempt.attempt for attempt in attempts],
        "timeouts": [effect.timeout for effect in sends],
    }
    if "sent" in expected:
        wanted_messages = expected.pop("sent")
        exchanged = [attempt.exchanged for attempt in attempts]
        accepted = [one.message for one in exchanged if one is not None and one.action == "send"]
        published = [effect for effect in seen.of(Publish) if effect.message in accepted][
            -len(wanted_messages or [0]) :
        ]
        assert [message_of(*pair) for pair in zip(published, wanted_messages, strict=False)] == wanted_messages
        assert bool(published) == bool(wanted_messages)
    if "headers" in expected:
        pairs = zip(sends, expected.pop("headers"), strict=True)
        assert all(send.request.header(name) == value for send, wanted in pairs for name, value in wanted.items())
    for name in observed.keys() & expected.keys():
        assert observed[name] == expected.pop(name), name
    texts = {
        "warns": [event.message for event in events if isinstance(event, Warned)],
        "problem": [problem for attempt in attempts for problem in attempt.problems],
        "says": [reason.message] if reason else [],
        "hints": [reason.hint] if reason else [],
    }
    if "told" in expected:  # each warning, and no other
        for message, wanted in zip(texts["warns"], expected.pop("told"), strict=True):
            assert message.startswith(wanted)
    for name in texts.keys() & expected.keys():
        wanted = expected.pop(name)
        assert any(wanted in text for text in texts[name]), texts[name]
    assert not expected, "the case expects what nothing looks at"


def masked(case: dict[str, Any]) -> str:
    """All that a listener gets of a run (S1), as text."""
    told: list[str] = []
    session = Session(plan_of(case), case.get("inputs", {}), [lambda event: told.append(repr(event))])

    def answer(number: int, effect: Send, now: float) -> Answered | Failed:
        given = answer_to(case, number, now)
        assert isinstance(given, Answered | Failed)
        return given

    session.run(ListWorld(answer))
    return "\n".join(told)


def test_every_rule_has_a_case() -> None:
    rules = {case.values[0]["rule"] for case in own_cases(messages=True)}
    expected = [("V", 8), ("C", 7), ("F", 9)]
    expected.append(("M", 16))
    wanted = {f"{letter}{number}" for letter, last in expected for number in range(1, last + 1)}
    assert wanted | {f"H{number}" for number in range(7)} | {"D2", "S1"} == rules


def test_no_id_is_used_twice_and_each_starts_with_its_rule() -> None:
    ids = [(case.values[0]["id"], case.values[0]["rule"]) for case in own_cases(messages=True)]
    assert len(dict(ids)) == len(ids)
    assert all(name.startswith(f"{rule}-") for name, rule in ids)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
