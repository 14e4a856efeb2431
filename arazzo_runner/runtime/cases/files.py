"""Recorded cases: a cassette, and what the run that it holds was given and has to give.

A case is a file ``<workflowId>/<case>.yaml`` in vcrpy's format, which passes over the member ``case`` that this adds.
Secrets stand in it as the mask (S1).
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from arazzo_runner.documents.files import MAX_DATA, exists, is_directory, is_file, read_file
from arazzo_runner.effects import MASK
from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.errors import ArazzoError, CassetteError, Place, UsageError
from arazzo_runner.openapi.auth.credentials import PARTS, SECRET_PARTS, Credential, Credentials
from arazzo_runner.openapi.request.servers import ServerOptions
from arazzo_runner.runtime.cases.schema import OPTIONS, faults_of
from arazzo_runner.runtime.cassettes.format import Cassette, read_cassette

if TYPE_CHECKING:
    from arazzo_runner.runtime.run.session import RunResult, Session

SUFFIXES = (".yaml", ".yml", ".json")
LOST = frozenset({"transport", "timeout", "interrupted", "max-steps", "depth"})
"""Reasons for which a run ends without the API having had its say, or that a replay could not reach: no case."""


class Case(Struct, frozen=True):
    """A recorded case.

    Attributes:
        path: of its file.
        name: the file's name without its suffix.
        document: the Arazzo document's path or URL; empty when the case does not say, and it is looked for by workflow.
        inputs: as they were given, secrets masked.
        status, reason: how the run has to end: ``succeeded`` or ``failed``, and the reason's code.
        outputs: what it has to give, secrets masked.
        sources, base_dir: where source descriptions really are (H0).
        options: how the run behaves, where that is not the default, by the names of ``RunOptions``.
        servers, server_variables, server_bases: as ``ServerOptions`` has them.
        credentials: by scheme, each by its parts, masked.
        check: how much a breach of the contract counts.
    """

    path: str
    workflow_id: str
    name: str
    cassette: Cassette
    document: str = ""
    description: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    status: str = "succeeded"
    reason: str | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    base_dir: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    servers: Mapping[str, str] = field(default_factory=dict)
    server_variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    server_bases: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    check: str = "error"

    @property
    def id(self) -> str:
        """``workflow::case``."""
        return f"{self.workflow_id}::{self.name}"

    def run_options(self) -> RunOptions:
        """Return the options of the case's run, its masked credentials in place."""
        by_scheme = {scheme: Credential(**parts) for scheme, parts in self.credentials.items()}
        servers = ServerOptions(self.servers, self.server_variables, self.server_bases)
        options: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in self.options.items()
        }
        return RunOptions(**options, servers=servers, credentials=Credentials(by_scheme, {}, certificate=False))


def read_case(path: str | Path) -> Case | None:
    """Read a case; None when the file is a cassette that says nothing of one.

    Raises:
        CassetteError: it is not a cassette, or what it says of the case is malformed.
    """
    path = Path(path)
    cassette = read_cassette(path)
    entry = cassette.case
    if entry is None:
        return None
    for pointer, what in faults_of(entry):
        raise _malformed(path, pointer, what)
    here = path.parent
    return Case(
        path=str(path),
        workflow_id=entry.get("workflowId", here.name),
        name=path.stem,
        cassette=cassette,
        document=_placed(here, entry.get("document", "")),
        description=entry.get("description", ""),
        inputs=entry.get("inputs", {}),
        status=entry.get("status", "succeeded"),
        reason=entry.get("reason"),
        outputs=entry.get("outputs", {}),
        sources={name: _placed(here, url) for name, url in entry.get("sources", {}).items()},
        base_dir=_placed(here, entry.get("baseDir", "")),
        options=entry.get("options", {}),
        servers=entry.get("servers", {}),
        server_variables=entry.get("serverVariables", {}),
        server_bases=entry.get("serverBases", {}),
        credentials=entry.get("credentials", {}),
        check=entry.get("check", "error"),
    )


def _malformed(path: Path, pointer: str, what: str) -> CassetteError:
    return CassetteError(f"case{pointer}: {what}", place=case_place(path, pointer))


def case_place(path: str | Path, pointer: str) -> Place:
    """Return the place of a member of a case in its file."""
    from arazzo_runner.documents.reader import read_document

    pointer = f"/case{pointer}"
    try:
        return read_document(read_file(path, limit=MAX_DATA), str(path)).place(pointer)
    except (ArazzoError, OSError):
        return Place(str(path), pointer=pointer)


