"""A journal with a bound never holds more, and always has what is newest."""

from __future__ import annotations

import gc

from maildrill.fakeserver.journal.journal import Closed, Entry, Journal, Message
from maildrill.smtp import Reply, Stage

OK = Reply.of("250 2.0.0 ok")


def entry(stage: str, session: int = 1, **more: object) -> Entry:
    return Entry(began=0.0, at=0.0, session=session, stage=Stage(stage), **{"reply": OK, **more})  # type: ignore[arg-type]


def message(*recipients: str, content: bytes = b"", session: int = 1, committed: bool = True) -> Message:
    return Message(
        at=0.0,
        session=session,
        reverse_path="a@b.test",
        recipients=recipients,
        content=content,
        size=len(content),
        message_id="",
        committed=committed,
    )


def send(journal: Journal, *recipients: str, content: bytes = b"", committed: bool = True) -> Message:
    """Go through one session with one message."""
    number = journal.open_session(0.0, "192.0.2.1").number
    journal.add(entry("mail", number, address="a@b.test"))
    for rcpt in recipients:
        journal.add(entry("rcpt", number, address=rcpt))
    sent = message(*recipients, content=content, session=number, committed=committed)
    journal.receive(sent)
    journal.answer(sent, OK)
    journal.add(entry("dot", number, message=sent))
    journal.add(entry("quit", number, closed=Closed.FIN))
    return sent


def test_the_newest_are_kept() -> None:
    """Of entries, sessions, transactions, messages and recipients; the totals count all."""
    journal = Journal(keep=10)
    for n in range(100):
        send(journal, f"r{n}@x.test")

    assert [one.number for one in journal.entries] == list(range(391, 401))
    assert [one.number for one in journal.sessions] == list(range(91, 101))
    assert [one.recipients for one in journal.messages] == [(f"r{n}@x.test",) for n in range(90, 100)]
    assert journal.recipients == tuple(f"r{n}@x.test" for n in range(90, 100))
    assert [one.session for one in journal.transactions] == [96, 97, 98, 99, 100]
    assert (journal.totals.committed, journal.totals.acknowledged, journal.sessions_opened) == (100, 100, 100)
    assert (journal.committed("r1@x.test"), journal.committed("r99@x.test"), journal.asked("r1@x.test")) == (0, 1, ())


def test_the_entries_behind_a_forgotten_one_are_those_that_are_left() -> None:
    """A cursor that is too old loses entries, it does not fail."""
    journal = Journal(keep=3)
    for _ in range(5):
        journal.add(entry("noop"))

    assert [[one.number for one in journal.since(n)] for n in (0, 2, 4, 5)] == [[3, 4, 5], [3, 4, 5], [5], []]


def test_a_recipient_counts_as_one_thing() -> None:
    """Ten thousand recipients do not make ten thousand times the journal."""
    journal = Journal(keep=10)
    for _ in range(3):
        send(journal, *(f"r{n}@x.test" for n in range(8)))

    assert (len(journal.messages), len(journal.transactions)) == (1, 1)
    assert sum(len(record.asked) for record in journal.ledger) == 10


def test_the_newest_is_kept_even_where_it_is_more_than_all() -> None:
    """Else nobody could look at it."""
    journal = Journal(keep=2)
    send(journal, *(f"r{n}@x.test" for n in range(8)))

    assert [len(one.recipients) for one in journal.messages] == [8]
    assert [len(one.asked) for one in journal.transactions] == [8]


def test_an_open_transaction_that_is_forgotten_goes_on_without_harm() -> None:
    """Other sessions are faster than this one."""
    journal = Journal(keep=4)
    slow = journal.open_session(0.0, "192.0.2.1").number
    journal.add(entry("mail", slow, address="slow@b.test"))
    for n in range(10):
        send(journal, f"r{n}@x.test")
    journal.add(entry("rcpt", slow, address="late@x.test"))
    late = message("late@x.test", session=slow)
    journal.receive(late)
    journal.add(entry("dot", slow, message=late))

    assert (journal.committed("late@x.test"), journal.messages[-1].number) == (1, 11)
    assert sum(1 + len(record.asked) for record in journal.transactions) <= 4
    assert journal.session(slow) is not None


def test_a_recipient_that_was_forgotten_in_between_begins_anew() -> None:
    """Its RCPT is too long ago; the count is of what is known."""
    journal = Journal(keep=3)
    journal.open_session(0.0, "192.0.2.1")
    journal.add(entry("rcpt", address="late@x.test"))
    for n in range(5):
        journal.add(entry("rcpt", address=f"r{n}@x.test"))
    journal.receive(message("late@x.test"))
    for n in range(2):
        journal.add(entry("rcpt", address=f"again{n}@x.test"))
    known = (journal.committed("late@x.test"), journal.asked("late@x.test"))
    journal.add(entry("rcpt", address="last@x.test"))

    assert (known, journal.committed("late@x.test")) == ((1, ()), 0)


