"""The reply codes: what each means, and who says so.

RFC 821 sections 4.2.1-4.2.2 and RFC 5321 section 4.2.3 list most; extensions brought the others. The
table informs people: a code that is not in it is judged by its first digit like any other.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One reply code: its number, its meaning in a few words, and the document that defines it."""

    code: int
    meaning: str
    source: str


_BOTH = "RFC 821, RFC 5321"

CODES: dict[int, Code] = {
    row.code: row
    for row in (
        Code(211, "system status or help", _BOTH),
        Code(214, "help for a human", _BOTH),
        Code(220, "service ready", _BOTH),
        Code(221, "closing the channel", _BOTH),
        Code(235, "authentication succeeded", "RFC 4954"),
        Code(250, "done", _BOTH),
        Code(251, "not local, will forward", _BOTH),
        Code(252, "not verified, will try to deliver", "RFC 5321"),
        Code(334, "challenge: go on with authentication", "RFC 4954"),
        Code(354, "start the message, end with a dot", _BOTH),
        Code(421, "service not available, closing the channel", _BOTH),
        Code(432, "password transition needed", "RFC 4954"),
        Code(450, "mailbox unavailable now", _BOTH),
        Code(451, "error in processing, try later", _BOTH),
        Code(452, "insufficient storage, or too many recipients", _BOTH),
        Code(454, "temporary authentication failure, or TLS not available now", "RFC 4954, RFC 3207"),
        Code(455, "parameters cannot be accommodated now", "RFC 5321"),
        Code(500, "syntax error, command not recognised", _BOTH),
        Code(501, "syntax error in parameters", _BOTH),
        Code(502, "command not implemented", _BOTH),
        Code(503, "bad sequence of commands", _BOTH),
        Code(504, "parameter not implemented", _BOTH),
        Code(521, "host never accepts mail", "RFC 7504"),
        Code(523, "encryption needed", "RFC 5248"),
        Code(530, "authentication required", "RFC 4954"),
        Code(534, "authentication mechanism too weak", "RFC 4954"),
        Code(535, "authentication credentials invalid", "RFC 4954"),
        Code(538, "encryption required for this mechanism", "RFC 4954"),
        Code(550, "mailbox unavailable, or refused by policy", _BOTH),
        Code(551, "user not local, try elsewhere", _BOTH),
        Code(552, "storage allocation exceeded", _BOTH),
        Code(553, "mailbox name not allowed", _BOTH),
        Code(554, "transaction failed, or no service here", _BOTH),
        Code(555, "MAIL or RCPT parameters not recognised", "RFC 5321"),
        Code(556, "domain does not accept mail", "RFC 7504"),
    )
}

_CLASSES = {2: "done", 3: "go on", 4: "not now, try again later", 5: "no, do not try this again"}


def meaning(code: int) -> str:
    """Return what `code` means in words; for an unlisted code what its first digit means."""
    row = CODES.get(code)
    return row.meaning if row else _CLASSES.get(code // 100, "not an SMTP reply code")
