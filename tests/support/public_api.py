"""The types that public signatures name, as far as they are this package's."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any

import arazzo_runner


def named_types() -> dict[str, set[str]]:
    """The package's own types that public signatures name, each with where: ``Runner.run: inputs``.

    Those of opaque types are not looked at: their members are no public API. Nor are private bases.
    """
    found: dict[str, set[str]] = {}
    for name in set(arazzo_runner.__all__) - arazzo_runner._OPAQUE:
        for where, kind in _of(name, getattr(arazzo_runner, name)):
            found.setdefault(kind, set()).add(where)
    return found


def _of(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if inspect.isclass(value):
        yield from ((name, base.__name__) for base in value.__bases__ if _is_ours(base))
        if (
            dataclasses.is_dataclass(value)
            or getattr(value, "_is_protocol", False)
            or hasattr(value, "__struct_fields__")
        ):
            yield from _hints(name, value)
        for member, function in vars(value).items():
            if member.startswith("_") and member != "__init__":
                continue
            plain = getattr(function, "__func__", getattr(function, "fget", function))
            if inspect.isfunction(plain):
                yield from _hints(f"{name}.{member}", plain)
    elif inspect.isfunction(value):
        yield from _hints(name, value)


def _hints(where: str, value: Any) -> Iterator[tuple[str, str]]:
    module = sys.modules[value.__module__]
    names = {**vars(typing), **vars(module), **_checked_imports(module)}
    for part, hint in typing.get_type_hints(value, names, names).items():
        if not part.startswith("_"):
            yield from ((f"{where}: {part}", kind) for kind in _ours_in(hint))


def _ours_in(hint: Any) -> Iterator[str]:
    if _is_ours(hint):
        yield hint.__name__
    for argument in typing.get_args(hint):
        if isinstance(argument, list):
            for each in argument:
                yield from _ours_in(each)
        else:
            yield from _ours_in(argument)


def _is_ours(hint: Any) -> bool:
    return (
        isinstance(hint, type)
        and hint.__module__.startswith("arazzo_runner")
        and not isinstance(hint, types.GenericAlias)
        and not hint.__name__.startswith("_")
    )


def _checked_imports(module: types.ModuleType) -> dict[str, Any]:
    """The names that a module imports for its type checker only."""
    found: dict[str, Any] = {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for statement in node.body:
                if isinstance(statement, ast.ImportFrom) and statement.module:
                    for alias in statement.names:
                        imported = importlib.import_module(statement.module)
                        found[alias.asname or alias.name] = getattr(imported, alias.name)
    return found
