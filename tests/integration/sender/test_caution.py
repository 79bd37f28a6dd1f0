"""Content that is refused pauses a campaign for good; a canary goes before all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maildrill.sender.attempt import State
from maildrill.sender.campaign import Limits, Mode
from maildrill.sender.content import Caution
from maildrill.sender.fold import fold
from maildrill.sender.ledger import read_ledger
from maildrill.sender.log_response import code_of
from maildrill.sender.override import Override, Overrides, Then
from maildrill.smtp import Stage

OnStage = Callable[..., Any]

SPAM = '[[rule]]\nat = "dot"\nreply = "554 5.7.1 {id} from <{rcpt}>: spam"\n'
TWO_KINDS = """
[[rule]]
at = "dot"
rcpt = ["r0@*", "r2@*", "r4@*", "r6@*"]
reply = "554 5.6.0 malformed"
[[rule]]
at = "dot"
reply = "554 5.7.1 spam"
"""
ONE = Limits(connections=1)


def _counts(stage: Any) -> Counter[State]:
    return Counter(stage.states.values())


def _said(stage: Any, kind: str) -> list[dict[str, object]]:
    return [dict(event.fields) for event in stage.memory.events if event.kind == kind]


def test_the_same_refusal_five_times_in_a_row_pauses_the_campaign(on_stage: OnStage) -> None:
    """Five are failed, the others keep their turn, and nobody is asked for after that."""
    stage = on_stage(SPAM, 20, limits=ONE)
    (pause,) = _said(stage, "campaign.paused")

    assert _counts(stage) == {State.FAILED: 5, State.PENDING: 15}
    assert (pause["recipients"], code_of(pause)) == (5, 554)
    assert _said(stage, "run.ended")[0]["reason"] == "paused"
    assert sum(entry.stage is Stage.MAIL and bool(entry.command) for entry in stage.journal.entries) == 5
    assert fold(stage.memory.events) == stage.states


def test_messages_under_way_come_to_their_end(on_stage: OnStage) -> None:
    """With four sessions at once nobody is left in flight, and no attempt of the others is counted."""
    stage = on_stage(SPAM, 40, limits=Limits(connections=4))
    counts = _counts(stage)

    assert set(counts) == {State.FAILED, State.PENDING}
    assert 5 <= counts[State.FAILED] <= 8
    assert all(record.attempts == 0 for record in stage.recipients if record.state is State.PENDING)
    assert len(_said(stage, "campaign.paused")) == 1


def test_refusals_that_differ_pause_nothing(on_stage: OnStage) -> None:
    """No reply comes twice in a row: each is a recipient's own."""
    stage = on_stage(TWO_KINDS, 8, limits=Limits(connections=1, pause_after=2))

    assert (_counts(stage), _said(stage, "campaign.paused")) == ({State.FAILED: 8}, [])


def test_a_refusal_that_the_user_overrides_pauses_nothing(on_stage: OnStage) -> None:
    """It means what the user says; whoever wants it retried does not take the content to be refused."""
    override = Override(code=("554",), at=(Stage.DOT,), then=Then.HOLD)
    stage = on_stage(SPAM, 8, limits=ONE, overrides=Overrides((override,)))

    assert (_counts(stage), _said(stage, "campaign.paused")) == ({State.HELD: 8}, [])


def test_zero_pauses_nothing(on_stage: OnStage) -> None:
    """Who wants it so gets it so."""
    assert _counts(on_stage(SPAM, 12, limits=Limits(pause_after=0))) == {State.FAILED: 12}


def test_one_reply_for_a_batch_counts_for_each_of_its_recipients(on_stage: OnStage) -> None:
    """One transaction of ten is enough."""
    limits = Limits(connections=1, recipients_per_transaction=10)
    stage = on_stage(SPAM, 30, limits=limits, mode=Mode.BATCH)

    assert _counts(stage) == {State.FAILED: 10, State.PENDING: 20}


def test_a_refusal_of_the_last_chunk_counts_as_one_of_the_dot(on_stage: OnStage) -> None:
    """By BDAT there is no dot: the last chunk stands in its place (RFC 3030 section 2)."""
    last = SPAM.replace('"dot"', '"bdat"')
    whole = on_stage(last, 20, limits=ONE, chunk=100_000)

    assert _counts(whole) == {State.FAILED: 5, State.PENDING: 15}


def test_a_paused_campaign_begins_nothing_until_it_is_resumed(on_stage: OnStage) -> None:
    """A later run leaves everything as it is; with the word it goes on, and is paused again."""
    summaries = []

    async def thrice(stage: Any) -> None:
        summaries.append(await stage.send())
        summaries.append(await stage.send())
        summaries.append(await stage.send(caution=Caution(resume=True)))

    stage = on_stage(SPAM, 20, thrice, limits=ONE)
    book = read_ledger(stage.file)
    pauses = book.pauses()
    book.close()

    assert [(one.connections > 0, one.pause is not None) for one in summaries] == [
        (True, True),
        (False, True),
        (True, True),
    ]
    assert summaries[1].pause == summaries[0].pause
    assert _counts(stage) == {State.FAILED: 10, State.PENDING: 10}
    assert [(one.run, one.recipients, one.resumed is None) for one in pauses] == [(1, 5, False), (3, 5, True)]
    assert len(_said(stage, "campaign.resumed")) == 1


