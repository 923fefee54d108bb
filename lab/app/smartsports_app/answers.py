"""The forms of an answer."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


class Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return content if isinstance(content, bytes) else json.dumps(content, separators=(",", ":")).encode()


class Problem(Exception):
    """An answer that is an error: a code for programs, a sentence for people."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(self) -> Json:
        return Json({"error": self.code, "message": self.message}, status_code=self.status, headers=self.headers)


def unavailable(message: str = "The database cannot be reached; nothing was changed; try again in a moment.") -> Problem:
    return Problem(503, "unavailable", message, Retry_After="1")


def queued(reason: str, token: str, retry_after: int = 2, **members: Any) -> Json:
    body = {"status": "queued", "reason": reason, "token": token, **members}
    return Json(body, status_code=202, headers={"Retry-After": str(retry_after)})
