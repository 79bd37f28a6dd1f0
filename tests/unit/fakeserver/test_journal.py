"""What the journal makes of its entries."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.journal import Asked, Closed, Entry, Journal, Message
from maildrill.smtp import Reply, Stage

OK = Reply.of("250 2.0.0 ok")
NO = Reply.of("550 5.1.1 no")


def entry(stage: str, command: str = "", reply: Reply | None = OK, at: float = 10.0, **more: Any) -> Entry:
    return Entry(began=at - 1, at=at, session=1, stage=Stage(stage), command=command, reply=reply, **more)


def message(*recipients: str, committed: bool = True) -> Message:
    return Message(
        at=5.0,
        session=1,
        reverse_path="a@b.test",
        recipients=recipients,
        content=b"",
        size=0,
        message_id="",
        committed=committed,
    )


@pytest.fixture
def journal() -> Journal:
    """A journal with one open session."""
    opened = Journal()
    opened.open_session(1.0, "192.0.2.1")
    return opened


def test_sessions_are_numbered_from_one(journal: Journal) -> None:
    """In the order of connecting."""
    assert journal.open_session(2.0, "192.0.2.2").number == 2
    assert [record.client for record in journal.sessions] == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.parametrize(
    ("last", "ended"),
    [
        (entry("dot"), "dot"),
        (entry("rset"), "rset"),
        (entry("rset", reply=NO), ""),
        (entry("ehlo", "EHLO x"), "ehlo"),
        (entry("helo", "HELO x", NO), ""),
        (entry("quit", closed=Closed.FIN), "close"),
        (entry("noop"), ""),
    ],
)
def test_a_transaction_ends_with_what_ended_it(journal: Journal, last: Entry, ended: str) -> None:
    """A refused command ends nothing."""
    journal.add(entry("mail", "MAIL FROM:<a@b.test>", address="a@b.test"))
    journal.add(last)

    assert [record.ended for record in journal.transactions] == [ended]


def test_a_transaction_knows_what_was_asked_in_it(journal: Journal) -> None:
    """Its RCPT commands, and the replies to DATA and the dot."""
    journal.add(entry("mail", address="a@b.test"))
    journal.add(entry("rcpt", address="ann@x.test"))
    journal.add(entry("rcpt", address="bob@x.test", reply=NO, rule="r"))
    journal.add(entry("data", reply=Reply.of("354 go")))
    journal.add(entry("dot", reply=None, closed=Closed.FIN))
    (record,) = journal.transactions

    assert record.asked == [Asked(9.0, 1, "ann@x.test", OK), Asked(9.0, 1, "bob@x.test", NO, "r")]
    assert (record.data, record.dot, record.ended) == (Reply.of("354 go"), None, "dot")


@pytest.mark.parametrize(
    "refused",
    [
        entry("mail", address="a@b.test", reply=NO),
        entry("mail", address="a@b.test", reply=None),
        entry("mail", reply=Reply.of("501 5.1.7 bad")),
    ],
)
def test_a_refused_mail_opens_nothing(journal: Journal, refused: Entry) -> None:
    """Nor does what follows it."""
    journal.add(refused)
    journal.add(entry("rcpt", reply=Reply.of("503 5.5.1 send MAIL first")))
    journal.add(entry("rcpt", address="ann@x.test", reply=NO))
    journal.add(entry("data", reply=NO))
    journal.add(entry("dot"))

    assert journal.transactions == []
    assert [asked.address for asked in journal.asked("ann@x.test")] == ["ann@x.test"]


def test_addresses_compare_without_the_case_of_the_domain(journal: Journal) -> None:
    """And with that of the local part (RFC 5321 section 2.4)."""
    journal.add(entry("rcpt", address="Ann@X.test"))
    journal.add(entry("rcpt", address="Postmaster"))
    journal.answer(journal.receive(message("Ann@X.test")), OK)

    assert len(journal.asked("Ann@x.TEST")) == 1
    assert (journal.committed("Ann@x.test"), journal.acknowledged("Ann@x.test")) == (1, 1)
    assert (journal.committed("ann@x.test"), journal.asked("ann@x.test")) == (0, ())
    assert journal.recipients == ("Ann@X.test", "Postmaster")


def test_committed_and_acknowledged_are_counted_apart(journal: Journal) -> None:
    """A lost reply, a refusal, a silent loss, and a message as it should be."""
    journal.receive(message("lost@x.test"))
    journal.answer(journal.receive(message("refused@x.test", committed=False)), NO)
    journal.answer(journal.receive(message("dropped@x.test", committed=False)), OK)
    journal.answer(journal.receive(message("good@x.test", "two@x.test")), OK)
    counts = {
        name: (journal.committed(f"{name}@x.test"), journal.acknowledged(f"{name}@x.test"))
        for name in ("lost", "refused", "dropped", "good", "two")
    }

    assert counts == {"lost": (1, 0), "refused": (0, 0), "dropped": (0, 1), "good": (1, 1), "two": (1, 1)}
    assert [answered.reply for answered in journal.replies_at_dot] == [NO, OK, OK]


def test_a_close_ends_the_session(journal: Journal) -> None:
    """With when and how."""
    journal.add(entry("idle", reply=None, closed=Closed.CLIENT, at=20.0))

    assert (journal.sessions[0].closed, journal.sessions[0].closed_at) == (Closed.CLIENT, 20.0)


def test_an_observer_sees_each_entry_as_it_comes() -> None:
    """After the journal has taken it in."""
    seen: list[str] = []
    watched = Journal(lambda entry: seen.append(f"{entry.stage} of {len(watched.entries)}"))
    watched.open_session(1.0, "192.0.2.1")
    watched.add(entry("noop"))
    watched.add(entry("rset"))

    assert seen == ["noop of 1", "rset of 2"]


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (entry("noop", "NOOP"), 'at=noop command="NOOP" reply="250 2.0.0 ok"'),
        (
            entry("rcpt", "RCPT TO:<\x1b@x.test>", None, half=NO, rule="a\nb", closed=Closed.FIN),
            'at=rcpt command="RCPT TO:<\\x1b@x.test>" reply="half of 550 5.1.1 no" closed=fin rule="a\\nb"',
        ),
        (entry("mail", reply=NO, unmatched=True), 'at=mail reply="550 5.1.1 no" unmatched'),
        (entry("connect", reply=None, closed=Closed.REFUSED), "at=connect closed=refused"),
    ],
)
def test_an_entry_is_one_safe_line(shown: Entry, line: str) -> None:
    """With time, session and what happened; control characters are written out."""
    assert str(shown) == f"1970-01-01T00:00:10.000Z session=1 {line}"
