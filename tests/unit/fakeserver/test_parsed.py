"""Messages as the email package reads them, also those that it cannot read."""

from __future__ import annotations

from email.message import EmailMessage

from maildrill.fakeserver.parsed import Part, fields_of, header_of, parse, parts_of, text_of


def test_a_message_is_read() -> None:
    """Header fields decoded and on one line, text without transfer encoding, attachments with their names."""
    written = EmailMessage()
    written["Subject"] = "Grüße, " + "sehr " * 20 + "lang"
    written["To"] = "Ann <ann@x.test>"
    written.set_content("Guten Tag, Jürgen.\n", cte="base64")
    written.add_alternative("<p>Guten Tag</p>\n", subtype="html")
    written.add_attachment(b"\x00\x01", maintype="application", subtype="pdf", filename="plan.pdf")
    message = parse(written.as_bytes())

    assert header_of(message, "subject") == "Grüße, " + "sehr " * 20 + "lang"
    assert (text_of(message), text_of(message, "html")) == ("Guten Tag, Jürgen.\n", "<p>Guten Tag</p>\n")
    assert parts_of(message)[2] == Part("application/pdf", "plan.pdf", b"\x00\x01")
    assert header_of(message, "Date") == ""


def test_octets_that_are_not_ascii_are_read_as_utf_8_or_latin_1() -> None:
    """As people write them, against RFC 5322."""
    message = parse("Subject: Grüße\r\nX-Old: ".encode() + b"Gr\xfc\xdfe\r\n\r\ntext\r\n")

    assert dict(fields_of(message)) == {"Subject": "Grüße", "X-Old": "Grüße"}


def test_a_field_that_the_email_package_fails_on_is_given_as_it_is() -> None:
    """There are values at which its header parser raises errors of any kind."""
    message = parse(b"Message-ID: <\r\nContent-Type: text/plain; charset*=x'\r\nTo: a@[\r\n\r\nhi\r\n")

    assert [name for name, _ in fields_of(message)] == ["Message-ID", "Content-Type", "To"]
    assert header_of(message, "To") == "a@["


def test_a_charset_that_is_unknown_is_no_end() -> None:
    """The octets are read as they most probably are."""
    assert text_of(parse(b"Content-Type: text/plain; charset=klingon\r\n\r\nGr\xfc\xdfe\r\n")) == "Grüße\n"


def test_a_message_without_text_has_none() -> None:
    """An attachment alone is not its text."""
    message = parse(b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAE=\r\n")

    assert (text_of(message), parts_of(message)) == ("", (Part("image/png", "", b"\x00\x01"),))
