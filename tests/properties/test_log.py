"""The event log holds whatever a stranger says, and gives it back."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.attempt import Fault, Ruling, Scope, State, Verdict
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.fold import fold
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_json import encode
from maildrill.sender.log_sinks import Memory
from maildrill.sender.log_text import as_text
from maildrill.smtp import Reply, Stage

TEXTS = st.text(st.characters(exclude_categories=[]))
REPLIES = st.builds(
    Reply, st.integers(200, 599), st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3).map(tuple)
)
RULINGS = st.builds(
    Ruling,
    recipient=TEXTS,
    verdict=st.sampled_from(Verdict),
    scope=st.sampled_from(Scope),
    stage=st.sampled_from(Stage),
    row=TEXTS,
    reply=st.none() | REPLIES,
    fault=st.none() | st.sampled_from(Fault),
    detail=TEXTS,
)


@given(TEXTS, TEXTS)
def test_any_text_comes_back_from_its_line(said: str, mark: str) -> None:
    """JSON for programs loses nothing, and a line is a line."""
    fields = {"session": 1, "mark": mark, "text": said}
    line = encode(1, 0.0, "line", fields)
    read = json.loads(line)

    assert (line.count("\n"), {name: read[name] for name in fields}) == (1, fields)


@given(RULINGS, st.sampled_from(State), st.none() | st.floats(0, 4e9), st.floats(0, 1e7))
def test_any_ruling_can_be_logged_and_shown(ruling: Ruling, state: State, until: float | None, delay: float) -> None:
    """Whatever was ruled fits the schema, takes one line of text, and folds to its state."""
    memory = Memory()
    ConnectionLog(memory).attempt(
        0.0, ruling, session=1, transaction=None, relay="h:25", number=1, state=state, until=until, delay=delay
    )
    (event,) = memory.events
    line = encode(1, 0.0, event.kind, event.fields)
    shown = as_text(0.0, event.kind, event.fields)

    assert (line.count("\n"), shown.count("\n"), len(shown.splitlines())) == (1, 1, 1)
    assert fold([LogEvent(1, 0.0, "attempt", json.loads(line))]) == {ruling.recipient: state}
