"""Paths and parameters of MAIL and RCPT, in detail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.protocol.command import Chunk, Path, names_host, read_chunk, read_path
from maildrill.smtp import Reply

SYNTAX, MALFORMED, PARAMETERS = "syntax", "malformed", "parameters"


def read(keyword: str, argument: str) -> str:
    """Return the address, or which of the three refusals it is."""
    path = read_path(keyword, argument)
    if isinstance(path, Path):
        return path.address
    assert path.code == 501
    if "parameter" in path.text:
        return PARAMETERS
    return SYNTAX if "syntax: " in path.text else MALFORMED


@pytest.mark.parametrize(
    "address",
    [
        "ann@x.test",
        "ann.b-c+d@x-y.z.test",
        "!#$%&'*+-/=?^_`{|}~@x.test",
        '"ann b"@x.test',
        r'"a\"\\b@c"@x.test',
        '""@x.test',
        "ann@[192.0.2.1]",
        "ann@[IPv6:2001:db8::1]",
        "ann@localhost",
        "a@1.test",
        "jürgen@bücher.test",
        "用户@例子.test",
        "a" * 64 + "@x.test",
        "a@" + ".".join(["b" * 63] * 3 + ["c" * 60]),
    ],
)
def test_a_mailbox_is_read_as_it_is(address: str) -> None:
    """RFC 5321 section 4.1.2, and RFC 6531 section 3.3 for what is beyond ASCII."""
    assert read("FROM", f"FROM:<{address}>") == read("TO", f"TO:<{address}>") == address


@pytest.mark.parametrize(
    "address",
    [
        "ann",
        "@x.test",
        "ann@",
        "ann@@x.test",
        "a b@x.test",
        ".ann@x.test",
        "ann.@x.test",
        "a..b@x.test",
        "ann@x..test",
        "ann@-x.test",
        "ann@x-.test",
        "ann@x_y.test",
        "ann@x.test.",
        "ann@[192.0.2.1",
        "ann@[]",
        '"ann@x.test',
        "ann\x00@x.test",
        "ann\u0085@x.test",
        "ann\ud800@x.test",
        "<ann@x.test>",
        "a" * 65 + "@x.test",
        "ü" * 33 + "@x.test",
        "a@" + ".".join(["b" * 63] * 3 + ["c" * 61]),
    ],
)
def test_what_is_no_mailbox_is_refused(address: str) -> None:
    """With 501, and the enhanced code for the side that it stands on."""
    assert read("FROM", f"FROM:<{address}>") == read("TO", f"TO:<{address}>") == MALFORMED


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("FROM:<>", ""),
        ("from:<ann@x.test>", "ann@x.test"),
        ("FROM: <ann@x.test>", "ann@x.test"),
        ("FROM:<ann@x.test> ", "ann@x.test"),
        ("FROM:<@relay.test,@other.test:ann@x.test>", "ann@x.test"),
        ("FROM:<postmaster>", MALFORMED),
        ("FROM:ann@x.test", SYNTAX),
        ("FROM ann@x.test", SYNTAX),
        ("FROM <ann@x.test>", SYNTAX),
        ("TO:<ann@x.test>", SYNTAX),
        ("", SYNTAX),
        ("FROM:", SYNTAX),
        ("FROM:<ann@x.test>SIZE=1", MALFORMED),
    ],
)
def test_the_argument_of_mail(argument: str, address: str) -> None:
    """The keyword, a colon, a path in brackets; a source route is ignored (RFC 5321 appendix C)."""
    assert read("FROM", argument) == address


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("TO:<Postmaster>", "Postmaster"),
        ("to:<POSTMASTER>", "POSTMASTER"),
        ("TO:<>", MALFORMED),
        ("FROM:<ann@x.test>", SYNTAX),
        ("TO:<@relay.test:ann@x.test>", "ann@x.test"),
    ],
)
def test_the_argument_of_rcpt(argument: str, address: str) -> None:
    """Nobody is not a recipient, and Postmaster needs no domain (RFC 5321 section 4.5.1)."""
    assert read("TO", argument) == address


def test_the_two_sides_have_their_own_enhanced_codes() -> None:
    """5.1.7 for a bad sender, 5.1.3 for a bad destination (RFC 3463 section 3.2)."""
    assert str(read_path("FROM", "FROM:<x y>")).startswith("501 5.1.7 ")
    assert str(read_path("TO", "TO:<x y>")).startswith("501 5.1.3 ")


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("SIZE=100", {"SIZE": "100"}),
        ("size=100  Body=8BITMIME", {"SIZE": "100", "BODY": "8BITMIME"}),
        ("SMTPUTF8", {"SMTPUTF8": ""}),
        ("X-A=b+3D", {"X-A": "b+3D"}),
    ],
)
def test_parameters_are_read_by_keyword(text: str, parameters: dict[str, str]) -> None:
    """Keywords without case; a value may be missing."""
    assert read_path("FROM", f"FROM:<a@b.test> {text}") == Path("a@b.test", parameters)


@pytest.mark.parametrize("text", ["SIZE=1 SIZE=2", "SIZE=1 size=1", "=1", "SIZE=", "SIZE=1=2", "-A=1", "A_B=1"])
def test_parameters_that_are_malformed_or_repeated_are_refused(text: str) -> None:
    """RFC 5321 section 4.1.2."""
    assert read("FROM", f"FROM:<a@b.test> {text}") == PARAMETERS


@given(st.text(max_size=80))
def test_no_argument_raises(text: str) -> None:
    """Whatever is said is a path or a 501."""
    for argument in (text, f"FROM:<{text}>", f"FROM:<a@b.test> {text}"):
        path = read_path("FROM", argument)

        assert isinstance(path, Path) or (isinstance(path, Reply) and path.code == 501)


@given(st.from_regex(r"[a-z.]{1,30}", fullmatch=True))
def test_a_long_bad_local_part_is_refused_at_once(text: str) -> None:
    """The grammar has no repetition that backtracks for ever."""
    assert read("FROM", f"FROM:<{text * 500}@>") == MALFORMED


@pytest.mark.parametrize(
    ("argument", "verdict"),
    [
        ("FROM:<ann@x.test>", "ann@x.test"),
        ("from:<ann@x.test>  ", "ann@x.test"),
        ("FROM:<>", ""),
        ("FROM:<> SIZE=1 BODY=8BITMIME ", ""),
        ("FROM:<@relay.test,@other.test:ann@x.test>", "ann@x.test"),
        ("FROM:<ann@[192.0.2.1]>", "ann@[192.0.2.1]"),
        ("FROM:<ann@[IPv6:::1]>", "ann@[IPv6:::1]"),
        ("FROM: <ann@x.test>", SYNTAX),
        ("FROM: <a b>", MALFORMED),
        ("TO:<ann@x.test>", SYNTAX),
        ("FROM:<ann@[anything]>", MALFORMED),
        ("FROM:<ann@[999.0.2.1]>", MALFORMED),
        ("FROM:<ann@" + "b" * 64 + ".test>", MALFORMED),
        ("FROM:<>  SIZE=1", PARAMETERS),
        ("FROM:<> SIZE=1  BODY=8BITMIME", PARAMETERS),
    ],
)
def test_to_the_letter_there_are_no_blanks_to_spare(argument: str, verdict: str) -> None:
    """Strict is RFC 5321's grammar: nothing behind the colon, one blank between words, real literals and labels."""
    path = read_path("FROM", argument, strict=True)

    if isinstance(path, Path):
        assert path.address == verdict
    else:
        assert path == {SYNTAX: SYNTAX_REPLY, MALFORMED: MALFORMED_REPLY, PARAMETERS: PARAMETERS_REPLY}[verdict]


