"""The words of ``arazzo run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arazzo_runner.cli.given.option_groups import OptionGroup, argument, completed_by, group, option
from arazzo_runner.cli.given.options import (
    EngineWords,
    JournalWords,
    LiveWords,
    check_option,
    concurrency_option,
)
from arazzo_runner.cli.given.output_words import OutputWords

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Level


class RunWords(OptionGroup, frozen=True, kw_only=True):
    """The options of ``arazzo run``."""

    record: str | None = option("--record", metavar="FILE", help="Write the exchanges to a cassette, secrets masked.")
    replay: str | None = option("--replay", metavar="FILE", help="Answer only from a cassette; no socket is opened.")
    check: Level = check_option("off")
    dry_run: bool = option("--dry-run", is_flag=True, help="Print the plan and the first request; send nothing.")
    each: str | None = option(
        "--each", metavar="FILE", help="One run for each line of a JSON Lines or CSV file of inputs."
    )
    concurrency: int = concurrency_option("Runs of --each at once.")
    live: LiveWords = group(LiveWords)
    more: tuple[str, ...] = argument(
        nargs=-1, required=False, metavar="[WORKFLOW]...", shell_complete=completed_by("workflows")
    )
    everything: bool = option("--all", is_flag=True, help="Run every workflow of the documents, one after another.")
    output: OutputWords = group(OutputWords)
    durable: bool = option(
        "--durable",
        envvar="ARAZZO_DURABLE",
        is_flag=True,
        help="Store the run in a journal, so that it can be resumed after a crash, a kill or a reboot.",
    )
    journal: JournalWords = group(JournalWords)
    engine: EngineWords = group(EngineWords)

    @property
    def named(self) -> list[str]:
        """The words that name documents and workflows."""
        target = self.live.target
        return [target.target, *([target.workflow] if target.workflow else []), *self.more]
