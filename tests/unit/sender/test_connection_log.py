from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from maildrill.sender.attempt import Broken, Fault, Ruling, Scope, State, Verdict
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_json import encode, read_events
from maildrill.sender.log_kind import Field
from maildrill.sender.log_schema import KINDS
from maildrill.sender.log_sinks import JsonLines, Memory, TextFile
from maildrill.smtp import ConfigurationError, MaildrillError, Mark, Reply, Stage, timestamp

NOON = 1767614400.0
SAMPLES: dict[str, object] = {
    "text": "x",
    "integer": 7,
    "number": 1.5,
    "boolean": True,
    "list of text": ["a", "b"],
    "object": {"delivered": 2},
    "response": {"code": 450, "content": "x"},
}
DEFERRED = Ruling(
    recipient="ann@example.com",
    verdict=Verdict.DEFERRED,
    scope=Scope.RECIPIENT,
    stage=Stage.RCPT,
    row="rcpt-4yz",
    reply=Reply.of("450 4.2.1 busy"),
)


def sample(field: Field) -> object:
    """Return a value of the field's type."""
    return SAMPLES[field.type]


def closed(number: int = 1) -> dict[str, object]:
    """Return the fields of a session.closed event."""
    return {"session": number, "reason": "quit", "transactions": 1}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_event_reads_back_as_it_was_written(name: str, tmp_path: Path) -> None:
    """What is emitted and what read_events yields are equal, for each kind with all its fields."""
    fields = {field.name: sample(field) for field in KINDS[name].fields}
    path = tmp_path / "events.jsonl"
    with ConnectionLog(JsonLines(path)) as log:
        log.emit(name, NOON, **fields)

    assert list(read_events(path)) == [LogEvent(1, NOON, name, fields)]


def test_an_unknown_kind_is_a_bug_that_shows_at_once() -> None:
    """A kind that the schema does not have is refused."""
    with pytest.raises(ValueError, match=r'no kind of event "session\.openned"'):
        encode(1, NOON, "session.openned", {})


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"session": 1, "reason": "quit"}, 'needs field "transactions"'),
        ({**closed(), "transactions": None}, 'needs field "transactions"'),
        ({**closed(), "colour": "red"}, 'has no field "colour"'),
    ],
)
def test_a_field_too_few_or_too_many_is_a_bug(fields: Mapping[str, object], complaint: str) -> None:
    """The encoder holds every event against the schema."""
    with pytest.raises(ValueError, match=complaint):
        encode(1, NOON, "session.closed", fields)


def test_an_optional_field_without_a_value_is_left_out() -> None:
    """There is no null in the log."""
    fields = {"row": 3, "value": "x", "reason": "invalid"}

    assert encode(1, NOON, "recipient.set_aside", {**fields, "detail": None}) == encode(
        1, NOON, "recipient.set_aside", fields
    )


def test_seconds_are_told_to_the_microsecond() -> None:
    """What a float has beyond that is noise."""
    line = encode(1, 1767603600.1234567, "run.waited", {"until": 1767603601.00000012})

    assert line == '{"v":1,"n":1,"at":1767603600.123457,"kind":"run.waited","until":1767603601.0}\n'


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (1767603600.0, "1767603600.0"),
        (1767603600.5, "1767603600.5"),
        (1767603600.000001, "1767603600.000001"),
        (1767603600.9999998, "1767603601.0"),  # the nearest millionth is the next second's
        (1073741823.9999998, "1073741824.0"),
        (0.0015, "0.0015"),
        (5e9 + 0.1, "5000000000.1"),
    ],
)
def test_a_moment_is_rounded_as_any_other_number(at: float, written: str) -> None:
    """Times of our days have a way of their own."""
    assert encode(1, at, "session.closed", closed()).startswith(f'{{"v":1,"n":1,"at":{written},')


def test_fields_stand_in_the_schemas_order() -> None:
    """Equal runs give equal bytes, however the fields were handed over."""
    one = encode(1, NOON, "session.closed", closed())
    other = encode(1, NOON, "session.closed", dict(reversed(closed().items())))

    assert one == other


