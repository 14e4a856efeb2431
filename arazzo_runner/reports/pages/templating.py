"""Templates of pages: their environment, which escapes all that it is given, and the policy of what a page may load."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, TextIO

import jinja2
from markupsafe import Markup

from arazzo_runner import __version__
from arazzo_runner.reports.text import printable


def write_page(template: str, stream: TextIO, **content: Any) -> None:
    """Write a page that needs nothing else: script, style and policy in it, and all content escaped."""
    script, style = asset("report.js") + asset("bodies.js"), asset("report.css") + asset("bodies.css")
    page = environment().get_template(template).generate(
        script=Markup(script),  # noqa: S704 - ours, and the policy names its digest
        style=Markup(style),  # noqa: S704
        policy=content_security_policy(script, style),
        version=__version__,
        **content,
    )  # fmt: skip
    stream.writelines(page)


def content_security_policy(script: str, style: str) -> str:
    """Nothing may be loaded, nothing may run but our script, and nothing may be styled but by our sheet."""
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


@cache
def asset(name: str) -> str:
    """Return a template, script or sheet of the reports."""
    return files(__package__).joinpath("templates", name).read_text("utf-8")


def shown(value: Any) -> Any:
    """Text as it may stand in the page: control characters, those that turn its direction, and halves written out."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    text = printable(value.replace("\r\n", "\n"))
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def environment(own: Callable[[str], str | None] = lambda _: None) -> jinja2.Environment:
    """Return an environment with the templates of the reports.

    Args:
        own: returns a further template by name, before those of the reports are looked at; None for none.
    """
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: own(name) or asset(name)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
