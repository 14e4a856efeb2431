"""Addresses of Temporal clusters: ``temporal://HOST:PORT/NAMESPACE``."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

from msgspec import Struct

from arazzo_runner.errors import UsageError

FORM = "temporal://HOST:PORT/NAMESPACE"
QUEUE = "arazzo"


class Engine(Struct, frozen=True):
    """A Temporal namespace and the queue that its workers for Arazzo runs listen to.

    Attributes:
        target: ``HOST:PORT``.
        tls: whether the connection is encrypted, as those to Temporal Cloud are.
    """

    target: str
    namespace: str
    queue: str = QUEUE
    tls: bool = False

    def __str__(self) -> str:
        return f"temporal://{self.target}/{self.namespace}"

    @property
    def address(self) -> str:
        """The word of ``--engine`` for this cluster."""
        options = {"queue": self.queue} if self.queue != QUEUE else {}
        options |= {"tls": "true"} if self.tls else {}
        return f"{self}?{urlencode(options)}" if options else str(self)


def parse_engine(text: str) -> Engine:
    """The cluster that ``--engine`` names; ``?queue=NAME`` and ``?tls=true`` may follow.

    Raises:
        UsageError: it has another form.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise _malformed(text) from None
    namespace = parts.path.strip("/")
    known = options.keys() <= {"queue", "tls"} and options.get("tls", "false") in ("true", "false")
    if parts.scheme != "temporal" or not parts.hostname or not known or "/" in namespace or parts.username:
        raise _malformed(text)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Engine(
        f"{host}:{port or 7233}", namespace or "default", options.get("queue") or QUEUE, options.get("tls") == "true"
    )


def _malformed(text: str) -> UsageError:
    shown = text if "@" not in text else "(not shown)"
    return UsageError(f"--engine {shown}: expected {FORM}", hint="for a trial: temporal://127.0.0.1:7233/default")