def test_a_hostile_reply_stays_on_its_line_and_in_ascii() -> None:
    """Line breaks, bidi overrides and escape sequences in a server's text cannot forge an event."""
    line = encode(1, NOON, "line", {"session": 1, "mark": "<-", "text": '250 \r\n{"v":1}\u202e\x1b[2J é'})

    assert (line.isascii(), line.count("\n"), "\x1b" in line) == (True, 1, False)


def test_an_attempt_carries_the_reply_that_decided() -> None:
    """Reply, status and outcome of one try stand in one event (I50), in KumoMTA's fields."""
    memory = Memory()
    ConnectionLog(memory).attempt(
        NOON,
        DEFERRED,
        session=3,
        transaction=2,
        relay="mx.example:25",
        number=1,
        state=State.DEFERRED,
        delay=4.0,
        until=NOON + 1800,
    )

    assert memory.events[0].fields == {
        "session": 3,
        "transaction": 2,
        "recipient": "ann@example.com",
        "type": "TransientFailure",
        "num_attempts": 1,
        "relay": "mx.example:25",
        "verdict": "deferred",
        "state": "deferred",
        "scope": "recipient",
        "stage": "rcpt",
        "response": {
            "code": 450,
            "enhanced_code": {"class": 4, "subject": 2, "detail": 1},
            "content": "busy",
            "command": "RCPT TO",
        },
        "dsn": "4.2.1",
        "row": "rcpt-4yz",
        "counted": True,
        "until": NOON + 1800,
        "delay": 4.0,
    }


def test_text_for_people_shows_dialogue_attempts_and_failures(tmp_path: Path) -> None:
    """connection.log has swaks' marks for the dialogue and Postfix's words for the attempt."""
    path = tmp_path / "connection.log"
    with ConnectionLog(TextFile(path)) as log:
        log.lines(1, NOON, [(Mark.SENT, "EHLO me")])
        log.lines(1, NOON, [(Mark.ANSWERED, "250 hello\x1b[0m")])
        log.emit("session.opened", NOON, session=1, relay="mx.example:25", capabilities=())
        log.attempt(
            NOON, DEFERRED, session=1, transaction=1, relay="mx.example:25", number=1, state=State.DEFERRED, delay=4
        )
        log.refused(NOON, 2, "mx.example:25", Broken(Stage.CONNECT, Fault.REFUSED, detail="Connection refused"))

    assert path.read_text("utf-8").splitlines() == [
        "2026-01-05T12:00:00.000Z #1  -> EHLO me",
        "2026-01-05T12:00:00.000Z #1 <-  250 hello\\x1b[0m",
        (
            "2026-01-05T12:00:00.000Z #1 === to=<ann@example.com>, relay=mx.example:25, delay=4, dsn=4.2.1, "
            "status=deferred (host mx.example said: 450 4.2.1 busy (in reply to RCPT TO command))"
        ),
        "2026-01-05T12:00:00.000Z #2 === no session: connect to mx.example:25: Connection refused",
    ]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_event_can_be_shown_to_people(name: str, tmp_path: Path) -> None:
    """No event makes the text log stumble, and none takes more than a line."""
    words = {"verdict": "held", "stage": "banner", "fault": "eof", "state": "held", "text": "a\nb", "reason": "c\nd"}
    fields = {field.name: words.get(field.name, sample(field)) for field in KINDS[name].fields}
    path = tmp_path / "connection.log"
    with ConnectionLog(TextFile(path)) as log:
        log.emit(name, NOON, **fields)

    assert path.read_bytes().count(b"\n") <= 1


def test_a_torn_last_line_is_not_there_yet(tmp_path: Path) -> None:
    """Cutting the file at any octet yields a prefix of its events (I39)."""
    path = tmp_path / "events.jsonl"
    with ConnectionLog(JsonLines(path)) as log:
        log.emit("session.closed", NOON, **closed(1))
        log.emit("session.closed", NOON, **closed(2))
    octets = path.read_bytes()
    events = list(read_events(path))
    first = octets.index(b"\n") + 1
    for cut in range(len(octets)):
        path.write_bytes(octets[:cut])

        assert list(read_events(path)) == events[: cut >= first]


