"""The parameters that DSN brings, and xtext."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.protocol.dsn import (
    read_envid,
    read_notify,
    read_orcpt,
    read_ret,
    read_xtext,
    write_xtext,
)


@pytest.mark.parametrize(
    ("value", "how_much"), [("FULL", "FULL"), ("hdrs", "HDRS"), ("", None), ("BODY", None), ("FULL,HDRS", None)]
)
def test_ret_is_the_whole_or_the_header(value: str, how_much: str | None) -> None:
    """RFC 3461 section 4.3."""
    assert read_ret(value) == how_much


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("NEVER", set()),
        ("never", set()),
        ("SUCCESS", {"SUCCESS"}),
        ("failure,Delay", {"FAILURE", "DELAY"}),
        ("SUCCESS,FAILURE,DELAY", {"SUCCESS", "FAILURE", "DELAY"}),
        ("NEVER,SUCCESS", None),
        ("NEVER,NEVER", None),
        ("", None),
        ("SUCCESS,", None),
        ("SUCCESS, DELAY", None),
        ("ALWAYS", None),
    ],
)
def test_notify_is_a_list_or_never(value: str, wanted: set[str] | None) -> None:
    """NEVER stands alone (RFC 3461 section 4.1)."""
    assert read_notify(value) == wanted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("QQ314159", "QQ314159"),
        ("a+2Bb+3D+20c", "a+b= c"),
        ("x" * 100, "x" * 100),
        ("x" * 101, None),
        ("", None),
        ("+0A", None),
        ("+E4", None),
        ("a+2b", None),
        ("a b", None),
    ],
)
def test_envid_is_printable_xtext(value: str, text: str | None) -> None:
    """Up to 100 characters (RFC 3461 section 4.4)."""
    assert read_envid(value) == text


@pytest.mark.parametrize(
    ("value", "original"),
    [
        ("rfc822;ann@x.test", ("rfc822", "ann@x.test")),
        ("RFC822;ann+2Btag@x.test", ("rfc822", "ann+tag@x.test")),
        ('rfc822;"ann+20b"@x.test', ("rfc822", '"ann b"@x.test')),
        ("utf-8;jürgen@x.test", ("utf-8", "jürgen@x.test")),
        (r"utf-8;j\x{FC}rgen+2B@x.test", ("utf-8", "jürgen+@x.test")),
        (r"utf-8;\x{1F600}@x.test", ("utf-8", "\U0001f600@x.test")),
        (r"utf-8;\x{D800}@x.test", None),
        (r"utf-8;\x{110000}@x.test", None),
        (r"utf-8;\x{7}@x.test", None),
        ("utf-8;", None),
        ("rfc822;jürgen@x.test", None),
        ("rfc822;+FC", None),
        ("rfc822;a+0D+0Ab", None),
        ("rfc822;", None),
        (";ann@x.test", None),
        ("ünk;ann@x.test", None),
        ("ann@x.test", None),
        ("rfc822;" + "a" * 493, ("rfc822", "a" * 493)),
        ("rfc822;" + "a" * 494, None),
    ],
)
def test_orcpt_is_a_type_and_an_address(value: str, original: tuple[str, str] | None) -> None:
    """RFC 3461 section 4.2, and RFC 6533 section 3 for what is beyond ASCII."""
    assert read_orcpt(value) == original


@pytest.mark.parametrize("text", ["+", "+2", "+2b", "+GG", "a=b", "a b", "ü", "a\x00"])
def test_what_is_no_xtext_is_none(text: str) -> None:
    """Hexadecimal digits are upper case (RFC 3461 section 4)."""
    assert read_xtext(text) is None


@given(st.text(st.characters(max_codepoint=127)))
def test_xtext_says_what_was_said(text: str) -> None:
    """Whatever it was, in characters that a parameter may have."""
    coded = write_xtext(text)

    assert read_xtext(coded) == text
    assert not set(coded) & set(" =\r\n\0")


def test_text_beyond_ascii_is_no_xtext() -> None:
    """It cannot say it."""
    with pytest.raises(ValueError, match="ASCII"):
        write_xtext("ü")


@given(st.text(max_size=30), st.sampled_from([read_ret, read_envid, read_notify, read_orcpt, read_xtext]))
def test_no_value_raises(text: str, reader: object) -> None:
    """Whatever stands there is read or not."""
    assert callable(reader)
    for value in (text, f"rfc822;{text}", f"utf-8;{text}", rf"utf-8;\x{{{text}}}", f"+{text}"):
        reader(value)
