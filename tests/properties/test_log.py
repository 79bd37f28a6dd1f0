"""The event log holds whatever a stranger says, and gives it back."""

from __future__ import annotations

import io
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.attempt import Fault, Ruling, Scope, State, Verdict
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.fold import fold
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_json import encode
from maildrill.sender.log_json_form import seconds
from maildrill.sender.log_response import response
from maildrill.sender.log_sinks import JsonLines, Memory, TextFile
from maildrill.sender.log_text import as_text
from maildrill.smtp import Mark, Reply, Said, Stage

TEXTS = st.text(st.characters(exclude_categories=[]))
REPLIES = st.builds(
    Reply,
    st.integers(200, 599),
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]))
        | st.from_regex(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}( .{,9})?", fullmatch=True),
        max_size=3,
    ).map(tuple),
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


MOMENTS = st.sampled_from([0.0, 1.5]) | st.floats(0, 4e9)
SAID = st.lists(st.tuples(st.sampled_from(Mark), TEXTS), min_size=1, max_size=3)


@given(st.lists(st.tuples(MOMENTS, st.integers(1, 2), SAID), max_size=4))
def test_lines_of_dialogues_are_written_quickly_and_the_same(spoken: list[tuple[float, int, Said]]) -> None:
    """The short way for lines, of which there are most, comes to what the long way comes to, in both logs."""
    json_lines, text = io.BytesIO(), io.BytesIO()
    sinks = JsonLines(Path("log"), json_lines), TextFile(Path("log"), text)
    events: list[tuple[float, dict[str, object]]] = []
    for at, session, said in spoken:
        for sink in sinks:
            sink.lines(len(events) + 1, at, session, said)
        events += [(at, {"session": session, "mark": mark.value.strip(), "text": line}) for mark, line in said]
    for sink in sinks:
        sink.flush()
    written = [encode(number, at, "line", fields) for number, (at, fields) in enumerate(events, 1)]
    shown = "".join([as_text(at, "line", fields) for at, fields in events])

    assert json_lines.getvalue().decode() == "".join(written)
    assert text.getvalue() == shown.encode("utf-8", "backslashreplace")


@given(
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers()
    | st.integers(0, 1 << 32).map(lambda n: n / 128)
    | st.integers(1 << 52, 1 << 54).map(
        lambda n: n / (1 << 22)
    )  # times of our days, with all the places that they have
    | st.builds(lambda n, ten: n + 1 - ten, st.integers(1 << 30, 1 << 31), st.sampled_from([0.5e-6, 1e-6, 0.1, 0.001]))
)
def test_seconds_are_told_to_the_millionth(number: float) -> None:
    """However it is done, it is what rounding makes of them, as Python writes it."""
    assert seconds(number) == repr(round(number, 6))


@given(REPLIES, st.sampled_from(Stage))
def test_a_reply_is_written_as_json_writes_it(reply: Reply, stage: Stage) -> None:
    """There is a short way for the usual ones."""
    fields = {"session": 1, "relay": "h:25", "stage": stage.value, "response": response(reply, stage)}
    plain = json.dumps({"v": 1, "n": 1, "at": 0.0, "kind": "session.refused", **fields}, separators=(",", ":"))

    assert encode(1, 0.0, "session.refused", fields) == f"{plain}\n"


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
