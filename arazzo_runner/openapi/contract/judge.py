"""An exchange against its operation: what of the request and the response is not as the description says.

Each parameter, each header and each body is read and judged by itself, so that one that cannot be judged leaves none of
the others unjudged; it is reported as a remark, and never counted as a breach or as right. openapi-core's validators
judge the values, one operation at a time (``excerpts``).
"""

from __future__ import annotations

import fnmatch
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

from msgspec import Struct

from arazzo_runner.effects import Request, Response
from arazzo_runner.errors import ArazzoError, DocumentError
from arazzo_runner.expressions.limits import grant
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.openapi.contract.bodies import body_value
from arazzo_runner.openapi.contract.breaches import Breach, Side, schema_breaches
from arazzo_runner.openapi.contract.excerpts import METHOD, PATH, excerpt
from arazzo_runner.openapi.contract.instances import Instances
from arazzo_runner.openapi.contract.invalid_keywords import odd_keywords
from arazzo_runner.openapi.contract.paid_keywords import MAX_ERRORS
from arazzo_runner.openapi.contract.schema_checks import SchemaChecks
from arazzo_runner.openapi.contract.sent_parameters import SentParameters, UnreadableContent, header_value
from arazzo_runner.openapi.media_types import essence
from arazzo_runner.openapi.operations import Operation


class Judgement(Struct, frozen=True):
    """The breaches of an exchange, and what of it could not be judged.

    Attributes:
        remarks: why something could not be judged, a sentence each.
    """

    breaches: tuple[Breach, ...] = ()
    remarks: tuple[str, ...] = ()


class Contract:
    """Judges exchanges; what it needs of an operation is made when the operation is first met."""

    def __init__(self) -> None:
        self._judges: dict[tuple[int, str], _Judge | str] = {}

    def judge(self, operation: Operation, request: Request, response: Response | None) -> Judgement:
        """Check an exchange against its operation.

        Values that a recording has masked are not judged: it is not known what they were.

        Args:
            response: None when none came; then the request alone is judged.
        """
        key = (id(operation.api), operation.pointer)
        if key not in self._judges:
            try:
                self._judges[key] = _Judge(operation)
            except DocumentError as error:
                why = error.problems[0].message
                self._judges[key] = f"{operation.label} cannot be checked against its description: {why}"
        judge = self._judges[key]
        return Judgement(remarks=(judge,)) if isinstance(judge, str) else judge.judge(request, response)


class _Judge:
    """One operation, ready to judge exchanges."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self._description = excerpt(operation)
        self._own = self._description["paths"][PATH][METHOD]
        self._sides = {
            side: _Side(side, SchemaChecks(self._description, operation.api.version, side), self._description)
            for side in _SIDES
        }

    def judge(self, request: Request, response: Response | None) -> Judgement:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            findings = _Findings(self.operation)
            self._request(findings, request)
            if response is not None:
                self._response(findings, request, response)
        return Judgement(tuple(dict.fromkeys(findings.breaches)), tuple(dict.fromkeys(findings.remarks)))

    def _request(self, findings: _Findings, request: Request) -> None:
        grant()  # all values of a side share one budget: a description may have any number of them
        side = self._sides["request"]
        sent = SentParameters(request, self.operation.path, self._own["parameters"], side.instances)
        for declared in self._own["parameters"]:
            where = f"{declared['in']} parameter {declared['name']}"
            with_value = _Value(where, partial(sent.value, declared), _schema_of(declared))
            missing = "it is required, and was not sent" if declared.get("required") is True else None
            findings.add(side, with_value, missing)
        body = side.instances.resolved(self._own.get("requestBody"))
        if not body:
            return
        if request.body:
            self._content(findings, side, body.get("content"), request.header("Content-Type"), request.body)
        elif body.get("required") is True:
            findings.breaches.append(Breach("request", "body", "it is required, and was not sent"))

    def _response(self, findings: _Findings, request: Request, response: Response) -> None:
        grant()
        side = self._sides["response"]
        responses = self._own["responses"]
        found = _by_status(responses, response.status)
        if found is None:
            known = ", ".join(map(str, responses)) or "none"
            message = f"{response.status} is not documented; documented are {known}"
            findings.breaches.append(Breach("response", "status", message))
            return
        documented = side.instances.resolved(found)
        content = documented.get("content")
        if isinstance(content, dict) and content:
            bodiless = request.method == "HEAD" or response.status in (204, 304)
            if response.body:
                self._content(findings, side, content, response.header("Content-Type"), response.body)
            elif not bodiless:
                findings.breaches.append(Breach("response", "body", "it is empty; a body is documented"))
        for name, header in (documented.get("headers") or {}).items():
            self._header(findings, side, name, side.instances.resolved(header), response)

    def _header(
        self, findings: _Findings, side: _Side, name: str, declared: Mapping[str, Any], response: Response
    ) -> None:
        if name.lower() == "content-type":  # such a declaration is ignored, says OpenAPI
            return
        read = partial(header_value, side.instances, name, declared, response.headers)
        value = _Value(f"header {name}", read, _schema_of(declared))
        findings.add(side, value, "it is required, and is not there" if declared.get("required") is True else None)

    def _content(self, findings: _Findings, side: _Side, content: Any, content_type: str | None, body: bytes) -> None:
        if not isinstance(content, dict):
            return
        found = essence(content_type or "")
        key = _media_key(content, found)
        if key is None:
            documented = ", ".join(content) or "none"
            message = f"{found or 'none'} is not documented; documented are {documented}"
            findings.breaches.append(Breach(side.name, "content type", message))
            return
        media = side.instances.resolved(content[key])
        if "schema" in media:
            read = partial(body_value, side.instances, key, media, content_type or "", body)
            findings.add(side, _Value("body", read, media["schema"]), None)


_SIDES: tuple[Side, ...] = ("request", "response")


class _Side:
    """The judges of one side of an operation's exchanges."""

    def __init__(self, name: Side, checks: SchemaChecks, description: Mapping[str, Any]) -> None:
        self.name = name
        self.checks = checks
        self.instances = Instances(description, checks.fits)


