"""The public surface: what a signature names can be imported from the package, and nothing private is in it."""

from __future__ import annotations

import inspect

import arazzo_runner
from tests.support.public_api import named_types

OPAQUE = arazzo_runner._OPAQUE


def test_every_type_of_a_public_signature_is_exported() -> None:
    missing = {kind: sorted(where) for kind, where in named_types().items() if kind not in arazzo_runner.__all__}
    assert missing == {}


def test_opaque_types_are_there_for_signatures_and_for_nothing_else() -> None:
    named = named_types()
    assert set(arazzo_runner.__all__) >= OPAQUE
    assert {name for name in OPAQUE if name not in named} == set()


def test_every_public_method_is_documented() -> None:
    undocumented = [
        f"{name}.{member}"
        for name in set(arazzo_runner.__all__) - OPAQUE
        if inspect.isclass(value := getattr(arazzo_runner, name))
        for member, function in vars(value).items()
        if not member.startswith("_") and inspect.isfunction(function) and not inspect.getdoc(function)
    ]
    assert undocumented == []


def test_a_type_checker_sees_what_is_imported_when_it_is_used() -> None:
    source = inspect.getsource(arazzo_runner)
    checked = source.partition("if TYPE_CHECKING:")[2].partition("__version__")[0]
    for name in arazzo_runner.__all__:
        assert name in checked, name
