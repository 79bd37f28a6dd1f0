"""Sessions that took place, as a transcript."""

from __future__ import annotations

from typing import Any

from maildrill.fakeserver.journal.record import Closed, Entry, Message
from maildrill.fakeserver.text.transcript.writer import transcript_text
from maildrill.fakeserver.transcript.recording import transcript_of
from maildrill.smtp import Reply, Stage


def entry(stage: str, command: str = "", reply: str = "", session: int = 1, **more: Any) -> Entry:
    said = Reply.of(reply) if reply else None
    times = {"began": 100.0, "at": 100.0, **more}
    return Entry(session=session, stage=Stage(stage), command=command, reply=said, **times)


def message(*, committed: bool) -> Message:
    return Message(
        at=0.0, session=1, reverse_path="", recipients=(), content=b"", size=0, message_id="", committed=committed
    )


def recorded(*entries: Entry) -> list[str]:
    """Return the lines of the transcript behind `strict = true`."""
    return transcript_text(transcript_of(entries)).splitlines()[2:]


def test_a_session_is_written_line_by_line() -> None:
    """A reply of several lines, a secret, a message; it ends as it ended."""
    assert recorded(
        entry("banner", reply="220 hi"),
        entry("ehlo", "EHLO c", "250 mx\nSIZE 9"),
        entry("auth", "AUTH PLAIN <redacted>", "334 x"),
        entry("auth-step", "<redacted>", "235 ok"),
        entry("data", "DATA", "354 go"),
        entry("dot", reply="250 ok", message=message(committed=True)),
        entry("quit", "QUIT", "221 bye", closed=Closed.FIN),
    ) == [
        "S: 220 hi",
        "C: EHLO c",
        "S: 250-mx",
        "S: 250 SIZE 9",
        "C: AUTH PLAIN *",
        "S: 334 x",
        "C: *",
        "S: 235 ok",
        "C: DATA",
        "S: 354 go",
        "C: .",
        "S: 250 ok",
        "C: QUIT",
        "S: 221 bye",
        "!cut fin",
    ]


def test_sessions_come_in_the_order_in_which_they_began() -> None:
    """However they overlapped; one of which nothing is known is left out."""
    assert recorded(
        entry("banner", reply="220 two", session=2),
        entry("banner", reply="220 one"),
        entry("connect", session=3, closed=Closed.REFUSED),
        entry("connect", session=4, closed=Closed.STOPPED),
    ) == ["S: 220 one", "", "(new connection)", "S: 220 two", "", "(new connection)", "!cut refuse"]


def test_a_wait_is_written_down_where_it_can_be_felt() -> None:
    """Before a reply, before a cut; what was said unasked waits from what came before."""
    assert recorded(
        entry("banner", reply="220-hi\nthere", at=102.0),
        entry("noop", "NOOP", "250 ok", began=102.0, at=102.01),
        entry("idle", reply="421 bye", began=162.01, at=162.01),
        entry("rset", "RSET", began=163.0, at=164.0, closed=Closed.RST),
    ) == ["S: 220-hi  # +2s", "S: 220 there", "C: NOOP", "S: 250 ok", "S: 421 bye  # +1m", "C: RSET", "!cut rst  # +1s"]


def test_half_a_reply_is_half_of_its_octets() -> None:
    """And the end behind it."""
    assert recorded(entry("noop", "NOOP", half=Reply.of("250 ok"), closed=Closed.FIN)) == [
        "C: NOOP",
        'S>: "250 "',
        "!cut fin",
    ]


def test_a_message_is_taken_otherwise_than_told() -> None:
    """The lost 250, and the message that the server loses."""
    assert recorded(
        entry("dot", message=message(committed=True), closed=Closed.FIN),
        entry("dot", reply="250 ok", session=2, message=message(committed=False), closed=Closed.TIMEOUT),
    ) == ["C: .", "!commit true", "!cut fin", "", "(new connection)", "C: .", "!commit false", "S: 250 ok", "!cut fin"]


def test_a_client_that_left_leaves() -> None:
    """Between commands, or in the middle of a message."""
    assert recorded(
        entry("noop", "NOOP", "250 ok"),
        entry("idle", closed=Closed.CLIENT),
        entry("data", "DATA", "354 go", session=2),
        entry("body", session=2, closed=Closed.CLIENT),
    ) == [
        "C: NOOP",
        "S: 250 ok",
        "(client closes)",
        "",
        "(new connection)",
        "C: DATA",
        "S: 354 go",
        "C: …",
        "(client closes)",
    ]