class _Value(Struct, frozen=True):
    """A value to judge: its place in the exchange, the way to read it, and its schema."""

    where: str
    read: Callable[[], Any]
    schema: Any


class _Findings:
    """The findings about one exchange."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self.breaches: list[Breach] = []
        self.remarks: list[str] = []

    def add(self, side: _Side, value: _Value, missing: str | None) -> None:
        """Read a value and judge it.

        Args:
            missing: the breach when there is no value; None when it may be absent.
        """
        try:
            for breach in self._judged(side, value, missing):
                self.breaches.append(breach)  # one by one: those before an error are kept
        except UnreadableContent as error:
            self.breaches.append(Breach(side.name, value.where, f"it cannot be read as {error}"))
        except ArazzoError as error:
            self._unjudged(side, value, error.message)
        except Exception:  # noqa: BLE001 - whatever a schema makes a library do is not a breach
            odd = "; ".join(odd_keywords(self._operation, side.name))
            self._unjudged(side, value, odd or "openapi-core cannot read its schema")

    def _judged(self, side: _Side, value: _Value, missing: str | None) -> Iterator[Breach]:
        instance = value.read()
        if instance is UNDEFINED and value.where == "body":
            self._unjudged(side, value, "its media type has no agreed reading as an instance of its schema")
        elif instance is UNDEFINED:
            if missing:
                yield Breach(side.name, value.where, missing)
        else:
            errors = side.checks.errors(value.schema, instance)
            yield from schema_breaches(side.name, value.where, islice(errors, MAX_ERRORS))
            if next(errors, None) is not None:
                yield Breach(side.name, value.where, f"it has more errors than the {MAX_ERRORS} that are listed")

    def _unjudged(self, side: _Side, value: _Value, why: str) -> None:
        self.remarks.append(f"the {side.name} {value.where} of {self._operation.label} cannot be judged: {why}")


def _schema_of(declared: Mapping[str, Any]) -> Any:
    """The schema of a Parameter or Header Object, which may stand in its ``content``."""
    for media in (declared.get("content") or {}).values():
        return media.get("schema", {})
    return declared.get("schema", {})


def _by_status(responses: Mapping[str, Any], status: int) -> Any:
    """The Response Object of a status: its own, that of its range, or the default; None when there is none."""
    by_key = {str(key).upper(): value for key, value in responses.items()}
    keys = (str(status), f"{status // 100}XX", "DEFAULT")
    return next((by_key[key] for key in keys if key in by_key), None)


def _media_key(content: Mapping[str, Any], found: str) -> str | None:
    """The key of ``content`` that stands for a media type: the type itself, else the narrowest range it is in."""
    if found in content:
        return found
    ranges = sorted((key for key in content if "*" in key), key=lambda key: (key == "*/*", -len(key)))
    return next((key for key in ranges if found and fnmatch.fnmatchcase(found, key)), None)
