"""The ledger in SQLite: nothing that was written is lost, and nothing is written twice."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from maildrill.sender.attempt import Fault, Ruling, State, Verdict
from maildrill.sender.campaign import Campaign, Limits, RetryPolicy, UnknownPolicy
from maildrill.sender.ledger import (
    Durability,
    Entry,
    Intent,
    LedgerError,
    Pause,
    Requeued,
    RunRecord,
    change_ledger,
    is_leased,
    open_ledger,
    read_ledger,
)
from maildrill.sender.ledger.enrolling import GONE
from maildrill.sender.ledger.group import TURNS, Told
from maildrill.sender.ledger.records import Refusal
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import Row
from maildrill.sender.override import Override, Overrides, Then
from maildrill.sender.pacing.lessons import Kind, Lesson
from maildrill.sender.plan import Turns, Waiting, Wanted
from maildrill.sender.retry import next_attempt
from maildrill.sender.standing import DOT_TIMEOUT, Standing, held, requeued
from maildrill.smtp import ConfigurationError, Reply, Stage

Rows = Callable[..., list[Row]]
Open = Callable[..., SqliteLedger]


@pytest.fixture
def reopen(tmp_path: Path, campaign: Callable[..., Campaign]) -> Iterator[Open]:
    """Open the one ledger of this test, closing it first where it is open; campaign's values by name."""
    opened: list[SqliteLedger] = []

    def again(at: float = 100.0, **given: object) -> SqliteLedger:
        for ledger in opened:
            ledger.close()
        opened.append(open_ledger(tmp_path / "club.ledger", campaign(**given), at=at, durability=Durability.PROCESS))
        return opened[-1]

    yield again
    for ledger in opened:
        ledger.close()


def _enrol(ledger: SqliteLedger, rows: list[Row], at: float = 0.0) -> tuple[Waiting, ...]:
    ledger.enrol(rows, lambda row: f"<{row.address}>", at)
    return ledger.lease(at, float("inf"), 1000).waiting


def _states(ledger: SqliteLedger) -> dict[str, State]:
    return {record.address: record.state for record in ledger.recipients()}


def _read(path: Path) -> dict[str, State]:
    """Return what somebody else finds in the file."""
    reader = read_ledger(path)
    try:
        return _states(reader)
    finally:
        reader.close()


def _intent(*waiting: Waiting) -> Intent:
    keys = tuple(one.key for one in waiting)
    return Intent(keys=keys, session=3, transaction=4, started=10.0, at=11.0, body_hash="b0d1")


def test_new_rows_are_due_at_once_in_the_order_of_the_list(reopen: Open, rows: Rows) -> None:
    """A recipient enters with the line of its row, its Message-ID and nothing tried."""
    ledger = reopen()
    waiting = _enrol(ledger, rows("b@x.example", "a@x.example"), at=7.0)

    assert [one.address for one in waiting] == ["b@x.example", "a@x.example"]
    assert waiting[0].standing == Standing(due=7.0)
    assert ledger.addressee(waiting[1].key) == (Row(3, "a@x.example", {"email": "a@x.example"}), "<a@x.example>")
    assert next(ledger.recipients()).queued_at == 7.0


def test_rows_appended_to_the_list_are_added_on_resume(reopen: Open, rows: Rows) -> None:
    """Only they are new; two spellings of one address are one recipient."""
    _enrol(reopen(), rows("a@x.example"))

    ledger = reopen()
    enrolment = ledger.enrol(rows("A@x.example", "b@x.example"), lambda row: "<id>", 50.0)

    assert [record.address for record in ledger.recipients() if record.key > enrolment.last_key] == ["b@x.example"]
    assert enrolment.added == 1
    assert [one.address for one in ledger.lease(50.0, 50.0, 9).waiting] == ["a@x.example", "b@x.example"]


def test_nothing_is_worked_out_again_for_whom_the_ledger_has(reopen: Open, rows: Rows) -> None:
    """A resumed run asks for the Message-IDs of those alone who are new, in whatever letters their names are."""
    known = ("a@x.example", "rené@x.example", "\U0001f40e@x.example", 'o"\\k@x.example')
    _enrol(reopen(), rows(*known))
    asked: list[str] = []

    def message_id(row: Row) -> str:
        asked.append(row.address)
        return "<id>"

    ledger = reopen()
    ledger.enrol(rows("b@x.example", *map(str.upper, known), "c@x.example"), message_id, 50.0)

    assert asked == ["b@x.example", "c@x.example"]
    assert [one.address for one in ledger.recipients()] == [*known, *asked]


def test_whoever_is_new_is_named_with_line_and_message(reopen: Open, rows: Rows) -> None:
    """Those who were there before are not."""
    ledger = reopen()
    _enrol(ledger, rows("a@x.example"))
    added = ledger.enrol(rows("a@x.example", "b@x.example", "c@x.example"), lambda row: f"<{row.address}>", 50.0)

    assert list(ledger.newcomers(added.last_key)) == [
        ("b@x.example", 3, "<b@x.example>"),
        ("c@x.example", 4, "<c@x.example>"),
    ]
    assert len(list(ledger.newcomers(0))) == 3


