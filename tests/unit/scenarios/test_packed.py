"""What is packed comes out as it went in."""

from __future__ import annotations

import pytest

from maildrill.scenarios.oracles.packed import Events
from maildrill.scenarios.oracles.series import Series
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_sinks import LineSink
from maildrill.smtp import Mark

MANY = 1300  # more than two blocks of the same kind


def logged(count: int = MANY) -> Events:
    """Return a log of so many lines, each tenth followed by another event."""
    events = Events()
    for number in range(count):
        events.take(events.__len__() + 1, float(number), "line", {"session": number % 3, "text": f"line {number}"})
        if number % 10 == 0:
            events.take(len(events) + 1, float(number), "attempt", {"recipient": f"{number}@x.test", "counted": True})
    events.flush()
    events.close()
    return events


def test_events_come_out_in_order() -> None:
    """Each with its number, time, kind and fields."""
    events = logged()

    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert events[0] == LogEvent(1, 0.0, "line", {"session": 0, "text": "line 0"})
    assert events[-1].fields["text"] == f"line {MANY - 1}"
    assert [event.kind for event in events[:3]] == ["line", "attempt", "line"]


def test_events_come_out_by_kind() -> None:
    """And without those of one kind."""
    events = logged()

    assert [event.at for event in events.kinds["attempt"]] == [float(number) for number in range(0, MANY, 10)]
    assert list(events.without("line")) == list(events.kinds["attempt"])
    assert len(events.kinds["line"]) == MANY


def test_fields_are_picked_without_events() -> None:
    """Whatever else stands beside them; an event that has them not is an error."""
    events = logged()
    lines = events.kinds["line"]

    assert list(lines.pick("text", "session"))[:2] == [("line 0", 0), ("line 1", 1)]
    events.take(len(events) + 1, 1.0, "line", {"mark": "->", "session": 7, "text": "another"})
    lines = events.kinds["line"]
    assert list(lines.pick("session", "text"))[-2:] == [((MANY - 1) % 3, f"line {MANY - 1}"), (7, "another")]
    assert events[-1] == LogEvent(len(events), 1.0, "line", {"mark": "->", "session": 7, "text": "another"})
    with pytest.raises(ValueError, match="not every event line has a mark"):
        list(lines.pick("session", "mark"))
    assert list(lines.pick("mark", "text", lacking=""))[-2:] == [("", f"line {MANY - 1}"), ("->", "another")]


def test_fields_may_come_and_go() -> None:
    """Blocks that were packed before there was a field do not have it; an event without any is one all the same."""
    events = logged()
    for fields in ({"mark": "->"}, {}, {"text": "last", "mark": "<-"}):
        events.take(len(events) + 1, 1.0, "line", fields)
    events.take(len(events) + 1, 1.0, "run.stopping", {})

    assert [event.fields for event in events][-4:] == [{"mark": "->"}, {}, {"text": "last", "mark": "<-"}, {}]
    assert [*events[-2].fields] == ["text", "mark"]
    assert events[0].fields == {"session": 0, "text": "line 0"}
    assert list(events.kinds["line"].pick("mark", lacking=None))[-4:] == [(None,), ("->",), (None,), ("<-",)]
    assert list(events.kinds["line"].pick("row", lacking=None))[-1] == (None,)
    assert len(events.kinds["run.stopping"]) == 1


def test_some_fields_do() -> None:
    """Kinds come with those that are asked for, as far as there are any."""
    slim = list(logged(12).slim({"attempt"}, ("recipient", "state")))

    assert slim == [
        ("attempt", {"recipient": "0@x.test"}),
        ("attempt", {"recipient": "10@x.test"}),
    ]
    assert list(logged(12).slim({"attempt"}, ("state",))) == [("attempt", {}), ("attempt", {})]


def test_fields_of_a_kind_come_in_its_own_order() -> None:
    """Each kind with those that are asked for; what it does not have is None."""
    rows = list(logged(12).rows({"attempt": ("recipient", "state"), "line": ("text",), "other": ("text",)}))

    assert rows[:3] == [("line 0",), ("0@x.test", None), ("line 1",)]
    assert len(rows) == 14


