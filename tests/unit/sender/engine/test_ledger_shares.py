"""A ledger of which a process has a share, and who flushes it: whom it gives out, and what of the run it may end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger import Durability, Intent, LedgerError, is_leased, join_ledger, open_ledger
from maildrill.sender.ledger.sqlite import SqliteLedger
from maildrill.sender.lists import Row
from maildrill.sender.share import Share

INTENT = Intent(keys=(1,), session=1, transaction=1, started=1.0, at=1.0, body_hash="b0d1")


@pytest.fixture
def begun(tmp_path: Path, campaign: Callable[..., Campaign]) -> Iterator[SqliteLedger]:
    """A run that began at second 7, with eight recipients, and gives none of them out itself."""
    with closing(open_ledger(tmp_path / "club.ledger", campaign(), at=7.0, durability=Durability.PROCESS)) as ledger:
        ledger.enrol([Row(n, f"r{n}@x.example", {}) for n in range(1, 9)], lambda row: f"<{row.number}@x>", 7.0)
        yield ledger


def _joined(begun: SqliteLedger, share: Share, durability: Durability = Durability.PROCESS) -> SqliteLedger:
    path = Path(begun._name)
    return join_ledger(path, "club", share, run=1, created=7.0, turn=nullcontext, durability=durability)


def test_whoever_joins_has_a_share_of_the_run(begun: SqliteLedger) -> None:
    """Each recipient is somebody's, and only theirs (invariant I41); campaign, run and date are those of the run."""
    with closing(_joined(begun, Share(0, 2))) as one, closing(_joined(begun, Share(1, 2))) as two:
        pages = [[who.key for who in ledger.lease(9.0, 9.0, 99).waiting] for ledger in (one, two)]

        assert sorted(pages[0] + pages[1]) == list(range(1, 9))
        assert all(pages)
        assert (one.campaign, one.created, one.run) == ("club", 7.0, 1)
        assert (one.file_lease, one.lazy) == (None, False)


def test_a_share_that_is_done_does_not_end_the_run(begun: SqliteLedger) -> None:
    """Whoever began it does; but whom the share had leased may be leased again."""
    with closing(_joined(begun, Share(0, 2))) as one:
        leased = one.lease(9.0, 9.0, 99).waiting
        one.ended(10.0)
        assert [run.ended for run in begun.runs()] == [None]
        assert one.lease(9.0, 9.0, 99).waiting == leased
    begun.ended(11.0)

    assert [run.ended for run in begun.runs()] == [11.0]


@pytest.mark.parametrize(("durability", "synchronous"), [("power", 1), ("process", 0), ("none", 0)])
def test_a_share_is_written_as_was_asked_for(begun: SqliteLedger, durability: str, synchronous: int) -> None:
    """Power is what nobody has to ask for; whoever joins takes no lease."""
    with closing(_joined(begun, Share(0, 2), Durability(durability))) as one:
        assert [one.do(f"PRAGMA {name}") for name in ("synchronous", "foreign_keys")] == [(synchronous,), (1,)]
    path = Path(begun._name)
    with closing(join_ledger(path, "club", Share(0, 2), run=1, created=7.0, turn=nullcontext)) as one:
        assert one.do("PRAGMA synchronous") == (1,)
    begun.close()

    assert not is_leased(path)


def test_the_turn_is_the_one_that_was_given(begun: SqliteLedger) -> None:
    """It is held for each transaction."""
    turns: list[str] = []

    class Turn(nullcontext[None]):
        def __enter__(self) -> None:
            turns.append("turn")

    share = Share(0, 2)
    with closing(join_ledger(Path(begun._name), "club", share, run=1, created=7.0, turn=Turn)) as one:
        asyncio.run(one.intend(INTENT))

    assert turns == ["turn"]


def test_what_cannot_be_joined_is_named(tmp_path: Path) -> None:
    """In our words, as by whoever opens it."""
    path = tmp_path / "club.ledger"
    path.write_text("a shopping list, long enough to be a header\n" * 9)

    with pytest.raises(Exception, match=f"{path}: this is not a ledger"):
        join_ledger(path, "club", Share(0, 2), run=1, created=7.0, turn=nullcontext)


# Who flushes


def test_who_flushes_beside_us_is_asked_for_once(begun: SqliteLedger) -> None:
    """When the first write has been committed; where there is nobody all is flushed here, and is as safe."""
    asked: list[int] = []
    begun.flush_apart(asked.append)
    before = list(asked)
    for _ in range(2):
        asyncio.run(begun.intend(INTENT))

    assert (before, len(asked)) == ([], 1)
    assert begun.do("PRAGMA synchronous") == (1,)


def test_a_flush_that_fails_names_the_ledger(begun: SqliteLedger) -> None:
    """And what the system says; nothing is written any more."""
    begun.flush_apart(lambda _: None)
    assert begun._flusher is not None
    with Path(os.devnull).open("rb") as null:  # which nobody can flush
        os.dup2(null.fileno(), begun._flusher._file.fileno())

    with pytest.raises(LedgerError) as caught:
        asyncio.run(begun.intend(INTENT))

    assert str(caught.value).startswith(f"{begun._name}: the ledger cannot be read or written: ")
    assert "when what was written was flushed to the disk" in str(caught.value)


def test_a_question_that_cannot_be_answered_names_the_ledger(begun: SqliteLedger) -> None:
    """With what SQLite says of it, in a short answer and in a long one; also whoever has a share of it."""
    with closing(_joined(begun, Share(0, 2))) as one:
        for ask in (begun.all, one.all, lambda statement: list(begun.rows(statement))):
            with pytest.raises(LedgerError) as caught:
                ask("SELECT 1 FROM nobody")
            assert str(caught.value).startswith(f"{begun._name}: the ledger cannot be used: no such table: nobody")
