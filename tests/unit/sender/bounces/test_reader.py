"""What comes back is read by the book where it keeps to one, else as people read it."""

from __future__ import annotations

from base64 import encodebytes
from binascii import b2a_qp
from pathlib import Path

import pytest

from maildrill.sender.bounces import Kind, Report, read_message

BOUNCES = Path(__file__).parents[3] / "data" / "bounces"
DAEMON = "From: Mail Delivery Subsystem <MAILER-DAEMON@relay.test>\nSubject: {subject}\n\n{text}"


def reports(text: str, subject: str = "failure notice") -> list[tuple[str, tuple[str, ...], str, str]]:
    """Return what a bounce for people says: kind, recipients, status, code of the reply."""
    found = read_message(DAEMON.format(subject=subject, text=text).encode()).reports
    return [(str(one.kind), one.recipients, one.status, str(one.reply.code) if one.reply else "") for one in found]


def the(octets: bytes) -> Report:
    (found,) = read_message(octets).reports
    return found


STATUS = b"""\
From: <MAILER-DAEMON@relay.test>
Subject: Undelivered Mail
Date: Mon, 5 Jan 2026 11:00:00 +0000
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

This went wrong.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.test
Original-Envelope-Id: run-7

Original-Recipient: rfc822;ann@x.test
Final-Recipient: RFC822; <annie@y.test>
Action: failed
Status: 5.2.2 (over quota)
Remote-MTA: dns; mx.y.test
Diagnostic-Code: smtp; 552 5.2.2 <annie@y.test>: mailbox
 is full

Final-Recipient: rfc822;bob@x.test
Action: Delayed

final-recipient: cyd@x.test
status: 2.0.0

Final-Recipient: rfc822; dan@x.test
--b
Content-Type: message/rfc822

Message-ID: <1@shop.test>
From: news@shop.test
Subject: Hello

Hello
--b--
"""


GLOBAL_STATUS = """\
Reporting-MTA: dns; relay.test
Original-Envelope-Id: run-8

Original-Recipient: utf-8; jörg@bücher.example
Final-Recipient: utf-8; jörg@xn--bcher-kva.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <jörg@bücher.example>: kein Postfach

Original-Recipient: utf-8; z\\x{F6}e@x.test
Final-Recipient: rfc822; zoe@x.test
Action: delivered
Status: 2.0.0
"""
GLOBAL_REPORT = b"""\
From: <MAILER-DAEMON@relay.test>
Subject: Undelivered Mail
Content-Type: multipart/report; report-type=global-delivery-status; boundary=b

--b
Content-Type: text/plain; charset=utf-8

This went wrong.
--b
Content-Type: message/global-delivery-status
Content-Transfer-Encoding: %b

%b
--b
Content-Type: message/global-headers

Message-ID: <1@shop.test>
--b--
"""


@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_a_global_delivery_status_says_the_same_beyond_ascii(encoding: str, ends: bytes) -> None:
    """RFC 6533: addresses and texts in UTF-8, whatever transfer encoding they came in."""
    octets = GLOBAL_STATUS.encode()
    packed = {"8bit": octets, "base64": encodebytes(octets), "quoted-printable": b2a_qp(octets)}[encoding]
    found = read_message((GLOBAL_REPORT % (encoding.encode(), packed)).replace(b"\n", ends))

    assert (found.envelope_id, found.message_ids) == ("run-8", ("<1@shop.test>",))
    assert [(one.kind, one.recipients, one.status, one.form, one.reporter) for one in found.reports] == [
        (
            Kind.FAILED,
            ("jörg@bücher.example", "jörg@xn--bcher-kva.example"),
            "5.1.1",
            "RFC 6533",
            "relay.test",
        ),
        (Kind.DELIVERED, ("zöe@x.test", "zoe@x.test"), "2.0.0", "RFC 6533", "relay.test"),
    ]
    assert found.reports[0].why == "550 5.1.1 <jörg@bücher.example>: kein Postfach"


