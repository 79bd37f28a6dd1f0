"""What a campaign asks of those who report on its messages: NOTIFY, ORCPT, RET and ENVID (RFC 3461). Pure.

Rule: an ENVID says which message it was, and which try; whoever gets a report finds both by it alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from maildrill.sender.xtext import write_utf8, write_xtext

#: Characters of an ORCPT, as encoded (RFC 3461 section 4.2).
MAX_ORCPT = 500

_ENVID = re.compile(r"([^\s.@<>]+)\.(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)


class Notify(StrEnum):
    """When a report is wanted (RFC 3461 section 4.1); NEVER stands alone. In the order in which they are said."""

    NEVER = "never"
    SUCCESS = "success"
    FAILURE = "failure"
    DELAY = "delay"


class Ret(StrEnum):
    """How much of the message a report returns (RFC 3461 section 4.3)."""

    FULL = "full"
    HDRS = "hdrs"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeId:
    """Which message, and which try of it: what is said as ENVID (RFC 3461 section 4.4).

    message: the Message-ID up to its at-sign. run, session, transaction: as in the ledger's tries.
    """

    message: str
    run: int
    session: int
    transaction: int

    def __str__(self) -> str:
        return f"{self.message}.{self.run}.{self.session}.{self.transaction}"

    @classmethod
    def read(cls, text: str) -> EnvelopeId | None:
        """Return what an ENVID of ours says; None for any other."""
        found = _ENVID.fullmatch(text.strip())
        if found is None:
            return None
        return cls(message=found[1], run=int(found[2]), session=int(found[3]), transaction=int(found[4]))


def message_of(message_id: str) -> str:
    """Return what stands for a message in its ENVID: its Message-ID up to the at-sign, without the bracket."""
    return message_id.removeprefix("<").partition("@")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class DsnRequest:
    """What a campaign asks for where the server offers DSN.

    notify: empty: whatever the server does unasked. ret: None likewise. envid, orcpt: whether they are said.
    """

    notify: tuple[Notify, ...] = ()
    ret: Ret | None = None
    envid: bool = True
    orcpt: bool = True

    def mail(self, envelope_id: EnvelopeId) -> tuple[str, ...]:
        """Return the parameters of MAIL."""
        ret = (f"RET={self.ret.upper()}",) if self.ret else ()
        return (*ret, f"ENVID={write_xtext(str(envelope_id))}") if self.envid else ret

    def rcpt(self, recipient: str) -> tuple[str, ...]:
        """Return the parameters of RCPT; an ORCPT that would be too long is left out."""
        notify = (f"NOTIFY={','.join(self.notify).upper()}",) if self.notify else ()
        orcpt = original_recipient(recipient)
        return (*notify, f"ORCPT={orcpt}") if self.orcpt and len(orcpt) <= MAX_ORCPT else notify


@dataclass(frozen=True, slots=True)
class Reporting:
    """What one transaction asks for: the campaign's wishes, and the name of this try."""

    wishes: DsnRequest
    envelope_id: EnvelopeId


def original_recipient(address: str) -> str:
    """Return an address as ORCPT says it: its type, and the address so that 7 bits hold it (RFC 3461, RFC 6533)."""
    return f"rfc822;{write_xtext(address)}" if address.isascii() else f"utf-8;{write_utf8(address)}"
