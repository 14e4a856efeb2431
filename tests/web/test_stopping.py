"""A server that is asked to stop: its streams end, and its runs stop where nothing is lost."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from arazzo_runner.runtime.durable.journal import Journal
from tests.servers.slow import SlowServer
from tests.support.small_documents import document, write
from tests.support.web_servers import until, web_process

pytestmark = pytest.mark.network

MAKE = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}}
ITEM = {
    "post": {"operationId": "make", "responses": {"201": {"description": "made"}}},
    "get": {"operationId": "look", "responses": {"200": {"description": "there"}}},
}
STEPS = [{"stepId": "make", "operationId": "make"}, {"stepId": "look", "operationId": "look"}]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_under_way_is_answered_first(tmp_path: Path, number: signal.Signals) -> None:
    place = write(tmp_path, document({"workflowId": "w", "steps": STEPS}), {**MAKE, "paths": {"/things": ITEM}})
    with SlowServer() as slow, web_process(tmp_path, place, "--allow-run", "--server", slow.url) as server:
        with server.client() as client:
            run = client.post("/workflows/w/run", data={"action": "run"}).headers["location"].rpartition("/")[2]
            until(slow.asked.is_set)
            ended = threading.Event()

            def listen() -> None:
                with client.stream("GET", f"/runs/{run}/live") as answer:
                    for _ in answer.iter_lines():
                        pass
                ended.set()

            listening = threading.Thread(target=listen, daemon=True)
            listening.start()
            server.process.send_signal(number)
            assert ended.wait(30)  # an open page does not keep the server
            slow.answer.set()
            assert server.process.wait(30) in (0, 130)
        with Journal(tmp_path / "journal.db") as journal:
            row = journal.run(run)
            assert (row.shown, row.reason, row.unsent) == ("stopped", "interrupted", True)
        assert slow.methods == ["POST"]
        assert "Traceback" not in server.log.read_text("utf-8")
