"""The process that flushes the -wal: what it answers, what it has, and that it is missed by nobody when it is gone."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import select
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from maildrill.sender.ledger import LedgerError, flushing
from maildrill.sender.ledger.flusher import Beside, Flusher, begin_process

NULL = Path("/dev/null")  # has no disk behind it: the system refuses to flush it (EINVAL)
LIMIT = 60  # seconds for what takes some milliseconds
Begin = Callable[..., Flusher]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Return a function that gives a flusher of a file that is there; `begun` are the processes."""
    made: list[Flusher] = []

    def flusher(file: Path | None = None, start: Callable[[int], Beside | None] = begin_process) -> Flusher:
        if file is None:
            file = tmp_path / "club.ledger-wal"
            file.write_bytes(b"frames")
        made.append(Flusher(file, "club.ledger", start))
        return made[-1]

    yield flusher
    for one in made:
        one.close()


class Begun:
    """Begins processes, and knows them."""

    def __init__(self) -> None:
        self.all: list[Beside] = []

    def __call__(self, file: int) -> Beside | None:
        """Begin one."""
        beside = begin_process(file)
        assert beside is not None
        self.all.append(beside)
        return beside

    @property
    def pid(self) -> int:
        """Of the only one."""
        (beside,) = self.all
        assert beside.process is not None
        return beside.process.pid


async def _flushed(flusher: Flusher) -> Exception | None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Exception | None] = loop.create_future()
    flusher.begin(loop, done.set_result)
    return await asyncio.wait_for(done, LIMIT)


def test_it_is_asked_and_answers(begin: Begin) -> None:
    """As often as you like, by one process, in one loop and the next; here, too."""
    begun = Begun()
    flusher = begin(start=begun)

    for _ in range(2):
        assert [asyncio.run(_flushed(flusher)) for _ in range(3)] == [None] * 3
    assert flusher.flush() is None
    assert len(begun.all) == 1


def test_a_flush_that_fails_is_told_in_words(begin: Begin) -> None:
    """The system's own, wherever it was flushed."""
    flusher = begin(NULL)

    for error in (flusher.flush(), asyncio.run(_flushed(flusher))):
        assert isinstance(error, LedgerError)
        assert error.where == "club.ledger"
        assert "cannot be read or written: Invalid argument, when what was written was flushed" in str(error)


def test_its_word_counts(begin: Begin) -> None:
    """Nobody is told before it answers, and then what it says: the same file flushed here would be no proof."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    flusher = begin(start=lambda _: Beside(ours))

    async def story() -> Exception | None:
        waiting = asyncio.create_task(_flushed(flusher))
        for _ in range(3):
            await asyncio.sleep(0)
        assert (theirs.recv(9), waiting.done()) == (b"f", False)
        theirs.sendall(bytes([errno.EIO]))
        return await waiting

    with theirs:
        error = asyncio.run(story())

    assert "Input/output error, when what was written was flushed" in str(error)


def test_it_is_never_waited_for() -> None:
    """To ask it and to hear it takes no time; where it would, it is as if it were gone."""
    with NULL.open("rb") as file:
        beside = begin_process(file.fileno())
        assert beside is not None
        assert beside.channel.gettimeout() == 0
        beside.leave()


def test_it_has_what_it_needs(begin: Begin) -> None:
    """A channel, the file, and a group of its own, out of reach of Ctrl-C: no socket, log or ledger of the sender."""
    begun = Begun()
    with socket.create_server(("127.0.0.1", 0)), NULL.open("rb"):
        flusher = begin(start=begun)
        asyncio.run(_flushed(flusher))
        has = sorted(str(name.readlink()) for name in Path(f"/proc/{begun.pid}/fd").iterdir())

    assert [Path(one).name.split(":")[0] for one in has] == ["null", "null", "club.ledger-wal", "socket"]
    assert os.getpgid(begun.pid) == begun.pid


@pytest.mark.parametrize("when", ["before", "while it flushes", "and heard of"])
def test_it_is_killed(when: str, begin: Begin) -> None:
    """Then everything is flushed here; nobody waits for ever, and no process is left."""
    begun = Begun()
    flusher = begin(start=begun)

    async def story() -> list[Exception | None]:
        found = [await _flushed(flusher)]
        gone = os.pidfd_open(begun.pid)
        if when == "while it flushes":
            os.kill(begun.pid, signal.SIGSTOP)
            waiting = asyncio.create_task(_flushed(flusher))
            await asyncio.sleep(0)
            os.kill(begun.pid, signal.SIGKILL)
            found.append(await waiting)
        else:
            os.kill(begun.pid, signal.SIGKILL)
            select.select([gone], [], [], LIMIT)
            for _ in range(3 if when == "and heard of" else 0):
                await asyncio.sleep(0)
        os.close(gone)
        return [*found, await _flushed(flusher), await _flushed(flusher)]

    assert set(asyncio.run(story())) == {None}
    with pytest.raises(ChildProcessError):
        os.waitpid(begun.pid, os.WNOHANG)


class Deaf(asyncio.SelectorEventLoop):
    """A loop as Windows has it."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:  # type: ignore[override]
        """It listens to nothing but its own transports."""
        raise NotImplementedError


