"""Runtime expressions: nodes, and the parser that makes them.

``parse(text)`` reads one whole expression, ``extent(text, start, …)`` finds where one ends that stands inside other
text (V4, C2). ``str(node)`` gives the text back. Beyond the specification's ABNF (``grammar.derives``) the parser
accepts what semantics.md V5 lists, and nothing else.

A name may contain what looks like a path (``$inputs.page[size]``, ``$steps.s.outputs.a.b``), and which of the two it is
depends on the names that exist. So a ``Named`` node keeps every reading, the longest name first; ``Names`` picks one
when the plan is made, and evaluation picks the first that is there.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions.grammar import TCHAR, derives

Version: TypeAlias = tuple[int, int]

ROOTS = (
    "url",
    "method",
    "statusCode",
    "self",
    "request",
    "response",
    "message",
    "inputs",
    "outputs",
    "steps",
    "workflows",
    "sourceDescriptions",
    "components",
)

EMBEDDABLE = re.compile(
    r"\$(?:inputs|steps|workflows|outputs|response|request|message|components|sourceDescriptions)\."
)
"""What starts an expression that stands without braces in other text (V4)."""

_SEGMENT = re.compile(r"\.(?P<name>[@$]?[\w-]+)|\[(?P<index>-?\d+)\]|\[(?P<quoted>'[^'\\]*'|\"[^\"\\]*\")\]")
_OPEN_SEGMENT = re.compile(r"\.\.[\w-]+|\.\.?\*|\.\.(?=\[)")
_POINTER_IN_TEXT = re.compile(r"(?:/[^\s\"'<>&(){}\[\],;|=]*)+")
_NAME_IN_TEXT = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class Tail:
    """A path behind an expression (V5): ``.a.b[0]``.

    Attributes:
        text: as written.
        steps: its names and indexes, when it has nothing else; else None.
        query: the RFC 9535 query that it means on the value, ``.length`` at its end taken off.
        length: whether ``.length`` stands at its end.
    """

    text: str
    steps: tuple[str | int, ...] | None
    query: str
    length: bool

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Special:
    """``$url``, ``$method``, ``$statusCode`` or ``$self``; a tail only in conditions (C2's ``.``)."""

    name: Literal["url", "method", "statusCode", "self"]
    tail: Tail | None = None

    def __str__(self) -> str:
        return f"${self.name}{self.tail or ''}"


@dataclass(frozen=True, slots=True)
class MessagePart:
    """A part of the request, the response or the message: a header, a parameter or the body.

    Attributes:
        part: as written: ``header`` or ``headers``, ``query``, ``path``, ``body``, ``payload``.
        name: of the header or parameter; empty for a body.
        pointer: the text behind ``#``, or None.
    """

    holder: Literal["request", "response", "message"]
    part: str
    name: str = ""
    pointer: str | None = None
    tail: Tail | None = None

    def __str__(self) -> str:
        if self.part in ("body", "payload"):
            pointer = "" if self.pointer is None else f"#{self.pointer}"
            return f"${self.holder}.{self.part}{pointer}{self.tail or ''}"
        return f"${self.holder}.{self.part}.{self.name}"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to take the text behind a root apart: a name, then a path or a pointer."""

    name: str
    tail: Tail | None
    pointer: str | None


@dataclass(frozen=True, slots=True)
class Named:
    """A value with a name: an input, an output, a step's, a workflow's.

    Attributes:
        owner: the step or workflow id; empty for ``$inputs`` and ``$outputs``.
        field: ``outputs`` or ``inputs``, of a step or workflow; empty for ``$inputs`` and ``$outputs``.
        rest: the text behind the last dot of the prefix; empty when the whole object is meant (V5).
        readings: every way to take ``rest`` apart, the longest name first.
    """

    root: Literal["inputs", "outputs", "steps", "workflows"]
    owner: str
    field: str
    rest: str
    readings: tuple[Reading, ...] = dataclasses.field(compare=False)

    def __str__(self) -> str:
        prefix = f"${self.root}.{self.owner}.{self.field}" if self.owner else f"${self.root}"
        return f"{prefix}.{self.rest}" if self.rest else prefix

    def bind(self, names: Names) -> Named:
        """The same expression with only the reading whose name is declared, if one is."""
        declared = names.of(self)
        for reading in self.readings:
            if declared is not None and reading.name in declared:
                return Named(self.root, self.owner, self.field, self.rest, (reading,))
        return self


@dataclass(frozen=True, slots=True)
class SourceReference:
    """``$sourceDescriptions.<name>.<reference>``: an operation, a workflow, or a field of the source."""

    name: str
    reference: str

    def __str__(self) -> str:
        return f"$sourceDescriptions.{self.name}.{self.reference}"


@dataclass(frozen=True, slots=True)
class ComponentReference:
    """``$components.<type>.<name>``."""

    type: str
    name: str

    def __str__(self) -> str:
        return f"$components.{self.type}.{self.name}"


Expression: TypeAlias = Special | MessagePart | Named | SourceReference | ComponentReference


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a document declares where an expression stands. None: not known.

    Attributes:
        steps: by step id, the outputs of each step.
        workflow_inputs, workflow_outputs: by workflow id.
    """

    inputs: Collection[str] | None = None
    outputs: Collection[str] | None = None
    steps: Mapping[str, Collection[str]] | None = None
    workflow_inputs: Mapping[str, Collection[str]] | None = None
    workflow_outputs: Mapping[str, Collection[str]] | None = None

    def of(self, node: Named) -> Collection[str] | None:
        """What may stand at the name of ``node``, or None when that is not known."""
        match node.root, node.field:
            case "inputs", _:
                return self.inputs
            case "outputs", _:
                return self.outputs
            case "steps", _:
                return None if self.steps is None else self.steps.get(node.owner)
            case _, "inputs":
                return None if self.workflow_inputs is None else self.workflow_inputs.get(node.owner)
            case _:
                return None if self.workflow_outputs is None else self.workflow_outputs.get(node.owner)


NO_NAMES = Names()


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
        ExpressionSyntaxError: ``text`` is no expression; its hint says what is probably meant.
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


def _message_part(root: str, rest: str, text: str) -> MessagePart:
    match = re.match(r"\.(headers?|query|path|body|payload)(?![\w-])", rest)
    if match is None or (match[1] == "headers" and root == "message"):
        raise _wrong(
            text, f"expected ${root}.header.<name>, .query.<name>, .path.<name> or .body", hint=_part_hint(text)
        )
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


def _readings(rest: str, *, strict: bool) -> Iterator[Reading]:
    name, hash_, pointer = rest.partition("#")
    given = pointer if hash_ else None
    if hash_ and not strict:
        yield Reading(rest, None, None)
    yield Reading(name, None, given)
    if strict:
        return
    for index in range(len(name) - 1, 0, -1):
        if name[index] in ".[" and (tail := parse_tail(name[index:])) is not None:
            yield Reading(name[:index], tail, given)


def parse_tail(text: str) -> Tail | None:
    """Read a path behind an expression (V5), or None when ``text`` is not wholly one."""
    position, steps, query, simple = 0, list[str | int](), ["$"], True
    while position < len(text):
        if match := _SEGMENT.match(text, position):
            step: str | int
            if match["index"]:
                step = int(match["index"])
                query.append(f"[{step}]")
            else:
                step = match["name"] or match["quoted"][1:-1]
                query.append("['" + step.replace("\\", "\\\\").replace("'", "\\'") + "']")
            steps.append(step)
            position = match.end()
            continue
        simple = False
        if match := _OPEN_SEGMENT.match(text, position):
            query.append(match[0])
            position = match.end()
        elif text[position] == "[" and (end := bracket_end(text, position)):
            query.append(text[position:end])
            position = end
        else:
            return None
    length = text.endswith(".length")
    if length:
        query.pop()
    return Tail(text, tuple(steps) if simple else None, "".join(query), length)


def bracket_end(text: str, start: int) -> int:
    """The offset behind the bracket that closes the one at ``start``, quotes respected; 0 when it stays open."""
    depth, quote, index = 0, "", start
    while index < len(text):
        char = text[index]
        if quote:
            if char == "\\":
                index += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char in "[(":
            depth += 1
        elif char in "])":
            depth -= 1
            if not depth:
                return index + 1
        index += 1
    return 0


def extent(text: str, start: int, *, names: Names = NO_NAMES, condition: bool = False) -> int:
    """Where the expression ends that starts at ``start`` inside other text; ``start`` when none does.

    Outside conditions (V4) a trailing ``.``, ``,``, ``;``, ``:`` or ``/`` is text. In a condition a JSON Pointer ends
    at white space, ``)`` or an operator, and a header's name at an operator (C2).
    """
    match = re.compile(r"\$(" + "|".join(ROOTS) + r")(?![A-Za-z])").match(text, start)
    if match is None:
        return start
    root, position = match[1], match.end()
    if root in ("url", "method", "statusCode", "self"):
        return path_end(text, position) if condition else position
    if root in ("request", "response", "message"):
        end = _message_end(text, position, condition=condition)
    elif root in ("sourceDescriptions", "components"):
        end = _words_end(text, position)
    else:
        end = _named_end(text, start, position, root, names, condition=condition)
    return end if condition else _without_trailing_punctuation(text, position, end)


def _without_trailing_punctuation(text: str, floor: int, end: int) -> int:
    while end > floor and text[end - 1] in ".,;:/":
        end -= 1
    return end


def _message_end(text: str, position: int, *, condition: bool) -> int:
    match = re.compile(r"\.(headers?|query|path|body|payload)(?![\w-])").match(text, position)
    if match is None:
        return position
    position = match.end()
    if match[1] in ("header", "headers"):
        token = r"\.(?:(?!!=|\|\||&&)" + TCHAR + ")+" if condition else r"\.[\w.-]+"
        found = re.compile(token).match(text, position)
        return found.end() if found else position
    if match[1] in ("query", "path"):
        return _words_end(text, position)
    return _pointer_orpath_end(text, position, condition=condition)


def _pointer_orpath_end(text: str, position: int, *, condition: bool) -> int:
    if not text.startswith("#", position):
        return path_end(text, position)
    pattern = re.compile(r"(?:(?!&&|\|\||[=!<>]=|[<>)])\S)*") if condition else _POINTER_IN_TEXT
    found = pattern.match(text, position + 1) or _NAME_IN_TEXT.match(text, position + 1)
    return found.end() if found else position


def path_end(text: str, position: int) -> int:
    """Where the path ends that starts at ``position``; ``position`` when none does."""
    while position < len(text):
        if match := _SEGMENT.match(text, position) or _OPEN_SEGMENT.match(text, position):
            position = match.end()
        elif text[position] == "[" and (end := bracket_end(text, position)):
            if parse_tail(text[position:end]) is None:
                break
            position = end
        else:
            break
    return position


def _words_end(text: str, position: int) -> int:
    found = re.compile(r"(?:\.[\w-]+|\[[\w-]*\])+").match(text, position)
    return found.end() if found else position


def _named_end(text: str, start: int, position: int, root: str, names: Names, *, condition: bool) -> int:
    owner = of = ""
    if root in ("steps", "workflows"):
        fields = "outputs" if root == "steps" else "inputs|outputs"
        match = re.compile(rf"\.([\w-]+)\.({fields})(?![\w-])").match(text, position)
        if match is None:
            return start
        owner, of, position = match[1], match[2], match.end()
    if not text.startswith(".", position):
        return position
    position += 1
    declared = names.of(Named(root, owner, of, "", ())) or ()  # type: ignore[arg-type]  # one of the four roots
    for name in sorted(declared, key=len, reverse=True):
        end = position + len(name)
        if name and text.startswith(name, position) and not re.match(r"\w", text[end : end + 1]):
            return _pointer_orpath_end(text, end, condition=condition)
    found = _NAME_IN_TEXT.match(text, position)
    return _pointer_orpath_end(text, found.end(), condition=condition) if found else position - 1


def _wrong(text: str, expected: str, *, position: int = 0, hint: str = "") -> ExpressionSyntaxError:
    return ExpressionSyntaxError(f"{text!r} is not a runtime expression: {expected}", text, position, hint=hint)


def _root_hint(text: str) -> str:
    match = re.match(r"\$?(\w+)", text)
    if match is None:
        return ""
    known = {"body": "$response.body", "header": "$response.header", "headers": "$response.header", "input": "$inputs"}
    meant = known.get(match[1])
    if meant is None:
        near = difflib.get_close_matches(match[1], ROOTS, n=1, cutoff=0.7)
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


def portable_spelling(node: Expression) -> str | None:
    """The spelling that the specification derives for an expression that only V5 accepts; None when it has none."""
    match node:
        case MessagePart(part="headers"):
            return f"${node.holder}.header.{node.name}"
        case MessagePart(tail=Tail(steps=steps, length=False)) if steps is not None:
            return f"${node.holder}.{node.part}#{_pointer_of(steps)}"
        case MessagePart(pointer=str(pointer)) if pointer and not pointer.startswith("/"):
            return f"${node.holder}.{node.part}#/{pointer}"
        case Named(readings=(Reading(name, Tail(steps=steps, length=False), pointer), *_)) if steps is not None:
            prefix = f"${node.root}.{node.owner}.{node.field}" if node.owner else f"${node.root}"
            return f"{prefix}.{name}#{_pointer_of(steps)}{pointer or ''}"
        case _:
            text = str(node)
            return text if derives(text) else None


def _pointer_of(steps: tuple[str | int, ...]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
