"""Plain data to the model of an Arazzo document, collecting everything that is wrong with its structure."""

from __future__ import annotations

from typing import Any

from arazzo_runner.documents import structure_rules  # noqa: F401 - registers the rules that loading reports
from arazzo_runner.documents.model import ArazzoDescription, Components, Info
from arazzo_runner.documents.object_checks import version_of
from arazzo_runner.documents.objects import ARAZZO
from arazzo_runner.documents.reader import Document
from arazzo_runner.documents.shapes import Reading, describe
from arazzo_runner.errors import Problem, sorted_problems

_OTHER_DOCUMENTS = {
    "openapi": "an OpenAPI description",
    "swagger": "a Swagger description",
    "asyncapi": "an AsyncAPI description",
}


def load_description(document: Document) -> tuple[ArazzoDescription | None, list[Problem]]:
    """The model of a document, and every structural problem of it.

    What is wrong is left out of the model, or kept as near as it goes, so that later rules can look at the rest.

    Returns:
        The description, or None for what is not an Arazzo document (not an object, no ``arazzo`` field, no workflows);
        and the problems in reading order, of every severity.
    """
    data = document.data
    reading = Reading(document, version_of(data.get("arazzo")) if isinstance(data, dict) else (1, 1))
    description = None
    if not isinstance(data, dict):
        reading.report("not-arazzo", f"expected an Arazzo document, found {describe(data)}", "")
    elif "arazzo" not in data and (other := next((key for key in _OTHER_DOCUMENTS if key in data), None)):
        message = f"expected an Arazzo document, found {_OTHER_DOCUMENTS[other]}"
        reading.report("not-arazzo", message, f"/{other}", key=True)
    else:
        description = _description(ARAZZO.load(reading, data, ""), reading)
    return description, sorted_problems(reading.problems)


def _description(values: dict[str, Any], reading: Reading) -> ArazzoDescription | None:
    if not values["workflows"]:
        return None
    known = {name: values[name] for name in ArazzoDescription.__struct_fields__ if name in values}
    known["info"] = known["info"] or Info("", "")
    known["components"] = known["components"] or Components()
    return ArazzoDescription(version=reading.version, document=reading.document, **known)
