"""Idempotency keys: a header by which a server recognises a request that it has had before, and does it only once.

Only an operation that declares such a header is sent one. The key says which attempt of which step it is, so that a
request sent again after a crash has the same one, and another attempt another.
"""

from __future__ import annotations

import hashlib
import re
import uuid

from arazzo_runner.openapi.operations import Operation

_NAME = re.compile(r"idempoten(?:cy|t)[-_]?(?:key|token|id)", re.IGNORECASE)


def idempotency_header(operation: Operation) -> str | None:
    """The header in which the operation takes an idempotency key, or None."""
    return next((p.name for p in operation.parameters if p.location == "header" and _NAME.search(p.name)), None)


def idempotency_key(identity: str, workflow: str, step_id: str, attempt: int) -> str | None:
    """The key of one attempt, a UUID; None without an identity.

    Args:
        identity: unique to the run.
        attempt: its number in the whole run.
    """
    if not identity:
        return None
    digest = hashlib.sha256(f"{identity}\n{workflow}\n{step_id}\n{attempt}".encode("utf-8", "surrogatepass")).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))
