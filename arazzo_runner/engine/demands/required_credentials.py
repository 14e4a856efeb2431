"""The credentials that a plan's steps ask for, what there is of them, and how to give the rest (H5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.engine.plan import Plan, PlannedStep
from arazzo_runner.errors import StepError, as_typed
from arazzo_runner.openapi.auth.credentials import Credential, Credentials, environment_variable
from arazzo_runner.openapi.auth.security import (
    Alternative,
    CredentialStatus,
    NeedKind,
    alternatives_of,
    choose_alternative,
)
from arazzo_runner.openapi.auth.tokens import endpoint_of
from arazzo_runner.openapi.operations import ApiDescription, Operation
from arazzo_runner.openapi.request.parameters import SerializedParameters

if TYPE_CHECKING:
    from arazzo_runner.asyncapi.descriptions import AsyncDescription
    from arazzo_runner.engine.planned_messages import PlannedExchange

_CERTIFICATE = "--client-cert"
_CERTIFICATES = frozenset({"X509", "mutualTLS"})


class SchemeAccess(Struct, frozen=True):
    """A security scheme that a step's operation asks for. No part of a credential is in it (S1).

    Attributes:
        kind: what it is, in a few words: ``http bearer``, ``apiKey in header X-Key``.
        origin: where its credential was given: an option, a file or an environment variable; None when it was not.
        reason: why the credential that was given does not fit, or None.
        options: what to type to give it, each a way of its own.
        variable: the environment variable that gives it, or None.
    """

    name: str
    kind: str
    scopes: tuple[str, ...]
    standing: CredentialStatus
    origin: str | None
    reason: str | None
    options: tuple[str, ...]
    variable: str | None


class StepAccess(Struct, frozen=True):
    """The credentials that a step's operation asks for.

    Attributes:
        alternatives: each the schemes that are needed together; empty when nothing is asked for.
        chosen: the index of the alternative that is met, or None.
    """

    workflow_id: str
    step_id: str
    title: str
    alternatives: tuple[tuple[SchemeAccess, ...], ...]
    chosen: int | None

    @property
    def is_met(self) -> bool:
        """Return whether the step has what it needs."""
        return not self.alternatives or self.chosen is not None


def _with_own(step: PlannedStep, credentials: Credentials) -> Credentials:
    """The credentials with those that the step's ``x-security`` gives when it is reached (H1)."""
    given = Credential("given", "given", "given", origin="x-security")
    own = {one.scheme: given for one in step.credentials}
    return replace(credentials, by_scheme={**credentials.by_scheme, **own}) if own else credentials


def access_of(plan: Plan) -> tuple[StepAccess, ...]:
    """Return what every step that the plan reaches asks for, the workflow that was asked for first."""
    keys = [plan.entry, *(key for key in plan.workflows if key != plan.entry)]
    return tuple(
        access
        for key in keys
        for step in plan.workflows[key].steps
        if (access := _access(plan.workflows[key].workflow_id, step, plan.options.credentials)) is not None
    )


def _access(workflow_id: str, step: PlannedStep, credentials: Credentials) -> StepAccess | None:
    if step.operation is not None:
        return _step_access(workflow_id, step, step.operation, _with_own(step, credentials))
    if step.exchange is not None:
        return _broker_access(workflow_id, step, step.exchange, credentials)
    return None


def scheme_names(plan: Plan) -> frozenset[str]:
    """The security schemes that the descriptions of the plan's operations define, or its operations ask for."""
    operations = [operation for _, operation in plan.operations()]
    asked = {name for operation in operations for alternative in operation.security for name in alternative}
    asked |= {name for _workflow, _step, exchange in plan.exchanges() for name in exchange.server.security}
    return frozenset(asked.union(*(operation.schemes for operation in operations)))


def broker_schemes(api: AsyncDescription) -> frozenset[str]:
    """The security schemes of a description's servers."""
    return frozenset(name for server in api.servers.values() for name in server.security)


def defined_schemes(api: ApiDescription) -> frozenset[str]:
    """The security schemes that a description defines, whether or not an operation of it is used."""
    operation = api.at(api.index[0].pointer) if api.index else None
    return frozenset(operation.schemes if operation is not None else ())


def _step_access(workflow_id: str, step: PlannedStep, operation: Operation, credentials: Credentials) -> StepAccess:
    asked = alternatives_of(operation, credentials, _sent_by(step))
    chosen = choose_alternative(asked)
    if chosen is not None and _impossible(chosen):
        chosen = None
    return StepAccess(
        workflow_id,
        step.step_id,
        step.title,
        tuple(tuple(_schemes(alternative, credentials)) for alternative in asked),
        None if chosen is None else asked.index(chosen),
    )


