"""A result as a notebook shows it: how it ended, its outputs, its way and its attempts, all of it masked (S1)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Any

from arazzo_runner.engine.events import Attempt, Outcome
from arazzo_runner.runtime.run.history import RunHistory

SHOWN = 50
"""How many attempts are listed; the way counts all that are stored."""
LONGEST = 300
"""Characters of an output that are shown."""
_CELL = "text-align:left;vertical-align:top;padding:2px 10px"


def result_html(outcome: Outcome, history: RunHistory | None) -> str:
    """The HTML of a result, without a script.

    Args:
        outcome: its outputs masked.
        history: the attempts, or None when none were stored.
    """
    attempts = [] if history is None else list(history.attempts())
    return f"<div>{''.join(_parts(outcome, attempts, history.left_out if history else 0))}</div>"


def _parts(outcome: Outcome, attempts: Sequence[Attempt], left_out: int) -> Iterator[str]:
    mark, counted = ("✓" if outcome.status == "succeeded" else "✗"), outcome.exchanged
    yield f"<p><b>{mark} {escape(outcome.workflow_id)}</b> {outcome.status} in {outcome.duration:.1f} s · {counted}</p>"
    if outcome.reason is not None:
        reason = outcome.reason
        step = f"step {reason.step_id}: " if reason.step_id else ""
        place = f" at {reason.place}" if reason.place is not None else ""
        yield f"<p>{escape(f'{step}{reason.message}{place}')}</p>"
        yield f"<p>{escape(reason.hint)}</p>" if reason.hint else ""
    if outcome.outputs:
        yield _table(("output", "value"), ((name, _text(value)) for name, value in outcome.outputs.items()))
    if attempts:
        yield f"<p>{' → '.join(map(escape, _way(attempts)))}</p>"
        yield _table(("step", "request", "status", "ms"), map(_row, attempts[:SHOWN]))
    more = max(len(attempts) - SHOWN, 0) + left_out
    yield f"<p>and {more} more</p>" if more else ""


def _way(attempts: Sequence[Attempt]) -> Iterator[str]:
    """The steps in the order taken, those repeated in a row counted."""
    for step, group in groupby(attempts, key=lambda attempt: attempt.step_id):
        count = sum(1 for _ in group)
        yield f"{step} ×{count}" if count > 1 else step


def _row(attempt: Attempt) -> tuple[str, ...]:
    status = attempt.response.status if attempt.response is not None else ""
    mark = "✓" if attempt.verdict == "succeeded" else "✗"
    request = f"{attempt.request.method} {attempt.request.url}" if attempt.request is not None else attempt.operation
    if attempt.exchanged is not None:
        request = attempt.exchanged.title
    return f"{mark} {attempt.step_id}", request, str(status), f"{attempt.duration * 1000:.0f}"


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col" style="{_CELL}">{escape(one)}</th>' for one in heads)
    body = "".join(
        f"<tr>{''.join(f'<td style={chr(34)}{_CELL}{chr(34)}>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