def test_where_there_is_no_process_it_is_flushed_here(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """None can be begun, the program is not there, or nobody could hear its answers."""
    assert asyncio.run(_flushed(begin(start=lambda _: None))) is None
    with asyncio.Runner(loop_factory=Deaf) as runner:
        assert runner.run(_flushed(begin())) is None
    monkeypatch.setattr("maildrill.sender.ledger.flusher._PROGRAM", "/no/such/program.py")
    assert asyncio.run(_flushed(begin())) is None
    with monkeypatch.context() as windows:
        windows.setattr("maildrill.sender.ledger.flusher.os", SimpleNamespace(name="nt"))
        assert begin_process(0) is None
    for executable in ("/no/such/python", ""):
        monkeypatch.setattr("sys.executable", executable)
        assert begin_process(0) is None
        assert asyncio.run(_flushed(begin())) is None
    assert isinstance(asyncio.run(_flushed(begin(NULL))), LedgerError)


def test_where_no_more_can_be_opened_it_is_flushed_here(begin: Begin) -> None:
    """A limit of the system's on descriptors ends no run that was within it."""
    flusher = begin()
    loop = asyncio.new_event_loop()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        assert begin_process(0) is None
        assert loop.run_until_complete(_flushed(flusher)) is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        loop.close()


def test_it_may_be_begun_beside_threads(begin: Begin) -> None:
    """A fork would not be safe then, and Python says so."""
    end = asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_until_complete, args=(end.wait(),))
    thread.start()
    try:
        assert asyncio.run(_flushed(begin())) is None
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()


def test_closing_leaves_nothing(begin: Begin, tmp_path: Path) -> None:
    """No process and no descriptor, whether or not it was ever asked; nor where the file cannot be opened."""
    begin().close()
    before = sorted(Path("/proc/self/fd").iterdir())
    begun = Begun()
    file = tmp_path / "club.ledger-wal"
    for asked in (True, False):
        flusher = Flusher(file, "club.ledger", begun)
        if asked:
            asyncio.run(_flushed(flusher))
        flusher.close()
        flusher.close()
        with pytest.raises(ChildProcessError):
            os.waitpid(begun.pid, os.WNOHANG)
    with pytest.raises(FileNotFoundError):
        Flusher(tmp_path / "nothing", "club.ledger")

    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_who_is_closed_is_listened_to_no_more(begin: Begin) -> None:
    """By no loop: the number of its descriptor may be another file's a moment later."""
    begun = Begun()
    flusher = begin(start=begun)

    async def story() -> bool:
        await _flushed(flusher)
        number = begun.all[0].channel.fileno()
        flusher.close()
        return asyncio.get_running_loop().remove_reader(number)

    assert not asyncio.run(story())


def _served(asked: bytes, file: Path) -> bytes:
    """Play the process here: return what it answers before whoever asks is gone."""
    ours, theirs = socket.socketpair()
    descriptor = os.open(file, os.O_RDWR)
    with ours, theirs:
        ours.sendall(asked)
        ours.shutdown(socket.SHUT_WR)
        flushing.serve(theirs.fileno(), descriptor)
        answer = ours.recv(99)
    os.close(descriptor)
    return answer


def test_the_program(tmp_path: Path) -> None:
    """One answer for each octet: 0, or the errno. It ends with whoever asks, be it in the middle of an answer."""
    (tmp_path / "wal").touch()

    assert _served(b"fff", tmp_path / "wal") == bytes(3)
    assert _served(b"f", NULL) == bytes([errno.EINVAL])
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(b"f")
        ours.close()
        flushing.serve(theirs.fileno(), theirs.fileno())
