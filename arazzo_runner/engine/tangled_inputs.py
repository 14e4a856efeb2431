"""Values that are large, or whose schema repeats itself: each schema is asked once about each value, within a budget.

``jsonschema-rs`` follows a reference each time that it is met: twelve levels of ten references are a million
million visits, which nothing can interrupt. ``jsonschema`` is slower, and asks our own functions about every keyword.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from arazzo_runner.expressions.limits import grant
from arazzo_runner.openapi.contract.bounded_validation import limited_keywords
from arazzo_runner.openapi.contract.paid_keywords import paid_keywords
from arazzo_runner.openapi.contract.schema_checks import native_formats


class Misfit(NamedTuple):
    """The first place at which a value does not fit its schema.

    Attributes:
        path: the names and indexes that lead there.
        keyword: of the schema.
    """

    path: tuple[str, ...]
    keyword: str


def first_misfit(schema: Any, value: Any, *, own_dialect: bool = False) -> Misfit | None:
    """Return the first place at which a value does not fit a self-contained schema; None when it fits.

    Args:
        own_dialect: read the schema as its ``$schema`` says, and not as 2020-12.

    Raises:
        BudgetExceeded: it takes too long to find out.
    """
    from jsonschema import FormatChecker
    from jsonschema.validators import Draft202012Validator, extend, validator_for

    formats = FormatChecker(formats=())
    formats.checkers = {name: (fits, ()) for name, fits in native_formats().items()}
    dialect: Any = validator_for(schema, Draft202012Validator) if own_dialect else Draft202012Validator
    known = {**dialect.VALIDATORS, **limited_keywords(dialect)}
    keywords = paid_keywords({**known, "$ref": partial(_reference, {})})
    validator = extend(dialect, keywords)(schema, format_checker=formats)  # type: ignore[no-untyped-call]
    grant()
    found = next(validator.iter_errors(value), None)
    return None if found is None else Misfit(tuple(map(str, found.absolute_path)), str(found.validator))


def _reference(known: dict[tuple[int, int], bool], validator: Any, reference: str, value: Any, _: Any) -> Iterator[Any]:
    """Follow a reference, once for each value. One that leads back to itself asks nothing new."""
    from jsonschema.exceptions import ValidationError

    target = validator._resolver.lookup(reference)  # noqa: SLF001 - the one way to its references
    key = (id(target.contents), id(value))
    if key in known:
        if not known[key]:
            yield ValidationError("it does not fit")
        return
    known[key] = True
    first = next(validator.descend(value, target.contents, resolver=target.resolver), None)
    if first is not None:
        known[key] = False
        yield first
