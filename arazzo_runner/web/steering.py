"""Runs started, held, continued and ended from a page. Each is a durable run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from arazzo_runner.effects import MASK, Response
from arazzo_runner.engine.inputs import check_inputs
from arazzo_runner.engine.plan import Plan
from arazzo_runner.errors import InvalidInputs, UsageError
from arazzo_runner.openapi.auth.credentials import Credentials
from arazzo_runner.openapi.request.servers import ServerOptions
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.durable.pausing import Brake
from arazzo_runner.runtime.durable.resuming import OpenDecision, open_decision
from arazzo_runner.runtime.durable.runs import check_row, new_id
from arazzo_runner.runtime.durable.setup import RunSetup
from arazzo_runner.runtime.run.carriers import Carrier
from arazzo_runner.runtime.runners.handles import RunOrder
from arazzo_runner.runtime.runners.journal_engine import JournalEngine, JournalHandle, reading_runs
from arazzo_runner.serving.offers import Grounds, Offer
from arazzo_runner.web.input_forms import PREFIX, typed_inputs
from arazzo_runner.web.run_watch import RunWatch, RunWatches
from arazzo_runner.web.site import PageRefused, WebSite

AT_ONCE = 0.4
"""Seconds in which a resumed run says that it cannot go on."""
SERVER = "server."
"""Begins the names of the fields of servers."""


class Steering:
    """Starts and steers the runs of a site."""

    def __init__(self, site: WebSite, watches: RunWatches) -> None:
        self._site = site
        self._watches = watches

    # Starting

    def start(self, offer: Offer, form: Mapping[str, str], *, paused: bool = False) -> str:
        """Start a run with what was typed into its form; return its id.

        Args:
            paused: hold it before its first request.

        Raises:
            InvalidInputs: they break the workflow's schema; nothing is stored.
            ArazzoError: it cannot be started; nothing was sent.
        """
        chosen, inputs = prepared(offer, form)
        if paused and not isinstance(self._site.engine, JournalEngine):
            raise UsageError("a run of a cluster cannot be held", hint="start it without pausing it")
        carrier = Carrier(chosen.transport)
        order = RunOrder(
            chosen.workbook, chosen.plan, inputs, carrier, self._site.check, (), f"web-{new_id()}", paused=paused
        )
        handle = self._site.engine.start(order)
        self._watches.begun(handle)
        return handle.id

    # Steering

    def pause(self, watch: RunWatch) -> None:
        """Hold a run before its next request or wait.

        Raises:
            PageRefused: another process drives it.
        """
        self._brake(watch).pause()

    def step(self, watch: RunWatch) -> None:
        """Let a held run do one thing.

        Raises:
            PageRefused: another process drives it.
        """
        self._brake(watch).step()

    def go_on(self, watch: RunWatch) -> None:
        """Let a held run go on.

        Raises:
            PageRefused: another process drives it.
        """
        self._brake(watch).go_on()

    def _brake(self, watch: RunWatch) -> Brake:
        brake = brake_of(watch)
        if brake is None:
            message = "this server does not drive the run, so that it cannot hold it"
            raise PageRefused(409, message, hint="only runs that were started or resumed here can be paused")
        return brake

    def cancel(self, watch: RunWatch) -> None:
        """End a run.

        Raises:
            JournalError: it has ended.
        """
        self._site.engine.cancel(watch.handle.id)
        watch.look()

    def resume(self, watch: RunWatch, form: Mapping[str, str], decision: Decision | None = None) -> None:
        """Resume a run that has stopped.

        Args:
            form: has its secret inputs, which no journal keeps.

        Raises:
            ArazzoError: it cannot be resumed.
        """
        again = SecretsOfForm(self._site, form)
        handle = self._site.engine.resume(watch.handle.id, again, decision=decision)
        watch.follow(handle)
        with suppress(TimeoutError):
            handle.wait(AT_ONCE)  # a decision that cannot be carried out is an error right away
        watch.look()

    def branch(self, run_id: str, number: int, form: Mapping[str, str], *, paused: bool) -> str:
        """Start a new run from before an attempt of another one; return its id.

        Raises:
            ArazzoError: it cannot be started; nothing was sent.
        """
        engine = self._site.engine
        if not isinstance(engine, JournalEngine):
            raise UsageError("only a run of a journal can be run from the middle", hint="run it again from the start")
        handle = engine.branch(run_id, number, SecretsOfForm(self._site, form), paused=paused)
        self._watches.begun(handle)
        return handle.id


def prepared(offer: Offer, form: Mapping[str, str]) -> tuple[Offer, dict[str, Any]]:
    """Return an offer with the servers that a form chooses, and the inputs, checked.

    Raises:
        InvalidInputs: they break the workflow's schema.
        ArazzoError: the workflow cannot be run so.
    """
    chosen = with_servers(offer, form)
    inputs = typed_inputs(chosen.plan, form, chosen.given)
    check_row(chosen.plan, inputs)
    return chosen, inputs


def with_servers(offer: Offer, form: Mapping[str, str]) -> Offer:
    """Return an offer whose requests go to the servers that a form names."""
    urls = {name.removeprefix(SERVER): url.strip() for name, url in form.items() if name.startswith(SERVER)}
    urls = {source: url for source, url in urls.items() if url}
    if not urls:
        return offer
    options = offer.grounds.options
    servers = ServerOptions({**options.servers.urls, **urls}, options.servers.variables, options.servers.bases)
    grounds = Grounds(replace(options, servers=servers), offer.grounds.transport, offer.grounds.inputs)
    return Offer(offer.name, offer.workbook, offer.workflow, grounds)


def brake_of(watch: RunWatch) -> Brake | None:
    """Return the brake of a run that this process drives; None of any other."""
    return watch.handle.brake if isinstance(watch.handle, JournalHandle) else None


class SecretsOfForm:
    """Gives the secrets of a run again (``SecretsAgain``): those typed into a form, and those of the server's person.

    Args:
        form: fields of inputs by their names.
        mask: give a mask for what is missing: for a run that is only looked at.
    """

    def __init__(self, site: WebSite, form: Mapping[str, str], *, mask: bool = False) -> None:
        self._site = site
        self._form = form
        self._mask = mask

    def __repr__(self) -> str:
        # A form has secrets (S1).
        return "<secrets of a form>"

    def inputs(self, run_id: str, setup: RunSetup, plan: Plan) -> dict[str, Any]:  # noqa: ARG002 - of the protocol
        """Return the inputs that the run asks for again.

        Raises:
            InvalidInputs: one is missing or breaks the schema.
        """
        known = self._site.given_again(setup.workflow_id, setup.document)
        found = {name: known[name] for name in setup.asked if name in known}
        found |= {name: value for name, value in typed_inputs(plan, self._form, {}).items() if name in setup.asked}
        missing = [name for name in setup.asked if name not in found]
        if missing and not self._mask:
            errors = [f"{name} is needed again: a journal keeps no secret" for name in missing]
            raise InvalidInputs("secrets of this run are missing", errors, hint="type them into the form")
        found |= dict.fromkeys(missing, MASK)
        if not self._mask:
            schema = plan.workflow.input_schema
            values = {**setup.inputs, **found}
            if errors := check_inputs(schema, values, secret=frozenset(found), names=plan.options.secret_names):
                raise InvalidInputs("the secrets of this run are wrong", errors)
        return found

    def credentials(self, run_id: str, setup: RunSetup) -> Credentials:  # noqa: ARG002 - of the protocol
        """Return the credentials of the person who runs the server."""
        from arazzo_runner.openapi.auth.credentials import parse_credential

        offers = self._site.offers
        given = next(iter(offers.values())).grounds.options.credentials if offers else Credentials()
        schemes = [name.removeprefix("--auth ") for name in setup.credentials if name.startswith("--auth ")]
        missing = [name for name in schemes if name not in given.by_scheme]
        if missing and not self._mask:
            message = f"the run needs the credential for {missing[0]} again: a journal keeps no secret"
            raise UsageError(message, hint=f"start the server with it: arazzo web --auth {missing[0]}=VALUE")
        by_scheme = {**given.by_scheme, **{name: parse_credential(MASK) for name in missing}}
        return replace(given, by_scheme=by_scheme, certificate=setup.options.credentials.certificate)


def setup_of(site: WebSite, run_id: str) -> RunSetup | None:
    """Return how a run of a journal was started; None of a cluster's."""
    if not isinstance(site.engine, JournalEngine):
        return None
    with reading_runs(site.engine) as runs:
        return runs.setup(run_id)