def test_a_recipient_named_often_is_forgotten_with_its_last_rcpt() -> None:
    """And a place in the queue of one that is gone does no harm."""
    journal = Journal(keep=2)
    journal.receive(message("ann@x.test"))
    journal.add(entry("rcpt", address="ann@x.test"))
    journal.add(entry("rcpt", address="bob@x.test"))
    journal.add(entry("rcpt", address="bob@x.test"))
    journal.add(entry("rcpt", address="bob@x.test"))

    assert [(record.address, len(record.asked)) for record in journal.ledger] == [("bob@x.test", 2)]


def test_octets_are_kept_up_to_a_bound() -> None:
    """The oldest lose theirs first; size and hash stay."""
    journal = Journal(octets=10)
    sent = [send(journal, "ann@x.test", content=octet * 4) for octet in (b"a", b"b", b"c")]

    assert [one.content for one in sent] == [b"", b"bbbb", b"cccc"]
    assert [one.kept for one in sent] == [False, True, True]
    assert [one.size for one in sent] == [4, 4, 4]
    assert sent[0].digest == "61be55a8e2f6b4e172338bddf184d6dbee29c98853e0a0485ecee7f27b9af0b4"


def test_a_watcher_sees_a_message_whole_though_no_octets_are_kept() -> None:
    """They go when everybody has seen the end of the message."""
    seen: list[bytes] = []
    journal = Journal(lambda entry: seen.append(entry.message.content if entry.message else b""), octets=0)
    sent = send(journal, "ann@x.test", content=b"hello")

    assert (seen[2], sent.content, sent.subject) == (b"hello", b"", "")


def test_a_message_is_parsed_once() -> None:
    """And anew when its octets are gone."""
    sent = send(Journal(), "ann@x.test", content=b"Subject: hello\r\n\r\n")
    first = (sent.parsed is sent.parsed, sent.subject, sent.digest)
    sent.forget()
    sent.forget()

    assert (*first[:2], sent.subject, sent.digest) == (True, "hello", "", first[2])


def test_a_session_that_nobody_opened_is_no_harm() -> None:
    """A journal that was cleared gets the rest of what was going on."""
    journal = Journal()
    for stage in ("ehlo", "rcpt", "dot", "quit"):
        journal.add(entry(stage, 7, command="x", address="a@b.test", closed=Closed.FIN if stage == "quit" else None))

    assert (journal.sessions, journal.session(7), journal.sessions_open) == ([], None, 0)


def test_what_was_too_big_to_be_kept_has_no_hash() -> None:
    """Nobody knows it."""
    journal = Journal(octets=0)
    sent = message("ann@x.test")
    sent.size = 1_000_000
    journal.receive(sent)
    journal.add(entry("dot", message=sent))

    assert (sent.kept, sent.digest) == (False, "")


def test_a_message_that_was_drained_or_dropped_holds_no_octets_any_more() -> None:
    """Their place is for others."""
    journal = Journal(keep=2, octets=10)
    send(journal, "ann@x.test", content=b"aaaaa")
    (drained,) = journal.drain()
    two = [send(journal, "bob@x.test", content=b"bbbbb") for _ in range(2)]
    send(journal, "bob@x.test", content=b"ccccc")

    assert drained.content == b"aaaaa"
    assert [one.content for one in two] == [b"", b"bbbbb"]


def test_a_message_dropped_before_it_was_settled_is_not_held() -> None:
    """Its reply was slower than two others."""
    journal = Journal(keep=1, octets=10)
    slow = message("ann@x.test", content=b"slow")
    journal.receive(slow)
    send(journal, "bob@x.test", content=b"bbbbb")
    journal.add(entry("dot", message=slow))

    assert (slow.content, slow.settled, [one.content for one in journal.messages]) == (b"", True, [b"bbbbb"])


def test_a_bounded_journal_stays_as_it_was() -> None:
    """After as many messages again nothing in it has grown, be they refused, drained or for many."""
    journal = Journal(keep=20, octets=100)

    def objects() -> int:
        for n in range(300):
            send(journal, *(f"r{n}-{m}@x.test" for m in range(n % 4 + 1)), content=b"x" * (n % 7), committed=n % 3 > 0)
        journal.drain(rcpt="r1*")
        gc.collect()
        return len(gc.get_objects())

    objects()
    first, second = objects(), objects()

    assert abs(second - first) < 100
