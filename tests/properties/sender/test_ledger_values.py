"""What goes into a ledger comes out of it as it was: tries, standings, pauses, lessons, intents; and who made it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from maildrill.scenarios.mutants.told import CAMPAIGN
from maildrill.sender.attempt import Fault, Scope, State, Verdict
from maildrill.sender.campaign import Mailbox, Mode
from maildrill.sender.ledger import AttemptRecord, Entry, Intent, Pause, Refusal, Requeued, open_ledger
from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.enrolling import as_json
from maildrill.sender.ledger.identity import fingerprint
from maildrill.sender.ledger.recovery import recover
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import Row
from maildrill.sender.pacing.lessons import Kind, Lesson
from maildrill.sender.plan import Waiting, Wanted
from maildrill.sender.standing import Standing
from maildrill.smtp import Reply, Stage

LOOP = asyncio.Runner()
#: A ledger is made for each: slower than what they show is many.
FEW = settings(max_examples=30)
MOMENTS = st.floats(0, 1e9)
MAYBE = st.none() | MOMENTS
COUNTS = st.integers(0, 1000)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
REPLIES = st.builds(Reply, st.integers(200, 599), st.lists(st.text("25.1 ok", max_size=6), max_size=3).map(tuple))
ATTEMPTS = st.builds(
    AttemptRecord,
    recipient=st.just("r1@x.example"),
    number=COUNTS,
    run=st.just(1),
    session=COUNTS,
    transaction=st.none() | COUNTS,
    started=MOMENTS,
    ended=MOMENTS,
    verdict=st.sampled_from(Verdict),
    state=st.sampled_from(State),
    scope=st.sampled_from(Scope),
    stage=st.sampled_from(Stage),
    row=WORDS,
    counted=st.booleans(),
    reply=st.none() | REPLIES,
    fault=st.none() | st.sampled_from(Fault),
    detail=WORDS,
    until=MAYBE,
    account=WORDS,
    host=WORDS,
    override=WORDS,
)
#: Due, unless nothing more is to be done.
STANDINGS = st.builds(
    Standing,
    state=st.sampled_from([State.PENDING, State.DEFERRED]),
    attempts=COUNTS,
    due=MOMENTS,
    first_at=MAYBE,
    expires_at=MAYBE,
    doubtful=st.booleans(),
    reason=WORDS,
) | st.builds(
    Standing,
    state=st.sampled_from([State.DELIVERED, State.FAILED, State.HELD]),
    attempts=COUNTS,
    first_at=MAYBE,
    expires_at=MAYBE,
    doubtful=st.booleans(),
    reason=WORDS,
)


@contextmanager
def _opened(count: int, at: float = 5.0) -> Iterator[tuple[SqliteLedger, tuple[Waiting, ...]]]:
    """Give a ledger of so many recipients in memory, and those, leased."""
    ledger = open_ledger(None, CAMPAIGN, at=at)
    rows = [Row(number, f"r{number}@x.example", {"Name": f"R {number}"}) for number in range(1, count + 1)]
    ledger.enrol(rows, lambda row: f"<{row.number}@club.example>", at)
    try:
        yield ledger, ledger.lease(at, at, count).waiting
    finally:
        ledger.close()


@FEW
@given(tries=st.lists(st.tuples(ATTEMPTS, STANDINGS), min_size=1, max_size=4))
def test_a_try_comes_back_as_it_was(tries: list[tuple[AttemptRecord, Standing]]) -> None:
    """Every field of it; and where the recipient stands is what the last one came to, with its evidence."""
    with _opened(2) as (ledger, (who, _)):
        for attempt, standing in tries:
            LOOP.run(ledger.record([Entry(who.key, attempt, standing)]))
        found, other = ledger.recipients()
        last, standing = tries[-1]

        assert list(ledger.attempts()) == list(ledger.attempts(found)) == [attempt for attempt, _ in tries]
        assert list(ledger.attempts(other)) == []
        assert found.waiting == Waiting(who.key, "r1@x.example", 5.0, standing)
        assert (found.verdict, found.stage, found.reply) == (last.verdict, last.stage, last.reply)
        assert (found.fault, found.row) == (last.fault, last.row)
        assert (found.number, found.message_id, found.body_hash) == (1, "<1@club.example>", None)
        assert (other.verdict, other.stage, other.reply, other.fault, other.row) == (None, None, None, None, "")


@FEW
@given(standing=STANDINGS, at=MOMENTS, before=st.sampled_from(State), by=WORDS)
def test_who_is_moved_stands_where_they_were_put(standing: Standing, at: float, before: State, by: str) -> None:
    """By the run through no try, or by an operator."""
    with _opened(2) as (ledger, (ann, bob)):
        ledger.settle([ann.at(standing)])
        found, other = ledger.recipients()
        assert found.waiting.standing == standing
        moved = [(replace(other, state=before), standing)]

        assert ledger.requeue(moved, at=at, by=by) == ()
        assert [one.waiting for one in ledger.recipients()] == [ann.at(standing), bob.at(standing)]
        ledger.let_go()
        due = [who for who in (ann.at(standing), bob.at(standing)) if standing.due is not None]
        assert list(ledger.lease(at, float("inf"), 9).waiting) == due
        assert list(ledger.requeues()) == [Requeued(recipient=bob.address, at=at, before=before, by=by)]


@FEW
@given(reply=REPLIES, at=MOMENTS, recipients=COUNTS, resumed=MOMENTS)
def test_a_pause_comes_back_as_it_was(reply: Reply, at: float, recipients: int, resumed: float) -> None:
    """And with when it ended; one that had ended ended then. Where one stands already, no other is written."""
    one = Pause(at=at, run=1, recipients=recipients, reply=reply)
    with _opened(1) as (ledger, _):
        assert [LOOP.run(ledger.record([], pause)) for pause in (None, one, one)] == [False, True, False]
        assert ledger.pauses() == [one]
        ledger.resume(resumed)
        LOOP.run(ledger.record([], one))
        ledger.resume(resumed + 1)

        assert ledger.pauses() == [replace(one, resumed=resumed), replace(one, resumed=resumed + 1)]


@FEW
@given(
    lessons=st.lists(
        st.builds(
            Lesson,
            destination=st.sampled_from(["mx.example", "mx.example:25"]),
            kind=st.sampled_from(Kind),
            value=MOMENTS,
            at=MOMENTS,
            reply=st.none() | REPLIES,
        )
    )
)
def test_the_last_lesson_of_each_kind_is_known(lessons: list[Lesson]) -> None:
    """In order of destination and kind; all of it, with the reply that taught it."""
    with _opened(1) as (ledger, _):
        for lesson in lessons:
            ledger.learn(lesson)

        last = {(lesson.destination, lesson.kind): lesson for lesson in lessons}
        assert ledger.lessons() == [last[one] for one in sorted(last)]


@FEW
@given(session=COUNTS, transaction=COUNTS, started=MOMENTS, left=MOMENTS, said=REPLIES, account=WORDS, host=WORDS)
def test_what_a_dead_run_was_about_is_known(
    session: int, transaction: int, started: float, left: float, said: Reply, account: str, host: str
) -> None:
    """Whose dot may have left, and who was refused: with session, transaction, moments, account and host."""
    with _opened(2) as (ledger, (ann, bob)):
        intent = Intent(
            keys=(ann.key,),
            session=session,
            transaction=transaction,
            started=started,
            at=left,
            body_hash="b0d1",
            account=account,
            host=host,
            refused=(Refusal(bob.key, "rcpt-5yz", said),),
        )
        LOOP.run(ledger.intend(intent))
        ann_now, bob_now = ledger.recipients()
        assert (ann_now.state, ann_now.body_hash) == (State.INFLIGHT, "b0d1")
        assert (bob_now.state, bob_now.body_hash) == (State.PENDING, None)

        with ledger.writing():
            found = recover(ledger, ledger.all(sql.INTENTS), CAMPAIGN, at=left + 1)
        with ledger.writing():
            assert recover(ledger, ledger.all(sql.INTENTS), CAMPAIGN, at=left + 2) == ()
        dot, refusal = sorted(ledger.attempts(), key=lambda attempt: attempt.recipient)
        ann_now, bob_now = ledger.recipients()

    assert {who.address: (who.state, who.reason) for who in found} == {
        ann.address: (State.UNKNOWN, "the sender ended before it read the reply to the final dot"),
        bob.address: (State.FAILED, "the sender ended after the server had refused this recipient"),
    }
    plain = AttemptRecord(
        recipient=ann.address,
        number=1,
        run=1,
        session=session,
        transaction=transaction,
        started=started,
        ended=left,
        verdict=Verdict.UNKNOWN,
        state=State.UNKNOWN,
        scope=Scope.MESSAGE,
        stage=Stage.DOT,
        row="recovered",
        counted=True,
        fault=Fault.STOPPED,
        detail="the sender ended before it read the reply to the final dot",
        account=account,
        host=host,
    )
    assert dot == plain
    assert refusal == replace(
        plain,
        recipient=bob.address,
        verdict=Verdict.FAILED,
        state=State.FAILED,
        scope=Scope.RECIPIENT,
        stage=Stage.RCPT,
        row="rcpt-5yz",
        reply=said,
        fault=None,
        detail="",
    )
    assert (ann_now.waiting.standing.first_at, ann_now.doubtful, bob_now.doubtful) == (started, True, False)


PEOPLE = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["x.example", "Y.example"])), min_size=1, max_size=6)
PAGES = st.tuples(
    st.integers(0, 4),  # until
    st.integers(1, 4),  # count
    st.sets(st.sampled_from(["x.example", "y.example"]), max_size=1),
    st.none() | st.integers(0, 6),  # last_key
    st.sampled_from(["keep", "release", "let go", "record", "record kept"]),
)


@given(people=PEOPLE, pages=st.lists(PAGES, min_size=1, max_size=6))
def test_a_page_is_those_who_are_due_and_not_held_in_order(
    people: list[tuple[int, str]], pages: list[tuple[int, int, set[str], int | None, str]]
) -> None:
    """And when the next one is due whom the page leaves out, whether for the time or for its size."""
    held: set[int] = set()
    with _people(people) as ledger:
        turns = sorted((due, key) for key, (due, _) in enumerate(people, 1))
        for until, count, without, last, then in pages:
            free = [
                (due, key)
                for due, key in turns
                if key not in held and people[key - 1][1].lower() not in without and (last is None or key <= last)
            ]
            due = [turn for turn in free if turn[0] <= until][:count]
            page = ledger.lease(0.0, until, count, Wanted(frozenset(without), last))

            assert [(one.standing.due, one.key) for one in page.waiting] == due
            assert page.next_at == next((at for at, key in free if (at, key) not in due), None)
            keys = {key for _, key in due}
            if then == "let go":
                ledger.let_go()
                held.clear()
            elif then == "release":
                ledger.release(keys)
            elif then == "record":
                LOOP.run(ledger.record([_untouched(one) for one in page.waiting]))
            elif then == "record kept":
                LOOP.run(ledger.record([replace(_untouched(one), kept=True) for one in page.waiting]))
            held |= keys if then in ("keep", "record kept") else set()


def _untouched(who: Waiting) -> Entry:
    """A try that leaves a recipient where it was."""
    attempt = AttemptRecord(
        recipient=who.address,
        number=0,
        run=1,
        session=1,
        transaction=None,
        started=0.0,
        ended=0.0,
        verdict=Verdict.RELEASED,
        state=who.standing.state,
        scope=Scope.HOST,
        stage=Stage.CONNECT,
        row="connect-failed",
        counted=False,
    )
    return Entry(who.key, attempt, who.standing)


@contextmanager
def _people(people: list[tuple[int, str]]) -> Iterator[SqliteLedger]:
    """Give a ledger of these: when each is due, and its domain. Nobody is leased."""
    ledger = open_ledger(None, CAMPAIGN, at=0.0)
    try:
        rows = [Row(number, f"r{number}@{domain}", {}) for number, (_, domain) in enumerate(people, 1)]
        ledger.enrol(rows, lambda row: row.address, 0.0)
        ledger.settle(
            [
                Waiting(key, f"r{key}", 0.0, Standing(state=State.DEFERRED, due=due))
                for key, (due, _) in enumerate(people, 1)
            ]
        )
        yield ledger
    finally:
        ledger.close()


def test_the_fingerprint_is_the_same_in_every_release(tmp_path: Path) -> None:
    """Else a campaign that was begun with one could not go on with the next: a hash of all that a recipient reads."""
    (tmp_path / "a.txt").write_bytes(b"octets")
    club = Mailbox("Our club", "office@club.example")
    plain = replace(CAMPAIGN, name="club", sender=club, subject="Hello", email="email", text="Hello!", seed=7)
    whole = replace(
        plain,
        reply_to=Mailbox("Ann", "ann@club.example"),
        html="<p>Hello",
        mode=Mode.BATCH,
        attachments=(tmp_path / "a.txt",),
    )

    assert (fingerprint(plain), fingerprint(whole)) == (
        "8ec1a6178b48349546288ba6406904fc",
        "a67d701edc45fde3409fd5b488704016",
    )


@given(
    parts=st.lists(
        st.tuples(
            st.sampled_from(["name", "subject", "text", "html", "email"]),
            st.text("ab\udc80:1-", max_size=4),
        ),
        min_size=2,
        max_size=2,
    )
)
def test_no_two_messages_have_one_fingerprint(parts: list[tuple[str, str]]) -> None:
    """Whatever is written, and in whichever part; a text that is not there is not an empty one."""
    one, other = (replace(CAMPAIGN, **{name: words}) for name, words in parts)  # type: ignore[arg-type]

    assert (fingerprint(one) == fingerprint(other)) is (one == other)


@given(st.dictionaries(st.text(), st.text()))
def test_the_fields_of_a_row_are_written_as_json_writes_them(fields: dict[str, str]) -> None:
    """What is read was written by one that asks the encoder, or by one that does not."""
    assert as_json(fields) == json.dumps(fields, ensure_ascii=False)
