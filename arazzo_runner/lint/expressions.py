"""Checks of expressions: text where one is needed, and forms that only this runner accepts (V3 to V5)."""

from __future__ import annotations

import re

from arazzo_runner.analysis.findings import Finding, Findings, sentence
from arazzo_runner.analysis.occurrences import Form, Read, Use
from arazzo_runner.errors import ExpressionSyntaxError
from arazzo_runner.expressions.boundaries import EMBEDDABLE
from arazzo_runner.expressions.grammar import derives
from arazzo_runner.expressions.nodes import Expression, Interpretation, MessagePart, Named, Special, portable_spelling
from arazzo_runner.expressions.path_tails import Tail
from arazzo_runner.expressions.syntax import Version, parse
from arazzo_runner.lint import expression_rules  # noqa: F401 - registers the rules that this module reports

_SHORT = 80
"""Up to how many characters a hint spells the whole text out."""

_LOOKS_LIKE_EXPRESSION = re.compile(r"\{?\$(?P<root>[A-Za-z]+)[.#/\[][\w$]")
_OTHER_TEMPLATE = re.compile(
    r"(?:\$\{\s*\$?|\{\{\s*\$?)(?P<name>(?:inputs|outputs|steps|workflows|request|response|components)\.[^\s{}]+)\s*\}"
)
"""What other template languages write: ``${inputs.x}``, ``{{ inputs.x }}``."""


def check_expressions(read: Read, version: Version) -> Findings:
    """Check every site, whatever names are in scope."""
    yield from _check_syntax(read)
    yield from _check_form(read)
    yield from _check_mistaken(read)
    yield from _check_spelling(read, version)
    yield from _check_pointers(read)


def _check_syntax(read: Read) -> Findings:
    """Check that expressions, conditions and selectors parse."""
    error, site = read.error, read.site
    if error is None:
        return
    match site.kind:
        case "criterion":
            criterion = site.data
            message = f"the {criterion.type.type} condition {criterion.condition!r} cannot be parsed: {error.message}"
            yield Finding("criterion-syntax", message, site.pointer, sentence(error.hint))
        case "selector":
            yield Finding("selector-syntax", error.message, site.pointer, sentence(error.hint))
        case _:
            yield Finding("expression-syntax", f"{site.owner}: {error.message}", site.pointer, sentence(error.hint))


def _check_form(read: Read) -> Findings:
    """Expressions inside other text stand in braces; a whole value needs none (V3, V4)."""
    pointer = read.site.pointer
    bare = [use for use in read.uses if use.form is Form.BARE]
    if bare and not _mistaken(read):
        shown = ", ".join(dict.fromkeys(use.text for use in bare))
        yield Finding(
            "unbraced-expression", f"{shown} stands in other text without braces", pointer, _braced(read, bare)
        )
    for use in read.uses:
        if use.form is Form.WHOLE_IN_BRACES:
            message = f"the whole value is {{{use.text}}}: its type is kept here, and with --strict it is text"
            yield Finding("whole-value-braces", message, pointer, f"Write {use.text} to keep the type.")


def _braced(read: Read, bare: list[Use]) -> str:
    """The text with its expressions in braces; of a long one the expressions alone."""
    text = read.site.data.condition if read.site.kind == "criterion" else read.site.data
    if len(text) > _SHORT or "'" in text or "\n" in text:
        return f"Write {' and '.join(dict.fromkeys(f'{{{use.text}}}' for use in bare))}."
    for use in reversed(bare):
        text = f"{text[: use.start]}{{{use.text}}}{text[use.start + len(use.text) :]}"
    return f"Write '{text}'."


def _check_mistaken(read: Read) -> Findings:
    """Text that was probably intended as an expression (V5)."""
    mistake = _mistaken(read)
    if mistake is not None:
        text, hint = mistake
        message = f"{read.site.owner} is {text!r}, which looks like an expression and is text"
        yield Finding("not-an-expression", message, read.site.pointer, hint)


