"""Applications of this process: every server of the descriptions leads into one, and nothing else is sent anywhere."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Self, TypeAlias
from urllib.parse import urlsplit

from arazzo_runner.documents.near_names import did_you_mean
from arazzo_runner.effects import Answered, Failed, Request, Send
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.http import wsgi
from arazzo_runner.runtime.http.asgi import Asgi
from arazzo_runner.runtime.http.carriage import Carriage, Notes
from arazzo_runner.runtime.http.errors import NETWORK_ERRORS, AttemptOver, Refused
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.http.portal import Portal, PortalWorld
from arazzo_runner.runtime.http.requests import Hosts, target_of

Application: TypeAlias = Callable[..., Any]
"""An ASGI application (FastAPI, Starlette, Django's) or a WSGI one (Flask, Django)."""

Applications: TypeAlias = Application | Mapping[str, Application]
"""One application for all servers, or applications by the names of sources or by URLs."""

HOST = "testserver"
"""The host of an application whose description names no server, as Django and Starlette call it in tests."""


def is_asgi(app: Application) -> bool:
    """Return whether an application is ASGI; else it is WSGI.

    Raises:
        UsageError: it is neither.
    """
    if not callable(app):
        raise UsageError(f"app= takes an ASGI or WSGI application, not a value of the type {type(app).__name__}")
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(app, "__call__", None)):  # noqa: B004
        return True
    try:
        wanted = [
            parameter
            for parameter in inspect.signature(app).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        return False
    return len(wanted) == 3


def by_name(apps: Applications) -> dict[str, Application]:
    """The applications by name; a single one by the empty name.

    Raises:
        UsageError: there is none.
    """
    found = dict(apps) if isinstance(apps, Mapping) else {"": apps}
    if not found:
        raise UsageError("app= names no application")
    return found


def bases(apps: Applications) -> dict[str, str]:
    """The URLs that relative servers are resolved against, by source; see ``ServerOptions.bases``."""
    names = [name for name in by_name(apps) if "://" not in name]
    return {name: f"http://{name.lower()}.{HOST}/" if len(names) > 1 else f"http://{HOST}/" for name in names}


def document_of(apps: Applications, url: str) -> bytes:
    """Get a document from the application that is at its URL; its lifespan is not begun for it.

    Raises:
        OSError: it cannot be had; the text says why, for a person.
    """
    routes = Routes(apps, iter([("", url)] if "" in by_name(apps) else []), list(by_name(apps)))
    effect = Send(Request("GET", url, (("Accept", "application/json, application/yaml, */*;q=0.5"),)))
    try:
        app = routes.of(url)
    except Refused as error:
        raise OSError(f"{error}; for a file: sources={{'NAME': 'openapi.yaml'}}") from None
    if is_asgi(app):
        with Portal() as portal:
            opened = {id(app): Asgi(app)}
            answer: Answered | Failed = portal.call(AsgiWorld(routes, TransportOptions(), opened).send(effect))
    else:
        answer = WsgiWorld(routes, TransportOptions()).send(effect)
    if isinstance(answer, Failed):
        raise OSError(answer.message)
    if answer.response.status != 200:
        raise OSError(f"the application answers {answer.response.status}")
    return answer.response.body


class Routes:
    """The applications that requests lead into, by the URLs of servers.

    Args:
        apps: by the names of sources or by URLs.
        servers: URLs with the source that each belongs to, as ``reachable_urls.servers_of`` gives them.

    Raises:
        UsageError: a name is not a source's, a source has no application, or two applications would have the same URL.
    """

    def __init__(self, apps: Applications, servers: Iterator[tuple[str, str]], sources: list[str]) -> None:
        self.apps = by_name(apps)
        unknown = [name for name in self.apps if name and "://" not in name and not _is_named(name, sources)]
        if unknown:
            hint = did_you_mean(unknown[0], sources, "sources")
            raise UsageError(f"app= names {unknown[0]!r}, and no step uses a source of that name", hint=hint)
        self._by_prefix: dict[tuple[str, str], Application] = {}
        for name, app in self.apps.items():
            if "://" in name:
                self._add(name, app)
        without: dict[str, None] = {}
        for source, url in servers:
            named = self.apps.get(source) or self.apps.get(source.rpartition(".")[2]) or self.apps.get("")
            if named is not None:
                self._add(url, named)
            elif self._found(url) is None:
                without[source] = None
        if without:
            missing = ", ".join(f"{source!r}: …" for source in without)
            message = f"app= has no application for the source {next(iter(without))!r}, and nothing is sent elsewhere"
            raise UsageError(message, hint=f"add it: app={{{missing}}}")

    def of(self, url: str) -> Application:
        """The application that a URL leads into.

        Raises:
            Refused: it leads into none.
        """
        app = self._found(url)
        if app is None:
            origin = "{}://{}:{}".format(*target_of(url).origin)
            raise Refused(
                f"{origin} is not a server of the application, and nothing is sent elsewhere;"
                f" to lead it into one: app={{{origin!r}: …}}"
            )
        return app

    def _found(self, url: str) -> Application | None:
        origin, path = _place(url)
        matching = [
            (len(prefix), app)
            for (known, prefix), app in self._by_prefix.items()
            if known == origin and (path == prefix or path.startswith(f"{prefix.rstrip('/')}/"))
        ]
        if matching:
            return max(matching, key=lambda found: found[0])[1]
        # A token URL, or a link in an answer, stands beside the path of the server.
        beside = {id(app): app for (known, _), app in self._by_prefix.items() if known == origin}
        return next(iter(beside.values())) if len(beside) == 1 else None

    def _add(self, url: str, app: Application) -> None:
        try:
            place = _place(url)
        except Refused:
            return  # a relative URL, or one with variables: what it becomes is added as well
        if self._by_prefix.setdefault(place, app) is not app:
            shown = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}{urlsplit(url).path}"
            hint = "give one of the sources another server: ServerOptions({'NAME': 'http://…'})"
            raise UsageError(f"two applications would be at {shown}", hint=hint)


