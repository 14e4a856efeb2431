"""Values that a user types while a run is held: expressions, values to set, answers and requests."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from arazzo_runner.documents.input_schemas import input_schema
from arazzo_runner.effects import MASK, Request, Response
from arazzo_runner.errors import UsageError
from arazzo_runner.reports.debug_views import masked
from arazzo_runner.runtime.debugging.debugger import Debugger
from arazzo_runner.runtime.secrets.redaction import Redactor

_INPUT = re.compile(r"\$inputs\.(\S+)")
_OUTPUT = re.compile(r"\$steps\.([^.\s]+)\.outputs\.(\S+)")


def shown_command(redactor: Redactor, line: str) -> str:
    """A line of a script as it is shown: values of secret names, and secret members of answers, are masked (S1)."""
    word, _, rest = line.partition(" ")
    name, _, value = rest.strip().partition(" ")
    value = value.strip()
    if name.startswith("$") and value and not value.startswith("@") and word.startswith("se"):
        value = str(masked(redactor, name, value))
    elif name.isdecimal() and value and not value.startswith("@"):
        value = redactor.body(value.encode("utf-8", "surrogateescape"), answer=True).decode("utf-8", "surrogateescape")
    else:
        return redactor.text(line)
    return redactor.text(f"{word} {name} {value}")


def set_value(debugger: Debugger, rest: str) -> None:
    """Set what ``NAME VALUE`` says.

    Raises:
        UsageError: it cannot be set.
    """
    name, _, text = rest.partition(" ")
    text = text.strip()
    form = "write set $inputs.NAME VALUE or set $steps.STEP.outputs.NAME VALUE"
    if not text:
        raise UsageError(f"set {name} is given no value", hint=form)
    if found := _INPUT.fullmatch(name):
        declared = input_schema(debugger.workflow.input_schema, found[1]).get("type")
        debugger.set_input(found[1], _value(text, is_text=declared == "string"))
    elif found := _OUTPUT.fullmatch(name):
        debugger.set_output(found[1], found[2], _value(text, is_text=False))
    else:
        raise UsageError(f"{name} cannot be set", hint=form)


def _value(text: str, *, is_text: bool) -> Any:
    """JSON, otherwise the text; ``@file`` is what the file has."""
    if text.startswith("@"):
        text = _file(text[1:]).decode("utf-8", "surrogateescape").rstrip("\n")
    if is_text and not text.startswith('"'):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _file(path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None


def payload_of(rest: str) -> bytes:
    """The payload of a message that is answered by hand: a text, or ``@file``."""
    text = rest.strip()
    return _file(text[1:]) if text.startswith("@") else text.encode()


def answer_of(rest: str) -> Response:
    """The answer that ``STATUS [BODY]`` says.

    Raises:
        UsageError: it says none.
    """
    status, _, text = rest.partition(" ")
    if not re.fullmatch(r"[1-5]\d\d", status):
        raise UsageError(
            f"{status!r} is not a status", hint="write answer 404, answer 200 {…} or answer 200 @body.json"
        )
    text = text.strip()
    body = _file(text[1:]) if text.startswith("@") else text.encode()
    if not body:
        return Response(int(status))
    try:
        json.loads(body)
    except ValueError:
        return Response(int(status), (("Content-Type", "text/plain"),), body)
    return Response(int(status), (("Content-Type", "application/json"),), body)


def edited(request: Request, redactor: Redactor) -> Request:
    """The request as the user leaves it in the editor.

    What is secret stands there masked, and stays as it is where it is not changed: the file holds no secret (S1).

    Raises:
        UsageError: no editor can be started, or the edited text is not a request.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise UsageError("no editor is set", hint="EDITOR=nano arazzo debug …")
    before = as_text(redactor.request(request))
    handle, path = tempfile.mkstemp(prefix="arazzo-request-", suffix=".http")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(before)
        try:
            done = subprocess.run([*shlex.split(editor), path], check=False)  # noqa: S603 - the user's own editor
        except OSError as error:
            raise UsageError(f"the editor {editor} cannot be run: {error.strerror or error}") from None
        if done.returncode:
            raise UsageError(f"the editor ended with status {done.returncode}; the request is as it was")
        after = Path(path).read_text("utf-8", "surrogateescape")
    finally:
        Path(path).unlink(missing_ok=True)
    return request if after == before else from_text(after, request, redactor)


def as_text(request: Request) -> str:
    """A request as text: its first line, its fields, an empty line, its body."""
    fields = "".join(f"{name}: {value}\n" for name, value in request.headers)
    body = (request.body or b"").decode("utf-8", "surrogateescape")
    return f"{request.method} {request.url}\n{fields}\n{body}"


def from_text(text: str, request: Request, redactor: Redactor) -> Request:
    """The request that a text says, what is masked in it as it was in ``request``.

    Raises:
        UsageError: it is none, or changes what is masked.
    """
    shown = redactor.request(request)
    head, _, body = text.partition("\n\n")
    first, *lines = head.splitlines() or [""]
    method, _, url = first.partition(" ")
    if not re.fullmatch(r"[A-Za-z]+", method) or "://" not in url:
        raise UsageError(f"{first!r} is not the first line of a request", hint="write METHOD URL")
    pairs = list(zip(shown.headers, request.headers, strict=True))
    headers = []
    for line in lines:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not name:
            raise UsageError(f"{line!r} is not a header field", hint="write NAME: VALUE")
        kept = next((pair for pair in pairs if pair[0] == (name, value)), None)
        if kept is not None:
            pairs.remove(kept)
        headers.append(kept[1] if kept is not None else (name, _unmasked(value, f"the header {name}")))
    old = (shown.body or b"").decode("utf-8", "surrogateescape")
    kept_body = request.body if body.rstrip("\n") == old.rstrip("\n") else None
    if kept_body is None and body.strip():
        kept_body = _unmasked(body.rstrip("\n"), "the body").encode("utf-8", "surrogateescape")
    same = url.strip() == shown.url
    target = request.url if same else _unmasked(url.strip(), "the URL")
    return replace(request, method=method.upper(), url=target, headers=tuple(headers), body=kept_body)


def _unmasked(text: str, what: str) -> str:
    if MASK in text:
        raise UsageError(
            f"{what} was changed, and has {MASK} in it", hint="write the whole value, or leave it as it was"
        )
    return text
