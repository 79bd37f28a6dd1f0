"""The behaviours of Apache James' mock SMTP server: a command, a condition, a response, how often. Pure."""

from __future__ import annotations

import re

from maildrill.fakeserver.importers.source import Source
from maildrill.fakeserver.text.rulebook import Rulebook, Word, literal
from maildrill.smtp.document import Table

WORDS = '[{"command": "RCPT TO", "condition": {"operator": "matchAll"}, "response": {"code": 451, "message": "later"}}]'
#: Each command: the stage, and the selector that its condition is about.
_COMMANDS = {
    "EHLO": ("ehlo", "ehlo"),
    "MAIL FROM": ("mail", "from"),
    "RCPT TO": ("rcpt", "rcpt"),
    "DATA": ("dot", "body"),
    "RSET": ("rset", "command"),
    "VRFY": ("vrfy", "command"),
    "NOOP": ("noop", "command"),
    "QUIT": ("quit", "command"),
}


def detects(text: str) -> bool:
    """Whether a text looks like behaviours."""
    return '"smtpBehaviors"' in text or bool(re.search(r'"operator"\s*:\s*"(?:contains|matchAll)"', text))


def read_james(text: str, name: str) -> Rulebook:
    """Return the rules; raises ConfigurationError."""
    book = Rulebook("from the behaviours of Apache James' mock SMTP server")
    for table in Source(text, name).json_list("smtpBehaviors", WORDS):
        stage, selector = _COMMANDS[table.choice("command", _COMMANDS)]
        value = _condition(table.table("condition"))
        words: dict[str, Word] = {selector + "_" if selector == "from" else selector: _containing(value)}
        times = table.number("numberOfAnswer", least=1) if table.raw("numberOfAnswer") is not None else None
        book.rule(at=stage, **words, reply=_response(table.table("response")), times=times)
        table.finish()
    return book


def _condition(table: Table) -> str | None:
    contains = table.choice("operator", ("contains", "matchAll")) == "contains"
    value = table.text("matchingValue") if contains else table.raw("matchingValue")
    table.finish()
    return str(value) if contains else None


def _containing(value: str | None) -> str | None:
    """Return the pattern of what contains a text: James looks at its case, a pattern here does not."""
    return None if value is None else f"~{re.escape(value)}"


def _response(table: Table) -> str:
    code = table.number("code")
    if not 200 <= code <= 599:
        table.fail("code", f"code is {code}", expected="a code 200..599")
    message = table.text("message")
    table.raw("rejected")
    table.finish()
    return f"{code} {literal(message)}"
