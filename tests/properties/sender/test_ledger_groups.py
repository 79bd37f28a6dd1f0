"""What comes together is written together, and is what it would be had it been written one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from maildrill.scenarios.mutants.told import CAMPAIGN
from maildrill.sender.attempt import Scope, State, Verdict
from maildrill.sender.ledger import AttemptRecord, Durability, Entry, Intent, Pause, Refusal, open_ledger
from maildrill.sender.ledger import statements as sql
from maildrill.sender.ledger.sql_ledger import SqlLedger
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import Row
from maildrill.sender.standing import Standing
from maildrill.smtp import Reply, Stage

LOOP = asyncio.Runner()
KEYS = st.lists(st.integers(1, 4), unique=True, min_size=1, max_size=4)
REPLY = Reply(550, ("5.1.1 no",))


def _intent(at: int, keys: list[int], accepted: int) -> Intent:
    """Some of these have their dot on its way, the others were refused."""
    refused = tuple(Refusal(key, f"row {at}", REPLY) for key in keys[accepted:])
    return Intent(
        keys=tuple(keys[:accepted]),
        session=at,
        transaction=at + 1,
        started=float(at),
        at=at + 0.5,
        body_hash=f"body {at}",
        account=f"account {at}",
        host=f"host {at}",
        refused=refused,
    )


def _entry(key: int, at: int, state: State) -> Entry:
    attempt = AttemptRecord(
        recipient=f"r{key}@x.example",
        number=at,
        run=1,
        session=at,
        transaction=None,
        started=float(at),
        ended=at + 0.5,
        verdict=Verdict.DEFERRED,
        state=state,
        scope=Scope.RECIPIENT,
        stage=Stage.RCPT,
        row=f"row {at}",
        counted=True,
    )
    return Entry(key, attempt, Standing(state=state, attempts=at, due=float(at)))


#: Intents, and what tries came to with the pause that they may cause: all of a group.
INTENTS = st.builds(_intent, st.integers(0, 9), KEYS, st.integers(0, 4))
ENTRIES = st.builds(_entry, st.integers(1, 4), st.integers(0, 9), st.sampled_from([State.DEFERRED, State.DELIVERED]))
PAUSE = Pause(at=3.0, run=1, recipients=2, reply=REPLY)
TRIES = st.tuples(st.lists(ENTRIES, max_size=3), st.none() | st.just(PAUSE))
Tries = tuple[list[Entry], Pause | None]


class OneByOne(SqliteLedger):
    """Writes as a ledger does in any database: a statement is executed when it is due, and not gathered."""

    _intend = SqlLedger._intend
    _conclude = SqlLedger._conclude
    record = SqlLedger.record
    write_tries = SqlLedger.write_tries


def _opened(durability: Durability = Durability.POWER) -> SqliteLedger:
    ledger = open_ledger(None, CAMPAIGN, at=5.0, durability=durability)
    ledger.enrol([Row(n, f"r{n}@x.example", {}) for n in range(1, 5)], lambda row: f"<{row.number}@x.example>", 5.0)
    return ledger


async def _write(ledger: SqliteLedger, write: Intent | Tries) -> None:
    if isinstance(write, Intent):
        await ledger.intend(write)
    else:
        await ledger.record(*write)


async def _together(ledger: SqliteLedger, writes: Sequence[Intent | Tries]) -> None:
    await asyncio.gather(*[_write(ledger, write) for write in writes])


def _content(ledger: SqliteLedger) -> tuple[object, ...]:
    found = list(ledger.recipients()), list(ledger.attempts()), ledger.pauses(), ledger.all(sql.INTENTS)
    ledger.close()
    return found


@settings(max_examples=60)
@given(
    groups=st.lists(st.lists(INTENTS | TRIES, min_size=1, max_size=5), min_size=1, max_size=3),
    durability=st.sampled_from([Durability.POWER, Durability.NONE]),
    crowd=st.sampled_from([1, 3, 256]),
)
def test_a_group_comes_to_what_its_writes_come_to(
    groups: list[list[Intent | Tries]], durability: Durability, crowd: int
) -> None:
    """Recipients, tries with their order, pauses, and whose dot may have left (invariants I38, I39)."""
    gathered, single = _opened(durability), _opened()
    gathered.crowd = crowd
    single.__class__ = OneByOne
    for group in groups:
        LOOP.run(_together(gathered, group))
        for write in group:
            LOOP.run(_write(single, write))

    assert _content(gathered) == _content(single)


def test_a_ledger_of_any_database_writes_what_it_is_told() -> None:
    """An intent says whose dot may have left, and who was refused; a try strikes it; a pause is kept."""
    ledger = _opened()
    ledger.__class__ = OneByOne
    LOOP.run(ledger.intend(_intent(7, [1, 2, 3], 2)))
    intents = ledger.all(sql.INTENTS)
    LOOP.run(ledger.record([_entry(2, 1, State.DELIVERED), _entry(3, 2, State.DEFERRED)], PAUSE))
    left = ledger.all(sql.INTENTS)
    first, second, third, _ = ledger.recipients()

    assert [(found[0], *found[10:]) for found in intents] == [
        (1, 1, 7, 8, 7.0, 7.5, "account 7", "host 7", None, None, ""),
        (2, 1, 7, 8, 7.0, 7.5, "account 7", "host 7", None, None, ""),
        (3, 1, 7, 8, 7.0, 7.5, "account 7", "host 7", 550, "5.1.1 no", "row 7"),
    ]
    assert [found[0] for found in left] == [1]
    assert [one.state for one in (first, second, third)] == [State.INFLIGHT, State.DELIVERED, State.DEFERRED]
    assert [(one.body_hash, one.row) for one in (first, second)] == [("body 7", ""), ("body 7", "row 1")]
    assert list(ledger.attempts()) == [
        _entry(2, 1, State.DELIVERED).attempt,
        _entry(3, 2, State.DEFERRED).attempt,
    ]
    assert ledger.pauses() == [PAUSE]
    lasting = SqlLedger.lasting(ledger, sql.STANDINGS, (3,))
    assert [address for address, *_ in lasting] == [f"r{n}@x.example" for n in (1, 2, 3)]
    ledger.close()


def test_a_lazy_ledger_knows_whose_dot_may_have_left() -> None:
    """Whoever asks for it is told at once, and what is written for good at last has it, too."""
    for read in (lambda one: one.counts(), lambda one: list(one.recipients()), lambda one: one.let_go()):
        ledger = _opened(Durability.NONE)
        LOOP.run(ledger.intend(_intent(7, [1, 2, 3], 2)))
        LOOP.run(ledger.record([_entry(2, 1, State.DELIVERED)]))
        before = ledger.lasting(sql.INTENTS)
        read(ledger)

        assert (before, [found[0] for found in ledger.lasting(sql.INTENTS)]) == ([], [1, 3])
        assert [one.state for one in ledger.recipients()] == [
            State.INFLIGHT,
            State.DELIVERED,
            State.PENDING,
            State.PENDING,
        ]
        assert [one.body_hash for one in ledger.recipients()] == ["body 7", "body 7", None, None]
        ledger.close()