def test_a_page_leaves_out_domains(reopen: Open, rows: Rows) -> None:
    """As if nobody there were in the list; whoever is given back may be leased again (invariant I45)."""
    ledger = reopen()
    ledger.enrol(rows("a@X.example", "b@y.example", "c@x.example"), lambda row: "<id>", 50.0)
    page = ledger.lease(50.0, 50.0, 9, Wanted(frozenset({"x.example"})))
    ledger.release(one.key for one in page.waiting)

    assert ([one.address for one in page.waiting], page.next_at) == (["b@y.example"], None)
    assert [one.address for one in ledger.lease(50.0, 50.0, 9).waiting] == ["a@X.example", "b@y.example", "c@x.example"]


def test_a_page_leaves_out_the_turns_of_accounts(reopen: Open, rows: Rows) -> None:
    """By the remainder of the key: the first is 1; of who is left out nothing is due, either (invariant I45)."""
    ledger = reopen()
    ledger.enrol(rows(*(f"r{n}@x.example" for n in range(1, 7))), lambda row: "<id>", 50.0)
    page = ledger.lease(50.0, 50.0, 9, Wanted(turns=Turns(3, frozenset({0, 1}))))

    assert [one.address for one in page.waiting] == ["r2@x.example", "r5@x.example"]
    assert page.next_at is None
    assert ledger.lease(50.0, 50.0, 1, Wanted(turns=Turns(3, frozenset({0})))).next_at == 50.0


def test_a_ledger_of_an_earlier_version_learns_domains(reopen: Open, rows: Rows, tmp_path: Path) -> None:
    """They are read from the addresses that it has."""
    reopen().enrol(rows('"a@b"@X.example', "b@y.example"), lambda row: "<id>", 50.0)
    reopen().close()
    connection = sqlite3.connect(tmp_path / "club.ledger")
    connection.execute("DROP TABLE pause")
    connection.execute("DROP INDEX recipient_turn")
    connection.execute("ALTER TABLE recipient DROP COLUMN domain")
    connection.execute("CREATE INDEX recipient_turn ON recipient (due, id) WHERE state IN ('pending', 'deferred')")
    connection.execute("ALTER TABLE attempt DROP COLUMN override")
    connection.execute("PRAGMA user_version = 5")
    connection.close()

    page = reopen().lease(50.0, 50.0, 9, Wanted(frozenset({"x.example"})))
    assert [one.address for one in page.waiting] == ["b@y.example"]


def test_a_row_is_kept_as_it_was(reopen: Open) -> None:
    """What a recipient is sent does not change when the list is edited (invariant I42)."""
    _enrol(reopen(), [Row(2, "a@x.example", {"Name": "Ann"})])

    ledger = reopen()
    (waiting,) = _enrol(ledger, [Row(9, "a@x.example", {"Name": "Anna"})])

    assert ledger.addressee(waiting.key)[0] == Row(2, "a@x.example", {"Name": "Ann"})


@pytest.mark.parametrize("takes_arrays", [True, False])
def test_who_is_gone_from_the_list_is_suppressed_until_listed_again(
    reopen: Open, rows: Rows, *, takes_arrays: bool
) -> None:
    """Taking a row out of the list means not to send to it; also where the database takes no arrays apart."""
    _enrol(reopen(), rows("a@x.example", "b@x.example"))

    ledger = reopen()
    ledger.takes_arrays = takes_arrays
    assert [one.address for one in _enrol(ledger, rows("b@x.example"))] == ["b@x.example"]
    assert _states(ledger)["a@x.example"] is State.SUPPRESSED
    assert next(ledger.recipients()).reason == GONE

    back = _enrol(reopen(), rows("a@x.example", "b@x.example"), at=60.0)
    assert [(one.address, one.standing.due) for one in back] == [("b@x.example", 0.0), ("a@x.example", 60.0)]


def test_who_is_settled_stays_so_when_gone_from_the_list(
    reopen: Open, rows: Rows, entry: Callable[..., Entry], ruling: Callable[..., Ruling]
) -> None:
    """Delivered is delivered."""
    ledger = reopen()
    (waiting,) = _enrol(ledger, rows("a@x.example"))
    asyncio.run(ledger.record([entry(waiting, ruling(Verdict.DELIVERED))]))

    ledger = reopen()
    assert _enrol(ledger, []) == ()
    assert _states(ledger) == {"a@x.example": State.DELIVERED}


def test_held_recipients_are_tried_again_by_a_new_run(reopen: Open, rows: Rows) -> None:
    """What held them was our own fault, and may have been put right."""
    ledger = reopen()
    (waiting,) = _enrol(ledger, rows("a@x.example"))
    ledger.settle([waiting.at(held(waiting.standing, "no account"))])

    ledger = reopen()
    assert _states(ledger) == {"a@x.example": State.HELD}
    assert [one.standing for one in _enrol(ledger, rows("a@x.example"), at=60.0)] == [Standing(due=60.0)]


def test_attempt_and_standing_are_written_together(
    reopen: Open, rows: Rows, entry: Callable[..., Entry], ruling: Callable[..., Ruling]
) -> None:
    """What was heard comes back as it went in, with where the recipient stands."""
    ledger = reopen()
    (waiting,) = _enrol(ledger, rows("a@x.example"))
    tried = entry(waiting, ruling(Verdict.DEFERRED, reply=Reply(450, ("4.2.1 busy", "4.2.1 later"))))
    asyncio.run(ledger.record([tried]))

    (record,) = ledger.recipients()
    assert list(ledger.attempts()) == [tried.attempt]
    assert (record.state, record.attempts, record.due) == (State.DEFERRED, 1, 312.0)
    assert (record.verdict, record.stage, record.row) == (Verdict.DEFERRED, Stage.RCPT, "rcpt-4yz")
    assert record.reply == tried.attempt.reply