@pytest.mark.parametrize(("encoding", "text"), [("base64", b"abcde"), ("base64", b"!"), ("8bit", b""), ("x-odd", b"?")])
def test_a_global_delivery_status_that_says_nothing_is_no_report(encoding: str, text: bytes) -> None:
    """Nothing in it raises."""
    assert read_message(GLOBAL_REPORT % (encoding.encode(), text)).reports == ()


def test_a_delivery_status_says_what_became_of_each_recipient() -> None:
    """Original before final address; types, comments and folds go; a status stands in for a missing action."""
    found = read_message(STATUS)

    assert found.message_ids == ("<1@shop.test>",)
    assert (found.envelope_id, found.subject, found.sender) == ("run-7", "Undelivered Mail", "MAILER-DAEMON@relay.test")
    assert found.at == "Mon, 5 Jan 2026 11:00:00 +0000"
    assert [(one.kind, one.recipients, one.status) for one in found.reports] == [
        (Kind.FAILED, ("ann@x.test", "annie@y.test"), "5.2.2"),
        (Kind.DELAYED, ("bob@x.test",), ""),
        (Kind.DELIVERED, ("cyd@x.test",), "2.0.0"),
    ]
    assert (found.reports[0].reporter, found.reports[1].reporter) == ("mx.y.test", "relay.test")
    assert str(found.reports[0].reply) == "552 5.2.2 <annie@y.test>: mailbox is full"


COMPLAINT = b"""\
From: Feedback <feedback@provider.test>
Subject: FW: Hello
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: text/plain

A recipient did not want this.
--b
Content-Type: message/feedback-report

Feedback-Type: %s
User-Agent: Provider/1
Original-Rcpt-To: <ann@x.test>
Reporting-MTA: dns; provider.test

--b
Content-Type: text/rfc822-headers

Message-ID: <1@shop.test>
--b--
"""


def test_a_complaint_names_who_complained() -> None:
    """RFC 5965; feedback about signatures, and of those who take it back, is none."""
    found = the(COMPLAINT % b"abuse")

    assert (found.kind, found.recipients, found.why) == (Kind.COMPLAINT, ("ann@x.test",), "feedback: abuse")
    assert found.reporter == "provider.test"
    assert read_message(COMPLAINT % b"abuse").message_ids == ("<1@shop.test>",)
    assert read_message(COMPLAINT % b"auth-failure").reports == ()
    assert the(COMPLAINT.replace(b"Original-Rcpt-To: <ann@x.test>\n", b"") % b"abuse").recipients == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("qmail", [("failed", ("ann@x.test",), "5.1.1", "550"), ("failed", ("bob@x.test",), "5.1.1", "")]),
        ("exim", [("failed", ("ann@x.test",), "5.1.1", "550")]),
        ("postfix", [("failed", ("ann@x.test",), "5.2.2", "552")]),
        ("sendmail", [("failed", ("ann@x.test",), "", "550")]),
        ("exchange", [("failed", ("ann@x.test",), "5.1.1", "")]),
        ("gmail", [("failed", ("ann@x.test",), "5.1.1", "550")]),
        ("french", [("failed", ("ann@x.test",), "5.2.2", "")]),
    ],
)
def test_bounces_for_people_are_read_by_their_forms(
    name: str, expected: list[tuple[str, tuple[str, ...], str, str]]
) -> None:
    """What qmail, Exim, Postfix, Sendmail, Exchange, Gmail and others write."""
    assert reports((BOUNCES / f"{name}.txt").read_text("utf-8")) == expected


def test_whom_no_text_names_is_not_reported() -> None:
    """Words of failure without an address, and an address without words of failure."""
    assert reports("Nobody is named here, and delivery has failed.") == []
    assert reports("Good morning <ann@x.test>, how are you?") == []


def test_a_warning_is_no_failure() -> None:
    """Who is told that it is still tried is told of a delay."""
    text = (
        "This is the mail system at host relay.test.\n\nYour message could not be delivered for more than 4 hours.\n"
        "It will be retried until it is 5 days old.\n\n<ann@x.test>: connect to mx.x.test: timed out\n"
    )

    assert reports(text, "Delayed Mail (still being retried)") == [("delayed", ("ann@x.test",), "", "")]


