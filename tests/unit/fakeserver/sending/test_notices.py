"""What the server writes by itself, octet by octet, and as a reader of mail sees it."""

from __future__ import annotations

import email.policy
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any

import pytest

from maildrill.fakeserver.language.injection import Action, Feedback, Injection, Kind
from maildrill.fakeserver.sending.injections import Cause
from maildrill.fakeserver.sending.notices import Postmark, compose

ORIGINAL = b"Message-ID: <1@shop.test>\r\nReferences: <0@shop.test>\r\nSubject: The news\r\n\r\nHello.\r\n"
MARK = Postmark("mx.test", 1_767_610_800.0, "192.0.2.1")


def cause(kind: Kind, **said: Any) -> Cause:
    words = {key: said.pop(key) for key in ("action", "status", "diagnostic", "feedback", "text") if key in said}
    known = {
        "id": "0123456789",
        "rcpt": "ann@x.test",
        "address": "news@shop.test",
        "reverse_path": "news@shop.test",
        "original": ORIGINAL,
        "at": 1_767_603_600.0,
    }
    return Cause(injection=Injection(name="i", kind=kind, **words), **{**known, **said})


def read(octets: bytes) -> EmailMessage:
    return message_from_bytes(octets, policy=email.policy.default)


def parts(octets: bytes) -> list[tuple[str, bytes]]:
    """Return the parts of a report: each type, and its octets as they stand."""
    message = read(octets)
    boundary = message.get_boundary()
    assert boundary is not None
    found = octets.split(b"--" + boundary.encode())[1:-1]
    return [
        (head.decode().strip(), body.removesuffix(b"\r\n"))
        for head, _, body in (part.removeprefix(b"\r\n").partition(b"\r\n\r\n") for part in found)
    ]


BOUNCE = b"""\
From: Mail Delivery System <MAILER-DAEMON@mx.test>
To: <news@shop.test>
Subject: Undelivered Mail Returned to Sender
Date: Mon, 05 Jan 2026 11:00:00 +0000
Message-ID: <0123456789@mx.test>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="0123456789"

This is a message in several parts (MIME).

--0123456789
Content-Type: text/plain; charset=us-ascii

Your message could not be delivered to <ann@x.test>.

--0123456789
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.test
Arrival-Date: Mon, 05 Jan 2026 09:00:00 +0000

Final-Recipient: rfc822; ann@x.test
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user
Last-Attempt-Date: Mon, 05 Jan 2026 11:00:00 +0000

--0123456789
Content-Type: text/rfc822-headers

Message-ID: <1@shop.test>
Subject: The news

--0123456789--
"""


def test_a_bounce_is_a_delivery_status_notification() -> None:
    """RFC 3464, octet by octet."""
    one = cause(
        Kind.DSN,
        status="5.1.1",
        diagnostic="550 5.1.1\nno such user",
        original=b"Message-ID: <1@shop.test>\r\nSubject: The news\r\n",
    )

    assert compose(one, MARK) == BOUNCE.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("action", "status", "subject", "says"),
    [
        (None, "5.0.0", "Undelivered Mail Returned to Sender", "could not be delivered to <ann@x.test>."),
        (Action.DELAYED, "4.0.0", "Delayed Mail (still being retried)", "so far"),
        (Action.DELIVERED, "2.0.0", "Successful Mail Delivery Report", "was delivered to <ann@x.test>."),
        (Action.RELAYED, "2.0.0", "Successful Mail Delivery Report", "handed on for <ann@x.test>"),
        (Action.EXPANDED, "2.0.0", "Successful Mail Delivery Report", "which is a list"),
    ],
)
def test_each_action_has_its_status_and_its_words(action: Action | None, status: str, subject: str, says: str) -> None:
    """Unless the script has others."""
    octets = compose(cause(Kind.DSN, action=action), MARK)
    (_, text), (_, fields), _ = parts(octets)

    assert read(octets)["Subject"] == subject
    assert says in text.decode()
    assert f"Action: {action or 'failed'}\r\nStatus: {status}\r\n" in fields.decode()
    assert b"Diagnostic-Code" not in fields


def test_what_the_client_asked_for_is_in_it() -> None:
    """ENVID, ORCPT and RET=FULL (RFC 3461 sections 4.2 to 4.4)."""
    one = cause(
        Kind.DSN,
        parameters={"ENVID": "QQ314159+2B1", "RET": "full"},
        said={"ORCPT": "rfc822;Bob+2Btag@old.test"},
    )
    _, (_, fields), (kind, quoted) = parts(compose(one, MARK))

    assert fields.startswith(b"Reporting-MTA: dns; mx.test\r\nOriginal-Envelope-Id: QQ314159+1\r\nArrival-Date: ")
    assert b"\r\n\r\nOriginal-Recipient: rfc822; Bob+tag@old.test\r\nFinal-Recipient: " in fields
    assert (kind, quoted) == ("Content-Type: message/rfc822", ORIGINAL)


def test_an_address_beyond_ascii_has_a_type_of_its_own() -> None:
    """RFC 6533 section 3."""
    one = cause(Kind.DSN, rcpt="jürg@exämple.test", address="jürg@shop.test", said={"ORCPT": r"utf-8;j\x{FC}rg@a.test"})
    (kind, text), (_, fields), _ = parts(compose(one, MARK))

    assert rb"Final-Recipient: utf-8; j\x{FC}rg@ex\x{E4}mple.test" in fields
    assert rb"Original-Recipient: utf-8; j\x{FC}rg@a.test" in fields
    assert kind == "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64"
    assert text.isascii()
    assert "To: <jürg@shop.test>\r\n".encode() in compose(one, MARK)


