"""A reply as the event log holds it, in KumoMTA's fields: `code`, `enhanced_code`, `content`, `command`; and back.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import cast

from maildrill.smtp import EnhancedStatus, Reply, Stage

_COMMANDS = {
    Stage.HELO: "HELO",
    Stage.EHLO: "EHLO",
    Stage.STARTTLS: "STARTTLS",
    Stage.AUTH: "AUTH",
    Stage.MAIL: "MAIL FROM",
    Stage.RCPT: "RCPT TO",
    Stage.DATA: "DATA",
    Stage.DOT: ".",
    Stage.BDAT: "BDAT",
    Stage.RSET: "RSET",
    Stage.QUIT: "QUIT",
}


def response(reply: Reply, stage: Stage) -> dict[str, object]:
    """Return the object of a `response` field; `command` is missing where the reply answered none."""
    found: dict[str, object] = {"code": reply.code}
    status, content = reply.enhanced, reply.text
    if status is not None:
        found["enhanced_code"] = {"class": status.klass, "subject": status.subject, "detail": status.detail}
        content = content.removeprefix(str(status)).removeprefix(" ")
    found["content"] = content
    command = _COMMANDS.get(stage)
    if command is not None:
        found["command"] = command
    return found


def said(fields: Mapping[str, object]) -> str:
    """Return the reply in an event's `response`, `450 4.2.1 busy`, or nothing where it has none; not escaped."""
    found = fields.get("response")
    if not isinstance(found, dict):
        return ""
    parts = (found.get("code"), enhanced(found), found.get("content"))
    return " ".join(str(part) for part in parts if part)


def enhanced(found: Mapping[str, object]) -> str:
    """Return the enhanced status code of a response, or nothing where it has none."""
    status = found.get("enhanced_code")
    if not isinstance(status, dict):
        return ""
    numbers = cast("dict[str, int]", status)
    return _status(numbers["class"], numbers["subject"], numbers["detail"])


@lru_cache(maxsize=256)  # there are few
def _status(klass: int, subject: int, detail: int) -> str:
    return str(EnhancedStatus(klass, subject, detail))


def code_of(fields: Mapping[str, object]) -> int | None:
    """Return the reply code in an event's `response`, None where it has none."""
    found = fields.get("response")
    code = found.get("code") if isinstance(found, dict) else None
    return code if isinstance(code, int) else None