def test_exim_names_the_failed_in_a_field() -> None:
    """X-Failed-Recipients is believed whoever wrote the text."""
    found = read_message(
        b"From: Mailer <robot@relay.test>\nX-Failed-Recipients: ann@x.test,\n bob@x.test\n\n"
        b"This message was created automatically by mail delivery software.\n\n  ann@x.test\n    550 gone\n"
    )

    assert [(one.recipients, one.reply.code if one.reply else 0) for one in found.reports] == [
        (("ann@x.test",), 550),
        (("bob@x.test",), 550),
    ]
    (alone,) = read_message(b"From: a@relay.test\nX-Failed-Recipients: ann@x.test\n\nSorry.\n").reports
    assert (alone.form, alone.why) == ("X-Failed-Recipients", "Sorry.")


def test_an_automatic_reply_is_no_bounce() -> None:
    """It says that the message arrived; it answers the message that it names."""
    found = read_message(
        b"From: Ann <ann@x.test>\nSubject: Away\nAuto-Submitted: auto-replied\nIn-Reply-To: <1@shop.test>\n\nAway.\n"
    )

    assert [(one.kind, one.recipients, one.why) for one in found.reports] == [(Kind.AUTOMATIC, ("ann@x.test",), "Away")]
    assert found.message_ids == ("<1@shop.test>",)
    assert read_message(b"From: <>\nAuto-Submitted: auto-replied\n\nx").reports == ()


def test_an_ordinary_message_is_no_report() -> None:
    """Whoever writes about a failure does not settle mail."""
    assert read_message(b"From: ann@x.test\nSubject: hello\n\ndelivery has failed <bob@x.test>: 550 no\n").reports == ()


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_what_people_paste_is_read_too(end: bytes) -> None:
    """The fields for programs alone, or the text for people alone."""
    fields = b"Reporting-MTA: dns; relay.test\n\nFinal-Recipient: rfc822;ann@x.test\nAction: failed\nStatus: 5.4.317\n"
    text = b"Hi. This is the qmail-send program at relay.test.\n\n<ann@x.test>:\n550 5.1.1 no\n"

    assert the(fields.replace(b"\n", end)).status == "5.4.317"
    assert the(text.replace(b"\n", end)).status == "5.1.1"


def test_html_alone_is_read_as_text() -> None:
    """Tags go, addresses in angle brackets stay."""
    page = b"From: postmaster@x.test\nContent-Type: text/html\n\n<p>Undeliverable:<br> <ann@x.test> <b>5.1.1</b></p>"

    assert the(page).recipients == ("ann@x.test",)


def test_a_status_with_odd_parts_is_passed_over() -> None:
    """Blocks that name nobody, and a part without blocks, say nothing."""
    odd = b"From: <>\nContent-Type: message/delivery-status\n\n"
    empty = b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\n\n--b--\n"

    assert read_message(odd + b"Action: failed\n").reports[0].recipients == ()
    assert read_message(odd).reports == ()
    assert the(empty).why == "feedback: abuse"


@pytest.mark.parametrize(
    ("original", "recipients"),
    [
        ("rfc822;ann@x.test", ("ann@x.test",)),
        ("rfc822; ann+2Blist@x.test", ("ann+2Blist@x.test", "ann+list@x.test")),
        (r"utf-8; j\x{F6}rg@x.test", ("jörg@x.test",)),
    ],
)
def test_an_original_recipient_is_read_in_all_its_spellings(original: str, recipients: tuple[str, ...]) -> None:
    """As it was said with ORCPT; some servers leave its encoding in the report (RFC 3461, RFC 6533)."""
    octets = STATUS.replace(b"Original-Recipient: rfc822;ann@x.test", f"Original-Recipient: {original}".encode())

    assert read_message(octets).reports[0].recipients == (*recipients, "annie@y.test")
