"""Transcripts: who said what when in one session."""

from __future__ import annotations

from typing import Any

from maildrill.fakeserver.journal.journal import Closed, Entry, Journal, Message
from maildrill.smtp import Reply, Stage

CONTENT = b"Subject: hi\r\n\r\nsecret plans\r\n"


def entry(stage: str, reply: str = "", **more: Any) -> Entry:
    words = {"began": 10.0, "at": 10.5, "session": 1, "stage": Stage(stage), **more}
    return Entry(**words, reply=Reply.of(reply) if reply else None)


def message(size: int = len(CONTENT), *, committed: bool = True) -> Message:
    return Message(
        at=10.0,
        session=1,
        reverse_path="a@b.test",
        recipients=("ann@x.test",),
        content=CONTENT,
        size=size,
        message_id="",
        committed=committed,
    )


def told(*entries: Entry) -> list[str]:
    """Return the lines of session 1, without their times."""
    journal = Journal()
    journal.open_session(9.0, "192.0.2.1")
    for one in entries:
        if one.message is not None:
            journal.receive(one.message)
            if one.reply is not None:
                journal.answer(one.message, one.reply)
        journal.add(one)
    return [str(line).partition(" ")[2] for line in journal.transcript(1)]


def test_a_dialogue_is_told_from_the_side_of_the_client() -> None:
    """A refusal is marked as one; the rule that fired is named before what it said."""
    lines = told(
        entry("banner", "220 mx.test"),
        entry("ehlo", "250 mx.test\nSIZE 1000", command="EHLO client.test"),
        entry("rcpt", "550 5.1.1 no", command="RCPT TO:<bob@x.test>", rule="gone"),
        entry("quit", "221 bye", command="QUIT", closed=Closed.FIN),
    )

    assert lines == [
        "=== session 1: 192.0.2.1 connects",
        "<-  220 mx.test",
        " -> EHLO client.test",
        "<-  250-mx.test",
        "<-  250 SIZE 1000",
        " -> RCPT TO:<bob@x.test>",
        '=== rule "gone"',
        "<** 550 5.1.1 no",
        " -> QUIT",
        "<-  221 bye",
        "=== connection ends: fin",
    ]


def test_a_message_is_told_by_its_size_and_hash() -> None:
    """Never by what is in it; one that was lost or dropped is marked."""
    good, lost, dropped = message(), message(), message(committed=False)
    lines = told(
        entry("dot", "250 ok", message=good),
        entry("dot", half=Reply.of("250 ok"), message=lost, closed=Closed.FIN),
        entry("dot", "250 ok", message=dropped),
    )

    assert lines[1:] == [
        f"=== message 1: 29 octets, sha256 {good.digest}",
        "<-  250 ok",
        f"=== message 2: 29 octets, sha256 {good.digest}",
        "=== only half of: 250 ok",
        "=== taken, and the client was not told",
        "=== connection ends: fin",
        f"=== message 3: 29 octets, sha256 {good.digest}",
        "<-  250 ok",
        "=== not taken, and the client was told that it was",
    ]


def test_a_message_that_was_never_kept_has_only_a_size() -> None:
    """It was too big."""
    assert told(entry("dot", "552 5.3.4 too big", message=message(10**9, committed=False)))[1:] == [
        "=== message 1: 1000000000 octets",
        "<** 552 5.3.4 too big",
    ]


def test_what_no_rule_fits_is_told_with_the_near_misses() -> None:
    """What each rule lacked."""
    lines = told(entry("rcpt", "554 5.3.0 no rule", unmatched=True, near_misses=('only ann: rcpt = "ann@*"',)))

    assert lines[1:] == ['=== no rule fits: only ann: rcpt = "ann@*"', "<** 554 5.3.0 no rule"]


def test_a_session_that_is_not_there_has_no_dialogue() -> None:
    """Nor is it an error: it may be forgotten."""
    assert list(Journal().transcript(1)) == []
