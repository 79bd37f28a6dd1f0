"""A campaign, run: who gets the message, when, in how many sessions, and what is written down of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from maildrill.sender.attempt import State, Verdict
from maildrill.sender.campaign import Limits, Mode, RetryPolicy, UnknownPolicy
from maildrill.sender.fold import fold
from maildrill.sender.ledger import LedgerError
from maildrill.smtp import Stage
from maildrill.smtp.quantity import Rate

OnStage = Callable[..., Any]

DOWN = """
[[rule]]
at = "connect"
during = "{span}"
cut = "refuse"
"""


def _most_at_once(stage: Any) -> int:
    """Return how many sessions were open at once, as the server saw it."""
    moves = [(record.opened, 1) for record in stage.journal.sessions]
    moves += [(record.closed_at, -1) for record in stage.journal.sessions]
    open_now, most = 0, 0
    for _, move in sorted(moves):
        open_now += move
        most = max(most, open_now)
    return most


def test_everybody_gets_one_message(on_stage: OnStage) -> None:
    """All accepted at once: each recipient is delivered in its first attempt."""
    stage = on_stage("", 20)

    assert set(stage.states.values()) == {State.DELIVERED}
    assert [stage.journal.committed(address) for address in stage.states] == [1] * 20
    assert [attempt.number for attempt in stage.attempts] == [1] * 20
    assert fold(stage.memory.events) == stage.states


@pytest.mark.parametrize("connections", [1, 3])
def test_sessions_stay_within_the_limit(on_stage: OnStage, connections: int) -> None:
    """Invariants I20 and I22, measured by the server."""
    stage = on_stage("", 30, limits=Limits(connections=connections, messages_per_connection=4))
    messages = Counter(message.session for message in stage.journal.messages)

    assert _most_at_once(stage) == connections
    assert max(messages.values()) == 4
    assert set(stage.states.values()) == {State.DELIVERED}


def test_messages_keep_the_pace(on_stage: OnStage) -> None:
    """Invariant I21: MAIL commands are spread evenly, over all sessions."""
    stage = on_stage("", 15, limits=Limits(connections=4, rate=Rate(10, 60.0)))
    times = sorted(entry.began for entry in stage.journal.entries if entry.stage is Stage.MAIL)

    assert all(later - earlier > 5.9 for earlier, later in pairwise(times))
    assert len(stage.journal.sessions) == 1


def test_a_slow_pace_keeps_no_session_waiting(on_stage: OnStage) -> None:
    """An hour between two messages: each has a session of its own."""
    stage = on_stage("", 3, limits=Limits(connections=4, rate=Rate(1, 3600.0)))

    assert len(stage.journal.sessions) == 3
    assert all(record.closed_at - record.opened < 10 for record in stage.journal.sessions)


def test_a_deferred_recipient_is_tried_again_when_it_is_due(on_stage: OnStage) -> None:
    """Greylisting: the others do not wait for it, and it does not wait longer than the schedule says."""
    stage = on_stage('[[rule]]\nat = "rcpt"\nrcpt = "r1@*"\nkey = "rcpt"\nage = "<4m"\nreply = "450 4.2.0 grey"\n', 3)
    first, second = (asked.at for asked in stage.journal.asked("r1@x.example"))

    assert set(stage.states.values()) == {State.DELIVERED}
    assert 300 <= second - first < 301
    assert [attempt.verdict for attempt in stage.attempts if attempt.recipient == "r1@x.example"] == [
        Verdict.DEFERRED,
        Verdict.DELIVERED,
    ]


def test_recipients_that_become_due_together_share_a_session(on_stage: OnStage) -> None:
    """A session is kept for what is due in a moment, and dropped when there is nothing for a while."""
    stage = on_stage(
        '[[rule]]\nat = "rcpt"\nkey = "rcpt"\nattempt = "1"\nreply = "450 4.2.0 later"\n',
        10,
        limits=Limits(connections=1),
    )

    assert len(stage.journal.sessions) == 2
    assert set(stage.states.values()) == {State.DELIVERED}


def test_too_many_recipients_are_split_at_once_in_the_same_session(on_stage: OnStage) -> None:
    """Invariant I23: no back-off, nothing counted, and the next batches are of the size learnt."""
    stage = on_stage(
        '[[rule]]\nat = "rcpt"\nkey = "transaction"\nattempt = "8-"\nreply = "452 4.5.3 too many"\n',
        30,
        mode=Mode.BATCH,
        limits=Limits(connections=1, recipients_per_transaction=20),
    )

    assert set(stage.states.values()) == {State.DELIVERED}
    assert {record.attempts for record in stage.recipients} == {1}
    assert [len(message.recipients) for message in stage.journal.messages] == [7, 7, 7, 7, 2]
    assert len(stage.journal.sessions) == 1


def test_a_dead_host_burns_nobody(on_stage: OnStage) -> None:
    """Invariants I15 to I17: few connections, none counted, and everybody is delivered when it is back."""
    stage = on_stage(DOWN.format(span="0s..2h"), 10)
    refused = stage.times("session.refused")

    assert set(stage.states.values()) == {State.DELIVERED}
    assert {record.attempts for record in stage.recipients} == {1}
    assert len(refused) <= 5 + 9
    assert all(later - earlier >= 60 for earlier, later in list(pairwise(refused))[5:])
    assert len(stage.times("breaker.closed")) == 1


def test_a_host_that_never_comes_back_holds_everybody(on_stage: OnStage) -> None:
    """Nothing is known against the recipients; a later run tries again and delivers."""

    async def main(stage: Any) -> None:
        await stage.send()
        assert set(stage.states.values()) == {State.HELD}
        assert {record.reason for record in stage.recipients} == {"mx.example:25 was not to be had all the time"}
        await stage.send()

    stage = on_stage(
        DOWN.format(span="0s..26h"), 5, main, retry=RetryPolicy(schedule=(300.0,), cap=300.0, lifetime=86400.0)
    )

    assert set(stage.states.values()) == {State.DELIVERED}
    assert fold(stage.memory.events) == stage.states


def test_a_recipient_that_is_never_ready_expires_after_a_last_attempt(on_stage: OnStage) -> None:
    """Invariant I14: the lifetime is used up to its end, and not beyond."""
    policy = RetryPolicy(schedule=(300.0, 3000.0), cap=3000.0, lifetime=10_000.0)
    stage = on_stage('[[rule]]\nat = "rcpt"\nreply = "450 4.2.1 no"\n', 1, retry=policy)
    (record,) = stage.recipients
    begun = [attempt.started for attempt in stage.attempts]

    assert (record.state, record.attempts) == (State.EXPIRED, 6)
    assert 9_900 <= begun[-1] - begun[0] <= 10_000


def test_an_outage_over_the_end_of_a_lifetime_expires_who_was_tried(on_stage: OnStage) -> None:
    """The next try would be too late: no attempt after the lifetime, and no silence about it."""
    policy = RetryPolicy(schedule=(300.0,), cap=300.0, lifetime=3600.0)
    stage = on_stage('[[rule]]\nat = "rcpt"\nreply = "450 4.2.1 no"\n' + DOWN.format(span="2m..3h"), 2, retry=policy)

    assert set(stage.states.values()) == {State.EXPIRED}
    assert {record.attempts for record in stage.recipients} == {1}
    assert len(stage.times("recipient.expired")) == 2
    assert fold(stage.memory.events) == stage.states


def test_a_quota_is_met_with_patience(on_stage: OnStage) -> None:
    """421 at MAIL, ten in an hour: nobody counted, a handful of connections an hour."""
    stage = on_stage('[[rule]]\nat = "mail"\nkey = "client"\nover = "10/1h"\nreply = "421 4.7.0 too fast"\n', 25)

    assert set(stage.states.values()) == {State.DELIVERED}
    assert {record.attempts for record in stage.recipients} == {1}
    assert len(stage.journal.sessions) < 40


def test_a_server_that_ends_each_session_early_costs_no_time(on_stage: OnStage) -> None:
    """Five messages, then 421: that is its way, not an outage."""
    stage = on_stage(
        '[[rule]]\nat = "mail"\nkey = "connection"\nattempt = "6-"\nreply = "421 4.7.0 enough"\n',
        30,
        limits=Limits(connections=1),
    )

    assert set(stage.states.values()) == {State.DELIVERED}
    assert stage.journal.entries[-1].at - stage.journal.entries[0].at < 30
    assert stage.times("breaker.opened") == []


def test_a_limit_of_sessions_is_learnt(on_stage: OnStage) -> None:
    """The server bears two at once: the third is refused, and is not tried again every moment."""
    stage = on_stage(
        '[[rule]]\nat = "banner"\nattempt = "3-"\nduring = "0s..50s"\nreply = "421 4.7.0 too many connections"\n'
        '[[rule]]\nat = "mail"\nwait = "1s"\n',
        60,
        limits=Limits(connections=4),
    )

    assert set(stage.states.values()) == {State.DELIVERED}
    assert len(stage.times("session.refused")) <= 6
    assert stage.times("breaker.opened") == []


def test_a_refused_sender_does_not_wipe_the_list(on_stage: OnStage) -> None:
    """The second 550 to MAIL in a row: it is about us, everybody else is held."""
    stage = on_stage('[[rule]]\nat = "mail"\nreply = "550 5.7.1 not from you"\n', 10, limits=Limits(connections=1))

    assert Counter(stage.states.values()) == {State.FAILED: 1, State.HELD: 9}
    assert len(stage.attempts) == 2
    assert any("refused the reverse-path" in record.reason for record in stage.recipients)


def test_a_deferred_sender_is_no_storm(on_stage: OnStage) -> None:
    """451 to every MAIL: after five in a row the host is left alone for a while."""
    stage = on_stage(
        '[[rule]]\nat = "mail"\nduring = "0s..10m"\nreply = "451 4.3.0 not now"\n', 50, limits=Limits(connections=1)
    )
    refused = [entry for entry in stage.journal.entries if entry.stage is Stage.MAIL and entry.reply.code == 451]

    assert set(stage.states.values()) == {State.DELIVERED}
    assert len(refused) < 20


LOST = '[[rule]]\nat = "dot"\nkey = "message"\nattempt = "1"\ncommit = true\ncut = "before"\n'


def test_a_lost_reply_is_unknown_and_left_so(on_stage: OnStage) -> None:
    """At most once, the default: never a second copy (RFC 1047)."""
    stage = on_stage(LOST, 3)

    assert set(stage.states.values()) == {State.UNKNOWN}
    assert [stage.journal.committed(address) for address in stage.states] == [1, 1, 1]


def test_a_lost_reply_is_tried_again_where_that_is_wanted(on_stage: OnStage) -> None:
    """At least once: after the dot deadline, with the same octets and the same Message-ID."""
    policy = RetryPolicy(schedule=(60.0,), cap=60.0, unknown=UnknownPolicy.AT_LEAST_ONCE)
    stage = on_stage(LOST, 1, retry=policy)
    first, second = stage.journal.messages

    assert set(stage.states.values()) == {State.DELIVERED}
    assert second.at - first.at >= 600
    assert (first.content, first.message_id) == (second.content, second.message_id)
    assert [attempt.verdict for attempt in stage.attempts] == [Verdict.UNKNOWN, Verdict.DELIVERED]


def test_a_finished_campaign_opens_no_connection(on_stage: OnStage) -> None:
    """Invariant I24, and the log of both runs folds to the ledger (I40)."""

    async def main(stage: Any) -> None:
        await stage.send()
        sessions = len(stage.journal.sessions)
        summary = await stage.send()
        assert (summary.connections, summary.stopped) == (0, False)
        assert len(stage.journal.sessions) == sessions

    stage = on_stage('[[rule]]\nat = "rcpt"\nrcpt = "r0@*"\nreply = "550 5.1.1 no"\n', 3, main)

    assert Counter(stage.states.values()) == {State.FAILED: 1, State.DELIVERED: 2}
    assert fold(stage.memory.events) == stage.states


def test_rows_added_to_the_list_are_sent_by_the_next_run(on_stage: OnStage) -> None:
    """The others are left in peace; a row taken out while it waits is not sent."""

    async def main(stage: Any) -> None:
        both = stage.rows
        stage.rows = both[:1]
        await stage.send()
        stage.rows = both
        await stage.send()

    stage = on_stage("", 2, main)

    assert [stage.journal.committed(address) for address in stage.states] == [1, 1]


@pytest.mark.parametrize("after", [0.0, 0.05, 0.1, 0.5, 1.0, 1.5, 3.0, 7.0])
def test_a_stopped_run_goes_on_where_it_stopped(on_stage: OnStage, after: float) -> None:
    """Invariant I43, whenever the stop comes: no dot is left alone, nobody is lost or doubled."""

    async def main(stage: Any) -> None:
        asyncio.get_running_loop().call_later(after, stage.stop.set)
        summary = await stage.send()
        assert summary.stopped
        assert State.UNKNOWN not in stage.states.values()
        assert State.INFLIGHT not in stage.states.values()
        stage.stop.clear()
        await stage.send()

    stage = on_stage('[[rule]]\nat = "dot"\nwait = "200ms"\n[[rule]]\nat = "banner"\nwait = "70ms"\n', 100, main)

    assert set(stage.states.values()) == {State.DELIVERED}
    assert [stage.journal.committed(address) for address in stage.states] == [1] * 100
    assert fold(stage.memory.events) == stage.states


def test_a_stop_waits_for_the_reply_to_the_dot(on_stage: OnStage) -> None:
    """However long the server takes, up to the dot's deadline."""

    async def main(stage: Any) -> None:
        asyncio.get_running_loop().call_later(30, stage.stop.set)
        summary = await stage.send()
        assert summary.ended - summary.started > 500

    stage = on_stage('[[rule]]\nat = "dot"\nwait = "500s"\n', 5, main, limits=Limits(connections=1))

    assert Counter(stage.states.values()) == {State.DELIVERED: 1, State.PENDING: 4}


