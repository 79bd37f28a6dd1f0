"""A program that sends with smtplib, and the tests that it needs."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

import pytest

from maildrill.fakeserver import ScriptedServer


def invitation(*recipients: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Concert hall <tickets@hall.example>"
    message["To"] = ", ".join(recipients)
    message["Subject"] = "The doors open at seven"
    message.set_content("Good evening,\n\nthe doors open at seven.\n")
    return message


def deliver(host: str, port: int, message: EmailMessage, tries: int = 3) -> dict[str, int]:
    """Send to all recipients, those who are busy several times; return the code of each that did not get it."""
    left = [address.addr_spec for address in message["To"].addresses]
    codes: dict[str, int] = {}
    for _ in range(tries):
        try:
            with smtplib.SMTP(host, port, timeout=10) as client:
                refused = client.send_message(message, to_addrs=left)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        codes |= {address: code for address, (code, _) in refused.items() if code >= 500}
        left = [address for address, (code, _) in refused.items() if code < 500]
        if not left:
            break
    return codes | dict.fromkeys(left, 0)


def test_everybody_gets_it(smtp_server: ScriptedServer) -> None:
    refused = deliver(smtp_server.host, smtp_server.port, invitation("ann@x.example", "bob@y.example"))

    assert refused == {}
    (message,) = smtp_server.messages
    assert message.reverse_path == "tickets@hall.example"
    assert message.recipients == ("ann@x.example", "bob@y.example")
    assert message.subject == "The doors open at seven"
    assert message.text == "Good evening,\n\nthe doors open at seven.\n"


def test_who_is_refused_does_not_keep_the_others_from_it(smtp_server: ScriptedServer) -> None:
    smtp_server.rcpt("bob@*").refuse("550 5.1.1 no such user here")

    refused = deliver(smtp_server.host, smtp_server.port, invitation("ann@x.example", "bob@y.example"))

    assert refused == {"bob@y.example": 550}
    assert smtp_server.recipients == ("ann@x.example",)


def test_who_is_busy_gets_it_later_and_the_others_once(smtp_server: ScriptedServer) -> None:
    smtp_server.rcpt("ann@*").replies("450 4.2.1 mailbox busy", times=2)

    refused = deliver(smtp_server.host, smtp_server.port, invitation("ann@x.example", "bob@y.example"))

    assert refused == {}
    assert smtp_server.committed("ann@x.example") == 1
    assert smtp_server.committed("bob@y.example") == 1


def test_a_program_gives_up(smtp_server: ScriptedServer) -> None:
    smtp_server.rcpt("ann@*").replies("450 4.2.1 mailbox busy", times=3)

    refused = deliver(smtp_server.host, smtp_server.port, invitation("ann@x.example"))

    assert refused == {"ann@x.example": 0}
    assert len(smtp_server.ledger["ann@x.example"].asked) == 3


def test_a_lost_reply_is_not_taken_for_a_refusal(smtp_server: ScriptedServer) -> None:
    # The server has the message, and the connection drops before it says so (RFC 1047).
    smtp_server.dot().commit().cut("before")

    with pytest.raises(smtplib.SMTPServerDisconnected):
        deliver(smtp_server.host, smtp_server.port, invitation("ann@x.example"))

    assert smtp_server.committed("ann@x.example") == 1
    assert smtp_server.acknowledged("ann@x.example") == 0


def test_a_reply_may_depend_on_anything(smtp_server: ScriptedServer) -> None:
    @smtp_server.decide("rcpt")
    def long_names_only(event):  # type: ignore[no-untyped-def]
        name = event.rcpt.partition("@")[0]
        return f"550 5.1.3 {name} is too short" if len(name) < 4 else None

    refused = deliver(smtp_server.host, smtp_server.port, invitation("anna@x.example", "bob@y.example"))

    assert refused == {"bob@y.example": 550}
    assert smtp_server.recipients == ("anna@x.example",)


@pytest.mark.smtp("greylist", allow="unused-rules")
def test_a_script_comes_with_maildrill(smtp_server: ScriptedServer) -> None:
    refused = deliver(smtp_server.host, smtp_server.port, invitation("ann@x.example"))

    assert refused == {"ann@x.example": 0}


@pytest.mark.smtp(unmatched="fail")
def test_a_strict_script_declares_everything(smtp_server: ScriptedServer) -> None:
    smtp_server.mail("tickets@hall.example")
    smtp_server.rcpt("*@x.example")

    assert deliver(smtp_server.host, smtp_server.port, invitation("ann@x.example")) == {}
    assert smtp_server.recipients == ("ann@x.example",)