def test_a_complaint_is_a_feedback_report() -> None:
    """RFC 5965: who complains about what, with the whole message."""
    octets = compose(cause(Kind.COMPLAINT), MARK)
    (_, text), (kind, fields), (quoted_kind, quoted) = parts(octets)
    message = read(octets)

    assert (message["From"], message["Subject"]) == ("Feedback <feedback@mx.test>", "FW: The news")
    assert (message.get_content_type(), message.get_param("report-type")) == ("multipart/report", "feedback-report")
    assert b"<ann@x.test> did not want" in text
    assert kind == "Content-Type: message/feedback-report"
    assert fields.decode().split("\r\n") == [
        "Feedback-Type: abuse",
        "User-Agent: maildrill/1",
        "Version: 1",
        "Original-Mail-From: <news@shop.test>",
        "Original-Rcpt-To: <ann@x.test>",
        "Arrival-Date: Mon, 05 Jan 2026 09:00:00 +0000",
        "Source-IP: 192.0.2.1",
        "Reporting-MTA: dns; mx.test",
        "Reported-Domain: shop.test",
        "",
    ]
    assert (quoted_kind, quoted) == ("Content-Type: message/rfc822", ORIGINAL)


def test_a_complaint_leaves_out_what_nobody_knows() -> None:
    """A client on a Unix socket has no address, the null sender no domain."""
    one = cause(Kind.COMPLAINT, feedback=Feedback.FRAUD, reverse_path="", address="fbl@shop.test", text="Fraud!")
    (_, text), (_, fields), _ = parts(compose(one, Postmark("mx.test", 0.0, "local")))

    assert text == b"Fraud!\r\n"
    assert b"Source-IP" not in fields
    assert b"Reported-Domain" not in fields
    assert b"Feedback-Type: fraud\r\n" in fields
    assert b"Original-Mail-From: <>\r\n" in fields


def test_who_is_away_answers_the_message() -> None:
    """RFC 3834 section 3: from the recipient, with `Auto:`, in its thread, and marked as automatic."""
    message = read(compose(cause(Kind.OOTO, text="Back on Monday.\n\nAnn"), MARK))

    assert {
        name: str(message[name]) for name in ("From", "To", "Subject", "Auto-Submitted", "In-Reply-To", "References")
    } == {
        "From": "ann@x.test",
        "To": "news@shop.test",
        "Subject": "Auto: The news",
        "Auto-Submitted": "auto-replied",
        "In-Reply-To": "<1@shop.test>",
        "References": "<0@shop.test> <1@shop.test>",
    }
    assert message.get_content() == "Back on Monday.\r\n\r\nAnn\r\n"


def test_who_is_away_answers_also_what_has_no_header() -> None:
    """There is no thread then."""
    message = read(compose(cause(Kind.OOTO, original=b""), MARK))

    assert (message["Subject"], message["In-Reply-To"], message["References"]) == ("Auto: your message", None, None)
    assert "out of the office" in message.get_content()


def test_a_boundary_does_not_occur_in_what_it_bounds() -> None:
    """Whatever the client wrote: a message that quotes an earlier bounce, for instance."""
    original = ORIGINAL + b"--0123456789\r\n"
    octets = compose(cause(Kind.COMPLAINT, original=original), MARK)

    assert read(octets).get_boundary() != "0123456789"
    assert parts(octets)[2][1] == original


def test_every_line_ends_as_it_must() -> None:
    """Bare CR and LF of the client are not passed on (RFC 5321 section 2.3.8), 8-bit octets are marked."""
    original = b"Subject: x\n\na\rb\xff"
    (_, _, (kind, quoted)) = parts(compose(cause(Kind.COMPLAINT, original=original), MARK))

    assert quoted == b"Subject: x\r\n\r\na\r\nb\xff\r\n"
    assert kind == "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit"


@pytest.mark.parametrize(
    ("subject", "written", "seen"),
    [
        ("Grüße", "Subject: =?utf-8?", "Auto: Grüße"),
        ("=?utf-8?q?a=0D=0AX-Injected=3A_1?=", "Subject: Auto: ", "Auto: a X-Injected: 1"),
        ("word " * 40, "Subject: Auto: word", "Auto: " + ("word " * 40).strip()),
        ("x" * 2000, "Subject: Auto:", "Auto: " + "x" * 294),
        ("bell \x07", "Subject: Auto: bell", r"Auto: bell \x07"),
    ],
)
def test_a_subject_adds_no_line(subject: str, written: str, seen: str) -> None:
    """It is decoded, made safe, and encoded and folded again."""
    octets = compose(cause(Kind.OOTO, original=f"Subject: {subject}\r\n".encode()), MARK)
    header = octets.partition(b"\r\n\r\n")[0]

    assert written in header.decode()
    assert read(octets)["Subject"] == seen
    assert b"\r\nX-Injected" not in header
    assert all(len(line) <= 78 or b" " not in line.strip() for line in header.split(b"\r\n"))


@pytest.mark.parametrize("text", ["ü", "x" * 1200, "nul \0"])
def test_a_text_that_does_not_fit_is_encoded(text: str) -> None:
    """Beyond ASCII, or with lines that are too long."""
    message = read(compose(cause(Kind.OOTO, text=text), MARK))

    assert message["Content-Transfer-Encoding"] == "base64"
    assert message.get_content() == text + "\r\n"


def test_a_message_identifier_that_is_none_is_left_out() -> None:
    """What is not ASCII, or as long as a line, cannot stand in a header again."""
    original = "Message-ID: <ü@shop.test>\r\nReferences: <ok@shop.test> <".encode() + b"x" * 1000 + b">\r\n"
    message = read(compose(cause(Kind.OOTO, original=original), MARK))

    assert (message["In-Reply-To"], message["References"]) == (None, "<ok@shop.test>")
