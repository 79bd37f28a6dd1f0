"""A reply as the event log holds it, in KumoMTA's fields: `code`, `enhanced_code`, `content`, `command`; and back.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import cast

from maildrill.smtp import EnhancedStatus, Reply, Stage

_COMMANDS = {  # by their words, for an enumeration's own hash is dear
    Stage.HELO.value: "HELO",
    Stage.EHLO.value: "EHLO",
    Stage.STARTTLS.value: "STARTTLS",
    Stage.AUTH.value: "AUTH",
    Stage.MAIL.value: "MAIL FROM",
    Stage.RCPT.value: "RCPT TO",
    Stage.DATA.value: "DATA",
    Stage.DOT.value: ".",
    Stage.BDAT.value: "BDAT",
    Stage.RSET.value: "RSET",
    Stage.QUIT.value: "QUIT",
}


def response(reply: Reply, stage: Stage | None = None) -> dict[str, object]:
    """Return the object of a `response` field; `command` is missing where the reply answered none, or any."""
    found: dict[str, object] = {"code": reply.code}
    status, content = reply.enhanced, reply.text
    if status is not None:
        klass, subject, detail = status.klass, status.subject, status.detail
        found["enhanced_code"] = {"class": klass, "subject": subject, "detail": detail}
        content = content.removeprefix(_status(klass, subject, detail)).removeprefix(" ")
    found["content"] = content
    command = _COMMANDS.get(stage._value_) if stage is not None else None
    if command is not None:
        found["command"] = command
    return found


def said(fields: Mapping[str, object]) -> str:
    """Return the reply in an event's `response`, `450 4.2.1 busy`, or nothing where it has none; not escaped."""
    found = fields.get("response")
    if not isinstance(found, dict):
        return ""
    parts = (found.get("code"), enhanced(found), found.get("content"))
    return " ".join([str(part) for part in parts if part])


def reply_of(fields: Mapping[str, object]) -> Reply | None:
    """Return the reply in an event's `response`, None where it has none; its text is one line.

    In logs of old `campaign.paused` has it in fields of its own, `code` and `text`.
    """
    code, text = code_of(fields), said(fields)[4:]
    if code is None and isinstance(fields.get("code"), int):
        code, text = cast("int", fields["code"]), str(fields.get("text") or "")
    return None if code is None else Reply(code, (text,) if text else ())


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
