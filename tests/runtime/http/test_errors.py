"""Words for what the system says and that loopback never does."""

from __future__ import annotations

import errno
import ssl

import httpcore2
import pytest

from arazzo_runner.runtime.http.errors import Progress, explain


def certificate_error(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


def caused(outer: Exception, cause: BaseException) -> Exception:
    outer.__cause__ = cause
    return outer


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (OSError(errno.EHOSTUNREACH, "…"), "a.example cannot be reached: no route to host"),
        (OSError(errno.EMFILE, "…"), "a.example cannot be reached: too many open files"),
        (
            ExceptionGroup("all", [OSError(1000), ConnectionRefusedError()]),
            "a.example refused the connection on port 8",
        ),
        (certificate_error(9, ""), "the TLS certificate of a.example is not valid yet: is this machine's clock right?"),
        (certificate_error(18, ""), "the TLS certificate of a.example is self-signed (--ca-bundle FILE"),
        (certificate_error(23, "certificate revoked"), "a.example is not valid: certificate revoked (--ca-bundle"),
        (tls_error("TLSV1_ALERT_PROTOCOL_VERSION"), "TLS with a.example failed: tlsv1 alert protocol version"),
        (tls_error("SSLV3_ALERT_HANDSHAKE_FAILURE"), "(--client-cert gives it a certificate)"),
        (ssl.SSLEOFError(8, "…"), "no connection to a.example, port 8"),
        (OSError(1000, "…"), "no connection to a.example, port 8"),
    ],
)
def test_what_is_behind_an_error_is_said(cause: BaseException, words: str) -> None:
    progress = Progress("a.example", 8, "a.example", 8, 10, 60)
    assert words in explain(caused(httpcore2.ConnectError("hunter2"), cause), progress)


def test_an_error_that_is_its_own_cause_comes_to_an_end() -> None:
    first, second = httpcore2.ReadError("hunter2"), OSError(1000)
    first.__cause__, second.__context__ = second, first
    progress = Progress("a.example", 8, "a.example", 8, 10, 60, answered=True, received=5)
    assert explain(first, progress) == "a.example broke the connection off, after 5 bytes of the body"
