"""The options about the output of a run: reports, and how much is shown."""

from __future__ import annotations

from arazzo_runner.cli.given.option_groups import OptionGroup, group, option
from arazzo_runner.cli.given.options import json_option

REPORT_FORMATS = ("json", "junit", "html", "har")


class VerbosityWords(OptionGroup, frozen=True, kw_only=True):
    """The amount of output on stderr."""

    title = "Output"

    quiet: bool = option("-q", "--quiet", is_flag=True, help="Show only the result.")
    verbose: int = option("-v", "--verbose", count=True, help="Show requests and responses; -vv their bodies too.")
    curl: bool = option(
        "--curl", is_flag=True, help="Show each request as a cURL command; secrets in it are variables of the shell."
    )


class OutputWords(OptionGroup, frozen=True, kw_only=True):
    """The output of a run."""

    title = "Output"

    as_json: bool = json_option("Print the whole run report instead of the outputs.")
    reports: tuple[str, ...] = option(
        "--report",
        multiple=True,
        metavar="FORMAT=PATH",
        help=f"Write a report when the run has ended; FORMAT is {', '.join(REPORT_FORMATS[:-1])} or "
        f"{REPORT_FORMATS[-1]}.",
    )
    verbosity: VerbosityWords = group(VerbosityWords)
