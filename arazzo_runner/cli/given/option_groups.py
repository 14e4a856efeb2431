"""Option groups: a frozen value whose fields are options, so that the command line has types.

A verb declares one class and receives one value. A field is an option, an argument, or a group of its own::

    class Verbosity(OptionGroup, frozen=True, kw_only=True):
        title = "Output"
        quiet: bool = option("-q", "--quiet", is_flag=True, help="Show only the result.")

    @click.command("run", cls=GroupedCommand)
    @takes(RunWords)
    def command(words: RunWords) -> None: ...

``--help`` lists the options below the titles of their groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ClassVar, TypeVar, cast

import click
from msgspec import Struct

Words = TypeVar("Words", bound="OptionGroup")
Result = TypeVar("Result")


class Declared(Struct, frozen=True):
    """The default of a field that is an option or an argument, until the command line gives it a value.

    Attributes:
        parameter: makes click's parameter from the field's name and its group's title.
    """

    parameter: Callable[[str, str], click.Parameter]


class HeldGroup(Struct, frozen=True):
    """The default of a field that is a group within a group."""

    words: type[OptionGroup]


class OptionGroup(Struct, frozen=True, kw_only=True):
    """The base of all groups.

    Attributes:
        title: the heading in ``--help``; a group without one is listed with the verb's own options.
    """

    title: ClassVar[str] = ""


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

    return Declared(declare)


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

    return Declared(declare)


def group(held: type[OptionGroup]) -> Any:
    """Declare a field as a group within a group."""
    return HeldGroup(held)


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
    for name, declared in _fields(words):
        if isinstance(declared, HeldGroup):
            yield from _parameters(declared.words)
        else:
            yield declared.parameter(name, words.title)


def _gathered(words: type[Words], values: dict[str, Any]) -> Words:
    return words(
        **{
            name: _gathered(declared.words, values) if isinstance(declared, HeldGroup) else values[name]
            for name, declared in _fields(words)
        }
    )


def _fields(words: type[OptionGroup]) -> Iterator[tuple[str, Declared | HeldGroup]]:
    return zip(words.__struct_fields__, words.__struct_defaults__, strict=True)