@pytest.mark.parametrize("reply", [None, Reply(250), Reply(250, ("",)), Reply(550, ("5.1.1 no", "", "5.1.1 really"))])
def test_replies_survive_as_they_were(
    reopen: Open, rows: Rows, entry: Callable[..., Entry], ruling: Callable[..., Ruling], reply: Reply | None
) -> None:
    """No text, an empty text, and several lines are three things."""
    ledger = reopen()
    (waiting,) = _enrol(ledger, rows("a@x.example"))
    asyncio.run(ledger.record([entry(waiting, ruling(Verdict.DEFERRED, reply=reply, fault=Fault.EOF))]))

    (attempt,) = ledger.attempts()
    assert (attempt.reply, attempt.fault) == (reply, Fault.EOF)


def test_an_intent_with_an_outcome_is_struck(
    reopen: Open, rows: Rows, entry: Callable[..., Entry], ruling: Callable[..., Ruling]
) -> None:
    """Reading the reply to the dot ends the doubt."""
    ledger = reopen()
    (waiting,) = _enrol(ledger, rows("a@x.example"))
    asyncio.run(ledger.intend(_intent(waiting)))
    assert _states(ledger) == {"a@x.example": State.INFLIGHT}
    asyncio.run(ledger.record([entry(waiting, ruling(Verdict.DELIVERED))]))

    ledger = reopen()
    assert ledger.recovered == ()
    assert _states(ledger) == {"a@x.example": State.DELIVERED}
    assert next(ledger.recipients()).body_hash == "b0d1"


def test_what_waits_for_an_intent_is_done_when_it_is_written(reopen: Open, rows: Rows) -> None:
    """Before whoever has asked goes on: that is when the dot may leave (invariant I37)."""
    ledger = reopen()
    (who,) = _enrol(ledger, rows("a@x.example"))
    seen: list[object] = []

    async def story() -> None:
        await ledger.intend(_intent(who), lambda: seen.append(_states(ledger)))
        seen.append("gone on")

    asyncio.run(story())

    assert seen == [{"a@x.example": State.INFLIGHT}, "gone on"]


def test_an_intent_without_an_outcome_is_unknown_after_a_crash(reopen: Open, rows: Rows) -> None:
    """Invariant I38: exactly those whose dot may have left; the others are simply due."""
    ledger = reopen()
    first, _ = _enrol(ledger, rows("a@x.example", "b@x.example"))
    asyncio.run(ledger.intend(_intent(first)))

    ledger = reopen(at=500.0)
    (attempt,) = ledger.attempts()
    assert [(who.address, who.state) for who in ledger.recovered] == [("a@x.example", State.UNKNOWN)]
    assert _states(ledger) == {"a@x.example": State.UNKNOWN, "b@x.example": State.PENDING}
    assert (attempt.verdict, attempt.stage, attempt.row, attempt.counted) == (
        Verdict.UNKNOWN,
        Stage.DOT,
        "recovered",
        True,
    )
    assert (attempt.run, attempt.session, attempt.transaction) == (1, 3, 4)
    assert [one.address for one in _enrol(ledger, rows("a@x.example", "b@x.example"))] == ["b@x.example"]


def test_at_least_once_tries_again_after_a_crash(reopen: Open, rows: Rows, policy: RetryPolicy) -> None:
    """Not before the dot deadline has passed: the reply may still be on its way."""
    careful = replace(policy, unknown=UnknownPolicy.AT_LEAST_ONCE)
    ledger = reopen(retry=careful)
    asyncio.run(ledger.intend(_intent(*_enrol(ledger, rows("a@x.example")))))

    ledger = reopen(at=500.0, retry=careful)
    (waiting,) = _enrol(ledger, rows("a@x.example"))
    assert (waiting.standing.state, waiting.standing.due) == (State.DEFERRED, 500.0 + DOT_TIMEOUT)


def test_who_is_tried_again_after_a_crash_waits_as_after_any_try(reopen: Open, rows: Rows) -> None:
    """By the campaign's schedule, with the jitter of its seed and of the recipient; the try says until when."""
    careful = RetryPolicy(
        schedule=(3000.0,), cap=6000.0, jitter=0.5, lifetime=86400.0, unknown=UnknownPolicy.AT_LEAST_ONCE
    )
    ledger = reopen(retry=careful)
    asyncio.run(ledger.intend(_intent(*_enrol(ledger, rows("a@x.example")))))

    (attempt,) = reopen(at=500.0, retry=careful, seed=0).attempts()
    assert attempt.until == next_attempt(careful, counted=1, first_at=10.0, now=500.0, seed=0, key="a@x.example")


@pytest.mark.parametrize("matched", ["mx.*", "second"])
def test_an_override_for_host_or_account_holds_after_a_crash(reopen: Open, rows: Rows, matched: str) -> None:
    """What was written down of the transaction is all that is known of it."""
    ledger = reopen()
    (waiting,) = _enrol(ledger, rows("a@x.example"))
    refusal = Refusal(waiting.key, "rcpt-5yz", Reply.of("550 5.1.1 no"))
    asyncio.run(ledger.intend(replace(_intent(), refused=(refusal,), host="mx.example", account="second")))

    each = (Override(code=("550",), match=(matched,), then=Then.RETRY),)
    (attempt,) = reopen(at=500.0, overrides=Overrides(each)).attempts()
    assert attempt.verdict is Verdict.DEFERRED


