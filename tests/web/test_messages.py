"""Runs over messages on the pages: under way, waiting with a countdown, stopped with a decision (M20)."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.servers.brokers import Nats, needs, running
from tests.servers.silent_broker import SilentBroker
from tests.support.asking import Asked, write_telling
from tests.support.web_servers import until, web_process

pytestmark = [pytest.mark.network]

WHOLE = {"part1": "1", "part2": "2"}


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with running(Nats, tmp_path_factory.mktemp("nats")) as server:
        yield Asked(server)


@pytest.fixture
def asked(application: Asked) -> Iterator[Asked]:
    application.renew()
    application.answers = False
    with application.listening():
        yield application
    application.answers = True


def shown(text: str) -> str:
    """The text of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


@needs(Nats)
def test_a_run_shows_what_it_waits_for_and_its_decision(asked: Asked, tmp_path: Path) -> None:
    document = str(asked.write(tmp_path, correlated=True))
    form = {"input.order": "o-1", "action": "run"}
    with web_process(tmp_path, document, "--allow-run") as server, server.client() as client:
        assert f"nats://127.0.0.1:{asked.server.port}" in client.get("/").text
        started = client.post("/workflows/asking/run", data=form)
        assert started.status_code == 303, started.text
        run = urlsplit(started.headers["location"]).path
        until(lambda: "Waiting for a message" in client.get(run).text)
        page = client.get(run).text
        assert f"for take1 at {asked.addresses['answer']} , at most for" in shown(page)
        assert re.search(r'class="countdown" data-until="\d', page)
        os.kill(server.process.pid, 9)
        server.process.wait()
    with web_process(tmp_path, document, "--allow-run") as server, server.client() as client:
        page = client.get(run).text
        assert "Messages may have been missed" in page
        assert f"What came at {asked.addresses['answer']} since then" in shown(page)
        assert "Continue all the same" in page
        refused = client.post(f"{run}/resume", data={"accept-missed": ""})
        assert refused.status_code == 303
        until(lambda: "Messages may have been missed" in client.get(run).text)
        with asked.answering_again_and_again():
            client.post(f"{run}/resume", data={"accept-missed": "yes"})
            until(lambda: "badge succeeded" in client.get(run).text)
        report = client.get(f"{run}/report.json")
        assert json.loads(report.text)["outputs"] == WHOLE
    asked.catch_up()
    assert (asked.asked, asked.told) == ([{"order": "o-1"}], [WHOLE])


@pytest.mark.parametrize("decision", ["skip", "resend"])
def test_whether_a_message_arrived_is_decided_in_a_form(tmp_path: Path, decision: str) -> None:
    with SilentBroker() as broker:
        document = str(write_telling(tmp_path, broker.port))
        form = {"input.order": "o-1", "action": "run"}
        with web_process(tmp_path, document, "--allow-run") as server, server.client() as client:
            run = urlsplit(client.post("/workflows/telling/run", data=form).headers["location"]).path
            assert broker.published.wait(60)
            until(lambda: "Sending a message" in client.get(run).text)
            os.kill(server.process.pid, 9)
            server.process.wait()
        with web_process(tmp_path, document, "--allow-run") as server, server.client() as client:
            page = client.get(run).text
            assert "A decision is needed" in page
            assert "Did it arrive?" in page
            assert "Status that it answered" not in page
            broker.confirms = True
            client.post(f"{run}/decide", data={"decision": decision, "message": "yes"})
            until(lambda: "badge succeeded" in client.get(run).text)
        assert broker.count == (2 if decision == "resend" else 1)
