"""Effects, answers, events and options as JSON, and back (``engine.serialization``)."""

from __future__ import annotations

from arazzo_runner import effects
from arazzo_runner.engine import events
from arazzo_runner.engine.plan import RunOptions
from arazzo_runner.engine.serialization import Codec
from arazzo_runner.errors import Place
from arazzo_runner.openapi.auth.credentials import Credential, Credentials
from arazzo_runner.openapi.request.servers import ServerOptions
from arazzo_runner.runtime.decisions import Decision
from arazzo_runner.runtime.http.options import TransportOptions

CODEC = Codec(
    effects.Access, effects.Answered, effects.Broker, effects.ChannelSettings, effects.Failed, effects.Match,
    effects.Message, effects.Publish, effects.Published, effects.Receive, effects.Received, effects.Request,
    effects.Response, effects.Send, effects.Sleep, effects.Subscribe, effects.Subscribed, effects.Woke,
    events.ActionTaken, events.Attempt, events.AttemptFinished, events.AttemptStarted, events.Authenticated,
    events.ChannelSubscribed, events.CriterionOutcome, events.ExchangedMessage, events.MessageAwaited,
    events.Outcome, events.Reason, events.RunFinished, events.RunStarted, events.Waiting,
    events.Warned, events.WorkflowEntered, events.WorkflowLeft,
    Credential, Credentials, Decision, Place, RunOptions, ServerOptions, TransportOptions,
)  # fmt: skip
encode, decode, plain, revived = CODEC.encode, CODEC.decode, CODEC.plain, CODEC.revived