@pytest.mark.parametrize(("campaign_says", "verdict"), [((), Verdict.FAILED), (("550",), Verdict.DEFERRED)])
def test_who_was_refused_before_a_crash_is_ruled_as_the_campaign_says(
    reopen: Open, rows: Rows, campaign_says: tuple[str, ...], verdict: Verdict
) -> None:
    """By the table, or by the override that fits the refusal (invariant I9)."""
    each = tuple(Override(line=4, code=campaign_says, match=("mx.*",), then=Then.RETRY) for _ in campaign_says)
    ledger = reopen()
    (waiting,) = _enrol(ledger, rows("a@x.example"))
    refusal = Refusal(waiting.key, "rcpt-5yz", Reply.of("550 5.1.1 no"))
    asyncio.run(ledger.intend(replace(_intent(), refused=(refusal,), host="mx.example")))

    (attempt,) = reopen(at=500.0, overrides=Overrides(each)).attempts()
    assert (attempt.verdict, attempt.row, attempt.override) == (
        verdict,
        "rcpt-5yz",
        "line 4: retry" if each else "",
    )


def test_recovery_happens_once(reopen: Open, rows: Rows) -> None:
    """A third run finds nothing to recover."""
    ledger = reopen()
    asyncio.run(ledger.intend(_intent(*_enrol(ledger, rows("a@x.example")))))
    reopen()

    ledger = reopen()
    assert ledger.recovered == ()
    assert len(list(ledger.attempts())) == 1


def test_runs_are_numbered_and_the_campaign_keeps_its_date(reopen: Open) -> None:
    """The Date of the messages is when the campaign was begun, in every run (invariant I42)."""
    first = reopen(at=100.0)
    first.ended(150.0)
    assert (first.run, first.created) == (1, 100.0)

    second = reopen(at=200.0)
    assert (second.run, second.created) == (2, 100.0)


def test_what_a_destination_taught_is_remembered_until_it_is_forgotten(reopen: Open) -> None:
    """With the reply that taught it; the latest word on each limit counts."""
    ledger = reopen()
    first, second = (
        Lesson(destination="mx.example:25", kind=Kind.RECIPIENTS, value=value, at=5.0, reply=reply)
        for value, reply in ((30.0, None), (20.0, Reply.of("452 4.5.3 too many")))
    )
    idle = Lesson(destination="mx.example:25", kind=Kind.IDLE, value=4.5, at=6.0)
    for lesson in (first, idle, second):
        ledger.learn(lesson)

    ledger = reopen()
    assert ledger.lessons() == [idle, second]
    ledger.forget()
    assert ledger.lessons() == []


def test_what_was_sent_since_is_counted_by_account(
    reopen: Open, rows: Rows, entry: Callable[..., Entry], ruling: Callable[..., Ruling]
) -> None:
    """Transactions, not recipients; tries without one are none."""
    ledger = reopen()
    people = _enrol(ledger, rows("a@x.example", "b@x.example", "c@x.example", "d@x.example"))
    facts = [("one", 1, 50.0), ("one", 1, 50.0), ("two", 1, 10.0), ("one", None, 60.0)]
    for who, (account, transaction, started) in zip(people, facts, strict=True):
        made = entry(who, ruling(Verdict.DEFERRED))
        record = replace(made.attempt, account=account, transaction=transaction, started=started)
        asyncio.run(ledger.record([replace(made, attempt=record)]))

    assert ledger.sent_since(20.0) == {"one": 1}
    assert ledger.sent_since(0.0) == {"one": 1, "two": 1}


def test_of_whoever_is_done_nothing_is_kept(
    reopen: Open, rows: Rows, entry: Callable[..., Entry], ruling: Callable[..., Ruling]
) -> None:
    """What was read ahead of them is forgotten, of those who are given back, too; not of those who are tried again."""
    ledger = reopen()
    first, done, kept, back = _enrol(ledger, rows("a@x.example", "b@x.example", "c@x.example", "d@x.example"))
    ledger.addressee(first.key)
    asyncio.run(ledger.record([entry(done, ruling(Verdict.DELIVERED))]))
    asyncio.run(ledger.record([replace(entry(kept, ruling(Verdict.DEFERRED)), kept=True)]))
    ledger.release([back.key])
    asked: list[str] = []
    ledger._connection.set_trace_callback(asked.append)

    def reads(waiting: Waiting) -> int:
        asked.clear()
        ledger.addressee(waiting.key)
        return len(asked)

    assert [reads(one) for one in (done, kept, back)] == [1, 0, 1]


def test_counts_name_every_state(reopen: Open, rows: Rows) -> None:
    """A state with nobody in it counts nought."""
    ledger = reopen()
    _enrol(ledger, rows("a@x.example", "b@x.example"))

    assert ledger.counts() == {**dict.fromkeys(State, 0), State.PENDING: 2}


