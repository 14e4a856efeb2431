"""Secrets of effects and answers, known before anything shows them (S1)."""

from __future__ import annotations

from arazzo_runner.effects import Answer, Answered, Effect, Publish, Received, Send, Subscribe
from arazzo_runner.runtime.secrets.redaction import Redactor


def learn_effect(redactor: Redactor, effect: Effect | None) -> None:
    """Take what an effect sends that is secret."""
    match effect:
        case Send(request):
            redactor.learn_request(request)
        case Subscribe(broker=broker):
            redactor.learn_access(broker.access)
        case Publish(broker, message):
            redactor.learn_access(broker.access)
            redactor.learn_message(message)


def learn_answer(redactor: Redactor, answer: Answer) -> None:
    """Take what an answer brought that is secret."""
    match answer:
        case Answered(response):
            redactor.learn_response(response)
        case Received(message):
            redactor.learn_message(message)
