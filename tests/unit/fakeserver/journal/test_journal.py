"""What the journal makes of its entries."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.journal.journal import Closed, Entry, Injected, Journal, Message, Outcome
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


def came(journal: Journal, message: Message, reply: Reply | None, stage: str = "dot") -> None:
    """Let a message come and be answered."""
    journal.receive(message)
    if reply is not None:
        journal.answer(message, reply)
    journal.add(entry(stage, reply=reply, message=message))


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
    ann, bob = entry("rcpt", address="ann@x.test"), entry("rcpt", address="bob@x.test", reply=NO, rule="r")
    journal.add(ann)
    journal.add(bob)
    journal.add(entry("data", reply=Reply.of("354 go")))
    journal.add(entry("dot", reply=None, closed=Closed.FIN))
    (record,) = journal.transactions

    assert record.asked == [ann, bob]
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
    came(journal, message("Ann@X.test"), OK)

    assert len(journal.asked("Ann@x.TEST")) == 1
    assert (journal.committed("Ann@x.test"), journal.acknowledged("Ann@x.test")) == (1, 1)
    assert (journal.committed("ann@x.test"), journal.asked("ann@x.test")) == (0, ())
    assert journal.recipients == ("Ann@X.test", "Postmaster")


def test_committed_and_acknowledged_are_counted_apart(journal: Journal) -> None:
    """A lost reply, a refusal, a silent loss, and a message as it should be."""
    came(journal, message("lost@x.test"), None)
    came(journal, message("refused@x.test", committed=False), NO)
    came(journal, message("dropped@x.test", committed=False), OK)
    came(journal, message("good@x.test", "two@x.test"), OK)
    counts = {
        name: (journal.committed(f"{name}@x.test"), journal.acknowledged(f"{name}@x.test"))
        for name in ("lost", "refused", "dropped", "good", "two")
    }

    assert counts == {"lost": (1, 0), "refused": (0, 0), "dropped": (0, 1), "good": (1, 1), "two": (1, 1)}
    assert (journal.totals.committed, journal.totals.acknowledged) == (3, 3)
    assert [answered.reply for answered in journal.replies_at_dot] == [NO, OK, OK]


def test_a_close_ends_the_session(journal: Journal) -> None:
    """With when and how."""
    journal.add(entry("idle", reply=None, closed=Closed.CLIENT, at=20.0))

    assert (journal.sessions[0].closed, journal.sessions[0].closed_at) == (Closed.CLIENT, 20.0)


def test_a_close_is_a_close_once(journal: Journal) -> None:
    """What comes behind it (a stop, say) changes nothing any more."""
    journal.add(entry("dot", reply=None, closed=Closed.FIN, at=20.0))
    journal.add(entry("idle", reply=None, closed=Closed.STOPPED, at=30.0))

    assert (journal.sessions[0].closed, journal.sessions_open) == (Closed.FIN, 0)


def test_the_last_chunk_of_a_message_ends_its_transaction(journal: Journal) -> None:
    """A chunk before it does not (RFC 3030)."""
    journal.add(entry("mail", address="a@b.test"))
    journal.add(entry("bdat", "BDAT 10"))
    before = journal.transactions[0].ended
    came(journal, message("ann@x.test"), OK, "bdat")

    assert (before, journal.transactions[0].ended) == ("", "bdat")


def test_lmtp_answers_for_each_recipient(journal: Journal) -> None:
    """One was taken and told, one refused (RFC 2033 section 4.2)."""
    some = message("ann@x.test", "bob@x.test")
    some.committed_for = ("ann@x.test",)
    journal.receive(some)
    journal.answer(some, OK, "ann@x.test")
    journal.answer(some, NO, "bob@x.test")
    for rcpt, reply in (("ann@x.test", OK), ("bob@x.test", NO)):
        journal.add(entry("dot", reply=reply, address=rcpt, message=some))

    assert (some.committed, some.acknowledged, some.acknowledged_for) == (True, True, ("ann@x.test",))
    assert [(record.address, record.committed, record.acknowledged) for record in journal.ledger] == [
        ("ann@x.test", 1, 1)
    ]
    assert [found.address for found in journal.find(rcpt="bob@*")] == ["bob@x.test"]


def test_a_reply_says_what_came_of_it() -> None:
    """By its first digit; half a reply, or none and the end of the connection, is a cut."""
    outcomes = [
        entry("data", reply=Reply.of("354 go")).outcome,
        entry("rcpt").outcome,
        entry("rcpt", reply=Reply.of("450 busy")).outcome,
        entry("rcpt", reply=NO, closed=Closed.FIN).outcome,
        entry("dot", reply=None, half=OK, closed=Closed.FIN).outcome,
        entry("dot", reply=None, closed=Closed.RST).outcome,
        entry("idle", reply=None, closed=Closed.CLIENT).outcome,
    ]

    assert outcomes == [
        Outcome.ACCEPTED,
        Outcome.ACCEPTED,
        Outcome.DEFERRED,
        Outcome.REFUSED,
        Outcome.CUT,
        Outcome.CUT,
        None,
    ]


def test_entries_behind_a_number_are_given(journal: Journal) -> None:
    """A cursor: each entry has the next number."""
    for stage in ("noop", "rset", "vrfy"):
        journal.add(entry(stage))

    assert [one.stage for one in journal.since(1)] == ["rset", "vrfy"]
    assert (journal.since(3), len(journal.since(0)), journal.entries[0].number) == ([], 3, 1)


def test_messages_are_drained_once(journal: Journal) -> None:
    """Those that fit and are settled; the others stay."""
    for name in ("ann", "bob", "ann"):
        came(journal, message(f"{name}@x.test"), OK)
    journal.receive(message("ann@x.test"))
    drained = journal.drain(rcpt="ann@*")

    assert [one.number for one in drained] == [1, 3]
    assert ([one.number for one in journal.messages], journal.drain(rcpt="ann@*")) == ([2, 4], ())
    assert (journal.message(2), journal.message(1)) == (journal.messages[0], None)


def test_a_cleared_journal_begins_anew(journal: Journal) -> None:
    """Numbers begin with 1 again, watchers stay."""
    seen: list[int] = []
    journal.watch(lambda entry: seen.append(entry.number))
    journal.add(entry("noop"))
    journal.inject(Injected(at=1.0, rcpt="a@b.test", kind="dsn", content=b""))
    came(journal, message("ann@x.test"), OK)
    before = len(journal.injected)
    journal.clear()
    journal.open_session(1.0, "192.0.2.9")
    journal.add(entry("noop"))

    assert (before, journal.injected, journal.messages, journal.ledger) == (1, [], [], [])
    assert (seen, journal.generation, journal.sessions_opened, journal.messages_received) == ([1, 2, 1], 2, 1, 0)


def test_who_wants_to_is_told_of_what_is_injected(journal: Journal) -> None:
    """As it is written down."""
    seen: list[int] = []
    journal.on_inject = lambda injected: seen.append(len(journal.injected))
    journal.inject(Injected(at=1.0, rcpt="a@b.test", kind="dsn", content=b""))

    assert seen == [1]


def test_near_misses_are_kept_apart(journal: Journal) -> None:
    """With what each rule of the stage lacked."""
    journal.add(entry("rcpt", reply=NO, unmatched=True, near_misses=('only ann: rcpt = "ann@*"',)))
    journal.add(entry("rcpt"))

    assert [one.near_misses for one in journal.near_misses] == [('only ann: rcpt = "ann@*"',)]
    assert journal.totals.unmatched == 1


def test_totals_count_commands_and_replies(journal: Journal) -> None:
    """A banner is a reply to nothing."""
    journal.add(entry("banner"))
    journal.add(entry("rcpt", "RCPT TO:<ann@x.test>", NO))

    assert (journal.totals.commands[Stage.RCPT], journal.totals.commands[Stage.BANNER]) == (1, 0)
    assert journal.totals.replies == [0, 0, 1, 0, 0, 1]


def test_who_stops_watching_sees_no_more(journal: Journal) -> None:
    """And others go on."""
    one: list[int] = []
    two: list[int] = []
    stop = journal.watch(lambda entry: one.append(entry.number))
    journal.watch(lambda entry: two.append(entry.number))
    journal.add(entry("noop"))
    stop()
    journal.add(entry("noop"))

    assert (one, two) == ([1], [1, 2])


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


def test_a_message_is_one_safe_line(journal: Journal) -> None:
    """Who, for whom, what became of it; of many recipients only the first."""
    some = message(*(f"r{n}@x.test" for n in range(7)))
    some.content = b"Subject: =?utf-8?q?a=1Bb?=\r\n"
    some.size = len(some.content)
    came(journal, some, OK)
    few = message("ann@x.test", committed=False)
    few.size = 10

    assert str(some) == (
        "1970-01-01T00:00:05.000Z message=1 session=1 from=<a@b.test> rcpt=<r0@x.test>,<r1@x.test>,<r2@x.test>,"
        '<r3@x.test>,<r4@x.test> and 2 more subject="a\\x1bb" size=28 committed acknowledged'
    )
    assert str(few) == "1970-01-01T00:00:05.000Z message=0 session=1 from=<a@b.test> rcpt=<ann@x.test> size=10"


def test_what_is_not_folded_is_told_all_the_same() -> None:
    """Sessions, messages and totals are known; transactions and recipients are left to whoever watches."""
    seen: list[Entry] = []
    journal = Journal(seen.append, folded=False)
    journal.open_session(1.0, "192.0.2.1")
    journal.add(entry("ehlo", "EHLO here"))
    journal.add(entry("mail", "MAIL FROM:<a@b.test>", address="a@b.test"))
    journal.add(entry("rcpt", "RCPT TO:<ann@x.test>", address="ann@x.test"))
    came(journal, message("ann@x.test"), OK)

    assert [one.stage for one in seen] == [Stage.EHLO, Stage.MAIL, Stage.RCPT, Stage.DOT]
    assert [record.helo for record in journal.sessions] == ["here"]
    assert (journal.transactions, journal.ledger) == ([], [])
    assert (journal.totals.committed, journal.totals.acknowledged) == (1, 1)
    assert journal.messages[0].acknowledged_for == ("ann@x.test",)
