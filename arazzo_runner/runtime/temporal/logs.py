"""Logs of Temporal's library, in plain lines.

Its core speaks of its own inside, and an exception may hold a value of a run (S1).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from arazzo_runner.errors import InvalidState, JournalError

LOGGER = "temporalio"
EVERY = 60.0
"""Seconds in which a line is said once: the library tries again, and says the same, many times a minute."""
_RETRY = "sdk_core::temporalio_client::retry]"
_UNREACHED = "the cluster is not reached; it is tried again"
_LONGEST = 500


def quiet_logs() -> None:
    """Let the library's warnings be seen, in a line each, the same one not again and again."""
    logger = logging.getLogger(LOGGER)
    if not any(isinstance(handler, PlainLines) for handler in logger.handlers):
        logger.addHandler(PlainLines())
        logger.propagate = False


class PlainLines(logging.StreamHandler):  # type: ignore[type-arg]  # it is not a generic class when it runs
    """Writes records to stderr as ``plain_line`` has them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._until: dict[str, float] = {}

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        return plain_line(record)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether it has not been said just now."""
        line, now = plain_line(record), self._clock()
        self._until = {said: until for said, until in self._until.items() if until > now}
        if line in self._until:
            return False
        self._until[line] = now + EVERY
        return True


def plain_line(record: logging.LogRecord) -> str:
    """A record without what an exception holds, but for those of ours that say why a run cannot be picked up."""
    message = record.getMessage()
    if _RETRY in message:
        return f"warning: {_UNREACHED}"
    error = record.exc_info[1] if record.exc_info else None
    why = f": {error.message}" if isinstance(error, JournalError | InvalidState) else ""
    first, _, _ = message.partition("\n")
    return f"{record.levelname.lower()}: {first}{why}"[:_LONGEST]