def test_a_stop_while_nothing_is_due_ends_at_once(on_stage: OnStage) -> None:
    """Ctrl-C in the middle of a long wait."""

    async def main(stage: Any) -> None:
        asyncio.get_running_loop().call_later(100, stage.stop.set)
        summary = await stage.send()
        assert (summary.stopped, round(summary.ended - summary.started)) == (True, 100)

    stage = on_stage('[[rule]]\nat = "rcpt"\nreply = "450 4.2.0 later"\n', 1, main)

    assert stage.times("run.stopping") == [stage.memory.events[-1].at]
    assert set(stage.states.values()) == {State.DEFERRED}


def test_another_relay_may_take_over(on_stage: OnStage) -> None:
    """The account is how it is sent, not what is sent: a later run may use another."""

    async def main(stage: Any) -> None:
        asyncio.get_running_loop().call_later(1000, stage.stop.set)
        dead = replace(stage.campaign, account=replace(stage.campaign.account, host="dead.example"))
        await stage.send(campaign=dead)
        stage.stop.clear()
        await stage.send()

    stage = on_stage("", 3, main)

    assert set(stage.states.values()) == {State.DELIVERED}


def test_a_host_that_never_accepts_mail_holds_everybody_at_once(on_stage: OnStage) -> None:
    """521 in the greeting (RFC 7504): the account is wrong, one connection is enough to know."""
    stage = on_stage('[[rule]]\nat = "banner"\nreply = "521 5.3.2 we do not take mail"\n', 5)

    assert set(stage.states.values()) == {State.HELD}
    assert len(stage.journal.sessions) <= 2
    assert {record.attempts for record in stage.recipients} == {0}


