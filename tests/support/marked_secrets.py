"""Marked secrets of every kind, workflows that use them, and an API that answers with all of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

from tests.support.notes import Notes, step

GIVEN = {
    "hfToken": "hf_in/the+environment=1",
    "apiKey": "key of/the+command-line=2",
    "bearer": "bearer.of/the+option==3",
    "login": "pass-of/a+nested=member4",
    "pin": "p1n-of/no+plan=5",
}
BROUGHT = "brought/by+an answer=6"

LOGIN = {"type": "object", "properties": {"user": {"type": "string"}, "password": {"type": "string"}}}
INPUTS = {
    "type": "object",
    "required": ["hfToken", "apiKey", "login", "text"],
    "properties": {
        "hfToken": {"type": "string"},
        "apiKey": {"type": "string", "default": GIVEN["apiKey"]},
        "login": LOGIN,
        "text": {"type": "string"},
    },
}
HEADERS = [
    {"name": "X-One", "in": "header", "value": "$inputs.hfToken"},
    {"name": "X-Two", "in": "header", "value": "$inputs.apiKey"},
    {"name": "X-Three", "in": "header", "value": "$inputs.login.password"},
]
ECHO = {"echo": "$response.body#/text", "accessToken": "$response.body#/accessToken", "note": "$response.body"}
WORKFLOWS = {
    "use-secrets": {
        "summary": f"Echo whatever is sent, with {GIVEN['hfToken']} in its summary.",
        "inputs": INPUTS,
        "steps": [
            step(
                "send",
                "addNote",
                parameters=HEADERS,
                requestBody={"contentType": "application/json", "payload": {"text": "$inputs.hfToken"}},
                outputs=ECHO,
            )
        ],
        "outputs": {name: f"$steps.send.outputs.{name}" for name in ECHO},
    },
    "fail-with-secrets": {
        "summary": "Fail on what is sent.",
        "inputs": INPUTS,
        "steps": [step("send", "getRefused", parameters=HEADERS)],
    },
}
SECURITY = {
    "components": {
        "schemas": {"Note": {"type": "object"}},
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
    },
    "security": [{"bearer": []}],
}


def forms(secret: str) -> Iterator[str]:
    """A secret as text may hold it."""
    yield from (secret, json.dumps(secret)[1:-1], quote(secret), quote(secret, safe=""))
    yield base64.b64encode(secret.encode()).decode().rstrip("=")


def assert_hidden(text: str, *also: str) -> None:
    """Find none of the marked secrets in a text."""
    for secret in (*GIVEN.values(), BROUGHT, *also):
        for form in forms(secret):
            assert form not in text, form


class EchoingNotes(Notes):
    """An API that answers with all that it was sent, and with a token of its own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        every = " ".join(GIVEN.values())
        self.answer = {"text": f"you sent {every}", "accessToken": BROUGHT, "id": 1, "also": [BROUGHT, every]}
