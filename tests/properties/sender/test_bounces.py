"""Whatever comes back never raises, and what the fake server sends is understood."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.language.injection import Action, Injection
from maildrill.fakeserver.language.injection import Kind as Sent
from maildrill.fakeserver.sending.injections import Cause
from maildrill.fakeserver.sending.notices import Postmark, compose
from maildrill.sender.bounces import Kind, read_message
from maildrill.sender.xtext import read_xtext

PIECES = st.sampled_from(
    [
        b"From: <MAILER-DAEMON@x.test>",
        b"Content-Type: message/delivery-status",
        b"Content-Type: multipart/report; boundary=b",
        b"Content-Type: message/feedback-report",
        b"--b",
        b"--b--",
        b"",
        b"Final-Recipient: rfc822; ann@x.test",
        b"Action: failed",
        b"Status: 5.1.1",
        b"Diagnostic-Code: smtp; 550 no",
        b"Hi. This is the qmail-send program",
        b"<ann@x.test>:",
        b"X-Failed-Recipients: ann@x.test",
        b"Original-Rcpt-To: <ann@x.test>",
    ]
)
#: The first digit of the status that goes with an action; of those that went well it is 2 (RFC 3464 section 2.3.4).
_CLASS = {Action.FAILED: 5, Action.DELAYED: 4}
LINES = st.lists(PIECES | st.binary(max_size=40), max_size=20).map(b"\n".join)


@given(LINES)
def test_hostile_octets_never_raise(octets: bytes) -> None:
    """Each report has a kind, and each of its recipients an at-sign."""
    for report in read_message(octets).reports:
        assert all("@" in recipient for recipient in report.recipients)


@given(
    action=st.sampled_from(Action),
    local=st.from_regex(r"[a-z][a-z0-9.+-]{0,10}[a-z0-9]", fullmatch=True),
    subject=st.integers(1, 7),
    detail=st.integers(0, 99),
    whole=st.booleans(),
)
def test_what_the_fake_server_reports_is_read_as_it_was_meant(
    action: Action, local: str, subject: int, detail: int, *, whole: bool
) -> None:
    """Recipient, kind, status and Message-ID come back, of a whole message and of its header alone."""
    recipient, status = f"{local}@x.test", f"{_CLASS.get(action, 2)}.{subject}.{detail}"
    injection = Injection(name="i", kind=Sent.DSN, action=action, status=status)
    octets = compose(
        Cause(
            injection=injection,
            id="1",
            rcpt=recipient,
            address="news@shop.test",
            reverse_path="news@shop.test",
            original=b"Message-ID: <1@shop.test>\r\nSubject: Hi\r\n\r\nHi\r\n",
            at=1_767_603_600.0,
            parameters={"RET": "FULL"} if whole else {},
        ),
        Postmark("mx.test", 1_767_610_800.0),
    )
    found = read_message(octets)

    assert found.message_ids == ("<1@shop.test>",)
    named = tuple(dict.fromkeys([recipient, read_xtext(recipient) or recipient]))  # ORCPT's encoding may be left in it
    assert [(one.kind, one.recipients) for one in found.reports] == [(Kind(action.value), named)]
    assert found.reports[0].status == status
