"""Credentials as they are given: by scheme or by environment variable, as a token or as a pair (H5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct, field

PARTS = ("token", "identity", "secret", "client_id", "client_secret")
"""What a credential is made of, by attribute; where it was given is not a part of it."""
SECRET_PARTS = ("token", "secret", "client_secret")
"""Those that are secret. Of a pair the token is its text as a whole; who somebody is says less than it would hide."""


class Credential(Struct, frozen=True):
    """A credential for a scheme: a token, a pair, or a text that the scheme reads as one of them.

    Nothing of it is shown: what looks like a user's name may be half of a key.

    Attributes:
        token: an API key or token.
        identity: a user's name or a client's id.
        secret: the password or client secret.
        client_id, client_secret: of the client on whose behalf a user's password is sent (OAuth 2's password flow).
        origin: where it was given: an option, a file, an environment variable.
    """

    token: str | None = None
    identity: str | None = None
    secret: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    origin: str = ""

    def __repr__(self) -> str:
        return "Credential()"

    @property
    def is_pair(self) -> bool:
        """Return whether it has both halves of a pair."""
        return self.identity is not None and self.secret is not None


def parse_credential(text: str, *, origin: str = "") -> Credential:
    """A credential as it is typed: ``TOKEN``, ``USER:PASSWORD`` or ``ID:SECRET``.

    The scheme decides which it is: the text of a pair is kept as a token too, since API keys may contain colons.

    Args:
        origin: where it was given.
    """
    token = text.strip()
    identity, colon, secret = token.partition(":")
    return Credential(token, identity, secret, origin=origin) if colon else Credential(token, origin=origin)


def environment_variable(scheme: str) -> str:
    """The variable that holds a scheme's credential: upper case, ``_`` for what is not an ASCII letter or digit."""
    return "ARAZZO_AUTH_" + re.sub(r"[^A-Z0-9]", "_", scheme.upper())


class Credentials(Struct, frozen=True):
    """Credentials by scheme name.

    Attributes:
        by_scheme: given by name (``--auth``, a credentials file); they come first.
        by_variable: given by environment variable, the key its whole name.
        certificate: whether the transport has a client certificate, which is all that mutual TLS asks for.
    """

    by_scheme: Mapping[str, Credential] = field(default_factory=dict)
    by_variable: Mapping[str, Credential] = field(default_factory=dict)
    certificate: bool = False

    def get(self, scheme: str) -> Credential | None:
        """The credential for a scheme, or None."""
        return self.by_scheme.get(scheme) or self.by_variable.get(environment_variable(scheme))

    def secrets(self) -> Iterator[str]:
        """Every value that nothing may show (S1)."""
        for credential in (*self.by_scheme.values(), *self.by_variable.values()):
            given = (getattr(credential, part) for part in SECRET_PARTS)
            yield from (value for value in given if value is not None)
