"""The page: what it shows of a run, and that nothing that came from outside is ever markup."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec.structs import replace

from arazzo_runner.effects import Answered, Failed, Send
from arazzo_runner.engine.events import (
    Attempt,
    AttemptFinished,
    Authenticated,
    Outcome,
    Reason,
    RunFinished,
    RunStarted,
    Warned,
)
from arazzo_runner.errors import InvalidInputs, Place, PlanError, Problem, Severity
from arazzo_runner.reports.flow_graph import diagram_of
from arazzo_runner.reports.pages import html as module
from arazzo_runner.reports.pages.html import HtmlReport
from arazzo_runner.reports.pages.html_timeline import Span, timeline
from arazzo_runner.reports.pages.html_views import body_view, comparison, size
from arazzo_runner.reports.pages.templating import shown
from arazzo_runner.runtime.drivers import Listener
from tests.support.own_cases import own_cases, plan_of
from tests.support.runs import (
    HOSTILE,
    SCRIPT,
    SECRET,
    Case,
    failing,
    hostile,
    hostile_answer,
    json_answer,
    polling,
    run,
)

VOID = {"meta", "link", "input"}
TAGS = re.compile(
    "html|head|meta|link|title|style|body|a|header|h1|span|p|dl|div|dt|dd|main|section|h2|h3|h4|pre|ul|li|ol|details|code|"
    "summary|figure|figcaption|b|svg|g|path|text|rect|line|label|input|button|output|kbd|table|caption|tr|th|td|script|"
    "footer"
)


class Page(HTMLParser):
    """A page as a parser sees it: its tags, whether they nest, and its text by the id of what it stands in."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, Mapping[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.source = source
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def having(self, name: str) -> Iterator[str]:
        return (value for _, attributes in self.tags if (value := attributes.get(name)) is not None)

    def of_class(self, name: str) -> list[tuple[str, Mapping[str, str | None]]]:
        return [tag for tag in self.tags if name in (tag[1].get("class") or "").split()]


def written(report: HtmlReport) -> Page:
    stream = io.StringIO()
    report.write(stream)
    page = Page(stream.getvalue())
    page.source.encode("utf-8")
    tags = {tag for tag, _ in page.tags}
    assert not [tag for tag in tags if not TAGS.fullmatch(tag)]
    assert not any(name.startswith("on") or name == "style" for _, attributes in page.tags for name in attributes)
    assert all(re.match(r"#[\w-]+$|data:,$", link) for link in page.having("href"))
    assert not list(page.having("src"))
    ids = list(page.having("id"))
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.having("href") if link.startswith("#")} <= set(ids)
    return page


def page_of(case: Case, *listeners: Listener, **how: Any) -> Page:
    plan = plan_of(case)
    with HtmlReport("a.arazzo.yaml", diagram=diagram_of(plan)) as report:
        run(case, report, *listeners, plan=plan, **how)
        return written(report)


def page_of_reason(reason: Reason, **how: Any) -> Page:
    with HtmlReport("a.yaml", **how) as report:
        report(RunStarted("main", {}, 1000.0))
        report(RunFinished(Outcome("main", "failed", reason, {}, {}, 0, 0, 1000.0, 0.0), 1000.0))
        return written(report)


@pytest.mark.parametrize("case", own_cases())
def test_every_case_gives_a_page(case: Case) -> None:
    try:
        page_of(case)
    except (PlanError, InvalidInputs):
        assert case["expect"].keys() & {"refused", "invalid"}


def test_a_run_is_summed_up_drawn_and_told() -> None:
    page = page_of(polling(3))
    assert "main succeeded" in page.text
    assert "7 1 failed" in page.text
    assert "waited 2.0 s before create was tried again" in page.text
    assert "workflow clean-up begins: called by a step" in page.text
    assert "$statusCode == 201" in page.text
    assert len(page.of_class("attempt")) == 7
    labels = set(page.having("aria-label"))
    assert "stillPending (goto, after a success) — taken 2 times" in labels
    assert "busy (retry, after a failure) — taken 1 time" in labels
    assert "waiting 2.0 s before create (retry)" in page.text
    assert len(page.of_class("wait")) >= 2


def test_a_criterion_tells_what_it_saw() -> None:
    page = page_of(failing())
    assert len(page.of_class("came")) == 4
    assert "Expected Came $statusCode == 200 $statusCode is 404 $statusCode < 400 $statusCode is 404" in page.text