def _mistaken(read: Read) -> tuple[str, str] | None:
    """Text at a value's place that starts as an expression does and is none, and a hint."""
    if read.site.kind != "value" or any(use.form in (Form.WHOLE, Form.WHOLE_IN_BRACES) for use in read.uses):
        return None
    text = read.site.data
    if foreign := _OTHER_TEMPLATE.search(text):
        return text, f"Write {{${foreign['name']}}}: Arazzo has one kind of braces."
    if read.uses and not re.fullmatch(r"\$[\w.]+/\S*", text):
        return None  # a template, which has its own rules
    if not _LOOKS_LIKE_EXPRESSION.match(text) or re.search(r"\s", text):
        return None
    try:
        parse(text.strip("{}"))
    except ExpressionSyntaxError as error:
        return text, sentence(error.hint) or "Write a runtime expression, such as $inputs.name."
    return None


def _check_spelling(read: Read, version: Version) -> Findings:
    """Each expression is one that the grammar of the document's version derives (V5)."""
    seen: set[str] = set()
    for use in read.uses:
        if use.text in seen:
            continue
        seen.add(use.text)
        found = _spelling(use, version)
        if found is not None:
            rule, message, hint = found
            yield Finding(rule, message, read.site.pointer, hint)


def _spelling(use: Use, version: Version) -> tuple[str, str, str] | None:
    node, text = use.node, use.text
    match node:
        case MessagePart(part="headers"):
            return "header-spelling", f"{text}: the specification writes 'header'", f"Write {portable_spelling(node)}."
        case MessagePart(pointer=str(pointer)) if pointer and not pointer.startswith("/"):
            message = f"{text}: a JSON Pointer starts with '/'"
            return "pointer-spelling", message, f"Write {portable_spelling(node)}."
        case Named(readings=(Interpretation(pointer=str(pointer)),)) if pointer and not pointer.startswith("/"):
            return "pointer-spelling", f"{text}: a JSON Pointer starts with '/'", f"Write {text.replace('#', '#/', 1)}."
        case Named(rest=""):
            message = f"{text} means the whole object, which has no expression in the specification"
            return "whole-object", message, "Name its members one by one."
    if _tail(node) is not None:
        # `.` and `[]` are operators of simple conditions, so that a path there is the specification's own.
        return None if use.form is Form.OPERAND else _path(use)
    if version < (1, 1) and _is_new(node):
        return "newer-expression", f"{text} is new in Arazzo 1.1", "Write 'arazzo: 1.1.0' at the top of the document."
    if use.form is not Form.OPERAND and not derives(text, version):
        minor = ".".join(map(str, version))
        return (
            "expression-grammar",
            f"the grammar of Arazzo {minor} does not derive {text}",
            _grammar_hint(text, version),
        )
    return None


def _tail(node: Expression) -> Tail | None:
    match node:
        case MessagePart(tail=tail) | Special(tail=tail):
            return tail
        case Named(readings=(Interpretation(tail=tail), *_)):
            return tail
    return None


def _path(use: Use) -> tuple[str, str, str]:
    portable = portable_spelling(use.node)
    if portable is None:
        hint = "Write a Selector Object (1.1), or take the value out with a simple JSON Pointer."
    else:
        hint = f"Write {portable}."
    return "path-after-expression", f"{use.text} has a path behind the expression", hint


def _is_new(node: Expression) -> bool:
    match node:
        case Special(name="self") | MessagePart(holder="message") | MessagePart(part="payload"):
            return True
    return False  # a pointer behind a name is 1.1's too, and yet the 1.0 specification's own examples write it


def _grammar_hint(text: str, version: Version) -> str:
    other = (1, 0) if version >= (1, 1) else (1, 1)
    if derives(text, other):
        return f"Arazzo {'.'.join(map(str, other))} does; give it a name of letters, digits, '.', '-' and '_'."
    return "Give it a name of letters, digits, '.', '-' and '_'."


def _check_pointers(read: Read) -> Findings:
    """A JSON Pointer is fixed text: expressions inside it are not evaluated."""
    for use in read.uses:
        match use.node:
            case MessagePart(pointer=str(pointer)) | Named(readings=(Interpretation(pointer=str(pointer)), *_)):
                inner = EMBEDDABLE.search(pointer)
                if inner is not None:
                    message = f"{use.text}: the expression inside the JSON Pointer is not evaluated"
                    yield Finding("expression-in-pointer", message, read.site.pointer)
