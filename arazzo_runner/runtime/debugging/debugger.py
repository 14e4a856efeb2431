"""The driver: a run as a list of turns and a place in it. Going back is a smaller index; nothing is sent for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from arazzo_runner.effects import Answer, Message, Request, Response, Send
from arazzo_runner.engine.explanation import Explanation, explained
from arazzo_runner.engine.flow import Turn, observed, rebuilt, start
from arazzo_runner.engine.inputs import check_inputs
from arazzo_runner.engine.judgement import JudgedAttempt
from arazzo_runner.engine.plan import Plan, PlannedStep, PlannedWorkflow
from arazzo_runner.engine.state import Phase, RunState
from arazzo_runner.errors import UsageError
from arazzo_runner.expressions.evaluate import Scope
from arazzo_runner.runtime.debugging.by_hand import answer_by_hand
from arazzo_runner.runtime.debugging.changes import with_input, with_output
from arazzo_runner.runtime.debugging.confirmation import refuse_repetition, sent_by
from arazzo_runner.runtime.debugging.hits import Hits
from arazzo_runner.runtime.debugging.points import BEGINNINGS, EFFECTS, Point, points_of
from arazzo_runner.runtime.debugging.scopes import scope_at_effect, scope_at_end
from arazzo_runner.runtime.debugging.sources import AnswerSource
from arazzo_runner.runtime.debugging.stops import Stop
from arazzo_runner.runtime.debugging.tape import ROOM, Kept, Tape
from arazzo_runner.runtime.secrets.learning import learn_answer, learn_effect
from arazzo_runner.runtime.secrets.redaction import Redactor


class Debugger:
    """A run that is held still.

    Args:
        inputs: as the user gave them.
        redactor: learns every secret before it can be shown.
        room: how many turns stay in memory.

    Attributes:
        stops: at which ``proceed`` stops, by number.
        yes: requests that change something are performed again without a question.

    Raises:
        InvalidInputs: they break the workflow's schema (V8).
    """

    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, Any],
        redactor: Redactor,
        source: AnswerSource,
        *,
        room: int = ROOM,
        identity: str = "",
    ) -> None:
        self.plan = plan
        self.redactor = redactor
        self.source = source
        self.stops: dict[int, Stop] = {}
        self.yes = False
        self._tape, self._hits = Tape(room), Hits()
        self._performed: dict[int, Request | Message] = {}
        self._gone_back, self._source_at = False, 0
        self._observed: tuple[int, Turn, tuple[JudgedAttempt, ...]] | None = None
        first = start(plan, inputs, at=source.now(), secret=redactor.secret_names, identity=identity)
        self._tape.append(Kept(self._known(first)))
        self._turn, self._point = 0, 0

    # Where it is

    @property
    def index(self) -> int:
        """The index of the turn at hand."""
        return self._turn

    @property
    def length(self) -> int:
        """The number of turns that are kept."""
        return len(self._tape)

    @property
    def kept(self) -> Kept:
        """The turn at hand, and the answer that led to it."""
        return self._tape[self._turn]

    def kept_at(self, index: int) -> Kept:
        """A turn that is kept."""
        return self._tape[index]

    @property
    def points(self) -> tuple[Point, ...]:
        """The points of the turn at hand."""
        return points_of(self.plan, self.kept.turn)

    @property
    def point(self) -> Point:
        """The point at which it is held."""
        return self.points[self._point]

    @property
    def has_ended(self) -> bool:
        """Return whether the run is over at this point."""
        return self.point.where == "end"

    @property
    def request(self) -> Request | None:
        """The request that is about to be sent, as it is; None at other points."""
        effect = self.kept.turn.effect
        return effect.request if self.point.where in ("request", "token") and isinstance(effect, Send) else None

    @property
    def judgement(self) -> JudgedAttempt | None:
        """The values that the attempt at this point was judged by; None where nothing was judged."""
        attempt = self.point.attempt
        if attempt is None:
            return None
        finished = [point.attempt for point in self.points[: self._point + 1] if point.attempt is not None]
        count = len({id(one) for one in finished})
        judged = self._judgements()
        return judged[count - 1] if count <= len(judged) else None

    @property
    def explanation(self) -> Explanation | None:
        """The reasons for which the attempt at this point went on as it did; None where nothing was judged."""
        judged = self.judgement
        return None if judged is None else explained(judged)

    @property
    def led_here(self) -> Explanation | None:
        """The explanation of the last attempt of the turn, which led here; None where it has none."""
        judged = self.judgement or next(iter(self._judgements()[::-1]), None)
        return None if judged is None else explained(judged)

    @property
    def state(self) -> RunState:
        """The state at this point: in the middle of a turn the one that the answer came to."""
        if self.point.where not in EFFECTS and self._turn:
            return self._tape[self._turn - 1].turn.state
        return self.state_after

    @property
    def state_after(self) -> RunState:
        """The state that the turn at hand leads to; of a run that has ended, with the frame of its last attempt."""
        turn = self.kept.turn
        judged = next(iter(self._judgements()[::-1]), None) if turn.outcome is not None else None
        return turn.state if judged is None else replace(turn.state, frames=(judged.frame,))

    @property
    def scope(self) -> Scope:
        """The names that expressions can use at this point."""
        point, turn = self.point, self.kept.turn
        judged = self.judgement
        if judged is not None:
            return judged.acted_in if point.where == "action" else judged.asked_in
        if point.where == "end" and turn.outcome is not None:
            earlier = self._judgements()
            return scope_at_end(turn.outcome, earlier[-1].acted_in if earlier else None)
        return scope_at_effect(self.plan, turn.state, point)

    @property
    def workflow(self) -> PlannedWorkflow:
        """The workflow of this point."""
        found = (one for one in self.plan.workflows.values() if one.workflow_id == self.point.workflow_id)
        return next(found, self.plan.workflow)

    @property
    def step(self) -> PlannedStep | None:
        """The step of this point, or None."""
        return next((step for step in self.workflow.steps if step.step_id == self.point.step_id), None)

    # Forth

    def step_once(self) -> Point:
        """Go to the very next point; the effect of the turn is performed when it is the last one.

        Raises:
            UsageError: the run has ended, or there is no answer.
            ConfirmationNeeded: a request that changes something was performed before.
        """
        if self._point + 1 < len(self.points):
            self._point += 1
        else:
            self._perform()
        return self.point

    def proceed(self, until: Callable[[Point], bool] = lambda _: False) -> Stop | None:
        """Go on until the run ends, a stop holds, or ``until`` says so; return the stop that held.

        Raises:
            UsageError: the run has ended, or there is no answer.
            ConfirmationNeeded: a request that changes something was performed before.
        """
        while True:
            point = self.step_once()
            if stop := self.stop_here():
                return stop
            if self.has_ended or until(point):
                return None

    def stop_here(self) -> Stop | None:
        """The first stop that holds at this point, or None."""
        return next(iter(self.stops_here()), None)

    def stops_here(self) -> Sequence[Stop]:
        """The stops that hold at this point."""
        if not self.stops:
            return ()
        scope, unmatched = self.scope, False
        if self.point.where == "action":
            explanation = self.explanation
            unmatched = explanation is not None and explanation.unmatched
        held = (stop for stop in self.stops.values() if stop.holds(self.point, scope, unmatched=unmatched))
        return [stop for stop in held if self._hits.holds(stop, (self._turn, self._point))]

    def point_back(self) -> bool:
        """Go back by one point, be it of an earlier turn; nothing is sent. Return whether there was one."""
        if self._point > 0:
            self._point -= 1
            return True
        return self.back() > 0

    def forward(self, count: int = 1) -> int:
        """Go forward along the turns that are kept, to their effects; nothing is sent. Return by how many turns."""
        target = min(self._turn + count, len(self._tape) - 1)
        moved, self._turn = target - self._turn, target
        self._point = len(self.points) - 1
        return moved

    def back(self, count: int = 1) -> int:
        """Go back to the effect of an earlier turn; nothing is sent. Return by how many turns.

        In the middle of a turn, the first turn back is the one that led here.
        """
        target = max(self._turn - count, 0)
        moved, self._turn = self._turn - target, target
        self._point = len(self.points) - 1
        self._gone_back = self._gone_back or moved > 0
        return moved

    def go_to(self, index: int, point: int) -> Point:
        """Go to a point of a turn that is kept; nothing is sent.

        Raises:
            IndexError: there is no such turn or point.
        """
        if not (0 <= index < len(self._tape) and 0 <= point < len(points_of(self.plan, self._tape[index].turn))):
            raise IndexError((index, point))
        self._gone_back, self._turn, self._point = self._gone_back or index < self._turn, index, point
        return self.point

    # Changes

    def answer(self, given: Response | bytes) -> None:
        """Answer the request or message at hand by hand; nothing is sent.

        Args:
            given: a response; bytes for a message (see ``by_hand``).

        Raises:
            UsageError: nothing that can be answered so is at hand.
        """
        self._refuse_fixed()
        turn = self.kept.turn
        effect = turn.effect if self.point.where in EFFECTS else None
        self._take(answer_by_hand(effect, given, turn.state, self.source.now()))

    def change_request(self, request: Request) -> None:
        """Send another request than the one at hand.

        Raises:
            UsageError: no request is at hand.
        """
        self._refuse_fixed()
        kept, state = self.kept, self.kept.turn.state
        effect = kept.turn.effect
        if self.request is None or not isinstance(effect, Send):
            raise UsageError("no request is at hand here", hint="next goes to the next request, back to an earlier one")
        frame = state.frames[-1]
        if frame.prepared is not None:
            frame = replace(frame, prepared=replace(frame.prepared, request=request))
            state = replace(state, frames=(*state.frames[:-1], frame))
        self._put(replace(kept.turn, state=state, effect=replace(effect, request=request)))

    def set_input(self, name: str, value: Any) -> None:
        """Change an input of the workflow at hand; what is built from it is built anew.

        Raises:
            UsageError: the value breaks the workflow's schema (V8), or nothing can be changed here.
        """
        self._refuse_fixed()
        schema = self.workflow.input_schema
        values = {**self.scope.inputs, name: value}
        names = self.plan.options.secret_names
        if errors := check_inputs(schema, values, secret=self.redactor.secret_names, names=names):
            raise UsageError(f"$inputs.{name}: {errors[0]}")
        self.redactor.learn_inputs(schema, {name: value}, self.plan.credential_inputs & {name})
        self._change(lambda state: with_input(state, name, value))

    def set_output(self, step: str, name: str, value: Any) -> None:
        """Change an output of a step that has succeeded, in the workflow at hand.

        Raises:
            UsageError: the step has no outputs yet, or nothing can be changed here.
        """
        self._refuse_fixed()
        if self.plan.options.secret_names.has(name):
            self.redactor.learn(value)
        self._change(lambda state: with_output(state, step, name, value))

    def _refuse_fixed(self) -> None:
        if self.source.fixed:
            raise UsageError("this run has happened; it is shown, and cannot be changed here")

    def _change(self, change: Callable[[RunState], RunState]) -> None:
        """Change the state before the effect at hand, or, in the middle of a turn, before the answer that led to it."""
        point = self.point
        if point.where == "end":
            raise UsageError("the run has ended; nothing can be changed any more", hint="go back first: back")
        if point.where in EFFECTS or self._turn == 0:
            turn, state = self.kept.turn, change(self.kept.turn.state)
            if state.frames[-1].phase is Phase.RETRYING:
                self._put(replace(turn, state=state))
            else:
                anew = rebuilt(self.plan, state)
                told = tuple(event for event in turn.events if not isinstance(event, BEGINNINGS))
                self._put(replace(anew, events=(*told, *anew.events)))
            self._point = len(self.points) - 1
            return
        before, answer = self._tape[self._turn - 1], self.kept.answer
        assert answer is not None  # noqa: S101 - every turn but the first has one
        state = change(before.turn.state)
        turn, _ = observed(self.plan, state, answer)
        self._turn -= 1
        self._put(replace(before.turn, state=state))
        self._append(turn, answer)
        same = [i for i, one in enumerate(self.points) if (one.where, one.step_id) == (point.where, point.step_id)]
        self._point = same[0] if same else 0

    def _put(self, turn: Turn) -> None:
        """Let a turn take the place of the one at hand; what followed is no more."""
        self._lay(self._turn, Kept(self._known(turn), self.kept.answer))

    # Effects

    def _perform(self) -> None:
        kept = self.kept
        effect = kept.turn.effect
        if effect is None:
            raise UsageError("the run has ended", hint="back goes to where it was before, quit ends")
        sent = sent_by(effect) if self.source.sends else None
        if sent is not None and self._gone_back and not self.yes:
            refuse_repetition(self._turn, sent, self._performed, self.redactor)
        if self._source_at != self._turn:
            self.source.rewind([one for i in range(self._turn) if (one := self._tape[i].turn.effect) is not None])
        if sent is not None:
            self._performed[self._turn] = sent
        try:
            answer = self.source.perform(effect)
        except KeyboardInterrupt:
            self._gone_back = True  # it may have been carried out: the same question as behind a step back
            raise
        self._source_at = self._turn + 1
        self._take(answer)

    def _take(self, answer: Answer) -> None:
        learn_answer(self.redactor, answer)
        turn, judged = observed(self.plan, self.kept.turn.state, answer)
        self._append(turn, answer)
        self._observed = (self._turn, self.kept.turn, judged)

    def _append(self, turn: Turn, answer: Answer) -> None:
        self._lay(self._turn + 1, Kept(self._known(turn), answer))
        self._turn, self._point = self._turn + 1, 0

    def _lay(self, index: int, kept: Kept) -> None:
        self._tape.cut(index)
        self._hits.cut(index)
        self._tape.append(kept)
        self._observed = None

    def _known(self, turn: Turn) -> Turn:
        learn_effect(self.redactor, turn.effect)
        return turn

    def _judgements(self) -> tuple[JudgedAttempt, ...]:
        """The attempts of the turn at hand, judged: the engine is asked again, which sends nothing."""
        kept = self.kept
        if self._observed is not None and self._observed[0] == self._turn and self._observed[1] is kept.turn:
            return self._observed[2]
        if self._turn == 0 or kept.answer is None:
            return ()
        _, judged = observed(self.plan, self._tape[self._turn - 1].turn.state, kept.answer)
        self._observed = (self._turn, kept.turn, judged)
        return judged

    def close(self) -> None:
        """Forget the turns."""
        self._tape.close()
