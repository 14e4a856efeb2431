"""Marked secrets of every kind: in no page, part of a page, stream, file, address or log (S1)."""

from __future__ import annotations

import html
import json
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from tests.support.marked_secrets import GIVEN, SECURITY, WORKFLOWS, EchoingNotes, assert_hidden
from tests.support.notes import write_notes
from tests.support.web_servers import WebProcess, until, web_process

if TYPE_CHECKING:
    import httpx2

pytestmark = pytest.mark.network

TYPED = "typed/into+a field=7"
VARIABLES = {"ARAZZO_INPUT_hfToken": GIVEN["hfToken"], "ARAZZO_INPUT_pin": GIVEN["pin"], "BEARER": GIVEN["bearer"]}
LOGIN = json.dumps({"user": "ann", "password": GIVEN["login"]})
LINK = re.compile(r'(?:href|data-load|data-later|action)="(/[^"]*)"')


class Sweep:
    """All that a browser gets to see of a server."""

    def __init__(self, server: WebProcess, client: httpx2.Client) -> None:
        self._server = server
        self._client = client
        self.seen: list[str] = []
        self._asked: set[str] = set()

    def take(self, answer: httpx2.Response) -> httpx2.Response:
        """Keep an answer, with its address and header fields."""
        self.seen += [str(answer.request.url), unquote(str(answer.request.url)), repr(answer.headers), answer.text]
        self.seen.append(html.unescape(answer.text))
        if answer.headers.get("content-type", "").startswith("application/json"):
            self.seen.append(json.dumps(answer.json(), ensure_ascii=False))
        return answer

    def post(self, path: str, form: dict[str, str]) -> httpx2.Response:
        """Send a form."""
        return self.take(self._client.post(path, data=form))

    def is_over(self, run: str) -> bool:
        """Return whether a run has ended."""
        return "badge running" not in self._client.get(run).text

    def crawl(self, path: str) -> None:
        """Follow every link, part and file from a page on."""
        waiting = [path]
        while waiting:
            one = html.unescape(waiting.pop()).partition("#")[0]
            if one in self._asked or one.startswith("/static/"):
                continue
            self._asked.add(one)
            answer = self.take(self._client.get(one))
            if "text/html" in answer.headers["content-type"]:
                waiting += LINK.findall(answer.text)

    def stream(self, path: str) -> None:
        """Take the first message of a stream."""
        with self._client.stream("GET", path) as answer:
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    self.seen += [line, json.dumps(json.loads(line[5:]), ensure_ascii=False)]
                    return


def test_no_secret_is_on_any_page_stream_or_address(tmp_path: Path) -> None:
    notes = EchoingNotes()
    with notes.serving() as url:
        document = str(write_notes(tmp_path, url, WORKFLOWS, **SECURITY))
        words = (document, "--allow-run", "-i", f"apiKey={GIVEN['apiKey']}", "--auth", "bearer=env:BEARER")
        with web_process(tmp_path, *words, **VARIABLES) as server, server.client() as client:
            sweep = Sweep(server, client)
            form = {"input.login": LOGIN, "input.text": "t", "action": "run"}
            for name in ("use-secrets", "fail-with-secrets"):
                sweep.post(f"/workflows/{name}/run", {**form, "action": "dry-run"})
                sweep.post(f"/workflows/{name}/run", {**form, "input.login": "not an object"})
                for more in ({}, {"input.hfToken": TYPED}):
                    started = sweep.post(f"/workflows/{name}/run", {**form, **more})
                    assert started.status_code == 303
                    run = urlsplit(started.headers["location"]).path
                    until(partial(sweep.is_over, run))
                    sweep.stream(f"{run}/live?known=0")
                    for expression in ("$inputs", "$inputs.login.password", "$request.header.X-One", "$response.body"):
                        sweep.post(f"{run}/explain", {"attempt": "1", "expression": expression})
                    sweep.post(f"{run}/branch", {"attempt": "1", "input.login": LOGIN, "input.hfToken": TYPED})
                    sweep.post(f"{run}/resume", {"input.login": LOGIN, "input.hfToken": TYPED})
            sweep.stream("/runs/live")
            sweep.crawl("/")
            # Many pages of many kinds, or that nothing is on them says nothing.
            assert len(sweep.seen) > 200
            assert any("Why it went on" in text for text in sweep.seen)
            assert_hidden("\n".join(sweep.seen), server.token, TYPED)
    sent = json.dumps(notes.headers)
    assert all(GIVEN[name] in sent for name in ("hfToken", "apiKey", "bearer", "login"))
    assert TYPED in sent
    log = server.log.read_text("utf-8").replace(server.address, "")
    assert_hidden(log, server.token, TYPED)
    # What was typed is nowhere on the disk, either.
    for path in tmp_path.glob("journal*"):
        assert TYPED.encode() not in path.read_bytes()