def test_a_later_run_mends_a_torn_line_and_counts_on(tmp_path: Path) -> None:
    """Events of the next run follow the last complete one, numbered without gaps."""
    path = tmp_path / "events.jsonl"
    with ConnectionLog(JsonLines(path)) as log:
        log.emit("session.closed", NOON, **closed(1))
    with path.open("ab") as file:
        file.write(b'{"v":1,"n":2,"at":17')
    with ConnectionLog(JsonLines(path)) as log:
        log.emit("session.closed", NOON, **closed(2))

    assert [(event.number, event.fields["session"]) for event in read_events(path)] == [(1, 1), (2, 2)]


def test_a_file_that_is_one_torn_line_starts_anew(tmp_path: Path) -> None:
    """A log whose first line never came to its end, however long, is empty."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"v":1,"n":' + b"1" * 100_000)
    with ConnectionLog(JsonLines(path)):
        pass

    assert path.read_bytes() == b""


@pytest.mark.parametrize("text", ["hello", "hello\n", "[1]\n", '{"v":1}\n'])
def test_a_strangers_file_is_neither_appended_to_nor_cut(text: str, tmp_path: Path) -> None:
    """What is no event log is refused as it is."""
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="not an event"):
        JsonLines(path)

    assert path.read_text() == text


@pytest.mark.parametrize("text", ["hello\n", "[1]\n", '{"v":1}\n'])
def test_a_file_that_is_no_event_log_is_refused_with_its_place(text: str, tmp_path: Path) -> None:
    """The error names file and line."""
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="not an event") as reading:
        list(read_events(path))

    assert reading.value.where == f"{path}:1"


def test_text_goes_on_below_a_torn_line(tmp_path: Path) -> None:
    """People keep what a crash left of a line; the next one begins on its own."""
    path = tmp_path / "connection.log"
    path.write_bytes(b"2026-01-05T12:0")
    with ConnectionLog(TextFile(path)) as log:
        log.emit("breaker.closed", NOON, relay="mx.example:25")

    assert path.read_text().splitlines() == [
        "2026-01-05T12:0",
        "2026-01-05T12:00:00.000Z #0 === mx.example:25 answers again",
    ]


def test_a_log_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """Guessing at fields of the future is no reading."""
    path = tmp_path / "events.jsonl"
    path.write_text('{"v":2,"n":1,"at":0,"kind":"line"}\n')
    with pytest.raises(ConfigurationError, match="event log of version 2"):
        list(read_events(path))


def test_a_missing_log_is_named(tmp_path: Path) -> None:
    """Reading what is not there says which file."""
    with pytest.raises(ConfigurationError, match="cannot read event log") as caught:
        list(read_events(tmp_path / "events.jsonl"))

    assert caught.value.where == str(tmp_path / "events.jsonl")


def test_a_log_that_cannot_be_opened_is_a_located_error(tmp_path: Path) -> None:
    """A directory in the file's place stops before anything is sent."""
    with pytest.raises(ConfigurationError, match="cannot write log") as caught:
        TextFile(tmp_path)

    assert caught.value.where == str(tmp_path)


@pytest.mark.parametrize(("eager", "written"), [(True, 1), (False, 0)])
def test_an_eager_log_survives_a_kill_after_each_crucial_event(eager: bool, written: int, tmp_path: Path) -> None:
    """Real sending hands an intent to the system before the dot leaves; a drill need not."""
    path = tmp_path / "events.jsonl"
    log = ConnectionLog(JsonLines(path), eager=eager)
    log.emit("transaction.intent", NOON, session=1, transaction=1, recipients=("a@b.example",))

    assert len(list(read_events(path))) == written
    log.flush()

    assert len(list(read_events(path))) == 1
    log.close()


