"""MAIL and RCPT as a server's offers allow them (RFC 5321 section 2.2), and what they do not allow at all. Pure.

Rule: no parameter is said that the last reply to EHLO did not offer (invariant I27).
"""

from __future__ import annotations

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.capabilities import Capabilities
from maildrill.sender.dsn import Reporting
from maildrill.sender.octets import Content
from maildrill.smtp import Envelope, Stage


def obstacle(offers: Capabilities, envelope: Envelope, message: Content) -> Broken | None:
    """Return why the server cannot take this message, known from its offers alone; None: it may."""
    size = offers.size
    if size and message.size > size:
        detail = f"message of {message.size} octets; the server takes {size}"
        return Broken(Stage.MAIL, Fault.TOO_BIG, None, detail)
    if not offers.smtputf8 and _international(envelope):
        return _lacking(offers, Fault.NO_SMTPUTF8, "international addresses")
    if not message.ascii and not offers.eightbit:
        return _lacking(offers, Fault.NO_8BITMIME, "octets above 127")
    return None


def mail_command(offers: Capabilities, envelope: Envelope, message: Content, reporting: Reporting | None) -> str:
    """Return MAIL for a message as it is before dots are stuffed."""
    parameters = [f"SIZE={message.size}"] if offers.size is not None else []
    if not message.ascii:
        parameters.append("BODY=8BITMIME")
    if _international(envelope):
        parameters.append("SMTPUTF8")
    if reporting is not None and offers.dsn:
        parameters += reporting.wishes.mail(reporting.envelope_id)
    return " ".join([f"MAIL FROM:<{envelope.reverse_path}>", *parameters])


def rcpt_command(offers: Capabilities, recipient: str, reporting: Reporting | None) -> str:
    """Return RCPT for one recipient."""
    command = f"RCPT TO:<{recipient}>"
    if reporting is None or not offers.dsn:
        return command
    return " ".join([command, *reporting.wishes.rcpt(recipient)])


def _lacking(offers: Capabilities, fault: Fault, what: str) -> Broken:
    """Return that the server does not take it; where it never answered EHLO, that nobody knows."""
    if offers.told:
        return Broken(Stage.MAIL, fault, None, f"the server takes no {what}")
    return Broken(Stage.MAIL, Fault.NO_EHLO, None, f"EHLO was not answered: does the server take {what}?")


def _international(envelope: Envelope) -> bool:
    return not (envelope.reverse_path.isascii() and "".join(envelope.recipients).isascii())
