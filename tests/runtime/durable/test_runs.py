"""Durable runs: the same as any other, whenever their process dies; and what of them is in the journal."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from arazzo_runner.effects import Answered, Failed, Response, Send
from arazzo_runner.engine.events import Event
from arazzo_runner.errors import InvalidInputs, InvalidState, JournalError, PlanError
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.durable.runs import Row
from arazzo_runner.runtime.run.session import Session
from tests.support.durable_runs import (
    Case,
    Died,
    DyingWorld,
    Place,
    after,
    answers,
    dying_at_every_effect,
    left_behind,
    planned,
    start,
    taken_up,
)
from tests.support.own_cases import document, own_cases
from tests.support.runs import polling
from tests.support.worlds import ListWorld

SECRET = "sk_live_0123456789abcdef"
BROUGHT = "tok_that_a_login_returned"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def login() -> Case:
    """A workflow that logs in with a secret, and uses the token that comes back."""
    return {
        "id": "login",
        "inputs": {"apiToken": SECRET, "pin": 1234, "name": "ann"},
        "answers": [
            {"status": 200, "json": {"access_token": BROUGHT, "echo": f"you sent {SECRET}"}},
            {"status": 200, "json": {"id": "a", "echo": BROUGHT}},
            {"status": 200, "json": {"id": "b"}},
        ],
        "workflow": {
            "inputs": {
                "type": "object",
                "properties": {
                    "apiToken": {"type": "string"},
                    "pin": {"type": "integer", "format": "password"},
                    "name": {"type": "string"},
                },
            },
            "steps": [
                {
                    "stepId": "login",
                    "operationId": "createItem",
                    "parameters": [{"name": "Authorization", "in": "header", "value": "Bearer $inputs.apiToken"}],
                    "requestBody": {"payload": {"name": "$inputs.name", "key": "$inputs.apiToken"}},
                    "outputs": {"token": "$response.body#/access_token", "echo": "$response.body#/echo"},
                },
                {
                    "stepId": "use",
                    "operationId": "getItem",
                    "parameters": [
                        {"name": "id", "in": "path", "value": "x"},
                        {"name": "X-Session", "in": "header", "value": "$steps.login.outputs.token"},
                    ],
                    "outputs": {"id": "$response.body#/id"},
                },
                {
                    "stepId": "again",
                    "operationId": "getItem",
                    "parameters": [{"name": "id", "in": "path", "value": "$steps.use.outputs.id"}],
                },
            ],
            "outputs": {"token": "$steps.login.outputs.token", "echo": "$steps.login.outputs.echo"},
        },
    }


@pytest.mark.parametrize("case", own_cases())
def test_a_case_tells_the_same_when_its_process_dies_at_every_effect(case: Case, place: Place) -> None:
    plain: list[Event] = []
    try:
        plan = planned(case).plan
        whole = Session(plan, case.get("inputs", {}), [plain.append]).run(ListWorld(answers(case)))
    except (PlanError, InvalidInputs):
        return  # nothing is run
    run_id, result, _ = dying_at_every_effect(place, case)
    with place.process() as runs:
        told = list(runs.told(run_id))
        row = runs.journal.run(run_id)
    assert told == plain
    assert result.outcome == whole.outcome
    assert (row.status, row.requests) == (whole.status, whole.outcome.requests)


def test_nothing_that_was_answered_is_sent_again(place: Place) -> None:
    case = polling(6)
    _, result, worlds = dying_at_every_effect(place, case)
    assert result.succeeded
    whole = ListWorld(answers(case))
    Session(planned(case).plan, case["inputs"]).run(whole)
    assert sum(world.sent for world in worlds) == whole.sent


@pytest.mark.parametrize(
    ("now", "left"), [(1000.0, [0.5, 0.5, 0.5, 0.5]), (1001.5, [0.5]), (5000.0, []), (10.0, [0.5] * 4)]
)
def test_a_wait_goes_on_until_it_is_due_and_no_longer(place: Place, now: float, left: list[float]) -> None:
    case = polling(3)
    run_id = left_behind(place, case, 1)  # in the wait of two seconds that the first answer asked for
    with place.process() as runs:
        world = DyingWorld(after(case, 1), now, len(left))
        with pytest.raises(Died):
            taken_up(runs, run_id, case).run(world)
    assert world.slept == left
    assert world.methods == ["POST"]


def test_a_request_whose_answer_was_lost_is_left_to_the_user(place: Place) -> None:
    case = login()
    run_id = left_behind(place, case, 0, lost=True)
    for _ in range(2):  # asking changes nothing
        with place.process() as runs:
            world = ListWorld(answers(case))
            result = taken_up(runs, run_id, case).run(world)
            assert result.reason is not None
            assert result.reason.code == "ambiguous-request"
            assert run_id in result.reason.hint
            assert world.sent == 0
            row = runs.journal.run(run_id)
            assert (row.shown, row.reason) == ("stopped", "ambiguous-request")
    with place.process() as runs:
        world = ListWorld(after(case, 1))
        known = Response(200, body=json.dumps({"access_token": BROUGHT, "echo": "none"}).encode())
        result = taken_up(runs, run_id, case).run(world, Decision(answer=known))
    assert result.succeeded
    assert world.sent == 2
    assert result.outputs == {"token": BROUGHT, "echo": "none"}


def test_a_safe_request_whose_answer_was_lost_is_sent_again(place: Place) -> None:
    case = login()
    run_id = left_behind(place, case, 1, lost=True)
    with place.process() as runs:
        world = ListWorld(after(case, 1))
        assert taken_up(runs, run_id, case).run(world).succeeded
    assert world.sent == 2


def test_a_run_that_was_stopped_before_a_request_was_sent_is_not_ambiguous(place: Place) -> None:
    case = login()
    with place.process() as runs:
        run = start(runs, case)
        runs.interruption.asked = True
        result = run.run(ListWorld(answers(case)))
        assert result.reason is not None
        assert result.reason.code == "interrupted"
    for _ in range(2):  # stopped again before it was sent: still nothing is sent
        with place.process() as runs:
            runs.interruption.asked = True
            assert taken_up(runs, run.id, case).run(ListWorld(answers(case))).reason == result.reason
    with place.process() as runs:
        world = ListWorld(answers(case))
        assert taken_up(runs, run.id, case).run(world).succeeded
    assert world.sent == 3


def test_stopping_before_a_lost_request_is_sent_again_leaves_it_ambiguous(place: Place) -> None:
    case = login()
    run_id = left_behind(place, case, 0, lost=True)
    with place.process() as runs:
        runs.interruption.asked = True
        taken_up(runs, run_id, case).run(ListWorld(answers(case)), Decision(resend=True))
    with place.process() as runs:
        result = taken_up(runs, run_id, case).run(ListWorld(answers(case)))
    assert result.reason is not None
    assert result.reason.code == "ambiguous-request"


def test_the_time_without_a_process_counts_for_the_runs_timeout(place: Place) -> None:
    case = {**login(), "options": {"timeout": 100}}
    run_id = left_behind(place, case, 1)
    with place.process() as runs:
        world = DyingWorld(answers(case), 2000.0, 9)
        result = taken_up(runs, run_id, case).run(world)
    assert result.reason is not None
    assert (result.reason.code, world.sent) == ("timeout", 0)


def test_no_secret_is_in_the_journal_in_any_form(place: Place) -> None:
    case = {**login(), "options": {"credentials": {"key": "an-api-key-of-the-tests", "basic": "ann:p4ss w0rd"}}}
    with place.process() as runs:
        run = start(runs, case)
        with pytest.raises(Died):
            run.run(DyingWorld(answers(case), 1000.0, 2))
        open_files = place.raw()
    for text in (SECRET, BROUGHT, "an-api-key-of-the-tests", "p4ss w0rd"):
        for form in forms(text):
            assert form not in open_files, text
    assert b"login" in open_files  # the names that its author gave are in clear, for lists


def test_what_the_user_can_give_again_is_not_even_sealed(place: Place) -> None:
    case = {**login(), "options": {"credentials": {"basic": "ann:p4ss w0rd"}}}
    with place.process() as runs:
        run = start(runs, case)
        with pytest.raises(Died):
            run.run(DyingWorld(answers(case), 1000.0, 1))
        vault = runs.vault(run.id)
        found = runs.journal.state(run.id)
        assert found is not None
        state = vault.open(found[1], f"state {found[0]}")
        setup = vault.open(runs.journal.setup(run.id), "setup")
        turns = "".join(vault.open(body, f"turn {turn}") for turn, body in runs.journal.turns(run.id))
        pieces = [vault.open(body, f"part {part}/{place}") for part, place, body in runs.journal.parts(run.id)]
    opened = state + setup + turns + "".join(pieces)
    assert BROUGHT in opened  # nobody can give it again
    for text in (SECRET, "p4ss w0rd"):
        for form in forms(text):
            assert form.decode("latin-1") not in opened
    assert "1234" not in setup
    (inputs,) = [kept["inputs"] for piece in pieces if "inputs" in (kept := json.loads(piece))]
    assert inputs["pin"] != 1234


def forms(text: str) -> list[bytes]:
    encoded = [base64.b64encode(b"\0" * offset + text.encode())[4:-4] for offset in range(3)]
    return [text.encode(), quote(text, safe="").encode(), *encoded]


def test_a_secret_may_be_another_one_when_a_run_goes_on(place: Place) -> None:
    case = login()
    run_id = left_behind(place, case, 0)
    seen: list[Send] = []

    def answer(number: int, effect: Send, now: float) -> Answered | Failed:
        seen.append(effect)
        return answers(case)(number, effect, now)

    with place.process() as runs:
        other = {**case["inputs"], "apiToken": "sk_live_renewed", "pin": 99}
        assert taken_up(runs, run_id, case, other).run(ListWorld(answer), Decision(resend=True)).succeeded
    assert seen[0].request.header("Authorization") == "Bearer sk_live_renewed"
    assert json.loads(seen[0].request.body or b"") == {"name": "ann", "key": "sk_live_renewed"}


def test_a_secret_that_is_not_given_again_is_never_sent_as_its_placeholder(place: Place) -> None:
    case = login()
    run_id = left_behind(place, case, 0)
    with place.process() as runs:
        world = ListWorld(answers(case))
        with pytest.raises(JournalError, match="not given now: apiToken"):
            taken_up(runs, run_id, case, {"pin": 1234}).run(world, Decision(resend=True))
    assert world.sent == 0


def test_what_a_login_brought_stays_masked_after_a_resumption(place: Place) -> None:
    case = login()
    run_id = left_behind(place, case, 1)
    told: list[Event] = []
    with place.process() as runs:
        resumed = taken_up(runs, run_id, case)
        resumed.session.listen(told.append)
        world = ListWorld(after(case, 1))
        assert resumed.run(world).outputs["token"] == BROUGHT
    assert BROUGHT not in repr(told)
    assert SECRET not in repr(told)
    assert "X-Session" in repr(told)


def test_changed_documents_do_not_change_a_started_run(place: Place) -> None:
    case = login()
    run_id = left_behind(place, case, 1)
    with place.process() as runs:
        setup = runs.setup(run_id)
        assert runs.workbook(run_id, setup).plan("main", setup.options).fingerprint == planned(case).plan.fingerprint
        with pytest.raises(OSError, match="not among the documents"):
            runs.workbook(run_id, setup).linker.library.open("https://cases.example/other.yaml")


def test_a_state_of_another_release_is_refused_by_name(place: Place) -> None:
    case = login()
    with place.process() as runs:
        run = start(runs, case)
        with pytest.raises(Died):
            run.run(DyingWorld(answers(case), 1000.0, 1))
        vault = runs.vault(run.id)
        found = runs.journal.state(run.id)
        assert found is not None
        text = vault.open(found[1], f"state {found[0]}").replace("arazzo-state/2", "arazzo-state/9")
        runs.journal._database.execute("UPDATE states SET body = ?", (vault.seal(text, f"state {found[0]}"),))
        with pytest.raises(InvalidState, match="arazzo-state/2"):
            taken_up(runs, run.id, case).run(ListWorld(answers(case)))


def test_invalid_inputs_keep_nothing(place: Place) -> None:
    case = {**login(), "inputs": {"apiToken": 5}}
    with place.process() as runs:
        with pytest.raises(InvalidInputs):
            start(runs, case)
        assert runs.journal.runs() == []


def idempotent(case: Case) -> dict[str, str]:
    """An API whose operations take idempotency keys."""
    api: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Items", "version": "1"},
        "servers": [{"url": "https://api.example"}],
        "paths": {
            "/items": {
                "post": {
                    "operationId": "createItem",
                    "parameters": [{"name": "Idempotency-Key", "in": "header", "required": True, "schema": {}}],
                    "requestBody": {"content": {"application/json": {}}},
                    "responses": {},
                }
            }
        },
    }
    return {"case.yaml": json.dumps(case), "api.yaml": json.dumps(api)}


def keys_of(place: Place, *, parameters: list[Any], durable: bool) -> list[str | None]:
    """The idempotency keys of a step that is retried twice, its process dying with the first request's answer lost."""
    case: Case = {
        "id": "keys",
        "answers": [{"status": 503}, {"status": 503}, {"status": 503}, {"status": 201}],
        "workflow": {
            "steps": [
                {
                    "stepId": "create",
                    "operationId": "createItem",
                    "parameters": parameters,
                    "requestBody": {"payload": {"a": 1}},
                    "onFailure": [{"name": "busy", "type": "retry", "retryLimit": 2}],
                }
            ]
        },
    }
    seen: list[str | None] = []

    def answer(number: int, effect: Send, now: float) -> Answered | Failed:
        seen.append(effect.request.header("Idempotency-Key"))
        return answers(case)(len(seen) - 1, effect, now)

    whole = planned(case, idempotent(document(case)))
    if not durable:
        Session(whole.plan, {}).run(ListWorld(answer))
        return seen
    with place.process() as runs:
        run = runs.start(whole, Row({}, {}))
        with pytest.raises(Died):
            run.run(DyingWorld(answer, 1000.0, 0, lost=True))
    with place.process() as runs:
        assert taken_up(runs, run.id, case).run(ListWorld(answer)).succeeded
    return seen


