"""The ends of a workflow's messages: what each step does, and where, as far as the documents can be read (M3)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from arazzo_runner.analysis.linker import Linker
from arazzo_runner.analysis.message_steps import target_of
from arazzo_runner.analysis.scope import DocumentScope, WorkflowScope
from arazzo_runner.analysis.sources import Sources
from arazzo_runner.asyncapi.specs import Action
from arazzo_runner.documents.model import ArazzoDescription, Workflow

REPLY = "(the address of the reply)"


class MessageEnd(Struct, frozen=True):
    """The message of a step.

    Attributes:
        action: ``send`` or ``receive``.
        address: with parameters in braces; ``REPLY`` for one that each request names.
        source: the name of the source description.
    """

    step_id: str
    action: Action
    address: str
    source: str


def message_ends(linker: Linker, description: ArazzoDescription, workflow: Workflow) -> Iterator[MessageEnd]:
    """The steps of a workflow that send or receive; those that cannot be linked are left out."""
    if not any(source.type in ("asyncapi", None) for source in description.source_descriptions):
        return
    scope = WorkflowScope(DocumentScope(linker, description, Sources(linker, description)), workflow)
    for step in scope.steps:
        linked, action = step.messages, step.action
        if linked is not None and action is not None:
            channel = target_of(linked, action, has_sent=step.has_sent).channel
            address = REPLY if channel is None else channel.address or channel.name
            yield MessageEnd(step.step.step_id, action, address, linked.source)