def test_a_missing_login_holds_everybody(on_stage: OnStage) -> None:
    """530 to MAIL is about the account (invariant I55)."""
    stage = on_stage('[[rule]]\nat = "mail"\nreply = "530 5.7.0 log in first"\n', 5, limits=Limits(connections=1))

    assert set(stage.states.values()) == {State.HELD}
    assert {record.reason for record in stage.recipients if not record.row} == {"530 5.7.0 log in first"}
    assert {record.attempts for record in stage.recipients} == {0}


def test_a_session_that_is_dropped_while_idle_costs_nobody_anything(on_stage: OnStage) -> None:
    """421 between two messages: a new session at once, nothing counted, no breaker."""
    stage = on_stage(
        '[[rule]]\nat = "idle"\nage = ">=3s"\nreply = "421 4.4.2 idle"\n',
        6,
        limits=Limits(connections=1, rate=Rate(1, 6.0)),
    )

    assert set(stage.states.values()) == {State.DELIVERED}
    assert len(stage.journal.sessions) == 6
    assert {record.attempts for record in stage.recipients} == {1}
    assert stage.times("breaker.opened") == []


def test_a_host_that_drops_each_session_is_left_alone(on_stage: OnStage) -> None:
    """Invariant I16: it greets and hangs up at MAIL, for an hour; nobody knocks a thousand times."""
    stage = on_stage('[[rule]]\nat = "mail"\nduring = "0s..1h"\ncut = "before"\n', 40)

    assert set(stage.states.values()) == {State.DELIVERED}
    assert (
        len([record for record in stage.journal.sessions if record.opened < stage.journal.sessions[0].opened + 3600])
        < 25
    )