def test_hostile_text_stays_text() -> None:
    page = page_of(hostile(), answer=hostile_answer)
    assert SCRIPT in page.text
    assert "<img" not in page.source
    assert "&lt;script&gt;" in page.source
    assert page.source.count("<script>") == page.source.count("</script>") == 1
    assert page.source.count("</style>") == page.source.count("</title>\n<style>") == 1
    assert "\x00" not in page.source
    assert "\u202e" not in page.source
    assert "\x1b" not in page.source
    assert "\\x1b[31m" in page.text
    assert "{{7*7}}" in page.text.replace("{{{{", "{{")


def test_hostile_events_stay_text() -> None:
    problem = Problem(Severity.WARNING, HOSTILE, HOSTILE, Place(HOSTILE, 1, 2), HOSTILE)
    reason = Reason(HOSTILE, HOSTILE, HOSTILE, HOSTILE, Place(HOSTILE, 3, 4))
    with HtmlReport(HOSTILE, problems=[problem], source_line=lambda _: HOSTILE) as report:
        report(RunStarted(HOSTILE, {}, 1000.0))
        report(Warned(HOSTILE, HOSTILE, HOSTILE, 1000.0))
        values = {HOSTILE: [HOSTILE, {HOSTILE: HOSTILE}], "bytes": HOSTILE.encode("utf-8", "replace")}
        report(RunFinished(Outcome(HOSTILE, "failed", reason, values, values, 0, 0, 1000.0, 0.0), 1000.0))
        page = written(report)
    assert page.source.count("<script>") == 1
    assert "<img" not in page.source
    assert page.text.count("alert(1)") >= 12


def test_half_a_character_is_written_out() -> None:
    page = page_of(hostile(), answer=json_answer({"lone": "\ud800"}))
    assert "\\ud800" in page.text


def test_no_secret_is_written() -> None:
    assert SECRET not in page_of(polling(2)).source


