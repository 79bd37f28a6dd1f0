"""Properties of the journal: it can be read whatever came, and a bounded one is the end of an unbounded one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.journal.journal import Closed, Entry, Journal, Message
from maildrill.fakeserver.journal.query import EVENT_WORDS, event_filter
from maildrill.fakeserver.message.content import Letter
from maildrill.fakeserver.message.parsed import parse
from maildrill.smtp import ConfigurationError, Reply, Stage

NAMES = st.sampled_from(
    [
        "Subject",
        "From",
        "To",
        "Message-ID",
        "Date",
        "Content-Type",
        "Content-Disposition",
        "Content-Transfer-Encoding",
        "MIME-Version",
        "X-Own",
    ]
)
VALUES = st.sampled_from(
    [
        "<",
        "a@[",
        '"',
        "=?utf-8?q?=",
        "=?x?b?y?=",
        "multipart/mixed",
        'multipart/alternative; boundary="b"',
        "text/plain; charset*0*=x'",
        "attachment; filename*=x''%ff",
        "base64",
    ]
)
HEADERS = st.lists(st.builds("{}: {}".format, NAMES, VALUES | st.text(max_size=20)), max_size=4)
CONTENTS = st.builds(
    lambda lines, body: "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body,
    HEADERS,
    st.binary(max_size=40) | st.just(b"--b\r\n\r\ntext\r\n--b--\r\n"),
)


@given(CONTENTS | st.binary())
def test_every_message_can_be_read(content: bytes) -> None:
    """Whatever the octets are, fields are one line each, and there is an answer to each question."""
    letter = Letter(content)

    assert all(value == " ".join(value.split()) for _, value in letter.fields)
    assert isinstance(letter.header("subject") + letter.text() + letter.text("text/html"), str)
    assert all(isinstance(part.content, bytes) for part in letter.parts)
    assert parse(content) is not None


ADDRESSES = st.sampled_from(["ann@x.test", "Ann@X.TEST", "bob@x.test", "postmaster"])
REPLIES = st.none() | st.sampled_from([Reply(250, ("ok",)), Reply(354, ()), Reply(450, ()), Reply(550, ("no",))])


@st.composite
def happenings(draw: st.DrawFn) -> list[tuple[object, ...]]:
    """What may happen in four sessions, in any order."""
    step = st.tuples(
        st.sampled_from(Stage), st.integers(1, 4), ADDRESSES, REPLIES, st.sampled_from([None, *Closed]), st.booleans()
    )
    return draw(st.lists(step, max_size=60))


def played(steps: list[tuple[object, ...]], *, keep: int | None = None, octets: int | None = None) -> Journal:
    """Return a journal of these steps."""
    journal = Journal(keep=keep, octets=octets)
    for n in range(4):
        journal.open_session(float(n), "192.0.2.1")
    for stage, session, address, reply, closed, flag in steps:
        named = stage in (Stage.MAIL, Stage.RCPT)
        entry = Entry(
            began=1.0,
            at=2.0,
            session=session,  # type: ignore[arg-type]
            stage=stage,  # type: ignore[arg-type]
            address=address if named else None,  # type: ignore[arg-type]
            reply=reply,  # type: ignore[arg-type]
            closed=closed,  # type: ignore[arg-type]
            unmatched=flag,  # type: ignore[arg-type]
        )
        if stage is Stage.DOT:
            entry.message = Message(
                at=1.0,
                session=entry.session,
                reverse_path="a@b.test",
                recipients=(address,),  # type: ignore[arg-type]
                content=b"hello\r\n",
                size=7,
                message_id="",
                committed=bool(flag),
            )
            journal.receive(entry.message)
            if entry.reply is not None:
                journal.answer(entry.message, entry.reply)
        journal.add(entry)
    return journal


@given(happenings(), st.integers(1, 20), st.integers(0, 30))
def test_a_bounded_journal_is_the_end_of_an_unbounded_one(
    steps: list[tuple[object, ...]], keep: int, octets: int
) -> None:
    """It never holds more than it may, and what it holds is what came last; the totals are those of all."""
    whole, bounded = played(steps), played(steps, keep=keep, octets=octets)
    entries, messages = bounded.entries, bounded.messages

    assert [str(entry) for entry in entries] == [str(entry) for entry in whole.entries[-keep:]]
    assert [one.number for one in messages] == [one.number for one in whole.messages[-keep:]]
    assert sum(len(record.asked) for record in bounded.ledger) <= keep
    assert sum(len(one.content) for one in messages) <= octets
    assert all(
        one.digest == other.digest for one, other in zip(reversed(messages), reversed(whole.messages), strict=False)
    )
    assert bounded.totals == whole.totals
    assert {record.number for record in whole.sessions if record.closed is None} <= {
        record.number for record in bounded.sessions
    }


@given(happenings())
def test_totals_are_sums_over_the_records(steps: list[tuple[object, ...]]) -> None:
    """In a journal that forgets nothing."""
    journal = played(steps)

    assert journal.totals.committed == sum(record.committed for record in journal.ledger)
    assert journal.totals.acknowledged == sum(record.acknowledged for record in journal.ledger)
    assert sum(journal.totals.replies) == sum(entry.reply is not None for entry in journal.entries)
    assert journal.sessions_open == sum(record.closed is None for record in journal.sessions)


@given(
    st.sampled_from([*EVENT_WORDS, "x"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2),
)
def test_a_word_is_understood_or_refused(word: str, value: object) -> None:
    """There is no third way."""
    entry = Entry(began=1.0, at=2.0, session=1, stage=Stage.RCPT, address="ann@x.test", reply=Reply(250, ()))
    said = ""
    try:
        fits = event_filter({word: value})(entry)
    except ConfigurationError as error:
        fits, said = False, str(error)

    assert (fits in (True, False), word in said or not said) == (True, True)