class Flushed(Memory):
    """A sink that counts how often it is flushed."""

    times = 0

    def flush(self) -> None:
        self.times += 1


def tried(log: ConnectionLog) -> None:
    """Log one try."""
    log.attempt(NOON, DEFERRED, session=1, transaction=1, relay="h:25", number=1, state=State.DEFERRED, delay=4)


def intended(log: ConnectionLog) -> None:
    """Log that a dot is about to leave."""
    log.emit("transaction.intent", NOON, session=1, transaction=1, recipients=["a@b.example"])


@pytest.mark.parametrize("happens", [tried, intended])
def test_what_happens_in_one_turn_of_the_loop_is_flushed_at_its_end_at_once(
    happens: Callable[[ConnectionLog], None],
) -> None:
    """A commit of the ledger is about many transactions at a time; a write for each of them would be dear."""
    sink = Flushed()
    log = ConnectionLog(sink, eager=True)

    async def turns() -> list[int]:
        counts = []
        for _ in range(2):
            happens(log)
            happens(log)
            counts.append(sink.times)
            await asyncio.sleep(0)
        return [*counts, sink.times]

    assert asyncio.run(turns()) == [0, 1, 2]


def test_a_try_that_is_logged_outside_of_a_loop_is_flushed_at_once() -> None:
    """There is no later."""
    sink = Flushed()
    tried(ConnectionLog(sink, eager=True))

    assert sink.times == 1


def test_values_that_are_almost_what_the_schema_says_are_written_all_the_same() -> None:
    """The encoder takes a short way for what it expects, and the long one for all else."""
    fields = {**closed(), "transactions": True}
    opened = {"session": 1, "relay": "h:25", "capabilities": ["8BITMIME", 5]}

    assert encode(1, NOON, "session.closed", fields).endswith('"transactions":true}\n')
    for reason, written in ((5, "5"), (State.HELD, '"held"'), (["quit"], '["quit"]')):
        assert f'"reason":{written},' in encode(1, NOON, "session.closed", {**closed(), "reason": reason})
    assert encode(1, NOON, "session.opened", opened).endswith('"capabilities":["8BITMIME",5]}\n')


class FullDisk(Memory):
    """A sink on a disk without room."""

    def flush(self) -> None:
        raise OSError(28, "No space left on device")

    def close(self) -> None:
        self.flush()


def test_a_full_disk_is_said_once_and_the_other_sinks_go_on() -> None:
    """A log that cannot be written stops no transaction half-way."""
    faults: list[MaildrillError] = []
    full, good = FullDisk(), Memory()
    log = ConnectionLog(full, good, eager=True, on_fault=faults.append)
    log.emit("session.closed", NOON, **closed(1))
    log.emit("session.closed", NOON, **closed(2))
    log.close()

    assert [str(fault).splitlines()[0] for fault in faults] == ["cannot write log: No space left on device"]
    assert (log.fault, len(full.events), len(good.events)) == (faults[0], 1, 2)


def test_a_disk_that_fills_up_at_the_very_end_is_noticed_too() -> None:
    """Closing flushes; what is lost there is a fault like any other."""
    log = ConnectionLog(FullDisk(), FullDisk())
    log.close()

    assert log.fault is not None


def test_lines_of_several_sessions_and_moments_are_told_apart(tmp_path: Path) -> None:
    """How a line begins is written once as long as it does not change, and no longer."""
    spoken = [(1, NOON), (2, NOON), (2, NOON + 1), (1, NOON + 1), (1, NOON)]
    with ConnectionLog(JsonLines(tmp_path / "a"), TextFile(tmp_path / "b")) as log:
        for session, at in spoken:
            log.lines(session, at, [(Mark.SENT, "QUIT")])
    told = [line.split()[:2] for line in (tmp_path / "b").read_text().splitlines()]

    assert [(event.fields["session"], event.at) for event in read_events(tmp_path / "a")] == spoken
    assert told == [[timestamp(at), f"#{session}"] for session, at in spoken]
