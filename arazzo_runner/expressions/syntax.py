"""The parser of runtime expressions: text to a node.

Beyond the specification's ABNF (``grammar.derives``) it accepts what V5 lists, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

from arazzo_runner.documents.near_names import near_names
from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions.grammar import TCHAR, derives
from arazzo_runner.expressions.nodes import (
    NO_NAMES,
    ROOTS,
    ComponentReference,
    Expression,
    Interpretation,
    MessagePart,
    Named,
    Names,
    SourceReference,
    Special,
    portable_spelling,
)
from arazzo_runner.expressions.path_tails import parse_tail

Version: TypeAlias = tuple[int, int]


def parse(
    text: str, *, names: Names = NO_NAMES, version: Version = (1, 1), strict: bool = False, condition: bool = False
) -> Expression:
    """Read ``text`` as one runtime expression.

    Args:
        names: what the document declares; decides between a name and a path (V5).
        version: the feature set, which matters to ``strict`` alone.
        strict: accept only what the specification's ABNF derives (paths in conditions apart).
        condition: the expression is an operand of a simple condition, where ``.`` and ``[]`` are operators.

    Raises:
        ExpressionSyntaxError: ``text`` is not an expression; its hint says what was probably intended.
    """
    if strict and not condition and not derives(text, version):
        raise ExpressionSyntaxError(
            f"{text!r} is not a runtime expression of Arazzo {version[0]}.{version[1]}", text, hint=_portable_hint(text)
        )
    match = re.match(r"\$([A-Za-z]+)", text)
    if match is None or match[1] not in ROOTS:
        raise ExpressionSyntaxError(f"{text!r} is not a runtime expression", text, hint=_root_hint(text))
    root, rest = match[1], text[match.end() :]
    match root:
        case "url" | "method" | "statusCode" | "self":
            return _special(root, rest, text, condition=condition)
        case "request" | "response" | "message":
            return _message_part(root, rest, text)
        case "inputs" | "outputs":
            return _named(root, "", "", rest, text, names, strict=strict and not condition)
        case "steps" | "workflows":
            return _owned(root, rest, text, names, strict=strict and not condition)
        case "sourceDescriptions":
            name, dot, reference = rest.removeprefix(".").partition(".")
            if not rest.startswith(".") or not name or not dot or not reference:
                raise _wrong(text, "expected $sourceDescriptions.<name>.<operationId, workflowId or field>")
            return SourceReference(name, reference)
        case _:
            kind, dot, name = rest.removeprefix(".").partition(".")
            if not rest.startswith(".") or not kind or not name:
                raise _wrong(text, "expected $components.<parameters, successActions or failureActions>.<name>")
            return ComponentReference(kind, name)


def _special(root: str, rest: str, text: str, *, condition: bool) -> Special:
    tail = parse_tail(rest) if condition and rest else None
    if rest and tail is None:
        raise _wrong(text, f"nothing can follow ${root}", position=len(root) + 1)
    return Special(root, tail)  # type: ignore[arg-type]  # the caller's match narrows it to one of the four


_EXCHANGE_PARTS = ".header.<name>, .query.<name>, .path.<name> or .body"
_MESSAGE_PARTS = ".payload, .header.<name> or .path.<name>"


def _message_part(root: str, rest: str, text: str) -> MessagePart:
    match = re.match(r"\.(headers?|query|path|body|payload)(?![\w-])", rest)
    if match is None or (match[1] == "headers" and root == "message"):
        parts = _MESSAGE_PARTS if root == "message" else _EXCHANGE_PARTS
        raise _wrong(text, f"expected ${root}{parts}", hint=_part_hint(text))
    part, behind = match[1], rest[match.end() :]
    position = len(root) + 1 + match.end()
    holder: Literal["request", "response", "message"] = root  # type: ignore[assignment]  # the caller's match
    if part in ("header", "headers"):
        if not re.fullmatch(rf"\.{TCHAR}+", behind):
            raise _wrong(text, "expected a header name", position=position)
        return MessagePart(holder, part, behind[1:])
    if part in ("query", "path"):
        if not behind.startswith("."):
            raise _wrong(text, f"expected the name of a {part} parameter", position=position)
        return MessagePart(holder, part, behind[1:])
    if behind.startswith("#"):
        _check_pointer(behind[1:], text, position + 1)
        return MessagePart(holder, part, pointer=behind[1:])
    tail = parse_tail(behind) if behind else None
    if behind and tail is None:
        raise _wrong(text, "expected # and a JSON Pointer", position=position, hint=_part_hint(text))
    return MessagePart(holder, part, tail=tail)


def _check_pointer(pointer: str, text: str, position: int) -> None:
    wrong = re.search(r"~(?![01])", pointer)
    if wrong:
        raise _wrong(text, "in a JSON Pointer ~ is written ~0 and / is written ~1", position=position + wrong.start())


def _owned(root: str, rest: str, text: str, names: Names, *, strict: bool) -> Named:
    fields = ("outputs",) if root == "steps" else ("inputs", "outputs")
    shape = f"${root}.<{root[:-1]}Id>.{' or .'.join(fields)}.<name>"
    match = re.match(rf"\.(.+?)\.({'|'.join(fields)})(?=[.\[#]|$)", rest, re.DOTALL)
    if match is None:
        raise _wrong(text, f"expected {shape}", hint=_owned_hint(root, rest))
    return _named(root, match[1], match[2], rest[match.end() :], text, names, strict=strict)


def _named(root: str, owner: str, of: str, rest: str, text: str, names: Names, *, strict: bool) -> Named:
    if rest and not rest.startswith("."):
        raise _wrong(text, "expected a dot and a name", position=len(text) - len(rest))
    if rest == ".":
        raise _wrong(text, "a name is missing after the dot", position=len(text))
    rest = rest[1:]
    readings = tuple(_readings(rest, strict=strict)) if rest else ()
    for reading in readings[:1]:
        _check_pointer(reading.pointer or "", text, len(text) - len(rest))
    return Named(root, owner, of, rest, readings).bind(names)  # type: ignore[arg-type]  # roots are the caller's


def _readings(rest: str, *, strict: bool) -> Iterator[Interpretation]:
    name, hash_, pointer = rest.partition("#")
    given = pointer if hash_ else None
    if hash_ and not strict:
        yield Interpretation(rest, None, None)
    yield Interpretation(name, None, given)
    if strict:
        return
    for index in range(len(name) - 1, 0, -1):
        if name[index] in ".[" and (tail := parse_tail(name[index:])) is not None:
            yield Interpretation(name[:index], tail, given)


def _wrong(text: str, expected: str, *, position: int = 0, hint: str = "") -> ExpressionSyntaxError:
    return ExpressionSyntaxError(f"{text!r} is not a runtime expression: {expected}", text, position, hint=hint)


def _root_hint(text: str) -> str:
    if dotted := re.match(r"\$\.(?=(?:" + "|".join(ROOTS) + r")(?![A-Za-z]))", text):
        return f"did you mean ${text[dotted.end() :]}?"
    match = re.match(r"\$?(\w+)", text)
    if match is None:
        return ""
    known = {"body": "$response.body", "header": "$response.header", "headers": "$response.header", "input": "$inputs"}
    meant = known.get(match[1])
    if meant is None:
        near = near_names(match[1], ROOTS, most=1, cutoff=0.7)
        meant = f"${near[0]}" if near else None
    return f"did you mean {meant}{text[match.end() :]}?" if meant else ""


def _part_hint(text: str) -> str:
    match = re.match(r"(\$(?:request|response|message)\.(?:body|payload))/(.*)", text, re.DOTALL)
    if match:
        return f"did you mean {match[1]}#/{match[2]}?"
    match = re.match(r"\$(request|response)\.cookie", text)
    return "cookies have no expression of their own; read the header" if match else ""


def _owned_hint(root: str, rest: str) -> str:
    match = re.match(r"\.([\w-]+)(?:\.([\w-]+))?", rest)
    if root == "steps" and match and match[2]:
        return f"only a step's outputs can be read: declare an output and write $steps.{match[1]}.outputs.{match[2]}"
    return ""


def _portable_hint(text: str) -> str:
    try:
        node = parse(text)
    except ExpressionSyntaxError as error:
        return error.hint
    portable = portable_spelling(node)
    return f"the portable spelling is {portable}" if portable and portable != text else ""
