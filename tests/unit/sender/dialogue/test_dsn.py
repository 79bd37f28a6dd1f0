"""What is asked of those who report: by MAIL and RCPT, only where DSN is offered (RFC 3461)."""

from __future__ import annotations

import pytest

from maildrill.sender.capabilities import NOTHING, Capabilities
from maildrill.sender.dsn import DsnRequest, EnvelopeId, Notify, Reporting, Ret, message_of
from maildrill.sender.envelope_commands import mail_command, obstacle, rcpt_command
from maildrill.sender.octets import Content
from maildrill.sender.xtext import read_utf8, read_xtext, write_utf8, write_xtext
from maildrill.smtp import Envelope, Reply

TRY = EnvelopeId(message="7fa0", run=2, session=3, transaction=4)
ALL = DsnRequest(notify=(Notify.FAILURE, Notify.DELAY), ret=Ret.HDRS)
OFFERED = Capabilities.of(Reply(250, ("mx", "dsn")))
ENVELOPE = Envelope("news@x.test", ("ann+list@x.test",))


@pytest.mark.parametrize(
    ("wishes", "mail", "rcpt"),
    [
        (ALL, " RET=HDRS ENVID=7fa0.2.3.4", " NOTIFY=FAILURE,DELAY ORCPT=rfc822;ann+2Blist@x.test"),
        (DsnRequest(), " ENVID=7fa0.2.3.4", " ORCPT=rfc822;ann+2Blist@x.test"),
        (DsnRequest(notify=(Notify.NEVER,), envid=False, orcpt=False), "", " NOTIFY=NEVER"),
        (DsnRequest(ret=Ret.FULL, envid=False, orcpt=False), " RET=FULL", ""),
    ],
)
def test_what_is_wished_for_is_said(wishes: DsnRequest, mail: str, rcpt: str) -> None:
    """RET and ENVID with MAIL, NOTIFY and ORCPT with RCPT."""
    reporting = Reporting(wishes, TRY)

    assert mail_command(OFFERED, ENVELOPE, Content.of(b"x"), reporting) == f"MAIL FROM:<news@x.test>{mail}"
    assert rcpt_command(OFFERED, "ann+list@x.test", reporting) == f"RCPT TO:<ann+list@x.test>{rcpt}"


def test_what_is_wished_for_is_said_behind_the_rest() -> None:
    """SIZE is no less wanted for it (RFC 1870)."""
    offers = Capabilities.of(Reply(250, ("mx", "SIZE", "DSN")))

    said = mail_command(offers, ENVELOPE, Content.of(b"x"), Reporting(ALL, TRY))

    assert said == "MAIL FROM:<news@x.test> SIZE=3 RET=HDRS ENVID=7fa0.2.3.4"


@pytest.mark.parametrize(("offers", "reporting"), [(NOTHING, Reporting(ALL, TRY)), (OFFERED, None)])
def test_nothing_is_said_unasked_or_where_it_is_not_offered(offers: Capabilities, reporting: Reporting | None) -> None:
    """A server without DSN would refuse the parameter with 555, and the recipient with it (RFC 5321 4.1.1.11)."""
    assert mail_command(offers, ENVELOPE, Content.of(b"x"), reporting) == "MAIL FROM:<news@x.test>"
    assert rcpt_command(offers, "ann@x.test", reporting) == "RCPT TO:<ann@x.test>"
    assert obstacle(offers, ENVELOPE, Content.of(b"x")) is None


def test_an_address_beyond_ascii_has_a_type_of_its_own() -> None:
    """RFC 6533 section 3: spelt in 7 bits, which any server on the way can hand on."""
    assert ALL.rcpt("jörg\\@büro.test")[1] == r"ORCPT=utf-8;j\x{F6}rg\x{5C}@b\x{FC}ro.test"


def test_an_original_recipient_that_is_too_long_is_left_out() -> None:
    """RFC 3461 section 4.2 allows 500 characters; RCPT without it is better than a RCPT that is refused."""
    assert DsnRequest().rcpt("東" * 60 + "@x.test") != ()
    assert DsnRequest().rcpt("東" * 70 + "@x.test") == ()


@pytest.mark.parametrize("text", ["QQ314159", "<7fa0@x.test>", "7fa0.1.2", "7fa0.1.2.x", "7fa0.1.2.3.4.5 6", ""])
def test_an_envelope_id_of_somebody_else_is_not_ours(text: str) -> None:
    """What comes back may be anything."""
    assert EnvelopeId.read(text) is None


def test_a_message_is_named_by_its_message_id() -> None:
    """Up to the at-sign: the rest is the same for all messages of a campaign."""
    assert message_of("<7fa0@hall.example>") == "7fa0"


@pytest.mark.parametrize("text", ["a=b", "a+b", "a+2", "a+2b", "a b", "ä", "+80"])
def test_what_is_no_xtext_says_nothing(text: str) -> None:
    """Hex digits are capital letters, and nothing beyond ASCII has a form (RFC 3461 section 4)."""
    assert read_xtext(text) is None


def test_xtext_takes_no_other_script() -> None:
    """That has a form of its own."""
    with pytest.raises(ValueError, match="ASCII only"):
        write_xtext("jörg")

    assert (write_xtext("a+b=c d"), read_xtext("a+2Bb+3Dc+20d")) == ("a+2Bb+3Dc+20d", "a+b=c d")
    assert read_utf8(write_utf8("jörg+x")) == read_utf8("jörg+2Bx") == "jörg+x"
