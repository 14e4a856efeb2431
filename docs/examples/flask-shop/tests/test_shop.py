"""The shop's workflow as a test in Python: the application is imported, nothing listens on a port."""

import pytest
from shop import main


@pytest.fixture(autouse=True)
def _empty_shop():
    main.orders.clear()
    main.polls.clear()


def test_three_orders_are_paged_and_exported(arazzo_runner):
    inputs = {"user": "ann", "password": "correct horse", "item": "book"}
    for _ in range(3):
        result = arazzo_runner("workflows/shop.arazzo.yaml", "buy", inputs).raise_for_failure()
    assert result.outputs == {"order": 3, "receipt": "receipt.txt", "rows": 3}


def test_a_wrong_password_ends_it(arazzo_runner):
    inputs = {"user": "ann", "password": "wrong", "item": "book"}
    result = arazzo_runner("workflows/shop.arazzo.yaml", "buy", inputs)
    assert (result.status, result.reason.step_id) == ("failed", "logIn")


@pytest.mark.arazzo("workflows/*.arazzo.yaml")
def test_every_workflow_gives_a_receipt(arazzo_result):
    assert arazzo_result.outputs["receipt"] == "receipt.txt"
