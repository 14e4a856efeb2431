"""Records the shop's case again: ``python record.py`` in this directory. No server is started."""

from pathlib import Path

from shop.main import app

from arazzo_runner import Runner

INPUTS = {"user": "ann", "password": "correct horse", "item": "book"}

if __name__ == "__main__":
    runner = Runner(Path("workflows/shop.arazzo.yaml"), app=app)
    case = Path("cassettes/buy/usual.yaml")
    runner.record_case(case, "buy", INPUTS, description="The first order of an empty shop.").raise_for_failure()
