"""Paths and parameters of MAIL and RCPT, in detail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.command import Path, read_path
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
