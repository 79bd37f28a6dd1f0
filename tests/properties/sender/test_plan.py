"""The agenda against a model of two plain lists: whatever is asked of it, in whatever order, at whatever moment.

Times are a few whole numbers, so that two of them are often the same: what is due now, what ends now.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.plan import Agenda, Waiting
from maildrill.sender.standing import Standing

MOMENTS = st.integers(0, 3)
ENDS = st.one_of(MOMENTS, st.none())
PEOPLE = st.tuples(st.just("add"), MOMENTS, ENDS)
#: Many come, few are given out: else there is seldom anybody to ask about.
ASKED = st.one_of(
    PEOPLE,
    PEOPLE,
    PEOPLE,
    st.tuples(st.sampled_from(["take", "change"]), MOMENTS, MOMENTS),
    st.tuples(st.sampled_from(["ready", "lapsed", "shed"]), MOMENTS),
)


def _turn(waiting: Waiting) -> tuple[float, int]:
    assert waiting.standing.due is not None
    return waiting.standing.due, waiting.key


def _over(waiting: Waiting, now: float) -> bool:
    return waiting.standing.expires_at is not None and waiting.standing.expires_at < now


@dataclass
class Model:
    """Who was looked at when due, and who was not, each in order of turns."""

    seen: list[Waiting] = field(default_factory=list)
    unseen: list[Waiting] = field(default_factory=list)

    def everybody(self) -> list[Waiting]:
        """In order of turns."""
        return sorted([*self.seen, *self.unseen], key=_turn)

    def strike(self, gone: Iterable[Waiting]) -> list[Waiting]:
        """Take these out; returns them."""
        gone = list(gone)
        self.seen = [one for one in self.seen if one not in gone]
        self.unseen = [one for one in self.unseen if one not in gone]
        return gone

    def add(self, waiting: Waiting) -> None:
        """One more."""
        self.unseen = sorted([*self.unseen, waiting], key=_turn)

    def ready(self, now: float) -> int:
        """How many are due."""
        due = [one for one in self.unseen if _turn(one)[0] <= now]
        self.unseen = [one for one in self.unseen if one not in due]
        self.seen = sorted([*self.seen, *due], key=_turn)
        return len(self.seen)

    def take(self, now: float, size: int) -> list[Waiting]:
        """The first ones that are due and not over."""
        self.ready(now)
        return self.strike([one for one in self.seen if not _over(one, now)][:size])

    def lapsed(self, now: float) -> list[Waiting]:
        """Those that are over."""
        return self.strike(one for one in self.everybody() if _over(one, now))

    def shed(self, most: int) -> list[Waiting]:
        """All behind the first ones."""
        return self.strike(self.everybody()[most:])

    def clear(self) -> list[Waiting]:
        """All."""
        return self.strike(self.everybody())

    def change(self, now: float, end: float) -> set[Waiting]:
        """Whoever is due and has no end gets one."""
        self.ready(now)
        changed = {one: _ended(one, end) for one in self.seen if one.standing.expires_at is None}
        self.seen = [changed.get(one, one) for one in self.seen]
        return set(changed.values())


def _ended(waiting: Waiting, end: float) -> Waiting:
    return waiting.at(replace(waiting.standing, expires_at=end))


def _change(agenda: Agenda, now: float, end: float) -> list[Waiting]:
    return agenda.change(now, lambda old: old if old.expires_at is not None else replace(old, expires_at=end))


@given(st.lists(ASKED, min_size=10, max_size=30))
def test_the_agenda_is_two_lists_in_order(asked: list[tuple[str, int, int]]) -> None:
    """Each answer is the model's, and so is what can be seen between two questions; at last all are given out."""
    agenda, model = Agenda(), Model()
    for key, (what, *words) in enumerate(asked):
        if what == "add":
            due, end = words
            waiting = Waiting(key, f"r{key}@x.example", 0.0, Standing(due=due, expires_at=end))
            agenda.add(waiting)
            model.add(waiting)
        elif what == "change":
            changed = _change(agenda, *words)
            assert len(changed) == len(set(changed))
            assert set(changed) == model.change(*words)
        else:
            assert getattr(agenda, what)(*words) == getattr(model, what)(*words)

        assert len(agenda) == len(model.everybody())
        assert sorted(agenda, key=_turn) == model.everybody()
        assert agenda.next_later() == next((_turn(one)[0] for one in model.unseen), None)
        assert agenda.next_due() == next((_turn(one)[0] for one in [*model.seen, *model.unseen]), None)
    assert agenda.clear() == model.clear()
    assert (len(agenda), agenda.earliest_end) == (0, float("inf"))


@given(st.lists(st.tuples(MOMENTS, ENDS), max_size=8), MOMENTS)
def test_no_lifetime_ends_before_the_earliest_end(people: list[tuple[int, int | None]], now: int) -> None:
    """It spares looking through everybody; after a look it is exact."""
    agenda = Agenda()
    for key, (due, end) in enumerate(people):
        agenda.add(Waiting(key, f"r{key}@x.example", 0.0, Standing(due=due, expires_at=end)))

    assert agenda.earliest_end == min((end for _, end in people if end is not None), default=float("inf"))
    agenda.lapsed(now)
    assert agenda.earliest_end == min(
        (end for _, end in people if end is not None and end >= now), default=float("inf")
    )
