"""Carriers of a run's requests: our own transport, a client of the user's, or applications of this process."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from types import TracebackType
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.drivers import AsyncWorld, World

if TYPE_CHECKING:
    from arazzo_runner.runtime.brokers.mailroom import KeptPlaces
    from arazzo_runner.runtime.http.applications import Applications, Routes
    from arazzo_runner.runtime.http.carriage import Notes
    from arazzo_runner.runtime.http.clients import HttpClient
    from arazzo_runner.runtime.http.options import TransportOptions
    from arazzo_runner.runtime.run.session import Session


class Carrier(Struct, frozen=True, eq=False):
    """The sender of the requests of runs: at most one of a client and an application, else our own transport.

    Args:
        transport: the options of our transport; the hosts, limits and redirects of the others.

    Raises:
        UsageError: they contradict each other.
    """

    transport: TransportOptions | None = None
    client: HttpClient | None = None
    app: Applications | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts."""
        if self.client is not None and self.app is not None:
            raise UsageError("client= and app= exclude one another: an application needs no client")
        if self.client is not None:
            from arazzo_runner.runtime.http.clients import is_async_client, refuse_client_options

            is_async_client(self.client)
            refuse_client_options(self.transport)
        if self.app is not None:
            from arazzo_runner.runtime.http.applications import by_name, is_asgi

            for app in by_name(self.app).values():
                is_asgi(app)

    def __repr__(self) -> str:
        return f"<carrier: {self.kind or 'transport'}>"

    @property
    def options(self) -> TransportOptions:
        """The options of the transport."""
        from arazzo_runner.runtime.http.options import TransportOptions

        return self.transport or TransportOptions()

    @property
    def kind(self) -> str:
        """``client`` or ``app``; empty for our own transport, which any process can open again."""
        return "client" if self.client is not None else "app" if self.app is not None else ""

    def run_options(self, options: RunOptions) -> RunOptions:
        """The options of a run: an application needs no server of its description (H2)."""
        if self.app is None:
            return options
        from arazzo_runner.runtime.http.applications import bases

        return replace(options, servers=replace(options.servers, bases={**bases(self.app), **options.servers.bases}))

    @contextmanager
    def open(self, plan: Plan) -> Iterator[World]:
        """Open the world of synchronous runs of a plan.

        Raises:
            UsageError: an option cannot be used, or an application does not start.
        """
        if self.app is not None:
            from arazzo_runner.runtime.http.applications import open_applications_here

            with open_applications_here(self._routes(plan), self.reaching(plan)) as world:
                yield world
        elif self.client is not None:
            yield self._client_world()
        else:
            from arazzo_runner.runtime.http.transport import open_transport

            with open_transport(self.options) as transport:
                yield transport

    @asynccontextmanager
    async def aopen(self, plan: Plan) -> AsyncIterator[AsyncWorld]:
        """Open the world of asynchronous runs of a plan; see ``open``."""
        if self.app is not None:
            from arazzo_runner.runtime.http.applications import open_applications

            async with open_applications(self._routes(plan), self.reaching(plan)) as world:
                yield world
        elif self.client is not None:
            yield self._async_client_world()
        else:
            from arazzo_runner.runtime.http.async_transport import open_async_transport

            async with open_async_transport(self.options) as transport:
                yield transport

    @contextmanager
    def open_for(self, session: Session) -> Iterator[World]:
        """Open the world of one synchronous run: as it looks at it, its messages included; see ``open``."""
        plan = session.plan
        with (
            self.open(plan) as world,
            messaging(plan, as_seen_by(session, world), self.reaching(plan), session.kept) as whole,
        ):
            yield whole

    @asynccontextmanager
    async def aopen_for(self, session: Session) -> AsyncIterator[AsyncWorld]:
        """Open the world of one asynchronous run; see ``open_for``."""
        plan = session.plan
        async with (
            self.aopen(plan) as world,
            async_messaging(plan, as_async_seen_by(session, world), self.reaching(plan), session.kept) as whole,
        ):
            yield whole

    def _routes(self, plan: Plan) -> Routes:
        from arazzo_runner.engine.demands.reachable_urls import servers_of
        from arazzo_runner.runtime.http.applications import Routes

        sources = sorted({step.server_source for step, _ in plan.operations()})
        assert self.app is not None  # noqa: S101 - for the type checker
        return Routes(self.app, servers_of(plan), sources)

    def reaching(self, plan: Plan) -> TransportOptions:
        """The options with the servers that a plan's documents name among the hosts that may be reached."""
        from arazzo_runner.engine.demands.reachable_urls import destinations

        return self.options.naming(*destinations(plan))

    def _client_world(self) -> World:
        from arazzo_runner.runtime.http.clients import AsyncClientWorld, ClientWorld, is_async_client
        from arazzo_runner.runtime.http.portal import PortalWorld, shared_portal

        assert self.client is not None  # noqa: S101 - for the type checker
        if is_async_client(self.client):
            return PortalWorld(shared_portal(), AsyncClientWorld(self.client, self.options))
        return ClientWorld(self.client, self.options)

    def _async_client_world(self) -> AsyncWorld:
        from arazzo_runner.runtime.http.clients import AsyncClientWorld, ClientWorld, is_async_client
        from arazzo_runner.runtime.http.portal import ThreadedWorld

        assert self.client is not None  # noqa: S101 - for the type checker
        if is_async_client(self.client):
            return AsyncClientWorld(self.client, self.options)
        return ThreadedWorld(ClientWorld(self.client, self.options))


