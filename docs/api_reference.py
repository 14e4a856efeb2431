"""The page of the public API, from the docstrings of what ``arazzo_runner`` exports."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import arazzo_runner

WIDTH = 100
GROUPS = {
    "Running workflows": "Runner load Workbook RunResult RunFailed Session report",
    "Options": "RunOptions TransportOptions ServerOptions Credentials Credential parse_credential Level",
    "Clients and applications": "HttpClient Application Applications World AsyncWorld",
    "Durable runs and batches": "RunHandle RunSummary JournalEngine TemporalEngine RowResult RunEngine RunOrder"
    " RunFilter SecretsAgain GivenSecrets Decision",
    "Events": "Event Listener RunStarted WorkflowEntered AttemptStarted Authenticated AttemptFinished Waiting Warned"
    " WorkflowLeft RunFinished Attempt CriterionOutcome ActionTaken Outcome Reason Status",
    "Messages": "MessageEffect Subscribe Publish Receive MessageAnswer Subscribed Published Received Message Match"
    " Broker Access ChannelSettings ChannelSubscribed MessageAwaited ExchangedMessage",
    "The engine": "start advance Turn Plan RunState Effect Send Sleep Answer Answered Failed Woke Request Response"
    " Headers",
    "Errors and problems": "ArazzoError UsageError InvalidInputs DocumentError UnreadableDocument InvalidDocument"
    " PlanError ExpressionSyntaxError StepError CassetteError InvalidState JournalError RunHeld JournalLost Problem"
    " Severity Place",
}
_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Yields):$")
_HEADING = {
    "Args": "Arguments",
    "Attributes": "Attributes",
    "Returns": "Returns",
    "Raises": "Raises",
    "Yields": "Yields",
}


def page() -> str:
    """Return the page."""
    parts = [
        "# Python API",
        "",
        "Everything public is in `arazzo_runner`; generated from the docstrings by `docs/generate.py`.",
        "[From Python](../from-python.md) shows how it is used.",
        "",
    ]
    for title, names in GROUPS.items():
        parts += [f"## {title}", ""]
        for name in names.split():
            parts += _entry(name, getattr(arazzo_runner, name))
    opaque = ", ".join(f"`{name}`" for name in sorted(arazzo_runner._OPAQUE))  # noqa: SLF001 - of the same project
    parts += [
        "## Opaque types",
        "",
        f"For annotations only: the package makes their values, and their members may change. {opaque}.",
        "",
    ]
    return "\n".join(parts)


def _entry(name: str, value: Any) -> Iterator[str]:
    yield f"### `{name}`"
    yield ""
    if inspect.isfunction(value):
        yield from _signature(name, value)
        yield from _described(value)
    elif isinstance(value, ModuleType):
        yield from _described(value)
        for member, function in vars(value).items():
            if inspect.isfunction(function) and not member.startswith("_") and function.__module__ == value.__name__:
                yield from _member(f"{name}.{member}", function)
    elif inspect.isclass(value):
        if "__init__" in vars(value) and not getattr(value, "_is_protocol", False):
            yield from _signature(name, value.__init__)
        yield from _described(value)
        for member, function in vars(value).items():
            if not member.startswith("_"):
                yield from _of_class(f"{name}.{member}", function)
    else:
        yield f"```python\n{name} = {_shown(value)}\n```"
        yield ""


def _shown(alias: Any) -> str:
    text = (
        re.sub(r"\barazzo_runner\.[\w.]*\.(\w+)", r"\1", str(alias))
        .replace("typing.", "")
        .replace("collections.abc.", "")
    )
    return text.replace("NoneType", "None").replace("'", chr(34))


def _of_class(name: str, function: Any) -> Iterator[str]:
    plain = getattr(function, "__func__", function)
    if isinstance(plain, property):
        yield f"- `{name}`: {_inline(inspect.getdoc(plain) or '')}"
        yield ""
    elif inspect.isfunction(plain):
        yield from _member(name, plain)


def _member(name: str, function: Any) -> Iterator[str]:
    yield f"#### `{name}`"
    yield ""
    yield from _signature(name, function)
    yield from _described(function)


def _signature(name: str, function: Any) -> Iterator[str]:
    signature = inspect.signature(function)
    parameters = [one for one in signature.parameters.values() if one.name not in ("self", "cls")]
    words: list[str] = []
    for one in parameters:
        if one.kind is one.KEYWORD_ONLY and "*" not in words and not any(word.startswith("*") for word in words):
            words.append("*")
        stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        annotation = "" if one.annotation is one.empty else f": {one.annotation}"
        default = "" if one.default is one.empty else f" = {'…' if callable(one.default) else repr(one.default)}"
        words.append(f"{stars}{one.name}{annotation}{default}")
    returns = "" if function.__name__ == "__init__" else f" -> {signature.return_annotation}"
    prefix = "await " if inspect.iscoroutinefunction(function) else ""
    text = f"{prefix}{name}({', '.join(words)}){returns}"
    if len(text) > WIDTH:
        text = "\n".join([f"{prefix}{name}(", *(f"    {word}," for word in words), f"){returns}"])
    yield f"```python\n{text}\n```"
    yield ""


def _described(value: Any) -> Iterator[str]:
    """Yield a docstring in Markdown: its sections as lists."""
    lines = (inspect.getdoc(value) or "").splitlines()
    index, in_code = 0, False
    while index < len(lines):
        line = lines[index]
        section = _SECTION.match(line)
        if section is None:
            if line.endswith("::"):
                in_code = True
                line = line.removesuffix("::") + (":" if line != "::" else "")
            yield line if in_code and line.startswith("    ") else _inline(line)
            index += 1
            continue
        yield f"{_HEADING[section[1]]}:"
        yield ""
        index += 1
        entries: list[str] = []
        while index < len(lines) and (not lines[index] or lines[index].startswith("    ")):
            text = lines[index].removeprefix("    ")
            if text.startswith(" ") and entries:
                entries[-1] += f" {text.strip()}"
            elif text:
                entries.append(text)
            index += 1
        yield from (f"- {_item(entry)}" for entry in entries)
        yield ""
    yield ""


def _item(entry: str) -> str:
    name, colon, rest = entry.partition(": ")
    plain = re.fullmatch(r"[\w, *]+", name)
    named = ", ".join(f"`{one}`" for one in name.split(", ")) if colon and plain else ""
    return f"{named}: {_inline(rest)}" if named else _inline(entry)


def _inline(text: str) -> str:
    return text.replace("``", "`")
