"""The secrets that a user can give again, and what stands in their place where a run is stored (S1).

They are not stored, not even encrypted: every occurrence in a run's state, in plain, percent-encoded or in base64, is
replaced by a placeholder, and is filled in again from what the user gives when the run is resumed. The placeholder
holds a number that was drawn for the run and never leaves it, so that no server can write one.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from msgspec import Struct, field

from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import JournalError
from arazzo_runner.openapi.auth.credentials import SECRET_PARTS, Credential, Credentials, environment_variable
from arazzo_runner.runtime.secrets.encodings import MIN_LENGTH, written_forms
from arazzo_runner.runtime.secrets.redaction import secret_inputs
from arazzo_runner.secrecy import IsSecret, is_secret_name, shown


def secrets_of(plan: Plan, inputs: Mapping[str, Any]) -> frozenset[str]:
    """The inputs that are secrets as a whole: by name, by schema, or because they are sent where credentials go."""
    return secret_inputs(plan.workflow.input_schema, inputs, plan.options.secret_names.has) | (
        plan.credential_inputs & inputs.keys()
    )


def asked_inputs(plan: Plan, inputs: Mapping[str, Any]) -> frozenset[str]:
    """The inputs that are not stored but asked for again: the secret ones, and those that hold a secret member."""
    nested = {name for name, value in inputs.items() if _named(value, "", plan.options.secret_names.has)}
    return secrets_of(plan, inputs) | nested


class Given(Struct, frozen=True):
    """The secrets that the user gives and can give again.

    Attributes:
        inputs: the inputs that are asked for again, whole (``asked_inputs``).
        secret: the names of those that are secret as a whole.
        is_secret: tells which names of members are a secret's.
    """

    inputs: Mapping[str, Any] = field(default_factory=dict)
    secret: frozenset[str] = frozenset()
    credentials: Credentials = field(default_factory=Credentials)
    is_secret: IsSecret = is_secret_name

    def __repr__(self) -> str:
        return shown(self, without=("inputs", "credentials"))

    def secrets(self) -> dict[str, str]:
        """Every text that is a secret, by what it is part of."""
        found: dict[str, str] = {}
        for name, value in self.inputs.items():
            found |= _texts(value, name) if name in self.secret else _named(value, name, self.is_secret)
        for variable, credential in self.credentials.by_variable.items():
            found |= _of_credential(variable, credential)
        for scheme, credential in self.credentials.by_scheme.items():  # these come first where both are given (H5)
            found |= _of_credential(environment_variable(scheme), credential)
        return found


class Placeholders:
    """Puts placeholders in the place of secrets, and the secrets back.

    Args:
        number: drawn for the run; unguessable.
        given: what the user gives, now.
    """

    def __init__(self, number: str, given: Given) -> None:
        self._inputs = given.inputs
        self._mark = f"<{number}:"
        self._by_mark: dict[str, str] = {}
        by_form: dict[str, str] = {}
        for name, text in given.secrets().items():
            for index, form in enumerate(written_forms(text)):
                mark = f"{self._mark}{index}:{quote(name, safe='')}>"
                self._by_mark[mark] = form
                if len(form) >= MIN_LENGTH:
                    by_form.setdefault(form, mark)
        self._by_form = by_form
        longest_first = sorted(by_form, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if by_form else None
        self._marks = re.compile(re.escape(self._mark) + r"[^>]*>")

    def hide(self, data: Any) -> Any:
        """Plain data without the secrets; members called ``inputs`` without those that are asked for, whole."""
        if self._secrets is None and not self._inputs:
            return data
        return _changed(data, self._hidden, self._without)

    def reveal(self, data: Any) -> Any:
        """The plain data that was hidden, with what is given now."""
        return _changed(data, self._revealed, self._with)

    def _hidden(self, text: str) -> str:
        if self._secrets is None:
            return text
        return self._secrets.sub(lambda found: self._by_form[found[0]], text)

    def _revealed(self, text: str) -> str:
        if self._mark not in text:
            return text
        return self._marks.sub(self._given, text)

    def _given(self, found: re.Match[str]) -> str:
        known = self._by_mark.get(found[0])
        if known is None:
            name = unquote(found[0].rpartition(":")[2].rstrip(">"))
            raise JournalError(f"the run was started with a secret that is not given now: {name}")
        return known

    def _without(self, inputs: dict[str, Any]) -> dict[str, Any]:
        same = {name: given for name, given in self._inputs.items() if name in inputs and inputs[name] == given}
        return {
            **inputs,
            **{name: self._whole(name) for name, given in same.items() if type(inputs[name]) is type(given)},
        }

    def _with(self, inputs: dict[str, Any]) -> dict[str, Any]:
        return {
            **inputs,
            **{name: given for name, given in self._inputs.items() if inputs.get(name) == self._whole(name)},
        }

    def _whole(self, name: str) -> str:
        return f"{self._mark}whole:{quote(name, safe='')}>"


def _changed(data: Any, change: Callable[[str], str], inputs: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Plain data with every text changed, keys and bytes too, and before that every object called ``inputs``."""
    kind = type(data)
    if kind is str:
        return change(data)
    if kind is dict:
        return {
            change(name): _changed(inputs(item) if name == "inputs" and type(item) is dict else item, change, inputs)
            for name, item in data.items()
        }
    if kind is list or kind is tuple:
        return [_changed(item, change, inputs) for item in data]
    if kind is bytes:
        return change(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    return data


def _texts(value: Any, path: str) -> dict[str, str]:
    """Every text inside a value, by path."""
    return dict(_walk(value, path, lambda _: True, found=True))


def _named(value: Any, path: str, is_secret: IsSecret) -> dict[str, str]:
    """The texts inside a value that stand under a name that says secret."""
    return dict(_walk(value, path, is_secret, found=False))


def _walk(value: Any, path: str, is_secret: IsSecret, *, found: bool) -> Iterator[tuple[str, str]]:
    match value:
        case str() if found:
            yield path, value
        case bytes() if found:
            yield path, value.decode("utf-8", "surrogateescape")
        case Mapping():
            for name, item in value.items():
                yield from _walk(item, f"{path}/{name}", is_secret, found=found or is_secret(str(name)))
        case list():
            for index, item in enumerate(value):
                yield from _walk(item, f"{path}/{index}", is_secret, found=found)


def _of_credential(name: str, credential: Credential) -> dict[str, str]:
    """The secrets of a credential, the texts in which a request sends them included (H5)."""
    found = {f"{name} {part}": getattr(credential, part) for part in SECRET_PARTS}
    pairs = ((credential.identity, credential.secret), (credential.client_id, credential.client_secret))
    for index, (one, other) in enumerate(pairs):
        if one is not None and other is not None:
            plain, escaped = f"{one}:{other}", f"{quote(one, safe='')}:{quote(other, safe='')}"
            found[f"{name} basic {index}"] = base64.b64encode(plain.encode()).decode()
            found[f"{name} client {index}"] = base64.b64encode(escaped.encode()).decode()
    return {key: text for key, text in found.items() if text is not None}
