"""The messages that a server sends by itself, octet by octet: bounces, feedback reports, automatic replies.

RFC 3464 and 3461 (DSN), RFC 5965 (ARF), RFC 3834 (automatic replies), RFC 6533 (addresses beyond ASCII). Rule: times,
names and ids are arguments; what a client wrote is quoted octet by octet or made safe for a header. Pure.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from hashlib import blake2b
from ipaddress import ip_address

from maildrill.fakeserver.language.injection import Action, Feedback, Kind
from maildrill.fakeserver.message.content import Letter
from maildrill.fakeserver.protocol.dsn import read_envid, read_orcpt
from maildrill.fakeserver.sending.injections import Cause
from maildrill.smtp import domain_of, escape

_BREAK = re.compile(rb"\r\n|\r|\n")
_LONGEST = 998  # octets of a line, RFC 5322 section 2.1.1
_EXCERPT = 300  # characters of a subject that are repeated
_SUBJECTS = {
    Action.FAILED: "Undelivered Mail Returned to Sender",
    Action.DELAYED: "Delayed Mail (still being retried)",
    Action.DELIVERED: "Successful Mail Delivery Report",
    Action.RELAYED: "Successful Mail Delivery Report",
    Action.EXPANDED: "Successful Mail Delivery Report",
}
_SAYS = {
    Action.FAILED: "Your message could not be delivered to <{rcpt}>.",
    Action.DELAYED: "Your message could not be delivered to <{rcpt}> so far. It is tried again, nothing is to be done.",
    Action.DELIVERED: "Your message was delivered to <{rcpt}>.",
    Action.RELAYED: "Your message was handed on for <{rcpt}>, to a server that sends no such reports.",
    Action.EXPANDED: "Your message was delivered to <{rcpt}>, which is a list, and handed on to those on it.",
}


@dataclass(frozen=True, slots=True)
class Postmark:
    """Which server sends it, when (Unix seconds), and the address from which came what it is about ("": not known)."""

    hostname: str
    now: float
    client: str = ""


def compose(cause: Cause, mark: Postmark) -> bytes:
    """Return the message that a cause leads to, header and body; each line ends with CRLF."""
    return _COMPOSERS[cause.injection.kind](cause, mark)


def _dsn(cause: Cause, mark: Postmark) -> bytes:
    one = cause.injection
    fields = [f"Reporting-MTA: dns; {mark.hostname}"]
    envid = read_envid(cause.parameters.get("ENVID", ""))
    if envid:
        fields.append(f"Original-Envelope-Id: {envid}")
    fields += [f"Arrival-Date: {_date(cause.at)}", ""]
    original = read_orcpt(cause.said.get("ORCPT", ""))
    if original:
        fields.append(f"Original-Recipient: {original[0]}; {_ascii(original[1])}")
    fields += [
        f"Final-Recipient: {_typed(cause.rcpt)}",
        f"Action: {one.outcome}",
        f"Status: {one.code}",
        *([f"Diagnostic-Code: smtp; {_line(one.diagnostic)}"] if one.diagnostic else []),
        f"Last-Attempt-Date: {_date(mark.now)}",
    ]
    whole = cause.parameters.get("RET", "").upper() == "FULL"
    parts = (
        _text(one.text or _SAYS[one.outcome].format(rcpt=cause.rcpt)),
        _part("message/delivery-status", _octets(fields)),
        _part("message/rfc822" if whole else "text/rfc822-headers", _lines_ended(cause.original)),
    )
    return _report(cause, mark, f"Mail Delivery System <MAILER-DAEMON@{mark.hostname}>", "delivery-status", parts)


def _complaint(cause: Cause, mark: Postmark) -> bytes:
    one, domain = cause.injection, domain_of(cause.reverse_path)
    fields = [
        f"Feedback-Type: {one.feedback or Feedback.ABUSE}",
        "User-Agent: maildrill/1",
        "Version: 1",
        f"Original-Mail-From: <{_ascii(cause.reverse_path)}>",
        f"Original-Rcpt-To: <{_ascii(cause.rcpt)}>",
        f"Arrival-Date: {_date(cause.at)}",
        *([f"Source-IP: {mark.client}"] if _is_ip(mark.client) else []),
        f"Reporting-MTA: dns; {mark.hostname}",
        *([f"Reported-Domain: {domain}"] if domain and domain.isascii() else []),
    ]
    said = one.text or f"This is a report about a message that <{cause.rcpt}> did not want."
    parts = (
        _text(said),
        _part("message/feedback-report", _octets(fields)),
        _part("message/rfc822", _lines_ended(cause.original)),
    )
    return _report(cause, mark, f"Feedback <feedback@{mark.hostname}>", "feedback-report", parts)


def _absence(cause: Cause, mark: Postmark) -> bytes:
    original = Letter(cause.original)
    subject, identity = original.header("Subject"), _ids(original.header("Message-ID"))
    references = " ".join(filter(None, (_ids(original.header("References")), identity)))
    header = [
        f"From: <{cause.rcpt}>",
        *_common(cause, mark, f"Auto: {subject}" if subject else "Auto: your message"),
        *([f"In-Reply-To: {identity}"] if identity else []),
        *_folded("References", references),
    ]
    return _octets(header) + _text(cause.injection.text or "I am out of the office, and read this when I am back.")


def _report(cause: Cause, mark: Postmark, sender: str, kind: str, parts: Sequence[bytes]) -> bytes:
    """Return a multipart/report (RFC 6522)."""
    subject = (
        _SUBJECTS[cause.injection.outcome]
        if kind == "delivery-status"
        else f"FW: {Letter(cause.original).header('Subject')}"
    )
    boundary = _boundary(cause.id, b"".join(parts))
    header = [
        f"From: {sender}",
        *_common(cause, mark, subject),
        f'Content-Type: multipart/report; report-type={kind};\r\n boundary="{boundary}"',
        "",
        "This is a message in several parts (MIME).",
        "",
    ]
    begin = f"--{boundary}\r\n".encode()
    return _octets(header) + b"".join(begin + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()


def _common(cause: Cause, mark: Postmark, subject: str) -> tuple[str, ...]:
    return (
        f"To: <{cause.address}>",
        f"Subject: {_header(subject)}",
        f"Date: {_date(mark.now)}",
        f"Message-ID: <{cause.id}@{mark.hostname}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
    )


def _lines_ended(content: bytes) -> bytes:
    """Return octets of which each line ends with CRLF: nothing else may be sent (RFC 5321 section 2.3.8)."""
    ended = _BREAK.sub(b"\r\n", content)
    return ended if ended.endswith(b"\r\n") else ended + b"\r\n"


def _text(text: str) -> bytes:
    """Return a part that people read."""
    octets = "\r\n".join(text.strip("\n").splitlines()).encode() + b"\r\n"
    if octets.isascii() and all(len(line) <= _LONGEST for line in octets.split(b"\r\n")) and b"\0" not in octets:
        return _part("text/plain; charset=us-ascii", octets)
    coded = encodebytes(octets).replace(b"\n", b"\r\n")
    return b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + coded


def _part(kind: str, content: bytes) -> bytes:
    coding = "" if content.isascii() else "Content-Transfer-Encoding: 8bit\r\n"
    return f"Content-Type: {kind}\r\n{coding}\r\n".encode() + content


def _boundary(identity: str, content: bytes) -> str:
    """Return a boundary that does not occur in the content, hashed."""
    boundary = identity
    while boundary.encode() in content:
        boundary = blake2b(boundary.encode(), digest_size=10).hexdigest()
    return boundary


def _octets(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")


def _line(text: str) -> str:
    return " ".join(text.split())


def _header(text: str) -> str:
    """Return a subject as a header may hold it: on folded lines, encoded where it is not ASCII (RFC 2047)."""
    safe = escape(text[:_EXCERPT]).replace("\\\\", "\\")
    charset = "us-ascii" if safe.isascii() else "utf-8"
    return Header(safe, charset, maxlinelen=76, header_name="Subject").encode(linesep="\r\n")


def _folded(name: str, value: str) -> tuple[str, ...]:
    return (f"{name}: " + value.replace(" ", "\r\n "),) if value else ()


def _ids(text: str) -> str:
    """Return the message identifiers in a field, those that can stand in one again."""
    return " ".join(word for word in text.split() if word.isascii() and word.isprintable() and len(word) < _LONGEST)


def _is_ip(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _date(at: float) -> str:
    return format_datetime(datetime.fromtimestamp(at, UTC))


def _typed(address: str) -> str:
    """Return an address with its type, as a delivery status has it (RFC 6533 section 3 beyond ASCII)."""
    return f"rfc822; {address}" if address.isascii() else f"utf-8; {_ascii(address)}"


def _ascii(address: str) -> str:
    return "".join(mark if mark.isascii() else f"\\x{{{ord(mark):02X}}}" for mark in address)


_COMPOSERS: dict[Kind, Callable[[Cause, Postmark], bytes]] = {
    Kind.DSN: _dsn,
    Kind.COMPLAINT: _complaint,
    Kind.OOTO: _absence,
}
