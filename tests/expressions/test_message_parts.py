"""Expressions of messages that are cut short: the error names the parts that there are (M15)."""

from __future__ import annotations

import pytest

from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions.syntax import parse


@pytest.mark.parametrize("text", ["$message", "$message.headers.id", "$message.data"])
def test_an_expression_of_a_message_names_the_parts_of_messages(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError, match=r"\$message\.payload, \.header\.<name> or \.path\.<name>"):
        parse(text)


@pytest.mark.parametrize("text", ["$response", "$request.data"])
def test_an_expression_of_an_exchange_names_the_parts_of_exchanges(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError, match=r"\.header\.<name>, \.query\.<name>, \.path\.<name> or \.body"):
        parse(text)
