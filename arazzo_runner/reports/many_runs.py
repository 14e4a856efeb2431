"""Reports of several runs: one file for all of them, whatever the format, written as the runs end."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import Counter
from io import StringIO
from typing import Any, Protocol, TextIO

from msgspec import Struct

from arazzo_runner import __version__
from arazzo_runner.engine.events import Outcome
from arazzo_runner.reports.har import HarReport
from arazzo_runner.reports.jsonreport import JsonReport
from arazzo_runner.reports.junit import JunitReport, as_xml, safe
from arazzo_runner.reports.spool import Spool
from arazzo_runner.reports.standing import reported

FORMAT = "arazzo-runs/1"


class RunLabel(Struct, frozen=True):
    """The name of a run among others.

    Attributes:
        number: from 1, in the order in which the runs begin.
        name: for people: the workflow, or the row of a file.
        document: as the user named it.
    """

    number: int
    name: str
    document: str


class ManyRunsReport(Protocol):
    """A report of several runs."""

    def add(self, report: Any, label: RunLabel, outcome: Outcome) -> None:
        """Take the report of a run that has ended."""

    def finish(self) -> None:
        """Write what is left to write."""


class ManyRunsJson:
    """The run reports in one JSON object.

    Args:
        stream: where it is written to, a run after another.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._statuses: Counter[str] = Counter()

    def add(self, report: JsonReport, label: RunLabel, outcome: Outcome, *, outputs: Any = None) -> None:
        """Write a run.

        Args:
            outputs: instead of the masked ones, for stdout (S1).
        """
        begun = self._statuses.total() > 0
        self._stream.write(",\n" if begun else f'{{"report": "{FORMAT}", "runs": [\n')
        text = StringIO()
        report.write(text, outputs=outputs)
        head = json.dumps({"name": label.name})[:-1]
        self._stream.write(f"{head}, {text.getvalue().lstrip().removeprefix('{').strip()}")
        self._statuses[reported(outcome)] += 1

    def finish(self) -> None:
        """Write the end."""
        if not self._statuses:
            self._stream.write(f'{{"report": "{FORMAT}", "runs": [')
        self._stream.write(f'\n], "counts": {json.dumps(dict(self._statuses))}}}\n')


class ManyRunsJunit:
    """The runs as suites of one JUnit document."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._suites: list[ET.Element] = []
        self._counts: Counter[str] = Counter(tests=0, failures=0, errors=0)
        self._seconds = 0.0

    def add(self, report: JunitReport, label: RunLabel, outcome: Outcome) -> None:
        """Keep the suite of a run."""
        suite = report.suite()
        suite.attrib |= safe({"name": label.name})
        self._counts.update({name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors")})
        self._seconds += outcome.duration
        self._suites.append(suite)

    def finish(self) -> None:
        """Write them all: the counts stand before them."""
        counts = {name: str(count) for name, count in self._counts.items()}
        root = ET.Element("testsuites", {"name": "arazzo run", "time": f"{self._seconds:.3f}", **counts})
        root.extend(self._suites)
        self._stream.write(as_xml(root))


class ManyRunsHar:
    """The requests of all runs in one archive, a page for each run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pages = Spool()
        creator = {"name": "arazzo-workflow-runner", "version": __version__}
        head = json.dumps({"log": {"version": "1.2", "creator": creator}}, indent=1)
        self._head = head.removesuffix("\n }\n}") + ',\n  "entries": ['

    def add(self, report: HarReport, label: RunLabel, outcome: Outcome) -> None:  # noqa: ARG002 - the protocol's
        """Write the requests of a run."""
        if not len(self._pages):
            self._stream.write(self._head)
        page, entries = report.parts(f"run-{label.number}", label.name)
        for entry in entries:
            self._stream.write(("," if self._pages_have_entries else "") + "\n" + json.dumps(entry))
            self._pages_have_entries = True
        self._pages.append(page)

    _pages_have_entries = False

    def finish(self) -> None:
        """Write the pages."""
        if not len(self._pages):
            self._stream.write(self._head)
        pages = ",\n".join(self._pages.lines())
        self._stream.write(f'\n  ],\n  "pages": [\n{pages}\n  ]\n }}\n}}\n')
        self._pages.close()
