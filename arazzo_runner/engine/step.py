"""One attempt of one step: values to a request, and a response to verdicts, outputs and the action that follows.

Pure functions of the plan and a scope; ``flow`` decides when they are called.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from arazzo_runner.effects import Request, Response
from arazzo_runner.engine.absent.absences import Absence, absence_of
from arazzo_runner.engine.events import CriterionOutcome
from arazzo_runner.engine.plan import (
    PlannedAction,
    PlannedBody,
    PlannedParameter,
    PlannedStep,
    RunOptions,
)
from arazzo_runner.engine.state import Prepared
from arazzo_runner.errors import StepError
from arazzo_runner.expressions.criteria import CompiledCriterion
from arazzo_runner.expressions.evaluate import Scope
from arazzo_runner.expressions.nodes import Expression
from arazzo_runner.expressions.templates import CompiledValue, expressions_of, leaves
from arazzo_runner.expressions.undefined import UNDEFINED
from arazzo_runner.openapi.auth.credentials import Credentials
from arazzo_runner.openapi.auth.digest import digest_answer
from arazzo_runner.openapi.auth.security import Need, NeedKind, apply_security, filled_by
from arazzo_runner.openapi.auth.tokens import Endpoint, Token, endpoint_of, token_key
from arazzo_runner.openapi.operations import Operation
from arazzo_runner.openapi.request.bodies import choose_content_type, encode_body
from arazzo_runner.openapi.request.idempotency import idempotency_header
from arazzo_runner.openapi.request.parameters import Argument, SerializedParameters, header_text, is_json, serialize
from arazzo_runner.openapi.request.replacements import apply_replacement
from arazzo_runner.openapi.request.servers import server_url

if TYPE_CHECKING:
    from arazzo_runner.openapi.request.cookies import StoredCookie


class TokenWanted(Struct, frozen=True):
    """A step that cannot be sent before there is a token.

    Attributes:
        key: the key it is stored under.
        endpoint: where it comes from.
    """

    need: Need
    key: str
    endpoint: Endpoint


class Held(Struct, frozen=True):
    """The credentials that a run holds while a request is built.

    Attributes:
        tokens: by key; those that have expired are left out.
        challenge: the digest challenge to answer, or None.
        idempotency_key: for an operation that declares a header for one, unless the step sends its own; or None.
        cookies: of the run's jar, none of them expired.
        last_url: of the last request of the workflow.
    """

    tokens: Mapping[str, Token] = field(default_factory=dict)
    challenge: str | None = None
    idempotency_key: str | None = None
    cookies: tuple[StoredCookie, ...] = ()
    last_url: str = ""


def prepare(step: PlannedStep, scope: Scope, options: RunOptions, held: Held | None = None) -> Prepared | TokenWanted:
    """Build the request of a step that calls an operation, or say that it takes a token first.

    Raises:
        StepError: it cannot be sent (V1, V6, H2, H3, H4).
    """
    operation = step.operation
    if operation is None:
        raise StepError("request-invalid", f"the step {step.step_id!r} calls no operation")
    held = held or Held()
    credentials = _credentials(step, options, scope)
    filled = filled_by(operation, credentials)
    given = [*arguments(step, operation, scope, filled), *_idempotency(step, operation, held)]
    target = serialize(operation, given, filled)
    if step.url is None:
        server = server_url(operation, options.servers, source=step.server_source)
    else:
        from arazzo_runner.openapi.request.direct_urls import direct_url

        server, target.path = direct_url(step.url.value.resolve(scope), step.url.text, held.last_url), ""
    _add_kept(target, held.cookies, server + target.path)
    applied = apply_security(operation, credentials, target)
    applied.add_to(target)
    target.headers += _added_headers(step, options, target.headers)
    keys: list[str] = []
    for need in applied.needs:
        if need.kind is NeedKind.DIGEST_ANSWER:
            continue
        key = token_key(step.server_source, need)
        if key not in held.tokens:
            return TokenWanted(need, key, endpoint_of(need, server))
        target.headers.append(("Authorization", f"Bearer {held.tokens[key].value}"))
        keys.append(key)
    headers = list(target.headers)
    names = {name.lower() for name, _ in headers}
    content: bytes | None = None
    body = _payload(step.body, operation, scope, dict(headers)) if step.body is not None else None
    if body is None and operation.body_required:
        raise StepError(
            "missing-value",
            f"the operation {operation.label} requires a body, and the step gives none",
            place=None if step.body is None else step.body.spot.place,
            expression=None if step.body is None else _lone_expression(step.body.payload),
        )
    if body is not None:
        encoded = encode_body(operation, *body)
        content = encoded.content
        target.warnings += (encoded.warning,) if encoded.warning else ()
        if "content-type" not in names or encoded.content_type.startswith("multipart/"):
            headers = [pair for pair in headers if pair[0].lower() != "content-type"]
            headers.append(("Content-Type", encoded.content_type))
    if "accept" not in names:
        headers.append(("Accept", step.accept))
    url = server + target.path
    if target.query:
        url += f"{'&' if '?' in url else '?'}{target.query}"
    request = Request(operation.method, url, tuple(headers), content)
    identity = _digest(request)
    for need in applied.needs:
        if need.kind is NeedKind.DIGEST_ANSWER and held.challenge is not None:
            answer = digest_answer(held.challenge, need.credential, request)
            request = replace(request, headers=(*request.headers, ("Authorization", answer)))
    return Prepared(request, target.sent, identity, tuple(target.warnings), tuple(keys))


def _credentials(step: PlannedStep, options: RunOptions, scope: Scope) -> Credentials:
    """The credentials of the run, those of the step's ``x-security`` first (H1)."""
    if not step.credentials:
        return options.credentials
    from arazzo_runner.engine.x_security import with_given

    return with_given(options.credentials, step.credentials, scope)


