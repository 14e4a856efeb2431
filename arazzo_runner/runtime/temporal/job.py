"""Jobs: a run's documents, options, inputs, and the state that it continues from. They travel sealed.

Pure: it is used inside a Temporal workflow, where nothing may be read and no clock may be asked.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, ValidationError, convert
from msgspec.structs import asdict, replace

from arazzo_runner.documents.sources import SourceOptions
from arazzo_runner.effects import Send
from arazzo_runner.engine.flow import Turn
from arazzo_runner.engine.plan import Level, Plan, RunOptions
from arazzo_runner.engine.state import RunState
from arazzo_runner.errors import InvalidState
from arazzo_runner.runtime.durable.documents import KeptDocument, workbook_of
from arazzo_runner.runtime.durable.resumption import Pending
from arazzo_runner.runtime.http.options import TransportOptions
from arazzo_runner.runtime.serialization import decode, encode, plain, revived
from arazzo_runner.runtime.temporal.messages import Attached, attached_again, plain_attached

FORMAT = "arazzo-job/2"
MAX_PLANS = 64


class Job(Struct, frozen=True):
    """A run that is handed to a cluster.

    Attributes:
        id: of the run; also the identity that idempotency keys are made of.
        document: as the user named it.
        entry: URI of the document.
        transport: how requests are sent, the same on every machine.
        check: the level of ``--check``, for whoever shows the run.
        searchable: whether the namespace knows our search attributes.
        state, pending: where it continues; None at its beginning.
        effect: over messages, that it continues with; None for a request.
        attached: its subscriptions, where it continues.
    """

    id: str
    document: str
    entry: str
    workflow_id: str
    sources: SourceOptions
    options: RunOptions
    inputs: Mapping[str, Any]
    documents: Sequence[KeptDocument]
    transport: TransportOptions
    check: Level = "off"
    searchable: bool = False
    state: str | None = None
    pending: str | None = None
    effect: str | None = None
    attached: str | None = None

    def going_on(self, turn: Turn, attached: Attached) -> Job:
        """Return the job that continues behind a turn."""
        return replace(
            self,
            state=turn.state.to_json(),
            pending=Pending.of(turn).to_json(),
            effect=None if isinstance(turn.effect, Send) else encode(turn.effect),
            attached=encode(plain_attached(attached)),
        )

    def kept_attachments(self) -> Attached:
        """The subscriptions of the run, none at its beginning."""
        return Attached() if self.attached is None else attached_again(decode(self.attached))

    def kept_state(self) -> tuple[RunState, Pending] | None:
        """The state from which the run continues, or None at its beginning."""
        if self.state is None or self.pending is None:
            return None
        return RunState.from_json(self.state), Pending.from_json(self.pending)

    def plan(self) -> Plan:
        """The plan of the run: the same in every process."""
        workbook = workbook_of(self.documents, self.entry, self.sources, cached=False)
        return workbook.plan(self.workflow_id, self.options)

    def to_json(self) -> str:
        """The job as JSON text, secrets included: it has to be sealed."""
        documents = [asdict(document) for document in self.documents]
        data = asdict(self) | {"sources": asdict(self.sources), "documents": documents}
        return json.dumps({"format": FORMAT, "job": plain(data)})

    @classmethod
    def from_json(cls, text: str) -> Job:
        """The job that ``to_json`` wrote.

        Raises:
            InvalidState: it is of another release.
        """
        try:
            kept = json.loads(text)
            if kept["format"] != FORMAT:
                raise InvalidState(f"not a job of this release (expected {FORMAT})")
            return convert(revived(kept["job"]), cls)
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise InvalidState(f"not a job: {error}") from None


class Plans:
    """The plans of the jobs of this process, made once for all runs that have the same documents and options."""

    def __init__(self) -> None:
        self._plans: OrderedDict[str, Plan] = OrderedDict()

    def of(self, job: Job) -> Plan:
        """The plan of a job."""
        key = "\n".join([job.entry, job.workflow_id, encode(job.options), repr(job.sources), *_digests(job)])
        plan = self._plans.pop(key, None) or job.plan()
        self._plans[key] = plan
        if len(self._plans) > MAX_PLANS:
            self._plans.popitem(last=False)
        return plan


def _digests(job: Job) -> list[str]:
    return [document.digest for document in job.documents]
