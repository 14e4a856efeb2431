"""Contract tests as files: JSON, JUnit XML, Markdown and a page. What they are given holds no secret."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, TextIO

from arazzo_runner.reports.case_lines import SuiteVerdict, as_markdown, failure_lines, shares
from arazzo_runner.reports.text import duration
from arazzo_runner.runtime.cases.judging import CaseResult


def write(form: str, verdict: SuiteVerdict, stream: TextIO) -> None:
    """Write a report.

    Args:
        form: ``json``, ``junit``, ``html`` or ``markdown``.
    """
    match form:
        case "junit":
            stream.write(as_junit(verdict))
        case "html":
            from arazzo_runner.reports.pages.html_views import attempt_view, comparison
            from arazzo_runner.reports.pages.templating import write_page

            write_page(
                "cases.html.jinja",
                stream,
                verdict=verdict,
                shares=shares(verdict.coverage),
                duration=duration,
                view=attempt_view,
                comparison=comparison,
            )
        case "markdown":
            stream.write(as_markdown(verdict))
        case _:
            json.dump(as_data(verdict), stream, ensure_ascii=False, indent=2)
            stream.write("\n")


def as_junit(verdict: SuiteVerdict) -> str:
    """JUnit XML, as CI systems read it: a suite for each workflow, its cases in it."""
    from arazzo_runner.reports.junit import as_xml, safe, xml_text

    suites: dict[str, list[CaseResult]] = {}
    for result in verdict.results:
        suites.setdefault(result.id.rpartition("::")[0], []).append(result)
    root = ET.Element("testsuites", safe(_counts("arazzo test", verdict.results, verdict.duration)))
    for workflow_id, results in suites.items():
        seconds = sum(result.duration for result in results)
        suite = ET.SubElement(root, "testsuite", safe({**_counts(workflow_id, results, seconds), "skipped": "0"}))
        for result in results:
            names = {"classname": workflow_id, "name": result.id.rpartition("::")[2]}
            case = ET.SubElement(suite, "testcase", safe({**names, "time": f"{result.duration:.3f}"}))
            if not result.passed:
                first = result.failures[0]
                failure = ET.SubElement(case, "failure", safe({"type": first.code, "message": first.message}))
                failure.text = xml_text("\n".join(failure_lines(result)))
            if result.remarks:
                ET.SubElement(case, "system-out").text = xml_text("\n".join(result.remarks))
    return as_xml(root)


def _counts(name: str, results: list[CaseResult], seconds: float) -> dict[str, str]:
    failures = sum(not result.passed for result in results)
    counts = {"tests": str(len(results)), "failures": str(failures), "errors": "0"}
    return {"name": name, "time": f"{seconds:.3f}", **counts}


def as_data(verdict: SuiteVerdict) -> dict[str, Any]:
    """The report ``arazzo-test/1``, whose schema is published in the package."""
    return {
        "report": "arazzo-test/1",
        "status": "passed" if verdict.passed else "failed",
        "durationMs": round(verdict.duration * 1000),
        "cases": [_case(result) for result in verdict.results],
        "coverage": {
            kind: {
                "exercised": done,
                "known": known,
                "missed": [{"name": item.name, "document": item.where} for item in verdict.coverage.missed(kind)],
            }
            for kind, done, known in shares(verdict.coverage)
        },
    }


def _case(result: CaseResult) -> dict[str, Any]:
    return {
        "id": result.id,
        "path": Path(result.path).as_posix(),
        "description": result.description,
        "status": "passed" if result.passed else "failed",
        "requests": result.requests,
        "durationMs": round(result.duration * 1000),
        "failures": [
            {
                "code": failure.code,
                "message": failure.message,
                "details": list(failure.details),
                "hint": failure.hint,
                "place": None if failure.place is None else str(failure.place),
            }
            for failure in result.failures
        ],
        "remarks": list(result.remarks),
    }
