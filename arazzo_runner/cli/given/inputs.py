"""Inputs from the command line and the environment, read by the types that the workflow declares (V8)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from msgspec import Struct

from arazzo_runner.documents.file_contents import FileContent
from arazzo_runner.documents.files import MAX_DATA, is_file, read_file
from arazzo_runner.documents.input_schemas import declared, input_schema, types
from arazzo_runner.documents.typed_inputs import typed
from arazzo_runner.errors import ArazzoError, UsageError
from arazzo_runner.secrecy import BY_WORDS, SecretNames

ENVIRONMENT_PREFIX = "ARAZZO_INPUT_"
_ENDINGS = (".json", ".yaml", ".yml")
"""Endings of the names of input files, which tell a file from a value."""


class InputOrigin(Struct, frozen=True):
    """The origin of an input.

    Attributes:
        said: for a person.
        word: of ``--input``, paths absolute, which gives it again; empty when there is none.
    """

    said: str
    word: str = ""


def gather_inputs(schema: Any, words: Sequence[str], environment: Mapping[str, str], stdin: TextIO) -> dict[str, Any]:
    """The inputs that ``--input`` and the environment give; later words win, the environment is lowest.

    Args:
        words: ``name=value``, ``name=@file``, a JSON or YAML file, a JSON object, or ``-`` for JSON on stdin.

    Raises:
        UsageError: a word cannot be read.
    """
    return trace_inputs(schema, words, environment, stdin)[0]


def trace_inputs(
    schema: Any,
    words: Sequence[str],
    environment: Mapping[str, str],
    stdin: TextIO,
    names: SecretNames = BY_WORDS,
) -> tuple[dict[str, Any], dict[str, InputOrigin]]:
    """Read inputs, and return with them where each came from.

    Args:
        names: the names that are a secret's.

    Raises:
        UsageError: a word cannot be read.
    """
    inputs: dict[str, Any] = {}
    origins: dict[str, InputOrigin] = {}
    for name in declared(schema):
        for variable in (name, re.sub(r"\W", "_", name), re.sub(r"\W", "_", name).upper()):
            value = environment.get(ENVIRONMENT_PREFIX + variable)
            if value is not None:
                inputs[name] = typed(value, input_schema(schema, name))
                origins[name] = InputOrigin(ENVIRONMENT_PREFIX + variable)
                break
    for word in words:
        found = _read(word, schema, stdin, names)
        inputs |= found
        origins |= dict.fromkeys(found, _origin(word))
    return inputs, origins


def _origin(word: str) -> InputOrigin:
    """Return the origin of the inputs of a word that was read."""
    if word == "-":
        return InputOrigin("stdin")
    name, equals, value = word.partition("=")
    if word.lstrip().startswith("{") or (equals and not is_file(word) and not value.startswith("@")):
        return InputOrigin("the command line")
    if is_file(word):
        return InputOrigin(f"the file {word}", str(Path(word).absolute()))
    if value.startswith("@@"):
        return InputOrigin("the command line")
    return InputOrigin(f"the file {value[1:]}", f"{name}=@{Path(value[1:]).absolute()}")


def _read(word: str, schema: Any, stdin: TextIO, names: SecretNames) -> dict[str, Any]:
    if word == "-":
        return _object(_standard_input(stdin), "stdin")
    if word.lstrip().startswith("{"):
        return _object(word, "the --input object")
    name, equals, value = word.partition("=")
    if equals and name and not is_file(word):
        if value.startswith("@@"):
            return {name: value[1:]}
        if value.startswith("@"):
            return {name: _from_file(name, value[1:], input_schema(schema, name), names)}
        return {name: typed(value, input_schema(schema, name))}
    path = Path(word)
    if not is_file(path):
        raise _unreadable(word, schema)
    return _object(_text(path), word)


def _unreadable(word: str, schema: Any) -> UsageError:
    """Return the error for a word of ``--input`` that is nothing; it may be a secret that lacks its name."""
    if word in declared(schema):
        return UsageError(f"--input {word} gives the input no value", hint=f"write -i {word}=VALUE or {word}=@FILE")
    shown = repr(word) if word.endswith(_ENDINGS) else f"of {len(word)} characters"
    hint = "write name=value, name=@file, a JSON or YAML file, a JSON object, or - for stdin"
    return UsageError(f"the input {shown} is not a name=value, and there is no such file", hint=hint)


def _standard_input(stdin: TextIO) -> str:
    text = stdin.read(MAX_DATA + 1)
    if len(text) > MAX_DATA:
        raise UsageError(f"what stdin gives has no end: it has more than {MAX_DATA >> 20} MiB")
    return text


def _object(text: str, what: str) -> dict[str, Any]:
    from arazzo_runner.documents.reader import read_document

    try:
        data = read_document(text, what).data
    except ArazzoError as error:
        problems = getattr(error, "problems", ())
        detail = problems[0].message if problems else error.message
        raise UsageError(f"{what} is not JSON or YAML: {detail}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{what} is not an object of inputs by name")
    return data


def _text(path: Path) -> str:
    from arazzo_runner.documents.reader import decode

    try:
        return decode(read_file(path, limit=MAX_DATA), str(path))
    except OSError as error:
        raise UsageError(f"the input file {path} cannot be read: {error.strerror or error}") from None


def _from_file(name: str, path: str, schema: Mapping[str, Any], names: SecretNames) -> Any:
    """The content of a file: bytes for binary inputs, text for strings, else JSON or YAML.

    It is taken byte for byte: only a secret, and an input whose schema is not a string, loses a last line break.
    """
    try:
        content = read_file(path, limit=MAX_DATA)
    except OSError as error:
        message = f"the file of the input {name!r}, {path}, cannot be read: {error.strerror or error}"
        raise UsageError(message, hint=f"give it from where it is: -i {name}=@FILE") from None
    kinds = types(schema)
    if schema.get("format") == "binary" or "contentEncoding" in schema or "contentMediaType" in schema:
        return FileContent(content, Path(path).name)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return FileContent(content, Path(path).name)
    if kinds & {"object", "array"}:
        from arazzo_runner.documents.reader import read_document

        return read_document(text.removeprefix("\ufeff"), path).data
    if "string" in kinds and not names.has(name) and schema.get("format") != "password":
        return text
    # The file of a token or a number ends with a line break that is not a part of what it says.
    return typed(text.removeprefix("\ufeff").removesuffix("\n").removesuffix("\r"), schema)
