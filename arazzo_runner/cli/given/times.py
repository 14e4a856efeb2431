"""Times of options."""

from __future__ import annotations

import math
from typing import Any

import click

LONGEST = 100_000_000.0
"""Seconds, more than three years: a longer time is a mistake, and more than a clock can wait."""


class Seconds(click.FloatRange):
    """A time in seconds that a clock can wait."""

    def __init__(self, *, zero: bool) -> None:
        super().__init__(min=0, min_open=not zero, max=LONGEST)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Refuse what is not a time: ``nan`` compares with nothing."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a time in seconds.", param, ctx)
        return seconds


TIME = Seconds(zero=False)
TIME_OR_NONE = Seconds(zero=True)
