"""A report on one recipient of one message, as values. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from maildrill.smtp import Reply


class Kind(StrEnum):
    """What a report says became of the message (RFC 3464 section 2.3.3, and what else comes back)."""

    FAILED = "failed"  # it will not be delivered
    DELAYED = "delayed"  # not yet, and it is still tried
    DELIVERED = "delivered"
    RELAYED = "relayed"  # handed on to a server that sends no such reports
    EXPANDED = "expanded"  # delivered to a list
    COMPLAINT = "complaint"  # the recipient did not want it (RFC 5965)
    AUTOMATIC = "automatic reply"  # it was delivered, and a program answered (RFC 3834)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is said of one recipient.

    recipients: the addresses by which the recipient may be known to us, the surest first: as we wrote it, then as
    it was at last, after forwarding. status: an enhanced status code, "" where none is given. reply: what a server
    said, where that is quoted. why: in words. form: what was read: "RFC 3464", "RFC 5965", "qmail" and so on.
    """

    kind: Kind
    recipients: tuple[str, ...] = ()
    status: str = ""
    reply: Reply | None = None
    why: str = ""
    reporter: str = ""  # the server that reports
    form: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A message that came back, and what it reports: nothing, where it is no report.

    message_ids: Message-IDs of what it is about, with their angle brackets, the surest first. envelope_id: what was
    given as ENVID (RFC 3461 section 4.4). at: its own date as it is written there.
    """

    reports: tuple[Report, ...] = ()
    message_ids: tuple[str, ...] = ()
    envelope_id: str = ""
    subject: str = ""
    sender: str = ""
    at: str = ""
    doubts: tuple[str, ...] = field(default=())