def test_a_part_is_looked_at_before_it_is_unpacked() -> None:
    """All parts together have all events; what is not packed yet is one, too."""
    lines = logged().kinds["line"]
    parts = list(lines.parts())

    assert len(parts) == 3
    assert [row for part in parts for row in part.pick("session", "text")] == list(lines.pick("session", "text"))
    assert "".join(part.together("text") for part in parts) == "".join(f"\0line {number}" for number in range(MANY))
    assert [{*part.different("session")} for part in parts] == [{0, 1, 2}] * 3
    assert [part.count for part in parts] == [512, 512, MANY - 1024]
    assert list(Series("line").parts()) == []


def test_a_log_is_known_to_be_in_order() -> None:
    """Each number behind the one before, and no time before the one before, also from one block to the next."""
    events = logged()
    assert events.steady
    events.take(len(events) + 1, MANY - 1.0, "line", {})
    assert events.steady
    back, gap = logged(), logged()
    back.take(len(back) + 1, 0.5, "line", {})
    gap.take(len(gap) + 2, float(MANY), "line", {})

    assert not back.steady
    assert not gap.steady
    assert back.steady is False


def test_the_order_is_known_without_unpacking() -> None:
    """Number, time and kind; and only what is asked for comes."""
    events = logged(12)

    assert list(events.order()) == [(event.number, event.at, event.kind) for event in events]
    assert list(events.only({"attempt", "other"})) == list(events.kinds["attempt"])


def test_a_log_is_packed_once() -> None:
    """What is packed stays what it is, anything else is packed."""
    events = logged(5)

    assert Events.of(events) is events
    assert Events.of(tuple(events)) == events


def test_logs_are_compared_by_what_they_hold() -> None:
    """Also with a tuple of events."""
    assert logged() == logged()
    assert logged(5) == tuple(logged(5))
    assert logged(5) != logged(6)
    assert logged(5) != 5
    assert logged(5) != [*logged(4), "something else"]
    with pytest.raises(TypeError, match="unhashable type: 'Events'"):
        hash(logged(1))


def test_lines_of_one_moment_come_out_one_by_one() -> None:
    """Each with a number of its own, between the other events, and in step with them."""
    events, same = Events(), Events()
    for turn in range(MANY // 3):
        said = [(Mark.SENT, f"NOOP {turn}"), (Mark.REFUSED, "500 no"), (Mark.NOTE, "odd")][: turn % 3 + 1]
        events.lines(len(same) + 1, float(turn), turn % 2, said)
        for mark, text in said:
            line = {"session": turn % 2, "mark": mark.value.strip(), "text": text}
            same.take(len(same) + 1, float(turn), "line", line)
        if turn % 4 == 0:
            events.take(len(same) + 1, float(turn), "attempt", {"counted": True})
            same.take(len(same) + 1, float(turn), "attempt", {"counted": True})
        if turn % 50 == 0:
            assert len(events) == len(same)

    assert list(events) == list(same)
    assert events.steady


def test_lines_out_of_step_are_noticed() -> None:
    """Where a number is missing before them, or was there already, or they are from before what came before."""

    def steady(first: int, at: float) -> bool:
        events = Events()
        events.lines(1, 5.0, 1, [(Mark.SENT, "MAIL"), (Mark.SENT, "RCPT")])
        events.lines(first, at, 1, [(Mark.ANSWERED, "250")])
        return events.steady

    assert [steady(3, 5.0), steady(3, 6.0), steady(4, 5.0), steady(2, 5.0), steady(3, 4.0)] == [True] * 2 + [False] * 3


@pytest.mark.parametrize("odd", [None, {"text": "odd"}, {"session": 1, "mark": "->", "text": "RSET"}])
def test_lines_are_taken_in_as_they_are(odd: dict[str, object] | None) -> None:
    """They are events as any other, whatever else is called a line."""
    events, same = Events(), Events()
    for number in range(1, MANY):
        if number == MANY // 2 and odd is not None:
            events.take(number, 1.0, "line", odd)
            same.take(number, 1.0, "line", odd)
        else:
            events.lines(number, 1.0, 1, [(Mark.SENT, f"NOOP {number}")])
            same.take(number, 1.0, "line", {"session": 1, "mark": "->", "text": f"NOOP {number}"})

    assert events == same
    assert isinstance(events, LineSink)
    assert list(events.pick("line", "text", lacking="")) == list(same.pick("line", "text", lacking=""))
    assert list(events.pick("attempt", "text")) == []
