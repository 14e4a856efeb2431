"""Encodings of a secret (S1): for URLs, JSON or XML, in base64, cut short, or behind a telling name."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from html import unescape
from html.entities import codepoint2name
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from arazzo_runner.effects import MASK
from arazzo_runner.secrecy import CUT, IsSecret, is_secret_name

MIN_LENGTH = 4
"""A shorter value is masked in its own place only: it would be found everywhere."""
MIN_LENGTH_IN_TEXT = 8
"""A shorter value behind a secret name in text that is not JSON is taken for a word: ``password=must``."""


def _from_json(text: str) -> str:
    return str(json.loads(f'"{text}"'))


_NAMED: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(r"""(?<![\w.-])(?P<name>[\w.-]{1,200}+)=["']?(?P<value>[^&\s;,"'<>]+)"""), unquote_plus),
    (re.compile(r'"(?P<name>[^"\\]{1,200}+)"\s*+:\s*+"(?P<value>(?:[^"\\]|\\.){0,8000})"'), _from_json),
    (re.compile(r"(?m)^[ \t-]*+(?P<name>[\w.-]{1,200}+):[ \t]++(?:Bearer |Basic )?(?P<value>[^\s\"'{}\[\],]+)"), str),
    (re.compile(r"<(?P<name>[\w:.-]{1,200}+)[^<>]*+>(?:<!\[CDATA\[)?(?P<value>[^<>]+?)(?:\]\]>)?</"), unescape),
)
"""How a name and its value stand in text, and how the value is read. Each takes time in proportion to the text."""
_URL_PASSWORD = re.compile(r"://[^/\s:@\"'<>]{1,200}+:(?P<value>[^/\s@\"'<>]{1,200}+)@")
_WORD = re.compile(r"[A-Z]?[a-z]{1,12}|[A-Z]{1,12}")


def is_word(text: str) -> bool:
    """Return whether a text is a word, such as many answers have: it would be found where it is not a secret."""
    return _WORD.fullmatch(text) is not None


_BACKSLASH = r"(?:\\|%(?:25){0,4}5[cC])"
_SEMICOLON = "(?:;|%(?:25){0,4}3b)"
_HASH = "(?:#|%(?:25){0,4}23)"
_AMPERSAND = rf"(?:&|%(?:25){{0,4}}26|{_BACKSLASH}{{1,16}}+u0026)(?:amp{_SEMICOLON}){{0,4}}"
"""What a reference of XML consists of, as URLs and JSON write it."""
_ESCAPED = _BACKSLASH + "{0,16}+"
"""What JSON puts before a character, four times over; bounded, so that a run of backslashes costs what it is long."""


def forms_of(secrets: Iterable[str]) -> Iterator[str]:
    """The forms of secrets that ``written`` makes patterns of, those of the longest secret first, each once."""
    ordered = sorted(secrets, key=len, reverse=True)
    forms = (form for secret in ordered for form in _forms(secret) if len(form) >= MIN_LENGTH)
    return iter(dict.fromkeys(forms))


def _forms(secret: str) -> Iterator[str]:
    """A secret, as text that was read in the wrong encoding, and in base64 of whatever it was written as before."""
    for text in dict.fromkeys([secret, *_misread(secret)]):
        yield text
        for encoded in dict.fromkeys(_plainly_written(text)):
            yield from _in_base64(encoded)


def _misread(text: str) -> Iterator[str]:
    """UTF-8 read as Latin-1 or as what Windows takes for it, once and twice; none for ASCII, which stays as it is."""
    for _ in range(0 if text.isascii() else 2):
        raw = _bytes(text)
        with suppress(UnicodeDecodeError):
            yield raw.decode("cp1252")
        text = raw.decode("latin-1")
        yield text


def written(form: str) -> str:
    """Return a pattern of a form of a secret: as URLs, JSON and XML write it, also inside one another."""
    return "".join(map(_character, re.sub(r"\\+", r"\\", form)))


@cache
def _character(character: str) -> str:
    """A pattern of a character as URLs, JSON and XML write it, and what writes them inside one another."""
    if character.isascii() and (character.isalnum() or character in "_-.~"):
        return re.escape(character)
    if character == "\\":
        return rf"(?:{_BACKSLASH}{{1,64}}|(?i:{_AMPERSAND}{_HASH}(?:0{{0,8}}92|x0{{0,8}}5c){_SEMICOLON}))"
    code = ord(character)
    percent = "".join(f"%(?:25){{0,4}}{byte:02x}" for byte in _bytes(character))
    units = character.encode("utf-16-be", "surrogatepass").hex()
    escape = "".join(rf"{_BACKSLASH}{{1,16}}+u{units[index : index + 4]}" for index in range(0, len(units), 4))
    entities = [f"{_HASH}0{{0,8}}{code}", f"{_HASH}x0{{0,8}}{code:x}", *(["apos"] if character == "'" else [])]
    entities += [codepoint2name[code]] if code in codepoint2name else []
    forms = [re.escape(character), f"(?i:{percent}|{_AMPERSAND}(?:{'|'.join(entities)}){_SEMICOLON})"]
    short = json.dumps(character)[1:-1].removeprefix("\\")
    if len(short) == 1 and short.isalpha() and short != character:  # a line's end, written n
        forms.append(rf"(?<=[\\cC]){short}")
    if character == " ":
        forms.append(r"\+|(?i:%(?:25){0,4}2b)")
    if 0x80 <= code <= 0xFF:  # written as Latin-1, which is not an UTF-8
        forms.append(f"{chr(0xDC00 + code)}|(?i:%(?:25){{0,4}}{code:02x})")
    return f"(?:(?i:{escape})|{_ESCAPED}(?:{'|'.join(forms)}))"