def test_an_idempotency_key_is_the_same_when_sent_again_and_another_one_for_another_attempt(place: Place) -> None:
    lost, again, second, third = keys_of(place, parameters=[], durable=True)
    assert lost
    assert lost == again
    assert len({again, second, third}) == 3


def test_an_idempotency_key_of_the_steps_own_is_kept(place: Place) -> None:
    own = [{"name": "idempotency-key", "in": "header", "value": "mine"}]
    assert set(keys_of(place, parameters=own, durable=True)) == {"mine"}


def test_only_a_durable_run_makes_idempotency_keys(place: Place) -> None:
    assert set(keys_of(place, parameters=[], durable=False)) == {None}


def test_a_cancelled_run_ends_with_its_report(place: Place) -> None:
    case = polling(5)
    with place.process() as runs:
        run = start(runs, case)

        class Cancelling(ListWorld):
            def sleep(self, seconds: float) -> None:
                super().sleep(seconds)
                with place.process() as other:
                    other.journal.cancel(run.id)
                while not runs.heartbeat.is_cancelled(run.id):
                    pass

        result = run.run(Cancelling(answers(case)))
        assert result.reason is not None
        assert (result.reason.code, result.outcome.requests) == ("cancelled", 1)
        assert runs.journal.run(run.id).status == "cancelled"
        with pytest.raises(JournalError, match="has ended: cancelled"):
            taken_up(runs, run.id, case)


