"""Marked secrets of every kind: in no schema, argument, answer, progress message, question, log or resource (S1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client

from tests.support.marked_secrets import GIVEN, SECURITY, WORKFLOWS, EchoingNotes
from tests.support.marked_secrets import assert_hidden as assert_marked_hidden
from tests.support.mcp_servers import ERAS, TOKEN, Person, Progress, by_stdio, http_client, http_process, run
from tests.support.notes import Notes, write_notes

pytestmark = pytest.mark.network


def assert_hidden(text: str) -> None:
    assert_marked_hidden(text, TOKEN)


async def _use_everything(client: Client) -> list[str]:
    """Call everything there is; return all that the client saw."""
    seen: list[str] = []
    progress = Progress()
    listed = await client.list_tools()
    seen.append(listed.model_dump_json())
    for name in ("use-secrets", "fail-with-secrets"):
        for arguments in ({"text": "t", "idempotencyKey": name}, {"text": 5}, {}, {"text": "t", "hfToken": "typed"}):
            answer = await client.call_tool(name, arguments, progress_callback=progress)
            seen.append(answer.model_dump_json())
    assert progress.messages
    seen += progress.messages
    runs = await client.call_tool("list_runs", {})
    seen.append(runs.model_dump_json())
    for entry in runs.structured_content["runs"]:
        tools = ("run_status", "await_run", "cancel_run")
        seen += [(await client.call_tool(tool, {"runId": entry["runId"]})).model_dump_json() for tool in tools]
        seen.append((await client.read_resource(f"arazzo://runs/{entry['runId']}")).model_dump_json())
    for resource in (await client.list_resources()).resources:
        seen.append(resource.model_dump_json())
        seen.append((await client.read_resource(resource.uri)).model_dump_json())
    seen.append((await client.list_resource_templates()).model_dump_json())
    return seen


def _words(tmp_path: Path, url: str) -> tuple[str, ...]:
    document = write_notes(tmp_path, url, WORKFLOWS, **SECURITY)
    logins = tmp_path / "login.json"
    logins.write_text(json.dumps({"login": {"user": "ann", "password": GIVEN["login"]}}), "utf-8")
    words = ["-i", f"apiKey={GIVEN['apiKey']}", "-i", str(logins), "--auth", "bearer=env:BEARER"]
    return (str(document), *words, "--confirm", "writes", "--wait", "10")


VARIABLES = {"ARAZZO_INPUT_hfToken": GIVEN["hfToken"], "ARAZZO_INPUT_pin": GIVEN["pin"], "BEARER": GIVEN["bearer"]}


@pytest.mark.parametrize("era", ERAS)
def test_no_secret_is_in_any_message_of_stdio(era: str, tmp_path: Path) -> None:
    person, notes = Person(), EchoingNotes()

    async def used() -> None:
        with notes.serving() as url:
            parameters = by_stdio(tmp_path, *_words(tmp_path, url), **VARIABLES)
            async with Client(parameters, mode=era, elicitation_callback=person) as client:
                seen = await _use_everything(client)
        assert_hidden("\n".join(seen))

    run(used)
    _assert_sent(notes, person)
    for name in ("sent", "answered", "stderr"):
        raw = tmp_path.joinpath(name).read_text("utf-8")
        assert raw or name == "stderr"
        assert_hidden(raw)
        assert_hidden("\n".join(_decoded(raw)))
    assert_hidden("\n".join(person.asked))


@pytest.mark.parametrize("era", ERAS)
def test_no_secret_is_in_any_message_of_http(era: str, tmp_path: Path) -> None:
    person, notes = Person(), EchoingNotes()

    async def used() -> None:
        with notes.serving() as url, http_process(tmp_path, *_words(tmp_path, url), **VARIABLES) as (where, _):
            async with http_client(where, era, person) as client:
                seen = await _use_everything(client)
        assert_hidden("\n".join(seen))

    run(used)
    _assert_sent(notes, person)
    assert_hidden(tmp_path.joinpath("stderr").read_text("utf-8"))


def _assert_sent(notes: Notes, person: Person) -> None:
    """The secrets were used: else that they are nowhere says nothing."""
    sent = json.dumps(notes.headers)
    for name in ("hfToken", "apiKey", "bearer", "login"):
        assert GIVEN[name] in sent, name
    assert person.asked
    assert notes.requests.count("POST /note") == 1


def _decoded(raw: str) -> Iterator[str]:
    """The texts inside the messages, their escapes undone."""
    for line in raw.splitlines():
        try:
            waiting = [json.loads(line)]
        except ValueError:
            continue
        while waiting:
            match waiting.pop():
                case dict(members):
                    waiting += [*members.keys(), *members.values()]
                case list(items):
                    waiting += items
                case str(text):
                    yield text
                case _:
                    pass
