"""Messages as rules, queries and logs read them, and as the email package does; also those that it cannot read."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from maildrill.fakeserver.journal.record import Message
from maildrill.fakeserver.message.content import Letter
from maildrill.fakeserver.message.mime_text import Part
from maildrill.fakeserver.message.parsed import parse


def test_a_message_is_read() -> None:
    """Header fields decoded and on one line, text without transfer encoding, attachments with their names."""
    written = EmailMessage()
    written["Subject"] = "Grüße, " + "sehr " * 20 + "lang"
    written["To"] = "Ann <ann@x.test>"
    written.set_content("Guten Tag, Jürgen.\n", cte="base64")
    written.add_alternative("<p>Guten Tag</p>\n", subtype="html")
    written.add_attachment(b"\x00\x01", maintype="application", subtype="pdf", filename="plan.pdf")
    written.add_attachment("attached", filename="größe.txt")
    letter = Letter(written.as_bytes(policy=written.policy.clone(linesep="\r\n")))

    assert letter.header("subject") == "Grüße, " + "sehr " * 20 + "lang"
    assert (letter.text(), letter.text("text/html")) == ("Guten Tag, Jürgen.\n", "<p>Guten Tag</p>\n")
    assert letter.parts[2] == Part("application/pdf", "plan.pdf", b"\x00\x01", attached=True)
    assert (letter.parts[3].filename, letter.parts[3].text) == ("größe.txt", "attached\n")
    assert letter.header("Date") == ""


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ('Content-Disposition: attachment; filename="a b.txt"', "a b.txt"),
        ('Content-Disposition: attachment; filename="=?utf-8?q?gr=C3=BC=C3=9F?="', "grüß"),
        ("Content-Disposition: attachment; filename*=utf-8'de'gr%C3%BC%C3%9F.txt", "grüß.txt"),
        ("Content-Disposition: attachment; filename*=klingon''gr%C3%BC%C3%9F.txt", "grüß.txt"),
        ('Content-Type: image/png; name="dot.png"', "dot.png"),
        ("Content-Type: image/png; name*=latin-1''gr%FC%DF", "grüß"),
        ("Content-Type: image/png", ""),
    ],
)
def test_the_name_of_a_file_is_decoded(head: str, name: str) -> None:
    """However it is written (RFC 2183, RFC 2231, and as people do against both)."""
    assert [part.filename for part in Letter(f"{head}\r\n\r\nx".encode()).parts] == [name]


def test_octets_that_are_not_ascii_are_read_as_utf_8_or_latin_1() -> None:
    """As people write them, against RFC 5322."""
    letter = Letter("Subject: Grüße\r\nX-Old: ".encode() + b"Gr\xfc\xdfe\r\n\r\ntext\r\n")

    assert letter.fields == (("Subject", "Grüße"), ("X-Old", "Grüße"))


def test_a_field_that_is_badly_written_is_given_as_it_is() -> None:
    """There are values at which the email package raises errors of any kind."""
    letter = Letter(b"Message-ID: <\r\nContent-Type: text/plain; charset*=x'\r\nTo: a@[\r\n\r\nhi\r\n")

    assert [name for name, _ in letter.fields] == ["Message-ID", "Content-Type", "To"]
    assert letter.header("To") == "a@["


def test_a_charset_that_is_unknown_is_no_end() -> None:
    """The octets are read as they most probably are."""
    assert Letter(b"Content-Type: text/plain; charset=klingon\r\n\r\nGr\xfc\xdfe\r\n").text() == "Grüße\n"


@pytest.mark.parametrize(
    ("encoding", "written", "text"),
    [
        ("quoted-printable", b"Gr=C3=BC=C3=9Fe=\r\n!\r\n", "Grüße!\n"),
        ("BASE64", b"R3LDvMOfZQ\r\n", "Grüße"),
        ("base64", b"R", "R"),
        ("base64", b"A", "A"),
        ("8bit", b"Gr\xc3\xbc\xc3\x9fe\r\n", "Grüße\n"),
    ],
)
def test_a_transfer_encoding_is_undone(encoding: str, written: bytes, text: str) -> None:
    """What is badly encoded stays as it came (RFC 2045 section 6); and what was read once stays."""
    letter = Letter(f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + written)

    assert (letter.text(), letter.body, letter.body) == (text, text, text)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("=?utf-8?q?a=C3?= =?utf-8?q?=BC?=", "aü"),
        ("=?utf-8?q?a?= =?latin-1?q?=FC?=", "aü"),
        ("=?utf-8?q?a?= and =?utf-8?b?w7w=?= more", "a and ü more"),
        ("=?klingon?q?a?= =?utf-8?b?A?=", "=?klingon?q?a?= =?utf-8?b?A?="),
        ("=?punycode?q?a?=", "=?punycode?q?a?="),
    ],
)
def test_encoded_words_are_decoded(written: str, text: str) -> None:
    """RFC 2047: what stands between two of them falls out, and what is none stays."""
    assert Letter(f"Subject: {written}\r\n\r\n".encode()).header("Subject") == text


def test_a_journals_message_is_read_once() -> None:
    """And no more once its octets are forgotten."""
    content = b"Subject: hello\r\n\r\nhi\r\n"
    message = Message(
        at=0.0,
        session=1,
        reverse_path="",
        recipients=("ann@x.test",),
        content=content,
        size=len(content),
        message_id="",
        committed=True,
    )
    read = message.letter is message.letter, message.subject, message.text
    message.forget()

    assert read == (True, "hello", "hi\n")
    assert (message.subject, message.text) == ("", "")


def test_a_message_without_text_has_none() -> None:
    """An attachment alone is not its text."""
    letter = Letter(b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAE=\r\n")

    assert (letter.text(), letter.parts) == ("", (Part("image/png", "", b"\x00\x01"),))
    assert Letter(b"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nhi").text() == ""


def nested(depth: int) -> bytes:
    """Return a message with parts in parts in parts."""
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))


def test_the_email_package_reads_a_message_for_people_who_know_it() -> None:
    """Where it fails altogether all the octets are text, and nothing raises."""
    whole, hopeless = parse(b"Subject: hello\r\n\r\nhi\r\n"), parse(nested(2000) + b"\xff")

    assert (whole["subject"], whole.get_content()) == ("hello", "hi\r\n")
    assert hopeless.keys() == []
    assert str(hopeless.get_payload()).startswith("Content-Type: multipart/mixed")


@pytest.mark.parametrize(
    "content",
    [
        b"To: " + b'"' * 200_000 + b"\r\nSubject: hello\r\n\r\n",
        b"To: " + b"," * 200_000 + b"\r\nSubject: hello\r\n\r\n",
        b"Subject: hello\r\nContent-Type: text/plain" + b'; a*0="b"' * 20_000 + b"\r\n\r\n",
        b"Subject: hello\r\n" + nested(2000),
        b"Subject: hello\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n\r\nx\r\n" * 20_000,
        b"Subject: hello\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"
        + b"--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n" * 4_000,
    ],
    ids=["quotes", "commas", "parameters", "nested", "parts", "the same boundary"],
)
def test_no_message_holds_the_server_up(content: bytes) -> None:
    """What takes the email package minutes, or makes it fail, is read at once (a hang would end the test run)."""
    letter = Letter(content)

    assert letter.header("Subject") == "hello"
    assert len(letter.fields) >= 2
    assert len(letter.parts) <= 1000
    assert len(letter.text() + letter.body) <= 2 * len(content)
