"""The words of ``arazzo debug``, which ``arazzo dap`` takes from an editor."""

from __future__ import annotations

from arazzo_runner.cli.given.option_groups import OptionGroup, argument, completed_by, group, option
from arazzo_runner.cli.given.options import JournalWords, LiveWords, TargetWords


class DebugTargetWords(TargetWords, frozen=True, kw_only=True):
    """``[TARGET] [WORKFLOW]``: a durable run needs neither."""

    target: str = argument(required=False, default="", shell_complete=completed_by("targets"))


class DebugLiveWords(LiveWords, frozen=True, kw_only=True):
    """All that a run against servers needs to know."""

    target: TargetWords = group(DebugTargetWords)


class DebugWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo debug``."""

    stops: tuple[str, ...] = option(
        "--break",
        multiple=True,
        metavar="STOP",
        help="Go on to this stop first: [STEP][:PLACE] [if CONDITION] [after N], PLACE one of request, answer, "
        "criteria, action, failed, unmatched.",
    )
    commands: str | None = option(
        "--commands", metavar="FILE", help="Take the commands from a file, or from - (stdin)."
    )
    replay: str | None = option("--replay", metavar="FILE", help="Answer only from a cassette; no socket is opened.")
    run_id: str | None = option("--run", metavar="ID", help="Open a durable run where it stopped, to be looked at.")
    yes: bool = option("--yes", is_flag=True, help="Send again without a question what changes something.")
    live: LiveWords = group(DebugLiveWords)
    journal: JournalWords = group(JournalWords)