def test_the_policy_lets_our_script_and_sheet_in_and_nothing_else() -> None:
    page = page_of(polling(1))
    policy = next(a["content"] or "" for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    for kind in ("script", "style"):
        text = page.source.partition(f"<{kind}>")[2].partition(f"</{kind}>")[0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_a_request_without_an_answer_is_shown() -> None:
    def answer(number: int, effect: Send, now: float) -> Answered | Failed:
        return Failed("transport", "connection refused", at=now)

    page = page_of(failing(), answer=answer)
    assert "none came" in page.text
    assert "connection refused" in page.text
    assert "the run took no time" in page.text


def test_an_exchange_beside_the_steps_is_shown() -> None:
    events: list[Any] = []
    run(failing(), events.append)
    sent = next(event.attempt for event in events if hasattr(event, "attempt") and isinstance(event.attempt, Attempt))
    assert sent.request is not None
    beside = Authenticated("main", "list", 0, f"oauth{SCRIPT}", sent.request, sent.response, 1000.0)
    with HtmlReport("a.yaml") as report:
        for event in [events[0], beside, *events[1:]]:
            report(event)
        page = written(report)
    assert f"for oauth{SCRIPT}" in page.text


def test_a_failure_shows_its_line() -> None:
    reason = Reason("expression", "it has no value", "one", "look", Place("a.yaml", 12, 5))
    page = page_of_reason(reason, source_line=lambda place: f"line {place.line}")
    assert "12 | line 12" in page.text
    assert "    ^" in page.source
    assert "Hint: look" in page.text
    assert "line 12" not in page_of_reason(reason).text


def test_a_long_run_shows_its_beginning_and_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST", 5)
    monkeypatch.setattr(module, "LAST", 3)
    page = page_of(polling(16))
    assert "attempts 6 to 17 are not listed here" in page.text
    assert [i for i in page.having("id") if i.startswith("attempt-")] == [
        f"attempt-{number}" for number in (1, 2, 3, 4, 5, 18, 19, 20)
    ]


def test_bodies_are_laid_out_and_cut() -> None:
    laid_out = '{\n  "a": [\n    1\n  ]\n}'
    assert body_view(b'{"a":[1]}', "application/json") == {"json": True, "size": "9 B", "text": laid_out, "note": ""}
    cut = body_view(b"abcdef", "text/plain", 4)
    assert (cut["text"], cut["note"]) == ("abcd", "cut: 4 of 6 characters are shown")
    assert body_view(b"\xff\xfe\xfd", "image/png")["note"] == "3 bytes that are not text (image/png)"
    deep = b"[" * 5000 + b"]" * 5000
    assert body_view(deep, "application/json")["text"]


def test_many_bodies_are_shown_in_few_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODIES", 1)
    page = page_of(hostile(), answer=json_answer(["x" * 1000]))
    assert "cut: 400 of" not in page.text
    assert "cut: 400 of" in page_of(polling(4), answer=json_answer(["x" * 1000])).text


def test_text_is_made_safe_and_markup_left_alone() -> None:
    assert shown("a\r\nb\x07\u2066\udfff") == "a\nb\\x07\\x2066\\udfff"
    assert shown(3) == 3


def test_a_timeline_has_round_ticks_and_every_span() -> None:
    spans = [Span("w", "a", 10.0, 1.0, "succeeded", "one", 1), Span("w", "a", 11.0, 3.0, "wait", "a wait")]
    drawn = timeline(spans, 10.0, 4.0)
    (lane,) = drawn.lanes
    assert [(bar.x, bar.width, bar.number) for bar in lane.bars] == [
        ("0.000%", "25.000%", 1),
        ("25.000%", "75.000%", None),
    ]
    assert [text for _, text in drawn.ticks] == ["0 s", "1 s", "2 s", "3 s"]
    assert not timeline([], 0.0, 0.0).lanes


@pytest.mark.parametrize(
    ("seconds", "ticks"),
    [
        (0.04, ["0 ms", "10 ms", "20 ms", "30 ms"]),
        (1.0, ["0 s", "0.2 s", "0.4 s", "0.6 s", "0.8 s"]),
        (100.0, ["0 s", "20 s", "40 s", "60 s", "80 s"]),
        (400.0, ["0 min", "2 min", "4 min", "6 min"]),
        (9000.0, ["0 min", "30 min", "60 min", "90 min", "120 min"]),
        (40_000.0, ["0 h", "2 h", "4 h", "6 h", "8 h", "10 h"]),
    ],
)
def test_the_axis_has_one_unit(seconds: float, ticks: list[str]) -> None:
    drawn = timeline([Span("w", "a", 0.0, seconds, "succeeded", "one", 1)], 0.0, seconds)
    assert [text for _, text in drawn.ticks] == ticks


def test_a_step_that_calls_a_workflow_stands_above_its_steps() -> None:
    inner = Span("inner", "b", 10.0, 1.0, "succeeded", "", 1, depth=1)
    caller = Span("outer", "a", 10.0, 1.0, "succeeded", "", 2, calls=True)
    drawn = timeline([inner, caller], 10.0, 1.0)
    assert [(lane.step, lane.depth, lane.bars[0].calls) for lane in drawn.lanes] == [("a", 0, True), ("b", 1, False)]
    page = page_of(polling(2))
    assert "cleanUp called the workflow clean-up" in page.text
    assert len(page.of_class("depth-1")) == 2


def test_texts_are_compared_line_by_line() -> None:
    same = [f"line {number}" for number in range(12)]
    expected, came = "\n".join([*same, "a", "gone"]), "\n".join([*same, "b"])
    assert list(comparison(expected, came)) == [
        *(("same", line, line) for line in same[:3]),
        ("gap", "6 lines alike", ""),
        *(("same", line, line) for line in same[-3:]),
        ("changed", "a", "b"),
        ("gone", "gone", ""),
    ]
    assert list(comparison("", "x")) == [("new", "", "x")]


def test_sizes_are_read_by_people() -> None:
    assert [size(count) for count in (0, 999, 1200, 999_949, 3_400_000)] == [
        "0 B",
        "999 B",
        "1.2 kB",
        "999.9 kB",
        "3.4 MB",
    ]


def test_a_request_is_shown_as_a_command_without_its_secrets() -> None:
    page = page_of(polling(1))
    assert "curl -X" not in page.text.partition("Attempts")[0]
    assert """-H 'Authorization: '"$AUTHORIZATION\"""" in page.text
    assert SECRET not in page.source


def test_every_breach_is_shown() -> None:
    events: list[Any] = []
    run(failing(), events.append)
    reason = Reason("contract", "two breaches", "get")
    with HtmlReport("a.yaml") as report:
        for event in events:
            if isinstance(event, AttemptFinished):
                told = replace(event.attempt, breaks_contract=True, problems=(f"contract: {event.attempt.step_id}",))
                report(replace(event, attempt=told))
            elif isinstance(event, RunFinished):
                report(replace(event, outcome=replace(event.outcome, reason=reason)))
            else:
                report(event)
        page = written(report)
    assert "contract: list attempt 1 contract: get attempt 2" in page.text


def test_a_stopped_run_is_called_so() -> None:
    page = page_of_reason(Reason("interrupted", "the run was interrupted"))
    assert "main stopped" in page.text
    assert page.of_class("badge")[0][1]["class"] == "badge stopped"


def test_a_run_that_has_not_ended_has_no_page() -> None:
    with HtmlReport("a.yaml") as report, pytest.raises(RuntimeError, match="has not ended"):
        report.write(io.StringIO())
