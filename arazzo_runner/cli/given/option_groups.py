"""Option groups: a frozen dataclass whose fields are options, so that the command line has types.

A verb declares one class and receives one value. A field is an option, an argument, or a group of its own::

    @dataclass(frozen=True, kw_only=True)
    class Verbosity(OptionGroup, title="Output"):
        quiet: bool = option("-q", "--quiet", is_flag=True, help="Show only the result.")

    @click.command("run", cls=GroupedCommand)
    @takes(RunWords)
    def command(words: RunWords) -> None: ...

``--help`` lists the options below the titles of their groups.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ClassVar, TypeVar, cast

import click

Words = TypeVar("Words", bound="OptionGroup")
Result = TypeVar("Result")

_DECLARES = "declares"
_HOLDS = "holds"


class OptionGroup:
    """The base of all groups.

    Attributes:
        title: the heading in ``--help``; a group without one is listed with the verb's own options.
    """

    title: ClassVar[str] = ""

    def __init_subclass__(cls, *, title: str = "") -> None:
        super().__init_subclass__()
        cls.title = title


class GroupedOption(click.Option):
    """An option that knows the heading it is listed below."""

    heading = ""


class GroupedCommand(click.Command):
    """A command that lists its options below the headings of their groups, its own first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each heading, in the order in which the verb declares them."""
        sections: dict[str, list[tuple[str, str]]] = {"": []}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx)) is not None:
                sections.setdefault(getattr(parameter, "heading", ""), []).append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading or "Options"):
                    formatter.write_dl(records)


def option(*names: str, **attributes: Any) -> Any:
    """Declare a field as an option, with the names and attributes of ``click.option``."""

    def declare(field: str, heading: str) -> click.Parameter:
        attributes.setdefault("shell_complete", _complete)
        made = GroupedOption([*names, field], **attributes)
        made.heading = heading
        return made

    return dataclasses.field(metadata={_DECLARES: declare})


def _complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Any:
    """Complete a value by what the help calls it; a choice, which is not called anything, by its own words."""
    if not parameter.metavar:
        return parameter.type.shell_complete(ctx, parameter, incomplete)
    from arazzo_runner.cli.given.completions import by_metavar

    return by_metavar(ctx, parameter, incomplete)


def completed_by(name: str) -> Callable[[click.Context, click.Parameter, str], Any]:
    """Return what completes an argument: a function of ``completions``, which is imported when a shell asks."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Any:
        from arazzo_runner.cli.given import completions

        return completions.without_errors(getattr(completions, name), ctx, parameter, incomplete)

    return complete


def argument(**attributes: Any) -> Any:
    """Declare a field as an argument, with the attributes of ``click.argument``."""

    def declare(field: str, _: str) -> click.Parameter:
        return click.Argument([field], **attributes)

    return dataclasses.field(metadata={_DECLARES: declare})


def group(held: type[OptionGroup]) -> Any:
    """Declare a field as a group within a group."""
    return dataclasses.field(metadata={_HOLDS: held})


def takes(words: type[Words]) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Give a command the parameters of a group; its function receives the group's value as its last argument."""

    def decorate(function: Callable[..., Result]) -> Callable[..., Result]:
        @wraps(function)
        def gathered(*before: Any, **values: Any) -> Result:
            return function(*before, _gathered(words, values))

        # What click's own decorators do: they collect parameters from the last to the first.
        cast(Any, gathered).__click_params__ = list(_parameters(words))[::-1]
        return gathered

    return decorate


def _parameters(words: type[OptionGroup]) -> Iterator[click.Parameter]:
    for field in _fields(words):
        if _HOLDS in field.metadata:
            yield from _parameters(field.metadata[_HOLDS])
        else:
            yield field.metadata[_DECLARES](field.name, words.title)


def _gathered(words: type[Words], values: dict[str, Any]) -> Words:
    made = {}
    for field in _fields(words):
        held = field.metadata.get(_HOLDS)
        made[field.name] = values[field.name] if held is None else _gathered(held, values)
    return words(**made)


def _fields(words: type[OptionGroup]) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cast(Any, words))