def test_the_count_goes_on_in_the_next_run(on_stage: OnStage) -> None:
    """Two canaries are refused, then one more; and after a resume it begins anew, whatever the ledger has."""
    summaries = []

    async def thrice(stage: Any) -> None:
        cautions = (Caution(canary=2), Caution(), Caution(resume=True, canary=5), Caution())
        summaries.extend([await stage.send(caution=one) for one in cautions])

    stage = on_stage(SPAM, 20, thrice, limits=Limits(connections=1, pause_after=3))
    pauses = [one.pause for one in summaries]

    assert [(one.run, one.recipients) if one else None for one in pauses] == [None, (2, 3), None, (4, 3)]
    assert _counts(stage) == {State.FAILED: 6, State.PENDING: 14}


def test_a_delivery_in_an_earlier_run_begins_the_count_anew(on_stage: OnStage) -> None:
    """Refused, delivered, refused: one in a row."""
    script = '[[rule]]\nat = "dot"\nattempt = "2"\nreply = "250 ok"\n' + SPAM
    runs = []

    async def twice(stage: Any) -> None:
        runs.extend([await stage.send(caution=Caution(canary=n)) for n in (3, 4)])

    on_stage(script, 9, twice, limits=Limits(connections=1, pause_after=3))

    assert [one.pause for one in runs] == [None, None]


def test_a_lower_limit_pauses_at_the_next_refusal(on_stage: OnStage) -> None:
    """Nobody was to be paused at first; what was refused until then is not forgotten."""

    async def twice(stage: Any) -> None:
        await stage.send(
            campaign=replace(stage.campaign, limits=replace(ONE, pause_after=0)), caution=Caution(canary=9)
        )
        await stage.send()

    stage = on_stage(SPAM, 20, twice, limits=ONE)

    assert _counts(stage) == {State.FAILED: 10, State.PENDING: 10}


def test_a_campaign_that_is_resumed_comes_to_its_end(on_stage: OnStage) -> None:
    """Once the server takes the content everybody left gets it, and no later run is hindered."""
    fixed = SPAM.replace('at = "dot"', 'at = "dot"\nattempt = "1-5"')
    summaries = []

    async def thrice(stage: Any) -> None:
        cautions = (Caution(), Caution(resume=True), Caution())
        summaries.extend([await stage.send(caution=one) for one in cautions])

    stage = on_stage(fixed, 20, thrice, limits=ONE)

    assert _counts(stage) == {State.FAILED: 5, State.DELIVERED: 15}
    assert [one.pause is not None for one in summaries] == [True, False, False]


def test_a_canary_goes_alone_and_the_next_run_goes_on(on_stage: OnStage) -> None:
    """Three of twenty, in the order of the list, though one of them must be tried twice."""
    busy = '[[rule]]\nat = "rcpt"\nrcpt = "r1@*"\nattempt = "1"\nkey = "rcpt"\nreply = "450 4.2.1 busy"\n'
    seen = []

    async def twice(stage: Any) -> None:
        run = await stage.send(caution=Caution(canary=3))
        seen.append((run.canary, _counts(stage), stage.states))
        await stage.send()

    stage = on_stage(busy, 20, twice)
    canary, counts, states = seen[0]

    assert [one.address for one in canary.records] == ["r0@x.example", "r1@x.example", "r2@x.example"]
    assert (canary.passed, counts) == (True, {State.DELIVERED: 3, State.PENDING: 17})
    assert all(states[one.address] is State.DELIVERED for one in canary.records)
    assert _counts(stage) == {State.DELIVERED: 20}
    assert _said(stage, "canary.ended")[0]["goes_on"] is False
    assert [one["reason"] for one in _said(stage, "run.ended")] == ["canary", "done"]


@pytest.mark.parametrize(("script", "others"), [("", State.DELIVERED), (SPAM, State.PENDING)])
def test_then_go_on_goes_on_only_after_a_good_canary(script: str, others: State, on_stage: OnStage) -> None:
    """One that is refused keeps everybody else from getting it."""

    async def once(stage: Any) -> None:
        await stage.send(caution=Caution(canary=2, go_on=True))

    stage = on_stage(script, 10, once)

    assert {stage.states[f"r{n}@x.example"] for n in range(2, 10)} == {others}


def test_a_canary_that_was_sent_before_sends_nothing_again(on_stage: OnStage) -> None:
    """The same canary in a later run is the same recipients."""
    runs = []

    async def twice(stage: Any) -> None:
        runs.extend([await stage.send(caution=Caution(canary=2)) for _ in range(2)])

    on_stage("", 5, twice)

    assert (runs[1].connections, runs[1].canary) == (0, runs[0].canary)


def test_a_pause_is_written_with_the_refusal_that_brought_it(on_stage: OnStage, tmp_path: Path) -> None:
    """The ledger of a run that died right after the record has both, or neither."""

    class DiedError(Exception):
        """The process is gone."""

    def dying(ledger: Any) -> Any:
        class Dying:
            def __getattr__(self, name: str) -> Any:
                return getattr(ledger, name)

            async def record(self, entries: Any, pause: Any = None) -> bool:
                paused: bool = await ledger.record(entries, pause)
                if pause is not None:
                    raise DiedError
                return paused

        return Dying()

    async def play(stage: Any) -> None:
        with pytest.raises(DiedError):
            await stage.send(dying)

    stage = on_stage(SPAM, 20, play, limits=ONE)
    book = read_ledger(stage.file)
    pauses = book.pauses()
    book.close()

    assert (len(pauses), _counts(stage)[State.FAILED]) == (1, 5)
