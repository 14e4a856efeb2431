"""The smallest Arazzo document and description, to be changed by a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STEP = {"stepId": "s", "operationId": "o"}


API: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "t", "version": "1"},
    "servers": [{"url": "http://127.0.0.1:9"}],
    "paths": {"/a": {"get": {"operationId": "o", "responses": {"200": {"description": "ok"}}}}},
}


def document(*workflows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "arazzo": "1.0.1",
        "info": {"title": "t", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": "api.json", "type": "openapi"}],
        "workflows": list(workflows) or [{"workflowId": "w", "steps": [STEP]}],
        **changes,
    }


def write(directory: Path, arazzo: dict[str, Any] | str | bytes, api: dict[str, Any] | str = API) -> str:
    """Write both; return the document's path."""
    for name, content in (("w.yaml", arazzo), ("api.json", api)):
        data = json.dumps(content) if isinstance(content, dict) else content
        (directory / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return str(directory / "w.yaml")
