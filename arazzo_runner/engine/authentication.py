"""Credentials that take an exchange with a server (H5): tokens fetched, kept and renewed, digest challenges answered.

The exchanges go by the same effects as a step's requests. They are not attempts: no step shows them, and no limit on
steps counts them.
"""

from __future__ import annotations

from msgspec.structs import replace

from arazzo_runner.effects import Answered, Failed, Request, Response, Send
from arazzo_runner.engine import step as attempts
from arazzo_runner.engine.events import Authenticated
from arazzo_runner.engine.scopes import scope_of
from arazzo_runner.engine.stack import Stack
from arazzo_runner.engine.state import Phase, Prepared
from arazzo_runner.errors import InvalidState, StepError
from arazzo_runner.openapi.auth.digest import challenge_of
from arazzo_runner.openapi.auth.tokens import Token, discovered, discovery_request, read_token, token_request


class Authentication:
    """The exchanges that give a step's request its credentials."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def usable_tokens(self) -> dict[str, Token]:
        """The tokens that have not expired, and those that this attempt has fetched, however short they last."""
        fetched = self.stack.frame.fetched
        return {
            key: token
            for key, token in self.stack.tokens.items()
            if token.expires_at > self.stack.now or key in fetched
        }

    def authenticate(self, wanted: attempts.TokenWanted) -> None:
        """Ask for a token, or first for where it comes from."""
        endpoint, found = wanted.endpoint, self.stack.frame.discovered
        if endpoint.discovery and found is None:
            request = discovery_request(endpoint)
        else:
            request = token_request(wanted.need, found or endpoint.url, endpoint.grant)
        self.stack.frame = replace(self.stack.frame, phase=Phase.AUTHENTICATING, prepared=Prepared(request, {}, ""))
        self.stack.effect = Send(request, self.stack.time_left())

    def authenticated(self, answer: Answered | Failed) -> bool:
        """Store what was asked for; return whether the attempt can continue."""
        frame, step = self.stack.frame, self.stack.step
        if frame.prepared is None:
            raise InvalidState("no token was asked for")
        wanted = attempts.prepare(
            step,
            scope_of(self.stack.workflow, frame),
            self.stack.plan.options,
            attempts.Held(self.usable_tokens(), cookies=self.stack.usable_cookies()),
        )
        if not isinstance(wanted, attempts.TokenWanted):
            raise InvalidState("no token was asked for")
        response = answer.response if isinstance(answer, Answered) else None
        self.tell_exchange(wanted.need.scheme.name, frame.prepared.request, response)
        self.stack.frame = frame = replace(frame, prepared=None)
        try:
            if response is None:
                message = answer.message if isinstance(answer, Failed) else ""
                raise StepError("authentication", f"no token for the scheme {wanted.need.scheme.name!r}: {message}")
            if wanted.endpoint.discovery and frame.discovered is None:
                self.stack.frame = replace(frame, discovered=discovered(wanted.need, response))
            else:
                self.stack.tokens[wanted.key] = read_token(wanted.need, response, self.stack.now)
                self.stack.frame = replace(frame, fetched=(*frame.fetched, wanted.key))
        except StepError as error:
            code = answer.code if isinstance(answer, Failed) and answer.code == "replay-miss" else error.code
            self.stack.stop(code, error.message, hint=error.hint)
            return False
        return not self.stack.out_of_time()

    def challenged(self, response: Response) -> bool:
        """Return whether a 401 can be answered: by a fresh token, or a digest; once in an attempt."""
        frame = self.stack.frame
        if frame.challenged or frame.prepared is None:
            return False
        challenge = challenge_of(response)
        answerable = challenge is not None and attempts.takes_digest(self.stack.step, self.stack.plan.options)
        if not frame.prepared.tokens and not answerable:
            return False
        for key in frame.prepared.tokens:
            self.stack.tokens.pop(key, None)
        self.tell_exchange("", frame.prepared.request, response)
        self.stack.frame = replace(frame, challenged=True, challenge=challenge, discovered=None, fetched=())
        return True

    def tell_exchange(self, scheme: str, request: Request, response: Response | None) -> None:
        stack = self.stack
        where = (stack.workflow.workflow_id, stack.step.step_id, stack.depth)
        stack.tell(Authenticated(*where, scheme, request, response, stack.now))
