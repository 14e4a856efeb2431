"""Drift of a case: between two recordings, and between the recording and what a server answers today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from urllib.parse import urlsplit

from msgspec import Struct

from arazzo_runner.effects import Message
from arazzo_runner.engine.events import Attempt
from arazzo_runner.runtime.cases.files import Case, case_entry
from arazzo_runner.runtime.cassettes.differences import (
    Difference,
    compare,
    compare_bodies,
    compare_data,
    compare_responses,
)
from arazzo_runner.runtime.cassettes.format import Interaction
from arazzo_runner.runtime.cassettes.messages import RecordedMessage, as_request


class Drift(Struct, frozen=True):
    """One part of one exchange that is not as it was recorded.

    Attributes:
        where: the step whose exchange it is, or the interaction's number.
        side: ``request``, ``response`` or ``message``.
    """

    where: str
    side: str
    difference: Difference

    @property
    def structural(self) -> bool:
        """Return whether more than a value differs."""
        return self.difference.structural

    def __str__(self) -> str:
        return f"{self.where}: {self.side}: {self.difference}"


# Two recordings


def changes(old: Case, new: Case) -> Iterator[str]:
    """Yield the changes of a new recording of a case, a line each."""
    for entry in compare_data(case_entry(new), case_entry(old), "case"):
        yield f"the {entry.part} is {entry.now}, was {entry.then}"
    before, after = old.cassette.interactions, new.cassette.interactions
    matcher = SequenceMatcher(None, list(map(_key, before)), list(map(_key, after)), autojunk=False)
    for tag, first, end, start, stop in matcher.get_opcodes():
        if tag == "equal":
            for index, (one, other) in enumerate(zip(before[first:end], after[start:stop], strict=True), start + 1):
                for part in _exchange(f"interaction {index}", other, one):
                    yield str(part).replace(", recorded ", ", was ")
        else:
            yield from (f"gone: {_title(one)}" for one in before[first:end])
            yield from (f"new: {_title(one)}" for one in after[start:stop])
    yield from _changed_messages(old.cassette.messages, new.cassette.messages)


def _changed_messages(before: Sequence[RecordedMessage], after: Sequence[RecordedMessage]) -> Iterator[str]:
    matcher = SequenceMatcher(None, [one.title for one in before], [one.title for one in after], autojunk=False)
    for tag, first, end, start, stop in matcher.get_opcodes():
        if tag == "equal":
            for index, (one, other) in enumerate(zip(before[first:end], after[start:stop], strict=True), start + 1):
                for part in compare(as_request(other.message), as_request(one.message)):
                    yield str(Drift(f"message {index}", other.action, part)).replace(", recorded ", ", was ")
        else:
            yield from (f"gone: {one.title}" for one in before[first:end])
            yield from (f"new: {one.title}" for one in after[start:stop])


def _key(interaction: Interaction) -> tuple[str, str]:
    return interaction.request.method, urlsplit(interaction.request.url).path


def _title(interaction: Interaction) -> str:
    return f"{interaction.request.method} {interaction.request.url} → {interaction.response.status}"


def _exchange(where: str, live: Interaction, recorded: Interaction) -> Iterator[Drift]:
    for difference in compare(live.request, recorded.request):
        yield Drift(where, "request", difference)
    for difference in compare_responses(live.response, recorded.response):
        yield Drift(where, "response", difference)


# A recording and a server


class LastExchanges:
    """A listener's memory of the last exchange of each step, and of how many there were. It grows with the document."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.last: dict[str, Interaction] = {}
        self.messages: dict[str, Message] = {}

    def take(self, attempt: Attempt) -> None:
        """Note an attempt, masked."""
        step = f"{attempt.workflow_id}: step {attempt.step_id}"
        self.counts[step] = self.counts.get(step, 0) + 1
        if attempt.request is not None and attempt.response is not None:
            self.last[step] = Interaction(attempt.request, attempt.response)
        if attempt.exchanged is not None and attempt.exchanged.message is not None:
            self.messages[step] = attempt.exchanged.message


def drift(live: LastExchanges, recorded: LastExchanges) -> Iterator[Drift]:
    """Compare what a server answers today with the recording, by step: its last exchange, and how often it ran.

    How often a step polls is the server's affair, so a count that differs is not a structural difference.
    """
    for step in dict.fromkeys([*recorded.counts, *live.counts]):
        now, then = live.counts.get(step, 0), recorded.counts.get(step, 0)
        if now != then:
            difference = Difference("number of attempts", str(now), str(then), structural=not (now and then))
            yield Drift(step, "run", difference)
        if step in live.last and step in recorded.last:
            yield from _exchange(step, live.last[step], recorded.last[step])
        if step in live.messages and step in recorded.messages:
            for found in compare_bodies(live.messages[step].payload, recorded.messages[step].payload):
                yield Drift(step, "message", found)
