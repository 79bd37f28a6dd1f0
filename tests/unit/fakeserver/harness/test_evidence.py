"""What a report shows of a journal: readable, however much there was."""

from __future__ import annotations

from maildrill.fakeserver.harness.evidence import evidence, transcript
from maildrill.fakeserver.journal.journal import Journal
from maildrill.fakeserver.journal.record import Entry
from maildrill.smtp import Reply, Stage

AT = 1_767_603_600.0
OK = Reply.of("250 ok")


def noop(session: int, **more: object) -> Entry:
    return Entry(began=AT, at=AT, session=session, stage=Stage.NOOP, command="NOOP", reply=OK, **more)  # type: ignore[arg-type]


def seen(sessions: int, commands: int = 1) -> Journal:
    journal = Journal()
    for _ in range(sessions):
        number = journal.open_session(AT, "192.0.2.1").number
        for _ in range(commands):
            journal.add(noop(number))
    return journal


def test_sessions_are_told_with_a_line_between() -> None:
    """In order, or one of them."""
    journal = seen(2)

    whole = transcript(journal)

    assert whole.count("192.0.2.1 connects") == 2
    assert whole.split("\n\n") == [transcript(journal, 1), transcript(journal, 2)]


def test_a_journal_without_sessions_says_so() -> None:
    """A client that never came is the commonest fault of all."""
    assert evidence(Journal()) == {"SMTP transcript": "(no client connected)"}


def test_of_many_sessions_the_newest_are_shown() -> None:
    """And how many there were before."""
    (text,) = evidence(seen(12)).values()

    assert text.startswith("(2 older sessions)\n\n")
    assert text.count("connects") == 10
    assert "session 3:" in text


def test_of_a_long_session_both_ends_are_shown() -> None:
    """And how much there was between."""
    (text,) = evidence(seen(1, commands=150)).values()

    assert len(text.splitlines()) == 201
    assert "(101 lines more)" in text


def test_near_misses_are_shown_apart() -> None:
    """With the command, or the stage where there is none; escaped."""
    journal = seen(1)
    journal.add(noop(1, unmatched=True, near_misses=("one: \x1b", "two")))
    journal.add(Entry(began=AT, at=AT, session=1, stage=Stage.BANNER, unmatched=True))

    assert evidence(journal)["SMTP near misses"] == "session 1: NOOP\n  one: \\x1b\n  two\nsession 1: banner"
