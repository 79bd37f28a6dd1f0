"""A crew, seen from whoever began it: how its processes begin and end, what they say, and what is made of it."""

from __future__ import annotations

import asyncio
import errno
import os
import pickle
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from maildrill.cli.crew_ends import HandEnd, Lines
from maildrill.cli.crew_words import Ended, Failed, Go, Look, Ready, Stop
from maildrill.cli.main import main
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.ledger import LedgerError
from maildrill.sender.log_json import encode, read_events, renumbered
from maildrill.sender.log_sinks import JsonLines, TextFile
from maildrill.sender.share import Share
from maildrill.smtp import ConfigurationError, MaildrillError

Work = Callable[[Share, HandEnd], None]
GO = Go(run=1, created=0.0)
PAUSED = b'{"v":1,"n":1,"at":1.0,"kind":"campaign.paused"}\n'

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can fork here")


# What they say


@given(st.lists(st.binary(max_size=6).map(lambda some: some.replace(b"x", b"\n"))))
def test_lines_are_whole(chunks: list[bytes]) -> None:
    """However the octets come: all lines that have an end, in order, and no half of one."""
    lines = Lines()
    assert b"".join(map(lines.whole, chunks)) == b"".join(chunks).rpartition(b"\n")[0] + (
        b"\n" if b"\n" in b"".join(chunks) else b""
    )


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.text(max_size=20))
def test_an_event_is_renumbered(number: int, other: int, text: str) -> None:
    """As if it had been written under that number, whatever stands in it."""
    fields = {"session": 1, "mark": "->", "text": text}
    assert (
        renumbered(encode(number, 1.5, "line", fields).encode(), other) == encode(other, 1.5, "line", fields).encode()
    )


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConfigurationError("no", where="a:1", expected="yes", hint="try"), ConfigurationError),
        (LedgerError("disk full", where="club.ledger"), MaildrillError),
        (ZeroDivisionError("by zero"), RuntimeError),
    ],
)
def test_an_error_goes_through_a_pipe(error: Exception, kind: type[Exception]) -> None:
    """Told by whoever began the process as if it had been there; a bug as what it is."""
    told = pickle.loads(pickle.dumps(Failed.of(error))).error()  # noqa: S301 - our own
    assert type(told) is kind
    assert str(error) in str(told)


# How they begin and end


def crew_of(work: Work, tmp_path: Path, story: Callable[[asyncio.Event], None] = lambda _: None) -> Ended:
    """Have two processes do this work; return what is made of it. The logs are in `tmp_path`."""
    from maildrill.cli.crew import begin  # noqa: PLC0415 - not where nobody forks

    async def run() -> Ended:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_soon(story, stop)
        async with asyncio.timeout(30):
            return await crew.send(GO, log, stop)

    with (
        ConnectionLog(JsonLines(tmp_path / "events.jsonl"), TextFile(tmp_path / "connection.log")) as log,
        begin(2, work) as crew,
    ):
        log.emit("run.waited", 0.0, until=1.0)
        return asyncio.run(run())


def go(end: HandEnd) -> None:
    """Say that all is ready, and wait for the order."""
    end.words.send(Ready())
    assert end.words.recv() == GO


@forks
def test_what_they_log_is_one_log(tmp_path: Path) -> None:
    """Numbered without gaps behind what was there; a line that a death tore is in neither."""

    def work(share: Share, end: HandEnd) -> None:
        go(end)
        events, text = end.files()
        for number in range(1, 201):
            events.write(encode(number, float(number), "run.waited", {"until": float(share.place)}).encode())
            text.write(b"%d of %d\n" % (number, share.place))
        events.write(b'{"v":1,"n":9')
        text.write(b"torn")
        events.close()
        text.close()
        end.words.send(Ended(connections=share.place + 1, attempts=10))

    assert crew_of(work, tmp_path) == Ended(connections=3, attempts=20)

    found = list(read_events(tmp_path / "events.jsonl"))
    assert [event.number for event in found] == list(range(1, 402))
    for place in (0.0, 1.0):
        assert [event.at for event in found[1:] if event.fields["until"] == place] == [float(n) for n in range(1, 201)]
    lines = (tmp_path / "connection.log").read_text().splitlines()[1:]
    assert sorted(lines) == sorted(f"{number} of {place}" for number in range(1, 201) for place in (0, 1))


@forks
def test_the_wish_to_stop_reaches_all(tmp_path: Path) -> None:
    """Each is told, and comes to its own end."""

    def work(share: Share, end: HandEnd) -> None:
        go(end)
        assert end.words.recv() == Stop()
        end.words.send(Ended(attempts=share.place + 1))

    assert crew_of(work, tmp_path, asyncio.Event.set) == Ended(attempts=3)


