"""``--confirm writes``: the person is asked before a change, in both eras, and nothing is sent without a yes."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp_types import ElicitResult, InputRequiredResult, InputResponses

from arazzo_runner.serving.offers import Terms
from tests.support.mcp_servers import (
    ERAS,
    Person,
    by_stdio,
    catalogue_of,
    client_of,
    http_client,
    http_process,
    run,
    served,
    texts_of,
)
from tests.support.notes import Notes, write_notes

pytestmark = pytest.mark.network

TERMS = Terms(confirm_writes=True, wait=5.0)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("action", "sent"), [("accept", 1), ("decline", 0), ("cancel", 0)])
def test_the_person_is_asked_before_a_change(era: str, action: str, sent: int, tmp_path: Path) -> None:
    person = Person(action)

    async def used() -> None:
        notes = Notes()
        with notes.serving() as url:
            document = write_notes(tmp_path, url)
            async with client_of(served(catalogue_of([document], TERMS), tmp_path).server, era, person) as client:
                answer = await client.call_tool("write-through", {})
                assert len(notes.requests) == sent
                assert answer.is_error == (action != "accept")
                assert len(person.asked) == 1
                assert "Run write-through?" in person.asked[0]
                assert "Changes data. Calls POST /note." in person.asked[0]
                if answer.is_error:
                    assert answer.structured_content["code"] == "not-confirmed"
                    assert (await client.call_tool("list_runs", {})).structured_content["runs"] == []

    run(used)


@pytest.mark.parametrize("era", ERAS)
def test_the_person_sees_the_inputs_without_secrets(era: str, tmp_path: Path) -> None:
    person = Person()

    async def used() -> None:
        notes = Notes()
        with notes.serving() as url:
            catalogue = catalogue_of([write_notes(tmp_path, url)], TERMS)
            async with client_of(served(catalogue, tmp_path, "s3cr3t-word").server, era, person) as client:
                await client.call_tool("add-note", {"text": "buy milk, s3cr3t-word"})
        assert 'text = "buy milk, [redacted]"' in person.asked[0]

    run(used)


@pytest.mark.parametrize("era", ERAS)
def test_reading_asks_nobody(era: str, tmp_path: Path) -> None:
    person = Person()

    async def used() -> None:
        notes = Notes()
        with notes.serving() as url:
            document = write_notes(tmp_path, url)
            async with client_of(served(catalogue_of([document], TERMS), tmp_path).server, era, person) as client:
                assert not (await client.call_tool("read-note", {})).is_error
        assert person.asked == []

    run(used)


@pytest.mark.parametrize("era", ERAS)
def test_a_client_that_cannot_ask_is_refused(era: str, tmp_path: Path) -> None:
    async def used() -> None:
        notes = Notes()
        with notes.serving() as url:
            document = write_notes(tmp_path, url)
            async with client_of(served(catalogue_of([document], TERMS), tmp_path).server, era) as client:
                refused = await client.call_tool("add-note", {"text": "t"})
                assert refused.structured_content["code"] == "not-confirmed"
                assert "this client cannot ask" in texts_of(refused)
        assert notes.requests == []

    run(used)


@pytest.mark.parametrize("era", ERAS)
def test_a_repeated_call_asks_once(era: str, tmp_path: Path) -> None:
    person = Person()

    async def used() -> None:
        notes = Notes()
        with notes.serving() as url:
            document = write_notes(tmp_path, url)
            async with client_of(served(catalogue_of([document], TERMS), tmp_path).server, era, person) as client:
                for _ in range(2):
                    answer = await client.call_tool("add-note", {"text": "t", "idempotencyKey": "k"})
                    assert answer.structured_content == {"id": 7}
        assert len(person.asked) == 1
        assert notes.requests == ["POST /note"]

    run(used)


def test_an_answer_is_good_for_its_own_call_and_for_one(tmp_path: Path) -> None:
    """A client that repeats a yes, changes the inputs under it, or makes one up is asked again or refused."""
    notes = Notes()
    yes: InputResponses = {"confirm": ElicitResult(action="accept", content={})}

    async def used() -> None:
        with notes.serving() as url:
            document = write_notes(tmp_path, url)
            server = served(catalogue_of([document], TERMS), tmp_path).server
            async with client_of(server, ERAS[1], Person()) as client:
                asked = await client.session.call_tool("add-note", {"text": "t"}, allow_input_required=True)
                assert isinstance(asked, InputRequiredResult)
                assert notes.requests == []
                state = asked.request_state

                async def answer(text: str, request_state: str | None) -> object:
                    return await client.session.call_tool(
                        "add-note",
                        {"text": text},
                        input_responses=yes,
                        request_state=request_state,
                        allow_input_required=True,
                    )

                with pytest.raises(Exception, match="requestState"):
                    await answer("another", state)
                assert isinstance(await answer("t", None), InputRequiredResult)
                with pytest.raises(Exception, match="requestState"):
                    await answer("t", "made-up")
                assert notes.requests == []
                assert not isinstance(await answer("t", state), InputRequiredResult)
                assert notes.requests == ["POST /note"]
                assert isinstance(await answer("t", state), InputRequiredResult)
                assert notes.requests == ["POST /note"]

    run(used)


@pytest.mark.parametrize("action", ["accept", "decline"])
def test_the_verb_asks_over_stdio_and_http(action: str, tmp_path: Path) -> None:
    from mcp import Client

    words = ("--confirm", "writes", "--wait", "5")

    async def used() -> None:
        notes = Notes()
        with notes.serving() as url:
            document = str(write_notes(tmp_path, url))
            for era in ERAS:
                person = Person(action)
                async with Client(
                    by_stdio(tmp_path, document, *words), mode=era, elicitation_callback=person
                ) as client:
                    await client.call_tool("add-note", {"text": "t"})
                with http_process(tmp_path, document, *words) as (where, _):
                    async with http_client(where, era, person) as client:
                        await client.call_tool("add-note", {"text": "t"})
                assert len(person.asked) == 2
        assert len(notes.requests) == (4 if action == "accept" else 0)

    run(used)
