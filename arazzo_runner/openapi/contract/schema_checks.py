"""Instances against schemas of one excerpt: openapi-core's validators, with keywords that cannot hang or mislead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from arazzo_runner.effects import MASK
from arazzo_runner.openapi.contract.bounded_validation import with_limited_patterns
from arazzo_runner.openapi.contract.breaches import Side

_NATIVE_FORMATS = (
    "date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6", "uri",
    "uri-reference", "iri", "iri-reference", "uri-template", "uuid", "json-pointer", "relative-json-pointer",
)  # fmt: skip
"""JSON Schema's own formats; openapi-core brings those of OpenAPI, such as ``int32``."""


class SchemaChecks:
    """Judges instances of the schemas of one excerpt.

    Args:
        description: the excerpt, which every ``$ref`` of a schema leads into.
        version: of OpenAPI.
        side: a request may lack what is ``readOnly``, a response what is ``writeOnly``.
    """

    def __init__(self, description: Mapping[str, Any], version: tuple[int, int], side: Side) -> None:
        self._description = description
        self._version = version
        self._side = side
        self._root: Any = None

    def errors(self, schema: Any, instance: Any) -> Iterator[Any]:
        """The errors of jsonschema for an instance."""
        yield from self._validator(schema).iter_errors(instance)

    def fits(self, schema: Any, instance: Any) -> bool:
        """Tell if an instance conforms to a schema."""
        return bool(self._validator(schema).is_valid(instance))

    def _validator(self, schema: Any) -> Any:
        if self._root is None:
            self._root = self._made()
        return self._root.evolve(schema=schema)

    def _made(self) -> Any:
        """A validator whose references start from the excerpt."""
        from jsonschema_path import SchemaPath
        from openapi_core.validation import schemas

        kind = {"request": "write", "response": "read"}[self._side] if self._version == (3, 0) else ""
        name = f"oas{self._version[0]}{self._version[1]}_{kind}{'_' if kind else ''}schema_validators_factory"
        factory = with_limited_patterns(getattr(schemas, name), self._side)
        spec = SchemaPath.from_dict(dict(self._description))
        return factory.create(spec, spec, extra_format_validators=native_formats()).validator


def native_formats() -> dict[str, Callable[[object], bool]]:
    """The tests of JSON Schema's own formats, by name."""
    return {name: partial(_fits_format, name) for name in _NATIVE_FORMATS}


def _fits_format(name: str, instance: object) -> bool:
    import jsonschema_rs

    if not isinstance(instance, str) or instance == MASK:
        return True
    return bool(jsonschema_rs.is_valid({"format": name}, instance, validate_formats=True))
