"""The words of SMTP hold for whatever a stranger says."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from maildrill.smtp import Mark, Reply, ReplyParser, Transcript, decode, escape, timestamp
from maildrill.smtp.quantity import Rate, format_duration, parse_duration, parse_rate

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=60)
_LINES = st.lists(_TEXT.map(str.rstrip), max_size=4).filter(lambda lines: lines != [""]).map(tuple)
_REPLIES = st.builds(Reply, st.integers(200, 599), _LINES)
_WIRE = st.lists(st.sampled_from([b"250", b"-", b" ", b"\r", b"\n", b"ok", b"4.2.2", b"\xfc", b"x"])).map(b"".join)
_WRITTEN = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([trn\\]))")


def _cut(octets: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(octets) + 1) for place in places), len(octets)]
    return [octets[start:end] for start, end in pairwise(ends)]


@given(st.lists(_REPLIES, max_size=4), st.lists(st.integers(0, 999), max_size=6))
def test_rendered_replies_are_read_back_however_they_are_cut(replies: list[Reply], places: list[int]) -> None:
    """Segments of a TCP stream end anywhere."""
    parser = ReplyParser()
    octets = b"".join(reply.render() for reply in replies)

    assert [reply for piece in _cut(octets, places) for reply in parser.feed(piece)] == replies
    assert (parser.fault, parser.pending) == ("", False)


@given(st.one_of(_WIRE, st.binary()), st.lists(st.integers(0, 999), max_size=6))
def test_any_octets_mean_the_same_however_they_are_cut(octets: bytes, places: list[int]) -> None:
    """Replies, faults and what is pending depend on what was said, not on its segments; nothing raises."""
    whole, pieces = ReplyParser(), ReplyParser()
    replies = whole.feed(octets)

    assert [reply for piece in _cut(octets, places) for reply in pieces.feed(piece)] == replies
    assert pieces.fault == whole.fault
    assert whole.fault or (pieces.pending, pieces.tail) == (whole.pending, whole.tail)


@given(st.text(st.characters()))
def test_escaped_text_is_harmless_and_can_be_read_back(text: str) -> None:
    """No control or invisible character is left, and no two texts look the same."""
    shown = escape(text)

    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in shown)
    assert _WRITTEN.sub(_read_back, shown) == text


def _read_back(match: re.Match[str]) -> str:
    digits = match[1] or match[2] or match[3]
    return chr(int(digits, 16)) if digits else {"t": "\t", "r": "\r", "n": "\n", "\\": "\\"}[match[4]]


@given(st.binary())
def test_nothing_is_lost_in_decoding(octets: bytes) -> None:
    """What was read can be told from the text."""
    assert octets in (decode(octets).encode(), decode(octets).encode("latin-1", "replace"))


@given(st.integers(0, 10**13))
def test_a_duration_is_read_back_to_the_millisecond(milliseconds: int) -> None:
    """What a report shows can be put into a campaign."""
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds


@given(st.builds(Rate, st.integers(1, 10**12 - 1), st.integers(1, 10**12).map(lambda n: n / 1000)))
def test_a_rate_is_read_back(rate: Rate) -> None:
    """The count exactly, the time to a millisecond."""
    again = parse_rate(str(rate))

    assert (again.count, round(again.seconds * 1000)) == (rate.count, round(rate.seconds * 1000))


@given(st.floats(0, 2**32))
def test_a_time_stamp_is_right_to_the_millisecond(at: float) -> None:
    """And always of the same form, so that lines sort by it."""
    text = timestamp(at)

    assert abs(datetime.fromisoformat(text).timestamp() - at) <= 0.000501
    assert len(text) == len("2026-01-05T09:00:00.000Z")


@given(st.text("ABC \t+/=", max_size=12), st.sampled_from(["PLAIN", "LOGIN", "CRAM-MD5"]), st.booleans())
def test_no_secret_is_kept(secret: str, mechanism: str, at_once: bool) -> None:
    """Neither behind the mechanism nor in the lines after it."""
    transcript = Transcript()
    spoken = f"~{secret}~"
    transcript.sent(0, f"AUTH {mechanism} {spoken if at_once else ''}")
    transcript.answered(0, Reply(334))
    transcript.sent(0, spoken)
    transcript.answered(0, Reply(535))

    assert not any("~" in line.text for line in transcript)
    assert [line.mark for line in transcript] == [Mark.SENT, Mark.ANSWERED, Mark.SENT, Mark.REFUSED]
