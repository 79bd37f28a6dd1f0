"""Messages as the email package reads them, for people who know its objects.

Rule: nothing that the server does by itself asks for this: on hostile octets the package takes a time that grows with
their square, and fails in ways of its own. What rules, queries and logs say of a message is in `content`. Pure.
"""

from __future__ import annotations

import email.policy
from email import message_from_bytes
from email.message import EmailMessage


def parse(content: bytes) -> EmailMessage:
    """Return the message that these octets are; what the package fails on altogether is text without a header."""
    try:
        return message_from_bytes(content, policy=email.policy.default)
    except Exception:
        message = EmailMessage()
        message.set_payload(content.decode("ascii", "surrogateescape"))
        return message
