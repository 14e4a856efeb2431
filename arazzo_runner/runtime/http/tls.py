"""TLS contexts: the authorities that are trusted, and the certificate of our own (H6)."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from arazzo_runner.documents.files import is_file, read_file
from arazzo_runner.errors import UsageError
from arazzo_runner.runtime.http.options import TransportOptions


def context_of(options: TransportOptions) -> ssl.SSLContext:
    """The context for connections that are encrypted from the first byte; see ``own_context``."""
    return own_context(options) or usual_context()


def own_context(options: TransportOptions) -> ssl.SSLContext | None:
    """The context for all connections of a client whose options ask for one of its own.

    Raises:
        UsageError: a file that the options name cannot be used.
    """
    if options.ca_bundle is None and options.client_cert is None and not options.insecure and not options.http2:
        return None
    bundle, own = options.ca_bundle, options.client_cert
    hint = "it must have the certificates of authorities in PEM form"
    context = _loaded("--ca-bundle", bundle, lambda: ssl.create_default_context(cafile=bundle), hint)
    if own:
        hint = "it must be in PEM form, the key without a pass phrase or in a file of its own: CERT:KEY"
        _loaded("--client-cert", own, lambda: _load_certificate(context, own), hint)
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@cache
def usual_context() -> ssl.SSLContext:
    """The context without options, shared by all clients of the process."""
    return ssl.create_default_context()


T = TypeVar("T")


def _load_certificate(context: ssl.SSLContext, path: str) -> None:
    """Load a client's certificate and its key, from one file or from CERT:KEY."""
    certificate, _, key = path.partition(":")
    try:
        context.load_cert_chain(certificate, key or None)
    except ssl.SSLError:
        if _lacks_key(key or certificate):
            hint = f"put the key into a file with the certificate, or name its own: --client-cert {certificate}:KEY"
            raise UsageError(f"--client-cert {path}: there is no key in {key or certificate}", hint=hint) from None
        raise


def _lacks_key(path: str) -> bool:
    """Return whether a file has a certificate and no key."""
    content = read_file(path) if is_file(path) else b""
    return b"BEGIN CERTIFICATE" in content and b"PRIVATE KEY" not in content


def _loaded(option: str, path: str | None, load: Callable[[], T], hint: str) -> T:
    try:
        return load()
    except FileNotFoundError:
        raise UsageError(f"{option} {path}: there is no such file", hint="check the path") from None
    except ssl.SSLError as error:
        reason = (error.reason or "no certificate in it").replace("_", " ").lower()
        raise UsageError(f"{option} {path}: {reason}", hint=hint) from None
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror or error}", hint="check the file") from None