def test_too_many_waits_its_turn_where_messages_are_rare(on_stage: OnStage) -> None:
    """A recipient that is to be tried at once keeps the pace all the same, and no session waits an hour for it."""
    stage = on_stage(
        '[[rule]]\nat = "rcpt"\nkey = "transaction"\nattempt = "3-"\nreply = "452 4.5.3 too many"\n',
        5,
        mode=Mode.BATCH,
        limits=Limits(connections=1, rate=Rate(1, 3600.0)),
    )

    assert set(stage.states.values()) == {State.DELIVERED}
    assert [len(message.recipients) for message in stage.journal.messages] == [2, 2, 1]
    assert len(stage.journal.sessions) == 3


def test_a_batch_larger_than_what_was_learnt_meanwhile_is_split(on_stage: OnStage) -> None:
    """Two sessions find out at the same time: both go on in batches of two, and nobody is counted twice."""
    stage = on_stage(
        '[[rule]]\nat = "rcpt"\nkey = "transaction"\nattempt = "3-"\nreply = "452 4.5.3 too many"\n',
        40,
        mode=Mode.BATCH,
        limits=Limits(connections=2, recipients_per_transaction=10),
    )

    assert set(stage.states.values()) == {State.DELIVERED}
    assert {len(message.recipients) for message in stage.journal.messages} == {2}
    assert {record.attempts for record in stage.recipients} == {1}