SYNTAX_REPLY = Reply.of("501 5.5.4 syntax: MAIL FROM:<address>")
MALFORMED_REPLY = Reply.of("501 5.1.7 bad sender address syntax")
PARAMETERS_REPLY = Reply.of("501 5.5.4 bad parameter syntax")


def test_to_the_letter_postmaster_needs_no_domain() -> None:
    """RFC 5321 section 4.5.1."""
    assert read_path("TO", "TO:<postmaster>", strict=True) == Path("postmaster")


@given(st.text(max_size=40), st.sampled_from(["FROM", "TO"]))
def test_what_is_right_to_the_letter_is_right_to_the_tolerant_too(text: str, keyword: str) -> None:
    """Strict only refuses more."""
    for argument in (f"{keyword}:<{text}>", f"{keyword}:<a@b.test> {text}"):
        strict, tolerant = (read_path(keyword, argument, strict=one) for one in (True, False))

        assert isinstance(strict, Reply) or strict == tolerant


@pytest.mark.parametrize(
    ("verb", "argument", "right"),
    [
        ("EHLO", "mx.example.test", True),
        ("EHLO", "localhost", True),
        ("EHLO", "[192.0.2.1]", True),
        ("EHLO", "[IPv6:2001:db8::1]", True),
        ("EHLO", "192.0.2.1", True),  # a domain, as far as the grammar goes
        ("EHLO", "my_pc", False),
        ("EHLO", "mx.example.test.", False),
        ("EHLO", "two words", False),
        ("EHLO", "", False),
        ("HELO", "mx.example.test", True),
        ("HELO", "[192.0.2.1]", False),
    ],
)
def test_a_greeting_names_a_host(verb: str, argument: str, right: bool) -> None:
    """EHLO a domain or an address literal, HELO a domain (RFC 5321 section 4.1.1.1)."""
    assert names_host(verb, argument) is right


@pytest.mark.parametrize(
    ("argument", "tolerant", "strict"),
    [
        ("0", Chunk(0), Chunk(0)),
        ("1000 LAST", Chunk(1000, last=True), Chunk(1000, last=True)),
        ("1000 last", Chunk(1000, last=True), Chunk(1000, last=True)),
        ("1000  LAST", Chunk(1000, last=True), None),
        ("1000 LAST ", Chunk(1000, last=True), Chunk(1000, last=True)),
        ("", None, None),
        ("LAST", None, None),
        ("-1", None, None),
        ("1000LAST", None, None),
        ("1000 FIRST", None, None),
        ("٣", None, None),
        ("1" * 21, None, None),
    ],
)
def test_a_chunk_is_so_many_octets_and_may_be_the_last(
    argument: str, tolerant: Chunk | None, strict: Chunk | None
) -> None:
    """RFC 3030 section 2."""
    assert read_chunk(argument) == tolerant
    assert read_chunk(argument, strict=True) == strict