def test_a_run_that_nobody_drives_is_cancelled_at_once(place: Place) -> None:
    case = polling(5)
    run_id = left_behind(place, case, 1)
    with place.process() as runs:
        runs.journal.cancel(run_id)
        row = runs.journal.run(run_id)
        assert (row.status, row.reason) == ("cancelled", "cancelled")
        with pytest.raises(JournalError, match="has ended"):
            runs.journal.cancel(run_id)


def test_a_breach_of_the_contract_before_the_death_counts_after_it(place: Place) -> None:
    case = polling(3)
    undeclared = {**case, "answers": [{"status": 599, "text": "?"}, *case["answers"]]}
    whole = planned(case)
    held = replace(whole, setup=replace(whole.setup, check="error"))
    with place.process() as runs:
        run = runs.start(held, Row(case["inputs"], {}))
        with pytest.raises(Died):
            run.run(DyingWorld(answers(undeclared), 1000.0, 1))
    with place.process() as runs:
        resumed = taken_up(runs, run.id, case)
        told = "".join(map(repr, runs.told(run.id)))
        if "contract: " not in told:
            pytest.fail("the answer was no breach")
        result = resumed.run(ListWorld(answers(case)), Decision(resend=True))
    assert result.reason is not None
    assert result.reason.code == "contract"
