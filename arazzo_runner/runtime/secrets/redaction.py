"""Secrets never leave (S1): what is a secret, and the masking of everything that is written.

A ``Redactor`` learns secrets before anything can print them: from inputs, credentials, requests and responses. Reports,
cassettes, journals and errors get what it has masked, never anything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qsl, unquote, unquote_plus, urlencode, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.documents.input_schemas import declared, input_schema
from arazzo_runner.documents.text.json_reader import is_deeper
from arazzo_runner.documents.text.reading_rules import MAX_DEPTH_OF_VALUES
from arazzo_runner.effects import MASK, Access, Headers, Message, Request, Response
from arazzo_runner.runtime.secrets.encodings import (
    MIN_LENGTH,
    Beginnings,
    inside_credentials,
    is_word,
    named_in_data,
    named_in_text,
)
from arazzo_runner.runtime.secrets.finder import Finder
from arazzo_runner.runtime.secrets.plain_data import PLAIN, mapped, numbers_in, strings_in, values_named
from arazzo_runner.secrecy import BY_WORDS, CUT, SECRET_HEADERS, IsSecret, SecretNames, is_secret_name

NO_SECRETS = frozenset({"true", "false", "null", "bearer", "basic", "dpop"})
"""What no secret is, whatever carries it: ``Access-Control-Allow-Credentials: true`` would mask every ``true``, and
``"token_type": "Bearer"`` every ``Bearer``."""
_BEHIND_HOST = re.compile("[/?#]")
MAX_LEARNED = 4096
"""How many secrets of answers are remembered; the oldest is forgotten first, so that a long run stays small."""

_WIDE = ("utf-32", "utf-16", "utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
"""Encodings in which no text is seen as ASCII; the first two go by the mark at the beginning."""
Event = TypeVar("Event")


def secret_inputs(schema: Any, names: Iterable[str], is_secret: IsSecret = is_secret_name) -> frozenset[str]:
    """Return the names of secret inputs: by name, or by ``format: password`` in their schema."""
    return frozenset(
        name for name in names if is_secret(name) or input_schema(schema, name).get("format") == "password"
    )


Learning: TypeAlias = Callable[[str, bool], None]
"""Called with a secret, and whether it came in an answer."""


class Redactor:
    """Knows the secrets of a run and masks them.

    Args:
        names: the names that are a secret's.

    Attributes:
        remember: is called with every secret as it is learned, and whether it came in an answer.
    """

    def __init__(self, names: SecretNames = BY_WORDS) -> None:
        self.remember: Learning = lambda _text, _answered: None
        self._names = names
        self._given: dict[str, None] = {}
        self._learned: dict[str, None] = {}
        self._headers: set[str] = set(SECRET_HEADERS)
        self._queries: set[str] = set()
        self._inputs: frozenset[str] = frozenset()
        self._finder: Finder | None = None
        self._given_finder: Finder | None = None
        self._beginnings: Beginnings | None = None
        self._numbers: frozenset[int | float] = frozenset()
        self._number_pattern: re.Pattern[str] | None = None
        self._own: frozenset[str] = frozenset()

    @property
    def secret_names(self) -> frozenset[str]:
        """The names of the inputs that are secrets."""
        return self._inputs

    # Learning

    def learn(self, *values: Any) -> None:
        """Take values for secrets: strings, and the strings inside arrays and objects."""
        for text in strings_in(values):
            self._add(self._given, text)

    def learn_inputs(self, schema: Any, inputs: Mapping[str, Any], also: Iterable[str] = ()) -> None:
        """Take the secret ones of a workflow's inputs, nested ones too.

        Args:
            also: names of inputs that are secrets for another reason than their name or schema.
        """
        self._inputs |= secret_inputs(schema, {**dict.fromkeys(declared(schema)), **inputs}, self._names.has).union(
            also
        )
        self._own |= frozenset(strings_in(dict(inputs)))
        secrets = [
            *(inputs[name] for name in self._inputs if name in inputs),
            *values_named(dict(inputs), self._names.has),
        ]
        self.learn(*secrets)
        self._numbers |= {number for number in numbers_in(secrets) if len(str(number)) >= MIN_LENGTH}
        if self._numbers:
            digits = "|".join(re.escape(str(number)) for number in self._numbers)
            self._number_pattern = re.compile(rf"(?<![\w.])(?:{digits})(?![\w.])")

    def learn_headers(self, *names: str) -> None:
        """Take headers for secret whatever their value, such as a security scheme's."""
        self._headers.update(name.lower() for name in names)

    def learn_queries(self, *names: str) -> None:
        """Take query parameters for secret whatever their value, such as a security scheme's."""
        self._queries.update(names)

    def learn_request(self, request: Request) -> None:
        """Take what a request sends in its secret headers and query parameters, and the password of its URL.

        A cookie that the user has not given, but the document or an answer, is not secret from the user: the outputs on
        stdout show it (S1).
        """
        if "@" in request.url and (password := urlsplit(request.url).password):
            self.learn(password, unquote(password))
        if (self._queries or self._names.secret) and "?" in request.url:
            pairs = parse_qsl(urlsplit(request.url).query, encoding="utf-8", errors="surrogateescape")
            self.learn(*(value for name, value in pairs if self._is_secret_query(name)))
        for name, value in request.headers:
            if name.lower() in self._headers:
                # Of a cookie header the values are secrets, and the names are not: another parameter may be called so.
                whole = () if name.lower() == "cookie" else (value,)
                for text in (*whole, *inside_credentials(name, value)):
                    if name.lower() != "cookie" or text in self._own:
                        self._add(self._given, text)
                    elif not is_word(text):
                        self._add(self._learned, text)

    def learn_response(self, response: Response) -> None:
        """Take what an answer brings: cookies, and members and parameters with a secret name.

        What is a word is masked in its own place only: as a secret it would be found where it is none.
        """
        found: list[str] = []
        for name, value in response.headers:
            if name.lower() == "set-cookie":
                found.append(value.partition(";")[0].partition("=")[2].strip())
            elif self._names.has(name):
                found.append(value)
            elif "=" in value or ":" in value:
                found += named_in_text(value, self._names.has)
        if response.body and self._names.may_stand_in(response.body):
            data = _parsed(response.body)
            text = response.body.decode("utf-8", "surrogateescape") if data is None else ""
            found += [*named_in_data(data, self._names.has), *named_in_text(text, self._names.has)]
        for text in found:
            if not is_word(text):
                self._add(self._learned, text)

    def learn_access(self, access: Access) -> None:
        """Take a broker's credentials, and what secret headers and queries of its handshake have."""
        self.learn(*access.secrets())
        self.learn_request(Request("GET", f"/?{urlencode(access.queries)}", access.headers))

    def learn_message(self, message: Message) -> None:
        """Take what a message carries in secret headers, and what members with a secret name have."""
        for name, value in message.headers:
            if name.lower() in self._headers:
                self.learn(value, *inside_credentials(name, value))
        self.learn_response(Response(200, message.headers, message.payload))

    def recall(self, learned: Iterable[tuple[str, bool]]) -> None:
        """Take what ``remember`` was called with, perhaps in another process."""
        for text, answered in learned:
            self._add(self._learned if answered else self._given, text)

    def _add(self, known: dict[str, None], text: str) -> None:
        if len(text) < MIN_LENGTH or text.lower() in NO_SECRETS:
            return
        if text in self._given or text in self._learned:
            return
        known[text] = None
        self.remember(text, known is self._learned)
        self._finder = self._given_finder = self._beginnings = None
        if known is self._learned and len(known) > MAX_LEARNED:
            del known[next(iter(known))]

    # Masking

    def text(self, text: str) -> str:
        """The text with every secret masked: however it is encoded, and its beginning where the text was cut."""
        if self._number_pattern is not None:
            text = self._number_pattern.sub(MASK, text)
        if not self._given and not self._learned:
            return text
        count = len(self._given) + len(self._learned)
        finder = self._finder
        if finder is None:
            finder = self._finder = Finder((*self._given, *self._learned))
        masked = finder.masked(text)
        if CUT in masked:
            beginnings = self._beginnings
            if beginnings is None:
                beginnings = self._beginnings = Beginnings((*self._given, *self._learned))
            masked = beginnings.masked(masked)
        if count != len(self._given) + len(self._learned):
            self._finder = self._beginnings = None  # another thread has learned meanwhile
        return masked

    def outputs(self, value: Any) -> Any:
        """Outputs for stdout: data that the user asked for, in which only the user's own secrets are masked (S1)."""
        if not self._given:
            return value
        if self._given_finder is None:
            self._given_finder = Finder(self._given)
        return mapped(value, self._given_finder.masked)

    def data(self, value: Any) -> Any:
        """Plain data with every secret masked, keys too."""
        return mapped(value, self.text, self._numbers)

    def inputs(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs for a report: the secret ones masked whatever they are, short ones and numbers too."""
        masked: dict[tuple[int, bool], Any] = {}  # outputs that are one value are masked once
        for name, value in inputs.items():
            key = (id(value), self._names.has(name))
            if key not in masked:
                masked[key] = self._named(value, is_secret=key[1])
        has = self._names.has
        return {n: MASK if n in self._inputs else masked[id(value), has(n)] for n, value in inputs.items()}

    def answer(self, value: Any) -> Any:
        """Plain data that came in an answer: members with a secret name masked whatever they are."""
        return self._named(value, is_secret=False)

    def _named(self, value: Any, *, is_secret: bool) -> Any:
        """Return a value of a member, masked.

        Args:
            is_secret: the member's name says so.
        """
        match value:
            case None | bool():
                return value
            case dict():
                has = self._names.has
                return {self.text(key): self._named(item, is_secret=has(key)) for key, item in value.items()}
            case list() if is_secret or self._numbers:
                return [self._named(item, is_secret=is_secret) for item in value]
            case list():
                return [item if type(item) in PLAIN else self._named(item, is_secret=False) for item in value]
            case _:
                return MASK if is_secret else self.data(value)

    def headers(self, headers: Headers) -> Headers:
        """Header fields, secret ones masked whole and cookies but for their names."""
        return tuple((name, self._header(name, value)) for name, value in headers)

    def _header(self, name: str, value: str) -> str:
        folded = name.lower()
        if folded == "cookie":
            pairs = (pair.partition("=") for pair in value.split(";"))
            return "; ".join(f"{name.strip()}={MASK}" if sign else MASK for name, sign, _ in pairs)
        if folded in self._headers:
            return MASK
        if folded == "set-cookie":
            pair, semicolon, attributes = value.partition(";")
            return f"{pair.partition('=')[0]}={MASK}{semicolon}{self.text(attributes)}"
        return MASK if self._names.has(name) and value.lower() not in NO_SECRETS else self.text(value)

    def body(self, body: bytes, *, answer: bool = False) -> bytes:
        """A body with every secret masked; of an answer the members with a secret name too."""
        if answer and self._names.may_stand_in(body):
            data = _parsed(body)
            followed = isinstance(data, (dict, list)) and not is_deeper(data, MAX_DEPTH_OF_VALUES)
            masked = self.answer(data) if followed else data
            if masked != data:
                text = json.dumps(masked, ensure_ascii=False, separators=(",", ":"))
                body = text.encode("utf-8", "backslashreplace")  # half of a surrogate pair, as JSON escapes it
        if self._numbers and isinstance(data := _parsed(body), (dict, list)):
            masked = mapped(data, str, self._numbers)
            body = body if masked == data else json.dumps(masked, ensure_ascii=False, separators=(",", ":")).encode()
        text = body.decode("utf-8", "surrogateescape")
        masked_text = self.text(text)
        if masked_text != text:
            body = masked_text.encode("utf-8", "surrogateescape")
        for encoding in _WIDE if b"\0" in body else ():
            with suppress(UnicodeError):
                wide = body.decode(encoding)
                if (masked_wide := self.text(wide)) != wide:
                    return masked_wide.encode(encoding)
        return body

    def url(self, url: str) -> str:
        """A URL with every secret masked, and still one: without user and password, and no bracket in its host."""
        scheme, slashes, rest = url.partition("://")
        if not slashes:
            return self.text(url)
        behind = _BEHIND_HOST.search(rest)
        end = behind.start() if behind else len(rest)
        host = self.text(rest[:end].rpartition("@")[2]).replace(MASK, MASK.strip("[]"))
        return scheme + slashes + host + self._query(self.text(rest[end:]))

    def _query(self, rest: str) -> str:
        """Return the part behind a URL's host, secret parameters masked whatever their value."""
        if not (self._queries or self._names.secret) or "?" not in rest:
            return rest
        path, mark, query = rest.partition("?")
        return path + mark + "&".join(map(self._parameter, query.split("&")))

    def _parameter(self, pair: str) -> str:
        name, sign, value = pair.partition("=")
        return name + sign + (MASK if self._is_secret_query(unquote_plus(name)) else value)

    def _is_secret_query(self, name: str) -> bool:
        """Return whether a query parameter is a secret's: a security scheme's, or one that the user names."""
        return name in self._queries or (bool(self._names.secret) and self._names.has(name))

    def request(self, request: Request) -> Request:
        """A request with every secret masked."""
        body = None if request.body is None else self.body(request.body)
        return Request(request.method, self.url(request.url), self.headers(request.headers), body)

    def response(self, response: Response) -> Response:
        """A response with every secret masked."""
        return Response(response.status, self.headers(response.headers), self.body(response.body, answer=True))

    def message(self, message: Message) -> Message:
        """A message with every secret masked, whether the run has sent it or taken it."""
        masked: Message = self._struct(
            replace(message, payload=self.body(message.payload, answer=True), headers=self.headers(message.headers))
        )
        return masked

    def event(self, event: Event, *, details: bool = True) -> Event:
        """An event of a run with every secret masked, whatever it is made of.

        Args:
            details: whether requests and responses have their header fields and bodies, which take longest to mask.
        """
        masked: Event = self._field("", event, details=details)
        return masked

    def _struct(self, value: Any, *, details: bool = True) -> Any:
        changes = {}
        for name in value.__struct_fields__:
            before = getattr(value, name)
            kind = type(before)
            if kind in PLAIN:
                continue
            after = self.text(before) if kind is str else self._field(name, before, details=details)
            if after is not before:
                changes[name] = after
        return replace(value, **changes) if changes else value

    def _field(self, name: str, value: Any, *, details: bool) -> Any:
        match value:
            case str():
                return self.text(value)
            case Request():
                return self.request(value) if details else Request(value.method, self.url(value.url))
            case Response():
                return self.response(value) if details else Response(value.status, (), b"")
            case Message():
                return self.message(value) if details else self._struct(replace(value, payload=b"", headers=()))
            case Struct():
                return self._struct(value, details=details)
            case Mapping() if name in ("inputs", "outputs"):
                return self.inputs(value) if value else value
            case tuple():
                return tuple(self._field(name, item, details=details) for item in value) if value else value
            case _:
                return self.data(value)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
