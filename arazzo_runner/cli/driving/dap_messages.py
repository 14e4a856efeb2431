"""Messages of the Debug Adapter Protocol: read and written, a JSON object behind its length."""

from __future__ import annotations

import json
import queue
import threading
from typing import IO, Any

Message = dict[str, Any]


class Messages:
    """The two streams of an editor. A thread reads, so that a run which goes on hears of a pause.

    Args:
        incoming: without a buffer, whose lock the thread would still hold when the process ends.
    """

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._number = 0
        self._queue: queue.Queue[Message | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def next(self) -> Message | None:
        """The next request; None when the editor has gone."""
        return self._queue.get()

    def is_interrupted(self) -> bool:
        """Return whether the editor asks to pause, or has gone."""
        waiting = list(self._queue.queue)
        return any(one is None or one.get("command") in ("pause", "disconnect", "terminate") for one in waiting)

    def event(self, name: str, **body: Any) -> None:
        """Tell the editor something."""
        self._send({"type": "event", "event": name, "body": body})

    def respond(self, request: Message, body: Message | None = None) -> None:
        """Answer a request."""
        self._send(_response(request) | {"success": True, "body": body or {}})

    def refuse(self, request: Message, message: str) -> None:
        """Answer a request that cannot be carried out; the editor shows why."""
        error = {"id": 1, "format": message.replace("{", "(").replace("}", ")"), "showUser": True}
        self._send(_response(request) | {"success": False, "message": message, "body": {"error": error}})

    def _send(self, message: Message) -> None:
        self._number += 1
        content = json.dumps({"seq": self._number, **message}).encode()
        self._outgoing.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        self._outgoing.flush()

    def _listen(self) -> None:
        while (message := self._read()) is not None:
            self._queue.put(message)
        self._queue.put(None)

    def _read(self) -> Message | None:
        """The next message; None at the end, or when what came is none."""
        length = 0
        while True:
            line = self._incoming.readline()
            if not line:
                return None
            if not line.strip():
                break
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length" and value.strip().isdigit():
                length = int(value)
        content = b""
        while len(content) < length:
            if not (part := self._incoming.read(length - len(content))):
                return None
            content += part
        try:
            message = json.loads(content)
        except ValueError:
            return None
        return message if isinstance(message, dict) else None


def _response(request: Message) -> Message:
    return {"type": "response", "request_seq": request.get("seq", 0), "command": request.get("command", "")}