def _add_kept(target: SerializedParameters, jar: Sequence[StoredCookie], url: str) -> None:
    """Add the cookies of the jar that the step does not send itself (H6)."""
    if not jar:
        return
    from arazzo_runner.openapi.request.cookies import cookies_for

    written = [value for name, value in target.headers if name.lower() == "cookie"]
    own = {pair.partition("=")[0].strip() for value in written for pair in value.split(";")}
    kept = [(name, value) for name, value in cookies_for(jar, url, 0.0) if name not in own]
    if kept:
        text = "; ".join([*written, *(f"{name}={value}" for name, value in kept)])
        target.headers = [*(pair for pair in target.headers if pair[0].lower() != "cookie"), ("Cookie", text)]


def _added_headers(step: PlannedStep, options: RunOptions, headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The fields of ``--header`` for the step's source; those that it sends already stay as they are (H6)."""
    sent = {name.lower() for name, _ in headers}
    return [
        (name, header_text(name, value))
        for source, name, value in options.headers
        if source in ("", step.server_source) and name.lower() not in sent
    ]


def _idempotency(step: PlannedStep, operation: Operation, held: Held) -> list[Argument]:
    """The header for the attempt's idempotency key, when the operation declares one and the step sends none itself."""
    name = idempotency_header(operation)
    if name is None or held.idempotency_key is None:
        return []
    own = any(p.location == "header" and p.name.lower() == name.lower() for p in step.parameters)
    return [] if own else [Argument(name, "header", held.idempotency_key)]


def takes_digest(step: PlannedStep, options: RunOptions) -> bool:
    """Return whether a digest credential is given for a scheme that the step's operation asks for."""
    operation = step.operation
    if operation is None:
        return False
    asked = {name for alternative in operation.security for name in alternative}
    return any(
        str(operation.schemes[name].definition.get("scheme", "")).lower() == "digest"
        and options.credentials.get(name) is not None
        for name in asked & operation.schemes.keys()
    )


def arguments(
    step: PlannedStep, operation: Operation, scope: Scope, filled: Collection[tuple[str, str]] = ()
) -> list[Argument]:
    """The values of a step's parameters; those without one are left out (V1).

    Args:
        filled: the locations and names that credentials fill, which are never missing.

    Raises:
        StepError: ``missing-value``: the operation requires a parameter whose expression has no value.
    """
    result = []
    for parameter in step.parameters:
        value = resolved_parameter(parameter, scope)
        location = parameter.location or "query"
        if value is UNDEFINED or value is None:
            if is_required(operation, parameter, filled):
                what = "null" if value is None else "no value"
                raise StepError(
                    "missing-value",
                    f"the {location} parameter {parameter.name!r} is required by {operation.label}, "
                    f"and {parameter.text} has {what}",
                    place=parameter.spot.place,
                    expression=_lone_expression(parameter.value),
                )
            continue
        result.append(Argument(parameter.name, location, value))
    return result


def is_required(operation: Operation, parameter: PlannedParameter, filled: Collection[tuple[str, str]] = ()) -> bool:
    """Return whether the operation cannot be called without a parameter's value (V1).

    Args:
        filled: the locations and names that credentials fill.
    """
    location = parameter.location or "query"
    if location == "path" and f"{{{parameter.name}}}" in operation.path:
        return True
    spec = operation.parameter(parameter.name, location)
    return spec is not None and spec.is_needed(filled)


def resolved_parameter(parameter: PlannedParameter, scope: Scope) -> Any:
    """The value of a parameter, or ``UNDEFINED``.

    Raises:
        StepError: it is text that is built from a missing value (V1).
    """
    try:
        return parameter.value.resolve(scope)
    except StepError as error:
        message = f"the parameter {parameter.name!r}: {error.message}"
        place = parameter.spot.place
        raise StepError(error.code, message, hint=error.hint, place=place, expression=error.expression) from None


def _lone_expression(value: CompiledValue) -> Expression | None:
    """The expression that a value is, or the only one in it."""
    nodes = [node for _, leaf in leaves(value) for node in expressions_of(leaf)]
    return nodes[0] if len(nodes) == 1 else None


def inputs_of(parameters: Sequence[PlannedParameter], scope: Scope) -> dict[str, Any]:
    """The inputs that parameters give to a workflow (F7); those without a value are left out."""
    pairs = ((parameter.name, resolved_parameter(parameter, scope)) for parameter in parameters)
    return {name: value for name, value in pairs if value is not UNDEFINED}


def _payload(
    body: PlannedBody, operation: Operation, scope: Scope, headers: Mapping[str, str]
) -> tuple[str, Any] | None:
    """The content type and the payload, replacements made; None for no body (V1)."""
    given = body.content_type or next((v for name, v in headers.items() if name.lower() == "content-type"), None)
    payload = body.payload.resolve(scope)
    content_type = choose_content_type(operation, given, {} if payload is UNDEFINED else payload)
    if is_json(content_type):
        payload = body.json_payload.resolve(scope)
    if payload is UNDEFINED:
        return None
    for replacement in body.replacements:
        value = replacement.value.resolve(scope)
        if value is not UNDEFINED:
            payload = apply_replacement(
                payload, replacement.target, value, content_type=content_type, selector=replacement.selector
            )
    return content_type, payload


def _digest(request: Request) -> str:
    head = f"{request.method} {request.url}\n".encode("utf-8", "surrogateescape")
    return hashlib.sha256(head + (request.body or b"")).hexdigest()[:32]


def judge(criteria: Sequence[CompiledCriterion], scope: Scope) -> list[CriterionOutcome]:
    """Ask every criterion; none decides for another, so that all can be shown."""
    outcomes = []
    for criterion in criteria:
        verdict = criterion.check(scope)
        source = criterion.source
        outcomes.append(CriterionOutcome(source.condition, source.type.type, verdict.passed, verdict.detail))
    return outcomes


def choose(
    actions: Sequence[PlannedAction], scope: Scope, retries: Mapping[str, int]
) -> tuple[int, PlannedAction] | None:
    """The first action whose criteria all pass and, for a retry, whose limit is not used up (F1, F4)."""
    for index, action in enumerate(actions):
        if action.type == "retry" and retries.get(str(index), 0) >= action.retry_limit:
            continue
        if all(criterion.check(scope).passed for criterion in action.criteria):
            return index, action
    return None


def used_up(actions: Sequence[PlannedAction], scope: Scope, retries: Mapping[str, int]) -> list[PlannedAction]:
    """The retry actions that would be taken if their limits were not used up (F4)."""
    return [
        action
        for index, action in enumerate(actions)
        if action.type == "retry"
        and 0 < action.retry_limit <= retries.get(str(index), 0)
        and all(criterion.check(scope).passed for criterion in action.criteria)
    ]


def outputs_of(outputs: Sequence[tuple[str, CompiledValue]], scope: Scope) -> tuple[dict[str, Any], dict[str, Absence]]:
    """The outputs that have a value, and what was there instead of those that have none."""
    values: dict[str, Any] = {}
    absent: dict[str, Absence] = {}
    for name, compiled in outputs:
        try:
            value = compiled.resolve(scope)
        except StepError:
            value = UNDEFINED
        if value is UNDEFINED:
            absent[name] = absence_of(compiled, scope)
        else:
            values[name] = value
    return values, absent


def retry_after(response: Response | None, now: float) -> float | None:
    """Read a ``Retry-After`` header, in seconds from ``now``: its two forms, seconds and date (F4)."""
    text = response.header("Retry-After") if response is not None else None
    if text is None:
        return None
    text = text.strip()
    if text.isdecimal():
        return float(text) if len(text) < 12 else 1e12
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
