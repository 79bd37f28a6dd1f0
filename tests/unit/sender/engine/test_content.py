"""Whether the content is refused, and who is the canary: decided over values alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest

from maildrill.sender.attempt import Fault, Ruling, State, Verdict
from maildrill.sender.canary import Canary, canary_alone, canary_of
from maildrill.sender.content import Caution, Streak
from maildrill.sender.ledger import RecipientRecord
from maildrill.smtp import Reply, Stage

Judge = Callable[..., Ruling]
SPAM = "554 5.7.1 spam"


@pytest.fixture
def refused(ruling: Judge) -> Judge:
    """A recipient whose message was refused after the dot."""

    def make(name: str, said: str | None = SPAM, **given: Any) -> Ruling:
        reply = Reply.of(said) if said else None
        plain = {"recipient": f"{name}@x.example", "stage": Stage.DOT, "row": "dot-5yz", "reply": reply}
        return ruling(given.pop("verdict", Verdict.FAILED), **{**plain, **given})

    return make


def _counted(rulings: Sequence[Ruling], limit: int = 3) -> Streak:
    return Streak(limit).after(rulings)


def test_the_same_reply_for_enough_recipients_breaks_it(refused: Judge) -> None:
    """Not before the last of them; the first reply is the one that is shown."""
    two, three = _counted([refused(one) for one in "ab"]), _counted([refused(one) for one in "abc"])

    assert (two.broken, three.broken, three.reply) == (False, True, Reply.of(SPAM))


def test_addresses_queue_ids_and_numbers_do_not_make_a_reply_another_one(refused: Judge) -> None:
    """What servers say of each mail is left out."""
    texts = [f"554 5.7.1 4F2A{n}BC: <{n}@x.example> refused at 12345{n}" for n in range(3)]

    assert _counted([refused(str(n), text) for n, text in enumerate(texts)]).broken


@pytest.mark.parametrize("other", ["550 5.7.1 spam", "554 5.6.0 spam", "554 5.7.1 virus"])
def test_another_code_status_or_text_begins_the_count_anew(other: str, refused: Judge) -> None:
    """Each of the three must be the same."""
    streak = _counted([refused("a"), refused("b"), refused("c", other)])

    assert (streak.broken, len(streak.recipients), streak.reply) == (False, 1, Reply.of(other))


def test_a_delivery_begins_the_count_anew(refused: Judge) -> None:
    """The content is taken by somebody."""
    good = refused("x", "250 ok", verdict=Verdict.DELIVERED)

    assert not _counted([refused("a"), refused("b"), good, refused("c")]).broken


def test_one_recipient_counts_once(refused: Judge) -> None:
    """However often it is refused."""
    assert not _counted([refused("a"), refused("a"), refused("a")]).broken


@pytest.mark.parametrize(
    "change",
    [
        {"stage": Stage.RCPT, "row": "rcpt-5yz"},
        {"verdict": Verdict.DEFERRED, "said": "451 4.7.1 later"},
        {"verdict": Verdict.UNKNOWN, "said": None, "fault": Fault.EOF},
        {"said": None},
    ],
)
def test_what_is_no_refusal_after_the_dot_neither_counts_nor_begins_anew(
    change: dict[str, Any], refused: Judge
) -> None:
    """A mailbox that does not exist says nothing of the content."""
    between = refused("x", **change)

    assert len(_counted([refused("a"), between, refused("b")]).recipients) == 2


def test_what_earlier_runs_left_counts(refused: Judge) -> None:
    """Two of three were refused before the restart; one more is enough, and the first reply is the one shown."""
    left = Streak.left(3, [(one, Reply.of(f"554 5.7.1 <{one}> spam")) for one in ("b@x.example", "a@x.example")])
    over = left.after([refused("c", "554 5.7.1 <c@x.example> spam")])

    assert (left.broken, left.recipients) == (False, frozenset({"a@x.example", "b@x.example"}))
    assert (over.broken, over.reply) == (True, Reply.of("554 5.7.1 <a@x.example> spam"))


def test_of_earlier_runs_only_the_last_refusals_that_are_alike_count() -> None:
    """Back to one that differs, and no further than needed; who was refused twice counts once."""
    said = [("d@x", SPAM), ("c@x", SPAM), ("c@x", SPAM), ("b@x", "554 5.6.0 malformed"), ("a@x", SPAM)]
    told = iter([(who, Reply.of(words)) for who, words in said])

    assert Streak.left(5, told).recipients == {"c@x", "d@x"}
    endless = ((f"{n}@x", Reply.of(SPAM)) for n in count())
    assert Streak.left(3, endless).broken
    assert Streak.left(0, endless) == Streak(0)


def test_zero_means_never(refused: Judge) -> None:
    """However many there are."""
    assert not _counted([refused(str(n)) for n in range(50)], limit=0).broken


def _record(key: int, state: State = State.PENDING) -> RecipientRecord:
    return RecipientRecord(
        address=f"r{key}@x.example",
        number=key,
        state=state,
        attempts=0,
        queued_at=0.0,
        due=None,
        first_at=None,
        expires_at=None,
        message_id=f"<{key}@x.example>",
        key=key,
    )


def test_a_canary_is_the_first_of_the_list_that_may_be_written_to() -> None:
    """Suppressed ones are no part of it; a shorter list is taken whole."""
    records = [_record(1, State.SUPPRESSED), _record(2), _record(3, State.DELIVERED), _record(4)]
    two, many = canary_of(records, 2), canary_of(records, 9)

    assert ([one.key for one in two.records], two.last_key) == ([2, 3], 3)
    assert (many.last_key, Canary(()).last_key) == (4, 0)


def test_a_canary_passes_when_everybody_has_the_message() -> None:
    """One that is unknown is enough for it not to."""
    good = Canary((_record(1, State.DELIVERED), _record(2, State.DELIVERED)))
    bad = Canary((*good.records, _record(3, State.UNKNOWN)))

    assert (good.passed, bad.passed) == (True, False)
    assert bad.states == {State.DELIVERED: 2, State.UNKNOWN: 1}


def test_a_report_speaks_of_the_canary_where_nobody_else_was_sent_to() -> None:
    """Not of one after which the run went on, and not where there was none."""
    good, go_on = Canary((_record(1, State.DELIVERED),)), Caution(canary=1, go_on=True)
    bad = Canary((_record(1, State.FAILED),))

    assert canary_alone(good, Caution(canary=1)) == {State.DELIVERED: 1}
    assert canary_alone(bad, go_on) == {State.FAILED: 1}
    assert (canary_alone(good, go_on), canary_alone(None, go_on)) == (None, None)