class Beginnings:
    """Finds the beginnings of secrets in texts that were cut."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms: dict[str, list[str]] = {}
        for secret in secrets:
            for form in {secret, *_in_json(secret), *_in_base64(secret)}:
                self._forms.setdefault(form[:MIN_LENGTH], []).append(form)
        self._longest = max((len(form) for forms in self._forms.values() for form in forms), default=0)

    def masked(self, text: str) -> str:
        """The text, the beginning of a secret before each sign that something was cut masked."""
        *parts, last = text.split(CUT)
        return CUT.join([*map(self._masked, parts), last])

    def _masked(self, part: str) -> str:
        for start in range(max(0, len(part) - self._longest), len(part) - MIN_LENGTH + 1):
            known = self._forms.get(part[start : start + MIN_LENGTH], ())
            if any(form.startswith(part[start:]) for form in known):
                return part[:start] + MASK
        return part


def named_in_text(text: str, is_secret: IsSecret = is_secret_name) -> Iterator[str]:
    """The values that stand behind a secret name in a text of any kind: a form, XML, YAML, lines of JSON, a header.

    What is a name in a text is not known, so only what is as long as a secret counts. Passwords of URLs count too.
    """
    for pattern, read in _NAMED:
        for match in pattern.finditer(text):
            if is_secret(match["name"]) and len(match["value"]) >= MIN_LENGTH_IN_TEXT:
                with suppress(ValueError):
                    yield read(match["value"])
    if "://" in text:
        yield from (unquote(match["value"]) for match in _URL_PASSWORD.finditer(text))


def named_in_data(data: object, is_secret: IsSecret = is_secret_name) -> Iterator[str]:
    """The texts in plain data that are secrets by the name of their member, or of what stands in them."""
    pending: list[tuple[str, object]] = [("", data)]
    while pending:
        name, item = pending.pop()
        match item:
            case dict():
                pending += item.items()
                told = item.get("name", item.get("key"))
                if isinstance(told, str) and is_secret(told):
                    pending.append((told, item.get("value")))
            case list():
                pending += ((name, part) for part in item)
            case str() if name and is_secret(name):
                yield item
            case str() if item[:1] in ("{", "[") or "=" in item or ":" in item:
                yield from named_in_text(item, is_secret)
            case _:
                pass


def inside_credentials(name: str, value: str) -> list[str]:
    """The secrets inside a credential header: behind the scheme's name, the password of basic, each cookie's value."""
    if name.lower() == "cookie":
        return [pair.partition("=")[2].strip() for pair in value.split(";")]
    scheme, _, rest = value.partition(" ")
    found = [rest.strip()]
    if scheme.lower() == "basic":
        # What does not look like basic credentials is masked whole anyway.
        with suppress(ValueError):
            found.append(base64.b64decode(rest, validate=True).decode().partition(":")[2])
    return found


def written_forms(secret: str) -> list[str]:
    """A secret as it is usually written: as it is, in JSON, percent-encoded, and in base64 at each of three alignments.

    Each form has its own place in the list, whatever the secret; in base64, one too short to be recognized is empty.
    """
    return _plainly_written(secret) + _in_base64(secret)


def _plainly_written(secret: str) -> list[str]:
    raw = _bytes(secret)
    forms = [secret, *_in_json(secret)]
    return [*forms, quote(raw, safe=""), quote(raw), quote_plus(raw), quote(raw, safe="").lower()]


def _bytes(text: str) -> bytes:
    """A text's bytes, those that were no UTF-8 as they were; half of a surrogate pair has three of its own."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _in_json(secret: str) -> list[str]:
    return [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]]


def _in_base64(secret: str) -> list[str]:
    raw = _bytes(secret)
    forms: list[str] = []
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        # The characters that also depend on what stands before or behind are left out.
        first = (0, 2, 3)[offset]
        last = len(encoded) - (0, 3, 2)[(len(raw) + offset) % 3]
        core = encoded[first:last].decode()
        found = core if len(core) >= MIN_LENGTH + 2 else ""
        forms += [found, found.replace("+", "-").replace("/", "_")]
    return forms
