"""A document opened, with the way to its sources."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.documents.model import ArazzoDescription
from arazzo_runner.documents.sources import Library, SourceOptions
from arazzo_runner.engine.plan import Plan, RunOptions
from arazzo_runner.engine.planning.planner import make_plan
from arazzo_runner.errors import Problem, UsageError
from arazzo_runner.runtime.disk_cache import ParsedDescriptions
from arazzo_runner.runtime.user_directories import cache_directory

if TYPE_CHECKING:
    from arazzo_runner.runtime.http.applications import Applications
    from arazzo_runner.runtime.http.options import TransportOptions


class Workbook(Struct, frozen=True):
    """A loaded Arazzo document and the way to its sources.

    Attributes:
        description: the document's model.
        problems: everything that is wrong with its structure, in reading order; an error refuses what it touches.
    """

    description: ArazzoDescription
    problems: Sequence[Problem]
    linker: Linker

    @property
    def workflow_ids(self) -> list[str]:
        """The ids of its workflows, in document order."""
        return [workflow.workflow_id for workflow in self.description.workflows]

    def plan(self, workflow_id: str | None = None, options: RunOptions | None = None) -> Plan:
        """Resolve, parse and check a workflow and all that it reaches.

        Args:
            workflow_id: may be left out when the document has one workflow.

        Raises:
            PlanError: it cannot be run as it stands; carries every problem.
            UsageError: there are several workflows and none was named.
        """
        from arazzo_runner.lint.checker import check_workflow

        checks = partial(check_workflow, strict=options is not None and options.strict)
        return make_plan(self.linker, self.description.document, self.chosen(workflow_id), options, checks=checks)

    def chosen(self, workflow_id: str | None) -> str:
        """The id that was named, or that of the document's only workflow.

        Raises:
            UsageError: there are several workflows and none was named.
        """
        if workflow_id is not None:
            return workflow_id
        if len(self.workflow_ids) != 1:
            raise UsageError(
                f"{self.description.document.path} has {len(self.workflow_ids)} workflows",
                hint=f"name one of {', '.join(self.workflow_ids)}",
            )
        return self.workflow_ids[0]


def load(
    path: str | Path,
    *,
    sources: Mapping[str, str] | None = None,
    base_dir: str | None = None,
    transport: TransportOptions | None = None,
    app: Applications | None = None,
) -> Workbook:
    """Load an Arazzo document; its sources are read when a workflow needs them.

    Args:
        path: file or http(s) URL.
        sources: where source descriptions really are, by name (H0).
        base_dir: the root of relative source URLs, instead of the document's own place.
        transport: how http(s) documents are fetched; without it, redirects to other hosts are not followed.
        app: an application of this process that gives http(s) documents instead: ``https://…/openapi.json`` of FastAPI,
            say; of several, only those named by a URL do.

    Raises:
        UnreadableDocument: it is not there, or is not YAML or JSON.
        InvalidDocument: nothing sensible can be made of it.
    """
    linker = Linker(open_library(sources=sources, base_dir=base_dir, transport=transport, app=app))
    document = linker.library.entry(str(path))
    description = linker.description(document)
    return Workbook(description, tuple(linker.load(document)[1]), linker)


def open_library(
    *,
    sources: Mapping[str, str] | None = None,
    base_dir: str | None = None,
    transport: TransportOptions | None = None,
    app: Applications | None = None,
) -> Library:
    """The documents of one run or check; see ``load``."""
    directory = cache_directory(os.environ)
    return Library(
        fetch=partial(_fetch, transport, directory) if app is None else partial(_fetch_from, app),
        options=SourceOptions(dict(sources or {}), base_dir),
        cache=ParsedDescriptions(directory) if directory else None,
    )


def _fetch_from(app: Applications, url: str) -> bytes:
    from arazzo_runner.runtime.http.applications import document_of

    return document_of(app, url)


def _fetch(transport: TransportOptions | None, directory: Path | None, url: str) -> bytes:
    from arazzo_runner.runtime.http.documents import FetchedDocuments, fetch_document
    from arazzo_runner.runtime.http.options import TransportOptions

    kept = FetchedDocuments(directory) if directory else None
    # A document or the command line names the URL; a redirect may lead elsewhere.
    options = transport or TransportOptions(allowed_hosts=frozenset())
    return fetch_document(url, options.naming(url), kept=kept)