def _is_named(name: str, sources: list[str]) -> bool:
    return any(name in (source, source.rpartition(".")[2]) for source in sources)


def _place(url: str) -> tuple[str, str]:
    target = target_of(url)
    return "{}://{}:{}".format(*target.origin), target.path.partition("?")[0]


class _ApplicationWorld:
    def __init__(self, routes: Routes, options: TransportOptions, notes: Notes | None = None) -> None:
        self.routes = routes
        self.options = options
        self.notes = notes or Notes()
        self._hosts = Hosts(options.allowed_hosts, options.named_hosts)

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def attempt(self, effect: Send) -> Carriage:
        """Begin an attempt."""
        return Carriage(effect, self.options, self._hosts, peer="the application")


class WsgiWorld(_ApplicationWorld):
    """WSGI applications, called in the caller's thread (``drivers.World``)."""

    def noting(self, notes: Notes) -> Self:
        """Return the same world, with the notes of one run."""
        return type(self)(self.routes, self.options, notes)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def send(self, effect: Send) -> Answered | Failed:
        """Let an application answer."""
        attempt = self.attempt(effect)
        try:
            while True:
                app = self.routes.of(attempt.hops.request.url)
                if answer := attempt.answer(*wsgi.exchange(app, attempt, self.notes)):
                    return answer
        except (AttemptOver, *NETWORK_ERRORS) as error:
            return attempt.failed(error)


class AsgiWorld(_ApplicationWorld):
    """Applications of which one is ASGI, in the running loop (``drivers.AsyncWorld``); WSGI ones run in threads."""

    def __init__(
        self, routes: Routes, options: TransportOptions, opened: Mapping[int, Asgi], notes: Notes | None = None
    ) -> None:
        super().__init__(routes, options, notes)
        self._opened = opened

    def noting(self, notes: Notes) -> Self:
        """Return the same world, with the notes of one run."""
        return type(self)(self.routes, self.options, self._opened, notes)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def send(self, effect: Send) -> Answered | Failed:
        """Let an application answer."""
        attempt = self.attempt(effect)
        try:
            while True:
                app = self.routes.of(attempt.hops.request.url)
                if asgi := self._opened.get(id(app)):
                    answered = await asgi.exchange(attempt, self.notes)
                else:
                    answered = await asyncio.to_thread(wsgi.exchange, app, attempt, self.notes)
                if answer := attempt.answer(*answered):
                    return answer
        except (AttemptOver, *NETWORK_ERRORS) as error:
            return attempt.failed(error)


@asynccontextmanager
async def open_applications(routes: Routes, options: TransportOptions) -> AsyncIterator[AsgiWorld]:
    """Open the applications in the running loop, their lifespans begun.

    Raises:
        UsageError: one does not start, or is not an application.
    """
    async with AsyncExitStack() as stack:
        once = {id(app): app for app in routes.apps.values() if is_asgi(app)}
        opened = {key: await stack.enter_async_context(Asgi(app)) for key, app in once.items()}
        yield AsgiWorld(routes, options, opened)


@contextmanager
def open_applications_here(routes: Routes, options: TransportOptions) -> Iterator[WsgiWorld | PortalWorld]:
    """Open the applications for a synchronous run: ASGI ones live in a loop in another thread.

    Raises:
        UsageError: one does not start, or is not an application.
    """
    if not any(map(is_asgi, routes.apps.values())):
        yield WsgiWorld(routes, options)
        return
    with Portal() as portal:
        opening = open_applications(routes, options)
        world = portal.call(_entered(opening))
        try:
            yield PortalWorld(portal, world)
        finally:
            portal.call(_left(opening))


async def _entered(opening: Any) -> AsgiWorld:
    world: AsgiWorld = await opening.__aenter__()
    return world


async def _left(opening: Any) -> None:
    await opening.__aexit__(None, None, None)