def messaging(
    plan: Plan, world: World, options: TransportOptions, kept: KeptPlaces | None = None
) -> AbstractContextManager[World]:
    """The world of one synchronous run, with a mailroom when its plan has steps over messages (M4).

    Args:
        kept: of a run that continues in later processes (M20).
    """
    if not plan.has_messages:
        return nullcontext(world)
    from arazzo_runner.runtime.run.messaging import with_messages

    return with_messages(plan, world, options, kept=kept)


def async_messaging(
    plan: Plan, world: AsyncWorld, options: TransportOptions, kept: KeptPlaces | None = None
) -> AbstractAsyncContextManager[AsyncWorld]:
    """The world of one asynchronous run; see ``messaging``."""
    if not plan.has_messages:
        return nullcontext(world)
    from arazzo_runner.runtime.run.messaging import with_messages_async

    return with_messages_async(plan, world, options, kept=kept)


def notes_of(session: Session) -> Notes:
    """The notes of a run: secrets that a client sends are learned, and errors of an application are logged (S1)."""
    from arazzo_runner.runtime.http.carriage import Notes

    def troubled(said: str, error: BaseException) -> None:
        import logging

        from arazzo_runner.runtime.http.asgi import LOGGER

        text = "".join(traceback.format_exception(type(error), error, _behind_us(error.__traceback__)))
        shown = session.redactor.text(f"the application raised while it answered {said}\n{text}")
        logging.getLogger(LOGGER).error("%s", shown)

    return Notes(session.redactor.learn_request, troubled)


def _behind_us(frames: TracebackType | None) -> TracebackType | None:
    """The frames of the application, without those of ours that called it."""
    while frames is not None and frames.tb_frame.f_globals.get("__name__", "").startswith("arazzo_runner."):
        frames = frames.tb_next
    return frames


def as_seen_by(session: Session, world: World) -> World:
    """A world that runs share, as one of them uses it."""
    from arazzo_runner.runtime.http.carriage import noted

    return noted(world, notes_of(session))


def as_async_seen_by(session: Session, world: AsyncWorld) -> AsyncWorld:
    """An asynchronous world that runs share, as one of them uses it."""
    from arazzo_runner.runtime.http.carriage import async_noted

    return async_noted(world, notes_of(session))
