"""What DSN writes into parameters keeps to its grammar, and reads back as what it was, here and in the fake server."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.protocol.dsn import read_envid, read_orcpt
from maildrill.sender.dsn import MAX_ORCPT, DsnRequest, EnvelopeId, original_recipient
from maildrill.sender.xtext import read_utf8, read_xtext, write_utf8, write_xtext

ASCII = st.text(st.characters(max_codepoint=127))
#: What an envelope takes: no blank, bracket or control character, and octets for all of it.
PARTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Cn", "Co", "Cf"), exclude_characters="<>"),
    min_size=1,
    max_size=40,
)
NUMBERS = st.integers(0, 999_999_999)


@given(ASCII)
def test_xtext_reads_back(text: str) -> None:
    """All of ASCII, and nothing of it can end the parameter or begin another."""
    written = write_xtext(text)

    assert re.fullmatch(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*", written)
    assert read_xtext(written) == text


@given(st.text())
def test_what_is_no_xtext_is_not_read(text: str) -> None:
    """Whatever is read is what writing it gives, but for characters that were encoded without need."""
    read = read_xtext(text)

    assert read is None or read_xtext(write_xtext(read)) == read


@given(st.text(st.characters(codec="utf-8")))
def test_an_address_beyond_ascii_reads_back(text: str) -> None:
    """It is spelt in ASCII, with neither blank nor plus nor equals sign."""
    written = write_utf8(text)

    assert re.fullmatch(r"(?:[!-*,-<>-\[\]-~]|\\x\{[0-9A-F]{2,6}\})*", written)
    assert read_utf8(written) == text


@given(PARTS, PARTS)
def test_the_fake_server_reads_the_original_recipient_that_was_written(local: str, domain: str) -> None:
    """By its own reader, written from the standard apart from this writer; one too long is not said at all."""
    address = f"{local}@{domain}"
    said = dict(word.split("=", 1) for word in DsnRequest().rcpt(address))

    if len(original_recipient(address)) > MAX_ORCPT:
        assert said == {}
    else:
        assert read_orcpt(said["ORCPT"]) == ("rfc822" if address.isascii() else "utf-8", address)


@given(st.text("0123456789abcdef", min_size=32, max_size=32), NUMBERS, NUMBERS, NUMBERS)
def test_an_envelope_id_reads_back(message: str, run: int, session: int, transaction: int) -> None:
    """Through MAIL and the fake server's reader; however many runs there were it is short enough."""
    envelope_id = EnvelopeId(message=message, run=run, session=session, transaction=transaction)
    (said,) = DsnRequest().mail(envelope_id)
    heard = read_envid(said.removeprefix("ENVID="))

    assert heard is not None
    assert EnvelopeId.read(heard) == envelope_id
