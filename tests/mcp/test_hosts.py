"""An agent reaches no host but those that the person's words and the documents name, whatever URL it gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp import Client

from tests.support.mcp_servers import by_stdio, run
from tests.support.notes import Notes, step, write_notes

pytestmark = pytest.mark.network

ANYWHERE = {
    "summary": "Read what is at a URL.",
    "inputs": {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}},
    "steps": [
        step("named", "getNote"),
        {
            "stepId": "read",
            "x-operation": {"url": "$inputs.url", "method": "get"},
            "successCriteria": [{"condition": "$statusCode == 200"}],
        },
    ],
}


@pytest.mark.parametrize(("words", "reached"), [((), 0), (("--allow-host", "localhost"), 1)])
def test_a_url_of_an_agent_reaches_no_other_host(words: tuple[str, ...], reached: int, tmp_path: Path) -> None:
    notes, other = Notes(), Notes()

    async def used() -> None:
        with notes.serving() as url, other.serving() as elsewhere:
            document = str(write_notes(tmp_path, url, {"anywhere": ANYWHERE}))
            async with Client(by_stdio(tmp_path, document, "--wait", "10", *words)) as client:
                there = await client.call_tool("anywhere", {"url": f"{url}/note"})
                assert not there.is_error
                answer = await client.call_tool("anywhere", {"url": elsewhere.replace("127.0.0.1", "localhost")})
                assert answer.is_error == (not reached)
                if not reached:
                    assert "localhost" in answer.structured_content["reason"]
        assert len(other.requests) == reached

    run(used)