def test_one_message_for_all_is_the_same_for_all(on_stage: OnStage) -> None:
    """Batch mode: one Message-ID, composed once."""
    stage = on_stage("", 9, mode=Mode.BATCH, limits=Limits(recipients_per_transaction=3))

    assert len(stage.journal.messages) == 3
    assert len({(message.content, message.message_id) for message in stage.journal.messages}) == 1


@pytest.mark.parametrize("write", ["intend", "record"])
def test_a_ledger_that_cannot_be_written_ends_the_run(on_stage: OnStage, write: str) -> None:
    """Before the dot: it does not leave. After it: Unknown, because nobody wrote down what was heard."""

    class Full:
        def __init__(self, ledger: Any) -> None:
            self._ledger = ledger

        def __getattr__(self, name: str) -> Any:
            if name == write:
                raise LedgerError("disk full")
            return getattr(self._ledger, name)

    async def main(stage: Any) -> None:
        with pytest.raises(LedgerError, match="disk full"):
            await stage.send(Full)
        assert len(stage.journal.messages) == (0 if write == "intend" else 1)
        await stage.send()

    stage = on_stage("", 3, main, limits=Limits(connections=1))
    expected = {State.DELIVERED: 3} if write == "intend" else {State.DELIVERED: 2, State.UNKNOWN: 1}

    assert Counter(stage.states.values()) == expected
    assert [stage.journal.committed(address) for address in stage.states] == [1, 1, 1]


def test_a_run_that_is_cancelled_leaves_no_dot_alone(on_stage: OnStage) -> None:
    """Cancelling the task is as good as the stop request, and raises as it should."""

    async def main(stage: Any) -> None:
        task = asyncio.create_task(stage.send())
        await stage.world.clock.sleep(30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert Counter(stage.states.values()) == {State.DELIVERED: 2, State.PENDING: 3}

    on_stage('[[rule]]\nat = "dot"\nwait = "100s"\n', 5, main)


def test_a_stop_between_two_messages_says_goodbye(on_stage: OnStage) -> None:
    """The session waits for its turn, and ends with QUIT when asked to stop."""

    async def main(stage: Any) -> None:
        asyncio.get_running_loop().call_later(8, stage.stop.set)
        summary = await stage.send()
        assert round(summary.ended - summary.started) == 8

    stage = on_stage("", 5, main, limits=Limits(connections=1, rate=Rate(1, 5.0)))

    assert Counter(stage.states.values()) == {State.DELIVERED: 2, State.PENDING: 3}
    assert stage.journal.entries[-1].stage is Stage.QUIT


def test_a_stop_while_too_many_wait_for_their_turn_loses_nobody(on_stage: OnStage) -> None:
    """Those that were to be tried again in the same session are tried again by the next run."""

    async def main(stage: Any) -> None:
        asyncio.get_running_loop().call_later(3, stage.stop.set)
        await stage.send()
        assert Counter(stage.states.values()) == {State.DELIVERED: 2, State.PENDING: 3}
        stage.stop.clear()
        await stage.send()

    stage = on_stage(
        '[[rule]]\nat = "rcpt"\nkey = "transaction"\nattempt = "3-"\nreply = "452 4.5.3 too many"\n',
        5,
        main,
        mode=Mode.BATCH,
        limits=Limits(connections=1, rate=Rate(1, 5.0)),
    )

    assert set(stage.states.values()) == {State.DELIVERED}


def test_a_probe_that_is_stopped_proves_nothing(on_stage: OnStage) -> None:
    """The host greets slowly after an outage; the stop comes first, and the next run finds it well."""

    async def main(stage: Any) -> None:
        asyncio.get_running_loop().call_later(75, stage.stop.set)
        await stage.send()
        assert set(stage.states.values()) == {State.PENDING}
        stage.stop.clear()
        await stage.send()

    stage = on_stage(DOWN.format(span="0s..40s") + '[[rule]]\nat = "banner"\nwait = "30s"\n', 2, main)

    assert set(stage.states.values()) == {State.DELIVERED}