@forks
def test_a_pause_is_passed_on(tmp_path: Path) -> None:
    """One of them says in its log that the campaign is paused: all are told to look, once."""

    def work(share: Share, end: HandEnd) -> None:
        go(end)
        events, _ = end.files()
        if share.place == 1:
            events.write(PAUSED)
            events.flush()
        assert end.words.recv() == Look()
        events.write(PAUSED)
        events.flush()
        end.words.send(Ended())

    assert crew_of(work, tmp_path) == Ended()


@forks
def test_when_one_is_killed_the_others_stop(tmp_path: Path) -> None:
    """And it is said which, how, and what to do."""

    def work(share: Share, end: HandEnd) -> None:
        go(end)
        if share.place == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        assert end.words.recv() == Stop()
        end.words.send(Ended())

    with pytest.raises(
        MaildrillError, match=r"one of the processes \(process 1, pid \d+\) was killed by SIGKILL"
    ) as told:
        crew_of(work, tmp_path)
    assert "run again to go on" in told.value.hint.lower()


@forks
def test_when_one_fails_the_others_stop_and_its_error_is_told(tmp_path: Path) -> None:
    """As if it had been ours."""

    def work(share: Share, end: HandEnd) -> None:
        go(end)
        if share.place == 1:
            end.words.send(Failed.of(LedgerError("disk full", where="club.ledger")))
            return
        assert end.words.recv() == Stop()
        end.words.send(Ended())

    with pytest.raises(MaildrillError, match=r"club\.ledger: disk full"):
        crew_of(work, tmp_path)


@forks
def test_what_cannot_be_logged_ends_them_all(tmp_path: Path) -> None:
    """A process that says what is no event has a bug: it is told, and nobody waits for ever."""

    def work(share: Share, end: HandEnd) -> None:
        go(end)
        events, _ = end.files()
        events.write(b"what?\n")
        events.flush()
        with suppress(EOFError):
            end.words.recv()

    with pytest.raises(ValueError, match="subsection not found"):
        crew_of(work, tmp_path)


@forks
def test_one_that_cannot_begin_is_told(tmp_path: Path) -> None:
    """Before anything else is opened; the others end by themselves."""

    def work(share: Share, end: HandEnd) -> None:
        if share.place == 1:
            os._exit(9)
        end.words.send(Ready())
        with pytest.raises(EOFError):
            end.words.recv()

    with pytest.raises(MaildrillError, match="is gone with exit status 9"):
        crew_of(work, tmp_path)


@forks
def test_where_not_all_can_begin_none_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system lets us have one process and no second one: it is told so, and the first ends."""
    fork, begun = os.fork, list[int]()

    def once() -> int:
        if begun:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        pid = fork()
        begun.append(pid)
        return pid

    def work(_: Share, end: HandEnd) -> None:
        with suppress(EOFError, OSError):
            end.words.send(Ready())
            end.words.recv()

    monkeypatch.setattr(os, "fork", once)
    with pytest.raises(MaildrillError, match="2 processes cannot be begun") as told:
        crew_of(work, tmp_path)
    assert "ulimit -u" in told.value.expected
    with pytest.raises(ChildProcessError):  # it was waited for
        os.waitpid(begun[0], 0)


# What the command line refuses


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--canary", "3"], "a few recipients need one process"),
        (["--durability", "none"], "all that is written is one transaction"),
        (["--ledger", "postgresql://db.example/x"], "start `maildrill send` several times"),
    ],
)
def test_what_needs_one_process_is_refused(options: list[str], why: str, tmp_path: Path) -> None:
    """As a wrong command line, before anything is opened."""
    found = run_send(tmp_path, *options)
    assert found.exit_code == 2
    assert why in " ".join(found.output.split())


def test_a_campaign_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    """As a configuration that does not fit, with the file."""
    found = run_send(tmp_path, extra="[limits]\nrate = '5/1m'\n")
    assert found.exit_code == 78
    assert f"{tmp_path / 'spring.toml'}: 2 processes cannot share this campaign" in found.output


def test_where_no_process_can_fork_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no fork."""
    monkeypatch.delattr(os, "fork", raising=False)
    found = run_send(tmp_path)
    assert found.exit_code == 2
    assert "it does not let a process fork" in " ".join(found.output.split())


def run_send(folder: Path, *options: str, extra: str = "") -> Result:
    """Run `maildrill send --processes 2` on a campaign to nobody's port."""
    (folder / "list.csv").write_text("Email\nann@x.example\n")
    (folder / "spring.toml").write_text(
        "[campaign]\nname = 'spring'\nfrom = 'news@example.com'\nsubject = 'Hello'\n"
        "[account]\nhost = '127.0.0.1'\nport = 1\n[list]\nfile = 'list.csv'\nemail = 'Email'\n"
        f"[message]\ntext = '''\nHello.\n'''\n{extra}"
    )
    return CliRunner().invoke(main, ["send", str(folder / "spring.toml"), "--processes", "2", *options])