def test_a_write_is_all_or_nothing(
    reopen: Open, rows: Rows, entry: Callable[..., Entry], ruling: Callable[..., Ruling]
) -> None:
    """A recipient that is not in the ledger spoils the whole record, and the ledger says so."""
    ledger = reopen()
    (waiting,) = _enrol(ledger, rows("a@x.example"))
    good = entry(waiting, ruling(Verdict.DELIVERED))

    with pytest.raises(LedgerError, match="ledger cannot be used: FOREIGN KEY") as caught:
        asyncio.run(ledger.record([good, replace(good, key=99)]))

    assert "run again to go on" in str(caught.value)
    assert _states(ledger) == {"a@x.example": State.PENDING}
    assert list(ledger.attempts()) == []


@pytest.mark.parametrize("durability", list(Durability))
def test_what_comes_together_is_written_in_the_order_in_which_it_came(
    tmp_path: Path,
    campaign: Callable[..., Campaign],
    rows: Rows,
    entry: Callable[..., Entry],
    ruling: Callable[..., Ruling],
    *,
    durability: Durability,
) -> None:
    """Tries are numbered in their order, and who is in both an intent and a try stands where the later one says."""
    ledger = open_ledger(tmp_path / "club.ledger", campaign(), at=0.0, durability=durability)
    first, second, third = _enrol(ledger, rows("a@x.example", "b@x.example", "c@x.example"))
    deferred, refused = ruling(Verdict.DEFERRED), Refusal(third.key, "rcpt-5yz", Reply(550))

    async def together() -> None:
        await asyncio.gather(
            ledger.intend(_intent(second)),
            ledger.record([entry(second, ruling(Verdict.DELIVERED)), entry(third, deferred)]),
            ledger.record([entry(first, deferred)]),
            ledger.intend(_intent(first)),
            ledger.intend(replace(_intent(), refused=(refused,))),
        )
        await ledger.record([entry(first, ruling(Verdict.DELIVERED, stage=Stage.DOT))])

    asyncio.run(together())
    tried = [attempt.stage for attempt in ledger.attempts()]
    ledger.close()
    ledger = open_ledger(tmp_path / "club.ledger", campaign(), at=20.0, durability=durability)
    found, states = [one.address for one in ledger.recovered], _states(ledger)
    ledger.close()

    assert tried == [Stage.RCPT] * 3 + [Stage.DOT]
    if durability is not Durability.NONE:  # else nothing is left of a run that has not ended
        assert found == ["c@x.example"]
        assert states == {"a@x.example": State.DELIVERED, "b@x.example": State.DELIVERED, "c@x.example": State.FAILED}


def test_what_could_not_be_written_is_not_written_later(
    reopen: Open, rows: Rows, entry: Callable[..., Entry], ruling: Callable[..., Ruling]
) -> None:
    """Neither it nor its number is left for the next group."""
    ledger = reopen()
    first, second = _enrol(ledger, rows("a@x.example", "b@x.example"))
    good = entry(first, ruling(Verdict.DELIVERED))
    asyncio.run(ledger.record([good]))
    with pytest.raises(LedgerError):
        asyncio.run(ledger.record([entry(second, ruling(Verdict.DELIVERED)), replace(good, key=99)]))
    asyncio.run(ledger.record([entry(second, ruling(Verdict.DEFERRED))]))

    assert [attempt.verdict for attempt in ledger.attempts()] == [Verdict.DELIVERED, Verdict.DEFERRED]
    assert _states(ledger) == {"a@x.example": State.DELIVERED, "b@x.example": State.DEFERRED}


def test_standings_are_of_those_who_were_there_before(
    reopen: Open, rows: Rows, entry: Callable[..., Entry], ruling: Callable[..., Ruling]
) -> None:
    """Address, state and counted tries, in order; whoever came later is asked for by another way."""
    ledger = reopen()
    people = _enrol(ledger, rows("a@x.example", "b@x.example", "c@x.example"))
    asyncio.run(ledger.record([entry(people[1], ruling(Verdict.DELIVERED))]))
    last = people[1].key

    assert [(address, State(state)) for address, state, _ in ledger.standings(last)] == [
        ("a@x.example", State.PENDING),
        ("b@x.example", State.DELIVERED),
    ]
    assert [address for address, *_ in ledger.newcomers(last)] == ["c@x.example"]


