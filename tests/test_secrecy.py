"""What text gives away by itself: the credentials of URLs, and that no error has them (S1)."""

from __future__ import annotations

import pytest

from arazzo_runner.errors import Place, Problem, Severity, StepError, UsageError
from arazzo_runner.secrecy import without_credentials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ann:hunter2@api.example/a", "https://[redacted]@api.example/a"),
        ("https://hunter2@api.example", "https://[redacted]@api.example"),
        ("https://ann:hun@ter2@api.example/a", "https://[redacted]@api.example/a"),
        ("https://ann:hun?t#er2@api.example/a", "https://[redacted]@api.example/a"),
        ("https://a.example/a?token=hunter2&page=2", "https://a.example/a?token=[redacted]&page=2"),
        ("https://a.example/a?x=1&access_token=hunter2#b", "https://a.example/a?x=1&access_token=[redacted]#b"),
        ("https://a.example/a?X-Amz-Signature=hunter2", "https://a.example/a?X-Amz-Signature=[redacted]"),
        ("https://a.example/a?sig=hunter2", "https://a.example/a?sig=[redacted]"),
        ("https://a.example/a#id_token=hunter2", "https://a.example/a#id_token=[redacted]"),
        ("https://a.example/a?api%5Fkey=hunter2", "https://a.example/a?api%5Fkey=[redacted]"),
        ("'https://ann:hunter2@a.example' and http://b.example", "'https://[redacted]@a.example' and http://b.example"),
        ("https://a.example/users/@ann?maxTokens=5", "https://a.example/users/@ann?maxTokens=5"),
        ("ann@example.com has no URL, and token=1 neither", "ann@example.com has no URL, and token=1 neither"),
    ],
)
def test_what_a_url_lets_in_with_is_masked(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


def test_no_error_and_no_problem_has_the_credentials_of_a_url() -> None:
    url = "https://ann:hunter2@api.example/?token=hunter2"
    error = UsageError(f"no {url}", hint=f"type {url}")
    problem = Problem(Severity.ERROR, "rule", f"no {url}", Place("a.yaml"), f"type {url}")
    step = StepError("request-invalid", f"no {url}", hint=f"type {url}")
    assert "hunter2" not in "".join([str(error), error.hint, str(problem), problem.hint, str(step), step.hint])
