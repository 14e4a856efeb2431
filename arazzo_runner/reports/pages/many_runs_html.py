"""The index page of several runs, and beside it a page for each of them."""

from __future__ import annotations

import re
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from arazzo_runner.engine.events import Outcome
from arazzo_runner.reports.many_runs import RunLabel
from arazzo_runner.reports.pages.html import HtmlReport
from arazzo_runner.reports.pages.html_views import reason_view
from arazzo_runner.reports.pages.templating import write_page
from arazzo_runner.reports.spool import Spool
from arazzo_runner.reports.standing import standing
from arazzo_runner.reports.text import duration
from arazzo_runner.runtime.atomic_file import WholeFile

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class ManyRunsHtml:
    """The index page; the pages of the runs go to a directory beside it.

    Args:
        stream: of the index.
        path: of the index, by which the directory is named: ``report.html`` has ``report-runs/``.
    """

    def __init__(self, stream: TextIO, path: str) -> None:
        self._stream = stream
        self._index = Path(path)
        self._pages = self._index.with_name(f"{self._index.stem}-runs")
        self._rows = Spool()
        self._counts: Counter[str] = Counter()
        self._began = time.time()
        self._took = 0.0
        self._requests = 0
        self._remove_old()

    def _remove_old(self) -> None:
        """Remove the pages of an earlier report: they would be taken for this one's."""
        for page in self._pages.glob("[0-9][0-9][0-9][0-9]*-*.html"):
            with suppress(OSError):
                page.unlink()

    def add(self, report: HtmlReport, label: RunLabel, outcome: Outcome) -> None:
        """Write the page of a run."""
        name = f"{label.number:04d}-{_UNSAFE.sub('-', label.name)[:60].strip('-.') or 'run'}.html"
        report.index = f"../{self._index.name}"
        with WholeFile(self._pages / name) as file, file.named_in_errors():
            report.write(file.stream)
            file.keep()
        status = standing(outcome)
        self._counts[status] += 1
        self._requests += outcome.requests
        self._took = max(self._took, outcome.started_at + outcome.duration - self._began)
        reason = outcome.reason
        self._rows.append(
            {
                "number": label.number,
                "name": label.name,
                "document": label.document,
                "status": status,
                "requests": outcome.requests,
                "for": duration(outcome.duration),
                "reason": None if reason is None else reason_view(reason),
                "page": f"{self._pages.name}/{name}",
            }
        )

    def finish(self) -> None:
        """Write the index, in the order in which the runs began."""
        rows: list[dict[str, Any]] = sorted(self._rows, key=lambda row: row["number"])
        failed = sum(count for status, count in self._counts.items() if status != "succeeded")
        write_page(
            "runs.html.jinja",
            self._stream,
            rows=rows,
            counts=self._counts,
            failed=failed,
            requests=self._requests,
            took=duration(self._took),
        )
        self._rows.close()