class BusyDisk:
    """A disk whose flushes the test ends."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    def flush(self) -> Exception | None:
        """Flush at once."""
        return None

    def begin(self, loop: asyncio.AbstractEventLoop, told: Told) -> None:
        """Say so when the test wants it."""
        self.told.append(told)


@pytest.mark.parametrize("pauses", [False, True])
def test_an_outcome_waits_for_the_disk_where_it_pauses_the_campaign(
    reopen: Open, rows: Rows, entry: Callable[..., Entry], ruling: Callable[..., Ruling], *, pauses: bool
) -> None:
    """What the power takes of any other leaves its intent; what it takes of a pause would be sent to."""
    ledger = reopen()
    (who,) = _enrol(ledger, rows("a@x.example"))
    disk = ledger._group.disk = BusyDisk()
    pause = Pause(at=3.0, run=1, recipients=2, reply=Reply(554, ("no",))) if pauses else None

    async def story() -> list[bool]:
        record = asyncio.create_task(ledger.record([entry(who, ruling(Verdict.DELIVERED))], pause))
        done = []
        for _ in range(2):
            for _ in range(3 + TURNS):
                await asyncio.sleep(0)
            done.append(record.done())
            for told in disk.told[:1]:
                told(None)
        await record
        return done

    assert asyncio.run(story()) == [not pauses, True]


def test_a_lazy_ledger_is_written_when_the_run_has_ended(
    tmp_path: Path,
    campaign: Callable[..., Campaign],
    rows: Rows,
    entry: Callable[..., Entry],
    ruling: Callable[..., Ruling],
) -> None:
    """Whoever asks for no durability gets none before; but then all of it."""
    path = tmp_path / "club.ledger"
    ledger = open_ledger(path, campaign(), at=0.0, durability=Durability.NONE)
    people = _enrol(ledger, rows("a@x.example", "b@x.example"))
    for who in people:
        asyncio.run(ledger.record([entry(who, ruling(Verdict.DELIVERED))]))
    before = _read(path)
    ledger.ended(20.0)
    ledger.close()

    assert set(before.values()) == {State.PENDING}
    assert set(_read(path).values()) == {State.DELIVERED}


def test_a_lazy_ledger_says_what_it_cannot_write(
    tmp_path: Path,
    campaign: Callable[..., Campaign],
    rows: Rows,
    entry: Callable[..., Entry],
    ruling: Callable[..., Ruling],
) -> None:
    """The ledger, and what SQLite says of it: when the tries of a crowd are written, and at the latest at the end."""
    ledger = open_ledger(tmp_path / "club.ledger", campaign(), at=0.0, durability=Durability.NONE)
    (waiting,) = _enrol(ledger, rows("a@x.example"))
    bad = replace(entry(waiting, ruling(Verdict.DELIVERED)), key=99)

    for end in (lambda: asyncio.run(ledger.record([bad])), lambda: ledger.ended(20.0)):
        ledger.crowd = 2
        asyncio.run(ledger.record([bad]))
        with pytest.raises(LedgerError, match="ledger cannot be used: FOREIGN KEY") as caught:
            end()
        assert caught.value.where == str(tmp_path / "club.ledger")
    ledger.close()


@pytest.mark.parametrize(("singly", "done"), [(False, ["a turn", "written"]), (True, ["written", "a turn"])])
def test_what_is_written_singly_takes_no_turn_of_the_loop(
    campaign: Callable[..., Campaign], rows: Rows, *, singly: bool, done: list[str]
) -> None:
    """Else a group waits for others, at no durability, too."""
    seen: list[str] = []

    async def story() -> None:
        asyncio.get_running_loop().call_soon(seen.append, "a turn")
        await ledger.intend(_intent(who))
        seen.append("written")
        await asyncio.sleep(0)

    with closing(open_ledger(None, campaign(), at=0.0, durability=Durability.NONE)) as ledger:
        if singly:
            ledger.write_singly()
        (who,) = _enrol(ledger, rows("a@x.example"))
        asyncio.run(story())

    assert seen == done


def test_a_closed_ledger_says_so(reopen: Open) -> None:
    """Every use of it is a LedgerError, not SQLite's."""
    ledger = reopen()
    ledger.close()

    with pytest.raises(LedgerError, match="closed"):
        ledger.counts()


def test_in_memory_needs_no_file(campaign: Callable[..., Campaign], rows: Rows) -> None:
    """For drills and properties."""
    ledger = open_ledger(None, campaign(), at=0.0)
    _enrol(ledger, rows("a@x.example"))

    assert len(list(ledger.recipients())) == 1
    ledger.close()


def test_a_finished_ledger_can_be_read_by_itself(reopen: Open, rows: Rows, tmp_path: Path) -> None:
    """A report needs no campaign; reading does not change a thing."""
    ledger = reopen()
    _enrol(ledger, rows("a@x.example"))
    ledger.close()
    before = (tmp_path / "club.ledger").read_bytes()

    reader = read_ledger(tmp_path / "club.ledger")
    assert [record.address for record in reader.recipients()] == ["a@x.example"]
    assert (reader.created, reader.run, reader.recovered) == (100.0, 0, ())
    with pytest.raises(LedgerError, match="readonly"):
        reader.learn(Lesson(destination="mx", kind=Kind.IDLE, value=1.0, at=0.0))
    reader.close()
    assert (tmp_path / "club.ledger").read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"account": "other"},
        {"limits": Limits(connections=9)},
        {"retry": RetryPolicy(schedule=(1.0,), cap=1.0)},
    ],
)
def test_how_it_is_sent_may_change_between_runs(
    reopen: Open, campaign: Callable[..., Campaign], change: dict[str, object]
) -> None:
    """Another relay, other limits, another patience: the same message."""
    reopen()
    if change.get("account"):
        change = {"account": replace(campaign().account, host="backup.example")}

    assert reopen(**change).run == 2


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "Goodbye"},
        {"text": "Hello?"},
        {"text": None, "html": "Hello!"},
        {"seed": 5},
        {"email": "Mail"},
    ],
)
def test_another_message_needs_another_campaign(reopen: Open, change: dict[str, object]) -> None:
    """Some recipients would get the one, some the other (invariant I42)."""
    reopen()

    with pytest.raises(ConfigurationError, match="message has changed") as caught:
        reopen(**change)

    assert "club.ledger: the message has changed" in str(caught.value)
    assert "undo the change" in str(caught.value)


