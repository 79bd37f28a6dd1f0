"""Reply and EnhancedStatus: read tolerantly, rendered strictly."""

from __future__ import annotations

import pytest

from maildrill.smtp import EnhancedStatus, Mark, Reply


@pytest.mark.parametrize(
    ("text", "code", "lines"),
    [
        ("250", 250, ()),
        ("250 ", 250, ()),
        ("  250 ok  ", 250, ("ok",)),
        ("250-ok", 250, ("ok",)),
        ("451 4.7.1 later\nor never", 451, ("4.7.1 later", "4.7.1 or never")),
        ("451 4.7.1 later\n4.7.2 or never", 451, ("4.7.1 later", "4.7.2 or never")),
        ("550 no\nreally", 550, ("no", "really")),
        ("250 \nsecond", 250, ("", "second")),
    ],
)
def test_people_write_a_reply_as_code_and_text(text: str, code: int, lines: tuple[str, ...]) -> None:
    """A code alone, a text, several lines: each becomes the reply it looks like."""
    reply = Reply.of(text)

    assert (code, lines) == (reply.code, reply.lines)


@pytest.mark.parametrize("text", ["", "25", "2500", "199 no", "600 no", "250ok", "ok", "٢٥٠ ok"])
def test_what_is_no_reply_is_refused_with_an_example(text: str) -> None:
    """A text without a code 200..599 in front is an error that shows a right one."""
    with pytest.raises(ValueError, match=r"a reply is a code 200\.\.599 and a text, such as"):
        Reply.of(text)


@pytest.mark.parametrize("code", [199, 600, 0, -250])
def test_a_reply_code_stays_within_its_range(code: int) -> None:
    """RFC 5321 section 4.2 gives codes 2yz to 5yz."""
    with pytest.raises(ValueError, match=f"200..599, got {code}"):
        Reply(code)


@pytest.mark.parametrize(
    ("code", "klass", "positive"), [(250, 2, True), (354, 3, False), (421, 4, False), (554, 5, False)]
)
def test_the_first_digit_is_the_class(code: int, klass: int, positive: bool) -> None:
    """Only 2yz is positive: 354 asks for more."""
    reply = Reply(code)

    assert (klass, positive) == (reply.klass, reply.positive)


def test_the_last_line_with_an_enhanced_code_counts() -> None:
    """Lines without a code do not hide the one of an earlier line."""
    reply = Reply(550, ("5.1.1 no such user", "5.1.0 address rejected", "see https://example.com"))

    assert EnhancedStatus(5, 1, 0) == reply.enhanced


def test_a_reply_without_an_enhanced_code_has_none() -> None:
    """A number in the middle of a line is text."""
    assert Reply(550, ("no, see 5.1.1",)).enhanced is None


def test_oddness_on_the_wire_is_kept_but_is_not_part_of_what_was_said() -> None:
    """Two replies that say the same are equal, however they were written."""
    assert Reply(250, ("ok",), "mixed codes") == Reply(250, ("ok",))


def test_a_reply_is_shown_on_one_line_and_escaped() -> None:
    """A server cannot steer the terminal of whoever reads its reply."""
    assert str(Reply(550, ("no\x1b[2J", "never"))) == r"550 no\x1b[2J never"
    assert str(Reply(250)) == "250"


@pytest.mark.parametrize(
    ("reply", "octets"),
    [
        (Reply(250), b"250\r\n"),
        (Reply(250, ("ok",)), b"250 ok\r\n"),
        (Reply(250, ("ok  ",)), b"250 ok\r\n"),
        (Reply(334, ("",)), b"334 \r\n"),
        (Reply(250, ("hello", "", "SIZE 10")), b"250-hello\r\n250-\r\n250 SIZE 10\r\n"),
        (Reply(550, ("a\tb ü",)), b"550 a\tb \xc3\xbc\r\n"),
    ],
)
def test_a_reply_renders_as_rfc_5321_has_it(reply: Reply, octets: bytes) -> None:
    """A hyphen behind the code of every line but the last, CRLF behind all."""
    assert reply.render() == octets


@pytest.mark.parametrize("line", ["a\r\n250 forged", "a\nb", "nul\0", "del\x7f"])
def test_a_control_character_is_never_rendered(line: str) -> None:
    """No text can forge a second reply."""
    with pytest.raises(ValueError, match="control character in reply text"):
        Reply(250, (line,)).render()


def test_a_reply_line_keeps_to_512_octets() -> None:
    """Octets count, not characters, with code and CRLF (RFC 5321 section 4.5.3.1.5)."""
    longest = "ü" * 253

    assert len(Reply(250, (longest,)).render()) == 512
    with pytest.raises(ValueError, match="513 octets; RFC 5321 allows 512"):
        Reply(250, (longest + "x",)).render()


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("4.2.2 full", EnhancedStatus(4, 2, 2)),
        ("5.7.999", EnhancedStatus(5, 7, 999)),
        ("2.0.0\tok", EnhancedStatus(2, 0, 0)),
        ("3.0.0 ok", None),
        ("4.2.2full", None),
        ("4.2.2222 full", None),
        (" 4.2.2 full", None),
        ("", None),
    ],
)
def test_an_enhanced_code_leads_its_line(text: str, status: EnhancedStatus | None) -> None:
    """Class 2, 4 or 5, two numbers, then a blank or the end (RFC 3463 section 2)."""
    assert EnhancedStatus.leading(text) == status


@pytest.mark.parametrize("numbers", [(3, 0, 0), (4, -1, 0), (4, 1000, 0), (4, 0, 1000), (5, 0, -1)])
def test_an_enhanced_code_stays_within_its_ranges(numbers: tuple[int, int, int]) -> None:
    """There is no class 3, and no number of four digits."""
    with pytest.raises(ValueError, match="must be 2, 4 or 5 and two numbers"):
        EnhancedStatus(*numbers)


def test_an_enhanced_code_is_written_with_dots() -> None:
    """As it stands in a reply."""
    assert str(EnhancedStatus(4, 7, 12)) == "4.7.12"


def test_a_reply_is_spelt_as_a_dialogue_has_it() -> None:
    """Each line with its code, and no blank where a text is missing; the same each time, and no part of equality."""
    reply = Reply(250, ("a ", "", "b"))
    spelt = ((Mark.ANSWERED, "250-a"), (Mark.ANSWERED, "250-"), (Mark.ANSWERED, "250 b"))

    assert not reply.said
    assert reply.spelt() == spelt
    assert reply.said == spelt
    assert reply == Reply(250, ("a ", "", "b"))
    assert Reply(354).spelt() == ((Mark.ANSWERED, "354"),)


def test_a_reply_that_says_no_or_is_odd_is_marked() -> None:
    """Whatever is 4yz or 5yz has its own mark; what was odd stands behind the reply."""
    assert Reply(399).spelt() == ((Mark.ANSWERED, "399"),)
    assert Reply(400, (), "odd").spelt() == ((Mark.REFUSED, "400"), (Mark.NOTE, "odd"))
