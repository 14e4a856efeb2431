"""Fuzzes a target, guided by coverage: ``python -m tests.fuzz TARGET [--seconds N]``; ``pip install atheris`` first.

What it finds is written to the target's corpus as ``crash-…``; once it is mended, it stays there under a name that says
what it was.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")


def main() -> None:
    """Fuzz until something is found, or the time is over."""
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, help="keep what widens coverage here (default: a temporary directory)")
    options = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: pip install atheris")
    atheris.instrument_all()
    target = TARGETS[options.target]
    directory = options.corpus or Path(tempfile.mkdtemp())
    directory.mkdir(parents=True, exist_ok=True)
    words = [sys.argv[0], str(directory), str(CORPUS / options.target), f"-max_total_time={options.seconds}"]
    words += ["-timeout=20", "-rss_limit_mb=2048", f"-artifact_prefix={CORPUS / options.target}/"]
    atheris.Setup(words, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
