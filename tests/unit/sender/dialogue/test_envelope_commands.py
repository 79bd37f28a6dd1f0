"""What MAIL and RCPT say where a server offers so much, and what it cannot be given at all."""

from __future__ import annotations

import pytest

from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.capabilities import NOTHING, UNTOLD, Capabilities
from maildrill.sender.envelope_commands import mail_command, obstacle, rcpt_command
from maildrill.sender.octets import Content
from maildrill.smtp import Envelope, Reply, Stage

ANN = Envelope("news@x.test", ("ann@x.test",))
JOERG = Envelope("news@x.test", ("ann@x.test", "jörg@x.test"))
FROM_JOERG = Envelope("jörg@x.test", ("ann@x.test",))
SHORT, UMLAUT = Content.of(b"12345678\r\n"), Content.of("Grüße\r\n".encode())


def offers(*lines: str) -> Capabilities:
    return Capabilities.of(Reply(250, ("mx.test", *lines)))


@pytest.mark.parametrize(
    ("offered", "envelope", "message", "found"),
    [
        (
            offers("SIZE 9"),
            ANN,
            SHORT,
            Broken(Stage.MAIL, Fault.TOO_BIG, None, "message of 10 octets; the server takes 9"),
        ),
        (offers("SIZE 10"), ANN, SHORT, None),
        (offers("SIZE 0"), ANN, SHORT, None),
        (
            offers(),
            ANN,
            UMLAUT,
            Broken(Stage.MAIL, Fault.NO_8BITMIME, None, "the server takes no octets above 127"),
        ),
        (offers("8BITMIME"), ANN, UMLAUT, None),
        (
            offers("8BITMIME"),
            JOERG,
            SHORT,
            Broken(Stage.MAIL, Fault.NO_SMTPUTF8, None, "the server takes no international addresses"),
        ),
        (
            NOTHING,
            FROM_JOERG,
            SHORT,
            Broken(Stage.MAIL, Fault.NO_SMTPUTF8, None, "the server takes no international addresses"),
        ),
        (offers("SMTPUTF8"), FROM_JOERG, SHORT, None),
        (
            UNTOLD,
            JOERG,
            SHORT,
            Broken(
                Stage.MAIL,
                Fault.NO_EHLO,
                None,
                "EHLO was not answered: does the server take international addresses?",
            ),
        ),
        (
            UNTOLD,
            ANN,
            UMLAUT,
            Broken(Stage.MAIL, Fault.NO_EHLO, None, "EHLO was not answered: does the server take octets above 127?"),
        ),
        (UNTOLD, ANN, SHORT, None),
    ],
)
def test_what_a_server_cannot_take_is_known_from_its_offers(
    offered: Capabilities, envelope: Envelope, message: Content, found: Broken | None
) -> None:
    """Size (RFC 1870), 8-bit octets (RFC 6152), international addresses (RFC 6531); untold is not the same as no."""
    assert obstacle(offered, envelope, message) == found


@pytest.mark.parametrize(
    ("offered", "envelope", "message", "said"),
    [
        (NOTHING, ANN, SHORT, "MAIL FROM:<news@x.test>"),
        (offers("SIZE", "8BITMIME", "SMTPUTF8"), ANN, SHORT, "MAIL FROM:<news@x.test> SIZE=10"),
        (offers("SIZE 99", "8BITMIME"), ANN, UMLAUT, "MAIL FROM:<news@x.test> SIZE=9 BODY=8BITMIME"),
        (offers("SMTPUTF8"), JOERG, SHORT, "MAIL FROM:<news@x.test> SMTPUTF8"),
        (offers("SMTPUTF8"), FROM_JOERG, SHORT, "MAIL FROM:<jörg@x.test> SMTPUTF8"),
        (
            offers("SMTPUTF8", "8BITMIME", "SIZE"),
            FROM_JOERG,
            UMLAUT,
            "MAIL FROM:<jörg@x.test> SIZE=9 BODY=8BITMIME SMTPUTF8",
        ),
        (offers(), Envelope("", ("ann@x.test",)), SHORT, "MAIL FROM:<>"),
    ],
)
def test_mail_says_what_is_offered_and_needed(
    offered: Capabilities, envelope: Envelope, message: Content, said: str
) -> None:
    """No parameter that was not offered (RFC 5321 section 2.2), and none that this message does not need."""
    assert mail_command(offered, envelope, message, None) == said


def test_rcpt_says_the_address_alone() -> None:
    """Where no reports are asked for (RFC 5321 section 4.1.1.3)."""
    assert rcpt_command(offers("DSN"), "jörg@x.test", None) == "RCPT TO:<jörg@x.test>"
