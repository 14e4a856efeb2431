"""The ground that the pages stand on: the workflows that are shown, the engine that keeps runs, and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from arazzo_runner.errors import ArazzoError
from arazzo_runner.runtime.runners.handles import RunEngine
from arazzo_runner.runtime.secrets.redaction import Redactor
from arazzo_runner.serving.offers import Offer

if TYPE_CHECKING:
    from arazzo_runner.engine.plan import Level
    from arazzo_runner.runtime.cases.judging import FindDocument


class WebSite(Struct, frozen=True):
    """The settings of a server.

    Attributes:
        offers: the workflows by the name in their address.
        passed_over: a sentence for each document that cannot be used.
        redactor: knows every secret that the person who runs the server has given (S1).
        allow_run: whether the pages may start, steer and record runs; they only show otherwise.
        cases: the directory of recorded cases.
        find_document: returns the document of a workflow, for cases that do not name theirs.
        check: check every exchange against OpenAPI.
        engine_name: of the engine, for people.
    """

    offers: Mapping[str, Offer]
    passed_over: tuple[str, ...]
    engine: RunEngine
    redactor: Redactor
    allow_run: bool
    cases: Path
    find_document: FindDocument
    check: Level = "off"
    engine_name: str = "the journal of this machine"

    def __repr__(self) -> str:
        # The offers have credentials (S1).
        return f"<site of {len(self.offers)} workflows>"

    def offer_of_run(self, workflow_id: str, document: str) -> Offer | None:
        """Return the workflow that a run is of, as it is offered now; None when it is not."""
        same = [offer for offer in self.offers.values() if offer.workflow.workflow_id == workflow_id]
        named = [offer for offer in same if offer.workbook.description.document.path == document]
        return next(iter(named or same), None)

    def given_again(self, workflow_id: str, document: str) -> Mapping[str, Any]:
        """Return the inputs that the person who runs the server gives to runs of a workflow."""
        offer = self.offer_of_run(workflow_id, document)
        if offer is None:
            return {}
        try:
            return offer.given
        except ArazzoError:
            return {}


class PageRefused(ArazzoError):
    """A request that cannot be answered as it was meant.

    Attributes:
        status: of the answer.
    """

    code = "refused"

    def __init__(self, status: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


def not_found(what: str, *, hint: str = "") -> PageRefused:
    """Return the error for something that is not there."""
    return PageRefused(404, what, hint=hint)


def looked_at(site: WebSite) -> None:
    """Refuse to change anything where pages only show.

    Raises:
        PageRefused: they do.
    """
    if not site.allow_run:
        message = "this server only shows: it does not start or change runs"
        raise PageRefused(403, message, hint="start it with: arazzo web --allow-run")
