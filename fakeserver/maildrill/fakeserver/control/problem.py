"""What went wrong with a request: problem details in JSON (RFC 9457), with what was expected and a hint. Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from maildrill.smtp import MaildrillError


class Problem(MaildrillError):  # noqa: N818 - RFC 9457 calls it so
    """An error with the HTTP status that it ends a request with. more: members of its own."""

    def __init__(self, status: int, what: str, *, expected: str = "", hint: str = "", **more: object) -> None:
        super().__init__(what, expected=expected, hint=hint)
        self.status = status
        self.more = more


def problem_of(error: MaildrillError, status: int = 422) -> dict[str, Any]:
    """Return the members of the problem that an error is; what is empty is left out."""
    status = error.status if isinstance(error, Problem) else status
    more = error.more if isinstance(error, Problem) else {}
    members: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.what,
        "where": error.where,
        "expected": error.expected,
        "hint": error.hint,
    }
    said = {name: value for name, value in members.items() if value != ""}
    return {**said, **{name: value for name, value in more.items() if value is not None}}
