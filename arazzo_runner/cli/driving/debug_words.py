"""The commands of ``arazzo debug``: their words, what they take, and unambiguous beginnings of them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from arazzo_runner.errors import UsageError

COMMANDS: Mapping[str, tuple[str, str]] = {
    "next": ("", "go on to the next request in this workflow, or to the end"),
    "step": ("", "go to the very next point: answer, criteria, action, into a workflow"),
    "out": ("", "go on until this workflow has ended"),
    "continue": ("", "go on to the next stop, or to the end"),
    "back": ("[N]", "go back N turns; nothing is sent"),
    "forward": ("[N]", "go forward N turns of those that are kept; nothing is sent"),
    "break": ("[STOP]", "stop at STOP; without it, list the stops"),
    "delete": ("[N]", "delete the stop N; without it, all"),
    "print": ("EXPR", "the value of an expression or a condition here"),
    "set": ("NAME VALUE", "change $inputs.NAME or $steps.STEP.outputs.NAME"),
    "edit": ("", "change the request in $EDITOR"),
    "answer": ("STATUS [BODY]", "answer by hand instead of sending: a body, or @body.json; of a message its payload"),
    "resume": ("", "go on from this request by itself, as a durable run, and end here (--run)"),
    "where": ("", "the workflows under way, this point, and why the run is here"),
    "diff": ("", "what the last turn has changed"),
    "list": ("", "the document around the step"),
    "help": ("", "this list"),
    "quit": ("", "end; what was sent stays sent"),
}
"""Each command, what it takes, and what it does."""
_FIRST = {"s": "step"}
"""Beginnings that mean the command that is typed most often: ``set`` needs more words anyway."""


class Command(Struct, frozen=True):
    """A command.

    Attributes:
        rest: what stands behind its word.
        yes: it ends with ``!``: what changes something may be sent again.
    """

    name: str
    rest: str = ""
    yes: bool = False


def read_command(line: str) -> Command:
    """Read a line.

    Raises:
        UsageError: it begins with no command, or with what several begin with.
    """
    word, _, rest = line.strip().partition(" ")
    yes = word.endswith("!")
    word = word.rstrip("!").lower()
    name = _named(word)
    takes = COMMANDS[name][0]
    rest = rest.strip()
    if rest == "!" and not takes:
        rest, yes = "", True
    if rest and not takes:
        raise UsageError(f"{name} takes nothing, found {rest!r}", hint=f"write {name}")
    if not rest and takes and not takes.startswith("["):
        raise UsageError(f"{name} takes {takes}", hint=COMMANDS[name][1])
    return Command(name, rest, yes)


def _named(word: str) -> str:
    from arazzo_runner.documents.near_names import did_you_mean

    if word in COMMANDS:
        return word
    if word in _FIRST:
        return _FIRST[word]
    found = [name for name in COMMANDS if word and name.startswith(word)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{word!r} may be {' or '.join(found)}", hint="write some more of it")
    raise UsageError(
        f"there is no command {word!r}", hint=f"{did_you_mean(word, COMMANDS, 'commands')} help lists them"
    )


def count_of(rest: str, default: int = 1) -> int:
    """The number that a command takes.

    Raises:
        UsageError: it is none, or below 1.
    """
    if not rest:
        return default
    if not rest.isdecimal() or int(rest) < 1:
        raise UsageError(f"{rest!r} is not a number of turns", hint="write a whole number from 1")
    return int(rest)
