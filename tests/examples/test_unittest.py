"""A program that sends with smtplib, tested with unittest alone: no pytest, no plugin."""

from __future__ import annotations

import smtplib
import unittest

from maildrill.fakeserver import smtp_server

SCRIPT = """
[[rule]]
name = "full"
at = "rcpt"
rcpt = "ann@*"
reply = "452 4.2.2 mailbox is full"
"""


def remind(host: str, port: int, *addresses: str) -> set[str]:
    """Send a reminder; return who did not get it."""
    with smtplib.SMTP(host, port, timeout=10) as client:
        return set(client.sendmail("desk@hall.example", addresses, "Subject: Tonight\n\nAt seven.\n"))


class ReminderTest(unittest.TestCase):
    def setUp(self) -> None:
        self.server = self.enterContext(smtp_server(SCRIPT))

    def test_a_full_mailbox_is_told(self) -> None:
        left = remind(self.server.host, self.server.port, "ann@x.example", "bob@y.example")

        assert left == {"ann@x.example"}
        assert self.server.recipients == ("bob@y.example",)

    def test_rules_can_be_added(self) -> None:
        self.server.rcpt("bob@*").refuse("550 5.1.1 no such user here")

        left = remind(self.server.host, self.server.port, "ann@x.example", "bob@y.example", "eve@z.example")

        assert left == {"ann@x.example", "bob@y.example"}
        assert self.server.messages[0].subject == "Tonight"
