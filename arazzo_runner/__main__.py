"""``arazzo``, and ``python -m arazzo_runner``: as little as there can be before Ctrl-C is listened to."""

from __future__ import annotations

import gc
import os
import sys

GARBAGE = 200_000
"""New objects before garbage is looked for: a process makes documents and plans first, and none of that is garbage."""


def script() -> None:
    """The command as a process of its own."""
    gc.set_threshold(GARBAGE)
    try:
        from arazzo_runner.cli.main import main

        main()
    except KeyboardInterrupt:
        # Before the command line had begun, or after it had ended.
        sys.stderr.write("interrupted\n")
        os._exit(130)
    except SystemExit as end:
        if "temporalio" in sys.modules:
            # Its threads may still call into the interpreter, which ends the process by a signal when that is going.
            _leave(end.code if isinstance(end.code, int) else 1)
        # All of the process's memory goes at once: the interpreter's own last search for garbage would be for nothing.
        gc.freeze()
        raise


def _leave(status: int) -> None:
    """End at once, without the interpreter's own end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # whoever read it has gone
    os._exit(status)


if __name__ == "__main__":
    script()
