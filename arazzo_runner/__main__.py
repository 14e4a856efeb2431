"""``python -m arazzo_runner`` is ``arazzo``."""

from arazzo_runner.cli.main import script

if __name__ == "__main__":
    script()
