"""Words of the command line that are understood, and those for which another is proposed."""

from __future__ import annotations

import pytest

from arazzo_runner.cli.driving.reporting import report_files
from arazzo_runner.cli.given.words import servers
from arazzo_runner.errors import UsageError


@pytest.mark.parametrize(
    ("word", "source", "url"),
    [
        ("localhost:9400", "", "http://localhost:9400"),
        ("localhost", "", "http://localhost"),
        ("127.0.0.1:80/v2", "", "http://127.0.0.1:80/v2"),
        ("[::1]:9", "", "http://[::1]:9"),
        ("api.example.com/v2", "", "https://api.example.com/v2"),
        ("pets=localhost:9400", "pets", "http://localhost:9400"),
        ("https://a.example?x=y", "", "https://a.example?x=y"),
    ],
)
def test_a_server_needs_no_scheme(word: str, source: str, url: str) -> None:
    assert servers([word]) == {source: url}


@pytest.mark.parametrize("word", ["nohost", "ftp://a.example", "user:pw@host.example:1", "pets=", "localhost:port"])
def test_what_is_no_server_is_refused(word: str) -> None:
    with pytest.raises(UsageError) as refused:
        servers([word])
    assert "pw" not in str(refused.value)


@pytest.mark.parametrize(
    ("word", "proposal"),
    [
        ("html", "html=report.html"),
        ("junit", "junit=report.xml"),
        ("html=", "html=report.html"),
        ("out/report.html", "html=out/report.html"),
        ("out.xml", "junit=out.xml"),
        ("pdf", "json=PATH"),
        ("pdf=x.pdf", "json=PATH"),
    ],
)
def test_a_report_that_lacks_a_part_is_proposed_whole(word: str, proposal: str) -> None:
    with pytest.raises(UsageError) as refused:
        report_files([word])
    assert refused.value.hint == f"write --report {proposal}"
