"""Several workflows: the words of ``arazzo run`` that name more than one, and the inputs that each of them takes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from arazzo_runner.cli.given import preparation
from arazzo_runner.cli.given.targets import Target, arazzo_files, descriptions, find_target, is_document, is_pattern
from arazzo_runner.documents.files import is_directory
from arazzo_runner.errors import InvalidInputs, UsageError

if TYPE_CHECKING:
    from arazzo_runner.cli.given.options import LiveWords
    from arazzo_runner.engine.plan import Plan
    from arazzo_runner.runtime.run.workbook import Workbook


class Chosen(Struct, frozen=True):
    """A workflow that is to be run, its plan and the inputs that it takes."""

    workbook: Workbook
    plan: Plan
    inputs: dict[str, Any]

    @property
    def document(self) -> str:
        """The document, as the user named it."""
        return self.workbook.description.document.path


def chosen_workflows(words: Sequence[str], live: LiveWords, *, everything: bool) -> list[Chosen]:
    """Load, plan and check all workflows that are asked for, in the order in which they are run.

    Documents and directories say where workflows are looked for, ``--workflows`` when there are none; the other words
    are ids and patterns of ids.

    Raises:
        UsageError: a word names none, an input is missing or wrong, or none of the workflows takes it.
        DocumentError: a document cannot be used.
    """
    documents, names = _documents(words), [word for word in words if not _is_place(word)]
    found = _found(documents, names, live.target.where.directory, everything=everything)
    loaded: dict[str, Workbook] = {}
    for target in found:
        if target.document not in loaded:
            words_of = replace(live, target=replace(live.target, target=target.document))
            transport = preparation.live_transport(words_of)
            loaded[target.document] = preparation.load_target(target, live.sources, transport, live.servers, live.extra)
    wanted = _wanted(found, names, loaded, everything=everything)
    options = preparation.run_options(live)
    plans = [(workbook, workbook.plan(workflow_id, options)) for workbook, workflow_id in wanted]
    return _with_inputs(plans, live.given.inputs)


def _is_place(word: str) -> bool:
    return is_document(word) or is_directory(word)


def _documents(words: Iterable[str]) -> list[str]:
    """The documents that words name: themselves, or those of a directory."""
    documents = []
    for word in words:
        if is_directory(word) and not is_document(word):
            inside = [str(path) for path, _ in arazzo_files(word)]
            if not inside:
                raise UsageError(f"there is no Arazzo document in the directory {word}")
            documents += inside
        elif is_document(word):
            documents.append(word)
    return list(dict.fromkeys(documents))


def _found(documents: list[str], names: list[str], directory: str, *, everything: bool) -> list[Target]:
    """The documents in which workflows are looked for; without any those under the directory that have the names."""
    if documents:
        return [Target(document, None) for document in documents]
    if not everything and not any(map(is_pattern, names)):
        return [find_target(name, None, directory) for name in names]
    there = [(path, [w.workflow_id for w in described.workflows]) for path, described in descriptions(directory)]
    if not there:
        raise UsageError(f"there are no workflows under {directory}", hint="name a document, or --workflows DIR")
    return [Target(path, None) for path, ids in there if not names or any(_matches(names, one) for one in ids)] or [
        Target(path, None) for path, _ in there
    ]


def _wanted(
    found: list[Target], names: list[str], loaded: dict[str, Workbook], *, everything: bool
) -> list[tuple[Workbook, str]]:
    workbooks = list(loaded.values())
    if everything and not names:
        return [(workbook, one) for workbook in workbooks for one in workbook.workflow_ids]
    if not names:
        return [(workbook, workbook.chosen(None)) for workbook in workbooks]
    exact = {target.workflow_id: loaded[target.document] for target in found if target.workflow_id is not None}
    wanted: dict[tuple[str, str], tuple[Workbook, str]] = {}
    for name in names:
        places = [exact[name]] if name in exact else workbooks
        matching = [(w, one) for w in places for one in w.workflow_ids if _matches([name], one)]
        if not matching:
            raise _unknown(name, workbooks)
        wanted |= {(workbook.description.document.uri, one): (workbook, one) for workbook, one in matching}
    return list(wanted.values())


def _matches(names: Iterable[str], workflow_id: str) -> bool:
    return any(name == workflow_id or (is_pattern(name) and fnmatchcase(workflow_id, name)) for name in names)


def _unknown(name: str, workbooks: Iterable[Workbook]) -> UsageError:
    from arazzo_runner.documents.near_names import did_you_mean

    ids = [one for workbook in workbooks for one in workbook.workflow_ids]
    what = f"no workflow matches {name!r}" if is_pattern(name) else f"there is no workflow {name!r}"
    return UsageError(what, hint=did_you_mean(name, ids, "workflows"))


def _with_inputs(plans: Sequence[tuple[Workbook, Plan]], words: Sequence[str]) -> list[Chosen]:
    """Give each workflow the inputs that it declares, all checked before the first request of any (V8)."""
    from arazzo_runner.documents.near_names import did_you_mean
    from arazzo_runner.runtime.durable.runs import check_row

    typed = [sys.stdin.read() if word == "-" else word for word in words]
    chosen: list[Chosen] = []
    errors: list[str] = []
    given: set[str] = set()
    for workbook, plan in plans:
        inputs = preparation.given_inputs(plan, typed)
        given |= inputs.keys()
        taken = {name: value for name, value in inputs.items() if name in plan.workflow.declared_inputs}
        chosen.append(Chosen(workbook, plan, taken))
        try:
            check_row(plan, taken)
        except InvalidInputs as invalid:
            errors += [f"workflow {plan.workflow.workflow_id}: {sentence}" for sentence in invalid.errors]
    declared = {name for one in chosen for name in one.plan.workflow.declared_inputs}
    if errors:
        raise InvalidInputs("the inputs of some workflows are wrong; nothing was sent", errors)
    for name in sorted(given - declared):
        hint = did_you_mean(name, sorted(declared), "inputs")
        raise UsageError(f"none of the workflows has an input {name!r}; nothing was sent", hint=hint)
    return chosen
