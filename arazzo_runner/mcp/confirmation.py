"""The question to the person before a workflow changes something, in both ways that the protocol has for it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mcp_types import (
    CallToolRequestParams,
    ClientCapabilities,
    ElicitationCapability,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from arazzo_runner.reports.text import one_line
from arazzo_runner.runtime.secrets.redaction import Redactor
from arazzo_runner.serving.offers import Offer
from arazzo_runner.serving.refusals import CallRefused

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

_ANSWER = "confirm"
_FORM: dict[str, Any] = {"type": "object", "properties": {}}
"""Nothing to fill in: to accept it is to confirm."""
MAX_OPEN = 1_000
"""Questions that may be open at once; the oldest is forgotten first, and asked again."""


class Confirmation:
    """Asks the person, by the client; one answer is good for one call."""

    def __init__(self) -> None:
        self._open: dict[str, None] = {}

    async def ask(
        self,
        ctx: ServerRequestContext[Any, Any],
        params: CallToolRequestParams,
        offer: Offer,
        inputs: Mapping[str, Any],
        redactor: Redactor,
    ) -> InputRequiredResult | None:
        """Return None when the person has confirmed, or the question that the client has to put first.

        Raises:
            CallRefused: the person did not confirm, or the client cannot ask.
        """
        modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
        if modern and params.request_state in self._open:
            del self._open[str(params.request_state)]
            self._judge((params.input_responses or {}).get(_ANSWER), offer)
            return None
        if not ctx.session.check_client_capability(ClientCapabilities(elicitation=ElicitationCapability())):
            raise CallRefused(
                "not-confirmed",
                f"{offer.name} changes data, this server asks the person first, and this client cannot ask",
                hint="use a client with elicitation, or let the person start the server without --confirm writes",
            )
        message = question(offer, inputs, redactor)
        if modern:
            state = secrets.token_urlsafe(24)
            self._open[state] = None
            while len(self._open) > MAX_OPEN:
                del self._open[next(iter(self._open))]
            asked = ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=_FORM))
            return InputRequiredResult(input_requests={_ANSWER: asked}, request_state=state)
        self._judge(await ctx.session.elicit_form(message, _FORM, related_request_id=ctx.request_id), offer)
        return None

    def _judge(self, answer: Any, offer: Offer) -> None:
        if not isinstance(answer, ElicitResult) or answer.action != "accept":
            message = f"the person did not confirm {offer.name}; nothing was sent"
            raise CallRefused("not-confirmed", message, hint="do not call it again unless the person asks for it")


def question(offer: Offer, inputs: Mapping[str, Any], redactor: Redactor) -> str:
    """Return what the person is asked: the workflow, what it calls, and the inputs, secrets masked."""
    shown = redactor.inputs({name: value for name, value in inputs.items() if name not in offer.hidden})
    values = {name: json.dumps(value, ensure_ascii=False, default=str) for name, value in shown.items()}
    listed = [f"  {name} = {one_line(value, 200)}" for name, value in values.items()]
    lines = [f"Run {offer.name}? {offer.title}", offer.reach.sentence(), *(["Inputs:", *listed] if listed else [])]
    return redactor.text("\n".join(lines))
