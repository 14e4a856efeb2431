"""Text that gives itself away (S1): names of secrets, and credentials in URLs.

A name is a secret's when it has a word of ``SECRET_WORDS`` or two in a row of ``SECRET_PAIRS``, in the singular or the
plural, and in whatever case; a long one also when it is run together with what stands before it (``hftoken``). It is
not when it describes or counts: its last word is one of ``ABOUT``, or the plural stands behind one of ``COUNTING``.

The module stands below everything, so that no error, wherever it is raised, holds what a URL was given to log in with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import unquote

from msgspec import Struct

MASK = "[redacted]"
"""What stands in a secret's place; the same for all, so that it tells nothing, not even equality."""

CUT = "…"
"""What stands where a text that was too long to show has been cut: before it, the beginning of a secret may stand."""

SECRET_WORDS = frozenset(
    {
        *("token", "secret", "password", "passwd", "passphrase", "passcode", "pwd", "pswd", "pin", "otp", "totp"),
        *("credential", "authorization", "bearer", "jwt", "mnemonic", "ssn", "cvv", "cvc"),
    }
)
"""Words that make a name a secret's, wherever they stand in it."""
SECRET_PAIRS = frozenset(
    {
        *(
            (of, "key")
            for of in ("api", "private", "access", "secret", "encryption", "decryption", "signing", "master")
        ),
        *((of, "key") for of in ("license", "licence", "subscription", "function", "account", "shared", "client")),
        *(("session", "id"), ("mfa", "code"), ("auth", "code"), ("code", "verifier"), ("connection", "string")),
        ("x", "auth"),
    }
)
"""The same of two words in a row. ``key``, ``code`` and ``id`` alone say nothing."""
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
"""The header fields, in lower case, whose values are secrets whatever they are."""
SIGNATURES = frozenset({"sig", "signature", "key"})
"""Parameters of URLs that let whoever has them in, beside those whose names say that they are secrets."""
ABOUT = frozenset(
    {
        *("endpoint", "uri", "url", "type", "count", "supported", "method", "length", "limit", "expires", "expiry"),
        *("expiration", "at", "in", "policy", "name", "hint", "strength", "required", "enabled", "status", "scope"),
        *("format", "lifetime", "ttl"),
    }
)
"""Last words of names that tell about a secret and do not name one: ``token_count``, ``tokenEndpoint``."""
COUNTING = frozenset(
    {
        *("max", "min", "num", "number", "total", "n", "count", "prompt", "completion", "input", "output", "cached"),
        *("reasoning", "thinking", "used", "remaining", "available", "audio", "text", "image", "video", "prediction"),
        *("accepted", "rejected", "generated", "new", "limit", "budget", "per"),
    }
)
"""Words with which a plural is a number of things: ``maxTokens``, ``prompt_tokens``."""

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORDS = re.compile(r"[^\W\d_]+|[0-9]+")
_MIN_ENDING = 5
"""A shorter word is not looked for at the end of another: ``shipping`` has no PIN."""
_ENDINGS = tuple(sorted(word for word in SECRET_WORDS if len(word) >= _MIN_ENDING))
_JOINED = {"".join(pair) for pair in SECRET_PAIRS if len("".join(pair)) >= _MIN_ENDING}
_WORDS_IN_ASCII = tuple(word.encode() for word in SECRET_WORDS)
_PAIRS_IN_ASCII = tuple((first.encode(), second.encode()) for first, second in SECRET_PAIRS)
_RUN_TOGETHER = (*_ENDINGS, *sorted(_JOINED))
IsSecret: TypeAlias = Callable[[str], bool]
"""Tells of a name whether its value is a secret."""

_USER = re.compile(r"""(?<=://)[^/\s"'<>]+@""")
_PARAMETER = re.compile(r"""([?&;#])([^=&;#?\s"'<>]+)=([^&;#\s"'<>]+)""")


def cut(text: str, limit: int) -> str:
    """A text of so many characters at most, and a sign that more was there."""
    return text if len(text) <= limit else f"{text[:limit]}{CUT}"


@lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case: camelCase, snake_case and kebab-case taken apart."""
    return tuple(word.lower() for word in _WORDS.findall(_BOUNDARY.sub(" ", name)))


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Return whether a name says that its value is secret: ``hfToken``, but not ``maxTokens`` or ``token_count``."""
    words = [word for word in _words(name) if not word.isdigit()]
    return not _tells_about(words) and any(_is_secret(words, index) for index in range(len(words)))


def _tells_about(words: Sequence[str]) -> bool:
    """Return whether the last of a name's words says that the name describes something."""
    return bool(words) and _singular(words[-1]) in ABOUT


def _is_secret(words: Sequence[str], index: int) -> bool:
    """Return whether a word is a secret's: by itself, with the one before it, or by what it ends with."""
    word = _singular(words[index])
    pair = (_singular(words[index - 1]), word) if index else ("", word)
    found = word in SECRET_WORDS or pair in SECRET_PAIRS
    before = [*words[:index], "" if found else _before_ending(word)]
    found = found or word.endswith(_RUN_TOGETHER)
    is_plural = words[index] != word
    return found and not (is_plural and COUNTING.intersection(before))


def _before_ending(word: str) -> str:
    """The beginning of a word that ends with another one that is a secret's: ``hf`` of ``hftoken``."""
    return next((word.removesuffix(ending) for ending in _RUN_TOGETHER if word.endswith(ending)), "")


def _is_among(name: str, names: Sequence[str]) -> bool:
    """Return whether a name is one of those given, in whatever spelling."""
    words = _words(name)
    return any(_words(other) == words for other in names)


class SecretNames(Struct, frozen=True):
    """The names that are a secret's: by the words in them, and by what the user says (S1).

    A name that the user gives means every spelling of it: ``deviceId`` is also ``device_id`` and ``Device-Id``.

    Attributes:
        secret: names that are a secret's, whatever their words say (``--secret``).
        not_secret: names that are none (``--not-secret``).
    """

    secret: tuple[str, ...] = ()
    not_secret: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Return whether a value of that name is a secret."""
        if not self.secret and not self.not_secret:
            return is_secret_name(name)
        return not self.denies(name) and (_is_among(name, self.secret) or is_secret_name(name))

    def denies(self, name: str) -> bool:
        """Return whether the user says that a name is not a secret's."""
        return _is_among(name, self.not_secret)

    def may_stand_in(self, text: bytes) -> bool:
        """Return whether a text may have such a name in it: quick, and never wrong when it says no."""
        if b"\\u" in text or b"\0" in text or not all(name.isascii() for name in self.secret):
            return True  # written as escapes, or not in ASCII
        lower = text.lower()
        # Loops, since this is asked of every answer: generators would take four times as long.
        for word in _WORDS_IN_ASCII:
            if word in lower:
                return True
        for first, second in _PAIRS_IN_ASCII:
            if first in lower and second in lower:
                return True
        return any(all(word.encode() in lower for word in _words(name)) for name in self.secret)


BY_WORDS = SecretNames()
"""The names that are a secret's by their words alone."""


def shown(value: Struct, *, without: Collection[str]) -> str:
    """Return the representation of a value whose other fields may be secrets, for ``__repr__``.

    Args:
        without: the names of the fields that are left out.
    """
    fields = (f"{name}={getattr(value, name)!r}" for name in value.__struct_fields__ if name not in without)
    return f"{type(value).__name__}({', '.join(fields)})"


def without_credentials(text: str) -> str:
    """Text with user and password of every URL in it masked, and parameters that say that they are secret."""
    if "://" not in text:
        return text
    return _PARAMETER.sub(_parameter, _USER.sub(f"{MASK}@", text))


def _parameter(match: re.Match[str]) -> str:
    name = unquote(match[2])
    is_secret = is_secret_name(name) or any(word in SIGNATURES for word in _words(name))
    return f"{match[1]}{match[2]}={MASK}" if is_secret else match[0]
