"""``x-security`` of a step or workflow: credentials that the document itself takes from inputs and outputs (H1).

Another runner's extension: a list of ``{schemeName, values}`` or ``{scheme, values}``, all of them applied together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.errors import StepError
from arazzo_runner.expressions.evaluate import Scope
from arazzo_runner.expressions.templates import CompiledValue
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.openapi.auth.credentials import Credential, Credentials
from arazzo_runner.openapi.operations import Operation, SchemeSpec

_PARTS: Mapping[str, str] = {
    "apiKey": "token", "token": "token", "accessToken": "token", "value": "token",
    "username": "identity", "clientId": "identity", "password": "secret", "clientSecret": "secret",
}  # fmt: skip
"""The parts of a credential by what the extension calls them."""


class PlannedCredential(Struct, frozen=True):
    """A credential for a scheme, its parts still expressions.

    Attributes:
        parts: by attribute of ``Credential``.
        texts: the expressions as written, to find the inputs that are secret (S1).
    """

    scheme: str
    parts: tuple[tuple[str, CompiledValue], ...]
    texts: tuple[str, ...]


def planned_credentials(
    written: Any, operation: Operation, compile_part: Callable[[Any, str], CompiledValue | None]
) -> tuple[Operation, tuple[PlannedCredential, ...]]:
    """The operation with the schemes that ``x-security`` asks for in place of its own, and their credentials.

    Args:
        compile_part: makes a value of one at a pointer below ``x-security``.

    Raises:
        ValueError: an entry has no meaning; the text says why.
    """
    schemes = dict(operation.schemes)
    credentials = []
    for index, entry in enumerate(written if isinstance(written, list) else [written]):
        scheme = _scheme(entry, index, schemes)
        schemes[scheme.name] = scheme
        credentials.append(_credential(scheme.name, entry, index, compile_part))
    asked: Mapping[str, tuple[str, ...]] = {one.scheme: () for one in credentials}
    return replace(operation, security=(asked,), schemes=schemes), tuple(credentials)


def _scheme(entry: Any, index: int, known: Mapping[str, SchemeSpec]) -> SchemeSpec:
    match entry:
        case {"scheme": dict(definition)}:
            return SchemeSpec(f"x-security {index + 1}", definition)
        case {"schemeName": str(name)}:
            short = name.rpartition(".")[2] if name.startswith("$sourceDescriptions.") else name
            if short in known:
                return known[short]
            listed = ", ".join(known) or "none"
            raise ValueError(f"the description has no security scheme {short!r}; it has {listed}")
    raise ValueError("an entry of x-security has a schemeName or a scheme, and values")


def _credential(
    scheme: str, entry: Mapping[str, Any], index: int, compile_part: Callable[[Any, str], CompiledValue | None]
) -> PlannedCredential:
    values = entry.get("values")
    parts, texts = [], []
    for name, value in values.items() if isinstance(values, dict) else ():
        if name not in _PARTS:
            raise ValueError(f"x-security knows no value {name!r}; expected one of {', '.join(_PARTS)}")
        compiled = compile_part(value, f"/{index}/values/{name}")
        if compiled is not None:
            parts.append((_PARTS[name], compiled))
            texts.append(str(value))
    return PlannedCredential(scheme, tuple(parts), tuple(texts))


def with_given(credentials: Credentials, planned: Sequence[PlannedCredential], scope: Scope) -> Credentials:
    """The credentials of a run and those that a step's ``x-security`` gives, which come first.

    Raises:
        StepError: ``missing-value``: a part has no value.
    """
    given = {one.scheme: Credential(**dict(_parts(one, scope)), origin="x-security") for one in planned}
    return replace(credentials, by_scheme={**credentials.by_scheme, **given}) if given else credentials


def _parts(planned: PlannedCredential, scope: Scope) -> Iterator[tuple[str, str]]:
    for (part, compiled), text in zip(planned.parts, planned.texts, strict=True):
        value = compiled.resolve(scope)
        if value is UNDEFINED or value is None:
            raise StepError("missing-value", f"the credential for {planned.scheme!r} has no value: {text}")
        yield part, str(value)