def test_a_changed_attachment_is_another_message(tmp_path: Path, reopen: Open) -> None:
    """Its octets count, not only its name."""
    file = tmp_path / "a.txt"
    file.write_text("one")
    reopen(attachments=(file,))
    file.write_text("two")

    with pytest.raises(ConfigurationError, match="message has changed"):
        reopen(attachments=(file,))


def test_an_attachment_that_cannot_be_read_is_named(tmp_path: Path, reopen: Open) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigurationError, match="cannot read attachment: No such file") as caught:
        reopen(attachments=(tmp_path / "gone.pdf",))

    assert "gone.pdf" in caught.value.where


def test_the_ledger_of_another_campaign_is_refused(reopen: Open) -> None:
    """It says whose it is."""
    reopen(name="spring")

    with pytest.raises(ConfigurationError, match='ledger of the campaign "spring", not of "club"'):
        reopen()


def test_a_ledger_in_use_is_refused(reopen: Open, tmp_path: Path, campaign: Callable[..., Campaign]) -> None:
    """Invariant I41: one writer, be it a sender or an operator."""
    reopen()

    with pytest.raises(ConfigurationError, match="in use by another maildrill"):
        open_ledger(tmp_path / "club.ledger", campaign(), at=0.0)
    with pytest.raises(ConfigurationError, match="in use by another maildrill"):
        change_ledger(tmp_path / "club.ledger")


def test_a_ledger_in_use_can_be_read(reopen: Open, rows: Rows, tmp_path: Path) -> None:
    """A reader sees the moment at which it looked, and hinders nobody."""
    ledger = reopen()
    (waiting,) = _enrol(ledger, rows("a@x.example"))
    reader = read_ledger(tmp_path / "club.ledger")
    assert _states(reader) == {"a@x.example": State.PENDING}

    ledger.settle([waiting.at(held(waiting.standing, "no account"))])

    assert (_states(reader), _states(ledger)) == ({"a@x.example": State.PENDING}, {"a@x.example": State.HELD})
    assert reader.campaign == "club"
    reader.close()
    later = read_ledger(tmp_path / "club.ledger")
    assert _states(later) == {"a@x.example": State.HELD}
    later.close()


def test_a_lease_is_known_as_long_as_it_is_held(reopen: Open, tmp_path: Path) -> None:
    """Whoever looks can tell whether somebody is sending; looking makes no file."""
    path = tmp_path / "club.ledger"
    assert not is_leased(path)
    assert list(tmp_path.iterdir()) == []

    ledger = reopen()
    assert is_leased(path)
    ledger.close()

    assert not is_leased(path)


def test_a_lease_is_given_back_where_opening_fails(reopen: Open, tmp_path: Path) -> None:
    """A refused ledger is free for whoever has the right campaign."""
    reopen(name="spring").close()
    with pytest.raises(ConfigurationError, match='of the campaign "spring"'):
        reopen()

    assert not is_leased(tmp_path / "club.ledger")
    change_ledger(tmp_path / "club.ledger").close()


def test_a_ledger_of_a_newer_version_is_refused(reopen: Open, tmp_path: Path) -> None:
    """It is left as it is."""
    reopen().close()
    connection = sqlite3.connect(tmp_path / "club.ledger")
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(ConfigurationError, match=r"newer maildrill \(schema 99, this one knows 8\)"):
        reopen()


def test_any_other_file_is_refused(reopen: Open, tmp_path: Path) -> None:
    """It is not overwritten."""
    (tmp_path / "club.ledger").write_text("a shopping list, long enough to be a header\n" * 9)

    with pytest.raises(ConfigurationError, match="this is not a ledger"):
        reopen()
    assert (tmp_path / "club.ledger").read_text().startswith("a shopping list")


def test_any_other_database_is_refused(reopen: Open, tmp_path: Path) -> None:
    """Somebody else's tables are not ours to write into."""
    connection = sqlite3.connect(tmp_path / "club.ledger")
    connection.execute("CREATE TABLE invoice (id)")
    connection.close()

    with pytest.raises(ConfigurationError, match="a database, but not a ledger"):
        reopen()
    with pytest.raises(ConfigurationError, match="a database, but not a ledger"):
        read_ledger(tmp_path / "club.ledger")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path, campaign: Callable[..., Campaign]) -> None:
    """SQLite's words with the place."""
    with pytest.raises(ConfigurationError, match="cannot be opened: unable to open database file"):
        open_ledger(tmp_path / "no" / "club.ledger", campaign(), at=0.0)


def test_reading_what_is_not_there_makes_no_file(tmp_path: Path) -> None:
    """Nor an empty ledger."""
    with pytest.raises(ConfigurationError, match="no such ledger"):
        read_ledger(tmp_path / "club.ledger")
    assert not (tmp_path / "club.ledger").exists()

    (tmp_path / "club.ledger").touch()
    with pytest.raises(ConfigurationError, match="empty or of an earlier version"):
        read_ledger(tmp_path / "club.ledger")


def test_an_empty_file_becomes_a_ledger(reopen: Open, tmp_path: Path) -> None:
    """As `mktemp` makes it."""
    (tmp_path / "club.ledger").touch()

    assert reopen().run == 1


