"""The ledger in PostgreSQL: several senders, one campaign, and nobody tried by two of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from maildrill.sender.attempt import Ruling, Scope, State, Verdict
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy, UnknownPolicy
from maildrill.sender.ledger import AttemptRecord, Entry, Intent, LedgerError, Pause
from maildrill.sender.ledger.postgres import LeaseLostError, PostgresLedger
from maildrill.sender.ledger.postgres_opening import open_postgres, read_postgres
from maildrill.sender.ledger.postgres_url import redacted
from maildrill.sender.lists import Row
from maildrill.sender.plan import Turns, Waiting, Wanted
from maildrill.sender.standing import after
from maildrill.sender.watch import standing_pause
from maildrill.smtp import ConfigurationError, Reply, Stage

POLICY = RetryPolicy(schedule=(300.0, 600.0), cap=600.0, lifetime=86400.0)
CAMPAIGN: dict[str, Any] = {
    "name": "club",
    "sender": Mailbox("", "office@club.example"),
    "subject": "Hello",
    "account": Account(host="mx.example"),
    "list_file": Path("list.csv"),
    "email": "email",
    "text": "Hello!",
    "html": None,
    "attachments": (),
    "retry": POLICY,
    "limits": Limits(),
}
Join = Callable[..., PostgresLedger]


def campaign(**given: Any) -> Campaign:
    return Campaign(**{**CAMPAIGN, **given})


def _rows(number: int) -> list[Row]:
    return [Row(line, f"r{line}@x.example", {"email": f"r{line}@x.example"}) for line in range(number)]


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    """A database with nothing in it."""
    return new_database()


@pytest.fixture
def join(url: str) -> Iterator[Join]:
    """Open the ledger for one more sender; it enrols four recipients."""
    opened: list[PostgresLedger] = []

    def sender(at: float = 100.0, **given: Any) -> PostgresLedger:
        opened.append(open_postgres(url, campaign(**given), at=at))
        opened[-1].enrol(_rows(4), lambda row: f"<{row.address}>", at)
        return opened[-1]

    yield sender
    for ledger in opened:
        ledger.close()


def _lease(ledger: PostgresLedger, count: int = 9, now: float = 100.0) -> list[Waiting]:
    return list(ledger.lease(now, now, count).waiting)


def _intent(*waiting: Waiting) -> Intent:
    keys = tuple(one.key for one in waiting)
    return Intent(keys=keys, session=1, transaction=1, started=100.0, at=101.0, body_hash="b0d1")


def _entry(ledger: PostgresLedger, waiting: Waiting, verdict: Verdict, text: str = "said\0so") -> Entry:
    ruling = Ruling(
        recipient=waiting.address,
        verdict=verdict,
        scope=Scope.MESSAGE,
        stage=Stage.DOT,
        row="dot",
        reply=Reply(250, (text,)),
    )
    standing = after(waiting.standing, ruling, POLICY, started=100.0, now=102.0, seed=0)
    record = AttemptRecord(
        recipient=waiting.address,
        number=1,
        run=ledger.run,
        session=1,
        transaction=1,
        started=100.0,
        ended=102.0,
        verdict=verdict,
        state=standing.state,
        scope=ruling.scope,
        stage=ruling.stage,
        row="dot",
        counted=True,
        reply=ruling.reply,
    )
    return Entry(waiting.key, record, standing)


def _states(ledger: PostgresLedger) -> dict[str, State]:
    return {record.address: record.state for record in ledger.recipients()}


def _expire(ledger: PostgresLedger) -> None:
    """Let a minute pass for the database, in which `ledger` renewed nothing."""
    with ledger.writing():
        ledger.do(
            "UPDATE recipient SET lease_until = lease_until - make_interval(secs => 3600) WHERE lease_run = ?",
            (ledger.run,),
        )


def test_a_page_leaves_out_domains(join: Join) -> None:
    """As if nobody there were in the list; whoever is given back may be leased again (invariant I45)."""
    ledger = join()
    ledger.enrol([*_rows(4), Row(9, "s@Y.example", {})], lambda row: f"<{row.address}>", 100.0)
    page = ledger.lease(100.0, 100.0, 9, Wanted(frozenset({"x.example"})))
    ledger.release(one.key for one in page.waiting)

    assert ([one.address for one in page.waiting], page.next_at) == (["s@Y.example"], None)
    assert [one.address for one in ledger.lease(100.0, 100.0, 9, Wanted(frozenset({"y.example"}))).waiting] == [
        f"r{line}@x.example" for line in range(4)
    ]


def test_a_page_leaves_out_the_turns_of_accounts(join: Join) -> None:
    """By the remainder of the key: the first is 1; of who is left out nothing is due, either (invariant I45)."""
    ledger = join()
    page = ledger.lease(100.0, 100.0, 9, Wanted(turns=Turns(2, frozenset({0}))))
    nobody = ledger.lease(100.0, 100.0, 9, Wanted(turns=Turns(2, frozenset({0, 1}))))

    assert [one.key for one in page.waiting] == [1, 3]
    assert nobody.waiting == ()
    assert [one.key for one in ledger.lease(100.0, 100.0, 9, Wanted(turns=Turns(2, frozenset({1})))).waiting] == [2, 4]


def test_a_page_begins_behind_those_who_were_left_out(join: Join) -> None:
    """But whoever was given back before them is found, by this sender at once, and by another one, too."""
    one, two = join(), join()
    out = Wanted(turns=Turns(4, frozenset({1})))
    first = one.lease(100.0, 100.0, 1, out).waiting
    second = one.lease(100.0, 100.0, 1, out).waiting
    one.release([first[0].key])
    again = one.lease(100.0, 100.0, 1, out).waiting
    theirs = two.lease(100.0, 100.0, 1, out).waiting
    one.release([again[0].key])
    rest = two.lease(100.0, 100.0, 2, out)

    assert [page[0].key for page in (first, second, again, theirs)] == [2, 3, 2, 4]
    assert [who.key for who in rest.waiting] == [2]
    assert two.lease(100.0, 100.0, 9).waiting[0].key == 1


def test_two_senders_get_different_recipients(join: Join) -> None:
    """Invariant I41; and neither thinks that it is done before the other is."""
    one, two = join(), join()
    first = one.lease(100.0, 100.0, 3)
    second = two.lease(100.0, 100.0, 3)

    assert [who.address for who in first.waiting] == ["r0@x.example", "r1@x.example", "r2@x.example"]
    assert [who.address for who in second.waiting] == ["r3@x.example"]
    assert first.next_at == 100.0
    assert second.next_at is not None
    assert 100.0 < second.next_at <= 160.0
    assert one.lease(100.0, 100.0, 3).waiting == ()


def test_who_is_given_back_is_given_out(join: Join) -> None:
    """At the end of a run, or before."""
    one, two = join(), join()
    held = _lease(one)
    one.release([held[1].key])
    assert [who.address for who in _lease(two)] == ["r1@x.example"]

    one.ended(200.0)
    assert [who.address for who in _lease(two)] == ["r0@x.example", "r2@x.example", "r3@x.example"]


@pytest.mark.parametrize("policy", list(UnknownPolicy))
def test_a_dead_senders_leases_are_taken_over(join: Join, policy: UnknownPolicy) -> None:
    """Whoever was about to be tried is tried by another; whose dot may have left is Unknown (invariant I38)."""
    retry = RetryPolicy(schedule=(300.0,), cap=300.0, lifetime=86400.0, unknown=policy)
    one, two = join(retry=retry), join(retry=retry)
    held = _lease(one)
    asyncio.run(one.intend(_intent(held[0])))
    assert two.lease(100.0, 100.0, 9).waiting == ()
    _expire(one)
    page = two.lease(100.0, 100.0, 9)

    assert [who.address for who in page.waiting] == ["r1@x.example", "r2@x.example", "r3@x.example"]
    assert [who.address for who in page.recovered] == ["r0@x.example"]
    expected = State.UNKNOWN if policy is UnknownPolicy.AT_MOST_ONCE else State.DEFERRED
    assert _states(two)["r0@x.example"] is expected
    assert [(attempt.row, attempt.run) for attempt in two.attempts()] == [("recovered", one.run)]


def test_a_sender_that_was_cut_off_sends_no_dot(join: Join) -> None:
    """Its lease is over, taken or not: it cannot write the intent."""
    one, two = join(), join()
    held = _lease(one)
    _expire(one)
    with pytest.raises(LeaseLostError, match="another sender has taken over"):
        asyncio.run(one.intend(_intent(held[0])))
    assert len(_lease(two)) == 4
    with pytest.raises(LeaseLostError, match="another sender has taken over"):
        asyncio.run(one.intend(_intent(held[1])))

    assert _states(two)["r0@x.example"] is State.PENDING


def test_a_lease_that_is_renewed_lasts(join: Join) -> None:
    """As long as its sender lives."""
    one, two = join(), join()
    held = _lease(one)
    _expire(one)
    asyncio.run(one.renew())

    assert _lease(two) == []
    asyncio.run(one.intend(_intent(*held)))


def test_a_reply_that_comes_after_the_takeover_is_believed(join: Join) -> None:
    """The 2yz was read, and settles the doubt; anything else changes nothing that another sender decided."""
    one, two = join(), join()
    held = _lease(one)
    asyncio.run(one.intend(_intent(*held[:2])))
    _expire(one)
    two.lease(100.0, 100.0, 9)
    asyncio.run(one.record([_entry(one, held[0], Verdict.DELIVERED), _entry(one, held[1], Verdict.DEFERRED)]))

    assert _states(two)["r0@x.example"] is State.DELIVERED
    assert _states(two)["r1@x.example"] is State.UNKNOWN
    assert [attempt.row for attempt in two.attempts()] == ["recovered", "recovered", "dot", "dot"]


def test_what_is_concluded_is_leased_no_longer(join: Join) -> None:
    """Whoever asks when it is due gets it, not only who tried it before."""
    one, two = join(), join()
    held = _lease(one)
    asyncio.run(one.record([_entry(one, held[0], Verdict.DEFERRED)]))

    page = two.lease(100.0, 100.0, 9)
    (attempt,) = two.attempts()
    assert (page.waiting, attempt.reply) == ((), Reply(250, ("said\u2400so",)))
    assert [who.address for who in two.lease(10000.0, 10000.0, 9).waiting] == ["r0@x.example"]


def test_a_connection_that_breaks_is_said(join: Join, url: str) -> None:
    """Every write fails from then on, and the sender stops."""
    one, two = join(), join()
    held = _lease(one)
    (backend,) = one.all("SELECT pg_backend_pid()")[0]
    two.all("SELECT pg_terminate_backend(?)", (backend,))

    with pytest.raises(LedgerError, match="ledger cannot be used") as caught:
        asyncio.run(one.intend(_intent(held[0])))
    assert redacted(url) in str(caught.value)


def test_the_ledger_can_be_read_meanwhile(join: Join, url: str) -> None:
    """As of one moment."""
    one = join()
    reader = read_postgres(url)
    before = reader.counts()[State.PENDING]
    asyncio.run(one.record([_entry(one, _lease(one)[0], Verdict.DELIVERED)]))

    assert (before, reader.counts()[State.PENDING], reader.campaign) == (4, 4, "club")
    reader.close()


def test_another_message_needs_another_campaign(join: Join, url: str) -> None:
    """As in a file; another campaign has tables of its own."""
    join()
    with pytest.raises(ConfigurationError, match="message has changed"):
        join(text="Hello?")
    assert join(name="spring").counts()[State.PENDING] == 4

    with pytest.raises(ConfigurationError, match="2 campaigns are there"):
        read_postgres(url)
    read_postgres(url, "spring").close()


def test_no_password_is_shown() -> None:
    """Wherever in the URL it stands."""
    url = "postgresql://ann:s3cr%40t@127.0.0.1:1/club?connect_timeout=1"
    with pytest.raises(ConfigurationError, match="the ledger cannot be opened") as caught:
        open_postgres(url, campaign(), at=0.0)

    assert "s3cr" not in str(caught.value)
    assert "postgresql://ann:***@127.0.0.1:1/club" in str(caught.value)
    assert redacted("postgresql://h/d?user=a&password=s3cr%40t&x=1") == "postgresql://h/d?user=a&password=***&x=1"


def test_a_pause_is_seen_by_every_sender_until_it_is_resumed(join: Join) -> None:
    """It is written with the refusal that brought it, and nobody beyond a canary is leased."""
    one, two = join(), join()
    (waiting,) = one.lease(100.0, 100.0, 9, Wanted(last_key=1)).waiting
    pause = Pause(at=101.0, run=one.run, recipients=5, reply=Reply.of("554 5.7.1 spam"))
    asyncio.run(one.record([_entry(one, waiting, Verdict.FAILED)], pause))

    assert (standing_pause(two), two.lease(100.0, 100.0, 9, Wanted(last_key=1)).waiting) == (pause, ())

    refused = [who for who, _ in one.refusals("dot")]
    two.resume(105.0)

    assert (refused, list(one.refusals("dot"))) == ([waiting.address], [])
    assert (standing_pause(one), [found.resumed for found in one.pauses()]) == (None, [105.0])