def case_entry(case: Case) -> dict[str, Any]:
    """Return the members of a case, as ``read_case`` reads them."""
    here = Path(case.path).parent
    entry = {
        "description": case.description,
        "document": _relative(here, case.document),
        "workflowId": case.workflow_id,
        "inputs": dict(case.inputs),
        "status": case.status,
        "reason": case.reason,
        "outputs": dict(case.outputs),
        "sources": {name: _relative(here, url) for name, url in case.sources.items()},
        "baseDir": _relative(here, case.base_dir),
        "options": dict(case.options),
        "servers": dict(case.servers),
        "serverBases": dict(case.server_bases),
        "serverVariables": {name: dict(variables) for name, variables in case.server_variables.items()},
        "credentials": {scheme: dict(parts) for scheme, parts in case.credentials.items()},
        "check": case.check,
    }
    always = ("document", "workflowId", "inputs", "status", "outputs")
    return {
        name: value
        for name, value in entry.items()
        if name in always or (value and not (name == "check" and value == "error"))
    }


def case_of(session: Session, result: RunResult, path: str | Path, *, document: str) -> Case:
    """The case that a run makes: what it was given and what it gave, secrets masked.

    Args:
        path: of the file that the case is to stand in.
        document: of the workflow, a path or URL.
    """
    options, redactor = session.plan.options, session.redactor
    outcome = result.outcome
    return Case(
        path=str(path),
        workflow_id=session.plan.workflow.workflow_id,
        name=Path(path).stem,
        cassette=Cassette(str(path), ()),
        document=document,
        inputs=redactor.inputs(session.inputs),
        status=outcome.status,
        reason=outcome.reason.code if outcome.reason else None,
        outputs=plain(redactor.inputs(outcome.outputs)),
        options=changed_options(options),
        servers={name: redactor.url(url) for name, url in options.servers.urls.items()},
        server_variables=redactor.data(options.servers.variables),
        server_bases={name: redactor.url(url) for name, url in options.servers.bases.items()},
        credentials=dict(_masked_credentials(session.plan)),
    )


def _masked_credentials(plan: Plan) -> Iterator[tuple[str, dict[str, str]]]:
    """The credentials that the plan's operations can use."""
    asked = {name for _, operation in plan.operations() for schemes in operation.security for name in schemes}
    for scheme in sorted(asked):
        credential = plan.options.credentials.get(scheme)
        if credential is not None:
            parts = {name: getattr(credential, name) for name in PARTS}
            yield scheme, {name: MASK if name in SECRET_PARTS else text for name, text in parts.items() if text}


def plain(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs as a file keeps them: bytes as text."""
    return {
        name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value for name, value in outputs.items()
    }


def changed_options(options: RunOptions) -> dict[str, Any]:
    """The plain options that are not the default."""
    default = RunOptions()
    values = {name: getattr(options, name) for name in OPTIONS}
    changed = {name: value for name, value in values.items() if value != getattr(default, name)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in changed.items()}


def _placed(here: Path, url: str) -> str:
    """A path that a case gives from its own place."""
    return url if not url or "://" in url else os.path.normpath(here / url)


def _relative(here: Path, url: str) -> str:
    return url if not url or "://" in url else Path(os.path.relpath(url, here)).as_posix()


def unmasked(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a case that nothing of is masked; the others have to be given again."""
    return {name: value for name, value in inputs.items() if MASK not in _texts(value)}


def _texts(value: Any) -> Iterator[Any]:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending += item.values()
        elif isinstance(item, list):
            pending += item
        else:
            yield item


_CASE = re.compile(rb"""(?:^|[{,])(?:\xef\xbb\xbf)?\s*["']?case["']?\s*:""", re.MULTILINE)
_MEMBER = re.compile(rb"^[ \t]*[^#\s].*:", re.MULTILINE)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def may_be_case(path: Path) -> bool:
    """Return whether a file looks like a case: cheap, and never wrong when it says no.

    What cannot be read has to be reported, and so has a file without a member: one that was emptied or cut short.
    """
    if path.suffix not in SUFFIXES or not is_file(path):
        return False
    try:
        content = read_file(path, limit=MAX_DATA)
    except OSError:
        return True
    if path.suffix == ".json" or content.startswith(_UTF_16):
        return True
    return _CASE.search(content) is not None or _MEMBER.search(content) is None


def case_files(paths: Iterable[str | Path]) -> Iterator[Path]:
    """The files that may be cases: those named, and those in the directories named, each once, in order.

    Raises:
        UsageError: a path is not there, or a directory holds none.
    """
    seen: set[Path] = set()
    for path in map(Path, paths):
        if is_directory(path):
            found = sorted(file for file in path.rglob("*") if may_be_case(file))
            if not found:
                hint = "record one: arazzo record TARGET --case NAME"
                raise UsageError(f"there are no cases under {path}", hint=hint)
        elif exists(path):
            found = [path]
        else:
            raise UsageError(f"there is no {path}", hint="name a case, or a directory of them: arazzo test cassettes")
        for file in found:
            if file not in seen:
                seen.add(file)
                yield file
