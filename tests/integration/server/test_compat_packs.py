"""The packs in compat/: samples of each vocabulary, played to a client that speaks octets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from maildrill.fakeserver.importers.formats import import_text
from maildrill.fakeserver.script_loader import load_script, packs

if TYPE_CHECKING:
    from tests.integration.server.conftest import Ground, Scene

HELLO = "EHLO client.test"
MAIL = "MAIL FROM:<news@shop.test>"
RCPT = "RCPT TO:<ann@x.test>"
#: A message, as the line that ends it.
BODY = "Subject: hello\r\n\r\nHello.\r\n."


def talk(ground: Ground, pack: str, *commands: str) -> list[str]:
    """Say commands one after the other; return the reply to each, lines joined by `|`."""

    async def said(scene: Scene) -> list[str]:
        client = await scene.call()
        await client.hear()
        heard = []
        for command in commands:
            client.write(command.encode() + b"\r\n")
            heard.append(await client.hear())
        return heard

    return ground.play(load_script(pack), said)


@pytest.mark.parametrize(
    ("commands", "reply"),
    [
        ((HELLO, "MAIL FROM:<mail452@example.net>"), "452 MAIL fails, as the address says"),
        ((HELLO, "MAIL FROM:<mail550_5.7.509@x.test>"), "550 5.7.509 MAIL fails, as the address says"),
        ((HELLO, "MAIL FROM:<MAIL421@x.test>"), "421 MAIL fails, as the address says"),
        ((HELLO, "MAIL FROM:<mail999@x.test>"), "250 2.1.0 sender ok"),
        ((HELLO, "MAIL FROM:<xmail452@x.test>"), "250 2.1.0 sender ok"),
        ((HELLO, MAIL, "RCPT TO:<rcpt550_5.1.1@x.test>"), "550 5.1.1 RCPT fails, as the address says"),
        ((HELLO, MAIL, "RCPT TO:<rcpt552@x.test>", RCPT), "250 2.1.5 recipient ok"),
        ((HELLO, MAIL, "RCPT TO:<ann@551.example.com>"), "551 RCPT fails, as the domain says"),
        ((HELLO, "MAIL FROM:<rcpt552@x.test>", RCPT), "552 RCPT fails, as the sender says"),
        ((HELLO, "MAIL FROM:<data552@x.test>", RCPT, "DATA"), "354 end data with <CR><LF>.<CR><LF>"),
        ((HELLO, "MAIL FROM:<data552@x.test>", RCPT, "DATA", BODY), "552 the message fails, as the sender says"),
        ((HELLO, "MAIL FROM:<bdat451@x.test>", RCPT, "BDAT 2\r\nab"), "451 BDAT fails, as the sender says"),
        ((HELLO, "MAIL FROM:<rset421_4.5.1@x.test>", "RSET"), "421 4.5.1 RSET fails, as the sender says"),
        ((HELLO, "MAIL FROM:<noop450@x.test>", "NOOP"), "450 NOOP fails, as the sender says"),
        ((HELLO, "MAIL FROM:<noop450@x.test>", "NOOP", "NOOP"), "250 2.0.0 ok"),
        ((HELLO, "MAIL FROM:<quit421@x.test>", "QUIT"), "421 QUIT fails, as the sender says"),
        (("EHLO helo500.example.com",), "500 refused, as the name says"),
        (("HELO ehlo421.example.com",), "421 refused, as the name says"),
        (("EHLO reject.example.com",), "502 command not implemented"),
        (("EHLO nosize-noehl.example.com",), "502 command not implemented"),
        (("EHLO rejected.example.com", "NOOP"), "250 2.0.0 ok"),
        (("EHLO starttls454_4.7.1.x.test", "STARTTLS"), "454 4.7.1 STARTTLS fails, as the name says"),
        (("EHLO no8bit-auth535.x.test", "AUTH PLAIN AHVzZXIAeA=="), "535 AUTH fails, as the name says"),
        ((HELLO, "AUTH PLAIN AGJhZGF1dGhAeC50ZXN0AHg="), "535 5.7.8 authentication fails, as the user's name says"),
        ((HELLO, "AUTH PLAIN AGdvb2RhdXRoQHgudGVzdAB4"), "235 2.7.0 authentication succeeded"),
        ((HELLO, "VRFY exists@example.com"), "250 <exists@example.com>"),
        ((HELLO, "VRFY <unknown@example.com>"), "551 5.1.1 no such user"),
        ((HELLO, "VRFY ambiguous@example.com"), "553 5.1.4 there are several"),
    ],
)
def test_badsmtp_does_as_an_address_or_a_name_says(memory: Ground, commands: tuple[str, ...], reply: str) -> None:
    """The command that is meant, and no other."""
    assert talk(memory, "compat/badsmtp", *commands)[-1] == reply


@pytest.mark.parametrize(
    ("label", "there", "not_there"),
    [
        ("size10000", ["SIZE 10000"], ["SIZE 26214400"]),
        ("nosize", [], ["SIZE"]),
        ("no8bit", [], ["8BITMIME"]),
        ("nopipelining", [], ["PIPELINING"]),
        ("nostarttls", [], ["STARTTLS"]),
        ("nochunking", [], ["CHUNKING"]),
        ("nosmtputf8", [], ["SMTPUTF8"]),
        ("noenhancedstatuscodes", [], ["ENHANCEDSTATUSCODES"]),
        ("noauth", [], ["AUTH"]),
        ("authplain", ["AUTH PLAIN"], []),
        ("authlogin", ["AUTH LOGIN"], []),
        ("authcram", ["AUTH CRAM-MD5"], []),
        ("authoauth", ["AUTH XOAUTH2"], []),
        ("authplain-authoauth", ["AUTH XOAUTH2"], []),
        ("size5000-no8bit-authlogin-nopipelining", ["SIZE 5000", "AUTH LOGIN"], ["8BITMIME", "PIPELINING"]),
        ("client", ["PIPELINING", "STARTTLS", "AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2"], []),
        ("xnosize", ["SIZE 26214400"], []),
    ],
)
def test_badsmtp_offers_what_the_name_says(memory: Ground, label: str, there: list[str], not_there: list[str]) -> None:
    """Words joined by dashes, in the first label; of those about AUTH the last counts."""
    (reply,) = talk(memory, "compat/badsmtp", f"EHLO {label}.example.com")
    lines = [line[4:] for line in reply.split("|")[1:]]

    assert [line for line in there if line not in lines] == []
    assert [word for word in not_there if any(line == word or line.startswith(f"{word} ") for line in lines)] == []


def test_badsmtp_takes_as_long_as_the_name_says(memory: Ground) -> None:
    """Before every command from EHLO on."""

    async def story(scene: Scene) -> list[int]:
        client = await scene.call()
        await client.hear()
        took = []
        for command in ("EHLO no8bit-dlay605.x.test", "MAIL FROM:<mail550@x.test>", "NOOP", "QUIT"):
            began = scene.clock.now()
            await client.ask(command)
            took.append(round(scene.clock.now() - began))
        return took

    assert memory.play(load_script("compat/badsmtp"), story) == [605] * 4


@pytest.mark.parametrize(
    ("rcpt", "reply"),
    [
        ("anytempfailhere@x.test", "400 tempfail requested"),
        ("PermFail@x.test", "500 permfail requested"),
        ("450-busy@x.test", "450 you said 450-busy"),
        ("250-fine@x.test", "250 OK"),
        ("250-tempfail@x.test", "400 tempfail requested"),
        ("ann@tempfail.test", "250 2.0.0 message taken"),
    ],
)
def test_kumomta_does_as_the_local_part_says(memory: Ground, rcpt: str, reply: str) -> None:
    """Behind the dot, as its sink does."""
    *_, rcpt_reply, data, dot = talk(memory, "compat/kumomta-sink", HELLO, MAIL, f"RCPT TO:<{rcpt}>", "DATA", BODY)

    assert (rcpt_reply[:3], data[:3], dot) == ("250", "354", reply)


@pytest.mark.parametrize(
    ("rcpt", "reply"),
    [
        ("qa+bounce@x.test", "450 4.2.1 soft bounce, as the address asks"),
        ("qa+softbounce@x.test", "450 4.2.1 soft bounce, as the address asks"),
        ("qa+x+hardbounce@x.test", "550 5.2.1 hard bounce, as the address asks"),
        ("qa+hardbounce+accept@x.test", "250 2.1.5 recipient ok"),
    ],
)
def test_maileroo_does_as_the_last_tag_says(memory: Ground, rcpt: str, reply: str) -> None:
    """At RCPT, at any domain."""
    assert talk(memory, "compat/maileroo", HELLO, MAIL, f"RCPT TO:<{rcpt}>")[-1] == reply


@pytest.mark.parametrize(
    ("pack", "rcpt", "injected", "words"),
    [
        ("ses-simulator", "success@simulator.amazonses.com", [], []),
        ("ses-simulator", "bounce@simulator.amazonses.com", ["dsn"], ["Status: 5.1.1", "user unknown"]),
        ("ses-simulator", "bounce+spring@simulator.amazonses.com", ["dsn"], ["Status: 5.1.1"]),
        ("ses-simulator", "complaint@simulator.amazonses.com", ["complaint"], ["Feedback-Type: abuse"]),
        ("ses-simulator", "suppressionlist@simulator.amazonses.com", ["dsn"], ["suppression list"]),
        ("ses-simulator", "ooto@simulator.amazonses.com", ["ooto"], ["Auto-Submitted: auto-replied"]),
        ("ses-simulator", "bounce@simulator.example", [], []),
        ("resend", "delivered@resend.dev", [], []),
        ("resend", "bounced+x@resend.dev", ["dsn"], ["Status: 5.1.1"]),
        ("resend", "suppressed@resend.dev", ["dsn"], ["suppression list"]),
        ("resend", "complained@resend.dev", ["complaint"], ["Feedback-Type: abuse"]),
        ("postmark", "Hard_Bounce@bounce-testing.postmarkapp.com", ["dsn"], ["Status: 5.1.1"]),
        ("postmark", "softbounce@bounce-testing.postmarkapp.com", ["dsn"], ["Status: 4.2.2", "Action: failed"]),
        ("postmark", "transient@bounce-testing.postmarkapp.com", ["dsn"], ["Status: 4.4.1", "Action: delayed"]),
        ("postmark", "autoResponder@bounce-testing.postmarkapp.com", ["ooto"], []),
        ("maileroo", "qa+complaint@x.test", ["complaint"], []),
        ("maileroo", "qa+ooo@x.test", ["ooto"], []),
    ],
)
def test_what_comes_later_is_written_as_the_address_says(
    memory: Ground, pack: str, rcpt: str, injected: list[str], words: list[str]
) -> None:
    """All mail is accepted; the bounce, the complaint, the answer goes to the return path."""

    async def story(scene: Scene) -> tuple[list[str], str]:
        client = await scene.greeted()
        replies = [await client.ask(MAIL), await client.ask(f"RCPT TO:<{rcpt}>"), await client.ask("DATA")]
        client.write(BODY.encode() + b"\r\n")
        replies.append(await client.hear())
        assert [reply[:3] for reply in replies] == ["250", "250", "354", "250"]
        await scene.clock.sleep(10)
        sent = scene.journal.injected
        assert {one.rcpt for one in sent} <= {"news@shop.test"}
        return [one.kind for one in sent], "".join(one.content.decode() for one in sent)

    kinds, text = memory.play(load_script(f"compat/{pack}"), story)

    assert kinds == injected
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("pack", "format", "told"),
    [
        ("mailpit", "mailpit", "Sender:451:5,Recipient:451:5,Authentication:535:5"),
        ("mailhog-jim", "mailhog", "MailHog -invite-jim"),
    ],
)
def test_a_pack_of_defaults_is_what_the_importer_makes_of_them(pack: str, format: str, told: str) -> None:  # noqa: A002
    """One vocabulary, one meaning."""
    text = packs()[f"compat/{pack}"].read_text(encoding="utf-8")

    assert text.partition("\n#\n")[2] == import_text(told, "x", format).text


def test_every_pack_says_what_it_is_for() -> None:
    """On its first line."""
    texts = {name: shelf.read_text(encoding="utf-8") for name, shelf in packs().items() if name.startswith("compat/")}

    assert len(texts) >= 8
    assert [name for name, text in texts.items() if not text.startswith("# ")] == []
