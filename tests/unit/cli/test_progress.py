from __future__ import annotations

import pytest

from maildrill.cli.progress import Bar, Lines, Progress, display
from maildrill.sender.attempt import Broken, Fault
from maildrill.sender.connection_log import ConnectionLog
from maildrill.smtp import Mark, Reply, Stage

NINE = 1767603600.0
RELAY = "mx.example:25"


class Recorder:
    """A display that keeps what it was shown."""

    every = 0.0

    def __init__(self) -> None:
        self.counts: list[tuple[int, int, str]] = []
        self.remarks: list[str] = []
        self.closed = False

    def show(self, settled: int, total: int, counts: str) -> None:
        """Keep the counts."""
        self.counts.append((settled, total, counts))

    def remark(self, text: str) -> None:
        """Keep the remark."""
        self.remarks.append(text)

    def close(self) -> None:
        """Note the end."""
        self.closed = True


@pytest.fixture
def screen() -> Recorder:
    """Return a display that keeps what it was shown."""
    return Recorder()


@pytest.fixture
def log(screen: Recorder) -> ConnectionLog:
    """Return a log that two recipients have been queued in, shown on `screen`."""
    log = ConnectionLog(Progress(screen))
    log.emit(
        "run.started",
        NINE,
        campaign="spring",
        sender="a@b",
        relay=RELAY,
        mode="merge",
        recipients=2,
        seed=0,
        resumed=False,
    )
    for row, recipient in enumerate(("ann", "bob"), 2):
        log.emit("recipient.queued", NINE, recipient=recipient, row=row, message_id="<1@b>")
    return log


def stated(log: ConnectionLog, recipient: str, state: str) -> None:
    """Log that `recipient` is in `state` now."""
    log.emit("recipient.held", NINE, recipient=recipient, state=state, attempts=1, reason="")


def test_counts_follow_the_states(log: ConnectionLog, screen: Recorder) -> None:
    """A recipient that moves on is counted in its new state only."""
    stated(log, "ann", "deferred")
    stated(log, "ann", "delivered")
    log.lines(1, NINE, [(Mark.SENT, "QUIT")])
    log.flush()
    log.close()

    assert screen.counts == [(0, 2, "1 deferred"), (1, 2, "1 delivered"), (1, 2, "1 delivered")]
    assert screen.closed


def test_the_start_says_what_is_sent_to_how_many(log: ConnectionLog, screen: Recorder) -> None:
    """Whoever started the wrong campaign sees it at once."""
    assert screen.remarks == ['sending "spring": 2 recipients through mx.example:25']


def test_an_outage_is_one_remark(log: ConnectionLog, screen: Recorder) -> None:
    """The same trouble is said again only after a session has come about in between."""
    broken = Broken(Stage.CONNECT, Fault.REFUSED, detail="Connection refused")
    log.refused(NINE, 1, RELAY, broken)
    log.refused(NINE, 2, RELAY, broken)
    log.refused(NINE, 3, RELAY, Broken(Stage.BANNER, None, Reply.of("421 \x1b[2Jlater")))
    log.emit("session.opened", NINE, session=4, relay=RELAY, capabilities=[])
    log.refused(NINE, 5, RELAY, Broken(Stage.BANNER, None, Reply.of("421 \x1b[2Jlater")))

    assert screen.remarks[1:] == [
        "connect to mx.example:25: Connection refused",
        "host mx.example refused to talk to me: 421 \\x1b[2Jlater",
        "host mx.example refused to talk to me: 421 \\x1b[2Jlater",
    ]
    assert screen.counts[0] == (0, 2, "nobody tried yet")


def test_a_wait_worth_saying_is_said(log: ConnectionLog, screen: Recorder) -> None:
    """Whoever watches learns until when nothing will happen, and why it ends."""
    log.emit("run.waited", NINE, until=NINE + 1)
    log.emit("run.waited", NINE, until=NINE + 300)
    log.emit("breaker.opened", NINE, relay=RELAY, failures=3, until=NINE + 60)
    log.emit("run.stopping", NINE, reason="asked to stop")

    assert screen.remarks[1:] == [
        "nothing is due until 2026-01-05T09:05:00.000Z, in 5m",
        "mx.example:25 is left alone until 2026-01-05T09:01:00.000Z, in 1m",
        "stopping: asked to stop",
    ]


def test_virtual_time_passes_without_remarks(screen: Recorder) -> None:
    """Five days of waits in five seconds are not for reading."""
    log = ConnectionLog(Progress(screen, remarks=False))
    log.emit("run.waited", NINE, until=NINE + 300)

    assert screen.remarks == []


def test_counts_are_shown_no_more_often_than_the_display_wants(log: ConnectionLog, screen: Recorder) -> None:
    """Where nobody watches a line now and then is enough."""
    screen.every = 3600.0
    before = len(screen.counts)
    for _ in range(5):
        stated(log, "ann", "delivered")

    assert len(screen.counts) <= before + 1


def test_a_resumed_run_begins_with_what_the_ledger_knows(log: ConnectionLog, screen: Recorder) -> None:
    """Who was served by an earlier run counts as settled."""
    log.emit("recipient.restored", NINE, recipient="ann", state="delivered", attempts=1)
    stated(log, "bob", "deferred")

    assert screen.counts[-1] == (1, 2, "1 delivered, 1 deferred")


def test_elsewhere_than_on_a_terminal_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe gets no control characters, and stdout stays free for the result."""
    screen = display()
    screen.remark("hello")
    screen.show(1, 1000, "1 delivered")
    screen.close()
    shown = capsys.readouterr()

    assert (isinstance(screen, Lines), shown.out) == (True, "")
    assert shown.err == "hello\n1 of 1,000 settled: 1 delivered\n"


def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """The bar shows counts, and remarks stand above it as they are."""
    bar = Bar()
    bar.remark("[bold]hello[/bold]")
    bar.show(1, 4, "1 delivered")
    bar.close()
    shown = capsys.readouterr()

    assert shown.out == ""
    assert ("[bold]hello[/bold]" in shown.err, "1/4" in shown.err, "1 delivered" in shown.err) == (True, True, True)