def _broker_access(
    workflow_id: str, step: PlannedStep, exchange: PlannedExchange, credentials: Credentials
) -> StepAccess:
    """The schemes of a broker, any of which is enough (M18)."""
    server, given = exchange.server, exchange.access
    alternatives = []
    for name in server.security:
        definition = server.schemes.get(name, {})
        credential = credentials.get(name)
        is_certificate = definition.get("type") in _CERTIFICATES
        is_met = name not in given.reasons
        origin = _CERTIFICATE if is_certificate and credentials.certificate else None
        if credential is not None:
            origin = credential.origin
        alternatives.append(
            (
                SchemeAccess(
                    name,
                    str(definition.get("type", "not defined by the description")),
                    (),
                    CredentialStatus.GIVEN if is_met and name == given.scheme else CredentialStatus.MISSING,
                    origin,
                    given.reasons.get(name) if origin is not None else None,
                    () if name == given.scheme else tuple(_broker_options(name, definition)),
                    None if name == given.scheme or is_certificate else environment_variable(name),
                ),
            )
        )
    chosen = server.security.index(given.scheme) if given.scheme else None
    return StepAccess(workflow_id, step.step_id, step.title, tuple(alternatives), chosen)


def _broker_options(name: str, definition: Mapping[str, Any]) -> Iterator[str]:
    kind = str(definition.get("type", ""))
    if kind in _CERTIFICATES:
        yield f"{_CERTIFICATE} FILE"
        return
    pair = kind in ("userPassword", "plain", "scramSha256", "scramSha512") or definition.get("scheme") == "basic"
    yield as_typed("--auth", f"{name}={'USER:PASSWORD' if pair else 'TOKEN'}")


def _sent_by(step: PlannedStep) -> SerializedParameters:
    """Return the names of what the step itself sends, as far as a plan knows them."""
    sent = SerializedParameters("", "")
    for parameter in step.parameters:
        match parameter.location:
            case "header":
                sent.headers.append((parameter.name, ""))
            case "cookie":
                sent.headers.append(("Cookie", f"{parameter.name}="))
            case "query":
                sent.query += f"&{quote(parameter.name)}="
    return sent


def _impossible(alternative: Alternative) -> dict[str, str]:
    """Why the tokens that an alternative takes cannot be had, by scheme: a run would end for it."""
    reasons = {}
    for need in alternative.applied().needs:
        if need.kind is not NeedKind.DIGEST_ANSWER:
            try:
                endpoint_of(need, "https://api.example")  # where the API is makes no difference
            except StepError as error:
                reasons[need.scheme.name] = error.message
    return reasons


def _schemes(alternative: Alternative, credentials: Credentials) -> Iterator[SchemeAccess]:
    reasons = alternative.reasons | _impossible(alternative)
    for name, scopes in alternative.schemes.items():
        scheme = alternative.operation.schemes.get(name)
        definition = scheme.definition if scheme is not None else {}
        standing = CredentialStatus.MISSING if name in reasons else alternative.standings[name]
        credential = credentials.get(name)
        origin = None if credential is None else credential.origin
        is_certificate = definition.get("type") == "mutualTLS"
        if is_certificate and credentials.certificate:
            origin = _CERTIFICATE
        yield SchemeAccess(
            name,
            _kind(definition),
            scopes,
            standing,
            origin,
            reasons.get(name),
            tuple(_options(name, definition)) if standing is CredentialStatus.MISSING else (),
            environment_variable(name) if standing is CredentialStatus.MISSING and not is_certificate else None,
        )


def _kind(definition: Mapping[str, Any]) -> str:
    match definition:
        case {"type": "apiKey", "in": place, "name": name}:
            return f"apiKey in {place} {name}"
        case {"type": "http", "scheme": scheme}:
            return f"http {str(scheme).lower()}"
        case {"type": "oauth2", "flows": dict(flows)} if flows:
            return f"oauth2 {' or '.join(flows)}"
        case {"type": kind}:
            return str(kind)
    return "not defined by the description"


def _options(name: str, definition: Mapping[str, Any]) -> Iterator[str]:
    """Return what to type, by what the scheme takes."""
    match definition:
        case {"type": "mutualTLS"}:
            yield f"{_CERTIFICATE} FILE"
            return
        case {"type": "apiKey"}:
            values = ["KEY"]
        case {"type": "http", "scheme": str(scheme)} if scheme.lower() in ("basic", "digest"):
            values = ["USER:PASSWORD"]
        case {"type": "oauth2", "flows": dict(flows)}:
            runs = [form for flow, form in _FLOWS.items() if flow in flows]
            values = ["TOKEN", *runs]
        case {"type": "openIdConnect"}:
            values = ["TOKEN", "ID:SECRET"]
        case _:
            values = ["TOKEN"]
    for value in dict.fromkeys(values):
        yield as_typed("--auth", f"{name}={value}")


_FLOWS: Mapping[str, str] = {"clientCredentials": "ID:SECRET", "password": "USER:PASSWORD"}
"""What the flows that the runner makes itself take; for the others a token is given."""