def test_closing_leaves_one_file(reopen: Open, rows: Rows, tmp_path: Path) -> None:
    """No side files to forget when the ledger is copied: what the lease was on is empty."""
    ledger = reopen()
    _enrol(ledger, rows("a@x.example"))
    ledger.close()

    sizes = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
    assert [name for name, size in sizes.items() if size] == ["club.ledger"]
    assert set(sizes) == {"club.ledger", "club.ledger-lease"}


def test_one_recipient_is_found_with_its_tries(
    reopen: Open, rows: Rows, entry: Callable[..., Entry], ruling: Callable[..., Ruling]
) -> None:
    """In any letter case, as the list has it."""
    ledger = reopen()
    ann, bob = _enrol(ledger, rows("ann@x.example", "bob@x.example"))
    asyncio.run(ledger.record([entry(ann, ruling(Verdict.DEFERRED)), entry(bob, ruling(Verdict.FAILED))]))

    found = ledger.find("ANN@x.example")
    assert found is not None
    assert (found.address, found.key, found.state) == ("ann@x.example", ann.key, State.DEFERRED)
    assert [one.recipient for one in ledger.attempts(found)] == ["ann@x.example"]
    assert ledger.find("zoe@x.example") is None


def test_runs_can_be_looked_at(reopen: Open) -> None:
    """A run that has no end lasts, or was cut off."""
    reopen(at=5.0).ended(9.0)
    ledger = reopen(at=20.0)

    assert ledger.runs() == [RunRecord(1, 5.0, 9.0), RunRecord(2, 20.0, None)]


def test_what_an_operator_moved_is_written_down(
    reopen: Open, rows: Rows, entry: Callable[..., Entry], ruling: Callable[..., Ruling], tmp_path: Path
) -> None:
    """Who, when, from where, by which command (invariant I9); the next run tries again."""
    ledger = reopen()
    (ann,) = _enrol(ledger, rows("ann@x.example"))
    asyncio.run(ledger.record([entry(ann, ruling(Verdict.FAILED))]))
    ledger.close()

    desk = change_ledger(tmp_path / "club.ledger")
    record = desk.find("ann@x.example")
    assert record is not None
    desk.requeue([(record, requeued(record.waiting.standing, 50.0))], at=50.0, by="requeue")
    assert list(desk.requeues()) == [Requeued(recipient="ann@x.example", at=50.0, before=State.FAILED, by="requeue")]
    assert _states(desk) == {"ann@x.example": State.PENDING}
    desk.close()

    (again,) = _enrol(reopen(), rows("ann@x.example"))
    assert (again.key, again.standing) == (ann.key, Standing(attempts=1, due=50.0))


def test_refusals_are_those_since_the_last_delivery_and_the_last_resume(
    reopen: Open, rows: Rows, entry: Callable[..., Entry], ruling: Callable[..., Ruling]
) -> None:
    """By one row, the last one first, each with its reply: they say why the campaign pauses."""
    ledger = reopen()
    people = _enrol(ledger, rows(*(f"{name}@x.example" for name in "abcde")))
    no = Reply.of("554 5.7.1 no")
    refused = ruling(Verdict.FAILED, row="dot-5yz", reply=no)
    told = [refused, ruling(Verdict.DELIVERED), refused, ruling(Verdict.FAILED, row="rcpt-5yz"), refused]
    for who, one in zip(people, told, strict=True):
        asyncio.run(ledger.record([entry(who, one)]))

    assert list(ledger.refusals("dot-5yz")) == [("e@x.example", no), ("c@x.example", no)]
    asyncio.run(ledger.record([], Pause(at=13.0, run=1, recipients=2, reply=no)))
    ledger.resume(20.0)
    assert list(ledger.refusals("dot-5yz")) == []


def test_a_run_is_alive_as_long_as_it_has_the_lease(reopen: Open, tmp_path: Path) -> None:
    """One that has ended is not, nor one that was killed; an operator who has the file begins no run."""
    ledger = reopen()
    reopen(at=200.0)
    reader = read_ledger(tmp_path / "club.ledger")
    assert reader.running() == [2]
    reader.close()
    ledger = reopen(at=300.0)
    ledger.ended(400.0)
    reader = read_ledger(tmp_path / "club.ledger")
    assert reader.running() == []
    reader.close()
    reopen(at=500.0).close()
    reader = read_ledger(tmp_path / "club.ledger")
    assert reader.running() == []
    reader.close()


def test_who_is_settled_but_still_due_stays_leased(reopen: Open, rows: Rows) -> None:
    """Whoever is not to be tried is let go, and may be leased again once an operator says so."""
    ledger = reopen()
    ann, bob = _enrol(ledger, rows("ann@x.example", "bob@x.example"))
    ledger.settle([ann.at(replace(ann.standing, reason="waits")), bob.at(held(bob.standing, "no account"))])
    assert ledger.lease(0.0, 900.0, 9).waiting == ()

    record = ledger.find("bob@x.example")
    assert record is not None
    ledger.requeue([(record, requeued(record.waiting.standing, 50.0))], at=50.0, by="requeue")
    assert [one.address for one in ledger.lease(0.0, 900.0, 9).waiting] == ["bob@x.example"]


def test_a_pause_is_told_in_reports() -> None:
    """When, in which run, after how many, and what was said."""
    pause = Pause(at=5.0, run=2, recipients=3, reply=Reply.of("554 5.7.1 no"), resumed=9.0)

    assert pause.to_json() == {"at": 5.0, "run": 2, "recipients": 3, "reply": "554 5.7.1 no"}
