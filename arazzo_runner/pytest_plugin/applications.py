"""The application that the configuration names."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from arazzo_runner.errors import UsageError

if TYPE_CHECKING:
    from arazzo_runner.runtime.http.applications import Application, Applications

_APPLICATIONS = pytest.StashKey["Applications | None"]()
_FORM = "module:name, module:make() for one that is made, or source=module:name for several"


def configured_application(config: pytest.Config) -> Applications | None:
    """The application of ``arazzo_app``, imported once; None when there is none.

    Raises:
        UsageError: it cannot be imported.
    """
    if _APPLICATIONS not in config.stash:
        config.stash[_APPLICATIONS] = _imported(str(config.getini("arazzo_app")), str(config.rootpath))
    return config.stash[_APPLICATIONS]


def _imported(text: str, root: str) -> Applications | None:
    found: dict[str, Application] = {}
    for word in text.replace(",", " ").split():
        name, equals, place = word.rpartition("=")
        if name in found or (found and not equals):
            raise UsageError(f"arazzo_app = {text!r}: expected one application, or each with its source", hint=_FORM)
        found[name if equals else ""] = load_application(place, root)
    return found.get("") or found or None


def load_application(place: str, root: str) -> Application:
    """Import an application.

    Args:
        place: ``module:name``, or ``module:make()`` for what a function without arguments makes.
        root: where modules are looked for, beside the usual places.

    Raises:
        UsageError: there is none.
    """
    module_name, colon, name = place.partition(":")
    if not colon or not module_name or not name:
        raise UsageError(f"arazzo_app = {place!r} names no application", hint=f"write {_FORM}")
    if root not in sys.path:
        sys.path.insert(0, root)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise UsageError(f"arazzo_app = {place!r}: there is no module {error.name}", hint=f"write {_FORM}") from None
    value = module
    for part in name.removesuffix("()").split("."):
        if not hasattr(value, part):
            raise UsageError(f"arazzo_app = {place!r}: {module_name} has no {part}", hint=f"write {_FORM}")
        value = getattr(value, part)
    made: Application = value() if name.endswith("()") else value  # type: ignore[operator, assignment]
    return made