def decision_about(site: WebSite, run_id: str) -> OpenDecision | None:
    """Return what has to be decided before a run of a journal can be resumed; None when nothing has to be."""
    if not isinstance(site.engine, JournalEngine):
        return None
    with reading_runs(site.engine) as runs:
        return open_decision(runs, run_id)


def decision_of(form: Mapping[str, str]) -> Decision:
    """Return the decision that the form of an ambiguous request or message says.

    Raises:
        UsageError: it says none.
    """
    match form.get("decision"):
        case "resend":
            return Decision(resend=True, accept_missed=accepts_missed(form))
        case "skip":
            has_body = form.get("with-body") == "yes" or bool(form.get("body"))
            answer = Response(200) if form.get("message") == "yes" else _answer(form)
            return Decision(answer=answer, with_body=has_body, accept_missed=accepts_missed(form))
        case _:
            raise UsageError("nothing was chosen", hint="choose whether the request was carried out")


def accepts_missed(form: Mapping[str, str]) -> bool:
    """Return whether a form says to continue although messages may have come while nobody listened (M20)."""
    return form.get("accept-missed") == "yes"


def _answer(form: Mapping[str, str]) -> Response:
    status = form.get("status", "").strip()
    if not (status.isascii() and status.isdigit() and 100 <= int(status) <= 599):
        raise UsageError(f"{status!r} is not a status", hint="write the number that the server answered, such as 201")
    body = form.get("body", "").replace("\r\n", "\n")
    if not body:
        return Response(int(status))
    try:
        json.loads(body)
    except ValueError:
        return Response(int(status), (("Content-Type", "text/plain; charset=utf-8"),), body.encode())
    return Response(int(status), (("Content-Type", "application/json"),), body.encode())


def secret_fields(setup: RunSetup) -> list[tuple[str, str]]:
    """Return the secret inputs that a run asks for again: the name of the field, and of the input."""
    return [(PREFIX + name, name) for name in setup.asked]
